#include "fas/saml/reading.h"

#include <string.h>

#include "fas/saml/decrypt.h"
#include "fas/saml/dsig.h"
#include "fas/saml/encrypted.h"
#include "fas/saml/xml.h"

void
reading_done(struct reading *reading)
{
	for (size_t i = 0; i < reading->n; i++)
		xmlFreeDoc(reading->documents[i]);
	*reading = (struct reading){0};
}

/* ---- documents ---- */

static enum fas_code
add_document(struct reading *r, const uint8_t *bytes, size_t len, size_t max_bytes, xmlDoc **out,
    struct fas_err *e)
{
	if (r->n == READING_DOCUMENTS_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "a response of too many documents");
	enum fas_code rc = xml_parse(bytes, len, max_bytes, out, e);
	if (rc == FAS_OK)
		r->documents[r->n++] = *out;
	return rc;
}

static enum fas_code
add_message(struct reading *r, const uint8_t *bytes, size_t len, size_t max_bytes,
    enum structure_root root, struct structure *out, struct fas_err *e)
{
	xmlDoc *doc = NULL;
	enum fas_code rc = add_document(r, bytes, len, max_bytes, &doc, e);
	return rc == FAS_OK ? structure_check(doc, root, out, e) : rc;
}

enum fas_code
reading_parse(struct reading *r, const uint8_t *xml, size_t len, struct fas_err *e)
{
	return add_message(r, xml, len, SAML_RESPONSE_MAX, STRUCTURE_RESPONSE, &r->whole, e);
}

/* ---- the provider ---- */

static bool
is_expected(const struct saml_expectation *expected, const struct idp *idp)
{
	for (size_t i = 0; i < expected->n_providers; i++) {
		if (strcmp(expected->providers[i], idp->name) == 0)
			return true;
	}
	return expected->n_providers == 0;
}

enum fas_code
reading_find_idp(
    const struct reading *r, const struct saml_trust *trust, struct evidence *ev, struct fas_err *e)
{
	const struct structure *doc = &r->whole;
	/* SAML profiles 4.1.4.2: a Response with an encrypted assertion names its issuer too. */
	const xmlNode *from = doc->assertion ? doc->assertion : doc->response;
	const char *issuer = xml_text(xml_child(from, NS_SAML, "Issuer"));
	ev->idp = issuer ? idp_find(trust, issuer) : NULL;
	if (!ev->idp)
		return fas_fail(e, FAS_E_AUTH, "saml_issuer",
		    "SAML core 2.3.3: Issuer %.200s is none of the identity providers",
		    issuer ? issuer : "(no text)");
	if (!is_expected(ev->expected, ev->idp))
		return fas_fail(e, FAS_E_AUTH, "saml_issuer",
		    "SAML core 2.3.3: provider %.64s may not sign in here", ev->idp->name);
	return idp_is_current(ev->idp, ev->now_s, e);
}

/* ---- signatures ---- */

static enum fas_code
refuse_unsigned(struct fas_err *e)
{
	return fas_fail(e, FAS_E_AUTH, "saml_signature",
	    "SAML profiles 4.1.4.5: neither Response nor Assertion is signed");
}

/* Verify; the signed bytes are a document of their own, which is read by the same rules as the one that came. */
static enum fas_code
verify(struct reading *r, const struct idp *idp, const struct signature *signature,
    enum structure_root root, struct structure *out, struct fas_err *e)
{
	OWN(buf) struct buf bytes;
	buf_init(&bytes, DSIG_SIGNED_MAX);
	enum fas_code rc = dsig_verify(idp, signature, &bytes, e);
	if (rc != FAS_OK)
		return rc;
	rc = add_message(r, bytes.data, bytes.len, DSIG_SIGNED_MAX, root, out, e);
	return rc == FAS_OK ? rc : fas_wrap(e, "signed content");
}

/* Both signatures are looked at before either is verified. */
static enum fas_code
check_signatures(const struct idp *idp, const struct structure *doc, struct signature *response,
    struct signature *assertion, struct fas_err *e)
{
	bool sha1 = idp->insecure_allow_sha1;
	enum fas_code rc = FAS_OK;
	if (doc->response_signature)
		rc = signature_check(doc->response_signature, sha1, response, e);
	if (rc == FAS_OK && doc->assertion_signature)
		rc = signature_check(doc->assertion_signature, sha1, assertion, e);
	return rc;
}

static enum fas_code
prove_plain(struct reading *r, struct evidence *ev, struct fas_err *e)
{
	OWN(buf) struct buf inner;
	const struct structure *whole = &r->whole;
	struct structure proven = *whole;
	struct signature response, assertion;
	enum fas_code rc = check_signatures(ev->idp, whole, &response, &assertion, e);
	buf_init(&inner, DSIG_SIGNED_MAX);
	if (rc == FAS_OK && !whole->response_signature && !whole->assertion_signature)
		rc = refuse_unsigned(e);
	if (rc == FAS_OK && whole->response_signature)
		rc = verify(r, ev->idp, &response, STRUCTURE_RESPONSE, &proven, e);
	if (rc == FAS_OK && whole->assertion_signature)
		rc = whole->response_signature
			 ? dsig_verify(ev->idp, &assertion, &inner, e)
			 : verify(r, ev->idp, &assertion, STRUCTURE_ASSERTION, &proven, e);
	ev->response = whole->response_signature ? proven.response : whole->response;
	ev->assertion = proven.assertion;
	return rc;
}

/* ---- what is encrypted ---- */

static enum fas_code
open_element(const struct evidence *ev, const xmlNode *node, bool is_signed, uint8_t **out,
    size_t *len, struct fas_err *e)
{
	struct encrypted encrypted;
	enum fas_code rc = encrypted_check(node, is_signed, &encrypted, e);
	return rc == FAS_OK ? decrypt(ev->expected->sp, &encrypted, out, len, e) : rc;
}

static enum fas_code
open_assertion(struct reading *r, const struct evidence *ev, const xmlNode *node,
    struct structure *out, struct fas_err *e)
{
	OWN(bytes) uint8_t *plain = NULL;
	size_t len = 0;
	enum fas_code rc = open_element(ev, node, ev->response_signed, &plain, &len, e);
	if (rc != FAS_OK)
		return rc;
	rc = add_message(r, plain, len, SAML_RESPONSE_MAX, STRUCTURE_ASSERTION, out, e);
	if (rc == FAS_OK)
		rc = structure_check_ids(ev->response, out->assertion, e);
	return rc == FAS_OK ? rc : fas_wrap(e, "decrypted assertion");
}

/*
 * The Response's signature first: it says who has encrypted.  Whoever has our certificate can do that, so an assertion that
 * comes out unsigned is worth what is around it.
 */
static enum fas_code
prove_encrypted(struct reading *r, struct evidence *ev, struct fas_err *e)
{
	struct structure outer = r->whole, inner = {0};
	struct signature response, assertion;
	enum fas_code rc = check_signatures(ev->idp, &r->whole, &response, &assertion, e);
	if (rc == FAS_OK && outer.response_signature)
		rc = verify(r, ev->idp, &response, STRUCTURE_RESPONSE, &outer, e);
	ev->response = outer.response;
	if (rc == FAS_OK)
		rc = open_assertion(r, ev, outer.encrypted, &inner, e);
	if (rc == FAS_OK && !inner.assertion_signature && !ev->response_signed)
		rc = refuse_unsigned(e);
	if (rc == FAS_OK && inner.assertion_signature) {
		rc = check_signatures(ev->idp, &inner, &response, &assertion, e);
		if (rc == FAS_OK)
			rc = verify(r, ev->idp, &assertion, STRUCTURE_ASSERTION, &inner, e);
	}
	ev->assertion = inner.assertion;
	return rc;
}

enum fas_code
reading_prove(struct reading *r, struct evidence *ev, struct fas_err *e)
{
	ev->response_signed = r->whole.response_signature != NULL;
	enum fas_code rc = r->whole.encrypted ? prove_encrypted(r, ev, e) : prove_plain(r, ev, e);
	ev->proven = rc == FAS_OK;
	return rc;
}

/* ---- the subject's identifier ---- */

static enum fas_code
refuse_identifier(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, "saml_subject_confirmation", "%s", finding);
}

/* It stands in the assertion: once that is proven, what is not authenticated by itself is by its signature. */
static enum fas_code
open_name_id(struct reading *r, struct evidence *ev, const xmlNode *node, struct fas_err *e)
{
	OWN(bytes) uint8_t *plain = NULL;
	size_t len = 0;
	xmlDoc *doc = NULL;
	enum fas_code rc = open_element(ev, node, ev->proven, &plain, &len, e);
	if (rc == FAS_OK)
		rc = add_document(r, plain, len, SAML_RESPONSE_MAX, &doc, e);
	if (rc != FAS_OK)
		return rc;
	ev->name_id = xmlDocGetRootElement(doc);
	if (!xml_is(ev->name_id, NS_SAML, "NameID"))
		return refuse_identifier(e, "SAML core 2.2.4: EncryptedID holds no NameID");
	return FAS_OK;
}

enum fas_code
reading_find_name_id(struct reading *r, struct evidence *ev, struct fas_err *e)
{
	const xmlNode *subject = xml_child(ev->assertion, NS_SAML, "Subject");
	const xmlNode *encrypted = subject ? xml_child(subject, NS_SAML, "EncryptedID") : NULL;
	ev->name_id = subject ? xml_child(subject, NS_SAML, "NameID") : NULL;
	if (!encrypted)
		return FAS_OK;
	if (ev->name_id || xml_child(subject, NS_SAML, "BaseID"))
		return refuse_identifier(e, "SAML core 2.4.1: Subject has two identifiers");
	return open_name_id(r, ev, encrypted, e);
}
