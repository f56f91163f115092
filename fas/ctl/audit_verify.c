/* fasctl audit verify: the chains, and the order in which all is looked at. */
#include "fas/ctl/audit_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/commands.h"

#define PAGES_MAX 1000000
#define MEANING_MAX 256

const char *
verify_trail(enum ctl_peer peer)
{
	return peer == CTL_SIGNER ? TRAIL_SIGNER : TRAIL_FASD;
}

enum ctl_peer
verify_peer(const char *trail)
{
	return strcmp(trail, TRAIL_SIGNER) == 0 ? CTL_SIGNER : CTL_FASD;
}

static void add_finding(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, va_list values) PRINTF_LIKE(5, 0);

static void
add_finding(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, va_list values)
{
	char text[MEANING_MAX];
	if (json_array_size(v->findings) >= VERIFY_FINDINGS_MAX)
		return;
	(void)vsnprintf(text, sizeof(text), meaning, values);
	json_t *finding = json_pack("{s:s,s:s,s:s}", "trail", trail, "what", what, "meaning", text);
	if (finding && seq != 0)
		(void)json_object_set_new(finding, "seq", json_integer(seq));
	(void)json_array_append_new(v->findings, finding);
}

void
verify_found(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...)
{
	va_list values;
	v->others++;
	va_start(values, meaning);
	add_finding(v, trail, seq, what, meaning, values);
	va_end(values);
}

void
verify_found_lost(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...)
{
	va_list values;
	va_start(values, meaning);
	add_finding(v, trail, seq, what, meaning, values);
	va_end(values);
}

static int64_t
number(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

/* Numbers that were left out behind an acknowledged gap, and nothing else, are no finding. */
static bool
is_agreed(const struct verification *v, enum ctl_peer peer, const json_t *finding, const char *what)
{
	for (size_t i = 0; strcmp(what, AUDIT_NUMBERS_SKIPPED) == 0 && i < v->n_acknowledged; i++) {
		const struct audit_stated *s = &v->acknowledged[i].stated;
		if (verify_peer(s->trail) == peer && number(finding, "seq") == s->gap.to + 1 &&
		    number(finding, "before") >= s->gap.at.seq)
			return true;
	}
	return false;
}

static void
take_findings(struct verification *v, enum ctl_peer peer, const json_t *page)
{
	size_t i;
	const json_t *finding;
	json_array_foreach(json_object_get(page, "findings"), i, finding)
	{
		const char *what = json_string_value(json_object_get(finding, "what"));
		const char *meaning = json_string_value(json_object_get(finding, "meaning"));
		if (!is_agreed(v, peer, finding, what ? what : ""))
			verify_found(v, verify_trail(peer), number(finding, "seq"),
			    what ? what : "", "%s", meaning ? meaning : "");
	}
}

/* Only a checkpoint lets a trail begin later than it did. */
static void
take_begin(struct verification *v, enum ctl_peer peer, const json_t *page)
{
	struct audit_begin *begin = &v->begins[peer];
	begin->seq = number(page, "begins");
	begin->time_ms = number(page, "begins_ms");
	if (begin->seq > 1 && begin->seq > v->checkpoints[peer].at.seq)
		verify_found(v, verify_trail(peer), begin->seq, "begin_cut",
		    "the trail begins with this record: older ones are gone, and no checkpoint of "
		    "both services lets them go");
}

static int
take_end(struct verification *v, enum ctl_peer peer, const json_t *page)
{
	const char *head = json_string_value(json_object_get(page, "head"));
	if (!head || !hex_decode(head, v->ends[peer].hash, AUDIT_HASH))
		v->ends[peer] = (struct audit_place){0};
	return CLI_OK;
}

int
verify_chain(struct verification *v, enum ctl_peer peer)
{
	OWN(json) json_t *page = NULL;
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *request = json_pack("{s:s}", "op", "audit.verify");
		if (page) {
			(void)json_object_set(request, "after", json_object_get(page, "last"));
			(void)json_object_set(request, "hash", json_object_get(page, "head"));
			json_decref(page);
			page = NULL;
		}
		int rc = ctl_ask(v->args, peer, json_incref(request), &page);
		if (rc != CLI_OK)
			return rc;
		if (i == 0) {
			const json_t *restored = json_object_get(page, "restored");
			take_begin(v, peer, page);
			v->restored_made_s[peer] = number(restored, "made_at");
			v->restored_s[peer] = number(restored, "at");
		}
		take_findings(v, peer, page);
		v->ends[peer].seq = number(page, "last");
		v->records[peer] += number(page, "records");
		ctl_progress(v->args,
		    peer == CTL_SIGNER ? "records of fas-signer" : "records of fasd",
		    v->records[peer], number(page, "total"));
		if (!json_is_true(json_object_get(page, "more")))
			return take_end(v, peer, page);
	}
	return CLI_OK;
}

static int
verify_parts(struct verification *v, bool fasd, bool signer)
{
	int rc = verify_statements(v, fasd, signer);
	if (rc == CLI_OK && fasd)
		rc = verify_chain(v, CTL_FASD);
	if (rc == CLI_OK && fasd)
		rc = verify_anchors(v, CTL_FASD);
	if (rc == CLI_OK && signer)
		rc = verify_chain(v, CTL_SIGNER);
	if (rc == CLI_OK && signer)
		rc = verify_anchors(v, CTL_SIGNER);
	if (rc == CLI_OK && fasd && signer)
		rc = verify_heads(v);
	if (rc == CLI_OK && fasd && signer)
		rc = verify_ledger(v);
	return rc;
}

int
verify_all(struct verification *v, bool fasd, bool signer)
{
	*v = (struct verification){.args = v->args, .findings = v->findings};
	(void)json_array_clear(v->findings);
	int rc = verify_parts(v, fasd, signer);
	ctl_progress(v->args, NULL, 0, 0);
	return rc;
}

int
ctl_audit_verify(const struct cli_args *args)
{
	bool fasd = cli_flag(args, "fasd"), signer = cli_flag(args, "signer");
	OWN(json) json_t *findings = json_array();
	OWN(verification) struct verification *v = calloc(1, sizeof(*v));
	struct fas_err e = {0};
	if (!v) {
		(void)fas_fail_nomem(&e);
		return ctl_fail(args, &e);
	}
	v->args = args;
	v->findings = findings;
	int rc = verify_all(v, fasd || !signer, signer || !fasd);
	if (rc != CLI_OK)
		return rc;
	verify_report(v);
	return json_array_size(findings) ? CLI_DEFECT : CLI_OK;
}
