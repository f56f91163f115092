/* Every lint finds its defect, and only that; none finds anything in what is good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/own.h"
#include "lint_files.h"

static struct lint_files files;

static uint8_t *
load(const char *name, const char *suffix, size_t *len)
{
	const struct lint_file file = lint_file_read(name, suffix);
	*len = file.len;
	return file.der;
}

static int
set_up(void **state)
{
	(void)state;
	lint_files_read(&files);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	lint_files_done(&files);
	return 0;
}

static bool
found(const struct lint_report *report, const char *lint)
{
	for (size_t i = 0; i < report->n; i++) {
		if (strcmp(report->findings[i].name, lint) == 0)
			return true;
	}
	return false;
}

static void
nothing_is_found_in_good_files(void **state)
{
	(void)state;
	for (size_t i = 0; world_case_at(i); i++) {
		const struct world_case *how = world_case_at(i);
		struct lint_report report;
		struct fas_err e = {0};
		size_t len = 0;
		OWN(bytes) uint8_t *der = load(how->name, ".good.der", &len);
		world_lint(&files.world, how, how->issuer, der, len, &report);
		lint_files_print(how->name, &report);
		assert_int_equal(report.n, 0);
		assert_int_equal(lint_check(&report, &e), FAS_OK);
	}
}

static void
each_lint_finds_its_defect_and_no_other_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < files.n; i++) {
		const struct lint_row *row = &files.rows[i];
		const struct world_case *how = world_case(row->base);
		enum world_ca issuer = world_ca_parse(row->issuer);
		bool also = strcmp(row->also, "-") != 0;
		struct lint_report report;
		size_t len = 0;
		assert_non_null(how);
		assert_int_not_equal(issuer, WORLD_CAS);
		OWN(bytes) uint8_t *der = load(row->lint, ".der", &len);
		world_lint(&files.world, how, issuer, der, len, &report);
		if (report.n != (also ? 2u : 1u) || !found(&report, row->lint) ||
		    (also && !found(&report, row->also))) {
			lint_files_print(row->lint, &report);
			fail_msg("%s: %zu findings", row->lint, report.n);
		}
	}
}

/* A finding names what to do about it: it has a citation and a sentence. */
static void
each_lint_has_a_citation_and_a_defect(void **state)
{
	(void)state;
	assert_true(lint_count() >= 40);
	for (size_t i = 0; i < lint_count(); i++) {
		size_t defects = 0, names = 0;
		for (size_t k = 0; k < files.n; k++)
			defects += strcmp(files.rows[k].lint, lint_name(i)) == 0;
		for (size_t k = 0; k < lint_count(); k++)
			names += strcmp(lint_name(k), lint_name(i)) == 0;
		if (defects != 1)
			fail_msg("%s has %zu defects in the manifest", lint_name(i), defects);
		assert_int_equal(names, 1);
		assert_true(strlen(lint_citation(i)) > 3);
	}
	assert_int_equal(files.n, lint_count());
	assert_null(lint_name(lint_count()));
}

static void
finding_fails_the_check_with_its_name_and_clause(void **state)
{
	(void)state;
	struct lint_report report;
	struct fas_err e = {0};
	size_t len = 0;
	OWN(bytes) uint8_t *der = load("sid_present", ".der", &len);
	world_lint(&files.world, world_case("smartcard-logon"), WORLD_LOGON, der, len, &report);
	assert_int_equal(lint_check(&report, &e), FAS_E_INTERNAL);
	assert_string_equal(e.reason, "lint_failed");
	assert_non_null(strstr(e.message, "sid_present"));
	assert_non_null(strstr(e.message, "KB5014754"));
}

static void
warning_passes_the_check(void **state)
{
	(void)state;
	struct lint_report report;
	struct fas_err e = {0};
	size_t len = 0;
	OWN(bytes) uint8_t *der = load("ca_path_length", ".der", &len);
	world_lint(&files.world, world_case("ca"), WORLD_ROOT, der, len, &report);
	assert_int_equal(report.n, 1);
	assert_int_equal(report.findings[0].severity, LINT_WARNING);
	assert_int_equal(lint_check(&report, &e), FAS_OK);
}

static void
expectations_that_are_absent_are_not_compared(void **state)
{
	(void)state;
	const struct lint_context nothing = {.kind = PROFILE_SMARTCARD_LOGON};
	struct lint_report report;
	size_t len = 0;
	OWN(bytes) uint8_t *der = load("smartcard-logon", ".good.der", &len);
	lint_certificate(der, len, &nothing, &report);
	lint_files_print("without expectations", &report);
	assert_int_equal(report.n, 0);
}

/* A certificate of one profile under another's name is full of findings. */
static void
profile_is_not_taken_for_another(void **state)
{
	(void)state;
	for (size_t i = 0; world_case_at(i); i++) {
		const struct world_case *how = world_case_at(i);
		size_t len = 0;
		OWN(bytes) uint8_t *der = load(how->name, ".good.der", &len);
		for (size_t k = 0; world_case_at(k); k++) {
			struct lint_report report;
			bool authorities = how->shape == WORLD_AUTHORITY &&
					   world_case_at(k)->shape == WORLD_AUTHORITY;
			if (k == i || authorities)
				continue;
			world_lint(&files.world, world_case_at(k), world_case_at(k)->issuer, der,
			    len, &report);
			assert_true(report.n > 0);
		}
	}
}

/* Whatever is cut off, the linter says so and does not crash; exact copies let the sanitizer see over-reads. */
static void
cut_files_are_found_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; world_case_at(i); i++) {
		const struct world_case *how = world_case_at(i);
		size_t len = 0;
		OWN(bytes) uint8_t *der = load(how->name, ".good.der", &len);
		for (size_t cut = 0; cut < len; cut++) {
			struct lint_report report;
			OWN(bytes) uint8_t *copy = malloc(cut + 1);
			assert_non_null(copy);
			uint8_t *exact = realloc(copy, cut ? cut : 1);
			assert_non_null(exact);
			copy = exact;
			memcpy(copy, der, cut);
			world_lint(&files.world, how, how->issuer, copy, cut, &report);
			assert_int_equal(report.n, 1);
			assert_non_null(strstr(report.findings[0].name, "well_formed"));
		}
	}
}

/* Any octet changed, in any of three ways: a verdict each time, and never a crash. */
static void
changed_files_get_a_verdict(void **state)
{
	(void)state;
	static const uint8_t changes[] = {0x01, 0x80, 0xff};
	size_t verdicts = 0;
	for (size_t i = 0; world_case_at(i); i++) {
		const struct world_case *how = world_case_at(i);
		size_t len = 0;
		OWN(bytes) uint8_t *der = load(how->name, ".good.der", &len);
		for (size_t at = 0; at < len * NELEMS(changes); at++) {
			struct lint_report report;
			der[at / NELEMS(changes)] ^= changes[at % NELEMS(changes)];
			world_lint(&files.world, how, how->issuer, der, len, &report);
			der[at / NELEMS(changes)] ^= changes[at % NELEMS(changes)];
			verdicts += report.n > 0;
		}
	}
	assert_true(verdicts > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_found_in_good_files),
	    cmocka_unit_test(each_lint_finds_its_defect_and_no_other_does),
	    cmocka_unit_test(each_lint_has_a_citation_and_a_defect),
	    cmocka_unit_test(finding_fails_the_check_with_its_name_and_clause),
	    cmocka_unit_test(warning_passes_the_check),
	    cmocka_unit_test(expectations_that_are_absent_are_not_compared),
	    cmocka_unit_test(profile_is_not_taken_for_another),
	    cmocka_unit_test(cut_files_are_found_malformed),
	    cmocka_unit_test(changed_files_get_a_verdict),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
