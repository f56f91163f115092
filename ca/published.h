/* What is published, for whoever looks after it; and what he has seen. */
#ifndef CA_PUBLISHED_H
#define CA_PUBLISHED_H

#include "ca/ca.h"

/* A place in the directory is believed in for so long, if nobody says so again. */
#define IN_LDAP_MAX_S 3600

call_fn
    op_published; /* issue socket: each generation that has a certificate, with its chain and its places */
call_fn op_in_ldap; /* issue socket: until when a generation's CRL lies in the directory */

#endif
