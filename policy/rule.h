/*
 * A loaded rule, as decide.c reads it.  All texts are borrowed from the policy's documents, which live as
 * long as the policy; lists are owned.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdatomic.h>

#include "fas/base/yaml.h"
#include "policy/policy.h"

#define POLICY_FILES_MAX 256
#define POLICY_RULES_MAX 10000
#define POLICY_GROUPS_MAX 4096 /* different groups of all rules: the size of a decision's bit set */
#define RULE_NAME_MAX 64
#define PROGRAMS_MAX 64 /* of one rule */
#define PROGRAM_MAX 1024

/* The file's list ["*"], said explicitly; it matches every known name, never an unknown one. */
struct names {
	bool any;
	size_t n;
	const char **items; /* owned list of borrowed texts */
};

struct sids {
	bool any;
	size_t n;
	struct sid *items;
};

/* Numbers of the policy's groups. */
struct group_list {
	size_t n;
	uint32_t *items;
};

enum claim {
	CLAIM_SID = 1,
	CLAIM_UPN = 2,
	CLAIM_GUID = 4,
	CLAIM_EMAIL = 8,
	CLAIM_FOREST = 16,
	CLAIM_DOMAIN = 32
};

#define CONTEXTS_MAX 32 /* of one rule */

/* What one authentication context stands for in certificates. */
struct context_policies {
	const char *context;
	size_t n;
	const char *oids[POLICY_ISSUANCE_MAX];
};

struct rule {
	const char *name;
	const struct yaml_node *at;
	struct names idps, storefronts, hosts;
	enum policy_front_end front_end;
	/* Who: each list that is there has to match; an absent one asks nothing. */
	struct group_list groups;
	struct names upn_suffixes;
	struct sids sids;
	struct group_list privileged; /* an account's own SID or a group's */
	/* Who not. */
	bool deny;
	struct group_list deny_groups;
	struct sids deny_sids;
	struct names deny_upns;
	unsigned require, require_any; /* bit sets of enum claim: all of these, one of those */
	struct names contexts;         /* of authentication; empty: any, or none */
	size_t n_context_policies;
	struct context_policies *context_policies; /* owned */
	bool allow_expired_password;
	struct names programs;     /* of in_session */
	struct policy_grant grant; /* rule's name included */
};

/* A group that a rule names, by name or by SID; each is there once. */
struct group {
	const char *name; /* NULL: a SID that the file itself says */
	struct sid sid;
	bool set;
	uint32_t next; /* in its bucket; GROUP_NONE ends it */
};

#define GROUP_BUCKETS 1024
#define GROUP_NONE UINT32_MAX

struct policy {
	atomic_uint references;
	char digest[65];
	size_t n_docs;
	struct yaml_doc *docs[POLICY_FILES_MAX];
	size_t n_rules;
	struct rule *rules;
	size_t n_groups;
	struct group *groups;
	size_t n_named;
	uint32_t *named; /* policy_group_count's numbering to groups[] */
	uint32_t buckets[GROUP_BUCKETS];
};

/* ---- groups.c ---- */

void groups_init(struct policy *policy);
/* The group's number; FAS_E_CONFIG "policy_too_many_groups" at the node. */
MUST_CHECK enum fas_code groups_add_name(
    struct policy *policy, const struct yaml_node *at, uint32_t *out, struct fas_err *e);
MUST_CHECK enum fas_code groups_add_sid(struct policy *policy, const struct sid *sid,
    const struct yaml_node *at, uint32_t *out, struct fas_err *e);

/* Which of the policy's groups an account is in: one pass over its groups, whatever the rules. */
struct membership {
	bool known; /* false: the account's groups are not known */
	uint64_t bits[POLICY_GROUPS_MAX / 64];
};
void groups_match(
    const struct policy *policy, const struct policy_facts *facts, struct membership *out);

/* ---- rule.c ---- */

/* Read one rule; world may be NULL (nothing is cross-checked). */
MUST_CHECK enum fas_code rule_load(struct policy *policy, const struct yaml_node *node,
    const struct policy_world *world, struct rule *out, struct fas_err *e);
void rule_done(struct rule *rule);

/* ---- rule_lists.c: the lists of a rule; absent leaves out empty ---- */

struct rule_reader {
	struct policy *policy;
	const struct policy_world *world;
	struct fas_err *e;
};

/* Is this text all right?  at names the place for the message. */
typedef enum fas_code text_check(
    const struct yaml_node *at, const struct policy_world *world, struct fas_err *e);

void read_names(struct rule_reader *rr, struct yaml_reader *r, const char *key, text_check *check,
    bool may_be_any, struct names *out);
void read_sids(struct rule_reader *rr, struct yaml_reader *r, const char *key, bool may_be_any,
    struct sids *out);
/* One word or a list of words as a bit set: bit i stands for words[i]; absent is fallback. */
unsigned read_words(struct rule_reader *rr, struct yaml_reader *r, const char *key,
    const char *const *words, size_t n, unsigned fallback);
/* Names or SIDs. */
void read_groups(
    struct rule_reader *rr, struct yaml_reader *r, const char *key, struct group_list *out);

/* ---- rule_logon.c: what a rule grants in certificates and keys ---- */

void read_logon(struct rule_reader *rr, struct yaml_reader *r, struct rule *out);
/* After read_logon: what is not said here is as there. */
void read_in_session(struct rule_reader *rr, struct yaml_reader *r, struct rule *out);

/* ---- rule_assertion.c: what a rule asks of the assertion ---- */

void read_match(struct rule_reader *rr, struct yaml_reader *r, struct rule *out);
void read_authentication(struct rule_reader *rr, struct yaml_reader *r, struct rule *out);

/* ---- world.c: cross-checks, each with the nearest known word ---- */

text_check check_idp, check_host_pattern, check_upn_suffix, check_upn, check_group_name,
    check_program, check_context, check_issuance_policy;
/* logon: of a logon's certificate; otherwise one for clients. */
MUST_CHECK enum fas_code check_profile(
    const struct yaml_node *at, const struct policy_world *world, bool logon, struct fas_err *e);
MUST_CHECK enum fas_code check_authority(
    const struct yaml_node *at, const struct policy_world *world, struct fas_err *e);

/* ---- decide.c ---- */

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

/* Does the rule speak of this request and user?  *which: the name of the first list that says no. */
enum answer rule_matches(const struct rule *rule, const struct policy *policy,
    const struct policy_facts *facts, const struct membership *membership, const char **which);
/* What a rule that matches (or may match) says: fills out completely. */
void rule_decide(const struct rule *rule, const struct policy *policy,
    const struct policy_facts *facts, const struct membership *membership, enum answer matches,
    struct policy_verdict *out);

#endif
