/* fasctl policy ... */
#include "fas/ctl/commands.h"
#include "policy/policy.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"
#include "fas/ctl/world.h"

/* ---- policy check: local, no service needed ---- */

static int
show_checked(const struct cli_args *args, const struct policy *policy, const char *path)
{
	size_t rules = policy_rule_count(policy);
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:I,s:s}", "path", path, "rules",
		    (json_int_t)rules, "digest", policy_digest(policy));
		render_json(args->out, answer);
		return CLI_OK;
	}
	(void)fprintf(args->out, "%s: %zu rule%s, no error\n", path, rules, rules == 1 ? "" : "s");
	return CLI_OK;
}

/* The compiler's form, file:line:column first, so that editors can jump to it. */
static int
show_error(const struct cli_args *args, const struct fas_err *e)
{
	if (cli_flag(args, "json"))
		return cli_fail(args, e);
	(void)fprintf(args->err, "%s\n", e->message);
	return CLI_FAILED;
}

static int
run_check(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(world) struct world world = {0};
	OWN(policy) struct policy *policy = NULL;
	if (world_load(&world, cli_text(args, "config"), &e) != FAS_OK)
		return show_error(args, &e);
	const char *path = args->argument ? args->argument : world.policy_path;
	if (!*path)
		return cli_usage(args, "which file or folder?  (there is no fasd.yaml to say so)");
	if (policy_load(path, world.doc ? &world.names : NULL, &policy, &e) != FAS_OK)
		return show_error(args, &e);
	return show_checked(args, policy, path);
}

/* ---- policy explain ---- */

static const struct render_column explain_columns[] = {
    {"RULE", "rule", RENDER_TEXT},
    {"MATCHED", "matched", RENDER_FLAG},
    {"BECAUSE", "because", RENDER_TEXT},
};

static const struct render_column account_fields[] = {
    {"user", "account.upn", RENDER_TEXT},
    {"sid", "account.sid", RENDER_TEXT},
    {"domain", "account.domain", RENDER_TEXT},
    {"disabled", "account.disabled", RENDER_TEXT},
    {"locked", "account.locked", RENDER_TEXT},
    {"expired", "account.expired", RENDER_TEXT},
    {"password expired", "account.password_expired", RENDER_TEXT},
    {"privileged", "account.privileged", RENDER_TEXT},
    {"groups", "account.groups", RENDER_TEXT},
    {"verdict", "verdict", RENDER_TEXT},
    {"rule", "rule", RENDER_TEXT},
    {"reason", "reason", RENDER_TEXT},
    {"warning", "warning", RENDER_TEXT},
    {"issuance policies", "grant.issuance_policies", RENDER_TEXT},
    {"key kept by", "grant.custody", RENDER_TEXT},
    {"while the pool is empty", "grant.pool_empty", RENDER_TEXT},
    {"signatures", "grant.signatures", RENDER_TEXT},
    {"in-session key kept by", "grant.in_session.custody", RENDER_TEXT},
    {"in-session certificate", "grant.in_session.fetch", RENDER_TEXT},
    {"in-session consent", "grant.in_session.consent.scope", RENDER_TEXT},
};

static int
put_explain(json_t *request, const struct cli_args *args)
{
	static const char *const members[] = {"user", "host", "storefront", "idp"};
	int rc = ctl_put_option(request, "authn_context", args, "authn-context");
	for (size_t i = 0; rc == CLI_OK && i < NELEMS(members); i++)
		rc = ctl_put_option(request, members[i], args, members[i]);
	return rc;
}

static int
run_explain(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "policy.explain");
	int rc = put_explain(request, args);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_FASD, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	render_fields(args->out, reply, account_fields, NELEMS(account_fields));
	(void)fputc('\n', args->out);
	render_table(args->out, json_object_get(reply, "rules"), explain_columns,
	    NELEMS(explain_columns), "The policy has no rule: everything is denied.");
	return CLI_OK;
}

/* ---- policy reload ---- */

static int
run_reload(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "policy.reload"), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	const char *warning = json_string_value(json_object_get(reply, "warning"));
	(void)fprintf(args->out, "%lld rules are in force\n",
	    (long long)json_integer_value(json_object_get(reply, "rules")));
	if (warning && *warning)
		(void)fprintf(
		    args->err, "warning: groups that the directory does not know: %s\n", warning);
	return CLI_OK;
}

static const struct cli_option check_options[] = {
    {"config", "FILE", "fasd.yaml whose providers and domains the rules must name", 0},
};

static const struct cli_option explain_options[] = {
    {"user", "NAME", "UPN, SID or DOMAIN\\name", CLI_NEED},
    {"host", "NAME", "DNS name of the VDA host", CLI_NEED},
    {"idp", "NAME", "identity provider, as fasd.yaml calls it", CLI_NEED},
    {"storefront", "NAME", "without it: the host presents the response itself", 0},
    {"authn-context", "URI", "AuthnContextClassRef of the assertion; without it: none", 0},
};

static const struct cli_command commands[] = {
    {"policy check", "[PATH]", "Check policy files without touching the service",
	"PATH is a file or a folder of *.yaml; by default what fasd.yaml names.  An error is one\n"
	"line, FILE:LINE:COLUMN: error: ..., and exit status 1.",
	check_options, NELEMS(check_options), run_check},
    {"policy explain", NULL, "Say what the policy in force would decide, and why",
	"The account is read from the directory as at a logon; nothing is issued.", explain_options,
	NELEMS(explain_options), run_explain},
    {"policy reload", NULL, "Put the policy files into force, all or nothing", NULL, NULL, 0,
	run_reload},
};

const struct cli_group ctl_policy_group = {"policy", commands, NELEMS(commands)};
