/* The document: a Response in the form that most providers send, and its signature templates. */
#include "saml_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"

#define TEMPLATE_MAX (4 * 1024 * 1024)
#define VALID_BEFORE_S 30
#define VALID_AFTER_S 300

#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define ENC "http://www.w3.org/2001/04/xmlenc#"
#define EXC_C14N "http://www.w3.org/2001/10/xml-exc-c14n#"

struct algorithm {
	const char *name;
	const char *href;
};

static const struct algorithm signatures[] = {
    {"rsa-sha1", DSIG "rsa-sha1"},
    {"rsa-sha256", MORE "rsa-sha256"},
    {"rsa-sha384", MORE "rsa-sha384"},
    {"rsa-sha512", MORE "rsa-sha512"},
    {"rsa-md5", MORE "rsa-md5"},
    {"ecdsa-sha1", MORE "ecdsa-sha1"},
    {"ecdsa-sha256", MORE "ecdsa-sha256"},
    {"ecdsa-sha384", MORE "ecdsa-sha384"},
    {"ecdsa-sha512", MORE "ecdsa-sha512"},
    {"hmac-sha1", DSIG "hmac-sha1"},
    {"hmac-sha256", MORE "hmac-sha256"},
};

static const struct algorithm digests[] = {
    {"sha1", DSIG "sha1"},
    {"sha224", MORE "sha224"},
    {"sha256", ENC "sha256"},
    {"sha384", MORE "sha384"},
    {"sha512", ENC "sha512"},
    {"md5", MORE "md5"},
};

static const char *
find_href(const struct algorithm *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(table[i].name, name) == 0)
			return table[i].href;
	}
	return NULL;
}

static void
put_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_text(b, "&lt;");
		else if (*text == '&')
			buf_text(b, "&amp;");
		else if (*text == '"')
			buf_text(b, "&quot;");
		else
			buf_append(b, text, 1);
	}
}

/* name="value" with a blank in front; nothing when value is NULL. */
static void
put_attr(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, " %s=\"", name);
	put_escaped(b, value);
	buf_text(b, "\"");
}

static void
put_time(struct buf *b, const char *name, int64_t when_s)
{
	char text[TIME_TEXT_MAX];
	put_attr(b, name, time_format(when_s, text));
}

static void
put_leaf(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "<%s>", name);
	put_escaped(b, value);
	buf_printf(b, "</%s>", name);
}

/* An element of exclusive c14n, with its prefix list where one is asked for. */
static void
put_c14n(struct buf *b, const struct saml_sign_spec *s, const char *element)
{
	buf_printf(b, "<ds:%s Algorithm=\"" EXC_C14N "\"", element);
	if (!s->prefix_list) {
		buf_text(b, "/>");
		return;
	}
	buf_text(b, "><ec:InclusiveNamespaces xmlns:ec=\"" EXC_C14N "\"");
	put_attr(b, "PrefixList", s->prefix_list);
	buf_printf(b, "/></ds:%s>", element);
}

static void
put_signature(struct buf *b, const struct saml_sign_spec *s, const char *id)
{
	const char *algorithm =
	    find_href(signatures, NELEMS(signatures), s->algorithm ? s->algorithm : "rsa-sha256");
	const char *digest = find_href(digests, NELEMS(digests), s->digest ? s->digest : "sha256");
	b->failed |= !algorithm || !digest;
	buf_text(b, "<ds:Signature xmlns:ds=\"" DSIG "\"><ds:SignedInfo>");
	put_c14n(b, s, "CanonicalizationMethod");
	buf_printf(b, "<ds:SignatureMethod Algorithm=\"%s\"/>", algorithm ? algorithm : "");
	buf_printf(b, "<ds:Reference URI=\"#%s\"><ds:Transforms>", id);
	buf_text(b, "<ds:Transform Algorithm=\"" DSIG "enveloped-signature\"/>");
	put_c14n(b, s, "Transform");
	buf_text(b, "</ds:Transforms>");
	buf_printf(b, "<ds:DigestMethod Algorithm=\"%s\"/>", digest ? digest : "");
	buf_text(b, "<ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>"
		    "<ds:SignatureValue></ds:SignatureValue>");
	if (s->cert_base64)
		buf_printf(b,
		    "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate>"
		    "</ds:X509Data></ds:KeyInfo>",
		    s->cert_base64);
	buf_text(b, "</ds:Signature>");
}

static void
put_subject(struct buf *b, const struct saml_sign_spec *s)
{
	buf_text(b, "<saml:Subject>");
	if (s->name_id)
		put_leaf(b, "saml:NameID", s->name_id);
	buf_text(b, "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
		    "<saml:SubjectConfirmationData");
	put_attr(b, "InResponseTo", s->in_response_to);
	put_time(b, "NotOnOrAfter", s->now_s + VALID_AFTER_S);
	put_attr(b, "Recipient", s->recipient);
	buf_text(b, "/></saml:SubjectConfirmation></saml:Subject>");
}

static void
put_conditions(struct buf *b, const struct saml_sign_spec *s)
{
	buf_text(b, "<saml:Conditions");
	put_time(b, "NotBefore", s->now_s - VALID_BEFORE_S);
	put_time(b, "NotOnOrAfter", s->now_s + VALID_AFTER_S);
	buf_text(b, "><saml:AudienceRestriction>");
	put_leaf(b, "saml:Audience", s->audience);
	buf_text(b, "</saml:AudienceRestriction></saml:Conditions>");
}

static void
put_statements(struct buf *b, const struct saml_sign_spec *s)
{
	buf_text(b, "<saml:AuthnStatement");
	put_time(b, "AuthnInstant", s->now_s);
	if (s->session_end_s)
		put_time(b, "SessionNotOnOrAfter", s->session_end_s);
	buf_text(b, " SessionIndex=\"_s1\"><saml:AuthnContext><saml:AuthnContextClassRef>"
		    "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
		    "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>");
	if (s->n_attributes == 0)
		return;
	buf_text(b, "<saml:AttributeStatement>");
	for (size_t i = 0; i < s->n_attributes; i++) {
		buf_text(b, "<saml:Attribute");
		put_attr(b, "Name", s->attributes[i].name);
		buf_text(b, ">");
		put_leaf(b, "saml:AttributeValue", s->attributes[i].value);
		buf_text(b, "</saml:Attribute>");
	}
	buf_text(b, "</saml:AttributeStatement>");
}

static void
put_assertion(struct buf *b, const struct saml_sign_spec *s, const char *id)
{
	buf_printf(b, "<saml:Assertion ID=\"%s\" Version=\"2.0\"", id);
	put_time(b, "IssueInstant", s->now_s);
	buf_text(b, ">");
	put_leaf(b, "saml:Issuer", s->idp);
	if (s->sign & SAML_SIGN_ASSERTION)
		put_signature(b, s, id);
	put_subject(b, s);
	put_conditions(b, s);
	put_statements(b, s);
	buf_text(b, "</saml:Assertion>");
}

static void
put_response(
    struct buf *b, const struct saml_sign_spec *s, const char *id, const char *assertion_id)
{
	buf_printf(b,
	    "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\""
	    " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"%s\" Version=\"2.0\"",
	    id);
	put_time(b, "IssueInstant", s->now_s);
	put_attr(b, "Destination", s->destination);
	put_attr(b, "InResponseTo", s->in_response_to);
	buf_text(b, ">");
	put_leaf(b, "saml:Issuer", s->idp);
	if (s->sign & SAML_SIGN_RESPONSE)
		put_signature(b, s, id);
	buf_text(b, "<samlp:Status><samlp:StatusCode"
		    " Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>");
	put_assertion(b, s, assertion_id);
	buf_text(b, "</samlp:Response>");
}

static void
random_id(char prefix, char out[36])
{
	uint8_t bytes[16] = {0};
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();
	out[0] = '_';
	out[1] = prefix;
	hex_encode(bytes, sizeof(bytes), out + 2);
}

char *
saml_sign_template(const struct saml_sign_spec *spec)
{
	char response_id[36], assertion_id[36];
	random_id('r', response_id);
	random_id('a', assertion_id);
	OWN(buf) struct buf b;
	buf_init(&b, TEMPLATE_MAX);
	put_response(&b, spec, spec->response_id ? spec->response_id : response_id,
	    spec->assertion_id ? spec->assertion_id : assertion_id);
	return buf_take(&b, NULL);
}

char *
saml_sign_response(const struct saml_sign_spec *spec, EVP_PKEY *key)
{
	OWN(text) char *xml = saml_sign_template(spec);
	return xml ? saml_sign_finish(xml, key) : NULL;
}
