/* Cross-checks of what a rule names against what is configured, each with the nearest known word. */
#include "policy/rule.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/oid.h"
#include "fas/base/text.h"

#define DOMAIN_TEXT_MAX 256
#define PROFILE_NAME_MAX 32
#define CONTEXT_TEXT_MAX 1024

static bool
is_known(const char *word, const char *const *known, size_t n, bool fold)
{
	for (size_t i = 0; i < n; i++) {
		if (fold ? ascii_equal_nocase(word, known[i]) : strcmp(word, known[i]) == 0)
			return true;
	}
	return false;
}

static enum fas_code
fail_unknown(const struct yaml_node *at, const char *reason, const char *what, const char *word,
    const char *near, struct fas_err *e)
{
	return yaml_fail(at, e, reason, "unknown %s \"%.128s\"%s%.64s%s", what, word,
	    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

enum fas_code
check_idp(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	if (!world || is_known(at->text, world->idps, world->n_idps, false))
		return FAS_OK;
	return fail_unknown(at, "policy_unknown_idp", "identity provider", at->text,
	    nearest_word(at->text, world->idps, world->n_idps), e);
}

enum fas_code
check_authority(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	if (!world || world->n_authorities == 0 ||
	    is_known(at->text, world->authorities, world->n_authorities, false))
		return FAS_OK;
	return fail_unknown(at, "policy_unknown_authority", "authority", at->text,
	    nearest_word(at->text, world->authorities, world->n_authorities), e);
}

static bool
profile_name_is_valid(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= PROFILE_NAME_MAX && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* A built-in one of the other use is as wrong as one that nobody knows. */
enum fas_code
check_profile(
    const struct yaml_node *at, const struct policy_world *world, bool logon, struct fas_err *e)
{
	static const char *const builtin[] = {"smartcard-logon", "client-auth"};
	const char *own = builtin[logon ? 0 : 1], *other = builtin[logon ? 1 : 0];
	if (strcmp(at->text, own) == 0)
		return FAS_OK;
	bool told = world && world->n_authorities > 0;
	const char *const *known = NULL;
	size_t n = 0;
	if (told && logon) {
		known = world->logon_profiles;
		n = world->n_logon_profiles;
	} else if (told) {
		known = world->client_profiles;
		n = world->n_client_profiles;
	}
	if (strcmp(at->text, other) != 0 && profile_name_is_valid(at->text) &&
	    (!told || is_known(at->text, known, n, false)))
		return FAS_OK;
	const char *near = nearest_word(at->text, known, n);
	return fail_unknown(at, "policy_unknown_profile",
	    logon ? "profile for logons" : "profile for clients", at->text,
	    near ? near : nearest_word(at->text, &own, 1), e);
}

enum fas_code
check_host_pattern(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	(void)world;
	if (hostname_pattern_is_valid(at->text))
		return FAS_OK;
	return yaml_fail(at, e, "policy_host_pattern",
	    "\"%.64s\" is neither a DNS name nor \"*.\" and one", at->text);
}

enum fas_code
check_upn(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	struct fas_err why = {0};
	(void)world;
	if (upn_check(at->text, &why) == FAS_OK)
		return FAS_OK;
	return yaml_fail(at, e, "policy_upn", "\"%.64s\" is no UPN: %s", at->text, why.message);
}

/* The nearest of the DNS names of domains and of the suffixes beside them. */
static const char *
nearest_suffix(const char *word, const struct policy_world *world)
{
	const char *near = nearest_word(word, world->upn_suffixes, world->n_upn_suffixes);
	return near ? near : nearest_word(word, world->domains, world->n_domains);
}

/*
 * A forest may know more suffixes than its domains' names.  When they are told, an unknown one is an error;
 * when not, only one that looks like a slip of the pen.
 */
enum fas_code
check_upn_suffix(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	if (!hostname_is_valid(at->text))
		return yaml_fail(at, e, "policy_upn_suffix", "\"%.64s\" is no DNS name", at->text);
	if (!world || is_known(at->text, world->domains, world->n_domains, true) ||
	    is_known(at->text, world->upn_suffixes, world->n_upn_suffixes, true))
		return FAS_OK;
	const char *near = nearest_suffix(at->text, world);
	if (!near && world->n_upn_suffixes == 0)
		return FAS_OK;
	return fail_unknown(at, "policy_unknown_upn_suffix", "UPN suffix", at->text, near, e);
}

/* Absolute and in its shortest spelling: it is compared with what the kernel says of a process. */
static bool
is_plain_path(const char *path)
{
	size_t n = 0;
	if (*path != '/')
		return false;
	while (*path == '/') {
		n = strcspn(++path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') || strncmp(path, "..", n) == 0)
			return false;
		path += n;
	}
	return true;
}

enum fas_code
check_program(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	(void)world;
	if (is_plain_path(at->text) && strlen(at->text) <= PROGRAM_MAX)
		return FAS_OK;
	return yaml_fail(at, e, "policy_program",
	    "\"%.64s\" is no program: want an absolute path without \".\", \"..\" and \"//\"",
	    at->text);
}

/* SAML core 2.7.2.2: a URI reference.  It is compared as it stands there, so a space is a slip of the pen. */
enum fas_code
check_context(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	(void)world;
	if (*at->text && strlen(at->text) <= CONTEXT_TEXT_MAX && !strpbrk(at->text, " \t"))
		return FAS_OK;
	return yaml_fail(at, e, "policy_context",
	    "\"%.64s\" is no authentication context: want a URI of up to %d characters", at->text,
	    CONTEXT_TEXT_MAX);
}

/* The signer would refuse every logon that asks for another. */
enum fas_code
check_issuance_policy(
    const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	if (!oid_is_open_policy(at->text))
		return yaml_fail(at, e, "policy_issuance_policy",
		    "\"%.64s\" is no issuance policy: want an object identifier other than "
		    "anyPolicy",
		    at->text);
	if (!world || world->n_authorities == 0 ||
	    is_known(at->text, world->policies, world->n_policies, false))
		return FAS_OK;
	const char *near = nearest_word(at->text, world->policies, world->n_policies);
	return yaml_fail(at, e, "policy_unknown_issuance_policy",
	    "issuance policy %.64s is not among issuance_policies of the signer's limits%s%.64s%s",
	    at->text, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* RFC 4514: does it begin like "CN="? */
static bool
is_dn(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
	return n > 0 && text[n] == '=';
}

/* "...,DC=corp,DC=example" to "corp.example"; empty when there is no such end. */
static void
domain_of_dn(const char *dn, char out[DOMAIN_TEXT_MAX])
{
	size_t used = 0;
	out[0] = 0;
	for (const char *at = strcasestr(dn, ",DC="); at; at = strcasestr(at + 1, ",DC=")) {
		size_t n = strcspn(at + 4, ",");
		int put = snprintf(out + used, DOMAIN_TEXT_MAX - used, "%s%.*s", used ? "." : "",
		    (int)(n < DOMAIN_TEXT_MAX ? n : DOMAIN_TEXT_MAX), at + 4);
		if (put < 0 || (size_t)put >= DOMAIN_TEXT_MAX - used)
			return;
		used += (size_t)put;
	}
}

/* The domain's part of DOMAIN\name, name@domain or a DN; false when the text is none of these. */
static bool
domain_of_group(const char *text, char out[DOMAIN_TEXT_MAX])
{
	const char *slash = strchr(text, '\\'), *sign = strrchr(text, '@');
	if (is_dn(text)) {
		domain_of_dn(text, out);
		return out[0] != 0;
	}
	if (slash && slash[1]) {
		(void)snprintf(out, DOMAIN_TEXT_MAX, "%.*s", (int)(slash - text), text);
		return slash > text;
	}
	(void)snprintf(out, DOMAIN_TEXT_MAX, "%s", sign ? sign + 1 : "");
	return sign && sign > text && sign[1];
}

/* Are names of this kind (DNS or NetBIOS) among the known domains?  NetBIOS names need not be configured. */
static bool
kind_is_known(const char *domain, const struct policy_world *world)
{
	bool dotted = strchr(domain, '.') != NULL;
	for (size_t i = 0; i < world->n_domains; i++) {
		if ((strchr(world->domains[i], '.') != NULL) == dotted)
			return true;
	}
	return false;
}

enum fas_code
check_group_name(const struct yaml_node *at, const struct policy_world *world, struct fas_err *e)
{
	char domain[DOMAIN_TEXT_MAX];
	if (!domain_of_group(at->text, domain))
		return yaml_fail(at, e, "policy_group_name",
		    "group \"%.64s\": want DOMAIN\\name, name@domain, a DN with its DC parts, or "
		    "a SID",
		    at->text);
	if (!world || !kind_is_known(domain, world) ||
	    is_known(domain, world->domains, world->n_domains, true))
		return FAS_OK;
	return fail_unknown(at, "policy_unknown_domain", "domain", domain,
	    nearest_word(domain, world->domains, world->n_domains), e);
}
