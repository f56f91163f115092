/* fasctl idp: the entry that metadata make, and what a trial of one finds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "saml_entities.h"

static void
put(const char *name, char *xml)
{
	kit_write_file(name, xml, strlen(xml));
	free(xml);
}

/* Each @ is the test's folder. */
static int
run_in(const char *words)
{
	char line[1024] = "";
	size_t used = 0;
	for (; *words && used + 1 < sizeof(line); words++) {
		if (*words == '@')
			used +=
			    (size_t)snprintf(line + used, sizeof(line) - used, "%s", world.folder);
		else
			line[used++] = *words;
	}
	return run(line);
}

static void
shows(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no %s in: %s", part, text);
}

/* As `openssl x509 -fingerprint -sha256` prints it. */
static void
shows_fingerprint(const char *text, const X509 *certificate)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char print[128] = "";
	assert_int_equal(X509_digest(certificate, EVP_sha256(), hash, &n), 1);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(print + (size_t)3 * i, 4, i + 1 < n ? "%02X:" : "%02X", hash[i]);
	shows(text, print);
}

static void
an_unsigned_file_becomes_an_entry(void **state)
{
	(void)state;
	put("m.xml", entity_xml("main", KEY_MAIN));
	assert_int_equal(run_in("idp import @/m.xml --name okta"), 0);
	shows(out_text, "  - name: \"okta\"\n    metadata: \"");
	shows(out_text, "# entity_id: \"" ENTITY("main") "\"");
	shows(out_text, "# single_sign_on: \"" ENTITY_SSO "\"");
	shows_fingerprint(out_text, world.certs[KEY_MAIN]);
	assert_null(strstr(out_text, "metadata_certificates"));
	kit_remove("m.xml");
}

static void
who_has_signed_is_kept_to_be_compared(void **state)
{
	(void)state;
	char *xml = entity_unsigned("main", KEY_MAIN);
	OWN(text) char *base64 = saml_sign_cert_base64(world.certs[KEY_OTHER]);
	char info[8192];
	(void)snprintf(info, sizeof(info),
	    "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s"
	    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
	    base64);
	put("m.xml", entity_sign(world_replace(xml, "</ds:SignatureValue>", info), KEY_OTHER));
	assert_int_equal(run_in("idp import @/m.xml --out @/signer.pem"), 0);
	shows(out_text, "signer.pem\"]");
	shows_fingerprint(out_text, world.certs[KEY_OTHER]);
	assert_int_equal(run_in("idp import @/m.xml --out @/signer.pem"), 1); /* it is there */
	assert_int_equal(run_in("idp import @/m.xml --json"), 0);
	shows(out_text, "\"signer\"");
	kit_remove("signer.pem");
	kit_remove("m.xml");
}

static void
metadata_that_were_changed_are_not_imported(void **state)
{
	(void)state;
	char *xml = entity_unsigned("main", KEY_MAIN);
	OWN(text) char *base64 = saml_sign_cert_base64(world.certs[KEY_OTHER]);
	char info[8192];
	(void)snprintf(info, sizeof(info),
	    "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s"
	    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
	    base64);
	xml = entity_sign(world_replace(xml, "</ds:SignatureValue>", info), KEY_OTHER);
	put("m.xml", world_replace(xml, ENTITY_SSO, "https://evil.example/"));
	assert_int_equal(run_in("idp import @/m.xml"), 1);
	shows(err_text, "saml_signature");
	assert_int_equal(run_in("idp import @/none.xml"), 1);
	assert_int_equal(run("idp import http://idp.example/metadata"), 1);
	shows(err_text, "url_malformed");
	kit_remove("m.xml");
}

#define CONFIG(url)                                                                                \
	"identity_providers:\n- name: a\n  audiences: [x]\n  recipients: [y]\n  metadata: m.xml\n" \
	"  single_sign_on: {redirect: " url "}\n"

static void
a_trial_says_what_is_good_and_what_is_not(void **state)
{
	(void)state;
	put("m.xml", entity_xml("main", KEY_MAIN));
	kit_write_file("fasd.yaml", CONFIG("http://127.0.0.1:1/sso"),
	    sizeof(CONFIG("http://127.0.0.1:1/sso")) - 1);
	assert_int_equal(run_in("idp test a --config @/fasd.yaml"), 4);
	shows(out_text, "m.xml, valid for ever");
	shows(out_text, "BAD");
	shows(out_text, "http://127.0.0.1:1/sso");
	shows(out_text, "fetch_connect");
	assert_int_equal(run_in("idp test b --config @/fasd.yaml"), 1);
	shows(err_text, "idp_unknown");
	kit_remove("fasd.yaml");
	kit_remove("m.xml");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_unsigned_file_becomes_an_entry),
	    cmocka_unit_test(who_has_signed_is_kept_to_be_compared),
	    cmocka_unit_test(metadata_that_were_changed_are_not_imported),
	    cmocka_unit_test(a_trial_says_what_is_good_and_what_is_not),
	};
	int failed = cmocka_run_group_tests_name("ctl_idp", tests, kit_setup, kit_teardown);
	run_done();
	return failed;
}
