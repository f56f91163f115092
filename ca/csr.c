#include "ca/csr.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

#include "ca/asn1.h"
#include "fas/base/text.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE REQUEST-----"
#define PEM_END "-----END CERTIFICATE REQUEST-----"
#define WHITE_SPACE " \t\r\n"
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT 65537

DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(pkey_context, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(digest_context, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(param_builder, OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free);
DEFINE_OWN(params, OSSL_PARAM *, OSSL_PARAM_free);
DEFINE_OWN(number, BIGNUM *, BN_free);

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	return fas_fail(
	    e, FAS_E_INPUT, "csr_malformed", "RFC 2986 4: certification request %s", finding);
}

/* RFC 7468 3: one block, nothing but white space around it. */
static enum fas_code
decode_pem(const char *pem, uint8_t **der, size_t *len, struct fas_err *e)
{
	if (strnlen(pem, CSR_PEM_MAX + 1) > CSR_PEM_MAX)
		return malformed(e, "is larger than 8192 octets");
	const char *begin = pem + strspn(pem, WHITE_SPACE);
	if (strncmp(begin, PEM_BEGIN, strlen(PEM_BEGIN)) != 0)
		return malformed(e, "does not begin with " PEM_BEGIN);
	begin += strlen(PEM_BEGIN);
	const char *end = strstr(begin, PEM_END);
	if (!end)
		return malformed(e, "does not end with " PEM_END);
	const char *rest = end + strlen(PEM_END);
	if (rest[strspn(rest, WHITE_SPACE)] != 0)
		return malformed(e, "is followed by something");
	enum fas_code rc = base64_decode(begin, (size_t)(end - begin), true, der, len, NULL);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return rc == FAS_OK ? FAS_OK : malformed(e, "is not base64 (RFC 7468 3)");
}

struct request {
	struct asn1_signed *whole;
	struct asn1_request *info;
	struct asn1_key key;
};

static void
request_done(struct request *request)
{
	asn1_signed_free(request->whole);
	asn1_request_free(request->info);
	asn1_key_done(&request->key);
}

DEFINE_OWN_IN_PLACE(request, struct request, request_done);

static enum fas_code
decode_der(const uint8_t *der, size_t len, struct request *out, struct fas_err *e)
{
	out->whole = asn1_decode(ASN1_ITEM_rptr(asn1_signed), der, len);
	if (!out->whole || out->whole->body->type != V_ASN1_SEQUENCE ||
	    !asn1_is_canonical(ASN1_ITEM_rptr(asn1_signed), out->whole, der, len))
		return malformed(e, "is no DER CertificationRequest");
	const ASN1_STRING *body = out->whole->body->value.sequence;
	const uint8_t *body_der = ASN1_STRING_get0_data(body);
	size_t body_len = (size_t)ASN1_STRING_length(body);
	out->info = asn1_decode(ASN1_ITEM_rptr(asn1_request), body_der, body_len);
	if (!out->info ||
	    !asn1_is_canonical(ASN1_ITEM_rptr(asn1_request), out->info, body_der, body_len))
		return malformed(e, "has no DER CertificationRequestInfo");
	if (ASN1_INTEGER_get(out->info->version) != 0 ||
	    out->info->subject->type != V_ASN1_SEQUENCE)
		return malformed(e, "is not of version 0 with a subject");
	return FAS_OK;
}

static enum fas_code
bad_key(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "csr_key",
	    "public key %s, want RSA of 2048 to 4096 bits with exponent 65537, P-256 or P-384",
	    finding);
}

static enum fas_code
judge_rsa(const struct asn1_key *key, struct fas_err *e)
{
	if (key->bits < RSA_BITS_MIN || key->bits > RSA_BITS_MAX)
		return bad_key(e, "has an RSA modulus of another size");
	if (key->exponent != RSA_EXPONENT)
		return bad_key(e, "has another RSA exponent");
	const unsigned char *modulus = ASN1_STRING_get0_data(key->rsa->modulus);
	if ((modulus[ASN1_STRING_length(key->rsa->modulus) - 1] & 1) == 0)
		return bad_key(e, "has an even RSA modulus");
	return FAS_OK;
}

static enum fas_code
judge_key(const struct asn1_spki *spki, struct asn1_key *key, enum csr_key *out, struct fas_err *e)
{
	if (!asn1_key_read(spki, key))
		return bad_key(e, "is malformed (RFC 3279 2.3.1, RFC 5480 2)");
	if (key->type == ASN1_KEY_RSA) {
		*out = CSR_KEY_RSA;
		return judge_rsa(key, e);
	}
	if (key->type == ASN1_KEY_EC && key->curve == NID_X9_62_prime256v1)
		*out = CSR_KEY_P256;
	else if (key->type == ASN1_KEY_EC && key->curve == NID_secp384r1)
		*out = CSR_KEY_P384;
	else
		return bad_key(e, "is of another type or curve");
	return FAS_OK;
}

static EVP_PKEY *
key_from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY *key = NULL;
	OWN(pkey_context) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

static EVP_PKEY *
load_rsa(const struct asn1_rsa *rsa)
{
	OWN(number) BIGNUM *modulus = ASN1_INTEGER_to_BN(rsa->modulus, NULL);
	OWN(number) BIGNUM *exponent = ASN1_INTEGER_to_BN(rsa->exponent, NULL);
	OWN(param_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (!modulus || !exponent || !builder ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
		return NULL;
	OWN(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	return params ? key_from_params("RSA", params) : NULL;
}

static EVP_PKEY *
load_ec(const struct asn1_key *key)
{
	OWN(param_builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (!builder ||
	    !OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(key->curve), 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(
		builder, OSSL_PKEY_PARAM_PUB_KEY, key->point, key->point_len))
		return NULL;
	OWN(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	return params ? key_from_params("EC", params) : NULL;
}

/* RFC 4055 5 (parameters NULL) and RFC 5758 3.2 (absent). */
static const struct {
	int nid, parameters;
	enum asn1_key_type type;
	const EVP_MD *(*digest)(void);
} signatures[] = {
    {NID_sha256WithRSAEncryption, V_ASN1_NULL, ASN1_KEY_RSA, EVP_sha256},
    {NID_sha384WithRSAEncryption, V_ASN1_NULL, ASN1_KEY_RSA, EVP_sha384},
    {NID_sha512WithRSAEncryption, V_ASN1_NULL, ASN1_KEY_RSA, EVP_sha512},
    {NID_ecdsa_with_SHA256, V_ASN1_UNDEF, ASN1_KEY_EC, EVP_sha256},
    {NID_ecdsa_with_SHA384, V_ASN1_UNDEF, ASN1_KEY_EC, EVP_sha384},
    {NID_ecdsa_with_SHA512, V_ASN1_UNDEF, ASN1_KEY_EC, EVP_sha512},
};

/* NULL when no such algorithm may sign for a key of this type. */
static const EVP_MD *
find_digest(const X509_ALGOR *algorithm, enum asn1_key_type type)
{
	const ASN1_OBJECT *id = NULL;
	int parameters = V_ASN1_UNDEF;
	X509_ALGOR_get0(&id, &parameters, NULL, algorithm);
	int nid = OBJ_obj2nid(id);
	for (size_t i = 0; i < NELEMS(signatures); i++) {
		if (signatures[i].nid == nid && signatures[i].type == type &&
		    signatures[i].parameters == parameters)
			return signatures[i].digest();
	}
	return NULL;
}

/* The request is signed by the key that it asks for: the sender holds it (RFC 2986 3). */
static enum fas_code
verify(const struct request *request, struct fas_err *e)
{
	const ASN1_STRING *body = request->whole->body->value.sequence;
	const ASN1_BIT_STRING *signature = request->whole->signature;
	const EVP_MD *digest = find_digest(request->whole->algorithm, request->key.type);
	if (!digest)
		return fas_fail(e, FAS_E_INPUT, "csr_signature",
		    "RFC 2986 4.2: signature algorithm is none of SHA-256/384/512 for this key");
	OWN(pkey)
	EVP_PKEY *key =
	    request->key.type == ASN1_KEY_RSA ? load_rsa(request->key.rsa) : load_ec(&request->key);
	if (!key) {
		ERR_clear_error();
		return bad_key(e, "is no point of its curve or no usable number");
	}
	OWN(digest_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!context)
		return fas_fail_nomem(e);
	bool good = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
		    (signature->flags & 0x07) == 0 &&
		    EVP_DigestVerify(context, ASN1_STRING_get0_data(signature),
			(size_t)ASN1_STRING_length(signature), ASN1_STRING_get0_data(body),
			(size_t)ASN1_STRING_length(body)) == 1;
	ERR_clear_error();
	if (!good)
		return fas_fail(e, FAS_E_INPUT, "csr_signature",
		    "RFC 2986 4.2: the request is not signed by its own key");
	return FAS_OK;
}

enum fas_code
csr_parse(const char *pem, uint8_t **spki, size_t *spki_len, enum csr_key *key, unsigned *bits,
    struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	OWN(request) struct request request = {0};
	enum fas_code rc;
	if ((rc = decode_pem(pem, &der, &len, e)) != FAS_OK)
		return rc;
	if ((rc = decode_der(der, len, &request, e)) != FAS_OK)
		return rc;
	if ((rc = judge_key(request.info->spki, &request.key, key, e)) != FAS_OK)
		return rc;
	if ((rc = verify(&request, e)) != FAS_OK)
		return rc;
	*bits = request.key.bits;
	return asn1_encode(ASN1_ITEM_rptr(asn1_spki), request.info->spki, spki, spki_len, e);
}
