/* One entry of a CRL, in DER. */
#include <string.h>

#include <openssl/asn1.h>

#include "ca/crl_parts.h"

#define DAY_S 86400
#define CLOCK_TEXT 7 /* HHMMSSZ, which a time ends with */

DEFINE_OWN(asn1_time, ASN1_TIME *, ASN1_TIME_free);

/* Identifier and length as the library writes them. */
size_t
crl_put_header(uint8_t *out, bool constructed, size_t len, int tag)
{
	uint8_t *at = out;
	ASN1_put_object(&at, constructed, (int)len, tag, V_ASN1_UNIVERSAL);
	return (size_t)(at - out);
}

/* Extensions { reasonCode (2.5.29.21), an ENUMERATED in an OCTET STRING }. */
static size_t
put_reason(uint8_t out[32], int reason)
{
	static const uint8_t oid[] = {0x55, 0x1d, 0x15};
	uint8_t *at = out;
	if (reason == 0)
		return 0;
	at += crl_put_header(at, true, 12, V_ASN1_SEQUENCE);
	at += crl_put_header(at, true, 10, V_ASN1_SEQUENCE);
	at += crl_put_header(at, false, sizeof(oid), V_ASN1_OBJECT);
	memcpy(at, oid, sizeof(oid));
	at += sizeof(oid);
	at += crl_put_header(at, false, 3, V_ASN1_OCTET_STRING);
	at += crl_put_header(at, false, 1, V_ASN1_ENUMERATED);
	*at++ = (uint8_t)reason;
	return (size_t)(at - out);
}

/* UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 5.1.2.6); the beginning of the day. */
static const struct crl_day *
find_day(struct crl_form *form, int64_t wanted)
{
	struct crl_day *day = &form->days[wanted % CRL_DAYS];
	uint8_t *at = day->der;
	if (day->len > 0 && day->day == wanted)
		return day;
	OWN(asn1_time) ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)(wanted * DAY_S));
	int len = when ? i2d_ASN1_TIME(when, NULL) : 0;
	day->len = 0;
	if (len <= CLOCK_TEXT || len > (int)sizeof(day->der))
		return NULL;
	day->len = (size_t)i2d_ASN1_TIME(when, &at);
	day->day = wanted;
	return day;
}

static void
put_two(uint8_t *out, unsigned value)
{
	out[0] = (uint8_t)('0' + value / 10);
	out[1] = (uint8_t)('0' + value % 10);
}

static void
put_time(const struct crl_day *day, int64_t when_s, uint8_t *out)
{
	unsigned of_day = (unsigned)(when_s % DAY_S);
	memcpy(out, day->der, day->len);
	uint8_t *clock = out + day->len - CLOCK_TEXT;
	put_two(clock, of_day / 3600);
	put_two(clock + 2, of_day / 60 % 60);
	put_two(clock + 4, of_day % 60);
}

/* An entry of these lengths, whose values are still to be set. */
static void
shape(struct crl_form *form, size_t serial_len, size_t when_len, bool has_reason)
{
	uint8_t number[8], why[32], *at = form->last;
	size_t number_len = crl_put_header(number, false, serial_len, V_ASN1_INTEGER);
	size_t why_len = put_reason(why, has_reason);
	at +=
	    crl_put_header(at, true, number_len + serial_len + when_len + why_len, V_ASN1_SEQUENCE);
	memcpy(at, number, number_len);
	at += number_len;
	form->serial_at = (size_t)(at - form->last);
	form->when_at = form->serial_at + serial_len;
	memcpy(form->last + form->when_at + when_len, why, why_len);
	form->len = form->when_at + when_len + why_len;
	form->serial_len = serial_len;
	form->when_len = when_len;
	form->has_reason = has_reason;
}

size_t
crl_entry_format(struct crl_form *form, const uint8_t *serial, size_t serial_len, int64_t when_s,
    int reason, uint8_t out[CRL_ENTRY_MAX])
{
	if (serial_len == 0 || serial_len > PROFILE_SERIAL_MAX || (serial[0] & 0x80) || when_s < 0)
		return 0;
	const struct crl_day *day = find_day(form, when_s / DAY_S);
	if (!day)
		return 0;
	if (form->len == 0 || form->serial_len != serial_len || form->when_len != day->len ||
	    form->has_reason != (reason != 0))
		shape(form, serial_len, day->len, reason != 0);
	memcpy(out, form->last, CRL_ENTRY_MAX);
	memcpy(out + form->serial_at, serial, serial_len);
	put_time(day, when_s, out + form->when_at);
	if (reason != 0)
		out[form->len - 1] = (uint8_t)reason;
	return form->len;
}
