#include "fas/front/cookie.h"

#include <inttypes.h>
#include <string.h>

#define PAIRS_MAX 64 /* looked at in one header */

static bool
value_is_ours(const char *text, size_t len)
{
	size_t good =
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	return len > 0 && len < COOKIE_VALUE_MAX && good >= len;
}

bool
cookie_get(const char *header, const char *name, char out[COOKIE_VALUE_MAX])
{
	size_t name_len = strlen(name), found = 0;
	out[0] = 0;
	for (size_t i = 0; i < PAIRS_MAX && *header; i++) {
		header += strspn(header, " \t");
		size_t len = strcspn(header, ";");
		if (len > name_len && strncmp(header, name, name_len) == 0 &&
		    header[name_len] == '=') {
			const char *value = header + name_len + 1;
			size_t value_len = len - name_len - 1;
			found += value_is_ours(value, value_len) ? 1 : 2;
			if (found == 1) {
				memcpy(out, value, value_len);
				out[value_len] = 0;
			}
		}
		header += len + (header[len] == ';');
	}
	if (found != 1)
		out[0] = 0;
	return found == 1;
}

void
cookie_set(struct http_response *response, const char *name, const char *value,
    enum cookie_site site, int64_t life_s)
{
	const char *same = site == COOKIE_CROSS_SITE ? "None" : "Lax";
	if (!value_is_ours(value, strlen(value)))
		return;
	if (life_s > 0)
		http_add_header(response, "Set-Cookie",
		    "%s=%s; Path=/; Secure; HttpOnly; SameSite=%s; Max-Age=%" PRId64, name, value,
		    same, life_s);
	else
		http_add_header(response, "Set-Cookie",
		    "%s=%s; Path=/; Secure; HttpOnly; SameSite=%s", name, value, same);
}
