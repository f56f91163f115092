/* /v1/sessions/...: the lease, certificates and signatures within, and the end. */
#include <string.h>

#include "ca/csr.h"
#include "fas/api_parts.h"
#include "fas/base/text.h"
#include "fas/in_session.h"
#include "fas/lease.h"
#include "fas/session.h"
#include "fas/sign.h"
#include "fas/uses.h"

/* Nothing, or an object without members. */
static enum fas_code
read_nothing(const struct http_request *http, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	if (http->body.len == 0)
		return FAS_OK;
	enum fas_code rc = api_open_body(http, &r, e);
	return rc == FAS_OK ? json_finish(&r) : rc;
}

static json_t *
lease_json(const struct lease_answer *a, const char *session, const char *correlation_id)
{
	return json_pack("{s:s, s:o, s:I, s:I, s:s, s:o, s:s}", "session_id", session,
	    "session_expires_at", api_time(a->session_expires_s), "lease_s", (json_int_t)a->lease_s,
	    "next_s", (json_int_t)a->next_s, "account", a->account_known ? "ok" : "unknown",
	    "in_session", api_terms(a->in_session), "correlation_id", correlation_id);
}

void
api_post_lease(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(lease_answer) struct lease_answer answer = {0};
	struct request request = api_request(http);
	if (read_nothing(http, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = session_lease(api->service, &request, http->segment, &answer, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_LEASE_RENEWED);
	http_answer_json(response, 200, lease_json(&answer, http->segment, request.correlation_id));
}

void
api_delete_session(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	struct request request = api_request(http);
	enum fas_code rc = session_end(api->service, &request, http->segment, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_SESSION_ENDED);
	http_answer_empty(response, 204);
}

/* ---- POST /v1/sessions/ID/certificates ---- */

static json_t *
certificate_json(const struct in_session_answer *a, const char *correlation_id)
{
	const struct signer_certificate *c = &a->certificate;
	const char *key = c->key_id;
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:s*, s:o, s:s}", "certificate", c->pem,
	    "chain", c->chain_pem, "serial", c->serial, "not_before", api_time(c->not_before_s),
	    "not_after", api_time(c->not_after_s), "custody", *key ? "service" : "host", "key",
	    *key ? key : NULL, "in_session", api_terms(a->in_session), "correlation_id",
	    correlation_id);
}

void
api_post_session_certificate(
    void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(in_session_answer) struct in_session_answer answer = {0};
	struct request request = api_request(http);
	struct in_session_request body = {0};
	if (api_open_body(http, &r, &e) == FAS_OK) {
		body.ask = json_need_text(&r, "request_id", 16, 64);
		body.csr = json_want_lines(&r, "csr", 1, CSR_PEM_MAX);
		(void)!json_finish(&r);
	}
	if (e.code != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc =
	    session_certificate(api->service, &request, http->segment, &body, &answer, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_SESSION_CERTIFICATE);
	http_answer_json(response, 201, certificate_json(&answer, request.correlation_id));
}

/* ---- POST /v1/sessions/ID/keys/KEY/sign ---- */

struct digest {
	uint8_t *bytes;
	size_t len;
};

static void
digest_done(struct digest *digest)
{
	free(digest->bytes);
}

DEFINE_OWN_IN_PLACE(digest, struct digest, digest_done);

/* The length of a hash's digest; 0: any of SHA-2 (RFC 5754), for ecdsa alone. */
static enum fas_code
check_digest(const struct sign_request *body, int64_t salt_len, struct fas_err *e)
{
	static const struct {
		const char *hash;
		size_t len;
	} hashes[] = {{"sha256", 32}, {"sha384", 48}, {"sha512", 64}};
	size_t len = body->digest_len;
	bool ecdsa = strcmp(body->mechanism, "ecdsa") == 0;
	bool fits = ecdsa && strcmp(body->hash, "none") == 0 &&
		    (len == 28 || len == 32 || len == 48 || len == 64);
	for (size_t i = 0; i < NELEMS(hashes); i++)
		fits |= strcmp(body->hash, hashes[i].hash) == 0 && len == hashes[i].len;
	if (!fits)
		return fas_fail(e, FAS_E_INPUT, "digest_malformed",
		    "%zu octets are no digest of \"%s\" for %s", len, body->hash, body->mechanism);
	if (salt_len >= 0 && (strcmp(body->mechanism, "rsa-pss") != 0 || (size_t)salt_len != len))
		return fas_fail(e, FAS_E_INPUT, "digest_malformed",
		    "RFC 8017 9.1: \"salt_len\" goes with rsa-pss and is the digest's length");
	return FAS_OK;
}

static enum fas_code
read_sign(struct json_reader *r, struct digest *digest, struct sign_request *out, struct fas_err *e)
{
	out->mechanism = json_need_text(r, "mechanism", 1, 16);
	out->hash = json_need_text(r, "hash", 1, 8);
	out->program = json_want_text(r, "program", 1, SIGN_PROGRAM_MAX);
	out->purpose = json_want_text(r, "purpose", 1, SIGN_PURPOSE_MAX);
	int64_t salt_len = json_want_int(r, "salt_len", 0, SIGN_DIGEST_MAX, -1);
	digest->bytes = json_need_base64(r, "digest", SIGN_DIGEST_MAX, &digest->len);
	out->digest = digest->bytes;
	out->digest_len = digest->len;
	enum fas_code rc = json_finish(r);
	return rc == FAS_OK ? check_digest(out, salt_len, e) : rc;
}

static void
answer_signature(
    struct http_response *response, const struct sign_answer *answer, const struct request *request)
{
	OWN(text) char *base64 = base64_encode(answer->signature, answer->signature_len);
	http_answer_json(response, 200,
	    base64 ? json_pack("{s:s, s:s}", "signature", base64, "correlation_id",
			 request->correlation_id)
		   : NULL);
}

void
api_post_sign(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(digest) struct digest digest = {0};
	struct request request = api_request(http);
	struct sign_request body = {.key = http->second};
	struct sign_answer answer;
	if (api_open_body(http, &r, &e) != FAS_OK || read_sign(&r, &digest, &body, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = session_sign(api->service, &request, http->segment, &body, &answer, &e);
	api_adopt_correlation(response, &request);
	metrics_add(api->metrics, rc == FAS_OK ? METRIC_KEY_USED : METRIC_SIGN_REFUSED);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	answer_signature(response, &answer, &request);
}

/* ---- POST /v1/sessions/ID/uses ---- */

static enum fas_code
read_use(json_t *object, struct use *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	out->serial = json_need_text(&r, "serial", 1, 40);
	out->program = json_want_text(&r, "program", 1, SIGN_PROGRAM_MAX);
	out->mechanism = json_need_text(&r, "mechanism", 1, 16);
	out->hash = json_need_text(&r, "hash", 1, 8);
	out->signatures = json_need_int(&r, "signatures", 1, USES_SIGNATURES_MAX);
	out->first_ago_s = json_need_int(&r, "first_ago_s", 0, INT32_MAX);
	out->last_ago_s = json_need_int(&r, "last_ago_s", 0, INT32_MAX);
	return json_finish(&r);
}

static enum fas_code
read_uses(struct json_reader *r, struct uses *out, struct fas_err *e)
{
	out->report = json_need_int(r, "report", 1, INT64_MAX);
	const json_t *list = json_need_value(r, "uses", JSON_ARRAY);
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK && (json_array_size(list) == 0 || json_array_size(list) > USES_MAX))
		rc = fas_fail(e, FAS_E_INPUT, "json_malformed", "\"uses\": want 1 to %d", USES_MAX);
	for (size_t i = 0; rc == FAS_OK && i < json_array_size(list); i++)
		rc = read_use(json_array_get(list, i), &out->list[out->n++], e);
	return rc;
}

void
api_post_uses(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	struct request request = api_request(http);
	struct uses uses = {0};
	if (api_open_body(http, &r, &e) != FAS_OK || read_uses(&r, &uses, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = session_uses(api->service, &request, http->segment, &uses, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	http_answer_json(response, 200,
	    json_pack("{s:I, s:s}", "report", (json_int_t)uses.report, "correlation_id",
		request.correlation_id));
}
