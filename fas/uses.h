/*
 * What the programs of a session have signed with keys that the host keeps.  The service does not see such signatures:
 * the host reports them, and they go on record beside those of the service's own keys, as reported.
 */
#ifndef FAS_USES_H
#define FAS_USES_H

#include <stdint.h>

#include "fas/service.h"

#define USES_MAX 32 /* in one report */
#define USES_SIGNATURES_MAX 1000000

/* All borrowed. */
struct use {
	const char *serial;  /* of the session's certificate, hex */
	const char *program; /* or NULL: the host cannot tell */
	const char *mechanism, *hash;
	int64_t signatures;              /* at least 1 */
	int64_t first_ago_s, last_ago_s; /* before the report, by the host's clock */
};

struct uses {
	int64_t report; /* the host's number for it, growing within a session, from 1 */
	size_t n;
	struct use list[USES_MAX];
};

/*
 * A record "key_used" for each, all or none.  A report whose number is not above the last one's is on record already:
 * FAS_OK, nothing is written.  An ended session's host may still report.  FAS_E_NOTFOUND "session_unknown";
 * FAS_E_DENIED "use_certificate": none of the session whose key the host keeps; FAS_E_LIMIT "uses_rate": two in a second.
 */
MUST_CHECK enum fas_code session_uses(struct service *service, struct request *request,
    const char *id, const struct uses *uses, struct fas_err *e);

#endif
