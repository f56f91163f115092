/* The providers' entries: what is refused at start, and times as SAML writes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/yaml.h"
#include "fas/saml/when.h"
#include "saml_world.h"

#define ENTRY(name, id, certs)                                                                     \
	"- name: " name "\n  entity_id: " id "\n  certificates: [" certs                           \
	"]\n  audiences: [a]\n  recipients: [r]\n"

#define CLAIM(text) ENTRY("a", "urn:a", "0.pem") "  claims: {upn: " text "}\n"

static enum fas_code
load(const char *text, struct saml_trust **out, struct fas_err *e)
{
	struct yaml_doc *doc = NULL;
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, e) != FAS_OK)
		fail_msg("%s", e->message);
	enum fas_code rc = saml_trust_load(yaml_root(doc), world.folder, out, e);
	yaml_doc_free(doc);
	return rc;
}

static void
refused(const char *text, const char *reason, const char *place)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	assert_int_equal(load(text, &trust, &e), FAS_E_CONFIG);
	assert_null(trust);
	assert_string_equal(e.reason, reason);
	if (!strstr(e.message, place))
		fail_msg("%s: no %s in it", e.message, place);
}

static void
providers_are_listed_in_order(void **state)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(
	    load(ENTRY("b", "urn:b", "0.pem") ENTRY("a", "urn:a", "1.pem, 2.pem"), &trust, &e),
	    FAS_OK);
	assert_int_equal(saml_trust_count(trust), 2);
	assert_string_equal(saml_trust_name(trust, 0), "b");
	assert_string_equal(saml_trust_name(trust, 1), "a");
	assert_null(saml_trust_name(trust, 2));
	assert_int_equal(saml_trust_not_after(trust, 1), NOW_S + INT64_C(5) * 365 * 86400);
	saml_trust_free(trust);
}

static void
absolute_and_bundled_certificates_are_read(void **state)
{
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	OWN(text) char *a = NULL;
	OWN(text) char *b = NULL;
	char path[128], text[512];
	size_t na = 0, nb = 0;
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/0.pem", world.folder);
	assert_int_equal(file_read(path, 65536, &a, &na, &e), FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/1.pem", world.folder);
	assert_int_equal(file_read(path, 65536, &b, &nb, &e), FAS_OK);
	OWN(buf) struct buf both;
	buf_init(&both, 65536);
	buf_printf(&both, "first\n%s\nsecond\n%s\n", a, b);
	(void)snprintf(path, sizeof(path), "%s/both.pem", world.folder);
	assert_int_equal(file_write_atomic(path, both.data, both.len, 0600, &e), FAS_OK);
	(void)snprintf(text, sizeof(text), ENTRY("x", "urn:x", "%s"), path);
	assert_int_equal(load(text, &trust, &e), FAS_OK);
	saml_trust_free(trust);
	(void)unlink(path);
}

static void
entries_that_say_nothing_clear_are_refused(void **state)
{
	static const struct {
		const char *text, *reason, *place;
	} cases[] = {
	    {"x: 1\n", "yaml_type", "fasd.yaml:1:"},
	    {"[]\n", "yaml_type", "fasd.yaml:1:"},
	    {"- 1\n", "yaml_type", "fasd.yaml:1:3"},
	    {ENTRY("a", "urn:a", "0.pem") ENTRY("a", "urn:b", "0.pem"), "yaml_value",
		"named \"a\""},
	    {ENTRY("a", "urn:a", "0.pem") ENTRY("b", "urn:a", "0.pem"), "yaml_value",
		"same entity_id"},
	    {ENTRY("a", "urn:a", ""), "yaml_value", "certificates"},
	    {ENTRY("a", "urn:a", "missing.pem"), "idp_certificate", "missing.pem"},
	    {ENTRY("a", "urn:a", "0.pem") "  clock_skew: 6m\n", "yaml_value", "clock_skew"},
	    {ENTRY("a", "urn:a", "0.pem") "  max_age: 29s\n", "yaml_value", "max_age"},
	    {ENTRY("a", "urn:a", "0.pem") "  allow_unsolicted: true\n", "yaml_unknown_key",
		"allow_unsolicited"},
	    {ENTRY("a", "urn:a", "0.pem") "  claims: {sid: x, upn: x}\n", "yaml_value", "\"x\""},
	    {ENTRY("a", "urn:a", "0.pem") "  claims: {uid: x}\n", "yaml_unknown_key", "uid"},
	    {ENTRY("a", "urn:a", "0.pem") "  claims: {upn: cip_oid}\n", "yaml_value", "cip_oid"},
	    {CLAIM("{}"), "yaml_value", "one of name"},
	    {CLAIM("{name: x, name_id: any}"), "yaml_value", "one of name"},
	    {CLAIM("{name: x, transforms: [lower]}"), "yaml_unknown_key", "transform"},
	    {CLAIM("[x]"), "yaml_type", "upn"},
	    {CLAIM("{name: x, transform: lower}"), "yaml_type", "transform"},
	    {CLAIM("{name: x, transform: [upper]}"), "yaml_value", "lower"},
	    {CLAIM("{name: x, transform: [{strip_prefix: a, capture: (a)}]}"), "yaml_value",
		"one of strip_prefix"},
	    {CLAIM("{name: x, transform: [{}]}"), "yaml_value", "one of strip_prefix"},
	    {CLAIM("{name: x, transform: [{capture: a}]}"), "yaml_value", "( )"},
	    {CLAIM("{name: x, transform: [lower, lower, lower, lower, lower]}"), "yaml_value",
		"at most 4"},
	    {"- name: a\n  certificates: [0.pem]\n  audiences: [a]\n  recipients: [r]\n",
		"yaml_missing_key", "entity_id"},
	    {"- {name: a, entity_id: b, certificates: [0.pem], audiences: [], recipients: [r]}\n",
		"yaml_value", "audiences"},
	    {"- {name: a, entity_id: b, certificates: [0.pem], audiences: [a]}\n", "yaml_value",
		"go together"},
	    {"- {name: a, entity_id: b, certificates: [0.pem], recipients: [r]}\n", "yaml_value",
		"go together"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++)
		refused(cases[i].text, cases[i].reason, cases[i].place);
}

static void
refused_file(const char *content, size_t len)
{
	struct fas_err e = {0};
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/bad.pem", world.folder);
	assert_int_equal(file_write_atomic(path, content, len, 0600, &e), FAS_OK);
	refused(ENTRY("a", "urn:a", "0.pem, bad.pem"), "idp_certificate", "bad.pem");
	(void)unlink(path);
}

static void
refused_key(EVP_PKEY *key)
{
	char path[128];
	X509 *cert = saml_sign_new_cert(key, "weak", NOW_S);
	(void)snprintf(path, sizeof(path), "%s/bad.pem", world.folder);
	assert_non_null(cert);
	assert_int_equal(saml_sign_write_cert(path, cert), 0);
	refused(ENTRY("a", "urn:a", "bad.pem"), "idp_certificate", "its");
	(void)unlink(path);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
files_that_are_no_certificates_are_refused(void **state)
{
	static const char broken[] =
	    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
	(void)state;
	refused_file("", 0);
	refused_file("text", 4);
	refused_file(broken, sizeof(broken) - 1);
}

static void
weak_and_foreign_keys_are_refused(void **state)
{
	(void)state;
	refused_key(saml_sign_new_rsa(1024));
	refused_key(saml_sign_new_ec("P-224"));
	refused_key(saml_sign_new_ec("secp256k1"));
}

static void
times_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2026-01-01T00:00:00Z", NOW_S},
	    {"2026-01-01T00:00:00.0Z", NOW_S},
	    {"2026-01-01T00:00:00.999999999Z", NOW_S},
	    {"2000-02-29T23:59:59Z", 951868799},
	    {"2100-03-01T00:00:00Z", 4107542400},
	    {"9999-12-31T23:59:59Z", 253402300799},
	    {"2024-02-29T12:00:00Z", 1709208000},
	    {"2023-02-29T12:00:00Z", -1},
	    {"2100-02-29T00:00:00Z", -1},
	    {"1969-12-31T23:59:59Z", -1},
	    {"2026-01-01T00:00:00", -1},
	    {"2026-01-01T00:00:00z", -1},
	    {"2026-01-01T00:00:00+00:00", -1},
	    {"2026-01-01T00:00:00.Z", -1},
	    {"2026-01-01T00:00:00.1234567890123456789Z", -1},
	    {"2026-01-01T00:00:00Zx", -1},
	    {" 2026-01-01T00:00:00Z", -1},
	    {"2026-01-01 00:00:00Z", -1},
	    {"2026-13-01T00:00:00Z", -1},
	    {"2026-00-01T00:00:00Z", -1},
	    {"2026-01-32T00:00:00Z", -1},
	    {"2026-01-00T00:00:00Z", -1},
	    {"2026-01-01T24:00:00Z", -1},
	    {"2026-01-01T00:60:00Z", -1},
	    {"2026-12-31T23:59:60Z", -1},
	    {"-2026-01-01T00:00:00Z", -1},
	    {"20260101T000000Z", -1},
	    {"2026-1-1T0:0:0Z", -1},
	    {"+026-01-01T00:00:00Z", -1},
	    {"", -1},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		int64_t got = -1;
		bool ok = when_parse(cases[i].text, &got);
		if (ok != (cases[i].want >= 0) || got != cases[i].want)
			fail_msg("%s is %lld", cases[i].text, (long long)got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(providers_are_listed_in_order),
	    cmocka_unit_test(absolute_and_bundled_certificates_are_read),
	    cmocka_unit_test(entries_that_say_nothing_clear_are_refused),
	    cmocka_unit_test(files_that_are_no_certificates_are_refused),
	    cmocka_unit_test(weak_and_foreign_keys_are_refused),
	    cmocka_unit_test(times_are_read_strictly),
	};
	return cmocka_run_group_tests_name("saml_trust", tests, world_setup, world_teardown);
}
