#include "fas/act.h"

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define PAGES_MAX 1000
#define VALUE_MAX 1024
#define CALLER_MAX 64

struct application {
	struct act act;
	int64_t now_s, sessions;
};

static enum fas_code
read_last(struct db *db, void *arg, struct fas_err *e)
{
	return act_last(db, arg, e);
}

static enum fas_code
rewind_to(struct db *db, void *arg, struct fas_err *e)
{
	const int64_t *id = arg;
	return act_rewind(db, *id, e);
}

static enum fas_code
apply(struct db *db, void *arg, struct fas_err *e)
{
	struct application *a = arg;
	return act_apply(db, &a->act, a->now_s, &a->sessions, e);
}

static enum fas_code
read_act(struct json_reader *r, struct act *out)
{
	*out = (struct act){.id = json_need_int(r, "id", 1, INT64_MAX),
	    .kind = json_need_text(r, "kind", 1, 16),
	    .target = json_need_text(r, "target", 1, 16),
	    .value = json_need_text(r, "value", 0, VALUE_MAX),
	    .session = json_need_text(r, "session", 0, SESSION_ID_TEXT_MAX),
	    .from_s = json_need_int(r, "from", 0, INT64_MAX),
	    .to_s = json_need_int(r, "to", 0, INT64_MAX),
	    .stops = json_want_bool(r, "stops", false),
	    .time_ms = json_need_int(r, "time_ms", 0, INT64_MAX - 1),
	    .caller = json_need_text(r, "caller", 0, CALLER_MAX),
	    .correlation_id = json_need_text(r, "correlation_id", 0, CORRELATION_ID_MAX)};
	return json_finish(r);
}

/* One act, one transaction; what it did goes into told, for the signer. */
static enum fas_code
apply_one(struct service *service, json_t *item, json_t *told, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct application a = {.now_s = clock_now()};
	char count[24];
	enum fas_code rc = json_open_object(&r, item, e);
	if (rc == FAS_OK)
		rc = read_act(&r, &a.act);
	if (rc == FAS_OK)
		rc = db_write(service->db, apply, &a, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(count, sizeof(count), "%lld", (long long)a.sessions);
	log_event(LOG_LEVEL_INFO, "act_applied", "kind", a.act.kind, "target", a.act.target,
	    "value", a.act.value, "sessions", count, "caller", a.act.caller, NULL);
	json_t *said =
	    json_pack("{s:I,s:I}", "id", (json_int_t)a.act.id, "sessions", (json_int_t)a.sessions);
	return json_array_append_new(told, said) == 0 ? FAS_OK : fas_fail_nomem(e);
}

/* A ca.db that was put back knows fewer acts than we have applied: from there on its numbers count again. */
static enum fas_code
check_rewound(struct service *service, int64_t last, int64_t *seen, struct fas_err *e)
{
	if (last >= *seen)
		return FAS_OK;
	log_event(LOG_LEVEL_WARNING, "acts_rewound", "message",
	    "fas-signer knows fewer revocations than were applied: an old ca.db was put back",
	    NULL);
	*seen = last;
	return db_write(service->db, rewind_to, seen, e);
}

/* *told is what was applied so far and the signer does not know yet; it is replaced. */
static enum fas_code
follow_page(struct service *service, int wait_ms, json_t **told, size_t *n, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *next = json_array();
	json_t *item;
	size_t i;
	int64_t seen = 0;
	enum fas_code rc = next ? db_read(service->db, read_last, &seen, e) : fas_fail_nomem(e);
	if (rc == FAS_OK)
		rc = signer_acts(service->signer, seen, *told, wait_ms, &reply, e);
	if (rc != FAS_OK)
		return rc;
	json_t *acts = json_object_get(reply, "acts");
	rc = check_rewound(service, json_integer_value(json_object_get(reply, "last")), &seen, e);
	json_array_foreach(acts, i, item)
	{
		if (rc == FAS_OK)
			rc = apply_one(service, item, next, e);
	}
	*n = json_array_size(acts);
	json_decref(*told);
	*told = TAKE(next);
	return rc;
}

enum fas_code
acts_follow(struct service *service, int wait_ms, struct fas_err *e)
{
	size_t n = 1;
	enum fas_code rc = FAS_OK;
	OWN(json) json_t *told = json_array();
	if (!told)
		return fas_fail_nomem(e);
	/* The last question says what was applied, and brings nothing. */
	for (size_t i = 0; rc == FAS_OK && n > 0 && i < PAGES_MAX; i++)
		rc = follow_page(service, i == 0 ? wait_ms : 0, &told, &n, e);
	return rc;
}
