/*
 * What a logon is about, from the verified assertion on: stored in the ticket and with the session, judged again at
 * redemption and as long as the session lives.  Facts, never a verdict.
 *
 * What is stored outlives an upgrade: a member is added as one that may be missing (NULL, 0), and keeps its name.
 */
#ifndef FAS_FACTS_H
#define FAS_FACTS_H

#include "fas/saml/saml.h"
#include "fas/service.h"

struct facts {
	char *idp;
	enum policy_front_end front_end;
	char *storefront;                /* NULL under FRONT_END_HOST */
	bool has_sid, has_upn, has_guid; /* what the assertion claimed */
	struct sid sid;
	char *upn;
	struct guid guid;
	char *email, *forest, *domain;     /* as claims; NULL = not claimed */
	struct sid account_sid;            /* whom the claims named */
	int64_t session_not_on_or_after_s; /* 0 = none */
	char *authn_context;               /* AuthnContextClassRef; NULL = none */
	/* As whom the provider knows the user, and its session: what its logout names.  NULL = not said. */
	char *name_id, *name_id_format, *name_qualifier, *sp_name_qualifier, *session_index;
};

#define FACTS_TEXT_MAX 1024 /* octets of one of the provider's texts */

/* FAS_E_AUTH "saml_authn_statement" for a text that is too long to be kept. */
MUST_CHECK enum fas_code facts_from_assertion(const struct saml_assertion *assertion,
    const struct caller *caller, struct facts *out, struct fas_err *e);
void facts_done(struct facts *facts);

/* The claims, borrowed from facts. */
struct directory_claims facts_claims(const struct facts *facts);

/* For the ticket's row: JSON text, malloc'ed; NULL when out of memory. */
char *facts_format(const struct facts *facts);
/* FAS_E_IO "database_corrupt" for anything that facts_format has not written. */
MUST_CHECK enum fas_code facts_parse(const char *text, struct facts *out, struct fas_err *e);

/*
 * Find the account anew, check its state, match every claim, decide for this host.
 * On FAS_OK *account is the caller's and *verdict allows; it borrows from policy, which the caller keeps.
 * expected_sid: at redemption the account must still be the one whom the ticket was made for; NULL at the start.
 */
struct judgement {
	struct account *account;
	struct policy *policy; /* a reference */
	char policy_id[CORRELATION_ID_MAX];
	struct policy_verdict verdict;
};
MUST_CHECK enum fas_code facts_judge(struct service *service, const struct facts *facts,
    const char *host, int64_t now_s, const struct sid *expected_sid, struct judgement *out,
    struct fas_err *e);
/* The same without a host, and so without a decision.  *out, where it was found, is the caller's also on a refusal. */
MUST_CHECK enum fas_code facts_find_account(struct service *service, const struct facts *facts,
    int64_t now_s, const struct sid *expected_sid, struct account **out, struct fas_err *e);
/* The last step alone: what the policy of *out says of its account.  FAS_E_DENIED with the policy's reason. */
MUST_CHECK enum fas_code facts_decide(
    const struct facts *facts, const char *host, struct judgement *out, struct fas_err *e);
void judgement_done(struct judgement *judgement);

DEFINE_OWN_IN_PLACE(facts, struct facts, facts_done);
DEFINE_OWN_IN_PLACE(judgement, struct judgement, judgement_done);

#endif
