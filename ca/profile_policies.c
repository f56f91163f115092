/* Issuance policies of users' certificates: those of the profile, and those that a request asks for. */
#include <string.h>

#include <openssl/x509v3.h>

#include "ca/profile_parts.h"

DEFINE_OWN(policies, CERTIFICATEPOLICIES *, CERTIFICATEPOLICIES_free);
DEFINE_OWN(policy_info, POLICYINFO *, POLICYINFO_free);

size_t
profile_policies(const struct profile_own *own, const char *const *asked, size_t n_asked,
    const char *out[PROFILE_POLICIES_MAX])
{
	size_t n = 0;
	for (size_t i = 0; own && i < own->n_policies; i++)
		out[n++] = own->policies[i];
	for (size_t i = 0; i < n_asked && i < PROFILE_ASKED_POLICIES_MAX; i++) {
		size_t k = 0;
		while (k < n && strcmp(out[k], asked[i]) != 0)
			k++;
		if (k == n)
			out[n++] = asked[i];
	}
	return n;
}

static enum fas_code
push_policy(CERTIFICATEPOLICIES *policies, const char *oid, struct fas_err *e)
{
	OWN(policy_info) POLICYINFO *one = POLICYINFO_new();
	if (!one)
		return fas_fail_nomem(e);
	ASN1_OBJECT_free(one->policyid);
	one->policyid = NULL;
	enum fas_code rc = profile_oid(oid, &one->policyid, e);
	if (rc != FAS_OK)
		return rc;
	if (!sk_POLICYINFO_push(policies, one))
		return fas_fail_nomem(e);
	one = NULL;
	return FAS_OK;
}

enum fas_code
profile_add_policies(struct profile_work *work, struct fas_err *e)
{
	const struct profile_facts *facts = work->facts;
	const char *oids[PROFILE_POLICIES_MAX];
	size_t n = profile_policies(facts->own, facts->policies, facts->n_policies, oids);
	if (n == 0)
		return FAS_OK;
	OWN(policies) CERTIFICATEPOLICIES *policies = sk_POLICYINFO_new_null();
	enum fas_code rc = policies ? FAS_OK : fas_fail_nomem(e);
	for (size_t i = 0; rc == FAS_OK && i < n; i++)
		rc = push_policy(policies, oids[i], e);
	if (rc != FAS_OK)
		return rc;
	return profile_extension_add(work->tbs, NID_certificate_policies, false,
	    ASN1_ITEM_rptr(CERTIFICATEPOLICIES), policies, e);
}
