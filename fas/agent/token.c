#include "fas/agent/token.h"

#include <string.h>

#include "fas/base/text.h"

enum fas_code
token_fingerprint(const char *token, uint8_t out[FINGERPRINT_BYTES], struct fas_err *e)
{
	const char *dot = strrchr(token, '.');
	size_t len = strlen(token);
	if (len >= TOKEN_TEXT_MAX || !dot || dot == token ||
	    strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") !=
		len ||
	    !hex_decode(dot + 1, out, FINGERPRINT_BYTES))
		return fas_fail(e, FAS_E_INPUT, "token_malformed",
		    "this is no enrolment token: want it whole, as fasctl host enroll printed it");
	return FAS_OK;
}
