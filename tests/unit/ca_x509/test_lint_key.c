/* Elliptic curves through profile and linter: the lint data is RSA, so the other half is made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/ec.h>

#include "ca/lint.h"
#include "fas/base/own.h"
#include "fixture.h"

DEFINE_OWN(x509, X509 *, X509_free);

static struct fixture fixture;

static int
set_up(void **state)
{
	(void)state;
	fixture_init(&fixture);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fixture_done(&fixture);
	return 0;
}

static void
assert_clean(X509 *certificate, const struct fixture *f, enum profile_kind kind)
{
	const struct lint_context context = {.kind = kind,
	    .issuer = f->ca,
	    .published = &f->issuer,
	    .sid = &f->sid,
	    .upn = FIXTURE_UPN,
	    .longest_life_s = 900,
	    .now_s = FIXTURE_NOW};
	struct lint_report report;
	uint8_t *der = NULL;
	int len = i2d_X509(certificate, &der);
	assert_true(len > 0);
	lint_certificate(der, (size_t)len, &context, &report);
	OPENSSL_free(der);
	for (size_t i = 0; i < report.n; i++)
		print_message("%s: %s\n", report.findings[i].name, report.findings[i].message);
	assert_int_equal(report.n, 0);
}

static void
elliptic_keys_of_every_profile_are_clean(void **state)
{
	(void)state;
	for (int kind = PROFILE_SMARTCARD_LOGON; kind <= PROFILE_SERVICE_CLIENT; kind++) {
		struct profile_facts facts = fixture_facts(&fixture, (enum profile_kind)kind);
		facts.spki = fixture.p256_spki;
		facts.spki_len = fixture.p256_spki_len;
		OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
		assert_clean(certificate, &fixture, (enum profile_kind)kind);
	}
}

/* A root on the curve, and what it issues. */
static void
elliptic_authorities_issue_clean_certificates(void **state)
{
	(void)state;
	static const char *const curves[] = {"P-256", "P-384"};
	for (size_t i = 0; i < NELEMS(curves); i++) {
		struct fixture other = fixture;
		OWN(bytes) uint8_t *tbs = NULL;
		size_t tbs_len = 0;
		uint8_t *spki = NULL;
		other.ca_key = EVP_EC_gen(curves[i]);
		int spki_len = i2d_PUBKEY(other.ca_key, &spki);
		const struct profile_ca_facts facts = {.common_name = "Elliptic CA",
		    .serial = {1, 2, 3, 4, 5, 6, 7, 8, 9},
		    .serial_len = 9,
		    .not_before_s = FIXTURE_NOW - 3600,
		    .not_after_s = FIXTURE_NOW + 86400,
		    .path_len = 0,
		    .spki = spki,
		    .spki_len = (size_t)spki_len};
		assert_int_equal(
		    profile_signature_for(other.ca_key, &other.issuer.signature, NULL), FAS_OK);
		assert_int_equal(
		    profile_build_ca(NULL, other.issuer.signature, &facts, &tbs, &tbs_len, NULL),
		    FAS_OK);
		OWN(x509) X509 *root = fixture_sign(other.ca_key, tbs, tbs_len);
		other.ca = other.issuer.certificate = root;
		const struct profile_facts leaf = fixture_facts(&other, PROFILE_SMARTCARD_LOGON);
		OWN(x509) X509 *certificate = fixture_issue(&other, &leaf);
		assert_int_equal(X509_verify(certificate, other.ca_key), 1);
		assert_clean(certificate, &other, PROFILE_SMARTCARD_LOGON);
		EVP_PKEY_free(other.ca_key);
		OPENSSL_free(spki);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elliptic_keys_of_every_profile_are_clean),
	    cmocka_unit_test(elliptic_authorities_issue_clean_certificates),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
