#include "fas/agent/kdc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <profile.h>

#include "fas/agent/srv.h"

static bool
is_address(const char *text)
{
	struct in6_addr room;
	return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1;
}

void
kdc_names_add(struct kdc_names *names, const char *name)
{
	if (names->n == KDC_NAMES_MAX || is_address(name) || !hostname_is_valid(name))
		return;
	for (size_t i = 0; i < names->n; i++) {
		if (hostname_equal(names->names[i], name))
			return;
	}
	(void)snprintf(names->names[names->n++], HOSTNAME_MAX + 1, "%s", name);
}

/* ---- the system's profile ---- */

/* "host", "host:port", "tcp/host": the host of a kdc line. */
static void
add_kdc_line(struct kdc_names *names, const char *line)
{
	char host[HOSTNAME_MAX + 1];
	const char *slash = strchr(line, '/');
	const char *at = slash ? slash + 1 : line;
	(void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(at, ": \t"), at);
	kdc_names_add(names, host);
}

static void
from_profile(const char *realm, const char *path, struct kdc_names *out)
{
	const char *names[] = {"realms", realm, "kdc", NULL};
	profile_t profile = NULL;
	char **values = NULL;
	if (profile_init_path(path, &profile) != 0)
		return;
	if (profile_get_values(profile, names, &values) == 0) {
		for (size_t i = 0; i < KDC_NAMES_MAX && values[i]; i++)
			add_kdc_line(out, values[i]);
		profile_free_list(values);
	}
	profile_release(profile);
}

/* ---- DNS ---- */

static void
add_targets(const struct srv_record *records, size_t n, struct kdc_names *out)
{
	for (size_t i = 0; i < n; i++)
		kdc_names_add(out, records[i].target);
}

void
kdc_names_from_srv(const unsigned char *answer, size_t len, struct kdc_names *out)
{
	struct srv_record records[SRV_MAX];
	add_targets(records, srv_read(answer, len, records), out);
}

static void
from_dns(const char *realm, struct kdc_names *out)
{
	struct srv_record records[SRV_MAX];
	char name[HOSTNAME_MAX + 24];
	(void)snprintf(name, sizeof(name), "_kerberos._tcp.%s", realm);
	add_targets(records, srv_find(name, records), out);
}

enum fas_code
kdc_find(const struct agent_config *config, const char *realm, const char *system_profile,
    struct kdc_names *out, struct fas_err *e)
{
	*out = (struct kdc_names){0};
	for (size_t i = 0; i < config->n_kdc_names; i++)
		kdc_names_add(out, config->kdc_names[i]);
	if (out->n == 0)
		from_profile(realm, system_profile, out);
	if (out->n == 0)
		from_dns(realm, out);
	if (out->n > 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "kdc_unknown",
	    "no domain controller of %s is known: DNS has no SRV record _kerberos._tcp.%s, "
	    "krb5.conf lists no kdc by name, and agent.yaml has no kdc: hostname:",
	    realm, realm);
}

/* ---- the profile ---- */

enum fas_code
kdc_profile(const char *realm, const struct kdc_names *names, const char *pool_path,
    struct buf *out, struct fas_err *e)
{
	if (!hostname_is_valid(realm))
		return fas_fail(
		    e, FAS_E_INPUT, "realm_invalid", "the answer's realm is no DNS name");
	buf_printf(out,
	    "[libdefaults]\n"
	    "\tdefault_realm = %s\n"
	    "\tdns_canonicalize_hostname = false\n"
	    "\trdns = false\n"
	    "\tudp_preference_limit = 1\n" /* TCP: PKINIT's answers do not fit into a datagram */
	    "\t%s = {\n"
	    "\t\tpkinit_pool = FILE:%s\n",
	    realm, realm, pool_path);
	for (size_t i = 0; i < names->n; i++)
		buf_printf(out, "\t\tpkinit_kdc_hostname = %s\n", names->names[i]);
	buf_printf(out,
	    "\t}\n"
	    "[realms]\n"
	    "\t%s = {\n"
	    "\t\tdisable_encrypted_timestamp = true\n" /* there is no password to fall back to */
	    "\t}\n",
	    realm);
	return buf_check(out, e);
}
