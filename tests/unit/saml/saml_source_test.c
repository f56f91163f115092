/* Providers whose entries say `metadata`: from a file, from a URL's last good copy, and new ones put in force. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/saml/when.h"
#include "saml_entities.h"

#define ENTRY(name, more)                                                                          \
	"- name: " name "\n  audiences: [" AUDIENCE "]\n  recipients: [" ACS                       \
	"]\n  allow_unsolicited: true\n" more
#define URL "https://idp.example/metadata"
#define PINNED "  metadata: " URL "\n  metadata_certificates: [1.pem]\n"

static enum fas_code
load_at(
    const char *text, const char *copies, int64_t now_s, struct saml_trust **out, struct fas_err *e)
{
	struct yaml_doc *doc = NULL;
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, e) != FAS_OK)
		fail_msg("%s", e->message);
	enum fas_code rc =
	    saml_trust_load_with(yaml_root(doc), world.folder, copies, now_s, out, e);
	yaml_doc_free(doc);
	return rc;
}

static struct saml_trust *
load_good(const char *text, const char *copies, int64_t now_s)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	if (load_at(text, copies, now_s, &trust, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return trust;
}

static void
put(const char *name, char *xml)
{
	kit_write_file(name, xml, strlen(xml));
	free(xml);
}

static struct saml_metadata_state
state_of(const struct saml_trust *trust)
{
	struct saml_metadata_state state = {0};
	assert_true(saml_trust_metadata(trust, 0, &state));
	return state;
}

/* Is a Response of ENTITY("main"), signed by that key, taken? */
static enum fas_code
verify(const struct saml_trust *trust, enum world_key key, const char **reason)
{
	static struct fas_err e;
	const struct row row = {.key = key};
	const struct saml_expectation expected = {0};
	struct saml_assertion *a = NULL;
	OWN(text) char *xml = world_response(&row);
	memset(&e, 0, sizeof(e));
	enum fas_code rc =
	    saml_verify(trust, (const uint8_t *)xml, strlen(xml), &expected, NOW_S, &a, &e);
	saml_assertion_free(a);
	*reason = e.reason;
	return rc;
}

static void
asks_at(const struct saml_trust *trust, const char *url)
{
	const struct saml_request_options options = {0};
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	OWN(saml_sp) struct saml_sp *sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	if (saml_authn_request(sp, trust, "a", &kit_server, &options, NOW_S, &m, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(strncmp(m->url, url, strlen(url)), 0);
	saml_message_free(m);
}

/* ---- files ---- */

static void
a_file_gives_keys_and_urls(void **state)
{
	const char *reason;
	(void)state;
	put("m.xml", entity_xml("main", KEY_MAIN));
	OWN(saml_trust)
	struct saml_trust *trust = load_good(ENTRY("a", "  metadata: m.xml\n"), NULL, NOW_S);
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_OK);
	assert_int_equal(verify(trust, KEY_OTHER, &reason), FAS_E_AUTH);
	asks_at(trust, ENTITY_SSO "?SAMLRequest=");
	assert_true(saml_trust_has_logout(trust, "a"));
	assert_int_equal(saml_trust_not_after(trust, 0), NOW_S + INT64_C(5) * 365 * 86400);
	struct saml_metadata_state at = state_of(trust);
	assert_false(at.is_url);
	assert_false(at.pending);
	assert_false(saml_metadata_is_stale(&at, NOW_S + INT64_C(86400) * 365));
	kit_remove("m.xml");
}

static void
urls_of_the_entry_come_first(void **state)
{
	(void)state;
	put("m.xml", entity_xml("main", KEY_MAIN));
	OWN(saml_trust)
	struct saml_trust *trust = load_good(
	    ENTRY("a", "  metadata: m.xml\n  single_sign_on: {redirect: https://own.example/}\n"),
	    NULL, NOW_S);
	asks_at(trust, "https://own.example/?SAMLRequest=");
	kit_remove("m.xml");
}

static void
a_file_has_to_be_signed_where_somebody_is_pinned(void **state)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	(void)state;
	put("m.xml", entity_xml("main", KEY_MAIN));
	assert_int_equal(
	    load_at(ENTRY("a", "  metadata: m.xml\n  metadata_certificates: [1.pem]\n"), NULL,
		NOW_S, &trust, &e),
	    FAS_E_CONFIG);
	assert_string_equal(e.reason, "idp_metadata");
	put("m.xml", entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER));
	trust = load_good(
	    ENTRY("a", "  metadata: m.xml\n  metadata_certificates: [1.pem]\n"), NULL, NOW_S);
	saml_trust_free(trust);
	kit_remove("m.xml");
}

static void
a_file_that_has_ended_leaves_the_others_alone(void **state)
{
	const struct saml_request_options options = {0};
	const char *reason;
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	(void)state;
	put("m.xml", world_replace(entity_xml("main", KEY_MAIN), "ID=\"_m1\"",
			 "ID=\"_m1\" validUntil=\"2025-12-31T00:00:00Z\""));
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", "  metadata: m.xml\n") KIT_IDP("other", 1, ""), NULL, NOW_S);
	struct saml_metadata_state at = state_of(trust);
	assert_true(at.pending);
	assert_true(saml_metadata_is_stale(&at, NOW_S));
	assert_non_null(strstr(at.trouble, "validUntil"));
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_E_AUTH);
	assert_int_equal(saml_authn_request(NULL, trust, "a", &kit_server, &options, NOW_S, &m, &e),
	    FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "idp_metadata");
	kit_remove("m.xml");
}

static void
what_ends_while_it_is_in_force_is_over(void **state)
{
	const struct saml_request_options options = {0};
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	(void)state;
	put("m.xml", world_replace(entity_xml("main", KEY_MAIN), "ID=\"_m1\"",
			 "ID=\"_m1\" validUntil=\"2026-01-01T00:01:00Z\""));
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", "  metadata: m.xml\n  sign_requests: false\n"), NULL, NOW_S);
	assert_int_equal(
	    saml_authn_request(NULL, trust, "a", &kit_server, &options, NOW_S + 59, &m, &e),
	    FAS_OK);
	saml_message_free(m);
	assert_int_equal(
	    saml_authn_request(NULL, trust, "a", &kit_server, &options, NOW_S + 60, &m, &e),
	    FAS_E_UNAVAILABLE);
	kit_remove("m.xml");
}

/* ---- URLs ---- */

static void
copy_name(char name[256])
{
	struct fas_err e = {0};
	assert_int_equal(saml_metadata_copy("", "a", URL, name, 256, &e), FAS_OK);
}

static void
put_copy(char *xml)
{
	char name[256];
	copy_name(name);
	put(name, xml);
}

static void
remove_copy(void)
{
	char name[256];
	copy_name(name);
	kit_remove(name);
}

static void
a_url_that_never_answered_is_waited_for(void **state)
{
	const char *reason;
	(void)state;
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", PINNED) KIT_IDP("other", 1, ""), world.folder, NOW_S);
	struct saml_metadata_state at = state_of(trust);
	assert_true(at.is_url);
	assert_true(at.pending);
	assert_string_equal(at.location, URL);
	assert_int_equal(at.fetched_s, 0);
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_E_AUTH);
	assert_string_equal(reason, "saml_issuer");
}

static void
the_last_good_copy_is_used_at_start(void **state)
{
	const char *reason;
	(void)state;
	put_copy(entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER));
	OWN(saml_trust)
	struct saml_trust *trust = load_good(ENTRY("a", PINNED), world.folder, NOW_S);
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_OK);
	struct saml_metadata_state at = state_of(trust);
	assert_false(at.pending);
	assert_true(at.fetched_s > NOW_S);
	assert_int_equal(at.refresh_s, 3600);
	assert_false(saml_metadata_is_stale(&at, at.fetched_s + 3 * 3600));
	assert_true(saml_metadata_is_stale(&at, at.fetched_s + 3 * 3600 + 1));
	remove_copy();
}

static void
a_copy_that_nobody_pinned_has_signed_is_not(void **state)
{
	(void)state;
	put_copy(entity_sign(entity_unsigned("main", KEY_MAIN), KEY_MAIN));
	OWN(saml_trust)
	struct saml_trust *trust = load_good(ENTRY("a", PINNED), world.folder, NOW_S);
	assert_true(state_of(trust).pending);
	remove_copy();
}

/* Both may be signed by one federation: the pins do not tell them apart. */
static void
a_copy_is_of_the_url_that_gave_it(void **state)
{
	(void)state;
	put_copy(entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER));
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", "  metadata: " URL "/other\n  metadata_certificates: [1.pem]\n"),
		world.folder, NOW_S);
	assert_true(state_of(trust).pending);
	remove_copy();
}

static void
a_short_cache_duration_shortens_the_refresh(void **state)
{
	(void)state;
	put_copy(world_replace(
	    entity_xml("main", KEY_MAIN), "ID=\"_m1\"", "ID=\"_m1\" cacheDuration=\"PT10M\""));
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", "  metadata: " URL "\n  insecure_unsigned_metadata: true\n"),
		world.folder, NOW_S);
	assert_int_equal(state_of(trust).refresh_s, 600);
	remove_copy();
}

/* In force at NOW_S, until so many seconds later, with metadata_refresh: 7d. */
static int64_t
refresh_of_what_ends_in(int64_t left_s)
{
	struct fas_err e = {0};
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", PINNED "  metadata_refresh: 7d\n"), NULL, NOW_S);
	OWN(text) char *xml = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	OWN(saml_entity) struct saml_entity *entity = NULL;
	assert_int_equal(
	    saml_trust_judge(trust, 0, (const uint8_t *)xml, strlen(xml), NOW_S, &entity, &e),
	    FAS_OK);
	entity->valid_until_s = left_s != 0 ? NOW_S + left_s : 0;
	assert_int_equal(saml_trust_renew(trust, 0, entity, NOW_S, &e), FAS_OK);
	return state_of(trust).refresh_s;
}

static void
what_ends_is_asked_for_before_it_does(void **state)
{
	(void)state;
	assert_int_equal(refresh_of_what_ends_in(0), 7 * 86400);
	assert_int_equal(refresh_of_what_ends_in(30 * 86400), 7 * 86400);
	assert_int_equal(refresh_of_what_ends_in(2 * 86400), 86400);
	assert_int_equal(refresh_of_what_ends_in(90), 60);
}

static struct saml_entity *
judge(const struct saml_trust *trust, char *xml, const char *reason)
{
	struct saml_entity *entity = NULL;
	struct fas_err e = {0};
	enum fas_code rc =
	    saml_trust_judge(trust, 0, (const uint8_t *)xml, strlen(xml), NOW_S, &entity, &e);
	free(xml);
	assert_string_equal(e.reason, reason);
	assert_true((rc == FAS_OK) == (entity != NULL));
	return entity;
}

static void
new_metadata_take_the_place_of_the_old(void **state)
{
	const char *reason;
	struct fas_err e = {0};
	(void)state;
	OWN(saml_trust) struct saml_trust *trust = load_good(ENTRY("a", PINNED), NULL, NOW_S);
	OWN(saml_entity)
	struct saml_entity *first =
	    judge(trust, entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(trust, 0, first, NOW_S, &e), FAS_OK);
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_OK);
	assert_int_equal(state_of(trust).fetched_s, NOW_S);
	OWN(saml_entity)
	struct saml_entity *second =
	    judge(trust, entity_sign(entity_unsigned("main", KEY_OTHER), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(trust, 0, second, NOW_S + 1, &e), FAS_OK);
	assert_int_equal(verify(trust, KEY_MAIN, &reason), FAS_E_AUTH);
	assert_int_equal(verify(trust, KEY_OTHER, &reason), FAS_OK);
	asks_at(trust, ENTITY_SSO);
	assert_null(judge(trust, entity_xml("main", KEY_MAIN), "saml_signature"));
	assert_int_equal(verify(trust, KEY_OTHER, &reason), FAS_OK);
}

static void
nobody_becomes_another_provider(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(saml_trust)
	struct saml_trust *trust =
	    load_good(ENTRY("a", PINNED) KIT_IDP("other", 1, ""), NULL, NOW_S);
	OWN(saml_entity)
	struct saml_entity *entity =
	    judge(trust, entity_sign(entity_unsigned("other", KEY_MAIN), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(trust, 0, entity, NOW_S, &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "idp_entity_id");
	assert_true(state_of(trust).pending);
}

static void
a_provider_stays_who_it_was(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(saml_trust) struct saml_trust *trust = load_good(ENTRY("a", PINNED), NULL, NOW_S);
	OWN(saml_entity)
	struct saml_entity *first =
	    judge(trust, entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(trust, 0, first, NOW_S, &e), FAS_OK);
	OWN(saml_entity)
	struct saml_entity *second =
	    judge(trust, entity_sign(entity_unsigned("other", KEY_MAIN), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(trust, 0, second, NOW_S, &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "idp_entity_id");
}

static void
what_another_configuration_has_judged_is_not_taken(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(saml_trust) struct saml_trust *before = load_good(ENTRY("a", PINNED), NULL, NOW_S);
	OWN(saml_trust) struct saml_trust *after = load_good(ENTRY("a", PINNED), NULL, NOW_S);
	OWN(saml_entity)
	struct saml_entity *entity =
	    judge(before, entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER), "");
	assert_int_equal(saml_trust_renew(after, 0, entity, NOW_S, &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "idp_replaced");
	assert_true(state_of(after).pending);
}

static void
a_name_of_a_provider_leads_out_of_no_folder(void **state)
{
	char path[256];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(saml_metadata_copy("/x", "../a/b c", URL, path, sizeof(path), &e), FAS_OK);
	assert_int_equal(strncmp(path, "/x/..%2Fa%2Fb%20c-", 18), 0);
	assert_null(strchr(path + 3, '/'));
}

/* ---- entries ---- */

static void
sources_that_say_nothing_clear_are_refused(void **state)
{
	static const struct {
		const char *text, *reason, *says;
	} cases[] = {
	    {ENTRY("a", "  metadata: " URL "\n"), "yaml_value", "metadata_certificates"},
	    {ENTRY("a", "  metadata: " URL "\n  metadata_certificates: []\n"), "yaml_value",
		"metadata_certificates"},
	    {ENTRY("a", "  metadata: http://idp.example/\n  insecure_unsigned_metadata: true\n"),
		"yaml_value", "https"},
	    {ENTRY("a", "  metadata: ftp://idp.example/\n  insecure_unsigned_metadata: true\n"),
		"yaml_value", "https"},
	    {ENTRY("a", "  metadata: missing.xml\n"), "idp_metadata", "missing.xml"},
	    {ENTRY("a", "  metadata: 0.pem\n"), "idp_metadata", "0.pem"},
	    {ENTRY("a", PINNED "  metadata_refresh: 59s\n"), "yaml_value", "metadata_refresh"},
	    {ENTRY("a", "  metadata: " URL "\n  metadata_certificates: [no.pem]\n"),
		"idp_certificate", "no.pem"},
	    {ENTRY("a", PINNED "  certificates: [0.pem]\n"), "yaml_unknown_key", "certificates"},
	    {ENTRY("a", "  metadta: x.xml\n"), "yaml_missing_key", "entity_id"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct saml_trust *trust = NULL;
		struct fas_err e = {0};
		assert_int_equal(load_at(cases[i].text, NULL, NOW_S, &trust, &e), FAS_E_CONFIG);
		if (strcmp(e.reason, cases[i].reason) != 0 || !strstr(e.message, cases[i].says))
			fail_msg("%zu: %s: %s", i, e.reason, e.message);
	}
}

static void
durations_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {{"PT1H", 3600}, {"P1D", 86400}, {"P1DT2H3M4S", 93784}, {"PT0.5S", 0},
	    {"P0Y0M1DT0H0M0.000S", 86400}, {"P1Y2M", 36720000}, {"PT6H", 21600},
	    {"P10Y", 315360000}, {"P11Y", -1}, {"", -1}, {"P", -1}, {"PT", -1}, {"P1DT", -1},
	    {"1D", -1}, {"-P1D", -1}, {"P1H", -1}, {"PT1D", -1}, {"P1M1Y", -1}, {"P1D ", -1},
	    {"PT1", -1}, {"PT99999999999999999999S", -1}, {"P1.5D", -1}, {"P1D1D", -1}};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		int64_t got = -1;
		bool ok = when_duration_parse(cases[i].text, &got);
		if (ok != (cases[i].want >= 0) || (ok && got != cases[i].want))
			fail_msg("%s is %lld", cases[i].text, (long long)got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_gives_keys_and_urls),
	    cmocka_unit_test(urls_of_the_entry_come_first),
	    cmocka_unit_test(a_file_has_to_be_signed_where_somebody_is_pinned),
	    cmocka_unit_test(a_file_that_has_ended_leaves_the_others_alone),
	    cmocka_unit_test(what_ends_while_it_is_in_force_is_over),
	    cmocka_unit_test(a_url_that_never_answered_is_waited_for),
	    cmocka_unit_test(the_last_good_copy_is_used_at_start),
	    cmocka_unit_test(a_copy_that_nobody_pinned_has_signed_is_not),
	    cmocka_unit_test(a_copy_is_of_the_url_that_gave_it),
	    cmocka_unit_test(a_short_cache_duration_shortens_the_refresh),
	    cmocka_unit_test(what_ends_is_asked_for_before_it_does),
	    cmocka_unit_test(new_metadata_take_the_place_of_the_old),
	    cmocka_unit_test(nobody_becomes_another_provider),
	    cmocka_unit_test(a_provider_stays_who_it_was),
	    cmocka_unit_test(what_another_configuration_has_judged_is_not_taken),
	    cmocka_unit_test(a_name_of_a_provider_leads_out_of_no_folder),
	    cmocka_unit_test(sources_that_say_nothing_clear_are_refused),
	    cmocka_unit_test(durations_are_read_strictly),
	};
	return cmocka_run_group_tests_name("saml_source", tests, kit_setup, kit_teardown);
}
