/*
 * The enrolment token as the administrator hands it over: RANDOM.FINGERPRINT, where FINGERPRINT is
 * the SHA-256 of the service CA's certificate (DER) in hex.  By it the machine knows the server
 * before it trusts anything.
 */
#ifndef FAS_AGENT_TOKEN_H
#define FAS_AGENT_TOKEN_H

#include <stdint.h>

#include "fas/base/err.h"

#define TOKEN_TEXT_MAX 256
#define FINGERPRINT_BYTES 32

/* FAS_E_INPUT "token_malformed"; the message never holds the token. */
MUST_CHECK enum fas_code token_fingerprint(
    const char *token, uint8_t out[FINGERPRINT_BYTES], struct fas_err *e);

#endif
