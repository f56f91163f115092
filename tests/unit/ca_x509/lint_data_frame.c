/* Defects of the frame: encoding, version, serial, signature, validity, subject, key. */
#include <string.h>

#include <openssl/objects.h>

#include "lint_data.h"

#define HOUR_S 3600

static void
append_octet(uint8_t *der, size_t *len)
{
	der[(*len)++] = 0;
}

/* keyUsage's critical flag: TRUE as 01, which BER allows. */
static void
weaken_true(uint8_t *der, size_t *len)
{
	static const uint8_t usage[] = {0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01, 0x01, 0xff};
	uint8_t *at = memmem(der, *len, usage, sizeof(usage));
	NEED(at != NULL);
	at[sizeof(usage) - 1] = 0x01;
}

static void
version_2(struct asn1_certificate *c)
{
	NEED(ASN1_INTEGER_set(c->tbs->version, X509_VERSION_2));
}

static void
serial_zero(struct asn1_certificate *c)
{
	NEED(ASN1_INTEGER_set(c->tbs->serial, 0));
}

static void
serial_octets(struct asn1_certificate *c, int len)
{
	uint8_t serial[32];
	memset(serial, 0x5a, sizeof(serial));
	NEED(ASN1_STRING_set(c->tbs->serial, serial, len));
}

static void
serial_long(struct asn1_certificate *c)
{
	serial_octets(c, 21);
}

static void
serial_short(struct asn1_certificate *c)
{
	serial_octets(c, 7);
}

static void
inner_algorithm(struct asn1_certificate *c)
{
	data_set_algorithm(c->tbs->signature, NID_ecdsa_with_SHA256);
}

static void
both_algorithms(struct asn1_certificate *c, int nid)
{
	data_set_algorithm(c->tbs->signature, nid);
	data_set_algorithm(c->algorithm, nid);
}

static void
sha1(struct asn1_certificate *c)
{
	both_algorithms(c, NID_sha1WithRSAEncryption);
}

static void
pss(struct asn1_certificate *c)
{
	both_algorithms(c, NID_rsassaPss);
}

static void
ecdsa(struct asn1_certificate *c)
{
	both_algorithms(c, NID_ecdsa_with_SHA256);
}

/* The right name as a PrintableString: the same to a reader, other bytes to a KDC. */
static void
issuer_retyped(struct asn1_certificate *c)
{
	ASN1_STRING *issuer = c->tbs->issuer->value.sequence;
	uint8_t name[200];
	size_t len = (size_t)ASN1_STRING_length(issuer);
	NEED(len <= sizeof(name));
	memcpy(name, ASN1_STRING_get0_data(issuer), len);
	uint8_t *at = memchr(name, V_ASN1_UTF8STRING, len);
	NEED(at != NULL);
	*at = V_ASN1_PRINTABLESTRING;
	NEED(ASN1_STRING_set(issuer, name, (int)len));
}

static void
time_form(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notAfter, WORLD_NOW + WORLD_LONGEST_S, true);
}

static void
times_swapped(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notAfter, WORLD_NOW - 301, false);
}

static void
beyond_issuer(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notAfter, WORLD_NOW + INT64_C(30) * 365 * 86400, true);
}

static void
long_life(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notAfter, WORLD_NOW + WORLD_LONGEST_S + 1, false);
}

static void
far_back(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notBefore, WORLD_NOW - 2 * HOUR_S, false);
}

static void
not_begun(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notBefore, WORLD_NOW + 60, false);
}

static void
expired(struct asn1_certificate *c)
{
	data_set_time(c->tbs->validity->notAfter, WORLD_NOW - 10, false);
}

static void
unique_id(struct asn1_certificate *c)
{
	c->tbs->issuer_uid = ASN1_BIT_STRING_new();
	NEED(c->tbs->issuer_uid && asn1_set_octets(c->tbs->issuer_uid, (const uint8_t *)"x", 1));
}

static void
no_subject(struct asn1_certificate *c)
{
	data_set_subject(c->tbs, NULL, 0);
}

static void
no_domain(struct asn1_certificate *c)
{
	static const char *const subject[][2] = {{"CN", "alice"}};
	data_set_subject(c->tbs, subject, NELEMS(subject));
}

static void
domain_as_utf8(struct asn1_certificate *c)
{
	X509_NAME_ENTRY *dc = data_attribute(c->tbs, NID_domainComponent);
	NEED(X509_NAME_ENTRY_set_data(
	    dc, V_ASN1_UTF8STRING, (const unsigned char *)"com", (int)strlen("com")));
}

static void
long_name(struct asn1_certificate *c)
{
	static const char name[] =
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	NEED(X509_NAME_ENTRY_set_data(data_attribute(c->tbs, NID_commonName), V_ASN1_UTF8STRING,
	    (const unsigned char *)name, 65));
}

static void
role_unknown(struct asn1_certificate *c)
{
	NEED(X509_NAME_ENTRY_set_data(data_attribute(c->tbs, NID_organizationalUnitName),
	    V_ASN1_UTF8STRING, (const unsigned char *)"administrator", -1));
}

static void
name_other(struct asn1_certificate *c)
{
	NEED(X509_NAME_ENTRY_set_data(data_attribute(c->tbs, NID_commonName), V_ASN1_UTF8STRING,
	    (const unsigned char *)"other.corp.example.com", -1));
}

static void
ed25519(struct asn1_certificate *c)
{
	struct data_spki spki = data_ec(NID_X9_62_prime256v1, 33, false);
	struct asn1_spki *value = asn1_decode(ASN1_ITEM_rptr(asn1_spki), spki.der, spki.len);
	free(spki.der);
	NEED(value &&
	     X509_ALGOR_set0(value->algorithm, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL));
	NEED(asn1_encode(ASN1_ITEM_rptr(asn1_spki), value, &spki.der, &spki.len, NULL) == FAS_OK);
	asn1_spki_free(value);
	data_set_key(c->tbs, spki);
}

static void
rsa_without_null(struct asn1_certificate *c)
{
	NEED(X509_ALGOR_set0(
	    c->tbs->spki->algorithm, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_UNDEF, NULL));
}

static void
rsa_1024(struct asn1_certificate *c)
{
	data_set_key(c->tbs, data_rsa(1024, 65537, "small"));
}

static void
rsa_exponent_3(struct asn1_certificate *c)
{
	data_set_key(c->tbs, data_rsa(2048, 3, "three"));
}

/* SEQUENCE { modulus, exponent of 5 octets }: the modulus ends 6 octets before the end. */
static void
rsa_even(struct asn1_certificate *c)
{
	struct data_spki spki = data_rsa(2048, 65537, "even");
	spki.der[spki.len - 6] &= 0xfe;
	data_set_key(c->tbs, spki);
}

static void
explicit_curve(struct asn1_certificate *c)
{
	data_set_key(c->tbs, data_ec(NID_X9_62_prime256v1, 65, true));
}

static void
p521(struct asn1_certificate *c)
{
	data_set_key(c->tbs, data_ec(NID_secp521r1, 133, false));
}

#define LOGON "smartcard-logon"

const struct data_defect data_frame[] = {
    {.lint = "certificate_well_formed", .base = LOGON, .patch = append_octet},
    {.lint = "encoding_canonical", .base = LOGON, .patch = weaken_true},
    {.lint = "version_3", .base = LOGON, .spoil = version_2},
    {.lint = "serial_positive", .base = LOGON, .spoil = serial_zero},
    {.lint = "serial_length", .base = LOGON, .spoil = serial_long},
    {.lint = "serial_entropy", .base = LOGON, .spoil = serial_short},
    {.lint = "signature_algorithms_agree", .base = LOGON, .spoil = inner_algorithm},
    {.lint = "signature_not_weak", .base = LOGON, .spoil = sha1},
    {.lint = "signature_allowed", .base = LOGON, .spoil = pss},
    {.lint = "signature_fits_issuer", .base = LOGON, .spoil = ecdsa},
    {.lint = "issuer_matches", .base = LOGON, .spoil = issuer_retyped},
    {.lint = "validity_encoding", .base = LOGON, .spoil = time_form},
    {.lint = "validity_order", .base = LOGON, .spoil = times_swapped},
    {.lint = "validity_within_issuer", .base = "ca", .spoil = beyond_issuer},
    {.lint = "validity_length", .base = LOGON, .spoil = long_life},
    {.lint = "validity_backdate", .base = LOGON, .spoil = far_back},
    {.lint = "validity_begun", .base = LOGON, .spoil = not_begun},
    {.lint = "validity_not_over", .base = LOGON, .spoil = expired},
    {.lint = "no_unique_ids", .base = LOGON, .spoil = unique_id},
    {.lint = "subject_present", .base = LOGON, .spoil = no_subject},
    {.lint = "subject_domain", .base = LOGON, .spoil = no_domain},
    {.lint = "subject_string_types", .base = LOGON, .spoil = domain_as_utf8},
    {.lint = "subject_sizes", .base = LOGON, .spoil = long_name},
    {.lint = "client_role", .base = "service-client", .spoil = role_unknown},
    {.lint = "client_name", .base = "service-client", .spoil = name_other},
    {.lint = "key_type", .base = LOGON, .spoil = ed25519},
    {.lint = "key_encoding", .base = LOGON, .spoil = rsa_without_null},
    {.lint = "key_rsa_size", .base = LOGON, .spoil = rsa_1024},
    {.lint = "key_rsa_exponent", .base = LOGON, .spoil = rsa_exponent_3},
    {.lint = "key_rsa_odd", .base = LOGON, .spoil = rsa_even},
    {.lint = "key_named_curve", .base = LOGON, .spoil = explicit_curve},
    {.lint = "key_curve", .base = LOGON, .spoil = p521},
};
const size_t data_frame_n = NELEMS(data_frame);
