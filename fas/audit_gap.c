#include "fas/audit_gap.h"

#include <string.h>

#include "fas/base/audit_statement.h"
#include "fas/base/json.h"

struct acknowledging {
	const struct audit_statement *statement;
	struct audit_stated stated;
	struct audit_record record;
};

static enum fas_code
acknowledge(struct db *db, void *arg, struct fas_err *e)
{
	struct acknowledging *a = arg;
	const struct audit_gap *gap = &a->stated.gap;
	bool own = strcmp(a->stated.trail, TRAIL_FASD) == 0;
	enum fas_code rc = own && gap->at.seq ? audit_expect(db, &gap->at, e) : FAS_OK;
	if (rc == FAS_OK)
		rc = audit_statement_add(db, a->statement, &a->stated, e);
	return rc == FAS_OK ? audit_append_at(db, &a->record, own ? gap->to + 1 : 1, e) : rc;
}

static enum fas_code
load_keys(struct db *db, void *arg, struct fas_err *e)
{
	return audit_keys_load(db, arg, e);
}

/* A database that was put back may not know the signer's key: the signer itself tells it. */
static enum fas_code
find_keys(struct service *service, int64_t id, struct audit_keys *keys, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	const struct signer_checkpoint_request ask = {
	    .node = service->node, .keep_s = AUDIT_KEEP_MAX_S};
	enum fas_code rc = db_read(service->db, load_keys, keys, e);
	if (rc != FAS_OK || audit_keys_find(keys, id))
		return rc;
	rc = signer_checkpoint(service->signer, &ask, &reply, e);
	return rc == FAS_OK ? audit_keys_from_json(json_object_get(reply, "keys"), keys, e) : rc;
}

enum fas_code
audit_acknowledge(struct service *service, const char *by, json_t *object, struct fas_err *e)
{
	OWN(audit_statement) struct audit_statement statement = {0};
	struct acknowledging a = {.statement = &statement};
	struct audit_keys keys;
	enum fas_code rc = audit_statement_from_json(object, &statement, e);
	if (rc == FAS_OK)
		rc = find_keys(service, statement.key, &keys, e);
	if (rc == FAS_OK)
		rc = audit_statement_verify(&statement, &keys, e);
	if (rc == FAS_OK)
		rc = audit_stated_parse(statement.text, &a.stated, e);
	if (rc == FAS_OK &&
	    (a.stated.kind != AUDIT_ACKNOWLEDGEMENT || strcmp(a.stated.node, service->node) != 0))
		rc = fas_fail(e, FAS_E_INPUT, "statement_malformed",
		    "this is no acknowledgement of a gap of ours");
	if (rc != FAS_OK)
		return rc;
	OWN(json) json_t *detail = audit_stated_detail(&a.stated);
	a.record = (struct audit_record){.event = "audit_gap_acknowledged",
	    .outcome = "done",
	    .caller = by,
	    .message = a.stated.gap.reason,
	    .detail = detail};
	if ((rc = db_write(service->db, acknowledge, &a, e)) != FAS_OK)
		return rc;
	audit_log(&a.record);
	atomic_store(&service->audit.rewound, false); /* the next round asks at once */
	return FAS_OK;
}
