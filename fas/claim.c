#include "fas/claim.h"

#include <string.h>

#include <openssl/evp.h>

#include "fas/base/text.h"
#include "fas/logout.h"

/*
 * How long a replay is remembered at least: the largest max_age (1 h) and twice the largest clock_skew (5 min) that any
 * configuration can say, and a margin.  So an assertion that was pruned stays unacceptable also after an administrator
 * has widened both and restarted.
 */
#define CLAIM_MEMORY_S (3600 + 2 * 300 + 300)

static enum fas_code
digest(const uint8_t *data, size_t len, uint8_t out[DIGEST_BYTES], struct fas_err *e)
{
	unsigned n = DIGEST_BYTES;
	if (EVP_Digest(data, len, out, &n, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "digest");
	return FAS_OK;
}

static void
fill_claim(struct verified *v, const struct caller *caller, int64_t now_s)
{
	int64_t end = v->assertion->expires_s;
	v->claim = (struct claim){
	    .idp = v->assertion->idp,
	    .assertion_id = v->assertion->assertion_id,
	    .claimant = caller_format(caller, v->claimant),
	    .response_digest = v->response_digest,
	    .expires_s = end > now_s + CLAIM_MEMORY_S ? end : now_s + CLAIM_MEMORY_S,
	};
}

/* Whether one of before was used between the backup and its restore, nobody can know any more. */
static enum fas_code
check_restore(
    const struct service *service, const struct saml_assertion *assertion, struct fas_err *e)
{
	if (assertion->issued_s >= service->assertions_from_s)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_before_restore",
	    "assertion %.80s may have been issued before this service was restored from a backup, "
	    "and used then",
	    assertion->assertion_id);
}

/* With our own keys as they are now, for what is encrypted. */
static enum fas_code
verify(struct service *service, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e)
{
	struct saml_expectation whole = *expected;
	const struct saml_trust *trust = service_trust_hold(service);
	whole.sp = service->sp;
	enum fas_code rc = saml_verify(trust, xml, len, &whole, now_s, out, e);
	service_trust_release(service);
	return rc;
}

enum fas_code
verified_read(struct service *service, const struct request *request, const char *saml_response,
    const struct saml_expectation *expected, int64_t now_s, struct verified *out, struct fas_err *e)
{
	OWN(bytes) uint8_t *xml = NULL;
	size_t len = 0;
	enum fas_code rc = base64_decode(saml_response, strlen(saml_response), true, &xml, &len, e);
	if (rc == FAS_OK && len > SAML_RESPONSE_MAX)
		rc = fas_fail(e, FAS_E_INPUT, "saml_xml", "a response of %zu bytes, at most %d",
		    len, SAML_RESPONSE_MAX);
	if (rc == FAS_OK)
		rc = digest(xml, len, out->response_digest, e);
	if (rc == FAS_OK)
		rc = verify(service, xml, len, expected, now_s, &out->assertion, e);
	if (rc == FAS_OK)
		rc = check_restore(service, out->assertion, e);
	if (rc == FAS_OK)
		rc = facts_from_assertion(out->assertion, request->caller, &out->facts, e);
	if (rc == FAS_OK)
		fill_claim(out, request->caller, now_s);
	return rc;
}

enum fas_code
verified_check_logout(struct db *db, const struct verified *v, struct fas_err *e)
{
	return logout_check_assertion(db, &v->facts, v->assertion->issued_s, e);
}

void
verified_done(struct verified *verified)
{
	if (verified->assertion)
		saml_assertion_free(verified->assertion);
	verified->assertion = NULL;
	facts_done(&verified->facts);
}
