/*
 * The claims that name the account.
 *
 * A claim is the one value of all attributes of its Name, in whatever AttributeStatement they stand: values that are
 * repeated octet for octet are one value, two that differ are a refusal, for whoever reads the other one would log on
 * someone else.  Names are compared exactly, NameFormat and FriendlyName play no part.
 */
#include "fas/saml/assertion.h"

#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/model.h"
#include "fas/saml/xml.h"

#define CLAIM_EMAIL_MAX 254 /* octets, RFC 5321 4.5.3.1.3 without its brackets */

static const struct model statement_model = {
    "SAML core 2.7.3", FAS_E_AUTH, "saml_claims", {{NS_SAML, "Attribute", 0, 0, MODEL_MANY}}};
static const struct model attribute_model = {"SAML core 2.7.3.1", FAS_E_AUTH, "saml_claims",
    {{NS_SAML, "AttributeValue", 0, 0, MODEL_MANY}}};

static enum fas_code
refuse_claim(struct fas_err *e, const char *name, const char *finding)
{
	return fas_fail(
	    e, FAS_E_AUTH, "saml_claims", "SAML core 2.7.3.1: attribute %.64s %s", name, finding);
}

/* Add the values of one attribute to what is known of the claim. */
static enum fas_code
take_values(const xmlNode *attribute, const char *name, const char **value, struct fas_err *e)
{
	enum fas_code rc = model_check(&attribute_model, attribute, e);
	const xmlNode *at = xml_child(attribute, NS_SAML, "AttributeValue");
	if (rc != FAS_OK)
		return rc;
	if (!at)
		return refuse_claim(e, name, "has no value");
	for (; at; at = xml_again(at)) {
		const char *text = xml_text(at);
		if (!text || !*text || utf8_has_invisible(text))
			return refuse_claim(e, name, "has a value that is no plain text");
		if (*value && strcmp(*value, text) != 0)
			return refuse_claim(e, name, "has values that differ");
		*value = text;
	}
	return FAS_OK;
}

static enum fas_code
take_attribute(const struct idp *idp, const xmlNode *attribute, const char *values[IDP_CLAIM_COUNT],
    struct fas_err *e)
{
	const char *name = xml_attr(attribute, "Name");
	for (size_t i = 0; name && i < IDP_CLAIM_COUNT; i++) {
		if (strcmp(name, idp->claims[i]) == 0)
			return take_values(attribute, name, &values[i], e);
	}
	return FAS_OK;
}

static enum fas_code
take_statement(const struct idp *idp, const xmlNode *statement, const char *values[IDP_CLAIM_COUNT],
    struct fas_err *e)
{
	enum fas_code rc = model_check(&statement_model, statement, e);
	const xmlNode *at = xml_child(statement, NS_SAML, "Attribute");
	for (; at && rc == FAS_OK; at = xml_again(at))
		rc = take_attribute(idp, at, values, e);
	return rc;
}

/* Whether it is the account's is asked where the account is known; here only that it can be one. */
static bool
is_email(const char *text)
{
	const char *at = strchr(text, '@');
	return at && at != text && strlen(text) <= CLAIM_EMAIL_MAX && hostname_is_valid(at + 1);
}

static enum fas_code
copy_claim(const struct idp *idp, enum idp_claim which, const char *text,
    bool (*is_valid)(const char *), char **out, struct fas_err *e)
{
	if (!text)
		return FAS_OK;
	if (!is_valid(text))
		return refuse_claim(e, idp->claims[which], "is no such name");
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

/* The claims by which nobody is found. */
static enum fas_code
copy_others(const struct idp *idp, const char *const values[IDP_CLAIM_COUNT],
    struct saml_assertion *out, struct fas_err *e)
{
	enum fas_code rc =
	    copy_claim(idp, IDP_CLAIM_EMAIL, values[IDP_CLAIM_EMAIL], is_email, &out->email, e);
	if (rc == FAS_OK)
		rc = copy_claim(idp, IDP_CLAIM_FOREST, values[IDP_CLAIM_FOREST], hostname_is_valid,
		    &out->forest, e);
	if (rc == FAS_OK)
		rc = copy_claim(idp, IDP_CLAIM_DOMAIN, values[IDP_CLAIM_DOMAIN], hostname_is_valid,
		    &out->domain, e);
	return rc;
}

/* A malformed value is a refusal, never an absent claim: it may be one that was to name another account. */
static enum fas_code
parse_values(const struct idp *idp, const char *const values[IDP_CLAIM_COUNT],
    struct saml_assertion *out, struct fas_err *e)
{
	struct fas_err why = {0};
	const char *sid = values[IDP_CLAIM_SID], *upn = values[IDP_CLAIM_UPN];
	const char *guid = values[IDP_CLAIM_GUID];
	if (sid && sid_parse(sid, &out->sid, &why) != FAS_OK)
		return refuse_claim(e, idp->claims[IDP_CLAIM_SID], why.message);
	if (upn && upn_check(upn, &why) != FAS_OK)
		return refuse_claim(e, idp->claims[IDP_CLAIM_UPN], why.message);
	if (guid && guid_parse(guid, &out->guid, &why) != FAS_OK)
		return refuse_claim(e, idp->claims[IDP_CLAIM_GUID], why.message);
	out->has_sid = sid != NULL;
	out->has_upn = upn != NULL;
	out->has_guid = guid != NULL;
	if (!sid && !upn && !guid)
		return fas_fail(e, FAS_E_AUTH, "saml_claims",
		    "SAML core 2.7.3: none of the attributes %.64s, %.64s, %.64s is there",
		    idp->claims[IDP_CLAIM_SID], idp->claims[IDP_CLAIM_UPN],
		    idp->claims[IDP_CLAIM_GUID]);
	if (upn && !(out->upn = strdup(upn)))
		return fas_fail_nomem(e);
	return copy_others(idp, values, out, e);
}

static enum fas_code
refuse_name_id(struct fas_err *e, const char *what)
{
	return fas_fail(e, FAS_E_AUTH, "saml_claims",
	    "SAML core 2.2.3: %s is no plain text of at most %d octets", what,
	    ASSERTION_NAME_ID_MAX);
}

static enum fas_code
copy_name_id_attr(const xmlNode *name_id, const char *name, char **out, struct fas_err *e)
{
	const char *text = xml_attr(name_id, name);
	if (!text)
		return FAS_OK;
	if (strlen(text) > ASSERTION_NAME_ID_MAX || utf8_has_invisible(text))
		return refuse_name_id(e, name);
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_name_id(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const xmlNode *name_id = ev->name_id;
	const char *text = xml_text(name_id);
	if (!name_id)
		return FAS_OK;
	if (!text || strlen(text) > ASSERTION_NAME_ID_MAX || utf8_has_invisible(text))
		return refuse_name_id(e, "NameID");
	if (!(out->name_id = strdup(text)))
		return fas_fail_nomem(e);
	enum fas_code rc = copy_name_id_attr(name_id, "Format", &out->name_id_format, e);
	if (rc == FAS_OK)
		rc = copy_name_id_attr(name_id, "NameQualifier", &out->name_qualifier, e);
	if (rc == FAS_OK)
		rc = copy_name_id_attr(name_id, "SPNameQualifier", &out->sp_name_qualifier, e);
	return rc;
}

enum fas_code
claims_read(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const char *values[IDP_CLAIM_COUNT] = {NULL};
	const xmlNode *at = xml_child(ev->assertion, NS_SAML, "AttributeStatement");
	enum fas_code rc = read_name_id(ev, out, e);
	for (; at && rc == FAS_OK; at = xml_again(at))
		rc = take_statement(ev->idp, at, values, e);
	return rc == FAS_OK ? parse_values(ev->idp, values, out, e) : rc;
}
