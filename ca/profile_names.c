/* Subjects and alternative names: who the certificate is about. */
#include "ca/profile_parts.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "fas/base/text.h"

#define SERVICE_ORGANIZATION "fas"
#define KRBTGT "krbtgt"
#define KRB5_NT_SRV_INST 2 /* RFC 4120 6.2 */

struct subject_type {
	const char *name;
	int nid, string;
	size_t max_characters; /* 0 = without bound */
};

/*
 * Attribute types by their short names (RFC 4514 3), the string type that RFC 5280 appendix A.1 and RFC 4519 give
 * them, and the upper bounds of A.1; every other type comes as a dotted OID and is written as UTF8String.
 */
static const struct subject_type types[] = {
    {"CN", NID_commonName, V_ASN1_UTF8STRING, 64},
    {"OU", NID_organizationalUnitName, V_ASN1_UTF8STRING, 64},
    {"DC", NID_domainComponent, V_ASN1_IA5STRING, 63},
    {"O", NID_organizationName, V_ASN1_UTF8STRING, 64},
    {"C", NID_countryName, V_ASN1_PRINTABLESTRING, 2},
    {"L", NID_localityName, V_ASN1_UTF8STRING, 128},
    {"ST", NID_stateOrProvinceName, V_ASN1_UTF8STRING, 128},
    {"STREET", NID_streetAddress, V_ASN1_UTF8STRING, 0},
    {"UID", NID_userId, V_ASN1_UTF8STRING, 0},
};
static const struct subject_type any_type = {.string = V_ASN1_UTF8STRING};

/* The type's object, new or static, and what is known of it; NULL for an unknown one. */
static ASN1_OBJECT *
find_type(const char *type, const struct subject_type **known)
{
	*known = &any_type;
	if (type[0] >= '0' && type[0] <= '9') {
		ASN1_OBJECT *dotted = OBJ_txt2obj(type, 1);
		for (size_t i = 0; dotted && i < NELEMS(types); i++) {
			if (OBJ_obj2nid(dotted) == types[i].nid)
				*known = &types[i];
		}
		ERR_clear_error();
		return dotted;
	}
	for (size_t i = 0; i < NELEMS(types); i++) {
		if (ascii_equal_nocase(types[i].name, type)) {
			*known = &types[i];
			return OBJ_nid2obj(types[i].nid);
		}
	}
	return NULL;
}

static bool
is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			return false;
	}
	return true;
}

static size_t
characters(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

/* Is the value one that the type can hold?  Returns the finding, or NULL. */
static const char *
check_value(const char *value, const struct subject_type *type)
{
	size_t len = strlen(value);
	if (len == 0 || !utf8_is_valid(value, len))
		return "has a value that is empty or not UTF-8 (RFC 4514 2)";
	if (type->max_characters > 0 && characters(value) > type->max_characters)
		return "has a value beyond its upper bound (RFC 5280 A.1)";
	if (type->string == V_ASN1_IA5STRING && !is_ascii(value))
		return "has a domain component that is not ASCII (RFC 4519 2.4)";
	if (type->string == V_ASN1_PRINTABLESTRING &&
	    (len != 2 ||
		strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != 2))
		return "has a country that is not two letters (RFC 5280 A.1)";
	return NULL;
}

enum fas_code
profile_name_add(STACK_OF(asn1_rdn) * name, const char *type, const char *value, struct fas_err *e)
{
	const struct subject_type *known;
	ASN1_OBJECT *id = find_type(type, &known);
	if (!id)
		return profile_bad(
		    e, "subject", "has an attribute type that RFC 4514 3 does not name");
	const char *finding = check_value(value, known);
	X509_NAME_ENTRY *entry = NULL;
	if (!finding)
		entry = X509_NAME_ENTRY_create_by_OBJ(
		    NULL, id, known->string, (const unsigned char *)value, (int)strlen(value));
	ASN1_OBJECT_free(id);
	if (finding)
		return profile_bad(e, "subject", finding);
	STACK_OF(X509_NAME_ENTRY) *rdn = sk_X509_NAME_ENTRY_new_null();
	if (entry && rdn && sk_X509_NAME_ENTRY_push(rdn, entry)) {
		if (sk_asn1_rdn_push(name, rdn))
			return FAS_OK;
		entry = sk_X509_NAME_ENTRY_pop(rdn);
	}
	X509_NAME_ENTRY_free(entry);
	sk_X509_NAME_ENTRY_free(rdn);
	return fas_fail_nomem(e);
}

static enum fas_code
user_subject(struct profile_work *work, struct fas_err *e)
{
	const struct dn *dn = work->facts->subject;
	if (!dn || dn->n == 0 || dn->n > DN_RDNS_MAX)
		return profile_bad(e, "subject", "is missing");
	if (work->facts->own && work->facts->own->subject != PROFILE_SUBJECT_DIRECTORY)
		return profile_own_subject(work, e);
	for (size_t i = 0; i < dn->n; i++) {
		enum fas_code rc =
		    profile_name_add(work->tbs->subject, dn->rdns[i].type, dn->rdns[i].value, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
machine_subject(struct profile_work *work, struct fas_err *e)
{
	const struct profile_facts *facts = work->facts;
	STACK_OF(asn1_rdn) *subject = work->tbs->subject;
	bool client = facts->kind == PROFILE_SERVICE_CLIENT;
	if (facts->n_dns_names == 0 || facts->n_dns_names > PROFILE_DNS_MAX)
		return profile_bad(e, "dns_names", "are not 1 to 16 names");
	if (strlen(facts->dns_names[0]) > PROFILE_COMMON_NAME_MAX)
		return profile_bad(
		    e, "dns_names", "begin with one over 64 octets (RFC 5280 A.1: ub-common-name)");
	if (client && (!facts->role || (strcmp(facts->role, "host") != 0 &&
					   strcmp(facts->role, "storefront") != 0)))
		return profile_bad(e, "role", "is neither host nor storefront");
	enum fas_code rc = FAS_OK;
	if (profile_shape(facts->kind)->service)
		rc = profile_name_add(subject, "O", SERVICE_ORGANIZATION, e);
	if (rc == FAS_OK && client)
		rc = profile_name_add(subject, "OU", facts->role, e);
	if (rc == FAS_OK)
		rc = profile_name_add(subject, "CN", facts->dns_names[0], e);
	return rc;
}

enum fas_code
profile_subject(struct profile_work *work, struct fas_err *e)
{
	if (profile_shape(work->facts->kind)->user)
		return user_subject(work, e);
	return machine_subject(work, e);
}

enum fas_code
profile_other_name(GENERAL_NAMES *names, int nid, ASN1_TYPE *value, struct fas_err *e)
{
	OWN(asn1_any) ASN1_TYPE *owned = value;
	OWN(general_name) GENERAL_NAME *name = GENERAL_NAME_new();
	if (!owned || !name || nid == NID_undef ||
	    !GENERAL_NAME_set0_othername(name, OBJ_nid2obj(nid), owned))
		return fas_fail_nomem(e);
	owned = NULL;
	if (!sk_GENERAL_NAME_push(names, name))
		return fas_fail_nomem(e);
	name = NULL;
	return FAS_OK;
}

/* Microsoft's UPN is a UTF8String; as an IA5String domain controllers do not see it. */
static enum fas_code
add_upn(GENERAL_NAMES *names, const char *upn, struct fas_err *e)
{
	enum fas_code rc;
	if (!upn)
		return profile_bad(e, "upn", "is missing");
	if ((rc = upn_check(upn, e)) != FAS_OK)
		return rc;
	ASN1_STRING *text = ASN1_STRING_type_new(V_ASN1_UTF8STRING);
	ASN1_TYPE *value = ASN1_TYPE_new();
	if (!text || !value || !ASN1_STRING_set(text, upn, (int)strlen(upn))) {
		ASN1_STRING_free(text);
		ASN1_TYPE_free(value);
		return fas_fail_nomem(e);
	}
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, text);
	return profile_other_name(names, NID_ms_upn, value, e);
}

GENERAL_NAME *
profile_simple_name(int choice, int string, const void *data, size_t len)
{
	OWN(general_name) GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *text = ASN1_STRING_type_new(string);
	if (!name || !text || !ASN1_STRING_set(text, data, (int)len)) {
		ASN1_STRING_free(text);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, choice, text);
	return TAKE(name);
}

enum fas_code
profile_url(const char *url, GENERAL_NAME **out, struct fas_err *e)
{
	bool usable = url && is_ascii(url) &&
		      (strncmp(url, "http://", 7) == 0 || strncmp(url, "ldap:///", 8) == 0);
	if (!usable)
		return profile_bad(e, "issuer",
		    "has a URL that is not http:// or ldap:/// (https would have to be trusted "
		    "first)");
	*out = profile_simple_name(GEN_URI, V_ASN1_IA5STRING, url, strlen(url));
	return *out ? FAS_OK : fas_fail_nomem(e);
}

/* dNSName; for a server also iPAddress (RFC 5280 4.2.1.6: 4 or 16 octets). */
static enum fas_code
add_machine_name(GENERAL_NAMES *names, const char *text, bool addresses, struct fas_err *e)
{
	unsigned char address[16];
	OWN(general_name) GENERAL_NAME *name = NULL;
	if (addresses && inet_pton(AF_INET, text, address) == 1)
		name = profile_simple_name(GEN_IPADD, V_ASN1_OCTET_STRING, address, 4);
	else if (addresses && inet_pton(AF_INET6, text, address) == 1)
		name = profile_simple_name(GEN_IPADD, V_ASN1_OCTET_STRING, address, 16);
	else if (hostname_is_valid(text))
		name = profile_simple_name(GEN_DNS, V_ASN1_IA5STRING, text, strlen(text));
	else
		return profile_bad(e, "dns_names", "hold one that is no host name (RFC 1123 2.1)");
	if (!name || !sk_GENERAL_NAME_push(names, name))
		return fas_fail_nomem(e);
	name = NULL;
	return FAS_OK;
}

static bool
add_part(STACK_OF(ASN1_GENERALSTRING) * parts, const char *text)
{
	ASN1_GENERALSTRING *part = ASN1_GENERALSTRING_new();
	if (part && ASN1_STRING_set(part, text, -1) && sk_ASN1_GENERALSTRING_push(parts, part))
		return true;
	ASN1_GENERALSTRING_free(part);
	return false;
}

enum fas_code
profile_principal(GENERAL_NAMES *names, const char *realm, int type, const char *const *parts,
    size_t n, struct fas_err *e)
{
	OWN(asn1_krb5_principal)
	struct asn1_krb5_principal *principal = asn1_new(ASN1_ITEM_rptr(asn1_krb5_principal));
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	if (!hostname_is_valid(realm))
		return profile_bad(e, "realm", "is no domain-style realm (RFC 4120 6.1)");
	if (!principal || !ASN1_STRING_set(principal->realm, realm, -1) ||
	    !ASN1_INTEGER_set(principal->names->type, type))
		return fas_fail_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if (!add_part(principal->names->parts, parts[i]))
			return fas_fail_nomem(e);
	}
	enum fas_code rc =
	    asn1_encode(ASN1_ITEM_rptr(asn1_krb5_principal), principal, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	return profile_other_name(names, asn1_nid(OID_PKINIT_SAN), asn1_any_sequence(der, len), e);
}

/* krbtgt/REALM@REALM (RFC 4556 3.2.4), by which MIT clients know their KDC. */
static enum fas_code
add_krbtgt(GENERAL_NAMES *names, const char *realm, struct fas_err *e)
{
	const char *const parts[] = {KRBTGT, realm};
	return profile_principal(names, realm, KRB5_NT_SRV_INST, parts, NELEMS(parts), e);
}

enum fas_code
profile_alternative_names(const struct profile_facts *facts, GENERAL_NAMES **out, struct fas_err *e)
{
	OWN(general_names) GENERAL_NAMES *names = GENERAL_NAMES_new();
	enum fas_code rc = FAS_OK;
	if (!names)
		return fas_fail_nomem(e);
	if (profile_shape(facts->kind)->user)
		rc = add_upn(names, facts->upn, e);
	else
		for (size_t i = 0; rc == FAS_OK && i < facts->n_dns_names; i++)
			rc = add_machine_name(
			    names, facts->dns_names[i], facts->kind == PROFILE_SERVICE_SERVER, e);
	if (rc == FAS_OK && facts->own)
		rc = profile_own_names(facts, names, e);
	if (rc == FAS_OK && facts->kind == PROFILE_KDC && facts->realm)
		rc = add_krbtgt(names, facts->realm, e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(names);
	return FAS_OK;
}
