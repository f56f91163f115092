/* What a profile of the administrator's own adds to the built-in one that it is like. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "ca/profile_parts.h"
#include "fas/base/text.h"

#define KRB5_NT_PRINCIPAL 1 /* RFC 4120 6.2 */
#define ACCOUNT_MAX 256
#define MAIL_MAX 254 /* RFC 5321 4.5.3.1.3 */
#define SID_URI "tag:microsoft.com,2022-09-14:sid:"

#define BIT_SIGNATURE 1u
#define BIT_KEY_ENCIPHERMENT 4u
#define BIT_DATA_ENCIPHERMENT 8u
#define BIT_KEY_AGREEMENT 16u

const char *const profile_extra_names[PROFILE_EXTRA_NAMES] = {"sid-uri", "principal", "e-mail"};
const char *const profile_usages[PROFILE_USAGES] = {
    "digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement"};

DEFINE_OWN(object, ASN1_OBJECT *, ASN1_OBJECT_free);

bool
profile_purpose_is_open(const char *oid)
{
	static const char *const closed[] = {
	    "2.5.29.37.0",            /* any */
	    "1.3.6.1.5.5.7.3.1",      /* serverAuth: a user's key would be a server */
	    "1.3.6.1.5.5.7.3.9",      /* OCSPSigning: says what has been revoked */
	    "1.3.6.1.5.2.3.5",        /* id-pkinit-KPKdc: would be the KDC */
	    "1.3.6.1.4.1.311.20.2.1", /* enrolment agent: certificates in others' names from AD CS */
	    "1.3.6.1.4.1.311.21.5",   /* CA exchange */
	    "1.3.6.1.4.1.311.21.6",   /* key recovery agent */
	    "1.3.6.1.4.1.311.20.2.2", /* smart card logon: the built-in profile's own */
	};
	for (size_t i = 0; i < NELEMS(closed); i++) {
		if (strcmp(closed[i], oid) == 0)
			return false;
	}
	return true;
}

unsigned
profile_usage_bits(const struct profile_own *own, enum asn1_key_type key)
{
	unsigned usage = BIT_SIGNATURE | BIT_KEY_ENCIPHERMENT;
	if (own && own->key_usage)
		usage = own->key_usage;
	/* RFC 3279 2.3.1, RFC 5480 3: RSA agrees on no key, elliptic curves encipher nothing */
	return key == ASN1_KEY_RSA ? usage & ~BIT_KEY_AGREEMENT
				   : usage & ~(BIT_KEY_ENCIPHERMENT | BIT_DATA_ENCIPHERMENT);
}

static bool
is_plain(const char *text, const char *without)
{
	for (; *text; text++) {
		if (*text <= 0x20 || *text > 0x7e || strchr(without, *text))
			return false;
	}
	return true;
}

bool
profile_mail_is_valid(const char *mail)
{
	const char *at = strchr(mail, '@');
	return at && at > mail && strlen(mail) <= MAIL_MAX && is_plain(mail, "\"(),:;<>[\\]") &&
	       hostname_is_valid(at + 1);
}

bool
profile_account_is_valid(const char *account)
{
	size_t len = strlen(account);
	return len > 0 && len <= ACCOUNT_MAX && is_plain(account, "@/\\\"");
}

/* ---- subject ---- */

/* The domain's DC parts, then CN=UPN: such a DN is no other account's. */
enum fas_code
profile_own_subject(struct profile_work *work, struct fas_err *e)
{
	const struct dn *dn = work->facts->subject;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < dn->n && ascii_equal_nocase(dn->rdns[i].type, "DC");
	     i++)
		rc = profile_name_add(work->tbs->subject, dn->rdns[i].type, dn->rdns[i].value, e);
	if (rc == FAS_OK && !work->facts->upn)
		return profile_bad(e, "upn", "is missing");
	return rc == FAS_OK ? profile_name_add(work->tbs->subject, "CN", work->facts->upn, e) : rc;
}

/* ---- names ---- */

static enum fas_code
add_simple(GENERAL_NAMES *names, int choice, const char *text, struct fas_err *e)
{
	OWN(general_name)
	GENERAL_NAME *name = profile_simple_name(choice, V_ASN1_IA5STRING, text, strlen(text));
	if (!name || !sk_GENERAL_NAME_push(names, name))
		return fas_fail_nomem(e);
	name = NULL;
	return FAS_OK;
}

/* KB5014754: newer domain controllers take the SID from here too. */
static enum fas_code
add_sid_uri(GENERAL_NAMES *names, const struct profile_facts *facts, struct fas_err *e)
{
	char uri[sizeof(SID_URI) + SID_TEXT_MAX] = SID_URI;
	if (!facts->sid)
		return profile_bad(e, "sid", "is missing (KB5014754)");
	(void)sid_format(facts->sid, uri + strlen(SID_URI));
	return add_simple(names, GEN_URI, uri, e);
}

/* RFC 4556 3.2.2: by which MIT KDCs know the client. */
static enum fas_code
add_principal(GENERAL_NAMES *names, const struct profile_facts *facts, struct fas_err *e)
{
	if (!facts->account || !profile_account_is_valid(facts->account))
		return profile_bad(e, "account", "is missing or no part of a principal's name");
	if (!facts->realm)
		return profile_bad(e, "realm", "is missing");
	return profile_principal(names, facts->realm, KRB5_NT_PRINCIPAL, &facts->account, 1, e);
}

static enum fas_code
add_mail(GENERAL_NAMES *names, const struct profile_facts *facts, struct fas_err *e)
{
	if (!facts->mail || !profile_mail_is_valid(facts->mail))
		return profile_bad(e, "mail", "is missing or no address (RFC 5280 4.2.1.6)");
	return add_simple(names, GEN_EMAIL, facts->mail, e);
}

enum fas_code
profile_own_names(const struct profile_facts *facts, GENERAL_NAMES *names, struct fas_err *e)
{
	unsigned wanted = facts->own->extra_names;
	enum fas_code rc = FAS_OK;
	if (wanted & EXTRA_SID_URI)
		rc = add_sid_uri(names, facts, e);
	if (rc == FAS_OK && wanted & EXTRA_PRINCIPAL)
		rc = add_principal(names, facts, e);
	if (rc == FAS_OK && wanted & EXTRA_MAIL)
		rc = add_mail(names, facts, e);
	return rc;
}

/* ---- purposes ---- */

enum fas_code
profile_oid(const char *text, ASN1_OBJECT **out, struct fas_err *e)
{
	*out = OBJ_txt2obj(text, 1);
	ERR_clear_error();
	return *out ? FAS_OK : profile_bad(e, "profile", "has an OID that is none");
}

enum fas_code
profile_own_purposes(const struct profile_own *own, EXTENDED_KEY_USAGE *purposes, struct fas_err *e)
{
	for (size_t i = 0; i < own->n_purposes; i++) {
		OWN(object) ASN1_OBJECT *purpose = NULL;
		enum fas_code rc = profile_oid(own->purposes[i], &purpose, e);
		if (rc != FAS_OK)
			return rc;
		if (!sk_ASN1_OBJECT_push(purposes, purpose))
			return fas_fail_nomem(e);
		purpose = NULL;
	}
	return FAS_OK;
}
