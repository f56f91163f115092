#include "fas/api.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "ca/csr.h"
#include "fas/api_parts.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "fas/logon.h"

#define SAML_BODY_MAX (400 * 1024)
#define BODY_MAX (32 * 1024)
#define USES_BODY_MAX (64 * 1024)
#define TICKET_MAX 128
#define TOKEN_MAX 256
#define ENROLS_AT_A_TIME 4
#define TABLE_WAIT_MS 2000

DEFINE_OWN(digest, EVP_MD_CTX *, EVP_MD_CTX_free);

/* ---- both directions ---- */

struct request
api_request(const struct http_request *http)
{
	struct request request = {.caller = &http->caller};
	memcpy(request.correlation_id, http->correlation_id, sizeof(request.correlation_id));
	return request;
}

void
api_adopt_correlation(struct http_response *response, const struct request *request)
{
	memcpy(response->correlation_id, request->correlation_id, sizeof(response->correlation_id));
}

void
api_answer_refusal(
    struct http_response *response, const struct request *request, const struct fas_err *e)
{
	http_answer_problem(response, e);
	if (request->retry_after_s > 0)
		http_header(response, "Retry-After", "%lld", (long long)request->retry_after_s);
}

json_t *
api_time(int64_t unix_s)
{
	char text[TIME_TEXT_MAX];
	return json_string(time_format(unix_s, text));
}

json_t *
api_terms(const char *text)
{
	return text ? json_loads(text, 0, NULL) : json_null();
}

enum fas_code
api_open_body(const struct http_request *http, struct json_reader *r, struct fas_err *e)
{
	return json_open(r, buf_str(&http->body), http->body.len, e);
}

static const char *
need_host(struct json_reader *r)
{
	const char *host = json_need_text(r, "host", 1, HOSTNAME_MAX);
	if (host && !hostname_is_valid(host))
		fas_fail(r->e, FAS_E_INPUT, "host_invalid", "RFC 1123 2.1: \"%s\" is no host name",
		    host);
	return host;
}

/* ---- POST /v1/logons ---- */

static enum metric
outcome_of(enum fas_code rc)
{
	if (rc == FAS_OK)
		return METRIC_LOGON_ALLOW;
	bool refused =
	    rc == FAS_E_INPUT || rc == FAS_E_AUTH || rc == FAS_E_DENIED || rc == FAS_E_CONFLICT;
	return refused ? METRIC_LOGON_DENY : METRIC_LOGON_ERROR;
}

static json_t *
logon_json(const struct logon_answer *answer, const char *correlation_id)
{
	return json_pack("{s:s, s:o, s:s, s:s, s:s, s:s}", "ticket", answer->ticket, "expires_at",
	    api_time(answer->expires_s), "upn", answer->upn, "sid", answer->sid, "rule",
	    answer->rule, "correlation_id", correlation_id);
}

static enum fas_code
read_logon(struct json_reader *r, struct logon_request *out, struct fas_err *e)
{
	out->saml_response = json_want_lines(r, "saml_response", 1, SAML_BODY_MAX);
	out->code = json_want_text(r, "code", 1, TICKET_MAX);
	out->host = need_host(r);
	out->in_response_to = json_want_text(r, "in_response_to", 1, SAML_ID_MAX);
	enum fas_code rc = json_finish(r);
	if (rc != FAS_OK)
		return rc;
	if (!out->code == !out->saml_response)
		return fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "want one of \"saml_response\" and \"code\"");
	if (out->code && out->in_response_to)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "\"in_response_to\" goes with \"saml_response\"");
	return FAS_OK;
}

static void
post_logons(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(logon_answer) struct logon_answer answer = {0};
	struct request request = api_request(http);
	struct logon_request body = {0};
	if (api_open_body(http, &r, &e) != FAS_OK || read_logon(&r, &body, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = logon_start(api->service, &request, &body, &answer, &e);
	api_adopt_correlation(response, &request);
	metrics_add(api->metrics, outcome_of(rc));
	if (rc != FAS_OK) {
		api_answer_refusal(response, &request, &e);
		return;
	}
	metrics_add(api->metrics, METRIC_TICKET_ISSUED);
	http_answer_json(response, 201, logon_json(&answer, request.correlation_id));
}

/* ---- POST /v1/certificates ---- */

static enum fas_code
read_redeem(struct json_reader *r, struct redeem_request *out, struct fas_err *e)
{
	out->ticket = json_want_text(r, "ticket", 1, TICKET_MAX);
	out->saml_response = json_want_lines(r, "saml_response", 1, SAML_BODY_MAX);
	out->in_response_to = json_want_text(r, "in_response_to", 1, SAML_ID_MAX);
	out->csr = json_want_lines(r, "csr", 1, CSR_PEM_MAX);
	enum fas_code rc = json_finish(r);
	if (rc != FAS_OK)
		return rc;
	if (!out->ticket == !out->saml_response)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "want one of \"ticket\" and \"saml_response\"");
	if (out->ticket && out->in_response_to)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "\"in_response_to\" goes with \"saml_response\"");
	return FAS_OK;
}

static json_t *
redeem_json(const struct redeem_answer *a, const char *correlation_id)
{
	const char *key = a->certificate.key_id;
	return json_pack(
	    "{s:s, s:o, s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s*, s:o, s:s}",
	    "session_id", a->session_id, "session_expires_at", api_time(a->session_expires_s),
	    "lease_s", (json_int_t)a->lease_s, "certificate", a->certificate.pem, "chain",
	    a->certificate.chain_pem, "serial", a->certificate.serial, "not_after",
	    api_time(a->certificate.not_after_s), "upn", a->upn, "sam_account_name",
	    a->sam_account_name, "realm", a->realm, "principal", a->principal, "sid", a->sid,
	    "custody", *key ? "service" : "host", "key", *key ? key : NULL, "in_session",
	    api_terms(a->in_session), "correlation_id", correlation_id);
}

static void
count_redeemed(struct api *api, bool was_ticket)
{
	metrics_add(api->metrics, METRIC_CERTIFICATE_ISSUED);
	metrics_add(api->metrics, METRIC_SESSION_STARTED);
	if (was_ticket)
		metrics_add(api->metrics, METRIC_TICKET_REDEEMED);
}

static void
post_certificates(void *app, const struct http_request *http, struct http_response *response)
{
	struct api *api = app;
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(redeem_answer) struct redeem_answer answer = {0};
	struct request request = api_request(http);
	struct redeem_request body = {0};
	if (api_open_body(http, &r, &e) != FAS_OK || read_redeem(&r, &body, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	enum fas_code rc = logon_redeem(api->service, &request, &body, &answer, &e);
	api_adopt_correlation(response, &request);
	if (rc != FAS_OK) {
		metrics_add(api->metrics, METRIC_TICKET_REFUSED);
		api_answer_refusal(response, &request, &e);
		return;
	}
	count_redeemed(api, body.ticket != NULL);
	http_answer_json(response, 201, redeem_json(&answer, request.correlation_id));
}

/* ---- machines ---- */

/*
 * The same question has the same id, so the signer repeats its answer: a lost reply costs nothing.  A hash, because the
 * token is a secret and the id is not.
 */
static enum fas_code
request_id_of(const char *what, const void *proof, size_t proof_len, const uint8_t *spki,
    size_t spki_len, char out[REQUEST_ID_MAX], struct fas_err *e)
{
	uint8_t hash[32];
	OWN(digest) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, what, strlen(what) + 1) != 1 ||
	    EVP_DigestUpdate(ctx, proof, proof_len) != 1 || EVP_DigestUpdate(ctx, "", 1) != 1 ||
	    EVP_DigestUpdate(ctx, spki, spki_len) != 1 || EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		return fas_fail_openssl(e, "request id");
	hex_encode(hash, sizeof(hash), out);
	return FAS_OK;
}

struct machine_request {
	const char *token; /* NULL: renewal */
	uint8_t *spki;     /* owned */
	size_t spki_len;
};

static void
machine_request_done(struct machine_request *machine)
{
	free(machine->spki);
}

DEFINE_OWN_IN_PLACE(machine_request, struct machine_request, machine_request_done);

static enum fas_code
read_machine(struct json_reader *r, bool has_token, struct machine_request *out, struct fas_err *e)
{
	enum csr_key key;
	unsigned bits;
	if (has_token)
		out->token = json_need_text(r, "token", 1, TOKEN_MAX);
	const char *csr = json_need_lines(r, "csr", 1, CSR_PEM_MAX);
	enum fas_code rc = json_finish(r);
	return rc == FAS_OK ? csr_parse(csr, &out->spki, &out->spki_len, &key, &bits, e) : rc;
}

static enum fas_code
issue_machine(struct api *api, const struct http_request *http,
    const struct machine_request *machine, struct signer_certificate *out, struct fas_err *e)
{
	char id[REQUEST_ID_MAX];
	const void *proof = machine->token ? (const void *)machine->token : http->certificate;
	size_t proof_len = machine->token ? strlen(machine->token) : http->certificate_len;
	enum fas_code rc = request_id_of(machine->token ? "enroll" : "renew", proof, proof_len,
	    machine->spki, machine->spki_len, id, e);
	if (rc != FAS_OK)
		return rc;
	if (machine->token)
		return signer_enroll(api->service->signer, id, machine->token, machine->spki,
		    machine->spki_len, out, e);
	return signer_renew(api->service->signer, id, http->certificate, http->certificate_len,
	    machine->spki, machine->spki_len, out, e);
}

static void
record_machine(
    struct api *api, const struct http_request *http, const char *event, const char *serial)
{
	char caller[CALLER_TEXT_MAX];
	struct fas_err e = {0};
	const struct audit_record record = {.event = event,
	    .outcome = "done",
	    .correlation_id = http->correlation_id,
	    .caller =
		http->caller.kind == CALLER_NONE ? NULL : caller_format(&http->caller, caller),
	    .serial = serial};
	/* The signer has its own record of the issue: it stands even when ours cannot be written. */
	if (audit_write(api->service->db, &record, &e) != FAS_OK)
		log_error("audit_not_written", &e, NULL);
}

static void
answer_machine(struct api *api, const struct http_request *http, struct http_response *response,
    bool has_token)
{
	struct fas_err e = {0};
	OWN(json_reader) struct json_reader r = {0};
	OWN(signer_certificate) struct signer_certificate issued = {0};
	OWN(machine_request) struct machine_request machine = {0};
	enum fas_code rc = api_open_body(http, &r, &e);
	if (rc == FAS_OK)
		rc = read_machine(&r, has_token, &machine, &e);
	if (rc == FAS_OK)
		rc = issue_machine(api, http, &machine, &issued, &e);
	if (rc != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	record_machine(
	    api, http, has_token ? "machine_enrolled" : "machine_renewed", issued.serial);
	metrics_add(api->metrics, has_token ? METRIC_MACHINE_ENROLLED : METRIC_MACHINE_RENEWED);
	/* It may call in the very next moment: then the host table has to know it. */
	if (!caller_table_await(api->callers, issued.serial, TABLE_WAIT_MS))
		log_event(LOG_LEVEL_WARNING, "host_table_late", "serial", issued.serial, NULL);
	http_answer_json(response, 201,
	    json_pack("{s:s, s:s}", "certificate", issued.pem, "chain",
		issued.chain_pem ? issued.chain_pem : ""));
}

static void
post_enroll(void *app, const struct http_request *http, struct http_response *response)
{
	answer_machine(app, http, response, true);
}

static void
post_renew(void *app, const struct http_request *http, struct http_response *response)
{
	answer_machine(app, http, response, false);
}

const struct http_route api_routes[] = {
    {"POST", "/v1/logons", "logons", ROLE_STOREFRONT, SAML_BODY_MAX, 0, true, false, post_logons},
    {"POST", "/v1/certificates", "certificates", ROLE_HOST, SAML_BODY_MAX, 0, true, false,
	post_certificates},
    {"POST", "/v1/sessions/?/lease", "lease", ROLE_HOST, BODY_MAX, 0, true, false, api_post_lease},
    {"POST", "/v1/sessions/?/certificates", "session_certificate", ROLE_HOST, BODY_MAX, 0, true,
	false, api_post_session_certificate},
    {"POST", "/v1/sessions/?/keys/?/sign", "sign", ROLE_HOST, BODY_MAX, 0, true, false,
	api_post_sign},
    {"POST", "/v1/sessions/?/uses", "uses", ROLE_HOST, USES_BODY_MAX, 0, true, false,
	api_post_uses},
    {"DELETE", "/v1/sessions/?", "session_end", ROLE_HOST, 0, 0, true, false, api_delete_session},
    {"POST", "/v1/enroll", "enroll", ROLE_NONE, BODY_MAX, ENROLS_AT_A_TIME, true, false,
	post_enroll},
    {"POST", "/v1/renew", "renew", ROLE_STOREFRONT | ROLE_HOST, BODY_MAX, 0, true, true,
	post_renew},
};
const size_t api_n_routes = NELEMS(api_routes);
