/* Building and linting certificates without memory. */
#include <stdlib.h>

#include "ca/lint.h"
#include "fas/base/own.h"
#include "tests/unit/ca_x509/fixture.h"
#include "tests/unit/faults/faults.h"

static struct fixture fixture;

static enum fas_code
run_build(void *arg, struct fas_err *e)
{
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	const struct profile_facts facts = fixture_facts(&fixture, *(const enum profile_kind *)arg);
	enum fas_code rc = profile_build(&fixture.issuer, &facts, &tbs, &len, e);
	assert_true((rc == FAS_OK) == (tbs != NULL));
	return rc;
}

static void
each_profile_is_built_or_not(void **state)
{
	const struct fault_case c = {.run = run_build};
	(void)state;
	for (int kind = PROFILE_SMARTCARD_LOGON; kind <= PROFILE_SERVICE_CLIENT; kind++)
		(void)faults_each(FAULT_MEMORY, &c, &kind);
}

static enum fas_code
run_assemble(void *arg, struct fas_err *e)
{
	static const uint8_t tbs[] = {0x30, 0x00}, signature[64] = {1};
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	(void)arg;
	enum fas_code rc = profile_assemble(
	    SIGNATURE_RSA_SHA256, tbs, sizeof(tbs), signature, sizeof(signature), &der, &len, e);
	assert_true((rc == FAS_OK) == (der != NULL));
	return rc;
}

static void
a_certificate_is_assembled_or_not(void **state)
{
	const struct fault_case c = {.run = run_assemble};
	(void)state;
	(void)faults_each(FAULT_MEMORY, &c, NULL);
}

static int
set_up(void **state)
{
	(void)state;
	faults_init();
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_profile_is_built_or_not),
	    cmocka_unit_test(a_certificate_is_assembled_or_not),
	};
	return cmocka_run_group_tests_name("certificates without memory", tests, set_up, tear_down);
}
