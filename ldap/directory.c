/* The room's door: configuration in, answers out. */
#include "ldap/directory.h"

#include <string.h>

#include <ldap.h>

#include "fas/base/text.h"
#include "ldap/dn_text.h"
#include "ldap/lookup.h"
#include "ldap/machine.h"

/* libldap's first call sets up globals without a lock of its own. */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void
start_library(void)
{
	LDAPAPIInfo info = {.ldapai_info_version = LDAP_API_INFO_VERSION};
	if (ldap_get_option(NULL, LDAP_OPT_API_INFO, &info) == LDAP_OPT_SUCCESS) {
		ldap_memfree(info.ldapai_vendor_name);
		ldap_memvfree((void **)info.ldapai_extensions);
	}
}

static enum fas_code
check_unique(const struct directory *directory, const struct yaml_node *item,
    const struct domain_config *config, struct fas_err *e)
{
	for (size_t i = 0; i < directory->n; i++) {
		const struct domain_config *other = &directory->domains[i].config;
		if (ascii_equal_nocase(other->name, config->name))
			return yaml_fail(
			    item, e, "yaml_value", "domain \"%s\" is there twice", config->name);
		if (other->netbios && config->netbios &&
		    ascii_equal_nocase(other->netbios, config->netbios))
			return yaml_fail(item, e, "yaml_value",
			    "netbios name \"%s\" is there twice", config->netbios);
	}
	return FAS_OK;
}

/* domain is zero; it counts, and is released with the directory, only when all went well. */
static enum fas_code
add_domain(struct directory *directory, const struct yaml_node *item, const char *base_folder,
    struct fas_err *e)
{
	struct domain *domain = &directory->domains[directory->n];
	enum fas_code rc = domain_config_read(item, base_folder, &domain->config, e);
	if (rc == FAS_OK)
		rc = check_unique(directory, item, &domain->config, e);
	if (rc == FAS_OK)
		rc = dc_pool_new(&domain->config, &domain->pool, e);
	if (rc != FAS_OK) {
		domain_config_done(&domain->config);
		return rc;
	}
	pthread_mutex_init(&domain->lock, NULL);
	directory->n++;
	return FAS_OK;
}

enum fas_code
directory_new(const struct yaml_node *domains, const char *base_folder, struct directory **out,
    struct fas_err *e)
{
	struct fas_err own = {0};
	OWN(directory) struct directory *directory = calloc(1, sizeof(*directory));
	enum fas_code rc = FAS_OK;
	if (!e)
		e = &own; /* the YAML reader wants one */
	if (!directory)
		return fas_fail_nomem(e);
	if (domains->kind != YAML_LIST || domains->n == 0 || domains->n > DOMAINS_MAX)
		return yaml_fail(
		    domains, e, "yaml_type", "domains: want a list of 1 to 32 domains");
	directory->domains = calloc(domains->n, sizeof(*directory->domains));
	if (!directory->domains)
		return fas_fail_nomem(e);
	pthread_once(&library_once, start_library);
	for (size_t i = 0; i < domains->n && rc == FAS_OK; i++)
		rc = add_domain(directory, domains->items[i], base_folder, e);
	if (rc == FAS_OK)
		*out = TAKE(directory);
	return rc;
}

void
directory_free(struct directory *directory)
{
	if (!directory)
		return;
	for (size_t i = 0; i < directory->n; i++) {
		struct domain *domain = &directory->domains[i];
		dc_pool_free(domain->pool);
		domain_config_done(&domain->config);
		pthread_mutex_destroy(&domain->lock);
	}
	free(directory->domains);
	free(directory);
}

enum fas_code
directory_find(struct directory *directory, const struct directory_claims *claims, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	*out = NULL;
	return lookup_account(directory, claims, now_s, out, e);
}

enum fas_code
directory_reread(struct directory *directory, const struct sid *sid, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	*out = NULL;
	return lookup_again(directory, sid, now_s, out, e);
}

enum fas_code
directory_machine(struct directory *directory, const char *realm, const char *sam, int64_t now_s,
    struct machine *out, struct fas_err *e)
{
	*out = (struct machine){0};
	return lookup_machine(directory, realm, sam, now_s, out, e);
}

enum fas_code
directory_check_dn(const char *text, struct fas_err *e)
{
	struct dn dn = {0};
	enum fas_code rc = dn_from_text(text, &dn, e);
	dn_done(&dn);
	return rc;
}

enum fas_code
directory_group(struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	return lookup_group(directory, name, out, e);
}

size_t
directory_count(const struct directory *directory)
{
	return directory->n;
}

const char *
directory_domain(const struct directory *directory, size_t i)
{
	return directory->domains[i].config.name;
}

size_t
directory_status(struct directory *directory, struct directory_status *out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < directory->n; i++) {
		size_t room = n < max ? max - n : 0;
		n += dc_pool_status(directory->domains[i].pool, room ? out + n : NULL, room);
	}
	return n;
}

enum fas_code
directory_ping(struct directory *directory, struct fas_err *e)
{
	static const char *const wanted[] = {"defaultNamingContext", NULL};
	static const struct dc_query query = {
	    .base = "", .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	for (size_t i = 0; i < directory->n; i++) {
		OWN(entries) struct entries found = {0};
		enum fas_code rc = dc_pool_search(directory->domains[i].pool, &query, &found, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}
