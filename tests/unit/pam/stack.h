/* A PAM stack of the test's own, a user who types, and a thread that plays fas-agent. */
#ifndef TESTS_UNIT_PAM_STACK_H
#define TESTS_UNIT_PAM_STACK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <security/pam_appl.h>

#include "fas/card/wire.h"

#define TICKET "fas1-k5q3zmrv7gq2h4n5xj6w2a3b4c"

/* Makes the folder and the agent's socket; FAS_AGENT_SOCKET names it. */
int stack_setup(void **state);
int stack_teardown(void **state);

/* A file of the folder; its path stays until the next call. */
const char *stack_file(const char *name, const char *text, unsigned mode);

/* The agent's next answers: up to 4, each once, in order. */
void agent_refuses(enum card_status status, const char *reason, const char *text, const char *id);
void agent_logs_on(void);
void agent_agrees(void);
/* All that it has been asked since stack_begin. */
size_t agent_asked(void);
/* Operation and a text field of the n-th request. */
enum card_op agent_op(size_t n);
const char *agent_text(size_t n, enum card_tag tag);
uint64_t agent_number(size_t n, enum card_tag tag);

/* A login of alice under these lines of a PAM file ("@" is pam_fas.so's path), who types password. */
pam_handle_t *stack_begin(const char *lines, const char *password);
void stack_end(pam_handle_t *pamh);
/* What the module told the user, "" for nothing. */
const char *stack_told(void);
/* How often the user was asked for a password. */
unsigned stack_asked(void);

#endif
