/* fasctl host ...: VDA hosts and storefronts. */
#include "fas/ctl/commands.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/base/names.h"
#include "fas/base/text.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

#define TOKEN_LIFE_MAX_S (30LL * 86400)
#define PAGES_MAX 1000

static void
show_token(const struct cli_args *args, const json_t *reply)
{
	char expires[TIME_TEXT_MAX];
	const char *token = json_string_value(json_object_get(reply, "token"));
	json_int_t at = json_integer_value(json_object_get(reply, "expires_at"));
	/* Standard output carries the token alone, so that it can be piped to where it belongs. */
	(void)fprintf(args->out, "%s\n", token ? token : "");
	(void)fprintf(args->err,
	    "Good once, for %s, until %s; it is not shown again.\n"
	    "On that machine:  fas-agent enroll --server https://THIS-SERVER:8443 --token-file -\n",
	    cli_text(args, "name"), time_format(at, expires));
}

static int
run_enroll(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	const char *role = cli_text(args, "role");
	const char *name = cli_text(args, "name");
	role = role ? role : "host";
	if (strcmp(role, "host") != 0 && strcmp(role, "storefront") != 0)
		return cli_usage(args, "--role %s: want host or storefront", role);
	if (!hostname_is_valid(name))
		return cli_usage(args, "--name %s is no DNS name", name);
	OWN(json)
	json_t *request =
	    json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", role, "name", name);
	int rc = ctl_put_duration(request, "life_s", args, "life", TOKEN_LIFE_MAX_S);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		show_token(args, reply);
	return CLI_OK;
}

static const struct render_column host_columns[] = {
    {"NAME", "name", RENDER_TEXT},
    {"ROLE", "role", RENDER_TEXT},
    {"SERIAL", "serial", RENDER_TEXT},
    {"ENROLLED", "enrolled_at", RENDER_TIME},
    {"NOT AFTER", "not_after", RENDER_TIME},
    {"REVOKED", "revoked", RENDER_FLAG},
};

/* The table comes in pages: each goes on behind the last serial of the one before. */
static int
next_page(const struct cli_args *args, json_t *hosts, bool *more)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "host.list");
	const json_t *last = json_array_get(hosts, json_array_size(hosts) - 1);
	if (last)
		(void)json_object_set(request, "after", json_object_get(last, "serial"));
	int rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	*more = json_is_true(json_object_get(reply, "more"));
	(void)json_array_extend(hosts, json_object_get(reply, "hosts"));
	return CLI_OK;
}

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *hosts = json_array();
	bool more = true;
	int rc = CLI_OK;
	for (size_t i = 0; rc == CLI_OK && more && i < PAGES_MAX; i++)
		rc = next_page(args, hosts, &more);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		OWN(json) json_t *answer = json_pack("{s:O}", "hosts", hosts);
		render_json(args->out, answer);
		return CLI_OK;
	}
	render_table(args->out, hosts, host_columns, NELEMS(host_columns),
	    "No machine has joined yet: fasctl host enroll.");
	return CLI_OK;
}

static int
run_revoke(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	const char *serial = cli_text(args, "serial");
	if (!serial == !args->argument)
		return cli_usage(args, "either NAME or --serial");
	json_t *request = json_pack("{s:s,s:s}", "op", "host.revoke", serial ? "serial" : "name",
	    serial ? serial : args->argument);
	int rc = ctl_ask(args, CTL_SIGNER, request, &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "%lld revoked\n",
		    (long long)json_integer_value(json_object_get(reply, "revoked")));
	return CLI_OK;
}

static const struct cli_option enroll_options[] = {
    {"name", "NAME", "DNS name of the machine", CLI_NEED},
    {"role", "ROLE", "host (default) or storefront", 0},
    {"life", "TIME", "how long the token is good, such as 24h", 0},
};

static const struct cli_option revoke_options[] = {
    {"serial", "HEX", "one certificate, instead of all of a name", 0},
};

static const struct cli_command commands[] = {
    {"host enroll", NULL, "Make a one-time token by which a machine joins",
	"The token decides name and role; it carries the service CA's fingerprint, by which the\n"
	"machine recognises this server.",
	enroll_options, NELEMS(enroll_options), run_enroll},
    {"host list", NULL, "List VDA hosts and storefronts", NULL, NULL, 0, run_list},
    {"host revoke", "[NAME]", "Shut a machine out at once", NULL, revoke_options,
	NELEMS(revoke_options), run_revoke},
};

const struct cli_group ctl_machine_group = {"machines", commands, NELEMS(commands)};
