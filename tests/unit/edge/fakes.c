#include "fakes.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/csr.h"
#include "fas/saml/metadata.h"
#include "fas/base/json.h"
#include "fas/in_session.h"
#include "fas/lease.h"
#include "fas/logon.h"
#include "fas/session.h"
#include "fas/sign.h"
#include "fas/uses.h"
#include "fas/terms.h"

struct fakes fakes;

/* Orders a reset behind the answers before it and before those that come, also when a child of this process asks. */
static _Atomic unsigned resets;

void
fakes_reset(void)
{
	(void)atomic_load(&fakes.calls);
	fakes = (struct fakes){0};
	resets++;
}

static void
keep(char out[FAKE_TEXT], const char *text)
{
	(void)snprintf(out, FAKE_TEXT, "%s", text ? text : "(null)");
}

static enum fas_code
answer(enum fas_code code, struct fas_err *e)
{
	(void)atomic_load(&resets);
	fakes.calls++;
	return code == FAS_OK
		   ? FAS_OK
		   : fas_fail(e, code, fakes.reason[0] ? fakes.reason : "fake", "made up");
}

static void
keep_request(struct request *request)
{
	(void)caller_format(request->caller, fakes.caller);
	(void)snprintf(
	    request->correlation_id, sizeof(request->correlation_id), "%s", FAKE_CORRELATION);
}

/* ---- the pipeline ---- */

enum fas_code
logon_start(struct service *service, struct request *request, const struct logon_request *body,
    struct logon_answer *out, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.saml_response, body->saml_response);
	keep(fakes.ticket, body->code);
	keep(fakes.host, body->host);
	keep(fakes.in_response_to, body->in_response_to);
	enum fas_code rc = answer(fakes.code, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(out->ticket, sizeof(out->ticket), "fas1-ticket");
	(void)snprintf(out->sid, sizeof(out->sid), "S-1-5-21-1-2-3-1104");
	out->expires_s = 1700000000;
	out->upn = strdup("alice@example.com");
	out->rule = strdup("engineering");
	return FAS_OK;
}

void
logon_answer_done(struct logon_answer *a)
{
	free(a->upn);
	free(a->rule);
}

enum fas_code
logon_redeem(struct service *service, struct request *request, const struct redeem_request *body,
    struct redeem_answer *out, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.ticket, body->ticket);
	keep(fakes.saml_response, body->saml_response);
	keep(fakes.csr, body->csr);
	enum fas_code rc = answer(fakes.code, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(out->session_id, sizeof(out->session_id), "5e55");
	(void)snprintf(out->certificate.serial, sizeof(out->certificate.serial), "0a0b");
	(void)snprintf(out->sam_account_name, sizeof(out->sam_account_name), "alice");
	(void)snprintf(out->sid, sizeof(out->sid), "S-1-5-21-1-2-3-1104");
	out->session_expires_s = 1700003600;
	out->lease_s = 600;
	out->certificate.pem = strdup("CERT");
	out->certificate.chain_pem = strdup("CHAIN");
	out->certificate.not_after_s = 1700000900;
	out->upn = strdup("alice@example.com");
	out->realm = strdup("EXAMPLE.COM");
	out->principal = strdup("alice@EXAMPLE.COM");
	out->in_session = fakes.in_session ? strdup(fakes.in_session) : NULL;
	(void)snprintf(out->certificate.key_id, sizeof(out->certificate.key_id), "%s",
	    fakes.key_id ? fakes.key_id : "");
	return FAS_OK;
}

void
redeem_answer_done(struct redeem_answer *a)
{
	signer_certificate_done(&a->certificate);
	free(a->upn);
	free(a->realm);
	free(a->principal);
	free(a->in_session);
}

enum fas_code
session_certificate(struct service *service, struct request *request, const char *id,
    const struct in_session_request *body, struct in_session_answer *out, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.session, id);
	keep(fakes.ask, body->ask);
	keep(fakes.csr, body->csr);
	request->retry_after_s = fakes.retry_after_s;
	enum fas_code rc = answer(fakes.code, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(out->certificate.serial, sizeof(out->certificate.serial), "0c0d");
	(void)snprintf(out->certificate.key_id, sizeof(out->certificate.key_id), "%s",
	    fakes.key_id ? fakes.key_id : "");
	out->certificate.pem = strdup("CERT");
	out->certificate.chain_pem = strdup("CHAIN");
	out->certificate.not_before_s = 1700000000;
	out->certificate.not_after_s = 1700000900;
	out->in_session = strdup("{\"fetch\":\"logon\"}");
	return FAS_OK;
}

void
in_session_answer_done(struct in_session_answer *a)
{
	signer_certificate_done(&a->certificate);
	free(a->in_session);
}

enum fas_code
session_uses(struct service *service, struct request *request, const char *id,
    const struct uses *uses, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.session, id);
	fakes.report = uses->report;
	fakes.n_uses = uses->n;
	keep(fakes.program, uses->list[uses->n - 1].program);
	fakes.signatures = uses->list[uses->n - 1].signatures;
	return answer(fakes.code, e);
}

enum fas_code
session_sign(struct service *service, struct request *request, const char *id,
    const struct sign_request *body, struct sign_answer *out, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.session, id);
	keep(fakes.key, body->key);
	keep(fakes.mechanism, body->mechanism);
	keep(fakes.hash, body->hash);
	keep(fakes.program, body->program);
	keep(fakes.purpose, body->purpose);
	fakes.digest_len = body->digest_len;
	request->retry_after_s = fakes.retry_after_s;
	memcpy(out->signature, "signed", 6);
	out->signature_len = 6;
	return answer(fakes.code, e);
}

void
lease_answer_done(struct lease_answer *a)
{
	free(a->in_session);
}

enum fas_code
session_lease(struct service *service, struct request *request, const char *id,
    struct lease_answer *out, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.session, id);
	*out = (struct lease_answer){.session_expires_s = 1700003600,
	    .lease_s = 600,
	    .next_s = 45,
	    .account_known = !fakes.account_unknown,
	    .in_session = fakes.in_session ? strdup(fakes.in_session) : NULL};
	return answer(fakes.code, e);
}

enum fas_code
session_end(struct service *service, struct request *request, const char *id, struct fas_err *e)
{
	(void)service;
	keep_request(request);
	keep(fakes.session, id);
	return answer(fakes.code, e);
}

enum fas_code
session_end_by_admin(
    struct service *service, const char *admin, const char *id, const char *why, struct fas_err *e)
{
	(void)service;
	keep(fakes.admin, admin);
	keep(fakes.session, id);
	keep(fakes.why, why);
	return answer(fakes.code, e);
}

json_t *
terms_json(const struct policy_in_session *grant)
{
	(void)grant;
	return json_object();
}

enum fas_code
session_show(struct service *service, const char *id, json_t **out, struct fas_err *e)
{
	(void)service;
	keep(fakes.session, id);
	*out = json_pack("{s:s, s:[]}", "id", id, "certificates");
	return answer(fakes.code, e);
}

enum fas_code
session_list(struct service *service, bool all, json_t **out, struct fas_err *e)
{
	(void)service;
	*out = json_pack("[{s:s, s:b}]", "id", "5e55", "all", all);
	return answer(FAS_OK, e);
}

enum fas_code
service_reload_policy(struct service *service, char *warning, size_t size, struct fas_err *e)
{
	(void)service;
	fakes.reloads++;
	(void)snprintf(warning, size, "%s", "");
	return answer(fakes.reload_code, e);
}

/* The policy is one made-up object whose address is all that matters. */
static int the_policy;

struct policy *
service_policy(struct service *service)
{
	(void)service;
	return (struct policy *)(void *)&the_policy;
}

void
service_resolve_groups(struct service *service)
{
	(void)service;
}

void
service_sweep(struct service *service)
{
	(void)service;
}

enum fas_code
service_check_store(struct service *service, struct fas_err *e)
{
	(void)service;
	return fakes.store_away ? fas_fail(e, FAS_E_UNAVAILABLE, "database_busy", "made up")
				: FAS_OK;
}

enum fas_code
service_count(struct service *service, struct service_counts *out, struct fas_err *e)
{
	(void)service;
	*out = (struct service_counts){3, 5, 7, 11};
	return fakes.store_away ? fas_fail(e, FAS_E_UNAVAILABLE, "database_busy", "made up")
				: FAS_OK;
}

/* ---- policy ---- */

void
policy_unref(struct policy *policy)
{
	(void)policy;
}

size_t
policy_rule_count(const struct policy *policy)
{
	(void)policy;
	return 2;
}

size_t
policy_group_count(const struct policy *policy)
{
	(void)policy;
	return 1;
}

bool
policy_group_is_set(const struct policy *policy, size_t i)
{
	(void)policy;
	(void)i;
	return true;
}

const char *
policy_digest(const struct policy *policy)
{
	(void)policy;
	return "d1635";
}

enum fas_code
policy_load(
    const char *path, const struct policy_world *world, struct policy **out, struct fas_err *e)
{
	(void)path;
	(void)world;
	*out = (struct policy *)(void *)&the_policy;
	return answer(FAS_OK, e);
}

void
policy_decide(
    const struct policy *policy, const struct policy_facts *facts, struct policy_verdict *out)
{
	(void)policy;
	*out = (struct policy_verdict){.outcome = VERDICT_ALLOW,
	    .reason = "policy_allow",
	    .rule = facts->front_end == FRONT_END_HOST ? "direct" : "engineering"};
}

void
policy_explain(const struct policy *policy, const struct policy_facts *facts,
    policy_explain_visit *visit, void *arg)
{
	(void)policy;
	(void)facts;
	visit("admins", false, "hosts: no match", arg);
	visit("engineering", true, "policy_allow", arg);
}

/* ---- directory ---- */

size_t
directory_count(const struct directory *directory)
{
	(void)directory;
	return 1;
}

const char *
directory_domain(const struct directory *directory, size_t i)
{
	(void)directory;
	(void)i;
	return "example.com";
}

size_t
directory_status(struct directory *directory, struct directory_status *out, size_t max)
{
	(void)directory;
	if (max > 0)
		out[0] =
		    (struct directory_status){"example.com", "dc1.example.com", true, 3, 4, 100, 2};
	return 1;
}

enum fas_code
directory_ping(struct directory *directory, struct fas_err *e)
{
	(void)directory;
	return fakes.directory_away
		   ? fas_fail(e, FAS_E_UNAVAILABLE, "directory_away", "example.com")
		   : FAS_OK;
}

enum fas_code
directory_find(struct directory *directory, const struct directory_claims *claims, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	(void)directory;
	(void)now_s;
	if (claims->upn && strcmp(claims->upn, "alice@example.com") != 0)
		return fas_fail(e, FAS_E_DENIED, "account_not_found", "no account");
	struct account *account = calloc(1, sizeof(*account));
	if (!account)
		return fas_fail_nomem(e);
	account->upn = strdup("alice@example.com");
	account->domain = strdup("example.com");
	account->dn_text = strdup("CN=alice");
	account->disabled = fakes.code == FAS_E_DENIED;
	(void)snprintf(account->sam_account_name, sizeof(account->sam_account_name), "alice");
	*out = account;
	return claims->sid ? FAS_OK : sid_parse("S-1-5-21-1-2-3-1104", &account->sid, e);
}

void
account_free(struct account *account)
{
	free(account->upn);
	free(account->domain);
	free(account->dn_text);
	free(account);
}

enum fas_code
account_check(const struct account *account, struct fas_err *e)
{
	return account->disabled ? fas_fail(e, FAS_E_DENIED, "account_disabled", "made up")
				 : FAS_OK;
}

/* ---- SAML ---- */

enum fas_code
saml_trust_load_with(const struct yaml_node *list, const char *base_folder,
    const char *metadata_folder, int64_t now_s, struct saml_trust **out, struct fas_err *e)
{
	(void)list;
	(void)base_folder;
	(void)metadata_folder;
	(void)now_s;
	(void)e;
	*out = NULL;
	return FAS_OK;
}

void
saml_trust_free(struct saml_trust *trust)
{
	(void)trust;
}

enum fas_code
saml_sp_load(
    const struct yaml_node *map, const char *base_folder, struct saml_sp **out, struct fas_err *e)
{
	(void)map;
	(void)base_folder;
	(void)e;
	*out = NULL;
	return FAS_OK;
}

void
saml_sp_free(struct saml_sp *sp)
{
	(void)sp;
}

const struct saml_trust *
service_trust_hold(struct service *service)
{
	return service->trust;
}

void
service_trust_release(struct service *service)
{
	(void)service;
}

void
service_replace_trust(struct service *service, struct saml_trust *trust, struct saml_sp *sp)
{
	(void)sp;
	service->trust = trust;
}

size_t
saml_trust_count(const struct saml_trust *trust)
{
	(void)trust;
	return 1;
}

const char *
saml_trust_name(const struct saml_trust *trust, size_t i)
{
	(void)trust;
	(void)i;
	return "okta";
}

bool
saml_trust_metadata(const struct saml_trust *trust, size_t i, struct saml_metadata_state *out)
{
	(void)trust;
	(void)i;
	*out = (struct saml_metadata_state){.location = "https://idp.example/metadata",
	    .is_url = true,
	    .refresh_s = 3600,
	    .pending = true,
	    .trouble = "not fetched yet"};
	return true;
}

bool
saml_metadata_is_stale(const struct saml_metadata_state *state, int64_t now_s)
{
	(void)now_s;
	return state->pending;
}

int64_t
saml_trust_not_after(const struct saml_trust *trust, size_t i)
{
	(void)trust;
	(void)i;
	return 1900000000;
}

/* ---- the signer ---- */

void
signer_certificate_done(struct signer_certificate *c)
{
	free(c->pem);
	free(c->chain_pem);
	*c = (struct signer_certificate){0};
}

static enum fas_code
fill_certificate(const char *request_id, struct signer_certificate *out, struct fas_err *e)
{
	keep(fakes.request_id, request_id);
	enum fas_code rc = answer(fakes.signer_code, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(out->serial, sizeof(out->serial), "1001");
	out->pem = strdup("MACHINE");
	out->chain_pem = strdup("SERVICE CA");
	return FAS_OK;
}

enum fas_code
signer_enroll(struct signer *signer, const char *request_id, const char *token, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	(void)signer;
	(void)spki;
	(void)spki_len;
	keep(fakes.token, token);
	return fill_certificate(request_id, out, e);
}

enum fas_code
signer_renew(struct signer *signer, const char *request_id, const uint8_t *certificate,
    size_t certificate_len, const uint8_t *spki, size_t spki_len, struct signer_certificate *out,
    struct fas_err *e)
{
	(void)signer;
	(void)certificate;
	(void)spki;
	(void)spki_len;
	fakes.certificate_len = certificate_len;
	return fill_certificate(request_id, out, e);
}

enum fas_code
signer_server_certificate(struct signer *signer, const char *request_id, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	(void)signer;
	(void)spki;
	(void)spki_len;
	return fill_certificate(request_id, out, e);
}

enum fas_code
signer_hosts(
    struct signer *signer, int64_t generation, int timeout_ms, json_t **table, struct fas_err *e)
{
	(void)signer;
	(void)generation;
	(void)timeout_ms;
	*table = json_pack("{s:i, s:[]}", "generation", 1, "hosts");
	return answer(fakes.signer_code, e);
}

enum fas_code
signer_checkpoint(struct signer *signer, const struct signer_checkpoint_request *request,
    json_t **reply, struct fas_err *e)
{
	(void)signer;
	(void)request;
	*reply = json_pack("{s:[], s:[], s:b}", "statements", "keys", "more", 0);
	return answer(fakes.signer_code, e);
}

enum fas_code
signer_snapshot(struct signer *signer, char id[SNAPSHOT_ID_MAX], struct fas_err *e)
{
	(void)signer;
	(void)snprintf(id, SNAPSHOT_ID_MAX, "made-up");
	return answer(fakes.signer_code, e);
}

enum fas_code
signer_state(struct signer *signer, json_t **state, struct fas_err *e)
{
	(void)signer;
	if (fakes.signer_code != FAS_OK)
		return fas_fail(e, fakes.signer_code, "signer_away", "made up");
	int64_t next_s = fakes.next_update_s ? fakes.next_update_s : 4102444800;
	*state = json_pack("{s:[{s:s, s:i, s:s, s:I, s:{s:i, s:I, s:I, s:s, s:i}}], s:i, s:i}",
	    "authorities", "name", "main", "generation", 1, "state",
	    fakes.no_authority ? "no_certificate" : "ready", "not_after", (json_int_t)1900000000,
	    "crl", "number", 17, "this_update", (json_int_t)1700000000, "next_update",
	    (json_int_t)next_s, "file", "main-1.crl", "entries", 4, "certificates", 9, "signatures",
	    13);
	return FAS_OK;
}

enum fas_code
csr_parse(const char *pem, uint8_t **spki, size_t *spki_len, enum csr_key *key, unsigned *bits,
    struct fas_err *e)
{
	if (strcmp(pem, "CSR") != 0)
		return fas_fail(e, FAS_E_INPUT, "csr_malformed", "made up");
	*spki = (uint8_t *)strdup("spki");
	*spki_len = 4;
	*key = CSR_KEY_RSA;
	*bits = 2048;
	return FAS_OK;
}
