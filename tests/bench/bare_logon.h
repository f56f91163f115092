/*
 * A whole logon in one process and nothing but its steps: the response verified, the account read, three durable commits, the
 * request's key, the account again, the certificate.  No policy, no audit, no log, no limits, no process for the keys, and
 * no caller is judged: what fasd and fas-signer need above this is the price of those.
 */
#ifndef FAS_BENCH_BARE_LOGON_H
#define FAS_BENCH_BARE_LOGON_H

#include <stddef.h>

/* In the process that serves, before it has threads; from the environment that tests/bench/run makes. */
void bare_logon_open(void);

/* The body of POST /v1/logons or /v1/certificates -> the answer's, malloc'ed; ends the process when a step fails. */
char *bare_logon_answer(const char *path, const char *body, size_t len);

#endif
