/* `front:` of fasd.yaml, and its cross-check with the providers. */
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/front/front.h"
#include "saml_kit.h"

#define TARGET                                                                                     \
	"{ name: store, url: 'https://store.example.com/return', storefront: sf1.example.com }"
#define SERVER                                                                                     \
	"- { name: default, entity_id: 'https://l/x', providers: [main, p256], targets: [" TARGET  \
	"] }\n"
#define FRONT                                                                                      \
	"listen: ['127.0.0.1:443']\nurl: https://login.example.com\ncertificate: front.pem\n"      \
	"key: /k/front.key\nservers:\n" SERVER

static struct yaml_doc *doc;

static struct front_config *
read_config(const char *text, struct fas_err *e)
{
	struct front_config *front = NULL;
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, e) == FAS_OK)
		front_config_read(yaml_root(doc), "/etc/fas", &front, e);
	return front;
}

static int
forget(void **state)
{
	(void)state;
	yaml_doc_free(doc);
	doc = NULL;
	return 0;
}

static void
it_is_read(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(front_config) struct front_config *front = read_config(FRONT, &e);
	if (e.code != FAS_OK)
		fail_msg("%s", e.message);
	assert_int_equal(front->listen.n, 1);
	assert_string_equal(front->certificate, "/etc/fas/front.pem");
	assert_string_equal(front->key, "/k/front.key");
	assert_string_equal(front->texts, "");
	assert_int_equal(front->per_address, 120);
	assert_int_equal(front->n_servers, 1);
	const struct front_server *server = front_server_find(front, "");
	assert_ptr_equal(server, front_server_find(front, "default"));
	assert_null(front_server_find(front, "mobile"));
	assert_string_equal(server->s.acs_url, "https://login.example.com/saml/acs");
	assert_int_equal(server->s.n_providers, 2);
	assert_string_equal(server->s.providers[1], "p256");
	assert_string_equal(server->s.targets[0].storefront, "sf1.example.com");
}

static void
a_virtual_server_has_places_of_its_own(void **state)
{
	struct fas_err e = {0};
	(void)state;
	OWN(front_config)
	struct front_config *front =
	    read_config(FRONT "- { name: mobile, entity_id: 'https://l/m', providers: [main], "
			      "targets: [" TARGET "] }\n",
		&e);
	assert_int_equal(e.code, FAS_OK);
	const struct front_server *server = front_server_find(front, "mobile");
	assert_string_equal(server->s.acs_url, "https://login.example.com/saml/v/mobile/acs");
	assert_string_equal(server->base, "https://login.example.com/saml/v/mobile");
}

static void
what_is_wrong_is_said_at_its_place(void **state)
{
	static const struct {
		const char *from, *to, *reason;
	} cases[] = {
	    {"url: https://login.example.com", "url: http://login.example.com", "yaml_value"},
	    {"url: https://login.example.com", "url: https://login.example.com/", "yaml_value"},
	    {"url: https://login.example.com", "url: 'https://login.example.com/?x'", "yaml_value"},
	    {"url: https://login.example.com", "url: 'https://a@b'", "yaml_value"},
	    {"listen: ['127.0.0.1:443']", "listen: ['login.example.com:443']", "yaml_value"},
	    {"listen: ['127.0.0.1:443']\n", "", "yaml_missing_key"},
	    {"key: /k/front.key\n", "", "yaml_missing_key"},
	    {"key: /k/front.key", "key: k\nrate: 3", "yaml_unknown_key"},
	    {"name: default", "name: Default", "yaml_value"},
	    {"name: default", "name: '../x'", "yaml_value"},
	    {"providers: [main, p256]", "providers: []", "yaml_value"},
	    {"name: store", "name: 0123456789abcdef0123456789abcdef", "yaml_value"},
	    {"https://store.example.com/return", "https://store.example.com/#x", "yaml_value"},
	    {"https://store.example.com/return", "http://store.example.com/", "yaml_value"},
	    {"https://store.example.com/return", "javascript:alert(1)", "yaml_value"},
	    {"storefront: sf1.example.com", "storefront: 'sf1 x'", "yaml_value"},
	    {"targets: [" TARGET "]", "targets: []", "yaml_value"},
	    {"targets: [" TARGET "]", "targets: [" TARGET ", " TARGET "]", "yaml_value"},
	    {SERVER, SERVER SERVER, "yaml_value"},
	    {"servers:\n" SERVER, "servers: []\n", "yaml_value"},
	    {"key:", "requests_per_minute: { address: -1 }\nkey:", "yaml_value"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		char *text = world_replace(strdup(FRONT), cases[i].from, cases[i].to);
		struct front_config *front = read_config(text, &e);
		if (strcmp(e.reason, cases[i].reason) != 0 || !strstr(e.message, "fasd.yaml:"))
			fail_msg("%zu: %s: %s", i, e.reason, e.message);
		front_config_free(front);
		free(text);
		(void)forget(NULL);
	}
}

static void
its_providers_have_to_be_there(void **state)
{
	struct fas_err e = {0}, missing = {0};
	(void)state;
	OWN(front_config) struct front_config *front = read_config(FRONT, &e);
	OWN(saml_trust)
	struct saml_trust *both = kit_trust(KIT_IDP("main", 0, "") KIT_IDP("p256", 2, ""));
	OWN(saml_trust)
	struct saml_trust *other = kit_trust(KIT_IDP("main", 0, "") KIT_IDP("p257", 3, ""));
	assert_int_equal(front_check(front, both, &e), FAS_OK);
	assert_int_equal(front_check(front, other, &missing), FAS_E_CONFIG);
	assert_non_null(strstr(missing.message, "\"p256\" (did you mean \"p257\"?)"));
	assert_int_equal(front_check(NULL, other, &e), FAS_OK);
}

static void
people_find_their_provider(void **state)
{
	(void)state;
	OWN(saml_trust)
	struct saml_trust *trust = kit_trust(KIT_IDP("main", 0,
	    "  title: Example Corp\n  email_domains: [Example.com]\n") KIT_IDP("p256", 2, ""));
	assert_string_equal(saml_trust_title(trust, "main"), "Example Corp");
	assert_string_equal(saml_trust_title(trust, "p256"), "p256");
	assert_true(saml_trust_email_fits(trust, "main", "example.COM"));
	assert_false(saml_trust_email_fits(trust, "main", "sub.example.com"));
	assert_false(saml_trust_email_fits(trust, "main", "xexample.com"));
	assert_false(saml_trust_email_fits(trust, "p256", "example.com"));
	assert_true(saml_trust_has_email_domains(trust, "main"));
	assert_false(saml_trust_has_email_domains(trust, "p256"));
	assert_false(saml_trust_has_email_domains(trust, "none"));
}

static void
an_entry_for_people_is_checked(void **state)
{
	static const char *const bad[] = {"  email_domains: ['@example.com']\n",
	    "  email_domains: ['*.example.com']\n", "  email_domains: example.com\n",
	    "  title: \"a\\u202eb\"\n"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		char text[512];
		struct fas_err e = {0};
		struct saml_trust *trust = NULL;
		(void)snprintf(text, sizeof(text), KIT_IDP("main", 0, "%s"), bad[i]);
		assert_int_equal(kit_load_trust(text, &trust, &e), FAS_E_CONFIG);
		assert_null(trust);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(it_is_read, forget),
	    cmocka_unit_test_teardown(a_virtual_server_has_places_of_its_own, forget),
	    cmocka_unit_test(what_is_wrong_is_said_at_its_place),
	    cmocka_unit_test_teardown(its_providers_have_to_be_there, forget),
	    cmocka_unit_test(people_find_their_provider),
	    cmocka_unit_test(an_entry_for_people_is_checked),
	};
	return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
