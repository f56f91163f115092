/* fasctl audit verify: the chains. */
#include "fas/ctl/audit_verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "fas/base/audit_head.h"
#include "fas/base/json.h"
#include "fas/ctl/commands.h"
#include "fas/ctl/render.h"

#define PAGES_MAX 1000000
#define MEANING_MAX 256

const char *
verify_trail(enum ctl_peer peer)
{
	return peer == CTL_SIGNER ? TRAIL_SIGNER : TRAIL_FASD;
}

void
verify_found(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...)
{
	char text[MEANING_MAX];
	va_list values;
	if (json_array_size(v->findings) >= VERIFY_FINDINGS_MAX)
		return;
	va_start(values, meaning);
	(void)vsnprintf(text, sizeof(text), meaning, values);
	va_end(values);
	json_t *finding = json_pack("{s:s,s:s,s:s}", "trail", trail, "what", what, "meaning", text);
	if (finding && seq != 0)
		(void)json_object_set_new(finding, "seq", json_integer(seq));
	(void)json_array_append_new(v->findings, finding);
}

void
verify_progress(const struct verification *v, const char *what, int64_t n, int64_t total)
{
	if (!v->terminal)
		return;
	if (!what)
		(void)fprintf(v->args->err, "\r\033[K");
	else if (total > 0)
		(void)fprintf(
		    v->args->err, "\r\033[K%s: %lld of %lld", what, (long long)n, (long long)total);
	else
		(void)fprintf(v->args->err, "\r\033[K%s: %lld", what, (long long)n);
	(void)fflush(v->args->err);
}

static int64_t
number(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
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
		verify_found(v, verify_trail(peer), number(finding, "seq"), what ? what : "", "%s",
		    meaning ? meaning : "");
	}
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
		take_findings(v, peer, page);
		v->records[peer] += number(page, "records");
		verify_progress(v, peer == CTL_SIGNER ? "records of fas-signer" : "records of fasd",
		    v->records[peer], number(page, "total"));
		if (!json_is_true(json_object_get(page, "more")))
			return CLI_OK;
	}
	return CLI_OK;
}

/* ---- the answer ---- */

static const struct render_column columns[] = {
    {"TRAIL", "trail", RENDER_TEXT},
    {"SEQ", "seq", RENDER_TEXT},
    {"WHAT", "what", RENDER_TEXT},
    {"MEANING", "meaning", RENDER_TEXT},
};

static void
print_json(const struct verification *v)
{
	OWN(json)
	json_t *answer = json_pack("{s:O,s:{s:I,s:I},s:I,s:I,s:I}", "findings", v->findings,
	    "records", TRAIL_FASD, (json_int_t)v->records[CTL_FASD], TRAIL_SIGNER,
	    (json_int_t)v->records[CTL_SIGNER], "countersignatures", (json_int_t)v->heads,
	    "certificates", (json_int_t)v->certificates, "decisions", (json_int_t)v->decisions);
	render_json(v->args->out, answer);
}

static void
print_text(const struct verification *v)
{
	FILE *out = v->args->out;
	size_t n = json_array_size(v->findings);
	if (n > 0)
		render_table(out, v->findings, columns, NELEMS(columns), "");
	if (n >= VERIFY_FINDINGS_MAX)
		(void)fprintf(out, "... and more\n");
	(void)fprintf(out,
	    "%s%lld records of fasd, %lld of fas-signer, %lld countersigned heads, "
	    "%lld certificates, %lld decisions\n",
	    n ? "\nlooked at " : "All agree: ", (long long)v->records[CTL_FASD],
	    (long long)v->records[CTL_SIGNER], (long long)v->heads, (long long)v->certificates,
	    (long long)v->decisions);
}

static int
verify_all(struct verification *v, bool fasd, bool signer)
{
	int rc = CLI_OK;
	if (fasd)
		rc = verify_chain(v, CTL_FASD);
	if (rc == CLI_OK && signer)
		rc = verify_chain(v, CTL_SIGNER);
	if (rc == CLI_OK && fasd && signer)
		rc = verify_heads(v);
	if (rc == CLI_OK && fasd && signer)
		rc = verify_ledger(v);
	return rc;
}

int
ctl_audit_verify(const struct cli_args *args)
{
	bool fasd = cli_flag(args, "fasd"), signer = cli_flag(args, "signer");
	OWN(json) json_t *findings = json_array();
	struct verification v = {
	    .args = args, .findings = findings, .terminal = isatty(fileno(args->err)) == 1};
	int rc = verify_all(&v, fasd || !signer, signer || !fasd);
	verify_progress(&v, NULL, 0, 0);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		print_json(&v);
	else
		print_text(&v);
	return json_array_size(findings) ? CLI_DEFECT : CLI_OK;
}
