/* fasctl saml check: what people and programs read of a response that nobody accepts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/commands.h"
#include "fas/saml/metadata.h"
#include "run.h"
#include "saml_sign.h"

#define NOW_S INT64_C(1767225600)
#define THEN " --now 2026-01-01T00:00:00Z"

static char folder[64];
static const char *const folders[] = {"state", "state/metadata"};
static EVP_PKEY *key;

static const char fasd_yaml[] =
    "node: fas1\n"
    "identity_providers:\n"
    "  - name: okta\n    entity_id: https://idp/okta\n    certificates: [okta.pem]\n"
    "    audiences: [urn:fas]\n    recipients: [https://fas.example/acs]\n"
    "    allow_unsolicited: true\n"
    "front:\n  url: https://login.example\n"
    "  servers:\n    - {name: default, entity_id: urn:front, providers: [okta]}\n"
    "    - {name: mobile, entity_id: urn:mobile, providers: [other]}\n";

static const char by_url[] =
    "state: state\n"
    "identity_providers:\n"
    "  - name: okta\n    metadata: https://idp/metadata\n    insecure_unsigned_metadata: true\n"
    "    audiences: [urn:fas]\n    recipients: [https://fas.example/acs]\n"
    "    allow_unsolicited: true\n";

static void
write_text(const char *name, const char *text)
{
	char path[128];
	struct fas_err e = {0};
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &e), FAS_OK);
}

static void
write_response(const char *name, const char *audience, const char *acs, bool as_base64)
{
	static const struct saml_sign_attribute upn = {"cip_upn", "alice@corp.example.com"};
	const struct saml_sign_spec spec = {.idp = "https://idp/okta",
	    .audience = audience,
	    .recipient = acs,
	    .destination = acs,
	    .sign = SAML_SIGN_BOTH,
	    .now_s = NOW_S,
	    .attributes = &upn,
	    .n_attributes = 1};
	OWN(text) char *xml = saml_sign_response(&spec, key);
	assert_non_null(xml);
	OWN(text) char *base64 = base64_encode(xml, strlen(xml));
	write_text(name, as_base64 ? base64 : xml);
}

static void
copy_name(char out[128])
{
	struct fas_err e = {0};
	assert_int_equal(
	    saml_metadata_copy("state/metadata", "okta", "https://idp/metadata", out, 128, &e),
	    FAS_OK);
}

/* As fasd keeps what the URL gave. */
static void
write_copy(X509 *cert)
{
	char path[256], xml[4096];
	struct fas_err e = {0};
	OWN(text) char *base64 = saml_sign_cert_base64(cert);
	(void)snprintf(xml, sizeof(xml),
	    "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" "
	    "entityID=\"https://idp/okta\"><IDPSSODescriptor "
	    "protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor>"
	    "<KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>%s"
	    "</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor>"
	    "</EntityDescriptor>",
	    base64);
	for (size_t i = 0; i < NELEMS(folders); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		assert_int_equal(file_make_folder(path, 0700, &e), FAS_OK);
	}
	copy_name(path);
	write_text(path, xml);
}

static int
setup(void **state)
{
	char path[128];
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/ctl-saml.XXXXXX");
	if (!mkdtemp(folder) || saml_sign_init() < 0)
		return -1;
	key = saml_sign_new_rsa(2048);
	X509 *cert = saml_sign_new_cert(key, "okta", NOW_S);
	(void)snprintf(path, sizeof(path), "%s/okta.pem", folder);
	assert_int_equal(saml_sign_write_cert(path, cert), 0);
	write_copy(cert);
	X509_free(cert);
	write_text("fasd.yaml", fasd_yaml);
	write_text("by-url.yaml", by_url);
	write_response("good.xml", "urn:fas", "https://fas.example/acs", false);
	write_response("good.b64", "urn:fas", "https://fas.example/acs", true);
	write_response("front.xml", "urn:front", "https://login.example/saml/acs", false);
	saml_sign_done(); /* the command starts the libraries itself */
	return 0;
}

static int
teardown(void **state)
{
	static const char *const names[] = {
	    "okta.pem", "fasd.yaml", "by-url.yaml", "good.xml", "good.b64", "front.xml"};
	char path[256], copy[128];
	(void)state;
	copy_name(copy);
	(void)snprintf(path, sizeof(path), "%s/%s", folder, copy);
	(void)unlink(path);
	for (size_t i = NELEMS(folders); i-- > 0;) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		(void)rmdir(path);
	}
	for (size_t i = 0; i < NELEMS(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	EVP_PKEY_free(key);
	run_done();
	return rmdir(folder);
}

static int
check(const char *file, const char *more)
{
	char line[256];
	(void)snprintf(line, sizeof(line), "saml check %s/%s --config %s/fasd.yaml%s", folder, file,
	    folder, more);
	return run(line);
}

static void
says(const char *text)
{
	if (!strstr(out_text, text) && !strstr(err_text, text))
		fail_msg("\"%s\" is not in: %s%s", text, out_text, err_text);
}

static void
a_good_response_is_exit_0_as_xml_and_in_base64(void **state)
{
	(void)state;
	assert_int_equal(check("good.xml", THEN), CLI_OK);
	says("alice@corp.example.com");
	says("fasd would take it");
	assert_int_equal(check("good.b64", THEN), CLI_OK);
}

static void
a_bad_clause_is_exit_4_with_what_was_found_and_wanted(void **state)
{
	(void)state;
	assert_int_equal(check("front.xml", THEN), CLI_DEFECT);
	says("saml_audience");
	says("audience is urn:front, want urn:fas");
	says("fasd would refuse it");
	assert_int_equal(check("good.xml", " --now 2026-01-01T02:00:00Z"), CLI_DEFECT);
	says("saml_max_age");
}

static void
a_virtual_server_has_its_own_names_and_providers(void **state)
{
	(void)state;
	assert_int_equal(check("front.xml", THEN " --server default"), CLI_OK);
	assert_int_equal(check("good.xml", THEN " --server default"), CLI_DEFECT);
	says("https://login.example/saml/acs");
	assert_int_equal(check("front.xml", THEN " --server mobile"), CLI_DEFECT);
	says("may not sign in here");
	assert_int_equal(check("front.xml", THEN " --server tablet"), CLI_FAILED);
	says("no virtual server");
}

static void
a_provider_of_a_url_is_known_by_the_copy_of_fasd(void **state)
{
	char line[256];
	(void)state;
	(void)snprintf(line, sizeof(line), "saml check %s/good.xml --config %s/by-url.yaml" THEN,
	    folder, folder);
	assert_int_equal(run(line), CLI_OK);
	says("fasd would take it");
}

static void
a_request_that_nobody_answers_is_told(void **state)
{
	(void)state;
	assert_int_equal(check("good.xml", THEN " --request _q1"), CLI_DEFECT);
	says("saml_in_response_to");
}

static void
json_is_for_programs(void **state)
{
	(void)state;
	assert_int_equal(check("good.xml", THEN " --json"), CLI_OK);
	OWN(json) json_t *report = json_loads(out_text, 0, NULL);
	assert_true(json_is_true(json_object_get(report, "good")));
	assert_string_equal(json_string_value(json_object_get(report, "provider")), "okta");
}

static void
what_cannot_be_asked_is_told(void **state)
{
	(void)state;
	assert_int_equal(run("saml check"), CLI_USAGE);
	assert_int_equal(check("good.xml", " --now yesterday"), CLI_USAGE);
	assert_int_equal(check("missing.xml", THEN), CLI_FAILED);
	assert_int_equal(run("saml check x --config /nonexistent/fasd.yaml"), CLI_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_response_is_exit_0_as_xml_and_in_base64),
	    cmocka_unit_test(a_bad_clause_is_exit_4_with_what_was_found_and_wanted),
	    cmocka_unit_test(a_virtual_server_has_its_own_names_and_providers),
	    cmocka_unit_test(a_provider_of_a_url_is_known_by_the_copy_of_fasd),
	    cmocka_unit_test(a_request_that_nobody_answers_is_told),
	    cmocka_unit_test(json_is_for_programs),
	    cmocka_unit_test(what_cannot_be_asked_is_told),
	};
	return cmocka_run_group_tests_name("ctl_saml", tests, setup, teardown);
}
