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
	OWN(json) json_t *request = json_pack("{s:s}", "op", "cert.list");
	int rc = put_selectors(request, args);
	if (rc == CLI_OK)
		rc = ctl_put_option(request, "state", args, "state");
	if (rc == CLI_OK)
		rc = ctl_put_number(request, "limit", args, "limit", LIMIT_MAX);
	return rc == CLI_OK ? ctl_ask_table(args, CTL_SIGNER, TAKE(request),
				  &(struct ctl_table){"certificates", list_columns,
				      NELEMS(list_columns), "No certificate."})
			    : rc;
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

/* ---- revoke, hold, release ---- */

/* What the act is about: one selector, perhaps narrowed to a time. */
static const char *const act_selectors[] = {
    "serial", "user", "sid", "host", "session", "rule", "everything"};

static size_t
count_act_selectors(const struct cli_args *args)
{
	size_t n = 0;
	for (size_t i = 0; i < NELEMS(act_selectors); i++)
		n += cli_flag(args, act_selectors[i]);
	return n;
}

static int
put_time(json_t *request, const char *member, const struct cli_args *args, const char *option)
{
	int64_t when_s = 0;
	const char *text = cli_text(args, option);
	if (!text)
		return CLI_OK;
	if (!time_parse(text, &when_s) || when_s <= 0)
		return cli_usage(
		    args, "--%s %s: want a time as 2026-11-30T08:00:00Z", option, text);
	return json_object_set_new(request, member, json_integer(when_s)) == 0
		   ? CLI_OK
		   : cli_usage(args, "--%s: no memory", option);
}

static int
ask_act(const struct cli_args *args, const char *op, json_t **reply)
{
	if (count_act_selectors(args) != 1)
		return cli_usage(args,
		    "exactly one of --serial, --user, --sid, --host, --session, --rule and "
		    "--everything");
	OWN(json) json_t *request = json_pack("{s:s}", "op", op);
	int rc = put_selectors(request, args);
	if (rc == CLI_OK)
		rc = ctl_put_option(request, "rule", args, "rule");
	if (rc == CLI_OK && cli_flag(args, "everything"))
		(void)json_object_set_new(request, "everything", json_true());
	if (rc == CLI_OK)
		rc = put_time(request, "from", args, "from");
	if (rc == CLI_OK)
		rc = put_time(request, "to", args, "to");
	if (rc == CLI_OK)
		rc = ctl_put_option(request, "reason", args, "reason");
	return rc == CLI_OK ? ctl_ask(args, CTL_SIGNER, TAKE(request), reply) : rc;
}

/* What was done; and what fasd has made of it, or that it has not said so yet. */
static void
print_act(const struct cli_args *args, const json_t *reply, const char *count, const char *done,
    const char *sessions_done)
{
	const json_t *sessions = json_object_get(reply, "sessions");
	(void)fprintf(args->out, "%lld %s\n",
	    (long long)json_integer_value(json_object_get(reply, count)), done);
	if (sessions)
		(void)fprintf(
		    args->out, "%lld %s\n", (long long)json_integer_value(sessions), sessions_done);
	else
		(void)fprintf(args->err,
		    "fasd has not said yet that it has applied this: it does before it answers "
		    "anything else.\n");
}

static int
run_act(const struct cli_args *args, const char *op, const char *count, const char *done,
    const char *sessions_done)
{
	OWN(json) json_t *reply = NULL;
	int rc = ask_act(args, op, &reply);
	if (rc == CLI_OK && cli_flag(args, "json"))
		render_json(args->out, reply);
	else if (rc == CLI_OK)
		print_act(args, reply, count, done, sessions_done);
	return rc;
}

static const char issuing_stopped[] =
    "Nothing more is issued to anybody until: fasctl cert release --everything\n";

static int
run_revoke(const struct cli_args *args)
{
	int rc = run_act(args, "cert.revoke", "revoked", "revoked", "sessions ended");
	if (rc != CLI_OK || cli_flag(args, "json"))
		return rc;
	if (cli_flag(args, "everything") && !cli_text(args, "from") && !cli_text(args, "to"))
		(void)fputs(issuing_stopped, args->err);
	(void)fprintf(args->err, "A ticket (TGT) that a user already holds lives on until it ends; "
				 "to stop that, disable\n"
				 "the account.\n");
	return CLI_OK;
}

static int
run_hold(const struct cli_args *args)
{
	int rc = run_act(args, "cert.hold", "revoked", "on hold", "sessions on hold");
	if (rc == CLI_OK && !cli_flag(args, "json") && cli_flag(args, "everything") &&
	    !cli_text(args, "from") && !cli_text(args, "to"))
		(void)fputs(issuing_stopped, args->err);
	return rc;
}

static int
run_release(const struct cli_args *args)
{
	return run_act(args, "cert.release", "released", "released", "sessions go on");
}

static const struct render_column hold_columns[] = {
    {"ACT", "id", RENDER_TEXT},
    {"KIND", "kind", RENDER_TEXT},
    {"BY", "target", RENDER_TEXT},
    {"VALUE", "value", RENDER_TEXT},
    {"FROM", "from", RENDER_TIME},
    {"TO", "to", RENDER_TIME},
    {"STOPS ISSUING", "stops", RENDER_FLAG},
    {"SINCE", "since", RENDER_TIME},
    {"CERTIFICATES", "certificates", RENDER_TEXT},
    {"WHO", "caller", RENDER_TEXT},
};

static int
run_holds(const struct cli_args *args)
{
	return ctl_ask_table(args, CTL_SIGNER, json_pack("{s:s}", "op", "cert.holds"),
	    &(struct ctl_table){
		"holds", hold_columns, NELEMS(hold_columns), "Nothing is on hold."});
}

/* ---- CRLs ---- */

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
	OWN(json) json_t *request = json_pack("{s:s}", "op", op);
	int rc = ctl_put_option(request, "authority", args, "authority");
	return rc == CLI_OK ? ctl_ask_table(args, CTL_SIGNER, TAKE(request),
				  &(struct ctl_table){"published", crl_columns, NELEMS(crl_columns),
				      "No CRL: no authority has a certificate yet."})
			    : rc;
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
    {"host", "NAME", "only those of this host or domain controller", 0},
    {"session", "ID", "only those of this session", 0},
    {"state", "STATE", "valid, revoked or expired", 0},
    {"limit", "N", "at most so many", 0},
};

#define ACT_OPTIONS                                                                                \
	{"serial", "HEX", "one certificate, and its session", 0},                                  \
	    {"user", "UPN", "all of this user", 0}, {"sid", "SID", "all of this account", 0},      \
	    {"host", "NAME", "all of this host or domain controller", 0},                          \
	    {"session", "ID", "all of this session", 0}, {"rule", "NAME", "all by this rule", 0},  \
	    {"everything", NULL, "all users'", 0},                                                 \
	    {"from", "TIME", "only those issued then or later (2026-11-30T08:00:00Z)", 0},         \
	{                                                                                          \
		"to", "TIME", "only those issued before", 0                                        \
	}

static const struct cli_option revoke_options[] = {
    ACT_OPTIONS,
    {"reason", "REASON", "RFC 5280 5.3.1: keyCompromise, cessationOfOperation, ...", 0},
};

static const struct cli_option hold_options[] = {ACT_OPTIONS};

static const struct cli_option crl_options[] = {
    {"authority", "NAME", "only this one", 0},
};

static const struct cli_command commands[] = {
    {"cert list", NULL, "List issued certificates", NULL, list_options, NELEMS(list_options),
	run_list},
    {"cert show", "SERIAL", "Show one certificate", NULL, NULL, 0, run_show},
    {"cert revoke", NULL,
	"Revoke certificates and end their sessions; the CRL is out within a second",
	"--everything is the kill switch: it also stops all issuing until `cert release "
	"--everything`.\n",
	revoke_options, NELEMS(revoke_options), run_revoke},
    {"cert hold", NULL, "Put certificates and sessions on hold, and issue nothing more meanwhile",
	"As certificateHold on the CRL.  By serial, session or a time it stops no issuing.\n",
	hold_options, NELEMS(hold_options), run_hold},
    {"cert release", NULL, "Release what was put on hold by the same option", NULL, hold_options,
	NELEMS(hold_options), run_release},
    {"cert holds", NULL, "List what is on hold, and what stops issuing", NULL, NULL, 0, run_holds},
    {"crl publish", NULL, "Publish the CRL anew, now", NULL, crl_options, NELEMS(crl_options),
	run_crl_publish},
    {"crl show", NULL, "Show the present CRLs", NULL, crl_options, NELEMS(crl_options),
	run_crl_show},
};

const struct cli_group ctl_certificate_group = {"certificates", commands, NELEMS(commands)};
