/* Providers' metadata: whose are believed, what is taken, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "saml_entities.h"

static enum fas_code
read_as(const char *xml, const char *entity_id, enum world_key pin, bool pinned,
    struct saml_entity **out, struct fas_err *e)
{
	const struct saml_pins pins = {&world.certs[pin], pinned ? 1 : 0};
	return saml_metadata_read(
	    (const uint8_t *)xml, strlen(xml), entity_id, &pins, NOW_S, out, e);
}

static struct saml_entity *
read_good(const char *xml, const char *entity_id, enum world_key pin, bool pinned)
{
	struct saml_entity *entity = NULL;
	struct fas_err e = {0};
	if (read_as(xml, entity_id, pin, pinned, &entity, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return entity;
}

static void
refused(const char *xml, const char *entity_id, bool pinned, const char *reason)
{
	struct saml_entity *entity = NULL;
	struct fas_err e = {0};
	if (read_as(xml, entity_id, KEY_OTHER, pinned, &entity, &e) == FAS_OK)
		fail_msg("read, want %s: %s", reason, xml);
	assert_null(entity);
	if (strcmp(e.reason, reason) != 0)
		fail_msg("%s (%s), want %s", e.reason, e.message, reason);
}

/* ---- what is taken ---- */

static void
keys_and_urls_are_taken(void **state)
{
	OWN(text) char *xml = entity_xml("main", KEY_MAIN);
	OWN(saml_entity) struct saml_entity *entity = read_good(xml, NULL, KEY_MAIN, false);
	(void)state;
	assert_string_equal(entity->entity_id, ENTITY("main"));
	assert_int_equal(entity->n_certificates, 1);
	assert_int_equal(X509_cmp(entity->certificates[0], world.certs[KEY_MAIN]), 0);
	assert_string_equal(entity->sign_on.url[SAML_BINDING_REDIRECT], ENTITY_SSO);
	assert_string_equal(entity->sign_on.url[SAML_BINDING_POST], ENTITY_SSO "/post");
	assert_string_equal(entity->logout.url[SAML_BINDING_REDIRECT], ENTITY_SLO);
	assert_null(entity->logout.url[SAML_BINDING_POST]);
	assert_null(entity->logout.response[SAML_BINDING_REDIRECT]);
	assert_false(entity->is_signed);
	assert_false(entity->wants_signed_requests);
	assert_int_equal(entity->valid_until_s, 0);
	assert_int_equal(entity->cache_s, 0);
}

/* One edit, and what it makes of the entity. */
static struct saml_entity *
edited(const char *from, const char *to)
{
	OWN(text) char *xml = world_replace(entity_xml("main", KEY_MAIN), from, to);
	return read_good(xml, ENTITY("main"), KEY_MAIN, false);
}

static void
the_ways_of_other_writers_are_taken(void **state)
{
	(void)state;
	OWN(saml_entity)
	struct saml_entity *mark = edited("<md:EntityDescriptor",
	    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?><md:EntityDescriptor");
	assert_string_equal(mark->entity_id, ENTITY("main"));
	OWN(saml_entity) struct saml_entity *use = edited(" use=\"signing\"", "");
	assert_int_equal(use->n_certificates, 1);
	OWN(saml_entity)
	struct saml_entity *wants =
	    edited("<md:IDPSSODescriptor", "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"true\"");
	assert_true(wants->wants_signed_requests);
	OWN(saml_entity)
	struct saml_entity *several = edited("=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
	    "=\"urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol\"");
	assert_int_equal(several->n_certificates, 1);
	OWN(saml_entity)
	struct saml_entity *response = edited("Location=\"" ENTITY_SLO "\"",
	    "Location=\"" ENTITY_SLO "\" ResponseLocation=\"" ENTITY_SLO "/done\"");
	assert_string_equal(response->logout.response[SAML_BINDING_REDIRECT], ENTITY_SLO "/done");
	OWN(saml_entity)
	struct saml_entity *roles =
	    edited("<md:IDPSSODescriptor", "<md:SPSSODescriptor "
					   "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2."
					   "0:protocol\"/><md:IDPSSODescriptor");
	assert_int_equal(roles->n_certificates, 1);
	OWN(saml_entity) struct saml_entity *other = edited("bindings:HTTP-POST", "bindings:SOAP");
	assert_null(other->sign_on.url[SAML_BINDING_POST]);
}

static void
two_keys_are_taken_while_they_roll_over(void **state)
{
	OWN(text) char *one = entity_xml("main", KEY_MAIN);
	OWN(text) char *two = entity_xml("main", KEY_P256);
	OWN(text) char *key = world_cut(two, "<md:KeyDescriptor", "</md:KeyDescriptor>");
	OWN(buf) struct buf both;
	(void)state;
	buf_init(&both, 65536);
	buf_printf(&both, "%s%s%s<md:SingleLogout", key, key, "");
	one = world_replace(one, "<md:SingleLogout", buf_str(&both));
	OWN(saml_entity) struct saml_entity *entity = read_good(one, NULL, KEY_MAIN, false);
	assert_int_equal(entity->n_certificates, 2);
	assert_int_equal(X509_cmp(entity->certificates[1], world.certs[KEY_P256]), 0);
}

static void
the_earliest_end_and_the_shortest_life_hold(void **state)
{
	OWN(text) char *one = entity_xml("main", KEY_MAIN);
	one = world_replace(one, "ID=\"_m1\"",
	    "ID=\"_m1\" validUntil=\"2026-01-03T00:00:00Z\" cacheDuration=\"PT6H\"");
	one = world_replace(one, "<md:IDPSSODescriptor",
	    "<md:IDPSSODescriptor validUntil=\"2026-01-02T00:00:00Z\"");
	OWN(text) char *xml = entities_xml(&one, 1, false);
	xml = world_replace(xml, "ID=\"_m0\"",
	    "ID=\"_m0\" validUntil=\"2026-01-04T00:00:00Z\" cacheDuration=\"P1DT1M\"");
	OWN(saml_entity) struct saml_entity *entity = read_good(xml, NULL, KEY_MAIN, false);
	(void)state;
	assert_int_equal(entity->valid_until_s, NOW_S + 86400);
	assert_int_equal(entity->cache_s, 6 * 3600);
}

/* ---- which of several ---- */

static void
one_of_a_list_is_found_by_its_name(void **state)
{
	char *all[3] = {entity_xml("main", KEY_MAIN), entity_xml("other", KEY_OTHER),
	    entity_xml("p256", KEY_P256)};
	OWN(text) char *xml = entities_xml(all, 3, false);
	OWN(saml_entity)
	struct saml_entity *entity = read_good(xml, ENTITY("other"), KEY_MAIN, false);
	(void)state;
	assert_int_equal(X509_cmp(entity->certificates[0], world.certs[KEY_OTHER]), 0);
	refused(xml, NULL, false, "metadata_entity");
	refused(xml, ENTITY("stranger"), false, "metadata_entity");
	OWN(text) char *twice = world_replace(strdup(xml), ENTITY("p256"), ENTITY("other"));
	refused(twice, ENTITY("other"), false, "metadata_entity");
	for (size_t i = 0; i < 3; i++)
		free(all[i]);
}

static void
an_entity_in_an_extension_is_none(void **state)
{
	OWN(text) char *inner = entity_xml("evil", KEY_OTHER);
	OWN(text) char *xml = entity_xml("main", KEY_MAIN);
	OWN(buf) struct buf extension;
	(void)state;
	buf_init(&extension, 65536);
	buf_printf(&extension, "<md:Extensions>%s</md:Extensions><md:IDPSSODescriptor", inner);
	xml = world_replace(xml, "<md:IDPSSODescriptor", buf_str(&extension));
	OWN(saml_entity) struct saml_entity *entity = read_good(xml, NULL, KEY_MAIN, false);
	assert_string_equal(entity->entity_id, ENTITY("main"));
	refused(xml, ENTITY("evil"), false, "metadata_entity");
}

static void
a_federation_of_hundreds_is_read(void **state)
{
	enum { MANY = 900 };
	char *all[MANY];
	char name[16];
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "n%zu", i);
		all[i] = world_replace(entity_xml(name, KEY_MAIN), " ID=\"_m1\"", "");
	}
	OWN(text) char *xml = entity_sign(entities_xml(all, MANY, true), KEY_OTHER);
	assert_true(strlen(xml) > 1024 * 1024);
	OWN(saml_entity)
	struct saml_entity *entity = read_good(xml, ENTITY("n450"), KEY_OTHER, true);
	assert_true(entity->is_signed);
	for (size_t i = 0; i < MANY; i++)
		free(all[i]);
}

/* ---- who has signed ---- */

static void
what_is_pinned_has_to_have_signed(void **state)
{
	OWN(text) char *mine = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	OWN(text) char *foreign = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_MAIN);
	OWN(text) char *bare = entity_xml("main", KEY_MAIN);
	OWN(saml_entity) struct saml_entity *entity = read_good(mine, NULL, KEY_OTHER, true);
	(void)state;
	assert_true(entity->is_signed);
	refused(foreign, NULL, true, "saml_signature");
	refused(bare, NULL, true, "saml_signature");
	OWN(text)
	char *changed = world_replace(strdup(mine), ENTITY_SSO, "https://evil.example/sso");
	refused(changed, NULL, true, "saml_signature");
	OWN(text) char *renamed = world_replace(strdup(mine), ENTITY("main"), ENTITY("evil"));
	refused(renamed, NULL, true, "saml_signature");
}

static void
a_list_is_signed_as_a_whole_or_the_entity_itself(void **state)
{
	char *one[2] = {entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER), NULL};
	one[1] = world_replace(entity_xml("evil", KEY_MAIN), "\"_m1\"", "\"_m2\"");
	OWN(text) char *loose = entities_xml(one, 2, false);
	OWN(saml_entity)
	struct saml_entity *own = read_good(loose, ENTITY("main"), KEY_OTHER, true);
	(void)state;
	assert_true(own->is_signed);
	refused(loose, ENTITY("evil"), true, "saml_signature");
	OWN(text) char *whole = entity_sign(entities_xml(one + 1, 1, true), KEY_OTHER);
	OWN(saml_entity)
	struct saml_entity *listed = read_good(whole, ENTITY("evil"), KEY_OTHER, true);
	assert_true(listed->is_signed);
	free(one[0]);
	free(one[1]);
}

/* The signed entity is there, and another one, of the same ID or name, is to be read instead. */
static void
a_signature_of_another_entity_proves_nothing(void **state)
{
	char *good = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	char *evil = entity_xml("evil", KEY_P256);
	char *both[2] = {good, evil};
	(void)state;
	OWN(text) char *same_id = entities_xml(both, 2, false);
	refused(same_id, ENTITY("main"), true, "saml_structure"); /* "_m1" twice */
	OWN(text) char *signature = world_cut(good, "<ds:Signature", "</ds:Signature>");
	OWN(buf) struct buf moved;
	buf_init(&moved, 65536);
	buf_printf(&moved, "%s<md:IDPSSODescriptor", signature);
	OWN(text)
	char *bearer = world_replace(world_replace(strdup(evil), "\"_m1\"", "\"_m2\""),
	    "<md:IDPSSODescriptor", buf_str(&moved));
	char *wrapped[2] = {good, bearer};
	OWN(text) char *list = entities_xml(wrapped, 2, false);
	refused(list, ENTITY("evil"), true, "saml_signature");
	free(good);
	free(evil);
}

/* ---- what is refused ---- */

static void
metadata_that_say_nothing_clear_are_refused(void **state)
{
	static const struct {
		const char *from, *to, *reason;
	} cases[] = {
	    {"<md:IDPSSODescriptor", "<!DOCTYPE x><md:IDPSSODescriptor", "saml_xml"},
	    {"<md:IDPSSODescriptor", "<!-- --><md:IDPSSODescriptor", "saml_xml"},
	    {"SAML:2.0:metadata", "SAML:1.0:metadata", "metadata_entity"},
	    {" entityID=\"" ENTITY("main") "\"", "", "metadata_entity"},
	    {ENTITY("main"), "", "metadata_entity"},
	    {"SAML:2.0:protocol", "SAML:1.1:protocol", "metadata_role"},
	    {"=\"urn:oasis:names:tc:SAML:2.0:protocol\"",
		"=\"urn:oasis:names:tc:SAML:2.0:protocolx\"", "metadata_role"},
	    {"<md:IDPSSODescriptor",
		"<md:IDPSSODescriptor "
		"protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"/"
		"><md:IDPSSODescriptor",
		"metadata_role"},
	    {"use=\"signing\"", "use=\"encryption\"", "metadata_keys"},
	    {"<ds:X509Certificate>", "<ds:X509Certificate>*", "metadata_keys"},
	    {"<ds:X509Certificate>\n", "<ds:X509Certificate>\nAAAA", "metadata_keys"},
	    {ENTITY_SSO "\"", "http://idp.example/sso\"", "metadata_url"},
	    {ENTITY_SSO "\"", "javascript:alert(1)\"", "metadata_url"},
	    {"ID=\"_m1\"", "ID=\"_m1\" validUntil=\"" NOW "\"", "metadata_expired"},
	    {"ID=\"_m1\"", "ID=\"_m1\" validUntil=\"tomorrow\"", "metadata_expired"},
	    {"ID=\"_m1\"", "ID=\"_m1\" cacheDuration=\"1h\"", "saml_structure"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		OWN(text)
		char *xml = world_replace(entity_xml("main", KEY_MAIN), cases[i].from, cases[i].to);
		refused(xml, NULL, false, cases[i].reason);
	}
	refused("", NULL, false, "saml_xml");
	refused("\xef\xbb\xbf", NULL, false, "saml_xml");
}

static void
a_key_that_is_not_fit_is_left_out(void **state)
{
	X509 *saved = world.certs[KEY_MAIN];
	EVP_PKEY *weak = saml_sign_new_rsa(1024);
	world.certs[KEY_MAIN] = saml_sign_new_cert(weak, "weak", NOW_S);
	OWN(text) char *xml = entity_xml("main", KEY_MAIN);
	(void)state;
	X509_free(world.certs[KEY_MAIN]);
	world.certs[KEY_MAIN] = saved;
	EVP_PKEY_free(weak);
	refused(xml, NULL, false, "metadata_keys");
	OWN(text) char *fit = entity_xml("main", KEY_P384);
	OWN(text) char *key = world_cut(fit, "<md:KeyDescriptor", "</md:KeyDescriptor>");
	OWN(buf) struct buf both;
	buf_init(&both, 65536);
	buf_printf(&both, "%s<md:SingleLogout", key);
	xml = world_replace(xml, "<md:SingleLogout", buf_str(&both));
	OWN(saml_entity) struct saml_entity *entity = read_good(xml, NULL, KEY_MAIN, false);
	assert_int_equal(entity->n_certificates, 1);
	assert_int_equal(X509_cmp(entity->certificates[0], world.certs[KEY_P384]), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_and_urls_are_taken),
	    cmocka_unit_test(the_ways_of_other_writers_are_taken),
	    cmocka_unit_test(two_keys_are_taken_while_they_roll_over),
	    cmocka_unit_test(the_earliest_end_and_the_shortest_life_hold),
	    cmocka_unit_test(one_of_a_list_is_found_by_its_name),
	    cmocka_unit_test(an_entity_in_an_extension_is_none),
	    cmocka_unit_test(a_federation_of_hundreds_is_read),
	    cmocka_unit_test(what_is_pinned_has_to_have_signed),
	    cmocka_unit_test(a_list_is_signed_as_a_whole_or_the_entity_itself),
	    cmocka_unit_test(a_signature_of_another_entity_proves_nothing),
	    cmocka_unit_test(metadata_that_say_nothing_clear_are_refused),
	    cmocka_unit_test(a_key_that_is_not_fit_is_left_out),
	};
	return cmocka_run_group_tests_name("saml_entity", tests, kit_setup, kit_teardown);
}
