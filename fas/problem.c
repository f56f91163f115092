#include "fas/problem.h"

#include <string.h>

#include "fas/base/json.h"

enum public_code {
	REQUEST_INVALID,
	CSR_REFUSED,
	CSR_REQUIRED,
	CALLER_REQUIRED,
	CALLER_REFUSED,
	ASSERTION_REFUSED,
	ASSERTION_USED,
	LOGON_DENIED,
	TICKET_REFUSED,
	TICKET_OTHER_NODE,
	TICKET_USED,
	CODE_REFUSED,
	CODE_OTHER_NODE,
	CODE_USED,
	SIGN_IN_EXPIRED,
	TARGET_REFUSED,
	PROVIDER_UNKNOWN,
	LOGOUT_REFUSED,
	TOKEN_REFUSED,
	ROLE_REFUSED,
	RENEWAL_REFUSED,
	NOT_FOUND,
	SESSION_UNKNOWN,
	SESSION_ENDED,
	SESSION_HELD,
	KEY_UNKNOWN,
	IN_SESSION_REFUSED,
	SIGN_REFUSED,
	METHOD_REFUSED,
	CONFLICT,
	TOO_LARGE,
	TYPE_REFUSED,
	BUSY,
	INTERNAL,
	UNAVAILABLE,
	POOL_EMPTY,
};

static const struct problem problems[] = {
    [REQUEST_INVALID] = {400, "request_invalid", "The request is not well formed", 0},
    [CSR_REFUSED] = {400, "csr_refused", "The certificate request cannot be used", 0},
    [CSR_REQUIRED] = {409, "csr_required", "The host has to bring a certificate request", 0},
    [CALLER_REQUIRED] = {401, "caller_required", "The machine must prove who it is", 0},
    [CALLER_REFUSED] = {401, "caller_refused", "The machine's proof is not accepted", 0},
    [ASSERTION_REFUSED] = {403, "assertion_refused", "The SAML response is not accepted", 0},
    [ASSERTION_USED] = {409, "assertion_used", "The SAML assertion has been used", 0},
    [LOGON_DENIED] = {403, "logon_denied", "The logon is denied", 0},
    [TICKET_REFUSED] = {403, "ticket_refused", "The ticket is not accepted", 0},
    [TICKET_OTHER_NODE] = {403, "ticket_other_node", "The ticket was issued by another node", 0},
    [TICKET_USED] = {409, "ticket_used", "The ticket has been used", 0},
    [CODE_REFUSED] = {403, "code_refused", "The code is not accepted", 0},
    [CODE_OTHER_NODE] = {403, "code_other_node", "The code was issued by another node", 0},
    [CODE_USED] = {409, "code_used", "The code has been used", 0},
    [SIGN_IN_EXPIRED] = {409, "sign_in_expired", "The sign-in has to be begun anew", 0},
    [TARGET_REFUSED] = {403, "target_refused", "The sign-in may not lead there", 0},
    [PROVIDER_UNKNOWN] = {404, "provider_unknown", "There is no such identity provider here", 0},
    [LOGOUT_REFUSED] = {403, "logout_refused", "The sign-out cannot be finished", 0},
    [TOKEN_REFUSED] = {403, "token_refused", "The enrolment token is not accepted", 0},
    [ROLE_REFUSED] = {403, "role_refused", "This caller may not do this", 0},
    [RENEWAL_REFUSED] = {403, "renewal_refused", "The certificate cannot be renewed", 0},
    [NOT_FOUND] = {404, "not_found", "There is no such resource", 0},
    [SESSION_UNKNOWN] = {404, "session_unknown", "There is no such session", 0},
    [SESSION_ENDED] = {403, "session_ended", "The session has ended", 0},
    [SESSION_HELD] = {403, "session_held", "The session is on hold", 0},
    [KEY_UNKNOWN] = {404, "key_unknown", "There is no such key", 0},
    [IN_SESSION_REFUSED] = {403, "in_session_refused", "No certificate within the session", 0},
    [SIGN_REFUSED] = {403, "sign_refused", "The key may not sign this", 0},
    [METHOD_REFUSED] = {405, "method_refused", "The method is not allowed here", 0},
    [CONFLICT] = {409, "conflict", "The request conflicts with an earlier one", 0},
    [TOO_LARGE] = {413, "too_large", "The body is too large", 0},
    [TYPE_REFUSED] = {415, "type_refused", "The body must be application/json", 0},
    [BUSY] = {429, "busy", "Too many requests", 1},
    [INTERNAL] = {500, "internal", "The service failed", 0},
    [UNAVAILABLE] = {503, "unavailable", "The service is not available at the moment", 2},
    [POOL_EMPTY] = {503, "pool_empty", "No key is ready at the moment", 2},
};

struct rule {
	const char *reason; /* exact, or a family when it ends in '_' */
	enum public_code code;
};

/*
 * Reasons that say more than their class.  Exact ones stand before their family: the first that fits decides.
 * Failures of our own side (signer, directory, store) have no rule: their class says it all.
 */
static const struct rule rules[] = {
    {"caller_required", CALLER_REQUIRED},
    {"caller_role", ROLE_REFUSED},
    {"caller_", CALLER_REFUSED},
    {"machine_no_rule", ROLE_REFUSED},
    {"machine_", CALLER_REFUSED},
    {"saml_", ASSERTION_REFUSED},
    {"idp_", ASSERTION_REFUSED},
    {"assertion_", ASSERTION_USED},
    {"account_", LOGON_DENIED},
    {"claim_", LOGON_DENIED},
    {"policy_", LOGON_DENIED},
    {"ticket_other_node", TICKET_OTHER_NODE},
    {"ticket_used", TICKET_USED},
    {"ticket_", TICKET_REFUSED},
    {"code_other_node", CODE_OTHER_NODE},
    {"code_used", CODE_USED},
    {"code_", CODE_REFUSED},
    {"sign_in_state", REQUEST_INVALID},
    {"sign_in_target", TARGET_REFUSED},
    {"sign_in_provider", PROVIDER_UNKNOWN},
    {"sign_in_", SIGN_IN_EXPIRED},
    {"signed_out", LOGON_DENIED},
    {"logout_", LOGOUT_REFUSED},
    {"form_", REQUEST_INVALID},
    {"token_", TOKEN_REFUSED},
    {"csr_required", CSR_REQUIRED},
    {"csr_", CSR_REFUSED},
    {"key_gone", TICKET_REFUSED},
    {"pool_empty", POOL_EMPTY},
    {"session_held", SESSION_HELD},
    {"session_", SESSION_UNKNOWN},
    {"over", SESSION_ENDED},
    {"key_unknown", KEY_UNKNOWN},
    {"in_session_", IN_SESSION_REFUSED},
    {"order_", CONFLICT},
    {"sign_", SIGN_REFUSED},
    {"use_", SIGN_REFUSED},
    {"renew_", RENEWAL_REFUSED},
    {"authority_", UNAVAILABLE},
    {"peer_", UNAVAILABLE},
    {"socket_forbidden", UNAVAILABLE},
    {"file_", INTERNAL},
    {"member_", REQUEST_INVALID},
    {"json_malformed", REQUEST_INVALID},
    {"base64_malformed", REQUEST_INVALID},
    {"host_invalid", REQUEST_INVALID},
    {"query_refused", REQUEST_INVALID},
    {"route_unknown", NOT_FOUND},
    {"object_unknown", NOT_FOUND},
    {"method_refused", METHOD_REFUSED},
    {"body_too_large", TOO_LARGE},
    {"body_type", TYPE_REFUSED},
    {"queue_full", BUSY},
    {"stopping", UNAVAILABLE},
};

static const enum public_code by_class[] = {
    [FAS_OK] = INTERNAL,
    [FAS_E_INPUT] = REQUEST_INVALID,
    [FAS_E_AUTH] = LOGON_DENIED,
    [FAS_E_DENIED] = LOGON_DENIED,
    [FAS_E_NOTFOUND] = NOT_FOUND,
    [FAS_E_CONFLICT] = CONFLICT,
    [FAS_E_LIMIT] = BUSY,
    [FAS_E_UNAVAILABLE] = UNAVAILABLE,
    [FAS_E_TIMEOUT] = UNAVAILABLE,
    [FAS_E_CONFIG] = INTERNAL,
    [FAS_E_IO] = INTERNAL,
    [FAS_E_CRYPTO] = INTERNAL,
    [FAS_E_NOMEM] = INTERNAL,
    [FAS_E_INTERNAL] = INTERNAL,
};

static bool
rule_fits(const struct rule *rule, const char *reason)
{
	size_t len = strlen(rule->reason);
	if (rule->reason[len - 1] == '_')
		return strncmp(rule->reason, reason, len) == 0;
	return strcmp(rule->reason, reason) == 0;
}

static const struct rule *
find_rule(const struct rule *list, size_t n, const char *reason)
{
	for (size_t i = 0; i < n; i++) {
		if (rule_fits(&list[i], reason))
			return &list[i];
	}
	return NULL;
}

/*
 * Reasons of our own side that say more than their class: this node's store is broken, and another node, or this one
 * when it has been mended, may do what was asked.  Nothing was done that a repeat would not find.
 */
static const struct rule failures[] = {
    {"database_", UNAVAILABLE},
};

/*
 * Only a refusal has a reason that the outside may act on: a failing library behind "saml_" is still our failure.
 * (The rules for authorities, peers and files are for refusals that are our own side's fault.)  That a pool is empty is
 * what the rule lets the host know.
 */
static bool
is_refusal(const struct fas_err *e)
{
	enum fas_code code = e->code;
	if (code == FAS_E_UNAVAILABLE)
		return strcmp(e->reason, "pool_empty") == 0;
	return code == FAS_E_INPUT || code == FAS_E_AUTH || code == FAS_E_DENIED ||
	       code == FAS_E_NOTFOUND || code == FAS_E_CONFLICT;
}

const struct problem *
problem_of(const struct fas_err *e)
{
	const struct rule *rule = is_refusal(e) ? find_rule(rules, NELEMS(rules), e->reason)
						: find_rule(failures, NELEMS(failures), e->reason);
	if (rule)
		return &problems[rule->code];
	return &problems[(size_t)e->code < NELEMS(by_class) ? by_class[e->code] : INTERNAL];
}

bool
problem_knows(const char *reason)
{
	return find_rule(rules, NELEMS(rules), reason) != NULL;
}

const struct problem *
problem_at(size_t i)
{
	return i < NELEMS(problems) ? &problems[i] : NULL;
}

char *
problem_document(const struct problem *problem, const char *correlation_id)
{
	json_t *document = json_pack("{s:s+, s:s, s:i, s:s, s:s}", "type",
	    "urn:fas:problem:", problem->code, "title", problem->title, "status",
	    (int)problem->status, "code", problem->code, "correlation_id", correlation_id);
	char *text = json_text(document, JSON_COMPACT);
	json_decref(document);
	return text;
}
