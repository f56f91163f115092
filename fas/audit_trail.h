/*
 * The record of one request as it fills up: each step adds what it has learnt, so that a refusal at any point says as
 * much as was known by then.
 */
#ifndef FAS_AUDIT_TRAIL_H
#define FAS_AUDIT_TRAIL_H

#include "fas/facts.h"
#include "fas/service.h"

struct trail {
	struct audit_record record;
	char caller[CALLER_TEXT_MAX];
	char sid[SID_TEXT_MAX];
};

/* event: of a refusal; changed by trail_done for a success.  request stays where it is (its id may change). */
void trail_begin(struct trail *trail, const char *event, const struct request *request);
/* Borrow provider and storefront of facts, and the claimed UPN. */
void trail_facts(struct trail *trail, const struct facts *facts);
/* Borrow UPN, SID and rule of the judgement; call it also when the judgement was a refusal. */
void trail_judgement(struct trail *trail, const struct judgement *judgement);

/*
 * The request was refused with e: write the record and return e's code.  A record that cannot be written is said
 * in the log; the refusal stands.
 */
enum fas_code trail_refuse(struct trail *trail, struct service *service, struct fas_err *e);

/*
 * The same where nobody has proved anything: anybody can cause it, and the trail is kept for years.  So many are on record at
 * once, then one more a second; all are in the log, and the next one that is on record says how many were left out.
 */
#define STRANGERS_AT_ONCE 2000
#define STRANGERS_EACH_US 1000000
enum fas_code trail_refuse_stranger(
    struct trail *trail, struct service *service, struct fas_err *e);
/* Is there room for one more, which the caller then writes?  Adds "left_out" to the record's detail. */
bool trail_admits_stranger(struct trail *trail, struct service *service);

#endif
