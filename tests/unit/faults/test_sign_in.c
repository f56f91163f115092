/*
 * A browser's sign-in without memory and without a disk: a code that was not handed out is nobody's, and who tries again
 * when all is well gets exactly one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/log.h"
#include "fas/base/macros.h"
#include "fas/sign_in.h"
#include "tests/unit/faults/faults.h"
#include "tests/unit/faults/played.h"

static const char *const providers[] = {"okta"};
static const struct sign_in_target targets[] = {
    {"store", "https://store.example.com/return", STOREFRONT}};
static const struct sign_in_server server = {.name = "default",
    .entity_id = "https://login.example.com/saml/metadata",
    .acs_url = "https://login.example.com/saml/acs",
    .providers = providers,
    .n_providers = NELEMS(providers),
    .targets = targets,
    .n_targets = NELEMS(targets)};
static const uint8_t cookie[BROWSER_HASH_BYTES] = {7};
static const struct caller nobody;

struct story {
	unsigned number;
	char relay[CORRELATION_ID_MAX];
	char *response;
	char code[CODE_TEXT_MAX];
	char ticket[TICKET_TEXT_MAX];
	struct service_counts before;
};

static void
count(struct service_counts *out)
{
	struct fas_err e = {0};
	if (service_count(&world.service, out, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

static enum fas_code
run_begin(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	struct request request = {.caller = &nobody};
	const struct sign_in_question question = {.server = &server,
	    .target = &targets[0],
	    .browser = {.hash = cookie, .address = "192.0.2.7"},
	    .idp = "okta",
	    .request_id = "_r",
	    .state = "s"};
	correlation_id_new(request.correlation_id);
	memcpy(s->relay, request.correlation_id, sizeof(s->relay));
	return sign_in_begin(&world.service, &request, &question, e);
}

static enum fas_code
run_finish(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	struct request request = {.caller = &nobody};
	const struct sign_in_response response = {.server = &server,
	    .browser = {.hash = cookie, .address = "192.0.2.7"},
	    .saml_response = s->response,
	    .relay_state = s->relay};
	OWN(sign_in_answer) struct sign_in_answer answer = {0};
	correlation_id_new(request.correlation_id);
	enum fas_code rc = sign_in_finish(&world.service, &request, &response, &answer, e);
	memcpy(s->code, answer.code, sizeof(s->code));
	assert_int_equal(rc == FAS_OK, answer.code[0] != 0);
	return rc;
}

static void
begin_anew(void *arg)
{
	struct story *s = arg;
	char id[32];
	(void)snprintf(id, sizeof(id), "_s%u", s->number++);
	free(s->response);
	s->response = response_with(id);
	count(&s->before);
}

static void
new_question(void *arg)
{
	struct fas_err e = {0};
	begin_anew(arg);
	if (run_begin(arg, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

/* Told or not, a question that is there can be answered; one that is not is unknown. */
static void
answer_what_was_asked(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct fas_err e = {0};
	(void)why;
	enum fas_code answered = run_finish(arg, &e);
	if (rc == FAS_OK)
		assert_int_equal(answered, FAS_OK);
	else
		assert_true(answered == FAS_OK || strcmp(e.reason, "sign_in_unknown") == 0);
}

/* The browser sends its form again. */
static void
finish_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	(void)why;
	enum fas_code again = run_finish(s, &e);
	if (rc == FAS_OK)
		assert_string_equal(e.reason, "sign_in_used");
	else
		assert_int_equal(again, FAS_OK);
	count(&now);
	assert_int_equal(now.claims, s->before.claims + 1);
}

static enum fas_code
run_exchange(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	const struct caller caller = storefront(STOREFRONT);
	struct request request = {.caller = &caller, .correlation_id = "0"};
	const struct logon_request body = {.code = s->code, .host = VDA1};
	OWN(logon_answer) struct logon_answer answer = {0};
	enum fas_code rc = logon_start(&world.service, &request, &body, &answer, e);
	assert_int_equal(rc == FAS_OK, answer.ticket[0] != 0);
	return rc;
}

static void
new_code(void *arg)
{
	struct fas_err e = {0};
	new_question(arg);
	if (run_finish(arg, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static void
exchange_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	(void)rc;
	(void)why;
	if (run_exchange(s, &e) != FAS_OK)
		fail_msg("the second time: %s: %s", e.reason, e.message);
	count(&now);
	assert_int_equal(now.open_tickets, s->before.open_tickets + 1);
	assert_int_equal(now.claims, s->before.claims + 1);
}

static void
a_question_is_asked_or_not(void **state)
{
	const struct fault_case c = {begin_anew, run_begin, answer_what_was_asked, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
a_browser_gets_its_one_code_when_it_tries_again(void **state)
{
	const struct fault_case c = {new_question, run_finish, finish_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
a_storefront_gets_its_ticket_for_the_code_when_it_tries_again(void **state)
{
	const struct fault_case c = {new_code, run_exchange, exchange_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static int
set_up(void **state)
{
	static struct story story;
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	*state = &story;
	return world_begin(&(void *){NULL});
}

static int
tear_down(void **state)
{
	struct story *s = *state;
	free(s->response);
	return world_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_question_is_asked_or_not),
	    cmocka_unit_test(a_browser_gets_its_one_code_when_it_tries_again),
	    cmocka_unit_test(a_storefront_gets_its_ticket_for_the_code_when_it_tries_again),
	};
	return cmocka_run_group_tests_name("a sign-in in need", tests, set_up, tear_down);
}
