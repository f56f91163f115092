/* What the handlers of this room share. */
#ifndef FAS_FRONT_PARTS_H
#define FAS_FRONT_PARTS_H

#include "fas/front/browser.h"
#include "fas/front/form.h"
#include "fas/front/front.h"
#include "fas/front/page.h"
#include "fas/saml/request.h"

#define FRONT_LOCATION_MAX 4096

/* One request: all that is known of it before it is answered. */
struct visit {
	struct front *front;
	const struct http_request *http;
	struct http_response *response;
	const struct front_server *server;
	struct form form; /* the query's, or the body's */
	struct browser browser;
	struct request request;
};
void visit_done(struct visit *visit);

/*
 * Rate, server, browser and form, in this order.  FAS_E_LIMIT "front_rate", FAS_E_NOTFOUND "route_unknown", "form_...".
 * The caller of the request is nobody.
 */
MUST_CHECK enum fas_code visit_begin(struct visit *visit, struct front *front,
    const struct http_request *http, struct http_response *response, struct fas_err *e);

/* One more of a kind, by its key; FAS_E_LIMIT "front_rate", with Retry-After in the answer. */
MUST_CHECK enum fas_code visit_take(
    struct visit *visit, struct rate *rate, const char *key, struct fas_err *e);

/* The page of a refusal: one that is to be recorded by the server, and one that the pipeline has recorded. */
void visit_refuse(struct visit *visit, const struct fas_err *e);
void visit_tell(struct visit *visit, const struct fas_err *e);

void visit_page(
    const struct visit *visit, struct page *page, const char *onward, enum text_id title);

/* In front of path: "https://.../saml/v/NAME/login" and the like. */
void visit_url(const struct visit *visit, const char *path, char out[FRONT_LOCATION_MAX]);

/* A message to a provider: by redirect, or by a form below this title and lead (which names the provider). */
void visit_send(struct visit *visit, const char *idp, const struct saml_message *message,
    enum text_id title, enum text_id lead);

DEFINE_OWN_IN_PLACE(visit, struct visit, visit_done);

http_handler front_get_login, front_post_login, front_post_acs, front_get_metadata, front_get_slo,
    front_post_slo, front_get_logout, front_post_logout;

#endif
