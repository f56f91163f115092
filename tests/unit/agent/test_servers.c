#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/servers.h"
#include "fas/agent/srv.h"
#include "fas/base/clock.h"

static struct servers servers;

static void
begin(size_t n)
{
	static const char *const urls[] = {"https://a.x.org", "https://b.x.org", "https://c.x.org"};
	struct agent_config config;
	struct fas_err e = {0};
	agent_config_defaults(&config);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(agent_config_add_server(&config, urls[i], &e), FAS_OK);
	servers_init(&servers, &config);
}

static int
end(void **state)
{
	(void)state;
	servers_done(&servers);
	return 0;
}

static void
a_ticket_names_its_node(void **state)
{
	char node[SERVER_NODE_MAX];
	static const char *const none[] = {
	    "", "-x", "FAS1-abc", "fas1", "a_b-c", "abcdefghijklmnopq-x"};
	(void)state;
	begin(1);
	ticket_node("fas1-k5q3zmrv7gq2h4n5xj6w2a3b4c", node);
	assert_string_equal(node, "fas1");
	for (size_t i = 0; i < NELEMS(none); i++) {
		ticket_node(none[i], node);
		assert_string_equal(node, "");
	}
}

static void
without_a_user_the_configurations_order_holds(void **state)
{
	struct server_order order;
	(void)state;
	begin(3);
	servers_order(&servers, NULL, NULL, &order);
	assert_int_equal(order.n, 3);
	assert_string_equal(order.urls[0], "https://a.x.org");
	assert_string_equal(order.urls[2], "https://c.x.org");
}

static void
a_user_meets_the_same_server_whatever_the_lists_order(void **state)
{
	struct server_order order, other, turned = {.n = 3};
	(void)state;
	begin(3);
	servers_order(&servers, NULL, "alice@x.org", &order);
	for (size_t i = 0; i < 3; i++)
		memcpy(turned.urls[i], servers.list[2 - i].url, AGENT_URL_MAX);
	servers_replace(&servers, &turned);
	servers_order(&servers, NULL, "ALICE@X.ORG", &other);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(order.urls[i], other.urls[i]);
}

static void
users_are_spread_and_stay_when_another_server_goes(void **state)
{
	struct server_order before, after;
	size_t first[3] = {0};
	char user[32];
	(void)state;
	begin(3);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(user, sizeof(user), "user%d@x.org", i);
		servers_order(&servers, NULL, user, &before);
		first[before.urls[0][8] - 'a']++;
		servers_note(&servers, "https://c.x.org", false);
		servers_order(&servers, NULL, user, &after);
		servers_note(&servers, "https://c.x.org", true);
		assert_int_equal(after.n, 2);
		if (before.urls[0][8] != 'c')
			assert_string_equal(after.urls[0], before.urls[0]);
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(first[i], 60, 140);
}

static void
the_tickets_node_comes_first(void **state)
{
	struct server_order order;
	(void)state;
	begin(3);
	servers_note_node(&servers, "https://b.x.org", "fas2");
	for (int i = 0; i < 20; i++) {
		char user[32];
		(void)snprintf(user, sizeof(user), "user%d", i);
		servers_order(&servers, "fas2", user, &order);
		assert_int_equal(order.n, 3);
		assert_string_equal(order.urls[0], "https://b.x.org");
	}
}

static void
a_server_that_is_away_is_left_alone_until_a_probe_finds_it(void **state)
{
	struct server_order order;
	char url[AGENT_URL_MAX];
	(void)state;
	begin(2);
	assert_false(servers_due(&servers, clock_monotonic_us() + 3600000000LL, url));
	servers_note(&servers, "https://a.x.org", false);
	assert_true(servers_is_away(&servers, "https://a.x.org"));
	servers_order(&servers, NULL, NULL, &order);
	assert_int_equal(order.n, 1);
	assert_string_equal(order.urls[0], "https://b.x.org");
	servers_note(&servers, "https://b.x.org", false);
	servers_order(&servers, NULL, NULL, &order);
	assert_int_equal(order.n, 2); /* all are away: then nobody is told so without a try */
	servers_note(&servers, "https://b.x.org", true);
	int64_t now_us = clock_monotonic_us();
	assert_false(servers_due(&servers, now_us, url));
	assert_true(servers_due(&servers, now_us + 1100000, url));
	assert_string_equal(url, "https://a.x.org");
	assert_false(servers_due(&servers, now_us + 1200000, url));
	servers_note(&servers, "https://a.x.org", true);
	servers_order(&servers, NULL, NULL, &order);
	assert_int_equal(order.n, 2);
}

static void
probes_become_rarer_up_to_a_bound(void **state)
{
	char url[AGENT_URL_MAX];
	(void)state;
	begin(1);
	for (int i = 0; i < 40; i++)
		servers_note(&servers, "https://a.x.org", false);
	int64_t now_us = clock_monotonic_us();
	assert_false(servers_due(&servers, now_us + 20000000, url));
	assert_true(servers_due(&servers, now_us + 31000000, url));
}

static void
a_new_list_keeps_what_is_known(void **state)
{
	struct server_order fresh = {.n = 2}, order;
	(void)state;
	begin(2);
	servers_note(&servers, "https://b.x.org", false);
	servers_note_node(&servers, "https://b.x.org", "fas2");
	(void)snprintf(fresh.urls[0], AGENT_URL_MAX, "https://d.x.org");
	(void)snprintf(fresh.urls[1], AGENT_URL_MAX, "https://b.x.org");
	servers_replace(&servers, &fresh);
	assert_false(servers_is_away(&servers, "https://a.x.org"));
	assert_true(servers_is_away(&servers, "https://b.x.org"));
	servers_note(&servers, "https://b.x.org", true);
	servers_order(&servers, "fas2", "x", &order);
	assert_string_equal(order.urls[0], "https://b.x.org");
}

/* Two SRV answers for x.org: the second has the lower priority. */
static const unsigned char srv_answer[] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0,
    /* 12: x.org SRV IN */ 1, 'x', 3, 'o', 'r', 'g', 0, 0, 33, 0, 1,
    /* 23 */ 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 13, 0, 20, 0, 100, 0x20, 0xfb, 4, 'f', 'a', 's',
    '2', 0xc0, 12,
    /* 48 */ 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 13, 0, 10, 0, 100, 0x20, 0xfc, 4, 'f', 'a', 's',
    '1', 0xc0, 12};

static void
srv_records_come_by_priority_with_their_ports(void **state)
{
	struct srv_record records[SRV_MAX];
	(void)state;
	begin(1);
	assert_int_equal(srv_read(srv_answer, sizeof(srv_answer), records), 2);
	assert_string_equal(records[0].target, "fas1.x.org");
	assert_int_equal(records[0].port, 8444);
	assert_string_equal(records[1].target, "fas2.x.org");
	assert_int_equal(records[1].port, 8443);
}

static void
a_cut_dns_answer_has_fewer_records_and_does_no_harm(void **state)
{
	(void)state;
	begin(1);
	for (size_t cut = 0; cut < sizeof(srv_answer); cut++) {
		struct srv_record records[SRV_MAX];
		unsigned char *exact = malloc(cut ? cut : 1);
		assert_non_null(exact);
		memcpy(exact, srv_answer, cut);
		assert_true(srv_read(exact, cut, records) < 2);
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(a_ticket_names_its_node, end),
	    cmocka_unit_test_teardown(without_a_user_the_configurations_order_holds, end),
	    cmocka_unit_test_teardown(a_user_meets_the_same_server_whatever_the_lists_order, end),
	    cmocka_unit_test_teardown(users_are_spread_and_stay_when_another_server_goes, end),
	    cmocka_unit_test_teardown(the_tickets_node_comes_first, end),
	    cmocka_unit_test_teardown(
		a_server_that_is_away_is_left_alone_until_a_probe_finds_it, end),
	    cmocka_unit_test_teardown(probes_become_rarer_up_to_a_bound, end),
	    cmocka_unit_test_teardown(a_new_list_keeps_what_is_known, end),
	    cmocka_unit_test_teardown(srv_records_come_by_priority_with_their_ports, end),
	    cmocka_unit_test_teardown(a_cut_dns_answer_has_fewer_records_and_does_no_harm, end),
	};
	return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}
