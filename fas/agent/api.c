#include "fas/agent/api.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "fas/agent/refusal.h"
#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/secret.h"

#define CONNECT_MS 2000L
#define TOTAL_MS 15000L
#define PROBE_MS 2500L
#define ROUNDS 3
#define PAUSE_MAX_S 5
#define URL_MAX 1024

/* libcurl keeps the connections with the handle. */
struct api_line {
	CURL *curl;
};

enum fas_code
api_line_new(struct api_line **out, struct fas_err *e)
{
	struct api_line *line = calloc(1, sizeof(*line));
	if (line)
		line->curl = curl_easy_init();
	if (!line || !line->curl) {
		free(line);
		return fas_fail_nomem(e);
	}
	*out = line;
	return FAS_OK;
}

void
api_line_free(struct api_line *line)
{
	if (!line)
		return;
	curl_easy_cleanup(line->curl);
	free(line);
}

/* One HTTP exchange and what came of it. */
struct exchange {
	CURL *curl;
	bool kept; /* the handle is a line's */
	const char *server;
	struct curl_slist *headers;
	struct trust *trust;
	struct fas_err tls; /* set by the callback of the TLS context */
	struct buf answer;
	char why[CURL_ERROR_SIZE];
	long status;
	bool problem; /* Content-Type: application/problem+json */
	curl_off_t retry_after_s;
};

static void
exchange_done(struct exchange *x)
{
	if (x->answer.data)
		secret_wipe(x->answer.data, x->answer.len);
	buf_done(&x->answer);
	curl_slist_free_all(x->headers);
	if (x->curl && x->kept)
		curl_easy_reset(x->curl); /* nothing of this exchange stays, the connection does */
	else if (x->curl)
		curl_easy_cleanup(x->curl);
}

DEFINE_OWN_IN_PLACE(exchange, struct exchange, exchange_done);

void
api_answer_done(struct api_answer *answer)
{
	json_decref(answer->body);
	*answer = (struct api_answer){0};
}

enum fas_code
api_init(struct fas_err *e)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return FAS_OK;
	return fas_fail(e, FAS_E_INTERNAL, "internal", "libcurl does not start");
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	buf_append(&x->answer, data, size * n);
	return x->answer.failed ? 0 : size * n;
}

static CURLcode
on_tls_context(CURL *curl, void *ctx, void *arg)
{
	struct exchange *x = arg;
	(void)curl;
	return trust_apply(x->trust, x->server, ctx, &x->tls) == FAS_OK ? CURLE_OK
									: CURLE_SSL_CONNECT_ERROR;
}

/*
 * Only https, only where we were told, only whom we trust: no proxy, no redirection, no netrc.  libcurl's
 * cache of certificate stores is off: it puts the first server's anchors into the contexts of all others of a handle.
 */
static bool
set_transport(struct exchange *x, const char *url, long total_ms)
{
	CURL *c = x->curl;
	return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CA_CACHE_TIMEOUT, 0L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, on_tls_context) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, x) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, total_ms) == CURLE_OK;
}

/* RFC 4559: the token goes along at once, over verified TLS only. */
static bool
set_negotiate(CURL *c)
{
	return curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_USERPWD, ":") == CURLE_OK;
}

static bool
set_request(struct exchange *x, const char *method, const char *body)
{
	CURL *c = x->curl;
	x->headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!x->headers || !curl_slist_append(x->headers, "Accept: application/json") ||
	    !curl_slist_append(x->headers, "Expect:"))
		return false;
	return curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_USERAGENT, "fas-agent/" FAS_VERSION) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_ERRORBUFFER, x->why) == CURLE_OK &&
	       (strcmp(method, "POST") != 0 ||
		   curl_easy_setopt(c, CURLOPT_POSTFIELDS, body ? body : "") == CURLE_OK);
}

/* Did it fail for who the server is, rather than for where it is? */
static bool
is_distrust(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
	       code == CURLE_SSL_ISSUER_ERROR;
}

static enum fas_code
transport_failed(const struct exchange *x, CURLcode code, const char *url, struct fas_err *e)
{
	const char *why = x->why[0] ? x->why : curl_easy_strerror(code);
	if (x->tls.code != FAS_OK)
		return fas_fail(e, x->tls.code, x->tls.reason, "%s", x->tls.message);
	if (is_distrust(code) && !x->trust->identity && !x->trust->shown)
		return fas_fail(e, FAS_E_AUTH, "pin_not_shown",
		    "%s does not show the service CA that the token names: another server, or a "
		    "token of another service",
		    url);
	if (is_distrust(code))
		return fas_fail(
		    e, FAS_E_AUTH, "server_untrusted", "%s is not trusted: %s", url, why);
	if (code == CURLE_WRITE_ERROR)
		return fas_fail(e, FAS_E_INPUT, "too_large",
		    "%s: the answer has more than %d bytes", url, API_ANSWER_MAX);
	return fas_fail(e, FAS_E_UNAVAILABLE, "server_away", "%s: %s", url, why);
}

static void
note_answer(struct exchange *x)
{
	const char *type = NULL;
	(void)curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &x->status);
	(void)curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
	(void)curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &x->retry_after_s);
	static const char problem[] = "application/problem+json";
	x->problem = type && strncasecmp(type, problem, sizeof(problem) - 1) == 0;
}

/* A status of refusal as an error of ours. */
static enum fas_code
refused(const struct exchange *x, const char *url, struct fas_err *e)
{
	struct refusal refusal;
	struct fas_err why = {0};
	if (x->problem &&
	    refusal_parse(buf_str(&x->answer), x->answer.len, x->status, &refusal, &why) == FAS_OK)
		return refusal_fail(&refusal, e);
	return fas_fail(e, refusal_class(x->status), "http_status",
	    "%s answered HTTP %ld without a usable problem document", url, x->status);
}

static enum fas_code
take_answer(const struct exchange *x, const char *url, struct api_answer *out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader r = {0};
	if (x->status != 200 && x->status != 201 && x->status != 204)
		return refused(x, url, e);
	out->status = x->status;
	if (x->answer.len == 0)
		return FAS_OK;
	enum fas_code rc = json_open(&r, buf_str(&x->answer), x->answer.len, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return fas_fail(e, FAS_E_INPUT, "answer_malformed", "%s: %s", url, why.message);
	out->body = TAKE(r.object);
	return FAS_OK;
}

static void
open_exchange(const struct api *api, const char *server, struct exchange *x)
{
	x->server = server;
	x->kept = api->line != NULL;
	x->curl = api->line ? api->line->curl : curl_easy_init();
	x->trust = api->trust;
	buf_init(&x->answer, API_ANSWER_MAX);
}

/* One request to one server.  *pause_s: what the server asks us to wait before the next. */
static enum fas_code
call_one(const struct api *api, const char *server, const char *method, const char *path,
    const char *body, struct api_answer *out, int64_t *pause_s, struct fas_err *e)
{
	char url[URL_MAX];
	OWN(exchange) struct exchange x = {0};
	open_exchange(api, server, &x);
	if (snprintf(url, sizeof(url), "%s%s", server, path) >= (int)sizeof(url))
		return fas_fail(e, FAS_E_INTERNAL, "internal", "a URL that is too long");
	if (!x.curl || !set_transport(&x, url, api->total_ms ? api->total_ms : TOTAL_MS) ||
	    !set_request(&x, method, body) || (api->negotiate && !set_negotiate(x.curl)))
		return fas_fail(e, FAS_E_INTERNAL, "internal", "libcurl refuses an option");
	CURLcode code = curl_easy_perform(x.curl);
	if (code != CURLE_OK)
		return transport_failed(&x, code, url, e);
	note_answer(&x);
	*pause_s = (int64_t)x.retry_after_s;
	return take_answer(&x, url, out, e);
}

/* Worth another try: later, or at another server. */
static bool
is_transient(const struct fas_err *e)
{
	return e->code == FAS_E_UNAVAILABLE || e->code == FAS_E_LIMIT;
}

/*
 * Another node issued the ticket or keeps the session; or this one is none that we know, or not the one that the token
 * names, and was told nothing.
 */
static bool
is_elsewhere(const struct fas_err *e)
{
	static const char *const reasons[] = {
	    "ticket_other_node", "session_unknown", "server_untrusted", "pin_not_shown"};
	for (size_t i = 0; i < NELEMS(reasons); i++) {
		if (strcmp(e->reason, reasons[i]) == 0)
			return true;
	}
	return false;
}

struct attempt {
	const char *method, *path, *body;
	struct fas_err transient; /* the first one: it outweighs what the wrong node says */
	struct fas_err last;
	int64_t pause_s;
};

/* Whom to ask, in this order. */
static void
choose_servers(const struct api *api, struct server_order *out)
{
	out->n = out->n_away = 0;
	if (api->only && api->servers && servers_is_away(api->servers, api->only))
		return;
	if (api->only) {
		(void)snprintf(out->urls[out->n++], AGENT_URL_MAX, "%s", api->only);
		return;
	}
	if (api->servers) {
		servers_order(api->servers, api->node, api->user, out);
		return;
	}
	out->n = api->config->n_servers;
	memcpy(out->urls, api->config->servers, sizeof(out->urls));
}

/* Whether a server is there at all is said by the connection, not by the answer. */
static void
note_server(const struct api *api, const char *server, const struct fas_err *why)
{
	if (!api->servers)
		return;
	bool away = strcmp(why->reason, "server_away") == 0;
	servers_note(api->servers, server, !away);
	if (away || strcmp(why->reason, "server_untrusted") == 0)
		log_error(why->reason, why, "server", server, NULL);
}

static enum fas_code
fail_no_server(const struct api *api, struct fas_err *e)
{
	if (api->only)
		return fas_fail(e, FAS_E_UNAVAILABLE, "server_away",
		    "%s does not answer, and another server does not know this session", api->only);
	return fas_fail(e, FAS_E_UNAVAILABLE, "server_away", "no server answers");
}

/* All servers once.  true: settled, well or ill, in at->last. */
static bool
ask_round(const struct api *api, struct attempt *at, struct api_answer *out)
{
	struct server_order order;
	choose_servers(api, &order);
	/* Whoever is away may be the one that knows. */
	if (order.n == 0 || order.n_away > 0)
		(void)fail_no_server(api, &at->transient);
	for (size_t i = 0; i < order.n; i++) {
		fas_err_clear(&at->last);
		enum fas_code rc = call_one(api, order.urls[i], at->method, at->path, at->body, out,
		    &at->pause_s, &at->last);
		note_server(api, order.urls[i], &at->last);
		if (rc == FAS_OK) {
			memcpy(out->server, order.urls[i], sizeof(out->server));
			return true;
		}
		if (is_transient(&at->last) && at->transient.code == FAS_OK)
			at->transient = at->last;
		if (!is_transient(&at->last) && !is_elsewhere(&at->last))
			return true;
	}
	return at->transient.code == FAS_OK;
}

static void
rest(int64_t pause_s)
{
	struct timespec t = {.tv_sec = 0, .tv_nsec = 300000000L};
	if (pause_s > 0)
		t = (struct timespec){.tv_sec = pause_s < PAUSE_MAX_S ? pause_s : PAUSE_MAX_S};
	(void)nanosleep(&t, NULL);
}

enum fas_code
api_call(const struct api *api, const char *method, const char *path, json_t *body,
    struct api_answer *out, struct fas_err *e)
{
	OWN(text) char *text = json_text(body, JSON_COMPACT);
	struct attempt at = {.method = method, .path = path, .body = text};
	bool settled = false;
	*out = (struct api_answer){0};
	if (!api->only && !api->servers && api->config->n_servers == 0)
		return fas_fail(e, FAS_E_CONFIG, "server_url", "no server is configured");
	if (body && !text)
		return fas_fail_nomem(e);
	for (int round = 0; round < (api->once ? 1 : ROUNDS) && !settled; round++) {
		if (round > 0)
			rest(at.pause_s);
		fas_err_clear(&at.transient);
		settled = ask_round(api, &at, out);
	}
	if (text)
		secret_wipe(text, strlen(text));
	const struct fas_err *why = settled ? &at.last : &at.transient;
	return why->code == FAS_OK ? FAS_OK
				   : fas_fail(e, why->code, why->reason, "%s", why->message);
}

enum fas_code
api_probe(const struct api *api, const char *server, struct fas_err *e)
{
	OWN(exchange)
	struct exchange x = {.curl = curl_easy_init(), .server = server, .trust = api->trust};
	buf_init(&x.answer, API_ANSWER_MAX);
	if (!x.curl || !set_transport(&x, server, PROBE_MS) ||
	    curl_easy_setopt(x.curl, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "libcurl refuses an option");
	CURLcode code = curl_easy_perform(x.curl);
	return code == CURLE_OK ? FAS_OK : transport_failed(&x, code, server, e);
}
