/*
 * Responses in the styles of six providers (tests/data/saml/styles), each read with the very entry that docs/SAML.md gives for
 * that provider, under the clock of the documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/saml/saml.h"

#define STYLES FAS_TEST_DATA "/saml/styles"
#define GUIDE FAS_TEST_DATA "/../../docs/SAML.md"
#define REQUEST "_2f7a0d5c6b1e4f8a9d3c2b1a0f9e8d7c"
#define ENTITY_ID "https://login.example.com/saml/metadata"
#define ACS_URL "https://login.example.com/saml/acs"
#define OTHER_ACS_URL "https://login.example.com/saml/v/mobile/acs"
#define JUDGED_S INT64_C(1772366410) /* 2026-03-01T12:00:10Z */
#define SID "S-1-5-21-1004336348-1177238915-682003330-1104"
#define GUID "6f9619ff-8b86-d011-b42d-00c04fc964ff"
#define UNSPECIFIED "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
#define PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
#define TRANSPORT "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"

struct style {
	const char *name;
	const char *name_id, *context, *session_index;
	bool has_sid, is_response_signed;
	int64_t session_ends_s;
};

static struct style styles[] = {
    {"okta", "alice@example.com", TRANSPORT, REQUEST, true, true, 0},
    {"entra", "alice@corp.example.com", PASSWORD, "_1a8b4f10-77a2-4f5e-8a10-bb0f0b6e5a00", true,
	false, 0},
    {"adfs", SID, TRANSPORT, "_3b0c7e4d-1f2a-4e5b-9c8d-7a6b5c4d3e2f", true, false, 0},
    {"ping", "CORP\\alice", UNSPECIFIED, "nY8sQ2mEJ4tRkzV5cB1oGdWx7Lh", true, false, 0},
    {"google", "alice@example.com", UNSPECIFIED, "_8c7b6a5f4e3d2c1b0a9f8e7d6c5b4a39", false, true,
	0},
    {"keycloak", "G-5e8b2c1d-7f3a-4d6e-9b0c-1a2d3e4f5b6c", UNSPECIFIED,
	"0f9c2f5a-90be-4d2d-94f2-2f1b8a7a3c55::4d2b1c3e-8a7f-4e6d-b5c4-a39281706f5e", false, true,
	INT64_C(1772402400)},
};

/* ---- the entry of the guide, and the response ---- */

static char *
read_file(const char *path, size_t *len)
{
	struct fas_err e = {0};
	char *text = NULL;
	if (file_read(path, SAML_RESPONSE_MAX, &text, len, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return text;
}

/* The block of the guide that begins with "```yaml NAME"; the guide is cut behind it. */
static const char *
entry_of(char *guide, const char *name)
{
	char fence[64];
	(void)snprintf(fence, sizeof(fence), "\n```yaml %s\n", name);
	char *begin = strstr(guide, fence);
	if (begin) {
		char *end = strstr(begin + strlen(fence), "\n```\n");
		if (end) {
			end[1] = '\0';
			return begin + strlen(fence);
		}
	}
	fail_msg("docs/SAML.md has no entry for %s", name);
	return NULL;
}

static struct saml_trust *
trust_of(const char *name)
{
	size_t len = 0;
	OWN(text) char *guide = read_file(GUIDE, &len);
	const char *entry = entry_of(guide, name);
	struct yaml_doc *doc = NULL;
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	if (yaml_parse("docs/SAML.md", entry, strlen(entry), &doc, &e) != FAS_OK ||
	    saml_trust_load(yaml_root(doc), STYLES, &trust, &e) != FAS_OK)
		fail_msg("%s", e.message);
	yaml_doc_free(doc);
	return trust;
}

static char *
response_of(const char *name, size_t *len)
{
	char path[512];
	(void)snprintf(path, sizeof(path), STYLES "/%s.xml", name);
	return read_file(path, len);
}

/* acs_url NULL: a storefront presents the response. */
static enum fas_code
verify(const struct style *style, const char *acs_url, const char *xml, size_t len, int64_t now_s,
    struct saml_assertion **out, struct fas_err *e)
{
	OWN(saml_trust) struct saml_trust *trust = trust_of(style->name);
	const struct saml_expectation expected = {.in_response_to = REQUEST,
	    .entity_id = acs_url ? ENTITY_ID : NULL,
	    .acs_url = acs_url,
	    .providers = &style->name,
	    .n_providers = 1};
	return saml_verify(trust, (const uint8_t *)xml, len, &expected, now_s, out, e);
}

static void
is_refused(const struct style *style, const char *acs_url, const char *xml, size_t len,
    int64_t now_s, const char *reason)
{
	struct saml_assertion *assertion = NULL;
	struct fas_err e = {0};
	assert_int_not_equal(verify(style, acs_url, xml, len, now_s, &assertion, &e), FAS_OK);
	assert_null(assertion);
	if (strcmp(e.reason, reason) != 0)
		fail_msg("%s: %s: %s", style->name, e.reason, e.message);
}

/* ---- tests ---- */

static void
its_response_says_who_alice_is(void **state)
{
	const struct style *style = *state;
	OWN(assertion) struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	size_t len = 0;
	char text[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	OWN(text) char *xml = response_of(style->name, &len);
	if (verify(style, ACS_URL, xml, len, JUDGED_S, &a, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_string_equal(a->idp, style->name);
	assert_string_equal(a->upn, "alice@corp.example.com");
	assert_int_equal(a->has_sid, style->has_sid);
	if (style->has_sid)
		assert_string_equal(sid_format(&a->sid, text), SID);
	assert_true(a->has_guid);
	assert_string_equal(guid_format(&a->guid, guid), GUID);
	assert_string_equal(a->name_id, style->name_id);
	assert_string_equal(a->authn_context, style->context);
	assert_string_equal(a->session_index, style->session_index);
	assert_int_equal(a->session_not_on_or_after_s, style->session_ends_s);
	assert_int_equal(a->response_id != NULL, style->is_response_signed);
}

static void
its_response_is_refused_when_it_is_old(void **state)
{
	const struct style *style = *state;
	size_t len = 0;
	OWN(text) char *xml = response_of(style->name, &len);
	is_refused(style, ACS_URL, xml, len, JUDGED_S + 7200, "saml_max_age");
}

static void
its_response_is_refused_when_the_name_was_changed(void **state)
{
	const struct style *style = *state;
	size_t len = 0;
	OWN(text) char *xml = response_of(style->name, &len);
	char *name = NULL;
	for (char *at = xml; (at = strstr(at, "lice@")) != NULL; at++)
		name = at;
	assert_non_null(name);
	memcpy(name, "yons", 4);
	is_refused(style, ACS_URL, xml, len, JUDGED_S, "saml_signature");
}

/* Its entry names no audiences: nobody but a server of the front takes it, and that under its own name. */
static void
its_response_is_for_that_server_of_the_front_alone(void **state)
{
	const struct style *style = *state;
	size_t len = 0;
	OWN(text) char *xml = response_of(style->name, &len);
	is_refused(style, NULL, xml, len, JUDGED_S, "saml_destination");
	is_refused(style, OTHER_ACS_URL, xml, len, JUDGED_S, "saml_destination");
}

int
main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction test;
	} tests[] = {
	    {"its_response_says_who_alice_is", its_response_says_who_alice_is},
	    {"its_response_is_refused_when_it_is_old", its_response_is_refused_when_it_is_old},
	    {"its_response_is_for_that_server_of_the_front_alone",
		its_response_is_for_that_server_of_the_front_alone},
	    {"its_response_is_refused_when_the_name_was_changed",
		its_response_is_refused_when_the_name_was_changed},
	};
	struct CMUnitTest all[NELEMS(styles) * NELEMS(tests)];
	char names[NELEMS(all)][96];
	struct fas_err e = {0};
	for (size_t i = 0; i < NELEMS(all); i++) {
		struct style *style = &styles[i / NELEMS(tests)];
		(void)snprintf(names[i], sizeof(names[i]), "%s: %s", style->name,
		    tests[i % NELEMS(tests)].name);
		all[i] =
		    (struct CMUnitTest){names[i], tests[i % NELEMS(tests)].test, NULL, NULL, style};
	}
	if (saml_init(&e) != FAS_OK)
		return 1;
	int failed = cmocka_run_group_tests_name("saml_styles", all, NULL, NULL);
	saml_done();
	return failed;
}
