/* The first start on a restored fas.db: what a backup cannot know is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/restore.h"
#include "fas/restore.h"
#include "tests/unit/pipeline/world.h"

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

/* What `fasctl restore` leaves in the folder. */
static void
leave_note(int64_t number)
{
	char path[128];
	struct fas_err e = {0};
	struct restore_note note = {
	    .made_s = world.now_s - 60, .restored_ms = number, .by = "uid:0"};
	OWN(text) char *text = restore_note_format(&note);
	(void)snprintf(path, sizeof(path), "%s/" RESTORE_NOTE, world.folder);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &e), FAS_OK);
}

static bool
note_is_there(void)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/" RESTORE_NOTE, world.folder);
	return access(path, F_OK) == 0;
}

static void
start(void)
{
	struct fas_err e = {0};
	world.service.assertions_from_s = 0;
	if (restore_fasd(&world.service, world.folder, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	service_recover(&world.service);
	service_sweep(&world.service);
}

static void
restored(int64_t number)
{
	leave_note(number);
	start();
	assert_false(note_is_there());
}

static size_t
live_sessions(void)
{
	struct fas_err e = {0};
	OWN(json) json_t *list = NULL;
	assert_int_equal(session_list(&world.service, false, &list, &e), FAS_OK);
	return json_array_size(list);
}

static void
every_session_is_over_and_its_certificates_are_revoked(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	struct fas_err e = {0};
	struct lease_answer a;
	log_on(id);
	restored(1);
	assert_int_equal(live_sessions(), 0);
	assert_string_equal(world.revoked_session, id);
	assert_int_equal(lease_by(VDA1, id, &a, &e), FAS_E_NOTFOUND);
	assert_reason(&e, "session_ended");
}

static void
a_ticket_of_the_backup_is_not_redeemed(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	struct redeem_answer answer = {0};
	OWN(text) char *csr = new_csr();
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	restored(1);
	assert_int_not_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_OK);
	assert_int_equal(world.issued, 0);
}

static void
a_redemption_that_was_under_way_is_given_up_and_revoked(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	struct redeem_answer answer = {0};
	OWN(text) char *csr = new_csr();
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
	world.answer_lost = true;
	assert_int_not_equal(redeem(VDA1, ticket, csr, &answer, &e), FAS_OK);
	world.answer_lost = false;
	size_t issued = world.issued;
	restored(1);
	assert_int_equal(world.issued, issued);
	assert_int_equal(world.revoked, 1);
	assert_int_equal(live_sessions(), 0);
}

static void
an_assertion_that_may_be_of_before_is_refused_also_after_a_restart(void **state)
{
	(void)state;
	char ticket[TICKET_TEXT_MAX];
	struct fas_err e = {0};
	world.now_s = clock_now();
	restored(1);
	world.now_s += 100;
	world.issued_ago_s = 110;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(start_logon("a1", ticket, &e), FAS_E_AUTH);
		assert_reason(&e, "saml_before_restore");
		fas_err_clear(&e);
		world_restart();
		start();
	}
	world.issued_ago_s = 90;
	assert_int_equal(start_logon("a1", ticket, &e), FAS_OK);
}

static void
it_is_done_once_also_when_the_note_stays(void **state)
{
	(void)state;
	char id[SESSION_ID_TEXT_MAX];
	restored(7);
	log_on(id);
	restored(7);
	assert_int_equal(live_sessions(), 1);
	restored(8);
	assert_int_equal(live_sessions(), 0);
}

static void
it_is_on_record(void **state)
{
	(void)state;
	struct fas_err e = {0};
	leave_note(1);
	assert_int_equal(restore_fasd(&world.service, world.folder, &e), FAS_OK);
	assert_last_audit("restored", "done", NULL);
}

static void
a_folder_whose_restore_was_cut_off_is_refused(void **state)
{
	(void)state;
	char path[128];
	struct fas_err e = {0};
	assert_int_equal(restore_check(world.folder, &e), FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/" RESTORE_INCOMPLETE, world.folder);
	assert_int_equal(file_write_atomic(path, "{}", 2, 0600, &e), FAS_OK);
	assert_int_equal(restore_check(world.folder, &e), FAS_E_CONFIG);
	assert_reason(&e, "restore_incomplete");
	assert_non_null(strstr(e.message, "fasctl restore"));
	(void)unlink(path);
}

static void
a_note_that_is_none_is_refused(void **state)
{
	static const char *const texts[] = {"", "{}", "{\"format\":2}", "[1]",
	    "{\"format\":1,\"made_at\":1,\"restored_ms\":1,\"by\":\"x\",\"crls\":65}"};
	(void)state;
	char path[128];
	bool found = true;
	struct restore_note note;
	(void)snprintf(path, sizeof(path), "%s/" RESTORE_NOTE, world.folder);
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e = {0};
		assert_int_equal(
		    file_write_atomic(path, texts[i], strlen(texts[i]), 0600, &e), FAS_OK);
		assert_int_equal(restore_note_read(world.folder, &note, &found, &e), FAS_E_CONFIG);
		assert_reason(&e, "restore_note");
		assert_false(found);
	}
	(void)unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(every_session_is_over_and_its_certificates_are_revoked),
	    WORLD_TEST(a_ticket_of_the_backup_is_not_redeemed),
	    WORLD_TEST(a_redemption_that_was_under_way_is_given_up_and_revoked),
	    WORLD_TEST(an_assertion_that_may_be_of_before_is_refused_also_after_a_restart),
	    WORLD_TEST(it_is_done_once_also_when_the_note_stays),
	    WORLD_TEST(it_is_on_record),
	    WORLD_TEST(a_folder_whose_restore_was_cut_off_is_refused),
	    WORLD_TEST(a_note_that_is_none_is_refused),
	};
	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
