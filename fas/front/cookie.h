/*
 * Cookies (RFC 6265), all with the prefix __Host-: set over TLS by this very host for all of its paths, so no neighbour under
 * the same domain can plant one.
 */
#ifndef FAS_FRONT_COOKIE_H
#define FAS_FRONT_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/http/http.h"

#define COOKIE_VALUE_MAX 128 /* with NUL */

/*
 * The cookie's value from a Cookie header: letters, digits, '.', '_', '-'.  False when there is none, or one that this
 * service would not have set, or two.
 */
bool cookie_get(const char *header, const char *name, char out[COOKIE_VALUE_MAX]);

enum cookie_site {
	COOKIE_CROSS_SITE, /* SameSite=None: it comes with the form that a provider's page posts here */
	COOKIE_LAX,
};
/* HttpOnly, Secure, Path=/; life_s 0: until the browser ends.  A value that cookie_get would not give back is not set. */
void cookie_set(struct http_response *response, const char *name, const char *value,
    enum cookie_site site, int64_t life_s);

#endif
