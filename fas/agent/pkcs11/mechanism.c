#include "fas/agent/pkcs11/mechanism.h"

#include "fas/agent/pkcs11/slot.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 4096
#define EC_MIN_BITS 256
#define EC_MAX_BITS 521

#define RAW ((enum card_hash)0)

static const struct mechanism mechanisms[] = {
    {CKM_RSA_PKCS, CKK_RSA, CARD_MECHANISM_RSA_PKCS1, RAW},
    {CKM_SHA256_RSA_PKCS, CKK_RSA, CARD_MECHANISM_RSA_PKCS1, CARD_HASH_SHA256},
    {CKM_SHA384_RSA_PKCS, CKK_RSA, CARD_MECHANISM_RSA_PKCS1, CARD_HASH_SHA384},
    {CKM_SHA512_RSA_PKCS, CKK_RSA, CARD_MECHANISM_RSA_PKCS1, CARD_HASH_SHA512},
    {CKM_RSA_PKCS_PSS, CKK_RSA, CARD_MECHANISM_RSA_PSS, RAW},
    {CKM_SHA256_RSA_PKCS_PSS, CKK_RSA, CARD_MECHANISM_RSA_PSS, CARD_HASH_SHA256},
    {CKM_SHA384_RSA_PKCS_PSS, CKK_RSA, CARD_MECHANISM_RSA_PSS, CARD_HASH_SHA384},
    {CKM_SHA512_RSA_PKCS_PSS, CKK_RSA, CARD_MECHANISM_RSA_PSS, CARD_HASH_SHA512},
    {CKM_ECDSA, CKK_EC, CARD_MECHANISM_ECDSA, RAW},
    {CKM_ECDSA_SHA256, CKK_EC, CARD_MECHANISM_ECDSA, CARD_HASH_SHA256},
    {CKM_ECDSA_SHA384, CKK_EC, CARD_MECHANISM_ECDSA, CARD_HASH_SHA384},
    {CKM_ECDSA_SHA512, CKK_EC, CARD_MECHANISM_ECDSA, CARD_HASH_SHA512},
};
_Static_assert(NELEMS(mechanisms) <= MECHANISMS_MAX, "callers have room for MECHANISMS_MAX");

static const struct hash {
	enum card_hash wire;
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mgf;
	size_t len;
} hashes[] = {
    {CARD_HASH_SHA256, CKM_SHA256, CKG_MGF1_SHA256, 32},
    {CARD_HASH_SHA384, CKM_SHA384, CKG_MGF1_SHA384, 48},
    {CARD_HASH_SHA512, CKM_SHA512, CKG_MGF1_SHA512, 64},
};

/* ---- looking up ---- */

static const struct mechanism *
find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < NELEMS(mechanisms); i++)
		if (mechanisms[i].type == type)
			return &mechanisms[i];
	return NULL;
}

static bool
key_allows(const struct object *key, const struct mechanism *m)
{
	return key->key_type == m->key_type && (key->mechanisms & 1u << m->wire);
}

size_t
hash_len(enum card_hash hash)
{
	for (size_t i = 0; i < NELEMS(hashes); i++)
		if (hashes[i].wire == hash)
			return hashes[i].len;
	return 0;
}

/* ---- parameters ---- */

static CK_RV
read_pss(const CK_MECHANISM *m, struct scheme *out)
{
	const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
	if (!p || m->ulParameterLen != sizeof(*p) || p->sLen > UINT16_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	for (size_t i = 0; i < NELEMS(hashes); i++) {
		if (hashes[i].mechanism == p->hashAlg)
			out->hash = hashes[i].wire;
		if (hashes[i].mgf == p->mgf)
			out->mgf = hashes[i].wire;
	}
	out->salt_len = (uint16_t)p->sLen;
	/* v2.40 2.1.15: with a hash of its own the mechanism says the same as its parameter. */
	if (out->hash == RAW || out->mgf == RAW ||
	    (out->mechanism->hash != RAW && out->mechanism->hash != out->hash))
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

CK_RV
scheme_read(const CK_MECHANISM *mechanism, const struct object *key, struct scheme *out)
{
	const struct mechanism *m = find(mechanism->mechanism);
	if (!m)
		return CKR_MECHANISM_INVALID;
	*out = (struct scheme){.mechanism = m, .hash = m->hash};
	if (key->key_type != m->key_type)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!key_allows(key, m))
		return CKR_MECHANISM_INVALID;
	if (m->wire == CARD_MECHANISM_RSA_PSS)
		return read_pss(mechanism, out);
	return mechanism->pParameter || mechanism->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID
								  : CKR_OK;
}

/* ---- lists ---- */

size_t
mechanisms_of_key(const struct object *key, CK_MECHANISM_TYPE *list)
{
	size_t n = 0;
	for (size_t i = 0; i < NELEMS(mechanisms); i++)
		if (key_allows(key, &mechanisms[i]))
			list[n++] = mechanisms[i].type;
	return n;
}

/*
 * All of them, whatever keys are there: this is asked by every program that loads the module, and looking at the keys
 * could fetch a certificate that the program never wants.
 */
CK_RV
mechanisms_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n)
{
	struct slot *found = NULL;
	if (!n)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = slot_find_now(slot, &found);
	if (rv != CKR_OK)
		return rv;
	CK_ULONG room = *n;
	*n = NELEMS(mechanisms);
	if (list && room < *n)
		return CKR_BUFFER_TOO_SMALL;
	for (size_t i = 0; list && i < NELEMS(mechanisms); i++)
		list[i] = mechanisms[i].type;
	return CKR_OK;
}

CK_RV
mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR out)
{
	struct slot *found = NULL;
	const struct mechanism *m = find(type);
	if (!out)
		return CKR_ARGUMENTS_BAD;
	CK_RV rv = slot_find_now(slot, &found);
	if (rv != CKR_OK)
		return rv;
	if (!m)
		return CKR_MECHANISM_INVALID;
	if (m->key_type == CKK_RSA)
		*out = (CK_MECHANISM_INFO){RSA_MIN_BITS, RSA_MAX_BITS, CKF_SIGN};
	else
		*out = (CK_MECHANISM_INFO){EC_MIN_BITS, EC_MAX_BITS,
		    CKF_SIGN | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS};
	return CKR_OK;
}
