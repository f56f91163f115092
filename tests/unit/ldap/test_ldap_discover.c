/* SRV records: RFC 2782's order, and what is taken from an answer. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#include "ldap/discover.h"
#include "tests/unit/ldap/ldap_fixture.h"

#define ANSWER_MAX 2048

/* ---- order ---- */

static uint32_t
draw_least(void *context, uint32_t max)
{
	(void)context;
	(void)max;
	return 0;
}

static uint32_t
draw_most(void *context, uint32_t max)
{
	(void)context;
	return max;
}

/* A fixed sequence of the generator's own making: the same numbers at each run. */
static uint32_t
draw_pseudo(void *context, uint32_t max)
{
	uint64_t *state = context;
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (uint32_t)((*state >> 33) % ((uint64_t)max + 1));
}

static struct srv
srv(const char *host, uint16_t priority, uint16_t weight)
{
	struct srv s = {.priority = priority, .weight = weight, .port = 389};
	(void)snprintf(s.host, sizeof(s.host), "%s", host);
	return s;
}

static void
lower_priority_comes_first_whatever_the_weight(void **state)
{
	struct srv r[] = {srv("far", 20, 65535), srv("near", 0, 0), srv("mid", 10, 1)};
	(void)state;
	discover_order(r, 3, draw_most, NULL);
	assert_string_equal(r[0].host, "near");
	assert_string_equal(r[1].host, "mid");
	assert_string_equal(r[2].host, "far");
}

static void
weight_zero_stands_first_when_the_draw_is_zero(void **state)
{
	struct srv r[] = {srv("heavy", 0, 100), srv("zero", 0, 0)};
	(void)state;
	discover_order(r, 2, draw_least, NULL);
	assert_string_equal(r[0].host, "zero");
}

static void
highest_draw_picks_the_last_of_the_running_sum(void **state)
{
	struct srv r[] = {srv("a", 0, 10), srv("b", 0, 20), srv("c", 0, 30)};
	(void)state;
	discover_order(r, 3, draw_most, NULL);
	assert_int_equal(r[0].weight, 30);
	assert_int_equal(r[2].weight, 10);
}

static void
chance_follows_the_weights(void **state)
{
	uint64_t seed = 1;
	unsigned heavy = 0;
	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct srv r[] = {srv("light", 0, 10), srv("heavy", 0, 30)};
		discover_order(r, 2, draw_pseudo, &seed);
		heavy += strcmp(r[0].host, "heavy") == 0;
	}
	assert_in_range(heavy, 2800, 3100); /* 30 of 41 numbers */
}

static void
sums_of_the_largest_weights_do_not_overflow(void **state)
{
	struct srv r[CONTROLLERS_MAX];
	(void)state;
	for (size_t i = 0; i < CONTROLLERS_MAX; i++)
		r[i] = srv("x", 0, 65535);
	discover_order(r, CONTROLLERS_MAX, draw_most, NULL);
	assert_string_equal(r[0].host, "x");
}

/* ---- answers ---- */

struct answer {
	uint8_t bytes[ANSWER_MAX];
	size_t len;
};

static void
put16(struct answer *a, unsigned value)
{
	a->bytes[a->len++] = (uint8_t)(value >> 8);
	a->bytes[a->len++] = (uint8_t)value;
}

static void
put_name(struct answer *a, const char *name)
{
	while (*name) {
		size_t label = strcspn(name, ".");
		a->bytes[a->len++] = (uint8_t)label;
		memcpy(a->bytes + a->len, name, label);
		a->len += label;
		name += label + (name[label] == '.');
	}
	a->bytes[a->len++] = 0;
}

/* Header and question of an answer with n records. */
static void
begin(struct answer *a, unsigned n)
{
	a->len = 0;
	put16(a, 1);
	put16(a, 0x8180);
	put16(a, 1);
	put16(a, n);
	put16(a, 0);
	put16(a, 0);
	put_name(a, "_ldap._tcp.dc._msdcs.corp.example.com");
	put16(a, ns_t_srv);
	put16(a, ns_c_in);
}

static void
put_record(struct answer *a, unsigned type, unsigned priority, unsigned port, const char *target)
{
	put16(a, 0xc00c); /* the question's name */
	put16(a, type);
	put16(a, ns_c_in);
	put16(a, 0);
	put16(a, 600);
	size_t length_at = a->len;
	put16(a, 0);
	put16(a, priority);
	put16(a, 100);
	put16(a, port);
	put_name(a, target);
	a->bytes[length_at + 1] = (uint8_t)(a->len - length_at - 2);
}

static enum fas_code
parse(const struct answer *a, struct srv *out, size_t *n, struct fas_err *e)
{
	return discover_parse(a->bytes, a->len, "corp.example.com", out, n, e);
}

static void
records_are_read(void **state)
{
	struct answer a;
	struct srv out[CONTROLLERS_MAX];
	size_t n;
	(void)state;
	begin(&a, 2);
	put_record(&a, ns_t_srv, 5, 389, "dc1.corp.example.com");
	put_record(&a, ns_t_srv, 0, 3389, "DC2.Corp.Example.com");
	assert_int_equal(parse(&a, out, &n, NULL), FAS_OK);
	assert_int_equal(n, 2);
	assert_string_equal(out[0].host, "dc1.corp.example.com");
	assert_int_equal(out[0].priority, 5);
	assert_int_equal(out[0].weight, 100);
	assert_int_equal(out[1].port, 3389);
}

static void
targets_outside_the_domain_are_left_out(void **state)
{
	static const char *const bad[] = {"dc.evil.example.net", "corp.example.com",
	    "evilcorp.example.com", "corp.example.com.evil.net", "", "bad_name.corp.example.com"};
	struct answer a;
	struct srv out[CONTROLLERS_MAX];
	size_t n;
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		begin(&a, 1);
		put_record(&a, ns_t_srv, 0, 389, bad[i]);
		assert_int_equal(parse(&a, out, &n, &e), FAS_E_UNAVAILABLE);
		assert_string_equal(e.reason, "srv_empty");
	}
}

static void
other_records_and_port_zero_are_left_out(void **state)
{
	struct answer a;
	struct srv out[CONTROLLERS_MAX];
	size_t n;
	struct fas_err e = {0};
	(void)state;
	begin(&a, 2);
	put_record(&a, ns_t_txt, 0, 389, "dc1.corp.example.com");
	put_record(&a, ns_t_srv, 0, 0, "dc1.corp.example.com");
	assert_int_equal(parse(&a, out, &n, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "srv_empty");
}

static void
every_cut_answer_is_refused(void **state)
{
	struct answer a;
	struct srv out[CONTROLLERS_MAX];
	size_t n;
	(void)state;
	begin(&a, 1);
	put_record(&a, ns_t_srv, 0, 389, "dc1.corp.example.com");
	for (size_t whole = a.len; a.len > 0;) {
		a.len = a.len > 0 ? a.len - 1 : 0;
		assert_true(a.len < whole);
		assert_int_equal(parse(&a, out, &n, NULL), FAS_E_UNAVAILABLE);
	}
}

static void
more_records_than_the_cap_are_cut(void **state)
{
	struct answer a;
	struct srv out[CONTROLLERS_MAX];
	size_t n;
	(void)state;
	begin(&a, CONTROLLERS_MAX + 3);
	for (size_t i = 0; i < CONTROLLERS_MAX + 3; i++)
		put_record(&a, ns_t_srv, 0, 389, "dc1.corp.example.com");
	assert_int_equal(parse(&a, out, &n, NULL), FAS_OK);
	assert_int_equal(n, CONTROLLERS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lower_priority_comes_first_whatever_the_weight),
	    cmocka_unit_test(weight_zero_stands_first_when_the_draw_is_zero),
	    cmocka_unit_test(highest_draw_picks_the_last_of_the_running_sum),
	    cmocka_unit_test(chance_follows_the_weights),
	    cmocka_unit_test(sums_of_the_largest_weights_do_not_overflow),
	    cmocka_unit_test(records_are_read),
	    cmocka_unit_test(targets_outside_the_domain_are_left_out),
	    cmocka_unit_test(other_records_and_port_zero_are_left_out),
	    cmocka_unit_test(every_cut_answer_is_refused),
	    cmocka_unit_test(more_records_than_the_cap_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
