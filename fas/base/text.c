#include "fas/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fas/base/own.h"

#define NEAREST_WORD_MAX 64

/* Value + 1 of a digit; 0 for all that is none. */
/* clang-format off */
static const uint8_t base64_values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};
/* clang-format on */

static int
base64_value(char c)
{
	return (int)base64_values[(uint8_t)c] - 1;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Four digits at a time, up to where something else is; returns how many characters that are. */
static size_t
base64_quads(const char *text, size_t len, uint8_t *out)
{
	const uint8_t *in = (const uint8_t *)text;
	size_t i = 0;
	for (; len - i >= 4; i += 4) {
		unsigned a = base64_values[in[i]], b = base64_values[in[i + 1]];
		unsigned c = base64_values[in[i + 2]], d = base64_values[in[i + 3]];
		if (!a || !b || !c || !d)
			break;
		uint32_t word = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		*out++ = (uint8_t)(word >> 16);
		*out++ = (uint8_t)(word >> 8);
		*out++ = (uint8_t)word;
	}
	return i;
}

/* One pass; returns the number of bytes decoded or -1.  out has room for len / 4 * 3 + 3 bytes. */
static ssize_t
base64_run(const char *text, size_t len, bool skip_space, uint8_t *out)
{
	size_t used = 0, digits = 0, pads = 0;
	uint32_t word = 0;
	for (size_t i = 0; i < len; i++) {
		if (digits % 4 == 0 && pads == 0) {
			size_t quads = base64_quads(text + i, len - i, out + used);
			used += quads / 4 * 3;
			digits += quads;
			i += quads;
			if (i == len)
				break;
		}
		int value = base64_value(text[i]);
		if (value < 0 && skip_space && is_space(text[i]))
			continue;
		if (text[i] == '=') {
			pads++;
			continue;
		}
		if (value < 0 || pads)
			return -1;
		word = word << 6 | (uint32_t)value;
		if (++digits % 4 == 0) {
			out[used++] = (uint8_t)(word >> 16);
			out[used++] = (uint8_t)(word >> 8);
			out[used++] = (uint8_t)word;
			word = 0;
		}
	}
	if ((digits + pads) % 4 != 0 || pads > 2 || digits % 4 == 1)
		return -1;
	if (pads == 2 && word & 0xf)
		return -1;
	if (pads == 1 && word & 0x3)
		return -1;
	if (pads == 2)
		out[used++] = (uint8_t)(word >> 4);
	if (pads == 1) {
		out[used++] = (uint8_t)(word >> 10);
		out[used++] = (uint8_t)(word >> 2);
	}
	return (ssize_t)used;
}

enum fas_code
base64_decode(const char *text, size_t len, bool skip_space, uint8_t **out, size_t *out_len,
    struct fas_err *e)
{
	OWN(bytes) uint8_t *data = malloc(len / 4 * 3 + 4);
	if (!data)
		return fas_fail_nomem(e);
	ssize_t used = base64_run(text, len, skip_space, data);
	if (used < 0)
		return fas_fail(e, FAS_E_INPUT, "base64_malformed", "RFC 4648 4: not base64");
	data[used] = 0;
	*out = TAKE(data);
	*out_len = (size_t)used;
	return FAS_OK;
}

char *
base64_encode(const void *data, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = data;
	char *out = malloc((len + 2) / 3 * 4 + 1);
	if (!out)
		return NULL;
	char *at = out;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t word = (uint32_t)in[i] << 16;
		if (left > 1)
			word |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			word |= in[i + 2];
		*at++ = digits[word >> 18 & 63];
		*at++ = digits[word >> 12 & 63];
		*at++ = left > 1 ? digits[word >> 6 & 63] : '=';
		*at++ = left > 2 ? digits[word & 63] : '=';
	}
	*at = 0;
	return out;
}

char *
hex_encode(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	out[2 * len] = 0;
	return out;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
hex_decode(const char *text, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text[2 * i]);
		int low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * len] == 0;
}

bool
parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uint64_t digit = (uint64_t)(*text - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* Length of the UTF-8 sequence at s, 0 if it is malformed; the code point in *point. */
static size_t
utf8_decode(const uint8_t *s, size_t left, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80       ? 1
		   : s[0] >> 5 == 6  ? 2
		   : s[0] >> 4 == 14 ? 3
		   : s[0] >> 3 == 30 ? 4
				     : 0;
	if (n == 0 || n > left)
		return 0;
	uint32_t value = n == 1 ? s[0] : s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		value = value << 6 | (s[i] & 63U);
	}
	if (value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*point = value;
	return n;
}

bool
utf8_is_valid(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		if (s[i] > 0 && s[i] < 0x80) { /* most text, at a fifth of the cost */
			i++;
			continue;
		}
		size_t n = utf8_decode(s + i, len - i, &point);
		if (n == 0 || point == 0)
			return false;
		i += n;
	}
	return true;
}

static bool
is_invisible(uint32_t point)
{
	static const uint32_t ranges[][2] = {{0x00, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
	    {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f},
	    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
	    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
	    {0xe0000, 0xe0fff}};
	for (size_t i = 0; i < NELEMS(ranges); i++) {
		if (point >= ranges[i][0] && point <= ranges[i][1])
			return true;
	}
	return false;
}

bool
utf8_has_invisible(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len;) {
		uint32_t point = 0;
		if (text[i] >= 0x20 && text[i] < 0x7f) {
			i++;
			continue;
		}
		size_t n = utf8_decode((const uint8_t *)text + i, len - i, &point);
		if (n == 0 || is_invisible(point))
			return true;
		i += n;
	}
	return false;
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
ascii_equal_nocase(const char *a, const char *b)
{
	while (*a && ascii_lower(*a) == ascii_lower(*b)) {
		a++;
		b++;
	}
	return ascii_lower(*a) == ascii_lower(*b);
}

const char *
time_format(int64_t unix_s, char out[TIME_TEXT_MAX])
{
	time_t t = (time_t)unix_s;
	struct tm tm;
	if (!gmtime_r(&t, &tm) || strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = 0;
	return out;
}

bool
time_parse(const char *text, int64_t *unix_s)
{
	char again[TIME_TEXT_MAX];
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		return false;
	*unix_s = (int64_t)timegm(&tm);
	/* strptime takes 31 February and one-digit fields: only what reads back the same is it. */
	return strcmp(time_format(*unix_s, again), text) == 0;
}

static size_t
least_of(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Levenshtein with one row; both words are at most NEAREST_WORD_MAX long. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NEAREST_WORD_MAX + 1];
	size_t nb = strlen(b);
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t above = row[j];
			row[j] =
			    least_of(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[nb];
}

const char *
nearest_word(const char *word, const char *const *known, size_t n)
{
	const char *best = NULL;
	size_t best_distance = 3;
	if (strlen(word) > NEAREST_WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (strlen(known[i]) > NEAREST_WORD_MAX)
			continue;
		size_t d = distance(word, known[i]);
		if (d < best_distance && 2 * d < strlen(known[i]) + 1) {
			best = known[i];
			best_distance = d;
		}
	}
	return best;
}

bool
parse_duration(const char *text, int64_t min_s, int64_t max_s, int64_t *out_s)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char digits[12];
	size_t len = strlen(text);
	if (len < 2 || len > sizeof(digits))
		return false;
	memcpy(digits, text, len - 1);
	digits[len - 1] = 0;
	uint64_t count;
	for (size_t i = 0; i < NELEMS(units); i++) {
		if (text[len - 1] != units[i].unit || !parse_uint(digits, 0, UINT32_MAX, &count))
			continue;
		int64_t value = (int64_t)(count * units[i].seconds);
		if (value < min_s || value > max_s)
			return false;
		*out_s = value;
		return true;
	}
	return false;
}
