/*
 * The first start on a restored ca.db (fas/base/restore.h).  A backup does not know what was revoked since it was made: so
 * every last published CRL is merged into it, which also keeps cRLNumber from going back, and the clock from standing
 * before them.  Enrolment tokens that were unused then may have been used since: they are void.
 */
#ifndef CA_RESTORE_H
#define CA_RESTORE_H

#include "ca/ca.h"

/* Once the authorities are loaded, before anything is published or answered.  FAS_E_CONFIG "restore_crl". */
MUST_CHECK enum fas_code restore_apply(struct ca *ca, struct fas_err *e);

#endif
