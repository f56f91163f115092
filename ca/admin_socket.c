/* The admin socket: root, and the members of admin_group by the peer's uid. */
#include "ca/sockets.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "ca/act.h"
#include "ca/administer.h"
#include "ca/backup.h"
#include "ca/countersign.h"
#include "ca/hosts.h"
#include "ca/limits_take.h"
#include "ca/revoke.h"
#include "ca/sign.h"
#include "ca/state.h"
#include "ca/statement.h"
#include "ca/token.h"
#include "ca/two_persons.h"

#define THREADS 8
#define IDLE_MS 60000
#define GROUPS_MAX 1024
#define NSS_BUFFER_MAX 65536

static const struct operation operations[] = {
    {"ca.init", op_ca_init, "authority_refused"},
    {"ca.install", op_ca_install, "authority_refused"},
    {"ca.csr", op_ca_csr, NULL},
    {"ca.root_crl", op_ca_root_crl, "authority_refused"},
    {"ca.rotate", op_ca_rotate, "authority_refused"},
    {"ca.retire", op_ca_retire, "authority_refused"},
    {"ca.renew_service", op_ca_renew_service, "authority_refused"},
    {"ca.in_ntauth", op_ca_in_ntauth, "authority_refused"},
    {"ca.show", op_ca_show, NULL},
    {"kdc.issue", op_kdc_issue, "issue_refused"},
    {"token.create", op_token_create, "token_refused"},
    {"host.list", op_host_list, NULL},
    {"host.revoke", op_host_revoke, "revocation_refused"},
    {"cert.list", op_cert_list, NULL},
    {"cert.show", op_cert_show, NULL},
    {"cert.revoke", op_cert_revoke, "revocation_refused"},
    {"cert.hold", op_cert_hold, "hold_refused"},
    {"cert.release", op_cert_release, "release_refused"},
    {"cert.holds", op_cert_holds, NULL},
    {"pool.show", op_pool_show, NULL},
    {"pool.fill", op_pool_fill, "pool_refused"},
    {"crl.publish", op_crl_publish, "publication_refused"},
    {"crl.show", op_crl_show, NULL},
    {"audit.tail", op_audit_tail, NULL},
    {"audit.verify", op_audit_verify, NULL},
    {"audit.heads", op_audit_heads, NULL},
    {"audit.hashes", op_audit_hashes, NULL},
    {"audit.serials", op_audit_serials, NULL},
    {"audit.known", op_audit_known, NULL},
    {"audit.statements", op_audit_statements, NULL},
    {"audit.export", op_audit_export, NULL},
    {"audit.take_back", op_take_back, "acknowledgement_refused"},
    {"audit.acknowledge", op_acknowledge, "acknowledgement_refused"},
    {"limits.reload", op_limits_reload, "limits_refused"},
    {"proposal.list", op_proposal_list, NULL},
    {"proposal.show", op_proposal_show, NULL},
    {"proposal.approve", op_proposal_approve, "proposal_refused"},
    {"proposal.withdraw", op_proposal_withdraw, "proposal_refused"},
    {"backup", op_backup, "backup_refused"},
    {"status", op_state, NULL},
};

/* Primary and supplementary groups of the uid, as the system's user database has them now. */
static bool
is_member(uid_t uid, gid_t group)
{
	char buffer[NSS_BUFFER_MAX];
	struct passwd pw, *found = NULL;
	gid_t groups[GROUPS_MAX];
	int n = GROUPS_MAX;
	if (getpwuid_r(uid, &pw, buffer, sizeof(buffer), &found) != 0 || !found)
		return false;
	if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
		return false; /* in more groups than anybody has: refused rather than guessed */
	for (int i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

static bool
may_speak(const struct ca *ca, const struct wire_peer *peer)
{
	gid_t group = ca->config->admin_group;
	if (peer->uid == 0)
		return true;
	return group != NO_GROUP && (peer->gid == group || is_member(peer->uid, group));
}

enum fas_code
admin_socket_start(struct ca *ca, struct listener **out, struct fas_err *e)
{
	const struct listener_config config = {.name = "admin",
	    .path = ca->config->admin_socket,
	    .mode = 0666,
	    .n_threads = THREADS,
	    .idle_ms = IDLE_MS,
	    .operations = operations,
	    .n_operations = NELEMS(operations),
	    .may_speak = may_speak,
	    .refused = "admin_peer_refused"};
	return listener_start(ca, &config, out, e);
}
