#include "ldap/filter.h"

#include <string.h>

void
filter_value(struct buf *filter, const void *value, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = value;
	for (size_t i = 0; i < len; i++) {
		char c = (char)at[i];
		if (c >= ' ' && c <= '~' && !strchr("()*\\", c)) {
			buf_append(filter, &c, 1);
			continue;
		}
		char escaped[3] = {'\\', digits[at[i] >> 4], digits[at[i] & 15]};
		buf_append(filter, escaped, sizeof(escaped));
	}
}

/* Binary values go byte by byte, so that none is taken for text by a server that guesses. */
static void
filter_bytes(struct buf *filter, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(filter, "\\%02x", (unsigned)bytes[i]);
}

void
filter_text(struct buf *filter, const char *attribute, const char *value)
{
	buf_printf(filter, "(%s=", attribute);
	filter_value(filter, value, strlen(value));
	buf_text(filter, ")");
}

void
filter_sid(struct buf *filter, const char *attribute, const struct sid *sid)
{
	uint8_t bytes[SID_BYTES_MAX];
	buf_printf(filter, "(%s=", attribute);
	filter_bytes(filter, bytes, sid_to_bytes(sid, bytes));
	buf_text(filter, ")");
}
