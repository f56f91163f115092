#include "fas/doctor/doctor.h"

#include <pthread.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/doctor/checks.h"

#define NAMES_MAX 64

DEFINE_OWN_IN_PLACE(report, struct report, report_done);

static bool
is_listed(const json_t *list, const char *name)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));
		if (one && strcmp(one, name) == 0)
			return true;
	}
	return false;
}

static enum fas_code
check_names(const json_t *list, struct fas_err *e)
{
	const char *known[NAMES_MAX];
	size_t n = doctor_n_checks < NAMES_MAX ? doctor_n_checks : NAMES_MAX;
	for (size_t k = 0; k < n; k++)
		known[k] = doctor_checks[k].name;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		size_t k = 0;
		while (name && k < n && strcmp(known[k], name) != 0)
			k++;
		if (name && k < n)
			continue;
		const char *near = name ? nearest_word(name, known, n) : NULL;
		return fas_fail(e, FAS_E_INPUT, "check_unknown",
		    "there is no check \"%.60s\"%s%s%s", name ? name : "",
		    near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	}
	return FAS_OK;
}

static enum fas_code
judge(const struct exam *exam, const json_t *only, const json_t *skip, json_t **reply,
    struct fas_err *e)
{
	OWN(report) struct report report;
	enum fas_code rc = report_init(&report, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < doctor_n_checks; i++) {
		const struct doctor_check *check = &doctor_checks[i];
		if ((only && !is_listed(only, check->name)) || is_listed(skip, check->name))
			continue;
		report_begin(&report, check->name, check->meaning);
		check->run(exam, &report);
		report_end(&report);
	}
	return report_take(&report, reply, e);
}

enum fas_code
doctor_run(const struct exam_question *question, const json_t *only, const json_t *skip,
    json_t **reply, struct fas_err *e)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	OWN(exam) struct exam *exam = NULL;
	enum fas_code rc = check_names(only, e);
	if (rc == FAS_OK)
		rc = check_names(skip, e);
	if (rc != FAS_OK)
		return rc;
	if (pthread_mutex_trylock(&one_at_a_time) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "doctor_busy",
		    "a diagnosis is under way: wait until it has ended");
	rc = exam_make(question, &exam, e);
	pthread_mutex_unlock(&one_at_a_time);
	return rc == FAS_OK ? judge(exam, only, skip, reply, e) : rc;
}

json_t *
doctor_list(void)
{
	json_t *list = json_array();
	for (size_t i = 0; i < doctor_n_checks; i++)
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:s}", "name", doctor_checks[i].name, "meaning",
			      doctor_checks[i].meaning));
	return list;
}
