/*
 * Asking the person at the desktop (pinentry's CONFIRM), as the user and on the user's own screen.
 *
 * Where to ask is what the calling program knows: its DISPLAY, its Wayland socket, its terminal.  Nobody there to be asked
 * is a refusal.  (Who runs code as the user can also press the button: docs/THREATS.md.)
 */
#ifndef FAS_AGENT_CONSENT_H
#define FAS_AGENT_CONSENT_H

#include "fas/agent/child.h"

struct consent_question {
	const char *pinentry; /* path of the program */
	const char *program;  /* that wants to sign */
	const char *card;     /* label */
	const char *scope;    /* "this program", ...: for what the answer holds */
	pid_t pid;            /* the calling process: where it shows itself, there is asked */
	int64_t timeout_s;    /* at most 120 */
};

/* FAS_OK: the person said yes.  FAS_E_DENIED "no_consent": no, too late, or nobody could be asked (the message says which). */
MUST_CHECK enum fas_code consent_ask(
    const struct local_user *user, const struct consent_question *question, struct fas_err *e);

child_work consent_task;

#endif
