/* The words behind pam_fas.so in a PAM file: pam_fas(8). */
#ifndef FAS_AGENT_PAM_OPTIONS_H
#define FAS_AGENT_PAM_OPTIONS_H

#include <stdbool.h>

#include <security/pam_modules.h>

struct pam_options {
	const char *
	    ticket_file; /* ticket_file=PATH, "%u" for the user's name; NULL: the password is the ticket */
	const char *
	    socket; /* socket=PATH of an agent that has another than the installed one; NULL: that */
	bool try_first_pass; /* the password of a module before; ask only if there was none */
	bool use_first_pass; /* the same, and never ask */
	bool unlock;         /* the session is running: a fresh ticket proves its user again */
	bool quiet;          /* no sentence for the user */
};

/* PAM_SUCCESS; PAM_SERVICE_ERR, with the word in the system's log, for one that is not known. */
int pam_options_read(pam_handle_t *pamh, int argc, const char **argv, struct pam_options *out);

#endif
