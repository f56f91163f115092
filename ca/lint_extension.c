/* Extensions that every kind has or must not have: usage, purposes, key identifiers, constraints, policies. */
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"
#include "ca/profile_parts.h"

#define POLICIES_MAX 32
#define PURPOSES_MAX 32

enum usage_bit {
	USAGE_DIGITAL_SIGNATURE = 0,
	USAGE_KEY_ENCIPHERMENT = 2,
	USAGE_CERT_SIGN = 5,
	USAGE_CRL_SIGN = 6,
	USAGE_BITS = 9,
};

/* SID has a lint of its own for its value. */
static void
extensions_well_formed(struct lint_run *run)
{
	for (int i = 0; i < SLOTS; i++) {
		const struct lint_extension *extension = &run->extensions.slot[i];
		if (!extension->at || i == SLOT_SID)
			continue;
		const ASN1_OCTET_STRING *value = extension->at->value;
		if (extension->value &&
		    asn1_is_canonical(lint_slot_item((enum lint_slot)i), extension->value,
			ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)))
			continue;
		lint_say(run, "value of %s is not the DER of its type",
		    OBJ_nid2ln(OBJ_obj2nid(extension->at->id)));
		return;
	}
}

static void
key_usage_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_KEY_USAGE)->at)
		lint_say(run, "keyUsage is missing");
}

static void
key_usage_critical(struct lint_run *run)
{
	const struct asn1_extension *usage = lint_slot(run, SLOT_KEY_USAGE)->at;
	if (usage && !usage->critical)
		lint_say(run, "keyUsage is not critical");
}

static unsigned
usage_bits(const ASN1_BIT_STRING *usage)
{
	unsigned bits = 0;
	for (int i = 0; i < USAGE_BITS; i++)
		bits |= ASN1_BIT_STRING_get_bit(usage, i) ? 1u << i : 0;
	return bits;
}

static void
key_usage_exact(struct lint_run *run)
{
	const ASN1_BIT_STRING *usage = lint_slot(run, SLOT_KEY_USAGE)->value;
	unsigned want = profile_usage_bits(run->context->own, run->key.type);
	if (usage && run->context->issued && (usage_bits(usage) & want) == want)
		return;
	if (usage && usage_bits(usage) != want)
		lint_say(run, "keyUsage is %#x, want %#x (bit 0 digitalSignature, bit 2 for RSA)",
		    usage_bits(usage), want);
}

/* What would make its holder an authority, whatever a profile says. */
static void
key_usage_no_ca(struct lint_run *run)
{
	const ASN1_BIT_STRING *usage = lint_slot(run, SLOT_KEY_USAGE)->value;
	if (usage && (usage_bits(usage) & (1u << USAGE_CERT_SIGN | 1u << USAGE_CRL_SIGN)))
		lint_say(run, "keyUsage has keyCertSign or cRLSign in an end entity's certificate");
}

/* keyCertSign and cRLSign; AD CS adds digitalSignature. */
static void
ca_key_usage(struct lint_run *run)
{
	const ASN1_BIT_STRING *usage = lint_slot(run, SLOT_KEY_USAGE)->value;
	unsigned want = 1u << USAGE_CERT_SIGN | 1u << USAGE_CRL_SIGN;
	if (usage && (usage_bits(usage) & ~(1u << USAGE_DIGITAL_SIGNATURE)) != want)
		lint_say(run, "keyUsage is %#x, want keyCertSign and cRLSign (%#x)",
		    usage_bits(usage), want);
}

/* X.690 11.2.2: a named bit list has no trailing zero bits. */
static void
key_usage_encoding(struct lint_run *run)
{
	const ASN1_BIT_STRING *usage = lint_slot(run, SLOT_KEY_USAGE)->value;
	if (!usage)
		return;
	int len = ASN1_STRING_length(usage), unused = (int)(usage->flags & 0x07);
	unsigned last = len > 0 ? ASN1_STRING_get0_data(usage)[len - 1] : 0;
	if (((last >> unused) & 1) == 0)
		lint_say(run, "keyUsage is empty or ends in zero bits");
}

static bool
has_purpose(const EXTENDED_KEY_USAGE *purposes, int nid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes) && i < PURPOSES_MAX; i++) {
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i)) == nid)
			return true;
	}
	return false;
}

static void
purposes_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_PURPOSES)->at)
		lint_say(run, "extendedKeyUsage is missing");
}

static void
purposes_required(struct lint_run *run)
{
	const EXTENDED_KEY_USAGE *purposes = lint_slot(run, SLOT_PURPOSES)->value;
	const int *want = profile_shape(run->context->kind)->purposes;
	for (int i = 0; purposes && i < PROFILE_PURPOSES_MAX && want[i] != NID_undef; i++) {
		if (!has_purpose(purposes, want[i])) {
			lint_say(run, "extendedKeyUsage lacks %s", OBJ_nid2ln(want[i]));
			return;
		}
	}
}

static bool
is_own_purpose(const struct lint_run *run, const ASN1_OBJECT *id)
{
	const struct profile_own *own = run->context->own;
	char name[80];
	(void)OBJ_obj2txt(name, sizeof(name), id, 1);
	for (size_t i = 0; own && i < own->n_purposes; i++) {
		if (strcmp(own->purposes[i], name) == 0)
			return true;
	}
	return run->context->issued && profile_purpose_is_open(name);
}

static bool
purpose_fits(const struct lint_run *run, const ASN1_OBJECT *id)
{
	int nid = OBJ_obj2nid(id);
	if (is_own_purpose(run, id))
		return true;
	const int *want = profile_shape(run->context->kind)->purposes;
	for (int i = 0; i < PROFILE_PURPOSES_MAX && want[i] != NID_undef; i++) {
		if (want[i] == nid)
			return true;
	}
	/* RFC 4556 3.2.2 beside Microsoft's own, for MIT KDCs */
	if (run->kind == LINT_LOGON && nid == NID_pkInitClientAuth)
		return true;
	/* a machine's has a lint of its own, machine_no_smartcard */
	return (run->kind & LINT_MACHINES) && nid == NID_ms_smartcard_login;
}

static void
purposes_exact(struct lint_run *run)
{
	const EXTENDED_KEY_USAGE *purposes = lint_slot(run, SLOT_PURPOSES)->value;
	char name[80];
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		const ASN1_OBJECT *id = sk_ASN1_OBJECT_value(purposes, i);
		if (i < PURPOSES_MAX && purpose_fits(run, id))
			continue;
		(void)OBJ_obj2txt(name, sizeof(name), id, 0);
		lint_say(run, "extendedKeyUsage has %s, which this profile must not have", name);
		return;
	}
}

/* What gives power over others or the domain; smart card logon has its place in the profile's own table. */
static void
purposes_no_power(struct lint_run *run)
{
	const EXTENDED_KEY_USAGE *purposes = lint_slot(run, SLOT_PURPOSES)->value;
	char oid[80];
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes) && i < PURPOSES_MAX; i++) {
		const ASN1_OBJECT *id = sk_ASN1_OBJECT_value(purposes, i);
		(void)OBJ_obj2txt(oid, sizeof(oid), id, 1);
		if (profile_purpose_is_open(oid) || OBJ_obj2nid(id) == NID_ms_smartcard_login)
			continue;
		lint_say(run, "extendedKeyUsage has %s, which no user's certificate may have", oid);
		return;
	}
}

static void
machine_no_smartcard(struct lint_run *run)
{
	bool foreign_kdc = run->kind == LINT_KDC && run->context->issued;
	if (!foreign_kdc &&
	    has_purpose(lint_slot(run, SLOT_PURPOSES)->value, NID_ms_smartcard_login))
		lint_say(run, "a machine's certificate is good for a smart card logon");
}

static void
basic_constraints_absent(struct lint_run *run)
{
	if (lint_slot(run, SLOT_CONSTRAINTS)->at)
		lint_say(
		    run, "basicConstraints are there, want none in an end entity's certificate");
}

static void
subject_key_id_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_SUBJECT_KEY_ID)->at)
		lint_say(run, "subjectKeyIdentifier is missing");
}

static void
subject_key_id_matches(struct lint_run *run)
{
	const ASN1_OCTET_STRING *id = lint_slot(run, SLOT_SUBJECT_KEY_ID)->value;
	uint8_t want[ASN1_SKI_LEN];
	if (!id || !asn1_key_id(run->tbs->spki, want))
		return;
	if (ASN1_STRING_length(id) != ASN1_SKI_LEN ||
	    memcmp(ASN1_STRING_get0_data(id), want, ASN1_SKI_LEN) != 0)
		lint_say(run, "subjectKeyIdentifier is not the SHA-1 of the public key's bits");
}

/* A root may go without. */
static void
authority_key_id_present(struct lint_run *run)
{
	const struct lint_extension *extension = lint_slot(run, SLOT_AUTHORITY_KEY_ID);
	const AUTHORITY_KEYID *authority = extension->value;
	if (!extension->at && !run->self_issued)
		lint_say(run, "authorityKeyIdentifier is missing");
	else if (authority && !authority->keyid)
		lint_say(run, "authorityKeyIdentifier has no keyIdentifier");
}

static void
authority_key_id_matches(struct lint_run *run)
{
	const AUTHORITY_KEYID *authority = lint_slot(run, SLOT_AUTHORITY_KEY_ID)->value;
	if (authority && authority->keyid)
		lint_authority_key(run);
}

static void
key_ids_not_critical(struct lint_run *run)
{
	const struct asn1_extension *subject = lint_slot(run, SLOT_SUBJECT_KEY_ID)->at,
				    *authority = lint_slot(run, SLOT_AUTHORITY_KEY_ID)->at;
	if ((subject && subject->critical) || (authority && authority->critical))
		lint_say(run, "a key identifier is critical");
}

static void
policies_unique(struct lint_run *run)
{
	const CERTIFICATEPOLICIES *policies = lint_slot(run, SLOT_POLICIES)->value;
	if (!policies)
		return;
	int n = sk_POLICYINFO_num(policies);
	if (n == 0 || n > POLICIES_MAX)
		lint_say(run, "%d certificate policies, want 1 to %d", n, POLICIES_MAX);
	for (int i = 1; i < n && i < POLICIES_MAX; i++) {
		for (int k = 0; k < i; k++) {
			if (OBJ_cmp(sk_POLICYINFO_value(policies, i)->policyid,
				sk_POLICYINFO_value(policies, k)->policyid) == 0) {
				lint_say(run, "a certificate policy is there more than once");
				return;
			}
		}
	}
}

/* In an end entity's certificate it claims every policy, and with it every group that a policy is linked to. */
static void
policies_no_any(struct lint_run *run)
{
	const CERTIFICATEPOLICIES *policies = lint_slot(run, SLOT_POLICIES)->value;
	for (int i = 0; i < sk_POLICYINFO_num(policies) && i < POLICIES_MAX; i++) {
		if (OBJ_obj2nid(sk_POLICYINFO_value(policies, i)->policyid) == NID_any_policy)
			lint_say(run, "certificatePolicies has anyPolicy");
	}
}

/* A policy may be linked to a group (msDS-OIDToGroupLink): one too many is a membership too many. */
static void
policies_exact(struct lint_run *run)
{
	const struct lint_context *c = run->context;
	const CERTIFICATEPOLICIES *policies = lint_slot(run, SLOT_POLICIES)->value;
	const char *wanted[PROFILE_POLICIES_MAX];
	char oid[80];
	if (!c->own && c->issued)
		return;
	int n = policies ? sk_POLICYINFO_num(policies) : 0;
	size_t n_wanted = profile_policies(c->own, c->policies, c->n_policies, wanted);
	/* Of one that has left nobody knows any more what was asked for. */
	if (c->issued ? n < (int)n_wanted : n != (int)n_wanted) {
		lint_say(run, "%d certificate policies, want the %zu of profile %s", n, n_wanted,
		    c->own ? c->own->name : profile_name(c->kind));
		return;
	}
	for (int i = 0; i < (int)n_wanted; i++) {
		(void)OBJ_obj2txt(oid, sizeof(oid), sk_POLICYINFO_value(policies, i)->policyid, 1);
		if (strcmp(oid, wanted[i]) != 0) {
			lint_say(run, "certificate policy %s is not the %s of profile %s", oid,
			    wanted[i], c->own ? c->own->name : profile_name(c->kind));
			return;
		}
	}
}

const struct lint lints_extension[] = {
    {"extensions_unique", "RFC 5280 4.2", LINT_ANY, LINT_ERROR, lint_extensions_unique},
    {"extensions_known", "RFC 5280 4.2", LINT_ANY, LINT_ERROR, lint_extensions_known},
    {"extensions_well_formed", "RFC 5280 4.2; X.690 10, 11", LINT_ANY, LINT_ERROR,
	extensions_well_formed},
    {"key_usage_present", "RFC 5280 4.2.1.3; KB281245", LINT_ANY, LINT_ERROR, key_usage_present},
    {"key_usage_critical", "RFC 5280 4.2.1.3", LINT_ANY, LINT_ERROR, key_usage_critical},
    {"key_usage_exact", "RFC 5280 4.2.1.3; RFC 3279 2.3", LINT_LEAVES, LINT_ERROR, key_usage_exact},
    {"key_usage_no_ca", "RFC 5280 4.2.1.3, 4.2.1.9", LINT_LEAVES, LINT_ERROR, key_usage_no_ca},
    {"key_usage_encoding", "X.690 11.2.2", LINT_ANY, LINT_ERROR, key_usage_encoding},
    {"ca_key_usage", "RFC 5280 4.2.1.3, 6.3.3 (f)", LINT_CA, LINT_ERROR, ca_key_usage},
    {"purposes_present", "RFC 5280 4.2.1.12; KB281245", LINT_LEAVES, LINT_ERROR, purposes_present},
    {"purposes_required", "KB281245; RFC 4556 3.2.4", LINT_LEAVES, LINT_ERROR, purposes_required},
    {"purposes_exact", "RFC 5280 4.2.1.12", LINT_LEAVES, LINT_ERROR, purposes_exact},
    {"purposes_no_power", "RFC 5280 4.2.1.12; docs/THREATS, own profiles", LINT_USERS, LINT_ERROR,
	purposes_no_power},
    {"machine_no_smartcard", "RFC 5280 4.2.1.12; docs/THREATS, two authorities", LINT_MACHINES,
	LINT_ERROR, machine_no_smartcard},
    {"basic_constraints_absent", "RFC 5280 4.2.1.9", LINT_LEAVES, LINT_ERROR,
	basic_constraints_absent},
    {"subject_key_id_present", "RFC 5280 4.2.1.2", LINT_ANY, LINT_ERROR, subject_key_id_present},
    {"subject_key_id_matches", "RFC 5280 4.2.1.2 (1)", LINT_LEAVES, LINT_ERROR,
	subject_key_id_matches},
    {"authority_key_id_present", "RFC 5280 4.2.1.1", LINT_ANY, LINT_ERROR,
	authority_key_id_present},
    {"authority_key_id_matches", "RFC 5280 4.2.1.1", LINT_ANY, LINT_ERROR,
	authority_key_id_matches},
    {"key_ids_not_critical", "RFC 5280 4.2.1.1, 4.2.1.2", LINT_ANY, LINT_ERROR,
	key_ids_not_critical},
    {"policies_unique", "RFC 5280 4.2.1.4", LINT_ANY, LINT_ERROR, policies_unique},
    {"policies_no_any", "RFC 5280 4.2.1.4, 6.1.3 (d)", LINT_LEAVES, LINT_ERROR, policies_no_any},
    {"policies_exact", "RFC 5280 4.2.1.4; MS-ADA2, msDS-OIDToGroupLink", LINT_USERS, LINT_ERROR,
	policies_exact},
};
const size_t lints_extension_n = NELEMS(lints_extension);
