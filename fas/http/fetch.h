/*
 * One GET over plain HTTP, as a domain controller fetches a CRL or a certificate: no redirect is followed, no
 * credentials are sent, and the other side is a stranger: its answer has a size, its time has an end, and its head is
 * read strictly (RFC 9112).
 */
#ifndef FAS_HTTP_FETCH_H
#define FAS_HTTP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/buf.h"
#include "fas/base/err.h"
#include "fas/base/names.h"

#define FETCH_TARGET_MAX 1024
#define FETCH_HEAD_MAX 16384 /* of an answer */
#define FETCH_VALIDATOR_MAX 128

struct fetch_url {
	char host[HOSTNAME_MAX + 1]; /* an IPv6 address without its brackets */
	bool literal6;
	uint16_t port;
	char target[FETCH_TARGET_MAX]; /* with its slash */
};

/* http://HOST[:PORT]/PATH (RFC 9110 4.2.1), printable ASCII, without user and fragment.  FAS_E_INPUT "url_malformed". */
MUST_CHECK enum fas_code fetch_url_parse(const char *url, struct fetch_url *out, struct fas_err *e);

/* What an answer may be known again by (RFC 9110 8.8); "": it has none, or none that could be sent back. */
struct fetch_validators {
	char etag[FETCH_VALIDATOR_MAX], modified[FETCH_VALIDATOR_MAX];
};

/* How much of an answer is there. */
struct fetch_head {
	unsigned status;
	size_t len;   /* of the head with its empty line; 0 = not all of it has come */
	bool chunked; /* RFC 9112 7.1 */
	bool has_length;
	uint64_t length;
	struct fetch_validators validators;
};

/* FAS_E_INPUT "http_malformed".  Not yet whole is FAS_OK with len 0. */
MUST_CHECK enum fas_code fetch_head_parse(
    const uint8_t *bytes, size_t len, struct fetch_head *out, struct fas_err *e);

/*
 * Take the chunks of a body together, in place.  *done: the last one is there, and *len is what they hold.
 * FAS_E_INPUT "http_malformed".  A body that is not whole is FAS_OK without done, and unchanged.
 */
MUST_CHECK enum fas_code fetch_unchunk(uint8_t *body, size_t *len, bool *done, struct fas_err *e);

struct fetched {
	bool unchanged; /* RFC 9110 15.4.5: 304, there is no body */
	struct buf body;
	struct fetch_validators validators; /* of this body */
};

/*
 * The body of a 200 into out->body, which is initialized here with max_bytes.  have: of what the caller holds of this URL, so
 * that a 304 may be the answer; NULL or empty: nothing.  timeout_ms is for all of it but the look-up of the name, whose end is
 * the resolver's.  FAS_E_INPUT "url_malformed", "http_malformed"; FAS_E_UNAVAILABLE "host_unknown", "fetch_connect",
 * "http_status", "http_cut"; FAS_E_TIMEOUT "fetch_timeout"; FAS_E_LIMIT "fetch_too_large".
 */
MUST_CHECK enum fas_code fetch_http(const char *url, size_t max_bytes, int timeout_ms,
    const struct fetch_validators *have, struct fetched *out, struct fas_err *e);
void fetched_done(struct fetched *fetched);

DEFINE_OWN_IN_PLACE(fetched, struct fetched, fetched_done);

#endif
