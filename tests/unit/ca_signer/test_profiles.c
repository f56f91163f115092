/* Profiles of the administrator's own: what they issue, and that the limits say what they may have. */
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca/issuer.h"
#include "ca/limits.h"
#include "ca/lint.h"
#include "ca/pem.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"

#define POLICY "1.3.6.1.4.1.311.21.8.7.1.402"
#define SID_URI "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1-2-3-1105"

static const char profiles[] =
    "profiles:\n"
    "  - name: staff\n"
    "    like: smartcard-logon\n"
    "    longest_life: 10m\n"
    "    key_usage: [digitalSignature, keyEncipherment, contentCommitment]\n"
    "    purposes: [1.3.6.1.5.2.3.4]\n"
    "    policies: [" POLICY "]\n"
    "    names: [sid-uri, principal, e-mail]\n"
    "    subject: upn\n"
    "    crl_urls: [http://mirror.example.com/pki]\n"
    "  - name: plain\n"
    "    like: client-auth\n";

#define DOMAINS                                                                                    \
	"domains:\n"                                                                               \
	"  - { sid: S-1-5-21-1-2-3, dns_name: corp.example.com, upn_suffixes: "                    \
	"[corp.example.com] }\n"
#define OWN_LIMITS                                                                                 \
	"own_profiles:\n"                                                                          \
	"  key_usage: [contentCommitment]\n"                                                       \
	"  purposes: [1.3.6.1.5.2.3.4]\n"                                                          \
	"  policies: [" POLICY "]\n"                                                               \
	"  names: [sid-uri, principal, e-mail]\n"                                                  \
	"  mail_domains: [mail.example.com]\n"                                                     \
	"  subjects: [upn]\n"                                                                      \
	"  urls: [http://mirror.example.com/pki]\n"

static int
set_up(void **state)
{
	static const struct place_options options = {
	    .profiles = profiles, .limits = DOMAINS "profiles: [staff]\n" OWN_LIMITS};
	*state = place_new(&options);
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static struct signer_request
staff(const char *request_id)
{
	struct signer_request q = alice(request_id);
	q.profile = "staff";
	q.account = "alice";
	q.realm = "CORP.EXAMPLE.COM";
	q.mail = "alice@mail.example.com";
	return q;
}

static X509 *
issue(struct place *p, const struct signer_request *q, struct signer_certificate *c)
{
	struct fas_err e = {0};
	if (signer_issue(p->signer, q, c, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	BIO *bio = BIO_new_mem_buf(c->pem, -1);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(certificate);
	return certificate;
}

static void
refuses(struct place *p, const struct signer_request *q, const char *reason)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	assert_int_not_equal(signer_issue(p->signer, q, &c, &e), FAS_OK);
	assert_reason(e, reason);
}

/* OpenSSL's own text of an extension. */
static void
text_of(X509 *certificate, int nid, char out[1024])
{
	int at = X509_get_ext_by_NID(certificate, nid, -1);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_true(at >= 0 && X509V3_EXT_print(bio, X509_get_ext(certificate, at), 0, 0));
	int len = BIO_read(bio, out, 1023);
	assert_true(len > 0);
	out[len] = 0;
	BIO_free(bio);
}

static void
own_profile_issues_exactly_what_it_says(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	const struct signer_request q = staff("request-1");
	OWN(x509) X509 *x = issue(p, &q, &c);
	char text[1024], *subject = X509_NAME_oneline(X509_get_subject_name(x), NULL, 0);
	assert_string_equal(subject, "/DC=com/DC=example/DC=corp/CN=alice@corp.example.com");
	OPENSSL_free(subject);
	text_of(x, NID_certificate_policies, text);
	assert_non_null(strstr(text, "Policy: " POLICY));
	text_of(x, NID_ext_key_usage, text);
	assert_string_equal(
	    text, "TLS Web Client Authentication, Microsoft Smartcard Login, PKINIT Client Auth");
	text_of(x, NID_key_usage, text);
	assert_string_equal(text, "Digital Signature, Non Repudiation, Key Encipherment");
	text_of(x, NID_subject_alt_name, text);
	assert_non_null(strstr(text, "UPN::alice@corp.example.com"));
	assert_non_null(strstr(text, "URI:" SID_URI));
	assert_non_null(strstr(text, "email:alice@mail.example.com"));
	assert_non_null(strstr(text, "id-pkinit-san"));
	text_of(x, NID_crl_distribution_points, text);
	assert_non_null(strstr(text, "http://mirror.example.com/pki/crl/main-1.crl"));
	text_of(x, NID_info_access, text);
	assert_non_null(strstr(text, "http://pki.corp.example.com/ca/main-1.cer"));
}

/* ---- issuance policies that a request asks for ---- */

#define MFA "1.3.6.1.4.1.311.21.8.7.1.403"

static int
set_up_asked(void **state)
{
	static const struct place_options options = {.profiles = profiles,
	    .limits = DOMAINS "profiles: [smartcard-logon, staff]\n" OWN_LIMITS
			      "issuance_policies: [" MFA ", " POLICY "]\n"};
	*state = place_new(&options);
	return 0;
}

static const char *const mfa[] = {MFA};

static void
a_policy_that_is_asked_for_stands_in_the_certificate(void **state)
{
	struct place *p = *state;
	char text[1024];
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	q.policies = mfa;
	q.n_policies = 1;
	OWN(x509) X509 *x = issue(p, &q, &c);
	text_of(x, NID_certificate_policies, text);
	assert_non_null(strstr(text, "Policy: " MFA));
}

static void
it_stands_behind_those_of_the_profile_and_none_twice(void **state)
{
	static const char *const both[] = {POLICY, MFA};
	struct place *p = *state;
	char text[1024];
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = staff("request-1");
	q.policies = both;
	q.n_policies = 2;
	OWN(x509) X509 *x = issue(p, &q, &c);
	text_of(x, NID_certificate_policies, text);
	const char *own = strstr(text, "Policy: " POLICY), *asked = strstr(text, "Policy: " MFA);
	assert_true(own && asked && own < asked);
	assert_null(strstr(own + 1, "Policy: " POLICY));
}

static void
what_a_certificate_names_is_on_record(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	q.policies = mfa;
	q.n_policies = 1;
	OWN(x509) X509 *x = issue(p, &q, &c);
	assert_non_null(x);
	OWN(json)
	json_t *reply = place_admin(
	    p, json_pack("{s:s,s:i,s:i}", "op", "audit.tail", "after", 0, "limit", 300));
	const json_t *records = json_object_get(reply, "records");
	const json_t *last = json_array_get(records, json_array_size(records) - 1);
	const json_t *named = json_object_get(last, "issuance_policies");
	assert_string_equal(
	    json_string_value(json_object_get(last, "event")), "certificate_issued");
	assert_string_equal(json_string_value(json_array_get(named, 0)), MFA);
}

/* A taken-over fasd asks for a policy that is linked to a group. */
static void
a_policy_outside_the_limits_is_refused(void **state)
{
	static const char *const other[] = {MFA ".1"}, *const none[] = {"2.5.29.32.0"},
				 *const words[] = {"mfa"};
	struct place *p = *state;
	struct signer_request q = alice("request-1");
	q.n_policies = 1;
	q.policies = other;
	refuses(p, &q, "issuance_policy_outside_limits");
	q.policies = none;
	refuses(p, &q, "member_invalid");
	q.policies = words;
	refuses(p, &q, "member_invalid");
}

/* That the profile has it is no leave to ask for it. */
static void
limits_that_name_none_let_nobody_ask(void **state)
{
	static const char *const own[] = {POLICY};
	struct place *p = *state;
	struct signer_request q = staff("request-1");
	q.policies = own;
	q.n_policies = 1;
	refuses(p, &q, "issuance_policy_outside_limits");
}

/* A repeat must ask for the same: it is another certificate otherwise. */
static void
a_repeat_with_another_policy_is_none(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice("request-1");
	OWN(x509) X509 *x = issue(p, &q, &c);
	assert_non_null(x);
	q.policies = mfa;
	q.n_policies = 1;
	refuses(p, &q, "request_id_reused");
}

/* The rule may ask for more: the profile's is the end. */
static void
life_is_cut_at_the_profiles_own(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = staff("request-1");
	q.validity_s = 3600;
	OWN(x509) X509 *x = issue(p, &q, &c);
	assert_non_null(x);
	assert_in_range(c.not_after_s - c.not_before_s, 600, 600 + 300 + 5);
}

static void
records_name_the_own_profile(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate c = {0};
	const struct signer_request q = staff("request-1");
	OWN(x509) X509 *x = issue(p, &q, &c);
	assert_non_null(x);
	OWN(json) json_t *list = place_admin(p, json_pack("{s:s}", "op", "cert.list"));
	const json_t *row = json_array_get(json_object_get(list, "certificates"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "profile")), "staff");
}

/* profiles: [staff] allows neither what it is like, nor another own one. */
static void
each_profile_is_allowed_by_its_own_name(void **state)
{
	struct place *p = *state;
	struct signer_request q = staff("request-1");
	q.profile = "smartcard-logon";
	refuses(p, &q, "profile_outside_limits");
	q.profile = "plain";
	refuses(p, &q, "profile_outside_limits");
	q.profile = "stuff";
	refuses(p, &q, "profile_unknown");
}

static void
names_outside_the_limits_are_refused(void **state)
{
	struct place *p = *state;
	struct signer_request q = staff("request-1");
	q.mail = "alice@corp.example.com";
	refuses(p, &q, "mail_outside_limits");
	q.mail = "alice@mail.example.com.evil.com";
	refuses(p, &q, "mail_outside_limits");
	q.mail = NULL;
	refuses(p, &q, "mail_outside_limits");
	q = staff("request-1");
	q.realm = "EVIL.EXAMPLE.COM";
	refuses(p, &q, "principal_outside_limits");
	q.realm = NULL;
	refuses(p, &q, "principal_outside_limits");
	q = staff("request-1");
	q.mail = "a b@mail.example.com";
	refuses(p, &q, "profile_facts");
	q = staff("request-1");
	q.account = "krbtgt/EVIL";
	refuses(p, &q, "profile_facts");
	q.account = NULL;
	refuses(p, &q, "profile_facts");
}

/* ---- what the signer makes for itself ---- */

static void
has_no_finding(const char *pem, X509 *issuer)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	struct lint_report report = {0};
	const struct lint_context context = {.issuer = issuer, .now_s = clock_now()};
	assert_non_null(pem);
	assert_int_equal(pem_decode(pem, "CERTIFICATE", &der, &len, NULL, &e), FAS_OK);
	lint_ca_certificate(der, len, &context, &report);
	for (size_t i = 0; i < report.n; i++)
		print_message("%s: %s\n", report.findings[i].name, report.findings[i].message);
	assert_int_equal(report.n, 0);
}

static void
authorities_that_the_signer_makes_have_no_finding(void **state)
{
	struct place *p = *state;
	OWN(json) json_t *shown = place_admin(p, json_pack("{s:s}", "op", "ca.show"));
	OWN(json) json_t *service = place_issue(p, json_pack("{s:s}", "op", "service_ca"));
	const json_t *main_ca = json_array_get(json_object_get(shown, "authorities"), 0);
	const char *root_pem = json_string_value(json_object_get(main_ca, "root"));
	has_no_finding(root_pem, NULL);
	BIO *bio = BIO_new_mem_buf(root_pem, -1);
	OWN(x509) X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	has_no_finding(json_string_value(json_object_get(main_ca, "certificate")), root);
	has_no_finding(json_string_value(json_object_get(service, "certificate")), NULL);
}

/* ---- the files ---- */

#define HEAD                                                                                       \
	"state: /s\npublic: /p\nissue: { socket: /i, uid: 0 }\nadmin: { socket: /a }\n"            \
	"limits: limits.yaml\nservice_ca: { server_names: [a.example] }\n"                         \
	"authorities: [{ name: main, common_name: CA, publish_urls: [http://a.example] }]\n"       \
	"profiles:\n"                                                                              \
	"  - name: own\n"                                                                          \
	"    like: smartcard-logon\n"
#define LINE ":11:" /* the one behind it */

static void
expect(const struct fas_err *e, const char *file, const char *place, const char *what)
{
	if (e->code != FAS_E_CONFIG || !strstr(e->message, file) || !strstr(e->message, place) ||
	    !strstr(e->message, what))
		fail_msg(
		    "%s: %s, want %s in %s%s", fas_err_reason(e), e->message, what, file, place);
}

static void
what_no_profile_may_have_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *line, *place, *what;
	} cases[] = {
	    {"purposes: [2.5.29.37.0]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.5.5.7.3.1]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.5.5.7.3.9]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.5.2.3.5]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.4.1.311.20.2.1]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.4.1.311.21.6]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.4.1.311.20.2.2]", LINE "16:", "no own profile may have it"},
	    {"purposes: [1.3.6.1.5.5.7.3.2]", LINE "16:", "is there already"},
	    {"purposes: [1.2.3.4, 1.2.3.4]", LINE "25:", "twice"},
	    {"purposes: [clientAuth]", LINE "16:", "no object identifier"},
	    {"purposes: [1.02.3]", LINE "16:", "no object identifier"},
	    {"policies: [2.5.29.32.0]", LINE "16:", "anyPolicy"},
	    {"key_usage: [keyEncipherment]", LINE "16:", "lacks digitalSignature"},
	    {"key_usage: [digitalSignature]", LINE "16:", "lacks keyEncipherment"},
	    {"key_usage: [keyCertSign]", LINE "17:", "unknown word"},
	    {"names: [sid_uri]", LINE "13:", "did you mean \"sid-uri\"?"},
	    {"names: [upn, dns]", LINE "13:", "unknown word"},
	    {"subject: cn", LINE "14:", "\"cn\""},
	    {"crl_urls: [https://a.example]", LINE "16:", "http://HOST"},
	    {"crl_urls: []", LINE "15:", "0 URLs"},
	    {"longest_life: 61d", LINE, "longest_life"},
	    {"basic_constraints: true", LINE, "unknown key"},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		struct signer_config *config = NULL;
		char text[1024];
		(void)snprintf(text, sizeof(text), HEAD "    %s\n", cases[i].line);
		const char *path = place_write(*state, "wrong.yaml", text);
		assert_int_equal(signer_config_load(path, geteuid(), &config, &e), FAS_E_CONFIG);
		expect(&e, "wrong.yaml", cases[i].place, cases[i].what);
	}
}

static void
names_of_other_profiles_are_refused(void **state)
{
	static const char *const names[] = {
	    "smartcard-logon", "client-auth", "kdc", "service-server", "own", "Own", "-own", "o_n"};
	for (size_t i = 0; i < NELEMS(names); i++) {
		struct fas_err e = {0};
		struct signer_config *config = NULL;
		char text[1024];
		(void)snprintf(
		    text, sizeof(text), HEAD "  - { name: %s, like: client-auth }\n", names[i]);
		const char *path = place_write(*state, "wrong.yaml", text);
		assert_int_equal(signer_config_load(path, geteuid(), &config, &e), FAS_E_CONFIG);
		assert_reason(e, "config_profile");
		expect(&e, "wrong.yaml", LINE, names[i]);
	}
}

/* What goes beyond the built-in profile needs a word in the limits: by default there is none. */
static void
nothing_is_allowed_unless_the_limits_say_so(void **state)
{
	static const struct {
		const char *line, *place, *allowed;
	} cases[] = {
	    {"purposes: [1.3.6.1.5.2.3.4]", LINE "16:", "purposes: [1.3.6.1.5.2.3.4]"},
	    {"policies: [1.2.3]", LINE "16:", "policies: [1.2.3]"},
	    {"key_usage: [digitalSignature, keyEncipherment, contentCommitment]",
		LINE "52:", "key_usage: [contentCommitment]"},
	    {"names: [sid-uri]", LINE "13:", "names: [sid-uri]"},
	    {"names: [principal]", LINE "13:", "names: [principal]"},
	    {"names: [e-mail]", LINE "13:", "names: [e-mail]"},
	    {"subject: upn", LINE "14:", "subjects: [upn]"},
	    {"crl_urls: [http://b.example]", LINE "16:", "urls: [http://b.example]"},
	    {"ca_urls: [http://b.example]", LINE "15:", "urls: [http://b.example]"},
	    {"longest_life: 2h", LINE "19:", NULL},
	};
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char text[1024], limits_text[512], limits_path[PATH_MAX];
		struct fas_err e = {0};
		OWN(signer_config) struct signer_config *config = NULL;
		OWN(limits) struct limits *limits = NULL;
		(void)snprintf(text, sizeof(text), HEAD "    %s\n", cases[i].line);
		const char *path = place_write(*state, "own.yaml", text);
		assert_int_equal(signer_config_load(path, geteuid(), &config, &e), FAS_OK);
		place_path(*state, "own-limits.yaml", limits_path);
		(void)place_write(*state, "own-limits.yaml", DOMAINS "profiles: [own]\n");
		assert_int_equal(
		    limits_load(limits_path, geteuid(), config, &limits, &e), FAS_E_CONFIG);
		assert_reason(e, "profile_outside_limits");
		expect(&e, "own.yaml", cases[i].place, "\"own\"");
		if (!cases[i].allowed)
			continue;
		fas_err_clear(&e);
		(void)snprintf(limits_text, sizeof(limits_text),
		    DOMAINS "profiles: [own]\nown_profiles: { %s }\n", cases[i].allowed);
		(void)place_write(*state, "own-limits.yaml", limits_text);
		assert_int_equal(limits_load(limits_path, geteuid(), config, &limits, &e), FAS_OK);
	}
}

/* A profile that only narrows needs no word. */
static void
narrower_profile_needs_no_permission(void **state)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	OWN(signer_config) struct signer_config *config = NULL;
	OWN(limits) struct limits *limits = NULL;
	(void)place_write(*state, "own.yaml",
	    HEAD "    longest_life: 5m\n"
		 "  - { name: sign, like: client-auth, key_usage: [digitalSignature] }\n");
	assert_int_equal(
	    signer_config_load(place_path(*state, "own.yaml", path), geteuid(), &config, &e),
	    FAS_OK);
	(void)place_write(*state, "own-limits.yaml", DOMAINS "profiles: [own, sign]\n");
	assert_int_equal(limits_load(place_path(*state, "own-limits.yaml", path), geteuid(), config,
			     &limits, &e),
	    FAS_OK);
}

static void
a_principal_needs_each_domains_name(void **state)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	OWN(signer_config) struct signer_config *config = NULL;
	struct limits *limits = NULL;
	(void)place_write(*state, "own.yaml", HEAD "    names: [principal]\n");
	assert_int_equal(
	    signer_config_load(place_path(*state, "own.yaml", path), geteuid(), &config, &e),
	    FAS_OK);
	(void)place_write(*state, "own-limits.yaml",
	    "domains: [{ sid: S-1-5-21-1-2-3, upn_suffixes: [a.example] }]\nprofiles: [own]\n"
	    "own_profiles: { names: [principal] }\n");
	assert_int_equal(limits_load(place_path(*state, "own-limits.yaml", path), geteuid(), config,
			     &limits, &e),
	    FAS_E_CONFIG);
	expect(&e, "own.yaml", LINE, "dns_name");
}

static void
limits_that_a_profile_exceeds_do_not_replace_the_old_ones(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	const struct signer_request q = staff("request-1");
	place_write(p, "limits.yaml", DOMAINS "profiles: [staff]\n");
	assert_int_equal(signer_server_reload(p->server, &e), FAS_E_CONFIG);
	assert_reason(e, "profile_outside_limits");
	OWN(x509) X509 *x = issue(p, &q, &c);
	assert_non_null(x);
}

static void
signer_does_not_start_with_a_profile_beyond_the_limits(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	struct signer_server *server = NULL;
	place_stop(p);
	place_write(p, "limits.yaml", DOMAINS "profiles: [staff]\n");
	assert_int_equal(signer_server_start(p->config, geteuid(), &server, &e), FAS_E_CONFIG);
	assert_reason(e, "profile_outside_limits");
	assert_null(server);
	place_write(p, "limits.yaml", DOMAINS "profiles: [staff]\n" OWN_LIMITS);
	place_start(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(own_profile_issues_exactly_what_it_says),
	    T(life_is_cut_at_the_profiles_own),
	    T(records_name_the_own_profile),
	    T(each_profile_is_allowed_by_its_own_name),
#define A(name) cmocka_unit_test_setup_teardown(name, set_up_asked, tear_down)
	    A(a_policy_that_is_asked_for_stands_in_the_certificate),
	    A(it_stands_behind_those_of_the_profile_and_none_twice),
	    A(what_a_certificate_names_is_on_record),
	    A(a_policy_outside_the_limits_is_refused),
	    T(limits_that_name_none_let_nobody_ask),
	    A(a_repeat_with_another_policy_is_none),
	    T(names_outside_the_limits_are_refused),
	    T(authorities_that_the_signer_makes_have_no_finding),
	    T(what_no_profile_may_have_is_refused_at_its_place),
	    T(names_of_other_profiles_are_refused),
	    T(nothing_is_allowed_unless_the_limits_say_so),
	    T(narrower_profile_needs_no_permission),
	    T(a_principal_needs_each_domains_name),
	    T(limits_that_a_profile_exceeds_do_not_replace_the_old_ones),
	    T(signer_does_not_start_with_a_profile_beyond_the_limits),
	};
	return cmocka_run_group_tests_name("profiles", tests, NULL, NULL);
}
