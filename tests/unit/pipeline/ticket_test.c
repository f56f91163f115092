#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fas/ticket.h"
#include "tests/unit/pipeline/world.h"

static void
a_ticket_reads_back_to_its_own_hash(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char text[TICKET_TEXT_MAX];
	uint8_t made[TICKET_HASH_BYTES], read[TICKET_HASH_BYTES];
	assert_int_equal(ticket_new("fas1", text, made, &e), FAS_OK);
	assert_int_equal(strncmp(text, "fas1-", 5), 0);
	assert_int_equal(strlen(text), 5 + 26);
	assert_int_equal(ticket_read("fas1", text, read, &e), FAS_OK);
	assert_memory_equal(made, read, sizeof(made));
}

static void
two_tickets_differ(void **state)
{
	(void)state;
	struct fas_err e = {0};
	char a[TICKET_TEXT_MAX], b[TICKET_TEXT_MAX];
	uint8_t hash[TICKET_HASH_BYTES];
	assert_int_equal(ticket_new("fas1", a, hash, &e), FAS_OK);
	assert_int_equal(ticket_new("fas1", b, hash, &e), FAS_OK);
	assert_string_not_equal(a, b);
}

static void
text_that_is_no_ticket_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "-", "fas1", "fas1-", "fas1-abc",
	    "FAS1-abcdefghijklmnopqrstuvwxyz", "fas1-abcdefghijklmnopqrstuvwxy1",
	    "fas1-abcdefghijklmnopqrstuvwxyza", "fas1-abcdefghijklmnopqrstuvwxy\n",
	    "a-name-with-dashes-abcdefghijklmnopqrstuvwxyz",
	    "abcdefghijklmnopq-abcdefghijklmnopqrstuvwxyz", "f s1-abcdefghijklmnopqrstuvwxyz"};
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		uint8_t hash[TICKET_HASH_BYTES];
		assert_int_equal(ticket_read("fas1", bad[i], hash, &e), FAS_E_AUTH);
		assert_reason(&e, "ticket_malformed");
	}
}

static void
a_ticket_of_another_node_says_which(void **state)
{
	(void)state;
	struct fas_err e = {0};
	uint8_t hash[TICKET_HASH_BYTES];
	assert_int_equal(
	    ticket_read("fas1", "fas2-abcdefghijklmnopqrstuvwxyz", hash, &e), FAS_E_AUTH);
	assert_reason(&e, "ticket_other_node");
	assert_non_null(strstr(e.message, "fas2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ticket_reads_back_to_its_own_hash),
	    cmocka_unit_test(two_tickets_differ),
	    cmocka_unit_test(text_that_is_no_ticket_is_refused),
	    cmocka_unit_test(a_ticket_of_another_node_says_which),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
