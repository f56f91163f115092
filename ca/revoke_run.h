/* One act of revocation, hold or release: its transaction, and who is told of it. */
#ifndef CA_REVOKE_RUN_H
#define CA_REVOKE_RUN_H

#include "ca/ca.h"
#include "ca/held.h"

#define REVOKE_TIME_MAX 253402300799 /* the end of 9999 */

enum revoke_verb { DO_REVOKE, DO_HOLD, DO_RELEASE };

struct revoke_act {
	enum revoke_verb verb;
	struct revocation what;
	const char *target, *value; /* the selector as it came */
	bool by_admin;              /* it has a row of its own (ca/act.h) */
	const struct audit_record *about;
	const char *machine; /* its unused tokens become void */
	int64_t id;          /* of the row */
	char session[HELD_TEXT_MAX];
	size_t n;
	int64_t generation;
	bool known; /* the serial is on record, whatever its state */
	bool live;  /* and the certificate neither revoked for good nor expired */
};

/*
 * One durable transaction with its record; then keys of sessions are destroyed, the CRL's publisher and fasd are told, and
 * an administrator's answer waits a moment for fasd.  call->reply: what was done.
 * FAS_E_NOTFOUND "certificate_unknown", "hold_none"; FAS_E_DENIED "revocation_outside".
 */
MUST_CHECK enum fas_code revoke_run(
    struct call *call, struct revoke_act *act, const char *event, struct fas_err *e);

/* The wire's word for a selector; false if it is none. */
bool revoke_target_parse(const char *target, enum revoke_by *out);

#endif
