/* Which encryption is opened, with which key, and that nobody learns by asking why another one is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define DATA_END "</xenc:EncryptedData>"
#define KEY_END "</xenc:EncryptedKey>"
#define INFO "<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">"
#define KEY_METHOD                                                                                 \
	"<xenc:EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p\">"
#define VALUE "<xenc:CipherData><xenc:CipherValue>"
#define ONE_ERROR "does not open with any key of this service"
#define IS_OURS .sealed = SEALED_ASSERTION
#define CBC128 .seal = {.cipher = "aes128-cbc"}

static void
is_alice_of_main(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->idp, "main");
	assert_string_equal(a->name_id, "alice");
	assert_null(a->response_id);
}

static void
has_response_id(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->response_id, "_r1");
	assert_string_equal(a->name_id, "alice");
}

static void
has_name_id_and_format(const struct saml_assertion *a)
{
	world_is_alice(a);
	assert_string_equal(a->name_id, "alice");
	assert_string_equal(a->name_id_format, "urn:f");
}

/* The first octets of the ciphertext changed: of the content (the first CipherValue behind KeyInfo), or of the key. */
static char *
flip_behind(char *xml, const char *mark)
{
	char *at = strstr(xml, mark);
	at = at ? strstr(at, VALUE) : NULL;
	if (!at) {
		fail_msg("the document has no %s", mark);
		return NULL;
	}
	at += strlen(VALUE) + 8;
	*at = *at == 'A' ? 'B' : 'A';
	return xml;
}

static char *
flip_content(char *xml)
{
	return flip_behind(xml, "</ds:KeyInfo>");
}

static char *
flip_key(char *xml)
{
	return flip_behind(xml, "<xenc:EncryptedKey");
}

/* The content of a message for the second key with the key of one for the first: both of them ours. */
static char *
two_keys(char *xml)
{
	char *key = world_cut(xml, "<xenc:EncryptedKey", KEY_END);
	char *foreign =
	    world_sealed_response(&(struct row){IS_OURS, .seal = {.to = world.decryption[1]}});
	char *other = world_cut(foreign, "<xenc:EncryptedKey", KEY_END);
	char both[8192];
	(void)snprintf(both, sizeof(both), "%s%s", other, key);
	xml = world_replace(xml, key, both);
	free(key);
	free(foreign);
	free(other);
	return xml;
}

static char *
three_keys(char *xml)
{
	char *key = world_cut(xml, "<xenc:EncryptedKey", KEY_END);
	char both[16384];
	(void)snprintf(both, sizeof(both), "%s%s", key, key);
	xml = world_replace(xml, key, both);
	xml = world_replace(xml, DATA_END, DATA_END "<here/>");
	xml = world_replace(xml, "<here/>", key);
	free(key);
	return xml;
}

static char *
no_key(char *xml)
{
	char *key = world_cut(xml, "<xenc:EncryptedKey", KEY_END);
	xml = world_replace(xml, key, "");
	free(key);
	return xml;
}

static char *
empty_content(char *xml)
{
	char *data = world_cut(strstr(xml, "</ds:KeyInfo>"), VALUE, "</xenc:CipherValue>");
	xml = world_replace(xml, data, VALUE "AAAA</xenc:CipherValue>");
	free(data);
	return xml;
}

static const struct row rows[] = {
    /* what is opened */
    {.name = "signed_assertion_in_aes_128_gcm_is_opened", IS_OURS, .check = is_alice_of_main},
    {.name = "signed_assertion_in_aes_256_gcm_is_opened",
	IS_OURS,
	.seal = {.cipher = "aes256-gcm"},
	.check = is_alice_of_main},
    {.name = "explicit_sha1_of_oaep_is_opened", IS_OURS, .seal = {.digest = "sha1"}},
    {.name = "sha256_of_oaep_is_opened", IS_OURS, .seal = {.digest = "sha256"}},
    {.name = "sha256_of_oaep_and_of_its_mask_is_opened",
	IS_OURS,
	.seal = {.digest = "sha256", .mask = "sha256"}},
    {.name = "key_behind_the_data_is_found", IS_OURS, .seal = {.key_outside = 1}},
    {.name = "unsigned_assertion_in_a_signed_response_is_opened",
	IS_OURS,
	.sign = SAML_SIGN_RESPONSE,
	.check = has_response_id},
    {.name = "signed_assertion_in_a_signed_response_is_opened",
	IS_OURS,
	.sign = SAML_SIGN_BOTH,
	.check = has_response_id},
    {.name = "aes_128_cbc_in_a_signed_response_is_opened",
	IS_OURS,
	CBC128,
	.sign = SAML_SIGN_RESPONSE,
	.check = has_response_id},
    {.name = "aes_256_cbc_in_a_signed_response_is_opened",
	IS_OURS,
	.seal = {.cipher = "aes256-cbc", .key_outside = 1},
	.sign = SAML_SIGN_BOTH,
	.check = has_response_id},
    {.name = "ec_signature_inside_is_verified",
	IS_OURS,
	.idp = "p256",
	.key = KEY_P256,
	.algorithm = "ecdsa-sha256"},
    {.name = "answer_to_the_request_is_opened",
	IS_OURS,
	.idp = "asked",
	.asked = "_q1",
	.answers = "_q1"},
    {.name = "declaration_inside_is_accepted",
	IS_OURS,
	.inside = {{"<saml:Assertion",
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<saml:Assertion"}}},
    {.name = "key_of_the_message_that_is_for_another_one_of_ours_is_passed_over",
	IS_OURS,
	.spoil = two_keys},

    /* identifiers */
    {.name = "encrypted_name_id_is_opened",
	.sealed = SEALED_NAME_ID,
	.inside = {{"<saml:NameID", "<saml:NameID Format=\"urn:f\""}},
	.check = has_name_id_and_format},
    {.name = "encrypted_name_id_in_cbc_lies_under_the_assertions_signature",
	.sealed = SEALED_NAME_ID,
	CBC128},
    {.name = "encrypted_name_id_with_its_key_behind_is_opened",
	.sealed = SEALED_NAME_ID,
	.seal = {.key_outside = 1}},
    {.name = "encrypted_name_id_for_another_key_is_refused",
	.reason = "saml_decryption",
	.sealed = SEALED_NAME_ID,
	.without_sp = true},
    {.name = "encrypted_name_id_beside_a_plain_one_is_refused",
	.reason = "saml_subject_confirmation",
	.says = "two identifiers",
	.sealed = SEALED_NAME_ID,
	.before = {{"<saml:NameID>alice", "<saml:NameID>bob</saml:NameID><saml:NameID>alice"}}},
    {.name = "encrypted_identifier_that_is_no_name_id_is_refused",
	.reason = "saml_subject_confirmation",
	.says = "no NameID",
	.sealed = SEALED_NAME_ID,
	.inside = {{"<saml:NameID", "<saml:BaseID"}, {"</saml:NameID", "</saml:BaseID"}}},
    {.name = "comment_in_an_encrypted_name_id_is_refused",
	.reason = "saml_xml",
	.sealed = SEALED_NAME_ID,
	.inside = {{"alice", "al<!---->ice"}}},
    {.name = "element_in_an_encrypted_name_id_is_refused",
	.reason = "saml_claims",
	.sealed = SEALED_NAME_ID,
	.inside = {{"alice", "al<x/>ice"}}},

    /* signatures */
    {.name = "unsigned_assertion_in_an_unsigned_response_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.is_unsigned = true},
    {.name = "assertion_that_another_key_has_signed_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.key = KEY_OTHER},
    {.name = "changed_assertion_inside_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.inside = {{SID, EVIL_SID}}},
    {.name = "changed_assertion_inside_a_signed_response_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.sign = SAML_SIGN_BOTH,
	.inside = {{SID, EVIL_SID}}},
    {.name = "changed_envelope_of_a_signed_response_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.sign = SAML_SIGN_RESPONSE,
	.after = {{"Destination=\"" ACS, "Destination=\"https://fas.example/mobile"}}},
    {.name = "changed_ciphertext_in_a_signed_response_is_found_by_the_signature",
	.reason = "saml_signature",
	IS_OURS,
	CBC128,
	.sign = SAML_SIGN_RESPONSE,
	.spoil = flip_content},
    {.name = "response_without_issuer_is_refused",
	.reason = "saml_issuer",
	IS_OURS,
	.before = {{"<saml:Issuer>" ENTITY("main") "</saml:Issuer>", ""}}},
    {.name = "issuer_inside_that_differs_is_refused",
	.reason = "saml_issuer",
	IS_OURS,
	.idp = "old",
	.before = {{"<saml:Issuer>" ENTITY("old"), "<saml:Issuer>" ENTITY("main")}}},

    /* algorithms */
    {.name = "cbc_outside_of_a_signed_response_is_refused",
	.reason = "saml_algorithm",
	.says = "signed Response",
	IS_OURS,
	CBC128},
    {.name = "aes_256_cbc_outside_of_a_signed_response_is_refused",
	.reason = "saml_algorithm",
	IS_OURS,
	.seal = {.cipher = "aes256-cbc"}},
    {.name = "triple_des_is_refused_also_in_a_signed_response",
	.reason = "saml_algorithm",
	.says = "tripledes-cbc",
	IS_OURS,
	.seal = {.cipher = "tripledes-cbc"},
	.sign = SAML_SIGN_RESPONSE},
    {.name = "rsa_pkcs1_is_refused_also_in_a_signed_response",
	.reason = "saml_algorithm",
	.says = "rsa-1_5",
	IS_OURS,
	.seal = {.transport = "rsa-1_5"},
	.sign = SAML_SIGN_BOTH},
    {.name = "oaep_of_xml_encryption_1_1_is_named",
	.reason = "saml_algorithm",
	.says = "xmlenc11#rsa-oaep",
	IS_OURS,
	.seal = {.transport = "rsa-oaep"}},
    {.name = "sha512_of_oaep_is_refused",
	.reason = "saml_algorithm",
	.says = "digest of RSA-OAEP",
	IS_OURS,
	.seal = {.digest = "sha512"}},
    {.name = "label_of_oaep_is_refused",
	.reason = "saml_structure",
	.says = "OAEPparams",
	IS_OURS,
	.seal = {.digest = "sha1"},
	.after = {{KEY_METHOD, KEY_METHOD "<xenc:OAEPparams>AAAA</xenc:OAEPparams>"}}},

    /* one error */
    {.name = "assertion_for_another_service_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.spoil = flip_key},
    {.name = "changed_content_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.spoil = flip_content},
    {.name = "wrong_tag_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.seal = {.bad_tag = 1}},
    {.name = "short_content_key_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.seal = {.short_key = 1}},
    {.name = "key_of_the_wrong_length_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.after = {{"aes128-gcm", "aes256-gcm"}}},
    {.name = "wrong_mask_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.seal = {.digest = "sha1", .mask = "sha256"}},
    {.name = "wrong_padding_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.seal = {.cipher = "aes128-cbc", .bad_padding = 1},
	.sign = SAML_SIGN_RESPONSE},
    {.name = "empty_content_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.spoil = empty_content},
    {.name = "content_that_is_no_base64_does_not_open",
	.reason = "saml_decryption",
	.says = ONE_ERROR,
	IS_OURS,
	.after = {{VALUE, VALUE "%"}}},
    {.name = "service_without_keys_opens_nothing",
	.reason = "saml_decryption",
	.says = "saml: decryption",
	IS_OURS,
	.without_sp = true},

    /* structure */
    {.name = "no_key_is_refused",
	.reason = "saml_structure",
	.says = "no EncryptedKey",
	IS_OURS,
	.spoil = no_key},
    {.name = "three_keys_are_refused",
	.reason = "saml_structure",
	.says = "more than two",
	IS_OURS,
	.spoil = three_keys},
    {.name = "cipher_reference_is_refused",
	.reason = "saml_structure",
	.says = "CipherReference",
	IS_OURS,
	.after = {{VALUE, "<xenc:CipherData><xenc:CipherReference URI=\"http://evil.example/x\"/>"
			  "<xenc:CipherValue>"}}},
    {.name = "content_type_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"xmlenc#Element", "xmlenc#Content"}}},
    {.name = "encryption_properties_are_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{DATA_END, "<xenc:EncryptionProperties/>" DATA_END}}},
    {.name = "foreign_key_info_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{INFO, INFO "<x:AgreementMethod xmlns:x=\"urn:x\"/>"}}},
    {.name = "second_encrypted_assertion_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"</saml:EncryptedAssertion>",
	    "</saml:EncryptedAssertion><saml:EncryptedAssertion/>"}}},
    {.name = "plain_assertion_beside_an_encrypted_one_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"</saml:EncryptedAssertion>", "</saml:EncryptedAssertion><saml:Assertion/>"}}},
    {.name = "key_elsewhere_in_the_document_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"<samlp:Status>", "<samlp:Extensions><xenc:EncryptedKey "
				     "xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\"/>"
				     "</samlp:Extensions><samlp:Status>"}}},
    {.name = "encrypted_assertion_elsewhere_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"<saml:EncryptedAssertion", "<samlp:Extensions><saml:EncryptedAssertion"},
	    {"</saml:EncryptedAssertion>", "</saml:EncryptedAssertion></samlp:Extensions>"}}},
    {.name = "equal_ids_of_data_and_response_are_refused",
	.reason = "saml_structure",
	IS_OURS,
	.after = {{"<xenc:EncryptedData", "<xenc:EncryptedData Id=\"_r1\""}}},
};

/* While keys roll over, the older one opens too. */
static void
second_key_opens(void **state)
{
	const struct row row = {IS_OURS, .seal = {.to = world.decryption[1]}};
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	char *xml = world_sealed_response(&row);
	(void)state;
	if (world_verify(&row, xml, strlen(xml), &a, &e) != FAS_OK)
		fail_msg("refused as %s: %s", e.reason, e.message);
	world_is_alice(a);
	saml_assertion_free(a);
	free(xml);
}

/* With CBC, one in 16 random keys gives a padding that fits: what comes out is never taken for the content. */
static void
second_key_opens_cbc_each_time(void **state)
{
	const struct row row = {IS_OURS,
	    .seal = {.to = world.decryption[1], .cipher = "aes128-cbc"},
	    .sign = SAML_SIGN_RESPONSE};
	char *xml = world_sealed_response(&row);
	(void)state;
	for (int i = 0; i < 100; i++) {
		struct saml_assertion *a = NULL;
		struct fas_err e = {0};
		if (world_verify(&row, xml, strlen(xml), &a, &e) != FAS_OK)
			fail_msg("refused as %s: %s", e.reason, e.message);
		saml_assertion_free(a);
	}
	free(xml);
}

static void
key_of_another_service_opens_nothing(void **state)
{
	const struct row row = {IS_OURS, .seal = {.to = world.keys[KEY_OTHER]}, .says = ONE_ERROR};
	char *xml = world_sealed_response(&row);
	(void)state;
	world_refused(&row, xml, strlen(xml), "saml_decryption");
	free(xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(second_key_opens),
	    cmocka_unit_test(second_key_opens_cbc_each_time),
	    cmocka_unit_test(key_of_another_service_opens_nothing),
	};
	int failed = cmocka_run_group_tests_name("saml_keys", tests, world_setup, world_teardown);
	return failed + world_run("saml_decrypt", rows, NELEMS(rows));
}
