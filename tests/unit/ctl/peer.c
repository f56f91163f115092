#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/wire.h"

#define WAIT_MS 5000

static void
serve_one(struct peer *peer, int fd)
{
	struct fas_err e = {0};
	OWN(json) json_t *request = NULL;
	size_t n = json_array_size(peer->asked);
	const char *text = peer->replies[n % PEER_REPLIES_MAX];
	OWN(json) json_t *reply = json_loads(text ? text : peer->replies[0], 0, NULL);
	if (wire_receive(fd, WIRE_MESSAGE_MAX, WAIT_MS, &request, &e) != FAS_OK)
		return;
	(void)json_array_append(peer->asked, request);
	if (wire_send(fd, reply, WAIT_MS, &e) != FAS_OK)
		return;
}

static void *
serve(void *arg)
{
	struct peer *peer = arg;
	for (;;) {
		OWN(fd) int fd = accept(peer->listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		serve_one(peer, fd);
	}
}

void
peer_start(
    struct peer *peer, const char *folder, const char *name, const char *reply, const char *second)
{
	const char *const replies[] = {reply, second, NULL};
	peer_start_with(peer, folder, name, replies);
}

void
peer_start_with(struct peer *peer, const char *folder, const char *name, const char *const *replies)
{
	struct fas_err e = {0};
	*peer = (struct peer){.listener = -1, .asked = json_array()};
	for (size_t i = 0; i < PEER_REPLIES_MAX && replies[i]; i++)
		peer->replies[i] = replies[i];
	(void)snprintf(peer->path, sizeof(peer->path), "%s/%s.sock", folder, name);
	assert_int_equal(wire_listen(peer->path, 0600, &peer->listener, &e), FAS_OK);
	assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

void
peer_stop(struct peer *peer)
{
	(void)shutdown(peer->listener, SHUT_RDWR);
	(void)pthread_join(peer->thread, NULL);
	(void)close(peer->listener);
	(void)unlink(peer->path);
}

void
peer_done(struct peer *peer)
{
	json_decref(peer->asked);
}
