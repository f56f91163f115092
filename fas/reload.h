/*
 * Loading and reloading of the policy, the providers and the machines' rules, one at a time: at start, by SIGHUP, by an
 * administrator; each on record.
 *
 * It also keeps the names that rules are checked against: providers and domains from the configuration, authorities as
 * the signer knows them at that moment.
 */
#ifndef FAS_RELOAD_H
#define FAS_RELOAD_H

#include "fas/config.h"
#include "fas/metrics.h"
#include "fas/service.h"

struct reloader;

/* All borrowed.  service->world is the reloader's from here on. */
MUST_CHECK enum fas_code reloader_new(const struct config *config, struct service *service,
    struct metrics *metrics, struct reloader **out, struct fas_err *e);
void reloader_free(struct reloader *reloader);
/* What reloader_load_machines calls, with the configuration's path: negotiation_load (fas/negotiation.h). */
typedef enum fas_code reload_machines(void *arg, const char *path, struct fas_err *e);
void reloader_use(struct reloader *reloader, reload_machines *load, void *arg);
/* And reloader_load_front: front_door_reload (fas/front_door.h). */
typedef enum fas_code reload_front(void *arg, struct fas_err *e);
void reloader_use_front(struct reloader *reloader, reload_front *load, void *arg);
bool reloader_has_front(const struct reloader *reloader);

/* Read the policy and cross-check it without publishing it: what `fasd --check` and the first seconds of a start do. */
MUST_CHECK enum fas_code reloader_check(struct reloader *reloader, struct fas_err *e);

/*
 * All or nothing: on an error the old policy stays.  who: "start", "signal" or "uid:0".
 * warning gets the names of groups that are not resolved, or "".
 */
MUST_CHECK enum fas_code reloader_load(struct reloader *reloader, const char *who, char *warning,
    size_t warning_size, struct fas_err *e);
/*
 * The identity providers and their certificates, from the configuration's file as it is now; all or nothing, on record.
 */
MUST_CHECK enum fas_code reloader_load_providers(
    struct reloader *reloader, const char *who, struct fas_err *e);
/* `kerberos` and `machines`, the same way. */
MUST_CHECK enum fas_code reloader_load_machines(
    struct reloader *reloader, const char *who, struct fas_err *e);
/* The front's certificate and key, the same way. */
MUST_CHECK enum fas_code reloader_load_front(
    struct reloader *reloader, const char *who, struct fas_err *e);
/* service_resolve_groups, never at the same time as a load. */
void reloader_resolve_groups(struct reloader *reloader);

DEFINE_OWN(reloader, struct reloader *, reloader_free);

#endif
