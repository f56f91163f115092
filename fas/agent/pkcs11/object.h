/*
 * What is on a card: for each key its certificate, public and private key object, and the issuing CA's certificates.
 * Objects keep their handles for as long as they stay on the card, also over a reading anew.
 */
#ifndef FAS_AGENT_PKCS11_OBJECT_H
#define FAS_AGENT_PKCS11_OBJECT_H

#include "fas/agent/pkcs11/module.h"
#include "fas/card/wire.h"

#define OBJECTS_MAX 192 /* three for each field of a message */

/* The byte strings of an object. */
enum object_bytes {
	OBJECT_KEY_ID,
	OBJECT_LABEL,
	OBJECT_MODULUS,
	OBJECT_EXPONENT,
	OBJECT_EC_PARAMS,
	OBJECT_EC_POINT,
	OBJECT_CERTIFICATE,
	OBJECT_SUBJECT,
	OBJECT_ISSUER,
	OBJECT_CERT_SERIAL,
	OBJECT_BYTES_N
};

struct bytes {
	const uint8_t *data; /* NULL: the object has none */
	size_t len;
};

struct object {
	CK_OBJECT_HANDLE handle;
	CK_OBJECT_CLASS class; /* CKO_CERTIFICATE, CKO_PUBLIC_KEY, CKO_PRIVATE_KEY */
	CK_KEY_TYPE key_type;  /* keys */
	bool authority;        /* the certificate of a CA */
	CK_ULONG bits;
	uint32_t mechanisms; /* 1 << enum card_mechanism */
	uint64_t not_before_s, not_after_s;
	struct bytes bytes[OBJECT_BYTES_N];
};

struct objects {
	bool loaded; /* false: to be read (again) before the next search */
	uint64_t generation;
	struct object *list; /* the handles stay good while it is not loaded */
	size_t n;
	uint8_t *storage; /* what the objects' bytes point into */
};

/* From the answer to OBJECTS.  CKR_HOST_MEMORY: nothing has changed. */
MUST_CHECK CK_RV objects_load(struct objects *objects, const struct card_message *answer);
void objects_drop(struct objects *objects);
/* NULL: no such object on this card. */
const struct object *objects_find(const struct objects *objects, CK_OBJECT_HANDLE handle);

#endif
