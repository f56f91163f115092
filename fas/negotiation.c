#include "fas/negotiation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fas/base/file.h"

/* One loading's worth; freed when the last request that works with it has ended. */
struct set {
	atomic_uint refs;
	struct config *config; /* owns the texts of the rules */
	struct negotiator negotiator;
	uint64_t generation;
};

struct negotiation {
	pthread_mutex_t lock;
	struct set *present; /* NULL: nothing is negotiated */
	uint64_t generation; /* of the last loading */
	struct directory *directory;
	struct http_negotiation http;
};

/* ---- sets ---- */

static void
set_unref(struct set *set)
{
	if (!set || atomic_fetch_sub(&set->refs, 1) != 1)
		return;
	acceptor_free(set->negotiator.acceptor);
	machines_free(set->negotiator.machines);
	config_free(set->config);
	free(set);
}

DEFINE_OWN(set, struct set *, set_unref);

static struct set *
present(struct negotiation *n)
{
	(void)pthread_mutex_lock(&n->lock);
	struct set *set = n->present;
	if (set)
		atomic_fetch_add(&set->refs, 1);
	(void)pthread_mutex_unlock(&n->lock);
	return set;
}

static void
publish(struct negotiation *n, struct set *set)
{
	(void)pthread_mutex_lock(&n->lock);
	struct set *old = n->present;
	n->generation++;
	if (set)
		set->generation = n->generation;
	n->present = set;
	(void)pthread_mutex_unlock(&n->lock);
	set_unref(old);
}

/* ---- for the servers ---- */

static enum fas_code
fail_off(struct fas_err *e)
{
	return fas_fail(e, FAS_E_AUTH, "caller_required", "no machine accounts are taken any more");
}

static struct http_terms
terms(void *arg)
{
	OWN(set) struct set *set = present(arg);
	if (!set)
		return (struct http_terms){.on = false};
	return (struct http_terms){.on = true,
	    .recheck_s = set->config->kerberos_recheck_s,
	    .generation = set->generation};
}

static enum fas_code
accept_token(void *arg, const char *token, const uint8_t *binding, size_t binding_len,
    struct http_negotiated *out, char **reply, struct fas_err *e)
{
	OWN(set) struct set *set = present(arg);
	if (!set)
		return fail_off(e);
	enum fas_code rc =
	    negotiate_accept(&set->negotiator, token, binding, binding_len, out, reply, e);
	out->generation = set->generation;
	return rc;
}

static enum fas_code
recheck(void *arg, struct http_negotiated *negotiated, struct fas_err *e)
{
	OWN(set) struct set *set = present(arg);
	if (!set)
		return fail_off(e);
	enum fas_code rc = negotiate_recheck(&set->negotiator, negotiated, e);
	if (rc == FAS_OK)
		negotiated->generation = set->generation;
	return rc;
}

const struct http_negotiation *
negotiation_http(const struct negotiation *n)
{
	return &n->http;
}

/* ---- loading ---- */

enum fas_code
negotiation_check(const struct config *config, struct fas_err *e)
{
	OWN(machines) struct machines *machines = NULL;
	return machines_load(config->machines, &machines, e);
}

static enum fas_code
fill(struct set *set, struct fas_err *e)
{
	char cache[PATH_MAX];
	const struct config *config = set->config;
	enum fas_code rc = machines_load(config->machines, &set->negotiator.machines, e);
	if (rc == FAS_OK)
		rc = file_join(cache, sizeof(cache), config->state, "replay.rcache", e);
	if (rc == FAS_OK)
		rc = acceptor_new(config->kerberos_principal, config->kerberos_keytab, cache,
		    &set->negotiator.acceptor, e);
	set->negotiator.ticket_sid_required = config->kerberos_sid_required;
	return rc;
}

enum fas_code
negotiation_load(struct negotiation *n, const char *path, struct fas_err *e)
{
	OWN(set) struct set *set = calloc(1, sizeof(*set));
	if (!set)
		return fas_fail_nomem(e);
	atomic_init(&set->refs, 1);
	set->negotiator.directory = n->directory;
	enum fas_code rc = config_load(path, &set->config, e);
	bool on = rc == FAS_OK && set->config->kerberos_principal;
	if (on)
		rc = fill(set, e);
	if (rc == FAS_OK)
		publish(n, on ? TAKE(set) : NULL);
	return rc;
}

enum fas_code
negotiation_new(struct directory *directory, struct negotiation **out, struct fas_err *e)
{
	struct negotiation *n = calloc(1, sizeof(*n));
	if (!n)
		return fas_fail_nomem(e);
	(void)pthread_mutex_init(&n->lock, NULL);
	n->directory = directory;
	n->http = (struct http_negotiation){
	    .arg = n, .terms = terms, .accept = accept_token, .recheck = recheck};
	*out = n;
	return FAS_OK;
}

void
negotiation_free(struct negotiation *n)
{
	if (!n)
		return;
	set_unref(n->present);
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}
