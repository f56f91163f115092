/* Objects of the PKI: their names, what an administrator imports, and which URLs are followed. */
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "ldap/identity.h"
#include "ldap/publish.h"
#include "tests/unit/ldap/ldap_fixture.h"

#define SERVICES "CN=Public Key Services,CN=Services,CN=Configuration,DC=corp,DC=example,DC=com"
#define CRL_DN "CN=main-1,CN=fas1,CN=CDP," SERVICES
#define URL_DN                                                                                     \
	"CN=main-1,CN=fas1,CN=CDP,CN=Public%20Key%20Services,CN=Services,CN=Configuration,"        \
	"DC=corp,DC=example,DC=com"

static void
each_kind_has_its_place(void **state)
{
	static const struct {
		enum pki_kind kind;
		const char *name, *dn;
	} cases[] = {
	    {PKI_AIA, "CORP Logon CA", "CN=CORP Logon CA,CN=AIA," SERVICES},
	    {PKI_AUTHORITIES, "Root", "CN=Root,CN=Certification Authorities," SERVICES},
	    {PKI_NTAUTH, "NTAuthCertificates", "CN=NTAuthCertificates," SERVICES},
	    {PKI_CDP, "main-1", "CN=main-1,CN=CDP," SERVICES},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char dn[PKI_DN_MAX];
		struct fas_err e = {0};
		assert_int_equal(pki_dn(cases[i].kind, SERVICES, cases[i].name, dn, &e), FAS_OK);
		assert_string_equal(dn, cases[i].dn);
	}
}

/* A certificate's name is chosen by whoever asked for the certificate. */
static void
a_name_that_would_be_more_than_a_name_is_refused(void **state)
{
	static const char *const names[] = {"", "a,CN=b", "a+b=c", "a\\", "a\nb", " a", "a ",
	    "\"a\"", "a;b", "a<b", "#a", "\xc3\xa4",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	(void)state;
	for (size_t i = 0; i < NELEMS(names); i++) {
		char dn[PKI_DN_MAX];
		struct fas_err e = {0};
		assert_int_equal(pki_dn(PKI_AIA, SERVICES, names[i], dn, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "pki_name");
	}
}

static void
the_parent_is_what_stands_behind_the_first_name(void **state)
{
	(void)state;
	assert_string_equal(pki_parent(CRL_DN), "CN=fas1,CN=CDP," SERVICES);
	assert_string_equal(pki_parent("CN=x"), "");
}

/* ---- LDIF ---- */

static void
expect_ldif(const struct pki_object *object, enum pki_state state, const char *want)
{
	OWN(buf) struct buf out;
	buf_init(&out, 65536);
	pki_ldif(object, state, &out);
	assert_int_equal(buf_check(&out, NULL), FAS_OK);
	assert_string_equal(buf_str(&out), want);
}

static void
what_is_missing_is_a_record(void **state)
{
	static const uint8_t value[] = {0x30, 0x03, 0x02, 0x01, 0x05};
	struct pki_object crl = {PKI_CDP, CRL_DN, value, sizeof(value)};
	struct pki_object ntauth = {
	    PKI_NTAUTH, "CN=NTAuthCertificates," SERVICES, value, sizeof(value)};
	(void)state;
	expect_ldif(&crl, PKI_NO_OBJECT,
	    "dn: " CRL_DN "\nchangetype: add\nobjectClass: cRLDistributionPoint\n"
	    "certificateRevocationList:: MAMCAQU=\n\n");
	expect_ldif(&crl, PKI_NO_VALUE,
	    "dn: " CRL_DN "\nchangetype: modify\nreplace: certificateRevocationList\n"
	    "certificateRevocationList:: MAMCAQU=\n-\n\n");
	expect_ldif(&ntauth, PKI_NO_OBJECT,
	    "dn: CN=NTAuthCertificates," SERVICES
	    "\nchangetype: add\nobjectClass: certificationAuthority\n"
	    "cACertificate:: MAMCAQU=\ncertificateRevocationList:: AA==\n"
	    "authorityRevocationList:: AA==\n\n");
	expect_ldif(&ntauth, PKI_NO_VALUE,
	    "dn: CN=NTAuthCertificates," SERVICES "\nchangetype: modify\nadd: cACertificate\n"
	    "cACertificate:: MAMCAQU=\n-\n\n");
	expect_ldif(&ntauth, PKI_THERE, "");
}

/* RFC 2849, note 2: a folded line goes on behind one blank. */
static void
a_long_value_is_folded(void **state)
{
	uint8_t value[200];
	char joined[400] = "";
	OWN(buf) struct buf out;
	struct pki_object crl = {PKI_CDP, CRL_DN, value, sizeof(value)};
	(void)state;
	memset(value, 0x5a, sizeof(value));
	buf_init(&out, 65536);
	pki_ldif(&crl, PKI_NO_VALUE, &out);
	const char *at = strstr(buf_str(&out), ":: ") + 3, *end = strstr(at, "\n-\n");
	for (size_t n = 0; at < end; at++) {
		if (at[0] == '\n' && at[1] == ' ')
			at++;
		else
			joined[n++] = *at;
	}
	assert_int_equal(strlen(joined), (sizeof(value) + 2) / 3 * 4);
	assert_int_equal(strspn(joined, "Wlpao="), strlen(joined));
	for (const char *line = buf_str(&out); *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, "dn: ", 4) != 0)
			assert_true(strcspn(line, "\n") <= 76);
}

static void
no_name_ends_its_line(void **state)
{
	static const uint8_t value[] = {0};
	struct pki_object odd = {PKI_CDP, "CN=a\nchangetype: delete", value, sizeof(value)};
	OWN(buf) struct buf out;
	(void)state;
	buf_init(&out, 65536);
	pki_ldif(&odd, PKI_NO_VALUE, &out);
	assert_null(strstr(buf_str(&out), "delete"));
	assert_int_equal(strncmp(buf_str(&out), "dn:: ", 5), 0);
}

/* ---- URLs ---- */

static void
the_url_that_certificates_name_is_the_place_that_is_written(void **state)
{
	char dn[PKI_DN_MAX];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(
	    pki_url_dn("ldap:///" URL_DN
		       "?certificateRevocationList?base?objectClass=cRLDistributionPoint",
		dn, &e),
	    FAS_OK);
	assert_string_equal(dn, CRL_DN);
}

static void
expect_fetch(const char *url, enum fas_code code, const char *reason)
{
	struct directory nowhere = {NULL, 0};
	struct fas_err e = {0};
	OWN(pki_fetched) struct pki_fetched found;
	if (pki_fetch(&nowhere, url, &found, &e) != code || strcmp(e.reason, reason) != 0)
		fail_msg("%s: %s %s", url, e.reason, e.message);
}

static void
urls_as_windows_writes_them_are_followed(void **state)
{
	static const char *const urls[] = {
	    "ldap:///" URL_DN "?certificateRevocationList?base?objectClass=cRLDistributionPoint",
	    "ldap:///" URL_DN "?certificateRevocationList;binary?base?"
	    "(objectClass=cRLDistributionPoint)",
	    "ldap:///" URL_DN "?cACertificate?base?objectClass=certificationAuthority",
	    "LDAP:///" URL_DN "?CACERTIFICATE",
	    "ldap:///" URL_DN "?cACertificate?base?objectClass=*"};
	(void)state;
	for (size_t i = 0; i < NELEMS(urls); i++)
		expect_fetch(urls[i], FAS_E_NOTFOUND, "ldap_no_object");
}

static void
other_urls_are_not_followed(void **state)
{
	static const char *const urls[] = {"http://pki/x",
	    "ldap://dc9.example.net/" URL_DN "?certificateRevocationList",
	    "ldaps:///" URL_DN "?certificateRevocationList", "ldap:///",
	    "ldap:///?certificateRevocationList", "ldap:///" URL_DN,
	    "ldap:///" URL_DN "?unicodePwd", "ldap:///" URL_DN "?cACertificate,unicodePwd",
	    "ldap:///" URL_DN "?cACertificate;lang-de",
	    "ldap:///" URL_DN "?cACertificate?sub?objectClass=*",
	    "ldap:///" URL_DN "?cACertificate?base?(|(objectClass=a)(cn=b))",
	    "ldap:///" URL_DN "?cACertificate?base?cn=b"};
	(void)state;
	for (size_t i = 0; i < NELEMS(urls); i++)
		expect_fetch(urls[i], FAS_E_INPUT, "url_malformed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_has_its_place),
	    cmocka_unit_test(a_name_that_would_be_more_than_a_name_is_refused),
	    cmocka_unit_test(the_parent_is_what_stands_behind_the_first_name),
	    cmocka_unit_test(what_is_missing_is_a_record),
	    cmocka_unit_test(a_long_value_is_folded),
	    cmocka_unit_test(no_name_ends_its_line),
	    cmocka_unit_test(the_url_that_certificates_name_is_the_place_that_is_written),
	    cmocka_unit_test(urls_as_windows_writes_them_are_followed),
	    cmocka_unit_test(other_urls_are_not_followed),
	};
	return cmocka_run_group_tests_name("ldap_publish", tests, NULL, NULL);
}
