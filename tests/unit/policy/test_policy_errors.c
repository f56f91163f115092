/* Every message of the reader: what is wrong, where, and which word was meant. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "tests/unit/policy/policy_fixture.h"

#define WHO "    users: { groups: ['CORP\\VDI Users'] }\n"
#define LOGON "    logon: { authority: main }\n"

struct error_case {
	const char *sentence;
	const char *text; /* of the file; after '+': lines at the end of the good rule */
	const char *reason;
	const char *message; /* of which this is a part, behind the file's path */
};

static const struct error_case cases[] = {
    {"slip_in_a_key_is_named_with_its_place",
	"+" WHO "    logon:\n      authority: main\n      validty: 5m\n", "yaml_unknown_key",
	":9:7: error: unknown key \"validty\" in rule \"eng\" (did you mean \"validity\"?)"},
    {"slip_in_a_key_of_the_rule_is_named", "+" WHO LOGON "    logof: keep\n", "yaml_unknown_key",
	":8:5: error: unknown key \"logof\" in rule \"eng\" (did you mean \"logoff\"?)"},
    {"key_like_no_other_is_named", "+" WHO LOGON "    banana: keep\n", "yaml_unknown_key",
	":8:5: error: unknown key \"banana\" in rule \"eng\""},
    {"unknown_top_level_key_is_named", "rules: []\nversions: 1\n", "yaml_unknown_key",
	":2:1: error: unknown key \"versions\" in the policy file (did you mean \"version\"?)"},
    {"file_without_rules_is_refused", "version: 1\n", "yaml_missing_key",
	":1:1: error: key \"rules\" is missing in the policy file"},
    {"other_version_is_refused", "version: 2\nrules: []\n", "yaml_value",
	":1:10: error: \"version\" in the policy file is \"2\", want a number from 1 to 1"},
    {"file_that_is_a_list_is_refused", "- a\n", "yaml_type",
	":1:1: error: the policy file is a list, want a mapping"},
    {"malformed_file_is_refused", "rules: [\n", "yaml_malformed", ":2:1: error: "},
    {"rule_that_is_a_text_is_refused", "rules: [allow]\n", "yaml_type",
	":1:9: error: a rule is a single value, want a mapping"},
    {"rule_without_a_name_is_refused", "rules:\n  - hosts: ['*']\n", "yaml_missing_key",
	":2:5: error: key \"name\" is missing in a rule"},
    {"rule_name_with_a_space_is_refused", "rules:\n  - name: a b\n", "policy_rule_name",
	":2:11: error: \"a b\" is no rule name"},
    {"empty_rule_name_is_refused", "rules:\n  - name: ''\n", "policy_rule_name",
	":2:11: error: \"\" is no rule name"},
    {"rule_without_users_is_refused", "+" LOGON, "yaml_missing_key",
	":2:5: error: key \"users\" is missing in rule \"eng\""},
    {"rule_with_misspelt_users_hints", "+    usres: {}\n" LOGON, "yaml_missing_key",
	":2:5: error: key \"users\" is missing in rule \"eng\" (is \"usres\" meant?)"},
    {"users_that_name_nobody_are_refused", "+    users: {}\n" LOGON, "policy_missing_key",
	":6:12: error: \"users\" in rule \"eng\" names nobody: want groups, upn_suffixes or sids"},
    {"users_with_privileged_alone_are_refused",
	"+    users: { privileged: [S-1-5-21-1-2-3-500] }\n" LOGON, "policy_missing_key",
	"names nobody"},
    {"rule_without_identity_providers_is_refused",
	"rules:\n  - name: r\n    hosts: ['*']\n    storefronts: ['*']\n" WHO LOGON,
	"policy_missing_key",
	":2:5: error: key \"identity_providers\" is missing in rule \"r\": say which, or [\"*\"] "
	"for any"},
    {"rule_without_hosts_is_refused",
	"rules:\n  - name: r\n    identity_providers: ['*']\n    storefronts: ['*']\n" WHO LOGON,
	"policy_missing_key", ":2:5: error: key \"hosts\" is missing in rule \"r\""},
    {"rule_without_storefronts_is_refused",
	"rules:\n  - name: r\n    identity_providers: ['*']\n    hosts: ['*']\n" WHO LOGON,
	"policy_missing_key", ":2:5: error: key \"storefronts\" is missing in rule \"r\""},
    {"storefronts_make_no_sense_without_a_storefront", "+    front_end: host\n" WHO LOGON,
	"policy_contradiction",
	":2:5: error: \"storefronts\" has no meaning with \"front_end: host\" in rule \"eng\""},
    {"rule_without_logon_is_refused", "+" WHO, "yaml_missing_key",
	":2:5: error: key \"logon\" is missing in rule \"eng\""},
    {"logon_without_authority_is_refused", "+" WHO "    logon: {}\n", "yaml_missing_key",
	":7:5: error: key \"authority\" is missing in rule \"eng\""},
    {"empty_list_of_hosts_is_refused",
	"rules:\n  - name: r\n    identity_providers: ['*']\n    hosts: []\n    storefronts: "
	"['*']\n" WHO LOGON,
	"policy_empty_list",
	":4:12: error: \"hosts\" is empty: it would match nothing (say [\"*\"] for any"},
    {"empty_list_of_groups_is_refused", "+    users: { groups: [] }\n" LOGON, "policy_empty_list",
	":6:22: error: \"groups\" is empty"},
    {"star_beside_names_is_refused",
	"rules:\n  - name: r\n    identity_providers: [okta, '*']\n    hosts: ['*']\n    "
	"storefronts: ['*']\n" WHO LOGON,
	"policy_any", ":3:32: error: \"*\" in \"identity_providers\" stands alone or not at all"},
    {"star_for_groups_is_refused", "+    users: { groups: ['*'] }\n" LOGON, "policy_any",
	":6:23: error: \"*\" has no meaning in \"groups\""},
    {"single_host_instead_of_a_list_is_refused",
	"rules:\n  - name: r\n    identity_providers: ['*']\n    hosts: vda1\n" WHO LOGON,
	"yaml_type", ":4:12: error: \"hosts\" in rule \"r\" is a single value, want a list"},
    {"unknown_identity_provider_hints",
	"rules:\n  - name: r\n    identity_providers: [otka]\n    hosts: ['*']\n    storefronts: "
	"['*']\n" WHO LOGON,
	"policy_unknown_idp",
	":3:26: error: unknown identity provider \"otka\" (did you mean \"okta\"?)"},
    {"unknown_authority_hints", "+" WHO "    logon: { authority: mian }\n",
	"policy_unknown_authority",
	":7:25: error: unknown authority \"mian\" (did you mean \"main\"?)"},
    {"unknown_netbios_domain_hints", "+    users: { groups: ['COPR\\VDI Users'] }\n" LOGON,
	"policy_unknown_domain", ":6:23: error: unknown domain \"COPR\" (did you mean \"CORP\"?)"},
    {"unknown_dns_domain_of_a_group_hints",
	"+    users: { groups: [vdi@crop.example.com] }\n" LOGON, "policy_unknown_domain",
	":6:23: error: unknown domain \"crop.example.com\" (did you mean \"corp.example.com\"?)"},
    {"unknown_domain_of_a_dn_hints",
	"+    users: { groups: ['CN=VDI,OU=G,DC=corp,DC=exmple,DC=com'] }\n" LOGON,
	"policy_unknown_domain", "unknown domain \"corp.exmple.com\""},
    {"group_without_a_domain_is_refused", "+    users: { groups: [VDI Users] }\n" LOGON,
	"policy_group_name", ":6:23: error: group \"VDI Users\": want DOMAIN\\name"},
    {"group_with_an_empty_domain_is_refused", "+    users: { groups: ['\\VDI'] }\n" LOGON,
	"policy_group_name", "want DOMAIN\\name"},
    {"group_dn_without_dc_is_refused", "+    users: { groups: ['CN=VDI,O=x'] }\n" LOGON,
	"policy_group_name", "want DOMAIN\\name"},
    {"malformed_sid_as_group_is_refused", "+    users: { groups: [S-1-5-x] }\n" LOGON, "policy_sid",
	":6:23: error: \"S-1-5-x\" is no SID: MS-DTYP 2.4.2"},
    {"malformed_sid_is_refused", "+    users: { sids: [alice] }\n" LOGON, "policy_sid",
	":6:21: error: \"alice\" is no SID"},
    {"misspelt_upn_suffix_hints", "+    users: { upn_suffixes: [corp.exmaple.com] }\n" LOGON,
	"policy_unknown_upn_suffix",
	":6:29: error: unknown UPN suffix \"corp.exmaple.com\" (did you mean "
	"\"corp.example.com\"?)"},
    {"upn_suffix_that_is_no_name_is_refused",
	"+    users: { upn_suffixes: ['@corp.example.com'] }\n" LOGON, "policy_upn_suffix",
	":6:29: error: \"@corp.example.com\" is no DNS name"},
    {"host_pattern_with_an_inner_star_is_refused",
	"rules:\n  - name: r\n    identity_providers: ['*']\n    hosts: ['vda*.example.com']\n" WHO
	    LOGON,
	"policy_host_pattern",
	":4:13: error: \"vda*.example.com\" is neither a DNS name nor \"*.\" and one"},
    {"denied_upn_that_is_none_is_refused", "+" WHO LOGON "    deny: { upns: [alice] }\n",
	"policy_upn", ":8:20: error: \"alice\" is no UPN"},
    {"empty_deny_list_is_refused", "+" WHO LOGON "    deny: { sids: [] }\n", "policy_empty_list",
	":8:19: error: \"sids\" is empty"},
    {"deny_of_a_word_is_refused", "+" WHO LOGON "    deny: everybody\n", "yaml_type",
	":8:11: error: \"deny\" in rule \"eng\": want true, or a mapping"},
    {"deny_false_is_refused", "+" WHO LOGON "    deny: false\n", "yaml_type",
	"want true, or a mapping"},
    {"denying_rule_grants_nothing", "+" WHO LOGON "    deny: true\n", "policy_contradiction",
	":7:5: error: key \"logon\" has no meaning with \"deny: true\" in rule \"eng\""},
    {"unknown_key_of_deny_hints", "+" WHO LOGON "    deny: { sid: [] }\n", "yaml_unknown_key",
	"unknown key \"sid\" in rule \"eng\" (did you mean \"sids\"?)"},
    {"unknown_key_of_users_hints", "+    users: { group: [] }\n" LOGON, "yaml_unknown_key",
	"unknown key \"group\" in rule \"eng\" (did you mean \"groups\"?)"},
    {"unknown_claim_hints", "+" WHO LOGON "    match: { require: [sidd] }\n", "yaml_value",
	":8:24: error: unknown word \"sidd\" in \"require\" (did you mean \"sid\"?)"},
    {"empty_list_of_claims_is_refused", "+" WHO LOGON "    match: { require: [] }\n",
	"policy_empty_list", ":8:23: error: \"require\" in rule \"eng\" is empty"},
    {"claim_in_both_lists_is_refused", "+" WHO LOGON "    match: { require: [sid], also: [sid] }\n",
	"policy_contradiction", ":8:12: error: \"match\" in rule \"eng\" has the same claim"},
    {"mapping_as_a_claim_is_refused", "+" WHO LOGON "    match: { require: [{}] }\n", "yaml_type",
	"\"require\" holds no plain words"},
    {"unknown_front_end_is_refused", "+    front_end: hosts\n" WHO LOGON, "yaml_value",
	":6:16: error: \"front_end\" in rule \"eng\" is \"hosts\", want storefront or host (did "
	"you mean \"host\"?)"},
    {"unknown_ticket_is_refused", "+    ticket: any\n" WHO LOGON, "yaml_value",
	"\"ticket\" in rule \"eng\" is \"any\", want host or pool"},
    {"ticket_life_beyond_its_range_is_refused", "+    ticket_life: 6m\n" WHO LOGON, "yaml_value",
	"\"ticket_life\" in rule \"eng\" is \"6m\", want a duration from 10s to 5m"},
    {"expired_password_of_another_word_is_refused", "+    expired_password: warn\n" WHO LOGON,
	"yaml_value", "is \"warn\", want allow or deny"},
    {"logoff_of_another_word_is_refused", "+    logoff: revokes\n" WHO LOGON, "yaml_value",
	"want keep or revoke (did you mean \"revoke\"?)"},
    {"session_beyond_its_range_is_refused", "+    session: { max: 8d }\n" WHO LOGON, "yaml_value",
	"\"max\" in rule \"eng\" is \"8d\", want a duration from 5m to 7d"},
    {"lease_without_a_unit_is_refused", "+    session: { lease: 60 }\n" WHO LOGON, "yaml_value",
	"\"lease\" in rule \"eng\" is \"60\", want a duration from 30s to 1h"},
    {"lease_above_max_is_refused", "+    session: { max: 5m, lease: 10m }\n" WHO LOGON,
	"policy_contradiction", "lease that is longer than its max"},
    {"validity_above_an_hour_is_refused", "+" WHO "    logon: { authority: main, validity: 2h }\n",
	"yaml_value", "\"validity\" in rule \"eng\" is \"2h\", want a duration from 1m to 1h"},
    {"unknown_key_type_hints", "+" WHO "    logon: { authority: main, key: rsa-2084 }\n",
	"yaml_value", "unknown word \"rsa-2084\" in \"key\" (did you mean \"rsa-2048\"?)"},
    {"empty_list_of_key_types_is_refused", "+" WHO "    logon: { authority: main, key: [] }\n",
	"policy_empty_list", "\"key\" in rule \"eng\" is empty"},
    {"other_profile_is_refused", "+" WHO "    logon: { authority: main, profile: client-auth }\n",
	"policy_unknown_profile", ":7:40: error: unknown profile for logons \"client-auth\""},
    {"unknown_own_profile_hints", "+" WHO "    logon: { authority: main, profile: stuff-logon }\n",
	"policy_unknown_profile",
	"unknown profile for logons \"stuff-logon\" (did you mean \"staff-logon\"?)"},
    {"logon_by_a_profile_for_clients_is_refused",
	"+" WHO "    logon: { authority: main, profile: staff-client }\n", "policy_unknown_profile",
	"unknown profile for logons \"staff-client\""},
    {"in_session_by_a_profile_for_logons_is_refused",
	"+" WHO LOGON "    in_session: { profile: staff-logon }\n", "policy_unknown_profile",
	"unknown profile for clients \"staff-logon\""},
    {"in_session_logon_by_a_profile_for_clients_is_refused",
	"+" WHO LOGON "    in_session: { profile: staff-client, smart_card_logon: true }\n",
	"policy_unknown_profile", "unknown profile for logons \"staff-client\""},
    {"profile_that_is_no_list_of_words_is_refused",
	"+" WHO "    logon: { authority: main, profile: [staff-logon] }\n", "yaml_type", "profile"},
    {"service_custody_takes_one_kind_of_key",
	"+" WHO "    logon: { authority: main, key: [rsa-2048, p-256], custody: service }\n",
	"policy_contradiction",
	":7:36: error: \"custody: service\" in rule \"eng\" takes its keys from"},
    {"pool_has_no_meaning_for_keys_of_the_host",
	"+" WHO "    logon: { authority: main, pool_empty: wait }\n", "policy_contradiction",
	":7:31: error: key \"pool_empty\" has no meaning with \"custody: host\" in rule \"eng\""},
    {"signatures_have_no_meaning_for_keys_of_the_host",
	"+" WHO "    logon: { authority: main, custody: host, signatures: 3 }\n",
	"policy_contradiction", "key \"signatures\" has no meaning with"},
    {"signatures_beyond_their_range_are_refused",
	"+" WHO "    logon: { authority: main, custody: service, signatures: 65 }\n", "yaml_value",
	"\"signatures\" in rule \"eng\" is \"65\", want a number from 1 to 64"},
    {"signature_window_beyond_its_range_is_refused",
	"+" WHO "    logon: { authority: main, custody: service, signature_window: 1h }\n",
	"yaml_value", "is \"1h\", want a duration from 10s to 15m"},
    {"pool_empty_of_another_word_is_refused",
	"+" WHO "    logon: { authority: main, custody: service, pool_empty: deny }\n",
	"yaml_value", "is \"deny\", want host or wait"},
    {"in_session_without_programs_is_refused", "+" WHO LOGON "    in_session: { allow: true }\n",
	"policy_missing_key",
	":8:17: error: key \"programs\" is missing in rule \"eng\": say which, or [\"*\"] for any"},
    {"in_session_is_read_also_where_it_is_off",
	"+" WHO LOGON "    in_session: { allow: false, programs: [sh] }\n", "policy_program",
	":8:44: error: \"sh\" is no program: want an absolute path"},
    {"program_with_dots_is_refused",
	"+" WHO LOGON "    in_session: { allow: true, programs: [/usr/bin/../sbin/x] }\n",
	"policy_program", "\"/usr/bin/../sbin/x\" is no program"},
    {"program_that_is_a_folder_is_refused",
	"+" WHO LOGON "    in_session: { allow: true, programs: [/usr/bin/] }\n", "policy_program",
	"\"/usr/bin/\" is no program"},
    {"star_beside_programs_is_refused",
	"+" WHO LOGON "    in_session: { allow: true, programs: [/bin/sh, '*'] }\n", "policy_any",
	"\"*\" in \"programs\" stands alone or not at all"},
    {"empty_list_of_programs_is_refused",
	"+" WHO LOGON "    in_session: { allow: true, programs: [] }\n", "policy_empty_list",
	"\"programs\" is empty"},
    {"profile_and_smart_card_logon_exclude_each_other",
	"+" WHO LOGON "    in_session: { profile: client-auth, smart_card_logon: true }\n",
	"policy_contradiction",
	":8:19: error: \"profile: client-auth\" in rule \"eng\" is for clients only"},
    {"mechanisms_have_to_fit_an_rsa_key",
	"+" WHO LOGON "    in_session: { key: [p-256, rsa-2048], mechanisms: [ecdsa] }\n",
	"policy_contradiction", "\"mechanisms\" in rule \"eng\" have none for RSA keys"},
    {"mechanisms_have_to_fit_an_ec_key",
	"+" WHO LOGON "    in_session: { key: p-256, mechanisms: [rsa-pss, rsa-pkcs1] }\n",
	"policy_contradiction", "have none for EC keys"},
    {"unknown_mechanism_hints", "+" WHO LOGON "    in_session: { mechanisms: rsa-pks1 }\n",
	"yaml_value", "unknown word \"rsa-pks1\" in \"mechanisms\" (did you mean \"rsa-pkcs1\"?)"},
    {"service_custody_in_session_takes_one_kind_of_key",
	"+" WHO LOGON "    in_session: { key: [p-256, p-384], custody: service }\n",
	"policy_contradiction", "want one kind of \"key\""},
    {"signatures_have_no_place_in_session",
	"+" WHO LOGON "    in_session: { custody: service, signatures: 4 }\n", "yaml_unknown_key",
	"unknown key \"signatures\""},
    {"consent_of_a_word_is_refused", "+" WHO LOGON "    in_session: { consent: session }\n",
	"yaml_type", ":8:28: error: \"consent\" in rule \"eng\": want none, or a mapping"},
    {"consent_without_a_scope_is_refused",
	"+" WHO LOGON "    in_session: { consent: { timeout: 5m } }\n", "yaml_missing_key",
	"key \"scope\" is missing"},
    {"consent_of_another_scope_is_refused",
	"+" WHO LOGON "    in_session: { consent: { scope: user } }\n", "yaml_value",
	"is \"user\", want session or program"},
    {"consent_for_less_than_a_minute_is_refused",
	"+" WHO LOGON "    in_session: { consent: { scope: program, timeout: 5s } }\n",
	"yaml_value", "is \"5s\", want a duration from 1m to 1d"},
    {"rate_of_nothing_is_refused", "+" WHO LOGON "    in_session: { rate: { count: 0 } }\n",
	"yaml_value", "\"count\" in rule \"eng\" is \"0\", want a number from 1 to 10000"},
    {"validity_in_session_above_a_day_is_refused",
	"+" WHO LOGON "    in_session: { validity: 2d }\n", "yaml_value",
	"want a duration from 1m to 1d"},
    {"fetch_of_another_word_is_refused", "+" WHO LOGON "    in_session: { fetch: never }\n",
	"yaml_value", "is \"never\", want logon or first_use"},
    {"unknown_authority_in_session_hints", "+" WHO LOGON "    in_session: { authority: mian }\n",
	"policy_unknown_authority", "unknown authority \"mian\" (did you mean \"main\"?)"},
    {"unknown_key_of_in_session_hints", "+" WHO LOGON "    in_session: { alow: false }\n",
	"yaml_unknown_key", "(did you mean \"allow\"?)"},
    {"rule_name_twice_is_refused",
	"rules:\n"
	"  - { name: a, deny: true, identity_providers: ['*'], storefronts: ['*'], hosts: ['*'], "
	"users: {sids: ['*']} }\n"
	"  - { name: a, deny: true, identity_providers: ['*'], storefronts: ['*'], hosts: ['*'], "
	"users: {sids: ['*']} }\n",
	"policy_duplicate_rule", ":3:5: error: rule \"a\" is there twice (first in "},
    {"invisible_characters_in_a_group_are_refused",
	"+    users: { groups: [\"CORP\\\\VDI\xe2\x80\x8b Users\"] }\n" LOGON, "yaml_value",
	"\"groups\" in rule \"eng\" holds control or invisible characters"},
};

static void
check_case(void **state)
{
	const struct error_case *c = *state;
	struct fas_err e = {0};
	struct policy *policy = NULL;
	const char *text = c->text[0] == '+' ? fixture_rule(c->text + 1) : c->text;
	const char *path = fixture_write("policy.yaml", text);
	enum fas_code rc = policy_load(path, &fixture_world, &policy, &e);
	assert_null(policy);
	assert_int_equal(rc, FAS_E_CONFIG);
	assert_string_equal(e.reason, c->reason);
	assert_memory_equal(e.message, path, strlen(path));
	if (!strstr(e.message, c->message))
		fail_msg("\"%s\" is not in \"%s\"", c->message, e.message);
}

int
main(void)
{
	struct CMUnitTest tests[NELEMS(cases)] = {{0}};
	static struct error_case copies[NELEMS(cases)];
	memcpy(copies, cases, sizeof(cases));
	for (size_t i = 0; i < NELEMS(cases); i++)
		tests[i] = (struct CMUnitTest){.name = cases[i].sentence,
		    .test_func = check_case,
		    .initial_state = &copies[i]};
	return cmocka_run_group_tests_name("policy errors", tests, fixture_setup, fixture_teardown);
}
