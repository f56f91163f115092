/* A diagnosis without memory: what it has read is whole or not there, and no check trips over what is missing. */
#include <string.h>

#include "fas/base/json.h"
#include "fas/doctor/checks.h"
#include "tests/unit/faults/faults.h"

static struct domain_config corp = {.name = (char[]){"corp.example.com"},
    .base = (char[]){"DC=corp,DC=example,DC=com"},
    .bind = BIND_GSSAPI};

struct world {
	struct exam *exam;
	struct report report;
};

static void
make(void *arg)
{
	struct world *w = arg;
	faults_pause();
	w->exam = calloc(1, sizeof(*w->exam));
	assert_non_null(w->exam);
	w->exam->n_domains = 1;
	w->exam->domains[0].survey.config = &corp;
	w->exam->domains[0].vendor = VENDOR_SAMBA;
	faults_resume();
}

/* The value is one that no line of LDIF holds as it is: it has to be encoded. */
static enum fas_code
examine(void *arg, struct fas_err *e)
{
	struct world *w = arg;
	struct exam_domain *d = &w->exam->domains[0];
	enum fas_code rc = report_init(&w->report, e);
	if (rc != FAS_OK)
		return rc;
	for (int i = 0; rc == FAS_OK && i < 2; i++)
		rc = survey_list_add(&d->mappings, "CN=o'hara", "X509:\001", 6, e);
	if (rc != FAS_OK)
		d->mappings_why = *e;
	for (size_t i = 0; i < doctor_n_checks; i++) {
		report_begin(&w->report, doctor_checks[i].name, doctor_checks[i].meaning);
		doctor_checks[i].run(w->exam, &w->report);
		report_end(&w->report);
	}
	return rc;
}

static void
judge(void *arg, enum fas_code rc, const struct fas_err *e)
{
	struct world *w = arg;
	const struct survey_list *list = &w->exam->domains[0].mappings;
	(void)e;
	assert_true(rc != FAS_OK || list->n == 2);
	for (size_t i = 0; i < list->n; i++) {
		assert_string_equal(list->items[i].dn, "CN=o'hara");
		assert_memory_equal(list->items[i].data, "X509:\001", 7);
	}
	report_done(&w->report);
	exam_free(w->exam);
}

static void
what_was_read_is_whole_and_every_check_stands(void **state)
{
	struct world w = {0};
	const struct fault_case c = {make, examine, judge, true};
	(void)state;
	assert_true(faults_each(FAULT_MEMORY, &c, &w) > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_read_is_whole_and_every_check_stands),
	};
	faults_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
