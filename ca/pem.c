#include "ca/pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define LINE 64
#define LABEL_MAX 64

char *
pem_encode(const char *label, const uint8_t *der, size_t len)
{
	OWN(text) char *base64 = base64_encode(der, len);
	if (!base64)
		return NULL;
	size_t n = strlen(base64), room = n + n / LINE + 2 * strlen(label) + 48;
	char *out = malloc(room), *at = out;
	if (!out)
		return NULL;
	at += snprintf(at, room, "-----BEGIN %s-----\n", label);
	for (size_t i = 0; i < n; i += LINE) {
		size_t part = n - i < LINE ? n - i : LINE;
		memcpy(at, base64 + i, part);
		at += part;
		*at++ = '\n';
	}
	(void)snprintf(at, room - (size_t)(at - out), "-----END %s-----\n", label);
	return out;
}

static enum fas_code
malformed(struct fas_err *e, const char *label, const char *finding)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "pem_malformed", "RFC 7468 3: %s %s", label, finding);
}

enum fas_code
pem_decode(const char *text, const char *label, uint8_t **der, size_t *len, const char **rest,
    struct fas_err *e)
{
	char begin[LABEL_MAX + 20], end[LABEL_MAX + 20];
	(void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	(void)snprintf(end, sizeof(end), "-----END %s-----", label);
	const char *body = strstr(text, begin);
	if (!body)
		return malformed(e, label, "does not begin with its line");
	body += strlen(begin);
	const char *stop = strstr(body, end);
	if (!stop)
		return malformed(e, label, "does not end with its line");
	enum fas_code rc = base64_decode(body, (size_t)(stop - body), true, der, len, e);
	if (rc == FAS_OK && rest)
		*rest = stop + strlen(end);
	return rc;
}

static enum fas_code
parse_certificate(const uint8_t *der, size_t len, X509 **out, struct fas_err *e)
{
	const uint8_t *at = der;
	*out = d2i_X509(NULL, &at, (long)len);
	if (*out && at == der + len)
		return FAS_OK;
	X509_free(*out);
	*out = NULL;
	return malformed(e, "CERTIFICATE", "is not one certificate in DER");
}

/* One certificate as base64 of its DER: what a program sends that was given a file of that kind. */
static enum fas_code
bare_certificate(const char *text, X509 **out, size_t *n, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	if (base64_decode(text, strlen(text), true, &der, &len, &why) != FAS_OK)
		return malformed(e, "CERTIFICATE", "is missing");
	enum fas_code rc = parse_certificate(der, len, out, e);
	*n = rc == FAS_OK ? 1 : 0;
	return rc;
}

enum fas_code
pem_certificates(const char *text, X509 **out, size_t max, size_t *n, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*n = 0;
	if (!strstr(text, "-----BEGIN "))
		return bare_certificate(text, out, n, e);
	while (rc == FAS_OK && strstr(text, "-----BEGIN ")) {
		OWN(bytes) uint8_t *der = NULL;
		size_t len = 0;
		if (*n == max)
			return malformed(e, "CERTIFICATE", "stands there too often");
		rc = pem_decode(text, "CERTIFICATE", &der, &len, &text, e);
		if (rc == FAS_OK)
			rc = parse_certificate(der, len, &out[*n], e);
		if (rc == FAS_OK)
			(*n)++;
	}
	return rc;
}
