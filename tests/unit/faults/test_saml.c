/* A SAML response without memory: refused for that, never for what the provider said. */
#include <stdlib.h>
#include <string.h>

#include "saml_world.h"
#include "tests/unit/faults/faults.h"

static enum fas_code
run_verify(void *arg, struct fas_err *e)
{
	struct saml_assertion *a = NULL;
	const char *xml = arg;
	enum fas_code rc = world_verify(&(struct row){0}, xml, strlen(xml), &a, e);
	assert_true((rc == FAS_OK) == (a != NULL));
	if (a) {
		assert_non_null(a->idp);
		assert_non_null(a->issuer);
		assert_string_equal(a->assertion_id, "_a1");
		assert_string_equal(a->upn, UPN);
		assert_string_equal(a->name_id, "alice");
	}
	saml_assertion_free(a);
	return rc;
}

static void
a_response_is_not_blamed_for_our_memory(void **state)
{
	static const enum saml_sign_what whats[] = {
	    SAML_SIGN_ASSERTION, SAML_SIGN_RESPONSE, SAML_SIGN_BOTH};
	const struct fault_case c = {.run = run_verify};
	(void)state;
	for (size_t i = 0; i < sizeof(whats) / sizeof(whats[0]); i++) {
		char *xml = world_response(&(struct row){.sign = whats[i]});
		(void)faults_each(FAULT_MEMORY, &c, xml);
		free(xml);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_response_is_not_blamed_for_our_memory),
	};
	faults_init();
	return cmocka_run_group_tests_name(
	    "saml without memory", tests, world_setup, world_teardown);
}
