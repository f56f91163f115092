#include "ca/crl_check.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "ca/lint_parts.h"
#include "fas/base/text.h"

DEFINE_OWN(md_context, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(crl_number, ASN1_INTEGER *, ASN1_INTEGER_free);

static const struct asn1_extension *
find_extension(const struct lint_crl *crl, int nid)
{
	for (int i = 0; i < sk_asn1_extension_num(crl->extensions); i++) {
		const struct asn1_extension *at = sk_asn1_extension_value(crl->extensions, i);
		if (OBJ_obj2nid(at->id) == nid)
			return at;
	}
	return NULL;
}

/* Hex without leading zeros; false when it is no number of at most 20 octets. */
static bool
read_number(const struct lint_crl *crl, char out[CRL_NUMBER_TEXT_MAX])
{
	const struct asn1_extension *at = find_extension(crl, NID_crl_number);
	out[0] = 0;
	if (!at)
		return true;
	OWN(crl_number)
	ASN1_INTEGER *number = asn1_decode(ASN1_ITEM_rptr(ASN1_INTEGER),
	    ASN1_STRING_get0_data(at->value), (size_t)ASN1_STRING_length(at->value));
	if (!number || ASN1_STRING_type(number) != V_ASN1_INTEGER)
		return false;
	const uint8_t *octets = ASN1_STRING_get0_data(number);
	size_t len = (size_t)ASN1_STRING_length(number);
	if (len > (CRL_NUMBER_TEXT_MAX - 1) / 2)
		return false;
	(void)hex_encode(octets, len, out);
	size_t zeros = strspn(out, "0");
	memmove(out, out + zeros, strlen(out + zeros) + 1);
	if (!out[0])
		memcpy(out, "0", 2);
	return true;
}

int
crl_number_compare(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return strcmp(a, b);
}

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return fas_fail(e, FAS_E_INPUT, "crl_malformed", "RFC 5280 5.1: %s", finding);
}

/* What stands in it, as far as it can be read. */
static enum fas_code
read_facts(const struct lint_crl *crl, struct crl_seen *out, struct fas_err *e)
{
	out->entries = crl->entries.n;
	if (!asn1_time_to_unix(crl->this_update, &out->this_update_s))
		return malformed(e, "thisUpdate is no time in UTC with seconds");
	if (!crl->next_update || !asn1_time_to_unix(crl->next_update, &out->next_update_s))
		return malformed(e, "nextUpdate is missing, or no time in UTC with seconds");
	if (!read_number(crl, out->number))
		return malformed(e, "cRLNumber is no number of at most 20 octets");
	if (crl->entries.malformed)
		return malformed(e, "an entry is malformed");
	return FAS_OK;
}

static enum fas_code
check_issuer(const struct lint_crl *crl, X509 *signer, struct fas_err *e)
{
	const uint8_t *name = NULL;
	size_t len = 0;
	if (X509_NAME_get0_der(X509_get_subject_name(signer), &name, &len) != 1)
		return fas_fail_openssl(e, "subject of an authority");
	if (crl->issuer_len != len || memcmp(crl->issuer, name, len) != 0)
		return fas_fail(e, FAS_E_DENIED, "crl_wrong_issuer",
		    "RFC 5280 5.1.2.3: the list's issuer is not byte for byte the subject of the "
		    "authority that signed the certificate");
	return FAS_OK;
}

/* The digest of an algorithm that says all in its identifier; RSA-PSS says it in parameters, and no domain controller here takes it. */
static const EVP_MD *
digest_of(const X509_ALGOR *algorithm, int *key_type)
{
	const ASN1_OBJECT *id = NULL;
	int digest = NID_undef;
	X509_ALGOR_get0(&id, NULL, NULL, algorithm);
	if (!OBJ_find_sigid_algs(OBJ_obj2nid(id), &digest, key_type) || digest == NID_undef)
		return NULL;
	return EVP_get_digestbynid(digest);
}

static enum fas_code
check_signature(const struct lint_crl *crl, X509 *signer, struct fas_err *e)
{
	int key_type = NID_undef;
	EVP_PKEY *key = X509_get0_pubkey(signer);
	const EVP_MD *digest = digest_of(crl->outer, &key_type);
	OWN(md_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
	if (!key || !context)
		return fas_fail_openssl(e, "key of an authority");
	if (!digest || X509_ALGOR_cmp(crl->inner, crl->outer) != 0 ||
	    EVP_PKEY_get_base_id(key) != key_type)
		return fas_fail(e, FAS_E_DENIED, "crl_algorithm",
		    "RFC 5280 5.1.1.2: the signature's algorithm is not the key's, not the same "
		    "inside and outside, or none that is known here");
	int rc = EVP_DigestVerifyInit(context, NULL, digest, NULL, key);
	if (rc == 1)
		rc = EVP_DigestVerify(
		    context, crl->signature, crl->signature_len, crl->tbs, crl->tbs_len);
	ERR_clear_error();
	if (rc != 1)
		return fas_fail(e, FAS_E_DENIED, "crl_wrong_signature",
		    "RFC 5280 6.3.3 (g): the signature is not by the authority's key, or the list "
		    "was altered");
	return FAS_OK;
}

/* Measured: a critical issuingDistributionPoint fails every logon on Samba 4.22, and a delta is of no use. */
static enum fas_code
check_complete(const struct lint_crl *crl, struct fas_err *e)
{
	bool critical = crl->entries.critical;
	for (int i = 0; i < sk_asn1_extension_num(crl->extensions); i++)
		critical = critical || sk_asn1_extension_value(crl->extensions, i)->critical;
	if (critical || find_extension(crl, NID_delta_crl))
		return fas_fail(e, FAS_E_DENIED, "crl_partial",
		    "RFC 5280 5.2: a delta list, or a critical extension: domain controllers do "
		    "not "
		    "use it; want a complete list");
	return FAS_OK;
}

enum fas_code
crl_check_times(const struct crl_seen *seen, int64_t now_s, struct fas_err *e)
{
	char when[TIME_TEXT_MAX];
	if (seen->this_update_s > now_s)
		return fas_fail(e, FAS_E_DENIED, "crl_not_begun",
		    "RFC 5280 5.1.2.4: thisUpdate is %s, which is yet to come",
		    time_format(seen->this_update_s, when));
	if (seen->next_update_s <= now_s)
		return fas_fail(e, FAS_E_DENIED, "crl_ended", "RFC 5280 5.1.2.5: nextUpdate was %s",
		    time_format(seen->next_update_s, when));
	return FAS_OK;
}

enum fas_code
crl_check(const uint8_t *der, size_t len, X509 *signer, int64_t now_s, struct crl_seen *out,
    struct fas_err *e)
{
	*out = (struct crl_seen){0};
	OWN(lint_crl) struct lint_crl *crl = lint_crl_read(der, len, now_s);
	if (!crl)
		return malformed(e, "not one CertificateList in DER, or something follows it");
	enum fas_code rc = read_facts(crl, out, e);
	if (rc == FAS_OK)
		rc = check_issuer(crl, signer, e);
	if (rc == FAS_OK)
		rc = check_signature(crl, signer, e);
	if (rc == FAS_OK)
		rc = check_complete(crl, e);
	return rc == FAS_OK ? crl_check_times(out, now_s, e) : rc;
}
