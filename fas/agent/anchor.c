#include "fas/agent/anchor.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/buf.h"

#define ANCHORS_MAX 64
#define CHAIN_MAX 8
#define BUNDLE_MAX (512 * 1024)
#define CONSTRAINTS_MAX ((HOSTNAME_MAX + 16) * KDC_NAMES_MAX + 64)

/* RFC 4556 3.2.4: id-pkinit-san, by which a KDC names itself without any DNS name. */
#define OTHER_NAMES "excluded;otherName:1.3.6.1.5.2.2;UTF8:any"

DEFINE_OWN(extension, X509_EXTENSION *, X509_EXTENSION_free);

struct certificates {
	size_t n;
	X509 *items[ANCHORS_MAX];
};

static void
certificates_done(struct certificates *list)
{
	for (size_t i = 0; i < list->n; i++)
		X509_free(list->items[i]);
}

DEFINE_OWN_IN_PLACE(certificates, struct certificates, certificates_done);

static enum fas_code
read_all(const char *pem, size_t max, struct certificates *out, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *one;
	if (!bio)
		return fas_fail_nomem(e);
	while (out->n < max && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		out->items[out->n++] = one;
	ERR_clear_error(); /* the end of the text is reported as an error */
	return FAS_OK;
}

static bool
is_same_authority(const X509 *a, const X509 *b)
{
	return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
}

static bool
is_self_issued(const X509 *certificate)
{
	return X509_NAME_cmp(
		   X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

static enum fas_code
constraints_of(const struct kdc_names *names, X509_EXTENSION **out, struct fas_err *e)
{
	OWN(buf) struct buf value;
	buf_init(&value, CONSTRAINTS_MAX);
	buf_text(&value, "critical," OTHER_NAMES);
	for (size_t i = 0; i < names->n; i++)
		buf_printf(&value, ",excluded;DNS:%s", names->names[i]);
	enum fas_code rc = buf_check(&value, e);
	if (rc != FAS_OK)
		return rc;
	*out = X509V3_EXT_nconf_nid(NULL, NULL, NID_name_constraints, buf_str(&value));
	return *out ? FAS_OK : fas_fail_openssl(e, "an anchor's name constraints");
}

/* The root with our constraints for its own; its signature covers no longer what it says. */
static enum fas_code
make_constrained(const X509 *root, const struct kdc_names *names, X509 **out, struct fas_err *e)
{
	OWN(x509) X509 *made = X509_dup(root);
	OWN(extension) X509_EXTENSION *constraints = NULL;
	if (!made)
		return fas_fail_nomem(e);
	int old = X509_get_ext_by_NID(made, NID_name_constraints, -1);
	if (old >= 0)
		X509_EXTENSION_free(X509_delete_ext(made, old));
	enum fas_code rc = constraints_of(names, &constraints, e);
	if (rc != FAS_OK)
		return rc;
	if (X509_add_ext(made, constraints, -1) != 1 || i2d_re_X509_tbs(made, NULL) <= 0)
		return fas_fail_openssl(e, "an anchor");
	*out = TAKE(made);
	return FAS_OK;
}

static enum fas_code
append_pem(struct buf *out, X509 *certificate, struct fas_err *e)
{
	char *data = NULL;
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
		return fas_fail_openssl(e, "writing an anchor");
	long len = BIO_get_mem_data(bio, &data);
	buf_append(out, data, (size_t)len);
	return FAS_OK;
}

/* Appends the users' root unless a domain controller may chain to it anyway. */
static enum fas_code
append_users_root(struct buf *out, const struct certificates *anchors, const X509 *root,
    const struct kdc_names *names, struct fas_err *e)
{
	OWN(x509) X509 *constrained = NULL;
	for (size_t i = 0; i < anchors->n; i++) {
		if (is_same_authority(anchors->items[i], root))
			return FAS_OK;
	}
	enum fas_code rc = make_constrained(root, names, &constrained, e);
	return rc == FAS_OK ? append_pem(out, constrained, e) : rc;
}

enum fas_code
anchor_bundle(const char *anchors_pem, const char *chain_pem, const struct kdc_names *names,
    char **pem, struct fas_err *e)
{
	OWN(certificates) struct certificates anchors = {0};
	OWN(certificates) struct certificates chain = {0};
	OWN(buf) struct buf out;
	enum fas_code rc = FAS_OK;
	buf_init(&out, BUNDLE_MAX);
	if (read_all(anchors_pem, ANCHORS_MAX, &anchors, e) != FAS_OK ||
	    read_all(chain_pem, CHAIN_MAX, &chain, e) != FAS_OK)
		return e->code;
	if (anchors.n == 0)
		return fas_fail(e, FAS_E_CONFIG, "kdc_anchors",
		    "kdc: anchors: names a file without a certificate");
	if (chain.n == 0 || !is_self_issued(chain.items[chain.n - 1]))
		return fas_fail(e, FAS_E_INPUT, "certificate_malformed",
		    "the chain in the server's answer does not end in a root");
	for (size_t i = 0; rc == FAS_OK && i < anchors.n; i++)
		rc = append_pem(&out, anchors.items[i], e);
	if (rc == FAS_OK)
		rc = append_users_root(&out, &anchors, chain.items[chain.n - 1], names, e);
	if (rc == FAS_OK)
		rc = buf_check(&out, e);
	if (rc == FAS_OK)
		*pem = buf_take(&out, &(size_t){0});
	return rc;
}
