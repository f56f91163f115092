#include "ldap/entry.h"

#include <string.h>

#include "fas/base/text.h"

/* Memory that lives as long as the entries. */
struct entry_block {
	struct entry_block *next;
	uint64_t data[];
};

static void *
entries_alloc(struct entries *entries, size_t size)
{
	struct entry_block *block = calloc(1, sizeof(*block) + size);
	if (!block)
		return NULL;
	block->next = entries->blocks;
	entries->blocks = block;
	return block->data;
}

static enum fas_code
too_large(struct fas_err *e, const char *what)
{
	return fas_fail(e, FAS_E_LIMIT, "entry_too_large", "directory entry with too %s", what);
}

/* A NUL-terminated copy of len bytes; NULL when out of memory. */
static uint8_t *
copy_bytes(struct entries *entries, const void *bytes, size_t len)
{
	uint8_t *copy = entries_alloc(entries, len + 1);
	if (copy && len)
		memcpy(copy, bytes, len);
	return copy;
}

static enum fas_code
copy_values(
    struct entries *entries, struct attribute *out, const struct berval *values, struct fas_err *e)
{
	size_t n = 0;
	while (values && values[n].bv_val && n <= ENTRY_VALUES_MAX)
		n++;
	if (n > ENTRY_VALUES_MAX)
		return too_large(e, "many values");
	struct value *copies = entries_alloc(entries, (n + 1) * sizeof(*copies));
	if (!copies)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if (values[i].bv_len > entries->value_max)
			return too_large(e, "long a value");
		copies[i].len = values[i].bv_len;
		copies[i].data = copy_bytes(entries, values[i].bv_val, values[i].bv_len);
		if (!copies[i].data)
			return fas_fail_nomem(e);
	}
	out->values = copies;
	out->n = n;
	return FAS_OK;
}

static enum fas_code
copy_attribute(struct entries *entries, struct attribute *out, const struct berval *name,
    const struct berval *values, struct fas_err *e)
{
	if (name->bv_len > ENTRY_VALUE_MAX)
		return too_large(e, "long a name");
	out->name = (const char *)copy_bytes(entries, name->bv_val, name->bv_len);
	return out->name ? copy_values(entries, out, values, e) : fas_fail_nomem(e);
}

static enum fas_code
copy_dn(struct entries *entries, struct entry *out, const struct berval *dn, struct fas_err *e)
{
	if (dn->bv_len > ENTRY_DN_MAX)
		return too_large(e, "long a name");
	if (!utf8_is_valid(dn->bv_val, dn->bv_len))
		return fas_fail(e, FAS_E_DENIED, "entry_malformed",
		    "RFC 4514 2: the directory returned a DN that is not UTF-8");
	out->dn = (const char *)copy_bytes(entries, dn->bv_val, dn->bv_len);
	return out->dn ? FAS_OK : fas_fail_nomem(e);
}

static void
own_ber(BerElement **ber)
{
	ber_free(*ber, 0);
}

static enum fas_code
copy_entry(struct entries *entries, LDAP *ld, LDAPMessage *message, struct fas_err *e)
{
	OWN(ber) BerElement *ber = NULL;
	struct entry *out = &entries->items[entries->n];
	struct berval name;
	struct berval *values = NULL;
	if (ldap_get_dn_ber(ld, message, &ber, &name) != LDAP_SUCCESS)
		return too_large(e, "little in it");
	enum fas_code rc = copy_dn(entries, out, &name, e);
	struct attribute *attributes =
	    entries_alloc(entries, ENTRY_ATTRIBUTES_MAX * sizeof(*attributes));
	if (rc == FAS_OK && !attributes)
		return fas_fail_nomem(e);
	while (rc == FAS_OK &&
	       ldap_get_attribute_ber(ld, message, ber, &name, &values) == LDAP_SUCCESS &&
	       name.bv_val) {
		if (out->n == ENTRY_ATTRIBUTES_MAX)
			rc = too_large(e, "many attributes");
		else
			rc = copy_attribute(entries, &attributes[out->n++], &name, values, e);
		ldap_memfree(values);
		values = NULL;
	}
	out->attributes = attributes;
	entries->n++;
	return rc;
}

enum fas_code
entries_copy(struct entries *out, LDAP *ld, LDAPMessage *result, struct fas_err *e)
{
	return entries_copy_large(out, ld, result, ENTRY_VALUE_MAX, e);
}

enum fas_code
entries_copy_large(
    struct entries *out, LDAP *ld, LDAPMessage *result, size_t value_max, struct fas_err *e)
{
	*out = (struct entries){.value_max = value_max};
	for (LDAPMessage *m = ldap_first_entry(ld, result); m; m = ldap_next_entry(ld, m)) {
		enum fas_code rc = out->n == ENTRIES_MAX ? too_large(e, "many beside it")
							 : copy_entry(out, ld, m, e);
		if (rc != FAS_OK) {
			entries_done(out);
			return rc;
		}
	}
	return FAS_OK;
}

void
entries_done(struct entries *entries)
{
	while (entries->blocks) {
		struct entry_block *block = entries->blocks;
		entries->blocks = block->next;
		free(block);
	}
	*entries = (struct entries){0};
}

const struct attribute *
entry_attribute(const struct entry *entry, const char *name)
{
	for (size_t i = 0; i < entry->n; i++) {
		if (ascii_equal_nocase(entry->attributes[i].name, name))
			return entry->attributes[i].n ? &entry->attributes[i] : NULL;
	}
	return NULL;
}

bool
entry_has_value(const struct entry *entry, const char *name, const char *value)
{
	const struct attribute *a = entry_attribute(entry, name);
	for (size_t i = 0; a && i < a->n; i++) {
		const char *text = (const char *)a->values[i].data;
		if (strlen(text) == a->values[i].len && ascii_equal_nocase(text, value))
			return true;
	}
	return false;
}

enum fas_code
entry_malformed(const struct entry *entry, const char *name, const char *finding, struct fas_err *e)
{
	return fas_fail(e, FAS_E_DENIED, "entry_malformed", "directory entry %s: %s %s", entry->dn,
	    name, finding);
}

enum fas_code
entry_incomplete(const struct entry *entry, const char *name, struct fas_err *e)
{
	return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
	    "directory entry %s came without %s: may this service's account read it?", entry->dn,
	    name);
}

enum fas_code
entry_text(const struct entry *entry, const char *name, size_t max_bytes, const char **out,
    struct fas_err *e)
{
	const struct attribute *a = entry_attribute(entry, name);
	*out = NULL;
	if (!a)
		return FAS_OK;
	const char *text = (const char *)a->values[0].data;
	size_t len = a->values[0].len;
	if (a->n != 1)
		return entry_malformed(entry, name, "has several values, want one", e);
	if (len == 0 || len > max_bytes)
		return entry_malformed(entry, name, "is empty or too long", e);
	if (!utf8_is_valid(text, len) || utf8_has_invisible(text))
		return entry_malformed(entry, name, "holds invalid or invisible characters", e);
	*out = text;
	return FAS_OK;
}

enum fas_code
entry_int(
    const struct entry *entry, const char *name, int64_t *out, bool *present, struct fas_err *e)
{
	const char *text;
	uint64_t magnitude;
	*present = false;
	enum fas_code rc = entry_text(entry, name, 24, &text, e);
	if (rc != FAS_OK || !text)
		return rc;
	bool negative = text[0] == '-';
	if (!parse_uint(text + negative, 0, INT64_MAX, &magnitude))
		return entry_malformed(entry, name, "is no 64-bit integer (RFC 4517 3.3.16)", e);
	*out = negative ? -(int64_t)magnitude : (int64_t)magnitude;
	*present = true;
	return FAS_OK;
}

enum fas_code
entry_need_int(const struct entry *entry, const char *name, int64_t *out, struct fas_err *e)
{
	bool present;
	enum fas_code rc = entry_int(entry, name, out, &present, e);
	if (rc != FAS_OK || present)
		return rc;
	return entry_incomplete(entry, name, e);
}

enum fas_code
entry_need_sid(const struct entry *entry, const char *name, struct sid *out, struct fas_err *e)
{
	const struct attribute *a = entry_attribute(entry, name);
	if (!a)
		return entry_incomplete(entry, name, e);
	if (a->n != 1 || sid_from_bytes(a->values[0].data, a->values[0].len, out, NULL) != FAS_OK)
		return entry_malformed(entry, name, "is not one SID (MS-DTYP 2.4.2.2)", e);
	return FAS_OK;
}
