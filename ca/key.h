/*
 * The key of a certification authority, or of a user (ca/pool.h).  Everything that an authority ever signs goes through
 * key_sign, so that profiles, CRLs and requests cannot tell a file from a token; a user's key signs digests alone.
 */
#ifndef CA_KEY_H
#define CA_KEY_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "ca/profile.h"
#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/secret.h"

#define KEY_SIGNATURE_MAX 512 /* octets: RSA-4096; an ECDSA P-384 signature is at most 104 */
#define KEY_DIGEST_MIN 20
#define KEY_DIGEST_MAX 64
#define KEY_FILE_MAX 16384

struct key;
struct pkcs11_config;

/* "rsa-2048" (the default), "rsa-3072", "rsa-4096", "p-256", "p-384"; else FAS_E_INPUT "key_type". */
MUST_CHECK enum fas_code key_generate(const char *type, struct key **out, struct fas_err *e);
/* breathe is called between the steps of making an RSA key, a fraction of a millisecond apart, and may take its time. */
MUST_CHECK enum fas_code key_generate_slowly(
    const char *type, void (*breathe)(void *arg), void *arg, struct key **out, struct fas_err *e);

/* PKCS#8 (RFC 5958), PEM, into a new file of mode 0600; FAS_E_CONFLICT "file_exists" when there is one. */
MUST_CHECK enum fas_code key_save(const struct key *key, const char *path, struct fas_err *e);
/* Owner and mode as secret_load demands.  FAS_E_CONFIG "key_file" when it is not one unencrypted private key. */
MUST_CHECK enum fas_code key_load(const char *path, struct key **out, struct fas_err *e);
/* The same under a passphrase: EncryptedPrivateKeyInfo (RFC 8018 6.2: PBES2, here scrypt and AES-256-CBC). */
MUST_CHECK enum fas_code key_save_sealed(
    const struct key *key, const char *path, const struct secret *passphrase, struct fas_err *e);
/* FAS_E_CONFIG "key_passphrase" when it does not open the file; "key_unsealed" when the file needs none. */
MUST_CHECK enum fas_code key_load_sealed(
    const char *path, const struct secret *passphrase, struct key **out, struct fas_err *e);
/*
 * A key that lies in a token: spki (DER) is its public half, id (hex) names the object there.  Nothing is asked of the
 * token; what: where it is from, for messages.
 */
MUST_CHECK enum fas_code key_in_token(const struct pkcs11_config *token, const char *id,
    const uint8_t *spki, size_t spki_len, const char *what, struct key **out, struct fas_err *e);
void key_free(struct key *key);

/*
 * At rest a user's key is its numbers alone, a quarter of what it is when it has signed once.  A folded key has its type
 * and its public key; before it signs it has to be unfolded, and from then on key_sign_digest is all that it does.
 * Both change nothing when it is so already; what cannot be folded stays as it is.  Not thread-safe.
 */
void key_fold(struct key *key);
MUST_CHECK enum fas_code key_unfold(struct key *key, struct fas_err *e);

const char *key_type(const struct key *key);
enum profile_signature key_algorithm(const struct key *key);
/* RSA PKCS#1 v1.5: the same bytes give the same signature for ever. */
bool key_is_deterministic(const struct key *key);
/* Length of a placeholder as long as a real signature. */
size_t key_signature_len(const struct key *key);

/* SubjectPublicKeyInfo, DER; borrowed. */
const uint8_t *key_spki(const struct key *key, size_t *len);
/* FAS_E_CONFLICT "key_mismatch" when public_key is not this key's. */
MUST_CHECK enum fas_code key_matches(
    const struct key *key, const EVP_PKEY *public_key, struct fas_err *e);

/* It lies in a token, whose processes know by themselves whether it can sign. */
bool key_is_in_token(const struct key *key);
/* Could it sign now?  Always, when it lies in a file; FAS_E_UNAVAILABLE as pkcs11.h says when it lies in a token. */
MUST_CHECK enum fas_code key_check(const struct key *key, struct fas_err *e);

/*
 * signature has KEY_SIGNATURE_MAX bytes.  Thread-safe.  A key in a token: FAS_E_UNAVAILABLE, "token_away" and the others
 * of pkcs11.h.
 */
MUST_CHECK enum fas_code key_sign(const struct key *key, const uint8_t *tbs, size_t tbs_len,
    uint8_t *signature, size_t *signature_len, struct fas_err *e);

/* What one signature costs with this key, verified as each is: microseconds of the clock, measured now (0.2 s at most). */
MUST_CHECK enum fas_code key_cost(const struct key *key, int64_t *each_us, struct fas_err *e);

enum key_mechanism {
	KEY_RSA_PKCS1, /* RFC 8017 8.2: the DigestInfo is built here, never taken from outside */
	KEY_RSA_PSS,   /* RFC 8017 8.1: MGF1 with the same hash, salt as long as the digest */
	KEY_ECDSA /* r and s, each as long as the group's order (IEEE P1363), as PKCS#11 has it */
};
/* "rsa-pkcs1", "rsa-pss", "ecdsa". */
bool key_mechanism_parse(const char *name, enum key_mechanism *out);
const char *key_mechanism_name(enum key_mechanism mechanism);

/*
 * May such a digest be signed?  hash: "sha256", "sha384", "sha512"; for KEY_ECDSA also "none", a digest of 20 to 64
 * octets.  FAS_E_INPUT "digest_malformed" when the digest is not one of that hash.
 */
MUST_CHECK enum fas_code key_digest_check(
    enum key_mechanism mechanism, const char *hash, size_t digest_len, struct fas_err *e);

/*
 * Sign a digest with a user's key.  signature has KEY_SIGNATURE_MAX bytes.  Thread-safe.  As key_digest_check, and
 * FAS_E_DENIED "sign_mechanism" when the key is of another kind.
 */
MUST_CHECK enum fas_code key_sign_digest(const struct key *key, enum key_mechanism mechanism,
    const char *hash, const uint8_t *digest, size_t digest_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e);

/* Does public_key confirm it?  FAS_E_CRYPTO "signature_wrong" otherwise. */
MUST_CHECK enum fas_code key_verify(EVP_PKEY *public_key, enum profile_signature algorithm,
    const uint8_t *tbs, size_t tbs_len, const uint8_t *signature, size_t signature_len,
    struct fas_err *e);

/* ---- ca/key_hash.c: the same over a digest, for what is long ---- */

struct key_hash {
	enum profile_signature algorithm;
	uint8_t digest[KEY_DIGEST_MAX];
	size_t len;
};
MUST_CHECK enum fas_code key_hash(enum profile_signature algorithm, const uint8_t *data, size_t len,
    struct key_hash *out, struct fas_err *e);
/* As key_sign.  FAS_E_UNAVAILABLE "key_elsewhere": a key that is not in this process; then key_sign does it. */
MUST_CHECK enum fas_code key_sign_hash(const struct key *key, const struct key_hash *hash,
    uint8_t *signature, size_t *signature_len, struct fas_err *e);
/* As key_verify. */
MUST_CHECK enum fas_code key_verify_hash(EVP_PKEY *public_key, const struct key_hash *hash,
    const uint8_t *signature, size_t signature_len, struct fas_err *e);

DEFINE_OWN(key, struct key *, key_free);

#endif
