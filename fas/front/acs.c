/* POST /saml/acs: a provider's response, brought by a browser; a code for the storefront, and the way there. */
#include <stdio.h>
#include <string.h>

#include "fas/front/parts.h"

#define RELAY_STATE_BYTES 512 /* SAML bindings 3.5.3 says 80; a target's URL may be longer */

static enum metric
outcome_of(enum fas_code rc)
{
	if (rc == FAS_OK)
		return METRIC_SIGN_IN_ALLOW;
	bool refused = rc == FAS_E_INPUT || rc == FAS_E_AUTH || rc == FAS_E_DENIED ||
		       rc == FAS_E_NOTFOUND || rc == FAS_E_CONFLICT;
	return refused ? METRIC_SIGN_IN_DENY : METRIC_SIGN_IN_ERROR;
}

/* Both parts need no escape: their alphabets are unreserved (RFC 3986 2.3). */
static void
send_on(struct visit *v, const struct sign_in_answer *answer)
{
	char url[FRONT_LOCATION_MAX];
	OWN(page) struct page page;
	(void)snprintf(url, sizeof(url), "%s%ccode=%s%s%s", answer->target->url,
	    strchr(answer->target->url, '?') ? '&' : '?', answer->code,
	    answer->state[0] ? "&state=" : "", answer->state);
	visit_page(v, &page, NULL, TEXT_STARTING_TITLE);
	page_paragraph(&page, TEXT_STARTING_LEAD);
	page_link(&page, url, TEXT_NEXT);
	page_send(&page, v->response, 200);
	http_answer_see_other(v->response, url);
	browser_keep(&v->browser, v->response);
}

static enum fas_code
read_response(struct visit *v, struct sign_in_response *out, struct fas_err *e)
{
	out->server = &v->server->s;
	out->browser = (struct sign_in_browser){
	    v->browser.shown ? v->browser.hash : NULL, v->browser.hash, v->http->address};
	out->saml_response = form_get(&v->form, "SAMLResponse");
	if (!out->saml_response[0])
		return fas_fail(e, FAS_E_INPUT, "form_malformed",
		    "SAML bindings 3.5.4: want the field SAMLResponse");
	return form_want(&v->form, "RelayState", RELAY_STATE_BYTES, &out->relay_state, e);
}

void
front_post_acs(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	struct sign_in_response presented = {0};
	OWN(sign_in_answer) struct sign_in_answer answer = {0};
	OWN(visit) struct visit v;
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = visit_take(&v, v.front->by_server, v.server->s.name, &e);
	if (rc == FAS_OK)
		rc = read_response(&v, &presented, &e);
	if (rc != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	rc = sign_in_finish(v.front->service, &v.request, &presented, &answer, &e);
	metrics_add(v.front->metrics, outcome_of(rc));
	if (rc != FAS_OK) {
		visit_tell(&v, &e);
		return;
	}
	memcpy(
	    response->correlation_id, v.request.correlation_id, sizeof(response->correlation_id));
	send_on(&v, &answer);
}
