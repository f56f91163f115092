#include "fas/agent/in_session.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/logon_answer.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"

#define URL_PATH_MAX 160
#define FETCH_MS 8000 /* within what a program waits for its first look */
#define RETRY_US (15LL * 1000000)
#define PEM_TEXT_MAX 65536

/* One request for a certificate. */
struct fetch {
	struct daemon *d;
	struct session *s;
	EVP_PKEY *key; /* NULL: the service's */
	struct api_answer answer;
	struct session_rule rule;
	struct card_key *made;
};

static void
fetch_done(struct fetch *f)
{
	EVP_PKEY_free(f->key);
	api_answer_done(&f->answer);
	rule_done(&f->rule);
	card_key_unref(f->made);
}

DEFINE_OWN_IN_PLACE(fetch, struct fetch, fetch_done);

/* The rule's kind; one of the common kind may be there already. */
static enum fas_code
make_key(struct fetch *f, const char *type, struct fas_err *e)
{
	if (strcmp(type, "rsa-2048") == 0)
		return spare_take(&f->d->spare, &f->key, e);
	return key_new_of_type(type, &f->key, e);
}

static enum fas_code
post(struct fetch *f, struct fas_err *e)
{
	char path[URL_PATH_MAX], id[CORRELATION_ID_MAX];
	OWN(text) char *csr = NULL;
	if (f->key && key_request(f->key, &csr, e) != FAS_OK)
		return e->code;
	correlation_id_new(id);
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/certificates", f->s->file.id);
	OWN(json) json_t *body = json_pack("{s:s,s:s*}", "request_id", id, "csr", csr);
	if (!body)
		return fas_fail_nomem(e);
	const struct upstream_ask ask = {.method = "POST",
	    .path = path,
	    .body = body,
	    .server = f->s->file.server,
	    .total_ms = FETCH_MS,
	    .once = true};
	return f->d->up.call(&f->d->up, &ask, &f->answer, e);
}

static enum fas_code
read_answer(struct fetch *f, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	if (json_open_object(&r, f->answer.body, e) != FAS_OK)
		return e->code;
	const struct card_key_parts parts = {
	    .purpose = CARD_PURPOSE_IN_SESSION,
	    .key = f->key,
	    .certificate_pem = json_need_lines(&r, "certificate", 1, PEM_TEXT_MAX),
	    .chain_pem = json_need_lines(&r, "chain", 1, PEM_TEXT_MAX),
	    .name = answer_want_key(&r),
	};
	(void)json_need_text(&r, "serial", 1, 40);
	(void)answer_need_time(&r, "not_before");
	(void)answer_need_time(&r, "not_after");
	(void)json_want_text(&r, "correlation_id", 1, CORRELATION_ID_MAX - 1);
	json_t *rule = answer_want_any(&r, "in_session");
	if (json_finish(&r) != FAS_OK || rule_read(rule, &f->rule, e) != FAS_OK)
		return e->code;
	struct card_key_parts fitting = parts;
	if (parts.name)
		fitting.key = NULL; /* the service took one of its own */
	return card_key_new(&fitting, &f->made, e);
}

/* The rule may have gone over to the other custody since the last answer: then the service asks for our key. */
static enum fas_code
ask(struct fetch *f, enum rule_custody custody, const char *type, struct fas_err *e)
{
	struct fas_err why = {0};
	if (custody == RULE_CUSTODY_HOST && make_key(f, type, e) != FAS_OK)
		return e->code;
	enum fas_code rc = post(f, &why);
	if (rc != FAS_OK && !f->key && strcmp(why.reason, "csr_required") == 0) {
		fas_err_clear(&why);
		if (make_key(f, type, e) != FAS_OK)
			return e->code;
		rc = post(f, &why);
	}
	return rc == FAS_OK ? read_answer(f, e) : fas_fail(e, rc, why.reason, "%s", why.message);
}

static enum fas_code
fetch(struct daemon *d, struct session *s, struct fas_err *e)
{
	char type[RULE_KEY_TYPE_MAX];
	OWN(fetch) struct fetch f = {.d = d, .s = s};
	sessions_lock(&d->sessions);
	enum rule_custody custody = s->rule.custody;
	memcpy(type, s->rule.key_type, sizeof(type));
	sessions_unlock(&d->sessions);
	if (ask(&f, custody, type, e) != FAS_OK)
		return e->code;
	log_event(LOG_LEVEL_INFO, "certificate_fetched", "correlation_id", s->file.correlation_id,
	    "session", s->file.id, "user", s->user.name, "serial", f.made->serial, "custody",
	    f.made->key ? "host" : "service", NULL);
	session_set_key(&d->sessions, s, TAKE(f.made));
	if (f.rule.allowed)
		session_set_rule(&d->sessions, s, &f.rule);
	return FAS_OK;
}

enum fas_code
in_session_fetch(struct daemon *d, struct session *s, struct fas_err *e)
{
	if (!session_begin_fetch(&d->sessions, s))
		return FAS_OK;
	enum fas_code rc = fetch(d, s, e);
	if (rc != FAS_OK)
		log_error("certificate_not_fetched", e, "correlation_id", s->file.correlation_id,
		    "session", s->file.id, "user", s->user.name, NULL);
	session_end_fetch(&d->sessions, s, rc == FAS_OK, clock_monotonic_us() + RETRY_US);
	return rc;
}

void
in_session_first_look(struct daemon *d, struct session *s)
{
	struct fas_err ignored = {0};
	sessions_lock(&d->sessions);
	bool there = s->in_session && card_key_is_valid(s->in_session, clock_now());
	bool wanted = s->state == SESSION_OPEN && s->rule.allowed && !there &&
		      clock_monotonic_us() >= s->fetch_after_us;
	sessions_unlock(&d->sessions);
	if (wanted)
		(void)!in_session_fetch(d, s, &ignored);
}

bool
in_session_is_due(const struct session *s, int64_t now_s, int64_t now_us)
{
	const struct card_key *k = s->in_session;
	if (s->state != SESSION_OPEN || !s->rule.allowed || s->fetching ||
	    now_us < s->fetch_after_us)
		return false;
	if (!k)
		return s->rule.fetch == RULE_FETCH_LOGON;
	return now_s >= k->not_before_s + (k->not_after_s - k->not_before_s) * 2 / 3;
}

void
in_session_lost(struct daemon *d, struct session *s, const struct card_key *key)
{
	struct card_key *old = NULL;
	sessions_lock(&d->sessions);
	if (s->in_session == key)
		old = TAKE(s->in_session);
	else if (s->logon == key)
		old = TAKE(s->logon);
	if (old)
		session_touch(&d->sessions, s);
	sessions_unlock(&d->sessions);
	card_key_unref(old);
}
