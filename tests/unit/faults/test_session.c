/*
 * A session without memory and without a disk: a wish ends in one certificate when it is made again, no signature leaves
 * without its record, and no heartbeat ends what should go on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/macros.h"
#include "tests/unit/faults/faults.h"
#include "tests/unit/faults/played.h"

#define ISSUED_MAX 56 /* the played signer remembers 64 */
#define RULE                                                                                       \
	"    in_session: { allow: true, programs: ['*'], key: p-256, custody: service,"            \
	" rate: { count: 10000, period: 1s } }\n"

struct story {
	unsigned number;
	char id[SESSION_ID_TEXT_MAX], logon_key[KEY_ID_MAX], key[KEY_ID_MAX];
	char ask[32], serial[SERIAL_HEX_MAX];
	size_t issued;
};

static int64_t
number_of(const char *session, const char *member)
{
	struct fas_err e = {0};
	OWN(json) json_t *shown = NULL;
	if (session_show(&world.service, session, &shown, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return json_integer_value(json_object_get(shown, member));
}

static void
begin(struct story *s)
{
	assert_int_equal(world_begin(NULL), 0);
	world_service_rule_with("", RULE);
	log_on_by_service(s->id, s->logon_key);
}

static void
new_wish(void *arg)
{
	struct story *s = arg;
	if (world.issued >= ISSUED_MAX) {
		assert_int_equal(world_end(NULL), 0);
		begin(s);
	}
	(void)snprintf(s->ask, sizeof(s->ask), "wish-%011u", s->number++);
	s->serial[0] = 0;
	s->issued = world.issued;
}

static enum fas_code
run_wish(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	OWN(in_session_answer) struct in_session_answer answer = {0};
	enum fas_code rc = certificate_by(VDA1, s->id, s->ask, NULL, &answer, e);
	if (rc != FAS_OK) {
		assert_true(!answer.certificate.pem && !answer.in_session);
		return rc;
	}
	assert_true(answer.certificate.pem && answer.certificate.chain_pem && answer.in_session);
	assert_int_equal(strlen(answer.certificate.key_id), 32);
	if (s->serial[0])
		assert_string_equal(s->serial, answer.certificate.serial);
	memcpy(s->serial, answer.certificate.serial, sizeof(s->serial));
	memcpy(s->key, answer.certificate.key_id, sizeof(s->key));
	return FAS_OK;
}

static void
wish_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct fas_err e = {0};
	(void)rc;
	for (int i = 0; i < 2; i++) {
		if (run_wish(s, &e) != FAS_OK)
			fail_msg("%s: %s (at first: %s)", e.reason, e.message, why->message);
	}
	assert_int_equal(world.issued, s->issued + 1);
}

static void
a_wish_ends_in_one_certificate(void **state)
{
	const struct fault_case c = {new_wish, run_wish, wish_again, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

struct told {
	size_t n;
};

static enum fas_code
count_use(json_t *body, void *arg, struct fas_err *e)
{
	struct told *told = arg;
	const char *event = json_string_value(json_object_get(body, "event"));
	(void)e;
	told->n += event && strcmp(event, "key_used") == 0;
	return FAS_OK;
}

static enum fas_code
count_uses(struct db *db, void *arg, struct fas_err *e)
{
	return audit_each(db, 0, 1000000, NULL, count_use, arg, e);
}

static enum fas_code
run_sign(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	return sign_by(VDA1, s->id, s->key, e);
}

static void
each_use_is_counted_and_on_record(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct told told = {0};
	struct fas_err e = {0};
	(void)rc;
	(void)why;
	if (run_sign(s, &e) != FAS_OK)
		fail_msg("the second time: %s: %s", e.reason, e.message);
	assert_int_equal(db_read(world.service.db, count_uses, &told, &e), FAS_OK);
	assert_int_equal(number_of(s->id, "signatures"), told.n);
	assert_true(told.n <= world.signatures);
}

static void
no_signature_leaves_without_its_record(void **state)
{
	struct story *s = *state;
	const struct fault_case c = {NULL, run_sign, each_use_is_counted_and_on_record, true};
	assert_int_equal(strlen(s->key), 32);
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static void
time_goes_on(void *arg)
{
	(void)arg;
	world.now_s += 1;
	world_service_rule_with("", RULE); /* another policy is in force: the question is put */
}

static enum fas_code
run_lease(void *arg, struct fas_err *e)
{
	struct story *s = arg;
	OWN(lease_answer) struct lease_answer answer = {0};
	enum fas_code rc = lease_by(VDA1, s->id, &answer, e);
	assert_true(rc != FAS_OK || !answer.account_known || answer.in_session);
	return rc;
}

static void
it_still_lives(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct story *s = arg;
	struct fas_err e = {0};
	(void)rc;
	if (run_lease(s, &e) != FAS_OK)
		fail_msg("%s: %s (at first: %s)", e.reason, e.message, why->message);
	/* Nothing was taken back either. */
	assert_int_equal(world.revoked, 0);
}

static void
no_heartbeat_ends_what_should_go_on(void **state)
{
	const struct fault_case c = {time_goes_on, run_lease, it_still_lives, true};
	(void)faults_each(FAULT_MEMORY, &c, *state);
	(void)faults_each(FAULT_SYSTEM, &c, *state);
}

static int
set_up(void **state)
{
	static struct story story;
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	begin(&story);
	*state = &story;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wish_ends_in_one_certificate),
	    cmocka_unit_test(no_signature_leaves_without_its_record),
	    cmocka_unit_test(no_heartbeat_ends_what_should_go_on),
	};
	return cmocka_run_group_tests_name("a session in need", tests, set_up, world_end);
}
