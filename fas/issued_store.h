/* What has been issued to sessions, beyond handing it out: revocations of single certificates.  Inside a db_fn. */
#ifndef FAS_ISSUED_STORE_H
#define FAS_ISSUED_STORE_H

#include <jansson.h>

#include "ca/client.h"
#include "fas/base/audit.h"
#include "fas/base/db.h"
#include "fas/logon.h"

/* A certificate that is to be revoked for itself. */
struct due {
	int64_t id;
	char serial[SERIAL_HEX_MAX];
	char session[SESSION_ID_TEXT_MAX];
	char correlation_id[CORRELATION_ID_MAX];
	char why[32]; /* RFC 5280 5.3.1 name */
};

/* The next one above after_id whose time has come; FAS_E_NOTFOUND "certificate_none". */
MUST_CHECK enum fas_code due_find(
    struct db *db, int64_t after_id, int64_t now_s, struct due *out, struct fas_err *e);
MUST_CHECK enum fas_code due_done(struct db *db, int64_t id, struct fas_err *e);

/* Has this certificate of the session been replaced, taken back or revoked? */
MUST_CHECK enum fas_code certificate_is_due(
    struct db *db, const char *session, const char *serial, bool *due, struct fas_err *e);

/* The session's certificates, the oldest first: serial, purpose, custody, key, ... (docs/PROTOCOL.md, session.show). */
MUST_CHECK enum fas_code certificates_json(
    struct db *db, const char *session, json_t *array, struct fas_err *e);

#endif
