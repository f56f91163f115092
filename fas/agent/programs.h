/*
 * Is a program one of those that a rule lists?  It is when its path is listed and neither the file nor any folder above
 * it can be written by anybody but root: else the user could put another program in its place.  (What a listed program
 * does, its user can always steer: docs/THREATS.md.)
 */
#ifndef FAS_AGENT_PROGRAMS_H
#define FAS_AGENT_PROGRAMS_H

#include "fas/agent/peer.h"
#include "fas/agent/rule.h"

/* FAS_E_DENIED "program_refused" (not listed), "program_writable", "program_replaced". */
MUST_CHECK enum fas_code program_check(
    const struct session_rule *rule, const struct peer_look *look, struct fas_err *e);

#endif
