/*
 * Policy: readable rules in, one verdict out.  Default deny; the first rule that matches wins; pure.
 *
 * A loaded policy is immutable but for the SIDs of its groups, which the pipeline fills in before it is published
 * (policy_groups); after that it is shared by threads through a reference count.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

enum policy_custody { CUSTODY_HOST, CUSTODY_SERVICE };
enum policy_front_end { FRONT_END_STOREFRONT, FRONT_END_HOST };
enum policy_ticket { TICKET_HOST, TICKET_POOL };
enum policy_logoff { LOGOFF_KEEP, LOGOFF_REVOKE };
enum policy_pool_empty { POOL_EMPTY_HOST, POOL_EMPTY_WAIT };
enum policy_fetch { FETCH_LOGON, FETCH_FIRST_USE };
enum policy_consent { CONSENT_NONE, CONSENT_SESSION, CONSENT_PROGRAM };
enum policy_key {
	POLICY_KEY_RSA_2048 = 1,
	POLICY_KEY_RSA_3072 = 2,
	POLICY_KEY_RSA_4096 = 4,
	POLICY_KEY_P256 = 8,
	POLICY_KEY_P384 = 16
};
/* "rsa-2048", ...: the word of one kind. */
const char *policy_key_name(enum policy_key key);
/* The reverse; 0 when it is none. */
unsigned policy_key_of(const char *name);
enum policy_mechanism {
	POLICY_MECHANISM_RSA_PKCS1 = 1,
	POLICY_MECHANISM_RSA_PSS = 2,
	POLICY_MECHANISM_ECDSA = 4
};
#define POLICY_MECHANISMS 3
/* Words of the bits, in their order. */
extern const char *const policy_mechanism_names[POLICY_MECHANISMS];

#define POLICY_ISSUANCE_MAX 4 /* issuance policies of one authentication context */

/* Certificates for use within the session; all borrowed from the policy. */
struct policy_in_session {
	bool allow; /* false: nothing below has a meaning */
	const char *authority;
	const char *profile; /* the signer's: "client-auth", "smartcard-logon" where the rule
				says so, or one of the administrator's own */
	int64_t validity_s;
	unsigned keys;             /* bit set of enum policy_key; one kind under CUSTODY_SERVICE */
	enum policy_key first_key; /* the first that the rule names: what a host should make */
	enum policy_custody custody;
	enum policy_pool_empty pool_empty;
	enum policy_fetch fetch;
	const char *const *programs; /* absolute paths; n_programs 0: any program of the user */
	size_t n_programs;
	unsigned mechanisms; /* bit set of enum policy_mechanism */
	enum policy_consent consent;
	int64_t consent_timeout_s; /* how long a consent lasts; 0 under CONSENT_NONE */
	int64_t rate_count, rate_period_s;
};

/* What an allowing rule grants: all the pipeline needs to go on.  Borrowed from the policy. */
struct policy_grant {
	const char *rule;
	const char *authority;
	const char *profile; /* "smartcard-logon", or one of the administrator's own */
	int64_t validity_s;
	unsigned keys; /* bit set of enum policy_key; one kind under CUSTODY_SERVICE */
	enum policy_custody custody;
	/* Of a key that the service keeps: */
	enum policy_pool_empty pool_empty;
	int64_t signatures, signature_window_s; /* so many, so long from redemption */
	enum policy_ticket ticket;
	int64_t ticket_life_s;
	int64_t session_max_s;
	int64_t lease_s;
	enum policy_logoff logoff;
	/* Issuance policies (OIDs) that the authentication context stands for: in every certificate of the logon. */
	const char *const *policies;
	size_t n_policies; /* at most POLICY_ISSUANCE_MAX */
	struct policy_in_session in_session;
};

/* Everything that a decision may depend on; all members borrowed, NULL = unknown. */
struct policy_facts {
	const char *idp;
	enum policy_front_end front_end;
	const char *storefront; /* authenticated name; NULL under FRONT_END_HOST */
	const char *host;       /* the host asked for, later the real one */
	const char *upn;
	const struct sid *sid;
	const struct sid *groups; /* transitive */
	size_t n_groups;
	/* Which claims the assertion carried (all agree already). */
	bool claimed_sid, claimed_upn, claimed_guid, claimed_email, claimed_forest, claimed_domain;
	const char *authn_context; /* how the provider says it knew the user */
	bool privileged;
	bool password_expired;
};

enum policy_outcome { VERDICT_DENY = 0, VERDICT_ALLOW = 1 };

struct policy_verdict {
	enum policy_outcome outcome;
	const char *reason; /* static: "policy_allow", or why not: see policy_decide */
	const char *rule;   /* the rule that decided; NULL when none matched.  Borrowed */
	const char *
	    warning; /* static, e.g. "password_expired" under `expired_password: allow`; else NULL */
	struct policy_grant grant; /* only under VERDICT_ALLOW */
};

struct policy;

/* Names that rules may use, for the cross-check; borrowed during the call. */
struct policy_world {
	const char *const *idps;
	size_t n_idps;
	const char *const
	    *authorities; /* none = not checked (fasctl policy check without a signer) */
	size_t n_authorities;
	/* The signer's own profiles that are like smartcard-logon and like client-auth; checked when authorities are. */
	const char *const *logon_profiles, *const *client_profiles;
	size_t n_logon_profiles, n_client_profiles;
	/* Issuance policies that the signer's limits let a rule ask for; checked when authorities are. */
	const char *const *policies;
	size_t n_policies;
	const char *const *domains; /* DNS and NetBIOS names of the directory; none = not checked */
	size_t n_domains;
	const char *const *upn_suffixes; /* that the forest knows beside its domains' names; none =
					    only slips of the pen are found */
	size_t n_upn_suffixes;
};

/*
 * Load one file, or every *.yaml of a folder in name order (their rules follow each other).
 * All or nothing: FAS_E_CONFIG with file:line:column and the nearest known word.
 * The returned policy has one reference.
 */
MUST_CHECK enum fas_code policy_load(
    const char *path, const struct policy_world *world, struct policy **out, struct fas_err *e);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);

/* SHA-256 over the files' bytes, hex: names the policy in records. */
const char *policy_digest(const struct policy *policy);
size_t policy_rule_count(const struct policy *policy);

/*
 * The group names of all rules, each once.  The pipeline resolves each and sets it, before the policy is published.
 * An unresolved group denies: a rule whose match depends on it ends the search with "policy_group_unresolved".
 */
size_t policy_group_count(const struct policy *policy);
const char *policy_group_name(const struct policy *policy, size_t i);
void policy_group_set(struct policy *policy, size_t i, const struct sid *sid);
bool policy_group_is_set(const struct policy *policy, size_t i);

/* What a diagnosis looks at in a rule; all borrowed from the policy. */
struct policy_rule_view {
	const char *name;
	bool deny;
	bool allow_expired_password;
	const char *authority; /* of the logon's certificate */
	unsigned keys;         /* bit set of enum policy_key: the logon's and the session's */
	const char *const *upn_suffixes;
	size_t n_upn_suffixes;
	size_t n_groups;
};
void policy_rule_view(const struct policy *policy, size_t rule, struct policy_rule_view *out);
/* The rule's k-th group; NULL while it is not resolved. */
const struct sid *policy_rule_group(const struct policy *policy, size_t rule, size_t k);

/*
 * Decide.  Always succeeds; denial is no failure.  Reasons of a denial:
 *   policy_no_rule            nothing matched
 *   policy_denied_by_rule     a rule matched the request and its deny list names the user, or it is `deny: true`
 *   policy_privileged         the rule that matches does not name privileged accounts
 *   policy_password_expired   `expired_password: deny`
 *   policy_claims             a required claim was not in the assertion
 *   policy_authentication     the assertion's authentication context is none of those that the rule wants
 *   policy_group_unresolved   the outcome depends on a group that the directory does not know
 */
void policy_decide(
    const struct policy *policy, const struct policy_facts *facts, struct policy_verdict *out);

/* Why each rule did or did not match, for `policy explain`: visit is called once a rule, in order. */
typedef void policy_explain_visit(const char *rule, bool matched, const char *because, void *arg);
void policy_explain(const struct policy *policy, const struct policy_facts *facts,
    policy_explain_visit *visit, void *arg);

DEFINE_OWN(policy, struct policy *, policy_unref);

#endif
