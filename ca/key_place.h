/*
 * Where an authority's key lies: in a file, under a passphrase or not, or in a PKCS#11 token.
 *
 * Each generation has a file in STATE/keys.  Of a key in a token it holds no secret: which token, which object, and the
 * public key, so that the signer knows its authorities also while a token is away.
 */
#ifndef CA_KEY_PLACE_H
#define CA_KEY_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/secret.h"

#define PKCS11_MAX 8
#define PKCS11_NAME_MAX 32 /* with NUL */
#define PKCS11_PATHS_MAX 16
#define PKCS11_ENVIRONMENT_MAX 16
#define KEY_PASSPHRASE_MAX 1024

struct key;
struct signer_config;
struct yaml_node;

/* A passphrase or a PIN; texts are borrowed from the configuration. */
struct secret_source {
	enum { SECRET_NONE, SECRET_FILE, SECRET_CREDENTIAL } kind;
	const char *name; /* the file's path, or the name of a systemd credential */
};
/*
 * As secret_load.  FAS_E_CONFIG "credential_missing" when the manager has given none (systemd.exec(5), LoadCredential=),
 * "secret_empty".
 */
MUST_CHECK enum fas_code secret_source_load(
    const struct secret_source *source, struct secret *out, struct fas_err *e);

/* A token, and the module that leads to it. */
struct pkcs11_config {
	char name[PKCS11_NAME_MAX]; /* [a-z0-9][a-z0-9-]* */
	const char *uri;            /* RFC 7512 */
	bool has_object;            /* the URI names a key: it is there already, and is used */
	struct secret_source pin;
	size_t sessions;
	int64_t timeout_s;
	bool network;
	const char *read[PKCS11_PATHS_MAX], *write[PKCS11_PATHS_MAX];
	size_t n_read, n_write;
	const struct yaml_node *environment; /* of the module; or NULL */
	int door; /* to the child that has the module (ca/pkcs11.h); -1: none was started */
};

struct key_place {
	const char *type; /* of new keys */
	struct secret_source passphrase;
	const struct pkcs11_config *token; /* NULL: in the file */
};

/* The folder of the keys: this user's, and nobody else's to enter.  FAS_E_CONFIG "key_folder". */
MUST_CHECK enum fas_code key_folder_check(const char *path, struct fas_err *e);

/*
 * A new key, in its place, with its file at path.  label: of the object in a token.  A token whose URI names a key gives
 * that one: FAS_E_CONFLICT "key_type" when it is of another type.
 */
MUST_CHECK enum fas_code key_place_make(const struct key_place *place, const char *type,
    const char *label, const char *path, struct key **out, struct fas_err *e);

/*
 * The key whose file this is.  FAS_E_CONFIG "key_file" when it is neither a key nor names one; "key_token" when it names
 * a token that the configuration does not have.
 */
MUST_CHECK enum fas_code key_place_load(const struct signer_config *config,
    const struct key_place *place, const char *path, struct key **out, struct fas_err *e);

#endif
