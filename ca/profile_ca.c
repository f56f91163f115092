/* Certificates of authorities (CERTIFICATES.md, "CA certificate"; RFC 5280 4.2.1.3, 4.2.1.9). */
#include "ca/profile_parts.h"

#include <string.h>

#include <openssl/objects.h>

DEFINE_OWN(constraints, BASIC_CONSTRAINTS *, BASIC_CONSTRAINTS_free);

static enum fas_code
set_subject(struct profile_work *work, const struct profile_ca_facts *facts, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (!facts->common_name || strlen(facts->common_name) > PROFILE_COMMON_NAME_MAX)
		return profile_bad(e, "common_name", "is missing or over 64 octets (RFC 5280 A.1)");
	if (facts->organization)
		rc = profile_name_add(work->tbs->subject, "O", facts->organization, e);
	if (rc == FAS_OK)
		rc = profile_name_add(work->tbs->subject, "CN", facts->common_name, e);
	return rc;
}

/* Self-issued: the issuer is the subject just built, byte for byte. */
static enum fas_code
issue_to_self(struct asn1_tbs *tbs, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = asn1_encode(ASN1_ITEM_rptr(asn1_name), tbs->subject, &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	ASN1_TYPE_free(tbs->issuer);
	tbs->issuer = asn1_any_sequence(der, len);
	return tbs->issuer ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
add_constraints(struct asn1_tbs *tbs, int path_len, struct fas_err *e)
{
	OWN(constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	if (!constraints)
		return fas_fail_nomem(e);
	constraints->ca = 0xff;
	if (path_len >= 0) {
		constraints->pathlen = ASN1_INTEGER_new();
		if (!constraints->pathlen || !ASN1_INTEGER_set(constraints->pathlen, path_len))
			return fas_fail_nomem(e);
	}
	return profile_extension_add(
	    tbs, NID_basic_constraints, true, ASN1_ITEM_rptr(BASIC_CONSTRAINTS), constraints, e);
}

static enum fas_code
add_extensions(struct profile_work *work, int path_len, struct fas_err *e)
{
	static const int sign_both[] = {5, 6}; /* keyCertSign, cRLSign */
	enum fas_code rc;
	if ((rc = add_constraints(work->tbs, path_len, e)) != FAS_OK)
		return rc;
	if ((rc = profile_add_bits(work->tbs, sign_both, NELEMS(sign_both), e)) != FAS_OK)
		return rc;
	if ((rc = profile_add_key_ids(work, e)) != FAS_OK)
		return rc;
	return work->issuer ? profile_add_locations(work, e) : FAS_OK;
}

enum fas_code
profile_build_ca(const struct profile_issuer *issuer, enum profile_signature signature,
    const struct profile_ca_facts *facts, uint8_t **tbs, size_t *tbs_len, struct fas_err *e)
{
	const struct profile_common common = {
	    .signature = issuer ? issuer->signature : signature,
	    .serial = facts->serial,
	    .serial_len = facts->serial_len,
	    .not_before_s = facts->not_before_s,
	    .not_after_s = facts->not_after_s,
	    .spki = facts->spki,
	    .spki_len = facts->spki_len,
	};
	OWN(profile_work) struct profile_work work = {.issuer = issuer};
	enum fas_code rc;
	if ((rc = profile_start(&work, &common, e)) != FAS_OK)
		return rc;
	if ((rc = set_subject(&work, facts, e)) != FAS_OK)
		return rc;
	if (!issuer && (rc = issue_to_self(work.tbs, e)) != FAS_OK)
		return rc;
	if ((rc = add_extensions(&work, facts->path_len, e)) != FAS_OK)
		return rc;
	return asn1_encode(ASN1_ITEM_rptr(asn1_tbs), work.tbs, tbs, tbs_len, e);
}
