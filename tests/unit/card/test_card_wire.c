/* The card protocol's messages: what is written is read back, and everything else is malformed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fas/card/wire.h"

static uint8_t packet[CARD_MESSAGE_MAX];
static struct card_message message, entry;

static size_t
sign_request(void)
{
	struct card_writer w;
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_SIGN);
	card_write_number(&w, CARD_TAG_CARD_ID, 7);
	card_write_bytes(&w, CARD_TAG_KEY_ID, "01234567890123456789", CARD_KEY_ID_BYTES);
	card_write_number(&w, CARD_TAG_MECHANISM, CARD_MECHANISM_ECDSA);
	card_write_bytes(&w, CARD_TAG_DATA, "digest", 6);
	return card_write_end(&w);
}

static void
put_card(struct card_writer *w, uint32_t id, const char *label)
{
	card_write_open(w, CARD_TAG_CARD);
	card_write_number(w, CARD_TAG_CARD_ID, id);
	card_write_text(w, CARD_TAG_LABEL, label);
	card_write_text(w, CARD_TAG_SERIAL, "5e55");
	card_write_number(w, CARD_TAG_GENERATION, 1);
	card_write_close(w);
}

static size_t
cards_reply(void)
{
	struct card_writer w;
	card_write_begin(&w, packet, sizeof(packet), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, UINT64_MAX);
	put_card(&w, 1, "alice@CORP");
	put_card(&w, 2, "bob@CORP");
	return card_write_end(&w);
}

static void
request_is_read_as_it_was_written(void **state)
{
	(void)state;
	size_t len = sign_request(), got = 0;
	assert_true(card_read_request(packet, len, &message));
	assert_int_equal(message.code, CARD_OP_SIGN);
	assert_int_equal(card_number(&message, CARD_TAG_CARD_ID), 7);
	assert_int_equal(card_number(&message, CARD_TAG_MECHANISM), CARD_MECHANISM_ECDSA);
	assert_memory_equal(card_bytes(&message, CARD_TAG_DATA, &got), "digest", 6);
	assert_int_equal(got, 6);
	assert_false(card_has(&message, CARD_TAG_HASH));
	assert_int_equal(card_number(&message, CARD_TAG_HASH), 0);
	assert_null(card_bytes(&message, CARD_TAG_HASH, &got));
	assert_int_equal(got, 0);
}

static void
list_is_read_entry_by_entry(void **state)
{
	char label[CARD_LABEL_MAX + 1], cut[4];
	size_t at = 0;
	(void)state;
	assert_true(card_read_reply(packet, cards_reply(), CARD_OP_CARDS, &message));
	assert_true(card_number(&message, CARD_TAG_GENERATION) == UINT64_MAX);
	assert_true(card_read_entry(&message, CARD_TAG_CARD, &at, &entry));
	assert_true(card_text(&entry, CARD_TAG_LABEL, label, sizeof(label)));
	assert_string_equal(label, "alice@CORP");
	assert_false(card_text(&entry, CARD_TAG_LABEL, cut, sizeof(cut)));
	assert_string_equal(cut, "ali");
	assert_true(card_read_entry(&message, CARD_TAG_CARD, &at, &entry));
	assert_int_equal(card_number(&entry, CARD_TAG_CARD_ID), 2);
	assert_false(card_read_entry(&message, CARD_TAG_CARD, &at, &entry));
}

static void
refusal_is_read_for_every_operation_and_long_words_are_cut(void **state)
{
	char text[300], cut[300];
	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	memcpy(text + 255, "\xc3\xa4", 2); /* the cut falls into this character */
	size_t len = card_write_refusal(
	    packet, sizeof(packet), CARD_STATUS_NO_CONSENT, "consent_refused", text, NULL);
	for (enum card_op op = CARD_OP_CARDS; op <= CARD_OP_WAIT; op++)
		assert_true(card_read_reply(packet, len, op, &message));
	assert_int_equal(message.code, CARD_STATUS_NO_CONSENT);
	assert_true(card_text(&message, CARD_TAG_TEXT, cut, sizeof(cut)));
	assert_int_equal(strlen(cut), 255);
	assert_false(card_has(&message, CARD_TAG_CORRELATION));
	assert_string_equal(card_status_name(CARD_STATUS_NO_CONSENT), "no_consent");
	assert_string_equal(card_status_name((enum card_status)999), "internal");
}

static void
every_cut_and_every_longer_message_is_malformed(void **state)
{
	(void)state;
	size_t len = sign_request();
	for (size_t n = 0; n < len; n++) {
		assert_false(card_read_request(packet, n, &message));
		assert_int_equal(message.n, 0);
	}
	assert_false(card_read_request(packet, len + 1, &message));
	assert_false(card_read_request(packet, len + 6, &message));
	len = cards_reply();
	for (size_t n = 0; n < len; n++)
		assert_false(card_read_reply(packet, n, CARD_OP_CARDS, &message));
}

/* Each row: what is written at which byte of sign_request. */
static void
changed_head_or_field_is_malformed(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
	    {1, 2},    /* another version */
	    {3, 99},   /* no such operation */
	    {2, 1},    /* operation 0x0103 */
	    {7, 5},    /* more fields than there are */
	    {7, 3},    /* fewer */
	    {4, 1},    /* 2^24 of them */
	    {9, 99},   /* no such tag */
	    {8, 1},    /* tag 0x010c */
	    {9, 45},   /* a tag of other messages */
	    {13, 3},   /* a number too short, and what follows is shifted */
	    {10, 255}, /* a length of 4 GB */
	    {50, 4},   /* no such mechanism */
	    {50, 0},
	};
	(void)state;
	size_t len = sign_request();
	assert_int_equal(packet[50], CARD_MECHANISM_ECDSA);
	for (size_t i = 0; i < NELEMS(rows); i++) {
		len = sign_request();
		packet[rows[i].at] = rows[i].value;
		if (card_read_request(packet, len, &message))
			fail_msg("row %zu was read", i);
	}
}

static void
repeated_missing_and_foreign_fields_are_malformed(void **state)
{
	struct card_writer w;
	(void)state;
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_OBJECTS);
	assert_false(card_read_request(packet, card_write_end(&w), &message)); /* no CARD_ID */
	card_write_number(&w, CARD_TAG_CARD_ID, 1);
	assert_true(card_read_request(packet, card_write_end(&w), &message));
	card_write_number(&w, CARD_TAG_CARD_ID, 1);
	assert_false(card_read_request(packet, card_write_end(&w), &message));
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_OBJECTS);
	card_write_number(&w, CARD_TAG_CARD_ID, 1);
	card_write_text(&w, CARD_TAG_USER, "alice");
	assert_false(card_read_request(packet, card_write_end(&w), &message));
}

static void
entry_with_a_missing_or_a_list_field_is_malformed(void **state)
{
	struct card_writer w;
	(void)state;
	card_write_begin(&w, packet, sizeof(packet), CARD_STATUS_OK);
	card_write_number(&w, CARD_TAG_GENERATION, 1);
	card_write_open(&w, CARD_TAG_CARD);
	card_write_number(&w, CARD_TAG_CARD_ID, 1);
	card_write_close(&w);
	assert_false(card_read_reply(packet, card_write_end(&w), CARD_OP_CARDS, &message));
	assert_false(card_read_reply(packet, cards_reply(), CARD_OP_OBJECTS, &message));
	card_write_begin(&w, packet, sizeof(packet), CARD_STATUS_OK);
	card_write_open(&w, CARD_TAG_CARD);
	card_write_open(&w, CARD_TAG_CARD);
	assert_int_equal(card_write_end(&w), 0);
}

static void
text_with_control_characters_is_malformed(void **state)
{
	struct card_writer w;
	(void)state;
	for (uint8_t c = 0; c < 0x80; c++) {
		card_write_begin(&w, packet, sizeof(packet), CARD_OP_CLOSE);
		card_write_text(&w, CARD_TAG_SESSION, "a_b");
		packet[15] = c;
		bool clean = c >= 0x20 && c != 0x7f;
		assert_int_equal(card_read_request(packet, card_write_end(&w), &message), clean);
	}
}

static void
what_does_not_fit_is_not_written(void **state)
{
	struct card_writer w;
	static uint8_t big[CARD_DATA_MAX + 1];
	(void)state;
	card_write_begin(&w, packet, 20, CARD_OP_CLOSE);
	card_write_text(&w, CARD_TAG_SESSION, "0123456789");
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, 4, CARD_OP_CARDS);
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_HASH_UPDATE);
	card_write_bytes(&w, CARD_TAG_DATA, big, sizeof(big));
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_SIGN);
	card_write_number(&w, CARD_TAG_MECHANISM, 256);
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_CLOSE);
	card_write_number(&w, CARD_TAG_SESSION, 1); /* a text */
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, sizeof(packet), CARD_OP_CARDS);
	card_write_close(&w);
	assert_int_equal(card_write_end(&w), 0);
	card_write_begin(&w, packet, sizeof(packet), CARD_STATUS_OK);
	for (uint32_t i = 0; i <= CARD_FIELDS_MAX; i++)
		put_card(&w, i, "a");
	assert_int_equal(card_write_end(&w), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_is_read_as_it_was_written),
	    cmocka_unit_test(list_is_read_entry_by_entry),
	    cmocka_unit_test(refusal_is_read_for_every_operation_and_long_words_are_cut),
	    cmocka_unit_test(every_cut_and_every_longer_message_is_malformed),
	    cmocka_unit_test(changed_head_or_field_is_malformed),
	    cmocka_unit_test(repeated_missing_and_foreign_fields_are_malformed),
	    cmocka_unit_test(entry_with_a_missing_or_a_list_field_is_malformed),
	    cmocka_unit_test(text_with_control_characters_is_malformed),
	    cmocka_unit_test(what_does_not_fit_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
