#include "fas/machines.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"

#define RULES_MAX 64
#define LIST_MAX 1024
#define GROUPS_MAX 64
#define GROUP_LIFE_US (INT64_C(3600) * 1000000) /* a group may be made anew under its name */

struct rule {
	enum caller_role role;
	const struct yaml_node *accounts, *groups, *names; /* lists of texts; NULL: no condition */
	const char *ou;
	struct group {
		struct sid sid;  /* not set: unknown */
		int64_t read_us; /* 0 = never */
	} * group;               /* as many as groups has; under the lock */
};

struct machines {
	pthread_mutex_t lock;
	size_t n;
	struct rule rules[];
};

void
machines_free(struct machines *machines)
{
	if (!machines)
		return;
	for (size_t i = 0; i < machines->n; i++)
		free(machines->rules[i].group);
	pthread_mutex_destroy(&machines->lock);
	free(machines);
}

/* ---- reading ---- */

/* NETBIOS\NAME$ or NAME$@domain. */
static bool
account_is_valid(const char *text)
{
	const char *backslash = strchr(text, '\\'), *at = strchr(text, '@');
	if (!backslash == !at)
		return false;
	const char *name = backslash ? backslash + 1 : text;
	size_t len = backslash ? strlen(name) : (size_t)(at - text);
	bool has_domain = backslash ? backslash != text : hostname_is_valid(at + 1);
	return has_domain && len > 1 && name[len - 1] == '$';
}

static void
check_texts(const struct yaml_node *list, size_t max, bool (*is_valid)(const char *),
    const char *want, struct fas_err *e)
{
	if (list && (list->n == 0 || list->n > max))
		yaml_fail(list, e, "yaml_value", "want 1 to %zu entries", max);
	for (size_t i = 0; list && is_valid && i < list->n; i++) {
		if (!is_valid(list->items[i]->text))
			yaml_fail(list->items[i], e, "yaml_value", "\"%.128s\" is no %s",
			    list->items[i]->text, want);
	}
}

static void
check_ou(struct yaml_reader *r, const struct rule *rule)
{
	struct fas_err why = {0};
	if (rule->ou && directory_check_dn(rule->ou, &why) != FAS_OK)
		yaml_fail(yaml_want_any(r, "ou"), r->e, "yaml_value",
		    "\"%.128s\" is no distinguished name (RFC 4514)", rule->ou);
}

static enum fas_code
read_rule(const struct yaml_node *item, struct rule *out, struct fas_err *e)
{
	static const char *const words[] = {"host", "storefront"};
	static const enum caller_role roles[] = {ROLE_HOST, ROLE_STOREFRONT};
	struct yaml_reader r;
	if (yaml_open(&r, item, "rule of machines", e) != FAS_OK)
		return e->code;
	(void)yaml_need_text(&r, "role");
	out->role = roles[yaml_want_word(&r, "role", words, NELEMS(words), 0)];
	out->accounts = yaml_want_texts(&r, "accounts");
	out->groups = yaml_want_texts(&r, "groups");
	out->names = yaml_want_texts(&r, "names");
	out->ou = yaml_want_text(&r, "ou", NULL);
	check_texts(out->accounts, LIST_MAX, account_is_valid,
	    "machine account (DOMAIN\\NAME$ or NAME$@dns.domain)", e);
	check_texts(out->groups, GROUPS_MAX, NULL, "", e);
	check_texts(
	    out->names, LIST_MAX, hostname_pattern_is_valid, "host name or \"*.\" and one", e);
	check_ou(&r, out);
	if (e->code == FAS_OK && !out->accounts && !out->groups && !out->ou)
		yaml_fail(item, e, "yaml_missing_key",
		    "want at least one of \"accounts\", \"groups\" and \"ou\"");
	enum fas_code rc = yaml_finish(&r);
	if (rc == FAS_OK && out->groups &&
	    !(out->group = calloc(out->groups->n, sizeof(*out->group))))
		return fas_fail_nomem(e);
	return rc;
}

enum fas_code
machines_load(const struct yaml_node *list, struct machines **out, struct fas_err *e)
{
	size_t n = list ? list->n : 0;
	if (n > RULES_MAX)
		return yaml_fail(list, e, "yaml_value", "at most %d rules", RULES_MAX);
	OWN(machines)
	struct machines *machines = calloc(1, sizeof(*machines) + n * sizeof(machines->rules[0]));
	if (!machines)
		return fas_fail_nomem(e);
	pthread_mutex_init(&machines->lock, NULL);
	for (; machines->n < n; machines->n++) {
		struct rule *rule = &machines->rules[machines->n];
		enum fas_code rc = read_rule(list->items[machines->n], rule, e);
		if (rc != FAS_OK)
			return rc;
	}
	*out = TAKE(machines);
	return FAS_OK;
}

/* ---- deciding ---- */

static bool
equal_part(const char *text, size_t len, const char *want)
{
	char part[HOSTNAME_MAX + 1];
	if (!want || len >= sizeof(part))
		return false;
	memcpy(part, text, len);
	part[len] = 0;
	return ascii_equal_nocase(part, want);
}

static bool
names_account(const char *text, const struct account *account)
{
	const char *split = strpbrk(text, "\\@");
	if (!split)
		return false;
	size_t len = (size_t)(split - text);
	if (*split == '\\')
		return equal_part(text, len, account->netbios) &&
		       ascii_equal_nocase(split + 1, account->sam_account_name);
	return ascii_equal_nocase(split + 1, account->domain) &&
	       equal_part(text, len, account->sam_account_name);
}

static bool
any_account(const struct yaml_node *list, const struct account *account)
{
	for (size_t i = 0; i < list->n; i++) {
		if (names_account(list->items[i]->text, account))
			return true;
	}
	return false;
}

static bool
any_name(const struct yaml_node *list, const char *dns_name)
{
	for (size_t i = 0; i < list->n; i++) {
		if (hostname_matches(list->items[i]->text, dns_name))
			return true;
	}
	return false;
}

/* sid stays unset where the directory has no such group. */
static enum fas_code
resolve(struct machines *machines, struct directory *directory, const char *name,
    struct group *group, struct sid *sid, struct fas_err *e)
{
	struct fas_err why = {0};
	int64_t now_us = clock_monotonic_us();
	pthread_mutex_lock(&machines->lock);
	*sid = group->sid;
	bool fresh = sid_is_set(sid) && now_us - group->read_us < GROUP_LIFE_US;
	pthread_mutex_unlock(&machines->lock);
	if (fresh)
		return FAS_OK;
	enum fas_code rc = directory_group(directory, name, sid, &why);
	if (rc == FAS_E_NOTFOUND)
		*sid = (struct sid){0};
	else if (rc != FAS_OK)
		return fas_fail(e, rc, why.reason, "%s", why.message);
	pthread_mutex_lock(&machines->lock);
	group->sid = *sid;
	group->read_us = now_us;
	pthread_mutex_unlock(&machines->lock);
	return FAS_OK;
}

static enum fas_code
any_group(struct machines *machines, struct directory *directory, const struct rule *rule,
    const struct account *account, bool *out, struct fas_err *e)
{
	*out = false;
	for (size_t i = 0; i < rule->groups->n && !*out; i++) {
		struct sid sid = {0};
		enum fas_code rc = resolve(
		    machines, directory, rule->groups->items[i]->text, &rule->group[i], &sid, e);
		if (rc != FAS_OK)
			return rc;
		*out = sid_is_set(&sid) && account_is_member(account, &sid);
	}
	return FAS_OK;
}

static enum fas_code
fits(struct machines *machines, struct directory *directory, const struct rule *rule,
    const struct machine *machine, bool *out, struct fas_err *e)
{
	*out = (!rule->accounts || any_account(rule->accounts, machine->account)) &&
	       (!rule->ou || machine_is_below(machine, rule->ou)) &&
	       (!rule->names || any_name(rule->names, machine->dns_name));
	if (!*out || !rule->groups)
		return FAS_OK;
	return any_group(machines, directory, rule, machine->account, out, e);
}

enum fas_code
machines_decide(struct machines *machines, struct directory *directory,
    const struct machine *machine, enum caller_role *role, struct fas_err *e)
{
	*role = ROLE_NONE;
	for (size_t i = 0; i < machines->n; i++) {
		bool hit = false;
		const struct rule *rule = &machines->rules[i];
		enum fas_code rc = fits(machines, directory, rule, machine, &hit, e);
		if (rc != FAS_OK)
			return rc;
		if (hit) {
			*role = rule->role;
			return FAS_OK;
		}
	}
	return fas_fail(e, FAS_E_DENIED, "machine_no_rule", "no rule of machines fits %s (%s)",
	    machine->account->sam_account_name, machine->dns_name);
}

bool
machine_principal_parse(
    const char *principal, char sam[SAM_ACCOUNT_NAME_MAX], char realm[HOSTNAME_MAX + 1])
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t len = strspn(principal, plain);
	/* An escape of krb5_unparse_name, an instance or a second realm stops the span. */
	if (len == 0 || len + 1 >= SAM_ACCOUNT_NAME_MAX || principal[len] != '$' ||
	    principal[len + 1] != '@')
		return false;
	const char *rest = principal + len + 2;
	if (strlen(rest) > HOSTNAME_MAX || !hostname_is_valid(rest))
		return false;
	memcpy(sam, principal, len + 1);
	sam[len + 1] = 0;
	memcpy(realm, rest, strlen(rest) + 1);
	return true;
}
