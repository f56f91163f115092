#include "fas/agent/logon.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/cache_tasks.h"
#include "fas/agent/ccache.h"
#include "fas/agent/key.h"
#include "fas/agent/pkinit.h"
#include "fas/agent/proof.h"
#include "fas/base/file.h"
#include "fas/base/text.h"

#define ANCHORS_MAX (256 * 1024)
#define REDEEM_MS 10000
#define PKINIT_MS 30000
#define SYSTEM_PROFILE "/etc/krb5.conf"

void
logon_done(struct logon *l)
{
	logon_answer_done(&l->facts);
	api_answer_done(&l->answer);
	EVP_PKEY_free(l->key);
	json_decref(l->tgt);
	free(l->anchors);
}

enum fas_code
logon_prepare(struct logon *l, const char *user, const char *ccache, struct fas_err *e)
{
	size_t len = 0;
	char path[PATH_MAX];
	const struct agent_config *config = l->up->config;
	if (!config->kdc_anchors[0])
		return fas_fail(e, FAS_E_CONFIG, "kdc_anchors",
		    "kdc: anchors: is missing in agent.yaml: the root of the domain controllers' "
		    "certificates");
	if (file_read(config->kdc_anchors, ANCHORS_MAX, &l->anchors, &len, e) != FAS_OK)
		return e->code;
	if (user && local_user_find(user, config->first_uid, &l->user, e) != FAS_OK)
		return e->code;
	return ccache ? ccache_path(ccache, path, e) : FAS_OK;
}

enum fas_code
logon_redeem(struct logon *l, const struct secret *ticket, struct fas_err *e)
{
	OWN(text) char *csr = NULL;
	char node[SERVER_NODE_MAX];
	const char *text = (const char *)ticket->data;
	if (key_request(l->key, &csr, e) != FAS_OK)
		return e->code;
	OWN(json) json_t *body = json_pack("{s:s,s:s}", "ticket", text, "csr", csr);
	if (!body)
		return fas_fail_nomem(e);
	ticket_node(text, node);
	const struct upstream_ask ask = {.method = "POST",
	    .path = "/v1/certificates",
	    .body = body,
	    .node = node,
	    .user = l->user.name,
	    .total_ms = REDEEM_MS};
	if (l->up->call(l->up, &ask, &l->answer, e) != FAS_OK)
		return e->code;
	if (!l->answer.body)
		return fas_fail(e, FAS_E_INPUT, "answer_malformed", "the server's answer is empty");
	return logon_answer_read(l->answer.body, &l->facts, e);
}

static enum fas_code
choose_cache(struct logon *l, const char *cache, struct fas_err *e)
{
	char *out = l->session.ccache;
	if (cache)
		return ccache_path(cache, out, e);
	(void)snprintf(out, sizeof(l->session.ccache), "/tmp/krb5cc_%u_%s", (unsigned)l->user.uid,
	    l->session.id);
	return FAS_OK;
}

/* The ticket's account by one of the names that NSS gives domain accounts. */
static bool
is_tickets_account(const char *user, const struct logon_answer *facts)
{
	char full[LOCAL_NAME_MAX + HOSTNAME_MAX + 1];
	(void)snprintf(full, sizeof(full), "%s@%s", facts->sam_account_name, facts->realm);
	return ascii_equal_nocase(user, facts->sam_account_name) ||
	       ascii_equal_nocase(user, full) || ascii_equal_nocase(user, facts->upn);
}

/* The named user is what the caller believes; the ticket says who it is. */
static enum fas_code
check_user(struct logon *l, struct fas_err *e)
{
	if (l->user.uid == 0)
		return local_user_find(
		    l->facts.sam_account_name, l->up->config->first_uid, &l->user, e);
	if (is_tickets_account(l->user.name, &l->facts))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "user_mismatch",
	    "the ticket is of %s, not of local user %s", l->facts.upn, l->user.name);
}

enum fas_code
logon_remember(struct logon *l, const char *ccache, bool kept, struct fas_err *e)
{
	logon_answer_session(&l->facts, l->answer.server, &l->session);
	l->session.kept = kept;
	if (check_user(l, e) != FAS_OK)
		return e->code;
	(void)snprintf(l->session.user, sizeof(l->session.user), "%s", l->user.name);
	if (choose_cache(l, ccache, e) != FAS_OK)
		return e->code;
	return session_file_save(l->up->config->state, &l->session, e);
}

/* By which of this host's names a domain controller has to prove itself; "" = it has not. */
static enum fas_code
choose_proof(const struct logon *l, char service[PROOF_SERVICE_MAX], struct fas_err *e)
{
	const struct agent_config *config = l->up->config;
	service[0] = 0;
	if (config->verify == AGENT_VERIFY_OFF ||
	    (config->verify == AGENT_VERIFY_AUTO && access(config->host_keytab, F_OK) != 0))
		return FAS_OK;
	return proof_service(config->host_keytab, l->facts.realm, service, e);
}

static enum fas_code
check_proof(const struct logon *l, const char *service, struct fas_err *e)
{
	OWN(bytes) uint8_t *proof = NULL;
	size_t len = 0;
	if (!service[0])
		return FAS_OK;
	const char *text = json_string_value(json_object_get(l->tgt, "proof"));
	const char *client = json_string_value(json_object_get(l->tgt, "principal"));
	if (!text || !client)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "the child gave no proof");
	if (base64_decode(text, strlen(text), false, &proof, &len, e) != FAS_OK)
		return e->code;
	enum fas_code rc = proof_check(l->up->config->host_keytab, service, client, proof, len, e);
	(void)json_object_del(l->tgt, "proof");
	return rc;
}

static enum fas_code
run_pkinit(struct logon *l, const char *service, struct fas_err *e)
{
	const char *profile = getenv("KRB5_CONFIG");
	const struct pkinit_request request = {
	    .config = l->up->config,
	    .anchors_pem = l->anchors,
	    .system_profile = profile && *profile ? profile : SYSTEM_PROFILE,
	    .realm = l->facts.realm,
	    .principal = l->facts.principal,
	    .sam_account_name = l->facts.sam_account_name,
	    .certificate_pem = l->facts.certificate,
	    .chain_pem = l->facts.chain,
	    .ccache_path = l->session.ccache,
	    .replace = l->replace,
	    .local_user = l->user.name,
	    .service = service[0] ? service : NULL,
	    .pkcs11 = l->pkcs11,
	};
	OWN(secret) struct secret pem = {0};
	OWN(json) json_t *input = pkinit_input(&request);
	if (!input)
		return fas_fail_nomem(e);
	if (!l->pkcs11 && key_to_pem(l->key, &pem, e) != FAS_OK)
		return e->code;
	const struct child_order order = {.task = "pkinit",
	    .input = input,
	    .secret = l->pkcs11 ? NULL : &pem,
	    .timeout_ms = PKINIT_MS,
	    .begun = l->begun,
	    .arg = l->arg};
	return child_run(&l->user, &order, &l->tgt, e);
}

enum fas_code
logon_get_tgt(struct logon *l, struct fas_err *e)
{
	char service[PROOF_SERVICE_MAX];
	enum fas_code rc = choose_proof(l, service, e);
	if (rc == FAS_OK)
		rc = run_pkinit(l, service, e);
	if (rc != FAS_OK || check_proof(l, service, e) == FAS_OK)
		return rc;
	struct fas_err ignored = {0};
	(void)!cache_destroy(
	    &l->user, l->session.ccache, &ignored); /* of a false domain controller */
	return e->code;
}
