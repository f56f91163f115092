/*
 * Acts that one administrator asks for and another one lets happen.  Which ones those are stands in signer.yaml
 * (two_persons), and that file belongs to root: whoever is root on this machine needs nobody.
 *
 *     the first        fasctl ca rotate           -> {"waiting": {"id", ...}}: on record, nothing has happened
 *     the second       fasctl proposal show ID         what exactly will be done
 *                      fasctl proposal approve ID      done, by both
 */
#ifndef CA_TWO_PERSONS_H
#define CA_TWO_PERSONS_H

#include "ca/ca.h"

/* Does this request have to wait for a second person? */
bool two_persons_needed(const struct signer_config *config, const char *operation, json_t *request);

/*
 * Put it on record instead of running it; call->reply says under which id it waits.  FAS_E_DENIED "person_unknown",
 * FAS_E_LIMIT "proposals_too_many".
 */
MUST_CHECK enum fas_code two_persons_hold(
    struct call *call, const struct operation *op, json_t *request, struct fas_err *e);

/*
 * Who sits there, of a caller's text "uid:0(login 1000)": the uid of his login, which sudo and su keep; without one the uid
 * itself, but for root, which several may be.  False: nobody can tell.
 */
bool two_persons_who(const char *caller, uid_t *out);

call_fn op_proposal_list;
call_fn op_proposal_show;
call_fn
    op_proposal_approve; /* FAS_E_DENIED "same_person", "person_unknown"; FAS_E_CONFLICT "proposal_gone" */
call_fn op_proposal_withdraw; /* "proposal_gone" */

#endif
