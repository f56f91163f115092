/* How and when the person signed in at the provider: AuthnStatement. */
#include "fas/saml/assertion.h"

#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/model.h"
#include "fas/saml/when.h"
#include "fas/saml/xml.h"

static const struct model authn_model = {"SAML core 2.7.2", FAS_E_AUTH, "saml_authn_statement",
    {{NS_SAML, "SubjectLocality", 0, 0, 1}, {NS_SAML, "AuthnContext", 1, 1, 1}}};

static const struct model context_model = {"SAML core 2.7.2.2", FAS_E_AUTH, "saml_authn_statement",
    {{NS_SAML, "AuthnContextClassRef", 0, 0, 1}, {NS_SAML, "AuthnContextDecl", 1, 0, 1},
	{NS_SAML, "AuthnContextDeclRef", 1, 0, 1},
	{NS_SAML, "AuthenticatingAuthority", 2, 0, MODEL_MANY}}};

static enum fas_code
refuse(struct fas_err *e, const char *reason, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, reason, "%s", finding);
}

/* Where the request's time is not known - the provider has spoken unasked, or another one has asked - max_age counts. */
static int64_t
fresh_from(const struct evidence *ev)
{
	return ev->expected->asked_s ? ev->expected->asked_s : ev->now_s - ev->idp->max_age_s;
}

static bool
is_fresh(const struct evidence *ev, int64_t instant_s)
{
	return (!ev->expected->force_authn && !ev->idp->asks.force_authn) ||
	       instant_s >= fresh_from(ev) - ev->idp->clock_skew_s;
}

static enum fas_code
authn_times_check(const struct evidence *ev, const xmlNode *statement, int64_t *instant_s,
    int64_t *end_s, struct fas_err *e)
{
	enum fas_code rc = when_attr(
	    statement, "AuthnInstant", -1, "SAML core 2.7.2", "saml_authn_statement", instant_s, e);
	if (rc == FAS_OK)
		rc = when_attr(statement, "SessionNotOnOrAfter", 0, "SAML core 2.7.2",
		    "saml_session_expired", end_s, e);
	if (rc != FAS_OK)
		return rc;
	if (*instant_s < 0 || *instant_s > ev->now_s + ev->idp->clock_skew_s)
		return refuse(e, "saml_authn_statement",
		    "SAML core 2.7.2: AuthnInstant is missing or in the future");
	if (!is_fresh(ev, *instant_s))
		return fas_fail(e, FAS_E_AUTH, "saml_force_authn",
		    "SAML core 3.4.1: a fresh sign-in was demanded, and AuthnInstant is %lld s "
		    "before %s (skew allowed: %lld)",
		    (long long)(fresh_from(ev) - *instant_s),
		    ev->expected->asked_s ? "the request" : "max_age",
		    (long long)ev->idp->clock_skew_s);
	if (*end_s != 0 && ev->now_s >= *end_s)
		return fas_fail(e, FAS_E_AUTH, "saml_session_expired",
		    "SAML core 2.7.2: SessionNotOnOrAfter was %lld s ago",
		    (long long)(ev->now_s - *end_s));
	return FAS_OK;
}

static enum fas_code
context_read(const xmlNode *statement, struct saml_assertion *out, struct fas_err *e)
{
	const xmlNode *context = xml_child(statement, NS_SAML, "AuthnContext");
	enum fas_code rc =
	    context ? model_check(&context_model, context, e)
		    : refuse(e, "saml_authn_statement", "SAML core 2.7.2: no AuthnContext");
	if (rc != FAS_OK || out->authn_context)
		return rc;
	const xmlNode *class_ref = xml_child(context, NS_SAML, "AuthnContextClassRef");
	const char *text = xml_text(class_ref);
	if (!class_ref)
		return FAS_OK;
	if (!text || !*text || utf8_has_invisible(text))
		return refuse(e, "saml_authn_statement",
		    "SAML core 2.7.2.2: AuthnContextClassRef is no plain text");
	out->authn_context = strdup(text);
	return out->authn_context ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
session_index_read(const xmlNode *statement, struct saml_assertion *out, struct fas_err *e)
{
	const char *index = xml_attr(statement, "SessionIndex");
	if (!index || !*index || out->session_index)
		return FAS_OK;
	if (strlen(index) > ASSERTION_SESSION_INDEX_MAX || utf8_has_invisible(index))
		return fas_fail(e, FAS_E_AUTH, "saml_authn_statement",
		    "SAML core 2.7.2: SessionIndex is no plain text of at most %d octets",
		    ASSERTION_SESSION_INDEX_MAX);
	out->session_index = strdup(index);
	return out->session_index ? FAS_OK : fas_fail_nomem(e);
}

/* The first statement gives instant and context; the session ends when the first of them does. */
static enum fas_code
authn_read(const struct evidence *ev, const xmlNode *statement, struct saml_assertion *out,
    struct fas_err *e)
{
	int64_t instant_s, end_s;
	enum fas_code rc = model_check(&authn_model, statement, e);
	if (rc == FAS_OK)
		rc = authn_times_check(ev, statement, &instant_s, &end_s, e);
	if (rc == FAS_OK)
		rc = session_index_read(statement, out, e);
	if (rc != FAS_OK)
		return rc;
	if (out->authn_instant_s == 0) {
		out->authn_instant_s = instant_s;
		if ((rc = context_read(statement, out, e)) != FAS_OK)
			return rc;
	}
	if (end_s != 0 &&
	    (out->session_not_on_or_after_s == 0 || end_s < out->session_not_on_or_after_s))
		out->session_not_on_or_after_s = end_s;
	return FAS_OK;
}

enum fas_code
authn_check(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const xmlNode *statement = xml_child(ev->assertion, NS_SAML, "AuthnStatement");
	if (!statement)
		return refuse(
		    e, "saml_authn_statement", "SAML profiles 4.1.4.2: no AuthnStatement");
	enum fas_code rc = FAS_OK;
	for (; statement && rc == FAS_OK; statement = xml_again(statement))
		rc = authn_read(ev, statement, out, e);
	return rc;
}

/*
 * SAML core 3.3.2.2.1: where a context was asked for exactly, it is one of those.  How contexts compare otherwise is the
 * provider's to know; then it must at least say which one it was.
 */
enum fas_code
authn_context_check(const struct evidence *ev, struct saml_assertion *out, struct fas_err *e)
{
	const struct idp_asks *asks = &ev->idp->asks;
	bool is_exact = asks->comparison && strcmp(asks->comparison, "exact") == 0;
	if (asks->contexts.n == 0 ||
	    (out->authn_context &&
		(!is_exact || idp_texts_have(&asks->contexts, out->authn_context))))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "saml_authn_context",
	    "SAML core 3.3.2.2.1: AuthnContextClassRef is %.120s, want %s%.120s",
	    out->authn_context ? out->authn_context : "missing",
	    asks->contexts.n > 1 ? "one of the provider's authn_contexts, as " : "",
	    asks->contexts.v[0]);
}
