#include "fas/agent/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_MAX 8192
#define STARTED_FIELD 22 /* proc(5), /proc/PID/stat */
#define FIELDS_BEHIND_NAME (STARTED_FIELD - 2)

static bool
read_proc(pid_t pid, const char *name, char out[STATUS_MAX])
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, STATUS_MAX - 1);
	out[got > 0 ? got : 0] = 0;
	return got > 0;
}

/* Behind the last ')': the name in between is the process's own choice. */
static bool
read_started(pid_t pid, uint64_t *out)
{
	char text[STATUS_MAX];
	if (!read_proc(pid, "stat", text))
		return false;
	const char *at = strrchr(text, ')');
	for (int i = 0; at && i < FIELDS_BEHIND_NAME; i++)
		at = strchr(at + 1, ' ');
	if (!at)
		return false;
	errno = 0;
	*out = strtoull(at + 1, NULL, 10);
	return errno == 0;
}

enum fas_code
peer_read(int fd, struct peer *out, struct fas_err *e)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return fas_fail_errno(e, "SO_PEERCRED");
	*out = (struct peer){.pid = peer.pid, .uid = peer.uid};
	if (peer.pid <= 0 || !read_started(peer.pid, &out->started))
		return fas_fail(
		    e, FAS_E_AUTH, "peer_unknown", "the calling process cannot be seen");
	return FAS_OK;
}

static enum fas_code
check_traced(pid_t pid, struct fas_err *e)
{
	static const char key[] = "\nTracerPid:\t";
	char text[STATUS_MAX];
	const char *at = read_proc(pid, "status", text) ? strstr(text, key) : NULL;
	if (!at)
		return fas_fail(e, FAS_E_AUTH, "peer_gone", "the calling process has ended");
	if (at[sizeof(key) - 1] != '0')
		return fas_fail(
		    e, FAS_E_DENIED, "peer_traced", "a process that is being traced is not served");
	return FAS_OK;
}

static enum fas_code
check_same(const struct peer *peer, struct fas_err *e)
{
	uint64_t started = 0;
	if (!read_started(peer->pid, &started) || started != peer->started)
		return fas_fail(e, FAS_E_AUTH, "peer_gone", "the calling process has ended");
	return FAS_OK;
}

enum fas_code
peer_check(const struct peer *peer, const struct ucred *sender, struct fas_err *e)
{
	if (sender->pid != peer->pid || sender->uid != peer->uid)
		return fas_fail(e, FAS_E_AUTH, "peer_changed",
		    "a connection is used by the process that made it, and by no other");
	enum fas_code rc = check_traced(peer->pid, e);
	return rc == FAS_OK ? check_same(peer, e) : rc;
}

/* Opened first, named then: what is judged is the file that it runs, whatever comes to lie at its path. */
enum fas_code
peer_see(const struct peer *peer, struct peer_look *out, struct fas_err *e)
{
	char link[64];
	*out = (struct peer_look){.exe = -1};
	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)peer->pid);
	out->exe = open(link, O_PATH | O_CLOEXEC);
	if (out->exe < 0)
		return fas_fail(e, FAS_E_AUTH, "peer_gone", "the calling program cannot be seen");
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", out->exe);
	ssize_t len = readlink(link, out->path, sizeof(out->path) - 1);
	out->path[len > 0 ? len : 0] = 0;
	return check_same(peer, e);
}

void
peer_look_done(struct peer_look *look)
{
	own_fd(&look->exe);
	look->exe = -1;
}
