/*
 * Tickets: a node name and 128 random bits, printable, short enough for a password field, stored only as a hash.
 *
 *     fas1-k5q3zmrv7gq2h4n5xj6w2a3b4c
 */
#ifndef FAS_TICKET_H
#define FAS_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/logon.h"

#define TICKET_HASH_BYTES 32
#define NODE_NAME_MAX 16

/* [a-z0-9]{1,16} */
bool node_name_is_valid(const char *node);

/* A new ticket of this node, and its hash. */
MUST_CHECK enum fas_code ticket_new(const char *node, char out[TICKET_TEXT_MAX],
    uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e);

/*
 * The hash of a presented ticket.  FAS_E_AUTH "ticket_malformed" for any other shape; "ticket_other_node" when another
 * node has issued it (the message names that node, so that the host can go there).
 */
MUST_CHECK enum fas_code ticket_read(
    const char *node, const char *text, uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e);

#endif
