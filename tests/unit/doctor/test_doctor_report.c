/* What a diagnosis says, and that its commands can be pasted whoever has named things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/doctor/report.h"

static int
set_up(void **state)
{
	static struct report report;
	assert_int_equal(report_init(&report, NULL), FAS_OK);
	report_begin(&report, "some_check", "It means something.");
	*state = &report;
	return 0;
}

static int
tear_down(void **state)
{
	report_done(*state);
	return 0;
}

static const char *
text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* The i-th command of a finding. */
static const char *
command(const json_t *finding, size_t i)
{
	return text_of(json_array_get(json_object_get(finding, "remedy"), i), "command");
}

static const json_t *
check_of(const struct report *report)
{
	return json_array_get(report->checks, 0);
}

static void
a_finding_has_its_check_subject_meaning_and_commands(void **state)
{
	json_t *f = report_finding(*state, "dc1", "%d things are wrong", 3);
	remedy(f, REMEDY_CONTROLLER, "mend %s", "it");
	remedy(f, REMEDY_HERE, "and look");
	report_end(*state);
	assert_string_equal(text_of(f, "check"), "some_check");
	assert_string_equal(text_of(f, "subject"), "dc1");
	assert_string_equal(text_of(f, "what"), "3 things are wrong");
	assert_string_equal(text_of(f, "meaning"), "It means something.");
	assert_string_equal(command(f, 0), "mend it");
	assert_string_equal(command(f, 1), "and look");
	assert_string_equal(text_of(check_of(*state), "state"), "finding");
}

static void
what_could_not_be_found_out_is_not_called_good(void **state)
{
	const struct fas_err why = {.code = FAS_E_UNAVAILABLE, .message = "nobody answers"};
	report_unknown(*state, "dc1", &why);
	report_end(*state);
	assert_string_equal(text_of(check_of(*state), "state"), "not_checked");
	const char *note =
	    json_string_value(json_array_get(json_object_get(check_of(*state), "notes"), 0));
	assert_string_equal(note, "dc1: not checked: nobody answers");
}

static void
a_check_with_nothing_to_say_is_good(void **state)
{
	report_end(*state);
	assert_string_equal(text_of(check_of(*state), "state"), "good");
}

static void
findings_without_end_are_counted_and_not_all_told(void **state)
{
	struct report *report = *state;
	for (int i = 0; i < REPORT_OF_A_CHECK_MAX + 5; i++)
		remedy(report_finding(report, "x", "%d", i), REMEDY_HERE, "%d", i);
	report_end(report);
	assert_int_equal(json_array_size(report->findings), REPORT_OF_A_CHECK_MAX);
	const char *note =
	    json_string_value(json_array_get(json_object_get(check_of(report), "notes"), 0));
	assert_string_equal(note, "5 more findings like these are left out");
}

static void
a_text_that_is_cut_within_a_character_stays_text(void **state)
{
	char text[1001];
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[1000] = 0;
	json_t *f = report_finding(*state, "dc1", "-%s", text);
	assert_non_null(text_of(f, "what"));
	assert_int_equal(strlen(text_of(f, "what")), 499);
}

static void
a_quoted_text_is_one_word_whatever_is_in_it(void **state)
{
	static const struct {
		const char *text, *shell, *power;
	} cases[] = {
	    {"", "''", "''"},
	    {"alice", "'alice'", "'alice'"},
	    {"$(reboot)`x`\\", "'$(reboot)`x`\\'", "'$(reboot)`x`\\'"},
	    {"o'hara", "'o'\\''hara'", "'o''hara'"},
	    {"'; rm -rf /; '", "''\\''; rm -rf /; '\\'''", "'''; rm -rf /; '''"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		OWN(text) char *shell = quote_shell(cases[i].text);
		OWN(text) char *power = quote_powershell(cases[i].text);
		assert_string_equal(shell, cases[i].shell);
		assert_string_equal(power, cases[i].power);
	}
}

static void
a_change_of_an_attribute_is_a_document_that_no_value_ends(void **state)
{
	static const char value[] = "x\nEOF\nreboot";
	json_t *f = report_finding(*state, "x", "x");
	remedy_ldif(f, "CN=a", "replace", "adminCount", "0", 1);
	remedy_ldif(f, "CN=\xc3\xa4", "add", "cACertificate", value, sizeof(value) - 1);
	remedy_ldif(f, " CN=a", "delete", "description", NULL, 0);
	assert_string_equal(command(f, 0),
	    "ldbmodify -H /var/lib/samba/private/sam.ldb <<'EOF'\n"
	    "dn: CN=a\nchangetype: modify\nreplace: adminCount\nadminCount: 0\nEOF");
	assert_string_equal(command(f, 1), "ldbmodify -H /var/lib/samba/private/sam.ldb <<'EOF'\n"
					   "dn:: Q049w6Q=\nchangetype: modify\nadd: cACertificate\n"
					   "cACertificate:: eApFT0YKcmVib290\nEOF");
	assert_string_equal(command(f, 2),
	    "ldbmodify -H /var/lib/samba/private/sam.ldb <<'EOF'\n"
	    "dn:: IENOPWE=\nchangetype: modify\ndelete: description\nEOF");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_finding_has_its_check_subject_meaning_and_commands, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		what_could_not_be_found_out_is_not_called_good, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_check_with_nothing_to_say_is_good, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		findings_without_end_are_counted_and_not_all_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_text_that_is_cut_within_a_character_stays_text, set_up, tear_down),
	    cmocka_unit_test(a_quoted_text_is_one_word_whatever_is_in_it),
	    cmocka_unit_test_setup_teardown(
		a_change_of_an_attribute_is_a_document_that_no_value_ends, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
