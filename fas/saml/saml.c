#include "fas/saml/saml.h"

#include <string.h>

#include "fas/saml/assertion.h"
#include "fas/saml/dsig.h"
#include "fas/saml/idp.h"
#include "fas/saml/structure.h"
#include "fas/saml/xml.h"

enum fas_code
saml_init(struct fas_err *e)
{
	return dsig_init(e);
}

void
saml_done(void)
{
	dsig_done();
}

void
saml_assertion_free(struct saml_assertion *a)
{
	if (!a)
		return;
	free(a->idp);
	free(a->issuer);
	free(a->assertion_id);
	free(a->response_id);
	free(a->name_id);
	free(a->name_id_format);
	free(a->name_qualifier);
	free(a->sp_name_qualifier);
	free(a->session_index);
	free(a->email);
	free(a->forest);
	free(a->domain);
	free(a->upn);
	free(a->authn_context);
	free(a);
}

static bool
is_expected(const struct saml_expectation *expected, const struct idp *idp)
{
	for (size_t i = 0; i < expected->n_providers; i++) {
		if (strcmp(expected->providers[i], idp->name) == 0)
			return true;
	}
	return expected->n_providers == 0;
}

/* Whose keys to try: a hint from bytes that nobody has verified yet; check_issuers asks the signed ones. */
static enum fas_code
find_idp(const struct saml_trust *trust, const struct saml_expectation *expected,
    const struct structure *doc, const struct idp **out, struct fas_err *e)
{
	const char *issuer = xml_text(xml_child(doc->assertion, NS_SAML, "Issuer"));
	*out = issuer ? idp_find(trust, issuer) : NULL;
	if (*out && is_expected(expected, *out))
		return FAS_OK;
	if (*out)
		return fas_fail(e, FAS_E_AUTH, "saml_issuer",
		    "SAML core 2.3.3: provider %.64s may not sign in here", (*out)->name);
	return fas_fail(e, FAS_E_AUTH, "saml_issuer",
	    "SAML core 2.3.3: Issuer %.200s is none of the identity providers",
	    issuer ? issuer : "(no text)");
}

/* Both signatures are looked at before either is verified. */
static enum fas_code
check_signatures(const struct idp *idp, const struct structure *doc, struct signature *response,
    struct signature *assertion, struct fas_err *e)
{
	bool sha1 = idp->insecure_allow_sha1;
	enum fas_code rc = FAS_OK;
	if (!doc->response_signature && !doc->assertion_signature)
		return fas_fail(e, FAS_E_AUTH, "saml_signature",
		    "SAML profiles 4.1.4.5: neither Response nor Assertion is signed");
	if (doc->response_signature)
		rc = signature_check(doc->response_signature, sha1, response, e);
	if (rc == FAS_OK && doc->assertion_signature)
		rc = signature_check(doc->assertion_signature, sha1, assertion, e);
	return rc;
}

/*
 * Verify every signature that is there; signed_bytes gets those of the Response if it is signed, else those of the
 * Assertion.
 */
static enum fas_code
verify_signatures(
    const struct idp *idp, const struct structure *doc, struct buf *signed_bytes, struct fas_err *e)
{
	OWN(buf) struct buf inner;
	struct signature response, assertion;
	enum fas_code rc = check_signatures(idp, doc, &response, &assertion, e);
	buf_init(&inner, DSIG_SIGNED_MAX);
	if (rc == FAS_OK && doc->response_signature)
		rc = dsig_verify(idp, &response, signed_bytes, e);
	if (rc == FAS_OK && doc->assertion_signature)
		rc = dsig_verify(
		    idp, &assertion, doc->response_signature ? &inner : signed_bytes, e);
	return rc;
}

/* The signed bytes are a document of their own; it is read by the same rules as the one that came. */
static enum fas_code
reparse(const struct buf *signed_bytes, bool is_response, xmlDoc **doc, struct structure *out,
    struct fas_err *e)
{
	enum fas_code rc =
	    xml_parse(signed_bytes->data, signed_bytes->len, DSIG_SIGNED_MAX, doc, e);
	if (rc == FAS_OK)
		rc = structure_check(
		    *doc, is_response ? STRUCTURE_RESPONSE : STRUCTURE_ASSERTION, out, e);
	return rc == FAS_OK ? rc : fas_wrap(e, "signed content");
}

static enum fas_code
copy_names(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const char *id = xml_attr(ev->assertion, "ID");
	const char *response_id = xml_attr(ev->response, "ID");
	out->idp = strdup(ev->idp->name);
	out->issuer = strdup(ev->idp->entity_id);
	out->assertion_id = id ? strdup(id) : NULL;
	if (ev->response_signed && response_id && !(out->response_id = strdup(response_id)))
		return fas_fail_nomem(e);
	return out->idp && out->issuer && out->assertion_id ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
judge(const struct evidence *ev, struct saml_assertion **out, struct fas_err *e)
{
	OWN(assertion) struct saml_assertion *a = calloc(1, sizeof(*a));
	if (!a)
		return fas_fail_nomem(e);
	enum fas_code rc = assertion_check(ev, a, e);
	if (rc == FAS_OK)
		rc = claims_read(ev, a, e);
	if (rc == FAS_OK)
		rc = copy_names(ev, a, e);
	if (rc == FAS_OK)
		*out = TAKE(a);
	return rc;
}

enum fas_code
saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e)
{
	OWN(xml) xmlDoc *envelope = NULL;
	OWN(xml) xmlDoc *content = NULL;
	OWN(buf) struct buf signed_bytes;
	struct structure whole, proven;
	struct evidence ev = {.expected = expected, .now_s = now_s};
	enum fas_code rc;
	*out = NULL;
	buf_init(&signed_bytes, DSIG_SIGNED_MAX);
	if ((rc = xml_parse(xml, len, SAML_RESPONSE_MAX, &envelope, e)) != FAS_OK ||
	    (rc = structure_check(envelope, STRUCTURE_RESPONSE, &whole, e)) != FAS_OK ||
	    (rc = find_idp(trust, expected, &whole, &ev.idp, e)) != FAS_OK ||
	    (rc = verify_signatures(ev.idp, &whole, &signed_bytes, e)) != FAS_OK)
		return rc;
	ev.response_signed = whole.response_signature != NULL;
	if ((rc = reparse(&signed_bytes, ev.response_signed, &content, &proven, e)) != FAS_OK)
		return rc;
	ev.response = ev.response_signed ? proven.response : whole.response;
	ev.assertion = proven.assertion;
	return judge(&ev, out, e);
}
