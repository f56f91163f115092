/*
 * A distinguished name as a list of relative names, the form in which it crosses to the signer:
 * text is parsed once (ldap/account.c, by libldap) and never put together again from strings.
 */
#ifndef FAS_BASE_DN_H
#define FAS_BASE_DN_H

#include <stddef.h>

#include <jansson.h>

#include "fas/base/err.h"

#define DN_RDNS_MAX 32
#define DN_TYPE_MAX 32 /* attribute type with NUL: "CN", "OU", "DC", ... or a dotted OID */
#define DN_VALUE_MAX                                                                               \
	1025 /* UTF-8 value with NUL; longest is OU's of 64 characters and DC's of 63, with room   \
	      */

struct rdn {
	char type[DN_TYPE_MAX];
	char value[DN_VALUE_MAX];
};

/*
 * Root first, as X.501 encodes it: DC=com, DC=example, DC=corp, CN=Users, CN=alice.
 * (RFC 4514 text is the other way round.)
 */
struct dn {
	size_t n;
	struct rdn *rdns; /* owned */
};

/* Append a copy at the end (the leaf's side).  FAS_E_INPUT "dn_malformed": too long, not UTF-8,
 * NUL, empty. */
MUST_CHECK enum fas_code dn_add(
    struct dn *dn, const char *type, const char *value, struct fas_err *e);
void dn_done(struct dn *dn);

/* [["DC","com"],...], the wire form; a new reference, NULL when out of memory. */
json_t *dn_to_json(const struct dn *dn);
/* The reverse; out must be empty. */
MUST_CHECK enum fas_code dn_from_json(const json_t *array, struct dn *out, struct fas_err *e);

#endif
