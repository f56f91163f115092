/* The service's own metadata. */
#include <stdlib.h>
#include <string.h>

#include "fas/saml/metadata.h"
#include "saml_kit.h"

static char *
make(const struct saml_sp *sp, const struct saml_server *server)
{
	char *xml = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	if (saml_metadata_make(sp, server, NOW_S, &xml, &len, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(strlen(xml), len);
	return xml;
}

static void
has(const char *xml, const char *part)
{
	if (!strstr(xml, part))
		fail_msg("no %s in %s", part, xml);
}

static size_t
count(const char *xml, const char *part)
{
	size_t n = 0;
	for (const char *at = strstr(xml, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

static void
metadata_say_all_that_a_provider_needs(void **state)
{
	OWN(saml_sp) struct saml_sp *sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	OWN(text) char *xml = make(sp, &kit_server);
	(void)state;
	has(xml, "entityID=\"" KIT_ENTITY "\" validUntil=\"2026-01-15T00:00:00Z\"><ds:Signature");
	has(xml, "</ds:Signature><md:SPSSODescriptor "
		 "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\" "
		 "AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\"><md:KeyDescriptor "
		 "use=\"signing\">");
	has(xml,
	    "<md:SingleLogoutService "
	    "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"" KIT_SLO
	    "\"/><md:SingleLogoutService "
	    "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"" KIT_SLO
	    "\"/><md:AssertionConsumerService "
	    "Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"" KIT_ACS
	    "\" index=\"0\" isDefault=\"true\"/>");
	assert_true(kit_xml_is_signed(xml, world.keys[KEY_MAIN]));
	assert_int_equal(count(xml, "use=\"encryption\""), 0);
}

static void
both_signing_keys_and_the_first_for_encryption_are_there(void **state)
{
	OWN(saml_sp)
	struct saml_sp *sp = kit_sp("signing: [" KIT_PAIR(2) ", " KIT_PAIR(
	    0) "]\n"
	       "decryption: [" KIT_PAIR(1) ", " KIT_PAIR(0) "]\n");
	OWN(text) char *xml = make(sp, &kit_server);
	(void)state;
	assert_int_equal(count(xml, "use=\"signing\""), 2);
	assert_int_equal(count(xml, "use=\"encryption\""), 1);
	has(xml, "<md:EncryptionMethod Algorithm=\"http://www.w3.org/2009/xmlenc11#aes256-gcm\"/>");
	assert_true(kit_xml_is_signed(xml, world.keys[KEY_P256]));
	assert_false(kit_xml_is_signed(xml, world.keys[KEY_MAIN]));
}

static void
a_server_without_single_logout_names_none(void **state)
{
	const struct saml_server server = {"urn:m", "https://x/acs?a=1&b=2", NULL};
	OWN(saml_sp) struct saml_sp *sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	OWN(text) char *xml = make(sp, &server);
	(void)state;
	assert_int_equal(count(xml, "SingleLogoutService"), 0);
	has(xml, "Location=\"https://x/acs?a=1&amp;b=2\"");
}

static void
each_document_has_an_id_of_its_own(void **state)
{
	OWN(saml_sp) struct saml_sp *sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	OWN(text) char *a = make(sp, &kit_server);
	OWN(text) char *b = make(sp, &kit_server);
	(void)state;
	assert_string_not_equal(a, b);
}

static void
without_a_key_there_are_no_metadata(void **state)
{
	char *xml = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(
	    saml_metadata_make(NULL, &kit_server, NOW_S, &xml, &len, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, "saml_signing");
	assert_null(xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(metadata_say_all_that_a_provider_needs),
	    cmocka_unit_test(both_signing_keys_and_the_first_for_encryption_are_there),
	    cmocka_unit_test(a_server_without_single_logout_names_none),
	    cmocka_unit_test(each_document_has_an_id_of_its_own),
	    cmocka_unit_test(without_a_key_there_are_no_metadata),
	};
	return cmocka_run_group_tests_name("saml_metadata", tests, kit_setup, kit_teardown);
}
