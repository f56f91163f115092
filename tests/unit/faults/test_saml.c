/* A SAML response without memory: refused for that, never for what the provider said. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/yaml.h"
#include "saml_entities.h"
#include "saml_logouts.h"
#include "saml_world.h"
#include "tests/unit/faults/faults.h"

static enum fas_code
run_verify(void *arg, struct fas_err *e)
{
	struct saml_assertion *a = NULL;
	const char *xml = arg;
	enum fas_code rc = world_verify(&(struct row){0}, xml, strlen(xml), &a, e);
	assert_true((rc == FAS_OK) == (a != NULL));
	if (a) {
		assert_non_null(a->idp);
		assert_non_null(a->issuer);
		assert_string_equal(a->assertion_id, "_a1");
		assert_string_equal(a->upn, UPN);
		assert_string_equal(a->name_id, "alice");
	}
	saml_assertion_free(a);
	return rc;
}

static enum fas_code
run_explain(void *arg, struct fas_err *e)
{
	const char *xml = arg;
	json_t *report = NULL;
	enum fas_code rc = world_explain(&(struct row){0}, xml, strlen(xml), &report, e);
	assert_true((rc == FAS_OK) == (report != NULL));
	if (report) {
		assert_true(json_is_true(json_object_get(report, "good")));
		assert_int_equal(json_array_size(json_object_get(report, "clauses")), 16);
	}
	json_decref(report);
	return rc;
}

static void
what_is_told_of_a_response_is_whole_or_nothing(void **state)
{
	const struct fault_case c = {.run = run_explain};
	char *xml = world_response(&(struct row){.sealed = SEALED_ASSERTION});
	(void)state;
	(void)faults_each(FAULT_MEMORY, &c, xml);
	free(xml);
}

static void
a_response_is_not_blamed_for_our_memory(void **state)
{
	static const enum saml_sign_what whats[] = {
	    SAML_SIGN_ASSERTION, SAML_SIGN_RESPONSE, SAML_SIGN_BOTH};
	const struct fault_case c = {.run = run_verify};
	(void)state;
	for (size_t i = 0; i < 3 * sizeof(whats) / sizeof(whats[0]); i++) {
		char *xml = world_response(
		    &(struct row){.sign = whats[i / 3], .sealed = (enum sealed)(i % 3)});
		(void)faults_each(FAULT_MEMORY, &c, xml);
		free(xml);
	}
}

/* ---- the providers' certificates ---- */

static const char providers[] =
    "  - name: okta\n    entity_id: https://idp/okta\n    certificates: [0.pem, 2.pem]\n"
    "    audiences: [urn:one, urn:two]\n    recipients: [https://fas.example/acs]\n"
    "    allow_unsolicited: true\n    claims: {sid: {name: urn:sid, transform: [lower, "
    "{strip_prefix: a}, {capture: (x)}]}, upn: urn:upn, guid: urn:guid}\n"
    "  - name: adfs\n    entity_id: https://idp/adfs\n    certificates: [1.pem]\n"
    "    audiences: [urn:one]\n    recipients: [https://fas.example/acs]\n";

static enum fas_code
run_trust(void *arg, struct fas_err *e)
{
	struct saml_trust *trust = NULL;
	enum fas_code rc = saml_trust_load(yaml_root(arg), world.folder, &trust, e);
	assert_true((rc == FAS_OK) == (trust != NULL));
	if (trust)
		assert_int_equal(saml_trust_count(trust), 2);
	saml_trust_free(trust);
	return rc;
}

static void
providers_are_loaded_whole_or_not_at_all(void **state)
{
	const struct fault_case c = {.run = run_trust};
	struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(yaml_parse("idp.yaml", providers, strlen(providers), &doc, &e), FAS_OK);
	(void)faults_each(FAULT_MEMORY, &c, doc);
	yaml_doc_free(doc);
}

/* ---- what is sent, and what else comes ---- */

#define BY(binding)                                                                                \
	"  single_sign_on: {" binding ": https://i/s}\n"                                           \
	"  single_logout: {" binding ": https://i/l}\n"

static const char by_both[] = KIT_IDP("a", 0, BY("redirect")) KIT_IDP("b", 0, BY("post"));
static struct saml_sp *own_keys;
static struct saml_trust *asked;

static enum fas_code
run_request(void *arg, struct fas_err *e)
{
	const struct saml_request_options options = {.relay_state = "store"};
	struct saml_message *m = NULL;
	enum fas_code rc =
	    saml_authn_request(own_keys, asked, arg, &kit_server, &options, NOW_S, &m, e);
	assert_true((rc == FAS_OK) == (m != NULL));
	saml_message_free(m);
	return rc;
}

static enum fas_code
run_logout(void *arg, struct fas_err *e)
{
	const struct saml_logout_subject alice = {.name_id = "alice", .session_index = "_s1"};
	struct saml_message *m = NULL;
	enum fas_code rc =
	    saml_logout_request(own_keys, asked, arg, &kit_server, &alice, "back", NOW_S, &m, e);
	assert_true((rc == FAS_OK) == (m != NULL));
	saml_message_free(m);
	return rc;
}

static void
what_is_sent_is_whole_or_nothing(void **state)
{
	const struct fault_case request = {.run = run_request}, logout = {.run = run_logout};
	char redirect[] = "a", post[] = "b";
	(void)state;
	own_keys = kit_sp("signing: [" KIT_PAIR(2) "]\n");
	asked = kit_trust(by_both);
	(void)faults_each(FAULT_MEMORY, &request, redirect);
	(void)faults_each(FAULT_MEMORY, &request, post);
	(void)faults_each(FAULT_MEMORY, &logout, redirect);
	(void)faults_each(FAULT_MEMORY, &logout, post);
	saml_sp_free(own_keys);
	saml_trust_free(asked);
}

struct sent {
	const struct logout_row *row;
	char *message;
};

static enum fas_code
run_logout_read(void *arg, struct fas_err *e)
{
	const struct sent *sent = arg;
	struct saml_logout *l = NULL;
	enum fas_code rc = logout_read_text(sent->row, sent->message, &l, e);
	assert_true((rc == FAS_OK) == (l != NULL));
	if (l)
		assert_string_equal(l->name_id, "alice");
	saml_logout_free(l);
	return rc;
}

static void
a_logout_is_not_blamed_for_our_memory(void **state)
{
	static const struct logout_row rows[] = {
	    {.how = {.relay_state = "store"}}, {.sealed = true}};
	const struct fault_case c = {.run = run_logout_read};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sent sent = {&rows[i], logout_message(&rows[i])};
		(void)faults_each(FAULT_MEMORY, &c, &sent);
		free(sent.message);
	}
}

static enum fas_code
run_metadata(void *arg, struct fas_err *e)
{
	const char *xml = arg;
	struct saml_entity *entity = NULL;
	const struct saml_pins pins = {&world.certs[KEY_OTHER], 1};
	enum fas_code rc =
	    saml_metadata_read((const uint8_t *)xml, strlen(xml), NULL, &pins, NOW_S, &entity, e);
	assert_true((rc == FAS_OK) == (entity != NULL));
	if (entity)
		assert_int_equal(entity->n_certificates, 1);
	saml_entity_free(entity);
	return rc;
}

static void
metadata_are_not_blamed_for_our_memory(void **state)
{
	const struct fault_case c = {.run = run_metadata};
	char *xml = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	(void)state;
	(void)faults_each(FAULT_MEMORY, &c, xml);
	free(xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_response_is_not_blamed_for_our_memory),
	    cmocka_unit_test(what_is_told_of_a_response_is_whole_or_nothing),
	    cmocka_unit_test(providers_are_loaded_whole_or_not_at_all),
	    cmocka_unit_test(what_is_sent_is_whole_or_nothing),
	    cmocka_unit_test(a_logout_is_not_blamed_for_our_memory),
	    cmocka_unit_test(metadata_are_not_blamed_for_our_memory),
	};
	faults_init();
	return cmocka_run_group_tests_name("saml without memory", tests, kit_setup, kit_teardown);
}
