/* Public keys as SubjectPublicKeyInfo says them (RFC 3279 2.3.1, RFC 5480 2), without the decoder layer. */
#include "ca/asn1.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/sha.h>

void
asn1_key_done(struct asn1_key *key)
{
	asn1_free(key->rsa, ASN1_ITEM_rptr(asn1_rsa));
	*key = (struct asn1_key){0};
}

static unsigned
bits_of(const ASN1_INTEGER *number)
{
	const unsigned char *data = ASN1_STRING_get0_data(number);
	int len = ASN1_STRING_length(number);
	if (len == 0 || ASN1_STRING_type(number) != V_ASN1_INTEGER)
		return 0;
	return (unsigned)(len - 1) * 8 + (unsigned)BN_num_bits_word(data[0]);
}

/* rsaEncryption with NULL parameters (RFC 3279 2.3.1: "MUST be NULL"). */
static bool
read_rsa(const struct asn1_spki *spki, int parameters, struct asn1_key *out)
{
	uint64_t exponent;
	out->type = ASN1_KEY_RSA;
	out->rsa = asn1_decode(ASN1_ITEM_rptr(asn1_rsa), ASN1_STRING_get0_data(spki->key),
	    (size_t)ASN1_STRING_length(spki->key));
	if (!out->rsa)
		return false;
	out->bits = bits_of(out->rsa->modulus);
	if (ASN1_INTEGER_get_uint64(&exponent, out->rsa->exponent) == 1 && exponent <= UINT32_MAX)
		out->exponent = (unsigned)exponent;
	ERR_clear_error();
	return parameters == V_ASN1_NULL &&
	       asn1_is_canonical(ASN1_ITEM_rptr(asn1_rsa), out->rsa,
		   ASN1_STRING_get0_data(spki->key), (size_t)ASN1_STRING_length(spki->key));
}

/* Field sizes of the curves that a profile may carry. */
static const struct {
	int curve;
	unsigned bits;
} curves[] = {{NID_X9_62_prime256v1, 256}, {NID_secp384r1, 384}, {NID_secp521r1, 521}};

static bool
read_ec(const struct asn1_spki *spki, int parameters, const void *value, struct asn1_key *out)
{
	out->type = ASN1_KEY_EC;
	out->point = ASN1_STRING_get0_data(spki->key);
	out->point_len = (size_t)ASN1_STRING_length(spki->key);
	if (parameters != V_ASN1_OBJECT)
		return true; /* explicit parameters: curve stays undefined */
	out->curve = OBJ_obj2nid(value);
	for (size_t i = 0; i < NELEMS(curves); i++) {
		if (curves[i].curve == out->curve)
			out->bits = curves[i].bits;
	}
	/* RFC 5480 2.2: 04 || X || Y; a point in another form is no key that Windows takes */
	return out->bits == 0 ||
	       (out->point_len == 1 + 2 * ((out->bits + 7) / 8) && out->point[0] == 0x04);
}

bool
asn1_key_read(const struct asn1_spki *spki, struct asn1_key *out)
{
	const ASN1_OBJECT *id = NULL;
	const void *value = NULL;
	int parameters = V_ASN1_UNDEF;
	*out = (struct asn1_key){.curve = NID_undef};
	X509_ALGOR_get0(&id, &parameters, &value, spki->algorithm);
	if (spki->key->flags & 0x07) /* unused bits */
		return false;
	int type = OBJ_obj2nid(id);
	if (type == NID_rsaEncryption)
		return read_rsa(spki, parameters, out);
	if (type == NID_X9_62_id_ecPublicKey)
		return read_ec(spki, parameters, value, out);
	return true;
}

bool
asn1_key_id(const struct asn1_spki *spki, uint8_t out[ASN1_SKI_LEN])
{
	return SHA1(ASN1_STRING_get0_data(spki->key), (size_t)ASN1_STRING_length(spki->key), out) !=
	       NULL;
}
