/* What the signer tells of what it publishes, and when a certificate names a place in the directory. */
#include "place.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "ca/places.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"

#define CONTAINER                                                                                  \
	"CN=fas1,CN=CDP,CN=Public Key "                                                            \
	"Services,CN=Services,CN=Configuration,DC=corp,DC=example,DC=com"
#define LDAP_URL                                                                                   \
	"ldap:///"                                                                                 \
	"CN=main-1,CN=fas1,CN=CDP,CN=Public%20Key%20Services,CN=Services,CN=Configuration,"        \
	"DC=corp,DC=example,DC=com?certificateRevocationList?base?objectClass="                    \
	"cRLDistributionPoint"
#define HTTP_URL "http://pki.corp.example.com/crl/main-1.crl"

static const struct place_options with_directory = {
    .authority = "    ldap_cdp: " CONTAINER "\n", .key = "p-256"};

static int
set_up(void **state)
{
	*state = place_new(&with_directory);
	return 0;
}

static int
set_up_plain(void **state)
{
	*state = place_new(&(struct place_options){.key = "p-256"});
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static void
issue(struct place *p, const char *id, struct places *out)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	const struct signer_request q = alice(id);
	if (signer_issue(p->signer, &q, &c, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	BIO *bio = BIO_new_mem_buf(c.pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_int_equal(places_read(x, out, &e), FAS_OK);
	X509_free(x);
	BIO_free(bio);
}

static void
expect_places(struct place *p, const char *id, bool directory)
{
	OWN(places) struct places places = {0};
	issue(p, id, &places);
	assert_int_equal(places.n_crl, directory ? 2 : 1);
	assert_string_equal(places.crl[0], HTTP_URL);
	if (directory)
		assert_string_equal(places.crl[1], LDAP_URL);
}

static json_t *
published(struct place *p)
{
	struct fas_err e = {0};
	json_t *reply = NULL;
	assert_int_equal(signer_published(p->signer, &reply, &e), FAS_OK);
	return reply;
}

static void
a_generation_is_told_with_its_chain_and_its_places(void **state)
{
	OWN(json) json_t *reply = published(*state);
	json_t *list = json_object_get(reply, "published"), *one = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(one, "stem")), "main-1");
	assert_true(json_is_true(json_object_get(one, "issues")));
	OWN(json) json_t *served = json_pack("[s]", "main");
	assert_true(json_equal(json_object_get(one, "for"), served));
	assert_null(json_object_get(one, "renewal"));
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(one, "cdp"), 0)), HTTP_URL);
	assert_string_equal(json_string_value(json_object_get(one, "ldap_cdp")), LDAP_URL);
	assert_true(json_integer_value(json_object_get(json_object_get(one, "crl"), "number")) > 0);
	const char *chain = json_string_value(json_object_get(one, "chain"));
	const char *root = strstr(chain, "-----END CERTIFICATE-----");
	assert_non_null(root);
	assert_non_null(strstr(root, "-----BEGIN CERTIFICATE-----"));
}

static void
a_certificate_names_the_directory_only_while_the_list_lies_there(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	expect_places(p, "request-1", false);
	assert_int_equal(signer_in_ldap(p->signer, "main", 1, clock_now() + 1000, &e), FAS_OK);
	expect_places(p, "request-2", true);
	assert_int_equal(signer_in_ldap(p->signer, "main", 1, clock_now() - 1, &e), FAS_OK);
	expect_places(p, "request-3", false);
	assert_int_equal(signer_in_ldap(p->signer, "main", 1, clock_now() + 1000, &e), FAS_OK);
	assert_int_equal(signer_in_ldap(p->signer, "main", 1, 0, &e), FAS_OK);
	expect_places(p, "request-4", false);
}

static void
after_a_restart_the_directory_is_named_when_it_has_been_seen_again(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	assert_int_equal(signer_in_ldap(p->signer, "main", 1, clock_now() + 1000, &e), FAS_OK);
	expect_places(p, "request-1", true);
	place_restart(p);
	expect_places(p, "request-2", false);
}

static void
nothing_is_named_that_the_administrators_file_does_not_name(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(json) json_t *reply = published(p);
	json_t *one = json_array_get(json_object_get(reply, "published"), 0);
	assert_null(json_object_get(one, "ldap_cdp"));
	assert_int_equal(
	    signer_in_ldap(p->signer, "main", 1, clock_now() + 1000, &e), FAS_E_NOTFOUND);
	assert_reason(e, "authority_unknown");
	expect_places(p, "request-1", false);
}

static void
another_generation_is_unknown(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0}, other = {0};
	assert_int_equal(
	    signer_in_ldap(p->signer, "main", 2, clock_now() + 1000, &e), FAS_E_NOTFOUND);
	assert_int_equal(
	    signer_in_ldap(p->signer, "other", 1, clock_now() + 1000, &other), FAS_E_NOTFOUND);
	expect_places(p, "request-1", false);
}

static int
set_up_profiles(void **state)
{
	static const struct place_options options = {.key = "p-256",
	    .profiles = "profiles:\n"
			"  - { name: mirrored, like: smartcard-logon, crl_urls: "
			"[http://mirror.example.com/pki] }\n"
			"  - { name: plain, like: client-auth }\n",
	    .limits = "domains:\n"
		      "  - { sid: S-1-5-21-1-2-3, dns_name: corp.example.com, upn_suffixes: "
		      "[corp.example.com] }\n"
		      "profiles: [mirrored]\n"
		      "own_profiles: { urls: [http://mirror.example.com/pki] }\n"
		      "longest_life: 1h\n"
		      "rate: { per_sid: { count: 20, period: 10m }, total: { count: 1000, "
		      "period: 10m } }\n"};
	*state = place_new(&options);
	return 0;
}

static void
a_profile_with_places_of_its_own_is_told_with_them(void **state)
{
	OWN(json) json_t *reply = published(*state);
	json_t *one = json_array_get(json_object_get(reply, "published"), 0);
	json_t *profiles = json_object_get(one, "profiles"), *own = json_array_get(profiles, 0);
	assert_int_equal(json_array_size(profiles), 1);
	assert_string_equal(json_string_value(json_object_get(own, "name")), "mirrored");
	assert_string_equal(json_string_value(json_array_get(json_object_get(own, "cdp"), 0)),
	    "http://mirror.example.com/pki/crl/main-1.crl");
	assert_string_equal(json_string_value(json_array_get(json_object_get(own, "aia"), 0)),
	    "http://pki.corp.example.com/ca/main-1.cer");
}

/* ---- the file ---- */

static void
a_container_that_would_not_stand_in_a_url_is_refused(void **state)
{
	static const char *const containers[] = {"DC=corp,DC=example,DC=com",
	    "\"CN=a?b" CONTAINER "\"",
	    "CN=fas1,CN=AIA,CN=Public Key Services,CN=Services,CN=Configuration,DC=corp",
	    "\"CN=f%41,CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,DC=corp\""};
	struct place *p = *state;
	for (size_t i = 0; i < NELEMS(containers); i++) {
		char text[1024];
		struct fas_err e = {0};
		struct signer_config *config = NULL;
		(void)snprintf(text, sizeof(text),
		    "state: %s/s\npublic: %s/p\nissue: { socket: %s/i, uid: 0 }\n"
		    "admin: { socket: %s/a }\nlimits: limits.yaml\nauthorities:\n  - name: main\n"
		    "    common_name: X\n    publish_urls: [http://pki.corp.example.com]\n"
		    "    ldap_cdp: %s\nservice_ca: { server_names: [a.example.com] }\n",
		    p->folder, p->folder, p->folder, p->folder, containers[i]);
		const char *path = place_write(p, "other.yaml", text);
		assert_int_equal(signer_config_load(path, geteuid(), &config, &e), FAS_E_CONFIG);
		assert_reason(e, "config_ldap_cdp");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(a_generation_is_told_with_its_chain_and_its_places),
	    T(a_certificate_names_the_directory_only_while_the_list_lies_there),
	    T(after_a_restart_the_directory_is_named_when_it_has_been_seen_again),
	    T(another_generation_is_unknown),
	    T(a_container_that_would_not_stand_in_a_url_is_refused),
	    cmocka_unit_test_setup_teardown(
		a_profile_with_places_of_its_own_is_told_with_them, set_up_profiles, tear_down),
	    cmocka_unit_test_setup_teardown(
		nothing_is_named_that_the_administrators_file_does_not_name, set_up_plain,
		tear_down),
	};
	return cmocka_run_group_tests_name("published", tests, NULL, NULL);
}
