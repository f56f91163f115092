/*
 * limits.yaml: what no message can widen.  The signer trusts nobody: whatever fasd says, a user's certificate leaves
 * only for an account, a name, a profile and a life that this root-owned file allows.
 */
#ifndef CA_LIMITS_H
#define CA_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ca/profile.h"
#include "fas/base/dn.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define LIMITS_DOMAINS_MAX 64
#define LIMITS_SUFFIXES_MAX 64
#define LIMITS_SIDS_MAX 1024
#define LIMITS_RATE_MAX 1000000

struct limits_domain {
	struct sid sid;
	const struct yaml_node *upn_suffixes; /* list of texts, at least one */
	const char *dns_name; /* the subject's DC parts must spell it; NULL = any DC parts */
};

struct rate_limit {
	int64_t count, period_s;
};

/* Immutable once loaded. */
struct limits {
	struct yaml_doc *doc;
	size_t n_domains;
	struct limits_domain domains[LIMITS_DOMAINS_MAX];
	uint32_t refuse_rids_below;
	size_t n_allow_rids, n_refuse_sids;
	uint32_t allow_rids[LIMITS_SIDS_MAX];
	struct sid refuse_sids[LIMITS_SIDS_MAX];
	bool profiles[PROFILE_SERVICE_CLIENT + 1]; /* by enum profile_kind: on the issue socket */
	int64_t longest_life_s;
	struct rate_limit per_sid, total;
	int64_t signatures_per_key; /* of a key that the signer holds for a session */
};

/* As signer_config_load. */
MUST_CHECK enum fas_code limits_load(
    const char *path, uid_t owner, struct limits **out, struct fas_err *e);
void limits_free(struct limits *limits);

/* What somebody asks the issue socket to certify. */
struct limits_facts {
	enum profile_kind profile;
	const struct dn *subject;
	const struct sid *sid;
	const char *upn;
	int64_t validity_s;
	int64_t signatures; /* that the signer's key shall make; 0 = the key is not the signer's */
};

/*
 * FAS_E_DENIED with "profile_outside_limits", "life_outside_limits", "signatures_outside_limits", "sid_outside_limits", "rid_refused",
 * "sid_refused", "upn_outside_limits" or "subject_outside_limits".  (Rates are rate.h's.)
 */
MUST_CHECK enum fas_code limits_check(
    const struct limits *limits, const struct limits_facts *facts, struct fas_err *e);

DEFINE_OWN(limits, struct limits *, limits_free);

#endif
