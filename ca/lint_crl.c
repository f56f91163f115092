/* Certificate revocation lists: a stale, foreign or partial one denies every logon. */
#include <string.h>

#include <openssl/err.h>

#include "ca/lint_parts.h"

#define NUMBER_OCTETS_MAX 20

static void
crl_well_formed(struct lint_run *run)
{
	if (!run->crl)
		lint_say(
		    run, "%zu octets are no certificate list, or something follows it", run->len);
}

static void
crl_version(struct lint_run *run)
{
	if (!run->crl->version || ASN1_INTEGER_get(run->crl->version) != X509_CRL_VERSION_2)
		lint_say(run, "version is not v2, which extensions need");
}

static void
crl_signature_agrees(struct lint_run *run)
{
	if (X509_ALGOR_cmp(run->crl->inner, run->crl->outer) != 0)
		lint_say(run, "algorithm outside differs from the one inside the signed part");
}

static void
crl_signature_allowed(struct lint_run *run)
{
	if (!lint_algorithm_is_allowed(run->crl->outer))
		lint_say(run, "signature is neither RSA PKCS#1 v1.5 nor ECDSA with SHA-2");
}

/* Teleport #57822: a list signed by the wrong one of two keys. */
static void
crl_signature_fits_issuer(struct lint_run *run)
{
	const struct profile_issuer *published = run->context->published;
	if (published && lint_algorithm_is_allowed(run->crl->outer) &&
	    !lint_algorithm_fits(run->crl->outer, published->signature))
		lint_say(run, "algorithm is not the one of the issuer's key");
}

static void
crl_issuer(struct lint_run *run)
{
	const uint8_t *want = NULL;
	size_t len = 0;
	if (!lint_issuer_name(run, &want, &len))
		return;
	if (run->crl->issuer_len != len || memcmp(run->crl->issuer, want, len) != 0)
		lint_say(run, "issuer is not byte for byte the subject of the CA certificate");
}

static void
crl_time_encoding(struct lint_run *run)
{
	int64_t unused;
	if (!lint_time_form(run->crl->this_update, &unused) ||
	    (run->crl->next_update && !lint_time_form(run->crl->next_update, &unused)))
		lint_say(run, "time is not YYMMDDHHMMSSZ through 2049 and YYYYMMDDHHMMSSZ after");
}

static void
crl_next_update_present(struct lint_run *run)
{
	if (!run->crl->next_update)
		lint_say(run, "nextUpdate is missing");
}

/* Both times; false unless both are readable. */
static bool
updates(const struct lint_run *run, int64_t *this_s, int64_t *next_s)
{
	return asn1_time_to_unix(run->crl->this_update, this_s) && run->crl->next_update &&
	       asn1_time_to_unix(run->crl->next_update, next_s);
}

static void
crl_update_order(struct lint_run *run)
{
	int64_t this_s, next_s;
	if (updates(run, &this_s, &next_s) && next_s <= this_s)
		lint_say(run, "nextUpdate is not after thisUpdate");
}

static void
crl_update_begun(struct lint_run *run)
{
	int64_t this_s, now_s = run->context->now_s;
	if (now_s > 0 && asn1_time_to_unix(run->crl->this_update, &this_s) && this_s > now_s)
		lint_say(run, "thisUpdate lies in the future");
}

static void
crl_update_not_over(struct lint_run *run)
{
	int64_t this_s, next_s, now_s = run->context->now_s;
	if (now_s > 0 && updates(run, &this_s, &next_s) && next_s > this_s && next_s <= now_s)
		lint_say(run, "nextUpdate has passed: every logon is denied");
}

/* A list that ends before a certificate it covers leaves that one without an answer if this CA stops. */
static void
crl_outlives_certificates(struct lint_run *run)
{
	int64_t this_s, next_s, now_s = run->context->now_s,
				longest_s = run->context->longest_life_s;
	if (now_s <= 0 || longest_s <= 0 || !updates(run, &this_s, &next_s) || next_s <= now_s)
		return;
	if (next_s - now_s <= longest_s)
		lint_say(run, "nextUpdate comes in %lld s, before the longest certificate's %lld s",
		    (long long)(next_s - now_s), (long long)longest_s);
}

static void
crl_number_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_CRL_NUMBER)->at)
		lint_say(run, "cRLNumber is missing");
}

static void
crl_number_form(struct lint_run *run)
{
	const struct lint_extension *number = lint_slot(run, SLOT_CRL_NUMBER);
	const ASN1_INTEGER *value = number->value;
	if (!number->at)
		return;
	if (!value || number->at->critical || ASN1_STRING_type(value) != V_ASN1_INTEGER ||
	    ASN1_STRING_length(value) > NUMBER_OCTETS_MAX)
		lint_say(run, "cRLNumber is critical, negative, malformed or over 20 octets");
}

static void
crl_number_grows(struct lint_run *run)
{
	const ASN1_INTEGER *value = lint_slot(run, SLOT_CRL_NUMBER)->value;
	uint64_t number;
	if (!value || ASN1_STRING_type(value) != V_ASN1_INTEGER)
		return;
	if (ASN1_INTEGER_get_uint64(&number, value) != 1) {
		ERR_clear_error(); /* above 64 bits, so above the previous one */
		return;
	}
	if (run->previous_number > 0 && number <= run->previous_number)
		lint_say(run, "cRLNumber %llu is not above the last one, %llu",
		    (unsigned long long)number, (unsigned long long)run->previous_number);
}

static void
crl_authority_key_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_AUTHORITY_KEY_ID)->at)
		lint_say(run, "authorityKeyIdentifier is missing");
}

static void
crl_authority_key_matches(struct lint_run *run)
{
	const struct lint_extension *authority = lint_slot(run, SLOT_AUTHORITY_KEY_ID);
	if (authority->at && !authority->value)
		lint_say(run, "authorityKeyIdentifier is malformed");
	lint_authority_key(run);
}

/* Measured: a critical one fails every logon on Samba 4.22. */
static void
crl_complete(struct lint_run *run)
{
	if (lint_slot(run, SLOT_DISTRIBUTION_POINT)->at)
		lint_say(run, "issuingDistributionPoint is there: the list is partial or indirect");
}

static void
crl_no_delta(struct lint_run *run)
{
	if (lint_slot(run, SLOT_DELTA)->at)
		lint_say(run, "deltaCRLIndicator is there, want a complete list");
}

/* Windows takes it for a hint; one that comes after the end has it look when every logon already fails. */
static void
crl_next_publish(struct lint_run *run)
{
	int64_t this_s, next_s, publish_s;
	const struct lint_extension *next = lint_slot(run, SLOT_NEXT_PUBLISH);
	if (!next->at)
		return;
	if (!next->value || next->at->critical || !asn1_time_to_unix(next->value, &publish_s))
		lint_say(run, "next publication is critical or no time");
	else if (updates(run, &this_s, &next_s) && (publish_s <= this_s || publish_s > next_s))
		lint_say(run, "next publication does not lie between thisUpdate and nextUpdate");
}

const struct lint lints_crl[] = {
    {"crl_well_formed", "RFC 5280 5.1", LINT_CRL, LINT_ERROR, crl_well_formed},
    {"crl_version_2", "RFC 5280 5.1.2.1", LINT_CRL, LINT_ERROR, crl_version},
    {"crl_signature_algorithms_agree", "RFC 5280 5.1.1.2", LINT_CRL, LINT_ERROR,
	crl_signature_agrees},
    {"crl_signature_allowed", "RFC 4055 5; RFC 5758 3.2", LINT_CRL, LINT_ERROR,
	crl_signature_allowed},
    {"crl_signature_fits_issuer", "RFC 5280 5.1.1.3", LINT_CRL, LINT_ERROR,
	crl_signature_fits_issuer},
    {"crl_issuer_matches", "RFC 5280 5.1.2.3, 6.3.3 (f)", LINT_CRL, LINT_ERROR, crl_issuer},
    {"crl_time_encoding", "RFC 5280 5.1.2.4, 5.1.2.5", LINT_CRL, LINT_ERROR, crl_time_encoding},
    {"crl_next_update_present", "RFC 5280 5.1.2.5", LINT_CRL, LINT_ERROR, crl_next_update_present},
    {"crl_update_order", "RFC 5280 5.1.2.5", LINT_CRL, LINT_ERROR, crl_update_order},
    {"crl_update_begun", "RFC 5280 5.1.2.4", LINT_CRL, LINT_ERROR, crl_update_begun},
    {"crl_update_not_over", "RFC 5280 5.1.2.5, 6.3.3 (a)", LINT_CRL, LINT_ERROR,
	crl_update_not_over},
    {"crl_outlives_certificates", "RFC 5280 5.1.2.5; docs/DESIGN, state", LINT_CRL, LINT_ERROR,
	crl_outlives_certificates},
    {"crl_number_present", "RFC 5280 5.2.3", LINT_CRL, LINT_ERROR, crl_number_present},
    {"crl_number_form", "RFC 5280 5.2.3", LINT_CRL, LINT_ERROR, crl_number_form},
    {"crl_number_grows", "RFC 5280 5.2.3", LINT_CRL, LINT_ERROR, crl_number_grows},
    {"crl_authority_key_present", "RFC 5280 5.2.1", LINT_CRL, LINT_ERROR,
	crl_authority_key_present},
    {"crl_authority_key_matches", "RFC 5280 5.2.1, 6.3.3 (f)", LINT_CRL, LINT_ERROR,
	crl_authority_key_matches},
    {"crl_complete", "RFC 5280 5.2.5", LINT_CRL, LINT_ERROR, crl_complete},
    {"crl_no_delta", "RFC 5280 5.2.4", LINT_CRL, LINT_ERROR, crl_no_delta},
    {"crl_next_publish", "RFC 5280 5.2; szOID_CRL_NEXT_PUBLISH (certsrv)", LINT_CRL, LINT_ERROR,
	crl_next_publish},
    {"crl_extensions_unique", "RFC 5280 5.2", LINT_CRL, LINT_ERROR, lint_extensions_unique},
    {"crl_extensions_known", "RFC 5280 5.2", LINT_CRL, LINT_ERROR, lint_extensions_known},
};
const size_t lints_crl_n = NELEMS(lints_crl);
