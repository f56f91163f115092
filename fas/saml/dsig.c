#include "fas/saml/dsig.h"

#include <stdbool.h>
#include <string.h>

#include <libxml/parser.h>

#include "fas/saml/xml.h"

/* Both libraries print to stderr unless told otherwise; what they say may hold parts of the document. */
static void
silence(const char *file, int line, const char *func, const char *object, const char *subject,
    int reason, const char *msg)
{
	(void)file, (void)line, (void)func, (void)object, (void)subject, (void)reason, (void)msg;
}

static void
silence_libxml(void *context, xmlError *error)
{
	(void)context, (void)error;
}

/* xmlsec does not count: what is registered twice is never freed. */
static unsigned users;

enum fas_code
dsig_init(struct fas_err *e)
{
	if (users > 0) {
		users++;
		return FAS_OK;
	}
	xmlInitParser();
	if (xmlSecInit() < 0 || xmlSecCheckVersion() != 1 || xmlSecOpenSSLInit() < 0)
		return fas_fail(e, FAS_E_CRYPTO, "crypto_error", "xmlsec does not start");
	xmlSecErrorsSetCallback(silence);
	xmlSetStructuredErrorFunc(NULL, silence_libxml);             /* of this thread */
	(void)xmlThrDefSetStructuredErrorFunc(NULL, silence_libxml); /* of those to come */
	xmlSecIOCleanupCallbacks();
	users = 1;
	return FAS_OK;
}

void
dsig_done(void)
{
	if (users == 0 || --users > 0)
		return;
	(void)xmlSecOpenSSLShutdown();
	(void)xmlSecShutdown();
	xmlCleanupParser();
}

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, "saml_signature", "SAML core 5.4: %s", finding);
}

/*
 * Exactly the algorithms that signature_check has found, nothing else that xmlsec knows: neither in SignedInfo nor in
 * the Reference, whatever way it reads the document.
 */
static bool
allow_only(xmlSecDSigCtx *ctx, const struct signature *s)
{
	ctx->flags =
	    XMLSEC_DSIG_FLAGS_STORE_SIGNEDINFO_REFERENCES | XMLSEC_DSIG_FLAGS_USE_VISA3D_HACK;
	ctx->enabledReferenceUris = xmlSecTransformUriTypeSameDocument;
	return xmlSecDSigCtxEnableSignatureTransform(ctx, xmlSecTransformExclC14NId) >= 0 &&
	       xmlSecDSigCtxEnableSignatureTransform(ctx, s->method->klass()) >= 0 &&
	       xmlSecDSigCtxEnableReferenceTransform(ctx, xmlSecTransformEnvelopedId) >= 0 &&
	       xmlSecDSigCtxEnableReferenceTransform(ctx, xmlSecTransformExclC14NId) >= 0 &&
	       xmlSecDSigCtxEnableReferenceTransform(ctx, s->digest->klass()) >= 0;
}

/* The one Reference's result, when xmlsec agrees that it is the one that signature_check has seen. */
static xmlSecDSigReferenceCtx *
only_reference(xmlSecDSigCtx *ctx, const struct signature *s)
{
	if (xmlSecPtrListGetSize(&ctx->signedInfoReferences) != 1 ||
	    xmlSecPtrListGetSize(&ctx->manifestReferences) != 0)
		return NULL;
	xmlSecDSigReferenceCtx *ref = xmlSecPtrListGetItem(&ctx->signedInfoReferences, 0);
	if (!ref || !ref->uri || ref->uri[0] != '#' ||
	    strcmp((const char *)ref->uri + 1, s->id) != 0)
		return NULL;
	return ref;
}

static enum fas_code
take_signed(xmlSecDSigReferenceCtx *ref, struct buf *out, struct fas_err *e)
{
	xmlSecBuffer *signed_bytes = xmlSecDSigReferenceCtxGetPreDigestBuffer(ref);
	if (!signed_bytes || xmlSecBufferGetSize(signed_bytes) == 0)
		return refuse(e, "nothing was signed");
	buf_append(out, xmlSecBufferGetData(signed_bytes), xmlSecBufferGetSize(signed_bytes));
	if (out->no_memory)
		return fas_fail_nomem(e);
	if (out->failed)
		return refuse(e, "the canonical form is too long");
	return FAS_OK;
}

/* *digest_ok: the referenced bytes are those of DigestValue, so that another key may be worth a try. */
static enum fas_code
verify_with(
    xmlSecKey *key, const struct signature *s, struct buf *out, bool *digest_ok, struct fas_err *e)
{
	xmlSecDSigCtx ctx;
	if (xmlSecDSigCtxInitialize(&ctx, NULL) < 0)
		return fas_fail_nomem(e);
	enum fas_code rc = FAS_E_AUTH;
	ctx.signKey = key;
	if (allow_only(&ctx, s) && xmlSecDSigCtxVerify(&ctx, s->node) >= 0) {
		xmlSecDSigReferenceCtx *ref = only_reference(&ctx, s);
		*digest_ok = ref && ref->status == xmlSecDSigStatusSucceeded;
		if (*digest_ok && ctx.status == xmlSecDSigStatusSucceeded)
			rc = take_signed(ref, out, e);
	}
	ctx.signKey = NULL; /* lent, not given */
	xmlSecDSigCtxFinalize(&ctx);
	return rc;
}

/* The ID must lead to the parent of the Signature, by the very table in which xmlsec looks it up. */
static bool
register_id(const struct signature *s)
{
	xmlAttr *attr = xmlHasProp(s->signed_node, (const xmlChar *)"ID");
	const xmlChar *id = (const xmlChar *)s->id;
	if (!attr || attr->ns || !xmlAddID(NULL, s->signed_node->doc, id, attr))
		return false;
	return xmlGetID(s->signed_node->doc, id) == attr;
}

enum fas_code
dsig_verify(const struct idp *idp, const struct signature *s, struct buf *out, struct fas_err *e)
{
	bool tried = false, digest_ok = true;
	if (!register_id(s))
		return refuse(e, "the ID does not lead to the signed element");
	for (size_t i = 0; i < idp->n_keys && digest_ok; i++) {
		if (idp->keys[i].kind != s->method->kind)
			continue;
		tried = true;
		enum fas_code rc = verify_with(idp->keys[i].key, s, out, &digest_ok, e);
		if (rc == FAS_OK || (e && e->code != FAS_OK))
			return rc;
	}
	if (!tried)
		return fas_fail(e, FAS_E_AUTH, "saml_algorithm",
		    "SAML core 5.4: provider %s has no key for %s", idp->name, s->method->href);
	return refuse(e, digest_ok ? "the signature is by none of the provider's keys"
				   : "what is signed has been changed, or cannot be digested");
}
