#include "fas/base/dn.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

/* RFC 4512 1.4: descr or numericoid */
#define TYPE_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"

static enum fas_code
dn_bad(struct fas_err *e, const char *finding)
{
	return fas_fail(
	    e, FAS_E_INPUT, "dn_malformed", "RFC 4514 2: distinguished name %s", finding);
}

enum fas_code
dn_add(struct dn *dn, const char *type, const char *value, struct fas_err *e)
{
	size_t type_len = strlen(type), value_len = strlen(value);
	if (dn->n == DN_RDNS_MAX)
		return dn_bad(e, "has more than 32 parts");
	if (type_len == 0 || type_len >= DN_TYPE_MAX || value_len == 0 || value_len >= DN_VALUE_MAX)
		return dn_bad(e, "has an empty or overlong part");
	if (strspn(type, TYPE_CHARACTERS) != type_len)
		return dn_bad(e, "has a type that is neither a name nor an OID");
	if (!utf8_is_valid(value, value_len))
		return dn_bad(e, "has a value that is not UTF-8");
	struct rdn *grown = realloc(dn->rdns, (dn->n + 1) * sizeof(*grown));
	if (!grown)
		return fas_fail_nomem(e);
	dn->rdns = grown;
	memcpy(grown[dn->n].type, type, type_len + 1);
	memcpy(grown[dn->n].value, value, value_len + 1);
	dn->n++;
	return FAS_OK;
}

void
dn_done(struct dn *dn)
{
	free(dn->rdns);
	*dn = (struct dn){0};
}

json_t *
dn_to_json(const struct dn *dn)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < dn->n; i++) {
		json_t *pair = json_pack("[ss]", dn->rdns[i].type, dn->rdns[i].value);
		if (json_array_append_new(array, pair) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static enum fas_code
add_pair(const json_t *pair, struct dn *out, struct fas_err *e)
{
	const json_t *type = json_array_get(pair, 0), *value = json_array_get(pair, 1);
	if (json_array_size(pair) != 2 || !json_is_string(type) || !json_is_string(value))
		return dn_bad(e, "is not a list of [type, value]");
	if (strlen(json_string_value(value)) != json_string_length(value))
		return dn_bad(e, "has a NUL in a value");
	return dn_add(out, json_string_value(type), json_string_value(value), e);
}

enum fas_code
dn_from_json(const json_t *array, struct dn *out, struct fas_err *e)
{
	if (!json_is_array(array) || json_array_size(array) == 0)
		return dn_bad(e, "is no list or empty");
	for (size_t i = 0; i < json_array_size(array); i++) {
		enum fas_code rc = add_pair(json_array_get(array, i), out, e);
		if (rc != FAS_OK) {
			dn_done(out);
			return rc;
		}
	}
	return FAS_OK;
}
