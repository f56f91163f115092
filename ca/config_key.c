/* signer.yaml: where keys lie. */
#include <string.h>

#include "ca/config_parts.h"
#include "ca/pkcs11.h"

#define SESSIONS_DEFAULT 4
#define SESSIONS_MAX 16
#define TIMEOUT_DEFAULT_S 3
#define TIMEOUT_MAX_S 60

bool
config_name_is_valid(const char *name, size_t max)
{
	size_t len = strlen(name);
	return len > 0 && len < max && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* WHAT_file or WHAT_credential, or neither. */
static enum fas_code
read_source(struct yaml_reader *r, const char *file_key, const char *credential_key,
    struct secret_source *out, struct fas_err *e)
{
	const struct yaml_node *file = yaml_want(r, file_key, YAML_SCALAR);
	const struct yaml_node *credential = yaml_want(r, credential_key, YAML_SCALAR);
	if (file && credential)
		return yaml_fail_key(
		    credential, e, "config_key", "%s or %s, not both", file_key, credential_key);
	if (file && file->text[0] != '/')
		return yaml_fail(
		    file, e, "config_path", "\"%s\" is not an absolute path", file->text);
	if (credential && (strchr(credential->text, '/') || credential->text[0] == '.'))
		return yaml_fail(credential, e, "config_key",
		    "\"%s\" is not the name of a credential (systemd.exec(5))", credential->text);
	if (file)
		*out = (struct secret_source){SECRET_FILE, file->text};
	else if (credential)
		*out = (struct secret_source){SECRET_CREDENTIAL, credential->text};
	return FAS_OK;
}

/* ---- tokens ---- */

static enum fas_code
read_paths(struct yaml_reader *r, const char *key, const char *out[PKCS11_PATHS_MAX], size_t *n,
    struct fas_err *e)
{
	const struct yaml_node *list = yaml_want_texts(r, key);
	if (list && list->n > PKCS11_PATHS_MAX)
		return yaml_fail(list, e, "config_pkcs11", "%zu paths, want at most %d", list->n,
		    PKCS11_PATHS_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		if (list->items[i]->text[0] != '/' || list->items[i]->text[1] == 0)
			return yaml_fail(list->items[i], e, "config_path",
			    "\"%s\" is not an absolute path below /", list->items[i]->text);
		out[i] = list->items[i]->text;
		*n = i + 1;
	}
	return FAS_OK;
}

/* What decides over which code is run, and as whom, is not a module's affair. */
static bool
variable_is_allowed(const char *name)
{
	return name[0] && strncmp(name, "LD_", 3) != 0 && strncmp(name, "GLIBC_", 6) != 0 &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
		   strlen(name);
}

static enum fas_code
read_environment(struct yaml_reader *r, struct pkcs11_config *t, struct fas_err *e)
{
	t->environment = yaml_want(r, "environment", YAML_MAP);
	if (!t->environment)
		return FAS_OK;
	if (t->environment->n > PKCS11_ENVIRONMENT_MAX)
		return yaml_fail(t->environment, e, "config_pkcs11",
		    "%zu variables, want at most %d", t->environment->n, PKCS11_ENVIRONMENT_MAX);
	for (size_t i = 0; i < t->environment->n; i++) {
		const struct yaml_node *at = t->environment->items[i];
		if (at->kind != YAML_SCALAR || !variable_is_allowed(at->key))
			return yaml_fail_key(at, e, "config_pkcs11",
			    "\"%s\" is no variable that a module may be given", at->key);
	}
	return FAS_OK;
}

static enum fas_code
check_token(const struct yaml_node *node, const struct signer_config *c, size_t at,
    const char *name, struct fas_err *e)
{
	struct fas_err why = {0};
	bool has_object = false;
	if (!config_name_is_valid(name, PKCS11_NAME_MAX))
		return yaml_fail(node, e, "config_pkcs11",
		    "token \"%s\": want up to %d of a-z, 0-9 and -", name, PKCS11_NAME_MAX - 1);
	for (size_t i = 0; i < at; i++) {
		if (strcmp(c->pkcs11[i].name, name) == 0)
			return yaml_fail(
			    node, e, "config_pkcs11", "token \"%s\" stands there twice", name);
	}
	if (pkcs11_uri_check(c->pkcs11[at].uri, &has_object, &why) != FAS_OK)
		return yaml_fail(node, e, why.reason, "%s", why.message);
	return FAS_OK;
}

static enum fas_code
read_token(const struct yaml_node *node, struct signer_config *c, size_t at, struct fas_err *e)
{
	struct yaml_reader r;
	struct fas_err checked = {0};
	struct pkcs11_config *t = &c->pkcs11[at];
	if (yaml_open(&r, node, "a token", e) != FAS_OK)
		return e->code;
	const char *name = yaml_need_text(&r, "name");
	t->door = -1;
	t->uri = yaml_need_text(&r, "uri");
	t->sessions = (size_t)yaml_want_int(&r, "sessions", 1, SESSIONS_MAX, SESSIONS_DEFAULT);
	t->timeout_s = yaml_want_duration(&r, "timeout", 1, TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S);
	t->network = yaml_want_bool(&r, "network", false);
	if (read_source(&r, "pin_file", "pin_credential", &t->pin, e) != FAS_OK ||
	    read_paths(&r, "read", t->read, &t->n_read, e) != FAS_OK ||
	    read_paths(&r, "write", t->write, &t->n_write, e) != FAS_OK ||
	    read_environment(&r, t, e) != FAS_OK || yaml_finish(&r) != FAS_OK)
		return e->code;
	enum fas_code rc = check_token(node, c, at, name, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(t->name, name, strlen(name) + 1);
	return pkcs11_uri_check(t->uri, &t->has_object, &checked);
}

enum fas_code
config_read_pkcs11(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	const struct yaml_node *list = yaml_want(top, "pkcs11", YAML_LIST);
	if (list && list->n > PKCS11_MAX)
		return yaml_fail(
		    list, e, "config_pkcs11", "%zu tokens, want at most %d", list->n, PKCS11_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		enum fas_code rc = read_token(list->items[i], c, i, e);
		if (rc != FAS_OK)
			return rc;
		c->n_pkcs11 = i + 1;
	}
	return FAS_OK;
}

/* ---- keys ---- */

enum fas_code
config_read_key(struct yaml_reader *above, const struct signer_config *c, const char *default_type,
    struct key_place *out, struct fas_err *e)
{
	static const char *const types[] = {"rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"};
	struct yaml_reader r;
	const struct yaml_node *node = yaml_want(above, "key", YAML_MAP);
	*out = (struct key_place){.type = default_type};
	if (!node)
		return FAS_OK;
	if (yaml_open(&r, node, "\"key\"", e) != FAS_OK)
		return e->code;
	size_t type = yaml_want_word(&r, "type", types, NELEMS(types), NELEMS(types));
	const struct yaml_node *token = yaml_want(&r, "pkcs11", YAML_SCALAR);
	if (read_source(&r, "passphrase_file", "passphrase_credential", &out->passphrase, e) !=
		FAS_OK ||
	    yaml_finish(&r) != FAS_OK)
		return e->code;
	if (type < NELEMS(types))
		out->type = types[type];
	for (size_t i = 0; token && i < c->n_pkcs11; i++) {
		if (strcmp(c->pkcs11[i].name, token->text) == 0)
			out->token = &c->pkcs11[i];
	}
	if (token && !out->token)
		return yaml_fail(
		    token, e, "config_key", "there is no token \"%s\" under pkcs11", token->text);
	return FAS_OK;
}
