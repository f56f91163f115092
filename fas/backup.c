#include "fas/backup.h"

#include <limits.h>

#include "fas/base/db_snapshot.h"
#include "fas/base/file.h"
#include "fas/base/json.h"

struct moment {
	struct service *service;
	const char *path;
	struct db_snapshot *own;
	char signers[SNAPSHOT_ID_MAX];
};

/* On the writer's thread: nothing else is written between the two. */
static enum fas_code
fix_both(struct db *db, void *arg, struct fas_err *e)
{
	struct moment *m = arg;
	(void)db;
	enum fas_code rc = db_snapshot_begin(m->path, &m->own, e);
	return rc == FAS_OK ? signer_snapshot(m->service->signer, m->signers, e) : rc;
}

enum fas_code
admin_backup(const struct question *q, json_t **reply, struct fas_err *e)
{
	char path[PATH_MAX];
	int64_t size = 0;
	const struct config *config = q->config->config;
	struct moment m = {.service = q->config->service, .path = path};
	enum fas_code rc = json_finish(q->r);
	if (rc == FAS_OK)
		rc = file_join(path, sizeof(path), config->state, "fas.db", e);
	if (rc == FAS_OK)
		rc = db_write(m.service->db, fix_both, &m, e);
	OWN(db_snapshot) struct db_snapshot *own = m.own;
	if (rc == FAS_OK)
		rc = db_snapshot_copy(own, config->state, q->file, &size, e);
	const struct audit_record record = {.event = "backup_made"};
	if (rc == FAS_OK)
		rc = admin_record(q, &record, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:I,s:s,s:s,s:s}", "size", (json_int_t)size, "node", m.service->node,
	    "version", FAS_VERSION, "snapshot", m.signers);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}
