/* Controllers one by one, past the pool: a diagnosis asks each, also the one that rests. */
#include <string.h>
#include <time.h>

#include "fas/base/clock.h"
#include "ldap/identity.h"
#include "ldap/survey.h"

#define AWAKE_US (15 * INT64_C(1000000)) /* the longest that a controller rests, and some more */
#define PAUSE_NS 250000000L

static enum fas_code
ask(struct domain *domain, struct fas_err *e)
{
	static const char *const wanted[] = {"currentTime", NULL};
	static const struct dc_query query = {
	    .base = "", .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	OWN(entries) struct entries found = {0};
	return dc_pool_search(domain->pool, &query, &found, e);
}

/* The keeper looks for controllers when somebody has asked for the first time; one that is back may rest still. */
void
survey_wake(struct directory *directory, size_t i, struct fas_err *e)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int64_t step_us = directory->domains[i].config.timeout_ms * 1000;
	int64_t last_us = clock_monotonic_us() + AWAKE_US;
	while (ask(&directory->domains[i], e) != FAS_OK && clock_monotonic_us() < last_us) {
		OWN(dc_conn) struct dc_conn *conn = NULL;
		if (survey_connect(directory, i, clock_monotonic_us() + step_us, &conn, NULL) !=
		    FAS_OK)
			return;
		fas_err_clear(e);
		(void)nanosleep(&pause, NULL);
	}
}

size_t
survey_targets(struct directory *directory, size_t i, struct dc_target *out, size_t max)
{
	struct dc_pool *pool = directory->domains[i].pool;
	pthread_mutex_lock(&pool->lock);
	size_t n = pool->n_order < max ? pool->n_order : max;
	for (size_t k = 0; k < n; k++)
		dc_pool_target(pool, &pool->controllers[pool->order[k]], &out[k]);
	pthread_mutex_unlock(&pool->lock);
	return n;
}

enum fas_code
survey_connect(struct directory *directory, size_t i, int64_t deadline_us, struct dc_conn **out,
    struct fas_err *e)
{
	struct fas_err why = {0};
	struct dc_target targets[SURVEY_TARGETS_MAX];
	size_t n = survey_targets(directory, i, targets, NELEMS(targets));
	for (size_t k = 0; k < n; k++) {
		fas_err_clear(&why);
		if (dc_conn_open(&targets[k], deadline_us, out, &why) == FAS_OK)
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "directory_away", "domain %s: %s",
	    directory->domains[i].config.name,
	    why.code ? why.message : "no domain controller is known");
}

static bool
is_samba(const struct entry *root)
{
	const char *vendor = NULL;
	return entry_text(root, "vendorName", 256, &vendor, NULL) == FAS_OK && vendor &&
	       strncmp(vendor, "Samba", 5) == 0;
}

static enum fas_code
read_root(const struct entry *root, struct survey_root *out, struct fas_err *e)
{
	const char *time = NULL;
	enum fas_code rc = entry_text(root, "currentTime", 32, &time, e);
	if (rc != FAS_OK)
		return rc;
	if (!time || !survey_time(time, &out->time_s))
		return entry_malformed(root, "currentTime", "is no time", e);
	out->is_samba = is_samba(root);
	return FAS_OK;
}

enum fas_code
survey_root(
    const struct dc_target *target, int64_t deadline_us, struct survey_root *out, struct fas_err *e)
{
	static const char *const wanted[] = {"currentTime", "vendorName", NULL};
	static const struct dc_query query = {
	    .base = "", .scope = DC_BASE, .filter = "(objectClass=*)", .attributes = wanted};
	OWN(dc_conn) struct dc_conn *conn = NULL;
	OWN(entries) struct entries found = {0};
	*out = (struct survey_root){0};
	enum fas_code rc = dc_conn_open_unbound(target, deadline_us, &conn, e);
	if (rc != FAS_OK)
		return rc;
	int64_t before = clock_now_ms();
	if ((rc = dc_conn_search(conn, &query, 1, deadline_us, &found, e)) != FAS_OK)
		return rc;
	out->asked_s = (before + clock_now_ms()) / 2 / 1000;
	if (found.n != 1)
		return fas_fail(e, FAS_E_UNAVAILABLE, "directory_incomplete",
		    "%s shows no root DSE", target->host);
	return read_root(&found.items[0], out, e);
}
