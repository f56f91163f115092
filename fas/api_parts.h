/* What the API's handlers have in common, and those that stand in a file of their own; for fas/api*.c alone. */
#ifndef FAS_API_PARTS_H
#define FAS_API_PARTS_H

#include "fas/api.h"
#include "fas/base/json.h"
#include "fas/service.h"

struct request api_request(const struct http_request *http);
/* The pipeline may have found that the request belongs to an older story. */
void api_adopt_correlation(struct http_response *response, const struct request *request);
/* The pipeline's refusal, with its own word on when to come again. */
void api_answer_refusal(
    struct http_response *response, const struct request *request, const struct fas_err *e);
/* RFC 3339 text; a new reference. */
json_t *api_time(int64_t unix_s);
/* What is granted within a session: the object that the text is (fas/terms.h), null for NULL; a new reference. */
json_t *api_terms(const char *text);
enum fas_code api_open_body(
    const struct http_request *http, struct json_reader *r, struct fas_err *e);

/* fas/api_sessions.c */
http_handler api_post_lease, api_delete_session, api_post_session_certificate, api_post_sign,
    api_post_uses;

#endif
