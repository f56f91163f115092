/* Certificates of strangers: what is read of them, and what is not taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "fas/base/macros.h"
#include "fas/doctor/certificate.h"
#include "pki.h"

#define HOST "dc1.corp.example.com"

struct world {
	struct pki_ca ca, other;
	struct pki_leaf leaf, bare;
	X509 *one, *plain; /* a controller's, and one without names and purposes */
};

static int
set_up(void **state)
{
	static struct world w;
	const struct pki_spec good = {.san = "DNS:" HOST, .eku = "serverAuth,1.3.6.1.5.2.3.5"};
	const struct pki_spec bare = {.san = "DNS:*.corp.example.com", .eku = ""};
	pki_ca_make(&w.ca, "Controllers' CA");
	pki_ca_make(&w.other, "Another CA");
	pki_leaf_make(&w.ca, &good, &w.leaf);
	pki_leaf_make(&w.ca, &bare, &w.bare);
	w.one = certificate_parse(w.leaf.der, w.leaf.len);
	w.plain = certificate_parse(w.bare.der, w.bare.len);
	assert_true(w.one && w.plain);
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	X509_free(w->one);
	X509_free(w->plain);
	pki_leaf_done(&w->leaf);
	pki_leaf_done(&w->bare);
	pki_ca_done(&w->ca);
	pki_ca_done(&w->other);
	return 0;
}

static void
only_one_whole_certificate_is_one(void **state)
{
	const struct world *w = *state;
	uint8_t longer[8192] = {0};
	assert_true(w->leaf.len + 1 < sizeof(longer));
	memcpy(longer, w->leaf.der, w->leaf.len);
	assert_null(certificate_parse(longer, w->leaf.len + 1));
	assert_null(certificate_parse(w->leaf.der, w->leaf.len - 1));
	assert_null(certificate_parse(w->leaf.der, 0));
	assert_null(certificate_parse((const uint8_t *)"-----BEGIN", 10));
}

static void
its_life_is_read(void **state)
{
	const struct world *w = *state;
	int64_t from = 0, to = 0;
	assert_true(certificate_life(w->one, &from, &to));
	assert_true(from < time(NULL) && to > time(NULL));
}

static void
purposes_are_those_that_it_says(void **state)
{
	const struct world *w = *state;
	assert_true(certificate_has_purpose(w->one, OID_KDC));
	assert_true(certificate_has_purpose(w->one, OID_SERVER_AUTH));
	assert_false(certificate_has_purpose(w->one, OID_SMARTCARD_LOGON));
	assert_false(certificate_has_purpose(w->plain, OID_KDC));
}

static void
a_name_is_a_whole_name_in_the_alternative_names(void **state)
{
	const struct world *w = *state;
	assert_true(certificate_bears_host(w->one, HOST));
	assert_true(certificate_bears_host(w->one, "DC1.corp.example.com"));
	assert_false(certificate_bears_host(w->one, "dc2.corp.example.com"));
	assert_false(certificate_bears_host(w->plain, HOST));
}

static void
a_chain_ends_in_a_root_that_is_known(void **state)
{
	const struct world *w = *state;
	STACK_OF(X509) *roots = sk_X509_new_null();
	STACK_OF(X509) *strangers = sk_X509_new_null();
	assert_true(sk_X509_push(roots, w->ca.certificate) > 0);
	assert_true(sk_X509_push(strangers, w->other.certificate) > 0);
	assert_null(certificate_chain_fault(w->one, NULL, roots));
	assert_non_null(certificate_chain_fault(w->one, NULL, strangers));
	/* What the peer sends beside it is no root. */
	assert_non_null(certificate_chain_fault(w->one, roots, strangers));
	assert_non_null(certificate_chain_fault(w->one, NULL, NULL));
	assert_ptr_equal(certificate_issuer_in(w->one, roots), w->ca.certificate);
	assert_null(certificate_issuer_in(w->one, strangers));
	assert_true(certificate_is_in(w->ca.certificate, roots));
	assert_false(certificate_is_in(w->ca.certificate, strangers));
	sk_X509_free(roots);
	sk_X509_free(strangers);
}

static X509 *
with_key(EVP_PKEY *key, const EVP_MD *digest)
{
	X509 *x = X509_new();
	assert_true(x && X509_set_pubkey(x, key) == 1 && X509_sign(x, key, digest) > 0);
	EVP_PKEY_free(key);
	return x;
}

static void
small_keys_and_broken_hashes_are_weak(void **state)
{
	OWN(x509) X509 *small = with_key(EVP_RSA_gen(1024), EVP_sha256());
	OWN(x509) X509 *old = with_key(EVP_RSA_gen(2048), EVP_sha1());
	OWN(x509) X509 *curve = with_key(EVP_EC_gen("P-256"), EVP_sha256());
	OWN(x509) X509 *short_curve = with_key(EVP_EC_gen("P-224"), EVP_sha256());
	const struct world *w = *state;
	assert_non_null(strstr(certificate_weakness(small), "2048"));
	assert_non_null(strstr(certificate_weakness(old), "SHA-1"));
	assert_non_null(certificate_weakness(short_curve));
	assert_null(certificate_weakness(curve));
	(void)w;
}

static void
a_name_is_shown_in_letters_that_do_nothing_to_a_terminal(void **state)
{
	char out[CERTIFICATE_NAME_MAX];
	X509_NAME *name = X509_NAME_new();
	static const unsigned char value[] = "evil\x1b[2J\xe2\x80\xae";
	(void)state;
	assert_int_equal(
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, value, -1, -1, 0), 1);
	certificate_name(name, out);
	for (const char *at = out; *at; at++)
		assert_true(*at >= 0x20 && *at < 0x7f);
	X509_NAME_free(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_one_whole_certificate_is_one),
	    cmocka_unit_test(its_life_is_read),
	    cmocka_unit_test(purposes_are_those_that_it_says),
	    cmocka_unit_test(a_name_is_a_whole_name_in_the_alternative_names),
	    cmocka_unit_test(a_chain_ends_in_a_root_that_is_known),
	    cmocka_unit_test(small_keys_and_broken_hashes_are_weak),
	    cmocka_unit_test(a_name_is_shown_in_letters_that_do_nothing_to_a_terminal),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
