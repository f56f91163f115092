#include "fas/saml/structure.h"

#include <stdbool.h>
#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/model.h"
#include "fas/saml/saml.h"
#include "fas/saml/xml.h"

#define STATUS_SUCCESS "urn:oasis:names:tc:SAML:2.0:status:Success"

static const struct model response_model = {"SAML core 3.3.3", FAS_E_INPUT, "saml_structure",
    {{NS_SAML, "Issuer", 0, 0, 1}, {NS_DSIG, "Signature", 1, 0, 1},
	{NS_SAMLP, "Extensions", 2, 0, 1}, {NS_SAMLP, "Status", 3, 1, 1},
	{NS_SAML, "Assertion", 4, 0, 1}, {NS_SAML, "EncryptedAssertion", 4, 0, 1}}};

static const struct model assertion_model = {"SAML core 2.3.3", FAS_E_INPUT, "saml_structure",
    {{NS_SAML, "Issuer", 0, 1, 1}, {NS_DSIG, "Signature", 1, 0, 1}, {NS_SAML, "Subject", 2, 0, 1},
	{NS_SAML, "Conditions", 3, 0, 1}, {NS_SAML, "Advice", 4, 0, 1},
	{NS_SAML, "AuthnStatement", 5, 0, MODEL_MANY},
	{NS_SAML, "AttributeStatement", 5, 0, MODEL_MANY},
	{NS_SAML, "AuthzDecisionStatement", 5, 0, MODEL_MANY}}};

static const struct model status_model = {"SAML core 3.2.2.1", FAS_E_AUTH, "saml_status",
    {{NS_SAMLP, "StatusCode", 0, 1, 1}, {NS_SAMLP, "StatusMessage", 1, 0, 1},
	{NS_SAMLP, "StatusDetail", 2, 0, 1}}};

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "saml_structure", "%s", finding);
}

/* ---- every element of the tree ---- */

struct survey {
	size_t assertions, responses;
	const char *ids[STRUCTURE_IDS_MAX];
	size_t n_ids;
	struct fas_err *e;
};

/*
 * Whatever some XML library may take for an ID: ID, Id, id, xml:id, and the names of SAML 1.1 and WS-Security.  Not
 * only those that this house looks up: a document that means two things to two readers is refused.
 */
static bool
is_id(const xmlAttr *a)
{
	static const char *const names[] = {"id", "AssertionID", "ResponseID", "RequestID"};
	for (size_t i = 0; i < NELEMS(names); i++) {
		if (ascii_equal_nocase((const char *)a->name, names[i]))
			return true;
	}
	return false;
}

static enum fas_code
survey_id(struct survey *s, const xmlAttr *a)
{
	const char *value = a->children ? (const char *)a->children->content : "";
	if (!*value || value[strcspn(value, " \t\r\n")])
		return refuse(s->e, "XML 1.0 3.3.1: an ID is empty or has white space");
	for (size_t i = 0; i < s->n_ids; i++) {
		if (strcmp(s->ids[i], value) == 0)
			return fas_fail(s->e, FAS_E_INPUT, "saml_structure",
			    "XML 1.0 3.3.1: ID %.64s occurs more than once", value);
	}
	if (s->n_ids == STRUCTURE_IDS_MAX)
		return refuse(s->e, "too many ID attributes in one document");
	s->ids[s->n_ids++] = value;
	return FAS_OK;
}

static enum fas_code
survey_ids(struct survey *s, const xmlNode *node)
{
	enum fas_code rc = FAS_OK;
	for (const xmlAttr *a = node->properties; a && rc == FAS_OK; a = a->next) {
		if (is_id(a))
			rc = survey_id(s, a);
	}
	return rc;
}

/* ns:name with one of the two as its parent. */
static bool
is_below(const xmlNode *node, const char *ns, const char *name, const char *a, const char *b)
{
	const xmlNode *parent = node->parent;
	return xml_is(node, ns, name) && parent &&
	       (xml_is(parent, NS_SAML, a) || xml_is(parent, NS_SAML, b));
}

bool
structure_id_is_once(const xmlNode *root, const char *id)
{
	size_t n = 0;
	for (const xmlNode *at = root; at; at = xml_walk(at, root)) {
		for (const xmlAttr *a = at->properties; a; a = a->next)
			n += is_id(a) && a->children &&
			     strcmp((const char *)a->children->content, id) == 0;
	}
	return n == 1;
}

static bool
is_placed_key(const xmlNode *node)
{
	const xmlNode *parent = node->parent;
	return is_below(node, NS_XENC, "EncryptedKey", "EncryptedAssertion", "EncryptedID") ||
	       (xml_is(node, NS_XENC, "EncryptedKey") && parent &&
		   xml_is(parent, NS_DSIG, "KeyInfo") && parent->parent &&
		   xml_is(parent->parent, NS_XENC, "EncryptedData"));
}

/*
 * What XML Encryption knows stands in the one EncryptedAssertion of a Response, or in the EncryptedID of an Assertion's
 * Subject (SAML core 6); nobody looks for it elsewhere, and whoever would is not to find anything.
 */
static bool
is_misplaced_encryption(const xmlNode *node)
{
	const xmlNode *parent = node->parent;
	if (xml_has_local_name(node, "EncryptedAssertion"))
		return !xml_is(node, NS_SAML, "EncryptedAssertion") || !parent ||
		       !xml_is(parent, NS_SAMLP, "Response");
	if (xml_has_local_name(node, "EncryptedID"))
		return !is_below(node, NS_SAML, "EncryptedID", "Subject", "Subject");
	if (xml_has_local_name(node, "EncryptedData"))
		return !is_below(
		    node, NS_XENC, "EncryptedData", "EncryptedAssertion", "EncryptedID");
	if (xml_has_local_name(node, "EncryptedKey"))
		return !is_placed_key(node);
	return node->ns && strcmp((const char *)node->ns->href, NS_XENC) == 0 &&
	       (!parent || !parent->ns || strcmp((const char *)parent->ns->href, NS_XENC) != 0);
}

static bool
is_unsupported(const xmlNode *node)
{
	return xml_has_local_name(node, "EncryptedAttribute") ||
	       xml_has_local_name(node, "NewEncryptedID");
}

/* XML Signature processes a Signature wherever it stands; SAML core 5.4.1 knows two places. */
static bool
is_misplaced_signature(const xmlNode *node)
{
	return xml_has_local_name(node, "Signature") &&
	       (!xml_is(node, NS_DSIG, "Signature") || !node->parent ||
		   (!xml_is(node->parent, NS_SAMLP, "Response") &&
		       !xml_is(node->parent, NS_SAML, "Assertion")));
}

static enum fas_code
survey_node(struct survey *s, const xmlNode *node)
{
	s->assertions +=
	    xml_has_local_name(node, "Assertion") || xml_has_local_name(node, "EncryptedAssertion");
	s->responses += xml_has_local_name(node, "Response");
	if (is_unsupported(node))
		return refuse(s->e, "SAML core 2.7.3.2: encrypted attributes are not supported");
	if (is_misplaced_encryption(node))
		return refuse(s->e, "SAML core 6: what is encrypted is neither the Assertion nor "
				    "the subject's identifier");
	if (is_misplaced_signature(node))
		return fas_fail(s->e, FAS_E_AUTH, "saml_signature",
		    "SAML core 5.4.1: a Signature stands elsewhere than in Response or Assertion");
	return survey_ids(s, node);
}

static enum fas_code
survey_tree(struct survey *s, const xmlNode *root)
{
	enum fas_code rc = FAS_OK;
	for (const xmlNode *at = root; at && rc == FAS_OK; at = xml_walk(at, root))
		rc = survey_node(s, at);
	if (rc == FAS_OK && s->assertions > 1)
		return refuse(s->e, "SAML profiles 4.1.4.2: more than one Assertion, want one");
	if (rc == FAS_OK && s->responses > 1)
		return refuse(s->e, "SAML core 3.3.3: a Response within another");
	return rc;
}

enum fas_code
structure_check_ids(const xmlNode *root, const xmlNode *inner, struct fas_err *e)
{
	struct survey s = {.e = e};
	enum fas_code rc = FAS_OK;
	for (const xmlNode *at = root; at && rc == FAS_OK; at = xml_walk(at, root))
		rc = survey_ids(&s, at);
	for (const xmlNode *at = inner; at && rc == FAS_OK; at = xml_walk(at, inner))
		rc = survey_ids(&s, at);
	return rc;
}

/* ---- the two elements that may be signed ---- */

/*
 * xs:ID, in ASCII: the value goes into xmlsec's xpointer(id('...')), and into records.
 */
static bool
is_safe_id(const char *id)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	static const char others[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-";
	size_t len = id ? strlen(id) : 0;
	return len > 0 && len <= SAML_ID_MAX && strchr(letters, id[0]) && strspn(id, others) == len;
}

enum fas_code
structure_check_id(const xmlNode *node, struct fas_err *e)
{
	if (!is_safe_id(xml_attr(node, "ID")))
		return fas_fail(e, FAS_E_INPUT, "saml_structure",
		    "SAML core 1.3.4: ID of <%.20s> is missing or no plain xs:ID", node->name);
	return FAS_OK;
}

static enum fas_code
check_element(const struct model *model, const xmlNode *node, struct fas_err *e)
{
	enum fas_code rc = model_check(model, node, e);
	return rc == FAS_OK ? structure_check_id(node, e) : rc;
}

enum fas_code
structure_check_status(const xmlNode *response, struct fas_err *e)
{
	const xmlNode *status = xml_child(response, NS_SAMLP, "Status");
	if (!status)
		return fas_fail(e, FAS_E_AUTH, "saml_status", "SAML core 3.2.2: no Status");
	enum fas_code rc = model_check(&status_model, status, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *top = xml_child(status, NS_SAMLP, "StatusCode");
	const xmlNode *second = xml_child(top, NS_SAMLP, "StatusCode");
	const char *code = xml_attr(top, "Value");
	const char *detail = second ? xml_attr(second, "Value") : NULL;
	if (code && strcmp(code, STATUS_SUCCESS) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_status",
	    "SAML core 3.2.2.2: status is %.80s (%.80s), want Success", code ? code : "missing",
	    detail ? detail : "no second code");
}

static enum fas_code
check_response(const xmlNode *response, struct structure *out, struct fas_err *e)
{
	out->assertion = xml_child(response, NS_SAML, "Assertion");
	out->encrypted = xml_child(response, NS_SAML, "EncryptedAssertion");
	out->response_signature = xml_child(response, NS_DSIG, "Signature");
	bool has_one = out->assertion || out->encrypted;
	if (!has_one && structure_check_status(response, e) != FAS_OK)
		return FAS_E_AUTH;
	enum fas_code rc = check_element(&response_model, response, e);
	if (rc != FAS_OK)
		return rc;
	return has_one ? FAS_OK : refuse(e, "SAML profiles 4.1.4.2: no Assertion");
}

enum fas_code
structure_check(xmlDoc *doc, enum structure_root root, struct structure *out, struct fas_err *e)
{
	xmlNode *top = xmlDocGetRootElement(doc);
	bool is_response = root == STRUCTURE_RESPONSE;
	struct survey survey = {.e = e};
	*out = (struct structure){0};
	if (!(is_response ? xml_is(top, NS_SAMLP, "Response") : xml_is(top, NS_SAML, "Assertion")))
		return fas_fail(e, FAS_E_INPUT, "saml_structure",
		    "SAML core 3.3.3: root is <%.40s>, want SAML 2.0 <%s>", top->name,
		    is_response ? "Response" : "Assertion");
	enum fas_code rc = survey_tree(&survey, top);
	if (rc != FAS_OK)
		return rc;
	if (is_response) {
		out->response = top;
		if ((rc = check_response(top, out, e)) != FAS_OK)
			return rc;
	} else {
		out->assertion = top;
	}
	if (!out->assertion)
		return FAS_OK;
	out->assertion_signature = xml_child(out->assertion, NS_DSIG, "Signature");
	return check_element(&assertion_model, out->assertion, e);
}
