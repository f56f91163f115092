#include "tests/unit/pipeline/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

struct world world;

static pthread_mutex_t signer_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- provider ---- */

static void
note_expected(const struct saml_expectation *x)
{
	world.expected.n_providers = x->n_providers;
	world.expected.force_authn = x->force_authn;
	world.expected.asked_s = x->asked_s;
	(void)snprintf(world.expected.in_response_to, sizeof(world.expected.in_response_to), "%s",
	    x->in_response_to ? x->in_response_to : "");
	(void)snprintf(world.expected.entity_id, sizeof(world.expected.entity_id), "%s",
	    x->entity_id ? x->entity_id : "");
	(void)snprintf(world.expected.acs_url, sizeof(world.expected.acs_url), "%s",
	    x->acs_url ? x->acs_url : "");
	(void)snprintf(world.expected.provider, sizeof(world.expected.provider), "%s",
	    x->n_providers ? x->providers[0] : "");
}

enum fas_code __wrap_saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e);

enum fas_code
__wrap_saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e)
{
	(void)trust;
	note_expected(expected);
	if (len >= 3 && memcmp(xml, "bad", 3) == 0)
		return fas_fail(e, FAS_E_AUTH, "saml_signature", "played: not signed");
	struct saml_assertion *a = calloc(1, sizeof(*a));
	assert_non_null(a);
	a->idp = strdup("okta");
	a->issuer = strdup("http://idp.example.com");
	a->assertion_id = strndup((const char *)xml, strcspn((const char *)xml, " "));
	a->has_sid = a->has_upn = true;
	assert_int_equal(sid_parse(ALICE_SID, &a->sid, e), FAS_OK);
	a->upn = strdup("alice@corp.example.com");
	a->authn_context = world.authn_context ? strdup(world.authn_context) : NULL;
	a->name_id = world.name_id ? strdup(world.name_id) : NULL;
	a->name_id_format = world.name_id_format ? strdup(world.name_id_format) : NULL;
	a->session_index = world.session_index ? strdup(world.session_index) : NULL;
	a->authn_instant_s = world.authn_instant_s;
	a->issued_s = now_s - world.issued_ago_s;
	a->expires_s = now_s + 300;
	a->session_not_on_or_after_s = world.session_ends_s;
	*out = a;
	return FAS_OK;
}

/* ---- directory ---- */

static enum fas_code
find_alice(struct account **out, struct fas_err *e)
{
	if (world.find_fails != FAS_OK)
		return fas_fail(
		    e, world.find_fails, "directory_away", "played: no controller answers");
	if (world.gone)
		return fas_fail(e, FAS_E_DENIED, "account_not_found", "played: no such account");
	struct account *a = calloc(1, sizeof(*a));
	assert_non_null(a);
	assert_int_equal(sid_parse(world.found_sid, &a->sid, e), FAS_OK);
	a->upn = strdup("alice@corp.example.com");
	a->dn_text = strdup("CN=alice,DC=corp,DC=example,DC=com");
	assert_int_equal(dn_add(&a->dn, "DC", "com", e), FAS_OK);
	assert_int_equal(dn_add(&a->dn, "CN", "alice", e), FAS_OK);
	a->realm = strdup("CORP.EXAMPLE.COM");
	a->domain = strdup("corp.example.com");
	(void)snprintf(a->sam_account_name, sizeof(a->sam_account_name), "alice");
	a->disabled = world.disabled;
	*out = a;
	return FAS_OK;
}

enum fas_code __wrap_directory_find(struct directory *directory,
    const struct directory_claims *claims, int64_t now_s, struct account **out, struct fas_err *e);

enum fas_code
__wrap_directory_find(struct directory *directory, const struct directory_claims *claims,
    int64_t now_s, struct account **out, struct fas_err *e)
{
	(void)directory;
	(void)claims;
	(void)now_s;
	world.found++;
	return find_alice(out, e);
}

enum fas_code __wrap_directory_reread(struct directory *directory, const struct sid *sid,
    int64_t now_s, struct account **out, struct fas_err *e);

enum fas_code
__wrap_directory_reread(struct directory *directory, const struct sid *sid, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	char text[SID_TEXT_MAX];
	(void)directory;
	(void)now_s;
	assert_string_equal(sid_format(sid, text), ALICE_SID);
	world.reread++;
	return find_alice(out, e);
}

enum fas_code __wrap_directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e);

enum fas_code
__wrap_directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	(void)directory;
	(void)name;
	(void)out;
	return fas_fail(e, FAS_E_NOTFOUND, "group_not_found", "played: no groups here");
}

/* ---- signer ---- */

#define ISSUED_MAX 64

static char issued_ids[ISSUED_MAX][REQUEST_ID_MAX];

/* The number of this request id's certificate. */
static size_t
number_of(const char *request_id)
{
	size_t i = 0;
	while (i < world.issued && strcmp(issued_ids[i], request_id) != 0)
		i++;
	assert_true(i < ISSUED_MAX);
	return i;
}

static void
note_request(const struct signer_request *request)
{
	world.asked++;
	world.asked_signatures = request->signatures;
	world.asked_until_s = request->sign_until_s;
	world.asked_validity_s = request->validity_s;
	(void)snprintf(world.asked_id, sizeof(world.asked_id), "%s", request->request_id);
	(void)snprintf(world.asked_profile, sizeof(world.asked_profile), "%s", request->profile);
	(void)snprintf(world.asked_key_type, sizeof(world.asked_key_type), "%s",
	    request->key_type ? request->key_type : "");
	world.asked_policies[0] = 0;
	for (size_t i = 0; i < request->n_policies; i++) {
		size_t used = strlen(world.asked_policies);
		(void)snprintf(world.asked_policies + used, sizeof(world.asked_policies) - used,
		    "%s ", request->policies[i]);
	}
	assert_true((request->spki != NULL) != (request->key_type != NULL));
}

enum fas_code __wrap_signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e);

enum fas_code
__wrap_signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e)
{
	(void)signer;
	*out = (struct signer_certificate){0};
	(void)pthread_mutex_lock(&signer_lock);
	note_request(request);
	size_t i = number_of(request->request_id);
	bool again = i < world.issued;
	bool empty = request->key_type && world.pool_empty && !again;
	if (world.issue_fails == FAS_OK && !empty && !again)
		(void)snprintf(
		    issued_ids[world.issued++], REQUEST_ID_MAX, "%s", request->request_id);
	(void)pthread_mutex_unlock(&signer_lock);
	if (world.issue_fails != FAS_OK)
		return fas_fail(e, world.issue_fails, "signer_played", "played: no certificate");
	out->pool_wait_s = empty ? 7 : 0;
	if (empty)
		return fas_fail(e, FAS_E_UNAVAILABLE, "pool_empty", "played: no key");
	if (world.answer_lost)
		return fas_fail(e, FAS_E_TIMEOUT, "signer_timeout", "played: the answer is lost");
	if (request->key_type && again && world.key_gone)
		return fas_fail(e, FAS_E_NOTFOUND, "key_gone", "played: the key is gone");
	out->not_before_s = world.now_s;
	out->not_after_s = world.now_s + request->validity_s;
	(void)snprintf(out->serial, sizeof(out->serial), "%02zx", i + 1);
	if (request->key_type)
		(void)snprintf(out->key_id, sizeof(out->key_id), "%032zx", i + 1);
	assert_true(asprintf(&out->pem, "certificate %zu", i + 1) > 0);
	out->chain_pem = strdup("chain");
	return FAS_OK;
}

enum fas_code __wrap_signer_sign(struct signer *signer, const struct signer_sign *request,
    uint8_t *out, size_t *out_len, struct fas_err *e);

enum fas_code
__wrap_signer_sign(struct signer *signer, const struct signer_sign *request, uint8_t *out,
    size_t *out_len, struct fas_err *e)
{
	(void)signer;
	if (world.sign_fails != FAS_OK)
		return fas_fail(e, world.sign_fails, world.sign_reason, "played: no signature");
	(void)pthread_mutex_lock(&signer_lock);
	world.signatures++;
	(void)pthread_mutex_unlock(&signer_lock);
	memcpy(out, request->digest, request->digest_len);
	*out_len = request->digest_len;
	return FAS_OK;
}

enum fas_code __wrap_signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e);

enum fas_code
__wrap_signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e)
{
	(void)signer;
	(void)correlation_id;
	(void)session;
	if (world.revoke_fails != FAS_OK)
		return fas_fail(e, world.revoke_fails, "signer_away", "played: the signer is away");
	world.dropped++;
	return FAS_OK;
}

enum fas_code __wrap_signer_revoke(struct signer *signer, const char *correlation_id,
    const char *serial, const char *session, const char *reason, size_t *n_revoked,
    struct fas_err *e);

enum fas_code
__wrap_signer_revoke(struct signer *signer, const char *correlation_id, const char *serial,
    const char *session, const char *reason, size_t *n_revoked, struct fas_err *e)
{
	(void)signer;
	(void)correlation_id;
	if (world.revoke_fails != FAS_OK)
		return fas_fail(e, world.revoke_fails, "signer_away", "played: the signer is away");
	world.revoked++;
	(void)snprintf(
	    world.revoked_session, sizeof(world.revoked_session), "%s", session ? session : "");
	(void)snprintf(
	    world.revoked_serial, sizeof(world.revoked_serial), "%s", serial ? serial : "");
	(void)snprintf(world.revoked_why, sizeof(world.revoked_why), "%s", reason);
	*n_revoked = 1;
	return FAS_OK;
}

/* ---- clock ---- */

enum fas_code __wrap_clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e);
int64_t __wrap_clock_now(void);

enum fas_code
__wrap_clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e)
{
	(void)skew_s;
	(void)e;
	*now_s = world.now_s;
	return FAS_OK;
}

int64_t
__wrap_clock_now(void)
{
	return world.now_s;
}

/* ---- the stage ---- */

#define RULE_WITH(logon)                                                                           \
	"  - name: everyone\n"                                                                     \
	"    identity_providers: [okta]\n"                                                         \
	"    storefronts: [" STOREFRONT "]\n"                                                      \
	"    hosts: ['*.vdi.corp.example.com']\n"                                                  \
	"    users: { upn_suffixes: [corp.example.com] }\n"                                        \
	"    session: { max: 1h, lease: 10m }\n"                                                   \
	"    logon: { authority: main, profile: smartcard-logon, validity: 15m, key: "             \
	"p-256, " logon " }\n"

#define USUAL_RULES RULE_WITH("custody: host") "    logoff: revoke\n"

void
world_policy(const char *rules)
{
	struct fas_err e = {0};
	FILE *f = fopen(world.policy_path, "w");
	assert_non_null(f);
	assert_true(fprintf(f, "rules:\n%s", rules) > 0);
	assert_int_equal(fclose(f), 0);
	if (service_reload_policy(&world.service, NULL, 0, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

void
world_rule_with(const char *more)
{
	char rules[4096];
	(void)snprintf(rules, sizeof(rules), "%s%s", USUAL_RULES, more);
	world_policy(rules);
}

void
world_service_rule_with(const char *logon, const char *more)
{
	char rules[4096];
	(void)snprintf(rules, sizeof(rules), RULE_WITH("custody: service%s") "%s", logon, more);
	world_policy(rules);
}

static void
open_database(void)
{
	struct fas_err e = {0};
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/fas.db", world.folder);
	if (db_pool_open(path, &fas_migrations, 2, &world.service.db, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

void
world_restart(void)
{
	db_pool_close(world.service.db);
	world.service.db = NULL;
	open_database();
}

int
world_begin(void **state)
{
	static const char *const idps[] = {"okta"};
	static const struct policy_world names = {.idps = idps, .n_idps = 1};
	(void)state;
	world = (struct world){.now_s = 1800000000, .found_sid = ALICE_SID};
	(void)snprintf(world.folder, sizeof(world.folder), "/tmp/fas-pipeline-XXXXXX");
	if (!mkdtemp(world.folder))
		return -1;
	(void)snprintf(
	    world.policy_path, sizeof(world.policy_path), "%s/policy.yaml", world.folder);
	world.service = (struct service){.node = "fas1",
	    .clock_skew_s = 60,
	    .directory_grace_s = 900,
	    .policy_path = world.policy_path,
	    .world = &names};
	(void)pthread_mutex_init(&world.service.policy_lock, NULL);
	open_database();
	world_policy(USUAL_RULES);
	return 0;
}

int
world_end(void **state)
{
	static const char *const files[] = {
	    "fas.db", "fas.db-wal", "fas.db-shm", "fas.db.lock", "policy.yaml"};
	(void)state;
	db_pool_close(world.service.db);
	policy_unref(world.service.policy);
	(void)pthread_mutex_destroy(&world.service.policy_lock);
	for (size_t i = 0; i < NELEMS(files); i++) {
		char path[128];
		(void)snprintf(path, sizeof(path), "%s/%s", world.folder, files[i]);
		(void)unlink(path);
	}
	return rmdir(world.folder);
}

/* ---- actors ---- */

static struct caller
make_caller(enum caller_role role, const char *name)
{
	struct caller c = {.kind = CALLER_CERTIFICATE, .role = role, .not_after_s = INT64_MAX};
	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

struct caller
storefront(const char *name)
{
	return make_caller(ROLE_STOREFRONT, name);
}

struct caller
host(const char *name)
{
	return make_caller(ROLE_HOST, name);
}

char *
response_with(const char *id)
{
	char *text = base64_encode(id, strlen(id));
	assert_non_null(text);
	return text;
}

char *
new_csr(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	assert_true(key && req && out);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(out, req), 1);
	long len = BIO_get_mem_data(out, &text);
	text = strndup(text, (size_t)len);
	BIO_free(out);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return text;
}

enum fas_code
start_logon(const char *assertion_id, char out[TICKET_TEXT_MAX], struct fas_err *e)
{
	struct caller caller = storefront(STOREFRONT);
	struct request request = {.caller = &caller};
	OWN(text) char *response = response_with(assertion_id);
	struct logon_request body = {.saml_response = response, .host = VDA1};
	OWN(logon_answer) struct logon_answer answer = {0};
	correlation_id_new(request.correlation_id);
	enum fas_code rc = logon_start(&world.service, &request, &body, &answer, e);
	memcpy(out, answer.ticket, TICKET_TEXT_MAX);
	return rc;
}

enum fas_code
redeem(const char *host_name, const char *ticket, const char *csr, struct redeem_answer *out,
    struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {.caller = &caller};
	struct redeem_request body = {.ticket = ticket, .csr = csr};
	correlation_id_new(request.correlation_id);
	enum fas_code rc = logon_redeem(&world.service, &request, &body, out, e);
	world.retry_after_s = request.retry_after_s;
	return rc;
}

void
log_on(char id[SESSION_ID_TEXT_MAX])
{
	static unsigned number;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX], assertion[32];
	OWN(text) char *csr = new_csr();
	OWN(redeem_answer) struct redeem_answer a = {0};
	(void)snprintf(assertion, sizeof(assertion), "log-on-%u", number++);
	if (start_logon(assertion, ticket, &e) != FAS_OK ||
	    redeem(VDA1, ticket, csr, &a, &e) != FAS_OK)
		fail_msg("%s", e.message);
	memcpy(id, a.session_id, SESSION_ID_TEXT_MAX);
}

void
log_on_by_service(char id[SESSION_ID_TEXT_MAX], char key[KEY_ID_MAX])
{
	static unsigned number;
	struct fas_err e = {0};
	char ticket[TICKET_TEXT_MAX], assertion[32];
	OWN(redeem_answer) struct redeem_answer a = {0};
	(void)snprintf(assertion, sizeof(assertion), "by-service-%u", number++);
	if (start_logon(assertion, ticket, &e) != FAS_OK ||
	    redeem(VDA1, ticket, NULL, &a, &e) != FAS_OK)
		fail_msg("%s", e.message);
	memcpy(id, a.session_id, SESSION_ID_TEXT_MAX);
	memcpy(key, a.certificate.key_id, KEY_ID_MAX);
	assert_int_equal(strlen(key), 32);
}

enum fas_code
certificate_by(const char *host_name, const char *id, const char *ask, const char *csr,
    struct in_session_answer *out, struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	const struct in_session_request body = {.ask = ask, .csr = csr};
	enum fas_code rc = session_certificate(&world.service, &request, id, &body, out, e);
	world.retry_after_s = request.retry_after_s;
	return rc;
}

enum fas_code
sign_by(const char *host_name, const char *id, const char *key, struct fas_err *e)
{
	static const uint8_t digest[32] = {1};
	struct caller caller = host(host_name);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	const struct sign_request body = {.key = key,
	    .mechanism = "rsa-pkcs1",
	    .hash = "sha256",
	    .digest = digest,
	    .digest_len = sizeof(digest),
	    .program = "/usr/bin/ssh"};
	struct sign_answer answer;
	enum fas_code rc = session_sign(&world.service, &request, id, &body, &answer, e);
	if (rc == FAS_OK)
		assert_memory_equal(answer.signature, digest, sizeof(digest));
	world.retry_after_s = request.retry_after_s;
	return rc;
}

enum fas_code
lease_by(const char *host_name, const char *id, struct lease_answer *out, struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	return session_lease(&world.service, &request, id, out, e);
}

void
assert_reason(const struct fas_err *e, const char *reason)
{
	if (strcmp(e->reason, reason) != 0)
		fail_msg("reason is %s (%s), want %s", e->reason, e->message, reason);
}

static enum fas_code
keep_last(json_t *body, void *arg, struct fas_err *e)
{
	json_t **last = arg;
	(void)e;
	json_decref(*last);
	*last = json_incref(body);
	return FAS_OK;
}

static enum fas_code
read_last(struct db *db, void *arg, struct fas_err *e)
{
	int64_t seq = 0;
	enum fas_code rc = audit_last(db, &seq, e);
	return rc == FAS_OK ? audit_each(db, seq - 1, 1, NULL, keep_last, arg, e) : rc;
}

static void
assert_member(json_t *body, const char *name, const char *want)
{
	const char *have = json_string_value(json_object_get(body, name));
	if (!want)
		assert_null(have);
	else if (!have || strcmp(have, want) != 0)
		fail_msg("audit %s is %s, want %s", name, have ? have : "absent", want);
}

void
assert_last_audit(const char *event, const char *outcome, const char *reason)
{
	struct fas_err e = {0};
	json_t *last = NULL;
	assert_int_equal(db_read(world.service.db, read_last, &last, &e), FAS_OK);
	assert_non_null(last);
	assert_member(last, "event", event);
	assert_member(last, "outcome", outcome);
	assert_member(last, "reason", reason);
	json_decref(last);
}
