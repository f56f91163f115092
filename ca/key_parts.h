/* What ca/key*.c share. */
#ifndef CA_KEY_PARTS_H
#define CA_KEY_PARTS_H

#include <openssl/evp.h>

#include "ca/key.h"

/* Borrowed; for signing only. */
EVP_PKEY *key_pkey(const struct key *key);

#endif
