#include "tests/unit/base/base_fixture.h"

#include "fas/base/names.h"

static void
sids_go_both_ways(void **state)
{
	static const char *const texts[] = {"S-1-5-18", "S-1-5-32-544",
	    "S-1-5-21-2127521184-1604012920-1887927527-72713", "S-1-0-0",
	    "S-1-4294967295-4294967295", "S-1-0x100000000000-1",
	    "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15"};
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e = {0};
		struct sid sid, back;
		char text[SID_TEXT_MAX];
		uint8_t bytes[SID_BYTES_MAX];
		assert_good(sid_parse(texts[i], &sid, &e), &e);
		assert_string_equal(sid_format(&sid, text), texts[i]);
		size_t len = sid_to_bytes(&sid, bytes);
		assert_good(sid_from_bytes(bytes, len, &back, &e), &e);
		assert_true(sid_equal(&sid, &back));
	}
}

static void
sid_bytes_are_those_of_ms_dtyp(void **state)
{
	static const uint8_t admins[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
	struct sid sid;
	char text[SID_TEXT_MAX];
	(void)state;
	assert_good(sid_from_bytes(admins, sizeof(admins), &sid, NULL), NULL);
	assert_string_equal(sid_format(&sid, text), "S-1-5-32-544");
}

static void
loose_sids_are_refused(void **state)
{
	static const char *const bad[] = {"", "S", "S-1-", "S-1-5", "s-1-5-18", "S-2-5-18",
	    "S-1-5-", "S-1-5--1", "S-1-5-018", "S-1-5-18 ", " S-1-5-18", "S-1-5-4294967296",
	    "S-1-5-1x", "S-1-5-0x12", "S-1-4294967296-1", "S-1-0x000000000005-18", "S-1-0x5-18",
	    "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16", "S-1-5-+1", "S-1-5-1-"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		struct sid sid = {0};
		assert_failed(sid_parse(bad[i], &sid, &e), &e, FAS_E_INPUT, "sid_malformed");
		assert_false(sid_is_set(&sid));
	}
}

static void
sid_bytes_of_another_length_are_refused(void **state)
{
	uint8_t bytes[SID_BYTES_MAX + 4] = {1, 2, 0, 0, 0, 0, 0, 5, 32};
	struct sid sid = {0};
	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct fas_err e = {0};
		if (len != 16)
			assert_failed(
			    sid_from_bytes(bytes, len, &sid, &e), &e, FAS_E_INPUT, "sid_malformed");
	}
	struct fas_err e = {0};
	bytes[0] = 2;
	assert_failed(sid_from_bytes(bytes, 16, &sid, &e), &e, FAS_E_INPUT, "sid_malformed");
	fas_err_clear(&e);
	bytes[0] = 1;
	bytes[1] = 16;
	assert_failed(sid_from_bytes(bytes, 72, &sid, &e), &e, FAS_E_INPUT, "sid_malformed");
}

static void
unset_sids_equal_nothing(void **state)
{
	struct sid none = {0}, domain, user;
	(void)state;
	assert_false(sid_equal(&none, &none));
	assert_int_equal(sid_rid(&none), 0);
	assert_good(sid_parse("S-1-5-21-1-2-3", &domain, NULL), NULL);
	assert_good(sid_parse("S-1-5-21-1-2-3-500", &user, NULL), NULL);
	assert_false(sid_in_domain(&user, &none));
	assert_true(sid_in_domain(&user, &domain));
	assert_false(sid_in_domain(&domain, &domain));
	assert_false(sid_in_domain(&domain, &user));
	assert_int_equal(sid_rid(&user), 500);
	domain.sub[3] = 4;
	assert_false(sid_in_domain(&user, &domain));
}

static void
guid_is_understood_in_every_shape_that_providers_send(void **state)
{
	/* MS-DTYP 2.3.4: the first three fields little-endian on the wire. */
	static const uint8_t wire[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99,
	    0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
	static const char *const texts[] = {"00112233-4455-6677-8899-aabbccddeeff",
	    "{00112233-4455-6677-8899-AABBCCDDEEFF}", "00112233445566778899aabbccddeeff",
	    "MyIRAFVEd2aImaq7zN3u/w=="};
	struct guid from_wire;
	char text[GUID_TEXT_MAX];
	(void)state;
	assert_good(guid_from_bytes(wire, 16, &from_wire, NULL), NULL);
	assert_string_equal(guid_format(&from_wire, text), texts[0]);
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e = {0};
		struct guid guid;
		assert_good(guid_parse(texts[i], &guid, &e), &e);
		assert_true(guid_equal(&guid, &from_wire));
	}
}

static void
loose_guids_are_refused(void **state)
{
	static const char *const bad[] = {"", "{}", "00112233-4455-6677-8899-aabbccddeefg",
	    "{00112233-4455-6677-8899-aabbccddeeff", "{{00112233-4455-6677-8899-aabbccddeef}}",
	    "0011223344556677-8899-aabb-ccddeeff1", "00112233445566778899aabbccddeef",
	    "MyIRAFVEd2aImaq7zN3u/w=", "MyIRAFVEd2aImaq7zN3uMyIR",
	    "{00112233445566778899aabbccddeeff}"};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		struct guid guid = {.set = false};
		assert_failed(guid_parse(bad[i], &guid, &e), &e, FAS_E_INPUT, "guid_malformed");
		assert_false(guid.set);
	}
	struct guid none = {.set = false};
	assert_false(guid_equal(&none, &none));
	struct fas_err e = {0};
	assert_failed(
	    guid_from_bytes((const uint8_t *)"x", 1, &none, &e), &e, FAS_E_INPUT, "guid_malformed");
}

static void
upns_are_checked(void **state)
{
	static const char *const good[] = {"a@b", "alice@corp.example.com",
	    "J\xc3\xbcrgen.M\xc3\xbcller@corp.example.com", "a b@corp.example.com",
	    "o'neil+x@corp.example.com"};
	static const char *const bad[] = {"", "@", "a@", "@b", "alice", "a@b@c", " a@b", "a @b",
	    "a@b ", "a@ b", "a\n@b", "a\xe2\x80\x8b@b", "\xe2\x80\xae@b", "\xff@b", "a@b..c",
	    "a@-b", "a@b.", "a@b_c", "a@b\xc3\xbc"};
	(void)state;
	for (size_t i = 0; i < NELEMS(good); i++)
		assert_good(upn_check(good[i], NULL), NULL);
	for (size_t i = 0; i < NELEMS(bad); i++) {
		struct fas_err e = {0};
		assert_failed(upn_check(bad[i], &e), &e, FAS_E_INPUT, "upn_malformed");
	}
	char longest[UPN_MAX + 2];
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + UPN_MAX - 2, "@b", 3);
	assert_good(upn_check(longest, NULL), NULL);
	memcpy(longest + UPN_MAX - 1, "@b", 3);
	struct fas_err e = {0};
	assert_failed(upn_check(longest, &e), &e, FAS_E_INPUT, "upn_malformed");
}

static void
upn_suffix_is_behind_the_sign(void **state)
{
	(void)state;
	assert_string_equal(upn_suffix("a@b.c"), "b.c");
	assert_string_equal(upn_suffix("a"), "");
	assert_true(upn_equal("Alice@CORP", "alice@corp"));
	assert_false(upn_equal("alice@corp", "alice@corp2"));
}

static void
hostnames_are_those_of_rfc1123(void **state)
{
	static const char *const good[] = {"a", "a.b", "1a", "a-b.c", "127.0.0.1", "A.B"};
	static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "-a", "a-", "a-.b", "a_b",
	    "a b", "*.a", "a*", "\xc3\xbc", "a/b", "a:1"};
	char label[65];
	(void)state;
	for (size_t i = 0; i < NELEMS(good); i++)
		assert_true(hostname_is_valid(good[i]));
	for (size_t i = 0; i < NELEMS(bad); i++)
		assert_false(hostname_is_valid(bad[i]));
	memset(label, 'a', 64);
	label[64] = 0;
	assert_false(hostname_is_valid(label));
	label[63] = 0;
	assert_true(hostname_is_valid(label));
	char longest[HOSTNAME_MAX + 2];
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = i % 2 ? '.' : 'a';
	longest[HOSTNAME_MAX] = 0;
	assert_true(hostname_is_valid(longest));
	longest[HOSTNAME_MAX] = 'a';
	longest[HOSTNAME_MAX + 1] = 0;
	assert_false(hostname_is_valid(longest));
}

static void
patterns_match_whole_labels(void **state)
{
	(void)state;
	assert_true(hostname_matches("a.b", "A.B"));
	assert_true(hostname_matches("*.b.c", "a.b.c"));
	assert_true(hostname_matches("*.b.c", "x.a.B.C"));
	assert_false(hostname_matches("*.b.c", "b.c"));
	assert_false(hostname_matches("*.b.c", "ab.c"));
	assert_false(hostname_matches("*.b.c", ".b.c"));
	assert_false(hostname_matches("*.b.c", "evil/.b.c"));
	assert_false(hostname_matches("*", "a"));
	assert_false(hostname_matches("*.", "a."));
	assert_false(hostname_matches("a.*.c", "a.b.c"));
	assert_false(hostname_matches("*.*.c", "a.b.c"));
	assert_false(hostname_matches("*b.c", "ab.c"));
	assert_false(hostname_matches("a", ""));
	assert_true(hostname_pattern_is_valid("*.a"));
	assert_false(hostname_pattern_is_valid("*"));
	assert_false(hostname_pattern_is_valid("*.*.a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sids_go_both_ways),
	    cmocka_unit_test(sid_bytes_are_those_of_ms_dtyp),
	    cmocka_unit_test(loose_sids_are_refused),
	    cmocka_unit_test(sid_bytes_of_another_length_are_refused),
	    cmocka_unit_test(unset_sids_equal_nothing),
	    cmocka_unit_test(guid_is_understood_in_every_shape_that_providers_send),
	    cmocka_unit_test(loose_guids_are_refused),
	    cmocka_unit_test(upns_are_checked),
	    cmocka_unit_test(upn_suffix_is_behind_the_sign),
	    cmocka_unit_test(hostnames_are_those_of_rfc1123),
	    cmocka_unit_test(patterns_match_whole_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
