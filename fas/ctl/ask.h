/* Asking fas-signer and fasd on their admin sockets, with progress and with remedies. */
#ifndef FAS_CTL_ASK_H
#define FAS_CTL_ASK_H

#include <stdint.h>

#include <jansson.h>

#include "fas/ctl/cli.h"
#include "fas/ctl/render.h"

enum ctl_peer { CTL_SIGNER, CTL_FASD };

/* "fas-signer", "fasd". */
const char *ctl_peer_name(enum ctl_peer peer);
/* Option, else environment, else the runtime folder; borrowed. */
const char *ctl_peer_path(const struct cli_args *args, enum ctl_peer peer);

/*
 * Send one request ("op" and its members; the reference is taken, NULL counts as out of memory) and
 * wait for the answer; what takes longer than a second shows that it goes on.  *reply is a new
 * reference.
 */
MUST_CHECK enum fas_code ctl_request(const struct cli_args *args, enum ctl_peer peer,
    json_t *request, json_t **reply, struct fas_err *e);

/* The same for an answer with a file behind it: *file is the caller's. */
MUST_CHECK enum fas_code ctl_request_file(const struct cli_args *args, enum ctl_peer peer,
    json_t *request, json_t **reply, int *file, struct fas_err *e);

/* The same; an error is printed, with a remedy where one is known.  Returns an enum cli_exit. */
int ctl_ask(const struct cli_args *args, enum ctl_peer peer, json_t *request, json_t **reply);
/* The same, and show the answer: as it came with --json, else the rows of its array `member`. */
struct ctl_table {
	const char *member;
	const struct render_column *columns;
	size_t n_columns;
	const char *none; /* the line for no rows */
};
int ctl_ask_table(const struct cli_args *args, enum ctl_peer peer, json_t *request,
    const struct ctl_table *table);
/* Print an error with its remedy.  Returns an enum cli_exit. */
int ctl_fail(const struct cli_args *args, const struct fas_err *e);

/* "what: n of total" on a terminal (total 0: unknown), for what takes many questions; what NULL wipes it. */
void ctl_progress(const struct cli_args *args, const char *what, int64_t n, int64_t total);

/*
 * request[member] = the option's text, duration in seconds, or number of 1 to max, when it was
 * given. A value that is none is a usage error.  Each returns an enum cli_exit.
 */
int ctl_put_option(
    json_t *request, const char *member, const struct cli_args *args, const char *option);
int ctl_put_duration(json_t *request, const char *member, const struct cli_args *args,
    const char *option, long long max_s);
int ctl_put_number(json_t *request, const char *member, const struct cli_args *args,
    const char *option, long long max);

/* Write text to the option's file (mode; an existing file is replaced whole), or to out for "-" or
 * without the option. */
MUST_CHECK enum fas_code ctl_write_out(const struct cli_args *args, const char *option,
    const char *text, unsigned mode, struct fas_err *e);

#endif
