/* Object identifiers as administrators write them. */
#ifndef FAS_BASE_OID_H
#define FAS_BASE_OID_H

#include <stdbool.h>

/* Dotted, under 64 characters, and written the one way that comparing texts relies on. */
bool oid_is_valid(const char *text);
/*
 * May a user's certificate name this issuance policy (RFC 5280 4.2.1.4) at all?  Any identifier but anyPolicy, which would
 * claim every policy, and every group that one is linked to.
 */
bool oid_is_open_policy(const char *text);

#endif
