#include "fas/saml/asks.h"

#include <string.h>

#include "fas/base/macros.h"

static const char *const bindings[ASKS_BINDINGS] = {"redirect", "post"};
/* SAML core 3.3.2.2.1 */
static const char *const comparisons[] = {"exact", "minimum", "maximum", "better"};

/* ---- URLs ---- */

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Behind "http://": the host is this machine. */
static bool
is_loopback(const char *authority)
{
	static const char *const hosts[] = {"localhost", "[::1]"};
	for (size_t i = 0; i < NELEMS(hosts); i++) {
		size_t len = strlen(hosts[i]);
		if (begins(authority, hosts[i]) && strchr(":/?", authority[len]))
			return true;
	}
	/* Digits and dots only: 127.0.0.1.example.com is a stranger. */
	return begins(authority, "127.") &&
	       strchr(":/?", authority[strspn(authority, "0123456789.")]);
}

bool
asks_url_is_good(const char *url)
{
	const char *authority = NULL;
	if (begins(url, "https://"))
		authority = url + 8;
	else if (begins(url, "http://") && is_loopback(url + 7))
		authority = url + 7;
	if (!authority || strlen(url) > ASKS_URL_MAX || !*authority || strchr("/?:", *authority))
		return false;
	for (const char *at = url; *at; at++) {
		if (*at <= ' ' || *at > '~' || strchr("\"'<>\\^`{|}#", *at))
			return false;
	}
	size_t host = strcspn(authority, "/?");
	return memchr(authority, '@', host) == NULL;
}

static enum fas_code
copy_url(const struct yaml_node *at, const char *url, char **out, struct fas_err *e)
{
	if (!url)
		return FAS_OK;
	if (!asks_url_is_good(url))
		return yaml_fail(at, e, "yaml_value",
		    "%s: %.200s is no URL to send people to: want https (http only on this "
		    "machine)",
		    at->key, url);
	*out = strdup(url);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
load_urls(const struct yaml_node *map, bool has_response, struct asks_urls *out, struct fas_err *e)
{
	struct yaml_reader r;
	const char *url[ASKS_BINDINGS], *response = NULL;
	enum fas_code rc = map ? yaml_open(&r, map, map->key, e) : FAS_OK;
	if (!map || rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < ASKS_BINDINGS; i++)
		url[i] = yaml_want_text(&r, bindings[i], NULL);
	if (has_response)
		response = yaml_want_text(&r, "response", NULL);
	if ((rc = yaml_finish(&r)) != FAS_OK)
		return rc;
	if (!url[SAML_BINDING_REDIRECT] && !url[SAML_BINDING_POST])
		return yaml_fail(map, e, "yaml_value", "%s: want redirect or post", map->key);
	for (size_t i = 0; i < ASKS_BINDINGS && rc == FAS_OK; i++) {
		rc = copy_url(map, url[i], &out->url[i], e);
		if (rc == FAS_OK && url[i])
			rc = copy_url(map, response, &out->response[i], e);
	}
	return rc;
}

void
asks_urls_done(struct asks_urls *urls)
{
	for (size_t i = 0; i < ASKS_BINDINGS; i++) {
		free(urls->url[i]);
		free(urls->response[i]);
	}
}

/* ---- the entry ---- */

void
asks_read(struct yaml_reader *r, struct asks_nodes *n)
{
	n->map = r->map;
	n->sign_on = yaml_want(r, "single_sign_on", YAML_MAP);
	n->logout = yaml_want(r, "single_logout", YAML_MAP);
	n->sign = yaml_want_bool(r, "sign_requests", true);
	n->force_authn = yaml_want_bool(r, "force_authn", false);
	n->binding = yaml_want_word(r, "binding", bindings, NELEMS(bindings), ASKS_BINDINGS);
	n->contexts = yaml_want_texts(r, "authn_contexts");
	n->comparison =
	    yaml_want_word(r, "authn_context_comparison", comparisons, NELEMS(comparisons), 0);
	n->name_id_format = yaml_want_text(r, "name_id_format", NULL);
}

static enum fas_code
load_contexts(const struct yaml_node *list, struct idp_texts *out, struct fas_err *e)
{
	if (!list || list->n == 0)
		return FAS_OK;
	if (list->n > ASKS_CONTEXTS_MAX)
		return yaml_fail(
		    list, e, "yaml_value", "authn_contexts: more than %d", ASKS_CONTEXTS_MAX);
	if (!(out->v = calloc(list->n, sizeof(*out->v))))
		return fas_fail_nomem(e);
	for (; out->n < list->n; out->n++) {
		if (!(out->v[out->n] = strdup(list->items[out->n]->text)))
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

enum fas_code
asks_load(const struct asks_nodes *n, struct idp_asks *out, struct fas_err *e)
{
	enum fas_code rc = load_urls(n->sign_on, false, &out->sign_on, e);
	if (rc == FAS_OK)
		rc = load_urls(n->logout, true, &out->logout, e);
	if (rc == FAS_OK)
		rc = load_contexts(n->contexts, &out->contexts, e);
	if (rc != FAS_OK)
		return rc;
	out->own_sign_on = n->sign_on != NULL;
	out->own_logout = n->logout != NULL;
	out->sign = n->sign;
	out->force_authn = n->force_authn;
	out->comparison = comparisons[n->comparison];
	out->binding = n->binding == SAML_BINDING_POST ? SAML_BINDING_POST : SAML_BINDING_REDIRECT;
	if (n->sign_on && n->binding < ASKS_BINDINGS && !out->sign_on.url[n->binding])
		return yaml_fail(n->sign_on, e, "yaml_value",
		    "single_sign_on has no URL for binding: %s", bindings[n->binding]);
	if (n->name_id_format && !(out->name_id_format = strdup(n->name_id_format)))
		return fas_fail_nomem(e);
	return FAS_OK;
}

static void
exchange(struct asks_urls *a, struct asks_urls *b)
{
	const struct asks_urls old = *a;
	*a = *b;
	*b = old;
}

void
asks_adopt(struct idp_asks *asks, struct asks_urls *sign_on, struct asks_urls *logout)
{
	if (!asks->own_sign_on)
		exchange(&asks->sign_on, sign_on);
	if (!asks->own_logout)
		exchange(&asks->logout, logout);
}

void
asks_done(struct idp_asks *asks)
{
	asks_urls_done(&asks->sign_on);
	asks_urls_done(&asks->logout);
	for (size_t i = 0; i < asks->contexts.n; i++)
		free(asks->contexts.v[i]);
	free(asks->contexts.v);
	free(asks->name_id_format);
}

enum saml_binding
asks_binding(const struct idp_asks *asks, const struct asks_urls *urls)
{
	if (urls->url[asks->binding])
		return asks->binding;
	return urls->url[SAML_BINDING_REDIRECT] ? SAML_BINDING_REDIRECT : SAML_BINDING_POST;
}
