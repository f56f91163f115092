/* What belongs into the directory, from what the signer publishes. */
#ifndef FAS_PKI_OBJECTS_H
#define FAS_PKI_OBJECTS_H

#include "fas/published.h"
#include "ldap/publish.h"

#define PKI_ITEMS_MAX 256

struct pki_item {
	struct pki_object object;
	const struct published *of;
	bool renewal;         /* its renewed certificate, which waits */
	unsigned char *der;   /* owned: object.value */
	enum pki_state state; /* as it was last seen */
	bool looked;          /* it was: the last look did not fail */
	struct fas_err why;   /* of a look or a write that failed */
};

struct pki_items {
	struct pki_item *items;
	size_t n;
};

/*
 * container: pki_container; folder: the public one, for CRLs; places: which kinds, by enum pki_kind.  Each object once,
 * although several generations may have one root.  FAS_E_NOTFOUND "file_missing" of a CRL that is not there yet.
 * out is safe to finish in any case; list outlives it.
 */
MUST_CHECK enum fas_code pki_items_build(const struct published_list *list, const char *container,
    const char *folder, const bool places[PKI_KINDS], struct pki_items *out, struct fas_err *e);
void pki_items_done(struct pki_items *items);

DEFINE_OWN_IN_PLACE(pki_items, struct pki_items, pki_items_done);

#endif
