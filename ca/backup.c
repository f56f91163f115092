#include "ca/backup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/client.h"
#include "ca/pem.h"
#include "ca/store.h"
#include "fas/base/clock.h"
#include "fas/base/db_snapshot.h"
#include "fas/base/file.h"
#include "fas/base/log.h"

#define HELD_US (INT64_C(900) * 1000000) /* fasd's own copy is made meanwhile */

struct backup {
	pthread_mutex_t lock; /* guards all */
	struct db_snapshot *held;
	char id[SNAPSHOT_ID_MAX];
	int64_t since_us;
};

enum fas_code
backup_init(struct ca *ca, struct fas_err *e)
{
	ca->backup = calloc(1, sizeof(*ca->backup));
	if (!ca->backup)
		return fas_fail_nomem(e);
	(void)pthread_mutex_init(&ca->backup->lock, NULL);
	db_snapshot_clean(ca->config->state);
	return FAS_OK;
}

void
backup_done(struct backup *b)
{
	if (!b)
		return;
	db_snapshot_free(b->held);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

void
backup_expire(struct ca *ca)
{
	struct backup *b = ca->backup;
	(void)pthread_mutex_lock(&b->lock);
	if (b->held && clock_monotonic_us() - b->since_us > HELD_US) {
		db_snapshot_free(b->held);
		b->held = NULL;
		log_event(LOG_LEVEL_WARNING, "backup_abandoned", NULL);
	}
	(void)pthread_mutex_unlock(&b->lock);
}

/* ---- the moment: fasd waits for the answer with its writes ---- */

enum fas_code
op_snapshot(struct call *call, struct fas_err *e)
{
	char path[PATH_MAX];
	struct backup *b = call->ca->backup;
	OWN(db_snapshot) struct db_snapshot *now = NULL;
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = file_join(path, sizeof(path), call->ca->config->state, "ca.db", e);
	if (rc == FAS_OK)
		rc = db_snapshot_begin(path, &now, e);
	if (rc != FAS_OK)
		return rc;
	(void)pthread_mutex_lock(&b->lock);
	struct db_snapshot *old = b->held;
	b->held = TAKE(now);
	now = old;
	b->since_us = clock_monotonic_us();
	correlation_id_new(b->id);
	call->reply = json_pack("{s:s}", "snapshot", b->id);
	(void)pthread_mutex_unlock(&b->lock);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- the copy ---- */

static enum fas_code
take(struct backup *b, const char *id, struct db_snapshot **out, struct fas_err *e)
{
	(void)pthread_mutex_lock(&b->lock);
	bool known = b->held && strcmp(b->id, id) == 0;
	if (known)
		*out = TAKE(b->held);
	(void)pthread_mutex_unlock(&b->lock);
	return known ? FAS_OK
		     : fas_fail(e, FAS_E_NOTFOUND, "snapshot_unknown",
			   "no moment of this name is held: another backup has begun, or it took "
			   "over "
			   "%lld minutes",
			   (long long)(HELD_US / 60000000));
}

struct listing {
	json_t *keys, *issuers;
};

/* Keys that lie in our own folder; one in a token stays there. */
static bool
is_key_file(const char *name)
{
	return name && !strpbrk(name, "/:");
}

static enum fas_code
add_issuer(const struct issuer_row *row, void *arg, struct fas_err *e)
{
	const struct listing *l = arg;
	static const char *const kinds[] = {
	    [ISSUER_LOGON] = "logon", [ISSUER_ROOT] = "root", [ISSUER_SERVICE] = "service"};
	if (is_key_file(row->key_file) &&
	    json_array_append_new(l->keys, json_string(row->key_file)) != 0)
		return fas_fail_nomem(e);
	if (!row->certificate)
		return FAS_OK;
	OWN(text) char *pem = pem_encode("CERTIFICATE", row->certificate, row->certificate_len);
	json_t *object =
	    pem ? json_pack("{s:s,s:s,s:I,s:s}", "kind", kinds[row->kind], "authority",
		      row->authority, "generation", (json_int_t)row->generation, "certificate", pem)
		: NULL;
	return object && json_array_append_new(l->issuers, object) == 0 ? FAS_OK
									: fas_fail_nomem(e);
}

static enum fas_code
list_issuers(struct db *db, void *arg, struct fas_err *e)
{
	return store_issuers_each(db, add_issuer, arg, e);
}

static enum fas_code
answer(struct call *call, int64_t size, struct fas_err *e)
{
	char keys[PATH_MAX];
	OWN(json) json_t *key_list = json_array();
	OWN(json) json_t *issuers = json_array();
	struct listing l = {key_list, issuers};
	enum fas_code rc = file_join(keys, sizeof(keys), call->ca->config->state, "keys", e);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, list_issuers, &l, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:I,s:s,s:O,s:O}", "size", (json_int_t)size, "keys_folder", keys,
	    "keys", key_list, "issuers", issuers);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_backup(struct call *call, struct fas_err *e)
{
	int64_t size = 0;
	OWN(db_snapshot) struct db_snapshot *snapshot = NULL;
	const char *id = json_need_text(&call->in, "snapshot", 1, SNAPSHOT_ID_MAX - 1);
	bool keys = json_want_bool(&call->in, "with_ca_keys", false);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = take(call->ca->backup, id, &snapshot, e);
	if (rc == FAS_OK)
		rc = db_snapshot_copy(snapshot, call->ca->config->state, &call->file, &size, e);
	if (rc == FAS_OK)
		rc = answer(call, size, e);
	OWN(json) json_t *detail = audit_detail("ca_keys", keys ? "yes" : "no", NULL);
	call->about.event = "backup_made";
	call->about.outcome = "done";
	call->about.detail = detail;
	return rc == FAS_OK ? audit_write(call->ca->db, &call->about, e) : rc;
}
