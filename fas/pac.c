#include "fas/pac.h"

/* MS-PAC 2.10: eight numbers of 16 bits, flags of 32 behind the fourth; all little-endian. */
#define PLAIN_BYTES 12    /* lengths and offsets of UPN and DNS name, flags */
#define EXTENDED_BYTES 20 /* and of SAM name and SID */
#define FLAGS_AT 8
#define SID_LENGTH_AT 16
#define SID_OFFSET_AT 18
#define FLAG_S 2U /* the extension is there */

static unsigned
number_at(const uint8_t *data, size_t at)
{
	return (unsigned)data[at] | (unsigned)data[at + 1] << 8;
}

enum fas_code
pac_upn_sid(const uint8_t *data, size_t len, struct sid *out, bool *found, struct fas_err *e)
{
	struct fas_err why = {0};
	*found = false;
	*out = (struct sid){0};
	if (len < PLAIN_BYTES)
		return fas_fail(e, FAS_E_INPUT, "pac_malformed",
		    "MS-PAC 2.10: UPN_DNS_INFO has %zu octets", len);
	if (!(number_at(data, FLAGS_AT) & FLAG_S))
		return FAS_OK;
	if (len < EXTENDED_BYTES)
		return fas_fail(e, FAS_E_INPUT, "pac_malformed",
		    "MS-PAC 2.10: flag S and %zu octets, want %d at least", len, EXTENDED_BYTES);
	size_t length = number_at(data, SID_LENGTH_AT), offset = number_at(data, SID_OFFSET_AT);
	if (offset < EXTENDED_BYTES || offset > len || length > len - offset)
		return fas_fail(e, FAS_E_INPUT, "pac_malformed",
		    "MS-PAC 2.10: SID of %zu octets at %zu of %zu", length, offset, len);
	if (sid_from_bytes(data + offset, length, out, &why) != FAS_OK)
		return fas_fail(e, FAS_E_INPUT, "pac_malformed", "MS-PAC 2.10: %s", why.message);
	*found = true;
	return FAS_OK;
}
