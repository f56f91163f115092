/* Operations on generations: rotate, retire, what stands in NTAuth, and the root's next CRL. */
#include "ca/administer.h"

#include <string.h>

#include <openssl/evp.h>

#include "ca/crl.h"
#include "ca/describe.h"
#include "ca/install.h"
#include "ca/publisher.h"
#include "ca/rotate.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define ROOT_CRL_TEXT_MAX 524288

static void
openssl_bytes_free(unsigned char *bytes)
{
	OPENSSL_free(bytes);
}
DEFINE_OWN(openssl_bytes, unsigned char *, openssl_bytes_free);

static enum fas_code
answer_generation(struct call *call, int64_t id, const char *fails, struct fas_err *e)
{
	OWN(json) json_t *object = NULL;
	OWN(issuer) struct issuer *at = authorities_by_id(&call->ca->authorities, id);
	enum fas_code rc = at ? describe_generation(call->ca, at, &object, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O?,s:s*}", "certificate", object, "fails", fails);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_ca_rotate(struct call *call, struct fas_err *e)
{
	int64_t now_s = 0;
	OWN(rotation)
	struct rotation r = {
	    .authority = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1),
	    .renewal = json_want_bool(&call->in, "renewal", false),
	    .now = json_want_bool(&call->in, "now", false)};
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(call->ca, r.authority, e);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &now_s, e);
	if (rc == FAS_OK)
		rc = rotation_check(call->ca, &r, now_s, e);
	if (rc == FAS_OK)
		rc = rotation_run(call, &r, e);
	return rc == FAS_OK ? answer_generation(call, r.to->id, r.fails, e) : rc;
}

/* The generation with this number; 0: the newest one. */
static enum fas_code
find_generation(
    struct ca *ca, const char *name, int64_t number, struct issuer **out, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX], *found = NULL;
	size_t n = authorities_all(&ca->authorities, all);
	for (size_t i = 0; i < n; i++) {
		OWN(issuer) struct issuer *at = all[i];
		if (at->kind != ISSUER_LOGON || strcmp(at->authority, name) != 0 ||
		    (number ? at->generation != number
			    : found && found->generation > at->generation))
			continue;
		issuer_unref(found);
		found = TAKE(at);
	}
	*out = found;
	if (found)
		return FAS_OK;
	return fas_fail(e, FAS_E_NOTFOUND, "generation_unknown",
	    "authority \"%s\" has no such generation", name);
}

enum fas_code
op_ca_retire(struct call *call, struct fas_err *e)
{
	OWN(issuer) struct issuer *at = NULL;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	int64_t number = json_need_int(&call->in, "generation", 1, INT32_MAX);
	bool renewal = json_want_bool(&call->in, "renewal", false);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(call->ca, name, e);
	if (rc == FAS_OK)
		rc = find_generation(call->ca, name, number, &at, e);
	if (rc == FAS_OK)
		rc = renewal ? renewal_drop(call, at, e) : generation_retire(call, at, e);
	return rc == FAS_OK ? answer_generation(call, at->id, NULL, e) : rc;
}

/* ---- NTAuth ---- */

struct sighting {
	const struct issuer *at;
	bool renewal;
	int64_t since_s; /* as it is said */
	int64_t known_s; /* as it was on record */
	const struct audit_record *about;
};

static enum fas_code
see_renewal(const struct renewal_row *row, void *arg, struct fas_err *e)
{
	struct sighting *s = arg;
	(void)e;
	if (row->issuer == s->at->id)
		s->known_s = row->in_ntauth_s;
	return FAS_OK;
}

/* The first sighting counts, until it is gone from there. */
static enum fas_code
put_sighting(struct db *db, void *arg, struct fas_err *e)
{
	struct sighting *s = arg;
	enum fas_code rc = FAS_OK;
	s->known_s = s->at->in_ntauth_s;
	if (s->renewal)
		rc = store_renewals_each(db, see_renewal, s, e);
	if (rc != FAS_OK || (s->known_s != 0) == (s->since_s != 0))
		return rc;
	rc = store_in_ntauth(db, s->at->id, s->renewal, s->since_s, e);
	return rc == FAS_OK ? audit_append(db, s->about, e) : rc;
}

static enum fas_code
record_sighting(struct call *call, struct sighting *s, struct fas_err *e)
{
	char when[TIME_TEXT_MAX];
	OWN(json)
	json_t *detail = audit_detail("authority", s->at->authority, "issuer", s->at->stem,
	    "renewal", s->renewal ? "yes" : NULL, "since",
	    s->since_s ? time_format(s->since_s, when) : NULL, NULL);
	call->about.event = s->since_s ? "authority_in_ntauth" : "authority_not_in_ntauth";
	call->about.outcome = "done";
	call->about.detail = detail;
	s->about = &call->about;
	enum fas_code rc = db_write(call->ca->db, put_sighting, s, e);
	bool changed = rc == FAS_OK && (s->known_s != 0) != (s->since_s != 0);
	if (changed)
		audit_log(&call->about);
	call->about.detail = NULL;
	if (changed)
		rc = authorities_load(&call->ca->authorities, e);
	if (rc != FAS_OK)
		return rc;
	call->reply =
	    json_pack("{s:I}", "in_ntauth", (json_int_t)(changed ? s->since_s : s->known_s));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* Nobody who is believed here gains by it: who says it too early has logons refused, not allowed. */
enum fas_code
op_ca_in_ntauth(struct call *call, struct fas_err *e)
{
	int64_t now_s = 0;
	OWN(issuer) struct issuer *at = NULL;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	int64_t number = json_want_int(&call->in, "generation", 1, INT32_MAX, 0);
	int64_t since_s = json_want_int(&call->in, "since", 0, INT64_MAX, -1);
	bool renewal = json_want_bool(&call->in, "renewal", false);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(call->ca, name, e);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &now_s, e);
	if (rc == FAS_OK)
		rc = find_generation(call->ca, name, number, &at, e);
	if (rc != FAS_OK)
		return rc;
	if (!at->certificate)
		return fas_fail(e, FAS_E_CONFLICT, "authority_not_ready",
		    "%s has no certificate that could stand in NTAuth", at->stem);
	struct sighting s = {.at = at,
	    .renewal = renewal,
	    .since_s = since_s < 0 || since_s > now_s ? now_s : since_s};
	return record_sighting(call, &s, e);
}

/* ---- the root's CRL ---- */

struct replace {
	struct issuer *roots[ISSUERS_MAX];
	size_t n;
	const unsigned char *der;
	size_t len;
	const struct audit_record *about;
};

static void
replace_done(struct replace *r)
{
	for (size_t i = 0; i < r->n; i++)
		issuer_unref(r->roots[i]);
}
DEFINE_OWN_IN_PLACE(replace, struct replace, replace_done);

static enum fas_code
put_crl(struct db *db, void *arg, struct fas_err *e)
{
	const struct replace *r = arg;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < r->n; i++)
		rc = store_given_crl(db, r->roots[i]->id, r->der, r->len, e);
	return rc == FAS_OK ? audit_append(db, r->about, e) : rc;
}

/* All offline roots with the key that has signed it: the same root may stand above several generations. */
static enum fas_code
find_roots(struct ca *ca, X509_CRL *crl, struct replace *out, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	struct fas_err why = {0};
	for (size_t i = 0; i < n; i++) {
		OWN(issuer) struct issuer *at = all[i];
		struct fas_err own = {0};
		if (at->kind != ISSUER_ROOT || at->key || !at->certificate)
			continue;
		if (install_check_root_crl(crl, at->certificate, clock_now(), &own) == FAS_OK)
			out->roots[out->n++] = TAKE(at);
		else if (why.code == FAS_OK || strcmp(own.reason, "root_crl_issuer") != 0)
			why = own;
	}
	if (out->n > 0)
		return FAS_OK;
	if (why.code == FAS_OK)
		return fas_fail(e, FAS_E_CONFLICT, "root_missing",
		    "no authority has an offline root yet: fasctl ca install");
	return fas_fail(e, why.code, why.reason, "%s", why.message);
}

static enum fas_code
check_newer(const struct replace *r, struct fas_err *e)
{
	struct crl_facts next = {0}, present = {0};
	enum fas_code rc = crl_read(r->der, r->len, &next, e);
	for (size_t i = 0; rc == FAS_OK && i < r->n; i++) {
		const struct issuer *at = r->roots[i];
		if (!at->given_crl)
			continue;
		rc = crl_read(at->given_crl, at->given_crl_len, &present, e);
		if (rc == FAS_OK && crl_is_older(&next, &present))
			return fas_fail(e, FAS_E_CONFLICT, "root_crl_older",
			    "RFC 5280 5.2.3: the CRL is older than the one that is published for "
			    "%s",
			    at->stem);
	}
	return rc;
}

static enum fas_code
take_root_crl(struct call *call, X509_CRL *crl, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(replace) struct replace r = {0};
	OWN(openssl_bytes) unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	if (len <= 0)
		return fas_fail_openssl(e, "CRL");
	r.der = der;
	r.len = (size_t)len;
	r.about = &call->about;
	enum fas_code rc = find_roots(ca, crl, &r, e);
	if (rc == FAS_OK)
		rc = check_newer(&r, e);
	if (rc == FAS_OK)
		rc = db_write(ca->db, put_crl, &r, e);
	if (rc != FAS_OK)
		return rc;
	audit_log(&call->about);
	rc = authorities_load(&ca->authorities, e);
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; rc == FAS_OK && i < r.n; i++) {
		json_t *object = NULL;
		OWN(issuer)
		struct issuer *at = authorities_by_id(&ca->authorities, r.roots[i]->id);
		rc = publisher_publish(ca->publisher, at, e);
		if (rc == FAS_OK)
			rc = publisher_describe(ca, at, &object, e);
		if (rc == FAS_OK && json_array_append_new(list, object) != 0)
			rc = fas_fail_nomem(e);
	}
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "published", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_ca_root_crl(struct call *call, struct fas_err *e)
{
	X509_CRL *crl = NULL;
	const char *text = json_need_lines(&call->in, "root_crl", 1, ROOT_CRL_TEXT_MAX);
	call_correlate(call, NULL);
	call->about.event = "root_crl_installed";
	call->about.outcome = "done";
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = install_parse_crl(text, &crl, e);
	if (rc == FAS_OK)
		rc = take_root_crl(call, crl, e);
	X509_CRL_free(crl);
	return rc;
}
