/* fasctl audit acknowledge: an administrator's word that an old database was put back, in both trails. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/audit_verify.h"
#include "fas/ctl/commands.h"

#define PAGES_MAX 100000

/* ---- countersignatures that ca.db has lost ---- */

static int
take_back_page(const struct cli_args *args, json_int_t *after, bool *more)
{
	OWN(json) json_t *page = NULL;
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(
	    args, CTL_FASD, json_pack("{s:s,s:I}", "op", "audit.heads", "after", *after), &page);
	if (rc != CLI_OK)
		return rc;
	json_t *heads = json_object_get(page, "heads");
	size_t n = json_array_size(heads);
	*more = n > 0;
	if (n == 0)
		return CLI_OK;
	*after = json_integer_value(json_object_get(json_array_get(heads, n - 1), "counter"));
	return ctl_ask(args, CTL_SIGNER,
	    json_pack("{s:s,s:O}", "op", "audit.take_back", "heads", heads), &reply);
}

/* fasd's copies carry the signer's own signatures: by those the signer takes them again. */
static int
take_back(struct verification *v)
{
	json_int_t after = (json_int_t)v->counters[CTL_SIGNER];
	bool more = v->counters[CTL_FASD] > v->counters[CTL_SIGNER];
	if (!more)
		return CLI_OK;
	int rc = CLI_OK;
	for (size_t i = 0; rc == CLI_OK && more && i < PAGES_MAX; i++) {
		rc = take_back_page(v->args, &after, &more);
		ctl_progress(v->args, "countersignatures", (int64_t)after, v->counters[CTL_FASD]);
	}
	ctl_progress(v->args, NULL, 0, 0);
	return rc == CLI_OK ? verify_all(v, true, true) : rc;
}

/* ---- a gap ---- */

static int
acknowledge(struct verification *v, enum ctl_peer peer, json_t *done)
{
	const struct verify_lost *lost = &v->lost[peer];
	const struct audit_place *end = &v->ends[peer];
	char hash[2 * AUDIT_HASH + 1];
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *taken = NULL;
	if (lost->to == 0)
		return CLI_OK;
	int rc = ctl_ask(v->args, CTL_SIGNER,
	    json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:s,s:I,s:s}", "op", "audit.acknowledge", "trail",
		verify_trail(peer), "node", v->node, "from", (json_int_t)lost->from, "to",
		(json_int_t)lost->to, "seq", (json_int_t)end->seq, "hash",
		hex_encode(end->hash, AUDIT_HASH, hash), "missing", (json_int_t)lost->missing,
		"reason", cli_text(v->args, "reason")),
	    &reply);
	if (rc == CLI_OK)
		rc = ctl_ask(v->args, CTL_FASD,
		    json_pack("{s:s,s:O}", "op", "audit.acknowledge", "statement",
			json_object_get(reply, "statement")),
		    &taken);
	if (rc != CLI_OK)
		return rc;
	(void)json_array_append_new(
	    done, json_pack("{s:s,s:I,s:I,s:I}", "trail", verify_trail(peer), "from",
		      (json_int_t)lost->from, "to", (json_int_t)lost->to, "missing",
		      (json_int_t)lost->missing));
	return CLI_OK;
}

/* What no old database explains stays a finding. */
static int
refuse(const struct verification *v)
{
	struct fas_err e = {0};
	verify_report(v);
	(void)fas_fail(&e, FAS_E_CONFLICT, "not_acknowledgeable",
	    "there are findings that no old database explains: they cannot be acknowledged");
	return ctl_fail(v->args, &e);
}

static bool
is_explained(const struct verification *v)
{
	for (size_t peer = 0; peer < NELEMS(v->lost); peer++) {
		if (v->lost[peer].missing > 0 && v->lost[peer].to == 0)
			return false;
	}
	return v->others == 0;
}

static void
report(const struct cli_args *args, json_t *done)
{
	size_t i;
	const json_t *gap;
	if (cli_flag(args, "json")) {
		OWN(json) json_t *answer = json_pack("{s:O}", "acknowledged", done);
		(void)json_dumpf(answer, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
		return;
	}
	json_array_foreach(done, i, gap)
	{
		const char *trail = json_string_value(json_object_get(gap, "trail"));
		bool fasd = verify_peer(trail) == CTL_FASD;
		(void)fprintf(args->out,
		    "Acknowledged: records %lld to %lld of the trail of %s are gone, and %s of "
		    "%lld %s.\n",
		    (long long)json_integer_value(json_object_get(gap, "from")),
		    (long long)json_integer_value(json_object_get(gap, "to")), trail,
		    fasd ? "the decisions" : "the record",
		    (long long)json_integer_value(json_object_get(gap, "missing")),
		    fasd ? "certificates" : "issues");
	}
}

static int
run(struct verification *v)
{
	OWN(json) json_t *done = json_array();
	int rc = verify_all(v, true, true);
	if (rc == CLI_OK)
		rc = take_back(v);
	if (rc != CLI_OK)
		return rc;
	if (!is_explained(v))
		return refuse(v);
	rc = acknowledge(v, CTL_FASD, done);
	if (rc == CLI_OK)
		rc = acknowledge(v, CTL_SIGNER, done);
	if (rc != CLI_OK)
		return rc;
	if (json_array_size(done) == 0) {
		struct fas_err e = {0};
		(void)fas_fail(&e, FAS_E_NOTFOUND, "nothing_to_acknowledge",
		    "audit verify finds no countersigned record that is gone");
		return ctl_fail(v->args, &e);
	}
	report(v->args, done);
	return CLI_OK;
}

int
ctl_audit_acknowledge(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(json) json_t *findings = json_array();
	OWN(verification) struct verification *v = calloc(1, sizeof(*v));
	if (!v) {
		(void)fas_fail_nomem(&e);
		return ctl_fail(args, &e);
	}
	v->args = args;
	v->findings = findings;
	return run(v);
}
