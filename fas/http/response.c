#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/json.h"
#include "fas/http/http.h"
#include "fas/problem.h"

void
http_response_init(struct http_response *response, const char *correlation_id)
{
	*response = (struct http_response){.fd = -1};
	buf_init(&response->body, HTTP_BODY_MAX);
	(void)snprintf(
	    response->correlation_id, sizeof(response->correlation_id), "%s", correlation_id);
}

void
http_response_done(struct http_response *response)
{
	buf_done(&response->body);
	free(response->location);
	response->location = NULL;
	if (response->fd >= 0)
		(void)close(response->fd);
	response->fd = -1;
}

/* The i-th header, a new one behind the last; NULL: there is no room. */
static struct http_header *
take_header(struct http_response *response, size_t i, const char *name)
{
	if (i == HTTP_HEADERS_MAX)
		return NULL;
	if (i == response->n_headers)
		response->n_headers++;
	response->headers[i].name = name;
	return &response->headers[i];
}

void
http_header(struct http_response *response, const char *name, const char *fmt, ...)
{
	size_t i = 0;
	va_list args;
	while (i < response->n_headers && strcmp(response->headers[i].name, name) != 0)
		i++;
	struct http_header *header = take_header(response, i, name);
	if (!header)
		return;
	va_start(args, fmt);
	(void)vsnprintf(header->value, sizeof(header->value), fmt, args);
	va_end(args);
}

void
http_add_header(struct http_response *response, const char *name, const char *fmt, ...)
{
	va_list args;
	struct http_header *header = take_header(response, response->n_headers, name);
	if (!header)
		return;
	va_start(args, fmt);
	(void)vsnprintf(header->value, sizeof(header->value), fmt, args);
	va_end(args);
}

bool
http_has_header(const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->n_headers; i++) {
		if (strcmp(response->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

static void
restart(struct http_response *response, unsigned status, const char *content_type)
{
	buf_done(&response->body);
	buf_init(&response->body, HTTP_BODY_MAX);
	if (response->fd >= 0)
		(void)close(response->fd);
	response->fd = -1;
	free(response->location);
	response->location = NULL;
	response->status = status;
	response->content_type = content_type;
}

void
http_answer_text(
    struct http_response *response, unsigned status, const char *content_type, const char *text)
{
	restart(response, status, content_type);
	buf_text(&response->body, text);
	if (response->body.failed) /* no half an answer, and no success without one */
		restart(response, 500, NULL);
}

void
http_answer_empty(struct http_response *response, unsigned status)
{
	restart(response, status, NULL);
}

void
http_answer_see_other(struct http_response *response, const char *location)
{
	char *copy = strdup(location);
	if (!copy) {
		restart(response, 500, NULL);
		return;
	}
	free(response->location);
	response->location = copy;
	response->status = 303;
}

void
http_answer_json(struct http_response *response, unsigned status, json_t *body)
{
	char *text = json_text(body, JSON_COMPACT);
	json_decref(body);
	if (!text) {
		struct fas_err e = {0};
		fas_fail_nomem(&e);
		http_answer_problem(response, &e);
		return;
	}
	http_answer_text(response, status, "application/json", text);
	free(text);
}

void
http_answer_problem(struct http_response *response, const struct fas_err *e)
{
	const struct problem *problem = problem_of(e);
	char *text = problem_document(problem, response->correlation_id);
	http_answer_text(response, problem->status, "application/problem+json", text ? text : "{}");
	free(text);
	if (problem->retry_after_s > 0)
		http_header(response, "Retry-After", "%u", problem->retry_after_s);
	/* RFC 9110 15.5.2 wants a challenge; there is no registered scheme for client certificates. */
	if (problem->status == 401)
		http_header(response, "WWW-Authenticate", "Certificate realm=\"fas\"");
}

void
http_refuse(struct http_response *response, const struct fas_err *e)
{
	http_answer_problem(response, e);
	response->refusal = *e;
}
