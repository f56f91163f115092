/* The certificate's frame: encoding, version, serial, signature, issuer, validity. */
#include <string.h>

#include "ca/lint_parts.h"

#define SERIAL_MAX 20
#define SERIAL_MIN 8 /* 64 bits */
#define BACKDATE_MAX_S 3600

static void
well_formed(struct lint_run *run)
{
	if (!run->certificate)
		lint_say(run,
		    "%zu octets are no certificate, or over 64 KiB, or something follows it",
		    run->len);
}

/* A verifier signs off on bytes: two encodings of one meaning are two certificates. */
static void
encoding_canonical(struct lint_run *run)
{
	if (!asn1_is_canonical(
		ASN1_ITEM_rptr(asn1_certificate), run->certificate, run->der, run->len))
		lint_say(run, "encoded again it differs: it is BER, want DER");
	for (int i = 0; i < sk_asn1_extension_num(run->extensions.all); i++) {
		int critical = sk_asn1_extension_value(run->extensions.all, i)->critical;
		if (critical != 0 && critical != 0xff)
			lint_say(run, "BOOLEAN TRUE is %02x, want ff", (unsigned)critical & 0xff);
	}
}

static void
version(struct lint_run *run)
{
	if (!run->tbs->version || ASN1_INTEGER_get(run->tbs->version) != X509_VERSION_3)
		lint_say(run, "version is not v3, which extensions need");
}

static void
serial_positive(struct lint_run *run)
{
	const ASN1_INTEGER *serial = run->tbs->serial;
	bool zero = ASN1_STRING_length(serial) <= 1 && ASN1_INTEGER_get(serial) == 0;
	if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || zero)
		lint_say(run, "serial number is %s, want positive", zero ? "zero" : "negative");
}

/* A first bit that is set costs one more octet of encoding. */
static void
serial_length(struct lint_run *run)
{
	const ASN1_INTEGER *serial = run->tbs->serial;
	int len = ASN1_STRING_length(serial);
	if (len > 0 && ASN1_STRING_get0_data(serial)[0] > 0x7f)
		len++;
	if (len > SERIAL_MAX)
		lint_say(run, "serial number has %d octets, want at most %d", len, SERIAL_MAX);
}

static void
serial_entropy(struct lint_run *run)
{
	int len = ASN1_STRING_length(run->tbs->serial);
	if (len > 1 && len < SERIAL_MIN)
		lint_say(run, "serial number has %d octets, want 64 random bits and so 8", len);
}

static void
signature_agrees(struct lint_run *run)
{
	if (X509_ALGOR_cmp(run->certificate->algorithm, run->tbs->signature) != 0)
		lint_say(run, "algorithm outside differs from the one inside the signed part");
}

static void
signature_strong(struct lint_run *run)
{
	if (lint_algorithm_is_weak(run->certificate->algorithm))
		lint_say(run, "signed with SHA-1 or MD5, want SHA-256 or better");
}

static void
signature_allowed(struct lint_run *run)
{
	const X509_ALGOR *algorithm = run->certificate->algorithm;
	if (!lint_algorithm_is_weak(algorithm) && !lint_algorithm_is_allowed(algorithm))
		lint_say(run, "signature is neither RSA PKCS#1 v1.5 nor ECDSA with SHA-2, or has "
			      "wrong parameters");
}

static void
signature_fits_issuer(struct lint_run *run)
{
	const struct profile_issuer *published = run->context->published;
	const X509_ALGOR *algorithm = run->certificate->algorithm;
	if (published && lint_algorithm_is_allowed(algorithm) &&
	    !lint_algorithm_fits(algorithm, published->signature))
		lint_say(run, "algorithm is not the one of the issuer's key");
}

static void
issuer_matches(struct lint_run *run)
{
	const uint8_t *want = NULL;
	size_t len = 0;
	const ASN1_TYPE *issuer = run->tbs->issuer;
	if (!lint_issuer_name(run, &want, &len)) {
		if (run->kind == LINT_CA && !run->self_issued && !run->context->issued)
			lint_say(run, "issuer of a root is not its own subject");
		return;
	}
	if (issuer->type != V_ASN1_SEQUENCE ||
	    (size_t)ASN1_STRING_length(issuer->value.sequence) != len ||
	    memcmp(ASN1_STRING_get0_data(issuer->value.sequence), want, len) != 0)
		lint_say(run, "issuer is not byte for byte the subject of the CA certificate");
}

static void
validity_encoding(struct lint_run *run)
{
	int64_t unused;
	if (!lint_time_form(run->tbs->validity->notBefore, &unused) ||
	    !lint_time_form(run->tbs->validity->notAfter, &unused))
		lint_say(run, "time is not YYMMDDHHMMSSZ through 2049 and YYYYMMDDHHMMSSZ after");
}

static void
validity_order(struct lint_run *run)
{
	if (run->times_ok && run->not_after_s <= run->not_before_s)
		lint_say(run, "notAfter is not after notBefore");
}

static void
validity_within_issuer(struct lint_run *run)
{
	int64_t from_s, to_s;
	const X509 *issuer = run->context->issuer;
	if (!run->times_ok || !issuer || !asn1_time_to_unix(X509_get0_notBefore(issuer), &from_s) ||
	    !asn1_time_to_unix(X509_get0_notAfter(issuer), &to_s))
		return;
	if (run->not_before_s < from_s || run->not_after_s > to_s)
		lint_say(run, "validity does not lie within the issuer's own");
}

/* What counts is how long it can be used from now on; being backdated adds nothing. */
static void
validity_length(struct lint_run *run)
{
	int64_t longest_s = run->context->longest_life_s, from_s = run->not_before_s;
	if (!run->times_ok || longest_s <= 0)
		return;
	if (run->context->now_s > from_s)
		from_s = run->context->now_s;
	if (run->not_after_s - from_s > longest_s)
		lint_say(run, "lives %lld s, want at most %lld",
		    (long long)(run->not_after_s - from_s), (long long)longest_s);
}

static void
validity_backdate(struct lint_run *run)
{
	int64_t now_s = run->context->now_s;
	if (run->times_ok && !run->context->issued && now_s > 0 &&
	    now_s - run->not_before_s > BACKDATE_MAX_S)
		lint_say(run, "notBefore lies %lld s back, want at most %d",
		    (long long)(now_s - run->not_before_s), BACKDATE_MAX_S);
}

static void
validity_begun(struct lint_run *run)
{
	if (run->times_ok && run->context->now_s > 0 && run->not_before_s > run->context->now_s)
		lint_say(run, "notBefore lies in the future");
}

static void
validity_not_over(struct lint_run *run)
{
	bool inverted = run->not_after_s <= run->not_before_s;
	if (run->times_ok && !inverted && run->context->now_s > 0 &&
	    run->not_after_s <= run->context->now_s)
		lint_say(run, "has expired");
}

static void
no_unique_ids(struct lint_run *run)
{
	if (run->tbs->issuer_uid || run->tbs->subject_uid)
		lint_say(run, "issuerUniqueID or subjectUniqueID is there, want neither");
}

const struct lint lints_body[] = {
    {"certificate_well_formed", "RFC 5280 4.1", LINT_ANY, LINT_ERROR, well_formed},
    {"encoding_canonical", "RFC 5280 4.1; X.690 10, 11", LINT_ANY, LINT_ERROR, encoding_canonical},
    {"version_3", "RFC 5280 4.1.2.1", LINT_ANY, LINT_ERROR, version},
    {"serial_positive", "RFC 5280 4.1.2.2", LINT_ANY, LINT_ERROR, serial_positive},
    {"serial_length", "RFC 5280 4.1.2.2", LINT_ANY, LINT_ERROR, serial_length},
    {"serial_entropy", "CA/Browser Forum BR 7.1.2.7", LINT_LEAVES, LINT_ERROR, serial_entropy},
    {"signature_algorithms_agree", "RFC 5280 4.1.1.2", LINT_ANY, LINT_ERROR, signature_agrees},
    {"signature_not_weak", "RFC 8603 2; MS-PKCA 3.1.5.2.1", LINT_ANY, LINT_ERROR, signature_strong},
    {"signature_allowed", "RFC 4055 5; RFC 5758 3.2", LINT_ANY, LINT_ERROR, signature_allowed},
    {"signature_fits_issuer", "RFC 5280 4.1.1.3", LINT_ANY, LINT_ERROR, signature_fits_issuer},
    {"issuer_matches", "RFC 5280 4.1.2.4, 6.1.3 (a)(4)", LINT_ANY, LINT_ERROR, issuer_matches},
    {"validity_encoding", "RFC 5280 4.1.2.5", LINT_ANY, LINT_ERROR, validity_encoding},
    {"validity_order", "RFC 5280 4.1.2.5", LINT_ANY, LINT_ERROR, validity_order},
    {"validity_within_issuer", "RFC 5280 6.1.3 (a)(2)", LINT_ANY, LINT_ERROR,
	validity_within_issuer},
    {"validity_length", "RFC 5280 4.1.2.5; the signer's longest_life", LINT_LEAVES, LINT_ERROR,
	validity_length},
    {"validity_backdate", "RFC 5280 4.1.2.5; RFC 4120 1.6", LINT_LEAVES, LINT_ERROR,
	validity_backdate},
    {"validity_begun", "RFC 5280 4.1.2.5", LINT_ANY, LINT_ERROR, validity_begun},
    {"validity_not_over", "RFC 5280 4.1.2.5", LINT_ANY, LINT_ERROR, validity_not_over},
    {"no_unique_ids", "RFC 5280 4.1.2.8", LINT_ANY, LINT_ERROR, no_unique_ids},
};
const size_t lints_body_n = NELEMS(lints_body);
