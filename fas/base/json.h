/*
 * Strict JSON objects on top of jansson: duplicate keys are refused by the parser, unknown members
 * by json_finish.
 *
 *     struct json_reader r;
 *     json_open(&r, bytes, len, e);
 *     host = json_need_text(&r, "host", 1, 253);
 *     days = json_want_int(&r, "days", 1, 90, 30);
 *     if (json_finish(&r) != FAS_OK) return e->code;          the first error of all the calls
 * above
 *
 * Values are borrowed from the reader and die with json_close.
 */
#ifndef FAS_BASE_JSON_H
#define FAS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define JSON_MEMBERS_MAX 32

struct json_reader {
	json_t *object; /* owned */
	const char *taken[JSON_MEMBERS_MAX];
	size_t n_taken;
	struct fas_err *e;
};

/*
 * Parse one whole object of bytes; every text in it is valid UTF-8 without NUL.
 * FAS_E_INPUT "json_malformed" with line and column.  r is safe to close in any case.
 */
enum fas_code json_open(struct json_reader *r, const char *bytes, size_t len, struct fas_err *e);
/* Read an object that somebody else has parsed (a nested one, a wire message); takes a new
 * reference. */
enum fas_code json_open_object(struct json_reader *r, json_t *object, struct fas_err *e);
void json_close(struct json_reader *r);

/*
 * Did jansson find no memory in this thread since the last call or json_open?  Then what was built since may lack members, as
 * json_pack leaves out an optional one whose text it cannot copy: it must not be used.
 */
bool json_starved(void);
/*
 * The text of the whole value, as json_dumps writes it, or NULL: jansson itself drops what its buffer has no room for.
 * NULL too when memory was wanting since json_starved or json_open, as above.  malloc'ed.
 */
char *json_text(json_t *value, size_t flags);

/*
 * Required (need) and optional (want) members.  Missing, of another type, out of bounds:
 * "member_missing", "member_invalid" in e, and NULL / 0 / the fallback is returned; json_finish
 * reports it. Lengths count bytes without the NUL; a text must be printable: no control characters.
 */
const char *json_need_text(struct json_reader *r, const char *name, size_t min, size_t max);
const char *json_want_text(struct json_reader *r, const char *name, size_t min, size_t max);
/* As json_need_text, but line breaks and tabs are allowed (PEM, wrapped base64). */
const char *json_need_lines(struct json_reader *r, const char *name, size_t min, size_t max);
const char *json_want_lines(struct json_reader *r, const char *name, size_t min, size_t max);
int64_t json_need_int(struct json_reader *r, const char *name, int64_t min, int64_t max);
int64_t json_want_int(
    struct json_reader *r, const char *name, int64_t min, int64_t max, int64_t fallback);
bool json_want_bool(struct json_reader *r, const char *name, bool fallback);
/* Any value of the given type; NULL when it is absent (want) or wrong. */
json_t *json_need_value(struct json_reader *r, const char *name, json_type type);
json_t *json_want_value(struct json_reader *r, const char *name, json_type type);
/* Base64 (strict) of 1..max bytes: malloc'ed, the caller's; NULL and an error otherwise. */
uint8_t *json_need_base64(struct json_reader *r, const char *name, size_t max, size_t *len);

/* The first error; else FAS_E_INPUT "member_unknown" when a member was never asked for; else
 * FAS_OK. */
MUST_CHECK enum fas_code json_finish(struct json_reader *r);

DEFINE_OWN_IN_PLACE(json_reader, struct json_reader, json_close);
/* OWN(json) json_t *value = ...; */
DEFINE_OWN(json, json_t *, json_decref);

#endif
