#include "fas/saml/sign.h"

#include <string.h>

#include <openssl/ecdsa.h>

#include "fas/base/text.h"
#include "fas/saml/key.h"
#include "fas/saml/xml.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"

DEFINE_OWN(digest, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(ecdsa_sig, ECDSA_SIG *, ECDSA_SIG_free);

const char *
sign_algorithm(const struct saml_sp *sp)
{
	const EVP_PKEY *key = saml_sp_key(sp, SAML_SP_SIGNING, 0);
	if (!key)
		return NULL;
	return EVP_PKEY_is_a(key, "RSA") ? MORE "rsa-sha256" : MORE "ecdsa-sha256";
}

static enum fas_code
no_key(struct fas_err *e)
{
	return fas_fail(e, FAS_E_CONFIG, "saml_signing",
	    "there is no key to sign with: fasd.yaml has no saml: signing:");
}

/* ---- octets ---- */

/* r and s side by side, as XML Signature wants them. */
static enum fas_code
join_ecdsa(const EVP_PKEY *key, uint8_t *signature, size_t *len, struct fas_err *e)
{
	const uint8_t *at = signature;
	int half = (EVP_PKEY_get_bits(key) + 7) / 8;
	OWN(ecdsa_sig) ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)*len);
	if (!parts || (size_t)half * 2 > *len + 8 ||
	    BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, half) != half ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + half, half) != half)
		return fas_fail_openssl(e, "ECDSA signature");
	*len = (size_t)half * 2;
	return FAS_OK;
}

enum fas_code
sign_octets(
    const struct saml_sp *sp, const void *data, size_t len, char **base64, struct fas_err *e)
{
	uint8_t signature[KEY_RSA_BITS_MAX / 8];
	size_t n = sizeof(signature);
	EVP_PKEY *key = saml_sp_key(sp, SAML_SP_SIGNING, 0);
	if (!key)
		return no_key(e);
	OWN(digest) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &n, data, len) != 1)
		return fas_fail_openssl(e, "signature of a SAML message");
	enum fas_code rc = EVP_PKEY_is_a(key, "RSA") ? FAS_OK : join_ecdsa(key, signature, &n, e);
	if (rc != FAS_OK)
		return rc;
	*base64 = base64_encode(signature, n);
	return *base64 ? FAS_OK : fas_fail_nomem(e);
}

/* ---- documents ---- */

char *
sign_certificate_base64(const X509 *certificate)
{
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);
	char *text = len > 0 ? base64_encode(der, (size_t)len) : NULL;
	OPENSSL_free(der);
	return text;
}

enum fas_code
sign_place(const struct saml_sp *sp, const char *id, struct buf *xml, struct fas_err *e)
{
	const char *algorithm = sign_algorithm(sp);
	const X509 *certificate = saml_sp_certificate(sp, SAML_SP_SIGNING, 0);
	if (!algorithm || !certificate)
		return no_key(e);
	OWN(text) char *base64 = sign_certificate_base64(certificate);
	if (!base64)
		return fas_fail_nomem(e);
	buf_printf(xml,
	    "<ds:Signature xmlns:ds=\"" NS_DSIG "\"><ds:SignedInfo>"
	    "<ds:CanonicalizationMethod Algorithm=\"" NS_EXC_C14N "\"/>"
	    "<ds:SignatureMethod Algorithm=\"%s\"/><ds:Reference URI=\"#%s\"><ds:Transforms>"
	    "<ds:Transform Algorithm=\"" NS_DSIG "enveloped-signature\"/>"
	    "<ds:Transform Algorithm=\"" NS_EXC_C14N "\"/></ds:Transforms>"
	    "<ds:DigestMethod Algorithm=\"" NS_XENC "sha256\"/><ds:DigestValue/></ds:Reference>"
	    "</ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data>"
	    "<ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
	    "</ds:Signature>",
	    algorithm, id, base64);
	return FAS_OK;
}

/* Fill in the signature of the root, whose ID is made known to xmlsec. */
static bool
fill_in(xmlSecKey *key, xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *place = xml_child(root, NS_DSIG, "Signature");
	xmlAttr *id = xmlHasProp(root, (const xmlChar *)"ID");
	xmlSecDSigCtx ctx;
	if (!place || !id || !xmlAddID(NULL, doc, (const xmlChar *)xml_attr(root, "ID"), id) ||
	    xmlSecDSigCtxInitialize(&ctx, NULL) < 0)
		return false;
	ctx.enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
	ctx.signKey = key;
	bool ok = xmlSecDSigCtxSign(&ctx, place) >= 0 && ctx.status == xmlSecDSigStatusSucceeded;
	ctx.signKey = NULL; /* lent, not given */
	xmlSecDSigCtxFinalize(&ctx);
	return ok;
}

DEFINE_OWN(xml_text, xmlBuffer *, xmlBufferFree);

static enum fas_code
print(xmlDoc *doc, struct buf *out, struct fas_err *e)
{
	OWN(xml_text) xmlBuffer *text = xmlBufferCreate();
	if (!text || xmlNodeDump(text, doc, xmlDocGetRootElement(doc), 0, 0) < 0)
		return fas_fail_nomem(e);
	buf_done(out);
	buf_init(out, SIGN_DOCUMENT_MAX);
	buf_append(out, xmlBufferContent(text), (size_t)xmlBufferLength(text));
	return buf_check(out, e);
}

enum fas_code
sign_document(const struct saml_sp *sp, struct buf *xml, struct fas_err *e)
{
	OWN(xml) xmlDoc *doc = NULL;
	EVP_PKEY *pkey = saml_sp_key(sp, SAML_SP_SIGNING, 0);
	enum fas_code rc = pkey ? buf_check(xml, e) : no_key(e);
	if (rc == FAS_OK)
		rc = xml_parse(xml->data, xml->len, SIGN_DOCUMENT_MAX, &doc, e);
	if (rc != FAS_OK)
		return rc;
	OWN(xmlsec_key) xmlSecKey *key = key_bare(pkey);
	if (!key)
		return fas_fail_nomem(e);
	if (!fill_in(key, doc))
		return fas_fail(
		    e, FAS_E_CRYPTO, "crypto_error", "SAML core 5.4: xmlsec does not sign");
	return print(doc, xml, e);
}
