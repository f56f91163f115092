/* What an administrator has to import into the directory, and what he may let the service do itself. */
#ifndef FAS_PKI_IMPORT_H
#define FAS_PKI_IMPORT_H

#include "fas/pki_objects.h"

/*
 * Looks at each item, and writes what is missing: {"ldif", "grants": [{"container", "sid"}], "missing": n}, a new
 * reference.  A grant is for each container of CRLs: they change each few hours, and nobody should import them by hand.
 */
MUST_CHECK enum fas_code pki_import(struct directory *directory, size_t domain,
    struct pki_items *items, json_t **reply, struct fas_err *e);

#endif
