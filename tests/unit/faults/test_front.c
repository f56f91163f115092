/* The front without memory: a form is whole or refused, a page is whole or none, and a door that cannot be made is told. */
#include <string.h>

#include "fas/base/macros.h"
#include "fas/front/form.h"
#include "fas/front/front.h"
#include "fas/front/page.h"
#include "tests/unit/faults/faults.h"

static const char query[] = "SAMLResponse=PHg%2B&RelayState=store&x=y";

static enum fas_code
run_form(void *arg, struct fas_err *e)
{
	OWN(form) struct form form = {0};
	(void)arg;
	enum fas_code rc = form_parse(query, strlen(query), &form, e);
	assert_int_equal(form.n, rc == FAS_OK ? 3 : 0);
	return rc;
}

static enum fas_code
run_door(void *arg, struct fas_err *e)
{
	static const struct front_config config = {
	    .per_address = 60, .per_provider = 60, .n_servers = 1};
	OWN(front) struct front *front = NULL;
	(void)arg;
	enum fas_code rc = front_new(&config, NULL, NULL, &front, e);
	assert_int_equal(rc == FAS_OK, front != NULL);
	return rc;
}

/* What is sent is the whole page, or an answer that says that there is none. */
static enum fas_code
run_page(void *arg, struct fas_err *e)
{
	struct http_response response;
	OWN(page) struct page page = {0};
	http_response_init(&response, "00");
	page_begin(&page, texts_at(arg, 0), "https://login.example", NULL, TEXT_GOING_TITLE);
	page_naming(&page, TEXT_GOING_LEAD, "Example");
	page_form_begin(&page, "https://idp.example/sso");
	page_hidden(&page, "SAMLRequest", "PHg+");
	page_form_end(&page, TEXT_NEXT);
	page_send(&page, &response, 200);
	http_answer_see_other(&response, "https://store.example/");
	bool whole = strstr(buf_str(&response.body), "</html>") != NULL;
	bool sent = response.status == 303;
	assert_true(!sent || response.location);
	http_response_done(&response);
	return whole && sent ? FAS_OK : fas_fail_nomem(e);
}

static void
a_form_is_whole_or_refused(void **state)
{
	const struct fault_case c = {NULL, run_form, NULL, false};
	(void)state;
	assert_true(faults_each(FAULT_MEMORY, &c, NULL) > 0);
}

static void
a_door_that_cannot_be_made_is_told(void **state)
{
	const struct fault_case c = {NULL, run_door, NULL, false};
	(void)state;
	assert_true(faults_each(FAULT_MEMORY, &c, NULL) > 2);
}

static void
a_page_is_whole_or_none(void **state)
{
	const struct fault_case c = {NULL, run_page, NULL, false};
	assert_true(faults_each(FAULT_MEMORY, &c, *state) > 0);
}

static int
set_up(void **state)
{
	struct fas_err e = {0};
	faults_init();
	return texts_load(NULL, (struct texts **)state, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	texts_free(*state);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_form_is_whole_or_refused),
	    cmocka_unit_test(a_door_that_cannot_be_made_is_told),
	    cmocka_unit_test(a_page_is_whole_or_none),
	};
	return cmocka_run_group_tests_name("the front in need", tests, set_up, tear_down);
}
