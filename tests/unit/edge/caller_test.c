/* What a client certificate is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include <openssl/pem.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "pki.h"
#include "table.h"

static struct pki_ca ca, other_ca;
static struct caller_table *table;

static int
set_up_group(void **state)
{
	struct fas_err e = {0};
	(void)state;
	pki_ca_make(&ca, "Service CA");
	pki_ca_make(&other_ca, "Service CA"); /* the same name, another key */
	return caller_table_new(ca.pem, &table, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down_group(void **state)
{
	(void)state;
	caller_table_free(table);
	pki_ca_done(&ca);
	pki_ca_done(&other_ca);
	return 0;
}

static int64_t next_generation = 1;

static void
list(const char *serial, const char *role, const char *name, bool revoked)
{
	const struct table_entry entries[] = {{"00aa", "host", "a.example.com", false},
	    {serial, role, name, revoked}, {"ffee", "storefront", "z.example.com", false}};
	table_set(table, next_generation++, entries, NELEMS(entries));
}

static enum fas_code
judge(const struct pki_ca *by, const struct pki_spec *spec, struct caller *out, struct fas_err *e)
{
	struct pki_leaf leaf;
	pki_leaf_make(by, spec, &leaf);
	*e = (struct fas_err){0};
	enum fas_code rc = caller_from_certificate(table, leaf.der, leaf.len, clock_now(), out, e);
	pki_leaf_done(&leaf);
	return rc;
}

static void
assert_refused(const struct pki_ca *by, const struct pki_spec *spec, const char *reason)
{
	struct caller caller;
	struct fas_err e;
	assert_int_equal(judge(by, spec, &caller, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, reason);
	assert_int_equal(caller.kind, CALLER_NONE);
	assert_int_equal(caller.role, ROLE_NONE);
}

static void
a_listed_host_is_known(void **state)
{
	struct caller caller;
	struct fas_err e;
	char text[CALLER_TEXT_MAX];
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	assert_int_equal(judge(&ca, &(struct pki_spec){0}, &caller, &e), FAS_OK);
	assert_int_equal(caller.kind, CALLER_CERTIFICATE);
	assert_int_equal(caller.role, ROLE_HOST);
	assert_string_equal(caller.name, "vda1.example.com");
	assert_string_equal(caller.credential, "1001");
	assert_in_range(caller.not_after_s, clock_now() + 3500, clock_now() + 3700);
	assert_string_equal(caller_format(&caller, text), "host:vda1.example.com");
}

static void
a_listed_storefront_is_known(void **state)
{
	struct caller caller;
	struct fas_err e;
	(void)state;
	list("1001", "storefront", "vda1.example.com", false);
	assert_int_equal(judge(&ca, &(struct pki_spec){.role = "storefront"}, &caller, &e), FAS_OK);
	assert_int_equal(caller.role, ROLE_STOREFRONT);
}

static void
another_ca_of_the_same_name_is_refused(void **state)
{
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	assert_refused(&other_ca, &(struct pki_spec){0}, "caller_certificate");
}

static void
an_expired_certificate_is_refused(void **state)
{
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	assert_refused(&ca, &(struct pki_spec){.begins_s = -100, .ends_s = -10}, "caller_expired");
	assert_refused(&ca, &(struct pki_spec){.begins_s = 100, .ends_s = 1000}, "caller_expired");
}

static void
a_certificate_for_something_else_is_refused(void **state)
{
	static const struct pki_spec specs[] = {{.eku = ""}, {.eku = "serverAuth"},
	    {.eku = "emailProtection"}, {.san = ""}, {.san = "IP:10.0.0.1"},
	    {.san = "DNS:a.example.com,DNS:b.example.com"}, {.san = "DNS:*.example.com"},
	    {.san = "email:a@example.com"}, {.role = "admin"}, {.role = "HOST"},
	    {.second_role = "storefront"}, {.second_role = "host"}};
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	for (size_t i = 0; i < NELEMS(specs); i++)
		assert_refused(&ca, &specs[i], "caller_certificate");
}

static void
the_service_ca_itself_is_no_caller(void **state)
{
	struct caller caller;
	struct fas_err e = {0};
	uint8_t *der = NULL;
	int len = i2d_X509(ca.certificate, &der);
	(void)state;
	assert_int_equal(
	    caller_from_certificate(table, der, (size_t)len, clock_now(), &caller, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "caller_certificate");
	OPENSSL_free(der);
}

static void
bytes_behind_the_certificate_are_refused(void **state)
{
	struct pki_leaf leaf;
	struct caller caller;
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	pki_leaf_make(&ca, &(struct pki_spec){0}, &leaf);
	uint8_t *longer = calloc(1, leaf.len + 1);
	assert_non_null(longer);
	memcpy(longer, leaf.der, leaf.len);
	for (size_t len = 0; len <= leaf.len + 1; len += len == leaf.len - 1 ? 2 : 1) {
		struct fas_err e = {0};
		assert_int_equal(
		    caller_from_certificate(table, longer, len, clock_now(), &caller, &e),
		    FAS_E_AUTH);
		assert_string_equal(e.reason, "caller_certificate");
	}
	free(longer);
	pki_leaf_done(&leaf);
}

static void
a_certificate_that_is_not_listed_is_refused(void **state)
{
	(void)state;
	list("1002", "host", "vda1.example.com", false);
	assert_refused(&ca, &(struct pki_spec){0}, "caller_unknown");
}

static void
a_certificate_listed_under_another_role_or_name_is_refused(void **state)
{
	(void)state;
	list("1001", "storefront", "vda1.example.com", false);
	assert_refused(&ca, &(struct pki_spec){0}, "caller_unknown");
	list("1001", "host", "vda2.example.com", false);
	assert_refused(&ca, &(struct pki_spec){0}, "caller_unknown");
}

static void
a_revoked_certificate_is_refused(void **state)
{
	(void)state;
	list("1001", "host", "vda1.example.com", true);
	assert_refused(&ca, &(struct pki_spec){0}, "caller_revoked");
}

static void
revocation_is_seen_at_the_next_request(void **state)
{
	struct caller caller;
	struct fas_err e;
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	assert_int_equal(judge(&ca, &(struct pki_spec){0}, &caller, &e), FAS_OK);
	list("1001", "host", "vda1.example.com", false);
	assert_int_equal(caller_still_valid(table, &caller, clock_now(), &e), FAS_OK);
	assert_int_equal(caller.generation, caller_table_generation(table));
	list("1001", "host", "vda1.example.com", true);
	assert_int_equal(caller_still_valid(table, &caller, clock_now(), &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "caller_revoked");
	/* Also when it is asked again: the new generation does not make it good. */
	fas_err_clear(&e);
	assert_int_equal(caller_still_valid(table, &caller, clock_now(), &e), FAS_E_AUTH);
}

static void
the_end_of_life_is_seen_at_the_next_request(void **state)
{
	struct caller caller;
	struct fas_err e;
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	assert_int_equal(judge(&ca, &(struct pki_spec){0}, &caller, &e), FAS_OK);
	assert_int_equal(caller_still_valid(table, &caller, caller.not_after_s, &e), FAS_OK);
	assert_int_equal(
	    caller_still_valid(table, &caller, caller.not_after_s + 1, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "caller_expired");
}

static void
a_broken_table_changes_nothing(void **state)
{
	static const char *const texts[] = {"{}", "{\"generation\": 9}",
	    "{\"generation\": 900, \"hosts\": [{\"serial\": \"01\"}]}",
	    "{\"generation\":9,\"hosts\":[{\"serial\":\"1\",\"role\":\"x\",\"name\":\"a\"}]}"};
	struct caller caller;
	struct fas_err e;
	(void)state;
	list("1001", "host", "vda1.example.com", false);
	int64_t generation = caller_table_generation(table);
	for (size_t i = 0; i < NELEMS(texts); i++) {
		OWN(json) json_t *message = json_loads(texts[i], 0, NULL);
		fas_err_clear(&e);
		assert_int_equal(caller_table_update(table, message, &e), FAS_E_INPUT);
	}
	assert_int_equal(caller_table_generation(table), generation);
	assert_int_equal(judge(&ca, &(struct pki_spec){0}, &caller, &e), FAS_OK);
}

static void *
list_later(void *arg)
{
	(void)arg;
	list("beef", "host", "vda9.example.com", false);
	return NULL;
}

static void
a_new_machine_can_be_awaited(void **state)
{
	pthread_t thread;
	(void)state;
	assert_false(caller_table_await(table, "beef", 10));
	assert_int_equal(pthread_create(&thread, NULL, list_later, NULL), 0);
	assert_true(caller_table_await(table, "beef", 10000));
	pthread_join(thread, NULL);
}

/* The service CA's certificate as it was before its renewal; it has ended.  PEM, malloc'ed. */
static char *
ended_ca(void)
{
	char *data = NULL;
	X509 *ended = X509_dup(ca.certificate);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(ended), 77), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(ended), -7200));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(ended), -10));
	assert_true(X509_sign(ended, ca.key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, ended), 1);
	long len = BIO_get_mem_data(bio, &data);
	char *pem = strndup(data, (size_t)len);
	BIO_free(bio);
	X509_free(ended);
	return pem;
}

/* In a table of its own: what has been added stays. */
static void
a_renewed_service_ca_is_believed_once_it_is_known(void **state)
{
	struct caller_table *shared = table;
	struct caller caller;
	struct fas_err e = {0};
	bool added = true;
	OWN(text) char *ended = ended_ca();
	(void)state;
	assert_int_equal(caller_table_new(ended, &table, &e), FAS_OK);
	list("1001", "host", "vda1.example.com", false);
	assert_int_equal(caller_table_trust(table, ended, &added, &e), FAS_OK);
	assert_false(added);
	assert_refused(&ca, &(struct pki_spec){0}, "caller_expired");
	assert_int_equal(caller_table_trust(table, "nonsense", &added, &e), FAS_E_CRYPTO);
	assert_false(added);
	assert_int_equal(caller_table_trust(table, ca.pem, &added, &e), FAS_OK);
	assert_true(added);
	assert_int_equal(judge(&ca, &(struct pki_spec){0}, &caller, &e), FAS_OK);
	assert_int_equal(caller_table_trust(table, ca.pem, &added, &e), FAS_OK);
	assert_false(added);
	assert_refused(&other_ca, &(struct pki_spec){0}, "caller_certificate");
	caller_table_free(table);
	table = shared;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_listed_host_is_known),
	    cmocka_unit_test(a_listed_storefront_is_known),
	    cmocka_unit_test(another_ca_of_the_same_name_is_refused),
	    cmocka_unit_test(an_expired_certificate_is_refused),
	    cmocka_unit_test(a_certificate_for_something_else_is_refused),
	    cmocka_unit_test(the_service_ca_itself_is_no_caller),
	    cmocka_unit_test(bytes_behind_the_certificate_are_refused),
	    cmocka_unit_test(a_certificate_that_is_not_listed_is_refused),
	    cmocka_unit_test(a_certificate_listed_under_another_role_or_name_is_refused),
	    cmocka_unit_test(a_revoked_certificate_is_refused),
	    cmocka_unit_test(revocation_is_seen_at_the_next_request),
	    cmocka_unit_test(the_end_of_life_is_seen_at_the_next_request),
	    cmocka_unit_test(a_broken_table_changes_nothing),
	    cmocka_unit_test(a_new_machine_can_be_awaited),
	    cmocka_unit_test(a_renewed_service_ca_is_believed_once_it_is_known),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
