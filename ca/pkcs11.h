/*
 * Keys in PKCS#11 tokens, as the signer sees them.
 *
 * A module is foreign code with its own idea of files, threads and networks: it never runs in the process that has the
 * authorities' other keys, the ledger and the sockets.  For each token of the configuration there is a child, started
 * before the signer builds its walls; it alone knows the PIN, and it has the files, and the network, that its section of
 * the configuration names, and nothing else.  It is two processes: one that waits, and a worker below it that has loaded
 * the module; when the token goes away, or the module fails, hangs or crashes, the worker ends, and another begins anew.
 *
 * Requests pass through the child's door: a pair of sockets, over which a connection (fas/base/wire.h) is handed for each.
 */
#ifndef CA_PKCS11_H
#define CA_PKCS11_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ca/config.h"
#include "fas/base/err.h"

#define PKCS11_ID_MAX 64 /* octets of CKA_ID */
#define PKCS11_SPKI_MAX 1024

struct pkcs11_key {
	char id[2 * PKCS11_ID_MAX + 1]; /* CKA_ID, hex */
	uint8_t spki[PKCS11_SPKI_MAX];  /* DER */
	size_t spki_len;
};

/* Start the children of all tokens.  Before the first thread, before any key is read, and before the walls. */
MUST_CHECK enum fas_code pkcs11_start(struct signer_config *config, struct fas_err *e);

/*
 * The URI (RFC 7512) of a token or of a key in it.  FAS_E_CONFIG "pkcs11_uri": malformed, of no token, or it carries a
 * PIN, which has its own place.  *has_object: it names a key.
 */
MUST_CHECK enum fas_code pkcs11_uri_check(const char *uri, bool *has_object, struct fas_err *e);

/*
 * All of the following: FAS_E_UNAVAILABLE "token_away" when there is no such token (or its child is starting),
 * "token_pin" when the token has refused the PIN: it is not tried again before the file says another one,
 * "token_crashed", "token_slow", "token_key_missing"; FAS_E_CONFIG "token_ambiguous", "token_threads".
 *
 * hash: "sha256", "sha384", of which digest is one.  signature has KEY_SIGNATURE_MAX bytes: RSA PKCS#1 v1.5 (RFC 8017
 * 8.2), or r and s side by side.
 */
MUST_CHECK enum fas_code pkcs11_sign(const struct pkcs11_config *token, const char *id,
    const char *hash, const uint8_t *digest, size_t digest_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e);
/* A new pair in the token: never to be read out, for signatures alone. */
MUST_CHECK enum fas_code pkcs11_make(const struct pkcs11_config *token, const char *type,
    const char *label, struct pkcs11_key *out, struct fas_err *e);
/* The one key that the token's URI names. */
MUST_CHECK enum fas_code pkcs11_find(
    const struct pkcs11_config *token, struct pkcs11_key *out, struct fas_err *e);
/* Is the key there, and would the token sign? */
MUST_CHECK enum fas_code pkcs11_check(
    const struct pkcs11_config *token, const char *id, struct fas_err *e);

#endif
