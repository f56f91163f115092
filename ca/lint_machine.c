/* What a machine is called, and that it never speaks for a user. */
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define KRBTGT "krbtgt"
#define KRB5_NT_SRV_INST 2 /* RFC 4120 6.2 */

/* The otherName of this type; NULL if there is none. */
static const ASN1_TYPE *
other_name(const struct lint_run *run, int nid)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; nid != NID_undef && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_OTHERNAME && OBJ_obj2nid(name->d.otherName->type_id) == nid)
			return name->d.otherName->value;
	}
	return NULL;
}

static void
machine_no_upn(struct lint_run *run)
{
	if (other_name(run, NID_ms_upn))
		lint_say(run, "a machine's certificate carries a UPN");
}

static void
machine_no_sid(struct lint_run *run)
{
	bool foreign_kdc = run->kind == LINT_KDC && run->context->issued;
	if (!foreign_kdc && lint_slot(run, SLOT_SID)->at)
		lint_say(run, "a machine's certificate carries a SID");
}

static void
machine_name_present(struct lint_run *run)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int choice = sk_GENERAL_NAME_value(names, i)->type;
		if (choice == GEN_DNS || choice == GEN_IPADD)
			return;
	}
	lint_say(run, "no dNSName or iPAddress in subjectAltName");
}

static bool
name_is_valid(const GENERAL_NAME *name)
{
	char text[HOSTNAME_MAX + 1] = "";
	size_t len;
	if (name->type == GEN_IPADD) {
		int octets = ASN1_STRING_length(name->d.iPAddress);
		return octets == 4 || octets == 16;
	}
	if (name->type != GEN_DNS)
		return true;
	len = (size_t)ASN1_STRING_length(name->d.dNSName);
	if (len == 0 || len > HOSTNAME_MAX)
		return false;
	memcpy(text, ASN1_STRING_get0_data(name->d.dNSName), len);
	return strlen(text) == len && hostname_is_valid(text);
}

static void
machine_name_valid(struct lint_run *run)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (!name_is_valid(sk_GENERAL_NAME_value(names, i))) {
			lint_say(run, "a dNSName or iPAddress is malformed");
			return;
		}
	}
}

static bool
is_krbtgt(const struct asn1_krb5_principal *principal)
{
	const STACK_OF(ASN1_GENERALSTRING) *parts = principal->names->parts;
	return ASN1_INTEGER_get(principal->names->type) == KRB5_NT_SRV_INST &&
	       sk_ASN1_GENERALSTRING_num(parts) == 2 &&
	       lint_text_is(sk_ASN1_GENERALSTRING_value(parts, 0), KRBTGT) &&
	       ASN1_STRING_length(principal->realm) > 0 &&
	       ASN1_STRING_cmp(sk_ASN1_GENERALSTRING_value(parts, 1), principal->realm) == 0;
}

/* Windows DCs have none; but one that is there names the realm's own ticket service. */
static void
kdc_principal(struct lint_run *run)
{
	const ASN1_TYPE *name = other_name(run, asn1_nid(OID_PKINIT_SAN));
	if (!name)
		return;
	OWN(asn1_krb5_principal) struct asn1_krb5_principal *principal = NULL;
	if (name->type == V_ASN1_SEQUENCE)
		principal = asn1_decode(ASN1_ITEM_rptr(asn1_krb5_principal),
		    ASN1_STRING_get0_data(name->value.sequence),
		    (size_t)ASN1_STRING_length(name->value.sequence));
	if (!principal || !is_krbtgt(principal))
		lint_say(run, "id-pkinit-san is not krbtgt/REALM@REALM");
}

static void
service_no_principal(struct lint_run *run)
{
	if (other_name(run, asn1_nid(OID_PKINIT_SAN)))
		lint_say(run, "a certificate of the service CA carries a Kerberos principal");
}

const struct lint lints_machine[] = {
    {"machine_no_upn", "docs/THREATS, two authorities", LINT_MACHINES, LINT_ERROR, machine_no_upn},
    {"machine_no_sid", "docs/THREATS, two authorities", LINT_MACHINES, LINT_ERROR, machine_no_sid},
    {"machine_name_present", "RFC 6125 2.3; KB291010", LINT_MACHINES, LINT_ERROR,
	machine_name_present},
    {"machine_name_valid", "RFC 5280 4.2.1.6; RFC 1123 2.1", LINT_MACHINES, LINT_ERROR,
	machine_name_valid},
    {"kdc_principal", "RFC 4556 3.2.4", LINT_KDC, LINT_ERROR, kdc_principal},
    {"service_no_principal", "docs/THREATS, two authorities", LINT_SERVICE, LINT_ERROR,
	service_no_principal},
};
const size_t lints_machine_n = NELEMS(lints_machine);
