#include "ca/config_parts.h"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/base/names.h"
#include "fas/base/text.h"

#define DAY_S ((int64_t)86400)
#define NSS_BUFFER_MAX 65536
#define POOL_DEFAULT 32

/* The folder that path lies in. */
static enum fas_code
folder_of(const char *path, char folder[PATH_MAX], struct fas_err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	if (len >= PATH_MAX)
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	if (!slash) {
		memcpy(folder, ".", 2);
		return FAS_OK;
	}
	if (len == 0)
		len = 1;
	memcpy(folder, path, len);
	folder[len] = 0;
	return FAS_OK;
}

static enum fas_code
check_owner(const char *path, uid_t owner, struct fas_err *e)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return fas_fail_errno(e, "%s", path);
	if (st.st_uid != owner)
		return fas_fail(e, FAS_E_CONFIG, "config_owner",
		    "%s belongs to uid %u, want uid %u: whoever owns it sets the signer's limits",
		    path, (unsigned)st.st_uid, (unsigned)owner);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fas_fail(e, FAS_E_CONFIG, "config_owner",
		    "%s has mode %04o: others may write to it (chmod go-w)", path,
		    (unsigned)(st.st_mode & 07777));
	return FAS_OK;
}

enum fas_code
config_owner_check(const char *path, uid_t owner, struct fas_err *e)
{
	char folder[PATH_MAX];
	enum fas_code rc = folder_of(path, folder, e);
	if (rc == FAS_OK)
		rc = check_owner(folder, owner, e);
	return rc == FAS_OK ? check_owner(path, owner, e) : rc;
}

static enum fas_code
read_uid(struct yaml_reader *r, const char *key, uid_t *out, struct fas_err *e)
{
	uint64_t number = 0;
	char buffer[NSS_BUFFER_MAX];
	struct passwd pw, *found = NULL;
	const struct yaml_node *node = yaml_need(r, key, YAML_SCALAR);
	if (!node)
		return FAS_OK; /* yaml_finish reports it */
	if (parse_uint(node->text, 0, UINT32_MAX - 1, &number)) {
		*out = (uid_t)number;
		return FAS_OK;
	}
	if (getpwnam_r(node->text, &pw, buffer, sizeof(buffer), &found) != 0 || !found)
		return yaml_fail(
		    node, e, "config_unknown_user", "there is no user \"%s\"", node->text);
	*out = pw.pw_uid;
	return FAS_OK;
}

static enum fas_code
read_group(struct yaml_reader *r, const char *key, gid_t *out, struct fas_err *e)
{
	uint64_t number = 0;
	char buffer[NSS_BUFFER_MAX];
	struct group gr, *found = NULL;
	const struct yaml_node *node = yaml_want(r, key, YAML_SCALAR);
	*out = NO_GROUP;
	if (!node)
		return FAS_OK;
	if (parse_uint(node->text, 0, UINT32_MAX - 1, &number)) {
		*out = (gid_t)number;
		return FAS_OK;
	}
	if (getgrnam_r(node->text, &gr, buffer, sizeof(buffer), &found) != 0 || !found)
		return yaml_fail(
		    node, e, "config_unknown_group", "there is no group \"%s\"", node->text);
	*out = gr.gr_gid;
	return FAS_OK;
}

/* Text into a fixed buffer; a relative path is taken from base (NULL: must be absolute). */
static enum fas_code
read_path(
    struct yaml_reader *r, const char *key, const char *base, char out[PATH_MAX], struct fas_err *e)
{
	const struct yaml_node *node = yaml_need(r, key, YAML_SCALAR);
	if (!node)
		return FAS_OK;
	int n = -1;
	if (node->text[0] == '/')
		n = snprintf(out, PATH_MAX, "%s", node->text);
	else if (base && node->text[0])
		n = snprintf(out, PATH_MAX, "%s/%s", base, node->text);
	if (n < 0 || n >= PATH_MAX)
		return yaml_fail(node, e, "config_path", "\"%s\" is not %s path", node->text,
		    base ? "a usable" : "an absolute");
	return FAS_OK;
}

static enum fas_code
read_sockets(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	struct yaml_reader r;
	const struct yaml_node *issue = yaml_need(top, "issue", YAML_MAP);
	const struct yaml_node *admin = yaml_need(top, "admin", YAML_MAP);
	if (!issue || !admin)
		return yaml_finish(top);
	if (yaml_open(&r, issue, "\"issue\"", e) != FAS_OK ||
	    read_path(&r, "socket", NULL, c->issue_socket, e) != FAS_OK ||
	    read_uid(&r, "uid", &c->issue_uid, e) != FAS_OK || yaml_finish(&r) != FAS_OK)
		return e->code;
	if (yaml_open(&r, admin, "\"admin\"", e) != FAS_OK ||
	    read_path(&r, "socket", NULL, c->admin_socket, e) != FAS_OK ||
	    read_group(&r, "group", &c->admin_group, e) != FAS_OK)
		return e->code;
	return yaml_finish(&r);
}

/* RFC 5280 4.2.1.13 and Windows: http:// only (a KDC must be able to fetch before it trusts TLS). */
enum fas_code
config_read_url(const struct yaml_node *node, const char **out, struct fas_err *e)
{
	size_t len = strlen(node->text);
	bool plain =
	    strspn(node->text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]%") == len;
	if (strncmp(node->text, "http://", 7) != 0 || len < 8 || len > 200 || !plain ||
	    node->text[len - 1] == '/')
		return yaml_fail(node, e, "config_url",
		    "\"%s\" is not http://HOST[:PORT][/PATH] without a slash at the end",
		    node->text);
	*out = node->text;
	return FAS_OK;
}

static enum fas_code
read_authority_urls(struct yaml_reader *r, struct authority_config *a, struct fas_err *e)
{
	const struct yaml_node *urls = yaml_need_texts(r, "publish_urls");
	if (!urls)
		return FAS_OK;
	if (urls->n == 0 || urls->n > PROFILE_URLS_MAX)
		return yaml_fail(urls, e, "config_url", "%zu publish_urls, want 1 to %d", urls->n,
		    PROFILE_URLS_MAX);
	for (size_t i = 0; i < urls->n; i++) {
		enum fas_code rc = config_read_url(urls->items[i], &a->publish_urls[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	a->n_publish_urls = urls->n;
	return FAS_OK;
}

/* Names; that they stand in the file is looked at when all have been read. */
static enum fas_code
read_fail_over(struct yaml_reader *r, struct authority_config *a, struct fas_err *e)
{
	const struct yaml_node *list = yaml_want_texts(r, "fail_over");
	if (!list)
		return FAS_OK;
	if (list->n > FAIL_OVER_MAX)
		return yaml_fail(list, e, "config_authority",
		    "%zu authorities to fail over to, want "
		    "up to %d",
		    list->n, FAIL_OVER_MAX);
	for (size_t i = 0; i < list->n; i++)
		a->fail_over[i] = list->items[i]->text;
	a->n_fail_over = list->n;
	return FAS_OK;
}

static enum fas_code
check_fail_over(const struct yaml_node *list, const struct signer_config *c, struct fas_err *e)
{
	for (size_t i = 0; i < c->n_authorities; i++) {
		const struct authority_config *a = &c->authorities[i];
		for (size_t k = 0; k < a->n_fail_over; k++) {
			const char *to = a->fail_over[k];
			if (strcmp(to, a->name) == 0 || !signer_config_authority(c, to))
				return yaml_fail(list->items[i], e, "config_authority",
				    "fail_over: \"%s\" is not another authority of this file", to);
		}
	}
	return FAS_OK;
}

/*
 * The container below CN=CDP (MS-WCCE 2.2.2.11.5, ADS): it becomes part of an RFC 4516 URL, so it is of characters that
 * stand for themselves in both, but for the blank.
 */
static enum fas_code
read_ldap_cdp(struct yaml_reader *r, struct authority_config *a, struct fas_err *e)
{
	const struct yaml_node *node = yaml_want(r, "ldap_cdp", YAML_SCALAR);
	if (!node)
		return FAS_OK;
	size_t len = strlen(node->text);
	bool plain =
	    strspn(node->text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.=, ") == len;
	if (!plain || len > LDAP_CDP_MAX || strncmp(node->text, "CN=", 3) != 0 ||
	    !strstr(node->text, ",CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,"))
		return yaml_fail(node, e, "config_ldap_cdp",
		    "\"%s\" is not CN=SERVER,CN=CDP,CN=Public Key Services,CN=Services,"
		    "CN=Configuration,DC=...",
		    node->text);
	if (a->n_publish_urls == PROFILE_URLS_MAX)
		return yaml_fail(node, e, "config_url",
		    "with ldap_cdp there may be %d publish_urls at most", PROFILE_URLS_MAX - 1);
	a->ldap_cdp = node->text;
	return FAS_OK;
}

static enum fas_code
check_authority(
    const struct yaml_node *node, const struct signer_config *c, size_t at, struct fas_err *e)
{
	const struct authority_config *a = &c->authorities[at];
	if (a->crl_each_s * 2 >= a->crl_life_s)
		return yaml_fail(node, e, "config_crl",
		    "crl_each must be below half of crl_life: a CRL is published anew before half "
		    "of "
		    "its life is over");
	for (size_t i = 0; i < at; i++) {
		if (strcmp(c->authorities[i].name, a->name) == 0)
			return yaml_fail(node, e, "config_authority",
			    "authority \"%s\" stands there twice", a->name);
	}
	return FAS_OK;
}

static enum fas_code
read_authority(const struct yaml_node *node, struct signer_config *c, size_t at, struct fas_err *e)
{
	struct yaml_reader r;
	struct authority_config *a = &c->authorities[at];
	if (yaml_open(&r, node, "an authority", e) != FAS_OK)
		return e->code;
	const char *name = yaml_need_text(&r, "name");
	a->common_name = yaml_need_text(&r, "common_name");
	a->organization = yaml_want_text(&r, "organization", NULL);
	a->backdate_s = yaml_want_duration(&r, "backdate", 0, 3600, 300);
	a->crl_life_s = yaml_want_duration(&r, "crl_life", 60, 365 * DAY_S, DAY_S);
	a->ntauth_wait_s = yaml_want_duration(&r, "ntauth_wait", 0, 30 * DAY_S, DAY_S);
	a->crl_each_s = yaml_want_duration(&r, "crl_each", 10, 180 * DAY_S, a->crl_life_s / 3);
	if (read_authority_urls(&r, a, e) != FAS_OK || read_ldap_cdp(&r, a, e) != FAS_OK ||
	    read_fail_over(&r, a, e) != FAS_OK ||
	    config_read_key(&r, c, "rsa-2048", &a->key, e) != FAS_OK || yaml_finish(&r) != FAS_OK)
		return e->code;
	if (!config_name_is_valid(name, AUTHORITY_NAME_MAX) || strcmp(name, "service") == 0)
		return yaml_fail(node, e, "config_authority",
		    "authority \"%s\": want up to %d of a-z, 0-9 and -, and not \"service\"", name,
		    AUTHORITY_NAME_MAX - 1);
	memcpy(a->name, name, strlen(name) + 1);
	return check_authority(node, c, at, e);
}

static enum fas_code
read_authorities(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	const struct yaml_node *list = yaml_need(top, "authorities", YAML_LIST);
	if (!list)
		return FAS_OK;
	if (list->n == 0 || list->n > AUTHORITIES_MAX)
		return yaml_fail(list, e, "config_authority", "%zu authorities, want 1 to %d",
		    list->n, AUTHORITIES_MAX);
	for (size_t i = 0; i < list->n; i++) {
		enum fas_code rc = read_authority(list->items[i], c, i, e);
		if (rc != FAS_OK)
			return rc;
	}
	c->n_authorities = list->n;
	return check_fail_over(list, c, e);
}

static bool
server_name_is_valid(const char *name)
{
	unsigned char address[16];
	return hostname_is_valid(name) || inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

static enum fas_code
read_service_ca(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	struct yaml_reader r;
	struct service_ca_config *s = &c->service_ca;
	const struct yaml_node *node = yaml_need(top, "service_ca", YAML_MAP);
	if (!node)
		return FAS_OK;
	if (yaml_open(&r, node, "\"service_ca\"", e) != FAS_OK)
		return e->code;
	s->machine_life_s = yaml_want_duration(&r, "machine_life", 300, 825 * DAY_S, 90 * DAY_S);
	s->server_life_s = yaml_want_duration(&r, "server_life", 300, 398 * DAY_S, 30 * DAY_S);
	s->token_life_s = yaml_want_duration(&r, "token_life", 60, 30 * DAY_S, DAY_S);
	s->backdate_s = yaml_want_duration(&r, "backdate", 0, 3600, 300);
	const struct yaml_node *names = yaml_need_texts(&r, "server_names");
	if (config_read_key(&r, c, "p-256", &s->key, e) != FAS_OK || yaml_finish(&r) != FAS_OK)
		return e->code;
	if (names->n == 0 || names->n > PROFILE_DNS_MAX)
		return yaml_fail(names, e, "config_server_names", "%zu server_names, want 1 to %d",
		    names->n, PROFILE_DNS_MAX);
	for (size_t i = 0; i < names->n; i++) {
		s->server_names[i] = names->items[i]->text;
		if (!server_name_is_valid(s->server_names[i]))
			return yaml_fail(names->items[i], e, "config_server_names",
			    "\"%s\" is neither a host name nor an address", s->server_names[i]);
	}
	s->n_server_names = names->n;
	return FAS_OK;
}

static enum fas_code
read_two_persons(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	static const char *const names[] = {[TWO_PERSONS_INSTALL] = "install",
	    [TWO_PERSONS_ROTATE] = "rotate",
	    [TWO_PERSONS_RELEASE] = "release",
	    [TWO_PERSONS_LIMITS] = "limits"};
	struct yaml_reader r;
	const struct yaml_node *node = yaml_want(top, "two_persons", YAML_MAP);
	if (!node)
		return FAS_OK;
	if (yaml_open(&r, node, "\"two_persons\"", e) != FAS_OK)
		return e->code;
	c->two_persons_within_s = yaml_want_duration(&r, "within", 60, 30 * DAY_S, 3600);
	const struct yaml_node *acts = yaml_need_texts(&r, "acts");
	if (yaml_finish(&r) != FAS_OK)
		return e->code;
	for (size_t i = 0; i < acts->n; i++) {
		size_t k = 0;
		while (k < NELEMS(names) && strcmp(names[k], acts->items[i]->text) != 0)
			k++;
		if (k == NELEMS(names))
			return yaml_fail(acts->items[i], e, "config_two_persons",
			    "\"%s\": want install, rotate, release or limits",
			    acts->items[i]->text);
		c->two_persons |= 1u << k;
	}
	return FAS_OK;
}

/* Without the section, the type that every domain controller takes; `pool: {}` is none. */
static enum fas_code
read_pool(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	static const char *const types[POOL_KINDS_MAX] = {
	    "rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"};
	struct yaml_reader r;
	const struct yaml_node *node = yaml_want(top, "pool", YAML_MAP);
	if (!node) {
		c->pool[c->n_pool++] = (struct pool_target){"rsa-2048", POOL_DEFAULT};
		return FAS_OK;
	}
	if (yaml_open(&r, node, "\"pool\"", e) != FAS_OK)
		return e->code;
	for (size_t i = 0; i < NELEMS(types); i++) {
		struct pool_target *target = &c->pool[c->n_pool];
		target->depth = (size_t)yaml_want_int(&r, types[i], 1, POOL_DEPTH_MAX, 0);
		if (target->depth == 0)
			continue;
		(void)snprintf(target->type, sizeof(target->type), "%s", types[i]);
		c->n_pool++;
	}
	return yaml_finish(&r);
}

/* `certificates: { keep: 7d }` */
static enum fas_code
read_certificates(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	struct yaml_reader r;
	const struct yaml_node *node = yaml_want(top, "certificates", YAML_MAP);
	c->certificates_keep_s = 7 * DAY_S;
	if (!node)
		return FAS_OK;
	if (yaml_open(&r, node, "\"certificates\"", e) != FAS_OK)
		return e->code;
	c->certificates_keep_s = yaml_want_duration(
	    &r, "keep", CERTIFICATES_KEEP_MIN_S, 7300 * DAY_S, c->certificates_keep_s);
	return yaml_finish(&r);
}

static enum fas_code
read_config(struct signer_config *c, const char *folder, struct fas_err *e)
{
	struct yaml_reader r;
	if (yaml_open(&r, yaml_root(c->doc), "the signer's configuration", e) != FAS_OK)
		return e->code;
	c->clock_skew_s = yaml_want_duration(&r, "clock_skew", 0, 3600, 60);
	audit_config_read(&r, &c->audit);
	if (read_path(&r, "state", NULL, c->state, e) != FAS_OK ||
	    read_path(&r, "public", NULL, c->public_folder, e) != FAS_OK ||
	    read_path(&r, "limits", folder, c->limits_path, e) != FAS_OK ||
	    read_sockets(&r, c, e) != FAS_OK || config_read_pkcs11(&r, c, e) != FAS_OK ||
	    read_authorities(&r, c, e) != FAS_OK || read_service_ca(&r, c, e) != FAS_OK ||
	    config_read_profiles(&r, c, e) != FAS_OK || read_pool(&r, c, e) != FAS_OK ||
	    read_certificates(&r, c, e) != FAS_OK || read_two_persons(&r, c, e) != FAS_OK)
		return e->code;
	return yaml_finish(&r);
}

enum fas_code
signer_config_load(const char *path, uid_t owner, struct signer_config **out, struct fas_err *e)
{
	char folder[PATH_MAX];
	OWN(signer_config) struct signer_config *c = calloc(1, sizeof(*c));
	if (!c)
		return fas_fail_nomem(e);
	enum fas_code rc = folder_of(path, folder, e);
	if (rc == FAS_OK)
		rc = yaml_load(path, &c->doc, e);
	if (rc == FAS_OK)
		rc = config_owner_check(path, owner, e);
	if (rc == FAS_OK)
		rc = read_config(c, folder, e);
	if (rc == FAS_OK)
		*out = TAKE(c);
	return rc;
}

void
signer_config_free(struct signer_config *config)
{
	if (!config)
		return;
	yaml_doc_free(config->doc);
	free(config);
}

const struct authority_config *
signer_config_authority(const struct signer_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_authorities; i++) {
		if (strcmp(config->authorities[i].name, name) == 0)
			return &config->authorities[i];
	}
	return NULL;
}
