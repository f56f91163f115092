#include "fas/base/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

#define BACKLOG 64
#define REST_TIMEOUT_MS 5000
#define REFUSE_TIMEOUT_MS 500
#define REFUSE_READS_MAX 64
#define CONNECT_TIMEOUT_S 5

static enum fas_code
make_address(const char *path, struct sockaddr_un *address, struct fas_err *e)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len >= sizeof(address->sun_path))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "socket %s: at most %zu bytes",
		    path, sizeof(address->sun_path) - 1);
	memcpy(address->sun_path, path, len + 1);
	return FAS_OK;
}

/* Only a socket: a slip in a configured path must not delete a file. */
static enum fas_code
remove_old_socket(const char *path, struct fas_err *e)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? FAS_OK : fas_fail_errno(e, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return fas_fail(
		    e, FAS_E_CONFIG, "not_a_socket", "%s is there already and is no socket", path);
	return unlink(path) == 0 ? FAS_OK : fas_fail_errno(e, "%s", path);
}

enum fas_code
wire_listen(const char *path, mode_t mode, int *fd, struct fas_err *e)
{
	struct sockaddr_un address;
	enum fas_code rc = make_address(path, &address, e);
	if (rc != FAS_OK)
		return rc;
	OWN(fd) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return fas_fail_errno(e, "socket");
	if ((rc = remove_old_socket(path, e)) != FAS_OK)
		return rc;
	/* Nobody may connect between bind and chmod: umask is the process's, so the mode is set on
	 * the socket. */
	if (fchmod(s, mode) != 0 ||
	    bind(s, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return fas_fail_errno(e, "%s", path);
	if (chmod(path, mode) != 0 || listen(s, BACKLOG) != 0)
		return fas_fail_errno(e, "%s", path);
	*fd = s;
	s = -1;
	return FAS_OK;
}

enum fas_code
wire_connect(const char *path, int *fd, struct fas_err *e)
{
	struct sockaddr_un address;
	enum fas_code rc = make_address(path, &address, e);
	if (rc != FAS_OK)
		return rc;
	OWN(fd) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return fas_fail_errno(e, "socket");
	/* A peer that hangs with a full backlog must not hang us as well (unix(7): SO_SNDTIMEO bounds connect). */
	const struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_S};
	if (setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		return fas_fail_errno(e, "socket");
	if (connect(s, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno == EACCES || errno == EPERM)
			return fas_fail(
			    e, FAS_E_AUTH, "socket_forbidden", "%s: permission denied", path);
		return fas_fail(e, FAS_E_UNAVAILABLE, "peer_away", "%s: %s", path, strerror(errno));
	}
	*fd = s;
	s = -1;
	return FAS_OK;
}

static uid_t
read_login_uid(pid_t pid)
{
	char path[64];
	uint64_t uid = 0;
	char buffer[24] = {0};
	(void)snprintf(path, sizeof(path), "/proc/%ld/loginuid", (long)pid);
	FILE *f = fopen(path, "re");
	if (!f)
		return (uid_t)-1;
	size_t n = fread(buffer, 1, sizeof(buffer) - 1, f);
	(void)fclose(f);
	buffer[strcspn(buffer, "\n")] = 0;
	return n > 0 && parse_uint(buffer, 0, UINT32_MAX, &uid) ? (uid_t)uid : (uid_t)-1;
}

enum fas_code
wire_peer(int fd, struct wire_peer *out, struct fas_err *e)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return fas_fail_errno(e, "peer credentials");
	*out = (struct wire_peer){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	out->login_uid = read_login_uid(cred.pid);
	return FAS_OK;
}

/* Wait until fd is ready or the deadline has passed; deadline_us 0 = none. */
static enum fas_code
wait_for(int fd, short events, int64_t deadline_us, struct fas_err *e)
{
	for (;;) {
		int left_ms = -1;
		if (deadline_us) {
			int64_t left_us = deadline_us - clock_monotonic_us();
			if (left_us <= 0)
				return fas_fail(
				    e, FAS_E_TIMEOUT, "peer_timeout", "no answer in time");
			left_ms = (int)(left_us / 1000) + 1;
		}
		struct pollfd p = {.fd = fd, .events = events};
		int ready = poll(&p, 1, left_ms);
		if (ready > 0)
			return FAS_OK;
		if (ready < 0 && errno != EINTR)
			return fas_fail_errno(e, "poll");
	}
}

static int64_t
deadline_of(int timeout_ms)
{
	return clock_monotonic_us() + (int64_t)timeout_ms * 1000;
}

static enum fas_code
send_all(int fd, const uint8_t *data, size_t len, int64_t deadline_us, struct fas_err *e)
{
	while (len > 0) {
		ssize_t put = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put >= 0) {
			data += put;
			len -= (size_t)put;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return fas_fail(
			    e, FAS_E_UNAVAILABLE, "peer_away", "send: %s", strerror(errno));
		enum fas_code rc = wait_for(fd, POLLOUT, deadline_us, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

enum fas_code
wire_send(int fd, json_t *message, int timeout_ms, struct fas_err *e)
{
	OWN(text) char *text = json_text(message, JSON_COMPACT);
	if (!text)
		return fas_fail_nomem(e);
	size_t len = strlen(text);
	if (len > WIRE_MESSAGE_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "wire_too_large", "a message of %zu bytes", len);
	OWN(bytes) uint8_t *frame = malloc(4 + len);
	if (!frame)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < 4; i++)
		frame[i] = (uint8_t)(len >> (24 - 8 * i));
	memcpy(frame + 4, text, len);
	return send_all(fd, frame, 4 + len, deadline_of(timeout_ms), e);
}

/* eof_is_end: a close before the first byte is the peer's good right. */
static enum fas_code
receive_all(
    int fd, uint8_t *data, size_t len, int64_t deadline_us, bool eof_is_end, struct fas_err *e)
{
	size_t used = 0;
	while (used < len) {
		ssize_t got = recv(fd, data + used, len - used, MSG_DONTWAIT);
		if (got > 0) {
			used += (size_t)got;
			/* The wait without limit ends with the first byte. */
			if (deadline_us == 0)
				deadline_us = deadline_of(REST_TIMEOUT_MS);
			continue;
		}
		if (got == 0 && used == 0 && eof_is_end)
			return fas_fail(e, FAS_E_NOTFOUND, "peer_closed", "the peer has closed");
		if (got == 0)
			return fas_fail(
			    e, FAS_E_UNAVAILABLE, "peer_away", "the peer closed in mid-message");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return fas_fail(
			    e, FAS_E_UNAVAILABLE, "peer_away", "receive: %s", strerror(errno));
		enum fas_code rc = wait_for(fd, POLLIN, deadline_us, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
parse_message(const uint8_t *data, size_t len, json_t **out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	enum fas_code rc = json_open(&r, (const char *)data, len, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return fas_fail(e, FAS_E_INPUT, "wire_malformed", "%s", why.message);
	*out = TAKE(r.object);
	return FAS_OK;
}

enum fas_code
wire_receive(int fd, size_t max_bytes, int timeout_ms, json_t **out, struct fas_err *e)
{
	uint8_t head[4];
	int64_t deadline = timeout_ms < 0 ? 0 : deadline_of(timeout_ms);
	/* It is hardly ever there yet: to look first would be a call in vain for each message. */
	enum fas_code rc = wait_for(fd, POLLIN, deadline, e);
	if (rc == FAS_OK)
		rc = receive_all(fd, head, sizeof(head), deadline, true, e);
	if (rc != FAS_OK)
		return rc;
	size_t len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	if (len == 0 || len > max_bytes)
		return fas_fail(e, FAS_E_INPUT, "wire_malformed",
		    "a message of %zu bytes, want 1 to %zu", len, max_bytes);
	OWN(bytes) uint8_t *data = malloc(len);
	if (!data)
		return fas_fail_nomem(e);
	if (deadline == 0)
		deadline = deadline_of(REST_TIMEOUT_MS);
	rc = receive_all(fd, data, len, deadline, false, e);
	return rc == FAS_OK ? parse_message(data, len, out, e) : rc;
}

json_t *
wire_error(const struct fas_err *e)
{
	return json_pack("{s:{s:s,s:s,s:s}}", "error", "code", fas_code_name(e->code), "reason",
	    fas_err_reason(e), "message",
	    utf8_is_valid(e->message, strlen(e->message)) ? e->message : "(unprintable)");
}

enum fas_code
wire_check(const json_t *reply, struct fas_err *e)
{
	const json_t *error = json_object_get(reply, "error");
	if (!error)
		return FAS_OK;
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *reason = json_string_value(json_object_get(error, "reason"));
	const char *message = json_string_value(json_object_get(error, "message"));
	return fas_fail(e, fas_code_parse(code ? code : ""), reason ? reason : "internal", "%s",
	    message ? message : "");
}

void
wire_refuse(int fd, const struct fas_err *why)
{
	struct fas_err ignored = {0};
	uint8_t waste[4096];
	int64_t deadline = deadline_of(REFUSE_TIMEOUT_MS);
	OWN(json) json_t *reply = wire_error(why);
	if (!reply || wire_send(fd, reply, REFUSE_TIMEOUT_MS, &ignored) != FAS_OK)
		return;
	(void)shutdown(fd, SHUT_WR);
	for (size_t i = 0; i < REFUSE_READS_MAX; i++) {
		if (wait_for(fd, POLLIN, deadline, &ignored) != FAS_OK ||
		    recv(fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
			return;
	}
}

enum fas_code
wire_ask(const char *path, json_t *request, int timeout_ms, json_t **reply, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *answer = NULL;
	enum fas_code rc = wire_connect(path, &fd, e);
	if (rc == FAS_OK)
		rc = wire_send(fd, request, timeout_ms, e);
	if (rc == FAS_OK)
		rc = wire_receive(fd, WIRE_MESSAGE_MAX, timeout_ms, &answer, e);
	if (rc == FAS_OK)
		rc = wire_check(answer, e);
	if (rc == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}
