/* Signatures that must not count: stripped, foreign, weak, over something else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define EXC "http://www.w3.org/2001/10/xml-exc-c14n#"
#define C14N_METHOD "<ds:CanonicalizationMethod Algorithm=\"" EXC "\"/>"
#define C14N_TRANSFORM "<ds:Transform Algorithm=\"" EXC "\"/>"
#define ENVELOPED                                                                                  \
	"<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"
#define INCLUSIVE "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#define RSA_SHA256 "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"

/* Cut the first text between the tags of name. */
static char *
empty_element(char *xml, const char *open, const char *close)
{
	char *part = world_cut(xml, open, close);
	char *out = malloc(strlen(open) + strlen(close) + 1);
	assert_non_null(out);
	(void)sprintf(out, "%s%s", open, close);
	xml = world_replace(xml, part, out);
	free(part);
	free(out);
	return xml;
}

static char *
empty_signature_value(char *xml)
{
	return empty_element(xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
}

static char *
empty_digest_value(char *xml)
{
	return empty_element(xml, "<ds:DigestValue>", "</ds:DigestValue>");
}

static char *
empty_signature(char *xml)
{
	char *part = world_cut(xml, "<ds:SignedInfo>", "</ds:KeyInfo>");
	xml = world_replace(xml, part, "");
	free(part);
	return xml;
}

static char *
strip_signature(char *xml)
{
	char *part = world_cut(xml, "<ds:Signature ", "</ds:Signature>");
	xml = world_replace(xml, part, "");
	free(part);
	return xml;
}

/* Both were signed; the Response's signature goes, its envelope changes. */
static char *
strip_outer_signature(char *xml)
{
	return world_replace(strip_signature(xml), "status:Success", "status:Responder");
}

/* The inner signature is a foreign one, the outer, by the provider, lies over it. */
static char *
foreign_inner_signature(char *xml)
{
	struct row row = {.sign = SAML_SIGN_BOTH};
	struct saml_sign_spec spec = world_spec(&row);
	free(xml);
	xml = saml_sign_template(&spec);
	char *outer = world_cut(xml, "<ds:Signature ", "</ds:Signature>");
	xml = world_replace(xml, outer, "<outer/>");
	char *inner_signed = saml_sign_finish(xml, world.keys[KEY_OTHER]);
	assert_non_null(inner_signed);
	inner_signed = world_replace(inner_signed, "<outer/>", outer);
	char *both_signed = saml_sign_finish(inner_signed, world.keys[KEY_MAIN]);
	assert_non_null(both_signed);
	free(inner_signed);
	free(outer);
	free(xml);
	return both_signed;
}

static char *
two_signed_infos(char *xml)
{
	char *info = world_cut(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
	size_t size = 2 * strlen(info) + 1;
	char *twice = malloc(size);
	assert_non_null(twice);
	(void)snprintf(twice, size, "%s%s", info, info);
	xml = world_replace(xml, info, twice);
	free(twice);
	free(info);
	return xml;
}

/* The attacker's own key, in KeyInfo as a certificate in the provider's name and as a bare value. */
static char *
sign_by_key_info(const char *key_info)
{
	struct row row = {.key = KEY_OTHER};
	struct saml_sign_spec spec = world_spec(&row);
	char *cert = saml_sign_cert_base64(world.certs[KEY_OTHER]);
	spec.cert_base64 = cert;
	char *xml = saml_sign_template(&spec);
	if (key_info)
		xml = world_replace(xml, "<ds:X509Data>", key_info);
	char *out = saml_sign_finish(xml, world.keys[KEY_OTHER]);
	free(xml);
	free(cert);
	assert_non_null(out);
	return out;
}

static char *
self_signed_by_certificate(char *xml)
{
	free(xml);
	return sign_by_key_info(NULL);
}

static char *
self_signed_by_key_value(char *xml)
{
	BIGNUM *n = NULL;
	unsigned char bytes[512];
	char key_value[2048];
	free(xml);
	assert_int_equal(EVP_PKEY_get_bn_param(world.keys[KEY_OTHER], "n", &n), 1);
	int len = BN_bn2bin(n, bytes);
	BN_free(n);
	assert_true(len > 0);
	unsigned char text[1024];
	(void)EVP_EncodeBlock(text, bytes, len);
	(void)snprintf(key_value, sizeof(key_value),
	    "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>%s</ds:Modulus><ds:Exponent>AQAB"
	    "</ds:Exponent></ds:RSAKeyValue></ds:KeyValue><ds:X509Data>",
	    text);
	return sign_by_key_info(key_value);
}

static char *
key_by_retrieval(char *xml)
{
	free(xml);
	return sign_by_key_info(
	    "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/key\"/><ds:X509Data>");
}

/* A certificate of another key, issued by the provider's: the provider's key is pinned, not its children. */
static char *
signed_by_a_child(char *xml)
{
	X509 *child = saml_sign_new_cert(world.keys[KEY_OTHER], "child", NOW_S);
	assert_non_null(child);
	assert_true(X509_set_issuer_name(child, X509_get_subject_name(world.certs[KEY_MAIN])));
	assert_true(X509_sign(child, world.keys[KEY_MAIN], EVP_sha256()) > 0);
	struct row row = {0};
	struct saml_sign_spec spec = world_spec(&row);
	char *cert = saml_sign_cert_base64(child);
	spec.cert_base64 = cert;
	free(xml);
	xml = saml_sign_response(&spec, world.keys[KEY_OTHER]);
	free(cert);
	X509_free(child);
	assert_non_null(xml);
	return xml;
}

/* HMAC keyed with what everybody knows: the provider's public key, as PEM and as DER. */
static char *
hmac_with(const void *secret, size_t len)
{
	struct row row = {.algorithm = "hmac-sha256"};
	struct saml_sign_spec spec = world_spec(&row);
	char *xml = saml_sign_template(&spec);
	char *out = saml_sign_finish_hmac(xml, secret, len);
	free(xml);
	assert_non_null(out);
	return out;
}

static char *
hmac_with_pem(char *xml)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	free(xml);
	assert_int_equal(PEM_write_bio_PUBKEY(bio, world.keys[KEY_MAIN]), 1);
	long len = BIO_get_mem_data(bio, &pem);
	xml = hmac_with(pem, (size_t)len);
	BIO_free(bio);
	return xml;
}

static char *
hmac_with_der(char *xml)
{
	unsigned char *der = NULL;
	free(xml);
	int len = i2d_PUBKEY(world.keys[KEY_MAIN], &der);
	assert_true(len > 0);
	xml = hmac_with(der, (size_t)len);
	OPENSSL_free(der);
	return xml;
}

#define SIGNATURE "saml_signature"
#define ALGORITHM "saml_algorithm"

static const struct row rows[] = {
    {.name = "unsigned_response_is_refused", .reason = SIGNATURE, .is_unsigned = true},
    {.name = "stripped_signature_is_refused", .reason = SIGNATURE, .spoil = strip_signature},
    {.name = "empty_signature_is_refused", .reason = SIGNATURE, .spoil = empty_signature},
    {.name = "empty_signature_value_is_refused",
	.reason = SIGNATURE,
	.spoil = empty_signature_value},
    {.name = "empty_digest_value_is_refused", .reason = SIGNATURE, .spoil = empty_digest_value},
    {.name = "stripped_outer_signature_still_refuses_what_it_reported",
	.reason = "saml_status",
	.sign = SAML_SIGN_BOTH,
	.spoil = strip_outer_signature},
    {.name = "bad_inner_signature_under_a_good_outer_one_is_refused",
	.reason = SIGNATURE,
	.says = "none of the provider's keys",
	.sign = SAML_SIGN_BOTH,
	.spoil = foreign_inner_signature},
    {.name = "second_signature_in_extensions_is_refused",
	.reason = SIGNATURE,
	.says = "elsewhere",
	.after = {{"<samlp:Status>", "<samlp:Extensions><ds:Signature "
				     "xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>"
				     "</samlp:Extensions><samlp:Status>"}}},
    {.name = "second_signature_in_key_info_is_refused",
	.reason = SIGNATURE,
	.says = "elsewhere",
	.after = {{"<ds:X509Data>", "<ds:Signature/><ds:X509Data>"}}},
    {.name = "changed_assertion_is_refused", .reason = SIGNATURE, .after = {{SID, EVIL_SID}}},
    {.name = "changed_envelope_of_a_signed_response_is_refused",
	.reason = SIGNATURE,
	.sign = SAML_SIGN_RESPONSE,
	.after = {{"Destination=\"" ACS, "Destination=\"https://fas.example/mobile"}}},
    {.name = "signature_by_another_key_is_refused", .reason = SIGNATURE, .key = KEY_OTHER},
    {.name = "self_signed_with_certificate_in_key_info_is_refused",
	.reason = SIGNATURE,
	.spoil = self_signed_by_certificate},
    {.name = "self_signed_with_key_value_is_refused",
	.reason = SIGNATURE,
	.spoil = self_signed_by_key_value},
    {.name = "key_by_retrieval_method_is_refused", .reason = SIGNATURE, .spoil = key_by_retrieval},
    {.name = "certificate_issued_by_the_providers_is_refused",
	.reason = SIGNATURE,
	.spoil = signed_by_a_child},
    {.name = "signature_of_another_provider_is_refused",
	.reason = SIGNATURE,
	.idp = "other",
	.key = KEY_MAIN},
    {.name = "hmac_keyed_with_the_public_key_as_pem_is_refused",
	.reason = ALGORITHM,
	.spoil = hmac_with_pem},
    {.name = "hmac_keyed_with_the_public_key_as_der_is_refused",
	.reason = ALGORITHM,
	.spoil = hmac_with_der},
    {.name = "rsa_sha1_is_refused", .reason = ALGORITHM, .algorithm = "rsa-sha1"},
    {.name = "sha1_digest_is_refused", .reason = ALGORITHM, .digest = "sha1"},
    {.name = "rsa_md5_is_refused", .reason = ALGORITHM, .algorithm = "rsa-md5"},
    {.name = "md5_digest_is_refused", .reason = ALGORITHM, .digest = "md5"},
    {.name = "sha224_digest_is_refused", .reason = ALGORITHM, .digest = "sha224"},
    {.name = "ecdsa_sha1_is_refused_also_under_the_insecure_switch",
	.reason = ALGORITHM,
	.idp = "old",
	.key = KEY_P256,
	.algorithm = "ecdsa-sha1"},
    {.name = "md5_is_refused_also_under_the_insecure_switch",
	.reason = ALGORITHM,
	.idp = "old",
	.digest = "md5"},
    {.name = "ecdsa_for_a_provider_with_rsa_keys_is_refused",
	.reason = ALGORITHM,
	.key = KEY_P256,
	.algorithm = "ecdsa-sha256"},
    {.name = "missing_algorithm_is_refused",
	.reason = ALGORITHM,
	.after = {{"<ds:SignatureMethod Algorithm=\"" RSA_SHA256 "\"", "<ds:SignatureMethod"}}},
    {.name = "hmac_output_length_is_refused",
	.reason = SIGNATURE,
	.before = {{"<ds:SignatureMethod Algorithm=\"" RSA_SHA256 "\"/>",
	    "<ds:SignatureMethod Algorithm=\"" RSA_SHA256
	    "\"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>"}}},
    {.name = "comment_in_digest_value_is_refused",
	.reason = "saml_xml",
	.after = {{"<ds:DigestValue>", "<ds:DigestValue><!--x-->"}}},
    {.name = "element_in_digest_value_is_refused",
	.reason = SIGNATURE,
	.after = {{"<ds:DigestValue>", "<ds:DigestValue><ds:x/>"}}},
    {.name = "element_in_signature_value_is_refused",
	.reason = SIGNATURE,
	.after = {{"<ds:SignatureValue>", "<ds:SignatureValue><ds:x/>"}}},
    {.name = "two_signed_infos_are_refused", .reason = SIGNATURE, .spoil = two_signed_infos},
    {.name = "object_in_the_signature_is_refused",
	.reason = SIGNATURE,
	.after = {{"</ds:Signature>", "<ds:Object>x</ds:Object></ds:Signature>"}}},
    {.name = "manifest_in_the_signature_is_refused",
	.reason = SIGNATURE,
	.after = {{"</ds:Signature>", "<ds:Object><ds:Manifest/></ds:Object></ds:Signature>"}}},
    {.name = "two_references_are_refused",
	.reason = SIGNATURE,
	.before = {{"</ds:SignedInfo>",
	    "<ds:Reference URI=\"#_r1\"><ds:Transforms>" ENVELOPED C14N_TRANSFORM
	    "</ds:Transforms><ds:DigestMethod "
	    "Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"
	    "<ds:DigestValue/></ds:Reference></ds:SignedInfo>"}}},
    {.name = "empty_reference_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.before = {{"URI=\"#_a1\"", "URI=\"\""}}},
    {.name = "absent_reference_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.after = {{" URI=\"#_a1\"", ""}}},
    {.name = "external_reference_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.after = {{"URI=\"#_a1\"", "URI=\"http://127.0.0.1:9/x#_a1\""}}},
    {.name = "file_reference_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.after = {{"URI=\"#_a1\"", "URI=\"file:///etc/hostname\""}}},
    {.name = "xpointer_id_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.before = {{"URI=\"#_a1\"", "URI=\"#xpointer(id('_a1'))\""}}},
    {.name = "xpointer_root_uri_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.before = {{"URI=\"#_a1\"", "URI=\"#xpointer(/)\""}}},
    {.name = "reference_to_another_element_is_refused",
	.reason = SIGNATURE,
	.says = "Reference URI",
	.before = {{"URI=\"#_a1\"", "URI=\"#_r1\""}}},
    {.name = "inclusive_c14n_of_signed_info_is_refused",
	.reason = ALGORITHM,
	.before = {{C14N_METHOD, "<ds:CanonicalizationMethod Algorithm=\"" INCLUSIVE "\"/>"}}},
    {.name = "inclusive_c14n_transform_is_refused",
	.reason = ALGORITHM,
	.before = {{C14N_TRANSFORM, "<ds:Transform Algorithm=\"" INCLUSIVE "\"/>"}}},
    {.name = "inclusive_c14n_by_default_is_refused",
	.reason = ALGORITHM,
	.before = {{C14N_TRANSFORM, ""}}},
    {.name = "exclusive_c14n_with_comments_is_refused",
	.reason = ALGORITHM,
	.before = {{C14N_TRANSFORM, "<ds:Transform Algorithm=\"" EXC "WithComments\"/>"}}},
    {.name = "transforms_in_another_order_are_refused",
	.reason = ALGORITHM,
	.after = {{ENVELOPED C14N_TRANSFORM, C14N_TRANSFORM ENVELOPED}}},
    {.name = "three_transforms_are_refused",
	.reason = SIGNATURE,
	.before = {{C14N_TRANSFORM, C14N_TRANSFORM C14N_TRANSFORM}}},
    {.name = "no_transforms_are_refused",
	.reason = SIGNATURE,
	.after = {{"<ds:Transforms>" ENVELOPED C14N_TRANSFORM "</ds:Transforms>", ""}}},
    {.name = "xslt_transform_is_refused",
	.reason = ALGORITHM,
	.after = {{C14N_TRANSFORM, "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-"
				   "19991116\"/>"}}},
    {.name = "xpath_transform_is_refused",
	.reason = ALGORITHM,
	.before = {{C14N_TRANSFORM,
	    "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><ds:XPath>"
	    "true()</ds:XPath></ds:Transform>"}}},
    {.name = "xpath_filter_transform_is_refused",
	.reason = ALGORITHM,
	.after = {{ENVELOPED,
	    "<ds:Transform Algorithm=\"http://www.w3.org/2002/06/xmldsig-filter2\"/>"}}},
    {.name = "base64_transform_is_refused",
	.reason = ALGORITHM,
	.after = {{C14N_TRANSFORM,
	    "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#base64\"/>"}}},
    {.name = "relative_namespace_is_refused",
	.reason = "saml_xml",
	.after = {{"<saml:Subject>", "<saml:Subject xmlns:x=\"relative\" x:a=\"b\">"}}},
    {.name = "void_canonicalisation_by_a_malformed_namespace_is_refused",
	.reason = SIGNATURE,
	.after = {{"<saml:Subject>", "<saml:Subject xmlns:x=\"a/b:c\" x:a=\"b\">"}}},
    {.name = "void_canonicalisation_of_signed_info_is_refused",
	.reason = SIGNATURE,
	.after = {{"<ds:SignedInfo>", "<ds:SignedInfo xmlns:x=\"a/b:c\" x:a=\"b\">"}}},
    {.name = "endless_prefix_list_is_refused",
	.reason = SIGNATURE,
	.prefix_list = "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
		       "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
		       "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
		       "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"},
    {.name = "signature_of_a_foreign_namespace_is_refused",
	.reason = SIGNATURE,
	.after = {{"<saml:Subject>", "<saml:Subject><x:Signature xmlns:x=\"urn:x\"/>"}}},
};

int
main(void)
{
	int failed = world_run("saml_signature", rows, NELEMS(rows));
	return failed + world_run_sealed("saml_signature_sealed", rows, NELEMS(rows));
}
