/* The signatures: xmlsec fills in the templates. */
#include "saml_sign.h"

#include <stdbool.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "fas/base/own.h"
#include "fas/saml/xmlsec.h"

#define SIGNATURES_MAX 8

DEFINE_OWN(doc, xmlDoc *, xmlFreeDoc);
DEFINE_OWN(xmlsec_key, xmlSecKey *, xmlSecKeyDestroy);

int
saml_sign_init(void)
{
	xmlInitParser();
	if (xmlSecInit() < 0 || xmlSecOpenSSLInit() < 0)
		return -1;
	return 0;
}

void
saml_sign_done(void)
{
	(void)xmlSecOpenSSLShutdown();
	(void)xmlSecShutdown();
	xmlCleanupParser();
}

static xmlNode *
next_node(xmlNode *node)
{
	if (node->children && node->type == XML_ELEMENT_NODE)
		return node->children;
	while (node && !node->next)
		node = node->parent && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
	return node ? node->next : NULL;
}

static bool
is_dsig(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, "http://www.w3.org/2000/09/xmldsig#") == 0 &&
	       strcmp((const char *)node->name, name) == 0;
}

/* A ds:Signature that has no value yet. */
static bool
is_template(xmlNode *node)
{
	if (!is_dsig(node, "Signature"))
		return false;
	for (xmlNode *child = node->children; child; child = child->next) {
		if (is_dsig(child, "SignatureValue"))
			return child->children == NULL;
	}
	return false;
}

/* Register every ID attribute, as the Reference finds its target by it. */
static void
register_ids(xmlDoc *doc)
{
	for (xmlNode *n = xmlDocGetRootElement(doc); n; n = next_node(n)) {
		xmlAttr *id =
		    n->type == XML_ELEMENT_NODE ? xmlHasProp(n, (const xmlChar *)"ID") : NULL;
		if (id && id->children && !xmlGetID(doc, id->children->content))
			(void)xmlAddID(NULL, doc, id->children->content, id);
	}
}

static int
sign_one(xmlNode *signature, xmlSecKey *key)
{
	xmlSecDSigCtx ctx;
	if (xmlSecDSigCtxInitialize(&ctx, NULL) < 0)
		return -1;
	ctx.signKey = key;
	int rc = xmlSecDSigCtxSign(&ctx, signature);
	ctx.signKey = NULL;
	xmlSecDSigCtxFinalize(&ctx);
	return rc;
}

static char *
dump(xmlDoc *doc)
{
	xmlBuffer *out = xmlBufferCreate();
	char *text = NULL;
	if (out && xmlNodeDump(out, doc, xmlDocGetRootElement(doc), 0, 0) >= 0)
		text = strdup((const char *)xmlBufferContent(out));
	xmlBufferFree(out);
	return text;
}

static char *
finish(const char *xml, xmlSecKey *key)
{
	OWN(doc)
	xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, "UTF-8", XML_PARSE_NONET);
	xmlNode *found[SIGNATURES_MAX];
	size_t n = 0;
	if (!doc || !key)
		return NULL;
	register_ids(doc);
	for (xmlNode *at = xmlDocGetRootElement(doc); at; at = next_node(at)) {
		if (is_template(at) && n < SIGNATURES_MAX)
			found[n++] = at;
	}
	while (n > 0) {
		if (sign_one(found[--n], key) < 0)
			return NULL;
	}
	return dump(doc);
}

char *
saml_sign_finish(const char *xml, EVP_PKEY *key)
{
	OWN(xmlsec_key) xmlSecKey *lent = xmlSecKeyCreate();
	xmlSecKeyData *value = NULL;
	if (EVP_PKEY_up_ref(key) == 1)
		value = xmlSecOpenSSLEvpKeyAdopt(key);
	if (!lent || !value || xmlSecKeySetValue(lent, value) < 0)
		return NULL;
	return finish(xml, lent);
}

char *
saml_sign_finish_hmac(const char *xml, const void *secret, size_t len)
{
	OWN(xmlsec_key)
	xmlSecKey *key = xmlSecKeyReadMemory(xmlSecKeyDataHmacId, secret, (xmlSecSize)len);
	return finish(xml, key);
}
