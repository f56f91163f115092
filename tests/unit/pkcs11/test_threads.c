/* Many threads at once, as in a browser; also under the thread sanitizer. */
#include "tests/unit/pkcs11/fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8
#define ROUNDS 20

struct job {
	pthread_t thread;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_RV rv;
};

static struct job jobs[THREADS];

static void
start(void *(*run)(void *), size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&jobs[i].thread, NULL, run, &jobs[i]), 0);
}

static void
join(size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(jobs[i].thread, NULL), 0);
}

/* Session, search, signature, end: whole and in parts in turn. */
static CK_RV
one_round(CK_OBJECT_HANDLE key, size_t round)
{
	CK_MECHANISM m = {CKM_ECDSA_SHA256, NULL, 0};
	CK_SESSION_HANDLE session = 0;
	CK_BYTE data[] = "data", signature[64], digest[64];
	CK_ULONG len = sizeof(signature);
	CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	if (rv == CKR_OK)
		rv = p11->C_SignInit(session, &m, key);
	if (rv == CKR_OK && round % 2 == 0) {
		rv = p11->C_Sign(session, data, 4, signature, &len);
	} else if (rv == CKR_OK) {
		rv = p11->C_SignUpdate(session, data, 2);
		if (rv == CKR_OK)
			rv = p11->C_SignUpdate(session, data + 2, 2);
		if (rv == CKR_OK)
			rv = p11->C_SignFinal(session, signature, &len);
	}
	(void)digest_of(CARD_HASH_SHA256, "data", 4, digest);
	if (rv == CKR_OK && !verifies(&ec, CKM_ECDSA, CARD_HASH_SHA256, digest, 32, signature, len))
		rv = CKR_SIGNATURE_INVALID;
	(void)p11->C_CloseSession(session);
	return rv;
}

static void *
many_rounds(void *arg)
{
	struct job *job = arg;
	job->rv = CKR_OK;
	for (size_t i = 0; i < ROUNDS && job->rv == CKR_OK; i++)
		job->rv = one_round(job->key, i);
	return NULL;
}

static void
threads_sign_at_once(void **state)
{
	CK_OBJECT_HANDLE key = find_object(open_session(), CKO_PRIVATE_KEY, &ec);
	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		jobs[i].key = key;
	start(many_rounds, THREADS);
	join(THREADS);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(jobs[i].rv, CKR_OK);
}

static _Atomic bool stop;

static void *
sign_until_stopped(void *arg)
{
	struct job *job = arg;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE digest[32] = {1}, signature[64];
	job->rv = CKR_OK;
	while (!atomic_load(&stop)) {
		CK_ULONG len = sizeof(signature), n = 0;
		CK_SESSION_HANDLE session = 0;
		(void)p11->C_GetSlotList(CK_TRUE, NULL, &n);
		if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
		    p11->C_SignInit(session, &m, job->key) == CKR_OK)
			(void)p11->C_Sign(session, digest, sizeof(digest), signature, &len);
		(void)p11->C_CloseSession(session);
	}
	return NULL;
}

static void
cards_come_and_go_under_signing_threads(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	const struct card_key *const keys[] = {&ec};
	CK_OBJECT_HANDLE key = find_object(session, CKO_PRIVATE_KEY, &ec);
	(void)state;
	atomic_store(&stop, false);
	for (size_t i = 0; i < THREADS; i++)
		jobs[i].key = key;
	start(sign_until_stopped, THREADS);
	for (size_t i = 0; i < ROUNDS; i++) {
		size_t asked = card_server_count(server, CARD_OP_CARDS);
		card_server_renew(server, (uint32_t)slot, keys, 1);
		uint32_t second = card_server_insert(server, "bob@CORP", keys, 1);
		card_server_await(server, CARD_OP_CARDS, asked + THREADS);
		card_server_remove(server, second);
	}
	card_server_remove(server, (uint32_t)slot);
	size_t asked = card_server_count(server, CARD_OP_CARDS);
	card_server_await(server, CARD_OP_CARDS, asked + THREADS);
	atomic_store(&stop, true);
	join(THREADS);
}

/* ---- consent ---- */

static void *
sign_one(void *arg)
{
	struct job *job = arg;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE digest[32] = {1}, signature[64];
	CK_ULONG len = sizeof(signature);
	job->rv = p11->C_SignInit(job->session, &m, job->key);
	if (job->rv == CKR_OK)
		job->rv = p11->C_Sign(job->session, digest, sizeof(digest), signature, &len);
	return NULL;
}

static void
prepare(struct job *job)
{
	job->session = open_session();
	job->key = find_object(job->session, CKO_PRIVATE_KEY, &ec);
}

static void
person_who_is_being_asked_stops_no_other_thread(void **state)
{
	CK_SLOT_INFO info;
	CK_SESSION_HANDLE other = open_session();
	(void)state;
	prepare(&jobs[0]);
	card_server_hold(server, true);
	start(sign_one, 1);
	card_server_await_held(server, 1);
	assert_ok(p11->C_GetSlotInfo(slot, &info));
	assert_int_equal(count_objects(other), 7);
	card_server_hold(server, false);
	join(1);
	assert_int_equal(jobs[0].rv, CKR_OK);
}

static void
session_used_by_two_threads_refuses_the_second(void **state)
{
	CK_BYTE digest[32] = {1}, signature[64];
	CK_ULONG len = sizeof(signature);
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	(void)state;
	prepare(&jobs[0]);
	card_server_hold(server, true);
	start(sign_one, 1);
	card_server_await_held(server, 1);
	CK_SESSION_HANDLE session = jobs[0].session;
	assert_rv(p11->C_Sign(session, digest, 32, signature, &len), CKR_OPERATION_ACTIVE);
	assert_rv(p11->C_SignUpdate(session, digest, 32), CKR_OPERATION_ACTIVE);
	assert_rv(p11->C_SignInit(session, &m, jobs[0].key), CKR_OPERATION_ACTIVE);
	card_server_hold(server, false);
	join(1);
	assert_int_equal(jobs[0].rv, CKR_OK);
}

static void
session_closed_under_a_signature_gives_none(void **state)
{
	(void)state;
	prepare(&jobs[0]);
	card_server_hold(server, true);
	start(sign_one, 1);
	card_server_await_held(server, 1);
	CK_SESSION_HANDLE session = jobs[0].session;
	assert_ok(p11->C_CloseSession(session));
	card_server_hold(server, false);
	join(1);
	assert_int_equal(jobs[0].rv, CKR_SESSION_CLOSED);
	assert_rv(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
}

/* ---- start and end ---- */

static void *
initialize(void *arg)
{
	struct job *job = arg;
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	job->rv = p11->C_Initialize(&args);
	return NULL;
}

static void
of_threads_that_initialize_at_once_one_does(void **state)
{
	size_t good = 0;
	(void)state;
	for (size_t round = 0; round < ROUNDS; round++) {
		assert_ok(p11->C_Finalize(NULL));
		good = 0;
		start(initialize, THREADS);
		join(THREADS);
		for (size_t i = 0; i < THREADS; i++) {
			good += jobs[i].rv == CKR_OK;
			assert_true(
			    jobs[i].rv == CKR_OK || jobs[i].rv == CKR_CRYPTOKI_ALREADY_INITIALIZED);
		}
		assert_int_equal(good, 1);
	}
}

#define thread_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    thread_test(threads_sign_at_once),
	    thread_test(cards_come_and_go_under_signing_threads),
	    thread_test(person_who_is_being_asked_stops_no_other_thread),
	    thread_test(session_used_by_two_threads_refuses_the_second),
	    thread_test(session_closed_under_a_signature_gives_none),
	    thread_test(of_threads_that_initialize_at_once_one_does),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
