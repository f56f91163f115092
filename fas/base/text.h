/* Small text primitives: encodings and numbers, each bounded and strict. */
#ifndef FAS_BASE_TEXT_H
#define FAS_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

/*
 * RFC 4648 4, strict: right padding, no foreign characters; white space only where skip_space says
 * so. *out is malloc'ed (NUL-terminated beyond *len) and the caller's.  FAS_E_INPUT
 * "base64_malformed".
 */
MUST_CHECK enum fas_code base64_decode(const char *text, size_t len, bool skip_space, uint8_t **out,
    size_t *out_len, struct fas_err *e);
/* malloc'ed text, the caller's; NULL when out of memory. */
char *base64_encode(const void *data, size_t len);

/* Lower-case hex into out, which has 2 * len + 1 bytes; returns out. */
char *hex_encode(const void *data, size_t len, char *out);
/* Exactly 2 * len hex digits and then NUL. */
bool hex_decode(const char *text, uint8_t *out, size_t len);

/* Decimal digits only, no sign, no leading zero but "0" itself, min <= value <= max, whole text
 * consumed. */
bool parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms) without NUL. */
bool utf8_is_valid(const char *text, size_t len);
/* Does it hold a control character (C0, DEL, C1) or one that only formats (bidi, zero width, BOM,
 * U+2028/9)? */
bool utf8_has_invisible(const char *text);

/* ASCII only: bytes above 0x7f compare exactly. */
bool ascii_equal_nocase(const char *a, const char *b);

/* RFC 3339 UTC, seconds: 2026-11-23T02:35:50Z.  Returns out. */
#define TIME_TEXT_MAX 32
const char *time_format(int64_t unix_s, char out[TIME_TEXT_MAX]);
/* The reverse: exactly the form that time_format writes. */
bool time_parse(const char *text, int64_t *unix_s);

/*
 * The known word nearest to word (Levenshtein distance <= 2 and less than half its length), or
 * NULL. known: n borrowed strings.
 */
const char *nearest_word(const char *word, const char *const *known, size_t n);

/*
 * A duration as people write it: digits and one unit s, m, h, d ("15m"); no unit is refused.
 * min_s <= value <= max_s.
 */
bool parse_duration(const char *text, int64_t min_s, int64_t max_s, int64_t *out_s);

#endif
