#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <profile.h>

#include "fas/agent/kdc.h"
#include "fas/agent/pkinit.h"
#include "fas/base/file.h"

static void
names_are_kept_once_and_addresses_are_none(void **state)
{
	struct kdc_names names = {0};
	(void)state;
	kdc_names_add(&names, "dc1.x.org");
	kdc_names_add(&names, "DC1.x.org");
	kdc_names_add(&names, "10.0.0.1");
	kdc_names_add(&names, "fe80::1");
	kdc_names_add(&names, "bad name");
	kdc_names_add(&names, "");
	assert_int_equal(names.n, 1);
	assert_string_equal(names.names[0], "dc1.x.org");
}

static void
more_names_than_there_is_room_for_are_left_out(void **state)
{
	struct kdc_names names = {0};
	char name[32];
	(void)state;
	for (int i = 0; i < KDC_NAMES_MAX + 5; i++) {
		(void)snprintf(name, sizeof(name), "dc%d.x.org", i);
		kdc_names_add(&names, name);
	}
	assert_int_equal(names.n, KDC_NAMES_MAX);
}

/* One question, two SRV answers; the second target is a compression pointer to the question. */
static const unsigned char srv_answer[] = {0x12, 0x34, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0,
    /* 12: x.org SRV IN */ 1, 'x', 3, 'o', 'r', 'g', 0, 0, 33, 0, 1,
    /* 23 */ 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 12, 0, 0, 0, 100, 0, 88, 3, 'd', 'c', '1', 0xc0,
    12,
    /* 47 */ 0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 8, 0, 0, 0, 100, 0, 88, 0xc0, 12};

static void
srv_targets_are_the_names(void **state)
{
	struct kdc_names names = {0};
	(void)state;
	kdc_names_from_srv(srv_answer, sizeof(srv_answer), &names);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.names[0], "dc1.x.org");
	assert_string_equal(names.names[1], "x.org");
}

static void
a_cut_or_bent_dns_answer_does_no_harm(void **state)
{
	(void)state;
	for (size_t cut = 0; cut < sizeof(srv_answer); cut++) {
		struct kdc_names names = {0};
		unsigned char *exact = malloc(cut ? cut : 1);
		assert_non_null(exact);
		memcpy(exact, srv_answer, cut);
		kdc_names_from_srv(exact, cut, &names);
		assert_true(names.n < 2);
		free(exact);
	}
	for (size_t at = 0; at < sizeof(srv_answer); at++) {
		struct kdc_names names = {0};
		unsigned char bent[sizeof(srv_answer)];
		memcpy(bent, srv_answer, sizeof(bent));
		bent[at] ^= 0xff;
		kdc_names_from_srv(bent, sizeof(bent), &names);
		assert_true(names.n <= 2);
	}
}

static void
configured_names_come_before_any_discovery(void **state)
{
	static struct agent_config config;
	struct kdc_names names;
	struct fas_err e = {0};
	(void)state;
	agent_config_defaults(&config);
	(void)snprintf(config.kdc_names[config.n_kdc_names++], 32, "dc9.x.org");
	assert_int_equal(kdc_find(&config, "X.ORG", "/nonexistent", &names, &e), FAS_OK);
	assert_int_equal(names.n, 1);
	assert_string_equal(names.names[0], "dc9.x.org");
}

static void
the_systems_profile_names_the_controllers_of_the_realm(void **state)
{
	static struct agent_config config;
	static const char text[] = "[realms]\n X.ORG = {\n  kdc = dc1.x.org:88\n  kdc = 10.0.0.1\n"
				   "  kdc = tcp/dc2.x.org\n }\n Y.ORG = {\n  kdc = other.org\n }\n";
	char path[] = "/tmp/fas-agent-kdc-XXXXXX";
	struct kdc_names names;
	struct fas_err e = {0};
	(void)state;
	OWN(fd) int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	agent_config_defaults(&config);
	assert_int_equal(kdc_find(&config, "X.ORG", path, &names, &e), FAS_OK);
	(void)unlink(path);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.names[0], "dc1.x.org");
	assert_string_equal(names.names[1], "dc2.x.org");
}

/* The values that libkrb5 would find under [section] realm tag. */
static size_t
count_values(profile_t profile, const char *section, const char *tag)
{
	const char *names[] = {section, "X.ORG", tag, NULL};
	char **values = NULL;
	size_t n = 0;
	if (profile_get_values(profile, names, &values) != 0)
		return 0;
	while (values[n])
		n++;
	profile_free_list(values);
	return n;
}

static void
the_generated_profile_is_what_libkrb5_reads(void **state)
{
	struct kdc_names names = {0};
	struct fas_err e = {0};
	profile_t profile = NULL;
	char path[] = "/tmp/fas-agent-profile-XXXXXX";
	OWN(buf) struct buf text;
	(void)state;
	buf_init(&text, 4096);
	kdc_names_add(&names, "dc1.x.org");
	kdc_names_add(&names, "dc2.x.org");
	assert_int_equal(kdc_profile("X.ORG", &names, "/proc/self/fd/9", &text, &e), FAS_OK);
	OWN(fd) int fd = mkstemp(path);
	assert_int_equal(write(fd, text.data, text.len), text.len);
	assert_int_equal(profile_init_path(path, &profile), 0);
	(void)unlink(path);
	assert_int_equal(count_values(profile, "libdefaults", "pkinit_kdc_hostname"), 2);
	assert_int_equal(count_values(profile, "libdefaults", "pkinit_pool"), 1);
	assert_int_equal(count_values(profile, "realms", "disable_encrypted_timestamp"), 1);
	assert_int_equal(count_values(profile, "libdefaults", "pkinit_anchors"), 0);
	profile_release(profile);
}

static void
a_realm_that_is_no_name_gets_no_profile(void **state)
{
	static const char *const wrong[] = {"", "X.ORG\n", "X } [libdefaults]", "X ORG", "X{"};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct kdc_names names = {0};
		struct fas_err e = {0};
		OWN(buf) struct buf text;
		buf_init(&text, 4096);
		assert_int_equal(kdc_profile(wrong[i], &names, "/p", &text, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "realm_invalid");
	}
}

static void
a_suffix_other_than_the_realm_makes_an_enterprise_name(void **state)
{
	(void)state;
	assert_false(pkinit_is_enterprise("alice@X.ORG", "X.ORG"));
	assert_true(pkinit_is_enterprise("alice@other.org", "X.ORG"));
	assert_true(pkinit_is_enterprise("alice@x.org", "X.ORG"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_kept_once_and_addresses_are_none),
	    cmocka_unit_test(more_names_than_there_is_room_for_are_left_out),
	    cmocka_unit_test(srv_targets_are_the_names),
	    cmocka_unit_test(a_cut_or_bent_dns_answer_does_no_harm),
	    cmocka_unit_test(configured_names_come_before_any_discovery),
	    cmocka_unit_test(the_systems_profile_names_the_controllers_of_the_realm),
	    cmocka_unit_test(the_generated_profile_is_what_libkrb5_reads),
	    cmocka_unit_test(a_realm_that_is_no_name_gets_no_profile),
	    cmocka_unit_test(a_suffix_other_than_the_realm_makes_an_enterprise_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
