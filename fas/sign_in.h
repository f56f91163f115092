/*
 * The pipeline of a browser: from the question that a provider is asked, by its response, to a one-time code for the
 * storefront, which exchanges it for a ticket (logon_start).  One correlation id leads from the first page to the ticket.
 *
 * A question is kept here until it is answered: it is good once, for its own browser (whose cookie is kept as a hash),
 * at its own virtual server and for the provider that was asked.  What nobody has asked for (identity-provider-initiated)
 * is taken where the provider's entry allows it.  A response is claimed here as it is at POST /v1/logons, and only once:
 * whoever comes with it again is refused.
 */
#ifndef FAS_SIGN_IN_H
#define FAS_SIGN_IN_H

#include "fas/logon.h"
#include "fas/ticket.h"

#define CODE_TEXT_MAX TICKET_TEXT_MAX /* as a ticket is made, and stored as a hash only */
#define CODE_LIFE_S 60
#define SIGN_IN_LIFE_S 900 /* a person looks for the second factor */
#define SIGN_IN_STATE_MAX 129
#define BROWSER_HASH_BYTES 32

/* Where a sign-in may end.  All texts of these two are borrowed from the configuration. */
struct sign_in_target {
	const char *name, *url;
	const char *storefront; /* DNS name: only it may exchange the code */
};

/* One virtual server: who may sign in at it, and where that leads. */
struct sign_in_server {
	const char *name; /* "default", or of /saml/v/NAME/ */
	const char *entity_id, *acs_url;
	const char *const *providers;
	size_t n_providers;
	const struct sign_in_target *targets; /* the first one is meant where none is named */
	size_t n_targets;
};

/* By name, or by exactly its URL; "" or NULL: the first.  FAS_E_DENIED "sign_in_target". */
MUST_CHECK enum fas_code sign_in_target_find(const struct sign_in_server *server, const char *text,
    const struct sign_in_target **out, struct fas_err *e);
/* FAS_E_NOTFOUND "sign_in_provider": not one of this server's. */
MUST_CHECK enum fas_code sign_in_provider_check(
    const struct sign_in_server *server, const char *idp, struct fas_err *e);

/* Of whom nothing is known but these; the caller of request is nobody. */
struct sign_in_browser {
	const uint8_t *hash;  /* of its cookie, BROWSER_HASH_BYTES; NULL = it has shown none */
	const uint8_t *fresh; /* of the one that it gets with the answer; may be NULL */
	const char *address;
};

struct sign_in_question {
	const struct sign_in_server *server;
	const struct sign_in_target *target;
	struct sign_in_browser browser; /* its hash is needed */
	const char *idp;
	const char
	    *request_id;   /* of the AuthnRequest; the RelayState is request's correlation id */
	const char *state; /* the storefront's own, handed back to it; [A-Za-z0-9._~-], "" = none */
	bool force_authn;
};
/* Before the question leaves: it is durable and on record.  FAS_E_INPUT "sign_in_state". */
MUST_CHECK enum fas_code sign_in_begin(struct service *service, struct request *request,
    const struct sign_in_question *question, struct fas_err *e);

struct sign_in_response {
	const struct sign_in_server *server;
	struct sign_in_browser browser;
	const char *saml_response; /* base64 */
	const char *relay_state;   /* a question's correlation id; else a target, "" or NULL */
};
struct sign_in_answer {
	char code[CODE_TEXT_MAX];
	const struct sign_in_target *target;
	char state[SIGN_IN_STATE_MAX];
};
void sign_in_answer_done(struct sign_in_answer *answer);

/*
 * The response verified and claimed, its account found, matched and fit to log on, a code for the target's storefront:
 * all durable with their record.  Which host it will be, and so the rule, is judged when the code is exchanged.
 *
 * Besides the refusals of saml_verify, the directory and acts: FAS_E_NOTFOUND "sign_in_unknown", FAS_E_CONFLICT
 * "sign_in_expired", "sign_in_used", FAS_E_AUTH "sign_in_browser" (another one was asked), FAS_E_DENIED "sign_in_target",
 * FAS_E_CONFLICT "assertion_replayed".
 */
MUST_CHECK enum fas_code sign_in_finish(struct service *service, struct request *request,
    const struct sign_in_response *response, struct sign_in_answer *out, struct fas_err *e);

/* ---- for logon.c: the code's way back ---- */

struct code;
/*
 * What a code of this storefront stands for.  FAS_E_AUTH "code_malformed", "code_other_node", "code_unknown" (also to any
 * other storefront), FAS_E_CONFLICT "code_expired".  request's correlation id becomes the sign-in's.
 */
MUST_CHECK enum fas_code code_read(struct service *service, struct request *request,
    const char *text, int64_t now_s, struct code *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(sign_in_answer, struct sign_in_answer, sign_in_answer_done);

#endif
