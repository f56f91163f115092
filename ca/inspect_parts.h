/* Between inspect's own files: one certificate or list, as it was found in a file. */
#ifndef CA_INSPECT_PARTS_H
#define CA_INSPECT_PARTS_H

#include <jansson.h>
#include <openssl/x509.h>

#include "ca/lint_parts.h"

#define INSPECT_CA (-1) /* beside enum profile_kind */

struct inspected {
	bool list;
	uint8_t *der; /* owned */
	size_t len;
	X509 *certificate; /* NULL: a list, or malformed; owned */
	struct lint_crl
	    *crl; /* NULL: a certificate, or malformed; owned.  Without an object for each entry */
	X509_NAME *issuer; /* of the list; NULL when it is none; owned */
};

/* Which profile it looks like: enum profile_kind or INSPECT_CA. */
int inspect_guess(const struct inspected *one);
/* What stands in it, for people; a new reference or NULL. */
json_t *inspect_facts(const struct inspected *one);

#endif
