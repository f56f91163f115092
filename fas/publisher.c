#include "fas/publisher.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fas/base/own.h"

#define NAME_MAX_BYTES 64
#define ETAG_MAX 64
#define DATE_MAX 32

struct kind {
	const char *folder;
	const char *suffix;
	const char *content_type; /* RFC 2585 4 */
	unsigned max_age_s;
};

#define KINDS 2 /* of one folder: DER, as certificates name it, and PEM */

static const struct kind crl_kinds[KINDS] = {
    {"crl", ".crl", "application/pkix-crl", 60}, {"crl", ".pem", "application/x-pem-file", 60}};
static const struct kind ca_kinds[KINDS] = {
    {"ca", ".cer", "application/pkix-cert", 3600}, {"ca", ".pem", "application/x-pem-file", 3600}};

/* [a-z0-9-]{1,64} and the suffix, nothing else: no dots, so no way out of the folder. */
static bool
name_is_valid(const char *name, const char *suffix)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return len >= 1 && len <= NAME_MAX_BYTES && strcmp(name + len, suffix) == 0;
}

/* The kind whose suffix the name has; the first, whose suffix it lacks, when it has none. */
static const struct kind *
kind_of(const struct kind kinds[KINDS], const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (name_is_valid(name, kinds[i].suffix))
			return &kinds[i];
	}
	return &kinds[0];
}

static enum fas_code
fail_open(const char *name, struct fas_err *e)
{
	if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)
		return fas_fail(
		    e, FAS_E_NOTFOUND, "object_unknown", "no published object of this name");
	return fas_fail_errno(e, "%s", name);
}

/* Below the configured folder no symbolic link is followed. */
static enum fas_code
open_object(const char *folder, const struct kind *kind, const char *name, int *out,
    struct stat *st, struct fas_err *e)
{
	if (!name_is_valid(name, kind->suffix))
		return fas_fail(
		    e, FAS_E_NOTFOUND, "object_unknown", "no name of a published object");
	OWN(fd) int top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return fail_open(folder, e);
	OWN(fd)
	int below = openat(top, kind->folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0)
		return fail_open(kind->folder, e);
	OWN(fd) int fd = openat(below, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail_open(name, e);
	if (fstat(fd, st) != 0)
		return fas_fail_errno(e, "%s", name);
	if (!S_ISREG(st->st_mode))
		return fas_fail(e, FAS_E_NOTFOUND, "object_unknown", "no regular file");
	*out = fd;
	fd = -1;
	return FAS_OK;
}

static void
format_etag(const struct stat *st, char out[ETAG_MAX])
{
	(void)snprintf(out, ETAG_MAX, "\"%" PRIx64 "-%" PRIx64 ".%lx-%" PRIx64 "\"",
	    (uint64_t)st->st_ino, (uint64_t)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
	    (uint64_t)st->st_size);
}

/* RFC 9110 5.6.7; the C locale is in force, so the names are English. */
static void
format_date(time_t when, char out[DATE_MAX])
{
	struct tm tm;
	if (!gmtime_r(&when, &tm) || strftime(out, DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		out[0] = 0;
}

static bool
parse_date(const char *text, time_t *out)
{
	struct tm tm = {0};
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (!end || *end)
		return false;
	*out = timegm(&tm);
	return true;
}

/* RFC 9110 13.1.2: a list of tags, weak ones compare like strong ones here; "*" is any. */
static bool
tag_is_listed(const char *list, const char *etag)
{
	size_t len = strlen(etag);
	if (strcmp(list, "*") == 0)
		return true;
	for (const char *at = strstr(list, etag); at; at = strstr(at + len, etag)) {
		char before = at == list ? ',' : at[-1];
		char after = at[len];
		if ((before == ',' || before == ' ' || before == '/') &&
		    (after == 0 || after == ',' || after == ' '))
			return true;
	}
	return false;
}

/* RFC 9110 13.2.2: If-Modified-Since counts only where there is no If-None-Match. */
static bool
is_unchanged(const struct http_request *request, const struct stat *st, const char *etag)
{
	time_t since;
	if (request->if_none_match[0])
		return tag_is_listed(request->if_none_match, etag);
	return request->if_modified_since[0] && parse_date(request->if_modified_since, &since) &&
	       st->st_mtim.tv_sec <= since;
}

static void
publish(const struct publisher *publisher, const struct kind kinds[KINDS],
    const struct http_request *request, struct http_response *response)
{
	const struct kind *kind = kind_of(kinds, request->segment);
	struct fas_err e = {0};
	struct stat st;
	char etag[ETAG_MAX], date[DATE_MAX];
	OWN(fd) int fd = -1;
	if (open_object(publisher->folder, kind, request->segment, &fd, &st, &e) != FAS_OK) {
		http_refuse(response, &e);
		return;
	}
	format_etag(&st, etag);
	format_date(st.st_mtim.tv_sec, date);
	http_header(response, "ETag", "%s", etag);
	http_header(response, "Last-Modified", "%s", date);
	http_header(response, "Cache-Control", "public, max-age=%u", kind->max_age_s);
	if (is_unchanged(request, &st, etag)) {
		http_answer_empty(response, 304);
		return;
	}
	response->status = 200;
	response->content_type = kind->content_type;
	response->fd_size = (uint64_t)st.st_size;
	response->fd = fd;
	fd = -1;
}

static void
get_crl(void *app, const struct http_request *request, struct http_response *response)
{
	publish(app, crl_kinds, request, response);
}

static void
get_ca(void *app, const struct http_request *request, struct http_response *response)
{
	publish(app, ca_kinds, request, response);
}

const struct http_route publisher_routes[] = {
    {"GET", "/crl/?", "crl", ROLE_NONE, 0, 0, false, false, get_crl},
    {"GET", "/ca/?", "ca", ROLE_NONE, 0, 0, false, false, get_ca},
};
const size_t publisher_n_routes = NELEMS(publisher_routes);
