/*
 * One link of the audit chain: what its hash covers.  For the files of the trail itself.
 */
#ifndef FAS_BASE_AUDIT_LINK_H
#define FAS_BASE_AUDIT_LINK_H

#include "fas/base/audit.h"

struct audit_link {
	int64_t seq;
	int64_t time_ms;
	uint8_t previous[AUDIT_HASH];
	uint8_t hash[AUDIT_HASH];
};

/*
 * SHA-256 over a context, the previous hash, number, time and body: fixed widths first, so that nothing can be shifted.
 * False: OpenSSL said no.
 */
bool audit_link_hash(const struct audit_link *link, const char *body, uint8_t out[AUDIT_HASH]);
/* A column that holds a hash; false when it holds something else. */
bool audit_link_copy(struct db_query *q, int column, uint8_t out[AUDIT_HASH]);

#endif
