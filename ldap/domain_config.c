#include "ldap/domain_config.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "fas/base/file.h"
#include "fas/base/names.h"
#include "fas/base/text.h"
#include "ldap/dn_text.h"

#define TIMEOUT_MIN_MS 50
#define TIMEOUT_MAX_MS 60000
#define TIMEOUT_DEFAULT_MS 3000

static const char *const bind_words[] = {
    [BIND_GSSAPI] = "gssapi",
    [BIND_SIMPLE_LDAPS] = "simple-ldaps",
    [BIND_SIMPLE_STARTTLS] = "simple-starttls",
};

static enum fas_code
keep_text(char **out, const char *text, struct fas_err *e)
{
	if (!text)
		return FAS_OK;
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
keep_path(char **out, const char *folder, const char *path, struct fas_err *e)
{
	char joined[PATH_MAX];
	if (!path || path[0] == '/')
		return keep_text(out, path, e);
	enum fas_code rc = file_join(joined, sizeof(joined), folder, path, e);
	return rc == FAS_OK ? keep_text(out, joined, e) : rc;
}

/* RFC 4120 6.1 wants realms of DNS style in upper case. */
static enum fas_code
keep_realm(struct domain_config *out, const char *realm, struct fas_err *e)
{
	enum fas_code rc = keep_text(&out->realm, realm ? realm : out->name, e);
	for (char *at = realm ? NULL : out->realm; at && *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return rc;
}

static enum fas_code
keep_base(struct domain_config *out, const char *base, struct fas_err *e)
{
	if (base)
		return keep_text(&out->base, base, e);
	out->base = dn_text_of_domain(out->name);
	return out->base ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
keep_controllers(struct domain_config *out, const struct yaml_node *list, struct fas_err *e)
{
	if (!list)
		return FAS_OK;
	if (list->n == 0 || list->n > CONTROLLERS_MAX)
		return yaml_fail(list, e, "yaml_value",
		    "controllers: want 1 to 32 names, or leave the list out for SRV records");
	for (size_t i = 0; i < list->n; i++) {
		const struct yaml_node *item = list->items[i];
		if (!hostname_is_valid(item->text))
			return yaml_fail(item, e, "yaml_value",
			    "controllers: \"%s\" is no DNS host name (RFC 1123 2.1)", item->text);
		enum fas_code rc = keep_text(&out->controllers[i], item->text, e);
		if (rc != FAS_OK)
			return rc;
		out->n_controllers++;
	}
	return FAS_OK;
}

/* parse_duration's units and, for what must be quick, "ms". */
static bool
parse_timeout(const char *text, int64_t *out_ms)
{
	char digits[16];
	uint64_t ms;
	int64_t seconds;
	size_t len = strlen(text);
	if (len > 2 && len < sizeof(digits) && strcmp(text + len - 2, "ms") == 0) {
		memcpy(digits, text, len - 2);
		digits[len - 2] = 0;
		if (!parse_uint(digits, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, &ms))
			return false;
		*out_ms = (int64_t)ms;
		return true;
	}
	if (!parse_duration(text, 1, TIMEOUT_MAX_MS / 1000, &seconds))
		return false;
	*out_ms = seconds * 1000;
	return true;
}

static enum fas_code
read_timeout(struct yaml_reader *r, struct domain_config *out, struct fas_err *e)
{
	const struct yaml_node *node = yaml_want(r, "timeout", YAML_SCALAR);
	out->timeout_ms = TIMEOUT_DEFAULT_MS;
	if (!node || parse_timeout(node->text, &out->timeout_ms))
		return FAS_OK;
	return yaml_fail(node, e, "yaml_value",
	    "timeout: \"%s\" is no time from 50ms to 60s, e.g. 3s", node->text);
}

/* What each kind of bind needs (+), and what only the others know (-), so that nothing is silently ignored. */
static enum fas_code
check_bind(const struct yaml_node *map, const struct domain_config *c, struct fas_err *e)
{
	bool simple = c->bind != BIND_GSSAPI;
	const struct {
		const char *key, *value;
		bool needed;
	} members[] = {
	    {"principal", c->principal, !simple},
	    {"keytab", c->keytab, !simple},
	    {"bind_dn", c->bind_dn, simple},
	    {"password_file", c->password_file, simple},
	    {"ca_file", c->ca_file, simple},
	};
	for (size_t i = 0; i < NELEMS(members); i++) {
		if (members[i].needed && !members[i].value)
			return yaml_fail(map, e, "yaml_missing_key",
			    "domain \"%s\": bind: %s needs \"%s\"", c->name, bind_words[c->bind],
			    members[i].key);
		if (!members[i].needed && members[i].value)
			return yaml_fail(map, e, "yaml_value",
			    "domain \"%s\": \"%s\" has no meaning for bind: %s", c->name,
			    members[i].key, bind_words[c->bind]);
	}
	return FAS_OK;
}

static enum fas_code
check_base(const struct yaml_node *map, const struct domain_config *c, struct fas_err *e)
{
	struct dn dn = {0};
	if (dn_from_text(c->base, &dn, NULL) != FAS_OK)
		return yaml_fail(map, e, "yaml_value",
		    "domain \"%s\": base \"%s\" is no distinguished name (RFC 4514)", c->name,
		    c->base);
	dn_done(&dn);
	return FAS_OK;
}

static enum fas_code
keep_names(struct yaml_reader *r, const struct yaml_node *map, struct domain_config *out,
    struct fas_err *e)
{
	const char *name = yaml_need_text(r, "name");
	const char *realm = yaml_want_text(r, "realm", NULL);
	const char *netbios = yaml_want_text(r, "netbios", NULL);
	const char *forest = yaml_want_text(r, "forest", NULL);
	const char *base = yaml_want_text(r, "base", NULL);
	enum fas_code rc;
	if (!name)
		return yaml_finish(r);
	if (!hostname_is_valid(name))
		return yaml_fail(
		    map, e, "yaml_value", "domain \"%s\" is no DNS name (RFC 1123 2.1)", name);
	if (forest && !hostname_is_valid(forest))
		return yaml_fail(
		    map, e, "yaml_value", "forest \"%s\" is no DNS name (RFC 1123 2.1)", forest);
	if ((rc = keep_text(&out->name, name, e)) != FAS_OK)
		return rc;
	if ((rc = keep_realm(out, realm, e)) != FAS_OK)
		return rc;
	if ((rc = keep_text(&out->netbios, netbios, e)) != FAS_OK ||
	    (rc = keep_text(&out->forest, forest, e)) != FAS_OK)
		return rc;
	return keep_base(out, base, e);
}

static enum fas_code
keep_bind(struct yaml_reader *r, const char *folder, struct domain_config *out, struct fas_err *e)
{
	enum fas_code rc;
	out->bind =
	    (enum bind_kind)yaml_want_word(r, "bind", bind_words, NELEMS(bind_words), BIND_GSSAPI);
	if ((rc = keep_text(&out->principal, yaml_want_text(r, "principal", NULL), e)) != FAS_OK)
		return rc;
	if ((rc = keep_path(&out->keytab, folder, yaml_want_text(r, "keytab", NULL), e)) != FAS_OK)
		return rc;
	if ((rc = keep_text(&out->bind_dn, yaml_want_text(r, "bind_dn", NULL), e)) != FAS_OK)
		return rc;
	rc = keep_path(&out->password_file, folder, yaml_want_text(r, "password_file", NULL), e);
	if (rc != FAS_OK)
		return rc;
	return keep_path(&out->ca_file, folder, yaml_want_text(r, "ca_file", NULL), e);
}

enum fas_code
domain_config_read(const struct yaml_node *map, const char *base_folder, struct domain_config *out,
    struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, map, "domain", e);
	if (rc != FAS_OK)
		return rc;
	if ((rc = keep_names(&r, map, out, e)) != FAS_OK)
		return rc;
	if ((rc = keep_controllers(out, yaml_want_texts(&r, "controllers"), e)) != FAS_OK)
		return rc;
	if ((rc = keep_bind(&r, base_folder, out, e)) != FAS_OK)
		return rc;
	if ((rc = read_timeout(&r, out, e)) != FAS_OK)
		return rc;
	int64_t port = out->bind == BIND_SIMPLE_LDAPS ? 636 : 389;
	out->port = (uint16_t)yaml_want_int(&r, "port", 1, 65535, port);
	out->connections =
	    (size_t)yaml_want_int(&r, "connections", 2, CONNECTIONS_MAX, CONNECTIONS_MAX);
	if ((rc = yaml_finish(&r)) != FAS_OK)
		return rc;
	rc = check_base(map, out, e);
	return rc == FAS_OK ? check_bind(map, out, e) : rc;
}

void
domain_config_done(struct domain_config *c)
{
	char *const texts[] = {c->name, c->realm, c->netbios, c->forest, c->base, c->principal,
	    c->keytab, c->bind_dn, c->password_file, c->ca_file};
	for (size_t i = 0; i < NELEMS(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < c->n_controllers; i++)
		free(c->controllers[i]);
	*c = (struct domain_config){0};
}
