/* What the module's tests share: the .so by dlopen, a card server with one card of an RSA and a P-256 key, assertions. */
#ifndef TESTS_PKCS11_FIXTURE_H
#define TESTS_PKCS11_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p11-kit/pkcs11.h>

#include "tests/unit/pkcs11/card_server.h"

#define LABEL "alice@CORP"

/* Of the running test. */
extern CK_FUNCTION_LIST_PTR p11;
extern struct card_server *server;
extern CK_SLOT_ID slot;
extern struct card_key ca, rsa, ec, other_rsa;

/* Once: keys, server, module.  Every test: one card, C_Initialize; and back. */
int group_setup(void **state);
int group_teardown(void **state);
int test_setup(void **state);
int test_teardown(void **state);

#define assert_rv(call, want) assert_int_equal((CK_RV)(call), (CK_RV)(want))
#define assert_ok(call) assert_rv(call, CKR_OK)

CK_SESSION_HANDLE open_session(void);
/* The first object of this class whose CKA_ID is the key's; CK_INVALID_HANDLE: none. */
CK_OBJECT_HANDLE find_object(
    CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const struct card_key *key);
/* All objects of a session's token. */
size_t count_objects(CK_SESSION_HANDLE session);
/* Is it the key's signature of this digest?  mechanism: as CKM_RSA_PKCS, CKM_RSA_PKCS_PSS or CKM_ECDSA. */
bool verifies(const struct card_key *key, CK_MECHANISM_TYPE mechanism, enum card_hash hash,
    const uint8_t *digest, size_t len, const uint8_t *signature, size_t signature_len);
/* SHA-2 of data; its length. */
size_t digest_of(enum card_hash hash, const void *data, size_t len, uint8_t *digest);
/* The digest inside its DigestInfo (SHA-256). */
size_t digest_info(const uint8_t *digest, uint8_t *out);

#endif
