/* What a person is told of a response, clause by clause; that it agrees with saml_verify, every other test asks. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "saml_world.h"

static json_t *
explain(const struct row *row)
{
	json_t *report = NULL;
	struct fas_err e = {0};
	char *xml = world_response(row);
	if (world_explain(row, xml, strlen(xml), &report, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	free(xml);
	return report;
}

/* The clause of this name; fails the test when it is not there, or twice. */
static json_t *
clause(const json_t *report, const char *name)
{
	json_t *found = NULL, *one;
	size_t i;
	json_array_foreach(json_object_get(report, "clauses"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "clause")), name) != 0)
			continue;
		assert_null(found);
		found = one;
	}
	assert_non_null(found);
	return found;
}

static void
is(const json_t *report, const char *name, const char *verdict, const char *says)
{
	const json_t *c = clause(report, name);
	assert_string_equal(json_string_value(json_object_get(c, "verdict")), verdict);
	const char *why = json_string_value(json_object_get(c, "why"));
	if (!strstr(why, says))
		fail_msg("%s: %s, want %s", name, why, says);
}

static void
good_response_is_good_in_each_clause(void **state)
{
	OWN(json) json_t *report = explain(&(struct row){.sign = SAML_SIGN_BOTH});
	size_t i;
	json_t *one;
	(void)state;
	assert_true(json_is_true(json_object_get(report, "good")));
	assert_string_equal(json_string_value(json_object_get(report, "provider")), "main");
	assert_int_equal(json_array_size(json_object_get(report, "clauses")), 16);
	json_array_foreach(json_object_get(report, "clauses"), i, one)
	{
		assert_string_equal(json_string_value(json_object_get(one, "verdict")), "good");
		assert_null(json_object_get(one, "unproven"));
	}
	const json_t *claims = json_object_get(report, "claims");
	assert_string_equal(json_string_value(json_object_get(claims, "upn")), UPN);
	assert_string_equal(json_string_value(json_object_get(claims, "sid")), SID);
}

static void
each_bad_clause_is_told_not_only_the_first(void **state)
{
	OWN(json)
	json_t *report = explain(&(struct row){.later_s = 3600,
	    .before = {{"<saml:Audience>" AUDIENCE, "<saml:Audience>urn:x"},
		{" Recipient=\"" ACS, " Recipient=\"https://x"}}});
	(void)state;
	assert_true(json_is_false(json_object_get(report, "good")));
	is(report, "signature", "good", "");
	is(report, "issue_instant", "bad", "3600 s ago");
	is(report, "conditions", "bad", "ended");
	is(report, "audience", "bad", "urn:x");
	is(report, "subject_confirmation", "bad", "https://x");
	is(report, "claims", "good", "");
}

static void
what_stands_behind_a_bad_signature_is_shown_as_unproven(void **state)
{
	OWN(json) json_t *report = explain(&(struct row){.after = {{SID, EVIL_SID}}});
	(void)state;
	assert_true(json_is_false(json_object_get(report, "good")));
	is(report, "signature", "bad", "changed");
	is(report, "audience", "good", "");
	assert_true(json_is_true(json_object_get(clause(report, "audience"), "unproven")));
	assert_true(json_is_true(json_object_get(clause(report, "claims"), "unproven")));
	assert_null(json_object_get(clause(report, "provider"), "unproven"));
}

static void
what_does_not_open_is_not_looked_at(void **state)
{
	OWN(json)
	json_t *report = explain(&(struct row){.sealed = SEALED_ASSERTION, .without_sp = true});
	(void)state;
	assert_true(json_is_true(json_object_get(report, "encrypted")));
	is(report, "provider", "good", "");
	is(report, "signature", "bad", "saml: decryption");
	is(report, "audience", "unknown", "");
	is(report, "claims", "unknown", "");
	assert_int_equal(json_object_size(json_object_get(report, "claims")), 0);
}

/* Whoever changes a CBC ciphertext and asks again reads it, octet by octet, from what the answers tell. */
static void
behind_a_bad_signature_no_unauthenticated_identifier_is_opened(void **state)
{
	OWN(json)
	json_t *report = explain(&(struct row){.sealed = SEALED_NAME_ID,
	    .seal = {.cipher = "aes128-cbc"},
	    .after = {{SID, EVIL_SID}}});
	(void)state;
	is(report, "signature", "bad", "changed");
	is(report, "identifier", "bad", "without a signature over the ciphertext");
	is(report, "claims", "unknown", "");
}

static void
foreign_provider_ends_it(void **state)
{
	OWN(json)
	json_t *report = explain(&(struct row){
	    .before = {{ENTITY("main") "</saml:Issuer><ds:", "urn:x</saml:Issuer><ds:"}}});
	(void)state;
	is(report, "document", "good", "");
	is(report, "provider", "bad", "urn:x");
	is(report, "signature", "unknown", "");
	is(report, "version", "unknown", "");
}

static void
what_is_no_response_is_told(void **state)
{
	json_t *report = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(world_explain(&(struct row){0}, "<x/>", 4, &report, &e), FAS_OK);
	is(report, "document", "bad", "root is <x>");
	is(report, "provider", "unknown", "");
	is(report, "claims", "unknown", "");
	assert_int_equal(json_array_size(json_object_get(report, "clauses")), 16);
	json_decref(report);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_response_is_good_in_each_clause),
	    cmocka_unit_test(each_bad_clause_is_told_not_only_the_first),
	    cmocka_unit_test(what_stands_behind_a_bad_signature_is_shown_as_unproven),
	    cmocka_unit_test(what_does_not_open_is_not_looked_at),
	    cmocka_unit_test(behind_a_bad_signature_no_unauthenticated_identifier_is_opened),
	    cmocka_unit_test(foreign_provider_ends_it),
	    cmocka_unit_test(what_is_no_response_is_told),
	};
	return cmocka_run_group_tests_name("saml_explain", tests, world_setup, world_teardown);
}
