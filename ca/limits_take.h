/* limits.yaml from the file into force, and, where the configuration says so, only by two persons. */
#ifndef CA_LIMITS_TAKE_H
#define CA_LIMITS_TAKE_H

#include "ca/ca.h"

enum limits_source {
	LIMITS_START,  /* what two persons have agreed on last, if the file says something else */
	LIMITS_SIGNAL, /* SIGHUP */
	LIMITS_AGREED /* by an administrator's operation, which may have waited for a second person */
};

/*
 * All or nothing: the old ones stay when the new have an error.  FAS_E_DENIED "limits_need_two": the file has changed,
 * and a signal does not say who wants it.
 */
MUST_CHECK enum fas_code limits_take(struct ca *ca, enum limits_source source, struct fas_err *e);

/* The file's text, malloc'ed; its owner is checked. */
MUST_CHECK enum fas_code limits_read(const struct ca *ca, char **out, struct fas_err *e);

/* FAS_E_CONFLICT "limits_changed": the file is not the one that was shown to the second person. */
call_fn op_limits_reload;

#endif
