#include "ca/issue.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "ca/act.h"
#include "ca/hosts.h"
#include "ca/pem.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

enum fas_code
issue_digest(json_t *request, uint8_t out[STORE_DIGEST], struct fas_err *e)
{
	OWN(json) json_t *copy = json_copy(request);
	if (!copy)
		return fas_fail_nomem(e);
	(void)json_object_del(copy, "correlation_id");
	(void)json_object_del(copy, "chain_known");
	OWN(text) char *text = json_text(copy, JSON_COMPACT | JSON_SORT_KEYS);
	if (!text)
		return fas_fail_nomem(e);
	if (EVP_Digest(text, strlen(text), out, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256");
	return FAS_OK;
}

json_t *
certificate_reply(const struct issuer *issuer, const char *chain_known, const uint8_t *der,
    size_t len, const uint8_t *serial, size_t serial_len, int64_t not_before_s, int64_t not_after_s)
{
	char hex[2 * PROFILE_SERIAL_MAX + 1];
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, len);
	bool known = chain_known && strcmp(chain_known, issuer->chain_digest) == 0;
	if (!pem)
		return NULL;
	return json_pack("{s:s,s:s*,s:s,s:I,s:I}", "pem", pem, "chain",
	    known ? NULL : issuer->chain, "serial", hex_encode(serial, serial_len, hex),
	    "not_before", (json_int_t)not_before_s, "not_after", (json_int_t)not_after_s);
}

/* What a transaction learns about a request id; the certificate's bytes outlive the row. */
struct on_record {
	bool found, same, revoked;
	const uint8_t *digest; /* of the repeat */
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t serial_len;
	int64_t issuer, not_before_s, not_after_s;
	uint8_t *tbs, *signature;
	size_t tbs_len, signature_len;
};

static void
on_record_done(struct on_record *r)
{
	free(r->tbs);
	free(r->signature);
}
DEFINE_OWN_IN_PLACE(on_record, struct on_record, on_record_done);

static uint8_t *
copy_bytes(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	if (copy && len)
		memcpy(copy, data, len);
	return copy;
}

static enum fas_code
keep_row(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct on_record *r = arg;
	if (row->serial_len > sizeof(r->serial))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "a serial number is too long");
	r->same = memcmp(row->request_digest, r->digest, STORE_DIGEST) == 0;
	r->revoked = row->revoked_at_s != 0;
	memcpy(r->serial, row->serial, row->serial_len);
	r->serial_len = row->serial_len;
	r->issuer = row->issuer;
	r->not_before_s = row->not_before_s;
	r->not_after_s = row->not_after_s;
	r->tbs_len = row->tbs_len;
	r->signature_len = row->signature_len;
	r->tbs = copy_bytes(row->tbs, row->tbs_len);
	r->signature = copy_bytes(row->signature, row->signature_len);
	return r->tbs && r->signature ? FAS_OK : fas_fail_nomem(e);
}

/* ---- keeping the signature of a key that would not make it again ---- */

struct keep {
	struct on_record *r;
	const uint8_t *signature;
	size_t signature_len;
};

/* The first signature stays, whoever else has made one at the same time; *r gets the one that has stayed. */
static enum fas_code
keep_signature(struct db *db, void *arg, struct fas_err *e)
{
	const struct keep *k = arg;
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t len = k->r->serial_len;
	bool found = false;
	memcpy(serial, k->r->serial, sizeof(serial));
	enum fas_code rc =
	    store_certificate_sign(db, serial, len, k->signature, k->signature_len, e);
	if (rc != FAS_OK)
		return rc;
	on_record_done(k->r);
	k->r->tbs = k->r->signature = NULL;
	return store_certificate_by_serial(db, serial, len, keep_row, k->r, &found, e);
}

/*
 * Sign what is on record.  An RSA signature follows from the bytes and needs no keeping; an ECDSA one is durable before
 * anybody has it, so that a repeat never sees another.
 */
static enum fas_code
sign_record(struct ca *ca, struct issuer *issuer, struct on_record *r, uint8_t **der, size_t *len,
    struct fas_err *e)
{
	uint8_t signature[KEY_SIGNATURE_MAX];
	struct keep k = {.r = r, .signature = signature};
	if (r->signature_len == 0) {
		OWN(bytes) uint8_t *whole = NULL;
		if (!issuer_is_ready(issuer))
			return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready",
			    "the key of %s is not here", issuer->stem);
		enum fas_code rc = issuer_sign(
		    issuer, r->tbs, r->tbs_len, signature, &k.signature_len, &whole, len, e);
		if (rc != FAS_OK && rc != FAS_E_NOMEM)
			issuer_note_failure(issuer);
		if (rc != FAS_OK)
			return rc;
		(void)atomic_fetch_add(&ca->signatures, 1);
		if (key_is_deterministic(issuer->key)) {
			*der = TAKE(whole);
			return FAS_OK;
		}
		if ((rc = db_write(ca->db, keep_signature, &k, e)) != FAS_OK)
			return rc;
	}
	return profile_assemble(issuer->published.signature, r->tbs, r->tbs_len, r->signature,
	    r->signature_len, der, len, e);
}

static enum fas_code
answer(struct call *call, struct issuer *issuer, struct on_record *r, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = sign_record(call->ca, issuer, r, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = certificate_reply(issuer, call->chain_known, der, len, r->serial,
	    r->serial_len, r->not_before_s, r->not_after_s);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
answer_again(struct call *call, struct on_record *r, struct fas_err *e)
{
	if (!r->same)
		return fas_fail(e, FAS_E_CONFLICT, "request_id_reused",
		    "this request id is on record with another content");
	if (r->revoked)
		return fas_fail(e, FAS_E_DENIED, "certificate_revoked",
		    "the certificate of this request has been revoked");
	OWN(issuer)
	struct issuer *issuer = authorities_by_id(&call->ca->authorities, r->issuer);
	if (!issuer)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready",
		    "the issuer of this request is not loaded");
	return answer(call, issuer, r, e);
}

struct look_up {
	const char *request_id;
	struct on_record *r;
};

static enum fas_code
look_up(struct db *db, void *arg, struct fas_err *e)
{
	struct look_up *l = arg;
	return store_certificate_by_request(db, l->request_id, keep_row, l->r, &l->r->found, e);
}

enum fas_code
issue_again(struct call *call, const char *request_id, const uint8_t digest[STORE_DIGEST],
    bool *found, struct fas_err *e)
{
	OWN(on_record) struct on_record r = {.digest = digest};
	struct look_up l = {request_id, &r};
	enum fas_code rc = db_read(call->ca->db, look_up, &l, e);
	*found = r.found;
	return rc == FAS_OK && r.found ? answer_again(call, &r, e) : rc;
}

/* ---- the one durable transaction ---- */

struct record {
	struct call *call;
	struct issue *issue;
	struct prepared *prepared;
	struct on_record before; /* what was on record under this request id */
	int64_t generation;      /* of the host table, if it has changed */
};

static enum fas_code
add_certificate(struct db *db, const struct record *rec, struct fas_err *e)
{
	const struct issue *i = rec->issue;
	const struct prepared *p = rec->prepared;
	const struct audit_record *about = &rec->call->about;
	struct certificate_row row = {.issuer = i->issuer->id,
	    .profile = profile_facts_name(i->facts),
	    .serial = p->serial,
	    .serial_len = sizeof(p->serial),
	    .request_id = i->request_id,
	    .request_digest = i->request_digest,
	    .tbs = p->tbs,
	    .tbs_len = p->tbs_len,
	    .tbs_digest = p->tbs_digest,
	    .spki_digest = i->spki_digest,
	    .sid = i->sid,
	    .upn = i->facts->upn,
	    .role = i->role,
	    .name = i->name,
	    .rule = about->rule,
	    .host = about->host,
	    .session = about->session,
	    .correlation_id = about->correlation_id,
	    .created_ms = i->now_s * 1000,
	    .not_before_s = p->not_before_s,
	    .not_after_s = p->not_after_s};
	return store_certificate_add(db, &row, e);
}

/* A machine's certificate may be renewed only while the old one is good: looked at where nothing can come between. */
static enum fas_code
still_good(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	const int64_t *now_s = arg;
	if (row->role && row->revoked_at_s == 0 && row->not_after_s >= *now_s)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "renew_refused",
	    "the presented certificate has been revoked or has expired");
}

static enum fas_code
claim(struct db *db, const struct issue *i, struct fas_err *e)
{
	bool good = true;
	int64_t now_s = i->now_s;
	enum fas_code rc = FAS_OK;
	if (i->token)
		rc = store_token_claim(db, i->token, now_s, i->request_id, &good, e);
	if (rc == FAS_OK && i->replaces)
		rc = store_certificate_by_serial(
		    db, i->replaces, i->replaces_len, still_good, &now_s, &good, e);
	if (rc == FAS_OK && !good)
		return fas_fail(e, FAS_E_AUTH, i->token ? "token_invalid" : "renew_refused",
		    "the token is unknown, used or expired, or the certificate is not on record");
	return rc;
}

/*
 * Machines of this service go on; whatever a domain controller would believe does not.  A domain controller itself is known
 * by each of its names.
 */
static enum fas_code
check_acts(struct db *db, const struct record *rec, struct fas_err *e)
{
	const struct issue *i = rec->issue;
	const struct profile_facts *facts = i->facts;
	struct act_question question = {
	    facts->upn, i->sid, rec->call->about.host, rec->call->about.rule};
	if (i->issuer->kind != ISSUER_LOGON)
		return FAS_OK;
	enum fas_code rc = acts_check_issue(db, &question, e);
	for (size_t n = 0; rc == FAS_OK && n < facts->n_dns_names; n++) {
		question.host = facts->dns_names[n];
		rc = acts_check_issue(db, &question, e);
	}
	return rc;
}

static enum fas_code
put_on_record(struct db *db, void *arg, struct fas_err *e)
{
	struct record *rec = arg;
	struct issue *i = rec->issue;
	enum fas_code rc = store_certificate_by_request(
	    db, i->request_id, keep_row, &rec->before, &rec->before.found, e);
	if (rc != FAS_OK || rec->before.found)
		return rc;
	rc = check_acts(db, rec, e);
	if (rc == FAS_OK)
		rc = claim(db, i, e);
	if (rc == FAS_OK)
		rc = add_certificate(db, rec, e);
	if (rc == FAS_OK)
		rc = audit_append(db, &rec->call->about, e);
	if (rc == FAS_OK && i->changes_hosts)
		rc = store_generation(db, true, &rec->generation, e);
	return rc;
}

/* All that the certificate names, also its profile's own; NULL when there are none. */
static json_t *
policies_json(const struct profile_facts *facts)
{
	const char *oids[PROFILE_POLICIES_MAX];
	size_t n = profile_policies(facts->own, facts->policies, facts->n_policies, oids);
	json_t *list = n ? json_array() : NULL;
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_string(oids[i]));
	return list;
}

static json_t *
issue_detail(const struct issue *i, const struct prepared *p)
{
	char digest[2 * STORE_DIGEST + 1], end[TIME_TEXT_MAX];
	json_t *detail = audit_detail("profile", profile_facts_name(i->facts), "issuer",
	    i->issuer->stem, "request_id", i->request_id, "tbs_sha256",
	    hex_encode(p->tbs_digest, STORE_DIGEST, digest), "not_after",
	    time_format(p->not_after_s, end), "role", i->role, "name", i->name, NULL);
	json_t *policies = policies_json(i->facts);
	if (policies)
		(void)json_object_set_new(detail, "issuance_policies", policies);
	return detail;
}

enum fas_code
issue_once(struct call *call, struct issue *issue, struct fas_err *e)
{
	OWN(prepared) struct prepared p = {0};
	enum fas_code rc = db_pool_check(call->ca->db, e);
	if (rc == FAS_OK)
		rc =
		    issuer_prepare(issue->issuer, issue->facts, issue->now_s, issue->life_s, &p, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json) json_t *detail = issue_detail(issue, &p);
	call->about.event = issue->event;
	call->about.outcome = "done";
	call->about.serial = hex_encode(p.serial, sizeof(p.serial), call->kept_serial);
	call->about.detail = detail;
	struct record rec = {call, issue, &p, {.digest = issue->request_digest}, 0};
	rc = db_write(call->ca->db, put_on_record, &rec, e);
	OWN(on_record) struct on_record r = rec.before;
	if (rc != FAS_OK)
		return rc;
	if (r.found)
		return answer_again(call, &r, e);
	audit_log(&call->about);
	if (issue->changes_hosts)
		hosts_changed(&call->ca->hosts, rec.generation);
	memcpy(r.serial, p.serial, sizeof(p.serial));
	r.serial_len = sizeof(p.serial);
	r.not_before_s = p.not_before_s;
	r.not_after_s = p.not_after_s;
	r.tbs = TAKE(p.tbs);
	r.tbs_len = p.tbs_len;
	return answer(call, issue->issuer, &r, e);
}

enum fas_code
issue_rebuild(struct ca *ca, const struct certificate_row *row, uint8_t **der, size_t *der_len,
    struct fas_err *e)
{
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t signature_len = 0;
	OWN(issuer) struct issuer *issuer = authorities_by_id(&ca->authorities, row->issuer);
	if (issuer && row->signature)
		return profile_assemble(issuer->published.signature, row->tbs, row->tbs_len,
		    row->signature, row->signature_len, der, der_len, e);
	if (!issuer || !issuer_is_ready(issuer) || !key_is_deterministic(issuer->key))
		return fas_fail(e, FAS_E_NOTFOUND, "certificate_not_signed",
		    "this certificate was put on record but never left");
	return issuer_sign(
	    issuer, row->tbs, row->tbs_len, signature, &signature_len, der, der_len, e);
}
