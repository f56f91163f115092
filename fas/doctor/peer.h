/* What a TLS server shows of itself. */
#ifndef FAS_DOCTOR_PEER_H
#define FAS_DOCTOR_PEER_H

#include "fas/doctor/certificate.h"
#include "ldap/conn.h"

#define PEER_CHAIN_MAX 8

/*
 * The certificates of the server's handshake, its own first; *out is the caller's.  Nothing is verified, nothing is sent
 * behind the handshake.  FAS_E_UNAVAILABLE "ldap_connect", "tls_handshake", "tls_certificate"; FAS_E_TIMEOUT
 * "ldap_timeout".
 */
MUST_CHECK enum fas_code peer_chain(
    const struct dc_target *target, int64_t deadline_us, STACK_OF(X509) * *out, struct fas_err *e);

#endif
