#include "fas/agent/uses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define KINDS_MAX 16 /* in a report */
#define SIGNATURES_MAX 1000000
#define GATHER_US 10000000 /* from the first signature to its report */
#define RETRY_US 30000000
#define URL_PATH_MAX 160
#define REPORT_MS 5000
#define REST_REPORTS 2 /* one that may not have arrived, and what was gathered behind it */

/* Signatures of one kind. */
struct use {
	char serial[CERT_SERIAL_MAX];
	char *program; /* NULL = it could not be told */
	enum card_mechanism mechanism;
	enum card_hash hash;
	int64_t signatures;
	int64_t first_us, last_us;
};

struct batch {
	size_t n;
	struct use list[KINDS_MAX];
};

struct uses {
	int64_t report;     /* number of `sent`, or of the last one that arrived */
	int64_t due_us;     /* when to report; 0 = there is nothing */
	struct batch *sent; /* not known to have arrived; NULL = none */
	struct batch gathered;
	bool deaf; /* the service has no ear for it: an earlier version */
};

static void
batch_empty(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		free(batch->list[i].program);
	batch->n = 0;
}

static void
batch_free(struct batch *batch)
{
	if (!batch)
		return;
	batch_empty(batch);
	free(batch);
}

void
uses_free(struct uses *uses)
{
	if (!uses)
		return;
	batch_free(uses->sent);
	batch_empty(&uses->gathered);
	free(uses);
}

/* ---- gathering; under the lock ---- */

static bool
is_kind(const struct use *u, const struct card_key *key, const struct signing *what,
    const char *program)
{
	return u->mechanism == what->mechanism && u->hash == what->hash &&
	       u->signatures < SIGNATURES_MAX && strcmp(u->serial, key->serial) == 0 &&
	       strcmp(u->program ? u->program : "", program) == 0;
}

static struct use *
find(struct batch *batch, const struct card_key *key, const struct signing *what,
    const char *program)
{
	for (size_t i = 0; i < batch->n; i++) {
		if (is_kind(&batch->list[i], key, what, program))
			return &batch->list[i];
	}
	return NULL;
}

static struct use *
add(struct batch *batch, const struct card_key *key, const struct signing *what,
    const char *program, int64_t now_us)
{
	char *kept = program[0] ? strdup(program) : NULL;
	if (batch->n == KINDS_MAX || (program[0] && !kept)) {
		free(kept);
		return NULL;
	}
	struct use *u = &batch->list[batch->n++];
	*u = (struct use){
	    .program = kept, .mechanism = what->mechanism, .hash = what->hash, .first_us = now_us};
	(void)snprintf(u->serial, sizeof(u->serial), "%s", key->serial);
	return u;
}

void
uses_note(struct session *s, const struct card_key *key, const struct signing *what,
    const struct permit *permit)
{
	int64_t now_us = clock_monotonic_us();
	if (!s->uses)
		s->uses = calloc(1, sizeof(*s->uses));
	if (!s->uses || s->uses->deaf)
		return;
	struct batch *batch = &s->uses->gathered;
	struct use *u = find(batch, key, what, permit->program);
	if (!u)
		u = add(batch, key, what, permit->program, now_us);
	if (!u)
		return;
	u->signatures++;
	u->last_us = now_us;
	if (s->uses->due_us == 0)
		s->uses->due_us = now_us + GATHER_US;
}

bool
uses_are_due(const struct session *s, int64_t now_us, bool at_the_end)
{
	const struct uses *uses = s->uses;
	return uses && uses->due_us != 0 && (at_the_end || now_us >= uses->due_us);
}

/* ---- reporting ---- */

static bool
put_use(json_t *list, const struct use *u, int64_t now_us)
{
	return json_array_append_new(
		   list, json_pack("{s:s,s:s*,s:s,s:s,s:I,s:I,s:I}", "serial", u->serial, "program",
			     u->program, "mechanism", signing_mechanism_name(u->mechanism), "hash",
			     signing_hash_name(u->hash), "signatures", (json_int_t)u->signatures,
			     "first_ago_s", (json_int_t)((now_us - u->first_us) / 1000000),
			     "last_ago_s", (json_int_t)((now_us - u->last_us) / 1000000))) == 0;
}

/* What is to be sent, taken out of what is gathered unless an earlier one is on its way; NULL = nothing.  Under the lock. */
static json_t *
take_report(struct uses *uses)
{
	int64_t now_us = clock_monotonic_us();
	if (!uses->sent) {
		if (uses->gathered.n == 0 || !(uses->sent = malloc(sizeof(*uses->sent))))
			return NULL;
		*uses->sent = uses->gathered;
		uses->gathered.n = 0;
		uses->report++;
	}
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; i < uses->sent->n; i++) {
		if (!list || !put_use(list, &uses->sent->list[i], now_us))
			return NULL;
	}
	return json_pack("{s:I,s:O}", "report", (json_int_t)uses->report, "uses", list);
}

/* Not what is reported is refused, but nobody could be asked, or we were not believed: it may arrive yet. */
static bool
may_arrive(enum fas_code rc)
{
	return rc == FAS_E_UNAVAILABLE || rc == FAS_E_TIMEOUT || rc == FAS_E_LIMIT ||
	       rc == FAS_E_AUTH || rc == FAS_E_NOMEM || rc == FAS_E_IO;
}

static void
settle(struct uses *uses, enum fas_code rc)
{
	if (!may_arrive(rc)) {
		batch_free(uses->sent);
		uses->sent = NULL;
	}
	uses->deaf = uses->deaf || rc == FAS_E_NOTFOUND;
	if (uses->deaf)
		batch_empty(&uses->gathered);
	int64_t now_us = clock_monotonic_us();
	if (uses->sent)
		uses->due_us = now_us + RETRY_US;
	else
		uses->due_us = uses->gathered.n > 0 ? now_us + GATHER_US : 0;
}

bool
uses_report(const struct upstream *up, struct sessions *t, struct session *s)
{
	char path[URL_PATH_MAX];
	struct fas_err e = {0};
	OWN(api_answer) struct api_answer answer = {0};
	sessions_lock(t);
	OWN(json) json_t *body = s->uses ? take_report(s->uses) : NULL;
	sessions_unlock(t);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/uses", s->file.id);
	const struct upstream_ask ask = {.method = "POST",
	    .path = path,
	    .body = body,
	    .server = s->file.server,
	    .total_ms = REPORT_MS};
	enum fas_code rc = body ? up->call(up, &ask, &answer, &e) : FAS_E_NOMEM;
	if (rc != FAS_OK && body)
		log_error("uses_not_reported", &e, "session", s->file.id, NULL);
	sessions_lock(t);
	if (s->uses)
		settle(s->uses, rc);
	sessions_unlock(t);
	return rc == FAS_OK;
}

void
uses_report_rest(const struct upstream *up, struct sessions *t, struct session *s)
{
	for (int i = 0; i < REST_REPORTS; i++) {
		sessions_lock(t);
		bool left = uses_are_due(s, clock_monotonic_us(), true);
		sessions_unlock(t);
		if (!left || !uses_report(up, t, s))
			return;
	}
}
