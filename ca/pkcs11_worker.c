/* The process that has loaded a module: it answers until the token, the module or the signer is gone. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "ca/key.h"
#include "ca/pkcs11_parts.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/sandbox.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"
#include "fas/base/yaml.h"

#define SESSIONS_MAX 16
#define RECEIVE_TIMEOUT_MS 1000
#define WATCH_EACH_MS 200
#define OPEN_TIMEOUT_S 30
#define DOUBT_AFTER_US 2000000
#define LEAVE_US 2000000

struct worker {
	struct pkcs11_module module;
	int door;
	struct fas_err *why;
	int64_t begun_us;
	_Atomic int64_t
	    until_us[SESSIONS_MAX + 1]; /* when what a thread is at must be over; 0: it waits */
};

/* One thread, one session; the last slot of until_us is the start's. */
struct session {
	struct worker *worker;
	size_t at;
	CK_SESSION_HANDLE handle;
};

/* Behind a thread that ends the process. */
static void __attribute__((noreturn)) wait_for_the_end(void)
{
	for (;;)
		(void)poll(NULL, 0, -1);
}

/*
 * For good: the next worker begins with a module that knows nothing of this one's troubles.  Whoever comes second waits:
 * else the process could end before the first one has said why.
 */
static void __attribute__((noreturn))
end(struct worker *w, enum worker_end how, const struct fas_err *why)
{
	static atomic_flag ended = ATOMIC_FLAG_INIT;
	if (atomic_flag_test_and_set(&ended))
		wait_for_the_end();
	if (why)
		*w->why = *why;
	_exit((int)how);
}

/*
 * The signer has gone: what the token keeps for this process is given back, as a TPM without a resource manager has room
 * for three objects.  A module that hangs in it is cut short like any other time.
 */
static void __attribute__((noreturn)) leave(struct session *s)
{
	static atomic_flag left = ATOMIC_FLAG_INIT;
	struct worker *w = s->worker;
	if (atomic_flag_test_and_set(&left))
		wait_for_the_end();
	atomic_store(&w->until_us[s->at], clock_monotonic_us() + LEAVE_US);
	(void)w->module.f->C_CloseAllSessions(w->module.slot);
	(void)w->module.f->C_Finalize(NULL);
	_exit(WORKER_DOOR_CLOSED);
}

/* ---- the operations ---- */

static json_t *
key_reply(const struct pkcs11_key *key)
{
	OWN(text) char *spki = base64_encode(key->spki, key->spki_len);
	return spki ? json_pack("{s:s,s:s}", "id", key->id, "public_key", spki) : NULL;
}

static enum fas_code
op_sign(struct session *s, struct json_reader *in, json_t **reply, struct fas_err *e)
{
	struct pkcs11_module *m = &s->worker->module;
	struct pkcs11_object object = {0};
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t digest_len = 0, len = 0;
	const char *id = json_need_text(in, "id", 2, 2 * PKCS11_ID_MAX);
	const char *hash = json_need_text(in, "hash", 1, 16);
	OWN(bytes)
	uint8_t *digest = json_need_base64(in, "digest", KEY_DIGEST_MAX, &digest_len);
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = pkcs11_object_find(m, s->handle, id, &object, e);
	if (rc == FAS_OK)
		rc = pkcs11_object_sign(
		    m, s->handle, &object, hash, digest, digest_len, signature, &len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(text) char *text = base64_encode(signature, len);
	*reply = text ? json_pack("{s:s}", "signature", text) : NULL;
	return FAS_OK;
}

static enum fas_code
op_make(struct session *s, struct json_reader *in, json_t **reply, struct fas_err *e)
{
	struct pkcs11_key key = {0};
	const char *type = json_need_text(in, "type", 1, 16);
	const char *label = json_need_text(in, "label", 1, 63);
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = pkcs11_object_make(&s->worker->module, s->handle, type, label, &key, e);
	if (rc == FAS_OK)
		*reply = key_reply(&key);
	return rc;
}

static enum fas_code
op_find(struct session *s, struct json_reader *in, json_t **reply, struct fas_err *e)
{
	const struct pkcs11_module *m = &s->worker->module;
	struct pkcs11_object object = {0};
	struct pkcs11_key key = {0};
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = pkcs11_object_find(m, s->handle, NULL, &object, e);
	if (rc == FAS_OK)
		rc = pkcs11_object_read(m, s->handle, &object, &key, e);
	if (rc == FAS_OK)
		*reply = key_reply(&key);
	return rc;
}

static enum fas_code
op_check(struct session *s, struct json_reader *in, json_t **reply, struct fas_err *e)
{
	const struct pkcs11_module *m = &s->worker->module;
	struct pkcs11_object object = {0};
	const char *id = json_need_text(in, "id", 2, 2 * PKCS11_ID_MAX);
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK)
		rc = pkcs11_object_find(m, s->handle, id, &object, e);
	if (rc == FAS_OK)
		*reply = json_object();
	return rc;
}

static const struct {
	const char *name;
	enum fas_code (*run)(
	    struct session *s, struct json_reader *in, json_t **reply, struct fas_err *e);
	bool is_slow;
} operations[] = {{"sign", op_sign, false}, {"check", op_check, false}, {"find", op_find, false},
    {"make", op_make, true}};

static enum fas_code
answer(struct session *s, json_t *request, json_t **reply, struct fas_err *e)
{
	OWN(json_reader) struct json_reader in = {0};
	struct worker *w = s->worker;
	(void)json_open_object(&in, request, e);
	const char *name = json_need_text(&in, "op", 1, 16);
	for (size_t i = 0; name && i < NELEMS(operations); i++) {
		if (strcmp(operations[i].name, name) != 0)
			continue;
		int64_t limit_s =
		    operations[i].is_slow ? PKCS11_MAKE_TIMEOUT_S : w->module.config->timeout_s;
		atomic_store(&w->until_us[s->at], clock_monotonic_us() + limit_s * 1000000);
		enum fas_code rc = operations[i].run(s, &in, reply, e);
		atomic_store(&w->until_us[s->at], 0);
		return rc == FAS_OK && !*reply ? fas_fail_nomem(e) : rc;
	}
	return fas_fail(e, FAS_E_INPUT, "op_unknown", "no such operation");
}

/* ---- connections ---- */

/*
 * What failed may be this session, the login, or the token: whatever it was, it begins anew.  A key that is missing may
 * be a token that another has taken the place of; not with every question, since it may as well be missing for good.
 */
static bool
begins_anew(const struct worker *w, struct fas_err *e)
{
	struct fas_err was = *e;
	if (strcmp(e->reason, "token_key_missing") == 0 &&
	    clock_monotonic_us() - w->begun_us > DOUBT_AFTER_US) {
		fas_err_clear(e);
		(void)fas_fail(e, FAS_E_UNAVAILABLE, "token_lost", "%s", was.message);
	}
	return w->module.pin_refused || strcmp(e->reason, "token_lost") == 0;
}

static enum worker_end
how_it_ends(const struct worker *w)
{
	return w->module.pin_refused ? WORKER_PIN : WORKER_FAILED;
}

static void
serve_one(struct session *s, int fd)
{
	struct fas_err e = {0}, unsent = {0};
	OWN(json) json_t *request = NULL;
	OWN(json) json_t *reply = NULL;
	if (wire_receive(fd, PKCS11_MESSAGE_MAX, RECEIVE_TIMEOUT_MS, &request, &unsent) != FAS_OK)
		return;
	enum fas_code rc = answer(s, request, &reply, &e);
	bool anew = rc != FAS_OK && begins_anew(s->worker, &e);
	if (rc != FAS_OK) {
		json_decref(reply);
		reply = wire_error(&e);
	}
	if (reply)
		(void)!wire_send(fd, reply, RECEIVE_TIMEOUT_MS, &unsent);
	if (anew)
		end(s->worker, how_it_ends(s->worker), &e);
}

static void *
serve(void *arg)
{
	struct session *s = arg;
	for (;;) { /* ends with the door, and the process with it */
		struct fas_err e = {0};
		OWN(fd) int fd = -1;
		enum fas_code rc = door_take(s->worker->door, -1, &fd, &e);
		if (rc == FAS_E_NOTFOUND)
			leave(s);
		if (rc != FAS_OK)
			end(s->worker, WORKER_FAILED, &e);
		serve_one(s, fd);
	}
	return NULL;
}

/* Foreign code may hang: then the process ends, and whoever waits is told by the closed connection. */
static void *
watch(void *arg)
{
	struct worker *w = arg;
	const struct timespec pause = {.tv_nsec = WATCH_EACH_MS * 1000000L};
	for (;;) { /* ends with the process */
		int64_t now_us = clock_monotonic_us();
		for (size_t i = 0; i < NELEMS(w->until_us); i++) {
			struct fas_err e = {0};
			int64_t until_us = atomic_load(&w->until_us[i]);
			if (until_us == 0 || now_us < until_us)
				continue;
			(void)fas_fail(&e, FAS_E_UNAVAILABLE, "token_slow", "the module hangs");
			end(w, WORKER_FAILED, &e);
		}
		(void)nanosleep(&pause, NULL);
	}
	return NULL;
}

/* ---- start ---- */

static enum fas_code
set_environment(const struct yaml_node *map, struct fas_err *e)
{
	for (size_t i = 0; map && i < map->n; i++) {
		if (setenv(map->items[i]->key, map->items[i]->text, 1) != 0)
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

static enum fas_code
enclose(const struct pkcs11_config *config, struct fas_err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() == 1)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "token_away", "nobody waits for this process");
	if (sandbox_can_lock_memory() && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
		return fas_fail_errno(e, "mlockall");
	enum fas_code rc = set_environment(config->environment, e);
	return rc == FAS_OK ? pkcs11_worker_confine(config, e) : rc;
}

static enum fas_code
start_thread(void *(*run)(void *), void *arg, struct fas_err *e)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run, arg) != 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "no_thread", "cannot start a thread");
	return FAS_OK;
}

static enum fas_code
open_all(struct worker *w, struct session *sessions, struct fas_err *e)
{
	size_t n = w->module.config->sessions;
	_Atomic int64_t *until_us = &w->until_us[SESSIONS_MAX];
	atomic_store(until_us, clock_monotonic_us() + OPEN_TIMEOUT_S * INT64_C(1000000));
	enum fas_code rc = pkcs11_module_open(&w->module, e);
	for (size_t i = 0; rc == FAS_OK && i < n; i++) {
		sessions[i] = (struct session){.worker = w, .at = i};
		rc = pkcs11_session_open(&w->module, &sessions[i].handle, e);
	}
	atomic_store(until_us, 0);
	return rc;
}

void
pkcs11_worker(
    const struct pkcs11_config *config, int door, const struct secret *pin, struct fas_err *why)
{
	static struct worker w;
	static struct session sessions[SESSIONS_MAX];
	struct fas_err e = {0};
	w.module = (struct pkcs11_module){.config = config, .pin = pin};
	w.door = door;
	w.why = why;
	w.begun_us = clock_monotonic_us();
	enum fas_code rc = enclose(config, &e);
	if (rc == FAS_OK)
		rc = start_thread(watch, &w, &e);
	if (rc == FAS_OK)
		rc = open_all(&w, sessions, &e);
	for (size_t i = 1; rc == FAS_OK && i < config->sessions; i++)
		rc = start_thread(serve, &sessions[i], &e);
	if (rc != FAS_OK)
		end(&w, how_it_ends(&w), &e);
	log_event(LOG_LEVEL_INFO, "token_ready", "token", config->name, NULL);
	(void)serve(&sessions[0]);
	end(&w, WORKER_DOOR_CLOSED, NULL);
}
