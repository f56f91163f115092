/*
 * CRLs and CA certificates over plain HTTP, from the folder that fas-signer writes: RFC 5280 4.2.1.13, RFC 2585.
 *
 * Plain, because whoever fetches them cannot trust a TLS certificate yet; never cached here, so that a CRL is out as
 * soon as it lies in the folder.
 */
#ifndef FAS_PUBLISHER_H
#define FAS_PUBLISHER_H

#include "fas/http/http.h"

struct publisher {
	const char *folder; /* borrowed; need not be there yet */
};

extern const struct http_route publisher_routes[];
extern const size_t publisher_n_routes;

#endif
