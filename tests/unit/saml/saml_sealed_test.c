/* What comes out of an encrypted assertion is a document, and read as one: by the rules of those that come plain. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define SAML " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\""
#define HEAD "<saml:Assertion"
#define RESPONSE_OPEN                                                                              \
	"<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_x\">"
#define EVIL                                                                                       \
	"<saml:Assertion" SAML " ID=\"_evil\" Version=\"2.0\" IssueInstant=\"" NOW                 \
	"\"><saml:Issuer>" ENTITY("main") "</saml:Issuer><saml:Advice>"
#define ENCRYPTED_OPEN "<saml:EncryptedAssertion" SAML ">"
#define IS_OURS .sealed = SEALED_ASSERTION

static char *
without_signature(char *plain)
{
	char *signature = world_cut(plain, "<ds:Signature ", "</ds:Signature>");
	plain = world_replace(plain, signature, "");
	free(signature);
	return plain;
}

static const struct row rows[] = {
    {.name = "document_type_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{HEAD, "<!DOCTYPE x [<!ENTITY a \"b\">]>" HEAD}}},
    {.name = "external_document_type_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{HEAD, "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" HEAD}}},
    {.name = "entity_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", ">&a;<"}}},
    {.name = "byte_order_mark_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{HEAD, "\xef\xbb\xbf" HEAD}}},
    {.name = "other_encoding_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{HEAD, "<?xml version=\"1.0\" encoding=\"UTF-16\"?>" HEAD}}},
    {.name = "text_behind_the_assertion_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{"</saml:Assertion>", "</saml:Assertion>text"}}},
    {.name = "second_root_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{"</saml:Assertion>", "</saml:Assertion><saml:Assertion/>"}}},
    {.name = "comment_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", ">al<!-- -->ice<"}}},
    {.name = "cdata_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", "><![CDATA[alice]]><"}}},
    {.name = "processing_instruction_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", ">al<?x?>ice<"}}},
    {.name = "invalid_utf_8_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", ">al\xc0\x80ice<"}}},
    {.name = "undeclared_prefix_inside_is_refused",
	.reason = "saml_xml",
	IS_OURS,
	.inside = {{">alice<", "><samlp:x/>alice<"}}},
    {.name = "response_inside_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.inside = {{HEAD, RESPONSE_OPEN HEAD},
	    {"</saml:Assertion>", "</saml:Assertion></samlp:Response>"}}},
    {.name = "wrapped_assertion_inside_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.inside = {{HEAD, EVIL HEAD},
	    {"</saml:Assertion>", "</saml:Assertion></saml:Advice></saml:Assertion>"}}},
    {.name = "wrapped_assertion_inside_a_signed_response_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.sign = SAML_SIGN_BOTH,
	.inside = {{HEAD, EVIL HEAD},
	    {"</saml:Assertion>", "</saml:Assertion></saml:Advice></saml:Assertion>"}}},
    {.name = "encrypted_assertion_within_an_encrypted_one_is_refused",
	.reason = "saml_structure",
	IS_OURS,
	.inside = {{HEAD, ENCRYPTED_OPEN HEAD},
	    {"</saml:Assertion>", "</saml:Assertion></saml:EncryptedAssertion>"}}},
    {.name = "stripped_signature_inside_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.spoil_inside = without_signature},
    {.name = "changed_digest_inside_is_refused",
	.reason = "saml_algorithm",
	IS_OURS,
	.inside = {{"xmlenc#sha256", "xmldsig-more#md5"}}},
    {.name = "inclusive_canonicalisation_inside_is_refused",
	.reason = "saml_algorithm",
	IS_OURS,
	.inside = {{"http://www.w3.org/2001/10/xml-exc-c14n#",
	    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"}}},
    {.name = "signature_by_another_key_in_its_key_info_is_refused",
	.reason = "saml_signature",
	IS_OURS,
	.key = KEY_OTHER},
    {.name = "hmac_inside_is_refused",
	.reason = "saml_algorithm",
	IS_OURS,
	.inside = {{"rsa-sha256", "hmac-sha256"}}},
};

int
main(void)
{
	return world_run("saml_sealed", rows, NELEMS(rows));
}
