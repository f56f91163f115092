/* Who may present this assertion, where, and until when: the bearer's SubjectConfirmation. */
#include "fas/saml/assertion.h"

#include <string.h>

#include "fas/saml/model.h"
#include "fas/saml/when.h"
#include "fas/saml/xml.h"

#define METHOD_BEARER "urn:oasis:names:tc:SAML:2.0:cm:bearer"
#define REASON "saml_subject_confirmation"

static const struct model subject_model = {"SAML core 2.4.1", FAS_E_AUTH, REASON,
    {{NS_SAML, "NameID", 0, 0, 1}, {NS_SAML, "BaseID", 0, 0, 1}, {NS_SAML, "EncryptedID", 0, 0, 1},
	{NS_SAML, "SubjectConfirmation", 1, 1, ASSERTION_CONFIRMATIONS_MAX}}};

/* An identifier in it would name another one who may present the assertion: not a browser. */
static const struct model confirmation_model = {
    "SAML profiles 4.1.4.2", FAS_E_AUTH, REASON, {{NS_SAML, "SubjectConfirmationData", 0, 1, 1}}};

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, REASON, "%s", finding);
}

static bool
is_bearer(const xmlNode *confirmation)
{
	const char *method = xml_attr(confirmation, "Method");
	return method && strcmp(method, METHOD_BEARER) == 0;
}

static enum fas_code
time_check(const struct evidence *ev, const xmlNode *data, int64_t *end_s, struct fas_err *e)
{
	enum fas_code rc =
	    when_attr(data, "NotOnOrAfter", -1, "SAML profiles 4.1.4.2", "saml_expired", end_s, e);
	if (rc != FAS_OK)
		return rc;
	if (*end_s < 0)
		return refuse(
		    e, "SAML profiles 4.1.4.2: SubjectConfirmationData without NotOnOrAfter");
	if (xml_attr(data, "NotBefore"))
		return refuse(e, "SAML profiles 4.1.4.2: SubjectConfirmationData of a bearer has a "
				 "NotBefore");
	if (ev->now_s >= *end_s + ev->idp->clock_skew_s)
		return fas_fail(e, FAS_E_AUTH, "saml_expired",
		    "SAML profiles 4.1.4.3: SubjectConfirmationData ended %lld s ago (skew "
		    "allowed: "
		    "%lld)",
		    (long long)(ev->now_s - *end_s), (long long)ev->idp->clock_skew_s);
	return FAS_OK;
}

static enum fas_code
recipient_check(const struct evidence *ev, const xmlNode *data, struct fas_err *e)
{
	const char *recipient = xml_attr(data, "Recipient");
	if (recipient && evidence_is_our_acs(ev, recipient))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_recipient",
	    "SAML profiles 4.1.4.3: Recipient is %.120s, want %.120s",
	    recipient ? recipient : "missing", evidence_our_acs(ev));
}

static enum fas_code
bearer_check(
    const struct evidence *ev, const xmlNode *confirmation, int64_t *end_s, struct fas_err *e)
{
	const xmlNode *data = xml_child(confirmation, NS_SAML, "SubjectConfirmationData");
	enum fas_code rc = model_check(&confirmation_model, confirmation, e);
	if (rc != FAS_OK)
		return rc;
	if (!data) /* the model asks for one; the analyser does not know */
		return refuse(e, "SAML profiles 4.1.4.2: no SubjectConfirmationData");
	if ((rc = recipient_check(ev, data, e)) != FAS_OK ||
	    (rc = time_check(ev, data, end_s, e)) != FAS_OK)
		return rc;
	return in_response_to_check(ev, data, e);
}

/* SAML core 2.4.1: any one that holds is enough.  What the first one lacks is the reason when none does. */
static enum fas_code
any_bearer_check(
    const struct evidence *ev, const xmlNode *subject, int64_t *last_end_s, struct fas_err *first)
{
	bool holds = false;
	const xmlNode *confirmation = xml_child(subject, NS_SAML, "SubjectConfirmation");
	for (; confirmation; confirmation = xml_again(confirmation)) {
		int64_t end_s = 0;
		if (!is_bearer(confirmation))
			continue;
		holds |= bearer_check(ev, confirmation, &end_s, first) == FAS_OK;
		if (end_s > *last_end_s)
			*last_end_s = end_s;
	}
	if (holds)
		return FAS_OK;
	return refuse(first, "SAML profiles 4.1.4.2: no SubjectConfirmation of method bearer");
}

enum fas_code
confirmation_check(const struct evidence *ev, int64_t *last_end_s, struct fas_err *e)
{
	struct fas_err first = {0};
	const xmlNode *subject = xml_child(ev->assertion, NS_SAML, "Subject");
	if (!subject)
		return refuse(e, "SAML profiles 4.1.4.2: no Subject");
	enum fas_code rc = model_check(&subject_model, subject, e);
	if (rc != FAS_OK)
		return rc;
	if (any_bearer_check(ev, subject, last_end_s, &first) == FAS_OK)
		return FAS_OK;
	return fas_fail(e, first.code, first.reason, "%s", first.message);
}
