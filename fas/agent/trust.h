/*
 * Whom the agent trusts as its server: the service CA and nobody else, neither the system's roots
 * nor the users' CA.  Before the machine has joined, the CA is known by its fingerprint only.
 */
#ifndef FAS_AGENT_TRUST_H
#define FAS_AGENT_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "fas/agent/identity.h"
#include "fas/agent/token.h"

struct trust {
	const struct identity *identity; /* borrowed; NULL before the machine has joined */
	const char
	    *state; /* borrowed: where servers may have a pair of their own; NULL: they have none */
	uint8_t fingerprint[FINGERPRINT_BYTES]; /* before it has joined */
	X509 *pinned; /* owned: the CA that the server showed and that has the fingerprint */
	bool shown;   /* the server's chain held a certificate with the fingerprint */
};

/*
 * Set key, certificate and trust on a context before its handshake with this server (https://HOST[:PORT]).  trust must
 * live as long as the context.  Host names are compared by the caller's library (libcurl).
 */
MUST_CHECK enum fas_code trust_apply(
    struct trust *trust, const char *server, SSL_CTX *ctx, struct fas_err *e);
void trust_done(struct trust *trust);

DEFINE_OWN_IN_PLACE(trust, struct trust, trust_done);

#endif
