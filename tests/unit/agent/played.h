/* A daemon without a loop: its table, and a service that is played. */
#ifndef TESTS_UNIT_AGENT_PLAYED_H
#define TESTS_UNIT_AGENT_PLAYED_H

#include "fas/agent/daemon.h"
#include "pki.h"

#define PLAYED_ANSWERS_MAX 8
#define PLAYED_BODY_MAX 8192
#define PLAYED_ID "5e550123456789abcdef0123456789ab"

struct played {
	struct daemon d;
	struct pki_node ca;
	struct {
		enum fas_code rc; /* FAS_OK: body is the answer */
		const char *reason;
		json_t *body; /* owned */
		bool certify; /* a certificate for the CSR goes into the body */
	} answers[PLAYED_ANSWERS_MAX];
	size_t n_answers, n_asked;
	char path[256], body[PLAYED_BODY_MAX]; /* of the last request; "" = none */
};

void played_begin(struct played *p);
void played_end(struct played *p);
void played_answer(struct played *p, json_t *body);
void played_refuse(struct played *p, enum fas_code rc, const char *reason);
/* An in-session certificate for the CSR of the request; key: NULL = custody host. */
void played_certify(struct played *p, const char *key, json_t *rule);
/* An open session of uid 1000 under a rule, with a reference for the caller. */
struct session *played_session(struct played *p, json_t *rule);
json_t *played_rule(const char *custody, const char *fetch);

#endif
