#include "fas/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fas/base/json.h"

#define THREADS 4
#define IDLE_MS 60000
#define SEND_MS 5000
#define GROUPS_MAX 1024

struct admin {
	struct admin_config config;
	int listener, stop; /* stop: an eventfd that stays readable once the end has come */
	size_t n_threads;
	pthread_t threads[THREADS];
};

/* Supplementary groups too: an administrator's primary group is his own. */
static bool
peer_has_group(int fd, const struct wire_peer *peer, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);
	if (peer->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

static bool
peer_may(const struct admin *admin, int fd, const struct wire_peer *peer)
{
	const struct config *config = admin->config.config;
	return peer->uid == 0 ||
	       (config->has_admin_group && peer_has_group(fd, peer, config->admin_group));
}

static void
refuse_peer(const struct admin *admin, int fd, const char *operator_text)
{
	struct fas_err e = {0};
	char correlation_id[CORRELATION_ID_MAX];
	correlation_id_new(correlation_id);
	fas_fail(&e, FAS_E_AUTH, "admin_refused",
	    "%s is neither root nor of the administrators' group", operator_text);
	refusals_note(admin->config.refusals, NULL, operator_text, "admin", correlation_id, &e);
	wire_refuse(fd, &e);
}

/* Readable within the time, and the end has not come? */
static bool
await(const struct admin *admin, int fd, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = admin->stop, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int n;
	do {
		n = poll(fds, 2, timeout_ms);
	} while (n < 0 && errno == EINTR);
	return n > 0 && !fds[0].revents;
}

static void
serve(const struct admin *admin, int fd)
{
	struct wire_peer peer;
	struct fas_err e = {0};
	char operator_text[OPERATOR_TEXT_MAX];
	if (wire_peer(fd, &peer, &e) != FAS_OK)
		return;
	admin_operator(&peer, operator_text);
	if (!peer_may(admin, fd, &peer)) {
		refuse_peer(admin, fd, operator_text);
		return;
	}
	while (await(admin, fd, IDLE_MS)) {
		OWN(json) json_t *message = NULL;
		/* A page of certificates to be compared is above 64 KB. */
		if (wire_receive(fd, WIRE_MESSAGE_MAX, SEND_MS, &message, &e) != FAS_OK) {
			if (e.code == FAS_E_INPUT)
				wire_refuse(fd, &e);
			return;
		}
		OWN(fd) int file = -1;
		OWN(json)
		json_t *reply = admin_answer_file(&admin->config, operator_text, message, &file);
		if (!reply || wire_send(fd, reply, SEND_MS, &e) != FAS_OK)
			return;
		if (file >= 0 && wire_send_file(fd, file, SEND_MS, &e) != FAS_OK)
			return;
	}
}

static void *
run(void *arg)
{
	const struct admin *admin = arg;
	while (await(admin, admin->listener, -1)) {
		int fd = accept4(admin->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue;
		serve(admin, fd);
		(void)close(fd);
	}
	return NULL;
}

/* fasd may give the socket to the group only as its member; else root alone can open it. */
static enum fas_code
open_socket(struct admin *admin, struct fas_err *e)
{
	const struct config *config = admin->config.config;
	enum fas_code rc = wire_listen(config->admin_socket, 0660, &admin->listener, e);
	if (rc != FAS_OK)
		return rc;
	if (config->has_admin_group &&
	    chown(config->admin_socket, (uid_t)-1, config->admin_group) != 0)
		log_event(LOG_LEVEL_WARNING, "admin_group", "socket", config->admin_socket,
		    "message",
		    "fasd is not a member of the administrators' group: only root can use the "
		    "socket",
		    NULL);
	/* Several threads wait for it: one that comes late must not hang in accept. */
	if (fcntl(admin->listener, F_SETFL, O_NONBLOCK) != 0)
		return fas_fail_errno(e, "%s", config->admin_socket);
	return FAS_OK;
}

enum fas_code
admin_start(const struct admin_config *config, struct admin **out, struct fas_err *e)
{
	OWN(admin) struct admin *admin = calloc(1, sizeof(*admin));
	if (!admin)
		return fas_fail_nomem(e);
	admin->config = *config;
	admin->listener = -1;
	admin->stop = eventfd(0, EFD_CLOEXEC);
	if (admin->stop < 0)
		return fas_fail_errno(e, "eventfd");
	enum fas_code rc = open_socket(admin, e);
	if (rc != FAS_OK)
		return rc;
	for (; admin->n_threads < THREADS; admin->n_threads++) {
		if (pthread_create(&admin->threads[admin->n_threads], NULL, run, admin) != 0)
			return fas_fail(e, FAS_E_IO, "io_error", "no thread for the admin socket");
	}
	*out = TAKE(admin);
	return FAS_OK;
}

void
admin_stop(struct admin *admin)
{
	const uint64_t one = 1;
	if (!admin)
		return;
	if (admin->stop >= 0 && write(admin->stop, &one, sizeof(one)) != (ssize_t)sizeof(one))
		log_event(LOG_LEVEL_ERROR, "admin_stop", "message", "eventfd", NULL);
	for (size_t i = 0; i < admin->n_threads; i++)
		pthread_join(admin->threads[i], NULL);
	if (admin->listener >= 0) {
		(void)unlink(admin->config.config->admin_socket);
		(void)close(admin->listener);
	}
	if (admin->stop >= 0)
		(void)close(admin->stop);
	free(admin);
}
