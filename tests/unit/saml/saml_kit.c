#include "saml_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libxml/parser.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <zlib.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/saml/xmlsec.h"

#include <xmlsec/xmltree.h>

const struct saml_server kit_server = {KIT_ENTITY, KIT_ACS, KIT_SLO};

/* ---- files ---- */

static const char *
path_of(const char *name, char path[160])
{
	(void)snprintf(path, 160, "%s/%s", world.folder, name);
	return path;
}

void
kit_write_key(const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	char path[160], word[] = "word";
	FILE *file = fopen(path_of(name, path), "w");
	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(file, key, cipher, NULL, 0, NULL, cipher ? word : NULL), 1);
	assert_int_equal(fclose(file), 0);
}

void
kit_write_file(const char *name, const char *text, size_t len)
{
	char path[160];
	FILE *file = fopen(path_of(name, path), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void
kit_remove(const char *name)
{
	char path[160];
	(void)unlink(path_of(name, path));
}

int
kit_setup(void **state)
{
	char name[16];
	int rc = world_setup(state);
	for (size_t i = 0; rc == 0 && i < KEY_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "%zu.key", i);
		kit_write_key(name, world.keys[i], NULL);
	}
	return rc;
}

int
kit_teardown(void **state)
{
	char name[16];
	for (size_t i = 0; i < KEY_COUNT; i++) {
		(void)snprintf(name, sizeof(name), "%zu.key", i);
		kit_remove(name);
	}
	return world_teardown(state);
}

/* ---- configuration ---- */

static struct yaml_doc *
parse(const char *text)
{
	struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return doc;
}

enum fas_code
kit_load_sp(const char *text, struct saml_sp **out, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = parse(text);
	return saml_sp_load(yaml_root(doc), world.folder, out, e);
}

enum fas_code
kit_load_trust(const char *text, struct saml_trust **out, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = parse(text);
	return saml_trust_load(yaml_root(doc), world.folder, out, e);
}

struct saml_sp *
kit_sp(const char *text)
{
	struct saml_sp *sp = NULL;
	struct fas_err e = {0};
	if (kit_load_sp(text, &sp, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return sp;
}

struct saml_trust *
kit_trust(const char *text)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	if (kit_load_trust(text, &trust, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return trust;
}

/* ---- queries ---- */

static char *
raw_parameter(const char *url, const char *name)
{
	const char *at = strchr(url, '?');
	size_t len = strlen(name);
	while (at) {
		at++;
		if (strncmp(at, name, len) == 0 && at[len] == '=')
			return strndup(at + len + 1, strcspn(at + len + 1, "&"));
		at = strchr(at, '&');
	}
	fail_msg("%s has no %s", url, name);
	return NULL;
}

char *
kit_parameter(const char *url, const char *name)
{
	char *text = raw_parameter(url, name), *to = text;
	if (!text)
		abort();
	for (const char *from = text; *from; from++) {
		uint8_t octet = (uint8_t)*from;
		if (*from == '%') {
			char digits[3] = {from[1], from[2], 0};
			assert_true(hex_decode(digits, &octet, 1));
			from += 2;
		}
		*to++ = (char)octet;
	}
	*to = 0;
	return text;
}

/* r and s side by side to what OpenSSL takes. */
static void
to_der(const uint8_t *raw, size_t len, uint8_t **der, size_t *der_len)
{
	ECDSA_SIG *parts = ECDSA_SIG_new();
	assert_non_null(parts);
	assert_int_equal(ECDSA_SIG_set0(parts, BN_bin2bn(raw, (int)(len / 2), NULL),
			     BN_bin2bn(raw + len / 2, (int)(len / 2), NULL)),
	    1);
	int n = i2d_ECDSA_SIG(parts, der);
	assert_true(n > 0);
	*der_len = (size_t)n;
	ECDSA_SIG_free(parts);
}

bool
kit_query_is_signed(const char *url, const char *field, EVP_PKEY *key)
{
	struct fas_err e = {0};
	OWN(text) char *base64 = kit_parameter(url, "Signature");
	OWN(bytes) uint8_t *signature = NULL;
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0, der_len = 0;
	char begin[32];
	(void)snprintf(begin, sizeof(begin), "%s=", field);
	const char *from = strstr(url, begin);
	const char *end = strstr(url, "&Signature=");
	assert_true(from && end && from < end && (from[-1] == '?' || from[-1] == '&'));
	assert_int_equal(
	    base64_decode(base64, strlen(base64), false, &signature, &len, &e), FAS_OK);
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	if (!rsa)
		to_der(signature, len, &der, &der_len);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, rsa ? signature : der, rsa ? len : der_len,
			(const uint8_t *)from, (size_t)(end - from)) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static void
put_value(struct buf *b, const char *name, const char *value, bool lower)
{
	buf_printf(b, "%s%s=", b->len > 0 ? "&" : "", name);
	for (; *value; value++) {
		if (strchr("+/=&% :#", *value))
			buf_printf(b, lower ? "%%%02x" : "%%%02X", (unsigned)(unsigned char)*value);
		else
			buf_append(b, value, 1);
	}
}

static char *
deflated(const char *xml)
{
	unsigned char out[65536];
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)xml;
	z.avail_in = (unsigned)strlen(xml);
	z.next_out = out;
	z.avail_out = sizeof(out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	char *base64 = base64_encode(out, z.total_out);
	(void)deflateEnd(&z);
	assert_non_null(base64);
	return base64;
}

/* DER to r and s side by side. */
static size_t
to_raw(EVP_PKEY *key, uint8_t *signature, size_t len)
{
	const uint8_t *at = signature;
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(parts);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, half), half);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + half, half), half);
	ECDSA_SIG_free(parts);
	return 2 * (size_t)half;
}

static char *
signature_of(const struct buf *b, EVP_PKEY *key, const struct kit_query *how)
{
	uint8_t signature[1024];
	size_t len = sizeof(signature);
	const char *sha = how->algorithm ? strstr(how->algorithm, "sha") : "sha256";
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, NULL, sha ? sha : "sha256", NULL, NULL, key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &len, b->data, b->len), 1);
	EVP_MD_CTX_free(ctx);
	if (!how->der && EVP_PKEY_is_a(key, "EC"))
		len = to_raw(key, signature, len);
	return base64_encode(signature, len);
}

char *
kit_sign_query(const char *xml, EVP_PKEY *key, const struct kit_query *how)
{
	OWN(buf) struct buf b;
	OWN(text) char *packed = deflated(xml);
	char href[96];
	buf_init(&b, 262144);
	put_value(&b, how->field ? how->field : "SAMLRequest", packed, how->lower);
	if (how->relay_state)
		put_value(&b, "RelayState", how->relay_state, how->lower);
	(void)snprintf(href, sizeof(href), "http://www.w3.org/%s%s",
	    how->algorithm && strcmp(how->algorithm, "rsa-sha1") == 0 ? "2000/09/xmldsig#"
								      : "2001/04/xmldsig-more#",
	    how->algorithm ? how->algorithm : "rsa-sha256");
	if (!how->is_unsigned) {
		put_value(&b, "SigAlg", href, how->lower);
		OWN(text) char *signature = signature_of(&b, key, how);
		put_value(&b, "Signature", signature, how->lower);
	}
	return buf_take(&b, NULL);
}

/* ---- documents ---- */

static char *
inflated(const uint8_t *packed, size_t len)
{
	enum { ROOM = 65536 };
	unsigned char *out = malloc(ROOM);
	z_stream z = {0};
	assert_non_null(out);
	assert_int_equal(inflateInit2(&z, -15), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)packed;
	z.avail_in = (unsigned)len;
	z.next_out = out;
	z.avail_out = ROOM - 1;
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	out[z.total_out] = 0;
	(void)inflateEnd(&z);
	return (char *)out;
}

char *
kit_xml(const struct saml_message *m)
{
	struct fas_err e = {0};
	bool redirect = m->binding == SAML_BINDING_REDIRECT;
	size_t len = 0;
	uint8_t *bytes = NULL;
	OWN(text)
	char *base64 = !redirect                        ? strdup(m->value)
		       : strstr(m->url, "SAMLRequest=") ? kit_parameter(m->url, "SAMLRequest")
							: kit_parameter(m->url, "SAMLResponse");
	assert_int_equal(base64_decode(base64, strlen(base64), false, &bytes, &len, &e), FAS_OK);
	if (!redirect)
		return (char *)bytes;
	char *xml = inflated(bytes, len);
	free(bytes);
	return xml;
}

bool
kit_xml_is_signed(const char *xml, EVP_PKEY *pkey)
{
	xmlSecDSigCtx ctx;
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, XML_PARSE_NONET);
	assert_non_null(doc);
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *node = xmlSecFindNode(root, xmlSecNodeSignature, xmlSecDSigNs);
	xmlAttr *id = xmlHasProp(root, (const xmlChar *)"ID");
	assert_true(node && id && node->parent == root);
	xmlChar *value = xmlGetProp(root, (const xmlChar *)"ID");
	assert_non_null(xmlAddID(NULL, doc, value, id));
	xmlFree(value);
	assert_int_equal(xmlSecDSigCtxInitialize(&ctx, NULL), 0);
	ctx.signKey = xmlSecKeyCreate();
	assert_int_equal(EVP_PKEY_up_ref(pkey), 1);
	assert_int_equal(xmlSecKeySetValue(ctx.signKey, xmlSecOpenSSLEvpKeyAdopt(pkey)), 0);
	bool good = xmlSecDSigCtxVerify(&ctx, node) == 0 && ctx.status == xmlSecDSigStatusSucceeded;
	xmlSecDSigCtxFinalize(&ctx);
	xmlFreeDoc(doc);
	return good;
}
