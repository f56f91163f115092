#include "fas/ctl/restore_crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "fas/base/file.h"
#include "fas/base/text.h"

#define CRL_MAX ((size_t)256 * 1024 * 1024)

DEFINE_OWN(bio, BIO *, BIO_free_all);
DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(crl, X509_CRL *, X509_CRL_free);

void
restore_crls_done(struct restore_crls *crls)
{
	for (size_t i = 0; i < crls->n; i++)
		OPENSSL_free(crls->lists[i].der);
	crls->n = 0;
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static X509 *
certificate_of(const json_t *issuer)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(text_of(issuer, "certificate"), -1);
	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

static bool
has_signed(const json_t *issuer, X509_CRL *crl)
{
	OWN(x509) X509 *certificate = certificate_of(issuer);
	return certificate &&
	       X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(certificate)) == 0 &&
	       X509_CRL_verify(crl, X509_get0_pubkey(certificate)) == 1;
}

static bool
is_of_the_backup(const struct backup_manifest *m, X509_CRL *crl)
{
	size_t i;
	const json_t *issuer;
	json_array_foreach(m->issuers, i, issuer)
	{
		if (has_signed(issuer, crl))
			return true;
	}
	return false;
}

static X509_CRL *
parse(const char *data, size_t len)
{
	const uint8_t *at = (const uint8_t *)data;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
	if (!crl) {
		OWN(bio) BIO *bio = BIO_new_mem_buf(data, (int)len);
		crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL) : NULL;
	}
	return crl;
}

/* By name and key, which is what tells two authorities apart. */
static bool
is_there(const struct restore_crls *crls, const json_t *issuer)
{
	for (size_t i = 0; i < crls->n; i++) {
		const uint8_t *at = crls->lists[i].der;
		OWN(crl) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)crls->lists[i].len);
		if (crl && has_signed(issuer, crl))
			return true;
	}
	return false;
}

enum fas_code
restore_crls_add(
    struct restore_crls *crls, const struct backup_manifest *m, const char *path, struct fas_err *e)
{
	OWN(text) char *data = NULL;
	size_t len = 0;
	uint8_t *der = NULL;
	if (crls->n == RESTORE_CRLS_MAX)
		return fas_fail(e, FAS_E_INPUT, "restore_crl", "over %d lists", RESTORE_CRLS_MAX);
	enum fas_code rc = file_read(path, CRL_MAX, &data, &len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(crl) X509_CRL *crl = parse(data, len);
	bool ours = crl && is_of_the_backup(m, crl);
	int der_len = ours ? i2d_X509_CRL(crl, &der) : -1;
	ERR_clear_error();
	if (der_len <= 0)
		return fas_fail(e, FAS_E_INPUT, "restore_crl",
		    "RFC 5280 6.3.3: %s is no list that an authority of this backup has signed",
		    path);
	crls->lists[crls->n].der = der;
	crls->lists[crls->n++].len = (size_t)der_len;
	return FAS_OK;
}

enum fas_code
restore_crls_judge(struct restore_crls *crls, const struct backup_manifest *m, struct fas_err *e)
{
	size_t i, used = 0;
	const json_t *issuer;
	(void)e;
	json_array_foreach(m->issuers, i, issuer)
	{
		if (strcmp(text_of(issuer, "kind"), "root") == 0 || is_there(crls, issuer))
			continue;
		int n = snprintf(crls->missing + used, sizeof(crls->missing) - used, "%s%.31s %lld",
		    used ? ", " : "", text_of(issuer, "authority"),
		    (long long)json_integer_value(json_object_get(issuer, "generation")));
		used += n > 0 && (size_t)n < sizeof(crls->missing) - used ? (size_t)n : 0;
	}
	ERR_clear_error();
	return FAS_OK;
}
