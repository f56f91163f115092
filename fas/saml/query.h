/*
 * The query string of the redirect binding (SAML bindings 3.4.4.1), as it came.
 *
 * What was signed are octets of it: who decodes and encodes again verifies something else (Microsoft writes %2f, others
 * %2F).  Parameters of other names are no part of the message and are not looked at; none of ours may be there twice, and
 * no name may be hidden in %XX.
 */
#ifndef FAS_SAML_QUERY_H
#define FAS_SAML_QUERY_H

#include "fas/base/buf.h"

#define QUERY_PARAMETERS_MAX 32

enum query_part {
	QUERY_REQUEST,
	QUERY_RESPONSE,
	QUERY_RELAY_STATE,
	QUERY_SIG_ALG,
	QUERY_SIGNATURE,
	QUERY_ENCODING,
	QUERY_PARTS
};

/* The values, still encoded; borrowed.  NULL = it is not there. */
struct query {
	const char *at[QUERY_PARTS];
	size_t len[QUERY_PARTS];
};

/* Without '?'.  One message, packed by DEFLATE.  FAS_E_INPUT "saml_query". */
MUST_CHECK enum fas_code query_split(const char *text, struct query *out, struct fas_err *e);

/* One value, decoded (RFC 3986 2.1, and + for a blank); malloc'ed.  It has to be there.  FAS_E_INPUT "saml_query". */
MUST_CHECK enum fas_code query_decode(
    const struct query *q, enum query_part part, char **out, struct fas_err *e);

/* What the signature is of: message, RelayState and SigAlg in this order, octet for octet. */
MUST_CHECK enum fas_code query_signed(
    const struct query *q, enum query_part message, struct buf *out, struct fas_err *e);

#endif
