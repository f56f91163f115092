/*
 * What a search returned, copied out of libldap: bounded, and plain enough to be made by hand in a test.
 */
#ifndef LDAP_ENTRY_H
#define LDAP_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ldap.h>

#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

#define ENTRIES_MAX 64
#define ENTRY_ATTRIBUTES_MAX 32
#define ENTRY_VALUES_MAX 8192
#define ENTRY_VALUE_MAX 65536
#define ENTRY_DN_MAX 4096

struct value {
	const uint8_t *data; /* followed by a NUL that len does not count */
	size_t len;
};

struct attribute {
	const char *name;
	const struct value *values;
	size_t n;
};

struct entry {
	const char *dn;
	const struct attribute *attributes;
	size_t n;
};

struct entry_block;

struct entries {
	struct entry items[ENTRIES_MAX];
	size_t n;
	bool more;        /* the size limit was hit: there are others */
	size_t value_max; /* while they are copied */
	struct entry_block *blocks;
};

/* Copy all entries of one complete result; references are passed over (no referral is ever chased).
 * FAS_E_LIMIT "entry_too_large". */
MUST_CHECK enum fas_code entries_copy(
    struct entries *out, LDAP *ld, LDAPMessage *result, struct fas_err *e);
/* The same with values of up to value_max octets, for what is published: CRLs are longer than any name. */
MUST_CHECK enum fas_code entries_copy_large(
    struct entries *out, LDAP *ld, LDAPMessage *result, size_t value_max, struct fas_err *e);
void entries_done(struct entries *entries);

/* The attribute, its name compared without case (RFC 4512 2.5), or NULL. */
const struct attribute *entry_attribute(const struct entry *entry, const char *name);
/* Is value one of the attribute's, ASCII letters without case? */
bool entry_has_value(const struct entry *entry, const char *name, const char *value);

/*
 * The one value of an attribute; absent: FAS_OK and *out NULL / *present false.
 * FAS_E_DENIED "entry_malformed": several values, longer than max_bytes, not UTF-8, invisible characters, no number.
 */
MUST_CHECK enum fas_code entry_text(const struct entry *entry, const char *name, size_t max_bytes,
    const char **out, struct fas_err *e);
MUST_CHECK enum fas_code entry_int(
    const struct entry *entry, const char *name, int64_t *out, bool *present, struct fas_err *e);
/* As above, but it has to be there: FAS_E_UNAVAILABLE "directory_incomplete" (this service may not read it). */
MUST_CHECK enum fas_code entry_need_int(
    const struct entry *entry, const char *name, int64_t *out, struct fas_err *e);
MUST_CHECK enum fas_code entry_need_sid(
    const struct entry *entry, const char *name, struct sid *out, struct fas_err *e);

/* The same two refusals, for values that other files judge. */
enum fas_code entry_malformed(
    const struct entry *entry, const char *name, const char *finding, struct fas_err *e);
enum fas_code entry_incomplete(const struct entry *entry, const char *name, struct fas_err *e);

DEFINE_OWN_IN_PLACE(entries, struct entries, entries_done);

#endif
