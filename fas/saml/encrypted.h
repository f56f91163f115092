/* What is encrypted may look like before a key is used on it, and the algorithms that there are. */
#ifndef FAS_SAML_ENCRYPTED_H
#define FAS_SAML_ENCRYPTED_H

#include <stdbool.h>
#include <stddef.h>

#include <libxml/tree.h>

#include "fas/base/err.h"

/* Each costs a private operation for each of our keys; a provider encrypts for one reader. */
#define ENCRYPTED_KEYS_MAX 2

/* Encryption of the content (XML Encryption 1.1 5.2). */
struct cipher_method {
	const char *href;
	const char *name; /* as OpenSSL calls it */
	size_t key_bytes, iv_bytes, tag_bytes;
	bool
	    authenticated; /* else any change of the ciphertext opens too: an oracle for whoever may try */
};

/* The hash of RSA-OAEP (XML Encryption 1.1 5.5.2). */
struct oaep_digest {
	const char *href;
	const char *name;
};

struct wrapped_key {
	const struct oaep_digest *digest;
	const char *value; /* base64 */
};

/* Borrowed from the document. */
struct encrypted {
	const struct cipher_method *cipher;
	const char *value; /* base64 */
	struct wrapped_key keys[ENCRYPTED_KEYS_MAX];
	size_t n_keys;
};

/*
 * An EncryptedAssertion or EncryptedID (SAML core 2.3.4, 2.2.4): one EncryptedData with its ciphertext, and the keys that
 * stand in its KeyInfo or behind it.  What else a KeyInfo says is not looked at: a RetrievalMethod is never followed.
 * is_signed: the element lies under a signature that was verified; what is not authenticated by itself needs that.
 *
 * FAS_E_AUTH "saml_structure", or "saml_algorithm" for one that is not in the tables or not allowed there.
 */
MUST_CHECK enum fas_code encrypted_check(
    const xmlNode *node, bool is_signed, struct encrypted *out, struct fas_err *e);

#endif
