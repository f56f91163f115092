/* The service manager's notification protocol (sd_notify(3)), without its library: the signer loads as little as it can. */
#ifndef FAS_BASE_NOTIFY_H
#define FAS_BASE_NOTIFY_H

/* Send state ("READY=1") to the socket that NOTIFY_SOCKET names; nothing without one, and nothing on failure. */
void notify_manager(const char *state);

#endif
