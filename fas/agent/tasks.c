#include "fas/agent/tasks.h"

#include "fas/agent/cache_tasks.h"
#include "fas/agent/consent.h"
#include "fas/agent/pkinit.h"

const struct child_task agent_tasks[AGENT_TASKS] = {
    {"pkinit", pkinit_logon},
    {"destroy", cache_destroy_task},
    {"renew", cache_renew_task},
    {"consent", consent_task},
};
