/* RFC 4514 text to struct dn, by libldap's parser. */
#ifndef LDAP_DN_TEXT_H
#define LDAP_DN_TEXT_H

#include <stdbool.h>

#include "fas/base/dn.h"
#include "fas/base/err.h"

/*
 * Root first into out, which must be empty.  FAS_E_INPUT "dn_malformed": not RFC 4514, empty, an RDN of several
 * attributes (a+b: the certificate's subject could not be compared byte by byte), a #hex value, not UTF-8, too long.
 */
MUST_CHECK enum fas_code dn_from_text(const char *text, struct dn *out, struct fas_err *e);

/* Is name below or equal to base, types and values compared as ASCII letters without case? */
bool dn_is_below(const struct dn *name, const struct dn *base);

/* "corp.example.com" to "DC=corp,DC=example,DC=com" (RFC 2247 4); malloc'ed, NULL when out of memory. */
char *dn_text_of_domain(const char *dns_name);

#endif
