/* Bodies of the HTTP API: each route's handler with the body as it came, above a made-up pipeline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "fas/api.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "pki.h"
#include "table.h"
#include "tests/fuzz/fuzz.h"

static struct service service = {.node = "fas1"};
#define MEMBERS_MAX 6 /* of the body with most, a signature's */

static struct api api = {.service = &service};

/* Records are not what is looked at here. */
enum fas_code __wrap_audit_write(
    struct db_pool *pool, const struct audit_record *record, struct fas_err *e);

enum fas_code
__wrap_audit_write(struct db_pool *pool, const struct audit_record *record, struct fas_err *e)
{
	(void)pool;
	(void)e;
	FUZZ_CHECK(record->event && record->outcome);
	return FAS_OK;
}

static void
set_up(void)
{
	/* the machine that fakes.c enrols */
	static const struct table_entry machine = {"1001", "host", "vda1.example.com", false};
	static struct pki_ca ca;
	struct fas_err e = {0};
	pki_ca_make(&ca, "Service CA");
	FUZZ_CHECK(caller_table_new(ca.pem, &api.callers, &e) == FAS_OK);
	FUZZ_CHECK(metrics_new(&api.metrics, &e) == FAS_OK);
	table_set(api.callers, 1, &machine, 1);
}

static void
check_response(const struct http_response *response)
{
	FUZZ_CHECK(response->status >= 200 && response->status <= 599);
	FUZZ_CHECK(response->status == 204 || response->body.len > 0);
	if (response->body.len == 0)
		return;
	OWN(json)
	json_t *body =
	    json_loadb(buf_str(&response->body), response->body.len, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(json_is_object(body));
	if (response->status >= 400)
		FUZZ_CHECK(strcmp(response->content_type, "application/problem+json") == 0 &&
			   json_string_value(json_object_get(body, "code")));
}

/* What has reached the pipeline has been in the body, and in the shape that PROTOCOL promises. */
static void
check_asked(const struct http_request *request)
{
	if (fakes.calls == 0 || request->body.len == 0)
		return;
	OWN(json)
	json_t *body =
	    json_loadb(buf_str(&request->body), request->body.len, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(json_is_object(body) && json_object_size(body) <= MEMBERS_MAX);
	if (strcmp(request->route->name, "logons") == 0) {
		FUZZ_CHECK(hostname_is_valid(fakes.host));
		FUZZ_CHECK(
		    strcmp(fakes.host, json_string_value(json_object_get(body, "host"))) == 0);
	}
	if (strcmp(request->route->name, "certificates") == 0)
		FUZZ_CHECK(
		    !json_object_get(body, "ticket") != !json_object_get(body, "saml_response"));
}

static void
try_route(const struct http_route *route, struct fuzz_input *in, enum fas_code answer)
{
	struct http_request request = {.route = route,
	    .method = route->method,
	    .segment = "5e55",
	    .correlation_id = FAKE_CORRELATION,
	    .caller = {.kind = CALLER_CERTIFICATE, .role = ROLE_HOST, .name = "vda1.example.com"}};
	struct http_response response;
	fakes_reset();
	fakes.code = fakes.signer_code = answer;
	buf_init(&request.body, route->body_max);
	buf_append(&request.body, in->at, in->left);
	http_response_init(&response, FAKE_CORRELATION);
	if (!request.body.failed) {
		route->handle(&api, &request, &response);
		check_response(&response);
		check_asked(&request);
	}
	http_response_done(&response);
	buf_done(&request.body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum fas_code answers[] = {FAS_OK, FAS_OK, FAS_E_DENIED, FAS_E_UNAVAILABLE};
	struct fuzz_input in = {data, size};
	if (!api.metrics)
		set_up();
	size_t route = fuzz_below(&in, 64);
	enum fas_code answer = answers[route / 16 % NELEMS(answers)];
	try_route(&api_routes[route % api_n_routes], &in, answer);
	return 0;
}
