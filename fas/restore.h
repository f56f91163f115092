/*
 * The first start on a restored fas.db (fas/base/restore.h): tickets and sessions of the backup are over, and no assertion
 * that was issued before now is accepted, since it may have been used after the backup was made.
 */
#ifndef FAS_RESTORE_H
#define FAS_RESTORE_H

#include "fas/service.h"

/* Right behind the database's opening: service->db is there.  state: fasd's folder. */
MUST_CHECK enum fas_code restore_fasd(
    struct service *service, const char *state, struct fas_err *e);

#endif
