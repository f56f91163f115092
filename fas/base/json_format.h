/*
 * A value as the shortest text of it (RFC 8259), the way jansson's json_dumps writes it with JSON_COMPACT, byte for
 * byte: hashes stand over such texts.  What is short of jansson's is its pace: it decodes each character of a text that
 * it knows to be UTF-8, and hands it on through a callback.
 */
#ifndef FAS_BASE_JSON_FORMAT_H
#define FAS_BASE_JSON_FORMAT_H

#include <stdbool.h>

#include <jansson.h>

#include "fas/base/buf.h"

/* sorted: members in the order of their keys (strcmp), else in that of their making.  malloc'ed; NULL: no memory, or
 * nested deeper than JSON_DEPTH_MAX. */
char *json_format(json_t *value, bool sorted);

/* s[0..len), which is UTF-8, as a JSON string with its quotation marks. */
void json_format_text(struct buf *out, const char *s, size_t len);

#endif
