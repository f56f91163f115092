/*
 * The providers' metadata, refreshed: each URL is asked as often as its entry says, and what is good is kept in the state
 * folder and put in force.  What is bad changes nothing: the old stays until its validUntil.
 */
#ifndef FAS_IDP_REFRESH_H
#define FAS_IDP_REFRESH_H

#include "fas/base/buf.h"
#include "fas/service.h"

struct idp_refresh;

/* GET of a document: fetch_url of fas/http/fetch_url.h, or a test's. */
typedef enum fas_code idp_refresh_fetch(const char *url, const char *ca_file, size_t max_bytes,
    int timeout_ms, struct buf *out, struct fas_err *e);

/* folder: of the last good copies, made when it is not there.  All borrowed. */
MUST_CHECK enum fas_code idp_refresh_new(struct service *service, const char *folder,
    idp_refresh_fetch *fetch, struct idp_refresh **out, struct fas_err *e);
void idp_refresh_free(struct idp_refresh *refresh);

/* Ask every URL that is due.  Returns in how many seconds to come again.  By one thread. */
unsigned idp_refresh_round(struct idp_refresh *refresh);
/* A round under way ends with the URL that it is at. */
void idp_refresh_stop(struct idp_refresh *refresh);

DEFINE_OWN(idp_refresh, struct idp_refresh *, idp_refresh_free);

#endif
