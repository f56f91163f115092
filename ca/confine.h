/* fas-signer's walls: what of the machine it can still reach once it serves. */
#ifndef CA_CONFINE_H
#define CA_CONFINE_H

#include "ca/config.h"

/*
 * Read: the folder of the limits, shared libraries.  Write: state, published files, the sockets' folders.  No socket but
 * AF_UNIX.  Makes the state folder when it is not there.  Before the first thread; for good.
 */
MUST_CHECK enum fas_code signer_confine(const struct signer_config *config, struct fas_err *e);

#endif
