#include "fas/front/browser.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "fas/base/secret.h"
#include "fas/base/text.h"

#define ID_BYTES 16
#define TOKEN_PURPOSE "fas form\n"

static enum fas_code
digest(const char *text, uint8_t out[BROWSER_HASH_BYTES], struct fas_err *e)
{
	unsigned len = BROWSER_HASH_BYTES;
	if (EVP_Digest(text, strlen(text), out, &len, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "hash of a cookie");
	return FAS_OK;
}

static bool
id_is_ours(const char *id)
{
	return strlen(id) == BROWSER_ID_MAX - 1 &&
	       strspn(id, "0123456789abcdef") == BROWSER_ID_MAX - 1;
}

static enum fas_code
draw_id(char out[BROWSER_ID_MAX], struct fas_err *e)
{
	OWN(secret) struct secret random = {0};
	enum fas_code rc = secret_random(&random, ID_BYTES, e);
	if (rc == FAS_OK)
		(void)hex_encode(random.data, random.len, out);
	return rc;
}

enum fas_code
browser_read(const struct http_request *http, struct browser *out, struct fas_err *e)
{
	char value[COOKIE_VALUE_MAX];
	enum fas_code rc = FAS_OK;
	*out = (struct browser){0};
	out->shown = cookie_get(http->cookies, BROWSER_COOKIE, value) && id_is_ours(value);
	if (out->shown)
		memcpy(out->id, value, sizeof(out->id));
	else
		rc = draw_id(out->id, e);
	return rc == FAS_OK ? digest(out->id, out->hash, e) : rc;
}

void
browser_keep(const struct browser *browser, struct http_response *response)
{
	if (!browser->shown)
		cookie_set(response, BROWSER_COOKIE, browser->id, COOKIE_CROSS_SITE, 0);
}

enum fas_code
browser_token(const struct browser *browser, char out[BROWSER_TOKEN_MAX], struct fas_err *e)
{
	char text[sizeof(TOKEN_PURPOSE) + BROWSER_ID_MAX];
	uint8_t hash[BROWSER_HASH_BYTES];
	(void)snprintf(text, sizeof(text), "%s%s", TOKEN_PURPOSE, browser->id);
	enum fas_code rc = digest(text, hash, e);
	if (rc == FAS_OK)
		(void)hex_encode(hash, sizeof(hash), out);
	return rc;
}

enum fas_code
browser_check_token(const struct browser *browser, const char *token, struct fas_err *e)
{
	char want[BROWSER_TOKEN_MAX] = "";
	enum fas_code rc = browser_token(browser, want, e);
	if (rc != FAS_OK)
		return rc;
	if (browser->shown && strlen(token) == strlen(want) &&
	    CRYPTO_memcmp(token, want, strlen(want)) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "sign_in_form",
	    browser->shown ? "the form is not of a page that this browser was shown"
			   : "the browser has sent no cookie with the form");
}
