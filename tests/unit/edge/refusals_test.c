/* Records of refusals before the pipeline: complete while few, bounded when many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/audit.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/refusals.h"

static const char *const schema[] = {AUDIT_SCHEMA};
static const struct db_migrations migrations = {schema, NELEMS(schema)};

struct fixture {
	char folder[32];
	struct db_pool *db;
	struct metrics *metrics;
	struct refusals *refusals;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct fas_err e = {0};
	char path[64];
	if (!f)
		return -1;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/fas-refusals-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/fas.db", f->folder);
	if (db_pool_open(path, &migrations, 1, &f->db, &e) != FAS_OK ||
	    metrics_new(&f->metrics, &e) != FAS_OK)
		return -1;
	const struct refusals_config config = {.db = f->db,
	    .metrics = f->metrics,
	    .unknown = {5, 3600000},
	    .known = {20, 3600000},
	    .summary_s = 3600};
	*state = f;
	return refusals_start(&config, &f->refusals, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[64];
	refusals_stop(f->refusals);
	db_pool_close(f->db);
	metrics_free(f->metrics);
	(void)snprintf(command, sizeof(command), "rm -r %s", f->folder);
	free(f);
	return system(command);
}

static enum fas_code
collect(json_t *body, void *arg, struct fas_err *e)
{
	(void)e;
	(void)json_array_append(arg, body);
	return FAS_OK;
}

static enum fas_code
read_all(struct db *db, void *arg, struct fas_err *e)
{
	return audit_each(db, 0, 1000, NULL, collect, arg, e);
}

/* All records, once everything noted has been written. */
static json_t *
records(struct fixture *f)
{
	struct fas_err e = {0};
	json_t *list = json_array();
	refusals_stop(TAKE(f->refusals));
	assert_int_equal(db_read(f->db, read_all, list, &e), FAS_OK);
	return list;
}

static void
note(struct fixture *f, const struct caller *caller, const char *reason)
{
	struct fas_err why = {0};
	fas_fail(&why, FAS_E_AUTH, reason, "what was found");
	refusals_note(
	    f->refusals, caller, "192.0.2.7", "logons", "0123456789abcdef0123456789abcdef", &why);
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

static void
a_refusal_is_on_record(void **state)
{
	const struct caller host = {
	    .kind = CALLER_CERTIFICATE, .role = ROLE_HOST, .name = "vda1.example.com"};
	note(*state, &host, "member_missing");
	OWN(json) json_t *list = records(*state);
	assert_int_equal(json_array_size(list), 1);
	const json_t *record = json_array_get(list, 0);
	assert_string_equal(text_of(record, "event"), "request_refused");
	assert_string_equal(text_of(record, "outcome"), "deny");
	assert_string_equal(text_of(record, "reason"), "member_missing");
	assert_string_equal(text_of(record, "caller"), "host:vda1.example.com");
	assert_string_equal(text_of(record, "message"), "what was found");
	assert_string_equal(text_of(record, "correlation_id"), "0123456789abcdef0123456789abcdef");
	char *dump = json_dumps(record, 0);
	assert_non_null(strstr(dump, "192.0.2.7"));
	free(dump);
}

static void
a_flood_of_strangers_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct caller host = {
	    .kind = CALLER_CERTIFICATE, .role = ROLE_HOST, .name = "vda1.example.com"};
	for (int i = 0; i < 1000; i++)
		note(f, NULL, i % 2 ? "caller_required" : "route_unknown");
	/* What strangers do does not keep a known caller from the record. */
	note(f, &host, "member_missing");
	OWN(json) json_t *list = records(f);
	assert_int_equal(json_array_size(list), 5 + 1 + 1);
	assert_string_equal(text_of(json_array_get(list, 5), "reason"), "member_missing");
	const json_t *sum = json_array_get(list, 6);
	assert_string_equal(text_of(sum, "event"), "requests_refused_sum");
	char *dump = json_dumps(sum, JSON_COMPACT);
	assert_non_null(strstr(dump, "\"route_unknown\":497"));
	assert_non_null(strstr(dump, "\"caller_required\":498"));
	free(dump);
	assert_int_equal(metrics_get(f->metrics, METRIC_REFUSAL_RECORDED), 6);
	assert_int_equal(metrics_get(f->metrics, METRIC_REFUSAL_UNRECORDED), 995);
}

static void
many_reasons_end_in_one_pot(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 200; i++) {
		char reason[32];
		(void)snprintf(reason, sizeof(reason), "reason_%d", i);
		note(f, NULL, reason);
	}
	OWN(json) json_t *list = records(f);
	char *dump = json_dumps(json_array_get(list, json_array_size(list) - 1), JSON_COMPACT);
	assert_non_null(strstr(dump, "\"other\":163"));
	free(dump);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_refusal_is_on_record, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_flood_of_strangers_is_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(many_reasons_end_in_one_pot, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
