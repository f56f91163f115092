/*
 * The browser's door over real sockets, with real providers and keys; what the pipeline says to a question or a response is
 * played.
 */
#include <stdio.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/front/browser.h"
#include "fas/front/front.h"
#include "fas/sign_in.h"
#include "saml_kit.h"
#include "tests/unit/edge/harness.h"

#define FORM "application/x-www-form-urlencoded"
#define BROWSER "0123456789abcdef0123456789abcdef"
#define COOKIE "Cookie: " BROWSER_COOKIE "=" BROWSER
#define TARGETS                                                                                    \
	"targets: [{ name: store, url: 'https://store.example.com/return', storefront: "           \
	"sf1.example.com }, { name: app, url: 'https://m.example.com/?a=b', storefront: "          \
	"sf2.example.com }]"
#define FRONT(rates)                                                                               \
	"listen: ['127.0.0.1:443']\nurl: https://login.example\ncertificate: c\nkey: k\n" rates    \
	"servers:\n"                                                                               \
	"- { name: default, entity_id: 'https://login.example/saml/metadata', providers: [main, "  \
	"p256, p384], " TARGETS " }\n"                                                             \
	"- { name: one, entity_id: 'https://l/1', providers: [main], " TARGETS " }\n"              \
	"- { name: plain, entity_id: 'https://l/p', providers: [other, p521, third], " TARGETS     \
	" }\n"
#define SSO(kind, name) "  single_sign_on: { " kind ": 'https://" name ".example/sso' }\n"
#define PROVIDERS                                                                                  \
	KIT_IDP("main", 0,                                                                         \
	    SSO("redirect", "main") "  title: Example <Corp>\n  email_domains: [example.com]\n")   \
	KIT_IDP("other", 1, SSO("redirect", "other"))                                              \
	KIT_IDP("p256", 2, SSO("post", "p256") "  email_domains: [example.org]\n")                 \
	KIT_IDP("p384", 3, SSO("redirect", "p384") "  email_domains: [example.org]\n")             \
	KIT_IDP("third", 0, SSO("redirect", "third"))                                              \
	KIT_IDP("p521", 4, "")

/* What the pipeline was told, and what it says. */
static struct {
	char idp[64], target[64], state[160], request_id[80], relay[160], response[64], server[32];
	bool has_browser;
	uint8_t browser[BROWSER_HASH_BYTES];
	char correlation[CORRELATION_ID_MAX];
	enum fas_code code;
	const char *reason;
	unsigned calls;
} played;

static void
keep(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text ? text : "(null)");
}

#define KEEP(member, text) keep(played.member, sizeof(played.member), text)

static enum fas_code
say(struct fas_err *e)
{
	played.calls++;
	return played.code == FAS_OK
		   ? FAS_OK
		   : fas_fail(e, played.code, played.reason, "secret detail of %s", played.reason);
}

enum fas_code __wrap_sign_in_begin(struct service *service, struct request *request,
    const struct sign_in_question *question, struct fas_err *e);
enum fas_code __wrap_sign_in_finish(struct service *service, struct request *request,
    const struct sign_in_response *response, struct sign_in_answer *out, struct fas_err *e);

static void
keep_browser(const struct sign_in_browser *browser)
{
	played.has_browser = browser->hash != NULL;
	if (browser->hash)
		memcpy(played.browser, browser->hash, sizeof(played.browser));
	assert_string_equal(browser->address, "127.0.0.1");
}

enum fas_code
__wrap_sign_in_begin(struct service *service, struct request *request,
    const struct sign_in_question *question, struct fas_err *e)
{
	(void)service;
	KEEP(idp, question->idp);
	KEEP(target, question->target->name);
	KEEP(state, question->state);
	KEEP(request_id, question->request_id);
	KEEP(server, question->server->name);
	KEEP(correlation, request->correlation_id);
	keep_browser(&question->browser);
	return say(e);
}

enum fas_code
__wrap_sign_in_finish(struct service *service, struct request *request,
    const struct sign_in_response *response, struct sign_in_answer *out, struct fas_err *e)
{
	(void)service;
	KEEP(relay, response->relay_state);
	KEEP(response, response->saml_response);
	KEEP(server, response->server->name);
	keep_browser(&response->browser);
	keep(request->correlation_id, sizeof(request->correlation_id),
	    "00000000000000000000000000c0ffee");
	out->target = &response->server->targets[strcmp(response->relay_state, "app") == 0];
	(void)snprintf(out->code, sizeof(out->code), "fas1-code");
	(void)snprintf(out->state, sizeof(out->state), "%s", played.state);
	return say(e);
}

/* ---- the door ---- */

static struct service service;
static struct yaml_doc *doc;
static struct front_config *config;
static struct front *front;
static struct harness h;
static struct client c;

static int
open_door(const char *text)
{
	struct fas_err e = {0};
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, &e) == FAS_OK)
		front_config_read(yaml_root(doc), "/", &config, &e);
	if (e.code == FAS_OK)
		(void)!front_new(config, &service, NULL, &front, &e);
	if (e.code != FAS_OK) {
		print_error("%s\n", e.message);
		return -1;
	}
	const struct http_server_config server = {.routes = front_routes,
	    .n_routes = front_n_routes,
	    .browser = &front_browser,
	    .app = front};
	harness_start(&h, &server, 2, 8);
	front->metrics = h.metrics;
	memset(&played, 0, sizeof(played));
	client_init(&c, h.port, NULL, NULL);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return open_door(FRONT(""));
}

static int
set_up_slow(void **state)
{
	(void)state;
	return open_door(FRONT("requests_per_minute: { address: 100, provider: 2 }\n"));
}

static int
set_up_narrow(void **state)
{
	(void)state;
	return open_door(FRONT("requests_per_minute: { address: 3, provider: 0 }\n"));
}

static int
tear_down(void **state)
{
	(void)state;
	client_done(&c);
	harness_stop(&h);
	front_free(front);
	front_config_free(config);
	yaml_doc_free(doc);
	return 0;
}

static int
set_up_group(void **state)
{
	if (kit_setup(state) != 0)
		return -1;
	service_trust_init(&service);
	service.trust = kit_trust(PROVIDERS);
	service.sp = kit_sp("signing: [" KIT_PAIR(0) "]\n");
	return 0;
}

static int
tear_down_group(void **state)
{
	saml_trust_free(service.trust);
	saml_sp_free(service.sp);
	return kit_teardown(state);
}

/* ---- asking ---- */

static long
get(const char *path, const char *header)
{
	return client_ask(&c, &(struct ask){.path = path, .header = header});
}

static long
post(const char *path, const char *body, const char *header)
{
	return client_ask(&c, &(struct ask){.method = "POST",
				  .path = path,
				  .body = body,
				  .header = header,
				  .content_type = FORM});
}

/* A header however long; to be freed. */
static char *
whole_header(const char *name)
{
	char start[64];
	(void)snprintf(start, sizeof(start), "\n%s: ", name);
	const char *at = strstr(buf_str(&c.head), start);
	at = at ? at + strlen(start) : "";
	return strndup(at, strcspn(at, "\r\n"));
}

static void
assert_says(const char *text)
{
	if (!strstr(buf_str(&c.body), text))
		fail_msg("no \"%s\" in %s", text, buf_str(&c.body));
}

static void
assert_header(const char *text)
{
	if (!strstr(buf_str(&c.head), text))
		fail_msg("no \"%s\" in %s", text, buf_str(&c.head));
}

static void
a_server_of_one_provider_sends_to_it_at_once(void **state)
{
	(void)state;
	assert_int_equal(get("/saml/v/one/login?target=app&state=st-1", NULL), 303);
	OWN(text) char *location = whole_header("Location");
	OWN(text) char *relay = kit_parameter(location, "RelayState");
	OWN(text) char *id = whole_header("X-Correlation-Id");
	assert_true(strncmp(location, "https://main.example/sso?SAMLRequest=", 37) == 0);
	assert_true(kit_query_is_signed(location, "SAMLRequest", world.keys[KEY_MAIN]));
	assert_string_equal(relay, id);
	assert_string_equal(played.correlation, id);
	assert_string_equal(played.idp, "main");
	assert_string_equal(played.target, "app");
	assert_string_equal(played.state, "st-1");
	assert_string_equal(played.server, "one");
	assert_int_equal(played.request_id[0], '_');
	assert_true(played.has_browser);
}

static void
the_browser_is_given_a_cookie_that_a_providers_form_brings_back(void **state)
{
	(void)state;
	assert_int_equal(get("/saml/login?idp=main", NULL), 303);
	assert_header("Set-Cookie: " BROWSER_COOKIE "=");
	assert_header("; Path=/; Secure; HttpOnly; SameSite=None\r\n");
	assert_header("Set-Cookie: __Host-fas-idp=main; Path=/; Secure; HttpOnly; SameSite=Lax; "
		      "Max-Age=15552000\r\n");
	assert_int_equal(get("/saml/login?idp=main", COOKIE), 303);
	assert_null(strstr(buf_str(&c.head), "SameSite=None"));
}

static void
a_provider_that_takes_posts_gets_a_form_with_a_button(void **state)
{
	(void)state;
	assert_int_equal(get("/saml/login?idp=p256", NULL), 200);
	assert_says("<form method=\"post\" action=\"https://p256.example/sso\">");
	assert_says("<input type=\"hidden\" name=\"SAMLRequest\" value=\"");
	assert_says("<input type=\"hidden\" name=\"RelayState\" value=\"");
	assert_says("<button type=\"submit\">Continue</button>");
	assert_header("form-action https:;");
	assert_header("Set-Cookie: " BROWSER_COOKIE "=");
	assert_null(strstr(buf_str(&c.body), "<script"));
}

static void
an_address_finds_its_provider(void **state)
{
	char body[256], token[BROWSER_TOKEN_MAX];
	struct fas_err e = {0};
	struct browser browser = {.id = BROWSER};
	(void)state;
	assert_int_equal(get("/saml/login?target=app&state=s", COOKIE), 200);
	assert_says("<form method=\"post\" action=\"https://login.example/saml/login\">");
	assert_says("<label for=\"email\">E-mail address</label>");
	assert_says("name=\"target\" value=\"app\"");
	assert_int_equal(browser_token(&browser, token, &e), FAS_OK);
	assert_says(token);
	(void)snprintf(
	    body, sizeof(body), "email=al%%40x%%40EXAMPLE.com&target=app&state=s&token=%s", token);
	assert_int_equal(post("/saml/login", body, COOKIE), 200);
	assert_says("content=\"0; url=https://login.example/saml/login?idp=main&amp;target=app&amp;"
		    "state=s\"");
	assert_says("<strong>Example &lt;Corp&gt;</strong>");
	assert_int_equal(played.calls, 0);
}

static void
post_address(const char *address, long want)
{
	char body[400], token[BROWSER_TOKEN_MAX];
	struct fas_err e = {0};
	struct browser browser = {.id = BROWSER};
	assert_int_equal(browser_token(&browser, token, &e), FAS_OK);
	(void)snprintf(body, sizeof(body), "email=%s&token=%s", address, token);
	assert_int_equal(post("/saml/login", body, COOKIE), want);
}

static void
an_address_of_several_providers_lets_choose_among_them(void **state)
{
	(void)state;
	post_address("bob%40example.org", 200);
	assert_says("<h1>Choose your organisation</h1>");
	assert_says("href=\"https://login.example/saml/login?idp=p256&amp;target=store\">p256</a>");
	assert_says("idp=p384&amp;target=store\">p384</a>");
	assert_null(strstr(buf_str(&c.body), "idp=main"));
}

static void
an_address_of_nobodys_is_asked_for_again(void **state)
{
	static const char *const addresses[] = {"a%40sub.example.com", "example.com",
	    "%40example.com", "", "a%40", "a%40b%20c", "%22%3E%3Cscript%3E%40x.net"};
	(void)state;
	for (size_t i = 0; i < NELEMS(addresses); i++) {
		post_address(addresses[i], 404);
		assert_says("<p role=\"alert\" id=\"alert\">");
		assert_says("aria-invalid=\"true\" aria-describedby=\"alert\"");
		assert_null(strstr(buf_str(&c.body), "<script"));
	}
}

static void
a_form_that_this_browser_was_not_shown_is_refused(void **state)
{
	(void)state;
	assert_int_equal(post("/saml/login", "email=a%40example.com", COOKIE), 409);
	assert_says("<dd>sign_in_expired</dd>");
	assert_int_equal(post("/saml/login", "email=a%40example.com&token=00", NULL), 409);
}

static void
without_addresses_people_choose(void **state)
{
	(void)state;
	assert_int_equal(get("/saml/v/plain/login", NULL), 200);
	assert_says("<h1>Choose your organisation</h1>");
	assert_says("https://login.example/saml/v/plain/login?idp=other&amp;target=store");
	assert_says("idp=third");
	/* It has said no place to be asked at. */
	assert_null(strstr(buf_str(&c.body), "idp=p521"));
}

static void
the_provider_of_last_time_is_remembered_until_another_is_wanted(void **state)
{
	(void)state;
	assert_int_equal(get("/saml/login", "Cookie: __Host-fas-idp=p384"), 303);
	assert_string_equal(played.idp, "p384");
	assert_int_equal(get("/saml/login?choose=1", "Cookie: __Host-fas-idp=p384"), 200);
	assert_says("<h1>Sign in</h1>");
	/* Another server's is none. */
	assert_int_equal(get("/saml/login", "Cookie: __Host-fas-idp=other"), 200);
}

static void
what_cannot_be_asked_is_refused_with_a_page(void **state)
{
	static const struct {
		const char *path;
		long status;
		const char *code;
	} cases[] = {
	    {"/saml/login?idp=nobody", 404, "provider_unknown"},
	    {"/saml/login?idp=other", 404, "provider_unknown"},
	    {"/saml/login?target=evil", 403, "target_refused"},
	    {"/saml/login?RelayState=https://evil.example/", 403, "target_refused"},
	    {"/saml/login?idp=main&idp=p256", 400, "request_invalid"},
	    {"/saml/login?idp=%zz", 400, "request_invalid"},
	    {"/saml/v/plain/login?idp=p521", 500, "internal"},
	    {"/saml/v/nowhere/login", 404, "not_found"},
	    {"/saml/v/../login", 404, "not_found"},
	    {"/", 404, "not_found"},
	    {"/saml/acs", 405, "method_refused"},
	};
	char code[64];
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		long status = get(cases[i].path, NULL);
		if (status != cases[i].status)
			fail_msg("%s: %ld", cases[i].path, status);
		(void)snprintf(code, sizeof(code), "<dd>%s</dd>", cases[i].code);
		assert_says(code);
		assert_header("Content-Security-Policy: default-src 'none'; style-src 'self'; "
			      "form-action 'self'; frame-ancestors 'none'; base-uri 'none'\r\n");
		assert_header("Strict-Transport-Security: max-age=31536000\r\n");
		assert_header("Referrer-Policy: no-referrer\r\n");
		assert_header("Cache-Control: no-store\r\n");
		assert_header("X-Content-Type-Options: nosniff\r\n");
	}
	assert_int_equal(played.calls, 0);
}

static void
a_response_becomes_a_code_at_its_target(void **state)
{
	uint8_t zero[BROWSER_HASH_BYTES] = {0};
	(void)state;
	KEEP(state, "st-9");
	assert_int_equal(
	    post("/saml/acs", "SAMLResponse=PHg%2B%0D%0APC94Pg%3D%3D&RelayState=app", COOKIE), 303);
	OWN(text) char *location = whole_header("Location");
	assert_string_equal(location, "https://m.example.com/?a=b&code=fas1-code&state=st-9");
	assert_string_equal(played.response, "PHg+\r\nPC94Pg==");
	assert_string_equal(played.relay, "app");
	assert_true(played.has_browser);
	assert_memory_not_equal(played.browser, zero, sizeof(zero));
	assert_header("X-Correlation-Id: 00000000000000000000000000c0ffee\r\n");
	assert_says("<h1>Starting your desktop</h1>");
	assert_says("href=\"https://m.example.com/?a=b&amp;code=fas1-code&amp;state=st-9\"");
}

static void
a_response_without_a_state_goes_on_without_one(void **state)
{
	(void)state;
	assert_int_equal(post("/saml/v/one/acs", "SAMLResponse=x", NULL), 303);
	OWN(text) char *location = whole_header("Location");
	assert_string_equal(location, "https://store.example.com/return?code=fas1-code");
	assert_string_equal(played.server, "one");
	assert_false(played.has_browser);
	assert_header("Set-Cookie: " BROWSER_COOKIE "=");
}

static void
a_refused_response_says_what_to_do_and_no_more(void **state)
{
	static const struct {
		enum fas_code code;
		const char *reason, *public;
		long status;
		const char *says;
		bool again;
	} cases[] = {
	    {FAS_E_AUTH, "saml_audience", "assertion_refused", 403, "nicht angenommen", true},
	    {FAS_E_CONFLICT, "assertion_replayed", "assertion_used", 409, "schon benutzt", true},
	    {FAS_E_CONFLICT, "sign_in_used", "sign_in_expired", 409, "Beginnen Sie erneut", true},
	    {FAS_E_AUTH, "sign_in_browser", "sign_in_expired", 409, "anderen Browser", true},
	    {FAS_E_DENIED, "account_locked", "logon_denied", 403, "keinen Desktop starten", false},
	    {FAS_E_DENIED, "sign_in_target", "target_refused", 403, "nirgendwohin", false},
	    {FAS_E_UNAVAILABLE, "directory_away", "unavailable", 503, "zurzeit nicht", true},
	    {FAS_E_NOMEM, "out_of_memory", "internal", 500, "schiefgegangen", true},
	};
	char text[128];
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		played.code = cases[i].code;
		played.reason = cases[i].reason;
		assert_int_equal(
		    post("/saml/acs", "SAMLResponse=x", "Accept-Language: de-DE"), cases[i].status);
		assert_says("<html lang=\"de\">");
		assert_says(cases[i].says);
		(void)snprintf(text, sizeof(text),
		    "<dd>%s</dd>\n<dt>Vorgangsnummer</dt><dd>00000000000000000000000000c0ffee</dd>",
		    cases[i].public);
		assert_says(text);
		assert_null(strstr(buf_str(&c.body), "secret"));
		assert_int_equal(
		    strstr(buf_str(&c.body), "saml/login?choose=1") != NULL, cases[i].again);
	}
}

static void
a_form_that_is_no_response_is_refused_before_the_pipeline(void **state)
{
	static const char *const bodies[] = {"", "RelayState=x",
	    "SAMLResponse=", "SAMLResponse=a&SAMLResponse=b", "SAMLResponse=%00",
	    "SAMLResponse=a&RelayState=%zz"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bodies); i++) {
		assert_int_equal(post("/saml/acs", bodies[i], NULL), 400);
		assert_says("<dd>request_invalid</dd>");
	}
	assert_int_equal(client_ask(&c, &(struct ask){.method = "POST",
					    .path = "/saml/acs",
					    .body = "{\"SAMLResponse\":\"x\"}"}),
	    415);
	assert_int_equal(played.calls, 0);
}

static void
a_provider_is_asked_so_often_and_no_more(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(get("/saml/login?idp=main", NULL), 303);
	assert_int_equal(get("/saml/v/one/login", NULL), 303);
	assert_int_equal(get("/saml/login?idp=main", NULL), 429);
	assert_says("<dd>busy</dd>");
	assert_in_range(atoi(client_header(&c, "Retry-After", text)), 2, 31);
	assert_int_equal(get("/saml/login?idp=p384", NULL), 303);
	assert_int_equal(metrics_get(h.metrics, METRIC_FRONT_LIMITED), 1);
	assert_int_equal(metrics_get(h.metrics, METRIC_SIGN_IN_BEGUN), 3);
}

static void
an_address_asks_so_often_and_no_more(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(get("/saml/login", NULL), 200);
	assert_int_equal(get("/saml/login", NULL), 429);
	assert_int_equal(post("/saml/acs", "SAMLResponse=x", NULL), 429);
	assert_int_equal(get("/saml/style.css", NULL), 200);
	assert_int_equal(played.calls, 0);
}

static void
the_metadata_are_the_servers(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(get("/saml/v/one/metadata", NULL), 200);
	assert_string_equal(
	    client_header(&c, "Content-Type", text), "application/samlmetadata+xml");
	assert_says("entityID=\"https://l/1\"");
	assert_says("https://login.example/saml/v/one/acs");
	assert_true(kit_xml_is_signed(buf_str(&c.body), world.keys[KEY_MAIN]));
}

static void
the_style_is_kept_by_browsers(void **state)
{
	char text[256];
	(void)state;
	assert_int_equal(get("/saml/style.css", NULL), 200);
	assert_string_equal(client_header(&c, "Content-Type", text), "text/css; charset=utf-8");
	assert_string_equal(client_header(&c, "Cache-Control", text), "public, max-age=3600");
	assert_says(":focus-visible");
}

#define AT_THE_DOOR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    AT_THE_DOOR(a_server_of_one_provider_sends_to_it_at_once),
	    AT_THE_DOOR(the_browser_is_given_a_cookie_that_a_providers_form_brings_back),
	    AT_THE_DOOR(a_provider_that_takes_posts_gets_a_form_with_a_button),
	    AT_THE_DOOR(an_address_finds_its_provider),
	    AT_THE_DOOR(an_address_of_several_providers_lets_choose_among_them),
	    AT_THE_DOOR(an_address_of_nobodys_is_asked_for_again),
	    AT_THE_DOOR(a_form_that_this_browser_was_not_shown_is_refused),
	    AT_THE_DOOR(without_addresses_people_choose),
	    AT_THE_DOOR(the_provider_of_last_time_is_remembered_until_another_is_wanted),
	    AT_THE_DOOR(what_cannot_be_asked_is_refused_with_a_page),
	    AT_THE_DOOR(a_response_becomes_a_code_at_its_target),
	    AT_THE_DOOR(a_response_without_a_state_goes_on_without_one),
	    AT_THE_DOOR(a_refused_response_says_what_to_do_and_no_more),
	    AT_THE_DOOR(a_form_that_is_no_response_is_refused_before_the_pipeline),
	    cmocka_unit_test_setup_teardown(
		a_provider_is_asked_so_often_and_no_more, set_up_slow, tear_down),
	    cmocka_unit_test_setup_teardown(
		an_address_asks_so_often_and_no_more, set_up_narrow, tear_down),
	    AT_THE_DOOR(the_metadata_are_the_servers),
	    AT_THE_DOOR(the_style_is_kept_by_browsers),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
