/* The good revocation list, and its defects. */
#include <string.h>

#include <openssl/objects.h>

#include "lint_data.h"

/* A template reads as the RFC's module, one field a line. */
/* clang-format off */
ASN1_SEQUENCE(data_entry) = {
	ASN1_SIMPLE(struct data_entry, serial, ASN1_INTEGER),
	ASN1_SIMPLE(struct data_entry, date, ASN1_TIME),
	ASN1_SEQUENCE_OF_OPT(struct data_entry, extensions, asn1_extension),
} static_ASN1_SEQUENCE_END_name(struct data_entry, data_entry)

ASN1_SEQUENCE(data_list) = {
	ASN1_OPT(struct data_list, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct data_list, signature, X509_ALGOR),
	ASN1_SIMPLE(struct data_list, issuer, ASN1_ANY),
	ASN1_SIMPLE(struct data_list, this_update, ASN1_TIME),
	ASN1_OPT(struct data_list, next_update, ASN1_TIME),
	ASN1_SEQUENCE_OF_OPT(struct data_list, entries, data_entry),
	ASN1_EXP_SEQUENCE_OF_OPT(struct data_list, extensions, asn1_extension, 0),
} static_ASN1_SEQUENCE_END_name(struct data_list, data_list)

ASN1_SEQUENCE(data_crl) = {
	ASN1_SIMPLE(struct data_crl, list, data_list),
	ASN1_SIMPLE(struct data_crl, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct data_crl, signature, ASN1_BIT_STRING),
} ASN1_SEQUENCE_END_name(struct data_crl, data_crl)
		    /* clang-format on */

		    struct data_entry
		    * data_entry_copy(const struct data_entry *entry)
{
	struct data_entry *copy = ASN1_item_dup(ASN1_ITEM_rptr(data_entry), entry);
	NEED(copy != NULL);
	return copy;
}

void
data_entry_free(struct data_entry *entry)
{
	asn1_free(entry, ASN1_ITEM_rptr(data_entry));
}

static void
set_number(struct data_crl *crl, uint8_t number)
{
	const uint8_t der[] = {V_ASN1_INTEGER, 1, number};
	data_set(crl->list->extensions, NID_crl_number, der, sizeof(der));
}

static void
set_key_id(struct data_crl *crl, const ASN1_OCTET_STRING *id)
{
	AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
	NEED(authority && id);
	authority->keyid = ASN1_OCTET_STRING_dup(id);
	data_set_value(crl->list->extensions, NID_authority_key_identifier,
	    ASN1_ITEM_rptr(AUTHORITY_KEYID), authority);
	AUTHORITY_KEYID_free(authority);
}

static void
set_reason(struct data_entry *entry, uint8_t reason)
{
	const uint8_t der[] = {V_ASN1_ENUMERATED, 1, reason};
	data_set(entry->extensions, NID_crl_reason, der, sizeof(der));
}

static void
add_entry(struct data_crl *crl, uint8_t number, uint8_t reason)
{
	struct data_entry *entry = asn1_new(ASN1_ITEM_rptr(data_entry));
	uint8_t serial[16];
	NEED(entry != NULL);
	memset(serial, number, sizeof(serial));
	NEED(ASN1_STRING_set(entry->serial, serial, sizeof(serial)));
	data_set_time(entry->date, WORLD_NOW - number, false);
	if (reason > 0) {
		entry->extensions = sk_asn1_extension_new_null();
		set_reason(entry, reason);
	}
	NEED(sk_data_entry_push(crl->list->entries, entry));
}

struct data_crl *
data_crl_new(const struct world *w)
{
	struct data_crl *crl = asn1_new(ASN1_ITEM_rptr(data_crl));
	X509 *issuer = w->certificate[WORLD_LOGON];
	const unsigned char *name = NULL;
	size_t len = 0;
	NEED(crl && X509_NAME_get0_der(X509_get_subject_name(issuer), &name, &len));
	struct data_list *list = crl->list;
	list->version = ASN1_INTEGER_new();
	list->next_update = ASN1_TIME_new();
	list->entries = sk_data_entry_new_null();
	list->extensions = sk_asn1_extension_new_null();
	NEED(ASN1_INTEGER_set(list->version, X509_CRL_VERSION_2));
	ASN1_TYPE_free(list->issuer);
	list->issuer = asn1_any_sequence(name, len);
	data_set_algorithm(list->signature, NID_sha256WithRSAEncryption);
	data_set_algorithm(crl->algorithm, NID_sha256WithRSAEncryption);
	data_set_time(list->this_update, WORLD_NOW - 300, false);
	data_set_time(list->next_update, WORLD_NOW + 86400, false);
	set_key_id(crl, X509_get0_subject_key_id(issuer));
	set_number(crl, WORLD_CRL_NUMBER + 1);
	add_entry(crl, 0x11, 5);
	add_entry(crl, 0x22, 0);
	add_entry(crl, 0x33, 1);
	return crl;
}

static void
append_octet(uint8_t *der, size_t *len)
{
	der[(*len)++] = 0;
}

static void
version_1(struct data_crl *crl)
{
	ASN1_INTEGER_free(crl->list->version);
	crl->list->version = NULL;
}

static void
inner_algorithm(struct data_crl *crl)
{
	data_set_algorithm(crl->list->signature, NID_ecdsa_with_SHA256);
}

static void
sha1(struct data_crl *crl)
{
	data_set_algorithm(crl->list->signature, NID_sha1WithRSAEncryption);
	data_set_algorithm(crl->algorithm, NID_sha1WithRSAEncryption);
}

static void
ecdsa(struct data_crl *crl)
{
	data_set_algorithm(crl->list->signature, NID_ecdsa_with_SHA256);
	data_set_algorithm(crl->algorithm, NID_ecdsa_with_SHA256);
}

static void
nameless(struct data_crl *crl)
{
	static const uint8_t none[] = {0x30, 0x00};
	ASN1_TYPE_free(crl->list->issuer);
	crl->list->issuer = asn1_any_sequence(none, sizeof(none));
}

static void
time_form(struct data_crl *crl)
{
	data_set_time(crl->list->this_update, WORLD_NOW - 300, true);
}

static void
no_next(struct data_crl *crl)
{
	ASN1_TIME_free(crl->list->next_update);
	crl->list->next_update = NULL;
}

static void
swapped(struct data_crl *crl)
{
	data_set_time(crl->list->next_update, WORLD_NOW - 301, false);
}

static void
not_begun(struct data_crl *crl)
{
	data_set_time(crl->list->this_update, WORLD_NOW + 60, false);
}

static void
stale(struct data_crl *crl)
{
	data_set_time(crl->list->next_update, WORLD_NOW - 10, false);
}

static void
ends_early(struct data_crl *crl)
{
	data_set_time(crl->list->next_update, WORLD_NOW + WORLD_LONGEST_S, false);
}

static void
no_number(struct data_crl *crl)
{
	data_drop(crl->list->extensions, NID_crl_number);
}

static void
critical_number(struct data_crl *crl)
{
	data_make_critical(crl->list->extensions, NID_crl_number);
}

static void
same_number(struct data_crl *crl)
{
	set_number(crl, WORLD_CRL_NUMBER);
}

static void
no_key_id(struct data_crl *crl)
{
	data_drop(crl->list->extensions, NID_authority_key_identifier);
}

static void
other_key_id(struct data_crl *crl)
{
	static const uint8_t der[] = {0x30, 6, 0x80, 4, 1, 2, 3, 4};
	data_set(crl->list->extensions, NID_authority_key_identifier, der, sizeof(der));
}

/* onlyContainsUserCerts */
static void
distribution_point(struct data_crl *crl)
{
	static const uint8_t der[] = {0x30, 3, 0x81, 1, 0xff};
	data_set(crl->list->extensions, NID_issuing_distribution_point, der, sizeof(der));
	data_make_critical(crl->list->extensions, NID_issuing_distribution_point);
}

static void
delta(struct data_crl *crl)
{
	static const uint8_t der[] = {V_ASN1_INTEGER, 1, 40};
	data_set(crl->list->extensions, NID_delta_crl, der, sizeof(der));
	data_make_critical(crl->list->extensions, NID_delta_crl);
}

/* An hour after nextUpdate. */
static void
published_too_late(struct data_crl *crl)
{
	int64_t end_s = 0;
	uint8_t *der = NULL;
	NEED(asn1_time_to_unix(crl->list->next_update, &end_s));
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)end_s + 3600);
	int len = i2d_ASN1_TIME(when, &der);
	NEED(len > 0);
	data_set(crl->list->extensions, asn1_nid(OID_CRL_NEXT_PUBLISH), der, (size_t)len);
	OPENSSL_free(der);
	ASN1_TIME_free(when);
}

static void
number_twice(struct data_crl *crl)
{
	data_repeat(crl->list->extensions, NID_crl_number);
}

static void
unknown_critical(struct data_crl *crl)
{
	static const uint8_t der[] = {V_ASN1_IA5STRING, 1, 'x'};
	data_set(crl->list->extensions, NID_netscape_comment, der, sizeof(der));
	data_make_critical(crl->list->extensions, NID_netscape_comment);
}

static void
nothing_revoked(struct data_crl *crl)
{
	while (sk_data_entry_num(crl->list->entries) > 0)
		data_entry_free(sk_data_entry_pop(crl->list->entries));
}

static struct data_entry *
first(struct data_crl *crl)
{
	return sk_data_entry_value(crl->list->entries, 0);
}

/* The first entry's date, of 13 characters, as an OCTET STRING. */
static void
date_retyped(uint8_t *der, size_t *len)
{
	static const uint8_t serial_and_date[] = {0x11, 0x11, V_ASN1_UTCTIME, 13};
	uint8_t *at = memmem(der, *len, serial_and_date, sizeof(serial_and_date));
	NEED(at != NULL);
	at[2] = V_ASN1_OCTET_STRING;
}

static void
serial_zero(struct data_crl *crl)
{
	NEED(ASN1_INTEGER_set(first(crl)->serial, 0));
}

static void
reason_remove(struct data_crl *crl)
{
	set_reason(first(crl), 8);
}

static void
date_ahead(struct data_crl *crl)
{
	data_set_time(first(crl)->date, WORLD_NOW + 60, false);
}

static void
critical_entry(struct data_crl *crl)
{
	static const uint8_t none[] = {0x30, 0x00};
	data_set(first(crl)->extensions, NID_certificate_issuer, none, sizeof(none));
	data_make_critical(first(crl)->extensions, NID_certificate_issuer);
}

#define CRL_DEFECT(name, function)                                                                 \
	{                                                                                          \
		.lint = name, .base = "crl", .spoil_crl = function                                 \
	}

const struct data_defect data_crls[] = {
    {.lint = "crl_well_formed", .base = "crl", .patch = append_octet},
    CRL_DEFECT("crl_version_2", version_1),
    CRL_DEFECT("crl_signature_algorithms_agree", inner_algorithm),
    CRL_DEFECT("crl_signature_allowed", sha1),
    CRL_DEFECT("crl_signature_fits_issuer", ecdsa),
    CRL_DEFECT("crl_issuer_matches", nameless),
    CRL_DEFECT("crl_time_encoding", time_form),
    CRL_DEFECT("crl_next_update_present", no_next),
    CRL_DEFECT("crl_update_order", swapped),
    CRL_DEFECT("crl_update_begun", not_begun),
    CRL_DEFECT("crl_update_not_over", stale),
    CRL_DEFECT("crl_outlives_certificates", ends_early),
    CRL_DEFECT("crl_number_present", no_number),
    CRL_DEFECT("crl_number_form", critical_number),
    CRL_DEFECT("crl_number_grows", same_number),
    CRL_DEFECT("crl_authority_key_present", no_key_id),
    CRL_DEFECT("crl_authority_key_matches", other_key_id),
    CRL_DEFECT("crl_complete", distribution_point),
    CRL_DEFECT("crl_no_delta", delta),
    CRL_DEFECT("crl_next_publish", published_too_late),
    CRL_DEFECT("crl_extensions_unique", number_twice),
    CRL_DEFECT("crl_extensions_known", unknown_critical),
    CRL_DEFECT("crl_list_not_empty", nothing_revoked),
    {.lint = "crl_entries_well_formed", .base = "crl", .patch = date_retyped},
    CRL_DEFECT("crl_entry_serials", serial_zero),
    CRL_DEFECT("crl_entry_reasons", reason_remove),
    CRL_DEFECT("crl_entry_dates", date_ahead),
    CRL_DEFECT("crl_entries_known", critical_entry),
};
const size_t data_crls_n = NELEMS(data_crls);
