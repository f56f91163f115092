/*
 * What a session's programs have signed with keys that this host keeps, until the service has it on record
 * (POST /v1/sessions/ID/uses).  Signatures of one kind are counted together; a report that may not have arrived goes out
 * again under its number, so that each signature is on record once.
 */
#ifndef FAS_AGENT_USES_H
#define FAS_AGENT_USES_H

#include "fas/agent/permit.h"
#include "fas/agent/signing.h"
#include "fas/agent/upstream.h"

/* Under the lock of the sessions: counted, and a report becomes due.  What does not fit is on the host's log alone. */
void uses_note(struct session *s, const struct card_key *key, const struct signing *what,
    const struct permit *permit);
/* Is there something to report, now or, with `at_the_end`, at all?  Under the lock. */
bool uses_are_due(const struct session *s, int64_t now_us, bool at_the_end);
/* One report; true: it has arrived.  Whoever has the right to the session's work calls it. */
bool uses_report(const struct upstream *up, struct sessions *t, struct session *s);
/* At the end of a session: all there is, as far as the service takes it now. */
void uses_report_rest(const struct upstream *up, struct sessions *t, struct session *s);
void uses_free(struct uses *uses);

#endif
