#include "ca/client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/evp.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

#define PEM_TEXT_MAX 65536
#define CHAIN_DIGEST 32
#define HOST_PAGES_MAX 256
#define WAITERS_MAX 4

struct signer {
	char *path;
	int timeout_ms;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	size_t max, n_open, n_idle; /* idle[0..n_idle) are kept connections nobody uses */
	int idle[SIGNER_CONNECTIONS_MAX];
	bool stopped; /* nobody waits any more */
	int waiting
	    [WAITERS_MAX]; /* descriptors on which somebody waits for news, plus one; 0: free */
	pthread_mutex_t chain_lock;
	char *chain; /* the last one that was answered, and its digest: see struct known_chain */
	char chain_digest[2 * CHAIN_DIGEST + 1];
};

enum fas_code
signer_new(const char *socket_path, size_t max_connections, int timeout_ms, struct signer **out,
    struct fas_err *e)
{
	if (max_connections == 0 || max_connections > SIGNER_CONNECTIONS_MAX || timeout_ms <= 0)
		return fas_fail(e, FAS_E_CONFIG, "signer_connections",
		    "signer: %zu connections and a time-out of %d ms, want 1 to %d and above 0",
		    max_connections, timeout_ms, SIGNER_CONNECTIONS_MAX);
	struct signer *signer = calloc(1, sizeof(*signer));
	char *path = strdup(socket_path);
	if (!signer || !path) {
		free(signer);
		free(path);
		return fas_fail_nomem(e);
	}
	signer->path = path;
	signer->timeout_ms = timeout_ms;
	signer->max = max_connections;
	(void)pthread_mutex_init(&signer->lock, NULL);
	(void)pthread_mutex_init(&signer->chain_lock, NULL);
	clock_cond_init(&signer->returned);
	*out = signer;
	return FAS_OK;
}

void
signer_free(struct signer *signer)
{
	if (!signer)
		return;
	for (size_t i = 0; i < signer->n_idle; i++)
		(void)close(signer->idle[i]);
	(void)pthread_mutex_destroy(&signer->lock);
	(void)pthread_mutex_destroy(&signer->chain_lock);
	(void)pthread_cond_destroy(&signer->returned);
	free(signer->path);
	free(signer->chain);
	free(signer);
}

/* The wire's own failures in the words of ca/client.h; the signer's refusals never pass here. */
static enum fas_code
transport_failed(const struct fas_err *why, struct fas_err *e)
{
	if (why->code == FAS_E_TIMEOUT)
		return fas_fail(e, FAS_E_TIMEOUT, "signer_timeout", "signer: %s", why->message);
	if (why->code == FAS_E_UNAVAILABLE || why->code == FAS_E_NOTFOUND)
		return fas_fail(e, FAS_E_UNAVAILABLE, "signer_away", "signer: %s", why->message);
	return fas_fail(e, why->code, why->reason, "signer: %s", why->message);
}

/* A kept connection, or -1 and the right to open one; waits for either until the deadline. */
static enum fas_code
take_slot(struct signer *signer, int64_t deadline_us, int *fd, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	const struct timespec until = clock_deadline_at(deadline_us);
	(void)pthread_mutex_lock(&signer->lock);
	while (signer->n_idle == 0 && signer->n_open >= signer->max && rc == FAS_OK) {
		if (pthread_cond_timedwait(&signer->returned, &signer->lock, &until) != 0)
			rc = fas_fail(e, FAS_E_TIMEOUT, "signer_timeout",
			    "signer: all %zu connections are busy", signer->max);
	}
	*fd = -1;
	if (rc == FAS_OK && signer->n_idle > 0)
		*fd = signer->idle[--signer->n_idle];
	else if (rc == FAS_OK)
		signer->n_open++;
	(void)pthread_mutex_unlock(&signer->lock);
	return rc;
}

/* fd -1: the connection is gone, and with it its place. */
static void
give_slot(struct signer *signer, int fd)
{
	(void)pthread_mutex_lock(&signer->lock);
	if (fd >= 0)
		signer->idle[signer->n_idle++] = fd;
	else
		signer->n_open--;
	(void)pthread_cond_signal(&signer->returned);
	(void)pthread_mutex_unlock(&signer->lock);
}

static int
left_ms(int64_t deadline_us)
{
	int64_t left = (deadline_us - clock_monotonic_us()) / 1000;
	return left > 1 ? (int)left : 1;
}

/* One question on one connection, which is closed and -1 afterwards if it is of no more use. */
static enum fas_code
ask_on(int *fd, json_t *request, int64_t deadline_us, json_t **reply, struct fas_err *why)
{
	enum fas_code rc = wire_send(*fd, request, left_ms(deadline_us), why);
	if (rc == FAS_OK)
		rc = wire_receive(*fd, WIRE_MESSAGE_MAX, left_ms(deadline_us), reply, why);
	if (rc == FAS_OK)
		return FAS_OK;
	(void)close(*fd);
	*fd = -1;
	return rc;
}

/*
 * A kept connection may have died with an earlier signer: then one new one is tried.  That repeats the request, which
 * is safe, since each either names its request id or changes nothing when it is repeated.
 */
static enum fas_code
exchange(struct signer *signer, int *fd, json_t *request, int64_t deadline_us, json_t **reply,
    struct fas_err *e)
{
	struct fas_err why = {0};
	if (*fd >= 0) {
		if (ask_on(fd, request, deadline_us, reply, &why) == FAS_OK)
			return FAS_OK;
		if (why.code != FAS_E_UNAVAILABLE && why.code != FAS_E_NOTFOUND)
			return transport_failed(&why, e);
		fas_err_clear(&why);
	}
	enum fas_code rc = wire_connect(signer->path, fd, &why);
	if (rc == FAS_OK)
		rc = ask_on(fd, request, deadline_us, reply, &why);
	return rc == FAS_OK ? FAS_OK : transport_failed(&why, e);
}

/* Takes the request's reference; request NULL = it could not be made. */
static enum fas_code
call(struct signer *signer, json_t *request, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *owned = request;
	OWN(json) json_t *answer = NULL;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)signer->timeout_ms * 1000;
	int fd = -1;
	if (!owned && json_starved())
		return fas_fail_nomem(e);
	if (!owned)
		return fas_fail(e, FAS_E_INPUT, "signer_request",
		    "a request to the signer cannot be written as JSON: text is not UTF-8");
	enum fas_code rc = take_slot(signer, deadline_us, &fd, e);
	if (rc != FAS_OK)
		return rc;
	rc = exchange(signer, &fd, owned, deadline_us, &answer, e);
	give_slot(signer, fd);
	if (rc == FAS_OK)
		rc = wire_check(answer, e);
	if (rc == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}

void
signer_certificate_done(struct signer_certificate *certificate)
{
	free(certificate->pem);
	free(certificate->chain_pem);
	*certificate = (struct signer_certificate){0};
}

/*
 * A chain is the same for all certificates of an authority's generation.  So a request says which one is here, and the
 * signer leaves it out when it is still the right one.  text NULL: none.
 */
struct known_chain {
	char *text;
	char digest[2 * CHAIN_DIGEST + 1];
};

static void
known_chain_done(struct known_chain *chain)
{
	free(chain->text);
}
DEFINE_OWN_IN_PLACE(known_chain, struct known_chain, known_chain_done);

static void
get_chain(struct signer *signer, struct known_chain *out)
{
	(void)pthread_mutex_lock(&signer->chain_lock);
	if (signer->chain && (out->text = strdup(signer->chain)) != NULL)
		memcpy(out->digest, signer->chain_digest, sizeof(out->digest));
	(void)pthread_mutex_unlock(&signer->chain_lock);
}

/* Where there is no memory for it the next reply brings the chain again. */
static void
keep_chain(struct signer *signer, const char *text)
{
	uint8_t digest[CHAIN_DIGEST];
	char *copy = strdup(text);
	if (!copy || EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL) != 1) {
		free(copy);
		return;
	}
	(void)pthread_mutex_lock(&signer->chain_lock);
	free(signer->chain);
	signer->chain = copy;
	(void)hex_encode(digest, sizeof(digest), signer->chain_digest);
	(void)pthread_mutex_unlock(&signer->chain_lock);
}

/* known->text is taken when the reply has no chain; *fresh: the chain that it has. */
static enum fas_code
copy_certificate(struct json_reader *r, struct known_chain *known, struct signer_certificate *out,
    const char **fresh, struct fas_err *e)
{
	const char *pem = json_need_lines(r, "pem", 1, PEM_TEXT_MAX);
	*fresh = known && known->text ? json_want_lines(r, "chain", 1, PEM_TEXT_MAX)
				      : json_need_lines(r, "chain", 1, PEM_TEXT_MAX);
	const char *serial = json_need_text(r, "serial", 2, SERIAL_HEX_MAX - 1);
	const char *key_id = json_want_text(r, "key", 1, KEY_ID_MAX - 1);
	out->not_before_s = json_need_int(r, "not_before", 0, INT64_MAX);
	out->not_after_s = json_need_int(r, "not_after", 0, INT64_MAX);
	(void)json_want_text(r, "role", 1, 32);
	(void)json_want_text(r, "name", 1, HOSTNAME_MAX);
	enum fas_code rc = json_finish(r);
	if (rc != FAS_OK)
		return rc;
	memcpy(out->serial, serial, strlen(serial) + 1);
	if (key_id)
		memcpy(out->key_id, key_id, strlen(key_id) + 1);
	out->pem = strdup(pem);
	out->chain_pem = *fresh ? strdup(*fresh) : TAKE(known->text);
	return out->pem && out->chain_pem ? FAS_OK : fas_fail_nomem(e);
}

/* known NULL: this question goes without. */
/* That we had no memory to read it says nothing about the signer: the same question may be asked again. */
static enum fas_code
reply_failed(const struct fas_err *why, struct fas_err *e)
{
	if (why->code == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_INTERNAL, "signer_reply", "the signer's answer: %s", why->message);
}

static enum fas_code
call_for_certificate(struct signer *signer, json_t *request, struct known_chain *known,
    struct signer_certificate *out, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	struct fas_err why = {0};
	const char *fresh = NULL;
	*out = (struct signer_certificate){0};
	enum fas_code rc = call(signer, request, &reply, e);
	if (rc != FAS_OK)
		return rc;
	out->pool_wait_s = json_integer_value(json_object_get(reply, "pool_empty"));
	if (out->pool_wait_s > 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "pool_empty",
		    "signer: no key lies ready; the next one in about %lld s",
		    (long long)out->pool_wait_s);
	OWN(json_reader) struct json_reader r = {0};
	if (json_open_object(&r, reply, &why) == FAS_OK &&
	    copy_certificate(&r, known, out, &fresh, &why) == FAS_OK) {
		if (known && fresh)
			keep_chain(signer, fresh);
		return FAS_OK;
	}
	signer_certificate_done(out);
	return reply_failed(&why, e);
}

static json_t *
policies_json(const struct signer_request *q)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < q->n_policies; i++) {
		if (json_array_append_new(list, json_string(q->policies[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

enum fas_code
signer_issue(struct signer *signer, const struct signer_request *q, struct signer_certificate *out,
    struct fas_err *e)
{
	char sid[SID_TEXT_MAX];
	OWN(text) char *spki = q->key_type ? NULL : base64_encode(q->spki, q->spki_len);
	json_t *subject = dn_to_json(q->subject);
	if ((!spki && !q->key_type) || !subject) {
		json_decref(subject);
		return fas_fail_nomem(e);
	}
	OWN(known_chain) struct known_chain chain = {0};
	get_chain(signer, &chain);
	json_t *request = json_pack(
	    "{s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:s,s:s*,s:s*,s:s*,s:s*,s:I,s:s,s:s,s:s,s:s*}", "op",
	    "issue", "request_id", q->request_id, "correlation_id", q->correlation_id, "authority",
	    q->authority, "profile", q->profile, "subject", subject, "sid", sid_format(q->sid, sid),
	    "upn", q->upn, "account", q->account, "realm", q->realm, "mail", q->mail, "spki", spki,
	    "validity_s", (json_int_t)q->validity_s, "rule", q->rule, "host", q->host, "session",
	    q->session, "chain_known", chain.text ? chain.digest : NULL);
	if (request && q->key_type) {
		(void)json_object_set_new(request, "key_type", json_string(q->key_type));
		(void)json_object_set_new(request, "signatures", json_integer(q->signatures));
		(void)json_object_set_new(request, "sign_until", json_integer(q->sign_until_s));
	}
	if (request && q->n_policies > 0 &&
	    json_object_set_new(request, "policies", policies_json(q)) != 0) {
		json_decref(request);
		return fas_fail_nomem(e);
	}
	return call_for_certificate(signer, request, &chain, out, e);
}

enum fas_code
signer_enroll(struct signer *signer, const char *request_id, const char *token, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack("{s:s,s:s,s:s,s:s}", "op", "enroll", "request_id", request_id, "token", token,
		"spki", key),
	    NULL, out, e);
}

enum fas_code
signer_renew(struct signer *signer, const char *request_id, const uint8_t *certificate,
    size_t certificate_len, const uint8_t *spki, size_t spki_len, struct signer_certificate *out,
    struct fas_err *e)
{
	OWN(text) char *old = base64_encode(certificate, certificate_len);
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!old || !key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack("{s:s,s:s,s:s,s:s}", "op", "renew", "request_id", request_id, "certificate",
		old, "spki", key),
	    NULL, out, e);
}

enum fas_code
signer_server_certificate(struct signer *signer, const char *request_id, const uint8_t *spki,
    size_t spki_len, struct signer_certificate *out, struct fas_err *e)
{
	OWN(text) char *key = base64_encode(spki, spki_len);
	if (!key)
		return fas_fail_nomem(e);
	return call_for_certificate(signer,
	    json_pack(
		"{s:s,s:s,s:s}", "op", "server_certificate", "request_id", request_id, "spki", key),
	    NULL, out, e);
}

enum fas_code
signer_revoke(struct signer *signer, const char *correlation_id, const char *serial,
    const char *session, const char *reason, size_t *n_revoked, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	json_t *request = json_pack("{s:s,s:s,s:s*,s:s*,s:s}", "op", "revoke", "correlation_id",
	    correlation_id, "serial", serial, "session", session, "reason", reason);
	enum fas_code rc = call(signer, request, &reply, e);
	if (rc != FAS_OK)
		return rc;
	json_int_t n = json_integer_value(json_object_get(reply, "revoked"));
	*n_revoked = n > 0 ? (size_t)n : 0;
	return FAS_OK;
}

enum fas_code
signer_sign(struct signer *signer, const struct signer_sign *q, uint8_t *out, size_t *out_len,
    struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(text) char *digest = base64_encode(q->digest, q->digest_len);
	if (!digest)
		return fas_fail_nomem(e);
	enum fas_code rc = call(signer,
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "op", "sign", "correlation_id",
		q->correlation_id, "session", q->session, "key", q->key_id, "mechanism",
		q->mechanism, "hash", q->hash, "digest", digest),
	    &reply, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	(void)!json_open_object(&r, reply, &why);
	OWN(bytes) uint8_t *signature = json_need_base64(&r, "signature", SIGNATURE_MAX, out_len);
	if (json_finish(&r) != FAS_OK)
		return reply_failed(&why, e);
	memcpy(out, signature, *out_len);
	return FAS_OK;
}

enum fas_code
signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return call(signer,
	    json_pack("{s:s,s:s,s:s}", "op", "drop", "correlation_id", correlation_id, "session",
		session),
	    &reply, e);
}

enum fas_code
signer_pool(struct signer *signer, json_t **state, struct fas_err *e)
{
	return call(signer, json_pack("{s:s}", "op", "pool.show"), state, e);
}

enum fas_code
signer_service_ca(struct signer *signer, char **pem, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	enum fas_code rc = call(signer, json_pack("{s:s}", "op", "service_ca"), &reply, e);
	if (rc != FAS_OK)
		return rc;
	const char *text = json_string_value(json_object_get(reply, "certificate"));
	if (!text)
		return fas_fail(e, FAS_E_INTERNAL, "signer_reply",
		    "the signer's answer: no member \"certificate\"");
	*pem = strdup(text);
	return *pem ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
signer_state(struct signer *signer, json_t **state, struct fas_err *e)
{
	return call(signer, json_pack("{s:s}", "op", "state"), state, e);
}

enum fas_code
signer_published(struct signer *signer, json_t **published, struct fas_err *e)
{
	return call(signer, json_pack("{s:s}", "op", "published"), published, e);
}

enum fas_code
signer_in_ldap(struct signer *signer, const char *authority, int64_t generation, int64_t until_s,
    struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return call(signer,
	    json_pack("{s:s,s:s,s:I,s:I}", "op", "authority.in_ldap", "authority", authority,
		"generation", (json_int_t)generation, "until", (json_int_t)until_s),
	    &reply, e);
}

enum fas_code
signer_in_ntauth(struct signer *signer, const char *authority, int64_t generation, bool renewal,
    int64_t since_s, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	return call(signer,
	    json_pack("{s:s,s:s,s:I,s:b,s:I}", "op", "authority.in_ntauth", "authority", authority,
		"generation", (json_int_t)generation, "renewal", renewal, "since",
		(json_int_t)since_s),
	    &reply, e);
}

/* ---- waiting for news ---- */

static bool
begin_wait(struct signer *signer, int fd, size_t *at)
{
	bool good = false;
	(void)pthread_mutex_lock(&signer->lock);
	for (size_t i = 0; i < WAITERS_MAX && !good && !signer->stopped; i++) {
		if (signer->waiting[i] != 0)
			continue;
		signer->waiting[i] = fd + 1;
		*at = i;
		good = true;
	}
	(void)pthread_mutex_unlock(&signer->lock);
	return good;
}

static void
end_wait(struct signer *signer, size_t at)
{
	(void)pthread_mutex_lock(&signer->lock);
	signer->waiting[at] = 0;
	(void)pthread_mutex_unlock(&signer->lock);
}

void
signer_stop_waiting(struct signer *signer)
{
	(void)pthread_mutex_lock(&signer->lock);
	signer->stopped = true;
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		if (signer->waiting[i] != 0)
			(void)shutdown(signer->waiting[i] - 1, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&signer->lock);
}

static enum fas_code
await_news(struct signer *signer, int fd, int wait_ms, json_t **news, struct fas_err *why)
{
	size_t at = 0;
	if (!begin_wait(signer, fd, &at))
		return fas_fail(why, FAS_E_UNAVAILABLE, "signer_away", "nobody waits any more");
	enum fas_code rc =
	    wire_receive(fd, WIRE_MESSAGE_MAX, wait_ms + signer->timeout_ms, news, why);
	end_wait(signer, at);
	return rc;
}

enum fas_code
signer_acts(struct signer *signer, int64_t after, json_t *applied, int wait_ms, json_t **reply,
    struct fas_err *e)
{
	OWN(fd) int fd = -1;
	struct fas_err why = {0};
	OWN(json) json_t *answer = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:I,s:i,s:O}", "op", "acts", "after", (json_int_t)after,
	    "wait_ms", wait_ms, "applied", applied);
	if (!request)
		return fas_fail_nomem(e);
	enum fas_code rc = wire_connect(signer->path, &fd, &why);
	if (rc == FAS_OK)
		rc = wire_send(fd, request, signer->timeout_ms, &why);
	if (rc == FAS_OK)
		rc = await_news(signer, fd, wait_ms, &answer, &why);
	if (rc != FAS_OK)
		return transport_failed(&why, e);
	if ((rc = wire_check(answer, e)) == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}

enum fas_code
signer_snapshot(struct signer *signer, char id[SNAPSHOT_ID_MAX], struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	enum fas_code rc = call(signer, json_pack("{s:s}", "op", "snapshot"), &reply, e);
	if (rc != FAS_OK)
		return rc;
	const char *text = json_string_value(json_object_get(reply, "snapshot"));
	if (!text || strlen(text) >= SNAPSHOT_ID_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "signer_reply",
		    "the signer's answer: no member \"snapshot\"");
	(void)snprintf(id, SNAPSHOT_ID_MAX, "%s", text);
	return FAS_OK;
}

enum fas_code
signer_countersign(struct signer *signer, const char *node, int64_t seq, const char *head_hex,
    int64_t after, json_t **reply, struct fas_err *e)
{
	json_t *request = json_pack("{s:s,s:s,s:I,s:s,s:I}", "op", "audit.countersign", "node",
	    node, "seq", (json_int_t)seq, "head", head_hex, "after", (json_int_t)after);
	return call(signer, request, reply, e);
}

enum fas_code
signer_checkpoint(struct signer *signer, const struct signer_checkpoint_request *request,
    json_t **reply, struct fas_err *e)
{
	return call(signer,
	    json_pack("{s:s,s:s,s:I,s:I,s:{s:I,s:I}}", "op", "audit.checkpoint", "node",
		request->node, "keep_s", (json_int_t)request->keep_s, "after",
		(json_int_t)request->after, "holds", "fasd", (json_int_t)request->holds_fasd,
		"signer", (json_int_t)request->holds_signer),
	    reply, e);
}

/* One page of the host table on fd. */
static enum fas_code
host_page(struct signer *signer, int fd, int64_t generation, int wait_ms, const char *after,
    json_t **page, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json)
	json_t *request = json_pack("{s:s,s:I,s:i,s:s*}", "op", "hosts", "generation",
	    (json_int_t)generation, "wait_ms", wait_ms, "after", after);
	if (!request)
		return fas_fail_nomem(e);
	enum fas_code rc = wire_send(fd, request, signer->timeout_ms, &why);
	if (rc == FAS_OK)
		rc = await_news(signer, fd, wait_ms, page, &why);
	return rc == FAS_OK ? wire_check(*page, e) : transport_failed(&why, e);
}

/* The serial behind which the next page begins, NULL after the last; the page's hosts join all. */
static enum fas_code
join_page(json_t *page, json_t *all, const char **after, struct fas_err *e)
{
	json_t *hosts = json_object_get(page, "hosts");
	size_t n = json_array_size(hosts);
	if (!json_is_array(hosts) || json_array_extend(all, hosts) != 0)
		return fas_fail(
		    e, FAS_E_INTERNAL, "signer_reply", "the signer's answer: no list of hosts");
	*after = NULL;
	if (n > 0 && json_is_true(json_object_get(page, "more")))
		*after = json_string_value(json_object_get(json_array_get(hosts, n - 1), "serial"));
	return FAS_OK;
}

enum fas_code
signer_hosts(
    struct signer *signer, int64_t generation, int timeout_ms, json_t **table, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *all = json_array();
	OWN(json) json_t *page = NULL;
	struct fas_err why = {0};
	const char *after = NULL;
	if (wire_connect(signer->path, &fd, &why) != FAS_OK)
		return transport_failed(&why, e);
	enum fas_code rc = host_page(signer, fd, generation, timeout_ms, NULL, &page, e);
	if (rc == FAS_OK)
		rc = join_page(page, all, &after, e);
	/* The first page's generation stands for all: what changes meanwhile raises it, and is asked for next. */
	OWN(json) json_t *first = json_incref(json_object_get(page, "generation"));
	for (size_t i = 0; rc == FAS_OK && after && i < HOST_PAGES_MAX; i++) {
		OWN(json) json_t *next = NULL;
		rc = host_page(signer, fd, -1, 0, after, &next, e);
		if (rc == FAS_OK)
			rc = join_page(next, all, &after, e);
		json_decref(page);
		page = TAKE(next);
	}
	if (rc != FAS_OK)
		return rc;
	*table = json_pack("{s:O,s:O}", "generation", first, "hosts", all);
	return *table ? FAS_OK : fas_fail_nomem(e);
}
