/*
 * The checks of a Response and its Assertion, one named function a clause.
 *
 * The assertion is read from bytes that were signed, always.  The Response around it is so only when it was signed
 * itself; else its checks may refuse what the assertion alone would allow, and never the other way round: nothing
 * that is found in an unsigned envelope reaches struct saml_assertion.
 */
#ifndef FAS_SAML_ASSERTION_H
#define FAS_SAML_ASSERTION_H

#include <stdbool.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "fas/base/err.h"
#include "fas/saml/idp.h"
#include "fas/saml/saml.h"

#define ASSERTION_CONFIRMATIONS_MAX 8
#define ASSERTION_NAME_ID_MAX 1024       /* octets, of each of its attributes too */
#define ASSERTION_SESSION_INDEX_MAX 1024 /* octets */

/* Borrowed, from the provider and from documents that outlive it. */
struct evidence {
	const struct idp *idp;
	const xmlNode *response;
	bool response_signed;
	bool proven; /* by a signature: response and assertion, as reading_prove has found */
	const xmlNode *assertion;
	const xmlNode
	    *name_id; /* the subject's, opened if it was encrypted; NULL when there is none */
	const struct saml_expectation *expected;
	int64_t now_s;
};

/* One check; holds: what is true where it finds nothing. */
struct assertion_clause {
	const char *name, *holds;
	enum fas_code (*check)(
	    const struct evidence *ev, struct saml_assertion *out, struct fas_err *e);
};
extern const struct assertion_clause assertion_clauses[];
extern const size_t assertion_n_clauses;

/* All checks, in order; the first that fails names its reason (saml.h).  Fills out's times and authentication
 * context. */
MUST_CHECK enum fas_code assertion_check(
    const struct evidence *ev, struct saml_assertion *out, struct fas_err *e);

/*
 * SAML profiles 4.1.4.2, 4.1.4.3: at least one bearer SubjectConfirmation holds.  *last_end_s: the latest NotOnOrAfter
 * of any of them, skew not included.
 */
MUST_CHECK enum fas_code confirmation_check(
    const struct evidence *ev, int64_t *last_end_s, struct fas_err *e);

/* Of any message: Version is 2.0 (SAML core 2.3.3, 3.2.2). */
MUST_CHECK enum fas_code version_check(const xmlNode *node, struct fas_err *e);
/* Issuer is the provider, an entity (SAML core 2.2.5); clause begins the message. */
MUST_CHECK enum fas_code issuer_check(
    const struct evidence *ev, const xmlNode *issuer, const char *clause, struct fas_err *e);
/* SAML core 1.3.3; *age_end_s: when the element of that instant becomes too old, skew not included. */
MUST_CHECK enum fas_code issue_instant_check(const struct evidence *ev, const xmlNode *node,
    int64_t *instant_s, int64_t *age_end_s, struct fas_err *e);

/*
 * SAML core 2.7.2: there is an AuthnStatement, and each is of now, fresh where that was demanded, and not over.  Into out:
 * its instant, context, session and the session's end.
 */
MUST_CHECK enum fas_code authn_check(
    const struct evidence *ev, struct saml_assertion *out, struct fas_err *e);
/* Then: is the context one that was asked for? */
MUST_CHECK enum fas_code authn_context_check(
    const struct evidence *ev, struct saml_assertion *out, struct fas_err *e);

/* Does InResponseTo of node answer what was asked?  SAML core 3.2.2, profiles 4.1.4.3. */
MUST_CHECK enum fas_code in_response_to_check(
    const struct evidence *ev, const xmlNode *node, struct fas_err *e);

/* Is this text our entity id, our ACS URL, as the expectation or else the provider's entry has it? */
bool evidence_is_our_entity(const struct evidence *ev, const char *text);
bool evidence_is_our_acs(const struct evidence *ev, const char *text);
/* One that is, for messages. */
const char *evidence_our_entity(const struct evidence *ev);
const char *evidence_our_acs(const struct evidence *ev);

/* The claims that name the account, and NameID for the record, into out (texts malloc'ed).  FAS_E_AUTH "saml_claims". */
MUST_CHECK enum fas_code claims_read(
    const struct evidence *ev, struct saml_assertion *out, struct fas_err *e);

#endif
