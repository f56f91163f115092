/* Slots come and go with cards; sessions go with them. */
#include "tests/unit/pkcs11/fixture.h"

#include <pthread.h>

static CK_ULONG
slots(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG room)
{
	CK_ULONG n = 0;
	assert_ok(p11->C_GetSlotList(present, NULL, &n));
	if (n > 0 && n <= room)
		assert_ok(p11->C_GetSlotList(present, list, &n));
	return n;
}

static uint32_t
insert_second(void)
{
	static const struct card_key *const keys[] = {&other_rsa};
	return card_server_insert(server, "bob@CORP", keys, 1);
}

static bool
padded(const unsigned char *field, size_t size, const char *text)
{
	size_t len = strlen(text);
	for (size_t i = len; i < size; i++)
		if (field[i] != ' ')
			return false;
	return memcmp(field, text, len) == 0;
}

static void
module_slot_and_token_describe_themselves(void **state)
{
	CK_INFO info;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token;
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	assert_ok(p11->C_GetInfo(&info));
	assert_int_equal(info.cryptokiVersion.major, 2);
	assert_int_equal(info.cryptokiVersion.minor, 40);
	assert_true(padded(info.libraryDescription, 32, "FAS virtual smart card"));
	assert_ok(p11->C_GetSlotInfo(slot, &slot_info));
	assert_true(padded(slot_info.slotDescription, 64, "FAS virtual smart card: " LABEL));
	assert_int_equal(slot_info.flags, CKF_TOKEN_PRESENT | CKF_REMOVABLE_DEVICE);
	assert_ok(p11->C_GetTokenInfo(slot, &token));
	assert_true(padded(token.label, 32, LABEL));
	assert_true(padded((const unsigned char *)token.serialNumber, 16, "00000001"));
	assert_true(token.flags & CKF_TOKEN_INITIALIZED);
	assert_false(token.flags & (CKF_LOGIN_REQUIRED | CKF_RNG));
	assert_int_equal(token.ulSessionCount, 1);
	assert_int_equal(token.ulRwSessionCount, 0);
	assert_ok(p11->C_CloseSession(session));
}

static void
list_of_slots_changes_when_its_length_is_asked(void **state)
{
	CK_SLOT_ID list[4];
	CK_ULONG n = 4;
	(void)state;
	assert_ok(p11->C_GetSlotList(CK_TRUE, list, &n)); /* the first question may be this one */
	assert_int_equal(n, 1);
	uint32_t second = insert_second();
	n = 4;
	assert_ok(p11->C_GetSlotList(CK_TRUE, list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(slots(CK_TRUE, list, 4), 2);
	assert_int_equal(list[1], second);
	n = 1;
	assert_rv(p11->C_GetSlotList(CK_TRUE, list, &n), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(n, 2);
}

static void
card_that_is_gone_leaves_an_empty_slot_until_slots_are_listed_anew(void **state)
{
	CK_SLOT_ID list[4];
	CK_ULONG n = 4;
	CK_SLOT_INFO info;
	CK_TOKEN_INFO token;
	CK_SESSION_HANDLE session = open_session(), another;
	CK_SESSION_INFO session_info;
	(void)state;
	card_server_remove(server, (uint32_t)slot);
	assert_ok(p11->C_GetSlotInfo(slot, &info));
	assert_false(info.flags & CKF_TOKEN_PRESENT);
	assert_rv(p11->C_GetTokenInfo(slot, &token), CKR_TOKEN_NOT_PRESENT);
	assert_rv(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &another),
	    CKR_TOKEN_NOT_PRESENT);
	assert_rv(p11->C_GetSessionInfo(session, &session_info), CKR_SESSION_HANDLE_INVALID);
	assert_ok(p11->C_GetSlotList(CK_FALSE, list, &n));
	assert_int_equal(n, 1);
	n = 4;
	assert_ok(p11->C_GetSlotList(CK_TRUE, list, &n));
	assert_int_equal(n, 0);
	assert_int_equal(slots(CK_FALSE, list, 4), 0);
	assert_rv(p11->C_GetSlotInfo(slot, &info), CKR_SLOT_ID_INVALID);
	assert_int_not_equal(insert_second(), slot);
}

static void
without_an_agent_there_are_no_slots(void **state)
{
	CK_SLOT_ID list[4];
	(void)state;
	card_server_stop(server);
	assert_int_equal(slots(CK_FALSE, list, 4), 0);
	server = card_server_start(getenv("FAS_AGENT_SOCKET"));
	slot = insert_second();
	assert_int_equal(slots(CK_TRUE, list, 4), 1);
}

static void
agent_that_was_restarted_has_other_cards_under_the_same_number(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_SLOT_INFO info;
	CK_SESSION_INFO session_info;
	CK_SLOT_ID list[4];
	(void)state;
	assert_int_equal(count_objects(session), 7);
	card_server_stop(server);
	server = card_server_start(getenv("FAS_AGENT_SOCKET"));
	card_server_name_serials(server, 0x5000);
	assert_int_equal(insert_second(), slot);
	assert_ok(p11->C_GetSlotInfo(slot, &info));
	assert_true(info.flags & CKF_TOKEN_PRESENT);
	assert_rv(p11->C_GetSessionInfo(session, &session_info), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(slots(CK_TRUE, list, 4), 1);
	assert_int_equal(count_objects(open_session()), 3);
}

/* A browser asks for each page: an agent that hangs must cost it one deadline, not one each time. */
static void
agent_that_hangs_takes_no_card_away_and_is_left_alone_for_a_while(void **state)
{
	CK_SLOT_INFO info;
	(void)state;
	(void)open_session();
	size_t asked = card_server_count(server, CARD_OP_CARDS);
	card_server_hang(server, true);
	for (size_t i = 0; i < 20; i++) {
		assert_ok(p11->C_GetSlotInfo(slot, &info));
		assert_true(info.flags & CKF_TOKEN_PRESENT);
	}
	assert_int_equal(card_server_count(server, CARD_OP_CARDS), asked + 1);
	card_server_hang(server, false);
}

/* ---- events ---- */

static void
events_tell_of_cards_that_come_and_go(void **state)
{
	CK_SLOT_ID which = 0, list[4];
	(void)state;
	assert_int_equal(slots(CK_TRUE, list, 4), 1);
	assert_rv(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, NULL), CKR_NO_EVENT);
	uint32_t second = insert_second();
	assert_ok(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, NULL));
	assert_int_equal(which, second);
	assert_rv(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, NULL), CKR_NO_EVENT);
	card_server_remove(server, (uint32_t)slot);
	assert_ok(p11->C_WaitForSlotEvent(0, &which, NULL));
	assert_int_equal(which, slot);
}

static void *
wait_for_event(void *arg)
{
	CK_SLOT_ID which = 0;
	CK_RV *rv = arg;
	*rv = p11->C_WaitForSlotEvent(0, &which, NULL);
	return NULL;
}

static void
blocking_wait_ends_with_a_card(void **state)
{
	pthread_t thread;
	CK_RV rv = CKR_GENERAL_ERROR;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &rv), 0);
	card_server_await(server, CARD_OP_WAIT, 1);
	(void)insert_second();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
}

static void
blocking_wait_ends_with_finalize(void **state)
{
	pthread_t thread;
	CK_RV rv = CKR_GENERAL_ERROR;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_event, &rv), 0);
	card_server_await(server, CARD_OP_WAIT, 1);
	assert_ok(p11->C_Finalize(NULL));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* ---- sessions ---- */

static void
sessions_have_the_state_that_was_asked_for(void **state)
{
	CK_SESSION_HANDLE ro = open_session(), rw = 0;
	CK_UTF8CHAR pin[] = "1234";
	CK_SESSION_INFO info;
	(void)state;
	assert_ok(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &rw));
	assert_ok(p11->C_GetSessionInfo(ro, &info));
	assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION);
	assert_int_equal(info.slotID, slot);
	assert_rv(p11->C_Logout(ro), CKR_USER_NOT_LOGGED_IN);
	assert_ok(p11->C_Login(rw, CKU_USER, NULL, 0));
	assert_ok(p11->C_Login(rw, CKU_USER, pin, 4));
	assert_ok(p11->C_GetSessionInfo(ro, &info));
	assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
	assert_ok(p11->C_GetSessionInfo(rw, &info));
	assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
	assert_ok(p11->C_Logout(ro));
	assert_ok(p11->C_CloseAllSessions(slot));
	assert_rv(p11->C_CloseSession(rw), CKR_SESSION_HANDLE_INVALID);
}

static void
handles_are_never_used_twice_and_the_number_of_sessions_is_bounded(void **state)
{
	static CK_SESSION_HANDLE all[1024];
	CK_SESSION_HANDLE more = 0, first = open_session();
	CK_SESSION_INFO info;
	(void)state;
	assert_ok(p11->C_CloseSession(first));
	for (size_t i = 0; i < NELEMS(all); i++) {
		all[i] = open_session();
		assert_int_not_equal(all[i], first);
	}
	assert_rv(
	    p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &more), CKR_SESSION_COUNT);
	assert_rv(p11->C_GetSessionInfo(first, &info), CKR_SESSION_HANDLE_INVALID);
	assert_ok(p11->C_CloseSession(all[500]));
	assert_ok(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &more));
}

#define slot_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    slot_test(module_slot_and_token_describe_themselves),
	    slot_test(list_of_slots_changes_when_its_length_is_asked),
	    slot_test(card_that_is_gone_leaves_an_empty_slot_until_slots_are_listed_anew),
	    slot_test(without_an_agent_there_are_no_slots),
	    slot_test(agent_that_was_restarted_has_other_cards_under_the_same_number),
	    slot_test(agent_that_hangs_takes_no_card_away_and_is_left_alone_for_a_while),
	    slot_test(events_tell_of_cards_that_come_and_go),
	    slot_test(blocking_wait_ends_with_a_card),
	    slot_test(blocking_wait_ends_with_finalize),
	    slot_test(sessions_have_the_state_that_was_asked_for),
	    slot_test(handles_are_never_used_twice_and_the_number_of_sessions_is_bounded),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
