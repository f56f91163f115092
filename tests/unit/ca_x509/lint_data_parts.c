#include "lint_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

void
data_fail(const char *what, const char *where)
{
	(void)fprintf(stderr, "lint_data: %s: %s\n", where, what);
	exit(1);
}

/* len octets that depend on label only. */
static void
fill(uint8_t *out, size_t len, const char *label)
{
	uint8_t block[SHA256_DIGEST_LENGTH];
	char text[64];
	for (size_t i = 0; i < len; i++) {
		if (i % sizeof(block) == 0) {
			int n = snprintf(text, sizeof(text), "%s/%zu", label, i);
			NEED(n > 0 && SHA256((const uint8_t *)text, (size_t)n, block));
		}
		out[i] = block[i % sizeof(block)];
	}
}

static struct data_spki
encode_spki(struct asn1_spki *spki, const uint8_t *key, size_t key_len)
{
	struct data_spki out;
	NEED(asn1_set_octets(spki->key, key, key_len));
	NEED(asn1_encode(ASN1_ITEM_rptr(asn1_spki), spki, &out.der, &out.len, NULL) == FAS_OK);
	asn1_spki_free(spki);
	return out;
}

struct data_spki
data_rsa(unsigned bits, unsigned exponent, const char *label)
{
	uint8_t modulus[1024], *der = NULL;
	size_t len = bits / 8, der_len = 0;
	struct asn1_rsa *rsa = asn1_new(ASN1_ITEM_rptr(asn1_rsa));
	struct asn1_spki *spki = asn1_new(ASN1_ITEM_rptr(asn1_spki));
	fill(modulus, len, label);
	modulus[0] |= 0x80;
	modulus[len - 1] |= 1;
	NEED(rsa && spki && ASN1_STRING_set(rsa->modulus, modulus, (int)len));
	NEED(ASN1_INTEGER_set(rsa->exponent, exponent));
	NEED(asn1_encode(ASN1_ITEM_rptr(asn1_rsa), rsa, &der, &der_len, NULL) == FAS_OK);
	NEED(X509_ALGOR_set0(spki->algorithm, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_NULL, NULL));
	asn1_free(rsa, ASN1_ITEM_rptr(asn1_rsa));
	const struct data_spki out = encode_spki(spki, der, der_len);
	free(der);
	return out;
}

struct data_spki
data_ec(int curve, size_t point_len, bool explicit_parameters)
{
	uint8_t point[200];
	struct asn1_spki *spki = asn1_new(ASN1_ITEM_rptr(asn1_spki));
	fill(point, point_len, OBJ_nid2sn(curve));
	point[0] = 0x04;
	if (explicit_parameters) {
		EC_GROUP *group = EC_GROUP_new_by_curve_name(curve);
		unsigned char *der = NULL;
		EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
		int len = i2d_ECPKParameters(group, &der);
		ASN1_STRING *parameters = ASN1_STRING_new();
		NEED(len > 0 && ASN1_STRING_set(parameters, der, len));
		NEED(X509_ALGOR_set0(spki->algorithm, OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
		    V_ASN1_SEQUENCE, parameters));
		OPENSSL_free(der);
		EC_GROUP_free(group);
	} else {
		NEED(X509_ALGOR_set0(spki->algorithm, OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
		    V_ASN1_OBJECT, OBJ_nid2obj(curve)));
	}
	return encode_spki(spki, point, point_len);
}

struct asn1_extension *
data_find(const STACK_OF(asn1_extension) * list, int nid)
{
	for (int i = 0; i < sk_asn1_extension_num(list); i++) {
		if (OBJ_obj2nid(sk_asn1_extension_value(list, i)->id) == nid)
			return sk_asn1_extension_value(list, i);
	}
	return NULL;
}

void
data_drop(STACK_OF(asn1_extension) * list, int nid)
{
	struct asn1_extension *extension = data_find(list, nid);
	NEED(extension != NULL);
	asn1_extension_free(sk_asn1_extension_delete_ptr(list, extension));
}

void
data_set(STACK_OF(asn1_extension) * list, int nid, const void *der, size_t len)
{
	struct asn1_extension *extension = data_find(list, nid);
	if (!extension) {
		extension = asn1_new(ASN1_ITEM_rptr(asn1_extension));
		NEED(extension && nid != NID_undef);
		ASN1_OBJECT_free(extension->id);
		extension->id = OBJ_nid2obj(nid);
		NEED(sk_asn1_extension_push(list, extension));
	}
	NEED(ASN1_OCTET_STRING_set(extension->value, der, (int)len));
}

void
data_set_value(STACK_OF(asn1_extension) * list, int nid, const ASN1_ITEM *item, const void *value)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	NEED(asn1_encode(item, value, &der, &len, NULL) == FAS_OK);
	data_set(list, nid, der, len);
}

void
data_make_critical(STACK_OF(asn1_extension) * list, int nid)
{
	struct asn1_extension *extension = data_find(list, nid);
	NEED(extension != NULL);
	extension->critical = 0xff;
}

void
data_repeat(STACK_OF(asn1_extension) * list, int nid)
{
	const struct asn1_extension *extension = data_find(list, nid);
	NEED(extension != NULL);
	struct asn1_extension *again = ASN1_item_dup(ASN1_ITEM_rptr(asn1_extension), extension);
	NEED(again && sk_asn1_extension_push(list, again));
}

void *
data_value(const STACK_OF(asn1_extension) * list, int nid, const ASN1_ITEM *item)
{
	const struct asn1_extension *extension = data_find(list, nid);
	NEED(extension != NULL);
	void *value = asn1_decode(item, ASN1_STRING_get0_data(extension->value),
	    (size_t)ASN1_STRING_length(extension->value));
	NEED(value != NULL);
	return value;
}

void
data_set_key(struct asn1_tbs *tbs, struct data_spki spki)
{
	static const uint8_t rsa_usage[] = {0x03, 0x02, 0x05, 0xa0},
			     usage[] = {0x03, 0x02, 0x07, 0x80};
	uint8_t id[2 + ASN1_SKI_LEN] = {V_ASN1_OCTET_STRING, ASN1_SKI_LEN};
	asn1_spki_free(tbs->spki);
	tbs->spki = asn1_decode(ASN1_ITEM_rptr(asn1_spki), spki.der, spki.len);
	free(spki.der);
	NEED(tbs->spki && asn1_key_id(tbs->spki, id + 2));
	data_set(tbs->extensions, NID_subject_key_identifier, id, sizeof(id));
	bool rsa = OBJ_obj2nid(tbs->spki->algorithm->algorithm) == NID_rsaEncryption;
	data_set(tbs->extensions, NID_key_usage, rsa ? rsa_usage : usage, sizeof(usage));
}

static void
push_name(struct asn1_tbs *tbs, GENERAL_NAME *name)
{
	GENERAL_NAMES *names =
	    data_value(tbs->extensions, NID_subject_alt_name, ASN1_ITEM_rptr(GENERAL_NAMES));
	NEED(sk_GENERAL_NAME_push(names, name));
	data_set_value(tbs->extensions, NID_subject_alt_name, ASN1_ITEM_rptr(GENERAL_NAMES), names);
	GENERAL_NAMES_free(names);
}

void
data_add_name(struct asn1_tbs *tbs, int choice, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *string = ASN1_STRING_type_new(V_ASN1_IA5STRING);
	NEED(name && string && ASN1_STRING_set(string, text, -1));
	GENERAL_NAME_set0_value(name, choice, string);
	push_name(tbs, name);
}

void
data_add_other_name(struct asn1_tbs *tbs, int nid, int string_type, const char *text)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *string = ASN1_STRING_type_new(string_type);
	ASN1_TYPE *value = ASN1_TYPE_new();
	NEED(name && string && value && ASN1_STRING_set(string, text, -1));
	ASN1_TYPE_set(value, string_type, string);
	NEED(GENERAL_NAME_set0_othername(name, OBJ_nid2obj(nid), value));
	push_name(tbs, name);
}

void
data_clear_names(struct asn1_tbs *tbs)
{
	static const uint8_t none[] = {0x30, 0x00};
	data_set(tbs->extensions, NID_subject_alt_name, none, sizeof(none));
}

static void
free_rdn(STACK_OF(X509_NAME_ENTRY) * rdn)
{
	sk_X509_NAME_ENTRY_pop_free(rdn, X509_NAME_ENTRY_free);
}

void
data_set_subject(struct asn1_tbs *tbs, const char *const pairs[][2], size_t n)
{
	while (sk_asn1_rdn_num(tbs->subject) > 0)
		free_rdn(sk_asn1_rdn_pop(tbs->subject));
	for (size_t i = 0; i < n; i++) {
		STACK_OF(X509_NAME_ENTRY) *rdn = sk_X509_NAME_ENTRY_new_null();
		X509_NAME_ENTRY *entry =
		    X509_NAME_ENTRY_create_by_txt(NULL, pairs[i][0], V_ASN1_UTF8STRING,
			(const unsigned char *)pairs[i][1], (int)strlen(pairs[i][1]));
		NEED(rdn && entry && sk_X509_NAME_ENTRY_push(rdn, entry));
		NEED(sk_asn1_rdn_push(tbs->subject, rdn));
	}
}

X509_NAME_ENTRY *
data_attribute(const struct asn1_tbs *tbs, int nid)
{
	for (int i = 0; i < sk_asn1_rdn_num(tbs->subject); i++) {
		X509_NAME_ENTRY *entry =
		    sk_X509_NAME_ENTRY_value(sk_asn1_rdn_value(tbs->subject, i), 0);
		if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == nid)
			return entry;
	}
	data_fail(OBJ_nid2sn(nid), __func__);
}

void
data_set_time(ASN1_TIME *time, int64_t unix_s, bool generalized)
{
	if (generalized)
		NEED(ASN1_GENERALIZEDTIME_set(time, (time_t)unix_s));
	else
		NEED(ASN1_TIME_set(time, (time_t)unix_s));
}

void
data_set_algorithm(X509_ALGOR *algorithm, int nid)
{
	bool rsa = nid == NID_sha256WithRSAEncryption || nid == NID_sha1WithRSAEncryption;
	NEED(X509_ALGOR_set0(algorithm, OBJ_nid2obj(nid), rsa ? V_ASN1_NULL : V_ASN1_UNDEF, NULL));
}
