/*
 * The signer's half of a backup.  fasd asks for the moment (issue socket, "snapshot") while it holds its own writes back, so
 * that both databases are of one moment; the administrator fetches the copy (admin socket, "backup").  Keys never leave
 * through a socket: the answer names the files, and root may read them.
 */
#ifndef CA_BACKUP_H
#define CA_BACKUP_H

#include "ca/ca.h"

/* ca->backup is set; copies that a killed signer has left are removed. */
MUST_CHECK enum fas_code backup_init(struct ca *ca, struct fas_err *e);
void backup_done(struct backup *backup);
/* A moment that nobody has come for is let go. */
void backup_expire(struct ca *ca);

call_fn op_snapshot;
call_fn op_backup;

#endif
