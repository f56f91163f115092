#include "fas/saml/signature.h"

#include <string.h>

#include "fas/saml/model.h"
#include "fas/saml/xml.h"

#define MORE "http://www.w3.org/2001/04/xmldsig-more#"
#define ENVELOPED NS_DSIG "enveloped-signature"
#define CLAUSE "XML Signature 4"

static const struct signature_method methods[] = {
    {MORE "rsa-sha256", xmlSecOpenSSLTransformRsaSha256GetKlass, KEY_RSA, false, "SHA256"},
    {MORE "rsa-sha384", xmlSecOpenSSLTransformRsaSha384GetKlass, KEY_RSA, false, "SHA384"},
    {MORE "rsa-sha512", xmlSecOpenSSLTransformRsaSha512GetKlass, KEY_RSA, false, "SHA512"},
    {MORE "ecdsa-sha256", xmlSecOpenSSLTransformEcdsaSha256GetKlass, KEY_EC, false, "SHA256"},
    {MORE "ecdsa-sha384", xmlSecOpenSSLTransformEcdsaSha384GetKlass, KEY_EC, false, "SHA384"},
    {MORE "ecdsa-sha512", xmlSecOpenSSLTransformEcdsaSha512GetKlass, KEY_EC, false, "SHA512"},
    {NS_DSIG "rsa-sha1", xmlSecOpenSSLTransformRsaSha1GetKlass, KEY_RSA, true, "SHA1"},
};

static const struct digest_method digests[] = {
    {NS_XENC "sha256", xmlSecOpenSSLTransformSha256GetKlass, false},
    {MORE "sha384", xmlSecOpenSSLTransformSha384GetKlass, false},
    {NS_XENC "sha512", xmlSecOpenSSLTransformSha512GetKlass, false},
    {NS_DSIG "sha1", xmlSecOpenSSLTransformSha1GetKlass, true},
};

#define SIGNATURE_MODEL(...)                                                                       \
	{                                                                                          \
		CLAUSE, FAS_E_AUTH, "saml_signature",                                              \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/* No Object: nothing that the signature brings along is ever looked at. */
static const struct model signature_model = SIGNATURE_MODEL({NS_DSIG, "SignedInfo", 0, 1, 1},
    {NS_DSIG, "SignatureValue", 1, 1, 1}, {NS_DSIG, "KeyInfo", 2, 0, 1});
static const struct model signed_info_model =
    SIGNATURE_MODEL({NS_DSIG, "CanonicalizationMethod", 0, 1, 1},
	{NS_DSIG, "SignatureMethod", 1, 1, 1}, {NS_DSIG, "Reference", 2, 1, 1});
static const struct model reference_model = SIGNATURE_MODEL({NS_DSIG, "Transforms", 0, 1, 1},
    {NS_DSIG, "DigestMethod", 1, 1, 1}, {NS_DSIG, "DigestValue", 2, 1, 1});
static const struct model transforms_model =
    SIGNATURE_MODEL({NS_DSIG, "Transform", 0, 1, MODEL_MANY});
static const struct model c14n_model =
    SIGNATURE_MODEL({NS_EXC_C14N, "InclusiveNamespaces", 0, 0, 1});
/* HMACOutputLength and whatever other parameter. */
static const struct model no_parameters_model = SIGNATURE_MODEL({NULL, NULL, 0, 0, 0});

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, "saml_signature", "%s", finding);
}

static enum fas_code
refuse_algorithm(struct fas_err *e, const char *what, const char *href)
{
	return fas_fail(e, FAS_E_AUTH, "saml_algorithm", "SAML core 5.4: %s %.100s is not allowed",
	    what, href ? href : "(none)");
}

/* ---- the algorithms ---- */

/* SAML core 5.4.3; inclusive c14n costs 20 s of CPU for 56 KB, and drags in namespaces from outside. */
static enum fas_code
check_c14n(const xmlNode *node, const char *what, struct fas_err *e)
{
	const char *href = xml_attr(node, "Algorithm");
	if (!href || strcmp(href, NS_EXC_C14N) != 0)
		return refuse_algorithm(e, what, href);
	enum fas_code rc = model_check(&c14n_model, node, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *inclusive = xml_first(node);
	const char *prefixes = inclusive ? xml_attr(inclusive, "PrefixList") : "";
	if (!prefixes || strlen(prefixes) > SIGNATURE_PREFIX_LIST_MAX)
		return refuse(e, "Exclusive XML Canonicalization 3: PrefixList is missing or too "
				 "long");
	return FAS_OK;
}

const struct signature_method *
signature_method_find(const char *href, bool allow_sha1)
{
	for (size_t i = 0; i < NELEMS(methods); i++) {
		if (strcmp(methods[i].href, href) == 0 && (!methods[i].sha1 || allow_sha1))
			return &methods[i];
	}
	return NULL;
}

static enum fas_code
find_method(
    const xmlNode *node, bool allow_sha1, const struct signature_method **out, struct fas_err *e)
{
	const char *href = xml_attr(node, "Algorithm");
	*out = href ? signature_method_find(href, allow_sha1) : NULL;
	if (!*out)
		return refuse_algorithm(e, "signature method", href);
	return model_check(&no_parameters_model, node, e);
}

static enum fas_code
find_digest(
    const xmlNode *node, bool allow_sha1, const struct digest_method **out, struct fas_err *e)
{
	const char *href = xml_attr(node, "Algorithm");
	for (size_t i = 0; href && i < NELEMS(digests); i++) {
		if (strcmp(digests[i].href, href) != 0 || (digests[i].sha1 && !allow_sha1))
			continue;
		*out = &digests[i];
		return model_check(&no_parameters_model, node, e);
	}
	return refuse_algorithm(e, "digest method", href);
}

/* ---- the Reference ---- */

/*
 * SAML core 5.4.4 allows enveloped and exclusive c14n only.  Both are needed here: without the first the signature
 * would sign itself, without the second inclusive c14n is the default.
 */
static enum fas_code
check_transforms(const xmlNode *transforms, struct fas_err *e)
{
	enum fas_code rc = model_check(&transforms_model, transforms, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *first = xml_first(transforms);
	const char *href = first ? xml_attr(first, "Algorithm") : NULL;
	if (!href || strcmp(href, ENVELOPED) != 0)
		return refuse_algorithm(e, "first transform", href);
	if ((rc = model_check(&no_parameters_model, first, e)) != FAS_OK)
		return rc;
	const xmlNode *second = xml_next(first);
	if (!second)
		return refuse_algorithm(e, "inclusive canonicalisation by default", NULL);
	if (xml_next(second))
		return refuse(e, "SAML core 5.4.4: more than two transforms");
	return check_c14n(second, "second transform", e);
}

static bool
refers_to(const char *uri, const char *id)
{
	return uri && id && uri[0] == '#' && strcmp(uri + 1, id) == 0;
}

static enum fas_code
check_reference(const xmlNode *reference, bool allow_sha1, struct signature *out, struct fas_err *e)
{
	enum fas_code rc = model_check(&reference_model, reference, e);
	if (rc != FAS_OK)
		return rc;
	if (!refers_to(xml_attr(reference, "URI"), out->id))
		return refuse(
		    e, "SAML core 5.4.2: Reference URI is not # and the ID of the signed element");
	rc = check_transforms(xml_child(reference, NS_DSIG, "Transforms"), e);
	if (rc != FAS_OK)
		return rc;
	const char *value = xml_text(xml_child(reference, NS_DSIG, "DigestValue"));
	if (!value || !*value)
		return refuse(e, CLAUSE ".4.3.6: DigestValue is no text");
	return find_digest(
	    xml_child(reference, NS_DSIG, "DigestMethod"), allow_sha1, &out->digest, e);
}

static enum fas_code
check_signed_info(const xmlNode *info, bool allow_sha1, struct signature *out, struct fas_err *e)
{
	enum fas_code rc = model_check(&signed_info_model, info, e);
	if (rc == FAS_OK)
		rc = check_c14n(
		    xml_child(info, NS_DSIG, "CanonicalizationMethod"), "canonicalisation", e);
	if (rc == FAS_OK)
		rc = find_method(
		    xml_child(info, NS_DSIG, "SignatureMethod"), allow_sha1, &out->method, e);
	if (rc == FAS_OK)
		rc = check_reference(xml_child(info, NS_DSIG, "Reference"), allow_sha1, out, e);
	return rc;
}

enum fas_code
signature_check(xmlNode *node, bool allow_sha1, struct signature *out, struct fas_err *e)
{
	*out = (struct signature){
	    .node = node, .signed_node = node->parent, .id = xml_attr(node->parent, "ID")};
	enum fas_code rc = model_check(&signature_model, node, e);
	if (rc != FAS_OK)
		return rc;
	const char *value = xml_text(xml_child(node, NS_DSIG, "SignatureValue"));
	if (!value || !*value)
		return refuse(e, CLAUSE ".3: SignatureValue is no text");
	return check_signed_info(xml_child(node, NS_DSIG, "SignedInfo"), allow_sha1, out, e);
}
