#include <string.h>

#include "fas/card/wire_tags.h"

static uint64_t
get_be(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* ---- one field ---- */

static bool
text_is_clean(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] < 0x20 || data[i] == 0x7f)
			return false;
	return true;
}

static bool
number_is_in_range(const struct card_tag_rule *rule, const uint8_t *data)
{
	uint64_t value = get_be(data, rule->max);
	return rule->high == 0 || (value >= rule->low && value <= rule->high);
}

static bool
value_is_good(const struct card_tag_rule *rule, const struct card_field *f)
{
	if (f->len < rule->min || f->len > rule->max)
		return false;
	switch (rule->type) {
	case CARD_TYPE_NUMBER:
		return number_is_in_range(rule, f->data);
	case CARD_TYPE_TEXT:
		return text_is_clean(f->data, f->len);
	case CARD_TYPE_BYTES:
	case CARD_TYPE_LIST:
		return true;
	}
	return false;
}

static bool
read_field(const uint8_t **at, size_t *left, struct card_field *out)
{
	if (*left < CARD_FIELD_HEAD_BYTES)
		return false;
	uint16_t tag = (uint16_t)get_be(*at, 2);
	size_t len = (size_t)get_be(*at + 2, 4);
	const struct card_tag_rule *rule = card_tag_rule(tag);
	if (!rule || len > *left - CARD_FIELD_HEAD_BYTES)
		return false;
	*out = (struct card_field){rule->tag, *at + CARD_FIELD_HEAD_BYTES, len};
	*at += CARD_FIELD_HEAD_BYTES + len;
	*left -= CARD_FIELD_HEAD_BYTES + len;
	return value_is_good(rule, out);
}

/* ---- all of them ---- */

static bool
read_fields(const uint8_t *at, size_t left, struct card_message *out)
{
	out->n = 0;
	while (left > 0) {
		if (out->n == CARD_FIELDS_MAX || !read_field(&at, &left, &out->fields[out->n]))
			return false;
		out->n++;
	}
	return true;
}

static size_t
count(const struct card_message *m, enum card_tag tag)
{
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		n += m->fields[i].tag == tag;
	return n;
}

/* Every part as often as it may be, and nothing that is no part. */
static bool
parts_fit(const struct card_message *m, const struct card_part *parts)
{
	size_t known = 0;
	for (; parts->tag != 0; parts++) {
		size_t n = count(m, parts->tag);
		if ((parts->how == CARD_REQUIRED && n != 1) ||
		    (parts->how == CARD_OPTIONAL && n > 1))
			return false;
		known += n;
	}
	return known == m->n;
}

static bool
read_entry(const struct card_field *f, struct card_message *out)
{
	const struct card_tag_rule *rule = card_tag_rule((uint16_t)f->tag);
	out->code = 0;
	return rule && rule->of && read_fields(f->data, f->len, out) && parts_fit(out, rule->of);
}

static bool
entries_are_good(const struct card_message *m)
{
	struct card_message entry;
	for (size_t i = 0; i < m->n; i++) {
		const struct card_tag_rule *rule = card_tag_rule((uint16_t)m->fields[i].tag);
		if (rule && rule->type == CARD_TYPE_LIST && !read_entry(&m->fields[i], &entry))
			return false;
	}
	return true;
}

/* The head; false: not ours. */
static bool
read_head(const uint8_t *data, size_t len, uint16_t *code, size_t *n)
{
	if (len < CARD_HEAD_BYTES || len > CARD_MESSAGE_MAX || get_be(data, 2) != CARD_WIRE_VERSION)
		return false;
	*code = (uint16_t)get_be(data + 2, 2);
	*n = (size_t)get_be(data + 4, 4);
	return *n <= CARD_FIELDS_MAX;
}

static bool
read_message(const uint8_t *data, size_t len, size_t n, const struct card_part *parts,
    struct card_message *out)
{
	bool good = parts && read_fields(data + CARD_HEAD_BYTES, len - CARD_HEAD_BYTES, out) &&
		    out->n == n && parts_fit(out, parts) && entries_are_good(out);
	if (!good)
		out->n = 0;
	return good;
}

bool
card_read_request(const uint8_t *data, size_t len, struct card_message *out)
{
	size_t n = 0;
	out->n = 0;
	return read_head(data, len, &out->code, &n) &&
	       read_message(data, len, n, card_request_parts(out->code), out);
}

bool
card_read_reply(const uint8_t *data, size_t len, enum card_op op, struct card_message *out)
{
	size_t n = 0;
	out->n = 0;
	if (!read_head(data, len, &out->code, &n) || !card_status_is_known(out->code))
		return false;
	const struct card_part *parts =
	    out->code == CARD_STATUS_OK ? card_answer_parts((uint16_t)op) : card_refusal_parts();
	return read_message(data, len, n, parts, out);
}

bool
card_read_entry(
    const struct card_message *m, enum card_tag list, size_t *at, struct card_message *out)
{
	while (*at < m->n) {
		const struct card_field *f = &m->fields[(*at)++];
		if (f->tag == list)
			return read_entry(f, out);
	}
	return false;
}

/* ---- values ---- */

static const struct card_field *
get(const struct card_message *m, enum card_tag tag)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->fields[i].tag == tag)
			return &m->fields[i];
	return NULL;
}

bool
card_has(const struct card_message *m, enum card_tag tag)
{
	return get(m, tag) != NULL;
}

const uint8_t *
card_bytes(const struct card_message *m, enum card_tag tag, size_t *len)
{
	const struct card_field *f = get(m, tag);
	*len = f ? f->len : 0;
	return f ? f->data : NULL;
}

uint64_t
card_number(const struct card_message *m, enum card_tag tag)
{
	const struct card_field *f = get(m, tag);
	return f && f->len <= 8 ? get_be(f->data, f->len) : 0;
}

bool
card_text(const struct card_message *m, enum card_tag tag, char *out, size_t size)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(m, tag, &len);
	if (size == 0)
		return false;
	size_t n = len < size ? len : size - 1;
	if (data)
		memcpy(out, data, n);
	out[n] = 0;
	return n == len;
}
