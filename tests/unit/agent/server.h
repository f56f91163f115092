/* An HTTPS server played by a thread on a free port of 127.0.0.1: one canned answer a connection. */
#ifndef TESTS_UNIT_AGENT_SERVER_H
#define TESTS_UNIT_AGENT_SERVER_H

#include <pthread.h>

#include <openssl/ssl.h>

#include "pki.h"

#define SERVER_ANSWERS_MAX 8
#define SERVER_REQUEST_MAX 4096

struct server {
	SSL_CTX *ctx;
	int listener;
	char url[64]; /* https://127.0.0.1:PORT */
	pthread_t thread;
	const char *answers[SERVER_ANSWERS_MAX]; /* whole HTTP answers; NULL: close at once */
	size_t n_answers;
	size_t n_served;
	char request[SERVER_REQUEST_MAX]; /* the last one */
	char client[128]; /* common name of the last client's certificate, "" = none */
};

/* identity: leaf with SAN IP:127.0.0.1; shown: sent behind it, or NULL; trust: clients' CA, or NULL. */
void server_start(struct server *s, const struct pki_node *identity, const struct pki_node *shown,
    const struct pki_node *trust);
void server_answer(struct server *s, const char *answer);
void server_stop(struct server *s);

#endif
