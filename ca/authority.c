#include "ca/authority.h"

#include <stdio.h>
#include <string.h>

#include "ca/make.h"

void
authorities_init(struct authorities *a, const struct signer_config *config, struct db_pool *db)
{
	*a = (struct authorities){.config = config, .db = db};
	(void)pthread_mutex_init(&a->lock, NULL);
}

static void
drop_all(struct issuer **issuers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		issuer_unref(issuers[i]);
}

void
authorities_done(struct authorities *a)
{
	drop_all(a->issuers, a->n);
	(void)pthread_mutex_destroy(&a->lock);
}

struct load {
	const struct signer_config *config;
	size_t n;
	struct issuer *issuers[ISSUERS_MAX];
};

static enum fas_code
load_row(const struct issuer_row *row, void *arg, struct fas_err *e)
{
	struct load *load = arg;
	if (load->n == ISSUERS_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "too_many_issuers", "ca.db holds over %d issuers", ISSUERS_MAX);
	enum fas_code rc = issuer_load(load->config, row, &load->issuers[load->n], e);
	if (rc == FAS_OK)
		load->n++;
	return rc;
}

static enum fas_code
load_all(struct db *db, void *arg, struct fas_err *e)
{
	return store_issuers_each(db, load_row, arg, e);
}

enum fas_code
authorities_load(struct authorities *a, struct fas_err *e)
{
	struct load load = {.config = a->config};
	enum fas_code rc = db_read(a->db, load_all, &load, e);
	if (rc != FAS_OK) {
		drop_all(load.issuers, load.n);
		return rc;
	}
	(void)pthread_mutex_lock(&a->lock);
	struct issuer *old[ISSUERS_MAX];
	size_t n_old = a->n;
	memcpy(old, a->issuers, sizeof(old));
	memcpy(a->issuers, load.issuers, sizeof(old));
	a->n = load.n;
	(void)pthread_mutex_unlock(&a->lock);
	drop_all(old, n_old);
	return FAS_OK;
}

enum fas_code
authorities_make_service_ca(struct authorities *a, struct fas_err *e)
{
	OWN(issuer) struct issuer *present = authorities_newest(a, ISSUER_SERVICE, "service");
	if (present)
		return FAS_OK;
	char id[CORRELATION_ID_MAX];
	correlation_id_new(id);
	struct audit_record about = {.caller = "fas-signer", .correlation_id = id};
	const struct making m = {a->config, a->db, &about};
	enum fas_code rc = make_service_ca(&m, e);
	return rc == FAS_OK ? authorities_load(a, e) : rc;
}

struct issuer *
authorities_root_of(struct authorities *a, const struct issuer *issuer)
{
	struct issuer *found = NULL;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n && !found; i++) {
		struct issuer *at = a->issuers[i];
		if (at->kind == ISSUER_ROOT && at->generation == issuer->generation &&
		    strcmp(at->authority, issuer->authority) == 0)
			found = issuer_ref(at);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return found;
}

/* The newest generation that suits; a new reference. */
static struct issuer *
newest(struct authorities *a, enum issuer_kind kind, const char *name, bool ready)
{
	struct issuer *best = NULL;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n; i++) {
		struct issuer *at = a->issuers[i];
		if (at->kind != kind || strcmp(at->authority, name) != 0)
			continue;
		if (ready && !issuer_is_ready(at))
			continue;
		if (!best || at->generation > best->generation)
			best = at;
	}
	if (best)
		(void)issuer_ref(best);
	(void)pthread_mutex_unlock(&a->lock);
	return best;
}

struct issuer *
authorities_newest(struct authorities *a, enum issuer_kind kind, const char *name)
{
	return newest(a, kind, name, false);
}

enum fas_code
authorities_find(struct authorities *a, const char *name, struct issuer **out, struct fas_err *e)
{
	if (!signer_config_authority(a->config, name))
		return fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
		    "the signer's configuration has no authority \"%s\"", name);
	*out = newest(a, ISSUER_LOGON, name, true);
	if (*out)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready",
	    "authority \"%s\" has no certificate yet: fasctl ca init, fasctl ca install", name);
}

enum fas_code
authorities_service(struct authorities *a, struct issuer **out, struct fas_err *e)
{
	*out = newest(a, ISSUER_SERVICE, "service", true);
	if (*out)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready", "there is no service CA yet");
}

struct issuer *
authorities_by_id(struct authorities *a, int64_t id)
{
	struct issuer *found = NULL;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n && !found; i++) {
		if (a->issuers[i]->id == id)
			found = issuer_ref(a->issuers[i]);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return found;
}

size_t
authorities_all(struct authorities *a, struct issuer *out[ISSUERS_MAX])
{
	(void)pthread_mutex_lock(&a->lock);
	size_t n = a->n;
	for (size_t i = 0; i < n; i++)
		out[i] = issuer_ref(a->issuers[i]);
	(void)pthread_mutex_unlock(&a->lock);
	return n;
}
