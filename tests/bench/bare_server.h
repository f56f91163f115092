/*
 * libmicrohttpd with the same TLS settings, and nothing else: what a connection costs before anyone looks at it; or with the bare
 * steps of a logon behind it (bare_logon.h).
 */
#ifndef FAS_BENCH_BARE_SERVER_H
#define FAS_BENCH_BARE_SERVER_H

#include <sys/types.h>

struct bare_server {
	pid_t pid; /* a child; ended by bare_server_stop */
	unsigned port;
};
/* Before this process has any thread. */
void bare_server_start(struct bare_server *server);
void bare_server_start_logons(struct bare_server *server);
void bare_server_stop(const struct bare_server *server);

#endif
