#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "fas/agent/keeper.h"
#include "played.h"

static struct played p;

static int
begin(void **state)
{
	(void)state;
	played_begin(&p);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	played_end(&p);
	return 0;
}

static struct session *
pending(const char *id, uid_t uid)
{
	struct session *s = NULL;
	struct session_rule rule = {0};
	struct fas_err e = {0};
	struct session_file file = {.principal = "bob@CORP.EXAMPLE.COM", .expires_s = INT32_MAX};
	const struct local_user user = {.name = "bob", .uid = uid, .gid = uid};
	const struct session_start start = {
	    .file = &file, .user = &user, .rule = &rule, .pending_until_us = INT64_MAX};
	(void)snprintf(file.id, sizeof(file.id), "%s", id);
	assert_int_equal(sessions_add(&p.d.sessions, &start, &s, &e), FAS_OK);
	return s;
}

static bool
sees(const struct session *s, uid_t uid, pid_t pid)
{
	struct session *found = sessions_find_card(&p.d.sessions, s->card_id, uid, pid);
	session_unref(&p.d.sessions, found);
	return found == s;
}

static void
a_pending_card_is_its_own_childs_alone_and_an_open_one_its_uids(void **state)
{
	struct session *s = pending("a", 1001);
	struct fas_err e = {0};
	(void)state;
	assert_false(sees(s, 1001, 50));
	session_set_child(&p.d.sessions, s, 50);
	assert_true(sees(s, 1001, 50));
	assert_false(sees(s, 1001, 51));
	assert_false(sees(s, 1002, 50));
	assert_int_equal(session_open(&p.d.sessions, s, -1, &e), FAS_OK);
	assert_true(sees(s, 1001, 51));
	assert_false(sees(s, 0, 51));
	assert_false(sees(s, 1002, 51));
	struct session *next = pending("b", 1001);
	session_set_child(&p.d.sessions, next, 60);
	assert_true(sees(next, 1001, 60));
	assert_false(sees(s, 1001, 60));
	assert_true(sees(s, 1001, 51));
	session_unref(&p.d.sessions, next);
	session_unref(&p.d.sessions, s);
}

static void
a_session_is_opened_once_and_ends_once(void **state)
{
	struct session *s = pending("a", 1001);
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(session_open(&p.d.sessions, s, -1, &e), FAS_OK);
	assert_int_equal(session_open(&p.d.sessions, s, -1, &e), FAS_E_CONFLICT);
	assert_true(session_end(&p.d.sessions, s, "first"));
	assert_false(session_end(&p.d.sessions, s, "second"));
	assert_string_equal(s->why, "first");
	assert_false(sees(s, 1001, 1));
	assert_null(sessions_find(&p.d.sessions, "a"));
	fas_err_clear(&e);
	assert_int_equal(session_open(&p.d.sessions, s, -1, &e), FAS_E_CONFLICT);
	session_unref(&p.d.sessions, s);
}

static void
a_leader_is_closed_with_its_session_or_when_it_is_not_taken(void **state)
{
	struct session *s = pending("a", 1001);
	struct fas_err e = {0};
	int one = open("/dev/null", O_RDONLY | O_CLOEXEC),
	    two = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)state;
	assert_int_equal(session_open(&p.d.sessions, s, one, &e), FAS_OK);
	assert_int_equal(session_open(&p.d.sessions, s, two, &e), FAS_E_CONFLICT);
	assert_int_equal(fcntl(two, F_GETFD), -1);
	assert_true(fcntl(one, F_GETFD) >= 0);
	(void)session_end(&p.d.sessions, s, "over");
	assert_int_equal(fcntl(one, F_GETFD), -1);
	session_unref(&p.d.sessions, s);
}

static uint64_t
generation(uid_t uid)
{
	sessions_lock(&p.d.sessions);
	uint64_t found = sessions_generation(&p.d.sessions, uid);
	sessions_unlock(&p.d.sessions);
	return found;
}

static void
one_uids_changes_are_not_anothers(void **state)
{
	struct fas_err e = {0};
	uint64_t other = generation(1002), own = generation(1001);
	(void)state;
	struct session *s = pending("a", 1001);
	assert_int_not_equal(generation(1001), own);
	own = generation(1001);
	assert_int_equal(session_open(&p.d.sessions, s, -1, &e), FAS_OK);
	assert_int_not_equal(generation(1001), own);
	own = generation(1001);
	(void)session_end(&p.d.sessions, s, "over");
	assert_int_not_equal(generation(1001), own);
	assert_int_equal(generation(1002), other);
	session_unref(&p.d.sessions, s);
}

static void
numbers_of_cards_never_come_back(void **state)
{
	uint32_t last = 0;
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct session *s = pending("a", 1001);
		assert_true(s->card_id > last);
		last = s->card_id;
		(void)session_end(&p.d.sessions, s, "over");
		sessions_remove(&p.d.sessions, s);
		session_unref(&p.d.sessions, s);
	}
}

static void
labels_are_the_users_name_and_its_domain(void **state)
{
	static const char *const labels[][2] = {{"alice@CORP.EXAMPLE.COM", "alice@CORP"},
	    {"a-very-long-name-of-somebody-indeed@CORP.EXAMPLE.COM",
		"a-very-long-name-of-somebody-ind"},
	    {"someone-with-a-long-name-27@CORPORATION", "someone-with-a-long-name-27@CORP"},
	    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9@X", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(labels); i++) {
		struct session *s = NULL;
		struct session_rule rule = {0};
		struct fas_err e = {0};
		struct session_file file = {.expires_s = INT32_MAX};
		const struct local_user user = {.uid = 1001};
		const struct session_start start = {.file = &file, .user = &user, .rule = &rule};
		(void)snprintf(file.id, sizeof(file.id), "%zu", i);
		(void)snprintf(file.principal, sizeof(file.principal), "%s", labels[i][0]);
		assert_int_equal(sessions_add(&p.d.sessions, &start, &s, &e), FAS_OK);
		assert_string_equal(s->label, labels[i][1]);
		session_unref(&p.d.sessions, s);
	}
}

static void
a_full_table_takes_no_more(void **state)
{
	struct session_rule rule = {0};
	struct session_file file = {.principal = "a@X"};
	const struct local_user user = {.uid = 1001};
	const struct session_start start = {.file = &file, .user = &user, .rule = &rule};
	struct session *s = NULL;
	struct fas_err e = {0};
	(void)state;
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		(void)snprintf(file.id, sizeof(file.id), "%zu", i);
		assert_int_equal(sessions_add(&p.d.sessions, &start, &s, &e), FAS_OK);
		session_unref(&p.d.sessions, s);
	}
	(void)snprintf(file.id, sizeof(file.id), "one more");
	assert_int_equal(sessions_add(&p.d.sessions, &start, &s, &e), FAS_E_LIMIT);
	assert_string_equal(e.reason, "sessions_full");
}

static void
a_session_that_is_there_is_not_added_again(void **state)
{
	struct session *s = pending("a", 1001), *again = NULL;
	struct session_rule rule = {0};
	struct fas_err e = {0};
	const struct session_start start = {
	    .file = &s->file, .user = &s->user, .rule = &rule, .pending_until_us = INT64_MAX};
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sessions_add(&p.d.sessions, &start, &again, &e), FAS_E_CONFLICT);
		assert_string_equal(e.reason, "ticket_used");
		assert_null(again);
		fas_err_clear(&e);
		(void)session_end(&p.d.sessions, s, "logoff"); /* until the service knows */
	}
	session_unref(&p.d.sessions, s);
}

static void
a_session_is_found_by_the_id_that_its_login_knows(void **state)
{
	struct session_rule rule = {0};
	struct session_file file = {.id = "new", .principal = "a@X"};
	const struct local_user user = {.uid = 1001};
	const struct session_start start = {
	    .file = &file, .user = &user, .rule = &rule, .alias = "old"};
	struct session *s = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(sessions_add(&p.d.sessions, &start, &s, &e), FAS_OK);
	struct session *found = sessions_find(&p.d.sessions, "old");
	assert_ptr_equal(found, s);
	session_unref(&p.d.sessions, found);
	session_unref(&p.d.sessions, s);
}

/* A session takes what its own structure takes, and its keys: the goal is 64 KB. */
static void
a_session_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct session) < 16384);
}

static void
tickets_are_renewed_at_two_thirds_if_they_can_be(void **state)
{
	(void)state;
	assert_int_equal(keeper_tgt_due(1000, 1600, 5000), 1400);
	assert_int_equal(keeper_tgt_due(1000, 1600, 1600), 0);
	assert_int_equal(keeper_tgt_due(1000, 1600, 0), 0);
	assert_int_equal(keeper_tgt_due(1600, 1000, 5000), 0);
}

static void
leases_come_often_enough_to_see_a_change_within_a_minute(void **state)
{
	(void)state;
	assert_int_equal(keeper_lease_us(600), 45000000);
	assert_int_equal(keeper_lease_us(30), 10000000);
	assert_int_equal(keeper_lease_us(0), 1000000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_pending_card_is_its_own_childs_alone_and_an_open_one_its_uids),
	    T(a_session_is_opened_once_and_ends_once),
	    T(a_leader_is_closed_with_its_session_or_when_it_is_not_taken),
	    T(one_uids_changes_are_not_anothers),
	    T(numbers_of_cards_never_come_back),
	    T(labels_are_the_users_name_and_its_domain),
	    T(a_full_table_takes_no_more),
	    T(a_session_that_is_there_is_not_added_again),
	    T(a_session_is_found_by_the_id_that_its_login_knows),
	    T(a_session_is_small),
	    T(tickets_are_renewed_at_two_thirds_if_they_can_be),
	    T(leases_come_often_enough_to_see_a_change_within_a_minute),
	};
	return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
