/* What hosts report of the keys that they keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/session_store.h"
#include "fas/uses.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, uses_begin, world_end)

static char id[SESSION_ID_TEXT_MAX], serial[SERIAL_HEX_MAX];

static enum fas_code
read_serial(struct db *db, void *arg, struct fas_err *e)
{
	struct signer_certificate c = {0};
	(void)arg;
	enum fas_code rc = certificate_find(db, id, NULL, &c, e);
	if (rc == FAS_OK)
		memcpy(serial, c.serial, sizeof(serial));
	signer_certificate_done(&c);
	return rc;
}

static int
uses_begin(void **state)
{
	struct fas_err e = {0};
	int rc = world_begin(state);
	log_on(id);
	return rc == 0 && db_read(world.service.db, read_serial, NULL, &e) == FAS_OK ? 0 : -1;
}

static enum fas_code
report_by(const char *host_name, const struct uses *uses, struct fas_err *e)
{
	struct caller caller = host(host_name);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	return session_uses(&world.service, &request, id, uses, e);
}

static struct uses
two_uses(int64_t report)
{
	return (struct uses){.report = report,
	    .n = 2,
	    .list = {{.serial = serial,
			 .program = "/usr/bin/ssh",
			 .mechanism = "rsa-pkcs1",
			 .hash = "sha256",
			 .signatures = 3},
		{.serial = serial, .mechanism = "rsa-pss", .hash = "sha512", .signatures = 1}}};
}

static enum fas_code
count_rows(struct db *db, void *arg, struct fas_err *e)
{
	bool row = false;
	OWN(query)
	struct db_query q = db_query(db, "SELECT COUNT(*) FROM audit WHERE event='key_used'", e);
	enum fas_code rc = db_step(&q, &row);
	*(int64_t *)arg = db_column_int(&q, 0);
	return rc;
}

static int64_t
recorded(void)
{
	struct fas_err e = {0};
	int64_t n = 0;
	assert_int_equal(db_read(world.service.db, count_rows, &n, &e), FAS_OK);
	return n;
}

static void
each_use_is_a_record(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	assert_int_equal(recorded(), 2);
	assert_last_audit("key_used", "done", NULL);
}

static void
a_report_that_comes_twice_is_on_record_once(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	assert_int_equal(recorded(), 2);
	world.now_s += 1;
	uses.report = 2;
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	assert_int_equal(recorded(), 4);
}

static void
two_new_reports_within_a_second_are_one_too_many(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	uses.report = 2;
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_E_LIMIT);
	assert_reason(&e, "uses_rate");
	assert_int_equal(recorded(), 2);
}

static void
a_certificate_of_another_is_refused_and_nothing_of_the_report_stays(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	uses.list[1].serial = "0123456789abcdef0123456789abcdef";
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_E_DENIED);
	assert_reason(&e, "use_certificate");
	assert_int_equal(recorded(), 0);
	assert_last_audit("uses_refused", "deny", "use_certificate");
}

static void
another_host_reports_nothing(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	assert_int_equal(report_by(VDA2, &uses, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_unknown");
	assert_int_equal(recorded(), 0);
}

/* The last signatures of a session are reported when it is over. */
static void
an_ended_session_still_has_its_report(void **state)
{
	(void)state;
	struct fas_err e = {0};
	struct uses uses = two_uses(1);
	struct caller caller = host(VDA1);
	struct request request = {
	    .caller = &caller, .correlation_id = "00000000000000000000000000000000"};
	assert_int_equal(session_end(&world.service, &request, id, &e), FAS_OK);
	assert_int_equal(report_by(VDA1, &uses, &e), FAS_OK);
	assert_int_equal(recorded(), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(each_use_is_a_record),
	    WORLD_TEST(a_report_that_comes_twice_is_on_record_once),
	    WORLD_TEST(two_new_reports_within_a_second_are_one_too_many),
	    WORLD_TEST(a_certificate_of_another_is_refused_and_nothing_of_the_report_stays),
	    WORLD_TEST(another_host_reports_nothing),
	    WORLD_TEST(an_ended_session_still_has_its_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
