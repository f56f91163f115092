/* GET and POST /saml/login: which provider, then off to it. */
#include <stdio.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/names.h"
#include "fas/front/parts.h"
#include "fas/saml/request.h"

#define REMEMBERED_COOKIE "__Host-fas-idp"
#define REMEMBERED_S (180 * 86400)
#define IDP_NAME_BYTES 256
#define TARGET_BYTES 512
#define EMAIL_BYTES 254 /* RFC 5321 4.5.3.1.3 */

/* What is asked for, beside the provider. */
struct wish {
	const struct sign_in_target *target;
	const char *state;
};

static const char *
target_text(const struct form *form)
{
	const char *relay = form_get(form, "RelayState");
	return relay[0] ? relay : form_get(form, "target");
}

static enum fas_code
read_wish(const struct visit *v, struct wish *out, struct fas_err *e)
{
	enum fas_code rc = form_want(&v->form, "state", SIGN_IN_STATE_MAX - 1, &out->state, e);
	if (rc == FAS_OK && strlen(target_text(&v->form)) > TARGET_BYTES)
		return fas_fail(e, FAS_E_INPUT, "form_too_long", "target");
	return rc == FAS_OK
		   ? sign_in_target_find(&v->server->s, target_text(&v->form), &out->target, e)
		   : rc;
}

/* "login?idp=...&target=...&state=...", of this server. */
static void
login_url(
    const struct visit *v, const char *idp, const struct wish *wish, char out[FRONT_LOCATION_MAX])
{
	visit_url(v, "login?idp=", out);
	(void)form_append_escaped(out, FRONT_LOCATION_MAX, idp);
	size_t used = strlen(out);
	(void)snprintf(out + used, FRONT_LOCATION_MAX - used, "&target=%s", wish->target->name);
	used = strlen(out);
	if (wish->state[0])
		(void)snprintf(out + used, FRONT_LOCATION_MAX - used, "&state=");
	(void)form_append_escaped(out, FRONT_LOCATION_MAX, wish->state);
}

/* ---- off to the provider ---- */

static enum fas_code
make_question(
    struct visit *v, const char *idp, struct saml_message **out, bool *force, struct fas_err *e)
{
	const struct saml_server server = {v->server->s.entity_id, v->server->s.acs_url, NULL};
	const struct saml_request_options options = {.relay_state = v->request.correlation_id};
	struct service *service = v->front->service;
	const struct saml_trust *trust = service_trust_hold(service);
	enum fas_code rc =
	    saml_authn_request(service->sp, trust, idp, &server, &options, clock_now(), out, e);
	*force = saml_trust_forces_authn(trust, idp);
	service_trust_release(service);
	return rc;
}

static void
send_away(struct visit *v, const char *idp, const struct saml_message *message)
{
	visit_send(v, idp, message, TEXT_GOING_TITLE, TEXT_GOING_LEAD);
	browser_keep(&v->browser, v->response);
	cookie_set(v->response, REMEMBERED_COOKIE, idp, COOKIE_LAX, REMEMBERED_S);
}

/* Recorded by the pipeline, or to be recorded by the server. */
static void
ask_provider(struct visit *v, const char *idp, const struct wish *wish)
{
	struct fas_err e = {0};
	OWN(saml_message) struct saml_message *message = NULL;
	struct sign_in_question question = {.server = &v->server->s,
	    .target = wish->target,
	    .browser = {.hash = v->browser.hash, .address = v->http->address},
	    .idp = idp,
	    .state = wish->state};
	enum fas_code rc = sign_in_provider_check(&v->server->s, idp, &e);
	if (rc == FAS_OK)
		rc = visit_take(v, v->front->by_provider, idp, &e);
	if (rc == FAS_OK)
		rc = make_question(v, idp, &message, &question.force_authn, &e);
	if (rc != FAS_OK) {
		visit_refuse(v, &e);
		return;
	}
	question.request_id = message->id;
	if (sign_in_begin(v->front->service, &v->request, &question, &e) != FAS_OK) {
		visit_tell(v, &e);
		return;
	}
	metrics_add(v->front->metrics, METRIC_SIGN_IN_BEGUN);
	send_away(v, idp, message);
}

/* ---- which one ---- */

typedef bool fits(const struct saml_trust *trust, const char *idp, const char *domain);

static bool
has_domains(const struct saml_trust *trust, const char *idp, const char *domain)
{
	(void)domain;
	return saml_trust_has_email_domains(trust, idp);
}

static bool
is_any(const struct saml_trust *trust, const char *idp, const char *domain)
{
	(void)trust;
	(void)idp;
	(void)domain;
	return true;
}

/* Some only begin themselves. */
static bool
can_be_asked(const struct saml_trust *trust, const char *idp, fits *fit, const char *domain)
{
	return saml_trust_has_sign_on(trust, idp) && fit(trust, idp, domain);
}

/* How many of the server's providers fit; *only is the last of them. */
static size_t
count_fitting(const struct visit *v, fits *fit, const char *domain, const char **only)
{
	struct service *service = v->front->service;
	const struct saml_trust *trust = service_trust_hold(service);
	size_t n = 0;
	for (size_t i = 0; i < v->server->s.n_providers; i++) {
		if (!can_be_asked(trust, v->server->s.providers[i], fit, domain))
			continue;
		*only = v->server->s.providers[i];
		n++;
	}
	service_trust_release(service);
	return n;
}

static void
show_choice(struct visit *v, const struct wish *wish, fits *fit, const char *domain)
{
	OWN(page) struct page page;
	struct service *service = v->front->service;
	visit_page(v, &page, NULL, TEXT_CHOOSE_TITLE);
	page_paragraph(&page, TEXT_CHOOSE_LEAD);
	page_list_begin(&page);
	const struct saml_trust *trust = service_trust_hold(service);
	for (size_t i = 0; i < v->server->s.n_providers; i++) {
		char url[FRONT_LOCATION_MAX];
		const char *idp = v->server->s.providers[i];
		if (!can_be_asked(trust, idp, fit, domain))
			continue;
		login_url(v, idp, wish, url);
		page_list_link(&page, url, saml_trust_title(trust, idp));
	}
	service_trust_release(service);
	page_list_end(&page);
	page_send(&page, v->response, 200);
}

static void
show_discovery(struct visit *v, const struct wish *wish, const char *refused)
{
	char url[FRONT_LOCATION_MAX], token[BROWSER_TOKEN_MAX];
	struct fas_err e = {0};
	OWN(page) struct page page = {0};
	if (browser_token(&v->browser, token, &e) != FAS_OK) {
		visit_refuse(v, &e);
		return;
	}
	visit_url(v, "login", url);
	visit_page(v, &page, NULL, TEXT_DISCOVER_TITLE);
	page_paragraph(&page, TEXT_DISCOVER_LEAD);
	if (refused)
		page_alert(&page, TEXT_EMAIL_UNKNOWN);
	page_form_begin(&page, url);
	page_email(&page, "email", refused ? refused : "", refused != NULL);
	page_hidden(&page, "target", wish->target->name);
	page_hidden(&page, "state", wish->state);
	page_hidden(&page, "token", token);
	page_form_end(&page, TEXT_NEXT);
	page_send(&page, v->response, refused ? 404 : 200);
	browser_keep(&v->browser, v->response);
}

/* The provider that this browser was last sent to, if it is one of this server's. */
static bool
is_remembered(const struct visit *v, char out[COOKIE_VALUE_MAX])
{
	struct fas_err e = {0};
	return !form_get(&v->form, "choose")[0] &&
	       cookie_get(v->http->cookies, REMEMBERED_COOKIE, out) &&
	       sign_in_provider_check(&v->server->s, out, &e) == FAS_OK;
}

/* All of this server's providers begin themselves. */
static void
refuse_beginning(struct visit *v)
{
	struct fas_err e = {0};
	fas_fail(&e, FAS_E_NOTFOUND, "sign_in_provider",
	    "no provider of server %s has single_sign_on", v->server->s.name);
	visit_refuse(v, &e);
}

static void
find_provider(struct visit *v, const struct wish *wish)
{
	char remembered[COOKIE_VALUE_MAX];
	const char *only = NULL;
	if (count_fitting(v, is_any, NULL, &only) == 1)
		ask_provider(v, only, wish);
	else if (is_remembered(v, remembered))
		ask_provider(v, remembered, wish);
	else if (count_fitting(v, has_domains, NULL, &only) > 0)
		show_discovery(v, wish, NULL);
	else if (count_fitting(v, is_any, NULL, &only) > 0)
		show_choice(v, wish, is_any, NULL);
	else
		refuse_beginning(v);
}

void
front_get_login(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	struct wish wish = {0};
	const char *idp = "";
	OWN(visit) struct visit v;
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = read_wish(&v, &wish, &e);
	if (rc == FAS_OK)
		rc = form_want(&v.form, "idp", IDP_NAME_BYTES, &idp, &e);
	if (rc != FAS_OK)
		visit_refuse(&v, &e);
	else if (idp[0])
		ask_provider(&v, idp, &wish);
	else
		find_provider(&v, &wish);
}

/* ---- by e-mail address ---- */

/* RFC 5321 4.1.2, as far as it matters here: what stands behind the last '@'.  NULL: no address. */
static const char *
domain_of(const char *email)
{
	const char *at = strrchr(email, '@');
	return at && at > email && hostname_is_valid(at + 1) ? at + 1 : NULL;
}

/*
 * Not a redirect: a browser would hold the way on, by the provider and whomever it sends people to, against the
 * form-action of the page that had the form.
 */
static void
show_way(struct visit *v, const char *idp, const struct wish *wish)
{
	char url[FRONT_LOCATION_MAX];
	OWN(page) struct page page;
	struct service *service = v->front->service;
	login_url(v, idp, wish, url);
	visit_page(v, &page, url, TEXT_GOING_TITLE);
	page_naming(&page, TEXT_GOING_LEAD, saml_trust_title(service_trust_hold(service), idp));
	service_trust_release(service);
	page_link(&page, url, TEXT_NEXT);
	page_send(&page, v->response, 200);
}

void
front_post_login(void *app, const struct http_request *http, struct http_response *response)
{
	struct fas_err e = {0};
	struct wish wish = {0};
	const char *email = "", *only = NULL;
	OWN(visit) struct visit v;
	enum fas_code rc = visit_begin(&v, app, http, response, &e);
	if (rc == FAS_OK)
		rc = browser_check_token(&v.browser, form_get(&v.form, "token"), &e);
	if (rc == FAS_OK)
		rc = read_wish(&v, &wish, &e);
	if (rc == FAS_OK)
		rc = form_want(&v.form, "email", EMAIL_BYTES, &email, &e);
	if (rc != FAS_OK) {
		visit_refuse(&v, &e);
		return;
	}
	const char *domain = domain_of(email);
	size_t n = domain ? count_fitting(&v, saml_trust_email_fits, domain, &only) : 0;
	if (n == 0)
		show_discovery(&v, &wish, email);
	else if (n == 1)
		show_way(&v, only, &wish);
	else
		show_choice(&v, &wish, saml_trust_email_fits, domain);
}
