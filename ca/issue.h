/*
 * Issuing, once for every request id: whatever is issued goes through issue_once.
 */
#ifndef CA_ISSUE_H
#define CA_ISSUE_H

#include <stdint.h>

#include "ca/ca.h"
#include "ca/spki.h"

#define REQUEST_ID_LEN_MAX 64
#define SPKI_TEXT_MAX SPKI_MAX

/* What distinguishes one issue from another; all borrowed. */
struct issue {
	struct issuer *issuer;
	struct profile_facts *facts;
	int64_t now_s, life_s;
	const char *request_id;
	uint8_t request_digest[STORE_DIGEST];
	uint8_t spki_digest[STORE_DIGEST];
	const char *sid;         /* text, users */
	const char *role, *name; /* machines */
	const uint8_t *token;    /* its hash, when it is to be claimed in the same transaction */
	const uint8_t
	    *replaces; /* serial of the machine's certificate that must still be good, or NULL */
	size_t replaces_len;
	bool changes_hosts; /* the host table's generation grows */
	const char *event;  /* of the record */
};

/*
 * Prepare, lint, put on record together with the audit record (one durable transaction), sign, answer: call->reply.
 * call->about holds what the record says.  FAS_E_CONFLICT "request_id_reused" when the id is on record with another
 * digest; with the same one the first result is answered again.
 */
MUST_CHECK enum fas_code issue_once(struct call *call, struct issue *issue, struct fas_err *e);

/*
 * Answer a request that is on record, if it is: *found.  FAS_E_CONFLICT "request_id_reused" as above, FAS_E_DENIED
 * "certificate_revoked".
 */
MUST_CHECK enum fas_code issue_again(struct call *call, const char *request_id,
    const uint8_t digest[STORE_DIGEST], bool *found, struct fas_err *e);

/* SHA-256 over the request without its correlation id and chain_known: what has to be the same in a repeat. */
MUST_CHECK enum fas_code issue_digest(
    json_t *request, uint8_t out[STORE_DIGEST], struct fas_err *e);

/* A certificate on record, whole again: signed anew (RSA, the same bytes) or with its kept signature. */
MUST_CHECK enum fas_code issue_rebuild(struct ca *ca, const struct certificate_row *row,
    uint8_t **der, size_t *der_len, struct fas_err *e);

/* The certificate reply of docs/PROTOCOL.md; chain_known: the digest of the chain that the caller has, or NULL. */
json_t *certificate_reply(const struct issuer *issuer, const char *chain_known, const uint8_t *der,
    size_t len, const uint8_t *serial, size_t serial_len, int64_t not_before_s,
    int64_t not_after_s);

/* The operations of the issue socket that issue. */
call_fn op_issue;

#endif
