/* The lease of a session: it lives as long as its host says so, and the service says what has changed (docs/PROTOCOL.md). */
#ifndef FAS_AGENT_LEASE_H
#define FAS_AGENT_LEASE_H

#include "fas/agent/rule.h"
#include "fas/agent/session_file.h"
#include "fas/agent/upstream.h"

struct lease {
	int64_t expires_s; /* the session's cap */
	int64_t lease_s;   /* the session ends when no other lease comes within */
	int64_t next_s;    /* when to come again at the latest */
	bool has_rule;     /* the answer says what is allowed in the session by now: */
	struct session_rule rule;
};
void lease_done(struct lease *lease);

/* FAS_E_DENIED "session_ended", FAS_E_NOTFOUND "session_unknown": the service has ended it. */
MUST_CHECK enum fas_code lease_keep(const struct upstream *up, const struct session_file *session,
    struct lease *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(lease, struct lease, lease_done);

#endif
