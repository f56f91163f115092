/*
 * From a Kerberos ticket to a caller: the ticket names a machine account, the directory says what that is now, and the
 * list `machines` says what it may be.  This is what the API's servers negotiate with (fas/http/http.h).
 */
#ifndef FAS_NEGOTIATE_H
#define FAS_NEGOTIATE_H

#include "fas/acceptor.h"
#include "fas/config.h"
#include "fas/http/http.h"
#include "fas/machines.h"

/* All borrowed. */
struct negotiator {
	struct acceptor *acceptor;
	struct machines *machines;
	struct directory *directory;
};

/*
 * As struct http_negotiation says; arg is a struct negotiator.  Refusals of the account: FAS_E_DENIED or FAS_E_AUTH
 * "caller_not_machine", "machine_..." (ldap/directory.h, fas/machines.h), "machine_account" for what else is wrong with
 * its entry.
 */
MUST_CHECK enum fas_code negotiate_accept(void *arg, const char *token, const uint8_t *binding,
    size_t binding_len, struct http_negotiated *out, char **reply, struct fas_err *e);
MUST_CHECK enum fas_code negotiate_recheck(void *arg, struct http_negotiated *n, struct fas_err *e);

/* All of it as fasd.yaml says.  config and directory are borrowed. */
struct negotiation {
	struct negotiator negotiator; /* owns acceptor and machines */
	struct http_negotiation http;
	bool on; /* `kerberos` is configured and begun */
};

/* The rules only.  FAS_E_CONFIG. */
MUST_CHECK enum fas_code negotiation_load(const struct config *config, struct directory *directory,
    struct negotiation *out, struct fas_err *e);
/* The keytab; the replay cache goes into the state folder, which is there. */
MUST_CHECK enum fas_code negotiation_begin(
    const struct config *config, struct negotiation *n, struct fas_err *e);
/* For the API's servers; NULL when it is not on. */
const struct http_negotiation *negotiation_http(const struct negotiation *n);
void negotiation_done(struct negotiation *n);

#endif
