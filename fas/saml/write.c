#include "fas/saml/write.h"

#include <string.h>

#include <openssl/rand.h>

#include "fas/base/text.h"

#define ID_BYTES 20

/* What cannot stand in an attribute's value as it is; white space would be normalised (XML 1.0 3.3.3). */
static void
write_escaped(struct buf *b, char c)
{
	if (c == '&')
		buf_text(b, "&amp;");
	else if (c == '<')
		buf_text(b, "&lt;");
	else if (c == '>')
		buf_text(b, "&gt;");
	else
		buf_printf(b, "&#%d;", c);
}

void
write_text(struct buf *b, const char *value)
{
	for (; *value; value++) {
		if (strchr("&<>\"'", *value) || (*value > 0 && *value < ' '))
			write_escaped(b, *value);
		else
			buf_append(b, value, 1);
	}
}

void
write_attr(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, " %s=\"", name);
	write_text(b, value);
	buf_text(b, "\"");
}

void
write_time(struct buf *b, const char *name, int64_t when_s)
{
	char text[TIME_TEXT_MAX];
	write_attr(b, name, time_format(when_s, text));
}

void
write_leaf(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "<%s>", name);
	write_text(b, value);
	buf_printf(b, "</%s>", name);
}

void
write_percent(struct buf *b, const char *value)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					 "0123456789-._~";
	for (; *value; value++) {
		if (strchr(unreserved, *value))
			buf_append(b, value, 1);
		else
			buf_printf(b, "%%%02X", (unsigned)(unsigned char)*value);
	}
}

enum fas_code
write_new_id(char out[WRITE_ID_MAX], struct fas_err *e)
{
	uint8_t bytes[ID_BYTES] = {0};
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return fas_fail_openssl(e, "random ID");
	out[0] = '_';
	(void)hex_encode(bytes, sizeof(bytes), out + 1);
	return FAS_OK;
}
