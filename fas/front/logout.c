/* /saml/slo: logout messages that a browser carries; /saml/logout: a person's own wish. */
#include "fas/logout.h"

#include <string.h>

#include "fas/front/parts.h"

#define RELAY_STATE_BYTES 512

static struct logout_place
place_of(const struct visit *v)
{
	return (struct logout_place){&v->server->s, v->server->slo_url};
}

static struct sign_in_browser
browser_of(const struct visit *v)
{
	return (struct sign_in_browser){
	    .hash = v->browser.shown ? v->browser.hash : NULL, .address = v->http->address};
}

static void
show_signed_out(struct visit *v, bool confirmed)
{
	OWN(page) struct page page;
	visit_page(v, &page, NULL, TEXT_SIGNED_OUT_TITLE);
	page_paragraph(&page, TEXT_SIGNED_OUT_LEAD);
	if (!confirmed)
		page_paragraph(&page, TEXT_SIGNED_OUT_HERE);
	page_send(&page, v->response, 200);
}

static void
finish(struct visit *v, enum fas_code rc, const struct logout_outcome *outcome,
    const struct fas_err *e)
{
	metrics_add(v->front->metrics, rc == FAS_OK ? METRIC_LOGOUT_DONE : METRIC_LOGOUT_REFUSED);
	if (rc != FAS_OK) {
		visit_tell(v, e);
		return;
	}
	memcpy(v->response->correlation_id, v->request.correlation_id,
	    sizeof(v->response->correlation_id));
	if (outcome->send)
		visit_send(
		    v, outcome->idp, outcome->send, TEXT_SIGNED_OUT_TITLE, TEXT_SIGN_OUT_GOING);
	else
		show_signed_out(
		    v, !outcome->was_response || outcome->status == SAML_LOGOUT_SUCCESS);
}

/* ---- messages ---- */

static void
receive(struct visit *v, const struct logout_message *message)
{
	struct fas_err e = {0};
	OWN(logout_outcome) struct logout_outcome outcome = {0};
	enum fas_code rc = logout_receive(v->front->service, &v->request, message, &outcome, &e);
	finish(v, rc, &outcome, &e);
}

static enum fas_code
begin(struct visit *v, void *app, const struct http_request *http, struct http_response *response,
    struct fas_err *e)
{
	enum fas_code rc = visit_begin(v, app, http, response, e);
	return rc == FAS_OK ? visit_take(v, v->front->by_server, v->server->s.name, e) : rc;
}

/* Redirect binding: what was signed is the query as it came (SAML bindings 3.4.4.1). */
void
front_get_slo(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	OWN(visit) struct visit v;
	if (begin(&v, app, http, response, &e) != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	const struct logout_message message = {
	    .place = place_of(&v), .browser = browser_of(&v), .query = http->query};
	receive(&v, &message);
}

static enum fas_code
read_form(const struct visit *v, struct logout_message *out, struct fas_err *e)
{
	const char *request = form_get(&v->form, "SAMLRequest");
	const char *answer = form_get(&v->form, "SAMLResponse");
	if ((request[0] != 0) == (answer[0] != 0))
		return fas_fail(e, FAS_E_INPUT, "form_malformed",
		    "SAML bindings 3.5.4: want the field SAMLRequest or SAMLResponse");
	out->is_response = answer[0] != 0;
	out->value = out->is_response ? answer : request;
	enum fas_code rc =
	    form_want(&v->form, "RelayState", RELAY_STATE_BYTES, &out->relay_state, e);
	if (rc == FAS_OK && !out->relay_state[0])
		out->relay_state = NULL;
	return rc;
}

void
front_post_slo(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	OWN(visit) struct visit v;
	enum fas_code rc = begin(&v, app, http, response, &e);
	struct logout_message message = {0};
	if (rc == FAS_OK)
		rc = read_form(&v, &message, &e);
	if (rc != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	message.place = place_of(&v);
	message.browser = browser_of(&v);
	receive(&v, &message);
}

/* ---- a person's wish ---- */

/* Any site can send a browser here: what it does needs the form below. */
void
front_get_logout(void *app, const struct http_request *http, struct http_response *response)
{
	char url[FRONT_LOCATION_MAX], token[BROWSER_TOKEN_MAX];
	struct fas_err e = {0};
	OWN(visit) struct visit v;
	OWN(page) struct page page = {0};
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = browser_token(&v.browser, token, &e);
	if (rc != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	visit_url(&v, "logout", url);
	visit_page(&v, &page, NULL, TEXT_SIGN_OUT_TITLE);
	page_paragraph(&page, TEXT_SIGN_OUT_LEAD);
	page_form_begin(&page, url);
	page_hidden(&page, "token", token);
	page_form_end(&page, TEXT_SIGN_OUT);
	page_send(&page, response, 200);
	browser_keep(&v.browser, response);
}

/*
 * Not a redirect to the provider: the browser would hold it against the form-action of the page above, as it does at the
 * sign-in by e-mail address.
 */
static void
show_way(struct visit *v, const struct logout_outcome *outcome)
{
	OWN(page) struct page page;
	struct service *service = v->front->service;
	visit_page(v, &page, outcome->send->url, TEXT_SIGNED_OUT_TITLE);
	page_naming(&page, TEXT_SIGN_OUT_GOING,
	    saml_trust_title(service_trust_hold(service), outcome->idp));
	service_trust_release(service);
	page_link(&page, outcome->send->url, TEXT_NEXT);
	page_send(&page, v->response, 200);
}

void
front_post_logout(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	OWN(visit) struct visit v;
	OWN(logout_outcome) struct logout_outcome outcome = {0};
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = browser_check_token(&v.browser, form_get(&v.form, "token"), &e);
	if (rc != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	const struct logout_place place = place_of(&v);
	const struct sign_in_browser browser = browser_of(&v);
	rc = logout_begin(v.front->service, &v.request, &place, &browser, &outcome, &e);
	if (rc == FAS_OK && outcome.send && outcome.send->binding == SAML_BINDING_REDIRECT) {
		metrics_add(v.front->metrics, METRIC_LOGOUT_DONE);
		show_way(&v, &outcome);
		return;
	}
	finish(&v, rc, &outcome, &e);
}
