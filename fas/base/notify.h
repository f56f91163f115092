/* The service manager's notification protocol (sd_notify(3)), without its library: the signer loads as little as it can. */
#ifndef FAS_BASE_NOTIFY_H
#define FAS_BASE_NOTIFY_H

#include <stddef.h>

#define NOTIFY_FDS_MAX 64

/* Send state ("READY=1") to the socket that NOTIFY_SOCKET names; nothing without one, and nothing on failure. */
void notify_manager(const char *state);
/* The same with n descriptors, at most NOTIFY_FDS_MAX, of which the manager gets copies ("FDSTORE=1\nFDNAME=..."). */
void notify_manager_fds(const char *state, const int *fds, size_t n);

#endif
