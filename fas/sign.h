/* Signatures by the keys that the service keeps for a session. */
#ifndef FAS_SIGN_H
#define FAS_SIGN_H

#include "fas/service.h"

#define SIGN_DIGEST_MAX 64
#define SIGN_PROGRAM_MAX 1024
#define SIGN_PURPOSE_MAX 128

struct sign_request {
	const char *key;       /* 32 hex digits */
	const char *mechanism; /* "rsa-pkcs1", "rsa-pss", "ecdsa" */
	const char *hash;      /* "sha256", "sha384", "sha512"; "none" with ecdsa */
	const uint8_t *digest; /* alone: the signer builds the DigestInfo */
	size_t digest_len;
	const char *program, *purpose; /* as the host reports them, or NULL */
};

struct sign_answer {
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_len;
};

/*
 * POST /v1/sessions/ID/keys/KEY/sign, by the session's own host.  The record of the use, and that it counts, are durable
 * before the signature leaves; the account is not read unless the heartbeat is late or another policy is in force.
 *
 * FAS_E_NOTFOUND "session_unknown", "session_ended", "key_unknown" (not this session's, or gone with an earlier
 * fas-signer); FAS_E_DENIED "over" (this call has ended the session), "sign_grant" (the rule grants it no more),
 * "sign_mechanism", "sign_window", "sign_count", "sign_certificate" (replaced, taken back or over); FAS_E_LIMIT
 * "sign_rate" (request->retry_after_s); FAS_E_UNAVAILABLE "account_unknown" (for longer than directory_grace, or since
 * another policy is in force); FAS_E_INPUT "digest_malformed".
 */
MUST_CHECK enum fas_code session_sign(struct service *service, struct request *request,
    const char *id, const struct sign_request *body, struct sign_answer *out, struct fas_err *e);

#endif
