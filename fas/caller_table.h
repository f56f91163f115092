/* What caller_table.c (who is listed) and caller.c (what a certificate proves) share. */
#ifndef FAS_CALLER_TABLE_H
#define FAS_CALLER_TABLE_H

#include <openssl/x509.h>

#include "fas/caller.h"

/* The anchor; immutable. */
X509_STORE *caller_table_store(struct caller_table *table);

/* "host", "storefront"; false if it is none. */
bool caller_role_parse(const char *text, enum caller_role *out);

/*
 * Listed under this very role and name, and not revoked; then caller->generation is the table's.
 * FAS_E_AUTH "caller_revoked", "caller_unknown".
 */
MUST_CHECK enum fas_code caller_check_listed(
    struct caller_table *table, struct caller *caller, struct fas_err *e);

#endif
