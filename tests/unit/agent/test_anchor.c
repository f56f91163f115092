#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "fas/agent/anchor.h"
#include "pki.h"

/* Two trees: the users' (root, subordinate) and the domain controllers' (a root). */
static struct pki_node users_root, users_sub, kdc_root;
static char *kdc_anchors, *users_chain;

static const char *const user_extensions[] = {"keyUsage=critical,digitalSignature",
    "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice.smith@x.org", NULL};
static const char *const kdc_dns[] = {
    "extendedKeyUsage=1.3.6.1.5.2.3.5", "subjectAltName=DNS:dc1.x.org", NULL};
static const char *const kdc_other[] = {
    "extendedKeyUsage=1.3.6.1.5.2.3.5", "subjectAltName=otherName:1.3.6.1.5.2.2;UTF8:krbtgt", NULL};

static int
setup(void **state)
{
	const struct pki_node *chain[] = {&users_sub, &users_root}, *roots[] = {&kdc_root};
	(void)state;
	pki_make(&users_root, NULL, "Users Root", pki_ca);
	pki_make(&users_sub, &users_root, "Users Sub", pki_ca);
	pki_make(&kdc_root, NULL, "KDC Root", pki_ca);
	users_chain = pki_pem(chain, 2);
	kdc_anchors = pki_pem(roots, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pki_done(&users_root);
	pki_done(&users_sub);
	pki_done(&kdc_root);
	free(users_chain);
	free(kdc_anchors);
	return 0;
}

/* As libkrb5 does it: anchors of the bundle as a trusted stack, the subordinate as untrusted. */
static int
verify(const char *bundle, X509 *leaf)
{
	BIO *bio = BIO_new_mem_buf(bundle, -1);
	STACK_OF(X509) *trusted = sk_X509_new_null(), *untrusted = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *one;
	while ((one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		sk_X509_push(trusted, one);
	sk_X509_push(untrusted, users_sub.certificate);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, untrusted), 1);
	X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
	int ok = X509_verify_cert(ctx);
	int error = ok == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(untrusted);
	sk_X509_pop_free(trusted, X509_free);
	BIO_free(bio);
	return error;
}

/* What a certificate of this issuer and kind comes to under the agent's bundle. */
static int
judged(const char *anchors, const struct pki_node *issuer, const char *name,
    const char *const *extensions)
{
	struct fas_err e = {0};
	struct kdc_names names = {0};
	OWN(text) char *bundle = NULL;
	OWN(pki) struct pki_node leaf = {0};
	kdc_names_add(&names, "dc1.x.org");
	pki_make(&leaf, issuer, name, extensions);
	assert_int_equal(anchor_bundle(anchors, users_chain, &names, &bundle, &e), FAS_OK);
	return verify(bundle, leaf.certificate);
}

static void
the_users_own_chain_verifies(void **state)
{
	(void)state;
	assert_int_equal(judged(kdc_anchors, &users_sub, "alice", user_extensions), X509_V_OK);
}

static void
a_user_whose_common_name_looks_like_a_host_verifies_too(void **state)
{
	(void)state;
	assert_int_equal(
	    judged(kdc_anchors, &users_sub, "alice.smith", user_extensions), X509_V_OK);
}

static void
a_domain_controller_of_its_own_root_is_trusted(void **state)
{
	(void)state;
	assert_int_equal(judged(kdc_anchors, &kdc_root, "dc1.x.org", kdc_dns), X509_V_OK);
	assert_int_equal(judged(kdc_anchors, &kdc_root, "dc1", kdc_other), X509_V_OK);
}

static void
a_domain_controllers_certificate_of_the_users_ca_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
	    judged(kdc_anchors, &users_sub, "dc1", kdc_dns), X509_V_ERR_EXCLUDED_VIOLATION);
	assert_int_equal(
	    judged(kdc_anchors, &users_root, "dc1", kdc_dns), X509_V_ERR_EXCLUDED_VIOLATION);
	assert_int_not_equal(judged(kdc_anchors, &users_sub, "dc1", kdc_other), X509_V_OK);
}

static void
a_root_that_is_configured_for_both_is_trusted_for_both(void **state)
{
	const struct pki_node *roots[] = {&kdc_root, &users_root};
	OWN(text) char *both = pki_pem(roots, 2);
	(void)state;
	assert_int_equal(judged(both, &users_sub, "dc1", kdc_dns), X509_V_OK);
	assert_int_equal(judged(both, &users_sub, "alice", user_extensions), X509_V_OK);
}

static void
anchors_or_a_chain_without_a_certificate_are_refused(void **state)
{
	struct fas_err e = {0};
	struct kdc_names names = {0};
	char *bundle = NULL;
	(void)state;
	assert_int_equal(anchor_bundle("", users_chain, &names, &bundle, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "kdc_anchors");
	fas_err_clear(&e);
	assert_int_equal(anchor_bundle(kdc_anchors, "x", &names, &bundle, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "certificate_malformed");
}

static void
a_chain_that_ends_in_no_root_is_refused(void **state)
{
	const struct pki_node *chain[] = {&users_sub};
	OWN(text) char *short_chain = pki_pem(chain, 1);
	struct fas_err e = {0};
	struct kdc_names names = {0};
	char *bundle = NULL;
	(void)state;
	assert_int_equal(anchor_bundle(kdc_anchors, short_chain, &names, &bundle, &e), FAS_E_INPUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_users_own_chain_verifies),
	    cmocka_unit_test(a_user_whose_common_name_looks_like_a_host_verifies_too),
	    cmocka_unit_test(a_domain_controller_of_its_own_root_is_trusted),
	    cmocka_unit_test(a_domain_controllers_certificate_of_the_users_ca_is_refused),
	    cmocka_unit_test(a_root_that_is_configured_for_both_is_trusted_for_both),
	    cmocka_unit_test(anchors_or_a_chain_without_a_certificate_are_refused),
	    cmocka_unit_test(a_chain_that_ends_in_no_root_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
