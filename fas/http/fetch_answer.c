/* What comes from the other side, and what a URL says: pure, and fed by the fuzzer. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/http/fetch.h"

#define PREFIX "http://"
#define FIELDS_MAX 200
#define VALUE_MAX FETCH_VALIDATOR_MAX
#define CHUNK_LINE_MAX 256
#define CHUNKS_MAX 1000000
#define SIZE_DIGITS_MAX 15

/* ---- the URL ---- */

static enum fas_code
bad_url(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "url_malformed", "RFC 9110 4.2.1: %s", finding);
}

/* A host name, or an IPv6 address in brackets; *at moves behind it. */
static bool
take_host(const char **at, struct fetch_url *out)
{
	out->literal6 = **at == '[';
	const char *begin = *at + out->literal6;
	size_t len = strcspn(begin, out->literal6 ? "]/" : ":/?");
	if (len == 0 || len > HOSTNAME_MAX || (out->literal6 && begin[len] != ']'))
		return false;
	memcpy(out->host, begin, len);
	out->host[len] = 0;
	*at = begin + len + out->literal6;
	if (out->literal6)
		return strspn(out->host, "0123456789abcdefABCDEF:.") == len;
	/* one label is enough: within an intranet it is found */
	return strspn(out->host,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") == len;
}

static bool
take_port(const char **at, struct fetch_url *out)
{
	char digits[8];
	uint64_t port = 80;
	if (**at == ':') {
		size_t len = strspn(*at + 1, "0123456789");
		if (len >= sizeof(digits))
			return false;
		memcpy(digits, *at + 1, len);
		digits[len] = 0;
		*at += 1 + len;
		if (!parse_uint(digits, 1, UINT16_MAX, &port))
			return false;
	}
	out->port = (uint16_t)port;
	return true;
}

enum fas_code
fetch_url_parse(const char *url, struct fetch_url *out, struct fas_err *e)
{
	*out = (struct fetch_url){0};
	if (strncasecmp(url, PREFIX, strlen(PREFIX)) != 0)
		return bad_url(e, "want http://: what is fetched must not need trust first");
	for (const char *c = url; *c; c++) {
		if (*c <= 0x20 || *c >= 0x7f || *c == '#')
			return bad_url(e, "a character that does not belong there");
	}
	const char *at = url + strlen(PREFIX);
	if (!take_host(&at, out))
		return bad_url(e, "no usable host");
	if (!take_port(&at, out))
		return bad_url(e, "no usable port");
	if (*at && *at != '/' && *at != '?')
		return bad_url(e, "something behind the host that is no path");
	int n = snprintf(out->target, sizeof(out->target), "%s%s", *at == '/' ? "" : "/", at);
	return n > 0 && n < (int)sizeof(out->target) ? FAS_OK : bad_url(e, "the path is too long");
}

/* ---- the head ---- */

static enum fas_code
malformed(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "http_malformed", "RFC 9112: %s", finding);
}

/* "HTTP/1.x NNN ..." */
static enum fas_code
read_status(const char *line, size_t len, struct fetch_head *out, struct fas_err *e)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' ||
	    (len > 12 && line[12] != ' '))
		return malformed(e, "4: no status line of HTTP/1");
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return malformed(e, "4: the status is no number of three digits");
		out->status = out->status * 10 + (unsigned)(line[i] - '0');
	}
	return FAS_OK;
}

/* The value without the white space around it. */
static bool
take_value(const char *line, size_t len, char out[VALUE_MAX])
{
	while (len > 0 && (*line == ' ' || *line == '\t'))
		line++, len--;
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	if (len >= VALUE_MAX || memchr(line, 0, len))
		return false;
	memcpy(out, line, len);
	out[len] = 0;
	return true;
}

/* The rest of the line, if it is a field of this name ("Name:"). */
static bool
is_field(const char *line, size_t len, const char *name)
{
	return len >= strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

/* It will be sent back as it is: nothing that could end a line.  Of two the first counts. */
static void
take_validator(const char *line, size_t len, const char *name, char out[FETCH_VALIDATOR_MAX])
{
	char value[VALUE_MAX];
	if (out[0] || !take_value(line + strlen(name), len - strlen(name), value))
		return;
	for (const char *c = value; *c; c++) {
		if (*c < 0x20 || *c >= 0x7f)
			return;
	}
	memcpy(out, value, FETCH_VALIDATOR_MAX);
}

/* Two lengths, or a length beside chunks, are how answers are smuggled: refused. */
static enum fas_code
read_field(const char *line, size_t len, struct fetch_head *out, struct fas_err *e)
{
	static const char length[] = "Content-Length:", coding[] = "Transfer-Encoding:";
	static const char etag[] = "ETag:", modified[] = "Last-Modified:";
	char value[VALUE_MAX];
	if (len == 0 || *line == ' ' || *line == '\t' || !memchr(line, ':', len))
		return malformed(e, "5: a line of the head is no field");
	if (is_field(line, len, etag))
		take_validator(line, len, etag, out->validators.etag);
	if (is_field(line, len, modified))
		take_validator(line, len, modified, out->validators.modified);
	if (is_field(line, len, length)) {
		if (out->has_length || out->chunked ||
		    !take_value(line + strlen(length), len - strlen(length), value) ||
		    !parse_uint(value, 0, INT64_MAX, &out->length))
			return malformed(e, "6.2: Content-Length is none, or not the only one");
		out->has_length = true;
	}
	if (is_field(line, len, coding)) {
		if (out->has_length || out->chunked ||
		    !take_value(line + strlen(coding), len - strlen(coding), value) ||
		    strcasecmp(value, "chunked") != 0)
			return malformed(e, "6.1: Transfer-Encoding is not chunked alone");
		out->chunked = true;
	}
	return FAS_OK;
}

/* The line at *at without its end, which is CRLF; false when it has not all come, or is too far away. */
static bool
take_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at));
	if (!newline || newline == *at || newline[-1] != '\r')
		return false;
	*line = *at;
	*len = (size_t)(newline - *at) - 1;
	*at = newline + 1;
	return true;
}

enum fas_code
fetch_head_parse(const uint8_t *bytes, size_t len, struct fetch_head *out, struct fas_err *e)
{
	const char *begin = (const char *)bytes, *at = begin, *line = NULL;
	size_t line_len = 0;
	*out = (struct fetch_head){0};
	size_t look = len < FETCH_HEAD_MAX ? len : FETCH_HEAD_MAX;
	if (!len || !memmem(bytes, look, "\r\n\r\n", 4))
		return len >= FETCH_HEAD_MAX ? malformed(e, "2.1: the head does not end") : FAS_OK;
	const char *end = begin + look;
	if (!take_line(&at, end, &line, &line_len))
		return malformed(e, "2.1: a line does not end in CRLF");
	enum fas_code rc = read_status(line, line_len, out, e);
	for (size_t i = 0; rc == FAS_OK; i++) {
		if (i == FIELDS_MAX || !take_line(&at, end, &line, &line_len))
			return malformed(e, "2.1: too many fields, or a line without CRLF");
		if (line_len == 0)
			break;
		rc = read_field(line, line_len, out, e);
	}
	if (rc == FAS_OK)
		out->len = (size_t)(at - begin);
	return rc;
}

/* ---- chunks ---- */

/* "SIZE[;extensions]"; false when it is none. */
static bool
read_size(const char *line, size_t len, size_t *out)
{
	size_t digits = 0;
	*out = 0;
	for (; digits < len && digits < SIZE_DIGITS_MAX; digits++) {
		static const char hex[] = "0123456789abcdef";
		char c = line[digits];
		const char *digit = c ? strchr(hex, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
		if (!digit)
			break;
		*out = *out * 16 + (size_t)(digit - hex);
	}
	return digits > 0 && (digits == len || line[digits] == ';' || line[digits] == ' ');
}

/* How a walk over the chunks goes on. */
enum walk { WALK_NEXT, WALK_MORE, WALK_DONE, WALK_MALFORMED };

/* One chunk at *at: its octets go to out, if it is given. */
static enum walk
take_chunk(const char **at, const char *end, uint8_t *out, size_t *size)
{
	const char *line = NULL;
	size_t len = 0;
	if (!take_line(at, end, &line, &len)) {
		size_t there = (size_t)(end - *at);
		return there > CHUNK_LINE_MAX || memchr(*at, '\n', there) ? WALK_MALFORMED
									  : WALK_MORE;
	}
	if (len > CHUNK_LINE_MAX || !read_size(line, len, size))
		return WALK_MALFORMED;
	if (*size == 0)
		return WALK_DONE;
	if ((size_t)(end - *at) < 2 || *size > (size_t)(end - *at) - 2)
		return WALK_MORE;
	if ((*at)[*size] != '\r' || (*at)[*size + 1] != '\n')
		return WALK_MALFORMED;
	if (out)
		memmove(out, *at, *size);
	*at += *size + 2;
	return WALK_NEXT;
}

/* Over all chunks; with move their octets go to the body's begin. */
static enum walk
walk_chunks(uint8_t *body, size_t len, bool move, size_t *total)
{
	const char *at = (const char *)body, *end = at + len;
	*total = 0;
	for (size_t i = 0; i < CHUNKS_MAX; i++) {
		size_t size = 0;
		enum walk walk = take_chunk(&at, end, move ? body + *total : NULL, &size);
		if (walk != WALK_NEXT)
			return walk;
		*total += size;
	}
	return WALK_MALFORMED;
}

enum fas_code
fetch_unchunk(uint8_t *body, size_t *len, bool *done, struct fas_err *e)
{
	size_t total = 0;
	*done = false;
	switch (walk_chunks(body, *len, false, &total)) {
	case WALK_MALFORMED:
		return malformed(e, "7.1: a chunk is malformed");
	case WALK_NEXT:
	case WALK_MORE:
		return FAS_OK;
	case WALK_DONE:
		break;
	}
	(void)walk_chunks(body, *len, true, &total);
	*len = total;
	*done = true;
	return FAS_OK;
}
