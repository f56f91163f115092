/* saml_verify with all its checks, against a bare xmlsec verification of the same document; and csr_parse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "ca/csr.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/saml/saml.h"
#include "fas/saml/xmlsec.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#include <xmlsec/xmltree.h>

#define DOCUMENTS 150
#define ROUNDS_MAX 64

DEFINE_OWN(doc, xmlDoc *, xmlFreeDoc);

static struct saml_trust *
open_trust(void)
{
	static struct saml_trust *trust;
	struct fas_err e = {0};
	OWN(buf) struct buf text;
	struct yaml_doc *doc = NULL;
	if (trust)
		return trust;
	buf_init(&text, 4096);
	buf_printf(&text,
	    "- name: bench\n  entity_id: %s\n  certificates: [%s]\n  audiences: [%s]\n"
	    "  recipients: [%s]\n  allow_unsolicited: true\n  max_age: 1h\n",
	    lab_variable("FAS_IDP_ENTITY_ID"), lab_variable("FAS_IDP_CERT"),
	    lab_variable("FAS_SP_ENTITY_ID"), lab_variable("FAS_ACS_URL"));
	lab_check(yaml_parse("bench", buf_str(&text), text.len, &doc, &e), &e);
	lab_check(saml_trust_load(yaml_root(doc), "/", &trust, &e), &e);
	yaml_doc_free(doc);
	return trust;
}

void
measure_open_saml(void)
{
	(void)open_trust();
}

void
measure_step_saml(const uint8_t *xml, size_t len, struct saml_assertion **out)
{
	struct fas_err e = {0};
	const struct saml_expectation unsolicited = {0};
	lab_check(saml_verify(open_trust(), xml, len, &unsolicited, clock_now(), out, &e), &e);
}

static double
verify_whole(const char *xml)
{
	size_t len = strlen(xml);
	measure_open_saml();
	int64_t begun = gauge_thread_cpu();
	for (int i = 0; i < DOCUMENTS; i++) {
		OWN(assertion) struct saml_assertion *assertion = NULL;
		measure_step_saml((const uint8_t *)xml, len, &assertion);
	}
	return (double)(gauge_thread_cpu() - begun) / DOCUMENTS;
}

static void
verify_bare_once(const char *xml, size_t len, xmlSecKey *key)
{
	xmlSecDSigCtx ctx;
	OWN(doc) xmlDoc *doc = xmlReadMemory(xml, (int)len, NULL, NULL, XML_PARSE_NONET);
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *assertion = xmlSecFindNode(root, (const xmlChar *)"Assertion",
	    (const xmlChar *)"urn:oasis:names:tc:SAML:2.0:assertion");
	xmlAttr *id = assertion ? xmlHasProp(assertion, (const xmlChar *)"ID") : NULL;
	xmlNode *signature = xmlSecFindNode(root, xmlSecNodeSignature, xmlSecDSigNs);
	if (!id || !signature || xmlSecDSigCtxInitialize(&ctx, NULL) < 0)
		lab_die("xmlsec cannot begin");
	(void)xmlAddID(NULL, doc, id->children->content, id);
	ctx.signKey = key;
	int rc = xmlSecDSigCtxVerify(&ctx, signature);
	bool good = rc >= 0 && ctx.status == xmlSecDSigStatusSucceeded;
	ctx.signKey = NULL;
	xmlSecDSigCtxFinalize(&ctx);
	if (!good)
		lab_die("xmlsec does not verify the response");
}

static double
verify_bare(const char *xml, const struct material *material)
{
	size_t len = strlen(xml);
	xmlSecKey *key = xmlSecKeyCreate();
	if (!key || EVP_PKEY_up_ref(material->idp_key) != 1 ||
	    xmlSecKeySetValue(key, xmlSecOpenSSLEvpKeyAdopt(material->idp_key)) < 0)
		lab_die("xmlsec takes no key");
	int64_t begun = gauge_thread_cpu();
	for (int i = 0; i < DOCUMENTS; i++)
		verify_bare_once(xml, len, key);
	int64_t cpu = gauge_thread_cpu() - begun;
	xmlSecKeyDestroy(key);
	return (double)cpu / DOCUMENTS;
}

double
measure_one_saml(const struct material *material)
{
	OWN(text) char *xml = material_response(material);
	return verify_whole(xml);
}

void
measure_step_csr(const char *pem)
{
	struct fas_err e = {0};
	OWN(bytes) uint8_t *spki = NULL;
	size_t len = 0;
	enum csr_key key;
	unsigned bits = 0;
	lab_check(csr_parse(pem, &spki, &len, &key, &bits, &e), &e);
}

double
measure_one_csr(const struct material *material)
{
	int64_t begun = gauge_thread_cpu();
	for (int i = 0; i < DOCUMENTS; i++)
		measure_step_csr(material->csr);
	return (double)(gauge_thread_cpu() - begun) / DOCUMENTS;
}

void
measure_saml(const struct lab *lab, const struct material *material)
{
	OWN(text) char *xml = material_response(material);
	double bare[ROUNDS_MAX], whole[ROUNDS_MAX], ratio[ROUNDS_MAX];
	(void)verify_whole(xml);
	for (unsigned i = 0; i < lab->rounds; i++) {
		bare[i] = verify_bare(xml, material) / 1e3;
		whole[i] = verify_whole(xml) / 1e3;
		ratio[i] = whole[i] / bare[i];
	}
	table_add(&(struct row){.name = "SAML verification with all checks",
	    .value = gauge_median(whole, lab->rounds),
	    .unit = "us CPU",
	    .reference = "bare xmlsec, same document",
	    .reference_value = gauge_median(bare, lab->rounds),
	    .ratio = gauge_median(ratio, lab->rounds),
	    .goal = 1.5});
}
