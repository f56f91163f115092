/* Files and folders: what is read, in which order, by whom they may be written; defaults; groups. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/buf.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"
#include "tests/unit/policy/policy_fixture.h"

#define DENY(name)                                                                                 \
	"rules:\n  - { name: " name                                                                \
	", deny: true, identity_providers: ['*'], storefronts: ['*'], "                            \
	"hosts: ['*'], users: {sids: ['*']} }\n"

static int
clear(void **state)
{
	(void)state;
	fixture_clear();
	return 0;
}

static enum fas_code
load_path(const char *path, struct policy **out, struct fas_err *e)
{
	return policy_load(path, &fixture_world, out, e);
}

static void
left_out_keys_have_their_documented_defaults(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(
	    fixture_rule("    users: { sids: ['*'] }\n    logon: { authority: main }\n"));
	policy_decide(policy, &f, &v);
	assert_int_equal(v.outcome, VERDICT_ALLOW);
	assert_string_equal(v.grant.rule, "eng");
	assert_string_equal(v.grant.authority, "main");
	assert_string_equal(v.grant.profile, "smartcard-logon");
	assert_int_equal(v.grant.validity_s, 900);
	assert_int_equal(v.grant.keys, POLICY_KEY_RSA_2048);
	assert_int_equal(v.grant.custody, CUSTODY_HOST);
	assert_int_equal(v.grant.ticket, TICKET_HOST);
	assert_int_equal(v.grant.ticket_life_s, 60);
	assert_int_equal(v.grant.session_max_s, 43200);
	assert_int_equal(v.grant.lease_s, 600);
	assert_int_equal(v.grant.logoff, LOGOFF_REVOKE);
	assert_false(v.grant.in_session.allow);
}

static void
left_out_keys_in_session_have_their_documented_defaults(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	const struct policy_in_session *s = &v.grant.in_session;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(fixture_rule(
	    "    users: { sids: ['*'] }\n    logon: { authority: main, custody: service }\n"
	    "    in_session: { allow: true, programs: ['*'] }\n"));
	policy_decide(policy, &f, &v);
	assert_int_equal(v.grant.custody, CUSTODY_SERVICE);
	assert_int_equal(v.grant.pool_empty, POOL_EMPTY_HOST);
	assert_int_equal(v.grant.signatures, 8);
	assert_int_equal(v.grant.signature_window_s, 120);
	assert_true(s->allow);
	assert_string_equal(s->authority, "main");
	assert_string_equal(s->profile, "client-auth");
	assert_int_equal(s->validity_s, 3600);
	assert_int_equal(s->keys, POLICY_KEY_RSA_2048);
	assert_int_equal(s->custody, CUSTODY_HOST);
	assert_int_equal(s->fetch, FETCH_LOGON);
	assert_int_equal(s->n_programs, 0);
	assert_int_equal(s->mechanisms, 7);
	assert_int_equal(s->consent, CONSENT_NONE);
	assert_int_equal(s->rate_count, 120);
	assert_int_equal(s->rate_period_s, 60);
}

static void
own_profiles_of_the_signer_are_granted_by_name(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(fixture_rule(
	    "    users: { sids: ['*'] }\n"
	    "    logon: { authority: main, profile: staff-logon }\n"
	    "    in_session: { allow: true, programs: ['*'], profile: staff-client }\n"));
	policy_decide(policy, &f, &v);
	assert_string_equal(v.grant.profile, "staff-logon");
	assert_string_equal(v.grant.in_session.profile, "staff-client");
	OWN(policy)
	struct policy *both = fixture_load(
	    fixture_rule("    users: { sids: ['*'] }\n    logon: { authority: main }\n"
			 "    in_session: { smart_card_logon: true, profile: staff-logon }\n"));
	policy_decide(both, &f, &v);
	assert_string_equal(v.grant.in_session.profile, "staff-logon");
}

static void
all_keys_in_session_that_are_said_are_granted(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	const struct policy_in_session *s = &v.grant.in_session;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(
	    fixture_rule("    users: { sids: ['*'] }\n    logon: { authority: main }\n"
			 "    in_session:\n      allow: true\n      authority: backup\n"
			 "      smart_card_logon: true\n      validity: 8h\n      key: p-384\n"
			 "      custody: service\n      pool_empty: wait\n      fetch: first_use\n"
			 "      programs: [/usr/bin/ssh, /opt/x]\n      mechanisms: ecdsa\n"
			 "      consent: { scope: program, timeout: 1h }\n"
			 "      rate: { count: 5, period: 10s }\n"));
	policy_decide(policy, &f, &v);
	assert_string_equal(s->authority, "backup");
	assert_string_equal(s->profile, "smartcard-logon");
	assert_int_equal(s->validity_s, 28800);
	assert_int_equal(s->keys, POLICY_KEY_P384);
	assert_string_equal(policy_key_name(s->first_key), "p-384");
	assert_int_equal(s->custody, CUSTODY_SERVICE);
	assert_int_equal(s->pool_empty, POOL_EMPTY_WAIT);
	assert_int_equal(s->fetch, FETCH_FIRST_USE);
	assert_int_equal(s->n_programs, 2);
	assert_string_equal(s->programs[1], "/opt/x");
	assert_int_equal(s->mechanisms, POLICY_MECHANISM_ECDSA);
	assert_int_equal(s->consent, CONSENT_PROGRAM);
	assert_int_equal(s->consent_timeout_s, 3600);
	assert_int_equal(s->rate_count, 5);
	assert_int_equal(s->rate_period_s, 10);
}

static void
the_first_kind_of_key_is_the_one_to_make(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(fixture_rule(
	    "    users: { sids: ['*'] }\n    logon: { authority: main }\n"
	    "    in_session: { allow: true, programs: ['*'], key: [p-256, rsa-2048] }\n"));
	policy_decide(policy, &f, &v);
	assert_int_equal(v.grant.in_session.keys, POLICY_KEY_P256 | POLICY_KEY_RSA_2048);
	assert_int_equal(v.grant.in_session.first_key, POLICY_KEY_P256);
}

static void
all_keys_that_are_said_are_granted(void **state)
{
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(fixture_rule(
	    "    front_end: storefront\n    ticket: pool\n    ticket_life: 2m\n"
	    "    users: { sids: [S-1-5-21-1-2-3-1104], upn_suffixes: [CORP.example.com] }\n"
	    "    match: { require: sid, also: [upn, guid] }\n"
	    "    expired_password: deny\n    session: { max: 8h, lease: 5m }\n"
	    "    logon: { authority: backup, profile: smartcard-logon, validity: 10m,\n"
	    "             key: [rsa-3072, p-256, p-384], custody: host }\n"
	    "    in_session: { allow: false }\n    logoff: keep\n"));
	policy_decide(policy, &f, &v);
	assert_int_equal(v.outcome, VERDICT_ALLOW);
	assert_string_equal(v.grant.authority, "backup");
	assert_int_equal(v.grant.validity_s, 600);
	assert_int_equal(v.grant.keys, POLICY_KEY_RSA_3072 | POLICY_KEY_P256 | POLICY_KEY_P384);
	assert_int_equal(v.grant.ticket, TICKET_POOL);
	assert_int_equal(v.grant.ticket_life_s, 120);
	assert_int_equal(v.grant.session_max_s, 28800);
	assert_int_equal(v.grant.lease_s, 300);
	assert_int_equal(v.grant.logoff, LOGOFF_KEEP);
}

static void
files_of_a_folder_follow_each_other_by_name(void **state)
{
	struct policy_facts f = alice_asks();
	struct fas_err e = {0};
	struct policy_verdict v;
	OWN(policy) struct policy *policy = NULL;
	(void)state;
	(void)fixture_write("20-late.yaml", DENY("late"));
	(void)fixture_write("10-early.yaml", DENY("early"));
	(void)fixture_write("README", "no policy");
	(void)fixture_write(".hidden.yaml", "no policy");
	(void)fixture_write("old.yaml~", "no policy");
	assert_int_equal(load_path(fixture_folder(), &policy, &e), FAS_OK);
	assert_int_equal(policy_rule_count(policy), 2);
	policy_decide(policy, &f, &v);
	assert_string_equal(v.rule, "early");
}

static void
folder_without_policy_files_is_refused(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	(void)state;
	(void)fixture_write("README", "no policy");
	assert_int_equal(load_path(fixture_folder(), &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "policy_folder_empty");
	assert_null(policy);
}

static void
one_bad_file_refuses_the_whole_folder(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	(void)state;
	(void)fixture_write("a.yaml", DENY("a"));
	(void)fixture_write("b.yaml", "rules: [x]\n");
	assert_int_equal(load_path(fixture_folder(), &policy, &e), FAS_E_CONFIG);
	assert_non_null(strstr(e.message, "/b.yaml:1:9: error: "));
	assert_null(policy);
}

static void
same_rule_name_in_two_files_is_refused(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	(void)state;
	(void)fixture_write("a.yaml", DENY("same"));
	(void)fixture_write("b.yaml", DENY("same"));
	assert_int_equal(load_path(fixture_folder(), &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "policy_duplicate_rule");
	assert_non_null(strstr(e.message, "/b.yaml:2:5: error: rule \"same\" is there twice"));
	assert_non_null(strstr(e.message, "/a.yaml:2"));
}

static void
missing_file_is_not_found(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	char path[FIXTURE_PATH_MAX + 16];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/none.yaml", fixture_folder());
	assert_int_equal(load_path(path, &policy, &e), FAS_E_NOTFOUND);
	assert_string_equal(e.reason, "file_missing");
}

static void
assert_mode_refused(const char *path)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	assert_int_equal(load_path(path, &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "policy_file_mode");
	assert_null(policy);
}

static void
file_that_everybody_may_write_is_refused(void **state)
{
	(void)state;
	const char *path = fixture_write("a.yaml", DENY("a"));
	assert_int_equal(chmod(path, 0602), 0);
	assert_mode_refused(path);
}

static void
folder_that_everybody_may_write_is_refused(void **state)
{
	(void)state;
	(void)fixture_write("a.yaml", DENY("a"));
	assert_int_equal(chmod(fixture_folder(), 0707), 0);
	assert_mode_refused(fixture_folder());
	assert_int_equal(chmod(fixture_folder(), 0700), 0);
}

static void
file_that_an_unprivileged_group_may_write_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	const char *path = fixture_write("a.yaml", DENY("a"));
	assert_int_equal(chown(path, 0, 65534), 0);
	assert_int_equal(chmod(path, 0620), 0);
	assert_mode_refused(path);
}

static void
file_that_roots_group_may_write_is_read(void **state)
{
	struct fas_err e = {0};
	OWN(policy) struct policy *policy = NULL;
	(void)state;
	if (geteuid() != 0)
		skip();
	const char *path = fixture_write("a.yaml", DENY("a"));
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(load_path(path, &policy, &e), FAS_OK);
}

static void
file_of_another_user_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	const char *path = fixture_write("a.yaml", DENY("a"));
	assert_int_equal(chown(path, 65534, 0), 0);
	assert_mode_refused(path);
}

static void
fifo_in_the_folder_is_refused_without_waiting(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	char path[FIXTURE_PATH_MAX + 16];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/a.yaml", fixture_folder());
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load_path(fixture_folder(), &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "not_a_file");
}

static void
file_above_the_limit_is_refused(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, 2 * YAML_BYTES_MAX);
	while (b.len <= YAML_BYTES_MAX)
		buf_text(&b, "# a policy is a short text\n");
	assert_int_equal(
	    load_path(fixture_write("a.yaml", buf_str(&b)), &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "yaml_malformed");
}

static void
digest_is_the_hash_of_the_bytes(void **state)
{
	struct fas_err e = {0};
	OWN(policy) struct policy *policy = NULL;
	(void)state;
	assert_int_equal(load_path(fixture_write("a.yaml", "rules: []\n"), &policy, &e), FAS_OK);
	assert_string_equal(policy_digest(policy),
	    "e0dfa70eb69d47fe9cb2be8a4fcd53e74cf7fe26fcbb1f06912b57a9c028e4e0");
	assert_int_equal(policy_rule_count(policy), 0);
}

static void
each_group_name_is_listed_once_whatever_its_case(void **state)
{
	(void)state;
	OWN(policy)
	struct policy *policy = fixture_load(fixture_rule(
	    "    users: { groups: ['CORP\\VDI', 'corp\\vdi', S-1-5-32-545], privileged: "
	    "['CORP\\Tier0'] }\n"
	    "    deny: { groups: ['CORP\\Guests', 'CORP\\VDI'] }\n"
	    "    logon: { authority: main }\n"));
	assert_int_equal(policy_group_count(policy), 3);
	struct sid sid = fixture_sid("S-1-5-21-1-2-3-2000");
	for (size_t i = 0; i < 3; i++) {
		assert_false(policy_group_is_set(policy, i));
		policy_group_set(policy, i, &sid);
		assert_true(policy_group_is_set(policy, i));
	}
	policy_group_set(policy, 1, NULL);
	assert_false(policy_group_is_set(policy, 1));
}

static void
nothing_is_cross_checked_without_a_world(void **state)
{
	struct fas_err e = {0};
	OWN(policy) struct policy *policy = NULL;
	(void)state;
	const char *path = fixture_write(
	    "a.yaml", fixture_rule("    users: { groups: ['NOWHERE\\x'], upn_suffixes: [a.b] }\n"
				   "    logon: { authority: unheard-of }\n"));
	assert_int_equal(policy_load(path, NULL, &policy, &e), FAS_OK);
}

static void
unknown_suffix_is_an_error_when_the_forests_suffixes_are_told(void **state)
{
	static const char *const suffixes[] = {"example.org"};
	struct policy_world world = fixture_world;
	struct fas_err e = {0};
	OWN(policy) struct policy *policy = NULL;
	(void)state;
	world.upn_suffixes = suffixes;
	world.n_upn_suffixes = 1;
	const char *path =
	    fixture_write("a.yaml", fixture_rule("    users: { upn_suffixes: [other.net] }\n"
						 "    logon: { authority: main }\n"));
	assert_int_equal(policy_load(path, &world, &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "policy_unknown_upn_suffix");
	assert_int_equal(load_path(path, &policy, NULL), FAS_OK);
}

static void
more_groups_than_a_decision_can_hold_are_refused(void **state)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	OWN(buf) struct buf b;
	(void)state;
	buf_init(&b, YAML_BYTES_MAX);
	buf_text(
	    &b, "rules:\n  - name: r\n    logon: { authority: main }\n    users:\n      groups:\n");
	for (int i = 0; i < 4097; i++)
		buf_printf(&b, "        - S-1-5-21-1-2-3-%d\n", i);
	assert_int_equal(
	    load_path(fixture_write("a.yaml", buf_str(&b)), &policy, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "policy_too_many_groups");
}

/* The first example of docs/POLICY.md is a policy. */
static void
example_of_the_manual_is_loaded(void **state)
{
	struct fas_err e = {0};
	OWN(text) char *manual = NULL;
	size_t len = 0;
	(void)state;
	assert_int_equal(
	    file_read(FAS_TEST_DATA "/../../docs/POLICY.md", 1 << 20, &manual, &len, &e), FAS_OK);
	char *begin = strstr(manual, "```yaml\n");
	assert_non_null(begin);
	char *end = strstr(begin + 8, "```");
	assert_non_null(end);
	*end = 0;
	OWN(policy) struct policy *policy = fixture_load(begin + 8);
	assert_int_equal(policy_rule_count(policy), 3);
}

static void *
use_and_drop(void *arg)
{
	struct policy *policy = arg;
	struct policy_facts f = alice_asks();
	struct policy_verdict v;
	for (int i = 0; i < 1000; i++) {
		struct policy *mine = policy_ref(policy);
		policy_decide(mine, &f, &v);
		policy_unref(mine);
	}
	policy_unref(policy);
	return NULL;
}

static void
last_of_many_threads_frees_the_policy(void **state)
{
	pthread_t threads[4];
	(void)state;
	struct policy *policy = fixture_load(DENY("a"));
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, use_and_drop, policy_ref(policy)), 0);
	policy_unref(policy);
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(left_out_keys_have_their_documented_defaults),
	    TEST(all_keys_that_are_said_are_granted),
	    TEST(left_out_keys_in_session_have_their_documented_defaults),
	    TEST(own_profiles_of_the_signer_are_granted_by_name),
	    TEST(all_keys_in_session_that_are_said_are_granted),
	    TEST(the_first_kind_of_key_is_the_one_to_make),
	    TEST(files_of_a_folder_follow_each_other_by_name),
	    TEST(folder_without_policy_files_is_refused),
	    TEST(one_bad_file_refuses_the_whole_folder),
	    TEST(same_rule_name_in_two_files_is_refused),
	    TEST(missing_file_is_not_found),
	    TEST(file_that_everybody_may_write_is_refused),
	    TEST(folder_that_everybody_may_write_is_refused),
	    TEST(file_that_an_unprivileged_group_may_write_is_refused),
	    TEST(file_that_roots_group_may_write_is_read),
	    TEST(file_of_another_user_is_refused),
	    TEST(fifo_in_the_folder_is_refused_without_waiting),
	    TEST(file_above_the_limit_is_refused),
	    TEST(digest_is_the_hash_of_the_bytes),
	    TEST(each_group_name_is_listed_once_whatever_its_case),
	    TEST(nothing_is_cross_checked_without_a_world),
	    TEST(unknown_suffix_is_an_error_when_the_forests_suffixes_are_told),
	    TEST(more_groups_than_a_decision_can_hold_are_refused),
	    TEST(example_of_the_manual_is_loaded),
	    TEST(last_of_many_threads_frees_the_policy),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
