/*
 * What a domain controller lets anybody do, found out by trying; for a diagnosis.
 *
 * Nothing that is tried carries a secret or can be relayed: the bind in the clear names nobody, and the exchange without
 * a layer of its own runs inside TLS whose certificate has been verified.
 */
#ifndef LDAP_PROBE_H
#define LDAP_PROBE_H

#include "ldap/conn.h"

enum probe_answer { PROBE_UNKNOWN, PROBE_REFUSED, PROBE_TAKEN };

/*
 * LDAP signing (MS-ADTS 5.1.1.1): does the controller look at a name and password that come in the clear?  REFUSED:
 * strongerAuthRequired before it looks; TAKEN: it looked, and did not know the name.
 */
MUST_CHECK enum fas_code probe_clear_bind(
    const struct dc_target *target, int64_t deadline_us, enum probe_answer *out, struct fas_err *e);

/*
 * LDAP channel binding (RFC 5929 4, MS-ADTS 5.1.2.2): is a GSSAPI bind taken that runs over TLS and is not bound to it?
 * target: at the port of LDAPS, with a ccache.  ca_file: by which its certificate is verified first; "ldap_tls".
 */
MUST_CHECK enum fas_code probe_unbound_bind(const struct dc_target *target, const char *ca_file,
    int64_t deadline_us, enum probe_answer *out, struct fas_err *e);

#endif
