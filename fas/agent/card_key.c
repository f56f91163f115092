#include "fas/agent/card_key.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#define LABEL_LOGON "Logon"
#define LABEL_SESSION "Session"
#define POINT_MAX 256
#define NUMBER_MAX 2048

DEFINE_OWN(bn, BIGNUM *, BN_free);
DEFINE_OWN(octets, ASN1_OCTET_STRING *, ASN1_OCTET_STRING_free);

static void
card_key_free(struct card_key *k)
{
	EVP_PKEY_free(k->key);
	X509_free(k->certificate);
	for (size_t i = 0; i < k->n_issuers; i++)
		X509_free(k->issuers[i]);
	free(k);
}

struct card_key *
card_key_ref(struct card_key *key)
{
	if (key)
		(void)atomic_fetch_add(&key->refs, 1);
	return key;
}

void
card_key_unref(struct card_key *key)
{
	if (key && atomic_fetch_sub(&key->refs, 1) == 1)
		card_key_free(key);
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	struct tm tm;
	return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* RFC 5280 4.2.1.2 (1): SHA-1 of the subjectPublicKey's bits. */
static bool
make_id(X509 *certificate, uint8_t out[CARD_KEY_ID_BYTES])
{
	unsigned len = 0;
	uint8_t digest[EVP_MAX_MD_SIZE];
	if (X509_pubkey_digest(certificate, EVP_sha1(), digest, &len) != 1 ||
	    len != CARD_KEY_ID_BYTES)
		return false;
	memcpy(out, digest, len);
	return true;
}

static enum fas_code
read_issuers(const char *pem, struct card_key *k, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *one;
	if (!bio)
		return fas_fail_nomem(e);
	while (k->n_issuers < CARD_CHAIN_MAX && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		k->issuers[k->n_issuers++] = one;
	ERR_clear_error(); /* the end of the text is reported as an error */
	return FAS_OK;
}

static bool
make_serial(struct card_key *k)
{
	OWN(bn) BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(k->certificate), NULL);
	char *text = number ? BN_bn2hex(number) : NULL;
	if (text)
		(void)snprintf(k->serial, sizeof(k->serial), "%s", text);
	OPENSSL_free(text);
	for (char *at = k->serial; *at; at++)
		*at = *at >= 'A' && *at <= 'F' ? (char)(*at - 'A' + 'a') : *at;
	return text != NULL;
}

static enum fas_code
fill(const struct card_key_parts *parts, struct card_key *k, struct fas_err *e)
{
	const char *pem = parts->certificate_pem;
	if (certificate_from_pem(pem, strlen(pem), &k->certificate, e) != FAS_OK ||
	    read_issuers(parts->chain_pem, k, e) != FAS_OK)
		return e->code;
	EVP_PKEY *certified = X509_get0_pubkey(k->certificate);
	if (!certified || !make_id(k->certificate, k->id) || !make_serial(k))
		return fas_fail_openssl(e, "the user's certificate");
	if (parts->key && EVP_PKEY_eq(certified, parts->key) != 1)
		return fas_fail(e, FAS_E_AUTH, "answer_certificate",
		    "the certificate in the answer is for another key than ours");
	if (parts->key && EVP_PKEY_up_ref(parts->key) == 1)
		k->key = parts->key;
	(void)snprintf(k->name, sizeof(k->name), "%s", parts->name ? parts->name : "");
	k->not_before_s = seconds_of(X509_get0_notBefore(k->certificate));
	k->not_after_s = seconds_of(X509_get0_notAfter(k->certificate));
	return FAS_OK;
}

enum fas_code
card_key_new(const struct card_key_parts *parts, struct card_key **out, struct fas_err *e)
{
	OWN(card_key) struct card_key *k = calloc(1, sizeof(*k));
	if (!k)
		return fas_fail_nomem(e);
	atomic_init(&k->refs, 1);
	k->purpose = parts->purpose;
	if (fill(parts, k, e) != FAS_OK)
		return e->code;
	if (!k->key && !k->name[0])
		return fas_fail(
		    e, FAS_E_INTERNAL, "internal", "a certificate without a key of anybody's");
	*out = TAKE(k);
	return FAS_OK;
}

bool
card_key_is_valid(const struct card_key *key, int64_t now_s)
{
	return now_s >= key->not_before_s && now_s < key->not_after_s;
}

uint32_t
card_key_mechanisms(const struct card_key *key)
{
	switch (EVP_PKEY_get_base_id(X509_get0_pubkey(key->certificate))) {
	case EVP_PKEY_RSA:
		return 1U << CARD_MECHANISM_RSA_PKCS1 | 1U << CARD_MECHANISM_RSA_PSS;
	case EVP_PKEY_EC:
		return 1U << CARD_MECHANISM_ECDSA;
	default:
		return 0;
	}
}

/* ---- as entries of the card protocol ---- */

static bool
write_number(struct card_writer *w, EVP_PKEY *key, const char *param, enum card_tag tag)
{
	OWN(bn) BIGNUM *number = NULL;
	uint8_t bytes[NUMBER_MAX];
	if (EVP_PKEY_get_bn_param(key, param, &number) != 1 || BN_num_bytes(number) > NUMBER_MAX)
		return false;
	card_write_bytes(w, tag, bytes, (size_t)BN_bn2bin(number, bytes));
	return true;
}

static bool
write_curve(struct card_writer *w, EVP_PKEY *key)
{
	char name[64];
	unsigned char *der = NULL;
	if (EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return false;
	int nid = OBJ_txt2nid(name);
	if (nid == NID_undef)
		nid = EC_curve_nist2nid(name);
	int len = nid == NID_undef ? 0 : i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &der);
	if (len > 0)
		card_write_bytes(w, CARD_TAG_EC_PARAMS, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0;
}

/* PKCS#11 2.40 2.3.3: the point as a DER OCTET STRING. */
static bool
write_point(struct card_writer *w, EVP_PKEY *key)
{
	uint8_t point[POINT_MAX];
	size_t len = 0;
	unsigned char *der = NULL;
	OWN(octets) ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	if (!octets ||
	    EVP_PKEY_get_octet_string_param(
		key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) != 1 ||
	    ASN1_OCTET_STRING_set(octets, point, (int)len) != 1)
		return false;
	int der_len = i2d_ASN1_OCTET_STRING(octets, &der);
	if (der_len > 0)
		card_write_bytes(w, CARD_TAG_EC_POINT, der, (size_t)der_len);
	OPENSSL_free(der);
	return der_len > 0;
}

static bool
write_public(struct card_writer *w, EVP_PKEY *key)
{
	bool rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	card_write_number(w, CARD_TAG_KEY_TYPE, rsa ? CARD_KEY_RSA : CARD_KEY_EC);
	card_write_number(w, CARD_TAG_BITS, (uint64_t)EVP_PKEY_get_bits(key));
	if (rsa)
		return write_number(w, key, OSSL_PKEY_PARAM_RSA_N, CARD_TAG_MODULUS) &&
		       write_number(w, key, OSSL_PKEY_PARAM_RSA_E, CARD_TAG_EXPONENT);
	return write_curve(w, key) && write_point(w, key);
}

static bool
write_der(struct card_writer *w, enum card_tag tag, unsigned char *der, int len)
{
	if (len > 0)
		card_write_bytes(w, tag, der, (size_t)len);
	OPENSSL_free(der);
	return len > 0;
}

static bool
write_certificate(struct card_writer *w, X509 *x)
{
	unsigned char *der = NULL, *subject = NULL, *issuer = NULL, *serial = NULL;
	int len = i2d_X509(x, &der);
	bool good = write_der(w, CARD_TAG_CERTIFICATE, der, len);
	len = i2d_X509_NAME(X509_get_subject_name(x), &subject);
	good = write_der(w, CARD_TAG_SUBJECT, subject, len) && good;
	len = i2d_X509_NAME(X509_get_issuer_name(x), &issuer);
	good = write_der(w, CARD_TAG_ISSUER, issuer, len) && good;
	len = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &serial);
	good = write_der(w, CARD_TAG_CERT_SERIAL, serial, len) && good;
	card_write_number(w, CARD_TAG_NOT_BEFORE, (uint64_t)seconds_of(X509_get0_notBefore(x)));
	card_write_number(w, CARD_TAG_NOT_AFTER, (uint64_t)seconds_of(X509_get0_notAfter(x)));
	return good;
}

enum fas_code
card_key_write(
    const struct card_key *k, uint32_t mechanisms, struct card_writer *w, struct fas_err *e)
{
	bool logon = k->purpose == CARD_PURPOSE_LOGON;
	card_write_open(w, CARD_TAG_KEY);
	card_write_bytes(w, CARD_TAG_KEY_ID, k->id, sizeof(k->id));
	card_write_text(w, CARD_TAG_LABEL, logon ? LABEL_LOGON : LABEL_SESSION);
	card_write_number(w, CARD_TAG_PURPOSE, (uint64_t)k->purpose);
	card_write_number(w, CARD_TAG_MECHANISMS, mechanisms);
	bool good = write_public(w, X509_get0_pubkey(k->certificate));
	good = write_certificate(w, k->certificate) && good;
	card_write_close(w);
	return good ? FAS_OK : fas_fail_openssl(e, "a key's objects");
}

static void
label_of(X509 *certificate, char out[CARD_LABEL_MAX + 1])
{
	X509_NAME *name = X509_get_subject_name(certificate);
	if (X509_NAME_get_text_by_NID(name, NID_commonName, out, CARD_LABEL_MAX + 1) <= 0)
		(void)snprintf(out, CARD_LABEL_MAX + 1, "CA");
	for (char *at = out; *at; at++)
		*at = *at >= ' ' && *at < 0x7f ? *at : '?';
}

enum fas_code
card_key_write_issuers(const struct card_key *k, struct card_writer *w, struct fas_err *e)
{
	bool good = true;
	for (size_t i = 0; i < k->n_issuers; i++) {
		uint8_t id[CARD_KEY_ID_BYTES];
		char label[CARD_LABEL_MAX + 1];
		label_of(k->issuers[i], label);
		card_write_open(w, CARD_TAG_ISSUER_CERT);
		good = make_id(k->issuers[i], id) && good;
		card_write_bytes(w, CARD_TAG_KEY_ID, id, sizeof(id));
		card_write_text(w, CARD_TAG_LABEL, label);
		good = write_certificate(w, k->issuers[i]) && good;
		card_write_close(w);
	}
	return good ? FAS_OK : fas_fail_openssl(e, "the issuers of a key");
}
