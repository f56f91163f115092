/* What of the signer's ends, and how soon: its authorities, their roots and lists, the service CA. */
#ifndef CA_ALARM_H
#define CA_ALARM_H

#include "ca/ca.h"
#include "fas/base/ends.h"

/* All that is in use: retired generations, and roots of nothing else, are left out. */
MUST_CHECK enum fas_code alarm_each_end(
    struct ca *ca, end_visit *visit, void *arg, struct fas_err *e);

/* docs/PROTOCOL.md, state: "ends"; a new reference. */
MUST_CHECK enum fas_code alarm_describe(struct ca *ca, json_t **out, struct fas_err *e);

/* Log what is near its end: each alarm once, and once a day. */
void alarm_log(struct ca *ca, struct ends_said *said);

#endif
