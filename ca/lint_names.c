/* The subject: there, with the right attributes, string types and sizes. */
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"
#include "fas/base/text.h"

/* String types and upper bounds of RFC 5280 appendix A.1 and RFC 4519; 0 = none. */
static const struct {
	int nid, string, alternative;
	int max_characters;
} attributes[] = {
    {NID_commonName, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, 64},
    {NID_organizationalUnitName, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, 64},
    {NID_organizationName, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, 64},
    {NID_localityName, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, 128},
    {NID_stateOrProvinceName, V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, 128},
    {NID_domainComponent, V_ASN1_IA5STRING, V_ASN1_IA5STRING, 63},
    {NID_countryName, V_ASN1_PRINTABLESTRING, V_ASN1_PRINTABLESTRING, 2},
};

/* The attributes one by one; multi-valued RDNs count as several.  NULL at the end. */
static const X509_NAME_ENTRY *
attribute_at(const struct lint_run *run, int want)
{
	const STACK_OF(asn1_rdn) *subject = run->tbs->subject;
	for (int i = 0, seen = 0; i < sk_asn1_rdn_num(subject); i++) {
		const STACK_OF(X509_NAME_ENTRY) *rdn = sk_asn1_rdn_value(subject, i);
		int n = sk_X509_NAME_ENTRY_num(rdn);
		if (want < seen + n)
			return sk_X509_NAME_ENTRY_value(rdn, want - seen);
		seen += n;
	}
	return NULL;
}

static int
nid_of(const X509_NAME_ENTRY *attribute)
{
	return OBJ_obj2nid(X509_NAME_ENTRY_get_object(attribute));
}

static void
subject_present(struct lint_run *run)
{
	if (!attribute_at(run, 0))
		lint_say(run, "subject is empty");
}

/* A host of another domain finds the user's domain by the subject's DC parts. */
static void
subject_domain(struct lint_run *run)
{
	const X509_NAME_ENTRY *attribute;
	for (int i = 0; (attribute = attribute_at(run, i)); i++) {
		if (nid_of(attribute) == NID_domainComponent)
			return;
	}
	if (attribute_at(run, 0))
		lint_say(run, "subject has no DC parts, want the account's whole DN");
}

/* Are the octets of the string's type?  (X.680 41; of PrintableString all of ASCII is let pass.) */
static bool
octets_fit(const ASN1_STRING *string)
{
	const char *text = (const char *)ASN1_STRING_get0_data(string);
	size_t len = (size_t)ASN1_STRING_length(string);
	int type = ASN1_STRING_type(string);
	bool ascii = true;
	if (type == V_ASN1_UTF8STRING)
		return utf8_is_valid(text, len);
	for (size_t i = 0; i < len; i++)
		ascii &= (unsigned char)text[i] < 0x80;
	return ascii || (type != V_ASN1_IA5STRING && type != V_ASN1_PRINTABLESTRING);
}

static void
subject_string_types(struct lint_run *run)
{
	const X509_NAME_ENTRY *attribute;
	for (int i = 0; (attribute = attribute_at(run, i)); i++) {
		int type = ASN1_STRING_type(X509_NAME_ENTRY_get_data(attribute));
		if (!octets_fit(X509_NAME_ENTRY_get_data(attribute)))
			lint_say(run, "%s holds octets that its string type has not",
			    OBJ_nid2sn(nid_of(attribute)));
		for (size_t k = 0; k < NELEMS(attributes); k++) {
			if (attributes[k].nid == nid_of(attribute) &&
			    type != attributes[k].string && type != attributes[k].alternative)
				lint_say(run, "%s is a string of ASN.1 type %d, want %d",
				    OBJ_nid2sn(attributes[k].nid), type, attributes[k].string);
		}
	}
}

static int
characters(const ASN1_STRING *string)
{
	int n = 0;
	for (int i = 0; i < ASN1_STRING_length(string); i++)
		n += (ASN1_STRING_get0_data(string)[i] & 0xc0) != 0x80;
	return n;
}

static void
subject_sizes(struct lint_run *run)
{
	const X509_NAME_ENTRY *attribute;
	for (int i = 0; (attribute = attribute_at(run, i)); i++) {
		int n = characters(X509_NAME_ENTRY_get_data(attribute));
		for (size_t k = 0; k < NELEMS(attributes); k++) {
			if (attributes[k].nid == nid_of(attribute) &&
			    (n == 0 || n > attributes[k].max_characters))
				lint_say(run, "%s has %d characters, want 1 to %d",
				    OBJ_nid2sn(attributes[k].nid), n, attributes[k].max_characters);
		}
	}
}

static const ASN1_STRING *
find_attribute(const struct lint_run *run, int nid)
{
	const X509_NAME_ENTRY *attribute;
	for (int i = 0; (attribute = attribute_at(run, i)); i++) {
		if (nid_of(attribute) == nid)
			return X509_NAME_ENTRY_get_data(attribute);
	}
	return NULL;
}

/* The API takes the role from the certificate: it has to be one that exists. */
static void
client_role(struct lint_run *run)
{
	const ASN1_STRING *role = find_attribute(run, NID_organizationalUnitName);
	if (!role || (!lint_text_is(role, "host") && !lint_text_is(role, "storefront")))
		lint_say(run, "OU is neither host nor storefront");
}

static void
client_name(struct lint_run *run)
{
	const ASN1_STRING *name = find_attribute(run, NID_commonName);
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; name && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);
		if (one->type == GEN_DNS &&
		    ASN1_STRING_length(one->d.dNSName) == ASN1_STRING_length(name) &&
		    memcmp(ASN1_STRING_get0_data(one->d.dNSName), ASN1_STRING_get0_data(name),
			(size_t)ASN1_STRING_length(name)) == 0)
			return;
	}
	if (names)
		lint_say(run, "CN is none of the certificate's DNS names");
}

const struct lint lints_names[] = {
    {"subject_present", "RFC 5280 4.1.2.6", LINT_ANY, LINT_ERROR, subject_present},
    {"subject_domain", "RFC 4519 2.4; KB281245", LINT_USERS, LINT_ERROR, subject_domain},
    {"subject_string_types", "RFC 5280 4.1.2.4, A.1", LINT_LEAVES, LINT_ERROR,
	subject_string_types},
    {"subject_sizes", "RFC 5280 A.1", LINT_LEAVES, LINT_ERROR, subject_sizes},
    {"client_role", "docs/DESIGN, caller", LINT_CLIENT, LINT_ERROR, client_role},
    {"client_name", "RFC 6125 2.3; docs/DESIGN, caller", LINT_CLIENT, LINT_ERROR, client_name},
};
const size_t lints_names_n = NELEMS(lints_names);
