/* A taken-over fasd on the issue socket: whatever lies outside of the limits is refused and recorded. */
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/limits.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

static int
set_up(void **state)
{
	*state = place_new(NULL);
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

/* One member of alice's request is another: that alone must be the reason. */
static void
refuses(struct place *p, const char *member, json_t *value, const char *reason)
{
	static unsigned n;
	char id[32];
	(void)snprintf(id, sizeof(id), "request-%u", ++n);
	json_t *request = alice_wire(id);
	assert_int_equal(json_object_set_new(request, member, value), 0);
	size_t before = place_records(p, "issue_refused", reason);
	place_issue_refuses(p, request, reason);
	assert_int_equal(place_records(p, "issue_refused", reason), before + 1);
}

static void
sids_outside_the_limits_are_refused(void **state)
{
	static const struct {
		const char *sid, *reason;
	} cases[] = {{"S-1-5-21-9-9-9-1105", "sid_outside_limits"},
	    {"S-1-5-21-1-2-3-4-1105", "sid_outside_limits"},
	    {"S-1-5-21-1-2-3", "sid_outside_limits"}, {"S-1-5-32-544", "sid_outside_limits"},
	    {"S-1-5-18", "sid_outside_limits"}, {"S-1-5-21-1-2-3-512", "rid_refused"},
	    {"S-1-5-21-1-2-3-502", "rid_refused"}, {"S-1-5-21-1-2-3-999", "rid_refused"},
	    {"S-1-5-21-1-2-3-1200", "sid_refused"}, {"S-1-5-21-1-2-3-01105", "sid_malformed"},
	    {"alice", "sid_malformed"}};
	for (size_t i = 0; i < NELEMS(cases); i++)
		refuses(*state, "sid", json_string(cases[i].sid), cases[i].reason);
}

static void
a_low_rid_that_is_named_is_allowed(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	struct sid administrator;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-of-500");
	assert_int_equal(sid_parse("S-1-5-21-1-2-3-500", &administrator, &e), FAS_OK);
	q.sid = &administrator;
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_OK);
}

static void
upns_outside_the_limits_are_refused(void **state)
{
	refuses(*state, "upn", json_string("alice@evil.example.com"), "upn_outside_limits");
	refuses(
	    *state, "upn", json_string("alice@corp.example.com.evil.com"), "upn_outside_limits");
	refuses(*state, "upn", json_string("alice"), "upn_malformed");
	refuses(*state, "upn", json_string("a@b@corp.example.com"), "upn_malformed");
}

static void
subjects_outside_the_limits_are_refused(void **state)
{
	struct place *p = *state;
	refuses(p, "subject", json_pack("[[ss]]", "CN", "alice"), "subject_outside_limits");
	refuses(p, "subject", json_pack("[[ss][ss]]", "DC", "com", "DC", "example"),
	    "subject_outside_limits");
	refuses(p, "subject",
	    json_pack(
		"[[ss][ss][ss][ss]]", "DC", "com", "DC", "example", "DC", "other", "CN", "alice"),
	    "subject_outside_limits");
	refuses(p, "subject",
	    json_pack("[[ss][ss][ss][ss][ss]]", "DC", "com", "DC", "example", "DC", "corp", "CN",
		"alice", "DC", "evil"),
	    "subject_outside_limits");
	refuses(p, "subject", json_array(), "dn_malformed");
}

static void
profiles_and_lives_outside_the_limits_are_refused(void **state)
{
	struct place *p = *state;
	refuses(p, "profile", json_string("client-auth"), "profile_outside_limits");
	refuses(p, "profile", json_string("kdc"), "profile_outside_limits");
	refuses(p, "profile", json_string("service-client"), "profile_outside_limits");
	refuses(p, "profile", json_string("service-server"), "profile_outside_limits");
	refuses(p, "profile", json_string("anything"), "profile_unknown");
	refuses(p, "validity_s", json_integer(3601), "life_outside_limits");
	refuses(p, "validity_s", json_integer(0), "member_invalid");
	refuses(p, "validity_s", json_integer(-900), "member_invalid");
}

static void
weak_and_strange_keys_are_refused(void **state)
{
	EVP_PKEY *weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	EVP_PKEY *strange = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *const keys[] = {weak, strange};
	for (size_t i = 0; i < NELEMS(keys); i++) {
		unsigned char *der = NULL;
		int len = i2d_PUBKEY(keys[i], &der);
		OWN(text) char *text = base64_encode(der, (size_t)len);
		refuses(*state, "spki", json_string(text), "spki_key");
		OPENSSL_free(der);
		EVP_PKEY_free(keys[i]);
	}
	refuses(*state, "spki", json_string("AAAA"), "spki_malformed");
	refuses(*state, "spki", json_string("***"), "base64_malformed");
}

static void
unknown_members_and_authorities_are_refused(void **state)
{
	refuses(*state, "limits", json_string("none"), "member_unknown");
	refuses(*state, "serial", json_string("01"), "member_unknown");
	refuses(*state, "authority", json_string("other"), "authority_unknown");
	refuses(*state, "authority", json_string("service"), "authority_unknown");
	refuses(*state, "upn", json_null(), "member_invalid");
}

static void
administrators_operations_are_not_known_on_the_issue_socket(void **state)
{
	static const char *const operations[] = {"ca.init", "ca.install", "kdc.issue",
	    "token.create", "host.revoke", "cert.revoke", "cert.list", "audit.tail", "pool.fill"};
	for (size_t i = 0; i < NELEMS(operations); i++)
		place_issue_refuses(
		    *state, json_pack("{s:s}", "op", operations[i]), "operation_unknown");
	assert_int_equal(
	    place_records(*state, "request_refused", "operation_unknown"), NELEMS(operations));
}

static void
the_issue_socket_revokes_no_machine(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	size_t len = 0, n = 0;
	OWN(signer_certificate) struct signer_certificate c = {0};
	const uint8_t *spki = test_spki(1, &len);
	assert_int_equal(
	    signer_server_certificate(p->signer, "request-1", spki, len, &c, &e), FAS_OK);
	assert_int_equal(signer_revoke(p->signer, "0123456789abcdef0123456789abcdef", c.serial,
			     NULL, "unspecified", &n, &e),
	    FAS_E_DENIED);
	assert_reason(e, "revocation_outside");
	assert_int_equal(place_records(p, "revocation_refused", "revocation_outside"), 1);
}

static void
another_uid_is_not_answered_on_the_issue_socket(void **state)
{
	(void)state;
	struct place *p =
	    place_new(&(struct place_options){.issue_uid = geteuid() == 65533 ? "65532" : "65533"});
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	enum fas_code rc = signer_issue(p->signer, &q, &c, &e);
	/* The word of refusal can be overtaken by the end of the connection; a certificate never comes. */
	assert_true(rc == FAS_E_AUTH || rc == FAS_E_UNAVAILABLE);
	assert_true(place_records(p, "issue_peer_refused", "peer_not_allowed") >= 1);
	assert_int_equal(place_records(p, "certificate_issued", NULL), 0);
	place_free(p);
}

#define LIMITS(rates)                                                                              \
	"domains: [{ sid: S-1-5-21-1-2-3, upn_suffixes: [corp.example.com] }]\n"                   \
	"profiles: [smartcard-logon]\n"                                                            \
	"longest_life: 1h\n"                                                                       \
	"rate: " rates "\n"

static enum fas_code
issue(struct place *p, const char *id, const char *sid_text, struct fas_err *e)
{
	struct sid sid;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice(id);
	*e = (struct fas_err){0};
	assert_int_equal(sid_parse(sid_text, &sid, e), FAS_OK);
	q.sid = &sid;
	return signer_issue(p->signer, &q, &c, e);
}

static void
the_rate_of_one_sid_ends_and_a_restart_does_not_reset_it(void **state)
{
	(void)state;
	struct place *p = place_new(
	    &(struct place_options){.limits = LIMITS("{ per_sid: { count: 2, period: 1h } }")});
	struct fas_err e = {0};
	assert_int_equal(issue(p, "request-1", "S-1-5-21-1-2-3-1105", &e), FAS_OK);
	assert_int_equal(issue(p, "request-2", "S-1-5-21-1-2-3-1105", &e), FAS_OK);
	assert_int_equal(issue(p, "request-3", "S-1-5-21-1-2-3-1105", &e), FAS_E_LIMIT);
	assert_reason(e, "rate_of_sid");
	assert_int_equal(issue(p, "request-4", "S-1-5-21-1-2-3-1106", &e), FAS_OK);
	assert_int_equal(issue(p, "request-2", "S-1-5-21-1-2-3-1105", &e), FAS_OK);
	place_restart(p);
	assert_int_equal(issue(p, "request-5", "S-1-5-21-1-2-3-1105", &e), FAS_E_LIMIT);
	assert_int_equal(place_records(p, "issue_refused", "rate_of_sid"), 2);
	place_free(p);
}

static void
the_rate_in_all_ends(void **state)
{
	(void)state;
	struct place *p = place_new(
	    &(struct place_options){.limits = LIMITS("{ total: { count: 2, period: 1h } }")});
	struct fas_err e = {0};
	assert_int_equal(issue(p, "request-1", "S-1-5-21-1-2-3-1105", &e), FAS_OK);
	assert_int_equal(issue(p, "request-2", "S-1-5-21-1-2-3-1106", &e), FAS_OK);
	assert_int_equal(issue(p, "request-3", "S-1-5-21-1-2-3-1107", &e), FAS_E_LIMIT);
	assert_reason(e, "rate_in_all");
	place_free(p);
}

static void
new_limits_hold_after_a_reload_and_wrong_ones_do_not_replace_them(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	place_write(p, "limits.yaml", LIMITS("{ per_sid: { count: 1, period: 1h } }"));
	assert_int_equal(signer_server_reload(p->server, &e), FAS_OK);
	assert_int_equal(issue(p, "request-1", "S-1-5-21-1-2-3-1105", &e), FAS_OK);
	assert_int_equal(issue(p, "request-2", "S-1-5-21-1-2-3-1105", &e), FAS_E_LIMIT);
	fas_err_clear(&e);
	place_write(p, "limits.yaml", "domains: []\nprofils: []\n");
	assert_int_equal(signer_server_reload(p->server, &e), FAS_E_CONFIG);
	assert_non_null(strstr(e.message, "limits.yaml:"));
	assert_int_equal(issue(p, "request-3", "S-1-5-21-1-2-3-1106", &e), FAS_OK);
	assert_int_equal(issue(p, "request-4", "S-1-5-21-1-2-3-1105", &e), FAS_E_LIMIT);
}

static void
limits_that_others_may_write_are_not_read(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	struct fas_err e = {0};
	struct limits *limits = NULL;
	place_path(p, "limits.yaml", path);
	assert_int_equal(limits_load(path, geteuid() + 1, NULL, &limits, &e), FAS_E_CONFIG);
	assert_reason(e, "config_owner");
	fas_err_clear(&e);
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(limits_load(path, geteuid(), NULL, &limits, &e), FAS_E_CONFIG);
	assert_reason(e, "config_owner");
	fas_err_clear(&e);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(chmod(p->folder, 0777), 0);
	assert_int_equal(limits_load(path, geteuid(), NULL, &limits, &e), FAS_E_CONFIG);
	assert_reason(e, "config_owner");
	assert_null(limits);
}

static void
wrong_limits_are_refused_at_their_place(void **state)
{
	static const struct {
		const char *text, *reason, *place;
	} cases[] = {
	    {"domains: [{ sid: S-1-5-32-544, upn_suffixes: [a.example] }]\nprofiles: []\n",
		"limits_value", ":1:"},
	    {"domains: [{ sid: S-1-5-21-1-2-3-500, upn_suffixes: [a.example] }]\nprofiles: []\n",
		"limits_value", ":1:"},
	    {"domains: []\nprofiles: [kdc]\n", "limits_value", ":2:"},
	    {"domains: []\nprofiles: []\nissuance_policies: [2.5.29.32.0]\n", "limits_value",
		":3:"},
	    {"domains: []\nprofiles: []\nissuance_policies: [1.2.3, mfa]\n", "limits_value", ":3:"},
	    {"domains: []\nprofiles: []\nrate: { per_sid: { cout: 1 } }\n", "yaml_unknown_key",
		":3:"},
	    {"domains: []\nprofiles: []\nlongest_life: 1000d\n", "yaml_value", ":3:"},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct limits *limits = NULL;
		const char *path = place_write(*state, "wrong.yaml", cases[i].text);
		assert_int_equal(limits_load(path, geteuid(), NULL, &limits, &e), FAS_E_CONFIG);
		assert_reason(e, cases[i].reason);
		assert_non_null(strstr(e.message, cases[i].place));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(sids_outside_the_limits_are_refused),
	    T(a_low_rid_that_is_named_is_allowed),
	    T(upns_outside_the_limits_are_refused),
	    T(subjects_outside_the_limits_are_refused),
	    T(profiles_and_lives_outside_the_limits_are_refused),
	    T(weak_and_strange_keys_are_refused),
	    T(unknown_members_and_authorities_are_refused),
	    T(administrators_operations_are_not_known_on_the_issue_socket),
	    T(the_issue_socket_revokes_no_machine),
	    cmocka_unit_test(another_uid_is_not_answered_on_the_issue_socket),
	    cmocka_unit_test(the_rate_of_one_sid_ends_and_a_restart_does_not_reset_it),
	    cmocka_unit_test(the_rate_in_all_ends),
	    T(new_limits_hold_after_a_reload_and_wrong_ones_do_not_replace_them),
	    T(limits_that_others_may_write_are_not_read),
	    T(wrong_limits_are_refused_at_their_place),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
