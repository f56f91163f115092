/*
 * Problem documents (RFC 9457) that the service answers with, as one plain sentence for people and
 * a stable code for programs.
 */
#ifndef FAS_AGENT_REFUSAL_H
#define FAS_AGENT_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/base/audit.h"
#include "fas/base/err.h"

#define REFUSAL_TITLE_MAX 200

struct refusal {
	long status;
	char code[FAS_ERR_REASON_MAX]; /* snake_case */
	char title[REFUSAL_TITLE_MAX + 1];
	char correlation_id[CORRELATION_ID_MAX]; /* "" when the answer has none */
};

/*
 * status: of the HTTP answer; the document must not say another.  Members that are not known are
 * ignored, as RFC 9457 3.2 demands; known ones have to have their shape.
 * FAS_E_INPUT "problem_malformed".
 */
MUST_CHECK enum fas_code refusal_parse(
    const char *bytes, size_t len, long status, struct refusal *out, struct fas_err *e);

/* The problem as an error of ours: class from the status, reason = code, one sentence. */
enum fas_code refusal_fail(const struct refusal *refusal, struct fas_err *e);
/* The correlation id in an error that refusal_fail has made; false (and "") when it has none. */
bool refusal_correlation(const struct fas_err *e, char out[CORRELATION_ID_MAX]);
/* The class for a status that came without a problem document. */
enum fas_code refusal_class(long status);

#endif
