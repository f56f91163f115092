/* Old records are pruned as both services agree, and nothing else passes for that. */
#include "house.h"

#include <stdio.h>
#include <string.h>

#include "fas/ctl/cli.h"

#define EDIT "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=3;"
#define FIRST "SELECT MIN(seq) FROM audit"
#define CHECKPOINTS "SELECT COUNT(*) FROM audit_statements WHERE kind='checkpoint'"
#define FORGED                                                                                     \
	"INSERT INTO audit_statements(kind,trail,seq,counter,key,text,signature)"                  \
	" SELECT kind,trail,seq+2,counter,key,replace(replace(text,'\"seq\":'||seq,'\"seq\":'||"   \
	"(seq+2)),'\"count\":'||(seq-1),'\"count\":'||(seq+1)),signature FROM audit_statements"    \
	" WHERE trail='fasd'"

/* Three logons of day 0 (records 1 to 6, countersigned after 4 and 6), and one of today, `days` later. */
static struct house *
years_of_logons(void **state, double days)
{
	struct house *house = *state;
	house_logon(house, true);
	house_logon(house, true);
	house_countersign(house);
	house_logon(house, true);
	house_countersign(house);
	house_later(days);
	house_logon(house, true);
	house_countersign(house);
	return house;
}

/* The same, pruned: fasd's trail begins with record 6. */
static struct house *
pruned(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 6);
	return house;
}

static void
what_is_older_than_the_retention_goes_and_the_rest_verifies(void **state)
{
	struct house *house = pruned(state);
	assert_true(house_count(house, "ca.db", FIRST) > 1);
	house_finds(house, NULL, NULL);
	house_logon(house, true);
	house_countersign(house);
	house_restart(house);
	house_finds(house, NULL, NULL);
	assert_int_equal(house_records(house, "audit_checkpoint", NULL), 2);
	assert_int_equal(place_records(house->place, "audit_checkpoint", NULL), 2);
}

static void
verify_says_how_far_back_the_trails_reach(void **state)
{
	struct house *house = years_of_logons(state, 402);
	assert_int_equal(house_fasctl(house, "audit verify"), CLI_OK);
	assert_non_null(strstr(house->out, "The trail of fasd reaches back to 20"));
	assert_non_null(strstr(house->out, "(record 1)."));
	house_prune(house);
	assert_int_equal(house_fasctl(house, "audit verify --fasd"), CLI_OK);
	assert_non_null(strstr(house->out, "(record 6, older ones were pruned)."));
}

static void
what_is_younger_stays(void **state)
{
	struct house *house = years_of_logons(state, 399.9);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 1);
	assert_int_equal(house_count(house, "ca.db", CHECKPOINTS), 0);
	house_finds(house, NULL, NULL);
}

static void
of_two_retentions_the_longer_one_holds(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house->service.audit_keep_s = HOUSE_KEEP_S + 10 * 86400;
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 1);
	house->service.audit_keep_s = 86400; /* a fasd that was taken over asks for a day */
	house_later(-10);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 1);
	assert_int_equal(house_count(house, "ca.db", FIRST), 1);
}

/* A clock that is years ahead takes a day of the trail in an hour. */
static void
one_step_takes_a_day_of_the_trail(void **state)
{
	struct house *house = *state;
	for (size_t day = 0; day < 4; day++) {
		house_logon(house, true);
		house_countersign(house);
		house_later(0.9);
	}
	house_later(500);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 4);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 4);
	house_restart(house); /* as an hour later */
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 6);
	house_finds(house, NULL, NULL);
}

static void
a_pruning_that_was_interrupted_verifies_and_goes_on(void **state)
{
	struct house *house = years_of_logons(state, 402);
	(void)audit_prune_round(&house->service); /* both checkpoints are there, fasd has pruned */
	house_restart(house);
	house_finds(house, NULL, NULL);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 6);
	assert_true(house_count(house, "ca.db", FIRST) > 1);
	house_finds(house, NULL, NULL);
}

static void
countersignatures_that_nobody_needs_go_too(void **state)
{
	struct house *house = pruned(state);
	assert_true(house_count(house, "fas.db", "SELECT MIN(counter) FROM audit_heads") > 1);
	assert_true(house_count(house, "ca.db", "SELECT MIN(counter) FROM audit_heads") > 1);
	house_tamper(house, "fas.db", "DELETE FROM audit_heads");
	house_countersign(house); /* copies that were lost come back, as far as there are any */
	assert_false(atomic_load(&house->service.audit.rewound));
	house_finds(house, NULL, NULL);
}

static void
what_a_checkpoint_does_not_let_go_the_database_keeps(void **state)
{
	struct house *house = pruned(state);
	assert_true(house_is_guarded(house, "fas.db", "DELETE FROM audit WHERE seq=6"));
	assert_true(house_is_guarded(
	    house, "ca.db", "DELETE FROM audit WHERE seq=(SELECT MAX(seq) FROM audit)"));
	assert_true(house_is_guarded(house, "fas.db", "DELETE FROM audit_statements"));
	assert_true(house_is_guarded(house, "ca.db", "UPDATE audit_statements SET seq=9"));
	assert_true(house_is_guarded(house, "ca.db",
	    "DELETE FROM audit_heads WHERE counter=(SELECT MAX(counter) FROM "
	    "audit_heads)"));
}

/* ---- a cut is none ---- */

static void
a_beginning_that_was_cut_off_is_found(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq<4");
	house_finds(house, "begin_cut", "decision_missing");
}

static void
a_beginning_that_was_cut_off_behind_the_checkpoint_is_found(void **state)
{
	struct house *house = pruned(state);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq<8");
	int rc = house_fasctl(house, "audit verify --json");
	assert_int_equal(rc, CLI_DEFECT);
	assert_non_null(strstr(house->out, "begin_cut"));
	assert_non_null(strstr(house->out, "record_cut"));
}

static void
a_checkpoint_that_only_one_of_the_two_holds_lets_nothing_go(void **state)
{
	static const char *const databases[] = {"fas.db", "ca.db"};
	for (size_t i = 0; i < 2; i++) {
		struct house *house = pruned(state);
		house_tamper(house, databases[i], "DELETE FROM audit_statements");
		int rc = house_fasctl(house, "audit verify --json");
		assert_int_equal(rc, CLI_DEFECT);
		assert_non_null(strstr(house->out, "begin_cut"));
		assert_true(i == 0 || strstr(house->out, "copy_missing"));
		(void)house_free(state);
		(void)house_new(state);
	}
}

static void
a_forged_checkpoint_lets_nothing_go(void **state)
{
	struct house *house = pruned(state);
	house_tamper(house, "fas.db", FORGED);
	house_tamper(house, "ca.db", FORGED);
	house_finds(house, "signature_wrong", NULL);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq<8");
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "begin_cut"));
}

/* ---- and an edit does not go away ---- */

static void
not_pruned(struct house *house, const char *finding)
{
	house_prune(house);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 1);
	assert_int_equal(house_records(house, "audit_not_pruned", "audit_not_pruned"), 1);
	house_finds(house, finding, NULL);
}

static void
a_trail_with_an_edited_record_is_not_pruned(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "fas.db", EDIT);
	not_pruned(house, "record_edited");
}

static void
a_trail_with_a_removed_record_is_not_pruned(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq=3");
	not_pruned(house, "record_missing");
}

static void
a_trail_whose_old_part_was_rebuilt_is_not_pruned(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "fas.db", EDIT);
	house_rebuild(house, "fas.db");
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 1);
	house_finds(house, "chain_rebuilt", NULL);
}

static void
the_signers_trail_with_an_edited_record_is_not_pruned(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "ca.db", "UPDATE audit SET time_ms=time_ms+1 WHERE seq=2");
	house_prune(house);
	assert_int_equal(house_count(house, "ca.db", FIRST), 1);
	assert_int_equal(place_records(house->place, "checkpoint_refused", "audit_not_pruned"), 1);
	house_finds(house, "record_edited", NULL);
}

static void
an_edit_behind_the_checkpoint_is_found_as_ever(void **state)
{
	struct house *house = pruned(state);
	house_tamper(
	    house, "fas.db", "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=7");
	house_finds(house, "record_edited", NULL);
	house_rebuild(house, "fas.db");
	house_finds(house, "chain_rebuilt", NULL);
}

/* ---- beside the ledger ---- */

static void
only_certificates_of_the_time_before_need_no_decision(void **state)
{
	struct house *house = pruned(state);
	assert_int_equal(house_fasctl(house, "audit verify --json"), CLI_OK);
	assert_non_null(strstr(house->out, "\"pruned\": 2"));
	house_logon(house, false);
	house_finds(house, "decision_missing", NULL);
}

static void
certificates_whose_issue_the_signer_has_pruned_are_no_finding(void **state)
{
	struct house *house = pruned(state);
	int64_t issued = house_count(house, "ca.db",
	    "SELECT COUNT(*) FROM audit WHERE json_extract(body,'$.serial') IN "
	    "(SELECT lower(hex(serial)) FROM certificates WHERE sid IS NOT NULL)");
	assert_in_range(issued, 1, 3); /* of four */
	house_finds(house, NULL, NULL);
}

/* ---- who agrees to what ---- */

static void
fasd_takes_no_checkpoint_that_is_too_young_by_its_own_file(void **state)
{
	struct house *house = pruned(state);
	house_tamper(house, "fas.db", "DELETE FROM audit_statements");
	house->service.audit_keep_s = HOUSE_KEEP_S + 10 * 86400;
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", CHECKPOINTS), 0);
	assert_int_equal(house_records(house, "audit_not_pruned", "checkpoint_refused"), 1);
}

static void
fasd_takes_no_checkpoint_on_a_record_that_is_not_its_own(void **state)
{
	struct house *house = years_of_logons(state, 402);
	house_tamper(house, "fas.db", EDIT);
	house_rebuild(house, "fas.db");
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", CHECKPOINTS), 0);
	assert_int_equal(house_records(house, "audit_not_pruned", "audit_rewound"), 1);
}

/* As a signer that was taken over would date it, so that it may be pruned before its time. */
static void
a_countersignature_that_is_dated_back_is_not_kept(void **state)
{
	struct house *house = years_of_logons(state, 10);
	house_logon(house, true);
	house_later(-5);
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound)); /* the clock was set back */
	int64_t last = house_count(house, "fas.db", "SELECT MAX(counter) FROM audit_heads");
	house_tamper(house, "fas.db",
	    "DELETE FROM audit_heads WHERE counter>(SELECT MAX(counter)-2 FROM audit_heads)");
	house_later(5);
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(
	    house_count(house, "fas.db", "SELECT MAX(counter) FROM audit_heads"), last - 2);
}

/* An hour in another year does not stop the pruning until then. */
static void
records_of_a_clock_that_ran_ahead_are_pruned_with_their_neighbours(void **state)
{
	struct house *house = *state;
	house_logon(house, true);
	house_countersign(house);
	house_later(1000);
	house_logon(house, true);
	house_countersign(house);
	house_later(-1000);
	house_logon(house, true);
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound));
	house_later(402);
	house_prune(house);
	assert_int_equal(house_count(house, "fas.db", FIRST), 6);
	house_finds(house, NULL, NULL);
}

static void
malformed_requests_are_refused(void **state)
{
	struct house *house = *state;
	place_issue_refuses(house->place,
	    json_pack("{s:s,s:s,s:i,s:i,s:{}}", "op", "audit.checkpoint", "node", "fas1", "keep_s",
		86400, "after", 0, "holds"),
	    "member_missing");
	place_issue_refuses(house->place,
	    json_pack("{s:s,s:s,s:i,s:i,s:{s:i,s:i}}", "op", "audit.checkpoint", "node", "fas1",
		"keep_s", 60, "after", 0, "holds", "fasd", 0, "signer", 0),
	    "member_invalid");
	place_admin_refuses(house->place,
	    json_pack("{s:s,s:s}", "op", "audit.checkpoint", "node", "fas1"), "operation_unknown");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_new, house_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_older_than_the_retention_goes_and_the_rest_verifies),
	    TEST(verify_says_how_far_back_the_trails_reach),
	    TEST(what_is_younger_stays),
	    TEST(of_two_retentions_the_longer_one_holds),
	    TEST(one_step_takes_a_day_of_the_trail),
	    TEST(a_pruning_that_was_interrupted_verifies_and_goes_on),
	    TEST(countersignatures_that_nobody_needs_go_too),
	    TEST(what_a_checkpoint_does_not_let_go_the_database_keeps),
	    TEST(a_beginning_that_was_cut_off_is_found),
	    TEST(a_beginning_that_was_cut_off_behind_the_checkpoint_is_found),
	    TEST(a_checkpoint_that_only_one_of_the_two_holds_lets_nothing_go),
	    TEST(a_forged_checkpoint_lets_nothing_go),
	    TEST(a_trail_with_an_edited_record_is_not_pruned),
	    TEST(a_trail_with_a_removed_record_is_not_pruned),
	    TEST(a_trail_whose_old_part_was_rebuilt_is_not_pruned),
	    TEST(the_signers_trail_with_an_edited_record_is_not_pruned),
	    TEST(an_edit_behind_the_checkpoint_is_found_as_ever),
	    TEST(only_certificates_of_the_time_before_need_no_decision),
	    TEST(certificates_whose_issue_the_signer_has_pruned_are_no_finding),
	    TEST(fasd_takes_no_checkpoint_that_is_too_young_by_its_own_file),
	    TEST(fasd_takes_no_checkpoint_on_a_record_that_is_not_its_own),
	    TEST(a_countersignature_that_is_dated_back_is_not_kept),
	    TEST(records_of_a_clock_that_ran_ahead_are_pruned_with_their_neighbours),
	    TEST(malformed_requests_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
