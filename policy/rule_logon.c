/* The parts `logon` and `in_session` of a rule: which certificates, and who keeps their keys. */
#include "policy/rule.h"

#include <string.h>

#include "fas/base/text.h"

#define MINUTE_S 60
#define HOUR_S 3600
#define DAY_S 86400

#define RSA_KEYS (POLICY_KEY_RSA_2048 | POLICY_KEY_RSA_3072 | POLICY_KEY_RSA_4096)
#define EC_KEYS (POLICY_KEY_P256 | POLICY_KEY_P384)
#define RSA_MECHANISMS (POLICY_MECHANISM_RSA_PKCS1 | POLICY_MECHANISM_RSA_PSS)
#define ALL_MECHANISMS (RSA_MECHANISMS | POLICY_MECHANISM_ECDSA)

/* The bits of enum policy_key, in order. */
static const char *const key_names[] = {"rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"};
const char *const policy_mechanism_names[POLICY_MECHANISMS] = {"rsa-pkcs1", "rsa-pss", "ecdsa"};

const char *
policy_key_name(enum policy_key key)
{
	size_t i = 0;
	while (i + 1 < NELEMS(key_names) && !((unsigned)key >> i & 1))
		i++;
	return key_names[i];
}

unsigned
policy_key_of(const char *name)
{
	for (size_t i = 0; i < NELEMS(key_names); i++) {
		if (strcmp(name, key_names[i]) == 0)
			return 1U << i;
	}
	return 0;
}

/* Who keeps the key, and what only has a meaning where that is the service. */
struct keeping {
	enum policy_custody custody;
	enum policy_pool_empty pool_empty;
	int64_t signatures, signature_window_s;
};

static void
refuse_for_host(struct rule_reader *rr, struct yaml_reader *r)
{
	static const char *const keys[] = {"pool_empty", "signatures", "signature_window"};
	for (size_t i = 0; i < NELEMS(keys); i++) {
		const struct yaml_node *there = yaml_want_any(r, keys[i]);
		if (there)
			(void)yaml_fail_key(there, rr->e, "policy_contradiction",
			    "key \"%s\" has no meaning with \"custody: host\" in %s", keys[i],
			    r->what);
	}
}

static bool
is_one_kind(unsigned keys)
{
	return (keys & (keys - 1)) == 0;
}

/* with_signatures: a logon's key, which signs a few times, soon. */
static void
read_keeping(struct rule_reader *rr, struct yaml_reader *r, unsigned keys, bool with_signatures,
    struct keeping *out)
{
	static const char *const custodies[] = {"host", "service"}, *const empties[] = {
									"host", "wait"};
	out->custody = (enum policy_custody)yaml_want_word(
	    r, "custody", custodies, NELEMS(custodies), CUSTODY_HOST);
	if (out->custody == CUSTODY_HOST && rr->e->code == FAS_OK)
		refuse_for_host(rr, r);
	out->pool_empty = (enum policy_pool_empty)yaml_want_word(
	    r, "pool_empty", empties, NELEMS(empties), POOL_EMPTY_HOST);
	if (with_signatures) {
		out->signatures = yaml_want_int(r, "signatures", 1, 64, 8);
		out->signature_window_s =
		    yaml_want_duration(r, "signature_window", 10, 15 * MINUTE_S, 2 * MINUTE_S);
	}
	if (out->custody == CUSTODY_SERVICE && !is_one_kind(keys))
		(void)yaml_fail(yaml_want_any(r, "key"), rr->e, "policy_contradiction",
		    "\"custody: service\" in %s takes its keys from one pool: want one kind of "
		    "\"key\"",
		    r->what);
}

/* The built-in profile, or what the rule names. */
static const char *
read_profile_name(struct rule_reader *rr, struct yaml_reader *r, bool logon)
{
	const char *name = yaml_want_text(r, "profile", logon ? "smartcard-logon" : "client-auth");
	const struct yaml_node *said = yaml_want_any(r, "profile");
	if (said && said->kind == YAML_SCALAR)
		(void)!check_profile(said, rr->world, logon, rr->e);
	return name;
}

void
read_logon(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct yaml_reader part;
	struct keeping keeping = {0};
	const struct yaml_node *node = yaml_need(r, "logon", YAML_MAP);
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	struct policy_grant *grant = &out->grant;
	grant->authority = yaml_need_text(&part, "authority");
	if (grant->authority &&
	    check_authority(yaml_want_any(&part, "authority"), rr->world, rr->e) != FAS_OK)
		return;
	grant->profile = read_profile_name(rr, &part, true);
	grant->validity_s = yaml_want_duration(&part, "validity", MINUTE_S, HOUR_S, 15 * MINUTE_S);
	grant->keys =
	    read_words(rr, &part, "key", key_names, NELEMS(key_names), POLICY_KEY_RSA_2048);
	read_keeping(rr, &part, grant->keys, true, &keeping);
	grant->custody = keeping.custody;
	grant->pool_empty = keeping.pool_empty;
	grant->signatures = keeping.signatures;
	grant->signature_window_s = keeping.signature_window_s;
	(void)!yaml_finish(&part);
}

/* ---- in_session ---- */

/* A certificate that may be used for a logon has to be asked for by smart_card_logon, also where an own profile is. */
static void
read_profile(struct rule_reader *rr, struct yaml_reader *r, struct policy_in_session *out)
{
	bool smart_card = yaml_want_bool(r, "smart_card_logon", false);
	const struct yaml_node *said = yaml_want_any(r, "profile");
	if (smart_card && said && said->text && strcmp(said->text, "client-auth") == 0)
		(void)yaml_fail_key(said, rr->e, "policy_contradiction",
		    "\"profile: client-auth\" in %s is for clients only: leave it out with "
		    "\"smart_card_logon: true\"",
		    r->what);
	out->profile = read_profile_name(rr, r, smart_card);
}

static void
read_key_kinds(struct rule_reader *rr, struct yaml_reader *r, struct policy_in_session *out)
{
	const struct yaml_node *node = yaml_want_any(r, "key");
	out->keys = read_words(rr, r, "key", key_names, NELEMS(key_names), POLICY_KEY_RSA_2048);
	out->first_key = POLICY_KEY_RSA_2048;
	if (!node || rr->e->code != FAS_OK)
		return;
	const char *first = node->kind == YAML_LIST ? node->items[0]->text : node->text;
	out->first_key = (enum policy_key)policy_key_of(first);
}

/* A key that none of the mechanisms can use would be made for nothing. */
static void
read_mechanisms(struct rule_reader *rr, struct yaml_reader *r, struct policy_in_session *out)
{
	out->mechanisms = read_words(
	    rr, r, "mechanisms", policy_mechanism_names, POLICY_MECHANISMS, ALL_MECHANISMS);
	bool rsa = out->keys & RSA_KEYS && !(out->mechanisms & RSA_MECHANISMS);
	bool ec = out->keys & EC_KEYS && !(out->mechanisms & POLICY_MECHANISM_ECDSA);
	if (rsa || ec)
		(void)yaml_fail_key(yaml_want_any(r, "mechanisms"), rr->e, "policy_contradiction",
		    "\"mechanisms\" in %s have none for %s keys", r->what, rsa ? "RSA" : "EC");
}

/* `none`, or a mapping: whom a consent is for and how long it lasts. */
static void
read_consent(struct rule_reader *rr, struct yaml_reader *r, struct policy_in_session *out)
{
	static const char *const scopes[] = {"session", "program"};
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want_any(r, "consent");
	if (!node || (node->kind == YAML_SCALAR && strcmp(node->text, "none") == 0))
		return;
	if (node->kind != YAML_MAP) {
		(void)yaml_fail(node, rr->e, "yaml_type",
		    "\"consent\" in %s: want none, or a mapping of scope and timeout", r->what);
		return;
	}
	if (yaml_open(&part, node, r->what, rr->e) != FAS_OK || !yaml_need_text(&part, "scope"))
		return;
	size_t scope = yaml_want_word(&part, "scope", scopes, NELEMS(scopes), 0);
	out->consent = scope == 0 ? CONSENT_SESSION : CONSENT_PROGRAM;
	out->consent_timeout_s =
	    yaml_want_duration(&part, "timeout", MINUTE_S, DAY_S, 30 * MINUTE_S);
	(void)!yaml_finish(&part);
}

static void
read_rate(struct rule_reader *rr, struct yaml_reader *r, struct policy_in_session *out)
{
	struct yaml_reader part;
	const struct yaml_node *node = yaml_want(r, "rate", YAML_MAP);
	out->rate_count = 120;
	out->rate_period_s = MINUTE_S;
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	out->rate_count = yaml_want_int(&part, "count", 1, 10000, out->rate_count);
	out->rate_period_s = yaml_want_duration(&part, "period", 1, HOUR_S, out->rate_period_s);
	(void)!yaml_finish(&part);
}

/* Said explicitly, as every list: ["*"] is any program of the session's user. */
static void
read_programs(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	struct policy_in_session *in_session = &out->grant.in_session;
	read_names(rr, r, "programs", check_program, true, &out->programs);
	in_session->programs = out->programs.items;
	in_session->n_programs = out->programs.n;
	if (out->programs.n > PROGRAMS_MAX)
		(void)yaml_fail(yaml_want_any(r, "programs"), rr->e, "policy_too_many_programs",
		    "more than %d \"programs\" in %s", PROGRAMS_MAX, r->what);
	if (in_session->allow && !out->programs.any && out->programs.n == 0)
		(void)yaml_fail(r->map, rr->e, "policy_missing_key",
		    "key \"programs\" is missing in %s: say which, or [\"*\"] for any", r->what);
}

static void
read_authority(struct rule_reader *rr, struct yaml_reader *r, const struct policy_grant *grant,
    struct policy_in_session *out)
{
	out->authority = yaml_want_text(r, "authority", grant->authority);
	const struct yaml_node *said = yaml_want_any(r, "authority");
	if (said && said->kind == YAML_SCALAR)
		(void)!check_authority(said, rr->world, rr->e);
}

void
read_in_session(struct rule_reader *rr, struct yaml_reader *r, struct rule *out)
{
	static const char *const fetches[] = {"logon", "first_use"};
	struct policy_in_session *in_session = &out->grant.in_session;
	struct yaml_reader part;
	struct keeping keeping = {0};
	const struct yaml_node *node = yaml_want(r, "in_session", YAML_MAP);
	if (!node || yaml_open(&part, node, r->what, rr->e) != FAS_OK)
		return;
	in_session->allow = yaml_want_bool(&part, "allow", false);
	read_authority(rr, &part, &out->grant, in_session);
	read_profile(rr, &part, in_session);
	in_session->validity_s = yaml_want_duration(&part, "validity", MINUTE_S, DAY_S, HOUR_S);
	read_key_kinds(rr, &part, in_session);
	read_keeping(rr, &part, in_session->keys, false, &keeping);
	in_session->custody = keeping.custody;
	in_session->pool_empty = keeping.pool_empty;
	in_session->fetch = (enum policy_fetch)yaml_want_word(
	    &part, "fetch", fetches, NELEMS(fetches), FETCH_LOGON);
	read_mechanisms(rr, &part, in_session);
	read_consent(rr, &part, in_session);
	read_rate(rr, &part, in_session);
	read_programs(rr, &part, out);
	(void)!yaml_finish(&part);
}
