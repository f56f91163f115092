/* What a domain controller would say of a CRL, and where a certificate says that its CRL lies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/crl_check.h"
#include "ca/places.h"
#include "fas/base/macros.h"
#include "fixture.h"

#define HOUR 3600

static struct fixture f;

static int
set_up(void **state)
{
	(void)state;
	fixture_init(&f);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fixture_done(&f);
	return 0;
}

/* How a list differs from a good one. */
struct made {
	int64_t this_s, next_s; /* from now */
	EVP_PKEY *key;
	const EVP_MD *digest;
	const char *issuer; /* common name of another one */
	int critical;       /* NID of an extension that is made critical */
	int delta;
};

static void
add_number(X509_CRL *crl, int nid, uint64_t number, int critical)
{
	ASN1_INTEGER *value = ASN1_INTEGER_new();
	assert_true(value && ASN1_INTEGER_set_uint64(value, number) == 1);
	assert_int_equal(X509_CRL_add1_ext_i2d(crl, nid, value, critical, 0), 1);
	ASN1_INTEGER_free(value);
}

static void
name_issuer(X509_CRL *crl, const char *common_name)
{
	X509_NAME *other = X509_NAME_new();
	if (common_name) {
		assert_int_equal(X509_NAME_add_entry_by_txt(other, "CN", MBSTRING_UTF8,
				     (const unsigned char *)common_name, -1, -1, 0),
		    1);
		assert_int_equal(X509_CRL_set_issuer_name(crl, other), 1);
	} else {
		assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(f.ca)), 1);
	}
	X509_NAME_free(other);
}

static void
add_entry(X509_CRL *crl)
{
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, FIXTURE_NOW - HOUR);
	assert_true(revoked && serial && when && ASN1_INTEGER_set(serial, 77) == 1);
	assert_int_equal(X509_REVOKED_set_serialNumber(revoked, serial), 1);
	assert_int_equal(X509_REVOKED_set_revocationDate(revoked, when), 1);
	assert_int_equal(X509_CRL_add0_revoked(crl, revoked), 1);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(when);
}

static uint8_t *
make(const struct made *m, size_t *len)
{
	unsigned char *der = NULL;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, FIXTURE_NOW + (m->this_s ? m->this_s : -300));
	ASN1_TIME *next_update = ASN1_TIME_set(NULL, FIXTURE_NOW + (m->next_s ? m->next_s : HOUR));
	assert_true(crl && this_update && next_update);
	assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
	name_issuer(crl, m->issuer);
	assert_int_equal(X509_CRL_set1_lastUpdate(crl, this_update), 1);
	assert_int_equal(X509_CRL_set1_nextUpdate(crl, next_update), 1);
	add_entry(crl);
	add_number(crl, NID_crl_number, 0x0a0b0c, m->critical == NID_crl_number);
	if (m->delta)
		add_number(crl, NID_delta_crl, 1, 0);
	assert_true(X509_CRL_sign(
			crl, m->key ? m->key : f.ca_key, m->digest ? m->digest : EVP_sha256()) > 0);
	int n = i2d_X509_CRL(crl, &der);
	assert_true(n > 0);
	*len = (size_t)n;
	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	X509_CRL_free(crl);
	return der;
}

static void
a_good_list_is_taken_and_read(void **state)
{
	struct fas_err e = {0};
	struct crl_seen seen;
	size_t len = 0;
	(void)state;
	uint8_t *der = make(&(struct made){0}, &len);
	assert_int_equal(crl_check(der, len, f.ca, FIXTURE_NOW, &seen, &e), FAS_OK);
	assert_string_equal(seen.number, "a0b0c");
	assert_int_equal(seen.entries, 1);
	assert_int_equal(seen.this_update_s, FIXTURE_NOW - 300);
	assert_int_equal(seen.next_update_s, FIXTURE_NOW + HOUR);
	OPENSSL_free(der);
}

static void
a_list_that_a_domain_controller_refuses_says_why(void **state)
{
	const struct {
		struct made made;
		const char *reason;
	} cases[] = {
	    {{.issuer = "Another CA"}, "crl_wrong_issuer"},
	    {{.key = f.rsa}, "crl_wrong_signature"},
	    {{.key = f.p256}, "crl_algorithm"},
	    {{.this_s = 60}, "crl_not_begun"},
	    {{.this_s = -2 * HOUR, .next_s = -1}, "crl_ended"},
	    {{.critical = NID_crl_number}, "crl_partial"},
	    {{.delta = 1}, "crl_partial"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct crl_seen seen;
		size_t len = 0;
		uint8_t *der = make(&cases[i].made, &len);
		assert_int_not_equal(crl_check(der, len, f.ca, FIXTURE_NOW, &seen, &e), FAS_OK);
		assert_string_equal(e.reason, cases[i].reason);
		assert_string_equal(seen.number, "a0b0c");
		OPENSSL_free(der);
	}
}

static void
an_octet_that_was_changed_is_noticed_wherever_it_is(void **state)
{
	size_t len = 0;
	(void)state;
	uint8_t *der = make(&(struct made){0}, &len);
	for (size_t i = 0; i < len; i++) {
		struct fas_err e = {0};
		struct crl_seen seen;
		der[i] ^= 1;
		assert_int_not_equal(crl_check(der, len, f.ca, FIXTURE_NOW, &seen, &e), FAS_OK);
		der[i] ^= 1;
	}
	OPENSSL_free(der);
}

static void
what_is_no_list_is_malformed(void **state)
{
	static const char text[] = "<html>not here</html>";
	struct fas_err e = {0};
	struct crl_seen seen;
	size_t len = 0;
	(void)state;
	uint8_t *der = make(&(struct made){0}, &len);
	assert_int_equal(
	    crl_check((const uint8_t *)text, strlen(text), f.ca, FIXTURE_NOW, &seen, &e),
	    FAS_E_INPUT);
	assert_string_equal(e.reason, "crl_malformed");
	for (size_t cut = 0; cut < len; cut++) {
		struct fas_err again = {0};
		assert_int_equal(
		    crl_check(der, cut, f.ca, FIXTURE_NOW, &seen, &again), FAS_E_INPUT);
		assert_string_equal(again.reason, "crl_malformed");
	}
	OPENSSL_free(der);
}

static void
numbers_are_compared_by_value(void **state)
{
	(void)state;
	assert_true(crl_number_compare("ff", "100") < 0);
	assert_true(crl_number_compare("100", "ff") > 0);
	assert_true(crl_number_compare("a1", "a2") < 0);
	assert_int_equal(crl_number_compare("a1", "a1"), 0);
	assert_true(crl_number_compare("", "0") < 0);
}

static void
the_places_of_a_certificate_are_read(void **state)
{
	struct fas_err e = {0};
	OWN(places) struct places places = {0};
	struct profile_facts facts = fixture_facts(&f, PROFILE_SMARTCARD_LOGON);
	(void)state;
	X509 *certificate = fixture_issue(&f, &facts);
	assert_int_equal(places_read(certificate, &places, &e), FAS_OK);
	assert_int_equal(places.n_crl, 1);
	assert_string_equal(places.crl[0], FIXTURE_CRL_URL);
	assert_int_equal(places.n_ca, 1);
	assert_string_equal(places.ca[0], FIXTURE_CA_URL);
	X509_free(certificate);
}

static void
a_certificate_without_places_has_none(void **state)
{
	struct fas_err e = {0};
	OWN(places) struct places places = {0};
	X509 *bare = X509_new();
	(void)state;
	assert_int_equal(places_read(bare, &places, &e), FAS_OK);
	assert_int_equal(places.n_crl + places.n_ca, 0);
	X509_free(bare);
}

/* A URL with a line break would make a request of the caller's choice. */
static void
a_url_that_is_not_printable_is_refused(void **state)
{
	static const char *const urls[] = {"http://a/\r\nX: y", "http://a/ b", ""};
	(void)state;
	for (size_t i = 0; i < NELEMS(urls); i++) {
		struct fas_err e = {0};
		OWN(places) struct places places = {0};
		X509 *made = X509_new();
		AUTHORITY_INFO_ACCESS *access = AUTHORITY_INFO_ACCESS_new();
		ACCESS_DESCRIPTION *one = ACCESS_DESCRIPTION_new();
		ASN1_IA5STRING *url = ASN1_IA5STRING_new();
		ASN1_OBJECT_free(one->method);
		one->method = OBJ_nid2obj(NID_ad_ca_issuers);
		assert_int_equal(ASN1_STRING_set(url, urls[i], -1), 1);
		GENERAL_NAME_set0_value(one->location, GEN_URI, url);
		assert_true(sk_ACCESS_DESCRIPTION_push(access, one) > 0);
		assert_int_equal(X509_add1_ext_i2d(made, NID_info_access, access, 0, 0), 1);
		assert_int_equal(places_read(made, &places, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "places_malformed");
		AUTHORITY_INFO_ACCESS_free(access);
		X509_free(made);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_list_is_taken_and_read),
	    cmocka_unit_test(a_list_that_a_domain_controller_refuses_says_why),
	    cmocka_unit_test(an_octet_that_was_changed_is_noticed_wherever_it_is),
	    cmocka_unit_test(what_is_no_list_is_malformed),
	    cmocka_unit_test(numbers_are_compared_by_value),
	    cmocka_unit_test(the_places_of_a_certificate_are_read),
	    cmocka_unit_test(a_certificate_without_places_has_none),
	    cmocka_unit_test(a_url_that_is_not_printable_is_refused),
	};
	return cmocka_run_group_tests_name("crl_check", tests, set_up, tear_down);
}
