/*
 * fasd's half of a backup: both databases as they were at one moment.  While its own writes wait, its moment is fixed and
 * the signer fixes its own; so no certificate is in the one without its plan in the other, and no countersignature is
 * of a record that the copy lacks.
 */
#ifndef FAS_BACKUP_H
#define FAS_BACKUP_H

#include "fas/admin_question.h"

/* "backup": the copy of fas.db goes behind the reply. */
admin_op admin_backup;

#endif
