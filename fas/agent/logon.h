/*
 * A logon in steps: a ticket becomes a certificate, the certificate a Kerberos ticket in a cache of the user's.
 *
 *     logon_prepare   what can be found wrong before a ticket is spent
 *     logon_redeem    the ticket for session and certificate
 *     logon_remember  whose they are: the local account is the ticket's; the session is on disk, to be ended whatever comes
 *     logon_get_tgt   PKINIT in the user's child, and the domain controller proves itself
 */
#ifndef FAS_AGENT_LOGON_H
#define FAS_AGENT_LOGON_H

#include <openssl/evp.h>

#include "fas/agent/logon_answer.h"
#include "fas/agent/session_file.h"
#include "fas/agent/upstream.h"
#include "fas/base/secret.h"

#define TICKET_BYTES_MAX 100

struct logon {
	const struct upstream *up; /* borrowed */
	char *anchors;
	EVP_PKEY *key; /* owned; set by the caller before logon_redeem */
	struct api_answer answer;
	struct logon_answer facts;
	struct local_user user;
	struct session_file session;
	json_t *tgt; /* {"principal", "start", "end", "renew_till"} */
	/* For PKINIT with a key that the service keeps; set by the caller. */
	const char *pkcs11;
	bool replace;                        /* an earlier cache of the same name makes way */
	void (*begun)(void *arg, pid_t pid); /* as in child.h */
	void *arg;
};

/* user, ccache: NULL = that of the ticket's account, the default. */
MUST_CHECK enum fas_code logon_prepare(
    struct logon *l, const char *user, const char *ccache, struct fas_err *e);
MUST_CHECK enum fas_code logon_redeem(
    struct logon *l, const struct secret *ticket, struct fas_err *e);
/* kept: by the daemon, which ends it when it starts anew. */
MUST_CHECK enum fas_code logon_remember(
    struct logon *l, const char *ccache, bool kept, struct fas_err *e);
MUST_CHECK enum fas_code logon_get_tgt(struct logon *l, struct fas_err *e);
void logon_done(struct logon *l);

/*
 * End one session: the user's child destroys the cache, then the service is told, then the session
 * is forgotten.  A session that the service no longer knows is fine.  Where the service is away, the
 * cache is gone already and the session stays remembered, so that it can be tried again.
 */
MUST_CHECK enum fas_code logoff_session(
    const struct upstream *up, const struct session_file *session, struct fas_err *e);

DEFINE_OWN_IN_PLACE(logon, struct logon, logon_done);

#endif
