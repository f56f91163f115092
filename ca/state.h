/* Questions about the whole: state for fasd's readyz and metrics, and for the administrator. */
#ifndef CA_STATE_H
#define CA_STATE_H

#include "ca/ca.h"

call_fn op_state; /* both sockets; "status" on the admin socket */

#endif
