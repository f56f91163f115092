#include "ca/rotate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ca/administer.h"
#include "ca/asn1.h"
#include "ca/crl.h"
#include "ca/publisher.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define LEFT_MIN_S 3600 /* a CA that ends within the hour is nothing to switch to */

static const char unseen[] = "nobody has seen the new certificate in NTAuth: every domain "
			     "controller that looks there (Windows does) refuses "
			     "each logon until it stands there and the controller has read it "
			     "(certutil -dspublish -f FILE NTAuthCA; gpupdate "
			     "/force on each)";
static const char too_new[] = "domain controllers read NTAuth from a copy that may be hours old: "
			      "those whose copy is older than the entry refuse "
			      "each logon until they have read it anew (gpupdate /force on each)";

void
rotation_done(struct rotation *r)
{
	issuer_unref(r->to);
	issuer_unref(r->from);
}

/* ---- is it time? ---- */

struct waiting {
	int64_t issuer;
	const struct issuer *root; /* of the present certificate */
	bool found;
	struct rotation *to;
};

/* It may have waited for days: the root's keeper has signed another list since. */
static enum fas_code
see_root_crl(
    const struct renewal_row *row, const struct issuer *root, bool *with_crl, struct fas_err *e)
{
	struct crl_facts next = {0}, present = {0};
	enum fas_code rc = FAS_OK;
	if (!row->root_crl)
		return FAS_OK;
	rc = crl_read(row->root_crl, row->root_crl_len, &next, e);
	if (rc == FAS_OK && root && root->given_crl)
		rc = crl_read(root->given_crl, root->given_crl_len, &present, e);
	*with_crl = rc == FAS_OK && !crl_is_older(&next, &present);
	return rc;
}

static enum fas_code
see_renewal(const struct renewal_row *row, void *arg, struct fas_err *e)
{
	struct waiting *w = arg;
	const uint8_t *der = row->certificate;
	if (row->issuer != w->issuer)
		return FAS_OK;
	OWN(x509) X509 *x = d2i_X509(NULL, &der, (long)row->certificate_len);
	if (!x || !asn1_time_to_unix(X509_get0_notAfter(x), &w->to->not_after_s))
		return fas_fail_openssl(e, "a renewed certificate in ca.db");
	w->found = true;
	w->to->in_ntauth_s = row->in_ntauth_s;
	return see_root_crl(row, w->root, &w->to->with_crl, e);
}

static enum fas_code
read_renewal(struct db *db, void *arg, struct fas_err *e)
{
	return store_renewals_each(db, see_renewal, arg, e);
}

static enum fas_code
find_renewal(struct ca *ca, struct rotation *r, struct fas_err *e)
{
	OWN(issuer)
	struct issuer *root = r->from ? authorities_root_of(&ca->authorities, r->from) : NULL;
	struct waiting w = {.issuer = r->from ? r->from->id : 0, .root = root, .to = r};
	enum fas_code rc = r->from ? db_read(ca->db, read_renewal, &w, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	if (!w.found)
		return fas_fail(e, FAS_E_CONFLICT, "renewal_missing",
		    "authority \"%s\" has no renewed certificate: fasctl ca csr --renewal, fasctl "
		    "ca install",
		    r->authority);
	r->to = issuer_ref(r->from);
	return FAS_OK;
}

static enum fas_code
find_next(struct ca *ca, struct rotation *r, struct fas_err *e)
{
	struct authorities *all = &ca->authorities;
	r->from = authorities_in_state(all, r->authority, GENERATION_CURRENT);
	if (r->renewal)
		return find_renewal(ca, r, e);
	r->to = authorities_in_state(all, r->authority, GENERATION_READY);
	if (!r->to || !r->from)
		return fas_fail(e, FAS_E_CONFLICT, "next_missing",
		    "authority \"%s\" has no next generation with a certificate: fasctl ca init "
		    "--next, fasctl ca install",
		    r->authority);
	r->in_ntauth_s = r->to->in_ntauth_s;
	r->not_after_s = r->to->not_after_s;
	return FAS_OK;
}

/* Whoever switches to a key that cannot sign has no authority at all. */
static enum fas_code
check_signs(const struct issuer *at, struct fas_err *e)
{
	static const uint8_t trial[] = "fas: may this key be switched to?";
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	if (!at->key)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key",
		    "the key of %s cannot be had: %s", at->stem, at->trouble.message);
	return key_sign(at->key, trial, sizeof(trial), signature, &len, e);
}

/* A certificate that has ended, whose renewal it is, signs no list: there is one again after the switch. */
static enum fas_code
check_published(struct ca *ca, const struct issuer *at, int64_t now_s, struct fas_err *e)
{
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, at);
	enum fas_code rc = at->not_after_s > now_s ? publisher_is_out(ca, at, now_s, e) : FAS_OK;
	if (rc == FAS_OK && root && (root->key || root->given_crl))
		rc = publisher_is_out(ca, root, now_s, e);
	return rc;
}

static enum fas_code
check_ntauth(const struct ca *ca, struct rotation *r, int64_t now_s, struct fas_err *e)
{
	char when[TIME_TEXT_MAX];
	int64_t wait_s = signer_config_authority(ca->config, r->authority)->ntauth_wait_s;
	bool old_enough = r->in_ntauth_s && now_s - r->in_ntauth_s >= wait_s;
	if (!old_enough)
		r->fails = r->in_ntauth_s ? too_new : unseen;
	if (old_enough || r->now)
		return FAS_OK;
	if (!r->in_ntauth_s)
		return fas_fail(e, FAS_E_CONFLICT, "ntauth_unseen",
		    "%s: put it there and say so (fasctl ca ntauth-seen), wait, then switch",
		    unseen);
	return fas_fail(e, FAS_E_CONFLICT, "ntauth_too_new",
	    "%s: the switch may be made from %s on", too_new,
	    time_format(r->in_ntauth_s + wait_s, when));
}

enum fas_code
rotation_check(struct ca *ca, struct rotation *r, int64_t now_s, struct fas_err *e)
{
	enum fas_code rc = find_next(ca, r, e);
	if (rc != FAS_OK)
		return rc;
	if (r->not_after_s < now_s + LEFT_MIN_S)
		return fas_fail(e, FAS_E_CONFLICT, "ca_ended",
		    "RFC 5280 6.1.3 (a)(2): the certificate of %s ends within the hour",
		    r->to->stem);
	if ((rc = check_signs(r->to, e)) != FAS_OK)
		return rc;
	if ((rc = check_published(ca, r->to, now_s, e)) != FAS_OK)
		return rc;
	return check_ntauth(ca, r, now_s, e);
}

/* ---- acts: one transaction each, with its record ---- */

struct act {
	const struct rotation *rotation;
	const struct issuer *at;
	int64_t root; /* of a renewal */
	const struct audit_record *about;
};

static enum fas_code
switch_over(struct db *db, void *arg, struct fas_err *e)
{
	const struct act *act = arg;
	const struct rotation *r = act->rotation;
	enum fas_code rc;
	if (r->renewal) {
		rc = store_renewal_apply(db, r->to->id, act->root, r->with_crl, e);
	} else {
		rc = store_generation_move(
		    db, r->from->id, GENERATION_CURRENT, GENERATION_RETIRING, e);
		if (rc == FAS_OK)
			rc = store_generation_move(
			    db, r->to->id, GENERATION_READY, GENERATION_CURRENT, e);
	}
	return rc == FAS_OK ? audit_append(db, act->about, e) : rc;
}

/* What is on record counts, also when it cannot be loaded: the old one's CRL goes on, so nothing is lost by waiting. */
static enum fas_code
take_effect(struct ca *ca, const struct rotation *r, struct fas_err *e)
{
	enum fas_code rc = publish_with_root(ca, r->to->id, e);
	OWN(issuer) struct issuer *from = authorities_by_id(&ca->authorities, r->from->id);
	if (rc == FAS_OK && from)
		rc = publisher_publish(ca->publisher, from, e);
	return rc == FAS_OK ? FAS_OK : fas_wrap(e, "the switch is on record; restart fas-signer");
}

enum fas_code
rotation_run(struct call *call, const struct rotation *r, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, r->to);
	OWN(json)
	json_t *detail =
	    audit_detail("authority", r->authority, "from", r->from->stem, "to", r->to->stem,
		"renewal", r->renewal ? "yes" : NULL, "forced", r->fails ? "yes" : NULL, NULL);
	call->about.event = "authority_rotated";
	call->about.outcome = "done";
	call->about.message = r->fails;
	call->about.detail = detail;
	struct act act = {.rotation = r, .root = root ? root->id : 0, .about = &call->about};
	enum fas_code rc = db_write(ca->db, switch_over, &act, e);
	if (rc == FAS_OK)
		audit_log(&call->about);
	call->about.detail = NULL;
	return rc == FAS_OK ? take_effect(ca, r, e) : rc;
}

/* ---- the end ---- */

static enum fas_code
retire(struct db *db, void *arg, struct fas_err *e)
{
	const struct act *act = arg;
	enum fas_code rc =
	    store_generation_move(db, act->at->id, act->at->state, GENERATION_RETIRED, e);
	return rc == FAS_OK ? audit_append(db, act->about, e) : rc;
}

static enum fas_code
drop(struct db *db, void *arg, struct fas_err *e)
{
	const struct act *act = arg;
	enum fas_code rc = store_renewal_drop(db, act->at->id, e);
	return rc == FAS_OK ? audit_append(db, act->about, e) : rc;
}

static enum fas_code
run_end(struct ca *ca, struct audit_record *about, const char *event, const struct issuer *at,
    db_fn *write, struct fas_err *e)
{
	OWN(json)
	json_t *detail = audit_detail("authority", at->authority, "issuer", at->stem, "state",
	    generation_state_name(at->state), NULL);
	about->event = event;
	about->outcome = "done";
	about->detail = detail;
	struct act act = {.at = at, .about = about};
	enum fas_code rc = db_write(ca->db, write, &act, e);
	if (rc == FAS_OK)
		audit_log(about);
	about->detail = NULL;
	return rc == FAS_OK ? authorities_load(&ca->authorities, e) : rc;
}

struct last {
	int64_t issuer, until_s;
	struct crl_row crl;
};

/* RFC 5280 3.3: what was revoked has to stand on one CRL that was issued after its end. */
static enum fas_code
read_last(struct db *db, void *arg, struct fas_err *e)
{
	struct last *l = arg;
	enum fas_code rc = store_crl_get(db, l->issuer, &l->crl, e);
	return rc == FAS_OK ? store_last_end(db, l->issuer, l->crl.this_update_s, &l->until_s, e)
			    : rc;
}

enum fas_code
generation_retire(struct call *call, const struct issuer *at, struct fas_err *e)
{
	struct ca *ca = call->ca;
	char when[TIME_TEXT_MAX];
	struct last last = {.issuer = at->id};
	enum fas_code rc = FAS_OK;
	if (at->state == GENERATION_CURRENT)
		return fas_fail(e, FAS_E_CONFLICT, "generation_current",
		    "%s issues: switch to another first (fasctl ca rotate)", at->stem);
	if (at->state == GENERATION_RETIRED)
		return fas_fail(
		    e, FAS_E_CONFLICT, "generation_retired", "%s is retired already", at->stem);
	if (at->state == GENERATION_RETIRING)
		rc = db_read(ca->db, read_last, &last, e);
	if (rc == FAS_OK && last.until_s)
		return fas_fail(e, FAS_E_CONFLICT, "certificates_live",
		    "%s has certificates that end at %s: its CRL has to be published until then; "
		    "it "
		    "retires by itself",
		    at->stem, time_format(last.until_s, when));
	return rc == FAS_OK ? run_end(ca, &call->about, "authority_retired", at, retire, e) : rc;
}

enum fas_code
renewal_drop(struct call *call, const struct issuer *at, struct fas_err *e)
{
	return run_end(call->ca, &call->about, "authority_renewal_dropped", at, drop, e);
}

static void
retire_if_finished(struct ca *ca, const struct issuer *at)
{
	struct fas_err e = {0};
	char id[CORRELATION_ID_MAX];
	struct last last = {.issuer = at->id};
	enum fas_code rc = db_read(ca->db, read_last, &last, &e);
	/* One whose own certificate has ended can sign no further list. */
	bool ended = at->not_after_s <= clock_now();
	if (rc == FAS_OK && (last.crl.number == 0 || last.until_s) && !ended)
		return;
	correlation_id_new(id);
	struct audit_record about = {.caller = "fas-signer", .correlation_id = id};
	if (rc == FAS_OK)
		rc = run_end(ca, &about, "authority_retired", at, retire, &e);
	if (rc != FAS_OK)
		log_error("authority_not_retired", &e, "issuer", at->stem, NULL);
}

void
generations_retire_finished(struct ca *ca)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	for (size_t i = 0; i < n; i++) {
		if (all[i]->kind == ISSUER_LOGON && all[i]->state == GENERATION_RETIRING)
			retire_if_finished(ca, all[i]);
		issuer_unref(all[i]);
	}
}
