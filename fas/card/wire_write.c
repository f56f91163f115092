#include <string.h>

#include "fas/card/wire_tags.h"

static void
put_be(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/* Room for len more bytes; NULL (and the message has failed) when there is none. */
static uint8_t *
reserve(struct card_writer *w, size_t len)
{
	if (w->failed || len > w->size - w->len) {
		w->failed = true;
		return NULL;
	}
	uint8_t *at = w->data + w->len;
	w->len += len;
	return at;
}

static uint8_t *
put_field(struct card_writer *w, enum card_tag tag, size_t len)
{
	uint8_t *at = len <= CARD_MESSAGE_MAX ? reserve(w, CARD_FIELD_HEAD_BYTES + len) : NULL;
	if (!at) {
		w->failed = true;
		return NULL;
	}
	put_be(at, (uint64_t)tag, 2);
	put_be(at + 2, len, 4);
	if (w->entry == 0)
		w->n++;
	return at + CARD_FIELD_HEAD_BYTES;
}

void
card_write_begin(struct card_writer *w, uint8_t *data, size_t size, uint16_t code)
{
	*w = (struct card_writer){
	    .data = data, .size = size < CARD_MESSAGE_MAX ? size : CARD_MESSAGE_MAX};
	uint8_t *head = reserve(w, CARD_HEAD_BYTES);
	if (!head)
		return;
	put_be(head, CARD_WIRE_VERSION, 2);
	put_be(head + 2, code, 2);
}

/* The writer keeps to the tag's range too, so that a mistake is found where it is made. */
static void
write_checked(
    struct card_writer *w, enum card_tag tag, enum card_type type, const void *data, size_t len)
{
	const struct card_tag_rule *rule = card_tag_rule((uint16_t)tag);
	if (!rule || rule->type != type || len < rule->min || len > rule->max) {
		w->failed = true;
		return;
	}
	uint8_t *at = put_field(w, tag, len);
	if (at && len > 0)
		memcpy(at, data, len);
}

void
card_write_bytes(struct card_writer *w, enum card_tag tag, const void *data, size_t len)
{
	write_checked(w, tag, CARD_TYPE_BYTES, data, len);
}

void
card_write_text(struct card_writer *w, enum card_tag tag, const char *text)
{
	write_checked(w, tag, CARD_TYPE_TEXT, text, strlen(text));
}

void
card_write_number(struct card_writer *w, enum card_tag tag, uint64_t value)
{
	const struct card_tag_rule *rule = card_tag_rule((uint16_t)tag);
	uint8_t bytes[8];
	if (!rule || rule->type != CARD_TYPE_NUMBER ||
	    (rule->max < 8 && value >> (8 * rule->max) != 0)) {
		w->failed = true;
		return;
	}
	put_be(bytes, value, rule->max);
	write_checked(w, tag, CARD_TYPE_NUMBER, bytes, rule->max);
}

void
card_write_open(struct card_writer *w, enum card_tag list)
{
	const struct card_tag_rule *rule = card_tag_rule((uint16_t)list);
	if (w->entry != 0 || !rule || rule->type != CARD_TYPE_LIST) {
		w->failed = true;
		return;
	}
	if (put_field(w, list, 0))
		w->entry = w->len - 4;
}

void
card_write_close(struct card_writer *w)
{
	if (!w->failed && w->entry != 0)
		put_be(w->data + w->entry, w->len - w->entry - 4, 4);
	else
		w->failed = true;
	w->entry = 0;
}

size_t
card_write_end(struct card_writer *w)
{
	if (w->failed || w->entry != 0 || w->n > CARD_FIELDS_MAX)
		return 0;
	put_be(w->data + 4, w->n, 4);
	return w->len;
}

static void
write_cut(struct card_writer *w, enum card_tag tag, const char *text)
{
	const struct card_tag_rule *rule = card_tag_rule((uint16_t)tag);
	size_t len = strnlen(text, rule ? rule->max : 0);
	/* Not in the middle of a UTF-8 character. */
	if (text[len])
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	write_checked(w, tag, CARD_TYPE_TEXT, text, len);
}

size_t
card_write_refusal(uint8_t *data, size_t size, enum card_status status, const char *reason,
    const char *text, const char *correlation)
{
	struct card_writer w;
	card_write_begin(&w, data, size, (uint16_t)status);
	write_cut(&w, CARD_TAG_REASON, reason);
	write_cut(&w, CARD_TAG_TEXT, text);
	if (correlation && correlation[0])
		write_cut(&w, CARD_TAG_CORRELATION, correlation);
	return card_write_end(&w);
}
