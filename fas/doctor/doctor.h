/*
 * `fasctl doctor`, fasd's side: look at the domains, judge, say remedies.  It runs here, because fasd has the keytab, the
 * directory's configuration, the policy and the network's view that logons have, and because it is confined: what
 * strangers send is not parsed by root.
 */
#ifndef FAS_DOCTOR_DOCTOR_H
#define FAS_DOCTOR_DOCTOR_H

#include <jansson.h>

#include "fas/doctor/exam.h"

/*
 * only, skip: arrays of the names of checks, or NULL.  *reply as report.h has it; a new reference.
 * FAS_E_INPUT "check_unknown"; FAS_E_CONFLICT "doctor_busy": one at a time.
 */
MUST_CHECK enum fas_code doctor_run(const struct exam_question *question, const json_t *only,
    const json_t *skip, json_t **reply, struct fas_err *e);

/* [{"name", "meaning"}]; a new reference. */
json_t *doctor_list(void);

#endif
