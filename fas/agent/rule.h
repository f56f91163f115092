/*
 * What the policy allows inside a session ("in_session" in the service's answers, docs/PROTOCOL.md).  The service keeps to
 * it itself; programs and consent can only be looked at here.
 */
#ifndef FAS_AGENT_RULE_H
#define FAS_AGENT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/json.h"

#define RULE_PROGRAMS_MAX 64
#define RULE_PATH_MAX 1025
#define RULE_KEY_TYPE_MAX 16

enum rule_custody { RULE_CUSTODY_HOST, RULE_CUSTODY_SERVICE };
enum rule_fetch { RULE_FETCH_LOGON, RULE_FETCH_FIRST_USE };
enum rule_consent { RULE_CONSENT_NONE, RULE_CONSENT_SESSION, RULE_CONSENT_PROGRAM };

struct session_rule {
	bool allowed; /* false: no in-session certificate, and all below is empty */
	enum rule_custody custody;
	enum rule_fetch fetch;
	char key_type[RULE_KEY_TYPE_MAX]; /* "rsa-2048", "p-256" */
	char **programs;                  /* paths; none listed = any program */
	size_t n_programs;
	uint32_t mechanisms; /* 1 << enum card_mechanism */
	enum rule_consent consent;
	int64_t consent_timeout_s;         /* how long a consent is good for */
	int64_t rate_count, rate_period_s; /* 0 = not limited */
	int64_t validity_s;
};

/* "host", "service" */
bool rule_custody_parse(const char *text, enum rule_custody *out);

/* value: an object or null.  FAS_E_INPUT in json.h's reasons, or "answer_malformed". */
MUST_CHECK enum fas_code rule_read(json_t *value, struct session_rule *out, struct fas_err *e);
void rule_done(struct session_rule *rule);
/* Both the same, programs in the same order. */
bool rule_equal(const struct session_rule *a, const struct session_rule *b);

DEFINE_OWN_IN_PLACE(rule, struct session_rule, rule_done);

#endif
