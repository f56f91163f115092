/*
 * RFC 8259, strictly: one object; keys are unique, texts are UTF-8 without NUL, nesting has a bound and nothing recurs.
 * The values are jansson's; its parser takes octet by octet what is mostly one long run of base64.
 */
#ifndef FAS_BASE_JSON_PARSE_H
#define FAS_BASE_JSON_PARSE_H

#include <stddef.h>

#include <jansson.h>

#include "fas/base/err.h"

#define JSON_DEPTH_MAX 32

/*
 * *out: the object, the caller's; NULL on failure.  FAS_E_INPUT "json_malformed" with line and column, and no word of
 * the text itself: it may hold a ticket or a token.
 */
MUST_CHECK enum fas_code json_parse(const char *bytes, size_t len, json_t **out, struct fas_err *e);

#endif
