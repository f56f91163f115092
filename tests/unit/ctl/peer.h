/* A service played by a thread: answers each request on a socket of its own with the next canned
 * reply. */
#ifndef TESTS_UNIT_CTL_PEER_H
#define TESTS_UNIT_CTL_PEER_H

#include <pthread.h>

#include <jansson.h>

#define PEER_REPLIES_MAX 8

struct peer {
	char path[96];
	int listener;
	pthread_t thread;
	const char *replies[PEER_REPLIES_MAX]; /* JSON; behind the last the first again */
	json_t *asked;                         /* array of requests; owned */
};

void peer_start(
    struct peer *peer, const char *folder, const char *name, const char *reply, const char *second);
/* The same with replies in order up to NULL. */
void peer_start_with(
    struct peer *peer, const char *folder, const char *name, const char *const *replies);
/* Ends the thread; asked stays readable until peer_done. */
void peer_stop(struct peer *peer);
void peer_done(struct peer *peer);

#endif
