/* What is stored of a logon, and read again by a later release. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/facts.h"
#include "tests/unit/pipeline/world.h"

#define MFA "https://refeds.org/profile/mfa"

static char idp[] = "okta", upn[] = "alice@corp.example.com", name_id[] = "_7f", mfa[] = MFA,
	    format[] = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
	    server[] = "https://fas", index_text[] = "_s1", mail[] = "a@example.com",
	    corp[] = "CORP", root[] = "example.com";

static struct saml_assertion
an_assertion(void)
{
	struct fas_err e = {0};
	struct saml_assertion a = {
	    .idp = idp, .has_sid = true, .has_upn = true, .upn = upn, .name_id = name_id};
	a.authn_context = mfa;
	a.name_id_format = format;
	a.sp_name_qualifier = server;
	a.session_index = index_text;
	a.email = mail;
	a.forest = root;
	a.domain = corp;
	assert_int_equal(sid_parse(ALICE_SID, &a.sid, &e), FAS_OK);
	return a;
}

static enum fas_code
make_facts(const struct saml_assertion *a, struct facts *out, struct fas_err *e)
{
	struct caller caller = storefront(STOREFRONT);
	enum fas_code rc = facts_from_assertion(a, &caller, out, e);
	out->account_sid = a->sid;
	return rc;
}

static void
what_the_provider_said_of_the_user_and_its_session_is_kept(void **state)
{
	(void)state;
	struct fas_err e = {0};
	const struct saml_assertion a = an_assertion();
	OWN(facts) struct facts made = {0}, read = {0};
	assert_int_equal(make_facts(&a, &made, &e), FAS_OK);
	OWN(text) char *text = facts_format(&made);
	assert_non_null(text);
	assert_int_equal(facts_parse(text, &read, &e), FAS_OK);
	assert_string_equal(read.authn_context, MFA);
	assert_string_equal(read.name_id, "_7f");
	assert_string_equal(read.name_id_format, format);
	assert_null(read.name_qualifier);
	assert_string_equal(read.sp_name_qualifier, "https://fas");
	assert_string_equal(read.session_index, "_s1");
	const struct directory_claims claims = facts_claims(&read);
	assert_string_equal(claims.email, "a@example.com");
	assert_string_equal(claims.forest, "example.com");
	assert_string_equal(claims.domain, "CORP");
}

/* As version 0.6 wrote them: a session of twelve hours lives through an upgrade. */
static void
facts_of_an_earlier_release_are_read(void **state)
{
	(void)state;
	static const char old[] =
	    "{\"idp\":\"okta\",\"storefront\":\"storefront01.corp.example.com\",\"sid\":"
	    "\"" ALICE_SID "\",\"upn\":\"alice@corp.example.com\",\"account_sid\":\"" ALICE_SID
	    "\",\"session_not_on_or_after\":0}";
	struct fas_err e = {0};
	OWN(facts) struct facts facts = {0};
	assert_int_equal(facts_parse(old, &facts, &e), FAS_OK);
	assert_null(facts.authn_context);
	assert_null(facts.name_id);
	assert_null(facts.name_id_format);
	assert_null(facts.session_index);
	OWN(text) char *again = facts_format(&facts);
	assert_string_equal(again, old);
}

static void
a_context_that_cannot_be_kept_whole_is_refused(void **state)
{
	(void)state;
	char text[FACTS_TEXT_MAX + 2];
	struct fas_err e = {0};
	struct saml_assertion a = an_assertion();
	OWN(facts) struct facts facts = {0};
	memset(text, 'x', sizeof(text));
	text[FACTS_TEXT_MAX + 1] = 0;
	a.authn_context = text;
	assert_int_equal(make_facts(&a, &facts, &e), FAS_E_AUTH);
	assert_reason(&e, "saml_authn_statement");
	text[FACTS_TEXT_MAX] = 0;
	fas_err_clear(&e);
	assert_int_equal(make_facts(&a, &facts, &e), FAS_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_the_provider_said_of_the_user_and_its_session_is_kept),
	    cmocka_unit_test(facts_of_an_earlier_release_are_read),
	    cmocka_unit_test(a_context_that_cannot_be_kept_whole_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
