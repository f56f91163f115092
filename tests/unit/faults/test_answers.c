/* The service's answers in an agent without memory. */
#include <stdlib.h>
#include <string.h>

#include "fas/agent/logon_answer.h"
#include "fas/agent/refusal.h"
#include "tests/unit/faults/faults.h"

static const char answer_text[] =
    "{\"session_id\":\"5e55\",\"session_expires_at\":\"2026-11-23T02:35:50Z\",\"lease_s\":600,"
    "\"certificate\":\"C\",\"chain\":\"C\",\"serial\":\"0a\",\"not_after\":\"2026-11-23T02:35:"
    "50Z\","
    "\"upn\":\"alice@corp.example.com\",\"sam_account_name\":\"alice\",\"realm\":"
    "\"CORP.EXAMPLE.COM\",\"principal\":\"alice@CORP.EXAMPLE.COM\",\"sid\":\"S-1-5-21-1-2-3-1104\","
    "\"custody\":\"host\",\"in_session\":{\"fetch\":\"logon\",\"custody\":\"host\",\"key_type\":"
    "\"p-256\","
    "\"programs\":[\"/usr/bin/ssh\",\"/usr/bin/curl\"],\"mechanisms\":[\"ecdsa\"],\"consent\":"
    "{\"scope\":\"none\"},\"rate\":{\"count\":1,\"period_s\":1},\"validity_s\":60},"
    "\"correlation_id\":\"0123456789abcdef0123456789abcdef\"}";

static enum fas_code
run_answer(void *arg, struct fas_err *e)
{
	OWN(logon_answer) struct logon_answer answer = {0};
	OWN(json_reader) struct json_reader r = {0};
	(void)arg;
	enum fas_code rc = json_open(&r, answer_text, strlen(answer_text), e);
	return rc == FAS_OK ? logon_answer_read(r.object, &answer, e) : rc;
}

static void
an_answer_is_whole_or_refused(void **state)
{
	const struct fault_case c = {.run = run_answer};
	(void)state;
	(void)faults_each(FAULT_MEMORY, &c, NULL);
}

static const char problem_text[] =
    "{\"type\":\"about:blank\",\"title\":\"T\",\"status\":409,\"code\":\"ticket_used\"}";

static enum fas_code
run_problem(void *arg, struct fas_err *e)
{
	struct refusal refusal;
	(void)arg;
	return refusal_parse(problem_text, strlen(problem_text), 409, &refusal, e);
}

static void
a_problem_is_not_called_malformed_for_our_memory(void **state)
{
	const struct fault_case c = {.run = run_problem};
	(void)state;
	(void)faults_each(FAULT_MEMORY, &c, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_whole_or_refused),
	    cmocka_unit_test(a_problem_is_not_called_malformed_for_our_memory),
	};
	faults_init();
	return cmocka_run_group_tests_name("answers without memory", tests, NULL, NULL);
}
