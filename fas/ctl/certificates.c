/* fasctl cert ..., crl ...: what has been issued, and what has been taken back. */
#include "fas/ctl/commands.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

#define LIMIT_MAX 10000

/* Option -> member of the wire message. */
static const struct selector {
	const char *option;
	const char *member;
} selectors[] = {
    {"serial", "serial"},
    {"user", "upn"},
    {"sid", "sid"},
    {"host", "host"},
    {"session", "session"},
};

static int
put_selectors(json_t *request, const struct cli_args *args)
{
	int rc = CLI_OK;
	for (size_t i = 0; rc == CLI_OK && i < NELEMS(selectors); i++)
		rc = ctl_put_option(request, selectors[i].member, args, selectors[i].option);
	return rc;
}

static size_t
count_selectors(const struct cli_args *args)
{
	size_t n = 0;
	for (size_t i = 0; i < NELEMS(selectors); i++)
		n += cli_flag(args, selectors[i].option);
	return n;
}

static const struct render_column list_columns[] = {
    {"SERIAL", "serial", RENDER_TEXT},
    {"USER", "upn", RENDER_TEXT},
    {"HOST", "host", RENDER_TEXT},
    {"PROFILE", "profile", RENDER_TEXT},
    {"NOT AFTER", "not_after", RENDER_TIME},
    {"STATE", "state", RENDER_TEXT},
    {"REASON", "reason", RENDER_TEXT},
};

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "cert.list");
	int rc = put_selectors(request, args);
	if (rc == CLI_OK)
		rc = ctl_put_option(request, "state", args, "state");
	if (rc == CLI_OK)
		rc = ctl_put_number(request, "limit", args, "limit", LIMIT_MAX);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, json_object_get(reply, "certificates"), list_columns,
		    NELEMS(list_columns), "No certificate.");
	return CLI_OK;
}

static const struct render_column show_fields[] = {
    {"serial", "serial", RENDER_TEXT},
    {"state", "state", RENDER_TEXT},
    {"revoked", "revoked_at", RENDER_TIME},
    {"reason", "reason", RENDER_TEXT},
    {"profile", "profile", RENDER_TEXT},
    {"authority", "authority", RENDER_TEXT},
    {"generation", "generation", RENDER_TEXT},
    {"user", "upn", RENDER_TEXT},
    {"sid", "sid", RENDER_TEXT},
    {"host", "host", RENDER_TEXT},
    {"session", "session", RENDER_TEXT},
    {"rule", "rule", RENDER_TEXT},
    {"not before", "not_before", RENDER_TIME},
    {"not after", "not_after", RENDER_TIME},
    {"correlation id", "correlation_id", RENDER_TEXT},
};

static int
run_show(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	json_t *request = json_pack("{s:s,s:s}", "op", "cert.show", "serial", args->argument);
	int rc = ctl_ask(args, CTL_SIGNER, request, &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	render_fields(args->out, reply, show_fields, NELEMS(show_fields));
	const char *pem = json_string_value(json_object_get(reply, "pem"));
	if (pem)
		(void)fputs(pem, args->out);
	return CLI_OK;
}

static int
run_revoke(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	if (count_selectors(args) != 1)
		return cli_usage(
		    args, "exactly one of --serial, --user, --sid, --host and --session");
	OWN(json) json_t *request = json_pack("{s:s}", "op", "cert.revoke");
	int rc = put_selectors(request, args);
	if (rc == CLI_OK)
		rc = ctl_put_option(request, "reason", args, "reason");
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	(void)fprintf(args->out, "%lld revoked\n",
	    (long long)json_integer_value(json_object_get(reply, "revoked")));
	(void)fprintf(args->err,
	    "A ticket (TGT) that a user already holds lives on until it ends; to refuse the next\n"
	    "step at once, end the session as well: fasctl session end.\n");
	return CLI_OK;
}

static const struct render_column crl_columns[] = {
    {"AUTHORITY", "authority", RENDER_TEXT},
    {"GENERATION", "generation", RENDER_TEXT},
    {"NUMBER", "number", RENDER_TEXT},
    {"ENTRIES", "entries", RENDER_TEXT},
    {"NEXT UPDATE", "next_update", RENDER_TIME},
    {"FILE", "file", RENDER_TEXT},
};

static int
ask_crl(const struct cli_args *args, const char *op)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", op);
	int rc = ctl_put_option(request, "authority", args, "authority");
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, json_object_get(reply, "published"), crl_columns,
		    NELEMS(crl_columns), "No CRL: no authority has a certificate yet.");
	return CLI_OK;
}

static int
run_crl_publish(const struct cli_args *args)
{
	return ask_crl(args, "crl.publish");
}

static int
run_crl_show(const struct cli_args *args)
{
	return ask_crl(args, "crl.show");
}

static const struct cli_option list_options[] = {
    {"user", "UPN", "only this user's", 0},
    {"sid", "SID", "only this account's", 0},
    {"host", "NAME", "only those of this host", 0},
    {"session", "ID", "only those of this session", 0},
    {"state", "STATE", "valid, revoked or expired", 0},
    {"limit", "N", "at most so many", 0},
};

static const struct cli_option revoke_options[] = {
    {"serial", "HEX", "one certificate", 0},
    {"user", "UPN", "all of this user", 0},
    {"sid", "SID", "all of this account", 0},
    {"host", "NAME", "all of this host", 0},
    {"session", "ID", "all of this session", 0},
    {"reason", "REASON", "RFC 5280 5.3.1: keyCompromise, cessationOfOperation, ...", 0},
};

static const struct cli_option crl_options[] = {
    {"authority", "NAME", "only this one", 0},
};

static const struct cli_command commands[] = {
    {"cert list", NULL, "List issued certificates", NULL, list_options, NELEMS(list_options),
	run_list},
    {"cert show", "SERIAL", "Show one certificate", NULL, NULL, 0, run_show},
    {"cert revoke", NULL, "Revoke certificates; the CRL is out within a second", NULL,
	revoke_options, NELEMS(revoke_options), run_revoke},
    {"crl publish", NULL, "Publish the CRL anew, now", NULL, crl_options, NELEMS(crl_options),
	run_crl_publish},
    {"crl show", NULL, "Show the present CRLs", NULL, crl_options, NELEMS(crl_options),
	run_crl_show},
};

const struct cli_group ctl_certificate_group = {"certificates", commands, NELEMS(commands)};
