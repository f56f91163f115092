/*
 * From a Kerberos ticket to a caller: the ticket names a machine account, the directory says what that is now, and the
 * list `machines` says what it may be.  This is what the API's servers negotiate with (fas/http/http.h).
 */
#ifndef FAS_NEGOTIATE_H
#define FAS_NEGOTIATE_H

#include "fas/acceptor.h"
#include "fas/http/http.h"
#include "fas/machines.h"

/* One set of what fasd.yaml says (fas/negotiation.h); all borrowed. */
struct negotiator {
	struct acceptor *acceptor;
	struct machines *machines;
	struct directory *directory;
	bool
	    ticket_sid_required; /* a ticket that does not say which account it is for is refused */
};

/*
 * As struct http_negotiation says; arg is a struct negotiator.  Refusals of the account: FAS_E_DENIED or FAS_E_AUTH
 * "caller_not_machine", "machine_..." (ldap/directory.h, fas/machines.h), "machine_account" for what else is wrong with
 * its entry; "machine_sid": the ticket is of another account that had this name, "caller_pac": it does not say.
 */
MUST_CHECK enum fas_code negotiate_accept(void *arg, const char *token, const uint8_t *binding,
    size_t binding_len, struct http_negotiated *out, char **reply, struct fas_err *e);
MUST_CHECK enum fas_code negotiate_recheck(void *arg, struct http_negotiated *n, struct fas_err *e);

#endif
