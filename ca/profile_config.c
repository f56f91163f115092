/* signer.yaml, `profiles`: the administrator's own.  What they may have is limits.yaml's to say (profile_limits.c). */
#include <string.h>

#include "ca/config.h"
#include "fas/base/oid.h"
#include "fas/base/text.h"

#define DAY_S ((int64_t)86400)
#define BAD "config_profile"
#define CLIENT_AUTH "1.3.6.1.5.5.7.3.2"

#define USAGE_SIGNATURE 1u
#define USAGE_ENCIPHERMENT 4u

/* Both words of users' profiles, in the order of enum profile_kind. */
static const char *const likes[] = {"smartcard-logon", "client-auth"};
static const char *const subjects[] = {"directory", "upn"};

const struct profile_own *
signer_config_profile(const struct signer_config *config, const char *name)
{
	for (size_t i = 0; i < config->n_profiles; i++) {
		if (strcmp(config->profiles[i].own.name, name) == 0)
			return &config->profiles[i].own;
	}
	return NULL;
}

enum fas_code
config_read_bits(const struct yaml_node *list, const char *const *words, size_t n,
    const char *reason, unsigned *out, struct fas_err *e)
{
	*out = 0;
	for (size_t i = 0; list && i < list->n; i++) {
		const char *word = list->items[i]->text;
		size_t at = 0;
		while (at < n && strcmp(words[at], word) != 0)
			at++;
		const char *near = at == n ? nearest_word(word, words, n) : NULL;
		if (at == n)
			return yaml_fail(list->items[i], e, reason, "unknown word \"%s\"%s%s%s",
			    word, near ? " (did you mean \"" : "", near ? near : "",
			    near ? "\"?)" : "");
		if (*out >> at & 1)
			return yaml_fail(
			    list->items[i], e, reason, "\"%s\" stands there twice", word);
		*out |= 1u << at;
	}
	return FAS_OK;
}

static enum fas_code
read_oids(const struct yaml_node *list, const char **out, size_t *n, struct fas_err *e)
{
	if (list && list->n > PROFILE_OIDS_MAX)
		return yaml_fail(
		    list, e, BAD, "%zu OIDs, want at most %d", list->n, PROFILE_OIDS_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		const char *text = list->items[i]->text;
		if (!oid_is_valid(text))
			return yaml_fail(list->items[i], e, BAD,
			    "\"%s\" is no object identifier, such as 1.3.6.1.5.5.7.3.4", text);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(out[k], text) == 0)
				return yaml_fail(
				    list->items[i], e, BAD, "%s stands there twice", text);
		}
		out[(*n)++] = text;
	}
	return FAS_OK;
}

/* Whatever limits.yaml says. */
static enum fas_code
check_oids(const struct profile_config *p, struct fas_err *e)
{
	for (size_t i = 0; i < p->own.n_purposes; i++) {
		const char *oid = p->own.purposes[i];
		if (strcmp(oid, CLIENT_AUTH) == 0)
			return yaml_fail(p->purposes->items[i], e, BAD,
			    "%s (clientAuth) is there already: purposes come beside those of "
			    "\"like\"",
			    oid);
		if (!profile_purpose_is_open(oid))
			return yaml_fail(p->purposes->items[i], e, BAD,
			    "purpose %s: no own profile may have it, its holder could speak for "
			    "others",
			    oid);
	}
	for (size_t i = 0; i < p->own.n_policies; i++) {
		if (!oid_is_open_policy(p->own.policies[i]))
			return yaml_fail(p->policies->items[i], e, BAD,
			    "anyPolicy would claim every policy, and every group linked to one");
	}
	return FAS_OK;
}

static enum fas_code
read_urls(const struct yaml_node *list, const char **out, size_t *n, struct fas_err *e)
{
	if (list && (list->n == 0 || list->n > PROFILE_URLS_MAX))
		return yaml_fail(
		    list, e, "config_url", "%zu URLs, want 1 to %d", list->n, PROFILE_URLS_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		enum fas_code rc = config_read_url(list->items[i], &out[(*n)++], e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
read_usage(struct profile_config *p, struct fas_err *e)
{
	enum fas_code rc = config_read_bits(
	    p->key_usage, profile_usages, PROFILE_USAGES, BAD, &p->own.key_usage, e);
	if (rc != FAS_OK || !p->key_usage)
		return rc;
	if (!(p->own.key_usage & USAGE_SIGNATURE))
		return yaml_fail(p->key_usage, e, BAD, "key_usage lacks digitalSignature");
	if (p->own.like == PROFILE_SMARTCARD_LOGON && !(p->own.key_usage & USAGE_ENCIPHERMENT))
		return yaml_fail(p->key_usage, e, BAD,
		    "key_usage lacks keyEncipherment: Windows offers no such RSA key for a logon");
	return FAS_OK;
}

static enum fas_code
read_name(
    struct profile_config *p, const char *name, const struct signer_config *c, struct fas_err *e)
{
	enum profile_kind unused;
	size_t len = strlen(name);
	if (len == 0 || len >= PROFILE_NAME_MAX || name[0] == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
		return yaml_fail(p->at, e, BAD, "profile \"%s\": want up to %d of a-z, 0-9 and -",
		    name, PROFILE_NAME_MAX - 1);
	if (profile_parse(name, &unused) || signer_config_profile(c, name))
		return yaml_fail(p->at, e, BAD, "there is a profile \"%s\" already", name);
	memcpy(p->own.name, name, len + 1);
	return FAS_OK;
}

static enum fas_code
read_parts(struct profile_config *p, struct fas_err *e)
{
	struct profile_own *own = &p->own;
	enum fas_code rc = read_usage(p, e);
	if (rc == FAS_OK)
		rc = read_oids(p->purposes, own->purposes, &own->n_purposes, e);
	if (rc == FAS_OK)
		rc = read_oids(p->policies, own->policies, &own->n_policies, e);
	if (rc == FAS_OK)
		rc = check_oids(p, e);
	if (rc == FAS_OK)
		rc = config_read_bits(
		    p->names, profile_extra_names, PROFILE_EXTRA_NAMES, BAD, &own->extra_names, e);
	if (rc == FAS_OK)
		rc = read_urls(p->crl_urls, own->crl_urls, &own->n_crl_urls, e);
	return rc == FAS_OK ? read_urls(p->ca_urls, own->ca_urls, &own->n_ca_urls, e) : rc;
}

static enum fas_code
read_profile(const struct yaml_node *node, struct signer_config *c, struct fas_err *e)
{
	struct yaml_reader r;
	struct profile_config *p = &c->profiles[c->n_profiles];
	if (yaml_open(&r, node, "a profile", e) != FAS_OK)
		return e->code;
	p->at = node;
	const char *name = yaml_need_text(&r, "name");
	if (yaml_need_text(&r, "like"))
		p->own.like =
		    (enum profile_kind)yaml_want_word(&r, "like", likes, NELEMS(likes), 0);
	p->longest_life = yaml_want_any(&r, "longest_life");
	p->own.longest_life_s = yaml_want_duration(&r, "longest_life", 60, 60 * DAY_S, 0);
	p->key_usage = yaml_want_texts(&r, "key_usage");
	p->purposes = yaml_want_texts(&r, "purposes");
	p->policies = yaml_want_texts(&r, "policies");
	p->names = yaml_want_texts(&r, "names");
	p->subject = yaml_want_any(&r, "subject");
	p->own.subject =
	    (enum profile_subject)yaml_want_word(&r, "subject", subjects, NELEMS(subjects), 0);
	p->crl_urls = yaml_want_texts(&r, "crl_urls");
	p->ca_urls = yaml_want_texts(&r, "ca_urls");
	if (yaml_finish(&r) != FAS_OK)
		return e->code;
	enum fas_code rc = read_name(p, name, c, e);
	return rc == FAS_OK ? read_parts(p, e) : rc;
}

enum fas_code
config_read_profiles(struct yaml_reader *top, struct signer_config *c, struct fas_err *e)
{
	const struct yaml_node *list = yaml_want(top, "profiles", YAML_LIST);
	if (list && list->n > PROFILES_MAX)
		return yaml_fail(
		    list, e, BAD, "%zu profiles, want at most %d", list->n, PROFILES_MAX);
	for (size_t i = 0; list && i < list->n; i++) {
		enum fas_code rc = read_profile(list->items[i], c, e);
		if (rc != FAS_OK)
			return rc;
		c->n_profiles++;
	}
	return FAS_OK;
}
