#include "ca/restore.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/crl.h"
#include "ca/hosts.h"
#include "ca/store.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/restore.h"

#define CLOCK_MARK "clock_high_water" /* as fas/base/clock.c keeps it */
#define LIST_MAX ((size_t)256 * 1024 * 1024)

DEFINE_OWN(parsed_crl, X509_CRL *, X509_CRL_free);
DEFINE_OWN(reason, ASN1_ENUMERATED *, ASN1_ENUMERATED_free);

struct list {
	uint8_t *der;
	size_t len;
	struct crl_facts facts;
	struct issuer *issuer;
};

struct restoring {
	struct ca *ca;
	struct restore_note note;
	struct list lists[RESTORE_CRLS_MAX];
	int64_t now_s;
	int64_t merged, unknown,
	    tokens;    /* entries; of them, of certificates that are not on record */
	bool done;     /* by an earlier start */
	int64_t hosts; /* the host table's generation: machines may have been revoked */
	struct audit_record record;
};

/* ---- the lists, before anything is written ---- */

static bool
has_signed(const struct issuer *issuer, X509_CRL *crl)
{
	const X509 *certificate = issuer->certificate;
	return certificate &&
	       X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(certificate)) == 0 &&
	       X509_CRL_verify(crl, X509_get0_pubkey(certificate)) == 1;
}

/* The one of our authorities that has signed it. */
static struct issuer *
signer_of(struct ca *ca, X509_CRL *crl)
{
	struct issuer *all[ISSUERS_MAX], *found = NULL;
	size_t n = authorities_all(&ca->authorities, all);
	for (size_t i = 0; i < n; i++) {
		if (!found && has_signed(all[i], crl))
			found = issuer_ref(all[i]);
		issuer_unref(all[i]);
	}
	ERR_clear_error();
	return found;
}

static enum fas_code
load_list(struct restoring *r, size_t i, struct fas_err *e)
{
	char path[PATH_MAX];
	struct list *list = &r->lists[i];
	char *data = NULL;
	enum fas_code rc = restore_crl_path(r->ca->config->state, i, path, sizeof(path), e);
	if (rc == FAS_OK)
		rc = file_read(path, LIST_MAX, &data, &list->len, e);
	list->der = (uint8_t *)data;
	if (rc == FAS_OK)
		rc = crl_read(list->der, list->len, &list->facts, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *at = list->der;
	OWN(parsed_crl) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)list->len);
	list->issuer = crl ? signer_of(r->ca, crl) : NULL;
	if (list->issuer && list->facts.number >= 0 && list->facts.number < INT64_MAX / 2)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFIG, "restore_crl",
	    "RFC 5280 6.3.3: %s is no list of an authority in the restored ca.db", path);
}

static void
lists_done(struct restoring *r)
{
	for (size_t i = 0; i < RESTORE_CRLS_MAX; i++) {
		free(r->lists[i].der);
		issuer_unref(r->lists[i].issuer);
	}
}

/* ---- one list joins the ledger ---- */

static int
reason_of(const X509_REVOKED *entry)
{
	OWN(reason)
	ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
	long value = reason ? ASN1_ENUMERATED_get(reason) : 0;
	return value > 0 && value <= 10 ? (int)value : 0;
}

static enum fas_code
merge_entry(struct db *db, struct restoring *r, const struct list *list, const X509_REVOKED *entry,
    struct fas_err *e)
{
	bool known = false;
	const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(entry);
	struct revoked_row row = {.issuer = list->issuer->id,
	    .serial = ASN1_STRING_get0_data(serial),
	    .serial_len = (size_t)ASN1_STRING_length(serial),
	    .until_s = list->issuer->not_after_s,
	    .reason = reason_of(entry)};
	if (row.serial_len > PROFILE_SERIAL_MAX ||
	    !asn1_time_to_unix(X509_REVOKED_get0_revocationDate(entry), &row.when_s))
		return fas_fail(e, FAS_E_CONFIG, "restore_crl",
		    "RFC 5280 5.1.2.6: an entry of the list of %s is malformed",
		    list->issuer->stem);
	enum fas_code rc = store_merge_revoked(db, &row, &known, e);
	r->merged++;
	r->unknown += !known;
	return rc;
}

/* cRLNumber and thisUpdate go on from the list's: neither ever goes back. */
static enum fas_code
go_on_from(struct db *db, const struct list *list, struct fas_err *e)
{
	struct crl_row last;
	const struct crl_row row = {.number = list->facts.number,
	    .this_update_s = list->facts.this_update_s,
	    .next_update_s = list->facts.next_update_s,
	    .entries = list->facts.entries};
	enum fas_code rc = store_crl_get(db, list->issuer->id, &last, e);
	if (rc == FAS_OK && row.number > last.number)
		rc = store_crl_set(db, list->issuer->id, &row, e);
	return rc;
}

/* Its list is published as it was given. */
static bool
is_offline_root(const struct issuer *issuer)
{
	return issuer->kind == ISSUER_ROOT && !issuer->key;
}

static enum fas_code
replace_if_newer(
    struct db *db, const struct issuer *root, const struct list *list, struct fas_err *e)
{
	struct crl_facts given = {.number = -1};
	enum fas_code rc =
	    root->given_crl ? crl_read(root->given_crl, root->given_crl_len, &given, e) : FAS_OK;
	return rc == FAS_OK && list->facts.number > given.number
		   ? store_given_crl(db, root->id, list->der, list->len, e)
		   : rc;
}

/* The same root may stand above several generations. */
static enum fas_code
replace_given(
    struct db *db, struct restoring *r, const struct list *list, X509_CRL *crl, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&r->ca->authorities, all);
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < n; i++) {
		if (rc == FAS_OK && is_offline_root(all[i]) && has_signed(all[i], crl))
			rc = replace_if_newer(db, all[i], list, e);
		issuer_unref(all[i]);
	}
	ERR_clear_error();
	return rc;
}

/* Also of an authority whose key is away: what it has revoked stays revoked. */
static enum fas_code
merge_list(struct db *db, struct restoring *r, const struct list *list, struct fas_err *e)
{
	const uint8_t *at = list->der;
	OWN(parsed_crl) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)list->len);
	if (!crl)
		return fas_fail_nomem(e);
	if (is_offline_root(list->issuer))
		return replace_given(db, r, list, crl, e);
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	enum fas_code rc = FAS_OK;
	for (int i = 0; rc == FAS_OK && i < sk_X509_REVOKED_num(entries); i++)
		rc = merge_entry(db, r, list, sk_X509_REVOKED_value(entries, i), e);
	return rc == FAS_OK ? go_on_from(db, list, e) : rc;
}

/* ---- all of it, or nothing ---- */

/* No list is of the future: a clock that stands before one of them is wrong. */
static enum fas_code
raise_clock(struct db *db, const struct restoring *r, struct fas_err *e)
{
	int64_t mark_s = 0;
	enum fas_code rc = db_meta_get_int(db, CLOCK_MARK, 0, &mark_s, e);
	for (size_t i = 0; i < r->note.n_crls; i++) {
		int64_t this_s = r->lists[i].facts.this_update_s;
		mark_s = this_s > mark_s ? this_s : mark_s;
	}
	if (rc == FAS_OK)
		rc = db_meta_set_int(db, CLOCK_MARK, mark_s, e);
	return rc == FAS_OK ? clock_load(db, e) : rc;
}

static enum fas_code
put_on_record(struct db *db, struct restoring *r, struct fas_err *e)
{
	json_t *detail = restore_note_detail(&r->note);
	if (!detail)
		return fas_fail_nomem(e);
	(void)json_object_set_new(detail, "revocations_merged", json_integer(r->merged));
	(void)json_object_set_new(detail, "revocations_unknown", json_integer(r->unknown));
	(void)json_object_set_new(detail, "tokens_void", json_integer(r->tokens));
	r->record = (struct audit_record){
	    .event = "restored", .outcome = "done", .caller = "fas-signer", .detail = detail};
	return audit_append(db, &r->record, e);
}

static enum fas_code
apply(struct db *db, void *arg, struct fas_err *e)
{
	struct restoring *r = arg;
	enum fas_code rc = restore_is_done(db, &r->note, &r->done, e);
	if (rc != FAS_OK || r->done)
		return rc;
	for (size_t i = 0; rc == FAS_OK && i < r->note.n_crls; i++)
		rc = merge_list(db, r, &r->lists[i], e);
	if (rc == FAS_OK)
		rc = store_tokens_void_all(db, r->now_s, &r->tokens, e);
	if (rc == FAS_OK)
		rc = store_generation(db, true, &r->hosts, e);
	if (rc == FAS_OK)
		rc = raise_clock(db, r, e);
	if (rc == FAS_OK)
		rc = restore_set_done(db, &r->note, e);
	return rc == FAS_OK ? put_on_record(db, r, e) : rc;
}

static enum fas_code
run(struct restoring *r, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < r->note.n_crls; i++)
		rc = load_list(r, i, e);
	if (rc == FAS_OK)
		rc = db_write(r->ca->db, apply, r, e);
	if (rc == FAS_OK && !r->done) {
		hosts_changed(&r->ca->hosts, r->hosts);
		audit_log(&r->record);
	}
	json_decref(r->record.detail);
	if (rc == FAS_OK)
		rc = authorities_load(&r->ca->authorities, e);
	return rc;
}

enum fas_code
restore_apply(struct ca *ca, struct fas_err *e)
{
	bool found = false;
	struct restoring *r = calloc(1, sizeof(*r));
	if (!r)
		return fas_fail_nomem(e);
	r->ca = ca;
	r->now_s = clock_now();
	enum fas_code rc = restore_note_read(ca->config->state, &r->note, &found, e);
	if (rc == FAS_OK && found)
		rc = run(r, e);
	if (rc == FAS_OK && found)
		restore_note_remove(ca->config->state, &r->note);
	lists_done(r);
	free(r);
	return rc;
}
