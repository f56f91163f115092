/* A TCP connection to one of several addresses, within a time. */
#ifndef LDAP_CONNECT_H
#define LDAP_CONNECT_H

#include "ldap/discover.h"

/*
 * A connected socket (close-on-exec, without blocking, keepalive, no delay), or -1 and errno.  Each address gets its
 * equal part of the time until deadline_us, of clock_monotonic_us.
 */
int connect_addresses(const struct address *addresses, size_t n, int64_t deadline_us);

/* Until then, for poll: at least 1, since what is already there may still be taken. */
int milliseconds_until(int64_t deadline_us);

#endif
