/* UPN_DNS_INFO of a PAC: the SID out of its extension, and what is not whole refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/pac.h"

/* As a domain controller sends it: UPN "a@b", domain "B", SAM name "A$", S-1-5-21-1-2-3-1105. */
static const uint8_t good[] = {0x06, 0x00, 0x18, 0x00, /* UPN: 6 octets at 24 */
    0x02, 0x00, 0x1e, 0x00,                            /* DNS name: 2 at 30 */
    0x02, 0x00, 0x00, 0x00,                            /* flags: S */
    0x04, 0x00, 0x20, 0x00,                            /* SAM name: 4 at 32 */
    0x1c, 0x00, 0x24, 0x00,                            /* SID: 28 at 36 */
    0x00, 0x00, 0x00, 0x00,                            /* padding */
    'a', 0, '@', 0, 'b', 0, 'B', 0, 'A', 0, '$', 0,    /* names */
    0x01, 0x05, 0, 0, 0, 0, 0, 0x05, 0x15, 0, 0, 0, 0x01, 0, 0, 0, 0x02, 0, 0, 0, 0x03, 0, 0, 0,
    0x51, 0x04, 0, 0};

static enum fas_code
read_pac(const uint8_t *data, size_t len, struct sid *sid, bool *found, struct fas_err *e)
{
	*e = (struct fas_err){0};
	enum fas_code rc = pac_upn_sid(data, len, sid, found, e);
	if (rc != FAS_OK) {
		assert_string_equal(e->reason, "pac_malformed");
		assert_false(*found);
	}
	return rc;
}

static void
the_sid_of_the_extension_is_read(void **state)
{
	struct sid sid;
	struct fas_err e;
	bool found = false;
	char text[SID_TEXT_MAX];
	(void)state;
	assert_int_equal(read_pac(good, sizeof(good), &sid, &found, &e), FAS_OK);
	assert_true(found);
	assert_string_equal(sid_format(&sid, text), "S-1-5-21-1-2-3-1105");
}

static void
without_the_flag_there_is_none(void **state)
{
	uint8_t data[sizeof(good)];
	struct sid sid;
	struct fas_err e;
	bool found = true;
	(void)state;
	memcpy(data, good, sizeof(good));
	data[8] = 1; /* U: the UPN is made up */
	assert_int_equal(read_pac(data, sizeof(data), &sid, &found, &e), FAS_OK);
	assert_false(found);
	assert_int_equal(read_pac(data, 12, &sid, &found, &e), FAS_OK);
	assert_false(found);
}

static void
every_cut_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(good); len++) {
		struct sid sid;
		struct fas_err e;
		bool found = true;
		assert_int_equal(read_pac(good, len, &sid, &found, &e), FAS_E_INPUT);
	}
}

static void
a_sid_that_lies_outside_or_is_none_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} faults[] = {{16, 0x1b}, {16, 0x1d}, {17, 0xff}, {16, 0x00}, {18, 0x25}, {18, 0x00},
	    {18, 0x13}, {19, 0xff}, {36, 0x02}, {37, 0x06}, {37, 0xff}, {37, 0x00}};
	(void)state;
	for (size_t i = 0; i < NELEMS(faults); i++) {
		uint8_t data[sizeof(good)];
		struct sid sid;
		struct fas_err e;
		bool found = true;
		memcpy(data, good, sizeof(good));
		data[faults[i].at] = faults[i].value;
		assert_int_equal(read_pac(data, sizeof(data), &sid, &found, &e), FAS_E_INPUT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sid_of_the_extension_is_read),
	    cmocka_unit_test(without_the_flag_there_is_none),
	    cmocka_unit_test(every_cut_is_refused),
	    cmocka_unit_test(a_sid_that_lies_outside_or_is_none_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
