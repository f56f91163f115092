/* AuthnRequests in both bindings: what stands in them, that they are signed, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/saml/asks.h"
#include "saml_kit.h"

#define SSO "https://idp.example/sso"
#define BOTH "  single_sign_on: {redirect: " SSO ", post: " SSO "/post}\n"
#define PASSWORD "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
#define MFA "http://schemas.microsoft.com/claims/multipleauthn"

static struct saml_sp *rsa, *ec;
static struct saml_trust *trust;

static int
setup(void **state)
{
	int rc = kit_setup(state);
	if (rc != 0)
		return rc;
	rsa = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	ec = kit_sp("signing: [" KIT_PAIR(4) ", " KIT_PAIR(0) "]\n");
	trust = kit_trust(KIT_IDP("both", 1, BOTH) KIT_IDP("post", 1, BOTH "  binding: post\n")
		KIT_IDP("only", 1, "  single_sign_on: {post: " SSO "}\n") KIT_IDP("query", 1,
		    "  single_sign_on: {redirect: '" SSO "?tenant=a%20b'}\n") KIT_IDP("plain", 1,
		    BOTH "  sign_requests: false\n") KIT_IDP("plainpost", 1,
		    BOTH "  sign_requests: false\n  binding: post\n") KIT_IDP("asks", 1,
		    BOTH "  force_authn: true\n  authn_contexts: ['" PASSWORD "', '" MFA "']\n"
			 "  authn_context_comparison: minimum\n"
			 "  name_id_format: urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\n")
		    KIT_IDP("none", 1, ""));
	return 0;
}

static int
teardown(void **state)
{
	saml_sp_free(rsa);
	saml_sp_free(ec);
	saml_trust_free(trust);
	return kit_teardown(state);
}

static struct saml_message *
request_with(const struct saml_sp *sp, const char *idp, const struct saml_server *server,
    const struct saml_request_options *options)
{
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	if (saml_authn_request(sp, trust, idp, server, options, NOW_S, &m, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return m;
}

static struct saml_message *
request(const struct saml_sp *sp, const char *idp, const char *relay_state)
{
	const struct saml_request_options options = {.relay_state = relay_state};
	return request_with(sp, idp, &kit_server, &options);
}

static void
has(const char *xml, const char *part)
{
	if (!strstr(xml, part))
		fail_msg("no %s in %s", part, xml);
}

static void
has_not(const char *xml, const char *part)
{
	if (strstr(xml, part))
		fail_msg("%s in %s", part, xml);
}

/* ---- what is sent ---- */

static void
a_request_says_who_asks_and_where_to_answer(void **state)
{
	char id[64];
	OWN(saml_message) struct saml_message *m = request(rsa, "both", NULL);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	(void)snprintf(id, sizeof(id), "ID=\"%s\"", m->id);
	has(xml, id);
	has(xml, "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"");
	has(xml, "Version=\"2.0\"");
	has(xml, "IssueInstant=\"" NOW "\"");
	has(xml, "Destination=\"" SSO "\"");
	has(xml, "ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"");
	has(xml, "AssertionConsumerServiceURL=\"" KIT_ACS "\"");
	has(xml, "<saml:Issuer>" KIT_ENTITY "</saml:Issuer>");
	has_not(xml, "ForceAuthn");
	has_not(xml, "NameIDPolicy");
	has_not(xml, "RequestedAuthnContext");
}

static void
an_id_is_an_xs_id_of_160_random_bits(void **state)
{
	OWN(saml_message) struct saml_message *a = request(rsa, "both", NULL);
	OWN(saml_message) struct saml_message *b = request(rsa, "both", NULL);
	(void)state;
	assert_int_equal(strlen(a->id), 41);
	assert_int_equal(a->id[0], '_');
	assert_int_equal(strspn(a->id + 1, "0123456789abcdef"), 40);
	assert_string_not_equal(a->id, b->id);
}

static void
the_redirect_binding_is_signed_over_the_query_as_it_stands(void **state)
{
	OWN(saml_message) struct saml_message *m = request(rsa, "both", "store & more=1");
	OWN(text) char *relay = kit_parameter(m->url, "RelayState");
	OWN(text) char *algorithm = kit_parameter(m->url, "SigAlg");
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	assert_int_equal(m->binding, SAML_BINDING_REDIRECT);
	assert_null(m->value);
	assert_int_equal(strncmp(m->url, SSO "?SAMLRequest=", strlen(SSO "?SAMLRequest=")), 0);
	assert_string_equal(relay, "store & more=1");
	assert_string_equal(algorithm, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256");
	assert_true(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_MAIN]));
	assert_false(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_OTHER]));
	has_not(xml, "Signature");
}

static void
a_relay_state_that_is_changed_spoils_the_signature(void **state)
{
	OWN(saml_message) struct saml_message *m = request(rsa, "both", "store");
	(void)state;
	m->url = world_replace(m->url, "RelayState=store", "RelayState=stare");
	assert_false(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_MAIN]));
}

static void
an_ec_key_signs_with_r_and_s_side_by_side(void **state)
{
	OWN(saml_message) struct saml_message *m = request(ec, "both", NULL);
	OWN(text) char *algorithm = kit_parameter(m->url, "SigAlg");
	OWN(text) char *signature = kit_parameter(m->url, "Signature");
	(void)state;
	assert_string_equal(algorithm, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256");
	assert_int_equal(strlen(signature), 176); /* twice 66 octets */
	assert_true(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_P521]));
}

static void
a_url_with_a_query_of_its_own_keeps_it(void **state)
{
	OWN(saml_message) struct saml_message *m = request(rsa, "query", NULL);
	(void)state;
	has(m->url, SSO "?tenant=a%20b&SAMLRequest=");
	assert_true(kit_query_is_signed(m->url, "SAMLRequest", world.keys[KEY_MAIN]));
}

static void
the_post_binding_is_a_signed_document(void **state)
{
	const struct saml_sp *const sps[] = {rsa, ec};
	EVP_PKEY *const keys[] = {world.keys[KEY_MAIN], world.keys[KEY_P521]};
	(void)state;
	for (size_t i = 0; i < NELEMS(sps); i++) {
		OWN(saml_message) struct saml_message *m = request(sps[i], "post", "store");
		OWN(text) char *xml = kit_xml(m);
		assert_int_equal(m->binding, SAML_BINDING_POST);
		assert_string_equal(m->url, SSO "/post");
		assert_string_equal(m->field, "SAMLRequest");
		assert_string_equal(m->relay_state, "store");
		has(xml, "Destination=\"" SSO "/post\"");
		has(xml, "</saml:Issuer><ds:Signature");
		assert_true(kit_xml_is_signed(xml, keys[i]));
		assert_false(kit_xml_is_signed(xml, world.keys[KEY_OTHER]));
	}
}

static void
a_provider_with_one_url_gets_that_binding(void **state)
{
	OWN(saml_message) struct saml_message *m = request(rsa, "only", NULL);
	(void)state;
	assert_int_equal(m->binding, SAML_BINDING_POST);
	assert_string_equal(m->url, SSO);
	assert_null(m->relay_state);
}

static void
what_the_entry_asks_for_is_asked(void **state)
{
	OWN(saml_message) struct saml_message *m = request(rsa, "asks", NULL);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	has(xml, "ForceAuthn=\"true\"");
	has(xml,
	    "</saml:Issuer><samlp:NameIDPolicy "
	    "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\" AllowCreate=\"true\"/>"
	    "<samlp:RequestedAuthnContext "
	    "Comparison=\"minimum\"><saml:AuthnContextClassRef>" PASSWORD
	    "</saml:AuthnContextClassRef><saml:AuthnContextClassRef>" MFA
	    "</saml:AuthnContextClassRef></samlp:RequestedAuthnContext></samlp:AuthnRequest>");
	assert_true(saml_trust_forces_authn(trust, "asks"));
	assert_false(saml_trust_forces_authn(trust, "both"));
}

static void
one_request_may_ask_for_more_than_its_entry(void **state)
{
	const struct saml_request_options options = {.force_authn = true};
	OWN(saml_message)
	struct saml_message *m = request_with(rsa, "both", &kit_server, &options);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	has(xml, "ForceAuthn=\"true\"");
}

static void
without_sign_requests_nothing_is_signed(void **state)
{
	OWN(saml_message) struct saml_message *m = request(NULL, "plain", "store");
	OWN(saml_message) struct saml_message *post = request(rsa, "plainpost", NULL);
	OWN(text) char *xml = kit_xml(post);
	(void)state;
	has_not(m->url, "SigAlg");
	has_not(m->url, "Signature");
	has(m->url, "&RelayState=store");
	has_not(xml, "Signature");
}

static void
names_are_escaped(void **state)
{
	const struct saml_request_options options = {0};
	const struct saml_server odd = {"urn:a&b<c>\"d'\n", "https://x/?a=1&b=2", NULL};
	OWN(saml_message) struct saml_message *m = request_with(rsa, "post", &odd, &options);
	OWN(text) char *xml = kit_xml(m);
	(void)state;
	has(xml, "<saml:Issuer>urn:a&amp;b&lt;c&gt;\"d'\n</saml:Issuer>");
	has(xml, "AssertionConsumerServiceURL=\"https://x/?a=1&amp;b=2\"");
	assert_true(kit_xml_is_signed(xml, world.keys[KEY_MAIN]));
}

/* ---- what is not ---- */

static void
not_sent(const struct saml_sp *sp, const char *idp, const char *relay, enum fas_code code,
    const char *reason)
{
	const struct saml_request_options options = {.relay_state = relay};
	struct saml_message *m = NULL;
	struct fas_err e = {0};
	assert_int_equal(
	    saml_authn_request(sp, trust, idp, &kit_server, &options, NOW_S, &m, &e), code);
	assert_null(m);
	assert_string_equal(e.reason, reason);
}

static void
what_cannot_be_asked_is_refused(void **state)
{
	char relay[SAML_RELAY_STATE_MAX + 2];
	(void)state;
	memset(relay, 'x', sizeof(relay) - 1);
	relay[sizeof(relay) - 1] = 0;
	not_sent(rsa, "nobody", NULL, FAS_E_NOTFOUND, "idp_unknown");
	not_sent(rsa, "none", NULL, FAS_E_CONFIG, "idp_single_sign_on");
	not_sent(NULL, "both", NULL, FAS_E_CONFIG, "saml_signing");
	not_sent(rsa, "both", relay, FAS_E_INPUT, "saml_relay_state");
	assert_false(saml_trust_has_sign_on(trust, "none"));
	assert_false(saml_trust_has_sign_on(trust, "nobody"));
	assert_true(saml_trust_has_sign_on(trust, "only"));
	assert_false(saml_trust_has_logout(trust, "only"));
	relay[SAML_RELAY_STATE_MAX] = 0;
	OWN(saml_message) struct saml_message *m = request(rsa, "both", relay);
	assert_non_null(m);
}

static void
urls_that_people_cannot_be_sent_to_are_refused(void **state)
{
	static const char *const bad[] = {"", "https://", "https:///x", "https://?",
	    "http://idp.example/", "http://127.0.0.1.example/", "http://localhost.example/",
	    "http://127.0.0.1@evil/", "https://a@b/", "https://a b/", "https://a/#x",
	    "https://a/\"", "https://a/\n", "javascript:alert(1)", "//idp.example/",
	    "HTTPS://idp.example/", "ftp://a/", "https://a/\xc3\xa4", "https://a\\b/",
	    "https://:443/"};
	static const char *const good[] = {"https://idp.example",
	    "https://idp.example/sso?x=1&y=%2f", "http://127.88.5.4:8080/sso", "http://localhost/",
	    "http://[::1]:80/", "https://[2001:db8::1]/"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		if (asks_url_is_good(bad[i]))
			fail_msg("%s is taken", bad[i]);
	}
	for (size_t i = 0; i < NELEMS(good); i++) {
		if (!asks_url_is_good(good[i]))
			fail_msg("%s is not taken", good[i]);
	}
}

static void
entries_that_ask_for_nothing_clear_are_refused(void **state)
{
	static const struct {
		const char *text, *reason, *says;
	} cases[] = {
	    {KIT_IDP("a", 0, "  single_sign_on: {}\n"), "yaml_value", "redirect or post"},
	    {KIT_IDP("a", 0, "  single_sign_on: " SSO "\n"), "yaml_type", "single_sign_on"},
	    {KIT_IDP("a", 0, "  single_sign_on: {redirect: http://idp.example/}\n"), "yaml_value",
		"want https"},
	    {KIT_IDP("a", 0, "  single_sign_on: {response: " SSO "}\n"), "yaml_unknown_key",
		"response"},
	    {KIT_IDP("a", 0, "  single_logout: {response: " SSO "}\n"), "yaml_value",
		"redirect or post"},
	    {KIT_IDP("a", 0, "  single_logout: {post: " SSO ", response: x}\n"), "yaml_value",
		"want https"},
	    {KIT_IDP("a", 0, "  single_sign_on: {redirect: " SSO "}\n  binding: post\n"),
		"yaml_value", "binding: post"},
	    {KIT_IDP("a", 0, BOTH "  binding: artifact\n"), "yaml_value", "binding"},
	    {KIT_IDP("a", 0, BOTH "  authn_context_comparison: best\n"), "yaml_value", "better"},
	    {KIT_IDP("a", 0, BOTH "  force_auth: true\n"), "yaml_unknown_key", "force_authn"},
	    {KIT_IDP("a", 0, BOTH "  authn_contexts: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]\n"),
		"yaml_value", "more than 16"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct saml_trust *out = NULL;
		struct fas_err e = {0};
		assert_int_equal(kit_load_trust(cases[i].text, &out, &e), FAS_E_CONFIG);
		if (strcmp(e.reason, cases[i].reason) != 0 || !strstr(e.message, cases[i].says))
			fail_msg("%zu: %s: %s", i, e.reason, e.message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_request_says_who_asks_and_where_to_answer),
	    cmocka_unit_test(an_id_is_an_xs_id_of_160_random_bits),
	    cmocka_unit_test(the_redirect_binding_is_signed_over_the_query_as_it_stands),
	    cmocka_unit_test(a_relay_state_that_is_changed_spoils_the_signature),
	    cmocka_unit_test(an_ec_key_signs_with_r_and_s_side_by_side),
	    cmocka_unit_test(a_url_with_a_query_of_its_own_keeps_it),
	    cmocka_unit_test(the_post_binding_is_a_signed_document),
	    cmocka_unit_test(a_provider_with_one_url_gets_that_binding),
	    cmocka_unit_test(what_the_entry_asks_for_is_asked),
	    cmocka_unit_test(one_request_may_ask_for_more_than_its_entry),
	    cmocka_unit_test(without_sign_requests_nothing_is_signed),
	    cmocka_unit_test(names_are_escaped),
	    cmocka_unit_test(what_cannot_be_asked_is_refused),
	    cmocka_unit_test(urls_that_people_cannot_be_sent_to_are_refused),
	    cmocka_unit_test(entries_that_ask_for_nothing_clear_are_refused),
	};
	return cmocka_run_group_tests_name("saml_request", tests, setup, teardown);
}
