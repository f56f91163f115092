/*
 * The whole pipeline without memory and without a disk: an error tells no lie, a ticket that was not handed out is not
 * usable, and whoever tries again when all is well gets exactly one session and one certificate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/log.h"
#include "fas/base/macros.h"
#include "tests/unit/faults/faults.h"
#include "tests/unit/faults/played.h"

#define CHAIN_MAX 1000000
#define ISSUED_MAX 60 /* the played signer remembers 64 */

struct story {
	unsigned number;
	char *response, *csr;
	char ticket[TICKET_TEXT_MAX];
	char serial[SERIAL_HEX_MAX];
	struct service_counts before;
	size_t issued;
};

static void
count(struct service_counts *out)
{
	struct fas_err e = {0};
	if (service_count(&world.service, out, &e) != FAS_OK)
		fail_msg("%s", e.message);
}

/* A new assertion for each fault. */
static void
new_response(void *arg)
{
	struct story *s = arg;
	char id[32];
	(void)snprintf(id, sizeof(id), "_a%u", s->number++);
	free(s->response);
	s->response = response_with(id);
	count(&s->before);
}

static enum fas_code
run_start(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	const struct caller caller = storefront(STOREFRONT);
	struct request request = {.caller = &caller, .correlation_id = "0"};
	const struct logon_request body = {.saml_response = s->response, .host = VDA1};
	OWN(logon_answer) struct logon_answer answer = {0};
	enum fas_code rc = logon_start(&world.service, &request, &body, &answer, e);
	memcpy(s->ticket, answer.ticket, sizeof(s->ticket));
	if (rc == FAS_OK)
		assert_true(answer.upn && answer.rule && answer.ticket[0]);
	else
		assert_true(!answer.upn && !answer.rule && !answer.ticket[0]);
	return rc;
}

/* The storefront tries again: it gets a ticket, and it is the only one. */
static void
start_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	(void)why;
	(void)rc;
	if (run_start(s, &e) != FAS_OK)
		fail_msg("the second time: %s: %s", e.reason, e.message);
	count(&now);
	assert_int_equal(now.open_tickets, s->before.open_tickets + 1);
	assert_int_equal(now.claims, s->before.claims + 1);
	assert_int_equal(now.live_sessions, s->before.live_sessions);
}

static void
a_storefront_gets_its_ticket_when_it_tries_again(void **state)
{
	const struct fault_case c = {new_response, run_start, start_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static bool
chain_is_broken(const struct audit_finding *finding, void *arg)
{
	(void)arg;
	fail_msg("record %lld: %s", (long long)finding->seq, finding->what);
	return false;
}

static enum fas_code
check_chain(struct db *db, void *arg, struct fas_err *e)
{
	struct audit_place place = {0};
	return audit_check(db, &place, CHAIN_MAX, arg, chain_is_broken, NULL, e);
}

/* From the beginning of this world; how many records there are. */
static size_t
checked_chain(void)
{
	struct fas_err e = {0};
	size_t n = 0;
	assert_int_equal(db_read(world.service.db, check_chain, &n, &e), FAS_OK);
	return n;
}

static void
new_ticket(void *arg)
{
	struct story *s = arg;
	struct fas_err e = {0};
	if (world.issued == ISSUED_MAX) {
		assert_true(checked_chain() > ISSUED_MAX);
		assert_int_equal(world_end(NULL), 0);
		assert_int_equal(world_begin(NULL), 0);
	}
	new_response(s);
	if (run_start(s, &e) != FAS_OK)
		fail_msg("%s", e.message);
	s->serial[0] = 0;
	s->issued = world.issued;
	count(&s->before);
}

static enum fas_code
run_redeem(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	const struct caller caller = host(VDA1);
	struct request request = {.caller = &caller, .correlation_id = "0"};
	const struct redeem_request body = {.ticket = s->ticket, .csr = s->csr};
	OWN(redeem_answer) struct redeem_answer answer = {0};
	enum fas_code rc = logon_redeem(&world.service, &request, &body, &answer, e);
	if (rc != FAS_OK) {
		assert_true(!answer.certificate.pem && !answer.upn && !answer.session_id[0]);
		return rc;
	}
	assert_true(answer.certificate.pem && answer.certificate.chain_pem);
	assert_true(answer.upn && answer.realm && answer.principal && answer.session_id[0]);
	if (s->serial[0])
		assert_string_equal(s->serial, answer.certificate.serial);
	memcpy(s->serial, answer.certificate.serial, sizeof(s->serial));
	return FAS_OK;
}

/* The host tries again with the same key: one session, one certificate, the same each time. */
static void
redeem_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct service_counts now;
	struct fas_err e = {0};
	(void)rc;
	if (run_redeem(s, &e) != FAS_OK)
		fail_msg(
		    "the second time: %s: %s (at first: %s)", e.reason, e.message, why->message);
	if (run_redeem(s, &e) != FAS_OK)
		fail_msg("the third time: %s: %s", e.reason, e.message);
	count(&now);
	assert_int_equal(now.live_sessions, s->before.live_sessions + 1);
	assert_int_equal(now.open_tickets, s->before.open_tickets - 1);
	assert_int_equal(world.issued, s->issued + 1);
}

static void
a_host_gets_its_one_certificate_when_it_tries_again(void **state)
{
	const struct fault_case c = {new_ticket, run_redeem, redeem_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
the_chain_of_records_holds_after_all_that(void **state)
{
	(void)state;
	world_restart();
	assert_true(checked_chain() > 0);
}

static int
set_up(void **state)
{
	static struct story story;
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	story.csr = new_csr();
	*state = &story;
	return world_begin(&(void *){NULL});
}

static int
tear_down(void **state)
{
	struct story *s = *state;
	free(s->response);
	free(s->csr);
	return world_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_storefront_gets_its_ticket_when_it_tries_again),
	    cmocka_unit_test(a_host_gets_its_one_certificate_when_it_tries_again),
	    cmocka_unit_test(the_chain_of_records_holds_after_all_that),
	};
	return cmocka_run_group_tests_name("a logon in need", tests, set_up, tear_down);
}
