#include "fas/upkeep.h"

#include "fas/http/fetch_url.h"
#include "fas/idp_refresh.h"
#include "fas/pki_publisher.h"
#include "fas/watchdog.h"

struct upkeep {
	struct watchdog *watchdog;
	struct pki_publisher *pki;
	struct idp_refresh *idps;
	struct admin_places admin;
};

static unsigned
watch_round(void *arg)
{
	return watchdog_tick(arg);
}

static unsigned
publish_round(void *arg)
{
	return pki_publisher_round(arg);
}

static unsigned
refresh_round(void *arg)
{
	return idp_refresh_round(arg);
}

static enum fas_code
look(void *arg, json_t **seen, struct fas_err *e)
{
	const struct upkeep *u = arg;
	return watchdog_look(u->watchdog, seen, e);
}

/* What has just been put into the directory is looked at at once: certificates may name it from here on. */
static enum fas_code
publish(void *arg, json_t **seen, struct fas_err *e)
{
	const struct upkeep *u = arg;
	enum fas_code rc = pki_publisher_run(u->pki, seen, e);
	if (rc == FAS_OK)
		(void)watchdog_round(u->watchdog);
	return rc;
}

static enum fas_code
ldif(void *arg, json_t **reply, struct fas_err *e)
{
	const struct upkeep *u = arg;
	return pki_publisher_ldif(u->pki, reply, e);
}

enum fas_code
upkeep_new(
    const struct config *config, struct service *service, struct upkeep **out, struct fas_err *e)
{
	OWN(upkeep) struct upkeep *u = calloc(1, sizeof(*u));
	if (!u)
		return fas_fail_nomem(e);
	u->admin = (struct admin_places){u, look, publish, ldif};
	enum fas_code rc = pki_publisher_new(config, service, &u->pki, e);
	if (rc == FAS_OK)
		rc = watchdog_new(
		    &config->watchdog, config->publish.each_s, service, &u->watchdog, e);
	if (rc == FAS_OK)
		rc = idp_refresh_new(service, config->metadata, fetch_url, &u->idps, e);
	if (rc == FAS_OK)
		*out = TAKE(u);
	return rc;
}

void
upkeep_free(struct upkeep *u)
{
	if (!u)
		return;
	watchdog_free(u->watchdog);
	pki_publisher_free(u->pki);
	idp_refresh_free(u->idps);
	free(u);
}

void
upkeep_stop(struct upkeep *u)
{
	if (!u)
		return;
	watchdog_stop(u->watchdog);
	idp_refresh_stop(u->idps);
}

size_t
upkeep_rounds(struct upkeep *u, struct background_round out[BACKGROUND_ROUNDS_MAX])
{
	out[0] = (struct background_round){watch_round, u->watchdog};
	out[1] = (struct background_round){publish_round, u->pki};
	out[2] = (struct background_round){refresh_round, u->idps};
	return 3;
}

const struct admin_places *
upkeep_admin(const struct upkeep *u)
{
	return &u->admin;
}
