/* What the watchdog has seen, and who is served no more because of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/watch.h"

/* A link of a generation that issues for these authorities.  profile NULL: none of its own. */
static json_t *
link_of(json_t *serves, int level, const char *profile, bool alarm)
{
	return json_pack("{s:o,s:i,s:s*,s:b,s:s,s:s}", "for", serves, "level", level, "profile",
	    profile, "alarm", alarm, "certificates", "what it issues", "authority", "main");
}

static json_t *
only(const char *name)
{
	return json_pack("[s]", name);
}

static void
stop(struct watch *watch, json_t *links)
{
	watch_init(watch);
	watch_put(watch, WATCH_REVOCATION, json_pack("{s:o}", "links", links));
	atomic_store(&watch->not_ready, true);
	atomic_store(&watch->stopped, true);
}

static bool
may_issue(struct watch *watch, const char *authority, const char *profile)
{
	struct fas_err e = {0};
	enum fas_code rc = watch_check_issuing(watch, authority, profile, &e);
	if (rc == FAS_OK)
		return true;
	assert_int_equal(rc, FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "revocation_unreachable");
	assert_non_null(strstr(e.message, authority));
	return false;
}

static void
only_the_authority_whose_list_is_gone_is_stopped(void **state)
{
	struct watch watch;
	(void)state;
	stop(&watch, json_pack("[o,o]", link_of(only("main"), 0, NULL, false),
			 link_of(only("second"), 0, NULL, true)));
	assert_true(may_issue(&watch, "main", "smartcard-logon"));
	assert_false(may_issue(&watch, "second", "smartcard-logon"));
	watch_done(&watch);
}

static void
an_authority_is_stopped_by_its_chain_too(void **state)
{
	struct watch watch;
	(void)state;
	stop(&watch,
	    json_pack("[o,o,o]", link_of(only("main"), 0, NULL, false),
		link_of(only("main"), 0, "mirrored", false), link_of(only("main"), 1, NULL, true)));
	assert_false(may_issue(&watch, "main", "smartcard-logon"));
	assert_false(may_issue(&watch, "main", "mirrored"));
	watch_done(&watch);
}

/* main cannot sign, and second issues in its place: then it is second's list that counts. */
static void
who_stands_in_is_looked_at_and_not_who_cannot_issue(void **state)
{
	struct watch watch;
	(void)state;
	stop(&watch, json_pack("[o,o]", link_of(json_array(), 0, NULL, false),
			 link_of(json_pack("[s,s]", "main", "second"), 0, NULL, true)));
	assert_false(may_issue(&watch, "main", "smartcard-logon"));
	watch_done(&watch);
	stop(&watch, json_pack("[o,o]", link_of(json_array(), 0, NULL, true),
			 link_of(json_pack("[s,s]", "main", "second"), 0, NULL, false)));
	assert_true(may_issue(&watch, "main", "smartcard-logon"));
	watch_done(&watch);
}

static void
a_profile_with_places_of_its_own_hangs_by_those(void **state)
{
	struct watch watch;
	(void)state;
	stop(&watch, json_pack("[o,o]", link_of(only("main"), 0, NULL, false),
			 link_of(only("main"), 0, "mirrored", true)));
	assert_true(may_issue(&watch, "main", "smartcard-logon"));
	assert_false(may_issue(&watch, "main", "mirrored"));
	watch_done(&watch);
	stop(&watch, json_pack("[o,o]", link_of(only("main"), 0, NULL, true),
			 link_of(only("main"), 0, "mirrored", false)));
	assert_false(may_issue(&watch, "main", "smartcard-logon"));
	assert_true(may_issue(&watch, "main", "mirrored"));
	watch_done(&watch);
}

static void
what_fails_is_named_once_and_as_narrowly_as_it_is(void **state)
{
	(void)state;
	OWN(json)
	json_t *links = json_pack("[o,o,o,o]", link_of(only("main"), 0, NULL, false),
	    link_of(only("main"), 0, "mirrored", true), link_of(only("second"), 0, NULL, true),
	    link_of(only("second"), 1, NULL, true));
	OWN(json) json_t *failing = watch_failing(links);
	OWN(json) json_t *want = json_pack("[s,s]", "main as mirrored", "second");
	assert_true(json_equal(failing, want));
}

static void
nothing_is_stopped_unless_the_configuration_says_so(void **state)
{
	struct watch watch;
	(void)state;
	stop(&watch, json_pack("[o]", link_of(only("main"), 0, NULL, true)));
	atomic_store(&watch.stopped, false);
	assert_true(may_issue(&watch, "main", "smartcard-logon"));
	watch_done(&watch);
}

static void
readiness_names_the_authorities_whose_logons_fail(void **state)
{
	struct watch watch;
	struct fas_err e = {0};
	(void)state;
	stop(&watch, json_pack("[o,o,o]", link_of(only("main"), 0, NULL, false),
			 link_of(json_array(), 0, NULL, true),
			 link_of(json_pack("[s,s]", "second", "third"), 1, NULL, true)));
	assert_int_equal(watch_check(&watch, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "revocation_unreachable");
	assert_non_null(strstr(
	    e.message, "logons under authority second, third fail, and nothing is issued there"));
	watch_done(&watch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_the_authority_whose_list_is_gone_is_stopped),
	    cmocka_unit_test(an_authority_is_stopped_by_its_chain_too),
	    cmocka_unit_test(who_stands_in_is_looked_at_and_not_who_cannot_issue),
	    cmocka_unit_test(a_profile_with_places_of_its_own_hangs_by_those),
	    cmocka_unit_test(what_fails_is_named_once_and_as_narrowly_as_it_is),
	    cmocka_unit_test(nothing_is_stopped_unless_the_configuration_says_so),
	    cmocka_unit_test(readiness_names_the_authorities_whose_logons_fail),
	};
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
