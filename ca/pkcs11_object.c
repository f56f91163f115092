/* Keys in a token: found, read, made, used. */
#include <stdio.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "ca/key.h"
#include "ca/pkcs11_parts.h"
#include "fas/base/text.h"

#define FOUND_MAX 2
#define URI_ATTRIBUTES_MAX 8
#define NUMBER_MAX 520 /* octets of a modulus of RSA-4096, or a point, with what stands around it */
#define NEW_ID_LEN 16

DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(builder, OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free);
DEFINE_OWN(params, OSSL_PARAM *, OSSL_PARAM_free);
DEFINE_OWN(number, BIGNUM *, BN_free);
DEFINE_OWN(octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free);

/* ---- finding ---- */

static enum fas_code
find_handles(const struct pkcs11_module *m, CK_SESSION_HANDLE s, CK_ATTRIBUTE *want, CK_ULONG n,
    CK_OBJECT_HANDLE found[FOUND_MAX], CK_ULONG *n_found, struct fas_err *e)
{
	CK_RV rv = m->f->C_FindObjectsInit(s, want, n);
	if (rv == CKR_OK) {
		rv = m->f->C_FindObjects(s, found, FOUND_MAX, n_found);
		CK_RV end = m->f->C_FindObjectsFinal(s);
		rv = rv == CKR_OK ? end : rv;
	}
	return rv == CKR_OK ? FAS_OK : pkcs11_failed(e, "C_FindObjects", rv);
}

/* The one object that has all these attributes. */
static enum fas_code
find_one(const struct pkcs11_module *m, CK_SESSION_HANDLE s, CK_ATTRIBUTE *want, CK_ULONG n,
    CK_OBJECT_HANDLE *out, struct fas_err *e)
{
	CK_OBJECT_HANDLE found[FOUND_MAX];
	CK_ULONG n_found = 0;
	enum fas_code rc = find_handles(m, s, want, n, found, &n_found, e);
	if (rc != FAS_OK)
		return rc;
	if (n_found == 0)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "token_key_missing", "the key is not in the token");
	if (n_found > 1)
		return fas_fail(e, FAS_E_CONFIG, "token_ambiguous",
		    "more than one key of the token has this name: say id= in its URI");
	*out = found[0];
	return FAS_OK;
}

static enum fas_code
read_kind(const struct pkcs11_module *m, CK_SESSION_HANDLE s, struct pkcs11_object *object,
    struct fas_err *e)
{
	CK_BBOOL asks = CK_FALSE;
	CK_ATTRIBUTE type = {CKA_KEY_TYPE, &object->type, sizeof(object->type)};
	CK_ATTRIBUTE each = {CKA_ALWAYS_AUTHENTICATE, &asks, sizeof(asks)};
	CK_RV rv = m->f->C_GetAttributeValue(s, object->handle, &type, 1);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_GetAttributeValue", rv);
	/* Not every module knows this one: then it does not ask. */
	object->asks_each_time =
	    m->f->C_GetAttributeValue(s, object->handle, &each, 1) == CKR_OK && asks;
	return FAS_OK;
}

/* What the URI says of the object, as a search for its private key. */
static CK_ULONG
uri_attributes(const struct pkcs11_module *m, CK_ATTRIBUTE want[URI_ATTRIBUTES_MAX])
{
	CK_ULONG n = 0;
	for (size_t i = 0; i < 2; i++) {
		const CK_ATTRIBUTE *at =
		    p11_kit_uri_get_attribute(m->uri, i == 0 ? CKA_LABEL : CKA_ID);
		if (at)
			want[n++] = *at;
	}
	return n;
}

enum fas_code
pkcs11_object_find(const struct pkcs11_module *m, CK_SESSION_HANDLE s, const char *id,
    struct pkcs11_object *out, struct fas_err *e)
{
	CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE want[URI_ATTRIBUTES_MAX + 1] = {
	    {CKA_CLASS, &private_key, sizeof(private_key)}};
	uint8_t octets[PKCS11_ID_MAX];
	CK_ULONG n = 1;
	if (id) {
		size_t len = strlen(id) / 2;
		if (len == 0 || len > sizeof(octets) || !hex_decode(id, octets, len))
			return fas_fail(
			    e, FAS_E_INPUT, "token_key_id", "no id of a key in a token");
		want[n++] = (CK_ATTRIBUTE){CKA_ID, octets, len};
	} else {
		n += uri_attributes(m, want + 1);
	}
	enum fas_code rc = find_one(m, s, want, n, &out->handle, e);
	return rc == FAS_OK ? read_kind(m, s, out, e) : rc;
}

/* ---- reading the public half ---- */

struct octets {
	uint8_t data[NUMBER_MAX];
	CK_ULONG len;
};

static CK_RV
read_octets(const struct pkcs11_module *m, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, struct octets *out)
{
	CK_ATTRIBUTE at = {type, out->data, sizeof(out->data)};
	CK_RV rv = m->f->C_GetAttributeValue(s, object, &at, 1);
	out->len = rv == CKR_OK && at.ulValueLen <= sizeof(out->data) ? at.ulValueLen : 0;
	return rv;
}

static EVP_PKEY *
from_params(const char *algorithm, OSSL_PARAM_BLD *builder)
{
	EVP_PKEY *pkey = NULL;
	OWN(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	OWN(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

static EVP_PKEY *
rsa_of(const struct octets *modulus, const struct octets *exponent)
{
	OWN(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OWN(number) BIGNUM *n = BN_bin2bn(modulus->data, (int)modulus->len, NULL);
	OWN(number) BIGNUM *x = BN_bin2bn(exponent->data, (int)exponent->len, NULL);
	if (!builder || !n || !x ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, x) != 1)
		return NULL;
	return from_params("RSA", builder);
}

/* CKA_EC_PARAMS: the curve's name (RFC 5480 2.1.1); CKA_EC_POINT: an OCTET STRING around the point (PKCS#11 2.3.3). */
static EVP_PKEY *
ec_of(const struct octets *curve, const struct octets *point)
{
	const unsigned char *at = curve->data, *inner = point->data;
	ASN1_OBJECT *name = d2i_ASN1_OBJECT(NULL, &at, (long)curve->len);
	int nid = name ? OBJ_obj2nid(name) : NID_undef;
	ASN1_OBJECT_free(name);
	OWN(octets)
	ASN1_OCTET_STRING *wrapped = d2i_ASN1_OCTET_STRING(NULL, &inner, (long)point->len);
	OWN(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	if (nid == NID_undef || !wrapped || !builder ||
	    OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(nid), 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
		ASN1_STRING_get0_data(wrapped), (size_t)ASN1_STRING_length(wrapped)) != 1)
		return NULL;
	return from_params("EC", builder);
}

static enum fas_code
put_spki(EVP_PKEY *pkey, struct pkcs11_key *out, struct fas_err *e)
{
	unsigned char *at = out->spki;
	int len = pkey ? i2d_PUBKEY(pkey, NULL) : 0;
	if (len <= 0 || len > PKCS11_SPKI_MAX) {
		ERR_clear_error();
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_key_missing",
		    "the token has no usable public key beside the private one");
	}
	out->spki_len = (size_t)i2d_PUBKEY(pkey, &at);
	return FAS_OK;
}

static enum fas_code
read_public(const struct pkcs11_module *m, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE object,
    CK_KEY_TYPE type, struct pkcs11_key *out, struct fas_err *e)
{
	struct octets first, second;
	bool rsa = type == CKK_RSA;
	CK_RV rv = read_octets(m, s, object, rsa ? CKA_MODULUS : CKA_EC_PARAMS, &first);
	if (rv == CKR_OK)
		rv = read_octets(m, s, object, rsa ? CKA_PUBLIC_EXPONENT : CKA_EC_POINT, &second);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_GetAttributeValue", rv);
	OWN(pkey) EVP_PKEY *pkey = rsa ? rsa_of(&first, &second) : ec_of(&first, &second);
	return put_spki(pkey, out, e);
}

enum fas_code
pkcs11_object_read(const struct pkcs11_module *m, CK_SESSION_HANDLE s,
    const struct pkcs11_object *object, struct pkcs11_key *out, struct fas_err *e)
{
	CK_OBJECT_CLASS public_key = CKO_PUBLIC_KEY;
	CK_OBJECT_HANDLE handle = 0;
	struct octets id;
	CK_RV rv = read_octets(m, s, object->handle, CKA_ID, &id);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_GetAttributeValue", rv);
	if (id.len == 0 || id.len > PKCS11_ID_MAX)
		return fas_fail(e, FAS_E_CONFIG, "token_key_id",
		    "the key has no CKA_ID of 1 to %d octets: give it one", PKCS11_ID_MAX);
	(void)hex_encode(id.data, id.len, out->id);
	CK_ATTRIBUTE want[] = {
	    {CKA_CLASS, &public_key, sizeof(public_key)}, {CKA_ID, id.data, id.len}};
	enum fas_code rc = find_one(m, s, want, NELEMS(want), &handle, e);
	return rc == FAS_OK ? read_public(m, s, handle, object->type, out, e) : rc;
}

/* ---- making ---- */

static const struct kind {
	const char *name;
	CK_MECHANISM_TYPE mechanism;
	CK_ULONG bits;
	uint8_t curve[10]; /* DER of its name */
	CK_ULONG curve_len;
} kinds[] = {
    {"rsa-2048", CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, {0}, 0},
    {"rsa-3072", CKM_RSA_PKCS_KEY_PAIR_GEN, 3072, {0}, 0},
    {"rsa-4096", CKM_RSA_PKCS_KEY_PAIR_GEN, 4096, {0}, 0},
    {"p-256", CKM_EC_KEY_PAIR_GEN, 256,
	{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10},
    {"p-384", CKM_EC_KEY_PAIR_GEN, 384, {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, 7},
};

static enum fas_code
generate(const struct pkcs11_module *m, CK_SESSION_HANDLE s, const struct kind *kind,
    CK_ATTRIBUTE id, CK_ATTRIBUTE label, CK_OBJECT_HANDLE *out, struct fas_err *e)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG bits = kind->bits;
	uint8_t exponent[] = {1, 0, 1}, curve[sizeof(kind->curve)];
	bool rsa = kind->mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN;
	CK_MECHANISM mechanism = {kind->mechanism, NULL, 0};
	CK_OBJECT_HANDLE ignored = 0;
	memcpy(curve, kind->curve, sizeof(curve));
	CK_ATTRIBUTE public_half[] = {{CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_VERIFY, &yes, sizeof(yes)}, id, label,
	    rsa ? (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof(bits)}
		: (CK_ATTRIBUTE){CKA_EC_PARAMS, curve, kind->curve_len},
	    {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)}};
	CK_ATTRIBUTE private_half[] = {{CKA_TOKEN, &yes, sizeof(yes)},
	    {CKA_PRIVATE, &yes, sizeof(yes)}, {CKA_SENSITIVE, &yes, sizeof(yes)},
	    {CKA_EXTRACTABLE, &no, sizeof(no)}, {CKA_SIGN, &yes, sizeof(yes)}, id, label};
	CK_RV rv = m->f->C_GenerateKeyPair(s, &mechanism, public_half,
	    NELEMS(public_half) - (rsa ? 0 : 1), private_half, NELEMS(private_half), &ignored, out);
	return rv == CKR_OK ? FAS_OK : pkcs11_failed(e, "C_GenerateKeyPair", rv);
}

enum fas_code
pkcs11_object_make(const struct pkcs11_module *m, CK_SESSION_HANDLE s, const char *type,
    const char *label, struct pkcs11_key *out, struct fas_err *e)
{
	const struct kind *kind = NULL;
	struct pkcs11_object object = {0};
	uint8_t id[NEW_ID_LEN];
	char name[64];
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		if (strcmp(kinds[i].name, type) == 0)
			kind = &kinds[i];
	}
	size_t len = strlen(label);
	if (!kind || len >= sizeof(name))
		return fas_fail(e, FAS_E_INPUT, "key_type", "no key of type \"%s\"", type);
	if (RAND_bytes(id, sizeof(id)) != 1)
		return fas_fail_openssl(e, "random bytes for a key's id");
	(void)snprintf(name, sizeof(name), "%s", label);
	enum fas_code rc = generate(m, s, kind, (CK_ATTRIBUTE){CKA_ID, id, sizeof(id)},
	    (CK_ATTRIBUTE){CKA_LABEL, name, len}, &object.handle, e);
	if (rc == FAS_OK)
		rc = read_kind(m, s, &object, e);
	return rc == FAS_OK ? pkcs11_object_read(m, s, &object, out, e) : rc;
}

/* ---- signing ---- */

/* DigestInfo (RFC 8017 9.2, note 1) up to the digest. */
static const struct {
	const char *hash;
	size_t digest_len;
	uint8_t head[19];
} digest_infos[] = {
    {"sha256", 32,
	{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
	    0x05, 0x00, 0x04, 0x20}},
    {"sha384", 48,
	{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
	    0x05, 0x00, 0x04, 0x30}},
};

/* What the token is given: the digest for ECDSA, its DigestInfo for RSA.  *len 0: it is no digest of that hash. */
static void
to_sign(const struct pkcs11_object *object, const char *hash, const uint8_t *digest,
    size_t digest_len, uint8_t out[128], CK_ULONG *len)
{
	*len = 0;
	for (size_t i = 0; i < NELEMS(digest_infos); i++) {
		size_t head = object->type == CKK_RSA ? sizeof(digest_infos[i].head) : 0;
		if (strcmp(digest_infos[i].hash, hash) != 0 ||
		    digest_infos[i].digest_len != digest_len)
			continue;
		memcpy(out, digest_infos[i].head, head);
		memcpy(out + head, digest, digest_len);
		*len = head + digest_len;
	}
}

enum fas_code
pkcs11_object_sign(struct pkcs11_module *m, CK_SESSION_HANDLE s, const struct pkcs11_object *object,
    const char *hash, const uint8_t *digest, size_t digest_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e)
{
	uint8_t data[128];
	CK_ULONG len = 0, made = KEY_SIGNATURE_MAX;
	CK_MECHANISM mechanism = {object->type == CKK_RSA ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
	to_sign(object, hash, digest, digest_len, data, &len);
	if (len == 0)
		return fas_fail(e, FAS_E_INPUT, "digest_malformed", "no digest of %.16s", hash);
	CK_RV rv = m->f->C_SignInit(s, &mechanism, object->handle);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_SignInit", rv);
	enum fas_code rc = object->asks_each_time ? pkcs11_log_in_again(m, s, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	rv = m->f->C_Sign(s, data, len, signature, &made);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_Sign", rv);
	*signature_len = made;
	return FAS_OK;
}
