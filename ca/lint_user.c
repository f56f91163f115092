/* Who a user's certificate speaks for: UPN and SID, and nothing else. */
#include <stdlib.h>
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define SID_URI "tag:microsoft.com,2022-09-14:sid:"

/* The i-th UPN; NULL at the end. */
static const ASN1_TYPE *
upn_at(const struct lint_run *run, int want)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0, seen = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_OTHERNAME &&
		    OBJ_obj2nid(name->d.otherName->type_id) == NID_ms_upn && seen++ == want)
			return name->d.otherName->value;
	}
	return NULL;
}

/* The one UPN's text, malloc'ed; NULL when there is none or not as UTF8String without NUL. */
static char *
upn_text(const struct lint_run *run)
{
	const ASN1_TYPE *upn = upn_at(run, 0);
	if (!upn || upn->type != V_ASN1_UTF8STRING)
		return NULL;
	const ASN1_STRING *text = upn->value.utf8string;
	size_t len = (size_t)ASN1_STRING_length(text);
	if (len == 0 || memchr(ASN1_STRING_get0_data(text), 0, len))
		return NULL;
	return strndup((const char *)ASN1_STRING_get0_data(text), len);
}

/* KB281245 and measured: a KDC refuses two. */
static void
upn_one(struct lint_run *run)
{
	if (!upn_at(run, 0))
		lint_say(run, "no otherName with a UPN in subjectAltName");
	else if (upn_at(run, 1))
		lint_say(run, "more than one UPN in subjectAltName");
}

static void
upn_string_type(struct lint_run *run)
{
	const ASN1_TYPE *upn = upn_at(run, 0);
	if (upn && upn->type != V_ASN1_UTF8STRING)
		lint_say(run, "UPN is of ASN.1 type %d, want UTF8String", upn->type);
}

static void
upn_valid(struct lint_run *run)
{
	OWN(text) char *upn = upn_text(run);
	const ASN1_TYPE *first = upn_at(run, 0);
	struct fas_err e = {0};
	if (upn && upn_check(upn, &e) != FAS_OK)
		lint_say(run, "%.150s", e.message);
	else if (!upn && first && first->type == V_ASN1_UTF8STRING)
		lint_say(run, "UPN is empty or holds a NUL");
}

static void
upn_matches(struct lint_run *run)
{
	OWN(text) char *upn = upn_text(run);
	const char *want = run->context->upn;
	if (upn && want && strcmp(upn, want) != 0 && upn_check(upn, NULL) == FAS_OK)
		lint_say(run, "UPN is not the account's");
}

static void
names_not_critical(struct lint_run *run)
{
	const struct asn1_extension *names = lint_slot(run, SLOT_NAMES)->at;
	if (names && names->critical && sk_asn1_rdn_num(run->tbs->subject) > 0)
		lint_say(run, "subjectAltName is critical although the subject is not empty");
}

static bool
is_sid_uri(const GENERAL_NAME *name)
{
	const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
	return name->type == GEN_URI && (size_t)ASN1_STRING_length(uri) > strlen(SID_URI) &&
	       memcmp(ASN1_STRING_get0_data(uri), SID_URI, strlen(SID_URI)) == 0;
}

static bool
name_fits_user(const GENERAL_NAME *name)
{
	if (name->type == GEN_EMAIL || is_sid_uri(name))
		return true;
	if (name->type != GEN_OTHERNAME)
		return false;
	int nid = OBJ_obj2nid(name->d.otherName->type_id);
	return nid == NID_ms_upn || (nid != NID_undef && nid == asn1_nid(OID_PKINIT_SAN));
}

/* A host name or address would let a user's key be a server. */
static void
user_no_host_name(struct lint_run *run)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS || name->type == GEN_IPADD) {
			lint_say(run, "a user's certificate names a host");
			return;
		}
	}
}

static void
user_names_known(struct lint_run *run)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS || name->type == GEN_IPADD || name_fits_user(name))
			continue;
		lint_say(run, "subjectAltName has a name of choice %d that maps to no account",
		    name->type);
		return;
	}
}

/* The SID of the extension; false unless its value is as MS-WCCE 2.2.2.7.7.4 has it. */
static bool
read_sid(const struct lint_run *run, struct sid *out)
{
	const struct lint_extension *extension = lint_slot(run, SLOT_SID);
	const struct asn1_sid_extension *value = extension->value;
	char text[SID_TEXT_MAX] = "", again[SID_TEXT_MAX];
	if (!value || OBJ_obj2nid(value->name->id) != asn1_nid(OID_NTDS_OBJECTSID) ||
	    !asn1_is_canonical(ASN1_ITEM_rptr(asn1_sid_extension), value,
		ASN1_STRING_get0_data(extension->at->value),
		(size_t)ASN1_STRING_length(extension->at->value)))
		return false;
	size_t len = (size_t)ASN1_STRING_length(value->name->sid);
	if (len >= sizeof(text))
		return false;
	if (len > 0)
		memcpy(text, ASN1_STRING_get0_data(value->name->sid), len);
	return strlen(text) == len && sid_parse(text, out, NULL) == FAS_OK &&
	       strcmp(sid_format(out, again), text) == 0;
}

static void
sid_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_SID)->at)
		lint_say(run, "the SID extension is missing: a KDC in full enforcement refuses");
}

static void
sid_not_critical(struct lint_run *run)
{
	const struct asn1_extension *sid = lint_slot(run, SLOT_SID)->at;
	if (sid && sid->critical)
		lint_say(run, "the SID extension is critical");
}

static void
sid_encoding(struct lint_run *run)
{
	struct sid sid;
	if (lint_slot(run, SLOT_SID)->at && !read_sid(run, &sid))
		lint_say(run,
		    "the SID extension is not [0] { objectSid, [0] OCTET STRING \"S-1-...\" }");
}

static void
sid_matches(struct lint_run *run)
{
	struct sid sid;
	const struct sid *want = run->context->sid;
	if (want && read_sid(run, &sid) && !sid_equal(&sid, want))
		lint_say(run, "the SID is not the account's");
}

static void
sid_uri_agrees(struct lint_run *run)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	struct sid sid;
	char want[sizeof(SID_URI) + SID_TEXT_MAX] = SID_URI;
	if (!read_sid(run, &sid))
		return;
	(void)sid_format(&sid, want + strlen(SID_URI));
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (is_sid_uri(name) && !lint_text_is(name->d.uniformResourceIdentifier, want))
			lint_say(run, "the SID of the URI is not the extension's");
	}
}

const struct lint lints_user[] = {
    {"upn_one", "KB281245; MS-PKCA 3.1.5.2.1", LINT_USERS, LINT_ERROR, upn_one},
    {"upn_string_type", "KB281245; RFC 4556 C", LINT_USERS, LINT_ERROR, upn_string_type},
    {"upn_valid", "MS-ADTS 5.1.1.1.1", LINT_USERS, LINT_ERROR, upn_valid},
    {"upn_matches", "MS-PKCA 3.1.5.2.1", LINT_USERS, LINT_ERROR, upn_matches},
    {"names_not_critical", "RFC 5280 4.2.1.6", LINT_LEAVES, LINT_ERROR, names_not_critical},
    {"user_no_host_name", "docs/THREATS, two authorities", LINT_USERS, LINT_ERROR,
	user_no_host_name},
    {"user_names_known", "RFC 5280 4.2.1.6; KB5014754", LINT_USERS, LINT_ERROR, user_names_known},
    {"sid_present", "KB5014754; MS-WCCE 2.2.2.7.7.4", LINT_USERS, LINT_ERROR, sid_present},
    {"sid_not_critical", "MS-WCCE 2.2.2.7.7.4", LINT_USERS, LINT_ERROR, sid_not_critical},
    {"sid_encoding", "MS-WCCE 2.2.2.7.7.4", LINT_USERS, LINT_ERROR, sid_encoding},
    {"sid_matches", "KB5014754", LINT_USERS, LINT_ERROR, sid_matches},
    {"sid_uri_agrees", "KB5014754", LINT_USERS, LINT_ERROR, sid_uri_agrees},
};
const size_t lints_user_n = NELEMS(lints_user);
