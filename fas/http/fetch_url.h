/*
 * One GET of a document whose server proves who it is: https, by the system's authorities or those of one file; plain http
 * is for this machine alone, which the caller has to see to (fas/saml/asks.h).  No redirect is followed, nothing is sent but
 * the request; the answer has a size, and its time an end.
 */
#ifndef FAS_HTTP_FETCH_URL_H
#define FAS_HTTP_FETCH_URL_H

#include "fas/base/buf.h"

/* Once per process, before threads. */
MUST_CHECK enum fas_code fetch_url_init(struct fas_err *e);

/*
 * The body of a 200 into out, which is initialized here with max_bytes.  ca_file: PEM, NULL for the system's.  body of a
 * status other than 200 is dropped: FAS_E_UNAVAILABLE "http_status"; "fetch_tls" (the server has not proved its name),
 * "fetch_connect" (any other way in which there was no answer); FAS_E_TIMEOUT "fetch_timeout"; FAS_E_LIMIT
 * "fetch_too_large".
 */
MUST_CHECK enum fas_code fetch_url(const char *url, const char *ca_file, size_t max_bytes,
    int timeout_ms, struct buf *out, struct fas_err *e);

/*
 * Does anybody answer there, whatever the status?  *date_s: what time it is there by the answer's Date, 0 when it does not
 * say.  The same errors but "http_status".
 */
MUST_CHECK enum fas_code fetch_url_probe(
    const char *url, const char *ca_file, int timeout_ms, int64_t *date_s, struct fas_err *e);

#endif
