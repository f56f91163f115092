/* Sessions: one desktop of one user on one host, with a hard cap and a lease. */
#ifndef FAS_SESSION_H
#define FAS_SESSION_H

#include "fas/service.h"

/* DELETE /v1/sessions/ID by its host: ended, certificates revoked as the rule says.  Again: FAS_OK (idempotent). */
MUST_CHECK enum fas_code session_end(
    struct service *service, struct request *request, const char *id, struct fas_err *e);

/* The same by an administrator ("uid:0"); why goes into the record. */
MUST_CHECK enum fas_code session_end_by_admin(
    struct service *service, const char *admin, const char *id, const char *why, struct fas_err *e);

/*
 * Live sessions (all = also ended ones still on record) as a JSON array of objects: id, host, upn, sid, rule, state,
 * created_at, expires_at, lease_until, correlation_id, ended_why, serials, custody (of the logon's key),
 * in_session_allowed, keys (that the service keeps), in_session_certificates, signatures.  A new reference.
 */
MUST_CHECK enum fas_code session_list(
    struct service *service, bool all, json_t **out, struct fas_err *e);

/* One session, ended or not, and its certificates.  FAS_E_NOTFOUND "session_unknown". */
MUST_CHECK enum fas_code session_show(
    struct service *service, const char *id, json_t **out, struct fas_err *e);

#endif
