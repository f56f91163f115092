/*
 * The names by which an account is known, each parsed once and compared as what it is.
 *
 * All types are plain values: copy and compare them freely, nothing to free.
 */
#ifndef FAS_BASE_NAMES_H
#define FAS_BASE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

/* ---- SID: MS-DTYP 2.4.2 ---- */

#define SID_SUBS_MAX 15
#define SID_TEXT_MAX 187 /* "S-1-" + 0x + 12 hex digits + 15 * "-4294967295" + NUL, rounded up */
#define SID_BYTES_MAX 68

struct sid {
	uint8_t count;      /* sub-authorities; 0 = no SID */
	uint64_t authority; /* 48 bits */
	uint32_t sub[SID_SUBS_MAX];
};

/* Text S-1-A-S...: decimal, no signs, no leading zeros, no white space; authority below 2^32
 * decimal, else 0x... */
MUST_CHECK enum fas_code sid_parse(const char *text, struct sid *out, struct fas_err *e);
/* The packet representation (MS-DTYP 2.4.2.2); len must be exact. */
MUST_CHECK enum fas_code sid_from_bytes(
    const uint8_t *bytes, size_t len, struct sid *out, struct fas_err *e);
/* Returns the length written to out. */
size_t sid_to_bytes(const struct sid *sid, uint8_t out[SID_BYTES_MAX]);
/* Canonical text; returns out. */
const char *sid_format(const struct sid *sid, char out[SID_TEXT_MAX]);
bool sid_equal(const struct sid *a, const struct sid *b);
bool sid_is_set(const struct sid *sid);
/* The last sub-authority; 0 when there is none. */
uint32_t sid_rid(const struct sid *sid);
/* Does sid equal domain plus one sub-authority (the RID)? */
bool sid_in_domain(const struct sid *sid, const struct sid *domain);

/* ---- GUID: MS-DTYP 2.3.4; the 16 bytes as LDAP returns objectGUID ---- */

#define GUID_TEXT_MAX 37

struct guid {
	uint8_t bytes[16]; /* first three fields little-endian, as on the wire */
	bool set;
};

/*
 * A cip_oid claim in any of the shapes that providers send (CERTIFICATES.md, Claims): 8-4-4-4-12
 * with or without braces, 32 hex digits (both in text order), or base64 of the 16 bytes of the
 * wire.
 */
MUST_CHECK enum fas_code guid_parse(const char *text, struct guid *out, struct fas_err *e);
MUST_CHECK enum fas_code guid_from_bytes(
    const uint8_t *bytes, size_t len, struct guid *out, struct fas_err *e);
/* 8-4-4-4-12 in lower case; returns out. */
const char *guid_format(const struct guid *guid, char out[GUID_TEXT_MAX]);
bool guid_equal(const struct guid *a, const struct guid *b);

/* ---- userPrincipalName: user@suffix ---- */

#define UPN_MAX 1024 /* octets; the attribute's rangeUpper */

/*
 * Valid UTF-8, exactly one '@' with something on both sides, no control characters or white space
 * at the ends, no invisible or bidirectional characters, suffix a DNS name; otherwise FAS_E_INPUT
 * "upn_malformed".
 */
MUST_CHECK enum fas_code upn_check(const char *upn, struct fas_err *e);
/* The part behind '@'; "" if there is none. */
const char *upn_suffix(const char *upn);
/* Equal as Active Directory compares: ASCII letters without case, all other bytes exactly. */
bool upn_equal(const char *a, const char *b);

/* ---- DNS host names and patterns ---- */

#define HOSTNAME_MAX 253

/* RFC 1123 2.1: labels of letters, digits and inner hyphens, total <= 253, no trailing dot. */
bool hostname_is_valid(const char *name);
bool hostname_equal(const char *a, const char *b);
/*
 * Exact name, or "*.rest": then name is one or more labels in front of rest.  A '*' anywhere else
 * is no pattern; such a pattern matches nothing.
 */
bool hostname_matches(const char *pattern, const char *name);
/* Is this pattern an exact host name or "*." and one? */
bool hostname_pattern_is_valid(const char *pattern);

#endif
