/* Revocation lists that are unusual and right, or long and wrong in one place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"
#include "fas/base/file.h"
#include "lint_data.h"

#define FILE_MAX 65536
#define MANY 5000

static struct world world;

static int
set_up(void **state)
{
	(void)state;
	OWN(text) char *der = NULL;
	size_t len = 0;
	world_init(&world);
	assert_int_equal(
	    file_read(FAS_TEST_DATA "/lint/logon-ca.der", FILE_MAX, &der, &len, NULL), FAS_OK);
	world_add(&world, WORLD_LOGON, (const uint8_t *)der, len);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

/* Lint and free the list. */
static struct lint_report
lint_and_free(struct data_crl *crl)
{
	struct lint_report report;
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	assert_int_equal(asn1_encode(ASN1_ITEM_rptr(data_crl), crl, &der, &len, NULL), FAS_OK);
	world_lint(&world, world_case("crl"), WORLD_LOGON, der, len, &report);
	asn1_free(crl, ASN1_ITEM_rptr(data_crl));
	for (size_t i = 0; i < report.n; i++)
		print_message("%s: %s\n", report.findings[i].name, report.findings[i].message);
	return report;
}

static struct data_entry *
last(struct data_crl *crl)
{
	return sk_data_entry_value(crl->list->entries, sk_data_entry_num(crl->list->entries) - 1);
}

static void
list_that_revokes_nothing_is_clean(void **state)
{
	(void)state;
	struct data_crl *crl = data_crl_new(&world);
	while (sk_data_entry_num(crl->list->entries) > 0)
		data_entry_free(sk_data_entry_pop(crl->list->entries));
	sk_data_entry_free(crl->list->entries);
	crl->list->entries = NULL;
	assert_int_equal(lint_and_free(crl).n, 0);
}

static void
number_above_64_bits_grows(void **state)
{
	(void)state;
	static const uint8_t number[] = {V_ASN1_INTEGER, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0};
	struct data_crl *crl = data_crl_new(&world);
	data_set(crl->list->extensions, NID_crl_number, number, sizeof(number));
	assert_int_equal(lint_and_free(crl).n, 0);
}

static void
entry_with_a_further_extension_is_clean(void **state)
{
	(void)state;
	static const uint8_t date[] = {V_ASN1_GENERALIZEDTIME, 15, '2', '0', '2', '6', '1', '1',
	    '2', '2', '0', '0', '0', '0', '0', '0', 'Z'};
	struct data_crl *crl = data_crl_new(&world);
	data_set(last(crl)->extensions, NID_invalidity_date, date, sizeof(date));
	assert_int_equal(lint_and_free(crl).n, 0);
}

static void
date_in_the_long_form_is_compared_too(void **state)
{
	(void)state;
	struct data_crl *crl = data_crl_new(&world);
	data_set_time(last(crl)->date, WORLD_NOW - 1, true);
	assert_int_equal(lint_and_free(crl).n, 0);
	crl = data_crl_new(&world);
	data_set_time(last(crl)->date, WORLD_NOW + 1, true);
	const struct lint_report report = lint_and_free(crl);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.findings[0].name, "crl_entry_dates");
}

static void
each_reason_of_the_standard_is_judged(void **state)
{
	(void)state;
	static const bool valid[] = {
	    false, true, true, true, true, true, true, false, false, true, true, false};
	for (size_t reason = 0; reason < NELEMS(valid); reason++) {
		const uint8_t der[] = {V_ASN1_ENUMERATED, 1, (uint8_t)reason};
		struct data_crl *crl = data_crl_new(&world);
		data_set(last(crl)->extensions, NID_crl_reason, der, sizeof(der));
		assert_int_equal(lint_and_free(crl).n, valid[reason] ? 0 : 1);
	}
}

static void
one_bad_entry_among_many_is_found(void **state)
{
	(void)state;
	struct data_crl *crl = data_crl_new(&world);
	for (int i = 0; i < MANY; i++)
		assert_true(sk_data_entry_push(crl->list->entries, data_entry_copy(last(crl))));
	assert_true(ASN1_INTEGER_set(last(crl)->serial, -1));
	const struct lint_report report = lint_and_free(crl);
	assert_int_equal(report.n, 1);
	assert_string_equal(report.findings[0].name, "crl_entry_serials");
}

/* ---- entries of one form are not all read in full: nothing may come of that ---- */

#define SAME 8
#define HEADERS_LEN 4 /* of the entry, and of its serial number */

static struct lint_crl_entries
entries_of(const uint8_t *der, size_t len)
{
	OWN(lint_crl) struct lint_crl *crl = lint_crl_read(der, len, WORLD_NOW);
	assert_non_null(crl);
	return crl->entries;
}

/* An octet of an entry, changed where it is the first one, and where others of its form stand before it. */
static void
compare_places(uint8_t *der, size_t len, size_t first, size_t later, uint8_t value)
{
	const uint8_t was = der[first];
	der[first] = value;
	const struct lint_crl_entries alone = entries_of(der, len);
	der[first] = was;
	der[later] = value;
	const struct lint_crl_entries behind = entries_of(der, len);
	der[later] = was;
	assert_int_equal(alone.malformed, behind.malformed);
	if (alone.malformed)
		return;
	assert_int_equal(alone.n, behind.n);
	assert_int_equal(alone.bad_serial, behind.bad_serial);
	assert_int_equal(alone.bad_reason, behind.bad_reason);
	assert_int_equal(alone.future, behind.future);
	assert_int_equal(alone.critical, behind.critical);
}

static void
an_entry_is_judged_alike_behind_others_of_its_form(void **state)
{
	(void)state;
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	uint8_t serial[16];
	struct data_crl *crl = data_crl_new(&world);
	for (int i = 0; i < SAME; i++)
		assert_true(sk_data_entry_push(crl->list->entries, data_entry_copy(last(crl))));
	while (sk_data_entry_num(crl->list->entries) > SAME)
		data_entry_free(sk_data_entry_shift(crl->list->entries));
	assert_int_equal(ASN1_STRING_length(last(crl)->serial), sizeof(serial));
	memcpy(serial, ASN1_STRING_get0_data(last(crl)->serial), sizeof(serial));
	assert_int_equal(asn1_encode(ASN1_ITEM_rptr(data_crl), crl, &der, &len, NULL), FAS_OK);
	asn1_free(crl, ASN1_ITEM_rptr(data_crl));
	/* all are the same octets: from one serial number to the next is the length of an entry */
	const uint8_t *at = memmem(der, len, serial, sizeof(serial));
	assert_non_null(at);
	const uint8_t *second = memmem(
	    at + sizeof(serial), len - (size_t)(at - der) - sizeof(serial), serial, sizeof(serial));
	assert_non_null(second);
	size_t entry_len = (size_t)(second - at);
	at -= HEADERS_LEN;
	const struct lint_crl_entries good = entries_of(der, len);
	assert_int_equal(good.n, SAME);
	assert_false(good.malformed || good.bad_serial || good.bad_reason || good.future);
	for (size_t i = 0; i < entry_len; i++) {
		size_t first = (size_t)(at - der) + i;
		for (unsigned value = 0; value < 256; value++)
			compare_places(der, len, first, first + 2 * entry_len, (uint8_t)value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(list_that_revokes_nothing_is_clean),
	    cmocka_unit_test(number_above_64_bits_grows),
	    cmocka_unit_test(entry_with_a_further_extension_is_clean),
	    cmocka_unit_test(date_in_the_long_form_is_compared_too),
	    cmocka_unit_test(each_reason_of_the_standard_is_judged),
	    cmocka_unit_test(one_bad_entry_among_many_is_found),
	    cmocka_unit_test(an_entry_is_judged_alike_behind_others_of_its_form),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
