#include "ldap/dn_text.h"

#include <string.h>

#include <ldap.h>

#include "fas/base/buf.h"
#include "fas/base/names.h"
#include "fas/base/text.h"

static enum fas_code
dn_bad(struct fas_err *e, const char *finding)
{
	return fas_fail(
	    e, FAS_E_INPUT, "dn_malformed", "RFC 4514 3: distinguished name %s", finding);
}

static enum fas_code
add_rdn(struct dn *out, LDAPRDN rdn, struct fas_err *e)
{
	char type[DN_TYPE_MAX], value[DN_VALUE_MAX];
	if (!rdn || !rdn[0] || rdn[1])
		return dn_bad(e, "has an RDN of several attributes, want one");
	const LDAPAVA *ava = rdn[0];
	if (ava->la_flags & LDAP_AVA_BINARY)
		return dn_bad(e, "has a #hex value, want text");
	if (ava->la_attr.bv_len >= sizeof(type) || ava->la_value.bv_len >= sizeof(value))
		return dn_bad(e, "has an overlong part");
	if (!utf8_is_valid(ava->la_attr.bv_val, ava->la_attr.bv_len) ||
	    !utf8_is_valid(ava->la_value.bv_val, ava->la_value.bv_len))
		return dn_bad(e, "has a part that is not UTF-8 or holds a NUL");
	(void)snprintf(type, sizeof(type), "%.*s", (int)ava->la_attr.bv_len, ava->la_attr.bv_val);
	(void)snprintf(
	    value, sizeof(value), "%.*s", (int)ava->la_value.bv_len, ava->la_value.bv_val);
	return dn_add(out, type, value, e);
}

static enum fas_code
add_all(struct dn *out, LDAPDN parsed, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	size_t n = 0;
	while (parsed && parsed[n] && n <= DN_RDNS_MAX)
		n++;
	if (n == 0 || n > DN_RDNS_MAX)
		return dn_bad(e, "is empty or has more than 32 parts");
	for (size_t i = n; i > 0 && rc == FAS_OK; i--)
		rc = add_rdn(out, parsed[i - 1], e);
	return rc;
}

enum fas_code
dn_from_text(const char *text, struct dn *out, struct fas_err *e)
{
	LDAPDN parsed = NULL;
	if (ldap_str2dn(text, &parsed, LDAP_DN_FORMAT_LDAPV3) != LDAP_SUCCESS)
		return dn_bad(e, "does not parse");
	enum fas_code rc = add_all(out, parsed, e);
	ldap_dnfree(parsed);
	if (rc != FAS_OK)
		dn_done(out);
	return rc;
}

bool
dn_is_below(const struct dn *name, const struct dn *base)
{
	if (base->n == 0 || name->n < base->n)
		return false;
	for (size_t i = 0; i < base->n; i++) {
		if (!ascii_equal_nocase(name->rdns[i].type, base->rdns[i].type) ||
		    !ascii_equal_nocase(name->rdns[i].value, base->rdns[i].value))
			return false;
	}
	return true;
}

char *
dn_text_of_domain(const char *dns_name)
{
	OWN(buf) struct buf text;
	const char *separator = "";
	buf_init(&text, 4 * HOSTNAME_MAX);
	for (const char *at = dns_name; *at;) {
		size_t label = strcspn(at, ".");
		buf_printf(&text, "%sDC=%.*s", separator, (int)label, at);
		at += label + (at[label] == '.');
		separator = ",";
	}
	return buf_take(&text, NULL);
}
