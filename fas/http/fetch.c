#include "fas/http/fetch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fas/base/clock.h"
#include "fas/base/own.h"
#include "ldap/connect.h"

#define PIECE_BYTES 65536
#define REQUEST_MAX (FETCH_TARGET_MAX + HOSTNAME_MAX + 2 * FETCH_VALIDATOR_MAX + 320)

struct fetch {
	int fd;
	int64_t deadline_us;
	size_t max_bytes;
	struct fetch_validators have; /* both "": nothing */
	struct buf answer;
	struct fetch_head head;
	bool ended; /* the other side has closed */
};

static void
fetch_done(struct fetch *f)
{
	own_fd(&f->fd);
	buf_done(&f->answer);
}
DEFINE_OWN_IN_PLACE(fetch, struct fetch, fetch_done);

static enum fas_code
timed_out(struct fas_err *e)
{
	return fas_fail(e, FAS_E_TIMEOUT, "fetch_timeout", "no whole answer in time");
}

/* ---- there ---- */

static enum fas_code
connect_to(struct fetch *f, const struct fetch_url *url, int timeout_ms, struct fas_err *e)
{
	struct address addresses[ADDRESSES_MAX];
	char detail[128];
	size_t n = 0;
	enum fas_code rc = discover_addresses(url->host, url->port, addresses, &n, e);
	if (rc != FAS_OK)
		return rc;
	f->deadline_us = clock_monotonic_us() + (int64_t)timeout_ms * 1000;
	f->fd = connect_addresses(addresses, n, f->deadline_us);
	if (f->fd >= 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "fetch_connect", "%s port %u: %s", url->host,
	    (unsigned)url->port, strerror_r(errno, detail, sizeof(detail)));
}

/* Ready for events before the deadline? */
static bool
await(const struct fetch *f, short events)
{
	struct pollfd p = {.fd = f->fd, .events = events};
	int n;
	do {
		n = poll(&p, 1, milliseconds_until(f->deadline_us));
	} while (n < 0 && errno == EINTR);
	return n == 1 && clock_monotonic_us() < f->deadline_us;
}

/* RFC 9110 13.1: where both are there, a server goes by the tag; one that knows none goes by the time. */
static void
put_conditions(const struct fetch_validators *have, struct buf *out)
{
	if (have->etag[0])
		buf_printf(out, "If-None-Match: %s\r\n", have->etag);
	if (have->modified[0])
		buf_printf(out, "If-Modified-Since: %s\r\n", have->modified);
}

static enum fas_code
format_request(
    const struct fetch *f, const struct fetch_url *url, struct buf *out, struct fas_err *e)
{
	buf_printf(out, "GET %s HTTP/1.1\r\nHost: %s%s%s", url->target, url->literal6 ? "[" : "",
	    url->host, url->literal6 ? "]" : "");
	if (url->port != 80)
		buf_printf(out, ":%u", (unsigned)url->port);
	buf_text(out, "\r\nAccept: */*\r\nCache-Control: no-cache\r\n");
	put_conditions(&f->have, out);
	buf_text(out, "Connection: close\r\n\r\n");
	if (out->failed && !out->no_memory)
		return fas_fail(e, FAS_E_INPUT, "url_malformed", "the request is too long");
	return buf_check(out, e);
}

static enum fas_code
send_request(struct fetch *f, const struct fetch_url *url, struct fas_err *e)
{
	OWN(buf) struct buf request;
	buf_init(&request, REQUEST_MAX);
	enum fas_code rc = format_request(f, url, &request, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t sent = 0; sent < request.len;) {
		if (!await(f, POLLOUT))
			return timed_out(e);
		ssize_t n = send(f->fd, request.data + sent, request.len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fas_fail(e, FAS_E_UNAVAILABLE, "http_cut",
			    "the connection ended before the request was sent");
		sent += n > 0 ? (size_t)n : 0;
	}
	return FAS_OK;
}

/* ---- and back ---- */

static enum fas_code
receive_piece(struct fetch *f, struct fas_err *e)
{
	uint8_t piece[PIECE_BYTES];
	if (!await(f, POLLIN))
		return timed_out(e);
	ssize_t n = recv(f->fd, piece, sizeof(piece), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return FAS_OK;
	if (n < 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "http_cut", "the connection was cut");
	f->ended = n == 0;
	buf_append(&f->answer, piece, (size_t)n);
	if (f->answer.failed && !f->answer.no_memory)
		return fas_fail(e, FAS_E_LIMIT, "fetch_too_large", "the answer is over %zu octets",
		    f->max_bytes);
	return buf_check(&f->answer, e);
}

/* A 304 is an answer only to who has asked for it. */
static bool
is_unchanged(const struct fetch *f)
{
	return f->head.status == 304 && (f->have.etag[0] || f->have.modified[0]);
}

static enum fas_code
check_head(const struct fetch *f, struct fas_err *e)
{
	if (is_unchanged(f))
		return FAS_OK;
	if (f->head.status != 200)
		return fas_fail(e, FAS_E_UNAVAILABLE, "http_status", "HTTP status %u, want 200",
		    f->head.status);
	if (f->head.has_length && f->head.length > f->max_bytes)
		return fas_fail(e, FAS_E_LIMIT, "fetch_too_large", "the answer is over %zu octets",
		    f->max_bytes);
	return FAS_OK;
}

/* Up to the end of the head. */
static enum fas_code
receive_head(struct fetch *f, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && f->head.len == 0 && !f->ended) {
		rc = receive_piece(f, e);
		if (rc == FAS_OK)
			rc = fetch_head_parse(f->answer.data, f->answer.len, &f->head, e);
	}
	if (rc == FAS_OK && f->head.len == 0)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "http_cut", "the answer ended within its head");
	return rc == FAS_OK ? check_head(f, e) : rc;
}

/* Has all come that is going to?  Chunks are looked at when the connection has ended, as it was asked to. */
static bool
is_whole(const struct fetch *f)
{
	return f->ended || (f->head.has_length && f->answer.len - f->head.len >= f->head.length);
}

static enum fas_code
take_body(struct fetch *f, struct buf *out, struct fas_err *e)
{
	uint8_t *body = f->answer.data + f->head.len;
	size_t len = f->answer.len - f->head.len;
	bool done = true;
	enum fas_code rc = FAS_OK;
	if (f->head.chunked)
		rc = fetch_unchunk(body, &len, &done, e);
	if (rc != FAS_OK)
		return rc;
	if (f->head.has_length) {
		done = len >= f->head.length;
		len = done ? (size_t)f->head.length : len;
	}
	if (!done)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "http_cut", "the answer ended within its body");
	/* The answer's memory becomes the body's: a large list is held once. */
	memmove(f->answer.data, body, len);
	f->answer.len = len;
	f->answer.data[len] = 0;
	*out = f->answer;
	f->answer = (struct buf){0};
	return FAS_OK;
}

static enum fas_code
receive_body(struct fetch *f, struct fetched *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && !is_whole(f))
		rc = receive_piece(f, e);
	out->validators = f->head.validators;
	return rc == FAS_OK ? take_body(f, &out->body, e) : rc;
}

enum fas_code
fetch_http(const char *url, size_t max_bytes, int timeout_ms, const struct fetch_validators *have,
    struct fetched *out, struct fas_err *e)
{
	struct fetch_url parsed;
	OWN(fetch) struct fetch f = {.fd = -1, .max_bytes = max_bytes};
	*out = (struct fetched){0};
	buf_init(&out->body, max_bytes);
	buf_init(&f.answer, max_bytes + FETCH_HEAD_MAX);
	if (have)
		f.have = *have;
	enum fas_code rc = fetch_url_parse(url, &parsed, e);
	if (rc == FAS_OK)
		rc = connect_to(&f, &parsed, timeout_ms, e);
	if (rc == FAS_OK)
		rc = send_request(&f, &parsed, e);
	if (rc == FAS_OK)
		rc = receive_head(&f, e);
	if (rc != FAS_OK)
		return rc;
	out->unchanged = is_unchanged(&f);
	return out->unchanged ? FAS_OK : receive_body(&f, out, e);
}

void
fetched_done(struct fetched *fetched)
{
	buf_done(&fetched->body);
}
