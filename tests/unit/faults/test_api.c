/* The API without memory: never a success with half an answer. */
#include <stdlib.h>
#include <string.h>

#include "fakes.h"
#include "fas/api.h"
#include "fas/base/json.h"
#include "tests/unit/faults/faults.h"

static struct service service = {.node = "fas1"};
static struct api api = {.service = &service};

struct ask {
	const char *route, *body;
	unsigned want, status;
};

static enum fas_code
run_ask(void *arg, struct fas_err *e)
{
	struct ask *ask = arg;
	struct http_match match;
	struct http_request request = {.method = "POST", .correlation_id = FAKE_CORRELATION};
	struct http_response response;
	enum fas_code rc = http_route_find(api_routes, api_n_routes, "POST", ask->route, &match, e);
	if (rc != FAS_OK)
		return rc;
	request.route = match.route;
	memcpy(request.segment, match.segment, sizeof(request.segment));
	fakes_reset();
	buf_init(&request.body, 4096);
	faults_pause(); /* receiving is the server's part */
	buf_text(&request.body, ask->body);
	faults_resume();
	http_response_init(&response, FAKE_CORRELATION);
	match.route->handle(&api, &request, &response);
	ask->status = response.status;
	if (response.status < 300)
		assert_true(response.body.len > 0 && !response.body.failed);
	if (response.status >= 500)
		rc = fas_fail_nomem(e);
	http_response_done(&response);
	buf_done(&request.body);
	return rc;
}

static void
check_status(void *arg, enum fas_code rc, const struct fas_err *e)
{
	const struct ask *ask = arg;
	(void)e;
	if (rc == FAS_OK && ask->status != ask->want)
		fail_msg("%s answers %u, want %u", ask->route, ask->status, ask->want);
}

static void
a_sender_is_not_blamed_for_our_memory(void **state)
{
	const struct fault_case c = {.run = run_ask, .check = check_status, .may_survive = true};
	struct ask asks[] = {
	    {"/v1/logons", "{\"saml_response\":\"PHg+\",\"host\":\"vda1.example.com\"}", 201, 0},
	    {"/v1/certificates", "{\"ticket\":\"t\",\"csr\":\"CSR\"}", 201, 0},
	    {"/v1/sessions/5e55/lease", "{}", 200, 0}};
	(void)state;
	for (size_t i = 0; i < NELEMS(asks); i++)
		(void)faults_each(FAULT_MEMORY, &c, &asks[i]);
}

static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	faults_init();
	return metrics_new(&api.metrics, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	metrics_free(api.metrics);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_sender_is_not_blamed_for_our_memory),
	};
	return cmocka_run_group_tests_name("the API without memory", tests, set_up, tear_down);
}
