#include <stdio.h>
#include <string.h>

#include "fas/http/http.h"

static bool
is_segment_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

/* One segment of path into out; returns what follows, or NULL when it is empty or too long. */
static const char *
take_segment(const char *path, char out[HTTP_SEGMENT_MAX])
{
	size_t len = 0;
	while (len < HTTP_SEGMENT_MAX && is_segment_byte(path[len]))
		len++;
	if (len == 0 || len == HTTP_SEGMENT_MAX)
		return NULL;
	memcpy(out, path, len);
	out[len] = 0;
	return path + len;
}

static bool
path_fits(const char *pattern, const char *path, char segments[2][HTTP_SEGMENT_MAX])
{
	size_t n = 0;
	segments[0][0] = segments[1][0] = 0;
	for (; *pattern; pattern++) {
		if (*pattern == '?') {
			if (n == 2 || !(path = take_segment(path, segments[n++])))
				return false;
		} else if (*pattern != *path++) {
			return false;
		}
	}
	return *path == 0;
}

static bool
method_fits(const struct http_route *route, const char *method)
{
	if (strcmp(route->method, method) == 0)
		return true;
	return strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0;
}

static void
add_method(char allow[64], const char *method)
{
	size_t used = strlen(allow);
	const char *also = strcmp(method, "GET") == 0 ? ", HEAD" : "";
	(void)snprintf(allow + used, 64 - used, "%s%s%s", used > 0 ? ", " : "", method, also);
}

enum fas_code
http_route_find(const struct http_route *routes, size_t n, const char *method, const char *path,
    struct http_match *out, struct fas_err *e)
{
	char segments[2][HTTP_SEGMENT_MAX];
	*out = (struct http_match){0};
	for (size_t i = 0; i < n; i++) {
		if (!path_fits(routes[i].path, path, segments))
			continue;
		if (method_fits(&routes[i], method)) {
			out->route = &routes[i];
			memcpy(out->segment, segments[0], HTTP_SEGMENT_MAX);
			memcpy(out->second, segments[1], HTTP_SEGMENT_MAX);
			return FAS_OK;
		}
		add_method(out->allow, routes[i].method);
	}
	if (out->allow[0])
		return fas_fail(e, FAS_E_INPUT, "method_refused",
		    "RFC 9110 15.5.6: method %.16s, want %s", method, out->allow);
	return fas_fail(e, FAS_E_NOTFOUND, "route_unknown", "no such path");
}
