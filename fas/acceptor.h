/*
 * Kerberos tickets of clients, judged: GSSAPI's accepting side (RFC 4121), bare or in SPNEGO (RFC 4178), in a single
 * round; NTLM and whatever else SPNEGO could carry is refused.
 *
 * A ticket's service name is not under its seal: whose key opens the ticket is what counts.  So the account that has
 * this service's key must have no other (docs/ADMIN.md).
 *
 * libkrb5's replay cache remembers each authenticator for as long as its time stamp is good, in a file, so that no token
 * is taken twice, nor after a restart.
 */
#ifndef FAS_ACCEPTOR_H
#define FAS_ACCEPTOR_H

#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

struct acceptor;

#define PRINCIPAL_TEXT_MAX 512

struct accepted {
	char principal
	    [PRINCIPAL_TEXT_MAX]; /* VDA1$@CORP.EXAMPLE.COM, as krb5_unparse_name writes it */
	struct sid sid;           /* of the account, by the ticket's PAC; not set: it says none */
	int64_t life_s; /* of the ticket, and the clock skew that libkrb5 allows (5 min) */
	char *reply;    /* base64, malloc'ed; NULL = none */
};

/*
 * principal: HTTP/fas1.corp.example.com[@REALM], whose key is in keytab (read at each ticket: a new key counts at once).
 * FAS_E_CONFIG "kerberos_keytab".
 */
MUST_CHECK enum fas_code acceptor_new(const char *principal, const char *keytab,
    const char *replay_cache, struct acceptor **out, struct fas_err *e);
void acceptor_free(struct acceptor *acceptor);

/*
 * token: base64.  binding: application data of the channel's bindings (RFC 5929, RFC 4121 4.1.1.2): who sends bindings
 * has to send these; who sends none is taken.  FAS_E_AUTH "caller_negotiate" (no such token, no Kerberos, more than one
 * round), "caller_ticket" (ticket or authenticator refused, with libkrb5's words), "caller_replayed", "caller_binding",
 * "caller_pac" (the PAC is signed by the key of the keytab, and is malformed).  A PAC that the key does not confirm counts
 * as none.  Thread-safe.
 */
MUST_CHECK enum fas_code acceptor_accept(struct acceptor *acceptor, const char *token,
    const uint8_t *binding, size_t binding_len, struct accepted *out, struct fas_err *e);
void accepted_done(struct accepted *accepted);

DEFINE_OWN(acceptor, struct acceptor *, acceptor_free);
DEFINE_OWN_IN_PLACE(accepted, struct accepted, accepted_done);

#endif
