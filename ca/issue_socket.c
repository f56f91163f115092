/* The issue socket: fasd's uid and nobody else's. */
#include "ca/sockets.h"

#include "ca/act.h"
#include "ca/administer.h"
#include "ca/backup.h"
#include "ca/client.h"
#include "ca/countersign.h"
#include "ca/hosts.h"
#include "ca/issue.h"
#include "ca/machine.h"
#include "ca/published.h"
#include "ca/revoke.h"
#include "ca/sign.h"
#include "ca/state.h"
#include "ca/statement.h"

/*
 * Beside what a client keeps open: hosts and acts, whose questions wait on connections of their own and must not wait in the
 * kernel's queue (a revocation would), and one that turns strangers away.
 */
#define THREADS (SIGNER_CONNECTIONS_MAX + 3)

static const struct operation operations[] = {
    {"issue", op_issue, "issue_refused"},
    {"enroll", op_enroll, "enrolment_refused"},
    {"renew", op_renew, "renewal_refused"},
    {"server_certificate", op_server_certificate, "server_certificate_refused"},
    {"revoke", op_revoke, "revocation_refused"},
    {"sign", op_sign, "signature_refused"},
    {"drop", op_drop, NULL},
    {"pool.show", op_pool_show, NULL},
    {"service_ca", op_service_ca, NULL},
    {"state", op_state, NULL},
    {"authority.in_ntauth", op_ca_in_ntauth, "authority_refused"},
    {"hosts", op_hosts, NULL},
    {"published", op_published, NULL},
    {"authority.in_ldap", op_in_ldap, NULL},
    {"acts", op_acts, NULL},
    {"audit.countersign", op_countersign, "countersignature_refused"},
    {"audit.checkpoint", op_checkpoint, "checkpoint_refused"},
    {"snapshot", op_snapshot, "backup_refused"},
};

static bool
may_speak(const struct ca *ca, const struct wire_peer *peer)
{
	return peer->uid == ca->config->issue_uid;
}

enum fas_code
issue_socket_start(struct ca *ca, struct listener **out, struct fas_err *e)
{
	/* The mode lets everybody connect, since only root could give the file to fasd's user: the kernel's word decides. */
	const struct listener_config config = {.name = "issue",
	    .path = ca->config->issue_socket,
	    .mode = 0666,
	    .n_threads = THREADS,
	    .idle_ms = -1,
	    .operations = operations,
	    .n_operations = NELEMS(operations),
	    .may_speak = may_speak,
	    .refused = "issue_peer_refused"};
	return listener_start(ca, &config, out, e);
}
