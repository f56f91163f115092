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
