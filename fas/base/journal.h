/*
 * systemd's journal by its own protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram an entry, each member a field
 * of its own, so that it can be searched: journalctl FAS_EVENT=logon_decided FAS_OUTCOME=deny.  Forty lines stand here
 * for libsystemd and the compression and encryption libraries that it brings into the signer.
 */
#ifndef FAS_BASE_JOURNAL_H
#define FAS_BASE_JOURNAL_H

#include <stdbool.h>

#include "fas/base/buf.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Does this file belong to the journal?  variable: JOURNAL_STREAM as systemd sets it, "device:inode", or NULL. */
bool journal_is_stream(const char *variable, int fd);

/* A connected socket, -1 when nobody is there. */
int journal_connect(const char *path);

/* Append a field.  The value may hold any bytes but NUL. */
void journal_field(struct buf *entry, const char *name, const char *value);
/* The same under FAS_ and the key in capitals; what no field name may hold becomes '_'. */
void journal_member(struct buf *entry, const char *key, const char *value);

/* False when the journal did not take it. */
bool journal_send(int fd, const struct buf *entry);

#endif
