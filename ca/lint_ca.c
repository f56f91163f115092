/* Certificates of authorities: what ca install asks of the answer to its request. */
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "ca/lint_parts.h"

static void
ca_constraints_present(struct lint_run *run)
{
	if (!lint_slot(run, SLOT_CONSTRAINTS)->at)
		lint_say(run, "basicConstraints are missing");
}

static void
ca_constraints_critical(struct lint_run *run)
{
	const struct asn1_extension *constraints = lint_slot(run, SLOT_CONSTRAINTS)->at;
	if (constraints && !constraints->critical)
		lint_say(run, "basicConstraints are not critical");
}

static void
ca_true(struct lint_run *run)
{
	const BASIC_CONSTRAINTS *constraints = lint_slot(run, SLOT_CONSTRAINTS)->value;
	if (constraints && !constraints->ca)
		lint_say(run, "basicConstraints do not say CA:TRUE");
}

/* AD CS leaves it out unless told otherwise: then this CA could make others. */
static void
ca_path_length(struct lint_run *run)
{
	const BASIC_CONSTRAINTS *constraints = lint_slot(run, SLOT_CONSTRAINTS)->value;
	if (!constraints || run->self_issued)
		return;
	if (!constraints->pathlen || ASN1_INTEGER_get(constraints->pathlen) != 0)
		lint_say(run, "path length is not 0: this CA could certify further CAs");
}

static void
ca_path_allowed(struct lint_run *run)
{
	X509 *issuer = run->context->issuer;
	if (issuer && !run->self_issued && X509_get_pathlen(issuer) == 0)
		lint_say(run, "the issuer's path length 0 allows no CA below it");
}

/* Windows takes a CA's extendedKeyUsage as the bound of everything below it. */
static void
ca_purposes_nest(struct lint_run *run)
{
	static const int needed[] = {NID_client_auth, NID_ms_smartcard_login};
	const EXTENDED_KEY_USAGE *purposes = lint_slot(run, SLOT_PURPOSES)->value;
	size_t found = 0;
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i));
		if (nid == NID_anyExtendedKeyUsage)
			return;
		for (size_t k = 0; k < NELEMS(needed); k++)
			found += needed[k] == nid;
	}
	if (purposes && found < NELEMS(needed))
		lint_say(run,
		    "extendedKeyUsage lacks clientAuth or smart card logon, which are issued "
		    "below");
}

static void
ca_no_identity(struct lint_run *run)
{
	if (lint_slot(run, SLOT_SID)->at)
		lint_say(run, "a CA certificate carries a SID");
}

const struct lint lints_ca[] = {
    {"ca_constraints_present", "RFC 5280 4.2.1.9", LINT_CA, LINT_ERROR, ca_constraints_present},
    {"ca_constraints_critical", "RFC 5280 4.2.1.9", LINT_CA, LINT_ERROR, ca_constraints_critical},
    {"ca_true", "RFC 5280 4.2.1.9, 6.1.4 (k)", LINT_CA, LINT_ERROR, ca_true},
    {"ca_path_length", "RFC 5280 4.2.1.9", LINT_CA, LINT_WARNING, ca_path_length},
    {"ca_path_allowed", "RFC 5280 6.1.4 (l)", LINT_CA, LINT_ERROR, ca_path_allowed},
    {"ca_purposes_nest", "Microsoft, extended key usage of CAs", LINT_CA, LINT_ERROR,
	ca_purposes_nest},
    {"ca_no_identity", "KB5014754", LINT_CA, LINT_ERROR, ca_no_identity},
};
const size_t lints_ca_n = NELEMS(lints_ca);
