/* The operations of the two sockets, and who may speak on each. */
#ifndef CA_SOCKETS_H
#define CA_SOCKETS_H

#include "ca/listener.h"

MUST_CHECK enum fas_code issue_socket_start(
    struct ca *ca, struct listener **out, struct fas_err *e);
MUST_CHECK enum fas_code admin_socket_start(
    struct ca *ca, struct listener **out, struct fas_err *e);

#endif
