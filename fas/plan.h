/*
 * What a used ticket has been promised: everything that the signer is asked for and the session will be.
 *
 * It is durable before the signer is asked, so that whoever repeats (the host, or fasd after a crash) asks for exactly
 * the same under the same request id, and gets the same certificate.
 */
#ifndef FAS_PLAN_H
#define FAS_PLAN_H

#include "fas/facts.h"
#include "fas/host_key.h"
#include "fas/logon_store.h"
#include "fas/session_store.h"

struct plan {
	char *authority, *profile;
	struct dn subject;
	struct sid sid;
	uint8_t *spki; /* the host's key; NULL: */
	size_t spki_len;
	char *key_type;                   /* one of the signer's, of this type, */
	int64_t signatures, sign_until_s; /* which signs so often, so long, */
	bool host_when_empty;             /* or else a key of this type that the host brings */
	int64_t validity_s;
	char *mail; /* the account's, for a profile that wants it; or NULL */
	char *policies[POLICY_ISSUANCE_MAX]; /* issuance policies, OIDs */
	size_t n_policies;
	struct session session; /* as it will be inserted */
};
void plan_done(struct plan *plan);

/*
 * Who keeps the key is the rule's matter: where the host does, key (copied) has been checked.  The session's id is new;
 * its lease begins now.
 */
MUST_CHECK enum fas_code plan_make(const struct judgement *judgement, const struct facts *facts,
    const struct ticket *ticket, const struct host_key *key, int64_t now_s, struct plan *out,
    struct fas_err *e);
/*
 * For a session that lives: what the judgement grants within it, to its end at the latest.  FAS_E_DENIED
 * "in_session_late": it has less than a minute left.
 */
MUST_CHECK enum fas_code plan_make_in_session(const struct judgement *judgement,
    const struct session *session, const struct host_key *key, int64_t now_s, struct plan *out,
    struct fas_err *e);
/* The pool is empty: the host's own key instead, which has been checked. */
MUST_CHECK enum fas_code plan_use_host_key(
    struct plan *plan, const struct host_key *key, struct fas_err *e);

/* JSON text for the ticket's row: malloc'ed; NULL when out of memory. */
char *plan_format(const struct plan *plan);
/* The reverse, for the ticket that it was stored with.  FAS_E_IO "database_corrupt". */
MUST_CHECK enum fas_code plan_parse(
    const struct ticket *ticket, struct plan *out, struct fas_err *e);

/* Ask the signer.  Safe to repeat. */
MUST_CHECK enum fas_code plan_issue(const struct plan *plan, const struct ticket *ticket,
    struct signer *signer, struct signer_certificate *out, struct fas_err *e);

/* The certificate's row, inside a db_fn: what terms leave open is the plan's. */
MUST_CHECK enum fas_code plan_insert_certificate(struct db *db, const struct plan *plan,
    const struct signer_certificate *certificate, const struct issued_terms *terms,
    struct fas_err *e);

/*
 * The result: session, certificate, ticket done and the record, in one transaction.  When somebody else has
 * completed the same ticket meanwhile, that is fine and nothing is written twice: *won says who.
 */
MUST_CHECK enum fas_code plan_complete(const struct plan *plan, const struct ticket *ticket,
    const struct signer_certificate *certificate, struct audit_record *record, struct db_pool *db,
    bool *won, struct fas_err *e);

DEFINE_OWN_IN_PLACE(plan, struct plan, plan_done);

#endif
