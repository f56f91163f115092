/* Defects of extensions that every kind has, and of authorities' certificates. */
#include <string.h>

#include <openssl/objects.h>

#include "lint_data.h"

/* Replace an extension's value by an array of octets. */
#define SET_OCTETS(c, nid, ...)                                                                    \
	do {                                                                                       \
		static const uint8_t octets[] = {__VA_ARGS__};                                     \
		data_set((c)->tbs->extensions, nid, octets, sizeof(octets));                       \
	} while (0)

static void
access_twice(struct asn1_certificate *c)
{
	data_repeat(c->tbs->extensions, NID_info_access);
}

static void
unknown_critical(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_netscape_comment, V_ASN1_IA5STRING, 1, 'x');
	data_make_critical(c->tbs->extensions, NID_netscape_comment);
}

static void
access_garbled(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_info_access, 0x30, 0x03, 0x02, 0x01, 0x00);
}

static void
no_usage(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_key_usage);
}

static void
usage_not_critical(struct asn1_certificate *c)
{
	data_find(c->tbs->extensions, NID_key_usage)->critical = 0;
}

static void
usage_signature_only(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_key_usage, V_ASN1_BIT_STRING, 2, 7, 0x80);
}

/* The right bits with five zero bits behind them. */
static void
usage_padded(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_key_usage, V_ASN1_BIT_STRING, 2, 0, 0xa0);
}

static void
usage_no_crl(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_key_usage, V_ASN1_BIT_STRING, 2, 2, 0x04);
}

/* digitalSignature, keyEncipherment and keyCertSign */
static void
usage_cert_sign(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_key_usage, V_ASN1_BIT_STRING, 2, 2, 0xa4);
}

static void
no_purposes(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_ext_key_usage);
}

static void
change_purposes(struct asn1_certificate *c, int add, bool keep)
{
	EXTENDED_KEY_USAGE *purposes = sk_ASN1_OBJECT_new_null();
	if (keep) {
		EXTENDED_KEY_USAGE_free(purposes);
		purposes = data_value(
		    c->tbs->extensions, NID_ext_key_usage, ASN1_ITEM_rptr(EXTENDED_KEY_USAGE));
	}
	NEED(sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(add)));
	data_set_value(
	    c->tbs->extensions, NID_ext_key_usage, ASN1_ITEM_rptr(EXTENDED_KEY_USAGE), purposes);
	EXTENDED_KEY_USAGE_free(purposes);
}

static void
client_only(struct asn1_certificate *c)
{
	change_purposes(c, NID_client_auth, false);
}

static void
mail_too(struct asn1_certificate *c)
{
	change_purposes(c, NID_email_protect, true);
}

static void
server_only(struct asn1_certificate *c)
{
	change_purposes(c, NID_server_auth, false);
}

static void
smartcard_too(struct asn1_certificate *c)
{
	change_purposes(c, NID_ms_smartcard_login, true);
}

/* enrolment agent, in dotted form as OpenSSL has no name for it */
static void
agent_too(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_ext_key_usage, 0x30, 0x22, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07,
	    0x03, 0x02, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x02,
	    0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x01);
}

static void
constraints(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_basic_constraints, 0x30, 0x00);
}

static void
no_subject_id(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_subject_key_identifier);
}

static void
other_subject_id(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_subject_key_identifier, V_ASN1_OCTET_STRING, 4, 1, 2, 3, 4);
}

static void
no_authority_id(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_authority_key_identifier);
}

static void
other_authority_id(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_authority_key_identifier, 0x30, 6, 0x80, 4, 1, 2, 3, 4);
}

static void
critical_subject_id(struct asn1_certificate *c)
{
	data_make_critical(c->tbs->extensions, NID_subject_key_identifier);
}

/* { 1.2.3 } twice */
static void
policy_twice(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_certificate_policies, 0x30, 0x0c, 0x30, 0x04, 0x06, 0x02, 0x2a, 0x03,
	    0x30, 0x04, 0x06, 0x02, 0x2a, 0x03);
}

static void
any_policy(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_certificate_policies, 0x30, 0x08, 0x30, 0x06, 0x06, 0x04, 0x55, 0x1d,
	    0x20, 0x00);
}

/* one of the profile's two, and another */
static void
policy_other(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_certificate_policies, 0x30, 0x19, 0x30, 0x0f, 0x06, 0x0d, 0x2b, 0x06,
	    0x01, 0x04, 0x01, 0x82, 0x37, 0x15, 0x08, 0x07, 0x01, 0x83, 0x12, 0x30, 0x06, 0x06,
	    0x04, 0x2a, 0x03, 0x04, 0x05);
}

static void
no_points(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_crl_distribution_points);
}

static CRL_DIST_POINTS *
points_of(struct asn1_certificate *c)
{
	return data_value(
	    c->tbs->extensions, NID_crl_distribution_points, ASN1_ITEM_rptr(CRL_DIST_POINTS));
}

static void
put_points(struct asn1_certificate *c, CRL_DIST_POINTS *points)
{
	data_set_value(c->tbs->extensions, NID_crl_distribution_points,
	    ASN1_ITEM_rptr(CRL_DIST_POINTS), points);
	CRL_DIST_POINTS_free(points);
}

static void
points_with_reasons(struct asn1_certificate *c)
{
	CRL_DIST_POINTS *points = points_of(c);
	DIST_POINT *point = sk_DIST_POINT_value(points, 0);
	point->reasons = ASN1_BIT_STRING_new();
	NEED(point->reasons && ASN1_BIT_STRING_set_bit(point->reasons, 1, 1));
	put_points(c, points);
}

static void
insert_point(struct asn1_certificate *c, const char *url, int place)
{
	CRL_DIST_POINTS *points = points_of(c);
	GENERAL_NAMES *names = sk_DIST_POINT_value(points, 0)->distpoint->name.fullname;
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	NEED(name && text && ASN1_STRING_set(text, url, -1));
	GENERAL_NAME_set0_value(name, GEN_URI, text);
	NEED(sk_GENERAL_NAME_insert(names, name, place));
	put_points(c, points);
}

static void
ldap_first(struct asn1_certificate *c)
{
	insert_point(c, "ldap:///CN=main,CN=CDP?certificateRevocationList", 0);
}

static void
https_second(struct asn1_certificate *c)
{
	insert_point(c, "https://pki.corp.example.com/crl/main-1.crl", 1);
}

static void
other_point(struct asn1_certificate *c)
{
	CRL_DIST_POINTS *points = points_of(c);
	const GENERAL_NAMES *names = sk_DIST_POINT_value(points, 0)->distpoint->name.fullname;
	NEED(ASN1_STRING_set(sk_GENERAL_NAME_value(names, 0)->d.uniformResourceIdentifier,
	    "http://pki.corp.example.com/crl/main-2.crl", -1));
	put_points(c, points);
}

static void
no_access(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_info_access);
}

static void
access_at(struct asn1_certificate *c, const char *url)
{
	AUTHORITY_INFO_ACCESS *access =
	    data_value(c->tbs->extensions, NID_info_access, ASN1_ITEM_rptr(AUTHORITY_INFO_ACCESS));
	const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(access, 0);
	NEED(ASN1_STRING_set(one->location->d.uniformResourceIdentifier, url, -1));
	data_set_value(
	    c->tbs->extensions, NID_info_access, ASN1_ITEM_rptr(AUTHORITY_INFO_ACCESS), access);
	AUTHORITY_INFO_ACCESS_free(access);
}

static void
access_https(struct asn1_certificate *c)
{
	access_at(c, "https://pki.corp.example.com/ca/main-1.cer");
}

static void
access_other(struct asn1_certificate *c)
{
	access_at(c, "http://pki.corp.example.com/ca/main-2.cer");
}

static void
critical_points(struct asn1_certificate *c)
{
	data_make_critical(c->tbs->extensions, NID_crl_distribution_points);
}

static void
no_constraints(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, NID_basic_constraints);
}

static void
constraints_not_critical(struct asn1_certificate *c)
{
	data_find(c->tbs->extensions, NID_basic_constraints)->critical = 0;
}

/* CA absent, so FALSE, and the path length as it was */
static void
not_a_ca(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_basic_constraints, 0x30, 0x03, 0x02, 0x01, 0x00);
}

static void
no_path_length(struct asn1_certificate *c)
{
	SET_OCTETS(c, NID_basic_constraints, 0x30, 0x03, 0x01, 0x01, 0xff);
}

static void
with_sid(struct asn1_certificate *c)
{
	SET_OCTETS(c, asn1_nid(OID_NTDS_CA_SECURITY), 0x30, 0x1c, 0xa0, 0x1a, 0x06, 0x0a, 0x2b,
	    0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x19, 0x02, 0x01, 0xa0, 0x0c, 0x04, 0x0a, 'S', '-',
	    '1', '-', '5', '-', '2', '1', '-', '1');
}

#define LOGON "smartcard-logon"

const struct data_defect data_extension[] = {
    {.lint = "extensions_unique", .base = LOGON, .spoil = access_twice},
    {.lint = "extensions_known", .base = LOGON, .spoil = unknown_critical},
    {.lint = "extensions_well_formed", .base = LOGON, .spoil = access_garbled},
    {.lint = "key_usage_present", .base = LOGON, .spoil = no_usage},
    {.lint = "key_usage_critical", .base = LOGON, .spoil = usage_not_critical},
    {.lint = "key_usage_exact", .base = LOGON, .spoil = usage_signature_only},
    {.lint = "key_usage_no_ca", .base = LOGON, .spoil = usage_cert_sign, .also = "key_usage_exact"},
    {.lint = "key_usage_encoding", .base = LOGON, .spoil = usage_padded},
    {.lint = "ca_key_usage", .base = "ca", .spoil = usage_no_crl},
    {.lint = "purposes_present", .base = LOGON, .spoil = no_purposes},
    {.lint = "purposes_required", .base = LOGON, .spoil = client_only},
    {.lint = "purposes_exact", .base = "client-auth", .spoil = mail_too},
    {.lint = "purposes_no_power", .base = LOGON, .spoil = agent_too, .also = "purposes_exact"},
    {.lint = "machine_no_smartcard", .base = "service-client", .spoil = smartcard_too},
    {.lint = "basic_constraints_absent", .base = LOGON, .spoil = constraints},
    {.lint = "subject_key_id_present", .base = LOGON, .spoil = no_subject_id},
    {.lint = "subject_key_id_matches", .base = LOGON, .spoil = other_subject_id},
    {.lint = "authority_key_id_present", .base = LOGON, .spoil = no_authority_id},
    {.lint = "authority_key_id_matches", .base = LOGON, .spoil = other_authority_id},
    {.lint = "key_ids_not_critical", .base = LOGON, .spoil = critical_subject_id},
    {.lint = "policies_unique", .base = LOGON, .also = "policies_exact", .spoil = policy_twice},
    {.lint = "policies_no_any", .base = LOGON, .also = "policies_exact", .spoil = any_policy},
    {.lint = "policies_exact", .base = "own-logon", .spoil = policy_other},
    {.lint = "crl_points_present", .base = LOGON, .spoil = no_points},
    {.lint = "crl_points_plain", .base = LOGON, .spoil = points_with_reasons},
    {.lint = "crl_points_http_first",
	.base = LOGON,
	.spoil = ldap_first,
	.also = "crl_points_published"},
    {.lint = "crl_points_no_https",
	.base = LOGON,
	.spoil = https_second,
	.also = "crl_points_published"},
    {.lint = "crl_points_published", .base = LOGON, .spoil = other_point},
    {.lint = "access_present", .base = LOGON, .spoil = no_access},
    {.lint = "access_http", .base = LOGON, .spoil = access_https},
    {.lint = "access_published", .base = LOGON, .spoil = access_other},
    {.lint = "locations_not_critical", .base = LOGON, .spoil = critical_points},
    {.lint = "ca_constraints_present", .base = "ca", .spoil = no_constraints},
    {.lint = "ca_constraints_critical", .base = "ca", .spoil = constraints_not_critical},
    {.lint = "ca_true", .base = "ca", .spoil = not_a_ca},
    {.lint = "ca_path_length", .base = "ca", .spoil = no_path_length},
    {.lint = "ca_path_allowed", .base = "ca", .issuer = "logon-ca"},
    {.lint = "ca_purposes_nest", .base = "ca", .spoil = server_only},
    {.lint = "ca_no_identity", .base = "ca", .spoil = with_sid},
};
const size_t data_extension_n = NELEMS(data_extension);
