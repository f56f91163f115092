/* Names of a user's certificate beside the UPN: SID URI, Kerberos principal, e-mail address. */
#include <string.h>

#include <openssl/objects.h>

#include "ca/lint_parts.h"
#include "ca/profile_parts.h"

#define KRB5_NT_PRINCIPAL 1 /* RFC 4120 6.2 */
#define NAME_TEXT_MAX 257

/* The i-th name of this choice (and, of an otherName, this type); NULL at the end. */
static const GENERAL_NAME *
name_at(const struct lint_run *run, int choice, int nid, int want)
{
	const GENERAL_NAMES *names = lint_slot(run, SLOT_NAMES)->value;
	for (int i = 0, seen = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != choice ||
		    (nid != NID_undef && OBJ_obj2nid(name->d.otherName->type_id) != nid))
			continue;
		if (seen++ == want)
			return name;
	}
	return NULL;
}

static const GENERAL_NAME *
principal_at(const struct lint_run *run, int want)
{
	return name_at(run, GEN_OTHERNAME, asn1_nid(OID_PKINIT_SAN), want);
}

/* The first principal, decoded; NULL when there is none or it is malformed.  The caller's. */
static struct asn1_krb5_principal *
read_principal(const struct lint_run *run)
{
	const GENERAL_NAME *name = principal_at(run, 0);
	const ASN1_TYPE *value = name ? name->d.otherName->value : NULL;
	if (!value || value->type != V_ASN1_SEQUENCE)
		return NULL;
	return asn1_decode(ASN1_ITEM_rptr(asn1_krb5_principal),
	    ASN1_STRING_get0_data(value->value.sequence),
	    (size_t)ASN1_STRING_length(value->value.sequence));
}

static bool
is_user(const struct asn1_krb5_principal *principal)
{
	return ASN1_INTEGER_get(principal->names->type) == KRB5_NT_PRINCIPAL &&
	       sk_ASN1_GENERALSTRING_num(principal->names->parts) == 1 &&
	       ASN1_STRING_length(principal->realm) > 0;
}

static void
user_principal(struct lint_run *run)
{
	OWN(asn1_krb5_principal) struct asn1_krb5_principal *principal = read_principal(run);
	if (principal_at(run, 0) && (!principal || !is_user(principal) || principal_at(run, 1)))
		lint_say(run, "id-pkinit-san is not one principal user@REALM");
}

/* A KDC that goes by it would log another one on. */
static void
user_principal_matches(struct lint_run *run)
{
	const struct lint_context *want = run->context;
	OWN(asn1_krb5_principal) struct asn1_krb5_principal *principal = read_principal(run);
	if (!principal || !is_user(principal) || !want->account || !want->realm)
		return;
	if (!lint_text_is(sk_ASN1_GENERALSTRING_value(principal->names->parts, 0), want->account) ||
	    !lint_text_is(principal->realm, want->realm))
		lint_say(run, "id-pkinit-san is not the account's name");
}

static bool
text_of(const ASN1_STRING *string, char out[NAME_TEXT_MAX])
{
	size_t len = (size_t)ASN1_STRING_length(string);
	if (len >= NAME_TEXT_MAX)
		return false;
	memcpy(out, ASN1_STRING_get0_data(string), len);
	out[len] = 0;
	return strlen(out) == len;
}

static void
mail_valid(struct lint_run *run)
{
	char text[NAME_TEXT_MAX];
	const GENERAL_NAME *name;
	for (int i = 0; (name = name_at(run, GEN_EMAIL, NID_undef, i)); i++) {
		if (text_of(name->d.rfc822Name, text) && profile_mail_is_valid(text))
			continue;
		lint_say(run, "rfc822Name %d is no address of ASCII", i + 1);
		return;
	}
}

static void
mail_matches(struct lint_run *run)
{
	const char *want = run->context->mail;
	const GENERAL_NAME *name;
	for (int i = 0; want && (name = name_at(run, GEN_EMAIL, NID_undef, i)); i++) {
		if (!lint_text_is(name->d.rfc822Name, want))
			lint_say(run, "rfc822Name is not the account's address");
	}
}

/* Exactly those of the profile: each once, no other. */
static void
extra_names_exact(struct lint_run *run)
{
	const struct profile_own *own = run->context->own;
	if (!own)
		return;
	const struct {
		enum profile_extra_name name;
		bool one, more;
	} found[PROFILE_EXTRA_NAMES] = {
	    {EXTRA_SID_URI, name_at(run, GEN_URI, NID_undef, 0),
		name_at(run, GEN_URI, NID_undef, 1)},
	    {EXTRA_PRINCIPAL, principal_at(run, 0), principal_at(run, 1)},
	    {EXTRA_MAIL, name_at(run, GEN_EMAIL, NID_undef, 0),
		name_at(run, GEN_EMAIL, NID_undef, 1)},
	};
	for (size_t i = 0; i < NELEMS(found); i++) {
		bool wanted = own->extra_names & found[i].name;
		if (found[i].one == wanted && !found[i].more)
			continue;
		lint_say(run, "%s is %s, profile %s wants %s", profile_extra_names[i],
		    found[i].more  ? "there twice"
		    : found[i].one ? "there"
				   : "missing",
		    own->name, wanted ? "one" : "none");
		return;
	}
}

const struct lint lints_own[] = {
    {"user_principal", "RFC 4556 3.2.2; RFC 4120 6.2", LINT_USERS, LINT_ERROR, user_principal},
    {"user_principal_matches", "RFC 4556 3.2.2", LINT_USERS, LINT_ERROR, user_principal_matches},
    {"mail_valid", "RFC 5280 4.2.1.6; RFC 5321 4.1.2", LINT_USERS, LINT_ERROR, mail_valid},
    {"mail_matches", "MS-ADTS 3.1.1.3.1.3; X509:<RFC822> of altSecurityIdentities", LINT_USERS,
	LINT_ERROR, mail_matches},
    {"extra_names_exact", "RFC 5280 4.2.1.6; docs/THREATS, own profiles", LINT_USERS, LINT_ERROR,
	extra_names_exact},
};
const size_t lints_own_n = NELEMS(lints_own);
