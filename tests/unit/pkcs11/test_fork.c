/* A process that forks: the child has nothing of its parent's, starts anew, and does the parent no harm. */
#include "tests/unit/pkcs11/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's part: 0 = as it should be.  cmocka's assertions would leave through the parent's frames. */
typedef int part(CK_SESSION_HANDLE parents);

static int
run_in_child(part *p, CK_SESSION_HANDLE parents)
{
	int status = -1;
	pid_t child = fork();
	if (child == 0)
		_exit(p(parents));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define want(call, rv)                                                                             \
	do {                                                                                       \
		if ((call) != (rv))                                                                \
			return __LINE__ & 0x7f;                                                    \
	} while (0)

static int
sign_once(CK_SESSION_HANDLE session)
{
	CK_MECHANISM m = {CKM_ECDSA_SHA256, NULL, 0};
	CK_BYTE data[] = "data", signature[64];
	CK_ULONG len = sizeof(signature), n = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_EC;
	CK_OBJECT_HANDLE key = 0;
	CK_ATTRIBUTE t[] = {
	    {CKA_CLASS, &class, sizeof(class)}, {CKA_KEY_TYPE, &type, sizeof(type)}};
	want(p11->C_FindObjectsInit(session, t, 2), CKR_OK);
	want(p11->C_FindObjects(session, &key, 1, &n), CKR_OK);
	want(p11->C_FindObjectsFinal(session), CKR_OK);
	want(p11->C_SignInit(session, &m, key), CKR_OK);
	want(p11->C_Sign(session, data, 4, signature, &len), CKR_OK);
	return 0;
}

static int
child_without_initialize(CK_SESSION_HANDLE parents)
{
	CK_SESSION_INFO info;
	CK_ULONG n = 0;
	want(p11->C_GetSessionInfo(parents, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	want(p11->C_GetSlotList(CK_TRUE, NULL, &n), CKR_CRYPTOKI_NOT_INITIALIZED);
	want(p11->C_CloseSession(parents), CKR_CRYPTOKI_NOT_INITIALIZED);
	want(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	return 0;
}

static int
child_that_starts_anew(CK_SESSION_HANDLE parents)
{
	CK_SESSION_INFO info;
	CK_SESSION_HANDLE session = 0;
	CK_ULONG n = 0;
	want(p11->C_Initialize(NULL), CKR_OK);
	want(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	want(p11->C_GetSessionInfo(parents, &info), CKR_SESSION_HANDLE_INVALID);
	want(p11->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
	want(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	want(sign_once(session), 0);
	want(p11->C_Finalize(NULL), CKR_OK);
	return 0;
}

/* A daemon: closes all that is open, and gives the numbers to files of its own before it starts anew. */
static int
child_that_closes_everything(CK_SESSION_HANDLE parents)
{
	int fds[16];
	struct stat st;
	for (int fd = 3; fd < 256; fd++)
		(void)close(fd);
	for (size_t i = 0; i < NELEMS(fds); i++)
		fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
	want(child_that_starts_anew(parents), 0);
	for (size_t i = 0; i < NELEMS(fds); i++)
		want(fstat(fds[i], &st), 0);
	return 0;
}

static void
child_is_not_initialized(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	assert_int_equal(sign_once(session), 0);
	assert_int_equal(run_in_child(child_without_initialize, session), 0);
	assert_int_equal(sign_once(session), 0);
}

static void
child_starts_anew_beside_its_parent(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	assert_int_equal(sign_once(session), 0);
	assert_int_equal(run_in_child(child_that_starts_anew, session), 0);
	assert_int_equal(sign_once(session), 0);
}

static void
daemon_keeps_its_own_descriptors(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	(void)state;
	assert_int_equal(sign_once(session), 0);
	assert_int_equal(run_in_child(child_that_closes_everything, session), 0);
	assert_int_equal(sign_once(session), 0);
}

static void
child_of_a_hash_in_progress_does_not_disturb_it(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE data[] = "data", signature[256], digest[64];
	CK_ULONG len = sizeof(signature);
	(void)state;
	assert_ok(p11->C_SignInit(session, &m, find_object(session, CKO_PRIVATE_KEY, &rsa)));
	assert_ok(p11->C_SignUpdate(session, data, 2));
	assert_int_equal(run_in_child(child_that_starts_anew, session), 0);
	assert_ok(p11->C_SignUpdate(session, data + 2, 2));
	assert_ok(p11->C_SignFinal(session, signature, &len));
	(void)digest_of(CARD_HASH_SHA256, "data", 4, digest);
	assert_true(verifies(&rsa, CKM_RSA_PKCS, CARD_HASH_SHA256, digest, 32, signature, len));
}

/* The client's ends have no name; the server's ends, in this same process, have the path's. */
static bool
is_client_end(int fd)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	return getsockname(fd, (void *)&name, &len) == 0 && name.ss_family == AF_UNIX &&
	       len <= sizeof(name.ss_family);
}

/* A program that closes what it does not know, without a fork, and goes on. */
static void
connection_that_was_closed_behind_our_back_is_made_anew(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	int pair[2];
	size_t taken = 0;
	char byte = 0;
	(void)state;
	assert_int_equal(sign_once(session), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	for (int fd = 3; fd < 64; fd++) {
		if (fd == pair[0] || fd == pair[1] || !is_client_end(fd))
			continue;
		assert_int_equal(dup2(pair[0], fd), fd);
		taken++;
	}
	assert_true(taken > 0);
	assert_int_equal(sign_once(session), 0);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(close(pair[0]), 0);
	assert_int_equal(close(pair[1]), 0);
}

#define fork_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    fork_test(child_is_not_initialized),
	    fork_test(child_starts_anew_beside_its_parent),
	    fork_test(daemon_keeps_its_own_descriptors),
	    fork_test(child_of_a_hash_in_progress_does_not_disturb_it),
	    fork_test(connection_that_was_closed_behind_our_back_is_made_anew),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
