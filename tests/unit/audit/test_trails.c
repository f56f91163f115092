/* What is done to a trail behind its back is found; each test is one deed. */
#include "house.h"

#include <stdio.h>
#include <string.h>

#include "fas/audit_head.h"
#include "fas/ctl/cli.h"

#define EDIT "UPDATE audit SET body=replace(body,'allow','deny') WHERE seq=3;"

/* Three logons, countersigned after the second: records 1 to 6, head 4 countersigned. */
static struct house *
three_logons(void **state)
{
	struct house *house = *state;
	house_logon(house, true);
	house_logon(house, true);
	house_countersign(house);
	house_logon(house, true);
	return house;
}

static void
untouched_trails_agree(void **state)
{
	struct house *house = three_logons(state);
	house_finds(house, NULL, NULL);
	house_countersign(house);
	house_countersign(house);
	house_finds(house, NULL, NULL);
	assert_int_equal(house_fasctl(house, "audit verify"), CLI_OK);
	assert_non_null(strstr(house->out, "3 certificates, 3 decisions"));
	assert_false(atomic_load(&house->service.audit.rewound));
}

static void
the_databases_themselves_refuse_changes(void **state)
{
	static const char *const deeds[] = {"UPDATE audit SET body=body WHERE seq=1",
	    "DELETE FROM audit WHERE seq=1", "UPDATE audit_heads SET seq=seq WHERE counter=1",
	    "DELETE FROM audit_heads WHERE counter=1"};
	struct house *house = three_logons(state);
	for (size_t i = 0; i < NELEMS(deeds); i++) {
		assert_true(house_is_guarded(house, "fas.db", deeds[i]));
		assert_true(house_is_guarded(house, "ca.db", deeds[i]));
	}
}

static void
an_edited_record_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", EDIT);
	house_finds(house, "record_edited", NULL);
	assert_int_equal(house_fasctl(house, "audit verify --fasd"), CLI_DEFECT);
	assert_non_null(strstr(house->out, "the record has been changed"));
}

static void
an_edited_record_of_the_signer_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "ca.db", "UPDATE audit SET time_ms=time_ms+1 WHERE seq=2");
	house_finds(house, "record_edited", NULL);
	assert_int_equal(house_fasctl(house, "audit verify --fasd"), CLI_OK);
}

static void
a_removed_record_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq=3");
	house_finds(house, "record_missing", NULL);
}

static void
reordered_records_are_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db",
	    "UPDATE audit SET seq=-1 WHERE seq=1; UPDATE audit SET seq=1 WHERE seq=3;"
	    "UPDATE audit SET seq=3 WHERE seq=-1");
	house_finds(house, "chain_broken", NULL);
}

static void
a_cut_end_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_countersign(house);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq=5 OR seq=6");
	house_finds(house, "record_cut", "decision_missing");
}

static void
a_cut_end_of_the_signer_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_countersign(house);
	house_tamper(house, "ca.db", "DELETE FROM audit WHERE seq=(SELECT MAX(seq) FROM audit)");
	house_finds(house, "record_cut", "issue_unrecorded");
}

static void
a_rebuilt_chain_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", EDIT);
	house_rebuild(house, "fas.db");
	assert_int_equal(house_fasctl(house, "audit verify --fasd"), CLI_OK);
	house_finds(house, "chain_rebuilt", NULL);
}

static void
a_rebuilt_chain_of_the_signer_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "ca.db", "UPDATE audit SET time_ms=time_ms+1 WHERE seq=2");
	house_rebuild(house, "ca.db");
	house_finds(house, "chain_rebuilt", NULL);
}

static void
a_rebuilt_chain_with_its_countersignatures_taken_out_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", EDIT "DELETE FROM audit_heads");
	house_rebuild(house, "fas.db");
	house_finds(house, "chain_rebuilt", NULL);
}

static void
a_countersignature_that_was_changed_in_both_databases_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", EDIT);
	house_rebuild(house, "fas.db");
	static const char *const databases[] = {"fas.db", "ca.db"};
	for (size_t i = 0; i < 2; i++)
		house_tamper(house, databases[i],
		    "UPDATE audit_heads SET seq=2,head=zeroblob(32) WHERE counter=1");
	house_finds(house, "signature_wrong", "chain_rebuilt");
}

static void
a_countersignature_that_is_gone_from_both_databases_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_countersign(house);
	house_tamper(house, "fas.db", "DELETE FROM audit_heads WHERE counter=2");
	house_tamper(house, "ca.db", "DELETE FROM audit_heads WHERE counter=2");
	house_finds(house, "counter_gap", NULL);
}

static void
a_countersignature_that_is_gone_from_the_signer_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "ca.db", "DELETE FROM audit_heads WHERE counter=2");
	house_finds(house, "copy_missing", NULL);
}

static void
another_audit_key_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", "UPDATE audit_keys SET spki=x'00' WHERE id=1");
	house_finds(house, "key_changed", NULL);
	house_logon(house, true);
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(house_records(house, "audit_rewound", "audit_key_changed"), 1);
}

static void
a_certificate_without_its_decision_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_logon(house, false);
	house_countersign(house);
	house_finds(house, "decision_missing", NULL);
}

static void
a_certificate_of_a_ticket_in_use_is_no_finding(void **state)
{
	struct house *house = three_logons(state);
	house_logon(house, false);
	house_tamper(house, "fas.db",
	    "INSERT INTO tickets(hash,claim,correlation_id,host,pool,facts,created_s,expires_s,"
	    "state,session) VALUES(x'00',1,'','h',0,'',0,0,'used','session-of-alice')");
	house_finds(house, NULL, NULL);
	house_tamper(house, "fas.db", "UPDATE tickets SET state='done'");
	house_finds(house, "decision_missing", NULL);
}

static void
a_certificate_that_is_gone_from_the_ledger_is_found(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "ca.db",
	    "DELETE FROM certificates WHERE session IS NOT NULL AND id="
	    "(SELECT MAX(id) FROM certificates)");
	house_finds(house, "certificate_missing", NULL);
}

/* ---- the signer refuses a trail that has gone back ---- */

static void
a_trail_that_was_cut_is_not_countersigned_and_says_so_once(void **state)
{
	struct house *house = three_logons(state);
	house_countersign(house);
	house_tamper(house, "fas.db", "DELETE FROM audit WHERE seq>2");
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(house_records(house, "audit_rewound", "audit_rewound"), 1);
	assert_int_equal(
	    place_records(house->place, "countersignature_refused", "audit_rewound"), 1);
	house_countersign(house);
	assert_int_equal(house_records(house, "audit_rewound", "audit_rewound"), 1);
}

static void
another_head_under_a_countersigned_number_is_refused(void **state)
{
	struct house *house = *state;
	house_logon(house, true);
	house_countersign(house);
	house_tamper(house, "fas.db", "UPDATE audit SET time_ms=time_ms+1 WHERE seq=1");
	house_rebuild(house, "fas.db");
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
	assert_int_equal(
	    place_records(house->place, "countersignature_refused", "audit_rewound"), 1);
}

static void
an_old_ledger_that_was_put_back_is_noticed(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "ca.db", "DELETE FROM audit_heads WHERE counter=2");
	house_countersign(house);
	assert_true(atomic_load(&house->service.audit.rewound));
}

static void
copies_that_were_lost_come_back(void **state)
{
	struct house *house = three_logons(state);
	house_tamper(house, "fas.db", "DELETE FROM audit_heads");
	house_countersign(house);
	assert_false(atomic_load(&house->service.audit.rewound));
	house_finds(house, NULL, NULL);
}

static void
an_audit_key_that_was_lost_is_replaced_on_record(void **state)
{
	struct house *house = three_logons(state);
	char path[PATH_MAX];
	assert_int_equal(unlink(place_path(house->place, "state/keys/audit-1.key", path)), 0);
	house_restart(house);
	house_logon(house, true);
	house_countersign(house);
	assert_int_equal(place_records(house->place, "audit_key_made", NULL), 2);
	house_finds(house, NULL, NULL);
}

static void
malformed_requests_are_refused(void **state)
{
	struct house *house = *state;
	static const char *const heads[] = {"00", "zz"};
	char head[65];
	for (size_t i = 0; i < 2; i++) {
		memset(head, heads[i][0], 64);
		head[64] = '\0';
		place_issue_refuses(house->place,
		    json_pack("{s:s,s:s,s:i,s:s,s:i}", "op", "audit.countersign", "node",
			i ? "fas1" : "UP", "seq", 1, "head", head, "after", 0),
		    "member_invalid");
	}
	place_admin_refuses(house->place,
	    json_pack("{s:s,s:s}", "op", "audit.countersign", "node", "fas1"), "operation_unknown");
}

/* ---- one logon's story ---- */

static void
explain_merges_both_trails_in_time(void **state)
{
	struct house *house = *state;
	struct fas_err e = {0};
	char id[CORRELATION_ID_MAX], line[128];
	correlation_id_new(id);
	struct signer_request request = alice("request-story");
	request.correlation_id = id;
	struct signer_certificate issued = {0};
	const struct audit_record decided = {.event = "logon_decided",
	    .outcome = "allow",
	    .correlation_id = id,
	    .upn = "alice@corp.example.com"};
	const struct audit_record done = {.event = "certificate_issued",
	    .outcome = "done",
	    .correlation_id = id,
	    .serial = "0102"};
	assert_int_equal(audit_write(house->service.db, &decided, &e), FAS_OK);
	assert_int_equal(signer_issue(house->place->signer, &request, &issued, &e), FAS_OK);
	assert_int_equal(audit_write(house->service.db, &done, &e), FAS_OK);
	signer_certificate_done(&issued);
	(void)snprintf(line, sizeof(line), "explain %s", id);
	assert_int_equal(house_fasctl(house, line), CLI_OK);
	const char *decision = strstr(house->out, "logon_decided");
	const char *signature = strstr(house->out, "certificate_issued");
	const char *answer = signature ? strstr(signature + 1, "certificate_issued") : NULL;
	assert_true(decision && signature && answer && decision < signature);
	assert_non_null(strstr(house->out, "alice@corp.example.com"));
	assert_int_equal(
	    house_fasctl(house, "explain 00000000000000000000000000000000"), CLI_FAILED);
	assert_int_equal(house_fasctl(house, "explain nothing"), CLI_USAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_new, house_free)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(untouched_trails_agree),
	    TEST(the_databases_themselves_refuse_changes),
	    TEST(an_edited_record_is_found),
	    TEST(an_edited_record_of_the_signer_is_found),
	    TEST(a_removed_record_is_found),
	    TEST(reordered_records_are_found),
	    TEST(a_cut_end_is_found),
	    TEST(a_cut_end_of_the_signer_is_found),
	    TEST(a_rebuilt_chain_is_found),
	    TEST(a_rebuilt_chain_of_the_signer_is_found),
	    TEST(a_rebuilt_chain_with_its_countersignatures_taken_out_is_found),
	    TEST(a_countersignature_that_was_changed_in_both_databases_is_found),
	    TEST(a_countersignature_that_is_gone_from_both_databases_is_found),
	    TEST(a_countersignature_that_is_gone_from_the_signer_is_found),
	    TEST(another_audit_key_is_found),
	    TEST(a_certificate_without_its_decision_is_found),
	    TEST(a_certificate_of_a_ticket_in_use_is_no_finding),
	    TEST(a_certificate_that_is_gone_from_the_ledger_is_found),
	    TEST(a_trail_that_was_cut_is_not_countersigned_and_says_so_once),
	    TEST(another_head_under_a_countersigned_number_is_refused),
	    TEST(an_old_ledger_that_was_put_back_is_noticed),
	    TEST(copies_that_were_lost_come_back),
	    TEST(an_audit_key_that_was_lost_is_replaced_on_record),
	    TEST(malformed_requests_are_refused),
	    TEST(explain_merges_both_trails_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
