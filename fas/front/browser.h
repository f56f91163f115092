/*
 * One browser, told from all others by a random cookie.  It is not who the person is; it binds what was asked of a provider
 * to where it was asked, and a form to the page that showed it.
 */
#ifndef FAS_FRONT_BROWSER_H
#define FAS_FRONT_BROWSER_H

#include "fas/front/cookie.h"
#include "fas/sign_in.h"

#define BROWSER_COOKIE "__Host-fas-browser"
#define BROWSER_ID_MAX 33    /* 128 random bits in hex */
#define BROWSER_TOKEN_MAX 65 /* SHA-256 in hex */

struct browser {
	char id[BROWSER_ID_MAX];
	uint8_t hash[BROWSER_HASH_BYTES];
	bool shown; /* it came with the request; else it has to be set */
};

/* The request's, or a new one. */
MUST_CHECK enum fas_code browser_read(
    const struct http_request *http, struct browser *out, struct fas_err *e);
/* Unless it has it already. */
void browser_keep(const struct browser *browser, struct http_response *response);

/* What a form of ours carries, which no other site can know. */
MUST_CHECK enum fas_code browser_token(
    const struct browser *browser, char out[BROWSER_TOKEN_MAX], struct fas_err *e);
/* FAS_E_AUTH "sign_in_form". */
MUST_CHECK enum fas_code browser_check_token(
    const struct browser *browser, const char *token, struct fas_err *e);

#endif
