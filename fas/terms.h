/*
 * What a rule grants within a session, as the host is told (docs/PROTOCOL.md, `in_session`) and as fas.db keeps it: one
 * JSON text for both.
 */
#ifndef FAS_TERMS_H
#define FAS_TERMS_H

#include <jansson.h>

#include "fas/base/err.h"
#include "policy/policy.h"

#define TERMS_MAX 131072 /* bytes of the text: 64 programs of 1024, each byte at most twice */

/* A new reference; NULL when out of memory. */
json_t *terms_json(const struct policy_in_session *grant);
/* The same as compact text, malloc'ed; *out is NULL when the grant allows nothing.  FAS_E_NOMEM. */
MUST_CHECK enum fas_code terms_format(
    const struct policy_in_session *grant, char **out, struct fas_err *e);

/* What a signature is judged by. */
struct terms {
	unsigned mechanisms; /* bit set of enum policy_mechanism */
	int64_t rate_count, rate_period_s;
};
/* FAS_E_IO "database_corrupt" for anything that terms_format has not written. */
MUST_CHECK enum fas_code terms_parse(const char *text, struct terms *out, struct fas_err *e);

/* The bit of "rsa-pkcs1", ...; 0 when it is none. */
unsigned terms_mechanism(const char *name);

#endif
