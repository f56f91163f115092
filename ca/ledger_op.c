/* Operations that look into the ledger: certificates, CRLs, audit. */
#include "ca/administer.h"

#include <string.h>

#include "ca/issue.h"
#include "ca/pem.h"
#include "ca/publisher.h"
#include "ca/revoke.h"
#include "fas/base/audit_answer.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

/* What one reply holds at most, whatever is asked for: it stays below the wire's 1 MiB. */
#define LIST_MAX 500
#define LIST_DEFAULT 100
#define LIMIT_MAX 100000

/* ---- certificates ---- */

struct listing {
	struct ca *ca;
	struct certificate_filter filter;
	json_t *list;
	bool found;
	bool with_pem;
};

static const char *
state_of(const struct certificate_row *row, int64_t now_s)
{
	if (row->revoked_at_s)
		return "revoked";
	return row->not_after_s < now_s ? "expired" : "valid";
}

static enum fas_code
add_pem(struct ca *ca, const struct certificate_row *row, json_t *object, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = issue_rebuild(ca, row, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, len);
	return pem && json_object_set_new(object, "pem", json_string(pem)) == 0 ? FAS_OK
										: fas_fail_nomem(e);
}

static enum fas_code
add_row(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct listing *l = arg;
	char serial[2 * PROFILE_SERIAL_MAX + 1];
	OWN(issuer) struct issuer *issuer = authorities_by_id(&l->ca->authorities, row->issuer);
	if (row->serial_len > PROFILE_SERIAL_MAX)
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a serial number is too long");
	json_t *object = json_pack(
	    "{s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:I,s:I,s:s}", "serial",
	    hex_encode(row->serial, row->serial_len, serial), "profile", row->profile, "authority",
	    issuer ? issuer->authority : NULL, "upn", row->upn, "sid", row->sid, "role", row->role,
	    "name", row->name, "host", row->host, "session", row->session, "rule", row->rule,
	    "correlation_id", row->correlation_id, "not_before", (json_int_t)row->not_before_s,
	    "not_after", (json_int_t)row->not_after_s, "state", state_of(row, l->filter.now_s));
	if (!object || json_array_append_new(l->list, object) != 0)
		return fas_fail_nomem(e);
	if (issuer)
		(void)json_object_set_new(object, "generation", json_integer(issuer->generation));
	if (row->revoked_at_s) {
		(void)json_object_set_new(object, "revoked_at", json_integer(row->revoked_at_s));
		(void)json_object_set_new(
		    object, "reason", json_string(revoke_reason_name(row->reason)));
	}
	return l->with_pem && row->tbs_len > 0 ? add_pem(l->ca, row, object, e) : FAS_OK;
}

static enum fas_code
read_list(struct db *db, void *arg, struct fas_err *e)
{
	struct listing *l = arg;
	return store_certificates_each(db, &l->filter, add_row, l, e);
}

static enum fas_code
read_serial(const char *hex, uint8_t out[PROFILE_SERIAL_MAX], size_t *len, struct fas_err *e)
{
	*len = strlen(hex) / 2;
	if (strlen(hex) % 2 == 0 && *len <= PROFILE_SERIAL_MAX && hex_decode(hex, out, *len))
		return FAS_OK;
	return fas_fail(
	    e, FAS_E_INPUT, "serial_malformed", "\"%s\" is not a serial number in hex", hex);
}

static enum fas_code
check_state(const char *state, struct fas_err *e)
{
	static const char *const states[] = {"valid", "revoked", "expired"};
	for (size_t i = 0; state && i < NELEMS(states); i++) {
		if (strcmp(states[i], state) == 0)
			return FAS_OK;
	}
	return state ? fas_fail(e, FAS_E_INPUT, "member_invalid",
			   "member \"state\" is \"%s\", want valid, revoked or expired", state)
		     : FAS_OK;
}

enum fas_code
op_cert_list(struct call *call, struct fas_err *e)
{
	struct json_reader *in = &call->in;
	struct listing l = {.ca = call->ca, .list = json_array()};
	OWN(json) json_t *list = l.list;
	uint8_t after[PROFILE_SERIAL_MAX];
	struct certificate_filter *f = &l.filter;
	f->upn = json_want_text(in, "upn", 1, UPN_MAX);
	f->sid = json_want_text(in, "sid", 1, SID_TEXT_MAX);
	f->host = json_want_text(in, "host", 1, HOSTNAME_MAX);
	f->session = json_want_text(in, "session", 1, 64);
	f->state = json_want_text(in, "state", 1, 16);
	int64_t limit = json_want_int(in, "limit", 1, LIMIT_MAX, LIST_DEFAULT);
	f->limit = limit < LIST_MAX ? (size_t)limit : LIST_MAX;
	const char *after_hex = json_want_text(in, "after", 2, 2 * (size_t)PROFILE_SERIAL_MAX);
	f->now_s = clock_now();
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = check_state(f->state, e);
	if (rc == FAS_OK && after_hex) {
		f->before_serial = after;
		rc = read_serial(after_hex, after, &f->before_serial_len, e);
	}
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, read_list, &l, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O,s:b}", "certificates", list, "more",
	    limit > LIST_MAX && json_array_size(list) == LIST_MAX);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

struct finding {
	struct listing l;
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t serial_len;
};

static enum fas_code
read_one(struct db *db, void *arg, struct fas_err *e)
{
	struct finding *f = arg;
	return store_certificate_by_serial(
	    db, f->serial, f->serial_len, add_row, &f->l, &f->l.found, e);
}

enum fas_code
op_cert_show(struct call *call, struct fas_err *e)
{
	struct finding f = {.l = {.ca = call->ca, .list = json_array(), .with_pem = true}};
	OWN(json) json_t *list = f.l.list;
	const char *hex = json_need_text(&call->in, "serial", 2, 2 * (size_t)PROFILE_SERIAL_MAX);
	f.l.filter.now_s = clock_now();
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = read_serial(hex, f.serial, &f.serial_len, e);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, read_one, &f, e);
	if (rc == FAS_OK && !f.l.found)
		rc = fas_fail(e, FAS_E_NOTFOUND, "certificate_unknown",
		    "no certificate with this serial number is on record");
	if (rc == FAS_OK)
		call->reply = json_incref(json_array_get(list, 0));
	return rc;
}

/* ---- CRLs ---- */

/* Of all logon authorities and roots, or those of one; published first where asked for. */
static enum fas_code
collect_crls(struct ca *ca, const char *name, bool publish, json_t *list, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < n; i++) {
		OWN(issuer) struct issuer *at = all[i];
		json_t *object = NULL;
		if (rc != FAS_OK || at->kind == ISSUER_SERVICE || !at->certificate ||
		    (!at->key && !at->given_crl) || (name && strcmp(at->authority, name) != 0))
			continue;
		if (publish)
			rc = publisher_publish(ca->publisher, at, e);
		if (rc == FAS_OK)
			rc = publisher_describe(ca, at, &object, e);
		if (rc == FAS_OK && json_array_append_new(list, object) != 0)
			rc = fas_fail_nomem(e);
	}
	return rc;
}

static enum fas_code
answer_crls(struct call *call, bool publish, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	const char *name = json_want_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK && name && !signer_config_authority(call->ca->config, name))
		rc = fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
		    "the signer's configuration has no authority \"%s\"", name);
	if (rc == FAS_OK)
		rc = collect_crls(call->ca, name, publish, list, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "published", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_crl_show(struct call *call, struct fas_err *e)
{
	return answer_crls(call, false, e);
}

enum fas_code
op_crl_publish(struct call *call, struct fas_err *e)
{
	call_correlate(call, NULL);
	enum fas_code rc = answer_crls(call, true, e);
	if (rc != FAS_OK)
		return rc;
	call->about.event = "crl_published";
	call->about.outcome = "done";
	return audit_write(call->ca->db, &call->about, e);
}

/* ---- audit ---- */

enum fas_code
op_audit_tail(struct call *call, struct fas_err *e)
{
	return audit_answer_tail(call->ca->db, &call->in, &call->reply, e);
}
