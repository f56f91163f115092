/*
 * signer.yaml: where things lie, who may ask, and which authorities there are.  (docs/FILES.md has every key.)
 *
 * The file, like the limits, belongs to root: whoever has taken over the signer's own user must not be able to change
 * who is answered, or where certificates say that their CRL lies.
 */
#ifndef CA_CONFIG_H
#define CA_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ca/key_place.h"
#include "ca/pool.h"
#include "ca/profile.h"
#include "fas/base/audit_config.h"
#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define AUTHORITY_NAME_MAX 32 /* with NUL; [a-z0-9][a-z0-9-]* */
#define AUTHORITIES_MAX 16
#define FAIL_OVER_MAX 4
#define PROFILES_MAX 32 /* of the administrator's own */
#define LDAP_CDP_MAX 200
#define NO_GROUP ((gid_t)-1)
#define CERTIFICATES_KEEP_MIN_S INT64_C(86400)

/* Acts that may need two persons (ca/two_persons.h). */
enum two_persons_act {
	TWO_PERSONS_INSTALL,
	TWO_PERSONS_ROTATE,
	TWO_PERSONS_RELEASE,
	TWO_PERSONS_LIMITS
};

struct authority_config {
	char name[AUTHORITY_NAME_MAX];
	const char *publish_urls[PROFILE_URLS_MAX]; /* no slash at the end */
	size_t n_publish_urls;
	const char *ldap_cdp; /* DN of the container in the directory for its CRLs, or NULL */
	int64_t backdate_s;
	int64_t crl_life_s, crl_each_s;
	const char *fail_over[FAIL_OVER_MAX]; /* who issues while this one cannot */
	size_t n_fail_over;
	int64_t ntauth_wait_s; /* how long a new one stands in NTAuth before the switch to it */
	const char *common_name;
	const char *organization; /* or NULL */
	struct key_place
	    key; /* of generations to come; where those that are lie, their files say */
};

/* A profile of the administrator's own, and where its parts stand in the file (NULL: not there). */
struct profile_config {
	struct profile_own own;
	const struct yaml_node *at, *longest_life, *key_usage, *purposes, *policies, *names,
	    *subject, *crl_urls, *ca_urls;
};

struct service_ca_config {
	const char *server_names[PROFILE_DNS_MAX]; /* DNS names and IP addresses of fasd's API */
	size_t n_server_names;
	int64_t backdate_s;
	int64_t machine_life_s, server_life_s, token_life_s;
	struct key_place key;
};

/* Immutable once loaded; texts live as long as it. */
struct signer_config {
	struct yaml_doc *doc;
	char state[PATH_MAX], public_folder[PATH_MAX];
	char issue_socket[PATH_MAX], admin_socket[PATH_MAX];
	uid_t issue_uid;
	gid_t admin_group; /* NO_GROUP: root alone */
	char limits_path[PATH_MAX];
	int64_t clock_skew_s;
	struct audit_config audit;
	unsigned two_persons; /* bits 1 << enum two_persons_act */
	int64_t two_persons_within_s;
	int64_t certificates_keep_s; /* how long beyond its end one stays on record */
	size_t n_pkcs11;
	struct pkcs11_config pkcs11[PKCS11_MAX]; /* tokens that keys may lie in */
	size_t n_authorities;
	struct authority_config authorities[AUTHORITIES_MAX];
	struct service_ca_config service_ca;
	size_t n_profiles;
	struct profile_config profiles[PROFILES_MAX];
	size_t n_pool;
	struct pool_target pool[POOL_KINDS_MAX]; /* users' keys, made ahead */
};

/*
 * owner: to whom the file and its folder must belong (0 outside of tests); neither may be writable by group or others.
 * FAS_E_CONFIG "config_owner", else file:line:column messages.
 */
MUST_CHECK enum fas_code signer_config_load(
    const char *path, uid_t owner, struct signer_config **out, struct fas_err *e);
void signer_config_free(struct signer_config *config);

/* NULL when the file names no such authority. */
const struct authority_config *signer_config_authority(
    const struct signer_config *config, const char *name);

/* NULL when there is no own profile of this name. */
const struct profile_own *signer_config_profile(
    const struct signer_config *config, const char *name);

/* An http:// URL without a slash at the end, as certificates may carry it. */
MUST_CHECK enum fas_code config_read_url(
    const struct yaml_node *node, const char **out, struct fas_err *e);
/* The words of a list (NULL: none) as bits, by their places in words; unknown and repeated ones fail with reason. */
MUST_CHECK enum fas_code config_read_bits(const struct yaml_node *list, const char *const *words,
    size_t n, const char *reason, unsigned *out, struct fas_err *e);
/* The section `profiles`, if there is one (profile_config.c). */
MUST_CHECK enum fas_code config_read_profiles(
    struct yaml_reader *top, struct signer_config *config, struct fas_err *e);

/* The ownership check by itself, for limits.yaml. */
MUST_CHECK enum fas_code config_owner_check(const char *path, uid_t owner, struct fas_err *e);

DEFINE_OWN(signer_config, struct signer_config *, signer_config_free);

#endif
