/*
 * Enrolment tokens: one use, one machine, one role.
 *
 *     fas1-<26 base32 digits: 128 random bits>.<64 hex digits: SHA-256 of the service CA's certificate>
 *
 * The second part is no secret: by it the machine knows on its first contact, before it trusts anything, that it speaks
 * to the right fasd (the server's chain ends in exactly that certificate).  Only the SHA-256 of the whole text is stored.
 */
#ifndef CA_TOKEN_H
#define CA_TOKEN_H

#include <stdint.h>

#include "ca/ca.h"

#define TOKEN_TEXT_MAX 128 /* with NUL; a token has 96 characters */

/* SHA-256 of a token's text; FAS_E_AUTH "token_invalid" when it does not have a token's shape. */
MUST_CHECK enum fas_code token_hash(
    const char *token, uint8_t hash[STORE_DIGEST], struct fas_err *e);

call_fn op_token_create; /* admin socket */

#endif
