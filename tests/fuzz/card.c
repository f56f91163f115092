/*
 * Both directions of the card protocol: what any program of a session sends to fas-agent, and what anybody who poses as
 * the agent answers to a browser.  Byte 0: 0 = a request, else the operation whose reply follows.
 */
#include <string.h>

#include "fas/base/macros.h"
#include "fas/card/wire.h"
#include "tests/fuzz/fuzz.h"

static const enum card_tag lists[] = {
    CARD_TAG_CARD, CARD_TAG_KEY, CARD_TAG_ISSUER_CERT, CARD_TAG_SESSION_ENTRY, CARD_TAG_LINE};

static bool
is_list(enum card_tag tag)
{
	for (size_t i = 0; i < NELEMS(lists); i++)
		if (lists[i] == tag)
			return true;
	return false;
}

/* What is read lies inside of what came; no field of an entry is a list; none is there twice. */
static void
check_fields(const struct card_message *m, const uint8_t *data, size_t size, bool entry)
{
	FUZZ_CHECK(m->n <= CARD_FIELDS_MAX);
	for (size_t i = 0; i < m->n; i++) {
		const struct card_field *f = &m->fields[i];
		FUZZ_CHECK(f->data >= data && f->len <= (size_t)(data + size - f->data));
		FUZZ_CHECK(!entry || !is_list(f->tag));
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(m->fields[k].tag != f->tag || is_list(f->tag));
	}
}

static void
check_entries(const struct card_message *m, const uint8_t *data, size_t size)
{
	struct card_message entry;
	size_t n = 0, want = 0;
	for (size_t i = 0; i < m->n; i++)
		want += is_list(m->fields[i].tag);
	for (size_t i = 0; i < NELEMS(lists); i++) {
		size_t at = 0;
		while (card_read_entry(m, lists[i], &at, &entry)) {
			check_fields(&entry, data, size, true);
			n++;
		}
	}
	FUZZ_CHECK(n == want);
}

/* There is one way to write a message: fields in their order, and nothing else. */
static void
check_rewrite(const struct card_message *m, const uint8_t *data, size_t size)
{
	size_t at = 8;
	for (size_t i = 0; i < m->n; i++) {
		FUZZ_CHECK(m->fields[i].data == data + at + 6);
		at += 6 + m->fields[i].len;
	}
	FUZZ_CHECK(at == size && size <= CARD_MESSAGE_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct card_message m;
	struct fuzz_input in = {data, size};
	uint8_t op = fuzz_byte(&in);
	bool good = op == 0 ? card_read_request(in.at, in.left, &m)
			    : card_read_reply(in.at, in.left, (enum card_op)op, &m);
	FUZZ_CHECK(good || m.n == 0);
	if (!good)
		return 0;
	check_fields(&m, in.at, in.left, false);
	check_entries(&m, in.at, in.left);
	check_rewrite(&m, in.at, in.left);
	FUZZ_CHECK(op == 0 || strcmp(card_status_name((enum card_status)m.code), "") != 0);
	return 0;
}
