/* fasctl lint: exit statuses, and what people and programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/ctl/commands.h"
#include "run.h"

#define DATA FAS_TEST_DATA "/lint/"
#define THEN " --at 2026-11-23T02:13:20Z"

static int
teardown(void **state)
{
	(void)state;
	run_done();
	return 0;
}

static void
says(const char *text)
{
	if (!strstr(out_text, text))
		fail_msg("\"%s\" is not in: %s", text, out_text);
}

static void
a_good_certificate_is_exit_0_and_says_what_no_file_shows(void **state)
{
	(void)state;
	assert_int_equal(run("lint " DATA "smartcard-logon.good.der" THEN), CLI_OK);
	says("certificate, smartcard-logon");
	says("alice@corp.example.com");
	says("S-1-5-21-1329593140-2634913955-1900852804-500");
	says("0 findings");
	says("possible");
	says("its issuer in NTAuth");
}

static void
a_defect_is_exit_4_with_source_effect_and_remedy(void **state)
{
	(void)state;
	assert_int_equal(run("lint " DATA "sid_present.der" THEN), CLI_DEFECT);
	says("sid_present");
	says("KB5014754");
	says("Add the \"SID extension\"");
	says("a Windows logon  refused");
	says("in full enforcement");
}

static void
a_list_that_is_over_denies_logons(void **state)
{
	(void)state;
	assert_int_equal(run("lint " DATA "crl.good.der --at 2026-11-25T00:00:00Z"), CLI_DEFECT);
	says("certificate revocation list");
	says("fasctl crl publish");
	says("refused");
	assert_int_equal(run("lint " DATA "crl.good.der" THEN), CLI_OK);
}

static void
json_is_for_programs(void **state)
{
	(void)state;
	assert_int_equal(run("lint --json " DATA "sid_present.der" THEN), CLI_DEFECT);
	OWN(json) json_t *all = json_loads(out_text, 0, NULL);
	const json_t *one = json_array_get(all, 0);
	const json_t *finding = json_array_get(json_object_get(one, "findings"), 0);
	assert_int_equal(json_integer_value(json_object_get(one, "errors")), 1);
	assert_string_equal(json_string_value(json_object_get(finding, "lint")), "sid_present");
	assert_non_null(json_string_value(json_object_get(finding, "remedy")));
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(one, "logon"), "verdict")),
	    "refused");
}

static void
the_list_names_every_lint_with_its_remedy(void **state)
{
	(void)state;
	assert_int_equal(run("lint --list --json"), CLI_OK);
	OWN(json) json_t *all = json_loads(out_text, 0, NULL);
	assert_true(json_array_size(all) >= 100);
	for (size_t i = 0; i < json_array_size(all); i++)
		assert_non_null(json_object_get(json_array_get(all, i), "remedy"));
	assert_int_equal(run("lint --list"), CLI_OK);
	says("purposes_no_power");
}

static void
wrong_command_lines_are_exit_2_and_missing_files_exit_1(void **state)
{
	(void)state;
	assert_int_equal(run("lint"), CLI_USAGE);
	assert_int_equal(run("lint " DATA "crl.good.der --at yesterday"), CLI_USAGE);
	assert_int_equal(run("lint " DATA "no-such-file"), CLI_FAILED);
	assert_int_equal(run("lint " DATA "manifest"), CLI_FAILED);
	assert_non_null(strstr(err_text, "inspect_nothing"));
	assert_int_equal(run("lint " DATA "crl.good.der --profile crl"), CLI_FAILED);
	assert_non_null(strstr(err_text, "service-client or ca"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_certificate_is_exit_0_and_says_what_no_file_shows),
	    cmocka_unit_test(a_defect_is_exit_4_with_source_effect_and_remedy),
	    cmocka_unit_test(a_list_that_is_over_denies_logons),
	    cmocka_unit_test(json_is_for_programs),
	    cmocka_unit_test(the_list_names_every_lint_with_its_remedy),
	    cmocka_unit_test(wrong_command_lines_are_exit_2_and_missing_files_exit_1),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
