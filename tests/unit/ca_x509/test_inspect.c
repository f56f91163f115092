/* Files of any origin through the linter: what they are taken for, what is found, what a logon would make of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/inspect.h"
#include "ca/pem.h"
#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fixture.h"
#include "lint_files.h"

DEFINE_OWN(x509, X509 *, X509_free);

static struct lint_files files;
static struct fixture fixture;

static int
set_up(void **state)
{
	(void)state;
	lint_files_read(&files);
	fixture_init(&fixture);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	lint_files_done(&files);
	fixture_done(&fixture);
	return 0;
}

static json_t *
look_at(const void *data, size_t len, const char *profile, const char *issuers, size_t issuers_len)
{
	const struct inspect_options options = {
	    .profile = profile, .issuers = issuers, .issuers_len = issuers_len, .now_s = WORLD_NOW};
	struct fas_err e = {0};
	json_t *all = NULL;
	if (inspect(data, len, &options, &all, &e) != FAS_OK)
		fail_msg("%s: %s", fas_err_reason(&e), e.message);
	return all;
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static const char *
verdict_of(const json_t *one)
{
	return text_of(json_object_get(one, "logon"), "verdict");
}

static bool
has_finding(const json_t *one, const char *lint)
{
	size_t i;
	const json_t *finding;
	json_array_foreach(json_object_get(one, "findings"), i, finding)
	{
		if (strcmp(text_of(finding, "lint"), lint) != 0)
			continue;
		assert_string_equal(text_of(finding, "remedy"), lint_remedy(lint));
		assert_true(strlen(text_of(finding, "citation")) > 3);
		return true;
	}
	return false;
}

static void
each_good_file_is_known_for_what_it_is_and_has_no_finding(void **state)
{
	(void)state;
	static const struct {
		const char *name, *kind, *profile, *verdict;
	} cases[] = {
	    {"smartcard-logon", "certificate", "smartcard-logon", "possible"},
	    {"own-logon", "certificate", "smartcard-logon", "possible"},
	    {"client-auth", "certificate", "client-auth", "not meant"},
	    {"kdc", "certificate", "kdc", "possible"},
	    {"service-server", "certificate", "service-server", "not meant"},
	    {"service-client", "certificate", "service-client", "not meant"},
	    {"ca", "certificate", "ca", "possible"},
	    {"crl", "crl", "", "possible"},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct lint_file file = lint_file_read(cases[i].name, ".good.der");
		OWN(json) json_t *all = look_at(file.der, file.len, NULL, NULL, 0);
		const json_t *one = json_array_get(all, 0);
		assert_int_equal(json_array_size(all), 1);
		assert_string_equal(text_of(one, "kind"), cases[i].kind);
		assert_string_equal(text_of(one, "profile"), cases[i].profile);
		assert_string_equal(text_of(one, "signature"), "unchecked");
		if (json_array_size(json_object_get(one, "findings")) > 0)
			fail_msg("%s: %s", cases[i].name,
			    text_of(json_array_get(json_object_get(one, "findings"), 0), "lint"));
		assert_string_equal(verdict_of(one), cases[i].verdict);
		free(file.der);
	}
}

/* What needs to know the account, the profile, the places or the list before cannot be seen in a file. */
static bool
needs_more_than_a_file(const char *lint)
{
	static const char *const needs[] = {"signature_fits_issuer", "issuer_matches",
	    "validity_within_issuer", "validity_length", "validity_backdate",
	    "authority_key_id_matches", "crl_points_published", "access_present",
	    "access_published", "ca_path_allowed", "upn_matches", "sid_matches",
	    "user_principal_matches", "mail_matches", "extra_names_exact", "policies_exact",
	    "purposes_exact", "crl_signature_fits_issuer", "crl_issuer_matches",
	    "crl_outlives_certificates", "crl_number_grows", "crl_authority_key_matches"};
	for (size_t i = 0; i < NELEMS(needs); i++) {
		if (strcmp(needs[i], lint) == 0)
			return true;
	}
	return false;
}

static void
each_defect_is_found_in_its_file_with_its_remedy(void **state)
{
	(void)state;
	for (size_t i = 0; i < files.n; i++) {
		const struct lint_row *row = &files.rows[i];
		const struct world_case *how = world_case(row->base);
		struct lint_file file = lint_file_read(row->lint, ".der");
		const char *profile =
		    how->shape == WORLD_AUTHORITY ? "ca" : profile_name(how->kind);
		if (strcmp(row->lint, "crl_well_formed") == 0 ||
		    needs_more_than_a_file(row->lint)) {
			free(
			    file.der); /* (of a file of DER that is neither, nobody knows what it was) */
			continue;
		}
		OWN(json) json_t *all = look_at(file.der, file.len, profile, NULL, 0);
		const json_t *one = json_array_get(all, 0);
		if (!has_finding(one, row->lint))
			fail_msg("%s is not found in its file", row->lint);
		bool refused = strcmp(verdict_of(one), "refused") == 0;
		bool logon = how->kind == PROFILE_SMARTCARD_LOGON;
		if (logon && refused != (lint_logon(row->lint) != NULL))
			fail_msg("%s: a logon is %s", row->lint, verdict_of(one));
		free(file.der);
	}
}

static void
issuer_beside_it_shows_what_does_not_fit(void **state)
{
	(void)state;
	static const char *const lints[] = {
	    "issuer_matches", "authority_key_id_matches", "crl_issuer_matches"};
	struct lint_file ca = lint_file_read("logon-ca", ".der");
	for (size_t i = 0; i < NELEMS(lints); i++) {
		struct lint_file file = lint_file_read(lints[i], ".der");
		OWN(json)
		json_t *all = look_at(file.der, file.len, NULL, (const char *)ca.der, ca.len);
		assert_true(has_finding(json_array_get(all, 0), lints[i]));
		assert_string_equal(verdict_of(json_array_get(all, 0)), "refused");
		free(file.der);
	}
	free(ca.der);
}

static void
add_pem(struct buf *out, X509 *certificate)
{
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);
	assert_true(len > 0);
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, (size_t)len);
	assert_non_null(pem);
	buf_text(out, pem);
	OPENSSL_free(der);
}

/* The issuer is the one in the same file; another key's signature shows. */
static void
chain_in_one_file_has_its_signatures_checked(void **state)
{
	(void)state;
	for (int bad = 0; bad < 2; bad++) {
		struct fixture other = fixture;
		struct buf text;
		buf_init(&text, 65536);
		if (bad)
			other.ca_key = fixture.rsa;
		const struct profile_facts facts = fixture_facts(&other, PROFILE_SMARTCARD_LOGON);
		OWN(x509) X509 *leaf = fixture_issue(&other, &facts);
		buf_text(&text, "user\n");
		add_pem(&text, leaf);
		add_pem(&text, fixture.ca);
		assert_int_equal(buf_check(&text, NULL), FAS_OK);
		OWN(json) json_t *all = look_at(text.data, text.len, NULL, NULL, 0);
		const json_t *one = json_array_get(all, 0);
		assert_int_equal(json_array_size(all), 2);
		assert_string_equal(text_of(one, "signature"), bad ? "bad" : "good");
		assert_string_equal(verdict_of(one), bad ? "refused" : "possible");
		assert_int_equal(json_integer_value(json_object_get(one, "errors")), bad);
		assert_string_equal(text_of(json_array_get(all, 1), "profile"), "ca");
		buf_done(&text);
	}
}

/* Another's profile may have more, as long as it gives no power; the house's own must not. */
static void
foreign_purposes_are_no_finding_unless_they_give_power(void **state)
{
	(void)state;
	struct lint_file mail = lint_file_read("purposes_exact", ".der");
	struct lint_file agent = lint_file_read("purposes_no_power", ".der");
	OWN(json) json_t *harmless = look_at(mail.der, mail.len, NULL, NULL, 0);
	OWN(json) json_t *power = look_at(agent.der, agent.len, NULL, NULL, 0);
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(harmless, 0), "errors")), 0);
	assert_true(has_finding(json_array_get(power, 0), "purposes_no_power"));
	free(mail.der);
	free(agent.der);
}

static void
what_is_neither_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *data, *profile, *reason;
		size_t len;
	} cases[] = {
	    {"", NULL, "inspect_nothing", 0},
	    {"hello", NULL, "inspect_nothing", 5},
	    {"a\0b", NULL, "inspect_nothing", 3},
	    {"-----BEGIN CERTIFICATE-----\nAAAA\n", NULL, "pem_malformed", 33},
	    {"\x30\x00", "smart-card", "profile_unknown", 2},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		const struct inspect_options options = {.profile = cases[i].profile};
		struct fas_err e = {0};
		json_t *all = NULL;
		assert_int_equal(
		    inspect(cases[i].data, cases[i].len, &options, &all, &e), FAS_E_INPUT);
		assert_string_equal(fas_err_reason(&e), cases[i].reason);
		assert_null(all);
	}
}

static void
more_blocks_than_there_is_room_for_are_refused(void **state)
{
	(void)state;
	const struct inspect_options options = {0};
	struct buf text;
	struct fas_err e = {0};
	json_t *all = NULL;
	buf_init(&text, 1 << 20);
	for (int i = 0; i <= INSPECT_OBJECTS_MAX; i++)
		add_pem(&text, fixture.ca);
	assert_int_equal(buf_check(&text, NULL), FAS_OK);
	assert_int_equal(
	    inspect((const char *)text.data, text.len, &options, &all, &e), FAS_E_INPUT);
	assert_null(all);
	buf_done(&text);
}

/* A name is held against all others: what has a hundred thousand would be looked at for hours. */
static void
a_certificate_of_more_than_64_kib_is_none(void **state)
{
	(void)state;
	static uint8_t filling[65536];
	OWN(x509) X509 *big = X509_dup(fixture.ca);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(value, filling, sizeof(filling)), 1);
	X509_EXTENSION *extension =
	    X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 0, value);
	assert_int_equal(X509_add_ext(big, extension, -1), 1);
	assert_true(X509_sign(big, fixture.ca_key, EVP_sha256()) > 0);
	unsigned char *der = NULL;
	int len = i2d_X509(big, &der);
	OWN(json) json_t *all = look_at(der, (size_t)len, NULL, NULL, 0);
	json_t *one = json_array_get(all, 0);
	assert_true(has_finding(one, "certificate_well_formed"));
	assert_int_equal(json_array_size(json_object_get(one, "findings")), 1);
	OPENSSL_free(der);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
}

static void
bytes_that_are_no_certificate_are_a_malformed_one(void **state)
{
	(void)state;
	static const char data[] = "\x30\x03\x02\x01";
	OWN(json) json_t *all = look_at(data, 4, NULL, NULL, 0);
	assert_true(has_finding(json_array_get(all, 0), "certificate_well_formed"));
	assert_string_equal(verdict_of(json_array_get(all, 0)), "refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_good_file_is_known_for_what_it_is_and_has_no_finding),
	    cmocka_unit_test(each_defect_is_found_in_its_file_with_its_remedy),
	    cmocka_unit_test(issuer_beside_it_shows_what_does_not_fit),
	    cmocka_unit_test(chain_in_one_file_has_its_signatures_checked),
	    cmocka_unit_test(foreign_purposes_are_no_finding_unless_they_give_power),
	    cmocka_unit_test(what_is_neither_is_refused),
	    cmocka_unit_test(more_blocks_than_there_is_room_for_are_refused),
	    cmocka_unit_test(a_certificate_of_more_than_64_kib_is_none),
	    cmocka_unit_test(bytes_that_are_no_certificate_are_a_malformed_one),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
