/* What stands in a certificate or list, and what it was meant to be. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/inspect_parts.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

#define OIDS_MAX 32
#define SERIAL_TEXT_MAX 128

DEFINE_OWN(purposes, EXTENDED_KEY_USAGE *, EXTENDED_KEY_USAGE_free);
DEFINE_OWN(policies, CERTIFICATEPOLICIES *, CERTIFICATEPOLICIES_free);
DEFINE_OWN(names, GENERAL_NAMES *, GENERAL_NAMES_free);

/* Text that foreign bytes may be part of: only what is UTF-8 without NUL. */
static json_t *
text_json(const char *text, int len)
{
	if (len <= 0)
		return json_string("");
	return utf8_is_valid(text, (size_t)len) && !memchr(text, 0, (size_t)len)
		   ? json_stringn(text, (size_t)len)
		   : NULL;
}

static json_t *
name_json(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	json_t *out = NULL;
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		out = text_json(text, (int)len);
	}
	(void)BIO_free(bio);
	return out;
}

static json_t *
time_json(const ASN1_TIME *time)
{
	int64_t at_s;
	return time && asn1_time_to_unix(time, &at_s) ? json_integer(at_s) : NULL;
}

static json_t *
serial_json(const ASN1_INTEGER *serial)
{
	char hex[SERIAL_TEXT_MAX];
	size_t len = (size_t)ASN1_STRING_length(serial);
	if (len * 2 >= sizeof(hex))
		return NULL;
	return json_string(hex_encode(ASN1_STRING_get0_data(serial), len, hex));
}

static json_t *
oid_json(const ASN1_OBJECT *oid)
{
	char text[80];
	return OBJ_obj2txt(text, sizeof(text), oid, 1) > 0 ? json_string(text) : NULL;
}

static json_t *
purposes_json(X509 *certificate)
{
	OWN(purposes)
	EXTENDED_KEY_USAGE *all = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
	json_t *list = all ? json_array() : NULL;
	for (int i = 0; i < sk_ASN1_OBJECT_num(all) && i < OIDS_MAX; i++)
		(void)json_array_append_new(list, oid_json(sk_ASN1_OBJECT_value(all, i)));
	return list;
}

static json_t *
policies_json(X509 *certificate)
{
	OWN(policies)
	CERTIFICATEPOLICIES *all =
	    X509_get_ext_d2i(certificate, NID_certificate_policies, NULL, NULL);
	json_t *list = all ? json_array() : NULL;
	for (int i = 0; i < sk_POLICYINFO_num(all) && i < OIDS_MAX; i++)
		(void)json_array_append_new(list, oid_json(sk_POLICYINFO_value(all, i)->policyid));
	return list;
}

static json_t *
upn_json(X509 *certificate)
{
	OWN(names)
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
		if (name->type != GEN_OTHERNAME ||
		    OBJ_obj2nid(name->d.otherName->type_id) != NID_ms_upn ||
		    name->d.otherName->value->type != V_ASN1_UTF8STRING)
			continue;
		const ASN1_STRING *text = name->d.otherName->value->value.utf8string;
		return text_json(
		    (const char *)ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
	}
	return NULL;
}

static X509_EXTENSION *
find_extension(X509 *certificate, int nid)
{
	int at = nid == NID_undef ? -1 : X509_get_ext_by_NID(certificate, nid, -1);
	return at < 0 ? NULL : X509_get_ext(certificate, at);
}

static json_t *
sid_json(X509 *certificate)
{
	X509_EXTENSION *extension = find_extension(certificate, asn1_nid(OID_NTDS_CA_SECURITY));
	if (!extension)
		return NULL;
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
	OWN(asn1_sid_extension)
	struct asn1_sid_extension *sid = asn1_decode(ASN1_ITEM_rptr(asn1_sid_extension),
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
	if (!sid)
		return NULL;
	const ASN1_OCTET_STRING *text = sid->name->sid;
	return text_json((const char *)ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
}

/* A value that is not there, or not readable, is left out: a finding says so. */
static void
put(json_t *object, const char *name, json_t *value)
{
	if (value)
		(void)json_object_set_new(object, name, value);
}

static json_t *
certificate_facts(X509 *x)
{
	json_t *facts = json_object();
	put(facts, "subject", name_json(X509_get_subject_name(x)));
	put(facts, "issuer", name_json(X509_get_issuer_name(x)));
	put(facts, "serial", serial_json(X509_get0_serialNumber(x)));
	put(facts, "not_before", time_json(X509_get0_notBefore(x)));
	put(facts, "not_after", time_json(X509_get0_notAfter(x)));
	put(facts, "upn", upn_json(x));
	put(facts, "sid", sid_json(x));
	put(facts, "purposes", purposes_json(x));
	put(facts, "policies", policies_json(x));
	return facts;
}

static json_t *
list_facts(const struct inspected *one)
{
	const struct lint_crl *crl = one->crl;
	json_t *facts = json_object();
	struct lint_extensions extensions;
	lint_extensions_read(crl->extensions, &extensions);
	const ASN1_INTEGER *number = extensions.slot[SLOT_CRL_NUMBER].value;
	put(facts, "issuer", one->issuer ? name_json(one->issuer) : NULL);
	put(facts, "number", number ? serial_json(number) : NULL);
	put(facts, "this_update", time_json(crl->this_update));
	put(facts, "next_update", time_json(crl->next_update));
	put(facts, "entries", json_integer((json_int_t)crl->entries.n));
	lint_extensions_done(&extensions);
	return facts;
}

json_t *
inspect_facts(const struct inspected *one)
{
	json_t *facts = one->certificate ? certificate_facts(one->certificate)
			: one->crl       ? list_facts(one)
					 : json_object();
	ERR_clear_error();
	return facts;
}

/* ---- which profile ---- */

static bool
has_purpose(const EXTENDED_KEY_USAGE *purposes, int nid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes) && i < OIDS_MAX; i++) {
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i)) == nid)
			return true;
	}
	return false;
}

/* Of a user it has a UPN or a SID, or else it is a machine's. */
static bool
is_user(X509 *x)
{
	OWN(json) json_t *upn = upn_json(x);
	return upn || find_extension(x, asn1_nid(OID_NTDS_CA_SECURITY));
}

int
inspect_guess(const struct inspected *one)
{
	X509 *x = one->certificate;
	int kind = PROFILE_SMARTCARD_LOGON;
	if (!x)
		return kind;
	OWN(purposes)
	EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	if (X509_check_ca(x) == 1)
		kind = INSPECT_CA;
	else if (has_purpose(purposes, NID_pkInitKDC))
		kind = PROFILE_KDC;
	else if (has_purpose(purposes, NID_ms_smartcard_login))
		kind = PROFILE_SMARTCARD_LOGON;
	else if (has_purpose(purposes, NID_server_auth))
		kind = PROFILE_SERVICE_SERVER;
	else if (has_purpose(purposes, NID_client_auth))
		kind = is_user(x) ? PROFILE_CLIENT_AUTH : PROFILE_SERVICE_CLIENT;
	ERR_clear_error();
	return kind;
}
