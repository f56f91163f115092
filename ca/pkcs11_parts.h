/* What ca/pkcs11*.c share. */
#ifndef CA_PKCS11_PARTS_H
#define CA_PKCS11_PARTS_H

#include <stdatomic.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "ca/pkcs11.h"
#include "fas/base/own.h"
#include "fas/base/secret.h"

#define PKCS11_MESSAGE_MAX 16384
#define PKCS11_MAKE_TIMEOUT_S 110 /* a TPM may draw for a minute; fasctl waits for two */

/* ---- the door (pkcs11_door.c) ---- */

MUST_CHECK enum fas_code door_make(int *signer, int *child, struct fas_err *e);
/* Hand fd through.  FAS_E_UNAVAILABLE "token_away" when so many wait there already that there is no room. */
MUST_CHECK enum fas_code door_pass(int door, int fd, struct fas_err *e);
/*
 * The next connection.  timeout_ms < 0: without limit.  FAS_E_TIMEOUT "door_timeout"; FAS_E_NOTFOUND "door_closed" when
 * the signer has ended.
 */
MUST_CHECK enum fas_code door_take(int door, int timeout_ms, int *fd, struct fas_err *e);

/* ---- the child (pkcs11_child.c) and its worker (pkcs11_worker.c) ---- */

/* Never returns.  door is the only descriptor that the process keeps, but for the standard ones. */
void pkcs11_child(const struct pkcs11_config *config, int door) __attribute__((noreturn));

/* How a worker ends. */
enum worker_end { WORKER_DOOR_CLOSED = 0, WORKER_FAILED = 3, WORKER_PIN = 4 };

/* Never returns; *why, in memory that both share, says in the end what went wrong. */
void pkcs11_worker(const struct pkcs11_config *config, int door, const struct secret *pin,
    struct fas_err *why) __attribute__((noreturn));

/* ---- their walls (pkcs11_confine.c) ---- */

/* The one that waits: it reads the PIN, and starts workers.  The worker: what its module needs.  For good, both. */
MUST_CHECK enum fas_code pkcs11_child_confine(
    const struct pkcs11_config *config, struct fas_err *e);
MUST_CHECK enum fas_code pkcs11_worker_confine(
    const struct pkcs11_config *config, struct fas_err *e);

/* ---- the module (pkcs11_module.c, pkcs11_object.c): in the worker alone ---- */

struct pkcs11_module {
	const struct pkcs11_config *config;
	const struct secret *pin; /* NULL: the token wants none */
	P11KitUri *uri;
	CK_FUNCTION_LIST *f;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* logged in: as long as it is open, every other one is */
	atomic_bool pin_refused;
};

/* Load the module, find the one token, log in. */
MUST_CHECK enum fas_code pkcs11_module_open(struct pkcs11_module *m, struct fas_err *e);
MUST_CHECK enum fas_code pkcs11_session_open(
    const struct pkcs11_module *m, CK_SESSION_HANDLE *out, struct fas_err *e);
/* The PIN once more, for the one signature that has begun in s.  A PIN that was refused is not tried by another session. */
MUST_CHECK enum fas_code pkcs11_log_in_again(
    struct pkcs11_module *m, CK_SESSION_HANDLE s, struct fas_err *e);
/* FAS_E_UNAVAILABLE "token_lost" with what was called and what it said. */
enum fas_code pkcs11_failed(struct fas_err *e, const char *what, CK_RV rv);

struct pkcs11_object {
	CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE type;
	bool asks_each_time; /* CKA_ALWAYS_AUTHENTICATE */
};
/* The private key with this CKA_ID; id NULL: the one that the URI names. */
MUST_CHECK enum fas_code pkcs11_object_find(const struct pkcs11_module *m, CK_SESSION_HANDLE s,
    const char *id, struct pkcs11_object *out, struct fas_err *e);
/* Identity and public half of a private key. */
MUST_CHECK enum fas_code pkcs11_object_read(const struct pkcs11_module *m, CK_SESSION_HANDLE s,
    const struct pkcs11_object *object, struct pkcs11_key *out, struct fas_err *e);
MUST_CHECK enum fas_code pkcs11_object_make(const struct pkcs11_module *m, CK_SESSION_HANDLE s,
    const char *type, const char *label, struct pkcs11_key *out, struct fas_err *e);
MUST_CHECK enum fas_code pkcs11_object_sign(struct pkcs11_module *m, CK_SESSION_HANDLE s,
    const struct pkcs11_object *object, const char *hash, const uint8_t *digest, size_t digest_len,
    uint8_t *signature, size_t *signature_len, struct fas_err *e);

#endif
