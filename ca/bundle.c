#include "ca/bundle.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "ca/pem.h"
#include "fas/base/text.h"

#define BEGIN "-----BEGIN "

static void
pkcs7_free(PKCS7 *p7)
{
	PKCS7_free(p7);
}
DEFINE_OWN(pkcs7, PKCS7 *, pkcs7_free);
DEFINE_OWN(certificate, X509 *, X509_free);

void
bundle_done(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->n; i++)
		X509_free(bundle->certificates[i]);
	*bundle = (struct bundle){0};
}

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "pem_malformed",
	    "RFC 7468 5, 8: the file %s; want certificates or PKCS#7, in PEM or DER", finding);
}

/* Takes a new reference. */
static enum fas_code
add(struct bundle *bundle, X509 *certificate, struct fas_err *e)
{
	if (bundle->n == BUNDLE_MAX)
		return malformed(e, "holds too many certificates");
	if (X509_up_ref(certificate) != 1)
		return fas_fail_openssl(e, "certificate");
	bundle->certificates[bundle->n++] = certificate;
	return FAS_OK;
}

/* Signed data, or a CMC answer (RFC 5272) as certreq stores it: the certificates stand beside its content. */
static enum fas_code
add_pkcs7(struct bundle *bundle, const uint8_t *der, size_t len, struct fas_err *e)
{
	const uint8_t *at = der;
	OWN(pkcs7) PKCS7 *p7 = d2i_PKCS7(NULL, &at, (long)len);
	if (!p7 || at != der + len || !PKCS7_type_is_signed(p7) || !p7->d.sign)
		return malformed(e, "is neither a certificate nor PKCS#7 signed data");
	const STACK_OF(X509) *certificates = p7->d.sign->cert;
	if (sk_X509_num(certificates) <= 0)
		return malformed(e, "is PKCS#7 without certificates");
	enum fas_code rc = FAS_OK;
	for (int i = 0; rc == FAS_OK && i < sk_X509_num(certificates); i++)
		rc = add(bundle, sk_X509_value(certificates, i), e);
	return rc;
}

/* By what it is, not by its label. */
static enum fas_code
add_der(struct bundle *bundle, const uint8_t *der, size_t len, struct fas_err *e)
{
	const uint8_t *at = der;
	OWN(certificate) X509 *certificate = d2i_X509(NULL, &at, (long)len);
	if (!certificate || at != der + len) {
		ERR_clear_error();
		return add_pkcs7(bundle, der, len, e);
	}
	return add(bundle, certificate, e);
}

static enum fas_code
add_bare(struct bundle *bundle, const char *text, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	if (base64_decode(text, strlen(text), true, &der, &len, NULL) != FAS_OK)
		return malformed(e, "is neither PEM nor DER");
	return add_der(bundle, der, len, e);
}

/* The label of the block that begins here, if it is one that may hold certificates. */
static const char *
label_of(const char *begin)
{
	static const char *const labels[] = {"CERTIFICATE", "PKCS7", "CMS", "X509 CERTIFICATE"};
	for (size_t i = 0; i < NELEMS(labels); i++) {
		size_t len = strlen(labels[i]);
		if (strncmp(begin, labels[i], len) == 0 && strncmp(begin + len, "-----", 5) == 0)
			return labels[i];
	}
	return NULL;
}

enum fas_code
bundle_add(struct bundle *bundle, const char *text, struct fas_err *e)
{
	const char *begin = strstr(text, BEGIN);
	enum fas_code rc = FAS_OK;
	if (!begin)
		return add_bare(bundle, text, e);
	while (rc == FAS_OK && begin) {
		OWN(bytes) uint8_t *der = NULL;
		size_t len = 0;
		const char *label = label_of(begin + strlen(BEGIN));
		if (!label)
			return malformed(e, "has a block that is none of a certificate");
		rc = pem_decode(begin, label, &der, &len, &text, e);
		if (rc == FAS_OK)
			rc = add_der(bundle, der, len, e);
		begin = strstr(text, BEGIN);
	}
	return rc;
}

static X509 *
issuer_of(const struct bundle *bundle, X509 *subject)
{
	for (size_t i = 0; i < bundle->n; i++) {
		X509 *at = bundle->certificates[i];
		if (X509_cmp(at, subject) != 0 && X509_check_issued(at, subject) == X509_V_OK)
			return at;
	}
	return NULL;
}

static X509 *
owned_by(const struct bundle *bundle, const struct key *key)
{
	struct fas_err none = {0};
	for (size_t i = 0; i < bundle->n; i++) {
		X509 *at = bundle->certificates[i];
		fas_err_clear(&none);
		if (key_matches(key, X509_get0_pubkey(at), &none) == FAS_OK)
			return at;
	}
	return NULL;
}

enum fas_code
bundle_chain(
    const struct bundle *bundle, const struct key *key, X509 **chain, size_t *n, struct fas_err *e)
{
	X509 *at = owned_by(bundle, key);
	*n = 0;
	if (!at)
		return fas_fail(e, FAS_E_CONFLICT, "key_mismatch",
		    "RFC 5280 4.1.2.7: no certificate here is for this authority's key");
	while (at && *n < BUNDLE_MAX) {
		if (X509_up_ref(at) != 1)
			return fas_fail_openssl(e, "certificate");
		chain[(*n)++] = at;
		bool top = X509_check_issued(at, at) == X509_V_OK;
		at = top ? NULL : issuer_of(bundle, at);
	}
	return FAS_OK;
}
