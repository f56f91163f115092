#include "ca/install.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "ca/asn1.h"
#include "ca/lint.h"
#include "ca/pem.h"
#include "fas/base/text.h"

DEFINE_OWN(store, X509_STORE *, X509_STORE_free);
DEFINE_OWN(store_ctx, X509_STORE_CTX *, X509_STORE_CTX_free);
DEFINE_OWN(cdp, CRL_DIST_POINTS *, CRL_DIST_POINTS_free);
DEFINE_OWN(eku, EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free);

static void
certificate_stack_free(STACK_OF(X509) * stack)
{
	sk_X509_free(stack);
}
DEFINE_OWN(certificates, STACK_OF(X509) *, certificate_stack_free);

void
install_done(struct install *install)
{
	for (size_t i = 0; i < install->n; i++)
		X509_free(install->chain[i]);
	X509_free(install->root);
	X509_CRL_free(install->root_crl);
	*install = (struct install){0};
}

enum fas_code
install_parse_crl(const char *text, X509_CRL **out, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = strncmp(text, "-----", 5) == 0
			       ? pem_decode(text, "X509 CRL", &der, &len, NULL, e)
			       : base64_decode(text, strlen(text), true, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *at = der;
	*out = d2i_X509_CRL(NULL, &at, (long)len);
	if (*out && at == der + len)
		return FAS_OK;
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "crl_malformed", "RFC 5280 5.1: not one CRL in DER");
}

/* The one that was given by itself, or the top of the chain. */
static enum fas_code
find_root(const char *text, struct install *out, struct fas_err *e)
{
	OWN(bundle) struct bundle given = {0};
	X509 *top = out->chain[out->n - 1];
	enum fas_code rc = text ? bundle_add(&given, text, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	if (given.n > 1)
		return fas_fail(e, FAS_E_INPUT, "pem_malformed",
		    "the root's file holds %zu certificates, want one", given.n);
	if (!text && (out->n < 2 || X509_check_issued(top, top) != X509_V_OK))
		return fas_fail(e, FAS_E_INPUT, "root_missing",
		    "the chain does not reach its root: give the root's certificate too");
	out->root = text ? given.certificates[0] : top;
	return X509_up_ref(out->root) == 1 ? FAS_OK : fas_fail_openssl(e, "root");
}

enum fas_code
install_parse(const char *chain, const char *root, const char *root_crl, const struct key *key,
    struct install *out, struct fas_err *e)
{
	OWN(bundle) struct bundle bundle = {0};
	enum fas_code rc = bundle_add(&bundle, chain, e);
	if (rc == FAS_OK)
		rc = bundle_chain(&bundle, key, out->chain, &out->n, e);
	if (rc == FAS_OK)
		rc = find_root(root, out, e);
	return rc == FAS_OK && root_crl ? install_parse_crl(root_crl, &out->root_crl, e) : rc;
}

/* ---- the authority's own certificate ---- */

static enum fas_code
check_ca(const struct install *install, struct fas_err *e)
{
	X509 *ca = install->chain[0];
	uint32_t usage = X509_get_key_usage(ca);
	bool has_usage = (X509_get_extension_flags(ca) & EXFLAG_KUSAGE) != 0;
	if ((X509_get_extension_flags(ca) & (EXFLAG_BCONS | EXFLAG_CA)) !=
	    (EXFLAG_BCONS | EXFLAG_CA))
		return fas_fail(e, FAS_E_INPUT, "not_a_ca",
		    "RFC 5280 4.2.1.9: basicConstraints of the certificate are not CA:TRUE");
	if (!has_usage || !(usage & KU_KEY_CERT_SIGN))
		return fas_fail(e, FAS_E_INPUT, "no_key_cert_sign",
		    "RFC 5280 4.2.1.3: the certificate's key usage lacks keyCertSign");
	if (!(usage & KU_CRL_SIGN))
		return fas_fail(e, FAS_E_INPUT, "no_crl_sign",
		    "RFC 5280 4.2.1.3: the certificate's key usage lacks cRLSign: its CRLs would "
		    "be "
		    "refused");
	if (!X509_get0_subject_key_id(ca))
		return fas_fail(e, FAS_E_INPUT, "no_subject_key_id",
		    "RFC 5280 4.2.1.2: the certificate has no subject key identifier");
	return FAS_OK;
}

static enum fas_code
check_life(const struct install *install, int64_t now_s, struct fas_err *e)
{
	int64_t from_s = 0, to_s = 0;
	char text[TIME_TEXT_MAX];
	if (!asn1_time_to_unix(X509_get0_notBefore(install->chain[0]), &from_s) ||
	    !asn1_time_to_unix(X509_get0_notAfter(install->chain[0]), &to_s))
		return fas_fail(
		    e, FAS_E_INPUT, "pem_malformed", "RFC 5280 4.1.2.5: validity is unreadable");
	if (from_s > now_s)
		return fas_fail(e, FAS_E_INPUT, "not_yet_valid",
		    "RFC 5280 4.1.2.5: the certificate is valid from %s only",
		    time_format(from_s, text));
	if (to_s <= now_s)
		return fas_fail(e, FAS_E_INPUT, "expired",
		    "RFC 5280 4.1.2.5: the certificate ended at %s", time_format(to_s, text));
	return FAS_OK;
}

static bool
has_http_name(const DIST_POINT *point)
{
	if (!point->distpoint || point->distpoint->type != 0)
		return false;
	const GENERAL_NAMES *names = point->distpoint->name.fullname;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_URI &&
		    ASN1_STRING_length(name->d.uniformResourceIdentifier) > 7 &&
		    memcmp(ASN1_STRING_get0_data(name->d.uniformResourceIdentifier), "http://",
			7) == 0)
			return true;
	}
	return false;
}

/* Domain controllers check the subordinate against its root's CRL too: without a place for it they refuse. */
static enum fas_code
check_cdp(const struct install *install, struct fas_err *e)
{
	OWN(cdp)
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(install->chain[0], NID_crl_distribution_points, NULL, NULL);
	for (int i = 0; points && i < sk_DIST_POINT_num(points); i++) {
		if (has_http_name(sk_DIST_POINT_value(points, i)))
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_INPUT, "no_crl_distribution_point",
	    "RFC 5280 4.2.1.13: the certificate names no http:// place of its issuer's CRL");
}

/* Windows nests extended key usages: what the CA does not list, nothing below it has. */
static enum fas_code
check_purposes(const struct install *install, struct fas_err *e)
{
	OWN(eku)
	EXTENDED_KEY_USAGE *purposes =
	    X509_get_ext_d2i(install->chain[0], NID_ext_key_usage, NULL, NULL);
	bool client = false, logon = false;
	if (!purposes)
		return FAS_OK;
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i));
		client = client || nid == NID_client_auth || nid == NID_anyExtendedKeyUsage;
		logon = logon || nid == NID_ms_smartcard_login || nid == NID_anyExtendedKeyUsage;
	}
	if (client && logon)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "extended_key_usage",
	    "RFC 5280 4.2.1.12: the certificate limits its purposes and leaves out %s",
	    client ? "smart card logon" : "client authentication");
}

/* ---- the chain ---- */

static enum fas_code
check_chain(const struct install *install, struct fas_err *e)
{
	OWN(store) X509_STORE *store = X509_STORE_new();
	OWN(store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	OWN(certificates) STACK_OF(X509) *between = sk_X509_new_null();
	if (!store || !ctx || !between || X509_STORE_add_cert(store, install->root) != 1)
		return fas_fail_openssl(e, "chain");
	for (size_t i = 1; i < install->n; i++) {
		if (sk_X509_push(between, install->chain[i]) <= 0)
			return fas_fail_nomem(e);
	}
	if (X509_STORE_CTX_init(ctx, store, install->chain[0], between) != 1)
		return fas_fail_openssl(e, "chain");
	if (X509_verify_cert(ctx) == 1)
		return FAS_OK;
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT,
	    error == X509_V_ERR_PATH_LENGTH_EXCEEDED ? "path_length" : "chain_invalid",
	    "RFC 5280 6.1: the chain does not lead to the given root: at depth %d, %s", depth,
	    X509_verify_cert_error_string(error));
}

/*
 * The path length in full: verification counts the authority itself as the leaf, while it will have certificates below.
 * Who stands i steps above the authority has i authorities below.
 */
static enum fas_code
check_path_length(const struct install *install, struct fas_err *e)
{
	size_t steps = install->n;
	if (X509_cmp(install->chain[steps - 1], install->root) == 0)
		steps--;
	for (size_t i = 1; i <= steps; i++) {
		long allowed = X509_get_pathlen(i < steps ? install->chain[i] : install->root);
		if (allowed >= 0 && allowed < (long)i)
			return fas_fail(e, FAS_E_INPUT, "path_length",
			    "RFC 5280 4.2.1.9: an issuer allows %ld authorities below it, the "
			    "chain "
			    "has %zu",
			    allowed, i);
	}
	return FAS_OK;
}

/* ---- the root's CRL ---- */

enum fas_code
install_check_root_crl(X509_CRL *crl, X509 *root, int64_t now_s, struct fas_err *e)
{
	int64_t next_s = 0;
	if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(root)) != 0)
		return fas_fail(e, FAS_E_INPUT, "root_crl_issuer",
		    "RFC 5280 6.3.3 (b): the CRL is another issuer's, not the root's");
	if (X509_CRL_verify(crl, X509_get0_pubkey(root)) != 1) {
		ERR_clear_error();
		return fas_fail(e, FAS_E_INPUT, "root_crl_signature",
		    "RFC 5280 6.3.3 (g): the root's key does not confirm the CRL's signature");
	}
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	if (!next || !asn1_time_to_unix(next, &next_s) || next_s <= now_s)
		return fas_fail(e, FAS_E_INPUT, "root_crl_stale",
		    "RFC 5280 5.1.2.5: the root's CRL has ended: every logon would be denied");
	return FAS_OK;
}

static enum fas_code
check_root_crl(const struct install *install, int64_t now_s, struct fas_err *e)
{
	X509_CRL *crl = install->root_crl;
	X509_REVOKED *revoked = NULL;
	if (!crl)
		return FAS_OK;
	enum fas_code rc = install_check_root_crl(crl, install->root, now_s, e);
	if (rc != FAS_OK)
		return rc;
	if (X509_CRL_get0_by_cert(crl, &revoked, install->chain[0]) == 1)
		return fas_fail(e, FAS_E_INPUT, "ca_revoked",
		    "RFC 5280 5.3: the certificate is on the root's CRL");
	return FAS_OK;
}

/* ---- what else domain controllers would refuse ---- */

static const struct lint_finding *
first_against_logons(const struct lint_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct lint_finding *finding = &report->findings[i];
		if (finding->severity == LINT_ERROR && finding->logon)
			return finding;
	}
	return NULL;
}

/* It is another house's work: what no logon fails by is for `fasctl lint` to say. */
static enum fas_code
check_lints(const struct install *install, int64_t now_s, struct fas_err *e)
{
	const struct lint_context context = {
	    .issuer = install->n > 1 ? install->chain[1] : install->root,
	    .now_s = now_s,
	    .issued = true};
	struct lint_report report;
	unsigned char *der = NULL;
	int len = i2d_X509(install->chain[0], &der);
	if (len <= 0)
		return fas_fail_openssl(e, "certificate of the authority");
	lint_ca_certificate(der, (size_t)len, &context, &report);
	OPENSSL_free(der);
	const struct lint_finding *finding = first_against_logons(&report);
	if (!finding)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "ca_lint", "%s, %s: %s: %s. %s", finding->citation,
	    finding->name, finding->message, finding->logon, finding->remedy);
}

enum fas_code
install_check(
    const struct install *install, const struct issuer *issuer, int64_t now_s, struct fas_err *e)
{
	enum fas_code rc;
	if ((rc = key_matches(issuer->key, X509_get0_pubkey(install->chain[0]), e)) != FAS_OK)
		return rc;
	if ((rc = check_ca(install, e)) != FAS_OK)
		return rc;
	if ((rc = check_life(install, now_s, e)) != FAS_OK)
		return rc;
	if ((rc = check_cdp(install, e)) != FAS_OK)
		return rc;
	if ((rc = check_purposes(install, e)) != FAS_OK)
		return rc;
	if ((rc = check_chain(install, e)) != FAS_OK)
		return rc;
	if ((rc = check_path_length(install, e)) != FAS_OK)
		return rc;
	if ((rc = check_root_crl(install, now_s, e)) != FAS_OK)
		return rc;
	return check_lints(install, now_s, e);
}

/* ---- another certificate for the same key ---- */

static bool
same_key_id(X509 *a, X509 *b)
{
	const ASN1_OCTET_STRING *of_a = X509_get0_subject_key_id(a);
	const ASN1_OCTET_STRING *of_b = X509_get0_subject_key_id(b);
	return of_a && of_b && ASN1_OCTET_STRING_cmp(of_a, of_b) == 0;
}

enum fas_code
install_check_renewal(
    const struct install *install, X509 *present, X509 *present_root, struct fas_err *e)
{
	X509 *renewed = install->chain[0];
	if (X509_cmp(renewed, present) == 0)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "this authority has this certificate already");
	if (X509_NAME_cmp(X509_get_subject_name(renewed), X509_get_subject_name(present)) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "renewal_subject",
		    "RFC 5280 6.1.3 (a)(4): the renewed certificate has another subject: what was "
		    "issued would not verify below it");
	if (!same_key_id(renewed, present))
		return fas_fail(e, FAS_E_CONFLICT, "renewal_key_id",
		    "RFC 5280 4.2.1.1: the renewed certificate has another subject key "
		    "identifier than what was issued names");
	if (EVP_PKEY_eq(X509_get0_pubkey(install->root), X509_get0_pubkey(present_root)) == 1)
		return FAS_OK;
	ERR_clear_error();
	return fas_fail(e, FAS_E_CONFLICT, "renewal_root",
	    "the renewed certificate is below a root of another key: its CRL would take the place "
	    "of the present root's; make the next generation instead (fasctl ca init --next)");
}
