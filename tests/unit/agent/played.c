#include "played.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "fas/base/json.h"

DEFINE_OWN(request, X509_REQ *, X509_REQ_free);

static const char *const user_extensions[] = {"extendedKeyUsage=clientAuth", NULL};

/* The key of the request's CSR; without one, a key of the service's. */
static EVP_PKEY *
key_of(json_t *body)
{
	const char *csr = json_string_value(json_object_get(body, "csr"));
	if (!csr)
		return EVP_RSA_gen(2048);
	OWN(bio) BIO *bio = BIO_new_mem_buf(csr, -1);
	OWN(request) X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	assert_non_null(request);
	return X509_REQ_get_pubkey(request);
}

static void
certify(struct played *p, json_t *request, json_t *answer)
{
	OWN(pki) struct pki_node user = {0};
	OWN(pkey) EVP_PKEY *key = key_of(request);
	pki_make_for(&user, &p->ca, key, "alice", user_extensions);
	OWN(text) char *pem = pki_pem((const struct pki_node *[]){&user}, 1);
	OWN(text) char *chain = pki_pem((const struct pki_node *[]){&p->ca}, 1);
	assert_int_equal(json_object_set_new(answer, "certificate", json_string(pem)), 0);
	assert_int_equal(json_object_set_new(answer, "chain", json_string(chain)), 0);
}

static enum fas_code
call(const struct upstream *up, const struct upstream_ask *ask, struct api_answer *out,
    struct fas_err *e)
{
	struct played *p = up->arg;
	OWN(text) char *text = ask->body ? json_dumps(ask->body, JSON_COMPACT) : NULL;
	(void)snprintf(p->path, sizeof(p->path), "%s %s", ask->method, ask->path);
	(void)snprintf(p->body, sizeof(p->body), "%s", text ? text : "");
	assert_true(p->n_asked < p->n_answers);
	size_t i = p->n_asked++;
	if (p->answers[i].rc != FAS_OK)
		return fas_fail(e, p->answers[i].rc, p->answers[i].reason, "as played");
	if (p->answers[i].certify)
		certify(p, ask->body, p->answers[i].body);
	*out = (struct api_answer){.status = 200, .body = json_incref(p->answers[i].body)};
	return FAS_OK;
}

void
played_begin(struct played *p)
{
	*p = (struct played){0};
	p->d.up = (struct upstream){.config = &p->d.config, .call = call, .arg = p};
	sessions_init(&p->d.sessions, -1);
	spare_init(&p->d.spare);
	pki_make(&p->ca, NULL, "Logon CA", pki_ca);
}

void
played_end(struct played *p)
{
	for (size_t i = 0; i < p->n_answers; i++)
		json_decref(p->answers[i].body);
	sessions_done(&p->d.sessions);
	spare_done(&p->d.spare);
	pki_done(&p->ca);
}

void
played_answer(struct played *p, json_t *body)
{
	assert_non_null(body);
	assert_true(p->n_answers < PLAYED_ANSWERS_MAX);
	p->answers[p->n_answers++].body = body;
}

void
played_refuse(struct played *p, enum fas_code rc, const char *reason)
{
	assert_true(p->n_answers < PLAYED_ANSWERS_MAX);
	p->answers[p->n_answers].rc = rc;
	p->answers[p->n_answers++].reason = reason;
}

void
played_certify(struct played *p, const char *key, json_t *rule)
{
	json_t *body = json_pack("{s:s,s:s,s:s,s:s,s:s*,s:o,s:s}", "serial", "0a", "not_before",
	    "2026-11-23T14:35:50Z", "not_after", "2026-11-23T15:35:50Z", "custody",
	    key ? "service" : "host", "key", key, "in_session", rule ? rule : json_null(),
	    "correlation_id", PLAYED_ID);
	played_answer(p, body);
	p->answers[p->n_answers - 1].certify = true;
}

json_t *
played_rule(const char *custody, const char *fetch)
{
	return json_pack("{s:s,s:s,s:s,s:[],s:[s,s],s:{s:s,s:i},s:{s:i,s:i},s:i}", "custody",
	    custody, "fetch", fetch, "key_type", "rsa-2048", "programs", "mechanisms", "rsa-pkcs1",
	    "rsa-pss", "consent", "scope", "none", "timeout_s", 0, "rate", "count", 3, "period_s",
	    60, "validity_s", 3600);
}

struct session *
played_session(struct played *p, json_t *rule)
{
	struct session *s = NULL;
	struct session_rule read = {0};
	struct fas_err e = {0};
	struct session_file file = {.id = PLAYED_ID,
	    .server = "https://a",
	    .principal = "alice@CORP.EXAMPLE.COM",
	    .correlation_id = PLAYED_ID,
	    .expires_s = INT32_MAX};
	const struct local_user user = {.name = "alice", .uid = 1000, .gid = 1000};
	const struct session_start start = {
	    .file = &file, .user = &user, .rule = &read, .pending_until_us = INT64_MAX};
	assert_int_equal(rule_read(rule, &read, &e), FAS_OK);
	json_decref(rule);
	assert_int_equal(sessions_add(&p->d.sessions, &start, &s, &e), FAS_OK);
	assert_int_equal(session_open(&p->d.sessions, s, -1, &e), FAS_OK);
	return s;
}
