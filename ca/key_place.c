#include "ca/key_place.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/config.h"
#include "ca/key.h"
#include "ca/pkcs11.h"
#include "ca/spki.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

enum fas_code
secret_source_load(const struct secret_source *source, struct secret *out, struct fas_err *e)
{
	char path[PATH_MAX];
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	enum fas_code rc = FAS_OK;
	if (source->kind == SECRET_CREDENTIAL && !folder)
		return fas_fail(e, FAS_E_CONFIG, "credential_missing",
		    "credential \"%s\": $CREDENTIALS_DIRECTORY is not set; give it by "
		    "LoadCredential= or LoadCredentialEncrypted= of the unit",
		    source->name);
	if (source->kind == SECRET_CREDENTIAL)
		rc = file_join(path, sizeof(path), folder, source->name, e);
	if (rc == FAS_OK)
		rc = secret_load(out, source->kind == SECRET_CREDENTIAL ? path : source->name,
		    KEY_PASSPHRASE_MAX, e);
	if (rc == FAS_OK && out->len == 0)
		rc = fas_fail(e, FAS_E_CONFIG, "secret_empty", "%s is empty", source->name);
	return rc;
}

enum fas_code
key_folder_check(const char *path, struct fas_err *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fas_fail_errno(e, "%s", path);
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFIG, "key_folder",
	    "%s has mode %04o and belongs to uid %u, want 0700 and uid %u", path,
	    (unsigned)(st.st_mode & 07777), (unsigned)st.st_uid, (unsigned)geteuid());
}

/* ---- the file of a key in a token ---- */

static enum fas_code
save_reference(const struct pkcs11_config *token, const struct pkcs11_key *key, const char *path,
    struct fas_err *e)
{
	OWN(text) char *spki = base64_encode(key->spki, key->spki_len);
	OWN(json)
	json_t *reference = json_pack(
	    "{s:s,s:s,s:s}", "pkcs11", token->name, "id", key->id, "public_key", spki ? spki : "");
	OWN(text) char *text = spki ? json_text(reference, JSON_INDENT(1)) : NULL;
	return text ? file_write_new(path, text, strlen(text), 0600, e) : fas_fail_nomem(e);
}

static const struct pkcs11_config *
token_named(const struct signer_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_pkcs11; i++) {
		if (strcmp(config->pkcs11[i].name, name) == 0)
			return &config->pkcs11[i];
	}
	return NULL;
}

static enum fas_code
load_reference(const struct signer_config *config, const struct secret *text, const char *path,
    struct key **out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader in = {0};
	struct fas_err why = {0};
	(void)json_open(&in, (const char *)text->data, text->len, &why);
	const char *name = json_need_text(&in, "pkcs11", 1, PKCS11_NAME_MAX - 1);
	const char *id = json_need_text(&in, "id", 2, 2 * PKCS11_ID_MAX);
	size_t len = 0;
	OWN(bytes) uint8_t *spki = json_need_base64(&in, "public_key", SPKI_MAX, &len);
	enum fas_code rc = json_finish(&in);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return fas_fail(e, FAS_E_CONFIG, "key_file", "%s: %s", path, why.message);
	const struct pkcs11_config *token = token_named(config, name);
	if (!token)
		return fas_fail(e, FAS_E_CONFIG, "key_token",
		    "%s names token \"%s\", signer.yaml (pkcs11:) does not", path, name);
	return key_in_token(token, id, spki, len, path, out, e);
}

/* ---- make and load ---- */

static enum fas_code
make_in_token(const struct key_place *place, const char *type, const char *label, const char *path,
    struct key **out, struct fas_err *e)
{
	struct pkcs11_key made = {0};
	OWN(key) struct key *key = NULL;
	enum fas_code rc = place->token->has_object
			       ? pkcs11_find(place->token, &made, e)
			       : pkcs11_make(place->token, type, label, &made, e);
	if (rc == FAS_OK)
		rc = key_in_token(
		    place->token, made.id, made.spki, made.spki_len, place->token->name, &key, e);
	if (rc == FAS_OK && strcmp(key_type(key), type) != 0)
		rc = fas_fail(e, FAS_E_CONFLICT, "key_type",
		    "the key in token \"%s\" is %s, want %s", place->token->name, key_type(key),
		    type);
	if (rc == FAS_OK)
		rc = save_reference(place->token, &made, path, e);
	if (rc == FAS_OK)
		*out = TAKE(key);
	return rc;
}

enum fas_code
key_place_make(const struct key_place *place, const char *type, const char *label, const char *path,
    struct key **out, struct fas_err *e)
{
	OWN(secret) struct secret passphrase = {0};
	OWN(key) struct key *key = NULL;
	if (place->token)
		return make_in_token(place, type, label, path, out, e);
	bool sealed = place->passphrase.kind != SECRET_NONE;
	enum fas_code rc = key_generate(type, &key, e);
	if (rc == FAS_OK && sealed)
		rc = secret_source_load(&place->passphrase, &passphrase, e);
	if (rc == FAS_OK)
		rc = sealed ? key_save_sealed(key, path, &passphrase, e) : key_save(key, path, e);
	if (rc == FAS_OK)
		*out = TAKE(key);
	return rc;
}

enum fas_code
key_place_load(const struct signer_config *config, const struct key_place *place, const char *path,
    struct key **out, struct fas_err *e)
{
	OWN(secret) struct secret text = {0};
	OWN(secret) struct secret passphrase = {0};
	enum fas_code rc = secret_load(&text, path, KEY_FILE_MAX, e);
	if (rc != FAS_OK)
		return rc;
	if (text.len > 0 && text.data[0] == '{')
		return load_reference(config, &text, path, out, e);
	if (place->passphrase.kind == SECRET_NONE)
		return key_load(path, out, e);
	rc = secret_source_load(&place->passphrase, &passphrase, e);
	return rc == FAS_OK ? key_load_sealed(path, &passphrase, out, e) : rc;
}
