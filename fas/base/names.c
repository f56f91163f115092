#include "fas/base/names.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define SID_REVISION 1

static enum fas_code
sid_bad(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "sid_malformed", "MS-DTYP 2.4.2: SID %s", finding);
}

/* Copy the digits up to the next '-' into part; returns the place behind it or NULL. */
static const char *
next_part(const char *text, char part[24])
{
	size_t n = strcspn(text, "-");
	if (n == 0 || n > 23)
		return NULL;
	memcpy(part, text, n);
	part[n] = 0;
	return text + n;
}

static bool
parse_authority(const char *part, uint64_t *out)
{
	uint8_t bytes[6];
	if (strlen(part) == 14 && part[0] == '0' && (part[1] == 'x' || part[1] == 'X')) {
		if (!hex_decode(part + 2, bytes, sizeof(bytes)))
			return false;
		*out = 0;
		for (size_t i = 0; i < sizeof(bytes); i++)
			*out = *out << 8 | bytes[i];
		return *out > UINT32_MAX;
	}
	return parse_uint(part, 0, UINT32_MAX, out);
}

enum fas_code
sid_parse(const char *text, struct sid *out, struct fas_err *e)
{
	struct sid sid = {0};
	char part[24];
	if (strncmp(text, "S-1-", 4) != 0)
		return sid_bad(e, "does not begin with S-1-");
	const char *at = next_part(text + 4, part);
	if (!at || !parse_authority(part, &sid.authority))
		return sid_bad(e, "has no valid identifier authority");
	while (*at == '-') {
		uint64_t value;
		if (sid.count == SID_SUBS_MAX)
			return sid_bad(e, "has more than 15 sub-authorities");
		at = next_part(at + 1, part);
		if (!at || !parse_uint(part, 0, UINT32_MAX, &value))
			return sid_bad(e, "has a malformed sub-authority");
		sid.sub[sid.count++] = (uint32_t)value;
	}
	if (sid.count == 0)
		return sid_bad(e, "has no sub-authority");
	*out = sid;
	return FAS_OK;
}

enum fas_code
sid_from_bytes(const uint8_t *bytes, size_t len, struct sid *out, struct fas_err *e)
{
	struct sid sid = {0};
	if (len < 12 || bytes[0] != SID_REVISION)
		return sid_bad(e, "is too short or of another revision");
	if (bytes[1] == 0 || bytes[1] > SID_SUBS_MAX || len != 8 + 4 * (size_t)bytes[1])
		return sid_bad(e, "has a length that its count does not explain");
	sid.count = bytes[1];
	for (size_t i = 2; i < 8; i++)
		sid.authority = sid.authority << 8 | bytes[i];
	for (size_t i = 0; i < sid.count; i++) {
		const uint8_t *s = bytes + 8 + 4 * i;
		sid.sub[i] = (uint32_t)s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 |
			     (uint32_t)s[3] << 24;
	}
	*out = sid;
	return FAS_OK;
}

size_t
sid_to_bytes(const struct sid *sid, uint8_t out[SID_BYTES_MAX])
{
	out[0] = SID_REVISION;
	out[1] = sid->count;
	for (size_t i = 0; i < 6; i++)
		out[2 + i] = (uint8_t)(sid->authority >> (40 - 8 * i));
	for (size_t i = 0; i < sid->count; i++) {
		for (size_t k = 0; k < 4; k++)
			out[8 + 4 * i + k] = (uint8_t)(sid->sub[i] >> (8 * k));
	}
	return 8 + 4 * (size_t)sid->count;
}

const char *
sid_format(const struct sid *sid, char out[SID_TEXT_MAX])
{
	int used;
	if (sid->authority > UINT32_MAX)
		used = snprintf(
		    out, SID_TEXT_MAX, "S-1-0x%012llx", (unsigned long long)sid->authority);
	else
		used = snprintf(out, SID_TEXT_MAX, "S-1-%llu", (unsigned long long)sid->authority);
	for (size_t i = 0; i < sid->count && used > 0 && used < SID_TEXT_MAX; i++)
		used += snprintf(
		    out + used, SID_TEXT_MAX - (size_t)used, "-%lu", (unsigned long)sid->sub[i]);
	return out;
}

bool
sid_is_set(const struct sid *sid)
{
	return sid->count != 0;
}

static bool
same_prefix(const struct sid *a, const struct sid *b, size_t n)
{
	return a->authority == b->authority && memcmp(a->sub, b->sub, n * sizeof(a->sub[0])) == 0;
}

bool
sid_equal(const struct sid *a, const struct sid *b)
{
	return a->count != 0 && a->count == b->count && same_prefix(a, b, a->count);
}

uint32_t
sid_rid(const struct sid *sid)
{
	return sid->count ? sid->sub[sid->count - 1] : 0;
}

bool
sid_in_domain(const struct sid *sid, const struct sid *domain)
{
	return domain->count != 0 && sid->count == domain->count + 1 &&
	       same_prefix(sid, domain, domain->count);
}

/* Text order to wire order and back: the first three fields are stored little-endian. */
static void
guid_swap(uint8_t b[16])
{
	static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t in[16];
	memcpy(in, b, 16);
	for (size_t i = 0; i < 16; i++)
		b[i] = in[order[i]];
}

/* 8-4-4-4-12 to 32 digits; false if the hyphens stand elsewhere. */
static bool
guid_join(const char *text, size_t len, char digits[33])
{
	if (len == 38 && text[0] == '{' && text[37] == '}') {
		text++;
		len = 36;
	}
	if (len == 32) {
		memcpy(digits, text, 32);
		digits[32] = 0;
		return true;
	}
	if (len != 36)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < 36; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen != (text[i] == '-'))
			return false;
		if (!hyphen)
			digits[n++] = text[i];
	}
	digits[32] = 0;
	return true;
}

enum fas_code
guid_parse(const char *text, struct guid *out, struct fas_err *e)
{
	char digits[33];
	size_t len = strlen(text);
	struct guid guid = {.set = true};
	if (guid_join(text, len, digits) && hex_decode(digits, guid.bytes, 16)) {
		guid_swap(guid.bytes);
		*out = guid;
		return FAS_OK;
	}
	OWN(bytes) uint8_t *raw = NULL;
	size_t raw_len = 0;
	if (len == 24 && base64_decode(text, len, false, &raw, &raw_len, NULL) == FAS_OK &&
	    raw_len == 16)
		return guid_from_bytes(raw, raw_len, out, e);
	return fas_fail(e, FAS_E_INPUT, "guid_malformed",
	    "MS-DTYP 2.3.4: GUID is neither 8-4-4-4-12, nor 32 hex digits, nor base64 of 16 bytes");
}

enum fas_code
guid_from_bytes(const uint8_t *bytes, size_t len, struct guid *out, struct fas_err *e)
{
	if (len != 16)
		return fas_fail(e, FAS_E_INPUT, "guid_malformed",
		    "MS-DTYP 2.3.4: GUID of %zu bytes, want 16", len);
	memcpy(out->bytes, bytes, 16);
	out->set = true;
	return FAS_OK;
}

const char *
guid_format(const struct guid *guid, char out[GUID_TEXT_MAX])
{
	static const size_t group_ends[] = {4, 6, 8, 10, 16};
	uint8_t b[16];
	memcpy(b, guid->bytes, 16);
	guid_swap(b);
	char *at = out;
	for (size_t group = 0, i = 0; group < NELEMS(group_ends); group++) {
		hex_encode(b + i, group_ends[group] - i, at);
		at += 2 * (group_ends[group] - i);
		i = group_ends[group];
		*at++ = group + 1 < NELEMS(group_ends) ? '-' : 0;
	}
	return out;
}

bool
guid_equal(const struct guid *a, const struct guid *b)
{
	return a->set && b->set && memcmp(a->bytes, b->bytes, 16) == 0;
}

enum fas_code
upn_check(const char *upn, struct fas_err *e)
{
	const char *why = NULL;
	size_t len = strlen(upn);
	const char *at = strchr(upn, '@');
	if (len > UPN_MAX)
		why = "is longer than 1024 octets";
	else if (!utf8_is_valid(upn, len) || utf8_has_invisible(upn))
		why = "holds invalid or invisible characters";
	else if (!at || at == upn || strchr(at + 1, '@'))
		why = "is not user@suffix with exactly one @";
	else if (upn[0] == ' ' || at[-1] == ' ')
		why = "has white space at an end";
	else if (!hostname_is_valid(at + 1))
		why = "has a suffix that is no DNS name";
	if (why)
		return fas_fail(e, FAS_E_INPUT, "upn_malformed",
		    "MS-ADTS 5.1.1.1.1: userPrincipalName %s", why);
	return FAS_OK;
}

const char *
upn_suffix(const char *upn)
{
	const char *at = strrchr(upn, '@');
	return at ? at + 1 : "";
}

bool
upn_equal(const char *a, const char *b)
{
	return ascii_equal_nocase(a, b);
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
hostname_is_valid(const char *name)
{
	size_t len = strlen(name), label = 0;
	if (len == 0 || len > HOSTNAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		char c = name[i];
		if (c == '.' || c == 0) {
			if (label == 0 || label > 63 || name[i - 1] == '-')
				return false;
			label = 0;
		} else if (is_alnum(c) || (c == '-' && label > 0)) {
			label++;
		} else {
			return false;
		}
	}
	return true;
}

bool
hostname_equal(const char *a, const char *b)
{
	return ascii_equal_nocase(a, b);
}

bool
hostname_pattern_is_valid(const char *pattern)
{
	return hostname_is_valid(strncmp(pattern, "*.", 2) == 0 ? pattern + 2 : pattern);
}

bool
hostname_matches(const char *pattern, const char *name)
{
	if (!hostname_pattern_is_valid(pattern) || !hostname_is_valid(name))
		return false;
	if (pattern[0] != '*')
		return hostname_equal(pattern, name);
	size_t rest = strlen(pattern + 1), len = strlen(name);
	return len > rest && ascii_equal_nocase(name + len - rest, pattern + 1);
}
