#include "fas/saml/query.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

#define ENCODING_DEFLATE "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

static const char *const names[QUERY_PARTS] = {
    "SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"};

static enum fas_code
refuse(struct fas_err *e, const char *finding, const char *name)
{
	return fas_fail(
	    e, FAS_E_INPUT, "saml_query", "SAML bindings 3.4.4.1: %s %s", finding, name);
}

static enum fas_code
take(struct query *q, const char *at, size_t len, struct fas_err *e)
{
	const char *equals = memchr(at, '=', len);
	size_t name_len = equals ? (size_t)(equals - at) : len;
	if (memchr(at, '%', name_len))
		return refuse(e, "an encoded", "name of a parameter");
	for (size_t i = 0; i < QUERY_PARTS; i++) {
		if (strlen(names[i]) != name_len || memcmp(names[i], at, name_len) != 0)
			continue;
		if (q->at[i])
			return refuse(e, "there is more than one", names[i]);
		if (!equals)
			return refuse(e, "no value of", names[i]);
		q->at[i] = equals + 1;
		q->len[i] = len - name_len - 1;
	}
	return FAS_OK;
}

static enum fas_code
check_encoding(const struct query *q, struct fas_err *e)
{
	OWN(text) char *encoding = NULL;
	if (!q->at[QUERY_ENCODING])
		return FAS_OK;
	enum fas_code rc = query_decode(q, QUERY_ENCODING, &encoding, e);
	if (rc == FAS_OK && strcmp(encoding, ENCODING_DEFLATE) != 0)
		return refuse(e, "this is not known:", names[QUERY_ENCODING]);
	return rc;
}

enum fas_code
query_split(const char *text, struct query *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	size_t n = 0;
	*out = (struct query){0};
	for (const char *at = text; at && rc == FAS_OK;) {
		size_t len = strcspn(at, "&");
		if (++n > QUERY_PARAMETERS_MAX)
			return refuse(e, "there are too many", "parameters");
		rc = take(out, at, len, e);
		at = at[len] ? at + len + 1 : NULL;
	}
	if (rc != FAS_OK)
		return rc;
	if (!out->at[QUERY_REQUEST] == !out->at[QUERY_RESPONSE])
		return refuse(e, "want one of", "SAMLRequest and SAMLResponse");
	return check_encoding(out, e);
}

enum fas_code
query_decode(const struct query *q, enum query_part part, char **out, struct fas_err *e)
{
	const char *from = q->at[part];
	if (!from)
		return refuse(e, "there is no", names[part]);
	const char *end = from + q->len[part];
	OWN(text) char *text = malloc(q->len[part] + 1);
	char *to = text;
	if (!text)
		return fas_fail_nomem(e);
	for (; from < end; from++) {
		uint8_t octet = (uint8_t)(*from == '+' ? ' ' : *from);
		if (*from == '%') {
			const char digits[3] = {
			    end - from > 1 ? from[1] : 0, end - from > 2 ? from[2] : 0, 0};
			if (!hex_decode(digits, &octet, 1) || octet == 0)
				return refuse(e, "a bad %XX in", names[part]);
			from += 2;
		}
		*to++ = (char)octet;
	}
	*to = 0;
	if (!utf8_is_valid(text, (size_t)(to - text)))
		return refuse(e, "no UTF-8 in", names[part]);
	*out = TAKE(text);
	return FAS_OK;
}

static void
append(const struct query *q, enum query_part part, struct buf *out)
{
	if (!q->at[part])
		return;
	buf_printf(out, "%s%s=", out->len > 0 ? "&" : "", names[part]);
	buf_append(out, q->at[part], q->len[part]);
}

enum fas_code
query_signed(const struct query *q, enum query_part message, struct buf *out, struct fas_err *e)
{
	append(q, message, out);
	append(q, QUERY_RELAY_STATE, out);
	append(q, QUERY_SIG_ALG, out);
	return buf_check(out, e);
}
