/* The list `domains` of the configuration. */
#include <stdio.h>
#include <string.h>

#include "ldap/directory.h"
#include "tests/unit/ldap/ldap_fixture.h"

#define GSSAPI "  principal: svc@CORP.EXAMPLE.COM\n  keytab: svc.keytab\n"
#define LDAPS                                                                                      \
	"  bind: simple-ldaps\n  bind_dn: CN=svc\n  password_file: pw\n  ca_file: /etc/ca.pem\n"

static enum fas_code
read_one(const char *members, struct domain_config *out, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	char text[2048];
	(void)snprintf(text, sizeof(text), "- name: corp.example.com\n%s", members);
	assert_int_equal(yaml_parse("fasd.yaml", text, strlen(text), &doc, e), FAS_OK);
	return domain_config_read(yaml_root(doc)->items[0], "/etc/fas", out, e);
}

static void
expect_refused(const char *members, const char *reason, const char *part)
{
	struct domain_config c = {0};
	struct fas_err e = {0};
	assert_int_equal(read_one(members, &c, &e), FAS_E_CONFIG);
	assert_string_equal(e.reason, reason);
	if (!strstr(e.message, part) || strncmp(e.message, "fasd.yaml:", 10) != 0)
		fail_msg("message \"%s\" lacks the place or \"%s\"", e.message, part);
	domain_config_done(&c);
}

static void
defaults_come_from_the_name(void **state)
{
	struct domain_config c = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_one(GSSAPI, &c, &e), FAS_OK);
	assert_string_equal(c.realm, "CORP.EXAMPLE.COM");
	assert_string_equal(c.base, "DC=corp,DC=example,DC=com");
	assert_null(c.netbios);
	assert_int_equal(c.bind, BIND_GSSAPI);
	assert_int_equal(c.port, 389);
	assert_int_equal(c.connections, 4);
	assert_int_equal(c.timeout_ms, 3000);
	assert_int_equal(c.n_controllers, 0);
	assert_string_equal(c.keytab, "/etc/fas/svc.keytab");
	domain_config_done(&c);
}

static void
everything_can_be_said(void **state)
{
	struct domain_config c = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_one("  netbios: CORP\n  realm: Other.Realm\n  base: DC=x\n"
				  "  controllers: [dc1.corp.example.com, dc2.corp.example.com]\n"
				  "  port: 1636\n  connections: 2\n  timeout: 250ms\n" LDAPS,
			     &c, &e),
	    FAS_OK);
	assert_string_equal(c.netbios, "CORP");
	assert_string_equal(c.realm, "Other.Realm");
	assert_string_equal(c.base, "DC=x");
	assert_int_equal(c.n_controllers, 2);
	assert_string_equal(c.controllers[1], "dc2.corp.example.com");
	assert_int_equal(c.bind, BIND_SIMPLE_LDAPS);
	assert_string_equal(c.password_file, "/etc/fas/pw");
	assert_string_equal(c.ca_file, "/etc/ca.pem");
	assert_int_equal(c.port, 1636);
	assert_int_equal(c.connections, 2);
	assert_int_equal(c.timeout_ms, 250);
	domain_config_done(&c);
}

static void
ldaps_has_its_own_port(void **state)
{
	struct domain_config c = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(read_one(LDAPS, &c, &e), FAS_OK);
	assert_int_equal(c.port, 636);
	domain_config_done(&c);
}

static void
simple_bind_over_plain_ldap_cannot_be_asked_for(void **state)
{
	(void)state;
	expect_refused(
	    "  bind: simple\n  bind_dn: CN=svc\n  password_file: pw\n", "yaml_value", "bind");
}

static void
simple_bind_without_a_ca_is_refused(void **state)
{
	(void)state;
	expect_refused("  bind: simple-starttls\n  bind_dn: CN=svc\n  password_file: pw\n",
	    "yaml_missing_key", "ca_file");
}

static void
gssapi_needs_principal_and_keytab(void **state)
{
	(void)state;
	expect_refused("  netbios: CORP\n", "yaml_missing_key", "principal");
	expect_refused("  principal: svc@X\n", "yaml_missing_key", "keytab");
}

static void
members_of_the_other_bind_are_not_ignored(void **state)
{
	(void)state;
	expect_refused(GSSAPI "  password_file: pw\n", "yaml_value", "password_file");
	expect_refused(LDAPS "  keytab: x\n", "yaml_value", "keytab");
}

static void
unknown_member_names_the_nearest(void **state)
{
	(void)state;
	expect_refused(GSSAPI "  timeuot: 3s\n", "yaml_unknown_key", "timeout");
}

static void
values_out_of_range_are_refused(void **state)
{
	(void)state;
	expect_refused(GSSAPI "  connections: 1\n", "yaml_value", "connections");
	expect_refused(GSSAPI "  connections: 5\n", "yaml_value", "connections");
	expect_refused(GSSAPI "  port: 0\n", "yaml_value", "port");
	expect_refused(GSSAPI "  timeout: 49ms\n", "yaml_value", "timeout");
	expect_refused(GSSAPI "  timeout: 61s\n", "yaml_value", "timeout");
	expect_refused(GSSAPI "  timeout: 3\n", "yaml_value", "timeout");
	expect_refused(GSSAPI "  timeout: ms\n", "yaml_value", "timeout");
	expect_refused(GSSAPI "  controllers: []\n", "yaml_value", "controllers");
	expect_refused(GSSAPI "  controllers: [\"ldap://dc1\"]\n", "yaml_value", "host name");
	expect_refused(GSSAPI "  base: nonsense\n", "yaml_value", "base");
}

static void
expect_list_refused(const char *text, const char *part)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	OWN(directory) struct directory *directory = NULL;
	struct fas_err e = {0};
	assert_int_equal(yaml_parse("fasd.yaml", text, strlen(text), &doc, &e), FAS_OK);
	assert_int_equal(directory_new(yaml_root(doc), "/etc/fas", &directory, &e), FAS_E_CONFIG);
	assert_non_null(strstr(e.message, part));
	assert_null(directory);
}

static void
list_without_sense_is_refused(void **state)
{
	(void)state;
	expect_list_refused("name: x\n", "list");
	expect_list_refused("[]\n", "list");
	expect_list_refused("- name: a_b\n" GSSAPI, "DNS name");
	expect_list_refused(
	    "- name: corp.example.com\n" GSSAPI "- name: Corp.Example.Com\n" GSSAPI, "twice");
	expect_list_refused("- name: a.example.com\n  netbios: CORP\n" GSSAPI
			    "- name: b.example.com\n  netbios: corp\n" GSSAPI,
	    "twice");
}

static void
domains_are_counted_and_named_in_order(void **state)
{
	static const char text[] =
	    "- name: b.example.com\n  controllers: [dc.b.example.com]\n" GSSAPI
	    "- name: a.example.com\n" GSSAPI;
	OWN(yaml) struct yaml_doc *doc = NULL;
	OWN(directory) struct directory *directory = NULL;
	struct directory_status status[2];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(yaml_parse("fasd.yaml", text, strlen(text), &doc, &e), FAS_OK);
	assert_int_equal(directory_new(yaml_root(doc), "/etc/fas", &directory, &e), FAS_OK);
	assert_int_equal(directory_count(directory), 2);
	assert_string_equal(directory_domain(directory, 0), "b.example.com");
	assert_string_equal(directory_domain(directory, 1), "a.example.com");
	assert_int_equal(directory_status(directory, status, 2), 1);
	assert_string_equal(status[0].controller, "dc.b.example.com");
	assert_false(status[0].reachable);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_come_from_the_name),
	    cmocka_unit_test(everything_can_be_said),
	    cmocka_unit_test(ldaps_has_its_own_port),
	    cmocka_unit_test(simple_bind_over_plain_ldap_cannot_be_asked_for),
	    cmocka_unit_test(simple_bind_without_a_ca_is_refused),
	    cmocka_unit_test(gssapi_needs_principal_and_keytab),
	    cmocka_unit_test(members_of_the_other_bind_are_not_ignored),
	    cmocka_unit_test(unknown_member_names_the_nearest),
	    cmocka_unit_test(values_out_of_range_are_refused),
	    cmocka_unit_test(list_without_sense_is_refused),
	    cmocka_unit_test(domains_are_counted_and_named_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
