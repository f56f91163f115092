/* Single logout: what is sent verifies, and what a provider sends is read, in both bindings. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "saml_kit.h"
#include "saml_logouts.h"

#define SLO "https://idp.example/slo"
#define PERSISTENT "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"

static struct saml_sp *sp;
static struct saml_trust *out_trust;

static int
setup(void **state)
{
	int rc = kit_setup(state);
	if (rc != 0)
		return rc;
	sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	out_trust = kit_trust(
	    KIT_IDP("main", 1, "  single_logout: {redirect: " SLO "}\n") KIT_IDP("post", 1,
		"  single_logout: {post: " SLO "/post, response: " SLO "/done}\n") KIT_IDP("plain",
		1, "  sign_requests: false\n  single_logout: {redirect: " SLO "}\n")
		KIT_IDP("none", 1, ""));
	return 0;
}

static int
teardown(void **state)
{
	saml_sp_free(sp);
	saml_trust_free(out_trust);
	return kit_teardown(state);
}

static void
has(const char *xml, const char *part)
{
	if (!strstr(xml, part))
		fail_msg("no %s in %s", part, xml);
}

/* ---- made ---- */

static const struct saml_logout_subject alice = {.name_id = "a&b",
    .name_id_format = PERSISTENT,
    .name_qualifier = "https://idp.example/main",
    .sp_name_qualifier = KIT_ENTITY,
    .session_index = "_s1"};

static struct saml_message *
request(const char *idp, const struct saml_logout_subject *subject, const char *relay_state)
{
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	if (saml_logout_request(
		sp, out_trust, idp, &kit_server, subject, relay_state, NOW_S, &m, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return m;
}

static struct saml_message *
response(const char *idp, enum saml_logout_status status)
{
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	if (saml_logout_response(
		sp, out_trust, idp, &kit_server, "_q1", status, "back", NOW_S, &m, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return m;
}

static void
a_logout_request_names_the_session_as_the_provider_did(void **state)
{
	OWN(saml_message) struct saml_message *m = request("main", &alice, "token");
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	has(xml, "<samlp:LogoutRequest ");
	has(xml, "Destination=\"" SLO "\" NotOnOrAfter=\"2026-01-01T00:05:00Z\"");
	has(xml, "<saml:Issuer>" KIT_ENTITY "</saml:Issuer><saml:NameID "
		 "NameQualifier=\"https://idp.example/main\" SPNameQualifier=\"" KIT_ENTITY
		 "\" Format=\"" PERSISTENT "\">a&amp;b</saml:NameID>"
		 "<samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>");
	has(m->url, "&RelayState=token&SigAlg=");
	assert_true(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_MAIN]));
}

static void
without_an_index_all_sessions_are_meant(void **state)
{
	static const struct saml_logout_subject bob = {.name_id = "bob"};
	OWN(saml_message) struct saml_message *m = request("post", &bob, NULL);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	assert_string_equal(m->url, SLO "/post");
	assert_string_equal(m->field, "SAMLRequest");
	has(xml, "<saml:NameID>bob</saml:NameID></samlp:LogoutRequest>");
	assert_true(kit_xml_is_signed(xml, world.keys[KEY_MAIN]));
}

static void
logout_messages_are_signed_whatever_the_entry_says(void **state)
{
	OWN(saml_message) struct saml_message *m = request("plain", &alice, NULL);
	(void)state;
	assert_true(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_MAIN]));
}

static void
an_answer_says_what_has_become_of_it(void **state)
{
	static const struct {
		enum saml_logout_status status;
		const char *says;
	} cases[] = {
	    {SAML_LOGOUT_SUCCESS, "<samlp:Status><samlp:StatusCode "
				  "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:"
				  "StatusCode></samlp:Status></samlp:LogoutResponse>"},
	    {SAML_LOGOUT_PARTIAL,
		"status:Success\"><samlp:StatusCode "
		"Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/></samlp:StatusCode>"},
	    {SAML_LOGOUT_FAILED, "status:Responder\"></samlp:StatusCode>"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		OWN(saml_message) struct saml_message *m = response("main", cases[i].status);
		OWN(text) char *xml = kit_xml(m);
		has(xml, "<samlp:LogoutResponse ");
		has(xml, "InResponseTo=\"_q1\"");
		has(xml, cases[i].says);
		has(m->url, "SAMLResponse=");
		has(m->url, "&RelayState=back&");
		assert_true(kit_query_is_signed(m->url, "SAMLResponse", world.keys[KEY_MAIN]));
	}
}

static void
an_answer_goes_where_answers_go(void **state)
{
	OWN(saml_message) struct saml_message *m = response("post", SAML_LOGOUT_SUCCESS);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	assert_string_equal(m->url, SLO "/done");
	assert_string_equal(m->field, "SAMLResponse");
	assert_string_equal(m->relay_state, "back");
	has(xml, "Destination=\"" SLO "/done\"");
	assert_true(kit_xml_is_signed(xml, world.keys[KEY_MAIN]));
}

static void
what_cannot_be_sent_is_refused(void **state)
{
	struct saml_message *m = NULL;
	struct fas_err none = {0}, unknown = {0}, keyless = {0};
	(void)state;
	assert_int_equal(
	    saml_logout_request(sp, out_trust, "none", &kit_server, &alice, NULL, NOW_S, &m, &none),
	    FAS_E_CONFIG);
	assert_string_equal(none.reason, "idp_single_logout");
	assert_int_equal(saml_logout_request(sp, out_trust, "nobody", &kit_server, &alice, NULL,
			     NOW_S, &m, &unknown),
	    FAS_E_NOTFOUND);
	assert_int_equal(saml_logout_request(NULL, out_trust, "plain", &kit_server, &alice, NULL,
			     NOW_S, &m, &keyless),
	    FAS_E_CONFIG);
	assert_string_equal(keyless.reason, "saml_signing");
	assert_null(m);
}

/* ---- read ---- */

static void
is_alices_logout(const struct saml_logout *l)
{
	assert_false(l->is_response);
	assert_string_equal(l->id, "_l1");
	assert_string_equal(l->idp, "main");
	assert_null(l->in_response_to);
	assert_string_equal(l->name_id, "alice");
	assert_string_equal(l->name_id_format, PERSISTENT);
	assert_null(l->name_qualifier);
	assert_int_equal(l->n_session_index, 1);
	assert_string_equal(l->session_index[0], "_s1");
	assert_int_equal(l->expires_s, NOW_S + 300 + 60);
}

static struct saml_logout *
read_row(const struct logout_row *row)
{
	struct saml_logout *l = NULL;
	struct fas_err e = {0};
	if (logout_read(row, &l, &e) != FAS_OK)
		fail_msg("%s: %s: %s", row->name, e.reason, e.message);
	return l;
}

static void
a_request_of_the_provider_is_read_in_both_bindings(void **state)
{
	static const struct logout_row rows[] = {
	    {.name = "redirect"},
	    {.name = "post", .post = true},
	    {.name = "lower-case escapes", .how = {.lower = true}},
	    {.name = "rsa-sha512", .how = {.algorithm = "rsa-sha512"}},
	    {.name = "other parameters", .after = {{"SAMLRequest=", "tenant=7&x&SAMLRequest="}}},
	    {.name = "the order does not matter", .move_signature = true},
	    {.name = "declared",
		.before = {{"<samlp:Logout", "<?xml version=\"1.0\"?>\n<samlp:Logout"}}},
	    {.name = "fractions", .before = {{NOW, "2026-01-01T00:00:00.123Z"}}},
	    {.name = "pretty", .before = {{"<saml:NameID", "\n  <saml:NameID"}}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&rows[i]);
		is_alices_logout(l);
		assert_null(l->relay_state);
	}
}

static void
relay_state_comes_back_as_it_was(void **state)
{
	static const struct logout_row rows[] = {
	    {.name = "redirect", .how = {.relay_state = "a b&c=%/"}},
	    {.name = "lower", .how = {.relay_state = "a b&c=%/", .lower = true}},
	    {.name = "post", .post = true, .how = {.relay_state = "a b&c=%/"}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&rows[i]);
		is_alices_logout(l);
		assert_string_equal(l->relay_state, "a b&c=%/");
	}
}

static void
signatures_of_ec_keys_are_read_in_both_forms(void **state)
{
	static const struct edit p256 = {ENTITY("main"), ENTITY("p256")};
	const struct logout_row rows[] = {
	    {.name = "r and s",
		.key = KEY_P256,
		.how = {.algorithm = "ecdsa-sha256"},
		.before = {p256}},
	    {.name = "DER",
		.key = KEY_P256,
		.how = {.algorithm = "ecdsa-sha384", .der = true},
		.before = {p256}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&rows[i]);
		assert_string_equal(l->idp, "p256");
	}
}

static void
each_of_two_keys_is_tried(void **state)
{
	static const struct edit two = {ENTITY("main"), ENTITY("two")};
	const struct logout_row rows[] = {
	    {.name = "last", .key = KEY_MAIN, .before = {two}},
	    {.name = "middle", .key = KEY_OTHER, .before = {two}},
	    {.name = "post", .key = KEY_OTHER, .post = true, .before = {two}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&rows[i]);
		assert_string_equal(l->idp, "two");
	}
}

static void
an_encrypted_name_is_opened(void **state)
{
	const struct logout_row rows[] = {
	    {.name = "redirect", .sealed = true},
	    {.name = "post", .sealed = true, .post = true},
	    {.name = "second key", .sealed = true, .seal = {.to = world.decryption[1]}},
	    {.name = "cbc under the signature", .sealed = true, .seal = {.cipher = "aes128-cbc"}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(rows); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&rows[i]);
		is_alices_logout(l);
	}
}

static void
several_indices_and_none_are_read(void **state)
{
	static const struct logout_row two = {
	    .before = {{"<samlp:SessionIndex>",
		"<samlp:SessionIndex>_s0</samlp:SessionIndex><samlp:SessionIndex>"}}};
	static const struct logout_row none = {
	    .before = {{"<samlp:SessionIndex>_s1</samlp:SessionIndex>", ""}}};
	OWN(saml_logout) struct saml_logout *a = read_row(&two);
	OWN(saml_logout) struct saml_logout *b = read_row(&none);
	(void)state;
	assert_int_equal(a->n_session_index, 2);
	assert_string_equal(a->session_index[0], "_s0");
	assert_string_equal(a->session_index[1], "_s1");
	assert_int_equal(b->n_session_index, 0);
}

static void
a_request_without_an_end_ends_by_its_age(void **state)
{
	static const struct logout_row row = {.before = {{" NotOnOrAfter=\"" AFTER "\"", ""}}};
	OWN(saml_logout) struct saml_logout *l = read_row(&row);
	(void)state;
	assert_int_equal(l->expires_s, NOW_S + 300 + 1 + 60);
}

static void
an_answer_of_the_provider_is_read(void **state)
{
	static const struct {
		struct logout_row row;
		enum saml_logout_status want;
	} cases[] = {
	    {{.name = "redirect", .response = true}, SAML_LOGOUT_SUCCESS},
	    {{.name = "post", .response = true, .post = true}, SAML_LOGOUT_SUCCESS},
	    {{.name = "partial",
		 .response = true,
		 .before = {{"Success\"/>",
		     "Success\"><samlp:StatusCode "
		     "Value=\"urn:oasis:names:tc:SAML:2.0:status:PartialLogout\"/>"
		     "</samlp:StatusCode>"}}},
		SAML_LOGOUT_PARTIAL},
	    {{.name = "failed", .response = true, .before = {{"Success", "Responder"}}},
		SAML_LOGOUT_FAILED},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		OWN(saml_logout) struct saml_logout *l = read_row(&cases[i].row);
		assert_true(l->is_response);
		assert_string_equal(l->in_response_to, "_q1");
		assert_int_equal(l->status, cases[i].want);
		assert_null(l->name_id);
	}
}

static void
what_is_made_here_is_read_by_the_same_rules(void **state)
{
	static const struct saml_server other = {ENTITY("main"), "https://x/acs", SLO};
	struct saml_message *m = NULL;
	struct saml_logout *l = NULL;
	struct fas_err e = {0};
	(void)state;
	/* The service in the provider's place: its key is the one pinned for "main". */
	assert_int_equal(
	    saml_logout_request(sp, out_trust, "main", &other, &alice, "x", NOW_S, &m, &e), FAS_OK);
	const struct saml_server at = {.entity_id = KIT_ENTITY, .slo_url = SLO};
	if (saml_logout_read_query(
		NULL, world.trust, &at, strchr(m->url, '?') + 1, NOW_S, &l, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_string_equal(l->name_id, "a&b");
	assert_string_equal(l->id, m->id);
	saml_logout_free(l);
	saml_message_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_logout_request_names_the_session_as_the_provider_did),
	    cmocka_unit_test(without_an_index_all_sessions_are_meant),
	    cmocka_unit_test(logout_messages_are_signed_whatever_the_entry_says),
	    cmocka_unit_test(an_answer_says_what_has_become_of_it),
	    cmocka_unit_test(an_answer_goes_where_answers_go),
	    cmocka_unit_test(what_cannot_be_sent_is_refused),
	    cmocka_unit_test(a_request_of_the_provider_is_read_in_both_bindings),
	    cmocka_unit_test(relay_state_comes_back_as_it_was),
	    cmocka_unit_test(signatures_of_ec_keys_are_read_in_both_forms),
	    cmocka_unit_test(each_of_two_keys_is_tried),
	    cmocka_unit_test(an_encrypted_name_is_opened),
	    cmocka_unit_test(several_indices_and_none_are_read),
	    cmocka_unit_test(a_request_without_an_end_ends_by_its_age),
	    cmocka_unit_test(an_answer_of_the_provider_is_read),
	    cmocka_unit_test(what_is_made_here_is_read_by_the_same_rules),
	};
	return cmocka_run_group_tests_name("saml_logout", tests, setup, teardown);
}
