/* Times as SAML writes them, and their comparison with the clock. */
#ifndef FAS_SAML_WHEN_H
#define FAS_SAML_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "fas/base/err.h"

/*
 * SAML core 1.3.3: xs:dateTime in UTC with "Z", fractional seconds allowed (and cut off).  1970 to 9999; no leap
 * second, no hour 24, no offset.
 */
bool when_parse(const char *text, int64_t *out_s);

/* XML Schema 3.2.6, not negative and at most ten years: a year is 365 days here, a month 30. */
bool when_duration_parse(const char *text, int64_t *out_s);

/*
 * The attribute's time into *out_s, or absent when there is none.  A malformed one is FAS_E_AUTH with reason; clause
 * begins the message.
 */
MUST_CHECK enum fas_code when_attr(const xmlNode *node, const char *name, int64_t absent,
    const char *clause, const char *reason, int64_t *out_s, struct fas_err *e);

#endif
