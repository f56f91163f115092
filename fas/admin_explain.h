/* `policy explain`: what the rules would say of a user, without an assertion and without granting anything. */
#ifndef FAS_ADMIN_EXPLAIN_H
#define FAS_ADMIN_EXPLAIN_H

#include "fas/config.h"
#include "fas/service.h"

/* All borrowed. */
struct explain_question {
	const char *user; /* UPN, SID, or DOMAIN\name (the implicit UPN of that domain) */
	const char *host;
	const char *storefront; /* NULL: under front_end host */
	const char *idp;
	const char *authn_context; /* NULL: the assertion says none */
};

/* The reply of docs/PROTOCOL.md, op policy.explain; a new reference. */
MUST_CHECK enum fas_code admin_explain(const struct config *config, struct service *service,
    const struct explain_question *question, json_t **reply, struct fas_err *e);

#endif
