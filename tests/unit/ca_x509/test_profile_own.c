/* Own profiles as a pure function: what is missing is refused, and what a key cannot do is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/profile_parts.h"
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

static struct profile_facts
own_facts(const struct profile_own *own)
{
	struct profile_facts facts = fixture_facts(&fixture, own->like);
	facts.own = own;
	facts.account = "alice";
	facts.realm = "CORP.EXAMPLE.COM";
	facts.mail = "alice@corp.example.com";
	return facts;
}

static void
refuses(const struct profile_facts *facts, const char *what)
{
	struct fas_err e = {0};
	uint8_t *tbs = NULL;
	size_t len = 0;
	assert_int_equal(profile_build(&fixture.issuer, facts, &tbs, &len, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "profile_facts");
	assert_non_null(strstr(e.message, what));
	assert_null(tbs);
}

static void
each_name_that_the_profile_wants_is_needed(void **state)
{
	(void)state;
	const struct profile_own own = {.like = PROFILE_CLIENT_AUTH,
	    .extra_names = EXTRA_SID_URI | EXTRA_PRINCIPAL | EXTRA_MAIL};
	struct profile_facts facts = own_facts(&own);
	facts.mail = NULL;
	refuses(&facts, "mail");
	facts = own_facts(&own);
	facts.account = NULL;
	refuses(&facts, "account");
	facts = own_facts(&own);
	facts.realm = NULL;
	refuses(&facts, "realm");
	facts = own_facts(&own);
	facts.sid = NULL;
	refuses(&facts, "sid");
}

static void
names_that_would_say_something_else_are_refused(void **state)
{
	(void)state;
	static const char *const accounts[] = {
	    "", "alice@EVIL.COM", "krbtgt/CORP", "al\\ice", "al ice", "\xc3\xa4lice", "alice\n"};
	static const char *const mails[] = {"", "alice", "@corp.example.com",
	    "a b@corp.example.com", "a@b@corp.example.com", "alice@", "alice@-x",
	    "\"a\"@corp.example.com", "alice@corp.example.com,bob@corp.example.com",
	    "\xc3\xa4@corp.example.com"};
	const struct profile_own own = {
	    .like = PROFILE_CLIENT_AUTH, .extra_names = EXTRA_PRINCIPAL | EXTRA_MAIL};
	for (size_t i = 0; i < NELEMS(accounts); i++) {
		struct profile_facts facts = own_facts(&own);
		facts.account = accounts[i];
		refuses(&facts, "account");
	}
	for (size_t i = 0; i < NELEMS(mails); i++) {
		struct profile_facts facts = own_facts(&own);
		facts.mail = mails[i];
		refuses(&facts, "mail");
	}
	struct profile_facts facts = own_facts(&own);
	facts.realm = "CORP EXAMPLE";
	refuses(&facts, "realm");
}

static void
subject_of_the_upn_keeps_the_domain_and_its_bound(void **state)
{
	(void)state;
	const struct profile_own own = {
	    .like = PROFILE_SMARTCARD_LOGON, .subject = PROFILE_SUBJECT_UPN};
	struct profile_facts facts = own_facts(&own);
	OWN(x509) X509 *x = fixture_issue(&fixture, &facts);
	char *text = X509_NAME_oneline(X509_get_subject_name(x), NULL, 0);
	assert_non_null(strstr(text, "/CN=" FIXTURE_UPN));
	assert_non_null(strstr(text, "/DC=corp"));
	assert_null(strstr(text, "/OU="));
	OPENSSL_free(text);
	facts.upn = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@corp.example.com";
	refuses(&facts, "upper bound");
}

static void
usages_that_the_key_cannot_have_are_left_out(void **state)
{
	(void)state;
	static const struct profile_own all = {.key_usage = 0x1f};
	assert_int_equal(profile_usage_bits(NULL, ASN1_KEY_RSA), 0x05);
	assert_int_equal(profile_usage_bits(NULL, ASN1_KEY_EC), 0x01);
	assert_int_equal(profile_usage_bits(&all, ASN1_KEY_RSA), 0x0f);
	assert_int_equal(profile_usage_bits(&all, ASN1_KEY_EC), 0x13);
}

static void
an_oid_that_is_none_is_refused(void **state)
{
	(void)state;
	const struct profile_own policies = {
	    .like = PROFILE_CLIENT_AUTH, .policies = {"1.2.x"}, .n_policies = 1};
	const struct profile_own purposes = {
	    .like = PROFILE_CLIENT_AUTH, .purposes = {"mail"}, .n_purposes = 1};
	struct profile_facts facts = own_facts(&policies);
	refuses(&facts, "OID");
	facts = own_facts(&purposes);
	refuses(&facts, "OID");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_name_that_the_profile_wants_is_needed),
	    cmocka_unit_test(names_that_would_say_something_else_are_refused),
	    cmocka_unit_test(subject_of_the_upn_keeps_the_domain_and_its_bound),
	    cmocka_unit_test(usages_that_the_key_cannot_have_are_left_out),
	    cmocka_unit_test(an_oid_that_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
