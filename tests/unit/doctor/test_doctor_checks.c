/* Checks on domains made by hand: what no lab has, such as Windows, and what must not be called good or bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "fas/base/json.h"
#include "fas/doctor/checks.h"
#include "pki.h"

#define NOW INT64_C(1795000000)

static struct domain_config corp = {.name = (char[]){"corp.example.com"},
    .realm = (char[]){"CORP.EXAMPLE.COM"},
    .base = (char[]){"DC=corp,DC=example,DC=com"},
    .bind = BIND_GSSAPI};

struct world {
	struct exam *exam;
	struct report report;
};

static int
set_up(void **state)
{
	static struct world w;
	w.exam = calloc(1, sizeof(*w.exam));
	assert_non_null(w.exam);
	w.exam->now_s = NOW;
	w.exam->skew_s = 60;
	w.exam->n_domains = w.exam->n_controllers = 1;
	w.exam->domains[0].survey.config = &corp;
	w.exam->domains[0].vendor = VENDOR_WINDOWS;
	w.exam->controllers[0].domain = &w.exam->domains[0];
	w.exam->controllers[0].target.config = &corp;
	(void)strcpy(w.exam->controllers[0].target.host, "dc1.corp.example.com");
	assert_int_equal(report_init(&w.report, NULL), FAS_OK);
	report_begin(&w.report, "check", "meaning");
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;
	report_done(&w->report);
	exam_free(w->exam);
	return 0;
}

/* All commands of all findings, one a line. */
static const char *
commands(const struct world *w)
{
	static char all[16384];
	size_t i, k;
	json_t *finding, *step;
	all[0] = 0;
	json_array_foreach(w->report.findings, i, finding)
	{
		json_array_foreach(json_object_get(finding, "remedy"), k, step)
		{
			const char *text = json_string_value(json_object_get(step, "command"));
			assert_true(strlen(all) + strlen(text) + 2 < sizeof(all));
			(void)strcat(strcat(all, text), "\n");
		}
	}
	return all;
}

static void
assert_commands_have(const struct world *w, const char *text)
{
	if (!strstr(commands(w), text))
		fail_msg("\"%s\" is not in:\n%s", text, commands(w));
}

static const struct fas_err away = {
    .code = FAS_E_UNAVAILABLE, .reason = "directory_away", .message = "nobody answers"};

static void
of_a_windows_controller_the_remedy_is_a_policy(void **state)
{
	struct world *w = *state;
	w->exam->controllers[0].clear = PROBE_TAKEN;
	w->exam->controllers[0].unbound = PROBE_TAKEN;
	check_ldap_signing(w->exam, &w->report);
	check_ldap_channel_binding(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 2);
	assert_commands_have(w, "-ValueName LDAPServerIntegrity -Type DWord -Value 2");
	assert_commands_have(w, "-ValueName LdapEnforceChannelBinding -Type DWord -Value 2");
}

static void
an_answer_that_leaves_it_open_is_neither_good_nor_a_finding(void **state)
{
	struct world *w = *state;
	w->exam->controllers[0].clear = PROBE_UNKNOWN;
	check_ldap_signing(w->exam, &w->report);
	w->exam->controllers[0].clear = PROBE_REFUSED;
	w->exam->controllers[0].clear_why = away;
	check_ldap_signing(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 0);
	assert_int_equal(w->report.n_unknown, 2);
}

static void
a_clock_within_the_skew_is_good_and_beyond_it_is_not(void **state)
{
	static const struct {
		int64_t ahead;
		size_t n;
	} cases[] = {{0, 0}, {60, 0}, {-60, 0}, {61, 1}, {-61, 1}};
	struct world *w = *state;
	w->exam->controllers[0].root.asked_s = NOW;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		w->report.n_found = 0;
		w->exam->controllers[0].root.time_s = NOW + cases[i].ahead;
		check_controller_clock(w->exam, &w->report);
		assert_int_equal(w->report.n_found, cases[i].n);
	}
	assert_commands_have(w, "w32tm /resync");
}

static void
what_the_directory_does_not_show_is_not_called_good(void **state)
{
	static doctor_run_check *const checks[] = {check_authority_ntauth, check_authority_root,
	    check_functional_level, check_machine_quota, check_upn_suffixes, check_upn_collisions,
	    check_upn_duplicates, check_mappings, check_own_power, check_own_end,
	    check_certificate_life, check_certificate_chain, check_controller_clock};
	struct world *w = *state;
	struct exam_domain *d = &w->exam->domains[0];
	d->survey.pki.why = d->survey.setup.why = d->survey.own.why = away;
	d->upns_why = d->mappings_why = away;
	w->exam->controllers[0].tls_why = w->exam->controllers[0].root_why = away;
	for (size_t i = 0; i < NELEMS(checks); i++) {
		w->report.n_unknown = 0;
		checks[i](w->exam, &w->report);
		assert_int_equal(w->report.n_found, 0);
		assert_true(w->report.n_unknown > 0);
	}
}

static void
an_own_account_that_no_domain_shows_is_not_called_good(void **state)
{
	struct world *w = *state;
	static void (*const checks[])(const struct exam *, struct report *) = {check_own_readable,
	    check_own_power, check_own_delegation, check_own_end, check_own_encryption};
	w->exam->n_domains = 2;
	w->exam->domains[1].survey.config = &corp;
	for (size_t i = 0; i < NELEMS(checks); i++) {
		w->report.n_unknown = 0;
		checks[i](w->exam, &w->report);
		assert_int_equal(w->report.n_unknown, 1);
	}
	/* the second one's account is the service's: of the first there is nothing to say */
	w->exam->domains[1].survey.own.account = calloc(1, sizeof(struct account));
	w->report.n_unknown = 0;
	check_own_delegation(w->exam, &w->report);
	assert_int_equal(w->report.n_unknown, 0);
}

static void
a_number_that_did_not_come_is_not_called_good(void **state)
{
	struct world *w = *state;
	check_functional_level(w->exam, &w->report);
	check_machine_quota(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 0);
	assert_int_equal(w->report.n_unknown, 2);
}

static void
add_upn(struct exam_domain *d, const char *upn, const char *dn, const char *other)
{
	if (!d->upns.items)
		d->upns.items = calloc(8, sizeof(*d->upns.items));
	assert_non_null(d->upns.items);
	d->upns.items[d->upns.n++] = (struct survey_upn){.upn = strdup(upn),
	    .dn = strdup(dn),
	    .sam = strdup("o'hara"),
	    .other = other ? strdup(other) : NULL};
}

static void
names_stand_in_powershell_quoted(void **state)
{
	struct world *w = *state;
	add_upn(&w->exam->domains[0], "kate@corp.example.com", "CN=O'Hara; Restart-Computer,DC=x",
	    "CN=kate");
	check_upn_collisions(w->exam, &w->report);
	assert_string_equal(commands(w),
	    "Set-ADUser -Identity 'CN=O''Hara; Restart-Computer,DC=x' -UserPrincipalName "
	    "'o''hara@corp.example.com'\n");
}

static void
the_same_name_in_other_letters_is_the_same_name(void **state)
{
	struct world *w = *state;
	struct exam_domain *d = &w->exam->domains[0];
	add_upn(d, "alice@corp.example.com", "CN=1", NULL);
	add_upn(d, "bob@corp.example.com", "CN=2", NULL);
	add_upn(d, "ALICE@corp.example.com", "CN=3", NULL);
	check_upn_duplicates(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 1);
}

static void
a_suffix_is_told_once_with_the_first_who_has_it(void **state)
{
	struct world *w = *state;
	struct exam_domain *d = &w->exam->domains[0];
	assert_int_equal(survey_list_add(&d->survey.setup.suffixes, "CN=Partitions",
			     "corp.example.com", 16, NULL),
	    FAS_OK);
	add_upn(d, "a@CORP.example.com", "CN=1", NULL);
	add_upn(d, "b@lost.example.com", "CN=2", NULL);
	add_upn(d, "c@Lost.example.com", "CN=3", NULL);
	check_upn_suffixes(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 1);
	assert_commands_have(w, "Set-ADForest -UPNSuffixes @{Add='lost.example.com'}");
}

static void
of_windows_ntauth_is_filled_by_certutil(void **state)
{
	struct world *w = *state;
	struct pki_ca ca;
	struct exam_authority *a = &w->exam->authorities[0];
	pki_ca_make(&ca, "Logon CA");
	a->certificate = a->root = ca.certificate;
	(void)strcpy(a->name, "main-1");
	w->exam->n_authorities = 1;
	check_authority_ntauth(w->exam, &w->report);
	check_authority_root(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 2);
	assert_commands_have(w, "certutil -dspublish -f main-1.cer NTAuthCA");
	assert_commands_have(w, "certutil -dspublish -f main-1-root.cer RootCA");
	pki_ca_done(&ca);
}

static void
name_list(struct pki_ca *ca, const char *uri)
{
	X509_EXTENSION *places = X509V3_EXT_conf_nid(NULL, NULL, NID_crl_distribution_points, uri);
	assert_non_null(places);
	assert_int_equal(X509_add_ext(ca->certificate, places, -1), 1);
	X509_EXTENSION_free(places);
}

/* Root, issuing authority of the house, logon authority: the list between them is signed by neither end. */
static void
of_a_chain_of_three_each_list_is_expected_of_its_own_signer(void **state)
{
	struct world *w = *state;
	struct pki_ca root, middle, logon;
	struct published_list *list = &w->exam->published;
	pki_ca_make(&root, "Root");
	pki_ca_make(&middle, "Middle");
	pki_ca_make(&logon, "Logon CA");
	name_list(&logon, "URI:http://pki.corp.example.com/middle.crl");
	name_list(&middle, "URI:http://pki.corp.example.com/root.crl");
	list->n = 1;
	list->items[0] = (struct published){.authority = "main",
	    .stem = "main-1",
	    .chain = {logon.certificate, middle.certificate, root.certificate},
	    .n_chain = 3};
	exam_authorities(w->exam, list);
	assert_int_equal(w->exam->n_places, 2);
	const struct exam_place *places = w->exam->places;
	assert_string_equal(places[0].url, "http://pki.corp.example.com/middle.crl");
	assert_ptr_equal(places[0].of, middle.certificate);
	assert_string_equal(places[1].url, "http://pki.corp.example.com/root.crl");
	assert_ptr_equal(places[1].of, root.certificate);
	w->exam->places[0].why = w->exam->places[1].why = away;
	check_crl_reachable(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 2);
	assert_commands_have(
	    w, "# have whoever runs the authority above main publish its present CRL");
	list->n = 0; /* they are pki_ca's */
	pki_ca_done(&root);
	pki_ca_done(&middle);
	pki_ca_done(&logon);
}

/* The remedy has the shell expand the root's digest and bytes, and nothing that the directory says. */
static void
the_forests_name_stands_quoted_where_a_shell_expands_what_is_beside_it(void **state)
{
	struct world *w = *state;
	struct pki_ca ca;
	struct exam_domain *d = &w->exam->domains[0];
	struct exam_controller *c = &w->exam->controllers[0];
	pki_ca_make(&ca, "Root of Controllers");
	d->vendor = VENDOR_SAMBA;
	d->survey.pki.base = strdup("CN=PKI,O=$(touch x)'`id`");
	c->chain = sk_X509_new_null();
	assert_true(
	    c->chain && sk_X509_push(c->chain, ca.certificate) > 0 && X509_up_ref(ca.certificate));
	check_certificate_chain(w->exam, &w->report);
	assert_int_equal(w->report.n_found, 1);
	assert_commands_have(w, "\nbase='CN=PKI,O=$(touch x)'\\''`id`'\nldbadd");
	assert_commands_have(w, "CN=Certification Authorities,$base\n");
	pki_ca_done(&ca);
}

static void
every_check_has_a_name_of_its_own_and_a_meaning(void **state)
{
	(void)state;
	assert_true(doctor_n_checks >= 20);
	for (size_t i = 0; i < doctor_n_checks; i++) {
		assert_true(strlen(doctor_checks[i].meaning) > 10);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(doctor_checks[i].name, doctor_checks[k].name);
	}
}

static void
times_of_the_directory_are_read_strictly(void **state)
{
	int64_t at = 0;
	static const char *const bad[] = {"", "2026", "20261130105415", "2026113010541x.0Z",
	    "20261330105415.0Z", "20261100105415.0Z", "20261130245415.0Z", "20261130105461.0Z",
	    "-0261130105415.0Z"};
	(void)state;
	assert_true(survey_time("20261130105415.0Z", &at));
	assert_int_equal(at, 1796036055);
	assert_true(survey_time("19700101000000Z", &at));
	assert_int_equal(at, 0);
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_false(survey_time(bad[i], &at));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(of_a_windows_controller_the_remedy_is_a_policy),
	    TEST(an_answer_that_leaves_it_open_is_neither_good_nor_a_finding),
	    TEST(a_clock_within_the_skew_is_good_and_beyond_it_is_not),
	    TEST(what_the_directory_does_not_show_is_not_called_good),
	    TEST(an_own_account_that_no_domain_shows_is_not_called_good),
	    TEST(a_number_that_did_not_come_is_not_called_good),
	    TEST(names_stand_in_powershell_quoted),
	    TEST(the_same_name_in_other_letters_is_the_same_name),
	    TEST(a_suffix_is_told_once_with_the_first_who_has_it),
	    TEST(of_windows_ntauth_is_filled_by_certutil),
	    TEST(of_a_chain_of_three_each_list_is_expected_of_its_own_signer),
	    TEST(the_forests_name_stands_quoted_where_a_shell_expands_what_is_beside_it),
	    cmocka_unit_test(every_check_has_a_name_of_its_own_and_a_meaning),
	    cmocka_unit_test(times_of_the_directory_are_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
