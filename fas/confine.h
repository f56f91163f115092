/* fasd's walls: what of the machine it can still reach once it serves. */
#ifndef FAS_CONFINE_H
#define FAS_CONFINE_H

#include "fas/config.h"

/*
 * Read: the folders of the configuration, the policy, the published files and of every absolute file name in the
 * providers', domains' and SAML keys' parts; /etc; credentials of the unit; shared libraries; what name resolution and Kerberos
 * read.  Write: state, the admin socket's folder, temporary files (Kerberos' replay cache).  Sockets: AF_UNIX, AF_INET
 * and AF_INET6.  Makes the state folder when it is not there.  Before the first thread; for good.
 */
MUST_CHECK enum fas_code fasd_confine(const struct config *config, struct fas_err *e);

#endif
