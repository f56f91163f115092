/*
 * Which domain controllers may answer, and the Kerberos profile that says so.
 *
 * A Windows domain controller's certificate names it by DNS only; MIT krb5 then accepts it only if
 * pkinit_kdc_hostname lists that name (krb5.conf(5), "PKINIT krb5.conf options").
 */
#ifndef FAS_AGENT_KDC_H
#define FAS_AGENT_KDC_H

#include <stddef.h>

#include "fas/agent/config.h"
#include "fas/base/buf.h"

#define KDC_NAMES_MAX 32

struct kdc_names {
	size_t n;
	char names[KDC_NAMES_MAX][HOSTNAME_MAX + 1];
};

/* Adds a DNS name once; addresses and what is no host name are left out. */
void kdc_names_add(struct kdc_names *names, const char *name);

/*
 * The configured names; else those that the system's profile lists as the realm's `kdc`; else the
 * targets of SRV _kerberos._tcp.REALM (RFC 4120 7.2.3.2).  FAS_E_UNAVAILABLE "kdc_unknown".
 * system_profile: as KRB5_CONFIG.
 */
MUST_CHECK enum fas_code kdc_find(const struct agent_config *config, const char *realm,
    const char *system_profile, struct kdc_names *out, struct fas_err *e);

/* SRV targets in answer (RFC 1035 4, RFC 2782), e.g. as res_nquery left it; never more than
 * KDC_NAMES_MAX. */
void kdc_names_from_srv(const unsigned char *answer, size_t len, struct kdc_names *out);

/*
 * The profile that goes before the system's: names of the domain controllers, where the
 * intermediate certificates are, and PKINIT alone.  FAS_E_INPUT "realm_invalid" unless realm reads
 * like a DNS name: it comes from the network and goes into a configuration file.
 */
MUST_CHECK enum fas_code kdc_profile(const char *realm, const struct kdc_names *names,
    const char *pool_path, struct buf *out, struct fas_err *e);

#endif
