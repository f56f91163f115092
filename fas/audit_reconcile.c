/* What `fasctl audit verify` asks of fasd to compare its trail with the signer's ledger. */
#include "fas/audit_head.h"

#include "fas/base/macros.h"

#define PAGE 500

struct claims {
	const json_t *certificates;
	json_t *missing;
};

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static enum fas_code
find_decisions(struct db *db, void *arg, struct fas_err *e)
{
	const struct claims *claims = arg;
	size_t i;
	const json_t *object;
	json_array_foreach(claims->certificates, i, object)
	{
		const struct issued_claim claim = {.serial = text_of(object, "serial"),
		    .correlation_id = text_of(object, "correlation_id"),
		    .session = text_of(object, "session")};
		bool found = false;
		enum fas_code rc = decision_find(db, &claim, &found, e);
		if (rc != FAS_OK)
			return rc;
		if (!found &&
		    json_array_append_new(claims->missing, json_string(claim.serial)) != 0)
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

enum fas_code
audit_answer_decisions(
    struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *missing = json_array();
	struct claims claims = {
	    .certificates = json_need_value(r, "certificates", JSON_ARRAY), .missing = missing};
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK && json_array_size(claims.certificates) > PAGE)
		rc = fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "more than %d certificates at once", PAGE);
	if (rc == FAS_OK)
		rc = db_read(pool, find_decisions, &claims, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O}", "missing", missing);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

struct issued {
	int64_t after;
	json_t *list;
};

static enum fas_code
add_issued(int64_t seq, int64_t time_ms, const char *serial, void *arg, struct fas_err *e)
{
	struct issued *page = arg;
	page->after = seq;
	json_t *object = json_pack("{s:I,s:I,s:s}", "seq", (json_int_t)seq, "time_ms",
	    (json_int_t)time_ms, "serial", serial);
	return json_array_append_new(page->list, object) == 0 ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_issued(struct db *db, void *arg, struct fas_err *e)
{
	struct issued *page = arg;
	return issued_each(db, page->after, PAGE, add_issued, page, e);
}

enum fas_code
audit_answer_issued(struct db_pool *pool, struct json_reader *r, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct issued page = {.list = list, .after = json_want_int(r, "after", 0, INT64_MAX, 0)};
	enum fas_code rc = json_finish(r);
	if (rc == FAS_OK)
		rc = db_read(pool, read_issued, &page, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack("{s:O,s:I,s:b}", "issued", list, "last", (json_int_t)page.after, "more",
	    json_array_size(list) == PAGE);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}
