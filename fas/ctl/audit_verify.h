/* The parts of `fasctl audit verify`: each asks both services and adds what it finds. */
#ifndef FAS_CTL_AUDIT_VERIFY_H
#define FAS_CTL_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/ctl/ask.h"

#define VERIFY_FINDINGS_MAX 1000

struct verification {
	const struct cli_args *args;
	json_t *findings; /* {"trail", "seq"?, "what", "meaning"} */
	int64_t records[2], heads, certificates,
	    decisions; /* what was looked at; records by enum ctl_peer */
	bool terminal; /* progress is shown */
};

/* One finding; seq 0 = of no record.  meaning is a format. */
void verify_found(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...) PRINTF_LIKE(5, 6);
/* "checking: what, n of total" on a terminal; what NULL wipes it. */
void verify_progress(const struct verification *v, const char *what, int64_t n, int64_t total);
/* "fasd", "signer". */
const char *verify_trail(enum ctl_peer peer);

/* Each returns an enum cli_exit: CLI_OK also when something was found. */
int verify_chain(struct verification *v, enum ctl_peer peer);
int verify_heads(struct verification *v);
int verify_ledger(struct verification *v);

#endif
