/* The service's own keys: what of `saml:` is taken, and what is refused at start, with the place. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/base/macros.h"
#include "saml_kit.h"

static void
refused(const char *text, const char *reason, const char *says)
{
	struct saml_sp *sp = NULL;
	struct fas_err e = {0};
	assert_int_equal(kit_load_sp(text, &sp, &e), FAS_E_CONFIG);
	assert_null(sp);
	assert_string_equal(e.reason, reason);
	if (!strstr(e.message, says))
		fail_msg("%s: no %s in it", e.message, says);
}

static void
one_signing_key_is_enough(void **state)
{
	struct fas_err e = {0};
	OWN(saml_sp) struct saml_sp *sp = NULL;
	(void)state;
	assert_int_equal(kit_load_sp("signing: [" KIT_PAIR(2) "]\n", &sp, &e), FAS_OK);
	assert_int_equal(saml_sp_count(sp, SAML_SP_SIGNING), 1);
	assert_int_equal(saml_sp_count(sp, SAML_SP_DECRYPTION), 0);
	assert_int_equal(EVP_PKEY_eq(saml_sp_key(sp, SAML_SP_SIGNING, 0), world.keys[KEY_P256]), 1);
	assert_null(saml_sp_key(sp, SAML_SP_SIGNING, 1));
	assert_null(saml_sp_key(sp, SAML_SP_DECRYPTION, 0));
}

static void
two_of_each_are_kept_in_order(void **state)
{
	struct fas_err e = {0};
	OWN(saml_sp) struct saml_sp *sp = NULL;
	(void)state;
	assert_int_equal(kit_load_sp("signing: [" KIT_PAIR(1) ", " KIT_PAIR(
					 3) "]\n"
					    "decryption: [" KIT_PAIR(0) ", " KIT_PAIR(1) "]\n",
			     &sp, &e),
	    FAS_OK);
	assert_int_equal(
	    X509_cmp(saml_sp_certificate(sp, SAML_SP_SIGNING, 1), world.certs[KEY_P384]), 0);
	assert_int_equal(
	    EVP_PKEY_eq(saml_sp_key(sp, SAML_SP_DECRYPTION, 0), world.keys[KEY_MAIN]), 1);
	assert_int_equal(
	    EVP_PKEY_eq(saml_sp_key(sp, SAML_SP_DECRYPTION, 1), world.keys[KEY_OTHER]), 1);
	assert_null(saml_sp_certificate(sp, SAML_SP_DECRYPTION, 2));
}

static void
without_any_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(saml_sp_count(NULL, SAML_SP_SIGNING), 0);
	assert_null(saml_sp_key(NULL, SAML_SP_SIGNING, 0));
	assert_null(saml_sp_certificate(NULL, SAML_SP_DECRYPTION, 0));
	saml_sp_free(NULL);
}

static void
entries_that_are_no_pairs_are_refused(void **state)
{
	static const struct {
		const char *text, *reason, *says;
	} cases[] = {
	    {"[]\n", "yaml_type", "saml"},
	    {"decryption: [" KIT_PAIR(0) "]\n", "yaml_missing_key", "signing"},
	    {"signing: []\n", "yaml_value", "want 1 to 2"},
	    {"signing: [" KIT_PAIR(0) ", " KIT_PAIR(1) ", " KIT_PAIR(2) "]\n", "yaml_value",
		"3 entries"},
	    {"signing: [0.key]\n", "yaml_type", "fasd.yaml:1:11"},
	    {"signing: [{key: 0.key}]\n", "yaml_missing_key", "certificate"},
	    {"signing: [{key: 0.key, cert: 0.pem}]\n", "yaml_missing_key", "certificate"},
	    {"signing: [" KIT_PAIR(0) "]\ndecription: []\n", "yaml_unknown_key", "decryption"},
	    {"signing: [{key: no.key, certificate: 0.pem}]\n", "saml_key", "fasd.yaml:1:17"},
	    {"signing: [{key: 0.pem, certificate: 0.pem}]\n", "saml_key", "0.pem"},
	    {"signing: [{key: 0.key, certificate: no.pem}]\n", "saml_certificate", "no.pem"},
	    {"signing: [{key: 0.key, certificate: 0.key}]\n", "saml_certificate", "0.key"},
	    {"signing: [{key: 0.key, certificate: 1.pem}]\n", "saml_certificate", "another key"},
	    {"signing: [" KIT_PAIR(0) "]\ndecryption: [" KIT_PAIR(2) "]\n", "saml_key", "is RSA"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++)
		refused(cases[i].text, cases[i].reason, cases[i].says);
}

static void
keys_that_are_weak_open_or_locked_are_refused(void **state)
{
	char path[128];
	(void)state;
	EVP_PKEY *weak = saml_sign_new_rsa(1024);
	kit_write_key("weak.key", weak, NULL);
	refused("signing: [{key: weak.key, certificate: 0.pem}]\n", "saml_key", "2048");
	kit_remove("weak.key");
	EVP_PKEY_free(weak);
	EVP_PKEY *dear = saml_sign_new_rsa(4104);
	kit_write_key("dear.key", dear, NULL);
	refused("signing: [" KIT_PAIR(0) "]\ndecryption: [{key: dear.key, certificate: 0.pem}]\n",
	    "saml_key", "4096");
	kit_remove("dear.key");
	EVP_PKEY_free(dear);
	kit_write_key("locked.key", world.keys[KEY_MAIN], EVP_aes_128_cbc());
	refused("signing: [{key: locked.key, certificate: 0.pem}]\n", "saml_key", "no readable");
	kit_remove("locked.key");
	kit_write_key("open.key", world.keys[KEY_MAIN], NULL);
	(void)snprintf(path, sizeof(path), "%s/open.key", world.folder);
	assert_int_equal(chmod(path, 0644), 0);
	refused("signing: [{key: open.key, certificate: 0.pem}]\n", "saml_key", "open.key");
	kit_remove("open.key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_signing_key_is_enough),
	    cmocka_unit_test(two_of_each_are_kept_in_order),
	    cmocka_unit_test(without_any_there_is_none),
	    cmocka_unit_test(entries_that_are_no_pairs_are_refused),
	    cmocka_unit_test(keys_that_are_weak_open_or_locked_are_refused),
	};
	return cmocka_run_group_tests_name("saml_sp", tests, kit_setup, kit_teardown);
}
