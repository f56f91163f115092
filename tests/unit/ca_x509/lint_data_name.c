/* Defects of who the certificate speaks for: UPN, SID, host names, principals. */
#include <string.h>

#include <openssl/objects.h>

#include "lint_data.h"

#define SID_BINARY                                                                                 \
	1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xf4, 1, 0, 0

static void
second_upn(struct asn1_certificate *c)
{
	data_add_other_name(c->tbs, NID_ms_upn, V_ASN1_UTF8STRING, WORLD_UPN);
}

static void
replace_upn(struct asn1_certificate *c, int string_type, const char *text)
{
	data_clear_names(c->tbs);
	data_add_other_name(c->tbs, NID_ms_upn, string_type, text);
}

/* Seen in the wild; domain controllers do not find it. */
static void
upn_as_ia5(struct asn1_certificate *c)
{
	replace_upn(c, V_ASN1_IA5STRING, WORLD_UPN);
}

static void
upn_without_suffix(struct asn1_certificate *c)
{
	replace_upn(c, V_ASN1_UTF8STRING, "alice");
}

static void
upn_of_another(struct asn1_certificate *c)
{
	replace_upn(c, V_ASN1_UTF8STRING, "bob@corp.example.com");
}

static void
names_critical(struct asn1_certificate *c)
{
	data_make_critical(c->tbs->extensions, NID_subject_alt_name);
}

static void
with_host(struct asn1_certificate *c)
{
	data_add_name(c->tbs, GEN_DNS, "dc1.corp.example.com");
}

static void
with_url(struct asn1_certificate *c)
{
	data_add_name(c->tbs, GEN_URI, "urn:uuid:8d3a");
}

static void
no_sid(struct asn1_certificate *c)
{
	data_drop(c->tbs->extensions, asn1_nid(OID_NTDS_CA_SECURITY));
}

static void
sid_critical(struct asn1_certificate *c)
{
	data_make_critical(c->tbs->extensions, asn1_nid(OID_NTDS_CA_SECURITY));
}

static void
set_sid(struct asn1_certificate *c, const void *sid, size_t len)
{
	struct asn1_sid_extension *value = asn1_new(ASN1_ITEM_rptr(asn1_sid_extension));
	NEED(value && ASN1_STRING_set(value->name->sid, sid, (int)len));
	ASN1_OBJECT_free(value->name->id);
	value->name->id = OBJ_nid2obj(asn1_nid(OID_NTDS_OBJECTSID));
	data_set_value(c->tbs->extensions, asn1_nid(OID_NTDS_CA_SECURITY),
	    ASN1_ITEM_rptr(asn1_sid_extension), value);
	asn1_sid_extension_free(value);
}

/* XCA #636: the bytes of LDAP where the text belongs. */
static void
sid_binary(struct asn1_certificate *c)
{
	static const uint8_t sid[] = {SID_BINARY};
	set_sid(c, sid, sizeof(sid));
}

static void
sid_of_another(struct asn1_certificate *c)
{
	static const char sid[] = "S-1-5-21-1329593140-2634913955-1900852804-501";
	set_sid(c, sid, strlen(sid));
}

static void
sid_url_of_another(struct asn1_certificate *c)
{
	data_add_name(c->tbs, GEN_URI,
	    "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1329593140-2634913955-1900852804-501");
}

static void
machine_with_sid(struct asn1_certificate *c)
{
	set_sid(c, WORLD_SID, strlen(WORLD_SID));
}

static void
mail_only(struct asn1_certificate *c)
{
	data_clear_names(c->tbs);
	data_add_name(c->tbs, GEN_EMAIL, "fas@corp.example.com");
}

static void
with_underscore(struct asn1_certificate *c)
{
	data_add_name(c->tbs, GEN_DNS, "fas_1.corp.example.com");
}

/* krbtgt of another realm: the second part is not the realm. */
static void
krbtgt_of_another(struct asn1_certificate *c)
{
	struct asn1_extension *names = data_find(c->tbs->extensions, NID_subject_alt_name);
	uint8_t octets[256];
	size_t len = (size_t)ASN1_STRING_length(names->value);
	NEED(len <= sizeof(octets));
	memcpy(octets, ASN1_STRING_get0_data(names->value), len);
	uint8_t *realm = memmem(octets, len, "CORP.EXAMPLE.COM", 16);
	NEED(realm != NULL);
	memcpy(realm, "EVIL", 4);
	data_set(c->tbs->extensions, NID_subject_alt_name, octets, len);
}

static void
with_principal(struct asn1_certificate *c)
{
	data_add_other_name(c->tbs, asn1_nid(OID_PKINIT_SAN), V_ASN1_UTF8STRING, "krbtgt");
}

/* The same length, so that only the letters change; in subjectAltName, the first place only. */
static void
rewrite_names(struct asn1_certificate *c, const char *from, const char *to)
{
	struct asn1_extension *names = data_find(c->tbs->extensions, NID_subject_alt_name);
	uint8_t octets[512];
	size_t len = (size_t)ASN1_STRING_length(names->value), word = strlen(from);
	NEED(len <= sizeof(octets) && strlen(to) == word);
	memcpy(octets, ASN1_STRING_get0_data(names->value), len);
	uint8_t *at = memmem(octets, len, from, word);
	NEED(at != NULL);
	memcpy(at, to, word);
	data_set(c->tbs->extensions, NID_subject_alt_name, octets, len);
}

/* GeneralString "alice" where the UPN and the address have other tags before it. */
static void
principal_of_another(struct asn1_certificate *c)
{
	rewrite_names(c,
	    "\x1b\x05"
	    "alice",
	    "\x1b\x05"
	    "admin");
}

/* NT-PRINCIPAL (1) to NT-SRV-INST (2): [0] { INTEGER } of the name */
static void
principal_of_a_service(struct asn1_certificate *c)
{
	rewrite_names(c, "\xa0\x03\x02\x01\x01", "\xa0\x03\x02\x01\x02");
}

static void
mail_of_another(struct asn1_certificate *c)
{
	rewrite_names(c, WORLD_MAIL, "admin@mail.example.com");
}

static void
mail_without_name(struct asn1_certificate *c)
{
	data_add_name(c->tbs, GEN_EMAIL, "@mail.example.com");
}

static void
without_extra_names(struct asn1_certificate *c)
{
	replace_upn(c, V_ASN1_UTF8STRING, WORLD_UPN);
}

#define LOGON "smartcard-logon"
#define OWN_LOGON "own-logon"

const struct data_defect data_name[] = {
    {.lint = "upn_one", .base = LOGON, .spoil = second_upn},
    {.lint = "upn_string_type", .base = LOGON, .spoil = upn_as_ia5},
    {.lint = "upn_valid", .base = LOGON, .spoil = upn_without_suffix},
    {.lint = "upn_matches", .base = LOGON, .spoil = upn_of_another},
    {.lint = "names_not_critical", .base = LOGON, .spoil = names_critical},
    {.lint = "user_no_host_name", .base = LOGON, .spoil = with_host},
    {.lint = "user_names_known", .base = LOGON, .spoil = with_url},
    {.lint = "sid_present", .base = LOGON, .spoil = no_sid},
    {.lint = "sid_not_critical", .base = LOGON, .spoil = sid_critical},
    {.lint = "sid_encoding", .base = LOGON, .spoil = sid_binary},
    {.lint = "sid_matches", .base = LOGON, .spoil = sid_of_another},
    {.lint = "sid_uri_agrees", .base = LOGON, .spoil = sid_url_of_another},
    {.lint = "user_principal", .base = OWN_LOGON, .spoil = principal_of_a_service},
    {.lint = "user_principal_matches", .base = OWN_LOGON, .spoil = principal_of_another},
    {.lint = "mail_valid", .base = LOGON, .spoil = mail_without_name, .also = "mail_matches"},
    {.lint = "mail_matches", .base = OWN_LOGON, .spoil = mail_of_another},
    {.lint = "extra_names_exact", .base = OWN_LOGON, .spoil = without_extra_names},
    {.lint = "machine_no_upn", .base = "service-client", .spoil = second_upn},
    {.lint = "machine_no_sid", .base = "service-client", .spoil = machine_with_sid},
    {.lint = "machine_name_present", .base = "service-server", .spoil = mail_only},
    {.lint = "machine_name_valid", .base = "service-server", .spoil = with_underscore},
    {.lint = "kdc_principal", .base = "kdc", .spoil = krbtgt_of_another},
    {.lint = "service_no_principal", .base = "service-server", .spoil = with_principal},
};
const size_t data_name_n = NELEMS(data_name);
