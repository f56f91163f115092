/* The ledger forgets what ended long ago, the trails do not, and `audit verify` tells the two apart. */
#include "house.h"

#include <string.h>
#include <unistd.h>

#include "fas/ctl/cli.h"

#define CERTIFICATES "SELECT COUNT(*) FROM certificates"
#define PATIENCE 1000 /* of 10 ms */

/* Three logons now; `days` later one more, and a start of the signer, which prunes. */
static struct house *
three_and_one(void **state, double days)
{
	struct house *house = *state;
	for (size_t i = 0; i < 3; i++)
		house_logon(house, true);
	house_countersign(house);
	house_later(days);
	house_logon(house, true);
	house_countersign(house);
	house_restart(house);
	return house;
}

static void
await_certificates(struct house *house, int64_t want)
{
	for (size_t i = 0; i < PATIENCE; i++) {
		if (house_count(house, "ca.db", CERTIFICATES) == want)
			return;
		(void)usleep(10000);
	}
	assert_int_equal(house_count(house, "ca.db", CERTIFICATES), want);
}

static void
what_ended_long_ago_goes_and_all_still_agree(void **state)
{
	struct house *house = three_and_one(state, 9);
	await_certificates(house, 1);
	house_finds(house, NULL, NULL);
	assert_int_equal(house_fasctl(house, "audit verify"), CLI_OK);
	assert_non_null(strstr(house->out, "Of 3 decisions the certificate is no longer in ca.db"));
	house_restart(house);
	assert_int_equal(place_records(house->place, "certificates_pruned", NULL), 1);
}

static void
what_ended_lately_stays(void **state)
{
	struct house *house = *state;
	house_logon(house, true);
	house_later(0.9);
	house_logon(house, true);
	house_later(6.9);
	house_restart(house);
	await_certificates(house, 1);
	house_finds(house, NULL, NULL);
}

static void
a_clock_that_runs_years_ahead_takes_a_day_of_the_past_in_an_hour(void **state)
{
	struct house *house = *state;
	for (size_t day = 0; day < 4; day++) {
		house_logon(house, true);
		house_later(2);
	}
	house_later(3000);
	house_restart(house);
	await_certificates(house, 3);
}

static void
a_living_certificate_that_is_gone_is_found_whatever_the_floor_says(void **state)
{
	struct house *house = three_and_one(state, 9);
	await_certificates(house, 1);
	house_logon(house, true);
	house_tamper(house, "ca.db",
	    "DELETE FROM certificates WHERE id=(SELECT MAX(id) FROM certificates);"
	    "UPDATE meta SET value='9999999999' WHERE key='certificates_floor'");
	house_finds(house, "certificate_missing", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_new_forgetful, house_free)
	    T(what_ended_long_ago_goes_and_all_still_agree),
	    T(what_ended_lately_stays),
	    T(a_clock_that_runs_years_ahead_takes_a_day_of_the_past_in_an_hour),
	    T(a_living_certificate_that_is_gone_is_found_whatever_the_floor_says),
	};
	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
