/* What the signer is asked, and how its answers are read. */
#include "ca/client_parts.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define PEM_TEXT_MAX 65536

void
signer_certificate_done(struct signer_certificate *certificate)
{
	free(certificate->pem);
	free(certificate->chain_pem);
	*certificate = (struct signer_certificate){0};
}

/*
 * A chain is the same for all certificates of an authority's generation.  So a request says which one is here, and the
 * signer leaves it out when it is still the right one.  text NULL: none.
 */
struct known_chain {
	char *text;
	char digest[2 * CHAIN_DIGEST + 1];
};

static void
known_chain_done(struct known_chain *chain)
{
	free(chain->text);
}
DEFINE_OWN_IN_PLACE(known_chain, struct known_chain, known_chain_done);

static void
get_chain(struct signer *signer, struct known_chain *out)
{
	(void)pthread_mutex_lock(&signer->chain_lock);
	if (signer->chain && (out->text = strdup(signer->chain)) != NULL)
		memcpy(out->digest, signer->chain_digest, sizeof(out->digest));
	(void)pthread_mutex_unlock(&signer->chain_lock);
}

/* Where there is no memory for it the next reply brings the chain again. */
static void
keep_chain(struct signer *signer, const char *text)
{
	uint8_t digest[CHAIN_DIGEST];
	char *copy = strdup(text);
	if (!copy || EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1) {
		free(copy);
		return;
	}
	(void)pthread_mutex_lock(&signer->chain_lock);
	free(signer->chain);
	signer->chain = copy;
	(void)hex_encode(digest, sizeof(digest), signer->chain_digest);
	(void)pthread_mutex_unlock(&signer->chain_lock);
}

/* known->text is taken when the reply has no chain; *fresh: the chain that it has. */
static enum fas_code
copy_certificate(struct json_reader *r, struct known_chain *known, struct signer_certificate *out,
    const char **fresh, struct fas_err *e)
{
	const char *pem = json_need_lines(r, "pem", 1, PEM_TEXT_MAX);
	*fresh = known && known->text ? json_want_lines(r, "chain", 1, PEM_TEXT_MAX)
				      : json_need_lines(r, "chain", 1, PEM_TEXT_MAX);
	const char *serial = json_need_text(r, "serial", 2, SERIAL_HEX_MAX - 1);
	const char *key_id = json_want_text(r, "key", 1, KEY_ID_MAX - 1);
	out->not_before_s = json_need_int(r, "not_before", 0, INT64_MAX);
	out->not_after_s = json_need_int(r, "not_after", 0, INT64_MAX);
	(void)json_want_text(r, "role", 1, 32);
	(void)json_want_text(r, "name", 1, HOSTNAME_MAX);
	enum fas_code rc = json_finish(r);
	if (rc != FAS_OK)
		return rc;
	memcpy(out->serial, serial, strlen(serial) + 1);
	if (key_id)
		memcpy(out->key_id, key_id, strlen(key_id) + 1);
	out->pem = strdup(pem);
	if (*fresh)
		out->chain_pem = strdup(*fresh);
	else if (known)
		out->chain_pem = TAKE(known->text);
	return out->pem && out->chain_pem ? FAS_OK : fas_fail_nomem(e);
}

/* That we had no memory to read it says nothing about the signer: the same question may be asked again. */
static enum fas_code
reply_failed(const struct fas_err *why, struct fas_err *e)
{
	if (why->code == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_INTERNAL, "signer_reply", "the signer's answer: %s", why->message);
}

/* known NULL: this question goes without. */
static enum fas_code
call_for_certificate(struct signer *signer, json_t *request, struct known_chain *known,
    struct signer_certificate *out, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	struct fas_err why = {0};
	const char *fresh = NULL;
	*out = (struct signer_certificate){0};
	enum fas_code rc = client_call(signer, request, &reply, e);
	if (rc != FAS_OK)
		return rc;
	out->pool_wait_s = json_integer_value(json_object_get(reply, "pool_empty"));
	if (out->pool_wait_s > 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "pool_empty",
		    "signer: no key lies ready; the next one in about %lld s",
		    (long long)out->pool_wait_s);
	OWN(json_reader) struct json_reader r = {0};
	if (json_open_object(&r, reply, &why) == FAS_OK &&
	    copy_certificate(&r, known, out, &fresh, &why) == FAS_OK) {
		if (known && fresh)
			keep_chain(signer, fresh);
		return FAS_OK;
	}
	signer_certificate_done(out);
	return reply_failed(&why, e);
}

static json_t *
policies_json(const struct signer_request *q)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < q->n_policies; i++) {
		if (json_array_append_new(list, json_string(q->policies[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

enum fas_code
signer_issue(struct signer *signer, const struct signer_request *q, struct signer_certificate *out,
    struct fas_err *e)
{
	char sid[SID_TEXT_MAX];
	OWN(text) char *spki = q->key_type ? NULL : base64_encode(q->spki, q->spki_len);
	json_t *subject = dn_to_json(q->subject);
	if ((!spki && !q->key_type) || !subject) {
		json_decref(subject);
		return fas_fail_nomem(e);
	}
	OWN(known_chain) struct known_chain chain = {0};
	get_chain(signer, &chain);
	json_t *request = json_pack(
	    "{s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:I,s:s,s:s,s:s,s:s*}", "op",
	    "issue", "request_id", q->request_id, "correlation_id", q->correlation_id, "authority",
	    q->authority, "profile", q->profile, "subject", subject, "sid", sid_format(q->sid, sid),
	    "upn", q->upn, "account", q->account, "realm", q->realm, "mail", q->mail, "spki", spki,
	    "validity_s", (json_int_t)q->validity_s, "rule", q->rule, "host", q->host, "session",
	    q->session, "chain_known", chain.text ? chain.digest : NULL);
	if (request && q->key_type) {
		(void)json_object_set_new(request, "key_type", json_string(q->key_type));
		(void)json_object_set_new(request, "signatures", json_integer(q->signatures));
		(void)json_object_set_new(request, "sign_until", json_integer(q->sign_until_s));
	}
	if (request && q->n_policies > 0 &&
	    json_object_set_new(request, "policies", policies_json(q)) != 0) {
		json_decref(request);
		return fas_fail_nomem(e);
	}
	return call_for_certificate(signer, request, &chain, out, e);
}

enum fas_code
signer_enroll(struct signer *signer, const char *request_id, const char *token, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack("{s:s,s:s,s:s,s:s}", "op", "enroll", "request_id", request_id, "token", token,
		"spki", key),
	    NULL, out, e);
}

enum fas_code
signer_renew(struct signer *signer, const char *request_id, const uint8_t *certificate,
    size_t certificate_len, const uint8_t *spki, size_t spki_len, struct signer_certificate *out,
    struct fas_err *e)
{
	OWN(text) char *old = base64_encode(certificate, certificate_len);
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!old || !key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack("{s:s,s:s,s:s,s:s}", "op", "renew", "request_id", request_id, "certificate",
		old, "spki", key),
	    NULL, out, e);
}

enum fas_code
signer_server_certificate(struct signer *signer, const char *request_id, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack(
		"{s:s,s:s,s:s}", "op", "server_certificate", "request_id", request_id, "spki", key),
	    NULL, out, e);
}

enum fas_code
signer_revoke(struct signer *signer, const char *correlation_id, const char *serial,
    const char *session, const char *reason, size_t *n_revoked, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s*,s:s}", "op", "revoke", "correlation_id",
	    correlation_id, "serial", serial, "session", session, "reason", reason);
	enum fas_code rc = client_call(signer, request, &reply, e);
	if (rc != FAS_OK)
		return rc;
	json_int_t n = json_integer_value(json_object_get(reply, "revoked"));
	*n_revoked = n > 0 ? (size_t)n : 0;
	return FAS_OK;
}

enum fas_code
signer_sign(struct signer *signer, const struct signer_sign *q, uint8_t *out, size_t *out_len,
    struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(text) char *digest = base64_encode(q->digest, q->digest_len);
	if (!digest)
		return fas_fail_nomem(e);
	enum fas_code rc = client_call(signer,
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "op", "sign", "correlation_id",
		q->correlation_id, "session", q->session, "key", q->key_id, "mechanism",
		q->mechanism, "hash", q->hash, "digest", digest),
	    &reply, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	(void)!json_open_object(&r, reply, &why);
	OWN(bytes) uint8_t *signature = json_need_base64(&r, "signature", SIGNATURE_MAX, out_len);
	if (json_finish(&r) != FAS_OK)
		return reply_failed(&why, e);
	memcpy(out, signature, *out_len);
	return FAS_OK;
}

enum fas_code
signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return client_call(signer,
	    json_pack("{s:s,s:s,s:s}", "op", "drop", "correlation_id", correlation_id, "session",
		session),
	    &reply, e);
}

enum fas_code
signer_pool(struct signer *signer, json_t **state, struct fas_err *e)
{
	return client_call(signer, json_pack("{s:s}", "op", "pool.show"), state, e);
}

enum fas_code
signer_service_ca(struct signer *signer, char **pem, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	enum fas_code rc = client_call(signer, json_pack("{s:s}", "op", "service_ca"), &reply, e);
	if (rc != FAS_OK)
		return rc;
	const char *text = json_string_value(json_object_get(reply, "certificate"));
	if (!text)
		return fas_fail(e, FAS_E_INTERNAL, "signer_reply",
		    "the signer's answer: no member \"certificate\"");
	*pem = strdup(text);
	return *pem ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
signer_state(struct signer *signer, json_t **state, struct fas_err *e)
{
	return client_call(signer, json_pack("{s:s}", "op", "state"), state, e);
}

enum fas_code
signer_published(struct signer *signer, json_t **published, struct fas_err *e)
{
	return client_call(signer, json_pack("{s:s}", "op", "published"), published, e);
}

enum fas_code
signer_in_ldap(struct signer *signer, const char *authority, int64_t generation, int64_t until_s,
    struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return client_call(signer,
	    json_pack("{s:s,s:s,s:I,s:I}", "op", "authority.in_ldap", "authority", authority,
		"generation", (json_int_t)generation, "until", (json_int_t)until_s),
	    &reply, e);
}

enum fas_code
signer_in_ntauth(struct signer *signer, const char *authority, int64_t generation, bool renewal,
    int64_t since_s, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return client_call(signer,
	    json_pack("{s:s,s:s,s:I,s:b,s:I}", "op", "authority.in_ntauth", "authority", authority,
		"generation", (json_int_t)generation, "renewal", renewal, "since",
		(json_int_t)since_s),
	    &reply, e);
}

enum fas_code
signer_snapshot(struct signer *signer, char id[SNAPSHOT_ID_MAX], struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	enum fas_code rc = client_call(signer, json_pack("{s:s}", "op", "snapshot"), &reply, e);
	if (rc != FAS_OK)
		return rc;
	const char *text = json_string_value(json_object_get(reply, "snapshot"));
	if (!text || strlen(text) >= SNAPSHOT_ID_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "signer_reply",
		    "the signer's answer: no member \"snapshot\"");
	(void)snprintf(id, SNAPSHOT_ID_MAX, "%s", text);
	return FAS_OK;
}

enum fas_code
signer_countersign(struct signer *signer, const char *node, int64_t seq, const char *head_hex,
    int64_t after, json_t **reply, struct fas_err *e)
{
	json_t *request = json_pack("{s:s,s:s,s:I,s:s,s:I}", "op", "audit.countersign", "node",
	    node, "seq", (json_int_t)seq, "head", head_hex, "after", (json_int_t)after);
	return client_call(signer, request, reply, e);
}

enum fas_code
signer_checkpoint(struct signer *signer, const struct signer_checkpoint_request *request,
    json_t **reply, struct fas_err *e)
{
	return client_call(signer,
	    json_pack("{s:s,s:s,s:I,s:I,s:{s:I,s:I}}", "op", "audit.checkpoint", "node",
		request->node, "keep_s", (json_int_t)request->keep_s, "after",
		(json_int_t)request->after, "holds", "fasd", (json_int_t)request->holds_fasd,
		"signer", (json_int_t)request->holds_signer),
	    reply, e);
}
