/* The request that goes to the offline root (RFC 2986, RFC 2985 5.4.2). */
#include "ca/make.h"

#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/pem.h"

DEFINE_OWN(x509_req, X509_REQ *, X509_REQ_free);
DEFINE_OWN(name, X509_NAME *, X509_NAME_free);

static void
extensions_free(STACK_OF(X509_EXTENSION) * extensions)
{
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
DEFINE_OWN(extensions, STACK_OF(X509_EXTENSION) *, extensions_free);
DEFINE_OWN(octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free);
DEFINE_OWN(bits, ASN1_BIT_STRING *, ASN1_BIT_STRING_free);
DEFINE_OWN(constraints, BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free);
DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);

/* A renewal keeps the name that stands in what was issued. */
static bool
set_name(X509_REQ *request, const struct issuer *issuer, const struct authority_config *config,
    const char *common_name)
{
	OWN(name) X509_NAME *name = X509_NAME_new();
	const struct {
		const char *type, *value;
	} parts[] = {{"O", config->organization}, {"CN", common_name}};
	if (issuer->certificate)
		return X509_REQ_set_subject_name(
			   request, X509_get_subject_name(issuer->certificate)) == 1;
	for (size_t i = 0; name && i < NELEMS(parts); i++) {
		if (parts[i].value && X509_NAME_add_entry_by_txt(name, parts[i].type, MBSTRING_UTF8,
					  (const unsigned char *)parts[i].value, -1, -1, 0) != 1)
			return false;
	}
	return name && X509_REQ_set_subject_name(request, name) == 1;
}

/* What CERTIFICATES.md wants of the CA's certificate, as a wish: the root's owner decides. */
static bool
add_wishes(STACK_OF(X509_EXTENSION) * *wishes, const struct issuer *issuer)
{
	uint8_t id[ASN1_SKI_LEN];
	size_t spki_len = 0;
	const uint8_t *spki_der = key_spki(issuer->key, &spki_len);
	OWN(asn1_spki)
	struct asn1_spki *spki = asn1_decode(ASN1_ITEM_rptr(asn1_spki), spki_der, spki_len);
	OWN(octets) ASN1_OCTET_STRING *key_id = ASN1_OCTET_STRING_new();
	OWN(constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	OWN(bits) ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	if (!spki || !key_id || !constraints || !usage || !asn1_key_id(spki, id))
		return false;
	constraints->ca = 0xff;
	constraints->pathlen = ASN1_INTEGER_new();
	if (!constraints->pathlen || ASN1_INTEGER_set(constraints->pathlen, 0) != 1 ||
	    ASN1_BIT_STRING_set_bit(usage, 5, 1) != 1 || /* keyCertSign */
	    ASN1_BIT_STRING_set_bit(usage, 6, 1) != 1 || /* cRLSign */
	    ASN1_OCTET_STRING_set(key_id, id, sizeof(id)) != 1)
		return false;
	return X509V3_add1_i2d(wishes, NID_basic_constraints, constraints, 1, 0) == 1 &&
	       X509V3_add1_i2d(wishes, NID_key_usage, usage, 1, 0) == 1 &&
	       X509V3_add1_i2d(wishes, NID_subject_key_identifier, key_id, 0, 0) == 1;
}

static enum fas_code
fill(X509_REQ *request, const struct issuer *issuer, const struct authority_config *config,
    struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *spki = key_spki(issuer->key, &len);
	OWN(pkey) EVP_PKEY *public_key = d2i_PUBKEY(NULL, &spki, (long)len);
	OWN(extensions) STACK_OF(X509_EXTENSION) *wishes = NULL;
	char common_name[CA_NAME_MAX + 1];
	enum fas_code rc = make_common_name(config, issuer->generation, common_name, e);
	if (rc != FAS_OK)
		return rc;
	if (!public_key || X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    !set_name(request, issuer, config, common_name) ||
	    X509_REQ_set_pubkey(request, public_key) != 1 || !add_wishes(&wishes, issuer) ||
	    X509_REQ_add_extensions(request, wishes) != 1)
		return fas_fail_openssl(e, "certification request");
	return FAS_OK;
}

enum fas_code
make_request(const struct issuer *issuer, const struct authority_config *config, char **pem,
    struct fas_err *e)
{
	OWN(x509_req) X509_REQ *request = X509_REQ_new();
	OWN(bytes) uint8_t *der = NULL;
	unsigned char *info = NULL;
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t signature_len = 0, der_len = 0;
	enum fas_code rc = request ? fill(request, issuer, config, e) : fas_fail_nomem(e);
	if (rc != FAS_OK)
		return rc;
	int len = i2d_re_X509_REQ_tbs(request, &info);
	if (len <= 0)
		return fas_fail_openssl(e, "certification request");
	rc = key_sign(issuer->key, info, (size_t)len, signature, &signature_len, e);
	/* CertificationRequest has a certificate's shape: signed bytes, algorithm, signature. */
	if (rc == FAS_OK)
		rc = profile_assemble(key_algorithm(issuer->key), info, (size_t)len, signature,
		    signature_len, &der, &der_len, e);
	OPENSSL_free(info);
	if (rc != FAS_OK)
		return rc;
	*pem = pem_encode("CERTIFICATE REQUEST", der, der_len);
	return *pem ? FAS_OK : fas_fail_nomem(e);
}
