#include "tests/fuzz/message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fas/base/wire.h"

#define SENT_MAX (128 * 1024) /* fits into a socket's buffer */
#define WAIT_MS 2000

static void
must_write(int fd, const void *data, size_t size)
{
	FUZZ_CHECK(write(fd, data, size) == (ssize_t)size);
}

json_t *
message_receive(const uint8_t *data, size_t size)
{
	int fds[2];
	json_t *message = NULL;
	struct fas_err e = {0};
	uint32_t length = htonl((uint32_t)size);
	if (size > SENT_MAX)
		return NULL;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	if (size > 0 && data[0] == '{')
		must_write(fds[0], &length, sizeof(length));
	if (size > 0)
		must_write(fds[0], data, size);
	(void)shutdown(fds[0], SHUT_WR);
	enum fas_code rc = wire_receive(fds[1], WIRE_MESSAGE_MAX, WAIT_MS, &message, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (message != NULL) && rc != FAS_E_TIMEOUT);
	FUZZ_CHECK(!message || json_is_object(message));
	close(fds[0]);
	close(fds[1]);
	return message;
}

void
message_check_reply(const json_t *reply)
{
	struct fas_err e = {0};
	FUZZ_CHECK(json_is_object(reply));
	if (wire_check(reply, &e) == FAS_OK)
		return;
	if (e.code == FAS_E_INTERNAL || e.code == FAS_E_IO || e.code == FAS_E_CRYPTO)
		(void)fprintf(stderr, "%s: %s\n", e.reason, e.message);
	FUZZ_CHECK(e.code != FAS_E_INTERNAL && e.code != FAS_E_IO && e.code != FAS_E_CRYPTO);
	FUZZ_CHECK(e.reason[0] && e.message[0]);
}
