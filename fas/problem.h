/*
 * What the outside learns of a failure: the one place that maps classes and reasons to HTTP statuses and public codes.
 *
 * The reason of a struct fas_err is for the audit record; the public code says as much as a caller needs to act, and
 * no more (docs/PROTOCOL.md, "Problems").
 */
#ifndef FAS_PROBLEM_H
#define FAS_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "fas/base/err.h"

struct problem {
	unsigned status;
	const char *code;       /* stable */
	const char *title;      /* for people */
	unsigned retry_after_s; /* 0 = no Retry-After */
};

/* Never NULL; a reason that no rule names is mapped by its class. */
const struct problem *problem_of(const struct fas_err *e);

/* Is there a rule of its own for this reason (or for its family, as "saml_")? */
bool problem_knows(const char *reason);

/* All public codes, for documentation and its test: i from 0; NULL behind the last. */
const struct problem *problem_at(size_t i);

/* RFC 9457 document as text, malloc'ed; NULL when out of memory. */
char *problem_document(const struct problem *problem, const char *correlation_id);

#endif
