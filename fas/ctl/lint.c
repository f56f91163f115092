/* fasctl lint FILE: what is wrong with a certificate or revocation list of any origin.  Needs no service. */
#include "fas/ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#include "ca/inspect.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/render.h"

#define FILE_MAX ((size_t)512 * 1024 * 1024) /* a list of millions */
#define ISSUER_FILE_MAX ((size_t)1024 * 1024)

static const struct render_column fact_fields[] = {
    {"what it is", "what", RENDER_TEXT},
    {"subject", "facts.subject", RENDER_TEXT},
    {"issuer", "facts.issuer", RENDER_TEXT},
    {"serial", "facts.serial", RENDER_TEXT},
    {"not before", "facts.not_before", RENDER_TIME},
    {"not after", "facts.not_after", RENDER_TIME},
    {"UPN", "facts.upn", RENDER_TEXT},
    {"SID", "facts.sid", RENDER_TEXT},
    {"purposes", "facts.purposes", RENDER_TEXT},
    {"issuance policies", "facts.policies", RENDER_TEXT},
    {"number", "facts.number", RENDER_TEXT},
    {"this update", "facts.this_update", RENDER_TIME},
    {"next update", "facts.next_update", RENDER_TIME},
    {"entries", "facts.entries", RENDER_TEXT},
    {"signature", "signature", RENDER_TEXT},
};

static const struct render_column finding_fields[] = {
    {"finding", "lint", RENDER_TEXT},
    {"severity", "severity", RENDER_TEXT},
    {"what is wrong", "message", RENDER_TEXT},
    {"source", "citation", RENDER_TEXT},
    {"Windows logon", "logon", RENDER_TEXT},
    {"remedy", "remedy", RENDER_TEXT},
};

static const struct render_column verdict_fields[] = {
    {"a Windows logon", "logon.verdict", RENDER_TEXT},
    {"because", "logon.because", RENDER_TEXT},
};

static const struct render_column lint_columns[] = {
    {"LINT", "lint", RENDER_TEXT},
    {"SOURCE", "citation", RENDER_TEXT},
    {"REMEDY", "remedy", RENDER_TEXT},
};

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void
show(const struct cli_args *args, json_t *one)
{
	size_t i;
	json_t *finding;
	json_t *findings = json_object_get(one, "findings");
	bool list = strcmp(text_of(one, "kind"), "crl") == 0;
	(void)json_object_set_new(one, "what",
	    list ? json_string("certificate revocation list")
		 : json_sprintf("certificate, %s", text_of(one, "profile")));
	render_fields(args->out, one, fact_fields, NELEMS(fact_fields));
	json_array_foreach(findings, i, finding)
	{
		(void)fputc('\n', args->out);
		render_fields(args->out, finding, finding_fields, NELEMS(finding_fields));
	}
	(void)fprintf(args->out, "\n%zu finding%s\n", json_array_size(findings),
	    json_array_size(findings) == 1 ? "" : "s");
	render_fields(args->out, one, verdict_fields, NELEMS(verdict_fields));
}

static int
show_all(const struct cli_args *args, json_t *all)
{
	bool good = true;
	size_t i;
	json_t *one;
	json_array_foreach(all, i, one)
	{
		good = good && json_integer_value(json_object_get(one, "errors")) == 0;
		if (cli_flag(args, "json"))
			continue;
		if (i > 0)
			(void)fputc('\n', args->out);
		show(args, one);
	}
	if (cli_flag(args, "json"))
		render_json(args->out, all);
	return good ? CLI_OK : CLI_DEFECT;
}

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *lints = inspect_lints();
	if (cli_flag(args, "json"))
		render_json(args->out, lints);
	else
		render_table(args->out, lints, lint_columns, NELEMS(lint_columns), "");
	return CLI_OK;
}

static int
run_lint(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	OWN(text) char *issuers = NULL;
	OWN(json) json_t *all = NULL;
	const char *issuer_path = cli_text(args, "issuer"), *at = cli_text(args, "at");
	struct inspect_options how = {.profile = cli_text(args, "profile"), .now_s = clock_now()};
	size_t len = 0;
	if (cli_flag(args, "list"))
		return run_list(args);
	if (!args->argument)
		return cli_usage(args, "FILE is missing");
	if (at && !time_parse(at, &how.now_s))
		return cli_usage(args, "--at \"%s\": want such as 2026-11-23T03:33:20Z", at);
	enum fas_code rc = file_read(args->argument, FILE_MAX, &data, &len, &e);
	if (rc == FAS_OK && issuer_path)
		rc = file_read(issuer_path, ISSUER_FILE_MAX, &issuers, &how.issuers_len, &e);
	how.issuers = issuers;
	if (rc == FAS_OK)
		rc = inspect(data, len, &how, &all, &e);
	return rc == FAS_OK ? show_all(args, all) : cli_fail(args, &e);
}

static const struct cli_option options[] = {
    {"profile", "NAME", "what it is meant to be; default: what it looks like", 0},
    {"issuer", "FILE", "PEM or DER: the authority's certificate, to compare with", 0},
    {"at", "TIME", "judge it as of then, such as 2026-11-23T03:33:20Z", 0},
    {"list", NULL, "all lints, with source and remedy", 0},
};

static const struct cli_command commands[] = {
    {"lint", "[FILE]", "Say what is wrong with a certificate or CRL, and what to do",
	"FILE: PEM or DER, of any origin; several PEM blocks are judged one by one, and count as\n"
	"each other's issuers.  NAME: smartcard-logon, client-auth, kdc, service-server,\n"
	"service-client or ca.  Each finding has its source and a remedy that names the parts to\n"
	"change; the end says what a Windows logon would make of it.  Exit status 4: there are\n"
	"errors.",
	options, NELEMS(options), run_lint},
};

const struct cli_group ctl_lint_group = {"certificates in files", commands, NELEMS(commands)};
