#include "ca/profile.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "ca/profile_parts.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

static const struct profile_shape shapes[] = {
    [PROFILE_SMARTCARD_LOGON] =
	{
	    .name = "smartcard-logon",
	    .user = true,
	    .purposes = {NID_client_auth, NID_ms_smartcard_login},
	},
    [PROFILE_CLIENT_AUTH] =
	{
	    .name = "client-auth",
	    .user = true,
	    .purposes = {NID_client_auth},
	},
    [PROFILE_KDC] =
	{
	    .name = "kdc",
	    .purposes = {NID_pkInitKDC, NID_server_auth},
	},
    [PROFILE_SERVICE_SERVER] =
	{
	    .name = "service-server",
	    .service = true,
	    .purposes = {NID_server_auth},
	},
    [PROFILE_SERVICE_CLIENT] =
	{
	    .name = "service-client",
	    .service = true,
	    .purposes = {NID_client_auth},
	},
};

const struct profile_shape *
profile_shape(enum profile_kind kind)
{
	return &shapes[kind];
}

bool
profile_parse(const char *name, enum profile_kind *out)
{
	for (size_t i = 0; i < NELEMS(shapes); i++) {
		if (strcmp(shapes[i].name, name) == 0) {
			*out = (enum profile_kind)i;
			return true;
		}
	}
	return false;
}

const char *
profile_name(enum profile_kind kind)
{
	return shapes[kind].name;
}

const char *
profile_facts_name(const struct profile_facts *facts)
{
	return facts->own ? facts->own->name : profile_name(facts->kind);
}

enum fas_code
profile_bad(struct fas_err *e, const char *field, const char *finding)
{
	return fas_fail(
	    e, FAS_E_INPUT, "profile_facts", "certificate profile: %s %s", field, finding);
}

void
profile_work_done(struct profile_work *work)
{
	asn1_tbs_free(work->tbs);
	asn1_key_done(&work->key);
}

/* RFC 4055 5: RSA with NULL parameters; RFC 5758 3.2: ECDSA with none. */
static const struct {
	int nid, parameters;
} algorithms[] = {
    [SIGNATURE_RSA_SHA256] = {NID_sha256WithRSAEncryption, V_ASN1_NULL},
    [SIGNATURE_ECDSA_SHA256] = {NID_ecdsa_with_SHA256, V_ASN1_UNDEF},
    [SIGNATURE_ECDSA_SHA384] = {NID_ecdsa_with_SHA384, V_ASN1_UNDEF},
};

bool
profile_set_algorithm(X509_ALGOR *algorithm, enum profile_signature signature)
{
	return X509_ALGOR_set0(algorithm, OBJ_nid2obj(algorithms[signature].nid),
		   algorithms[signature].parameters, NULL) == 1;
}

/* RFC 5280 4.1.2.2: positive, at most 20 octets; both are seen on the first octet. */
static enum fas_code
set_serial(struct asn1_tbs *tbs, const struct profile_common *common, struct fas_err *e)
{
	if (common->serial_len == 0 || common->serial_len > PROFILE_SERIAL_MAX)
		return profile_bad(e, "serial", "is not of 1 to 20 octets (RFC 5280 4.1.2.2)");
	if (common->serial[0] == 0 || common->serial[0] > 0x7f)
		return profile_bad(
		    e, "serial", "does not begin with 01 to 7f (RFC 5280 4.1.2.2: positive)");
	if (!ASN1_STRING_set(tbs->serial, common->serial, (int)common->serial_len))
		return fas_fail_nomem(e);
	return FAS_OK;
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime after: ASN1_TIME_set chooses so. */
static enum fas_code
set_validity(struct asn1_tbs *tbs, const struct profile_common *common, struct fas_err *e)
{
	if (common->not_before_s < 0 || common->not_after_s <= common->not_before_s)
		return profile_bad(e, "validity", "does not end after it begins");
	if (!ASN1_TIME_set(tbs->validity->notBefore, (time_t)common->not_before_s) ||
	    !ASN1_TIME_set(tbs->validity->notAfter, (time_t)common->not_after_s))
		return fas_fail_openssl(e, "RFC 5280 4.1.2.5: validity cannot be written");
	return FAS_OK;
}

static enum fas_code
set_key(struct profile_work *work, const struct profile_common *common, struct fas_err *e)
{
	OWN(asn1_spki)
	struct asn1_spki *spki =
	    asn1_decode(ASN1_ITEM_rptr(asn1_spki), common->spki, common->spki_len);
	if (!spki ||
	    !asn1_is_canonical(ASN1_ITEM_rptr(asn1_spki), spki, common->spki, common->spki_len))
		return profile_bad(e, "spki", "is no DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7)");
	asn1_spki_free(work->tbs->spki);
	work->tbs->spki = TAKE(spki);
	if (!asn1_key_read(work->tbs->spki, &work->key) || work->key.bits == 0)
		return profile_bad(e, "spki",
		    "is neither an RSA key nor one on a known curve (RFC 3279 2.3.1, RFC 5480 2)");
	return FAS_OK;
}

static enum fas_code
set_issuer(struct asn1_tbs *tbs, const X509_NAME *name, struct fas_err *e)
{
	const unsigned char *der = NULL;
	size_t len = 0;
	if (!X509_NAME_get0_der(name, &der, &len))
		return fas_fail_openssl(e, "RFC 5280 4.1.2.4: the issuer has no name");
	ASN1_TYPE_free(tbs->issuer);
	tbs->issuer = asn1_any_sequence(der, len);
	return tbs->issuer ? FAS_OK : fas_fail_nomem(e);
}

/* A certificate that outlives its issuer, or begins before it, chains nowhere at that time. */
static enum fas_code
within_issuer(const X509 *issuer, const struct profile_common *common, struct fas_err *e)
{
	int64_t from_s, to_s;
	if (!asn1_time_to_unix(X509_get0_notBefore(issuer), &from_s) ||
	    !asn1_time_to_unix(X509_get0_notAfter(issuer), &to_s))
		return profile_bad(e, "issuer", "has a validity that RFC 5280 4.1.2.5 forbids");
	if (common->not_before_s >= from_s && common->not_after_s <= to_s)
		return FAS_OK;
	char a[TIME_TEXT_MAX], b[TIME_TEXT_MAX], c[TIME_TEXT_MAX], d[TIME_TEXT_MAX];
	return fas_fail(e, FAS_E_INPUT, "profile_life",
	    "certificate from %s to %s does not lie within its issuer's %s to %s",
	    time_format(common->not_before_s, a), time_format(common->not_after_s, b),
	    time_format(from_s, c), time_format(to_s, d));
}

enum fas_code
profile_start(struct profile_work *work, const struct profile_common *common, struct fas_err *e)
{
	enum fas_code rc;
	work->tbs = asn1_new(ASN1_ITEM_rptr(asn1_tbs));
	if (!work->tbs)
		return fas_fail_nomem(e);
	work->tbs->version = ASN1_INTEGER_new();
	work->tbs->extensions = sk_asn1_extension_new_null();
	if (!work->tbs->version || !work->tbs->extensions ||
	    !ASN1_INTEGER_set(work->tbs->version, X509_VERSION_3) ||
	    !profile_set_algorithm(work->tbs->signature, common->signature))
		return fas_fail_nomem(e);
	if ((rc = set_serial(work->tbs, common, e)) != FAS_OK)
		return rc;
	if ((rc = set_validity(work->tbs, common, e)) != FAS_OK)
		return rc;
	if ((rc = set_key(work, common, e)) != FAS_OK)
		return rc;
	if (!work->issuer)
		return FAS_OK;
	if ((rc = within_issuer(work->issuer->certificate, common, e)) != FAS_OK)
		return rc;
	return set_issuer(work->tbs, X509_get_subject_name(work->issuer->certificate), e);
}

enum fas_code
profile_build(const struct profile_issuer *issuer, const struct profile_facts *facts, uint8_t **tbs,
    size_t *tbs_len, struct fas_err *e)
{
	const struct profile_common common = {
	    .signature = issuer->signature,
	    .serial = facts->serial,
	    .serial_len = facts->serial_len,
	    .not_before_s = facts->not_before_s,
	    .not_after_s = facts->not_after_s,
	    .spki = facts->spki,
	    .spki_len = facts->spki_len,
	};
	OWN(profile_work) struct profile_work work = {.issuer = issuer, .facts = facts};
	enum fas_code rc;
	if ((rc = profile_start(&work, &common, e)) != FAS_OK)
		return rc;
	if ((rc = profile_subject(&work, e)) != FAS_OK)
		return rc;
	if ((rc = profile_extensions(&work, e)) != FAS_OK)
		return rc;
	return asn1_encode(ASN1_ITEM_rptr(asn1_tbs), work.tbs, tbs, tbs_len, e);
}

enum fas_code
profile_assemble(enum profile_signature algorithm, const uint8_t *tbs, size_t tbs_len,
    const uint8_t *signature, size_t signature_len, uint8_t **der, size_t *der_len,
    struct fas_err *e)
{
	OWN(asn1_signed) struct asn1_signed *whole = asn1_new(ASN1_ITEM_rptr(asn1_signed));
	if (!whole)
		return fas_fail_nomem(e);
	ASN1_TYPE_free(whole->body);
	whole->body = asn1_any_sequence(tbs, tbs_len);
	if (!whole->body || !profile_set_algorithm(whole->algorithm, algorithm) ||
	    !asn1_set_octets(whole->signature, signature, signature_len))
		return fas_fail_nomem(e);
	return asn1_encode(ASN1_ITEM_rptr(asn1_signed), whole, der, der_len, e);
}

static enum fas_code
signature_for_curve(EVP_PKEY *key, enum profile_signature *out, struct fas_err *e)
{
	char group[32] = "";
	(void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
	int nid = OBJ_txt2nid(group);
	if (nid == NID_X9_62_prime256v1)
		*out = SIGNATURE_ECDSA_SHA256;
	else if (nid == NID_secp384r1)
		*out = SIGNATURE_ECDSA_SHA384;
	else
		return fas_fail(e, FAS_E_INPUT, "profile_key",
		    "RFC 5480 2.1.1.1: curve %s signs no certificate here, want P-256 or P-384",
		    group[0] ? group : "without a name");
	return FAS_OK;
}

enum fas_code
profile_signature_for(EVP_PKEY *key, enum profile_signature *out, struct fas_err *e)
{
	ERR_set_mark();
	bool rsa = EVP_PKEY_is_a(key, "RSA") == 1, ec = EVP_PKEY_is_a(key, "EC") == 1;
	enum fas_code rc = FAS_OK;
	if (rsa)
		*out = SIGNATURE_RSA_SHA256;
	else if (ec)
		rc = signature_for_curve(key, out, e);
	else
		rc = fas_fail(e, FAS_E_INPUT, "profile_key",
		    "a CA key is RSA, P-256 or P-384; this one is neither");
	ERR_pop_to_mark();
	return rc;
}
