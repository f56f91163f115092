/*
 * The claims that name the account, and those that must agree with it.
 *
 * A claim is the one value of all attributes that its mapping means, in whatever AttributeStatement they stand: values that
 * are repeated octet for octet are one value, two that differ are a refusal, for whoever reads the other one would log on
 * someone else.  Names are compared exactly, NameFormat plays no part.
 */
#include "fas/saml/assertion.h"

#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/model.h"
#include "fas/saml/xml.h"

#define CLAIM_EMAIL_MAX 254 /* octets, RFC 5321 4.5.3.1.3 without its brackets */
#define NETBIOS_MAX 15      /* octets, MS-NBTE 2.2.1 */
#define FORMAT_UNSPECIFIED "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
#define FORMAT_ENCRYPTED "urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"

static const struct model statement_model = {
    "SAML core 2.7.3", FAS_E_AUTH, "saml_claims", {{NS_SAML, "Attribute", 0, 0, MODEL_MANY}}};
static const struct model attribute_model = {"SAML core 2.7.3.1", FAS_E_AUTH, "saml_claims",
    {{NS_SAML, "AttributeValue", 0, 0, MODEL_MANY}}};

struct values {
	const char *raw[IDP_CLAIM_COUNT]; /* as they stand there, borrowed; NULL = no such claim */
	char *text[IDP_CLAIM_COUNT];      /* transformed */
};

static void
values_done(struct values *values)
{
	for (size_t i = 0; i < IDP_CLAIM_COUNT; i++)
		free(values->text[i]);
}

DEFINE_OWN_IN_PLACE(values, struct values, values_done);

static enum fas_code
refuse_claim(struct fas_err *e, const char *name, const char *finding)
{
	return fas_fail(
	    e, FAS_E_AUTH, "saml_claims", "SAML core 2.7.3.1: attribute %.64s %s", name, finding);
}

/* ---- attributes ---- */

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
take_attribute(
    const struct idp *idp, const xmlNode *attribute, struct values *values, struct fas_err *e)
{
	const char *name = xml_attr(attribute, "Name");
	const char *friendly = xml_attr(attribute, "FriendlyName");
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < IDP_CLAIM_COUNT && rc == FAS_OK; i++) {
		if (mapping_is_attribute(&idp->claims[i], name, friendly))
			rc = take_values(attribute, idp->claims[i].name, &values->raw[i], e);
	}
	return rc;
}

static enum fas_code
take_statement(
    const struct idp *idp, const xmlNode *statement, struct values *values, struct fas_err *e)
{
	enum fas_code rc = model_check(&statement_model, statement, e);
	const xmlNode *at = xml_child(statement, NS_SAML, "Attribute");
	for (; at && rc == FAS_OK; at = xml_again(at))
		rc = take_attribute(idp, at, values, e);
	return rc;
}

/* ---- NameID ---- */

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
	const char *text = xml_text(ev->name_id);
	if (!ev->name_id)
		return FAS_OK;
	if (!text || strlen(text) > ASSERTION_NAME_ID_MAX || utf8_has_invisible(text))
		return refuse_name_id(e, "NameID");
	if (!(out->name_id = strdup(text)))
		return fas_fail_nomem(e);
	enum fas_code rc = copy_name_id_attr(ev->name_id, "Format", &out->name_id_format, e);
	if (rc == FAS_OK)
		rc = copy_name_id_attr(ev->name_id, "NameQualifier", &out->name_qualifier, e);
	if (rc == FAS_OK)
		rc = copy_name_id_attr(ev->name_id, "SPNameQualifier", &out->sp_name_qualifier, e);
	return rc;
}

/* SAML core 3.4.1.1: a provider that cannot give the format that was asked for answers with an error. */
static enum fas_code
check_format(const struct idp *idp, const struct saml_assertion *a, struct fas_err *e)
{
	const char *want = idp->asks.name_id_format;
	if (!want || strcmp(want, FORMAT_UNSPECIFIED) == 0 || strcmp(want, FORMAT_ENCRYPTED) == 0)
		return FAS_OK;
	if (a->name_id_format && strcmp(a->name_id_format, want) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_claims",
	    "SAML core 3.4.1.1: Format of NameID is %.80s, want %.80s",
	    a->name_id_format ? a->name_id_format : "missing", want);
}

static void
take_name_id(const struct idp *idp, const struct saml_assertion *a, struct values *values)
{
	for (size_t i = 0; a->name_id && *a->name_id && i < IDP_CLAIM_COUNT; i++) {
		if (mapping_is_name_id(&idp->claims[i], a->name_id_format))
			values->raw[i] = a->name_id;
	}
}

/* ---- values ---- */

static enum fas_code
transform(const struct idp *idp, struct values *values, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < IDP_CLAIM_COUNT && rc == FAS_OK; i++) {
		if (values->raw[i])
			rc = mapping_apply(&idp->claims[i], values->raw[i], &values->text[i], e);
	}
	return rc;
}

/* Whether they are the account's is asked where the account is known; here only that they can be one's. */
static bool
is_email(const char *text)
{
	const char *at = strchr(text, '@');
	return at && at != text && strlen(text) <= CLAIM_EMAIL_MAX && hostname_is_valid(at + 1);
}

/* A NetBIOS name may have a few characters more than a host name. */
static bool
is_domain(const char *text)
{
	size_t len = strlen(text);
	return hostname_is_valid(text) ||
	       (len > 0 && len <= NETBIOS_MAX &&
		   strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				"-_!@#$%^&(){}'~") == len);
}

static enum fas_code
take_other(const struct idp *idp, struct values *values, enum idp_claim which,
    bool (*is_valid)(const char *), char **out, struct fas_err *e)
{
	if (values->text[which] && !is_valid(values->text[which]))
		return refuse_claim(e, idp->claims[which].name, "is no such name");
	*out = TAKE(values->text[which]);
	return FAS_OK;
}

/* The claims by which nobody is found. */
static enum fas_code
take_others(
    const struct idp *idp, struct values *values, struct saml_assertion *out, struct fas_err *e)
{
	enum fas_code rc = take_other(idp, values, IDP_CLAIM_EMAIL, is_email, &out->email, e);
	if (rc == FAS_OK)
		rc = take_other(idp, values, IDP_CLAIM_FOREST, hostname_is_valid, &out->forest, e);
	if (rc == FAS_OK)
		rc = take_other(idp, values, IDP_CLAIM_DOMAIN, is_domain, &out->domain, e);
	return rc;
}

/* A malformed value is a refusal, never an absent claim: it may be one that was to name another account. */
static enum fas_code
parse_values(
    const struct idp *idp, struct values *values, struct saml_assertion *out, struct fas_err *e)
{
	struct fas_err why = {0};
	const struct mapping *claims = idp->claims;
	const char *sid = values->text[IDP_CLAIM_SID], *upn = values->text[IDP_CLAIM_UPN];
	const char *guid = values->text[IDP_CLAIM_GUID];
	if (sid && sid_parse(sid, &out->sid, &why) != FAS_OK)
		return refuse_claim(e, claims[IDP_CLAIM_SID].name, why.message);
	if (upn && upn_check(upn, &why) != FAS_OK)
		return refuse_claim(e, claims[IDP_CLAIM_UPN].name, why.message);
	if (guid && guid_parse(guid, &out->guid, &why) != FAS_OK)
		return refuse_claim(e, claims[IDP_CLAIM_GUID].name, why.message);
	out->has_sid = sid != NULL;
	out->has_upn = upn != NULL;
	out->has_guid = guid != NULL;
	if (!sid && !upn && !guid)
		return fas_fail(e, FAS_E_AUTH, "saml_claims",
		    "SAML core 2.7.3: none of the attributes %.64s, %.64s, %.64s is there",
		    claims[IDP_CLAIM_SID].name, claims[IDP_CLAIM_UPN].name,
		    claims[IDP_CLAIM_GUID].name);
	out->upn = TAKE(values->text[IDP_CLAIM_UPN]);
	return take_others(idp, values, out, e);
}

enum fas_code
claims_read(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	OWN(values) struct values values = {0};
	const xmlNode *at = xml_child(ev->assertion, NS_SAML, "AttributeStatement");
	enum fas_code rc = read_name_id(ev, out, e);
	if (rc == FAS_OK)
		rc = check_format(ev->idp, out, e);
	take_name_id(ev->idp, out, &values);
	for (; at && rc == FAS_OK; at = xml_again(at))
		rc = take_statement(ev->idp, at, &values, e);
	if (rc == FAS_OK)
		rc = transform(ev->idp, &values, e);
	return rc == FAS_OK ? parse_values(ev->idp, &values, out, e) : rc;
}
