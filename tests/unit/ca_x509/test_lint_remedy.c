/*
 * Each finding's remedy is applied as it is printed: the parts that it names in double quotes are mended, and no other;
 * the finding must be there before and gone after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/objects.h>

#include "ca/asn1.h"
#include "lint_files.h"

#define PARTS_MAX 5
#define PART_NAME_MAX 32
#define WHOLE_FILES                                                                                \
	3 /* remedies that concern no part: two files with something behind, one in BER */

/* A CertificateList whose entries are left as they are, so that also a malformed one can be mended. */
struct list {
	ASN1_INTEGER *version;
	X509_ALGOR *signature;
	ASN1_TYPE *issuer;
	ASN1_TIME *this_update, *next_update;
	ASN1_STRING *entries;
	STACK_OF(asn1_extension) * extensions;
};
struct crl {
	struct list *list;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
};

/* clang-format off */
ASN1_SEQUENCE(list) = {
	ASN1_OPT(struct list, version, ASN1_INTEGER),
	ASN1_SIMPLE(struct list, signature, X509_ALGOR),
	ASN1_SIMPLE(struct list, issuer, ASN1_ANY),
	ASN1_SIMPLE(struct list, this_update, ASN1_TIME),
	ASN1_OPT(struct list, next_update, ASN1_TIME),
	ASN1_OPT(struct list, entries, ASN1_SEQUENCE),
	ASN1_EXP_SEQUENCE_OF_OPT(struct list, extensions, asn1_extension, 0),
} static_ASN1_SEQUENCE_END_name(struct list, list)

ASN1_SEQUENCE(crl) = {
	ASN1_SIMPLE(struct crl, list, list),
	ASN1_SIMPLE(struct crl, algorithm, X509_ALGOR),
	ASN1_SIMPLE(struct crl, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct crl, crl)
/* clang-format on */

#define SWAP(a, b)                                                                                 \
	do {                                                                                       \
		void *swapped = (a);                                                               \
		(a) = (b);                                                                         \
		(b) = swapped;                                                                     \
	} while (0)

#define PART(name, shape, field)                                                                   \
	static void mend_##name(void *bad, void *good)                                             \
	{                                                                                          \
		struct shape *to = bad, *from = good;                                              \
		SWAP(to->field, from->field);                                                      \
	}

		PART(version, asn1_certificate, tbs->version) PART(serial, asn1_certificate,
		    tbs->serial) PART(inner, asn1_certificate, tbs->signature) PART(outer,
		    asn1_certificate, algorithm) PART(issuer, asn1_certificate, tbs->issuer)
		    PART(validity, asn1_certificate, tbs->validity) PART(subject, asn1_certificate,
			tbs->subject) PART(spki, asn1_certificate, tbs->spki) PART(issuer_id,
			asn1_certificate, tbs->issuer_uid) PART(subject_id, asn1_certificate,
			tbs->subject_uid) PART(extensions, asn1_certificate, tbs->extensions)
			PART(crl_version, crl, list->version) PART(crl_inner, crl, list->signature)
			    PART(crl_outer, crl, algorithm) PART(crl_issuer, crl, list->issuer)
				PART(this_update, crl, list->this_update)
				    PART(next_update, crl, list->next_update)
					PART(entries, crl, list->entries)
					    PART(crl_extensions, crl, list->extensions)

    /* The names of RFC 5280's ASN.1 module. */
    static const struct part {
	const char *name;
	void (*mend)(void *bad, void *good);
} certificate_parts[] =
    {
	{"version", mend_version},
	{"serialNumber", mend_serial},
	{"signature", mend_inner},
	{"signatureAlgorithm", mend_outer},
	{"issuer", mend_issuer},
	{"validity", mend_validity},
	{"subject", mend_subject},
	{"subjectPublicKeyInfo", mend_spki},
	{"issuerUniqueID", mend_issuer_id},
	{"subjectUniqueID", mend_subject_id},
	{"extensions", mend_extensions},
},
  crl_parts[] = {
      {"version", mend_crl_version},
      {"signature", mend_crl_inner},
      {"signatureAlgorithm", mend_crl_outer},
      {"issuer", mend_crl_issuer},
      {"thisUpdate", mend_this_update},
      {"nextUpdate", mend_next_update},
      {"revokedCertificates", mend_entries},
      {"crlExtensions", mend_crl_extensions},
};

static const struct {
	const char *name;
	int nid;
} extension_parts[] = {
    {"basicConstraints", NID_basic_constraints},
    {"keyUsage", NID_key_usage},
    {"extendedKeyUsage", NID_ext_key_usage},
    {"subjectAltName", NID_subject_alt_name},
    {"subjectKeyIdentifier", NID_subject_key_identifier},
    {"authorityKeyIdentifier", NID_authority_key_identifier},
    {"cRLDistributionPoints", NID_crl_distribution_points},
    {"authorityInfoAccess", NID_info_access},
    {"certificatePolicies", NID_certificate_policies},
    {"cRLNumber", NID_crl_number},
    {"issuingDistributionPoint", NID_issuing_distribution_point},
    {"deltaCRLIndicator", NID_delta_crl},
};

static struct lint_files files;

static int
set_up(void **state)
{
	(void)state;
	lint_files_read(&files);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	lint_files_done(&files);
	return 0;
}

/* The names in double quotes. */
static size_t
read_parts(const char *remedy, char parts[PARTS_MAX][PART_NAME_MAX])
{
	size_t n = 0;
	for (const char *at = strchr(remedy, '"'); at; at = strchr(at, '"')) {
		const char *end = strchr(at + 1, '"');
		assert_non_null(end);
		size_t len = (size_t)(end - at - 1);
		assert_in_range(len, 1, PART_NAME_MAX - 1);
		assert_true(n < PARTS_MAX);
		memcpy(parts[n], at + 1, len);
		parts[n++][len] = 0;
		at = end + 1;
	}
	return n;
}

/* Out with what bad has of this kind, in with what good has. */
static void
mend_extension(STACK_OF(asn1_extension) * bad, const STACK_OF(asn1_extension) * good, int nid)
{
	int place = sk_asn1_extension_num(bad);
	for (int i = sk_asn1_extension_num(bad) - 1; i >= 0; i--) {
		if (OBJ_obj2nid(sk_asn1_extension_value(bad, i)->id) != nid)
			continue;
		asn1_extension_free(sk_asn1_extension_delete(bad, i));
		place = i;
	}
	for (int i = 0; i < sk_asn1_extension_num(good); i++) {
		const struct asn1_extension *one = sk_asn1_extension_value(good, i);
		if (OBJ_obj2nid(one->id) == nid)
			assert_true(sk_asn1_extension_insert(
			    bad, ASN1_item_dup(ASN1_ITEM_rptr(asn1_extension), one), place++));
	}
}

static int
extension_nid(const char *part)
{
	if (strcmp(part, "SID extension") == 0)
		return asn1_nid(OID_NTDS_CA_SECURITY);
	if (strcmp(part, "nextCRLPublish") == 0)
		return OBJ_txt2nid("1.3.6.1.4.1.311.21.4");
	for (size_t i = 0; i < NELEMS(extension_parts); i++) {
		if (strcmp(extension_parts[i].name, part) == 0)
			return extension_parts[i].nid;
	}
	return NID_undef;
}

static void
mend_part(const char *part, bool list, void *bad, void *good)
{
	const struct part *parts = list ? crl_parts : certificate_parts;
	size_t n = list ? NELEMS(crl_parts) : NELEMS(certificate_parts);
	int nid = extension_nid(part);
	if (nid != NID_undef && list)
		mend_extension(((struct crl *)bad)->list->extensions,
		    ((struct crl *)good)->list->extensions, nid);
	else if (nid != NID_undef)
		mend_extension(((struct asn1_certificate *)bad)->tbs->extensions,
		    ((struct asn1_certificate *)good)->tbs->extensions, nid);
	for (size_t i = 0; nid == NID_undef; i++) {
		if (i == n)
			fail_msg("no part of a %s is called \"%s\"", list ? "list" : "certificate",
			    part);
		if (strcmp(parts[i].name, part) == 0) {
			parts[i].mend(bad, good);
			return;
		}
	}
}

/* What stands behind is cut off by reading; DER's TRUE is ff. */
static void
mend_whole(void *bad, bool list)
{
	if (list)
		return;
	const STACK_OF(asn1_extension) *all = ((struct asn1_certificate *)bad)->tbs->extensions;
	for (int i = 0; i < sk_asn1_extension_num(all); i++) {
		struct asn1_extension *one = sk_asn1_extension_value(all, i);
		one->critical = one->critical ? 0xff : 0;
	}
}

static void *
decode(const ASN1_ITEM *item, const uint8_t *der, size_t len)
{
	void *value = ASN1_item_d2i(NULL, &der, (long)len, item);
	assert_non_null(value);
	return value;
}

/* The defect with the parts mended that its remedy names; true when one of them is the issuer. */
static bool
apply(const char *remedy, const struct world_case *how, const struct lint_file *bad_file,
    struct lint_file *out)
{
	char parts[PARTS_MAX][PART_NAME_MAX];
	size_t n = read_parts(remedy, parts);
	bool list = how->shape == WORLD_LIST, other_issuer = false;
	const ASN1_ITEM *item = list ? ASN1_ITEM_rptr(crl) : ASN1_ITEM_rptr(asn1_certificate);
	struct lint_file good_file = lint_file_read(how->name, ".good.der");
	void *good = decode(item, good_file.der, good_file.len);
	void *bad = decode(item, bad_file->der, bad_file->len);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		other_issuer = other_issuer || strcmp(parts[i], "issuer") == 0;
		if (strcmp(parts[i], "whole") == 0)
			mend_whole(bad, list);
		else
			mend_part(parts[i], list, bad, good);
	}
	assert_int_equal(asn1_encode(item, bad, &out->der, &out->len, NULL), FAS_OK);
	asn1_free(bad, item);
	asn1_free(good, item);
	free(good_file.der);
	return other_issuer;
}

static void
must_be_found(const struct lint_report *report, const char *lint)
{
	for (size_t i = 0; i < report->n; i++) {
		if (strcmp(report->findings[i].name, lint) != 0)
			continue;
		assert_string_equal(report->findings[i].remedy, lint_remedy(lint));
		return;
	}
	fail_msg("%s is not found in its own defect", lint);
}

static void
each_remedy_applied_as_printed_makes_its_finding_vanish(void **state)
{
	(void)state;
	assert_int_equal(files.n, lint_count());
	for (size_t i = 0; i < files.n; i++) {
		const struct lint_row *row = &files.rows[i];
		const struct world_case *how = world_case(row->base);
		enum world_ca issuer = world_ca_parse(row->issuer);
		struct lint_report report;
		struct lint_file bad = lint_file_read(row->lint, ".der"), mended = {0};
		world_lint(&files.world, how, issuer, bad.der, bad.len, &report);
		must_be_found(&report, row->lint);
		if (apply(lint_remedy(row->lint), how, &bad, &mended))
			issuer = how->issuer;
		world_lint(&files.world, how, issuer, mended.der, mended.len, &report);
		lint_files_print(row->lint, &report);
		if (report.n != 0)
			fail_msg("%s: still there after: %s", row->lint, lint_remedy(row->lint));
		free(bad.der);
		free(mended.der);
	}
}

/* "The whole file" would mend anything: it is the remedy only where the file as such is wrong. */
static void
remedy_names_parts_and_not_the_whole(void **state)
{
	(void)state;
	size_t whole = 0;
	for (size_t i = 0; i < lint_count(); i++) {
		const char *remedy = lint_remedy(lint_name(i));
		if (!remedy)
			fail_msg("%s has no remedy", lint_name(i));
		whole += strstr(remedy, "\"whole\"") != NULL;
	}
	assert_int_equal(whole, WHOLE_FILES);
	assert_null(lint_remedy("no_such_lint"));
}

/* What a logon fails by is what Microsoft's pages name: UPN, SID, purposes, CRL, key, time, chain. */
static void
logon_fails_by_what_the_domain_controller_checks_only(void **state)
{
	(void)state;
	static const char *const fails[] = {"sid_present", "upn_one", "purposes_required",
	    "crl_points_present", "key_type", "validity_not_over", "issuer_matches",
	    "crl_update_not_over"};
	static const char *const passes[] = {"serial_entropy", "validity_backdate",
	    "key_usage_encoding", "subject_key_id_matches", "access_present", "purposes_exact"};
	for (size_t i = 0; i < NELEMS(fails); i++)
		assert_non_null(lint_logon(fails[i]));
	for (size_t i = 0; i < NELEMS(passes); i++)
		assert_null(lint_logon(passes[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_remedy_applied_as_printed_makes_its_finding_vanish),
	    cmocka_unit_test(remedy_names_parts_and_not_the_whole),
	    cmocka_unit_test(logon_fails_by_what_the_domain_controller_checks_only),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
