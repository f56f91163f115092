/* What ca/key*.c share. */
#ifndef CA_KEY_PARTS_H
#define CA_KEY_PARTS_H

#include <openssl/evp.h>

#include "ca/key.h"

/* Borrowed; for signing only. */
EVP_PKEY *key_pkey(const struct key *key);

/* A new key of pkey, which is taken in every case; what: where it is from, for messages. */
MUST_CHECK enum fas_code key_wrap(
    EVP_PKEY *pkey, const char *what, struct key **out, struct fas_err *e);

/* key_sign by a key in a token: the digest is made here, the token sees nothing else. */
MUST_CHECK enum fas_code key_token_sign(const struct pkcs11_config *token, const char *id,
    enum profile_signature algorithm, const uint8_t *tbs, size_t tbs_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e);

#endif
