/*
 * Single logout (SAML profiles 4.4), the pipeline: what a provider's LogoutRequest ends, and what a browser's own wish does.
 *
 * A logout ends the sessions that it names: live ones and held ones, with the rule's revocation, so that the next lease and
 * the next signature are refused; their open tickets and codes are void.  All of it is one transaction with its records,
 * and the message's ID is claimed in it: the same message again (its answer was lost) ends nothing that is younger than its
 * first coming.  What is on its way at that moment is caught where it arrives: an assertion that was issued before, a
 * redemption whose certificate is being made.
 */
#ifndef FAS_LOGOUT_H
#define FAS_LOGOUT_H

#include "fas/facts.h"
#include "fas/saml/logout.h"
#include "fas/sign_in.h"

/* A virtual server as logout messages know it; borrowed. */
struct logout_place {
	const struct sign_in_server *server;
	const char *slo_url;
};

/* As the browser has brought it; borrowed. */
struct logout_message {
	struct logout_place place;
	struct sign_in_browser browser;
	const char *query; /* redirect binding: the raw query string; NULL = POST binding: */
	bool is_response;
	const char *value, *relay_state; /* relay_state may be NULL */
};

struct logout_outcome {
	struct saml_message
	    *send; /* the browser's next way: our answer, or our request; NULL = none */
	char *idp; /* to whom; NULL without send */
	bool was_response;
	enum saml_logout_status status; /* of a response: what the provider says */
	size_t sessions;                /* ended by this call */
};
void logout_outcome_done(struct logout_outcome *outcome);

/*
 * A message of a provider: verified, of this server's, applied or, a response, bound to what was asked.  An answer that cannot
 * be sent back (the provider's entry has no place for it) is no failure: the sessions have ended.
 *
 * Besides the refusals of saml_logout_read_*: FAS_E_NOTFOUND "sign_in_provider" (none of this server's), "logout_unknown"
 * (nobody has asked), FAS_E_CONFLICT "logout_answered", "logout_expired", FAS_E_AUTH "logout_provider" (another one was asked),
 * "logout_browser".
 */
MUST_CHECK enum fas_code logout_receive(struct service *service, struct request *request,
    const struct logout_message *message, struct logout_outcome *out, struct fas_err *e);

/*
 * The browser wants to sign out: all that was begun by way of it ends, and outcome->send asks the provider of its last
 * sign-in to do likewise.  A browser that has signed in nowhere is FAS_OK.
 */
MUST_CHECK enum fas_code logout_begin(struct service *service, struct request *request,
    const struct logout_place *place, const struct sign_in_browser *browser,
    struct logout_outcome *out, struct fas_err *e);

/* The verified message alone; *repeated: it was here before, and has ended nothing now. */
MUST_CHECK enum fas_code logout_apply(struct service *service, struct request *request,
    const struct saml_logout *message, size_t *sessions, bool *repeated, struct fas_err *e);

/* ---- inside a db_fn (logout_store.c): for what is on its way ---- */

/* FAS_E_DENIED "signed_out": this assertion was issued before its subject signed out.  issued_s: skew taken off. */
MUST_CHECK enum fas_code logout_check_assertion(
    struct db *db, const struct facts *facts, int64_t issued_s, struct fas_err *e);
/* The same of a ticket that is being redeemed; begun: an id that was drawn when that began. */
MUST_CHECK enum fas_code logout_check_ticket(
    struct db *db, int64_t ticket, const char *begun, struct fas_err *e);

DEFINE_OWN_IN_PLACE(logout_outcome, struct logout_outcome, logout_outcome_done);

#endif
