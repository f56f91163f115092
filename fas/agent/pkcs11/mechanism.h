/* The mechanisms: one table. */
#ifndef FAS_AGENT_PKCS11_MECHANISM_H
#define FAS_AGENT_PKCS11_MECHANISM_H

#include "fas/agent/pkcs11/object.h"

#define MECHANISMS_MAX 16

struct mechanism {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key_type;
	enum card_mechanism wire;
	enum card_hash hash; /* the agent hashes; 0: the caller did */
};

/* What a signature is made with: the mechanism and its parameters. */
struct scheme {
	const struct mechanism *mechanism;
	enum card_hash hash; /* of the digest that is signed; 0: not known here */
	enum card_hash mgf;  /* RSA_PSS */
	uint16_t salt_len;
};

/* CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID; CKR_KEY_TYPE_INCONSISTENT: not with this key. */
MUST_CHECK CK_RV scheme_read(
    const CK_MECHANISM *mechanism, const struct object *key, struct scheme *out);
/* Length of a digest in bytes. */
size_t hash_len(enum card_hash hash);

/* Those that this key may be used with; room for MECHANISMS_MAX. */
size_t mechanisms_of_key(const struct object *key, CK_MECHANISM_TYPE *list);
CK_RV mechanisms_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR n);
CK_RV mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR out);

#endif
