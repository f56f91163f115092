#include "ca/held.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/log.h"

#define BUCKETS 8192 /* a power of two */
#define UNARMED_S 120
#define FOLD_AFTER_S                                                                               \
	60 /* without a signature: a key that is opened anew needs two signatures' time for its first */
#define SWEEP_EACH_MS 1000

struct held_key {
	atomic_uint refs;
	struct key
	    *key; /* folded until it is used; then as it is as long as somebody has a reference */
	char id[HELD_KEY_ID_MAX];
	char request_id[HELD_TEXT_MAX], session[HELD_TEXT_MAX];
	char serial[HELD_SERIAL_HEX_MAX];
	char sid[SID_TEXT_MAX];
	char *host, *upn;
	int64_t until_s;
	int64_t gone_s;      /* destroyed then: until_s, or sooner as long as it is not armed */
	uint64_t left, made; /* signatures */
	int64_t used_s;      /* the last one */
	bool armed;
	bool listed;
	struct held_key *next[3]; /* by id, by request id, by session */
};

enum chain { BY_ID, BY_REQUEST, BY_SESSION };

struct held_keys {
	struct pool *pool;
	pthread_mutex_t
	    lock; /* guards all that follows, and every member of a listed key but refs */
	struct held_key *chains[3][BUCKETS];
	size_t n;
	uint64_t signatures;
	pthread_t sweeper;
	pthread_cond_t end;
	bool stopping;
};

/* ---- one key ---- */

void
held_unref(struct held_key *key)
{
	if (!key || atomic_fetch_sub(&key->refs, 1) != 1)
		return;
	key_free(key->key);
	free(key->host);
	free(key->upn);
	free(key);
}

static struct held_key *
ref(struct held_key *key)
{
	if (key)
		(void)atomic_fetch_add(&key->refs, 1);
	return key;
}

static struct held_key *
make(const char *request_id, const struct held_terms *terms, int64_t now_s)
{
	struct held_key *key = calloc(1, sizeof(*key));
	if (!key)
		return NULL;
	atomic_init(&key->refs, 1);
	correlation_id_new(key->id);
	(void)snprintf(key->request_id, sizeof(key->request_id), "%s", request_id);
	(void)snprintf(key->session, sizeof(key->session), "%s", terms->session);
	(void)snprintf(key->sid, sizeof(key->sid), "%s", terms->sid);
	key->host = strdup(terms->host);
	key->upn = strdup(terms->upn);
	key->until_s = terms->until_s;
	key->gone_s = now_s + UNARMED_S;
	key->left = terms->max_signatures;
	if (key->host && key->upn)
		return key;
	held_unref(key);
	return NULL;
}

const struct key *
held_key(const struct held_key *key)
{
	return key->key;
}

const char *
held_id(const struct held_key *key)
{
	return key->id;
}

void
held_owner(const struct held_key *key, struct held_owner *out)
{
	*out = (struct held_owner){key->session, key->host, key->upn, key->sid, key->serial};
}

/* ---- the table; the lock is held ---- */

static const char *
text_of(const struct held_key *key, enum chain chain)
{
	return chain == BY_ID ? key->id : chain == BY_REQUEST ? key->request_id : key->session;
}

static struct held_key **
bucket(struct held_keys *held, enum chain chain, const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (const char *at = text; *at; at++)
		h = (h ^ (uint8_t)*at) * 0x100000001b3u;
	return &held->chains[chain][(h ^ h >> 32) % BUCKETS];
}

static struct held_key *
find(struct held_keys *held, enum chain chain, const char *text)
{
	struct held_key *at = *bucket(held, chain, text);
	while (at && strcmp(text_of(at, chain), text) != 0)
		at = at->next[chain];
	return at;
}

/* The table's own reference is the caller's, who gives it. */
static void
list(struct held_keys *held, struct held_key *key)
{
	for (enum chain c = BY_ID; c <= BY_SESSION; c++) {
		struct held_key **head = bucket(held, c, text_of(key, c));
		key->next[c] = *head;
		*head = key;
	}
	key->listed = true;
	held->n++;
}

static void
unlist(struct held_keys *held, struct held_key *key)
{
	if (!key->listed)
		return;
	for (enum chain c = BY_ID; c <= BY_SESSION; c++) {
		struct held_key **at = bucket(held, c, text_of(key, c));
		while (*at != key)
			at = &(*at)->next[c];
		*at = key->next[c];
	}
	key->listed = false;
	held->n--;
	if (key->armed) {
		char made[24];
		(void)snprintf(made, sizeof(made), "%llu", (unsigned long long)key->made);
		log_event(LOG_LEVEL_INFO, "key_destroyed", "session", key->session, "key", key->id,
		    "serial", key->serial, "signatures", made, NULL);
	}
	held_unref(key);
}

static bool
matches(const struct held_key *key, enum held_by by, const char *text)
{
	switch (by) {
	case HELD_SESSION:
		return strcmp(key->session, text) == 0;
	case HELD_SERIAL:
		return strcmp(key->serial, text) == 0;
	case HELD_HOST:
		return hostname_equal(key->host, text);
	case HELD_UPN:
		return upn_equal(key->upn, text);
	case HELD_SID:
		return strcmp(key->sid, text) == 0;
	case HELD_ANY:
		return true;
	}
	return false;
}

/* Signatures come in bursts: what has made none for a while takes up less room.  Only the table has a reference to it. */
static void
fold_bucket(struct held_keys *held, size_t i, int64_t now_s)
{
	for (struct held_key *at = held->chains[BY_ID][i]; at; at = at->next[BY_ID]) {
		if (now_s - at->used_s >= FOLD_AFTER_S && atomic_load(&at->refs) == 1)
			key_fold(at->key);
	}
}

/* Of one chain's bucket drop what matches text (NULL: what is over at now_s). */
static size_t
drop_bucket(struct held_keys *held, enum chain chain, size_t i, enum held_by by, const char *text,
    int64_t now_s)
{
	size_t n = 0;
	struct held_key *at = held->chains[chain][i];
	while (at) {
		struct held_key *next = at->next[chain];
		if (text ? matches(at, by, text) : now_s >= at->gone_s) {
			unlist(held, at);
			n++;
		}
		at = next;
	}
	return n;
}

static void *
sweeper_main(void *arg)
{
	struct held_keys *held = arg;
	(void)pthread_setname_np(pthread_self(), "held");
	(void)pthread_mutex_lock(&held->lock);
	while (!held->stopping) {
		int64_t now_s = clock_now();
		for (size_t i = 0; i < BUCKETS; i++) {
			(void)drop_bucket(held, BY_ID, i, HELD_SESSION, NULL, now_s);
			fold_bucket(held, i, now_s);
		}
		struct timespec until = clock_deadline(SWEEP_EACH_MS);
		(void)pthread_cond_timedwait(&held->end, &held->lock, &until);
	}
	(void)pthread_mutex_unlock(&held->lock);
	return NULL;
}

/* ---- the verbs ---- */

enum fas_code
held_new(struct pool *pool, struct held_keys **out, struct fas_err *e)
{
	struct held_keys *held = calloc(1, sizeof(*held));
	if (!held)
		return fas_fail_nomem(e);
	held->pool = pool;
	(void)pthread_mutex_init(&held->lock, NULL);
	clock_cond_init(&held->end);
	if (pthread_create(&held->sweeper, NULL, sweeper_main, held) != 0) {
		free(held);
		return fas_fail(e, FAS_E_IO, "io_error", "no thread for the keys of sessions");
	}
	*out = held;
	return FAS_OK;
}

void
held_free(struct held_keys *held)
{
	if (!held)
		return;
	(void)pthread_mutex_lock(&held->lock);
	held->stopping = true;
	(void)pthread_mutex_unlock(&held->lock);
	(void)pthread_cond_signal(&held->end);
	(void)pthread_join(held->sweeper, NULL);
	for (size_t i = 0; i < BUCKETS; i++) {
		while (held->chains[BY_ID][i])
			unlist(held, held->chains[BY_ID][i]);
	}
	(void)pthread_cond_destroy(&held->end);
	(void)pthread_mutex_destroy(&held->lock);
	free(held);
}

struct held_key *
held_find_request(struct held_keys *held, const char *request_id)
{
	(void)pthread_mutex_lock(&held->lock);
	struct held_key *key = ref(find(held, BY_REQUEST, request_id));
	(void)pthread_mutex_unlock(&held->lock);
	return key;
}

/* Takes key: into the table, unless another request of the same id was faster, whose key *out is then. */
static enum fas_code
list_or_find(struct held_keys *held, struct held_key *key, struct held_key **out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	(void)pthread_mutex_lock(&held->lock);
	struct held_key *first = find(held, BY_REQUEST, key->request_id);
	if (!first && held->n >= HELD_KEYS_MAX)
		rc = fas_fail(e, FAS_E_LIMIT, "held_full", "%d keys are held for sessions already",
		    HELD_KEYS_MAX);
	else if (!first)
		list(held, ref(key));
	*out = rc == FAS_OK ? ref(first ? first : key) : NULL;
	(void)pthread_mutex_unlock(&held->lock);
	if (*out != key) {
		pool_give_back(held->pool, key->key);
		key->key = NULL;
	}
	held_unref(key);
	return rc;
}

enum fas_code
held_reserve(struct held_keys *held, const char *request_id, const char *type,
    const struct held_terms *terms, int64_t now_s, struct held_key **out, int64_t *wait_s,
    struct fas_err *e)
{
	struct held_key *key = make(request_id, terms, now_s);
	if (!key)
		return fas_fail_nomem(e);
	enum fas_code rc = pool_take(held->pool, type, &key->key, wait_s, e);
	if (rc != FAS_OK) {
		held_unref(key);
		return rc;
	}
	return list_or_find(held, key, out, e);
}

void
held_arm(struct held_keys *held, struct held_key *key, const char *serial, int64_t not_after_s)
{
	(void)pthread_mutex_lock(&held->lock);
	if (!key->armed) {
		(void)snprintf(key->serial, sizeof(key->serial), "%s", serial);
		key->until_s = not_after_s < key->until_s ? not_after_s : key->until_s;
		key->gone_s = key->until_s;
		key->armed = true;
	}
	(void)pthread_mutex_unlock(&held->lock);
}

void
held_cancel(struct held_keys *held, struct held_key *key)
{
	(void)pthread_mutex_lock(&held->lock);
	/* Two references, the table's and the caller's: nobody else is at work for the same request. */
	bool unused = key->listed && !key->armed && atomic_load(&key->refs) == 2;
	struct key *inner = unused ? key->key : NULL;
	if (unused) {
		key->key = NULL;
		unlist(held, key);
	}
	(void)pthread_mutex_unlock(&held->lock);
	if (inner)
		pool_give_back(held->pool, inner);
}

static enum fas_code
use_locked(struct held_keys *held, const char *session, const char *key_id, int64_t now_s,
    struct held_key **out, struct fas_err *e)
{
	struct held_key *key = find(held, BY_ID, key_id);
	if (!key || !key->armed || strcmp(key->session, session) != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "key_unknown", "this session has no such key");
	if (now_s >= key->until_s)
		return fas_fail(
		    e, FAS_E_DENIED, "sign_window", "the time in which this key may sign is over");
	if (key->left == 0)
		return fas_fail(e, FAS_E_DENIED, "sign_count",
		    "all signatures that this key may make are made");
	enum fas_code rc = key_unfold(key->key, e);
	if (rc != FAS_OK)
		return rc;
	key->used_s = now_s;
	key->left--;
	key->made++;
	held->signatures++;
	*out = ref(key);
	return FAS_OK;
}

enum fas_code
held_use(struct held_keys *held, const char *session, const char *key_id, int64_t now_s,
    struct held_key **out, struct fas_err *e)
{
	(void)pthread_mutex_lock(&held->lock);
	enum fas_code rc = use_locked(held, session, key_id, now_s, out, e);
	(void)pthread_mutex_unlock(&held->lock);
	return rc;
}

size_t
held_drop(struct held_keys *held, enum held_by by, const char *text)
{
	size_t n = 0;
	(void)pthread_mutex_lock(&held->lock);
	if (by == HELD_SESSION) {
		struct held_key **head = bucket(held, BY_SESSION, text);
		n = drop_bucket(
		    held, BY_SESSION, (size_t)(head - held->chains[BY_SESSION]), by, text, 0);
	} else {
		for (size_t i = 0; i < BUCKETS; i++)
			n += drop_bucket(held, BY_ID, i, by, text, 0);
	}
	(void)pthread_mutex_unlock(&held->lock);
	return n;
}

/* Not those whose certificate is not on record yet: nothing can have revoked it. */
enum fas_code
held_serials(struct held_keys *held, struct held_serials *out, struct fas_err *e)
{
	*out = (struct held_serials){0};
	(void)pthread_mutex_lock(&held->lock);
	out->at = calloc(held->n + 1, sizeof(*out->at));
	for (size_t i = 0; out->at && i < BUCKETS; i++) {
		for (struct held_key *at = held->chains[BY_ID][i]; at; at = at->next[BY_ID]) {
			if (at->armed)
				memcpy(out->at[out->n++], at->serial, HELD_SERIAL_HEX_MAX);
		}
	}
	(void)pthread_mutex_unlock(&held->lock);
	return out->at ? FAS_OK : fas_fail_nomem(e);
}

static int
compare_serials(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t
held_drop_serials(struct held_keys *held, const struct held_serials *list)
{
	size_t n = 0;
	qsort(list->at, list->n, sizeof(*list->at), compare_serials);
	(void)pthread_mutex_lock(&held->lock);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct held_key *at = held->chains[BY_ID][i];
		while (at) {
			struct held_key *next = at->next[BY_ID];
			if (bsearch(at->serial, list->at, list->n, sizeof(*list->at),
				compare_serials)) {
				unlist(held, at);
				n++;
			}
			at = next;
		}
	}
	(void)pthread_mutex_unlock(&held->lock);
	return n;
}

void
held_count(struct held_keys *held, struct held_counts *out)
{
	(void)pthread_mutex_lock(&held->lock);
	*out = (struct held_counts){held->n, held->signatures};
	(void)pthread_mutex_unlock(&held->lock);
}
