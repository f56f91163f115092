/* What `fasctl audit verify` asks of the signer. */
#include "ca/countersign.h"

#include <string.h>

#include "ca/store.h"
#include "fas/base/audit_answer.h"
#include "fas/base/text.h"

#define PAGE_SERIALS 500

enum fas_code
op_audit_verify(struct call *call, struct fas_err *e)
{
	return audit_answer_verify(call->ca->db, &call->in, &call->reply, e);
}

enum fas_code
op_audit_heads(struct call *call, struct fas_err *e)
{
	return audit_answer_heads(call->ca->db, &call->in, &call->reply, e);
}

enum fas_code
op_audit_hashes(struct call *call, struct fas_err *e)
{
	return audit_answer_hashes(call->ca->db, &call->in, &call->reply, e);
}

/* ---- the ledger, a page at a time ---- */

struct page {
	int64_t after;
	json_t *list;
};

static enum fas_code
add_serial(const struct serial_row *row, void *arg, struct fas_err *e)
{
	struct page *page = arg;
	char hex[2 * PROFILE_SERIAL_MAX + 1];
	if (row->serial_len > PROFILE_SERIAL_MAX)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a serial number is too long");
	page->after = row->id;
	json_t *object = json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:b}", "serial",
	    hex_encode(row->serial, row->serial_len, hex), "profile", row->profile, "session",
	    row->session, "correlation_id", row->correlation_id, "created_ms",
	    (json_int_t)row->created_ms, "user", row->user, "recorded", row->recorded);
	return json_array_append_new(page->list, object) == 0 ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_serials(struct db *db, void *arg, struct fas_err *e)
{
	struct page *page = arg;
	return store_serials_each(db, page->after, PAGE_SERIALS, add_serial, page, e);
}

enum fas_code
op_audit_serials(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct page page = {
	    .list = list, .after = json_want_int(&call->in, "after", 0, INT64_MAX, 0)};
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, read_serials, &page, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O,s:I,s:b}", "certificates", list, "last",
	    (json_int_t)page.after, "more", json_array_size(list) == PAGE_SERIALS);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- are these in the ledger? ---- */

struct asked {
	const json_t *serials;
	int64_t floor_s;
	json_t *unknown;
};

static enum fas_code
ignore_row(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	(void)row;
	(void)arg;
	(void)e;
	return FAS_OK;
}

static enum fas_code
look_for(struct db *db, void *arg, struct fas_err *e)
{
	struct asked *asked = arg;
	size_t i;
	json_t *text;
	enum fas_code rc = store_floor(db, &asked->floor_s, e);
	json_array_foreach(asked->serials, i, text)
	{
		uint8_t serial[PROFILE_SERIAL_MAX];
		const char *hex = json_string_value(text);
		size_t len = hex ? strlen(hex) / 2 : 0;
		bool found = false;
		if (rc == FAS_OK && len > 0 && len <= sizeof(serial) &&
		    hex_decode(hex, serial, len))
			rc = store_certificate_by_serial(
			    db, serial, len, ignore_row, NULL, &found, e);
		if (rc != FAS_OK)
			return rc;
		if (!found && json_array_append(asked->unknown, text) != 0)
			return fas_fail_nomem(e);
	}
	return rc;
}

enum fas_code
op_audit_known(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *unknown = json_array();
	struct asked asked = {
	    .serials = json_need_value(&call->in, "serials", JSON_ARRAY), .unknown = unknown};
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK && json_array_size(asked.serials) > PAGE_SERIALS)
		rc = fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "more than %d serials at once", PAGE_SERIALS);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, look_for, &asked, e);
	if (rc != FAS_OK)
		return rc;
	call->reply =
	    json_pack("{s:O,s:I}", "unknown", unknown, "floor", (json_int_t)asked.floor_s);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
