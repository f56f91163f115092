/* The certificates that profiles build, read back by OpenSSL as a stranger would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/own.h"
#include "fixture.h"

DEFINE_OWN(x509, X509 *, X509_free);

static struct fixture fixture;

static int
set_up(void **state)
{
	(void)state;
	fixture_init(&fixture);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	fixture_done(&fixture);
	return 0;
}

static void
assert_extension(const X509 *certificate, const char *oid, int want_critical, const char *want_hex)
{
	int critical = -1;
	OWN(text) char *hex = fixture_extension_hex(certificate, oid, &critical);
	if (!hex)
		fail_msg("extension %s is not there exactly once", oid);
	assert_int_equal(critical, want_critical);
	if (want_hex)
		assert_string_equal(hex, want_hex);
}

static void
assert_no_extension(const X509 *certificate, const char *oid)
{
	ASN1_OBJECT *id = OBJ_txt2obj(oid, 1);
	int at = X509_get_ext_by_OBJ(certificate, id, -1);
	ASN1_OBJECT_free(id);
	assert_int_equal(at, -1);
}

/* What `openssl x509 -text` prints. */
static char *
print(X509 *certificate)
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *data = NULL;
	assert_int_equal(X509_print_ex(memory, certificate, XN_FLAG_ONELINE, 0), 1);
	long len = BIO_get_mem_data(memory, &data);
	char *text = strndup(data, (size_t)len);
	BIO_free(memory);
	assert_non_null(text);
	return text;
}

static void
assert_prints(X509 *certificate, const char *part)
{
	OWN(text) char *text = print(certificate);
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void
assert_refused(const struct profile_facts *facts, const char *reason, const char *field)
{
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	assert_int_equal(profile_build(&fixture.issuer, facts, &tbs, &len, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, reason);
	if (!strstr(e.message, field))
		fail_msg("\"%s\" is not in \"%s\"", field, e.message);
	assert_null(tbs);
}

static void
sid_extension_has_the_octets_that_windows_wants(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_extension(certificate, "1.3.6.1.4.1.311.25.2", 0,
	    "303fa03d060a2b060104018237190201a02f042d532d312d352d32312d313332393539333134302d3236"
	    "33343931333935352d313930303835323830342d353030");
}

static void
logon_certificate_has_both_purposes_in_order(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_extension(
	    certificate, "2.5.29.37", 0, "301606082b06010505070302060a2b060104018237140202");
}

static void
in_session_certificate_is_for_clients_only(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_CLIENT_AUTH);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_extension(certificate, "2.5.29.37", 0, "300a06082b06010505070302");
	assert_extension(certificate, "1.3.6.1.4.1.311.25.2", 0, NULL);
}

static void
upn_is_an_other_name_of_utf8string(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	assert_non_null(names);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(name->type, GEN_OTHERNAME);
	assert_int_equal(OBJ_obj2nid(name->d.otherName->type_id), NID_ms_upn);
	assert_int_equal(name->d.otherName->value->type, V_ASN1_UTF8STRING);
	const ASN1_STRING *text = name->d.otherName->value->value.utf8string;
	assert_int_equal(ASN1_STRING_length(text), sizeof(FIXTURE_UPN) - 1);
	assert_memory_equal(ASN1_STRING_get0_data(text), FIXTURE_UPN, sizeof(FIXTURE_UPN) - 1);
	GENERAL_NAMES_free(names);
}

static void
logon_certificate_verifies_under_its_issuer(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_int_equal(X509_verify(certificate, fixture.ca_key), 1);
	assert_int_equal(X509_check_issued(fixture.ca, certificate), X509_V_OK);
	assert_int_equal(X509_verify(fixture.ca, fixture.ca_key), 1);
	assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
}

/* OpenSSL's own strict reading of RFC 5280, every profile. */
static void
every_profile_passes_strict_verification(void **state)
{
	(void)state;
	for (int kind = PROFILE_SMARTCARD_LOGON; kind <= PROFILE_SERVICE_CLIENT; kind++) {
		const struct profile_facts facts = fixture_facts(&fixture, (enum profile_kind)kind);
		OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
		X509_STORE *store = X509_STORE_new();
		X509_STORE_CTX *context = X509_STORE_CTX_new();
		assert_int_equal(X509_STORE_add_cert(store, fixture.ca), 1);
		assert_int_equal(X509_STORE_CTX_init(context, store, certificate, NULL), 1);
		X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
		X509_STORE_CTX_set_time(context, 0, FIXTURE_NOW);
		if (X509_verify_cert(context) != 1)
			fail_msg("%s: %s", profile_name((enum profile_kind)kind),
			    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
		X509_STORE_CTX_free(context);
		X509_STORE_free(store);
	}
}

static void
logon_certificate_reads_as_the_table_says(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_prints(certificate, "Signature Algorithm: sha256WithRSAEncryption");
	assert_prints(certificate, "Issuer: O = Example Corp, CN = CORP Federated Logon CA");
	assert_prints(certificate, "Subject: DC = com, DC = example, DC = corp, CN = Users, CN = ");
	assert_prints(certificate, "X509v3 Key Usage: critical");
	assert_prints(certificate, "Digital Signature, Key Encipherment\n");
	assert_prints(certificate, "URI:" FIXTURE_CRL_URL);
	assert_prints(certificate, "CA Issuers - URI:" FIXTURE_CA_URL);
	assert_no_extension(certificate, "2.5.29.19");
	assert_extension(certificate, "2.5.29.14", 0, NULL);
	assert_extension(certificate, "2.5.29.35", 0, NULL);
}

static void
subject_has_the_string_types_of_each_attribute(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	const X509_NAME *subject = X509_get_subject_name(certificate);
	assert_int_equal(X509_NAME_entry_count(subject), 5);
	const X509_NAME_ENTRY *dc = X509_NAME_get_entry(subject, 0),
			      *cn = X509_NAME_get_entry(subject, 4);
	assert_int_equal(ASN1_STRING_type(X509_NAME_ENTRY_get_data(dc)), V_ASN1_IA5STRING);
	assert_int_equal(ASN1_STRING_type(X509_NAME_ENTRY_get_data(cn)), V_ASN1_UTF8STRING);
}

static void
subject_takes_every_known_type_and_dotted_ones(void **state)
{
	(void)state;
	static const char *const rdns[][2] = {{"c", "DE"}, {"ST", "Bayern"}, {"L", "München"},
	    {"O", "Example"}, {"dc", "com"}, {"2.5.4.5", "4711"}, {"CN", "x"}};
	struct dn dn = {0};
	for (size_t i = 0; i < NELEMS(rdns); i++)
		assert_int_equal(dn_add(&dn, rdns[i][0], rdns[i][1], NULL), FAS_OK);
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.subject = &dn;
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_prints(certificate, "Subject: C = DE, ST = Bayern, L = M");
	assert_prints(certificate, "O = Example, DC = com, serialNumber = 4711, CN = x\n");
	dn_done(&dn);
}

static void
elliptic_key_signs_only(void **state)
{
	(void)state;
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.spki = fixture.p256_spki;
	facts.spki_len = fixture.p256_spki_len;
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_extension(certificate, "2.5.29.15", 1, "03020780");
	assert_int_equal(X509_check_private_key(certificate, fixture.p256), 1);
}

static void
times_after_2049_are_generalized(void **state)
{
	(void)state;
	struct profile_ca_facts facts = {
	    .common_name = "Root",
	    .serial = {1},
	    .serial_len = 1,
	    .not_before_s = INT64_C(2524607999), /* 2049-12-31T23:59:59Z */
	    .not_after_s = INT64_C(2524608000),
	    .path_len = -1,
	    .spki = fixture.rsa_spki,
	    .spki_len = fixture.rsa_spki_len,
	};
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	assert_int_equal(
	    profile_build_ca(NULL, SIGNATURE_RSA_SHA256, &facts, &tbs, &len, NULL), FAS_OK);
	OWN(x509) X509 *root = fixture_sign(fixture.rsa, tbs, len);
	assert_int_equal(ASN1_STRING_type(X509_get0_notBefore(root)), V_ASN1_UTCTIME);
	assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(root)), V_ASN1_GENERALIZEDTIME);
	assert_extension(root, "2.5.29.19", 1, "30030101ff");
}

static void
kdc_certificate_names_its_realm_when_asked(void **state)
{
	(void)state;
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_KDC);
	OWN(x509) X509 *with = fixture_issue(&fixture, &facts);
	assert_extension(with, "2.5.29.37", 0,
	    "301306072b060105020305"
	    "06082b06010505070301");
	assert_extension(with, "2.5.29.17", 0,
	    "305f"
	    "8214"
	    "6463312e636f72702e6578616d706c652e636f6d"
	    "a047"
	    "06062b0601050202"
	    "a03d303b"
	    "a012"
	    "1b10434f52502e4558414d504c452e434f4d"
	    "a125"
	    "3023"
	    "a003020102"
	    "a11c301a"
	    "1b066b7262746774"
	    "1b10434f52502e4558414d504c452e434f4d");
	facts.realm = NULL;
	OWN(x509) X509 *without = fixture_issue(&fixture, &facts);
	assert_extension(without, "2.5.29.17", 0,
	    "30168214646331"
	    "2e636f72702e6578616d706c652e636f6d");
	assert_no_extension(without, "1.3.6.1.4.1.311.25.2");
}

static void
server_certificate_carries_names_and_addresses(void **state)
{
	(void)state;
	static const char *const names[] = {"fas1.corp.example.com", "127.0.0.1", "::1"};
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SERVICE_SERVER);
	facts.dns_names = names;
	facts.n_dns_names = NELEMS(names);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_int_equal(X509_check_host(certificate, names[0], 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(certificate, names[1], 0), 1);
	assert_int_equal(X509_check_ip_asc(certificate, names[2], 0), 1);
	assert_extension(certificate, "2.5.29.37", 0, "300a06082b06010505070301");
	assert_prints(certificate, "Subject: O = fas, CN = fas1.corp.example.com\n");
}

static void
client_certificate_says_role_and_name(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SERVICE_CLIENT);
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_prints(certificate, "Subject: O = fas, OU = host, CN = dc1.corp.example.com\n");
	assert_extension(certificate, "2.5.29.37", 0, "300a06082b06010505070302");
	assert_int_equal(X509_check_host(certificate, "dc1.corp.example.com", 0, 0, NULL), 1);
}

static void
service_certificate_does_without_a_crl(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SERVICE_CLIENT);
	struct fixture bare = fixture;
	bare.issuer.n_crl_urls = 0;
	bare.issuer.n_ca_urls = 0;
	OWN(x509) X509 *certificate = fixture_issue(&bare, &facts);
	assert_no_extension(certificate, "2.5.29.31");
	assert_no_extension(certificate, "1.3.6.1.5.5.7.1.1");
}

static void
logon_certificate_without_a_crl_is_refused(void **state)
{
	(void)state;
	const struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	struct profile_issuer bare = fixture.issuer;
	bare.n_crl_urls = 0;
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	assert_int_equal(profile_build(&bare, &facts, &tbs, &len, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "profile_facts");
	bare.n_crl_urls = 1;
	bare.crl_urls[0] = "https://pki.corp.example.com/crl/main-1.crl";
	e = (struct fas_err){0};
	assert_int_equal(profile_build(&bare, &facts, &tbs, &len, &e), FAS_E_INPUT);
	assert_non_null(strstr(e.message, "http://"));
}

static void
subordinate_ca_carries_its_issuers_places(void **state)
{
	(void)state;
	const struct profile_ca_facts facts = {
	    .common_name = "Sub",
	    .serial = {0x11, 0x22},
	    .serial_len = 2,
	    .not_before_s = FIXTURE_NOW,
	    .not_after_s = FIXTURE_NOW + 86400,
	    .path_len = 0,
	    .spki = fixture.p256_spki,
	    .spki_len = fixture.p256_spki_len,
	};
	OWN(bytes) uint8_t *tbs = NULL;
	size_t len = 0;
	assert_int_equal(
	    profile_build_ca(&fixture.issuer, SIGNATURE_ECDSA_SHA256, &facts, &tbs, &len, NULL),
	    FAS_OK);
	OWN(x509) X509 *sub = fixture_sign(fixture.ca_key, tbs, len);
	assert_int_equal(X509_check_issued(fixture.ca, sub), X509_V_OK);
	assert_extension(sub, "2.5.29.19", 1, "30060101ff020100");
	assert_extension(sub, "2.5.29.15", 1, "03020106");
	assert_prints(sub, "URI:" FIXTURE_CRL_URL);
	assert_prints(sub, "CA Issuers - URI:" FIXTURE_CA_URL);
	assert_int_equal(X509_check_ca(sub), 1);
}

static void
life_outside_the_issuers_is_refused(void **state)
{
	(void)state;
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.not_after_s = FIXTURE_NOW + INT64_C(11) * 365 * 86400;
	assert_refused(&facts, "profile_life", "issuer's");
	facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.not_before_s = FIXTURE_NOW - 86401;
	assert_refused(&facts, "profile_life", "issuer's");
}

static void
user_facts_that_miss_something_are_refused(void **state)
{
	(void)state;
	struct sid none = {0};
	struct dn empty = {0};
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.sid = &none;
	assert_refused(&facts, "profile_facts", "sid");
	facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.upn = NULL;
	assert_refused(&facts, "profile_facts", "upn");
	facts.upn = "alice";
	assert_refused(&facts, "upn_malformed", "userPrincipalName");
	facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.subject = &empty;
	assert_refused(&facts, "profile_facts", "subject");
	facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.not_after_s = facts.not_before_s;
	assert_refused(&facts, "profile_facts", "validity");
}

static void
subject_with_an_unfit_value_is_refused(void **state)
{
	(void)state;
	static const char *const bad[][2] = {
	    {"DC", "münchen"}, {"C", "DEU"}, {"XYZ", "x"}, {"1.2.3x", "x"}, {"C", "D1"}};
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct dn dn = {0};
		assert_int_equal(dn_add(&dn, bad[i][0], bad[i][1], NULL), FAS_OK);
		struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
		facts.subject = &dn;
		assert_refused(&facts, "profile_facts", "subject");
		dn_done(&dn);
	}
}

/* RFC 5280 A.1 counts characters, not octets. */
static void
subject_keeps_to_the_upper_bounds(void **state)
{
	static const struct {
		const char *type;
		size_t max;
	} bounds[] = {{"CN", 64}, {"OU", 64}, {"O", 64}, {"2.5.4.3", 64}, {"L", 128}, {"ST", 128}};
	(void)state;
	for (size_t i = 0; i < NELEMS(bounds); i++) {
		char value[300] = "";
		for (size_t n = 1; n <= bounds[i].max; n++)
			memcpy(value + 2 * (n - 1), "\xc3\xa4", 3);
		struct dn fits = {0}, longer = {0};
		assert_int_equal(dn_add(&fits, bounds[i].type, value, NULL), FAS_OK);
		assert_int_equal(dn_add(&fits, "DC", "com", NULL), FAS_OK);
		memcpy(value + 2 * bounds[i].max, "x", 2);
		assert_int_equal(dn_add(&longer, bounds[i].type, value, NULL), FAS_OK);
		struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
		facts.subject = &fits;
		X509_free(fixture_issue(&fixture, &facts));
		facts.subject = &longer;
		assert_refused(&facts, "profile_facts", "upper bound");
		dn_done(&fits);
		dn_done(&longer);
	}
}

static void
serial_that_is_not_positive_or_too_long_is_refused(void **state)
{
	(void)state;
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	facts.serial[0] = 0x80;
	assert_refused(&facts, "profile_facts", "serial");
	facts.serial[0] = 0;
	assert_refused(&facts, "profile_facts", "serial");
	facts.serial[0] = 1;
	facts.serial_len = 21;
	assert_refused(&facts, "profile_facts", "serial");
	facts.serial_len = 0;
	assert_refused(&facts, "profile_facts", "serial");
}

static void
machine_facts_that_are_unusable_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"not a host name"}, *const address[] = {"127.0.0.1"};
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SERVICE_CLIENT);
	facts.role = "administrator";
	assert_refused(&facts, "profile_facts", "role");
	facts = fixture_facts(&fixture, PROFILE_SERVICE_CLIENT);
	facts.n_dns_names = 0;
	assert_refused(&facts, "profile_facts", "dns_names");
	facts = fixture_facts(&fixture, PROFILE_KDC);
	facts.dns_names = bad;
	assert_refused(&facts, "profile_facts", "dns_names");
	facts.dns_names = address;
	facts.kind = PROFILE_SERVICE_CLIENT;
	facts.role = "host";
	facts.realm = NULL;
	OWN(x509) X509 *certificate = fixture_issue(&fixture, &facts);
	assert_int_not_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
	facts = fixture_facts(&fixture, PROFILE_KDC);
	facts.realm = "CORP/EXAMPLE@COM";
	assert_refused(&facts, "profile_facts", "realm");
}

static void
key_that_is_cut_or_followed_is_refused(void **state)
{
	(void)state;
	struct profile_facts facts = fixture_facts(&fixture, PROFILE_SMARTCARD_LOGON);
	uint8_t longer[600];
	memcpy(longer, fixture.rsa_spki, fixture.rsa_spki_len);
	longer[fixture.rsa_spki_len] = 0;
	for (size_t len = 0; len < fixture.rsa_spki_len; len++) {
		facts.spki_len = len;
		assert_refused(&facts, "profile_facts", "spki");
	}
	facts.spki = longer;
	facts.spki_len = fixture.rsa_spki_len + 1;
	assert_refused(&facts, "profile_facts", "spki");
}

static void
names_of_profiles_go_both_ways(void **state)
{
	(void)state;
	enum profile_kind kind;
	for (int i = PROFILE_SMARTCARD_LOGON; i <= PROFILE_SERVICE_CLIENT; i++) {
		assert_true(profile_parse(profile_name((enum profile_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	assert_false(profile_parse("smartcard", &kind));
}

static void
signature_follows_the_key(void **state)
{
	(void)state;
	enum profile_signature signature;
	struct fas_err e = {0};
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *p521 = EVP_EC_gen("P-521"),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(profile_signature_for(fixture.rsa, &signature, &e), FAS_OK);
	assert_int_equal(signature, SIGNATURE_RSA_SHA256);
	assert_int_equal(profile_signature_for(fixture.p256, &signature, &e), FAS_OK);
	assert_int_equal(signature, SIGNATURE_ECDSA_SHA256);
	assert_int_equal(profile_signature_for(p384, &signature, &e), FAS_OK);
	assert_int_equal(signature, SIGNATURE_ECDSA_SHA384);
	assert_int_equal(profile_signature_for(p521, &signature, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "profile_key");
	e = (struct fas_err){0};
	assert_int_equal(profile_signature_for(ed, &signature, &e), FAS_E_INPUT);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(ed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sid_extension_has_the_octets_that_windows_wants),
	    cmocka_unit_test(logon_certificate_has_both_purposes_in_order),
	    cmocka_unit_test(in_session_certificate_is_for_clients_only),
	    cmocka_unit_test(upn_is_an_other_name_of_utf8string),
	    cmocka_unit_test(logon_certificate_verifies_under_its_issuer),
	    cmocka_unit_test(every_profile_passes_strict_verification),
	    cmocka_unit_test(logon_certificate_reads_as_the_table_says),
	    cmocka_unit_test(subject_has_the_string_types_of_each_attribute),
	    cmocka_unit_test(subject_takes_every_known_type_and_dotted_ones),
	    cmocka_unit_test(elliptic_key_signs_only),
	    cmocka_unit_test(times_after_2049_are_generalized),
	    cmocka_unit_test(kdc_certificate_names_its_realm_when_asked),
	    cmocka_unit_test(server_certificate_carries_names_and_addresses),
	    cmocka_unit_test(client_certificate_says_role_and_name),
	    cmocka_unit_test(service_certificate_does_without_a_crl),
	    cmocka_unit_test(logon_certificate_without_a_crl_is_refused),
	    cmocka_unit_test(subordinate_ca_carries_its_issuers_places),
	    cmocka_unit_test(life_outside_the_issuers_is_refused),
	    cmocka_unit_test(user_facts_that_miss_something_are_refused),
	    cmocka_unit_test(subject_with_an_unfit_value_is_refused),
	    cmocka_unit_test(subject_keeps_to_the_upper_bounds),
	    cmocka_unit_test(serial_that_is_not_positive_or_too_long_is_refused),
	    cmocka_unit_test(machine_facts_that_are_unusable_are_refused),
	    cmocka_unit_test(key_that_is_cut_or_followed_is_refused),
	    cmocka_unit_test(names_of_profiles_go_both_ways),
	    cmocka_unit_test(signature_follows_the_key),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
