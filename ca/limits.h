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

#include "ca/config.h"
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

/* What the administrator's own profiles may have beyond the built-in one that they are like: nothing unless it says so. */
struct limits_own {
	int64_t longest_life_s;
	unsigned key_usage;   /* bits of keyUsage */
	unsigned extra_names; /* bits of enum profile_extra_name */
	bool upn_subject;
	/* lists of texts; NULL = none */
	const struct yaml_node *purposes, *policies, *urls, *mail_domains;
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
	const struct yaml_node *profile_names;     /* the list as it stands there; or NULL */
	struct limits_own own;
	const struct yaml_node *issuance_policies; /* that a request may ask for; NULL = none */
	int64_t longest_life_s;
	struct rate_limit per_sid, total;
	int64_t signatures_per_key; /* of a key that the signer holds for a session */
};

/*
 * As signer_config_load.  config: whose own profiles it may name, and of which none may have more than it allows (NULL:
 * there are none); a message about a profile has the place in that file.
 */
MUST_CHECK enum fas_code limits_load(const char *path, uid_t owner,
    const struct signer_config *config, struct limits **out, struct fas_err *e);
/* The same of a text; name: as which file it is spoken of. */
MUST_CHECK enum fas_code limits_parse(const char *name, const char *text, size_t len,
    const struct signer_config *config, struct limits **out, struct fas_err *e);
void limits_free(struct limits *limits);

/* What somebody asks the issue socket to certify. */
struct limits_facts {
	enum profile_kind profile;
	const struct dn *subject;
	const struct sid *sid;
	const char *upn;
	int64_t validity_s;
	int64_t signatures; /* that the signer's key shall make; 0 = the key is not the signer's */
	const struct profile_own *own;
	const char *realm, *mail;    /* NULL where the request has none */
	const char *const *policies; /* issuance policies that it asks for, beside the profile's */
	size_t n_policies;
};

/* The sections and checks of own profiles (profile_limits.c). */
MUST_CHECK enum fas_code limits_read_own(
    struct yaml_reader *r, struct limits *limits, struct fas_err *e);
MUST_CHECK enum fas_code limits_check_profiles(
    const struct limits *limits, const struct signer_config *config, struct fas_err *e);
/* Issuance policies that a request may ask for, and that this one asks for no other. */
MUST_CHECK enum fas_code limits_read_policies(
    struct yaml_reader *r, struct limits *limits, struct fas_err *e);
MUST_CHECK enum fas_code limits_check_policies(
    const struct limits *limits, const struct limits_facts *facts, struct fas_err *e);
/* What a profile's names say must lie in the domain. */
MUST_CHECK enum fas_code limits_check_names(const struct limits *limits,
    const struct limits_domain *domain, const struct limits_facts *facts, struct fas_err *e);

/*
 * FAS_E_DENIED with "profile_outside_limits", "life_outside_limits", "signatures_outside_limits", "sid_outside_limits", "rid_refused",
 * "sid_refused", "upn_outside_limits", "subject_outside_limits", "mail_outside_limits" or "principal_outside_limits".  (Rates are rate.h's.)
 */
MUST_CHECK enum fas_code limits_check(
    const struct limits *limits, const struct limits_facts *facts, struct fas_err *e);

DEFINE_OWN(limits, struct limits *, limits_free);

#endif
