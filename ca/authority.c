#include "ca/authority.h"

#include <stdio.h>
#include <string.h>

#include "ca/make.h"
#include "fas/base/log.h"

void
authorities_init(struct authorities *a, const struct signer_config *config, struct db_pool *db)
{
	*a = (struct authorities){.config = config, .db = db};
	(void)pthread_mutex_init(&a->loading, NULL);
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
	(void)pthread_mutex_destroy(&a->loading);
}

struct load {
	const struct signer_config *config;
	size_t n, n_good;       /* n_good: logon authorities that have their keys */
	struct fas_err trouble; /* the first of one that has not */
	struct issuer *issuers[ISSUERS_MAX];
};

static enum fas_code
load_row(const struct issuer_row *row, void *arg, struct fas_err *e)
{
	struct load *load = arg;
	if (load->n == ISSUERS_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "too_many_issuers", "ca.db holds over %d issuers", ISSUERS_MAX);
	struct issuer *at = NULL;
	enum fas_code rc = issuer_load(load->config, row, &at, e);
	if (rc != FAS_OK)
		return rc;
	load->issuers[load->n++] = at;
	if (at->kind == ISSUER_LOGON && at->key)
		load->n_good++;
	else if (at->trouble.code != FAS_OK && load->trouble.code == FAS_OK)
		load->trouble = at->trouble;
	return FAS_OK;
}

/* One that lacks its key stops the others no more than it must; without any there is nothing to go on with. */
static enum fas_code
check_some_key(const struct load *load, struct fas_err *e)
{
	const struct fas_err *why = &load->trouble;
	if (load->n_good > 0 || why->code == FAS_OK)
		return FAS_OK;
	return fas_fail(e, why->code, why->reason, "%s", why->message);
}

static void
log_troubles(const struct load *load)
{
	for (size_t i = 0; i < load->n; i++) {
		const struct issuer *at = load->issuers[i];
		if (at->trouble.code != FAS_OK)
			log_error(
			    "authority_key_missing", &at->trouble, "authority", at->stem, NULL);
	}
}

static enum fas_code
load_all(struct db *db, void *arg, struct fas_err *e)
{
	return store_issuers_each(db, load_row, arg, e);
}

static enum fas_code
load_locked(struct authorities *a, struct fas_err *e)
{
	struct load load = {.config = a->config};
	enum fas_code rc = db_read(a->db, load_all, &load, e);
	if (rc == FAS_OK)
		rc = check_some_key(&load, e);
	if (rc != FAS_OK) {
		drop_all(load.issuers, load.n);
		return rc;
	}
	log_troubles(&load);
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
authorities_load(struct authorities *a, struct fas_err *e)
{
	(void)pthread_mutex_lock(&a->loading);
	enum fas_code rc = load_locked(a, e);
	(void)pthread_mutex_unlock(&a->loading);
	return rc;
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

/* Borrowed, under the lock. */
static struct issuer *
root_of(const struct authorities *a, const struct issuer *issuer)
{
	struct issuer *found = NULL;
	for (size_t i = 0; i < a->n; i++) {
		struct issuer *at = a->issuers[i];
		if (at->kind == ISSUER_ROOT && at->generation <= issuer->generation &&
		    strcmp(at->authority, issuer->authority) == 0 &&
		    (!found || at->generation > found->generation))
			found = at;
	}
	return found;
}

struct issuer *
authorities_root_of(struct authorities *a, const struct issuer *issuer)
{
	(void)pthread_mutex_lock(&a->lock);
	struct issuer *found = root_of(a, issuer);
	if (found)
		(void)issuer_ref(found);
	(void)pthread_mutex_unlock(&a->lock);
	return found;
}

/* The list of the machines' authority is what a restore knows revoked machines by. */
static bool
service_publishes(const struct issuer *at)
{
	return at->kind == ISSUER_SERVICE && at->certificate;
}

static bool
logon_publishes(const struct issuer *at)
{
	return at->kind == ISSUER_LOGON && at->certificate && at->state != GENERATION_RETIRED;
}

bool
authorities_publishes(struct authorities *a, const struct issuer *issuer)
{
	bool found = logon_publishes(issuer) || service_publishes(issuer);
	if (issuer->kind != ISSUER_ROOT || !issuer->certificate)
		return found;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n && !found; i++) {
		const struct issuer *at = a->issuers[i], *root = root_of(a, at);
		found = logon_publishes(at) && root && root->id == issuer->id;
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

struct issuer *
authorities_in_state(struct authorities *a, const char *name, enum generation_state state)
{
	struct issuer *best = NULL;
	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n; i++) {
		struct issuer *at = a->issuers[i];
		if (at->kind == ISSUER_LOGON && at->state == state &&
		    strcmp(at->authority, name) == 0 &&
		    (!best || at->generation > best->generation))
			best = at;
	}
	if (best)
		(void)issuer_ref(best);
	(void)pthread_mutex_unlock(&a->lock);
	return best;
}

enum fas_code
authorities_find(struct authorities *a, const char *name, struct issuer **out, struct fas_err *e)
{
	if (!signer_config_authority(a->config, name))
		return fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
		    "the signer's configuration has no authority \"%s\"", name);
	OWN(issuer) struct issuer *at = authorities_in_state(a, name, GENERATION_CURRENT);
	if (!at)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready",
		    "authority \"%s\" has no certificate yet: fasctl ca init, fasctl ca install",
		    name);
	if (!at->key)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key",
		    "the key of %s cannot be had: %s", at->stem, at->trouble.message);
	*out = TAKE(at);
	return FAS_OK;
}

static enum fas_code
find_able(
    struct authorities *a, const char *name, int64_t now_s, struct issuer **out, struct fas_err *e)
{
	OWN(issuer) struct issuer *at = NULL;
	enum fas_code rc = authorities_find(a, name, &at, e);
	if (rc == FAS_OK)
		rc = issuer_check_able(at, now_s, e);
	if (rc == FAS_OK)
		*out = TAKE(at);
	return rc;
}

enum fas_code
authorities_able(
    struct authorities *a, const char *name, int64_t now_s, struct issuer **out, struct fas_err *e)
{
	struct fas_err own = {0};
	const struct authority_config *config = signer_config_authority(a->config, name);
	if (find_able(a, name, now_s, out, &own) == FAS_OK)
		return FAS_OK;
	for (size_t i = 0; config && own.code == FAS_E_UNAVAILABLE && i < config->n_fail_over;
	     i++) {
		struct fas_err other = {0};
		if (find_able(a, config->fail_over[i], now_s, out, &other) == FAS_OK)
			return FAS_OK;
	}
	return fas_fail(e, own.code, own.reason, "%s", own.message);
}

enum fas_code
authorities_choose(
    struct authorities *a, const char *name, int64_t now_s, struct issuer **out, struct fas_err *e)
{
	struct fas_err why = {0}, none = {0};
	OWN(issuer) struct issuer *own = NULL;
	if (authorities_able(a, name, now_s, out, &why) == FAS_OK)
		return FAS_OK;
	/* Nobody else is able: the token is asked, whose worker may just be beginning anew. */
	if (authorities_find(a, name, &own, &none) == FAS_OK && key_is_in_token(own->key) &&
	    own->not_after_s >= now_s) {
		*out = TAKE(own);
		return FAS_OK;
	}
	return fas_fail(e, why.code, why.reason, "%s", why.message);
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

enum fas_code
authorities_check_room(struct authorities *a, struct fas_err *e)
{
	(void)pthread_mutex_lock(&a->lock);
	size_t n = a->n;
	(void)pthread_mutex_unlock(&a->lock);
	if (n + 2 <= ISSUERS_MAX)
		return FAS_OK;
	return fas_fail(e, FAS_E_LIMIT, "too_many_issuers",
	    "ca.db holds %zu keys of authorities and roots, the retired ones too: want at most %d",
	    n, ISSUERS_MAX);
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
