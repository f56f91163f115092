/*
 * An old database is put back: found, acknowledged by name and with a reason, and gone from the findings; what is done to
 * the trails afterwards is found as ever.
 */
#include "house.h"

#include <stdio.h>
#include <string.h>

#include "fas/ctl/cli.h"

#define ACKNOWLEDGE "audit acknowledge --reason disk-of-monday-restored"
#define LAST "SELECT MAX(seq) FROM audit"

/* A logon that stays (records 1 and 2), a backup, two that the backup lacks (3 to 6), each countersigned. */
static struct house *
old_database(void **state, const char *database)
{
	struct house *house = *state;
	house_logon(house, true);
	house_countersign(house);
	house_keep(house, database);
	house_logon(house, true);
	house_countersign(house);
	house_logon(house, true);
	house_countersign(house);
	house_put_back(house, database);
	return house;
}

/* fasd has noticed; an administrator accepts. */
static struct house *
acknowledged(void **state, const char *database)
{
	struct house *house = old_database(state, database);
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	if (house_fasctl(house, ACKNOWLEDGE) != CLI_OK)
		fail_msg("%s", house->out);
	return house;
}

static void
an_old_fas_db_is_found_and_its_acknowledgement_ends_the_finding(void **state)
{
	struct house *house = old_database(state, "fas.db");
	house_finds(house, "record_cut", "decision_missing");
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_OK);
	assert_non_null(strstr(house->out, "records 4 to 6 of the trail of fasd are gone"));
	assert_non_null(strstr(house->out, "decisions of 2 certificates"));
	house_finds(house, NULL, NULL);
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound));
	house_logon(house, true);
	house_countersign(house);
	house_finds(house, NULL, NULL);
}

static void
who_accepted_and_why_is_in_both_trails_and_in_the_answer(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	assert_int_equal(house_records(house, "audit_gap_acknowledged", NULL), 1);
	assert_int_equal(place_records(house->place, "audit_gap_acknowledged", NULL), 1);
	assert_int_equal(house_fasctl(house, "audit tail --limit 1"), CLI_OK);
	assert_non_null(strstr(house->out, "disk-of-monday-restored"));
	assert_non_null(strstr(house->out, "uid:"));
	assert_int_equal(house_fasctl(house, "audit verify"), CLI_OK);
	assert_non_null(strstr(house->out, "Acknowledged gaps:"));
	assert_non_null(strstr(house->out, "disk-of-monday-restored"));
	assert_non_null(strstr(house->out, "But for that all agree"));
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_OK);
	assert_non_null(strstr(house->out, "\"missing\": 2"));
}

static void
no_number_is_given_twice(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	assert_int_equal(house_count(house, "fas.db", LAST), 7);
	assert_int_equal(
	    house_count(house, "fas.db", "SELECT COUNT(*) FROM audit WHERE seq IN (5,6)"), 0);
}

static void
a_trail_that_has_outgrown_the_gap_can_be_acknowledged_too(void **state)
{
	struct house *house = old_database(state, "fas.db");
	for (size_t i = 0; i < 4; i++)
		house_logon(house, true);
	house_countersign(house);
	house_finds(house, "chain_rebuilt", "decision_missing");
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_OK);
	house_finds(house, NULL, NULL);
	assert_int_equal(house_count(house, "fas.db", "SELECT MAX(seq)-COUNT(*) FROM audit"), 0);
}

static void
an_old_ca_db_gets_its_countersignatures_back_and_is_acknowledged(void **state)
{
	struct house *house = old_database(state, "ca.db");
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "copy_missing"));
	assert_non_null(strstr(house->out, "certificate_missing"));
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_OK);
	assert_non_null(strstr(house->out, "of the trail of signer are gone"));
	house_finds(house, NULL, NULL);
	house_logon(house, true);
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound));
	house_finds(house, NULL, NULL);
}

static void
a_second_restoration_is_acknowledged_by_itself(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_logon(house, true);
	house_countersign(house);
	house_put_back(
	    house, "fas.db"); /* the same backup: the first acknowledgement is gone from it */
	house_countersign(house);
	assert_int_equal(house_fasctl(house, "audit verify"), CLI_DEFECT);
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_OK);
	house_finds(house, NULL, NULL);
	house_logon(house, true);
	house_countersign(house);
	house_finds(house, NULL, NULL);
}

/* ---- it explains no more than it says ---- */

static void
a_later_edit_is_found(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_logon(house, true);
	house_countersign(house);
	house_tamper(
	    house, "fas.db", "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=8");
	house_finds(house, "record_edited", NULL);
	house_rebuild(house, "fas.db");
	house_finds(house, "chain_rebuilt", NULL);
}

static void
a_later_edit_of_what_was_there_before_is_found(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_tamper(
	    house, "fas.db", "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=1");
	house_finds(house, "record_edited", NULL);
	house_rebuild(house, "fas.db");
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "statement_contradicted"));
	assert_non_null(strstr(house->out, "chain_rebuilt"));
}

static void
a_later_edit_of_what_stands_between_is_found(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_tamper(
	    house, "fas.db", "UPDATE audit SET body=replace(body,'error','done') WHERE seq=3");
	house_rebuild(house, "fas.db");
	house_finds(house, "statement_contradicted", NULL);
}

static void
a_later_cut_is_found(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_logon(house, true);
	house_countersign(house);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq>7");
	house_finds(house, "record_cut", "decision_missing");
}

static void
a_later_certificate_without_its_decision_is_found(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_logon(house, false);
	house_finds(house, "decision_missing", NULL);
}

static void
the_record_behind_the_gap_is_looked_at_itself(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_tamper(house, "fas.db", "UPDATE audit SET time_ms=time_ms+1 WHERE seq=7");
	house_finds(house, "record_edited", NULL);
}

static void
numbers_that_nobody_has_acknowledged_are_missed(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_tamper(house, "fas.db", "UPDATE audit SET seq=9 WHERE seq=7");
	house_rebuild(house, "fas.db");
	house_finds(house, AUDIT_NUMBERS_SKIPPED, NULL);
}

static void
an_acknowledgement_that_only_one_of_the_two_holds_explains_nothing(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_tamper(house, "fas.db", "DELETE FROM audit_statements");
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "record_cut"));
	assert_non_null(strstr(house->out, "decision_missing"));
	assert_non_null(strstr(house->out, AUDIT_NUMBERS_SKIPPED));
}

static void
a_forged_acknowledgement_explains_nothing(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	static const char *const databases[] = {"fas.db", "ca.db"};
	for (size_t i = 0; i < 2; i++)
		house_tamper(house, databases[i],
		    "UPDATE audit_statements SET "
		    "text=replace(text,'\"missing\":2','\"missing\":9')");
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "signature_wrong"));
	assert_non_null(strstr(house->out, "record_cut"));
}

/* ---- what cannot be acknowledged ---- */

static void
an_edit_cannot_be_acknowledged(void **state)
{
	struct house *house = old_database(state, "fas.db");
	house_tamper(
	    house, "fas.db", "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=1");
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_FAILED);
	assert_non_null(strstr(house->out, "not_acknowledgeable"));
	assert_non_null(strstr(house->out, "record_edited"));
	assert_int_equal(place_records(house->place, "audit_gap_acknowledged", NULL), 0);
}

static void
a_certificate_that_fasd_never_decided_cannot_be_acknowledged(void **state)
{
	struct house *house = *state;
	house_logon(house, false);
	house_countersign(house);
	house_finds(house, "decision_missing", NULL);
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_FAILED);
	assert_non_null(strstr(house->out, "not_acknowledgeable"));
}

static void
where_nothing_is_gone_there_is_nothing_to_acknowledge(void **state)
{
	struct house *house = *state;
	house_logon(house, true);
	house_countersign(house);
	assert_int_equal(house_fasctl(house, ACKNOWLEDGE), CLI_FAILED);
	assert_non_null(strstr(house->out, "nothing_to_acknowledge"));
	assert_int_equal(house_fasctl(house, "audit acknowledge"), CLI_USAGE);
}

static void
the_services_check_what_they_are_told(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	char zeros[65];
	memset(zeros, '0', 64);
	zeros[64] = 0;
	place_admin_refuses(house->place,
	    json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:s,s:i,s:s}", "op", "audit.acknowledge", "trail",
		"fasd", "node", "fas1", "from", 3, "to", 5, "seq", 3, "hash", zeros, "missing", 0,
		"reason", "no head stands there"),
	    "gap_unknown");
	place_admin_refuses(house->place,
	    json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:s}", "op", "audit.acknowledge", "trail", "other",
		"node", "fas1", "from", 4, "to", 6, "missing", 0, "reason", "x"),
	    "member_invalid");
	place_admin_refuses(house->place,
	    json_pack("{s:s,s:[{s:i,s:i,s:i,s:s,s:s,s:i,s:s,s:s}]}", "op", "audit.take_back",
		"heads", "counter", 99, "time_ms", 1, "key", 1, "trail", "fasd", "node", "fas1",
		"seq", 99, "head", zeros, "signature", "AAAA"),
	    "signature_wrong");
	place_issue_refuses(house->place,
	    json_pack("{s:s,s:s}", "op", "audit.acknowledge", "trail", "fasd"),
	    "operation_unknown");
}

/* ---- and the retention goes past it ---- */

static void
pruning_goes_past_an_acknowledged_gap(void **state)
{
	struct house *house = acknowledged(state, "fas.db");
	house_logon(house, true);
	house_countersign(house);
	house_later(402);
	house_logon(house, true);
	house_countersign(house);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", "SELECT MIN(seq) FROM audit"), 9);
	house_finds(house, NULL, NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_new, house_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_old_fas_db_is_found_and_its_acknowledgement_ends_the_finding),
	    TEST(who_accepted_and_why_is_in_both_trails_and_in_the_answer),
	    TEST(no_number_is_given_twice),
	    TEST(a_trail_that_has_outgrown_the_gap_can_be_acknowledged_too),
	    TEST(an_old_ca_db_gets_its_countersignatures_back_and_is_acknowledged),
	    TEST(a_second_restoration_is_acknowledged_by_itself),
	    TEST(a_later_edit_is_found),
	    TEST(a_later_edit_of_what_was_there_before_is_found),
	    TEST(a_later_edit_of_what_stands_between_is_found),
	    TEST(a_later_cut_is_found),
	    TEST(a_later_certificate_without_its_decision_is_found),
	    TEST(the_record_behind_the_gap_is_looked_at_itself),
	    TEST(numbers_that_nobody_has_acknowledged_are_missed),
	    TEST(an_acknowledgement_that_only_one_of_the_two_holds_explains_nothing),
	    TEST(a_forged_acknowledgement_explains_nothing),
	    TEST(an_edit_cannot_be_acknowledged),
	    TEST(a_certificate_that_fasd_never_decided_cannot_be_acknowledged),
	    TEST(where_nothing_is_gone_there_is_nothing_to_acknowledge),
	    TEST(the_services_check_what_they_are_told),
	    TEST(pruning_goes_past_an_acknowledged_gap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
