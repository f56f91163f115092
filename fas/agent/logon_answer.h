/* The answer to POST /v1/certificates, read strictly. */
#ifndef FAS_AGENT_LOGON_ANSWER_H
#define FAS_AGENT_LOGON_ANSWER_H

#include "fas/agent/rule.h"
#include "fas/agent/session_file.h"
#include "fas/base/json.h"

/* Texts are borrowed from the reader inside; they live until logon_answer_done. */
struct logon_answer {
	struct json_reader reader;
	const char *session_id, *certificate, *chain, *serial, *upn, *sam_account_name, *realm;
	const char *principal, *sid, *correlation_id;
	const char *key; /* custody service: the key's name; NULL: it is ours */
	int64_t session_expires_s, lease_s, not_after_s;
	struct session_rule rule; /* what the policy allows in the session */
};

/*
 * Every member present and of its shape, none unknown (custody, key, in_session: where the service has them); session id, realm, UPN, account name and
 * principal fit for what they are used for.  FAS_E_INPUT with json.h's reasons or
 * "answer_malformed".
 */
MUST_CHECK enum fas_code logon_answer_read(
    json_t *body, struct logon_answer *out, struct fas_err *e);
void logon_answer_done(struct logon_answer *answer);

/* A member that is a time ("2026-11-23T02:35:50Z"), in seconds since 1970; in json.h's manner. */
int64_t answer_need_time(struct json_reader *r, const char *name);

/* A member of any kind, null included; NULL when it is absent. */
json_t *answer_want_any(struct json_reader *r, const char *name);
/* "custody" and "key", which belong together; NULL: the key is the host's. */
const char *answer_want_key(struct json_reader *r);

/* What is to be remembered of it. */
void logon_answer_session(
    const struct logon_answer *answer, const char *server, struct session_file *out);

DEFINE_OWN_IN_PLACE(logon_answer, struct logon_answer, logon_answer_done);

#endif
