/* Inside fas/card: what each tag is, and which tags each message has. */
#ifndef FAS_CARD_WIRE_TAGS_H
#define FAS_CARD_WIRE_TAGS_H

#include "fas/card/wire.h"

#define CARD_HEAD_BYTES 8
#define CARD_FIELD_HEAD_BYTES 6

/* A number's length is min and max alike. */
enum card_type { CARD_TYPE_NUMBER, CARD_TYPE_TEXT, CARD_TYPE_BYTES, CARD_TYPE_LIST };

struct card_tag_rule {
	enum card_tag tag;
	enum card_type type;
	uint32_t min, max;          /* length in bytes */
	uint64_t low, high;         /* of a number; high 0 = any */
	const struct card_part *of; /* of a list's entry */
};

/* One tag of a message.  The end of a list of parts has tag 0. */
struct card_part {
	enum card_tag tag;
	enum { CARD_REQUIRED, CARD_OPTIONAL, CARD_REPEATED } how;
};

/* NULL: there is no such tag. */
const struct card_tag_rule *card_tag_rule(uint16_t tag);
/* The parts of a request, of the answer to it, of a refusal; NULL: there is no such operation. */
const struct card_part *card_request_parts(uint16_t op);
const struct card_part *card_answer_parts(uint16_t op);
const struct card_part *card_refusal_parts(void);
bool card_status_is_known(uint16_t status);

#endif
