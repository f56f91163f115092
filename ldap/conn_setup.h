/* How a connection comes to be (TCP, TLS, bind) and how an answer is awaited; for conn.c and probe.c. */
#ifndef LDAP_CONN_SETUP_H
#define LDAP_CONN_SETUP_H

#include <ldap.h>

#include "ldap/conn.h"
#include "ldap/io_deadline.h"

/* As dc_conn_open, until deadline->at_us; deadline outlives *out, which is NULL unless FAS_OK. */
MUST_CHECK enum fas_code conn_setup(
    const struct dc_target *target, struct io_deadline *deadline, LDAP **out, struct fas_err *e);

/*
 * What every handle is told before it is used: no referrals, answers bounded in time and size (liblber would allocate
 * whatever length a message claims).  False when libldap will not have it.
 */
MUST_CHECK bool conn_prepare(LDAP *ld, struct io_deadline *deadline);

/* All messages of operation id, the caller's; abandoned on a timeout.  "ldap_timeout", "ldap_server". */
MUST_CHECK enum fas_code conn_await(
    LDAP *ld, const char *host, int id, int64_t deadline_us, LDAPMessage **out, struct fas_err *e);

/* ---- its steps, for a diagnosis (probe.c) ---- */

/* A socket to the first address that answers, the caller's.  "ldap_connect". */
MUST_CHECK enum fas_code conn_dial(
    const struct dc_target *target, int64_t deadline_us, int *fd, struct fas_err *e);
/* A handle on such a socket: nobody's, nothing is protected. */
MUST_CHECK enum fas_code conn_connect(
    const struct dc_target *target, struct io_deadline *deadline, LDAP **out, struct fas_err *e);
/* TLS with a certificate from ca_file that bears the target's name.  "ldap_tls", "ldap_timeout". */
MUST_CHECK enum fas_code conn_secure(LDAP *ld, const struct dc_target *target, const char *ca_file,
    int64_t deadline_us, struct fas_err *e);
/* A GSSAPI exchange by the target's ccache; properties: of sasl_setprop's text form.  *result: what the controller (or
 * libsasl) said of it, LDAP_SUCCESS or another result code. */
MUST_CHECK enum fas_code conn_sasl(LDAP *ld, const struct dc_target *target, const char *properties,
    int64_t deadline_us, int *result, struct fas_err *e);

static inline void
own_ldap_message(LDAPMessage **message)
{
	if (*message)
		(void)ldap_msgfree(*message);
}

static inline void
own_ldap(LDAP **ld)
{
	if (*ld)
		(void)ldap_unbind_ext(*ld, NULL, NULL);
}

#endif
