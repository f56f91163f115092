#include "ca/describe.h"

#include <string.h>

#include <openssl/evp.h>

#include "ca/asn1.h"
#include "ca/pem.h"
#include "ca/publisher.h"
#include "fas/base/text.h"

static void
set_name(json_t *object, const char *member, const X509_NAME *name)
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		(void)json_object_set_new(object, member, json_stringn(text, (size_t)len));
	}
	BIO_free(bio);
}

static json_t *
list_urls(const char *const *urls, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++)
		(void)json_array_append_new(list, json_string(urls[i]));
	return list;
}

static void
set_digest(json_t *object, const X509 *certificate)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	if (X509_digest(certificate, EVP_sha256(), digest, NULL) == 1)
		(void)json_object_set_new(
		    object, "sha256", json_string(hex_encode(digest, STORE_DIGEST, hex)));
}

static void
set_certificate(json_t *object, const struct issuer *at)
{
	char hex[2 * PROFILE_SERIAL_MAX + 1];
	const ASN1_INTEGER *serial = X509_get0_serialNumber(at->certificate);
	int len = ASN1_STRING_length(serial);
	set_name(object, "subject", X509_get_subject_name(at->certificate));
	set_name(object, "issuer", X509_get_issuer_name(at->certificate));
	if (len <= PROFILE_SERIAL_MAX)
		(void)json_object_set_new(object, "serial",
		    json_string(hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, hex)));
	set_digest(object, at->certificate);
	(void)json_object_set_new(object, "not_before", json_integer(at->not_before_s));
	(void)json_object_set_new(object, "not_after", json_integer(at->not_after_s));
	(void)json_object_set_new(object, "certificate", json_string(at->pem));
	if (at->in_ntauth_s)
		(void)json_object_set_new(object, "in_ntauth", json_integer(at->in_ntauth_s));
}

/* ---- what ca.db knows beside ---- */

struct look {
	const struct issuer *at;
	json_t *object;
	struct crl_row crl;
	int64_t last_end_s;
};

static enum fas_code
add_renewal(const struct renewal_row *row, void *arg, struct fas_err *e)
{
	struct look *l = arg;
	const uint8_t *der = row->certificate;
	int64_t end_s = 0;
	if (row->issuer != l->at->id)
		return FAS_OK;
	OWN(x509) X509 *x = d2i_X509(NULL, &der, (long)row->certificate_len);
	OWN(text) char *pem = pem_encode("CERTIFICATE", row->certificate, row->certificate_len);
	if (!x || !pem || !asn1_time_to_unix(X509_get0_notAfter(x), &end_s))
		return fas_fail_openssl(e, "the renewed certificate of %s in ca.db", l->at->stem);
	json_t *renewal =
	    json_pack("{s:s,s:I}", "certificate", pem, "not_after", (json_int_t)end_s);
	if (!renewal || json_object_set_new(l->object, "renewal", renewal) != 0)
		return fas_fail_nomem(e);
	set_digest(renewal, x);
	if (row->in_ntauth_s)
		(void)json_object_set_new(renewal, "in_ntauth", json_integer(row->in_ntauth_s));
	return FAS_OK;
}

static enum fas_code
look(struct db *db, void *arg, struct fas_err *e)
{
	struct look *l = arg;
	enum fas_code rc = store_crl_get(db, l->at->id, &l->crl, e);
	if (rc == FAS_OK && l->at->state == GENERATION_RETIRING)
		rc = store_last_end(db, l->at->id, l->crl.this_update_s, &l->last_end_s, e);
	return rc == FAS_OK ? store_renewals_each(db, add_renewal, l, e) : rc;
}

static enum fas_code
set_recorded(struct ca *ca, json_t *object, const struct issuer *at, struct fas_err *e)
{
	json_t *crl = NULL;
	struct look l = {.at = at, .object = object};
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, at);
	if (root && root->pem)
		(void)json_object_set_new(object, "root", json_string(root->pem));
	enum fas_code rc = db_read(ca->db, look, &l, e);
	if (rc == FAS_OK)
		rc = publisher_describe(ca, at, &crl, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_object_set_new(object, "crl", crl);
	if (l.last_end_s)
		(void)json_object_set_new(object, "last_end", json_integer(l.last_end_s));
	return FAS_OK;
}

enum fas_code
describe_generation(struct ca *ca, const struct issuer *at, json_t **out, struct fas_err *e)
{
	const struct profile_issuer *p = &at->published;
	OWN(json)
	json_t *object = json_pack("{s:s,s:I,s:s,s:s,s:s*,s:o,s:o}", "name", at->authority,
	    "generation", (json_int_t)at->generation, "state", generation_state_name(at->state),
	    "key", at->key ? key_type(at->key) : "missing", "trouble",
	    at->trouble.code ? at->trouble.message : NULL, "cdp",
	    list_urls(p->crl_urls, p->n_crl_urls), "aia", list_urls(p->ca_urls, p->n_ca_urls));
	if (!object)
		return fas_fail_nomem(e);
	if (at->certificate) {
		set_certificate(object, at);
		enum fas_code rc = set_recorded(ca, object, at, e);
		if (rc != FAS_OK)
			return rc;
	}
	*out = TAKE(object);
	return FAS_OK;
}
