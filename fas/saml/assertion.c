#include "fas/saml/assertion.h"

#include <string.h>

#include "fas/saml/model.h"
#include "fas/saml/structure.h"
#include "fas/saml/when.h"
#include "fas/saml/xml.h"

#define FORMAT_ENTITY "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

static const struct model conditions_model = {"SAML core 2.5.1", FAS_E_AUTH, "saml_conditions",
    {{NS_SAML, "AudienceRestriction", 0, 0, MODEL_MANY}, {NS_SAML, "OneTimeUse", 0, 0, 1},
	{NS_SAML, "ProxyRestriction", 0, 0, 1}}};

static const struct model audience_model = {
    "SAML core 2.5.1.4", FAS_E_AUTH, "saml_audience", {{NS_SAML, "Audience", 0, 1, MODEL_MANY}}};

static enum fas_code
refuse(struct fas_err *e, const char *reason, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, reason, "%s", finding);
}

/* ---- who we are ---- */

bool
evidence_is_our_entity(const struct evidence *ev, const char *text)
{
	const char *want = ev->expected->entity_id;
	return want ? strcmp(want, text) == 0 : idp_texts_have(&ev->idp->audiences, text);
}

bool
evidence_is_our_acs(const struct evidence *ev, const char *text)
{
	const char *want = ev->expected->acs_url;
	return want ? strcmp(want, text) == 0 : idp_texts_have(&ev->idp->recipients, text);
}

/* For messages: the first of those that the entry names, if it names any. */
static const char *
our_name(const char *want, const struct idp_texts *named)
{
	return want ? want : named->n > 0 ? named->v[0] : "one of the front's servers";
}

const char *
evidence_our_entity(const struct evidence *ev)
{
	return our_name(ev->expected->entity_id, &ev->idp->audiences);
}

const char *
evidence_our_acs(const struct evidence *ev)
{
	return our_name(ev->expected->acs_url, &ev->idp->recipients);
}

/* ---- Response and Assertion ---- */

enum fas_code
version_check(const xmlNode *node, struct fas_err *e)
{
	const char *version = xml_attr(node, "Version");
	if (version && strcmp(version, "2.0") == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_version",
	    "SAML core 2.3.3, 3.2.2: Version of <%.20s> is %.20s, want 2.0", node->name,
	    version ? version : "missing");
}

static enum fas_code
check_versions(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	enum fas_code rc = version_check(ev->response, e);
	return rc == FAS_OK ? version_check(ev->assertion, e) : rc;
}

enum fas_code
issuer_check(
    const struct evidence *ev, const xmlNode *issuer, const char *clause, struct fas_err *e)
{
	const char *text = xml_text(issuer);
	const char *format = issuer ? xml_attr(issuer, "Format") : NULL;
	if (!text || strcmp(text, ev->idp->entity_id) != 0)
		return fas_fail(e, FAS_E_AUTH, "saml_issuer", "%s: Issuer is %.120s, want %.120s",
		    clause, text ? text : "missing", ev->idp->entity_id);
	if (format && strcmp(format, FORMAT_ENTITY) != 0)
		return fas_fail(e, FAS_E_AUTH, "saml_issuer",
		    "SAML profiles 4.1.4.2: Format of Issuer is %.80s, want entity", format);
	return FAS_OK;
}

/* SAML profiles 4.1.4.2: the Assertion names its issuer; the Response too when it is signed. */
static enum fas_code
check_issuers(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	const xmlNode *outer = xml_child(ev->response, NS_SAML, "Issuer");
	const xmlNode *inner = xml_child(ev->assertion, NS_SAML, "Issuer");
	enum fas_code rc = issuer_check(ev, inner, "SAML core 2.3.3", e);
	if (rc == FAS_OK && (outer || ev->response_signed))
		rc = issuer_check(ev, outer, "SAML profiles 4.1.4.2", e);
	return rc;
}

static enum fas_code
check_status(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	return structure_check_status(ev->response, e);
}

enum fas_code
issue_instant_check(const struct evidence *ev, const xmlNode *node, int64_t *instant_s,
    int64_t *age_end_s, struct fas_err *e)
{
	int64_t issued_s;
	enum fas_code rc = when_attr(
	    node, "IssueInstant", -1, "SAML core 2.3.3, 3.2.2", "saml_max_age", &issued_s, e);
	if (rc != FAS_OK)
		return rc;
	if (issued_s < 0)
		return refuse(e, "saml_max_age", "SAML core 2.3.3, 3.2.2: no IssueInstant");
	if (issued_s > ev->now_s + ev->idp->clock_skew_s)
		return fas_fail(e, FAS_E_AUTH, "saml_max_age",
		    "SAML core 3.2.2: <%.20s> was issued %lld s in the future", node->name,
		    (long long)(issued_s - ev->now_s));
	*instant_s = issued_s;
	*age_end_s = issued_s + ev->idp->max_age_s + 1;
	if (ev->now_s >= *age_end_s + ev->idp->clock_skew_s)
		return fas_fail(e, FAS_E_AUTH, "saml_max_age",
		    "SAML core 3.2.2: <%.20s> was issued %lld s ago, want at most %lld", node->name,
		    (long long)(ev->now_s - issued_s), (long long)ev->idp->max_age_s);
	return FAS_OK;
}

static enum fas_code
check_issue_instants(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	int64_t end_s = 0, issued_s = 0;
	enum fas_code rc = issue_instant_check(ev, ev->response, &issued_s, &end_s, e);
	if (rc == FAS_OK)
		rc = issue_instant_check(ev, ev->assertion, &issued_s, &end_s, e);
	out->issued_s = issued_s - ev->idp->clock_skew_s;
	out->expires_s = end_s + ev->idp->clock_skew_s;
	return rc;
}

/* SAML bindings 3.5.5.2: a signed Response says where it was meant to go; an unsigned one may. */
static enum fas_code
check_destination(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	const char *destination = xml_attr(ev->response, "Destination");
	if (!destination && !ev->response_signed)
		return FAS_OK;
	if (destination && evidence_is_our_acs(ev, destination))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_destination",
	    "SAML bindings 3.5.5.2: Destination is %.120s, want %.120s",
	    destination ? destination : "missing", evidence_our_acs(ev));
}

enum fas_code
in_response_to_check(const struct evidence *ev, const xmlNode *node, struct fas_err *e)
{
	const char *asked = ev->expected->in_response_to;
	const char *answers = xml_attr(node, "InResponseTo");
	if (answers && !*answers) /* as some providers write it when nobody has asked */
		answers = NULL;
	if (!answers && !asked)
		return FAS_OK;
	if (answers && asked && strcmp(answers, asked) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_in_response_to",
	    "SAML profiles 4.1.4.3: InResponseTo of <%.30s> is %.80s, want %.80s", node->name,
	    answers ? answers : "missing", asked ? asked : "none");
}

/* SAML profiles 4.1.5: whether a provider may speak without being asked is the administrator's decision. */
static enum fas_code
check_in_response_to(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	enum fas_code rc = in_response_to_check(ev, ev->response, e);
	if (rc != FAS_OK)
		return rc;
	if (!ev->expected->in_response_to && !ev->idp->allow_unsolicited)
		return refuse(e, "saml_unsolicited",
		    "SAML profiles 4.1.5: the response answers no request, which this provider is "
		    "not allowed (allow_unsolicited)");
	return FAS_OK;
}

/* ---- Conditions ---- */

static enum fas_code
condition_times_check(const struct evidence *ev, const xmlNode *conditions,
    struct saml_assertion *out, struct fas_err *e)
{
	int64_t begin_s, end_s, skew_s = ev->idp->clock_skew_s;
	enum fas_code rc = when_attr(conditions, "NotBefore", INT64_MIN / 2, "SAML core 2.5.1.2",
	    "saml_not_before", &begin_s, e);
	if (rc == FAS_OK)
		rc = when_attr(conditions, "NotOnOrAfter", INT64_MAX / 2, "SAML core 2.5.1.2",
		    "saml_expired", &end_s, e);
	if (rc != FAS_OK)
		return rc;
	if (ev->now_s < begin_s - skew_s)
		return fas_fail(e, FAS_E_AUTH, "saml_not_before",
		    "SAML core 2.5.1.2: Conditions begin in %lld s (skew allowed: %lld)",
		    (long long)(begin_s - ev->now_s), (long long)skew_s);
	if (ev->now_s >= end_s + skew_s)
		return fas_fail(e, FAS_E_AUTH, "saml_expired",
		    "SAML core 2.5.1.2: Conditions ended %lld s ago (skew allowed: %lld)",
		    (long long)(ev->now_s - end_s), (long long)skew_s);
	if (end_s + skew_s < out->expires_s)
		out->expires_s = end_s + skew_s;
	return FAS_OK;
}

static enum fas_code
check_conditions(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const xmlNode *conditions = xml_child(ev->assertion, NS_SAML, "Conditions");
	if (!conditions)
		return refuse(e, "saml_conditions", "SAML profiles 4.1.4.2: no Conditions");
	enum fas_code rc = model_check(&conditions_model, conditions, e);
	return rc == FAS_OK ? condition_times_check(ev, conditions, out, e) : rc;
}

/* One AudienceRestriction: any of its audiences is us. */
static enum fas_code
audience_check(const struct evidence *ev, const xmlNode *restriction, struct fas_err *e)
{
	enum fas_code rc = model_check(&audience_model, restriction, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *audience = xml_child(restriction, NS_SAML, "Audience");
	const char *first = audience ? xml_text(audience) : NULL;
	for (; audience; audience = xml_again(audience)) {
		const char *text = xml_text(audience);
		if (text && evidence_is_our_entity(ev, text))
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_AUTH, "saml_audience",
	    "SAML core 2.5.1.4: audience is %.120s, want %.120s", first ? first : "no text",
	    evidence_our_entity(ev));
}

/* SAML core 2.5.1.4: several restrictions hold all together; profiles 4.1.4.2: there is one. */
static enum fas_code
check_audience(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	(void)out;
	const xmlNode *conditions = xml_child(ev->assertion, NS_SAML, "Conditions");
	const xmlNode *restriction =
	    conditions ? xml_child(conditions, NS_SAML, "AudienceRestriction") : NULL;
	if (!restriction)
		return refuse(e, "saml_audience", "SAML profiles 4.1.4.2: no AudienceRestriction");
	enum fas_code rc = FAS_OK;
	for (; restriction && rc == FAS_OK; restriction = xml_again(restriction))
		rc = audience_check(ev, restriction, e);
	return rc;
}

/* ---- Subject ---- */

static enum fas_code
check_confirmation(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	int64_t end_s = 0;
	enum fas_code rc = confirmation_check(ev, &end_s, e);
	if (rc == FAS_OK && end_s + ev->idp->clock_skew_s < out->expires_s)
		out->expires_s = end_s + ev->idp->clock_skew_s;
	return rc;
}

/* ---- all of them ---- */

const struct assertion_clause assertion_clauses[] = {
    {"version", "SAML 2.0", check_versions},
    {"issuer", "Response and Assertion are of the same provider", check_issuers},
    {"status", "the provider reports success", check_status},
    {"destination", "it was sent to where it came", check_destination},
    {"issue_instant", "it was issued just now", check_issue_instants},
    {"in_response_to", "it answers what was asked", check_in_response_to},
    {"conditions", "it is valid at this time", check_conditions},
    {"audience", "it is meant for us", check_audience},
    {"subject_confirmation", "its bearer may present it here and now", check_confirmation},
    {"authn_statement", "the sign-in is known, and goes on", authn_check},
    {"authn_context", "the way of the sign-in is one that was asked for", authn_context_check},
};
const size_t assertion_n_clauses = NELEMS(assertion_clauses);

enum fas_code
assertion_check(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < NELEMS(assertion_clauses) && rc == FAS_OK; i++)
		rc = assertion_clauses[i].check(ev, out, e);
	return rc;
}
