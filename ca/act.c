#include "ca/act.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/text.h"

#define WAIT_MAX_MS 60000
#define PAGE 100 /* acts in one answer */
#define HOLDS_MAX 1000
#define AWAIT_MS 2000
#define FOLLOWED_US INT64_C(5000000) /* who has asked within this time follows */

/* A fasd that has followed comes back within FOLLOWED_US of the signer's start: an act of until then waits for it, too. */
static enum fas_code
read_last(struct db *db, void *arg, struct fas_err *e)
{
	struct act_feed *acts = arg;
	bool followed = false;
	enum fas_code rc = store_act_last(db, &acts->last, e);
	if (rc == FAS_OK)
		rc = store_acts_applied(db, &followed, e);
	if (followed)
		acts->asked_us = clock_monotonic_us();
	return rc;
}

enum fas_code
acts_init(struct act_feed *acts, struct db_pool *db, struct fas_err *e)
{
	*acts = (struct act_feed){0};
	(void)pthread_mutex_init(&acts->lock, NULL);
	clock_cond_init(&acts->changed);
	return db_read(db, read_last, acts, e);
}

void
acts_done(struct act_feed *acts)
{
	(void)pthread_mutex_destroy(&acts->lock);
	(void)pthread_cond_destroy(&acts->changed);
}

void
acts_stop(struct act_feed *acts)
{
	(void)pthread_mutex_lock(&acts->lock);
	acts->stopping = true;
	(void)pthread_cond_broadcast(&acts->changed);
	(void)pthread_mutex_unlock(&acts->lock);
}

void
acts_changed(struct act_feed *acts, int64_t id)
{
	(void)pthread_mutex_lock(&acts->lock);
	if (id > acts->last)
		acts->last = id;
	(void)pthread_cond_broadcast(&acts->changed);
	(void)pthread_mutex_unlock(&acts->lock);
}

/* ---- fasd follows ---- */

/* It has applied all up to `after`; wait for one behind that, or until the time is over. */
static void
wait_behind(struct act_feed *acts, int64_t after, int64_t wait_ms)
{
	const struct timespec until = clock_deadline(wait_ms);
	(void)pthread_mutex_lock(&acts->lock);
	acts->asked_us = clock_monotonic_us();
	if (after > acts->applied) {
		acts->applied = after;
		(void)pthread_cond_broadcast(&acts->changed);
	}
	while (wait_ms > 0 && acts->last <= after && !acts->stopping) {
		if (pthread_cond_timedwait(&acts->changed, &acts->lock, &until) != 0)
			break;
	}
	acts->asked_us = clock_monotonic_us();
	(void)pthread_mutex_unlock(&acts->lock);
}

/* What fasd says about acts that it has applied: [{"id", "sessions"}]. */
struct applied {
	json_t *list;
};

static enum fas_code
write_applied(struct db *db, void *arg, struct fas_err *e)
{
	const struct applied *a = arg;
	json_t *at;
	size_t i;
	enum fas_code rc = FAS_OK;
	json_array_foreach(a->list, i, at)
	{
		OWN(json_reader) struct json_reader r = {0};
		if ((rc = json_open_object(&r, at, e)) != FAS_OK)
			return rc;
		int64_t id = json_need_int(&r, "id", 1, INT64_MAX);
		int64_t sessions = json_need_int(&r, "sessions", 0, INT32_MAX);
		if ((rc = json_finish(&r)) == FAS_OK)
			rc = store_act_applied(db, id, sessions, e);
		if (rc != FAS_OK)
			return rc;
	}
	return rc;
}

static enum fas_code
add_act(const struct act_row *row, void *arg, struct fas_err *e)
{
	json_t *act = json_pack("{s:I,s:s,s:s,s:s,s:s,s:I,s:I,s:b,s:I,s:s,s:s}", "id",
	    (json_int_t)row->id, "kind", row->kind, "target", row->target, "value", row->value,
	    "session", row->session, "from", (json_int_t)row->from_s, "to", (json_int_t)row->to_s,
	    "stops", (int)row->stops, "time_ms", (json_int_t)row->time_ms, "caller", row->caller,
	    "correlation_id", row->correlation_id);
	return json_array_append_new(arg, act) == 0 ? FAS_OK : fas_fail_nomem(e);
}

struct page {
	int64_t after, last;
	json_t *list;
};

static enum fas_code
read_page(struct db *db, void *arg, struct fas_err *e)
{
	struct page *page = arg;
	enum fas_code rc = store_act_last(db, &page->last, e);
	return rc == FAS_OK ? store_acts_each(db, page->after, PAGE, add_act, page->list, e) : rc;
}

enum fas_code
op_acts(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(json) json_t *list = json_array();
	struct page page = {.list = list};
	page.after = json_need_int(&call->in, "after", 0, INT64_MAX);
	int64_t wait_ms = json_need_int(&call->in, "wait_ms", 0, WAIT_MAX_MS);
	struct applied applied = {json_need_value(&call->in, "applied", JSON_ARRAY)};
	enum fas_code rc = list ? json_finish(&call->in) : fas_fail_nomem(e);
	if (rc == FAS_OK && json_array_size(applied.list) > PAGE)
		rc = fas_fail(e, FAS_E_INPUT, "member_invalid", "over %d acts applied", PAGE);
	if (rc == FAS_OK && json_array_size(applied.list) > 0)
		rc = db_write(ca->db, write_applied, &applied, e);
	if (rc != FAS_OK)
		return rc;
	wait_behind(&ca->acts, page.after, wait_ms);
	if ((rc = db_read(ca->db, read_page, &page, e)) != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O,s:I}", "acts", list, "last", (json_int_t)page.last);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- the administrator waits for fasd ---- */

struct outcome {
	int64_t id, sessions;
};

static enum fas_code
read_outcome(struct db *db, void *arg, struct fas_err *e)
{
	struct outcome *o = arg;
	return store_act_sessions(db, o->id, &o->sessions, e);
}

enum fas_code
acts_await(struct ca *ca, int64_t id, int64_t *sessions, struct fas_err *e)
{
	struct act_feed *acts = &ca->acts;
	struct outcome outcome = {.id = id, .sessions = -1};
	const struct timespec until = clock_deadline(AWAIT_MS);
	(void)pthread_mutex_lock(&acts->lock);
	while (acts->applied < id && !acts->stopping && acts->asked_us != 0 &&
	       clock_monotonic_us() - acts->asked_us < FOLLOWED_US) {
		if (pthread_cond_timedwait(&acts->changed, &acts->lock, &until) != 0)
			break;
	}
	(void)pthread_mutex_unlock(&acts->lock);
	enum fas_code rc = db_read(ca->db, read_outcome, &outcome, e);
	*sessions = outcome.sessions;
	return rc;
}

/* ---- what stands ---- */

enum fas_code
acts_check_issue(struct db *db, const struct act_question *question, struct fas_err *e)
{
	char target[ACT_TARGET_MAX];
	enum fas_code rc = store_act_stops(db, question, target, e);
	if (rc != FAS_OK || !target[0])
		return rc;
	if (strcmp(target, "everything") == 0)
		return fas_fail(e, FAS_E_DENIED, "issuing_stopped",
		    "an administrator has stopped all issuing: fasctl cert release --everything");
	return fas_fail(e, FAS_E_DENIED, "on_hold",
	    "an administrator has put this %s on hold: fasctl cert holds", target);
}

static enum fas_code
add_standing(const struct act_row *row, void *arg, struct fas_err *e)
{
	json_t *act = json_pack("{s:I,s:s,s:s,s:s,s:b,s:I,s:s,s:I}", "id", (json_int_t)row->id,
	    "kind", row->kind, "target", row->target, "value", row->value, "stops", (int)row->stops,
	    "since", (json_int_t)(row->time_ms / 1000), "caller", row->caller, "certificates",
	    (json_int_t)row->certificates);
	if (act && row->from_s)
		(void)json_object_set_new(act, "from", json_integer(row->from_s));
	if (act && row->to_s)
		(void)json_object_set_new(act, "to", json_integer(row->to_s));
	return json_array_append_new(arg, act) == 0 ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_standing(struct db *db, void *arg, struct fas_err *e)
{
	return store_acts_standing(db, HOLDS_MAX, add_standing, arg, e);
}

enum fas_code
op_cert_holds(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	enum fas_code rc = list ? json_finish(&call->in) : fas_fail_nomem(e);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, read_standing, list, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "holds", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

json_t *
acts_state(struct ca *ca)
{
	struct fas_err e = {0};
	OWN(json) json_t *list = json_array();
	json_t *at;
	size_t i;
	json_int_t since = 0;
	if (!list || db_read(ca->db, read_standing, list, &e) != FAS_OK)
		return NULL;
	json_array_foreach(list, i, at)
	{
		if (json_is_true(json_object_get(at, "stops")) &&
		    strcmp(json_string_value(json_object_get(at, "target")), "everything") == 0)
			since = json_integer_value(json_object_get(at, "since"));
	}
	return json_pack(
	    "{s:I,s:I}", "holds", (json_int_t)json_array_size(list), "stopped_since", since);
}
