/* Revocation: one durable transaction with its record; the CRL follows within a second. */
#ifndef CA_REVOKE_H
#define CA_REVOKE_H

#include "ca/ca.h"

/* RFC 5280 5.3.1 by name: "unspecified", "keyCompromise", ...; false if it is none that an administrator may give. */
bool revoke_reason_parse(const char *name, int *out);
const char *revoke_reason_name(int reason);

call_fn op_revoke; /* issue socket: users' certificates, by serial or session */
/* admin socket: by serial, upn, sid, host, session, rule or everything, perhaps of a certain time */
call_fn op_cert_revoke;
call_fn op_cert_hold;
call_fn op_cert_release;
call_fn op_host_revoke; /* admin socket: a machine, by name or serial, and its unused tokens */

#endif
