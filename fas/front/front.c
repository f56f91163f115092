#include "fas/front/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/front/assets.h"
#include "fas/problem.h"

#define FORM_MAX 4096              /* octets of our own form */
#define SAML_FORM_MAX (400 * 1024) /* SAML_RESPONSE_MAX in base64, escaped where it has to be */
#define ACS_AT_A_TIME 64
#define SLO_FORM_MAX (128 * 1024) /* SAML_LOGOUT_MAX in base64, escaped where it has to be */
#define SLO_AT_A_TIME 16
#define CONTENT_SECURITY_POST                                                                      \
	"default-src 'none'; style-src 'self'; form-action https:; frame-ancestors 'none'; "       \
	"base-uri 'none'"
#define ADDRESS_PLACES 65536
#define PROVIDER_PLACES 2048
#define SERVER_PLACES 128

/* ---- life ---- */

static enum fas_code
make_rate(unsigned per_minute, size_t places, struct rate **out, struct fas_err *e)
{
	return per_minute > 0 ? rate_new(per_minute, places, out, e) : FAS_OK;
}

/* A response does not say before it has been verified whose it is: all that a server's providers may send together. */
static unsigned
most_providers(const struct front_config *config)
{
	size_t most = 1;
	for (size_t i = 0; i < config->n_servers; i++) {
		if (config->servers[i].s.n_providers > most)
			most = config->servers[i].s.n_providers;
	}
	return (unsigned)most;
}

enum fas_code
front_new(const struct front_config *config, struct service *service, struct metrics *metrics,
    struct front **out, struct fas_err *e)
{
	OWN(front) struct front *front = calloc(1, sizeof(*front));
	if (!front)
		return fas_fail_nomem(e);
	front->config = config;
	front->service = service;
	front->metrics = metrics;
	enum fas_code rc = texts_load(config->texts, &front->texts, e);
	if (rc == FAS_OK)
		rc = make_rate(config->per_address, ADDRESS_PLACES, &front->by_address, e);
	if (rc == FAS_OK)
		rc = make_rate(config->per_provider, PROVIDER_PLACES, &front->by_provider, e);
	if (rc == FAS_OK)
		rc = make_rate(config->per_provider * most_providers(config), SERVER_PLACES,
		    &front->by_server, e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(front);
	return FAS_OK;
}

void
front_free(struct front *front)
{
	if (!front)
		return;
	texts_free(front->texts);
	rate_free(front->by_address);
	rate_free(front->by_provider);
	rate_free(front->by_server);
	free(front);
}

/* ---- one request ---- */

void
visit_done(struct visit *visit)
{
	form_done(&visit->form);
}

enum fas_code
visit_take(struct visit *visit, struct rate *rate, const char *key, struct fas_err *e)
{
	unsigned wait_s = rate_take(rate, key, clock_monotonic_us());
	if (wait_s == 0)
		return FAS_OK;
	visit->request.retry_after_s = wait_s;
	metrics_add(visit->front->metrics, METRIC_FRONT_LIMITED);
	return fas_fail(
	    e, FAS_E_LIMIT, "front_rate", "%s has asked too often: again in %u s", key, wait_s);
}

static enum fas_code
find_server(struct visit *visit, struct fas_err *e)
{
	visit->server = front_server_find(visit->front->config, visit->http->segment);
	return visit->server ? FAS_OK
			     : fas_fail(e, FAS_E_NOTFOUND, "route_unknown", "no server \"%.32s\"",
				   visit->http->segment);
}

static enum fas_code
read_form(struct visit *visit, struct fas_err *e)
{
	const struct http_request *http = visit->http;
	if (strcmp(http->method, "POST") == 0)
		return form_parse(buf_str(&http->body), http->body.len, &visit->form, e);
	return form_parse(http->query, strlen(http->query), &visit->form, e);
}

enum fas_code
visit_begin(struct visit *visit, struct front *front, const struct http_request *http,
    struct http_response *response, struct fas_err *e)
{
	char key[RATE_KEY_MAX];
	*visit = (struct visit){.front = front,
	    .http = http,
	    .response = response,
	    .request = {.caller = &http->caller}};
	memcpy(visit->request.correlation_id, http->correlation_id,
	    sizeof(visit->request.correlation_id));
	enum fas_code rc = find_server(visit, e);
	if (rc == FAS_OK)
		rc = visit_take(visit, front->by_address, rate_address_key(http->address, key), e);
	if (rc == FAS_OK)
		rc = browser_read(http, &visit->browser, e);
	return rc == FAS_OK ? read_form(visit, e) : rc;
}

void
visit_url(const struct visit *visit, const char *path, char out[FRONT_LOCATION_MAX])
{
	(void)snprintf(out, FRONT_LOCATION_MAX, "%s/%s", visit->server->base, path);
}

/* ---- refusals ---- */

/* What people are told of a public code, and whether it helps to begin again. */
static const struct {
	const char *code;
	enum text_id text;
	bool again;
} tellings[] = {
    {"sign_in_expired", TEXT_FAILED_EXPIRED, true},
    {"assertion_used", TEXT_FAILED_USED, true},
    {"assertion_refused", TEXT_FAILED_REFUSED, true},
    {"logon_denied", TEXT_FAILED_DENIED, false},
    {"target_refused", TEXT_FAILED_TARGET, false},
    {"provider_unknown", TEXT_FAILED_PROVIDER, false},
    {"logout_refused", TEXT_FAILED_SIGN_OUT, false},
    {"not_found", TEXT_FAILED_NOT_FOUND, false},
    {"busy", TEXT_FAILED_BUSY, true},
    {"unavailable", TEXT_FAILED_UNAVAILABLE, true},
    {"request_invalid", TEXT_FAILED_REQUEST, true},
    {"type_refused", TEXT_FAILED_REQUEST, true},
    {"too_large", TEXT_FAILED_REQUEST, true},
    {"method_refused", TEXT_FAILED_REQUEST, true},
};

static void
paint(void *app, const struct http_request *http, struct http_response *response,
    const struct fas_err *why)
{
	const struct front *front = app;
	const struct problem *problem = problem_of(why);
	const struct front_server *server =
	    http->route ? front_server_find(front->config, http->segment) : NULL;
	enum text_id text = TEXT_FAILED_INTERNAL;
	bool again = true;
	char url[FRONT_LOCATION_MAX];
	OWN(page) struct page page;
	for (size_t i = 0; i < NELEMS(tellings); i++) {
		if (strcmp(tellings[i].code, problem->code) == 0) {
			text = tellings[i].text;
			again = tellings[i].again;
		}
	}
	page_begin(&page, texts_choose(front->texts, http->languages), front->config->url, NULL,
	    TEXT_FAILED_TITLE);
	page_paragraph(&page, text);
	if (again && server) {
		(void)snprintf(url, sizeof(url), "%s/login?choose=1", server->base);
		page_link(&page, url, TEXT_AGAIN);
	}
	page_paragraph(&page, TEXT_HELP);
	page_facts_begin(&page);
	page_fact(&page, TEXT_CODE_LABEL, problem->code);
	page_fact(&page, TEXT_NUMBER_LABEL, response->correlation_id);
	page_facts_end(&page);
	page_send(&page, response, problem->status);
}

static void
add_retry(struct visit *visit)
{
	if (visit->request.retry_after_s > 0)
		http_header(visit->response, "Retry-After", "%lld",
		    (long long)visit->request.retry_after_s);
}

void
visit_refuse(struct visit *visit, const struct fas_err *e)
{
	http_refuse(visit->response, e);
	add_retry(visit);
	paint(visit->front, visit->http, visit->response, e);
}

void
visit_tell(struct visit *visit, const struct fas_err *e)
{
	memcpy(visit->response->correlation_id, visit->request.correlation_id,
	    sizeof(visit->response->correlation_id));
	http_answer_problem(visit->response, e);
	add_retry(visit);
	paint(visit->front, visit->http, visit->response, e);
}

void
visit_page(const struct visit *visit, struct page *page, const char *onward, enum text_id title)
{
	page_begin(page, texts_choose(visit->front->texts, visit->http->languages),
	    visit->front->config->url, onward, title);
}

/* ---- a message to a provider ---- */

void
visit_send(struct visit *v, const char *idp, const struct saml_message *message, enum text_id title,
    enum text_id lead)
{
	struct service *service = v->front->service;
	OWN(page) struct page page = {0};
	if (message->binding == SAML_BINDING_REDIRECT) {
		http_answer_see_other(v->response, message->url);
		return;
	}
	visit_page(v, &page, NULL, title);
	page_naming(&page, lead, saml_trust_title(service_trust_hold(service), idp));
	service_trust_release(service);
	page_form_begin(&page, message->url);
	page_hidden(&page, message->field, message->value);
	if (message->relay_state)
		page_hidden(&page, "RelayState", message->relay_state);
	page_form_end(&page, TEXT_NEXT);
	page_send(&page, v->response, 200);
	/* Browsers hold redirects against form-action too, and providers send people on to others. */
	http_header(v->response, "Content-Security-Policy", CONTENT_SECURITY_POST);
}

/* ---- the list ---- */

static void
get_style(void *app, const struct http_request *http, struct http_response *response)
{
	(void)app;
	(void)http;
	http_answer_text(response, 200, "text/css; charset=utf-8", (const char *)front_style_css);
	http_header(response, "Cache-Control", "public, max-age=3600");
}

const struct http_route front_routes[] = {
    {"GET", "/saml/login", "front_login", 0, 0, 0, true, false, front_get_login},
    {"GET", "/saml/v/?/login", "front_login", 0, 0, 0, true, false, front_get_login},
    {"POST", "/saml/login", "front_email", 0, FORM_MAX, 0, true, false, front_post_login},
    {"POST", "/saml/v/?/login", "front_email", 0, FORM_MAX, 0, true, false, front_post_login},
    {"POST", "/saml/acs", "front_acs", 0, SAML_FORM_MAX, ACS_AT_A_TIME, true, false,
	front_post_acs},
    {"POST", "/saml/v/?/acs", "front_acs", 0, SAML_FORM_MAX, ACS_AT_A_TIME, true, false,
	front_post_acs},
    {"GET", "/saml/metadata", "front_metadata", 0, 0, 0, true, false, front_get_metadata},
    {"GET", "/saml/v/?/metadata", "front_metadata", 0, 0, 0, true, false, front_get_metadata},
    {"GET", "/saml/slo", "front_slo", 0, 0, SLO_AT_A_TIME, true, false, front_get_slo},
    {"GET", "/saml/v/?/slo", "front_slo", 0, 0, SLO_AT_A_TIME, true, false, front_get_slo},
    {"POST", "/saml/slo", "front_slo", 0, SLO_FORM_MAX, SLO_AT_A_TIME, true, false, front_post_slo},
    {"POST", "/saml/v/?/slo", "front_slo", 0, SLO_FORM_MAX, SLO_AT_A_TIME, true, false,
	front_post_slo},
    {"GET", "/saml/logout", "front_logout", 0, 0, 0, true, false, front_get_logout},
    {"GET", "/saml/v/?/logout", "front_logout", 0, 0, 0, true, false, front_get_logout},
    {"POST", "/saml/logout", "front_logout", 0, FORM_MAX, 0, true, false, front_post_logout},
    {"POST", "/saml/v/?/logout", "front_logout", 0, FORM_MAX, 0, true, false, front_post_logout},
    {"GET", "/saml/style.css", "front_style", 0, 0, 0, false, false, get_style},
};
const size_t front_n_routes = NELEMS(front_routes);

/*
 * No script, no frame, nothing from elsewhere; the reference stays behind, since codes and requests stand in URLs.
 * (form-action judges redirects, too: the one page that posts to a provider says what it needs.)
 */
static const struct http_fixed headers[] = {
    {"Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; "
				"frame-ancestors 'none'; base-uri 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"X-Frame-Options", "DENY"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
};

const struct http_browser front_browser = {paint, headers, NELEMS(headers)};
