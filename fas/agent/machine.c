/* fas-agent enroll, renew: the machine's own credential. */
#include "fas/agent/commands.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define CHAIN_MAX 65536

/* The CA behind our certificate, when it has been renewed since: no other is taken for it. */
static void
take_renewed_ca(const char *chain, X509 **ca)
{
	struct fas_err e = {0};
	OWN(x509) X509 *shown = NULL;
	if (certificate_from_pem(chain, strlen(chain), &shown, &e) != FAS_OK ||
	    !identity_is_same_ca(*ca, shown) ||
	    identity_not_after(shown) <= identity_not_after(*ca))
		return;
	X509_free(*ca);
	*ca = TAKE(shown);
}

/* {"certificate", "chain"}: the certificate for our key, under the CA that we trust; *ca: as it is now. */
static enum fas_code
read_answer(json_t *body, EVP_PKEY *key, X509 **ca, X509 **certificate, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	OWN(x509) X509 *got = NULL;
	if (json_open_object(&r, body, e) != FAS_OK)
		return e->code;
	const char *pem = json_need_lines(&r, "certificate", 1, CHAIN_MAX);
	const char *chain = json_need_lines(&r, "chain", 0, CHAIN_MAX);
	(void)json_want_text(&r, "correlation_id", 0, 64);
	enum fas_code rc = json_finish(&r);
	if (rc == FAS_OK)
		rc = certificate_from_pem(pem, strlen(pem), &got, e);
	if (rc == FAS_OK)
		take_renewed_ca(chain, ca);
	if (rc == FAS_OK)
		rc = identity_check(key, got, *ca, e);
	if (rc == FAS_OK)
		*certificate = TAKE(got);
	return rc;
}

static int
show_machine(const struct cli_args *args, const char *state, X509 *certificate)
{
	char name[IDENTITY_NAME_MAX], end[TIME_TEXT_MAX];
	int64_t not_after = identity_not_after(certificate);
	identity_name(certificate, name);
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:I,s:s}", "name", name, "not_after",
		    (json_int_t)not_after, "state", state);
		(void)json_dumpf(answer, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
		return CLI_OK;
	}
	(void)fprintf(args->out, "joined as  %s\nuntil      %s\nstate      %s\n", name,
	    time_format(not_after, end), state);
	return CLI_OK;
}

/* ---- enroll ---- */

/* The configuration if there is one; --server and --state go before it. */
static enum fas_code
setup_enroll(const struct cli_args *args, struct agent_config *config, struct fas_err *e)
{
	struct fas_err why = {0};
	const char *server = cli_text(args, "server");
	const char *state = cli_text(args, "state");
	enum fas_code rc = agent_setup(args, config, &why);
	if (rc == FAS_E_NOTFOUND && server && !cli_flag(args, "config"))
		agent_config_defaults(config);
	else if (rc != FAS_OK)
		return fas_fail(e, rc, why.reason, "%s", why.message);
	if (state && snprintf(config->state, sizeof(config->state), "%s", state) >=
			 (int)sizeof(config->state))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "--state: the path is too long");
	if (!server)
		return FAS_OK;
	config->n_servers = 0;
	return agent_config_add_server(config, server, e);
}

static enum fas_code
join(const struct agent_config *config, const struct secret *token, char folder[PATH_MAX],
    X509 **certificate, struct fas_err *e)
{
	OWN(trust) struct trust trust = {0};
	OWN(pkey) EVP_PKEY *key = NULL;
	OWN(text) char *csr = NULL;
	OWN(api_answer) struct api_answer answer = {0};
	const struct api api = {.config = config, .trust = &trust};
	const char *text = (const char *)token->data;
	if (token_fingerprint(text, trust.fingerprint, e) != FAS_OK ||
	    key_new_machine(&key, e) != FAS_OK || key_request(key, &csr, e) != FAS_OK)
		return e->code;
	OWN(json) json_t *body = json_pack("{s:s,s:s}", "token", text, "csr", csr);
	if (!body)
		return fas_fail_nomem(e);
	if (api_call(&api, "POST", "/v1/enroll", body, &answer, e) != FAS_OK)
		return e->code;
	if (!trust.pinned || !answer.body)
		return fas_fail(e, FAS_E_INPUT, "answer_malformed", "the answer is empty");
	if (read_answer(answer.body, key, &trust.pinned, certificate, e) != FAS_OK)
		return e->code;
	if (identity_choose_folder(config->state, answer.server, trust.pinned, folder, e) != FAS_OK)
		return e->code;
	return identity_store(folder, key, *certificate, trust.pinned, e);
}

static int
run_enroll(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	char folder[PATH_MAX];
	OWN(secret) struct secret token = {0};
	OWN(x509) X509 *certificate = NULL;
	int rc = agent_secret(args, "token", "token-file", TOKEN_TEXT_MAX, &token);
	if (rc != CLI_OK)
		return rc;
	if (setup_enroll(args, &config, &e) != FAS_OK ||
	    join(&config, &token, folder, &certificate, &e) != FAS_OK)
		return cli_fail(args, &e);
	return show_machine(args, folder, certificate);
}

/* ---- renew ---- */

enum fas_code
machine_renew(const struct upstream *up, const char *server, X509 **certificate, struct fas_err *e)
{
	OWN(identity) struct identity identity = {0};
	OWN(text) char *csr = NULL;
	OWN(api_answer) struct api_answer answer = {0};
	char folder[PATH_MAX];
	if (identity_folder(up->config->state, server, folder, e) != FAS_OK ||
	    identity_load(folder, &identity, e) != FAS_OK ||
	    key_request(identity.key, &csr, e) != FAS_OK)
		return e->code;
	OWN(json) json_t *body = json_pack("{s:s}", "csr", csr);
	if (!body)
		return fas_fail_nomem(e);
	const struct upstream_ask ask = {
	    .method = "POST", .path = "/v1/renew", .body = body, .server = server};
	if (up->call(up, &ask, &answer, e) != FAS_OK ||
	    read_answer(answer.body, identity.key, &identity.service_ca, certificate, e) != FAS_OK)
		return e->code;
	return identity_store(folder, identity.key, *certificate, identity.service_ca, e);
}

static bool
renew_one(const struct cli_args *args, const struct upstream *up, const char *server,
    const char *folder, struct fas_err *e)
{
	OWN(x509) X509 *certificate = NULL;
	if (machine_renew(up, server, &certificate, e) != FAS_OK)
		return false;
	(void)show_machine(args, folder, certificate);
	return true;
}

/* Each pair once: servers without one of their own share theirs, and the next of these is asked if one is away. */
static bool
renew_all(const struct cli_args *args, const struct upstream *up, struct fas_err *failed)
{
	const struct agent_config *config = up->config;
	struct fas_err shared = {0};
	bool done = false;
	for (size_t i = 0; i < config->n_servers; i++) {
		char folder[PATH_MAX];
		struct fas_err e = {0};
		bool own =
		    identity_folder(config->state, config->servers[i], folder, &e) == FAS_OK &&
		    strcmp(folder, config->state) != 0;
		if (!own && done)
			continue;
		bool ok = e.code == FAS_OK && renew_one(args, up, config->servers[i], folder, &e);
		done = done || (ok && !own);
		if (!ok)
			*(own ? failed : &shared) = e;
	}
	if (!done && shared.code != FAS_OK)
		*failed = shared;
	return failed->code == FAS_OK;
}

static int
run_renew(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	const struct upstream up = {.config = &config, .call = agent_call};
	if (agent_setup(args, &config, &e) != FAS_OK)
		return cli_fail(args, &e);
	if (config.n_servers == 0)
		(void)fas_fail(&e, FAS_E_CONFIG, "server_url", "no server is configured");
	else if (renew_all(args, &up, &e))
		return CLI_OK;
	return cli_fail(args, &e);
}

static const struct cli_option enroll_options[] = {
    {"server", "URL", "https://HOST:PORT of fasd's API; default: servers in agent.yaml", 0},
    {"token", "TOKEN", "as fasctl host enroll printed it (others may see it in ps)", 0},
    {"token-file", "FILE", "the token in a file (0600), or - for standard input", 0},
    {"state", "DIR", "where key and certificate go, instead of agent.yaml's state", 0},
};

static const struct cli_command commands[] = {
    {"enroll", NULL, "Join this machine to the service by a one-time token",
	"Makes a P-256 key, which stays here, and gets a certificate of the service CA.  The "
	"server\n"
	"is known by the fingerprint in the token.  Joining again replaces key and certificate.\n"
	"A server under another service CA than the first one gets a pair of its own beside it.",
	enroll_options, NELEMS(enroll_options), run_enroll},
    {"renew", NULL, "Renew this machine's certificates (same keys)", NULL, NULL, 0, run_renew},
};

const struct cli_group agent_machine_group = {"machine", commands, NELEMS(commands)};
