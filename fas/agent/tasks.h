/* All that a child can be asked to do. */
#ifndef FAS_AGENT_TASKS_H
#define FAS_AGENT_TASKS_H

#include "fas/agent/child.h"

#define AGENT_TASKS 4
extern const struct child_task agent_tasks[AGENT_TASKS];

#endif
