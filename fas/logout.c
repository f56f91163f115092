#include "fas/logout.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/logout_store.h"
#include "fas/revoke.h"

/* As long as a ticket, a redemption or an assertion can be on its way (claim.c), and a margin. */
#define MEMORY_S 7200
#define SENT_LIFE_S 300 /* as long as our LogoutRequest is good */
#define UNTIL_MAX 24

void
logout_outcome_done(struct logout_outcome *outcome)
{
	saml_message_free(outcome->send);
	free(outcome->idp);
	*outcome = (struct logout_outcome){0};
}

/* What one call works with. */
struct work {
	struct service *service;
	struct request *request;
	const struct logout_place *place;
	int64_t now_s;
	struct trail trail;
	char caller[CALLER_TEXT_MAX];
	json_t *detail;
	char until[UNTIL_MAX];
	char *indexes; /* JSON */
	struct logout_row row;
	struct logout_ended ended;
	bool first;
	const char *why;
	struct facts facts; /* of a browser's last sign-in; idp NULL = it has none */
	struct logout_sent sent;
};

static void
work_done(struct work *w)
{
	json_decref(w->detail);
	free(w->indexes);
	facts_done(&w->facts);
}

DEFINE_OWN_IN_PLACE(work, struct work, work_done);

static enum fas_code
begin(struct work *w, const char *address, struct fas_err *e)
{
	trail_begin(&w->trail, "logout_refused", w->request);
	w->trail.record.caller = "browser";
	w->detail = json_object();
	w->trail.record.detail = w->detail;
	if (address)
		(void)json_object_set_new(w->detail, "address", json_string(address));
	if (w->place)
		(void)json_object_set_new(w->detail, "server", json_string(w->place->server->name));
	enum fas_code rc = w->detail ? FAS_OK : fas_fail_nomem(e);
	return rc == FAS_OK ? clock_checked(w->service->clock_skew_s, &w->now_s, e) : rc;
}

/*
 * Ids begin with 48 bits of milliseconds, in hex: whatever was drawn before is below.  Within the transaction: what another one
 * has begun is either on record here, or comes later and finds this one.
 */
static void
note_moment(struct work *w)
{
	char id[CORRELATION_ID_MAX];
	correlation_id_new(id);
	(void)snprintf(w->until, sizeof(w->until), "%.12sg", id);
	w->row.until = w->until;
	w->row.now_s = w->now_s;
}

static void
count(struct work *w)
{
	(void)json_object_set_new(
	    w->detail, "sessions", json_integer((json_int_t)w->ended.sessions));
	(void)json_object_set_new(w->detail, "tickets", json_integer((json_int_t)w->ended.tickets));
	(void)json_object_set_new(w->detail, "codes", json_integer((json_int_t)w->ended.codes));
	if (!w->first)
		(void)json_object_set_new(w->detail, "repeated", json_true());
}

/* The claim of the message, what ends, and the records: durable together. */
static enum fas_code
end_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	struct audit_record one = {.event = "session_ended",
	    .outcome = "done",
	    .reason = "signed_out",
	    .caller = w->trail.record.caller,
	    .idp = w->row.idp,
	    .message = w->why};
	note_moment(w);
	enum fas_code rc = logout_insert(db, &w->row, &w->first, e);
	if (rc == FAS_OK && w->first)
		rc = logout_end(db, &w->row, w->why, &one, &w->ended, e);
	if (rc != FAS_OK)
		return rc;
	count(w);
	return audit_append(db, &w->trail.record, e);
}

/* What is owed to the signer is owed durably: that it is away now keeps no session alive (revoke.h). */
static enum fas_code
end_all(struct work *w, struct fas_err *e)
{
	struct audit_record *r = &w->trail.record;
	r->event = "logout";
	r->outcome = "done";
	r->message = w->why;
	enum fas_code rc = db_write(w->service->db, end_and_record, w, e);
	if (rc != FAS_OK) {
		r->event = "logout_refused";
		return rc;
	}
	audit_log(r);
	if (w->ended.owed)
		revoke_owed(w->service);
	return FAS_OK;
}

/* ---- a provider's request ---- */

/* JSON of the indexes that it names; *out stays NULL when it names none. */
static enum fas_code
format_indexes(const struct saml_logout *message, char **out, struct fas_err *e)
{
	if (message->n_session_index == 0)
		return FAS_OK;
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; list && i < message->n_session_index; i++) {
		if (json_array_append_new(list, json_string(message->session_index[i])) != 0)
			return fas_fail_nomem(e);
	}
	*out = list ? json_text(list, JSON_COMPACT) : NULL;
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
apply(struct work *w, const struct saml_logout *message, struct fas_err *e)
{
	int64_t memory_s = w->now_s + MEMORY_S;
	w->why = "the provider has signed the person out";
	w->trail.record.idp = message->idp;
	(void)snprintf(w->caller, sizeof(w->caller), "provider:%s", message->idp);
	w->trail.record.caller = w->caller;
	(void)json_object_set_new(w->detail, "request", json_string(message->id));
	(void)json_object_set_new(w->detail, "name_id", json_string(message->name_id));
	w->row = (struct logout_row){
	    .idp = message->idp,
	    .message = message->id,
	    .name_id = message->name_id,
	    .name_id_format = message->name_id_format,
	    .issued_s = message->issued_s,
	    .expires_s = message->expires_s > memory_s ? message->expires_s : memory_s,
	};
	enum fas_code rc = format_indexes(message, &w->indexes, e);
	w->row.session_indexes = w->indexes;
	return rc == FAS_OK ? end_all(w, e) : rc;
}

enum fas_code
logout_apply(struct service *service, struct request *request, const struct saml_logout *message,
    size_t *sessions, bool *repeated, struct fas_err *e)
{
	OWN(work) struct work w = {.service = service, .request = request};
	enum fas_code rc = begin(&w, NULL, e);
	if (rc == FAS_OK)
		rc = apply(&w, message, e);
	*sessions = w.ended.sessions;
	*repeated = rc == FAS_OK && !w.first;
	return rc == FAS_OK ? FAS_OK : trail_refuse(&w.trail, service, e);
}

/* ---- the messages that the browser carries ---- */

static struct saml_server
as_saml_server(const struct logout_place *place)
{
	return (struct saml_server){
	    .entity_id = place->server->entity_id,
	    .acs_url = place->server->acs_url,
	    .slo_url = place->slo_url,
	};
}

static enum fas_code
verify(struct work *w, const struct logout_message *m, struct saml_logout **out, struct fas_err *e)
{
	const struct saml_server server = as_saml_server(w->place);
	const struct saml_trust *trust = service_trust_hold(w->service);
	const struct saml_sp *sp = w->service->sp;
	enum fas_code rc =
	    m->query ? saml_logout_read_query(sp, trust, &server, m->query, w->now_s, out, e)
		     : saml_logout_read_form(sp, trust, &server, m->is_response, m->value,
			   m->relay_state, w->now_s, out, e);
	service_trust_release(w->service);
	if (rc == FAS_OK)
		rc = sign_in_provider_check(w->place->server, (*out)->idp, e);
	return rc;
}

/* The sessions have ended: that the provider cannot be told, or asked, changes nothing of it. */
static void
note_unsent(const struct work *w, const char *event, const struct fas_err *why)
{
	log_error(
	    event, why, "idp", w->row.idp, "correlation_id", w->request->correlation_id, NULL);
}

/* It is sent by the browser, with the provider's name for the page that does so. */
static void
send_on(struct work *w, struct saml_message **message, const char *idp, struct logout_outcome *out)
{
	struct fas_err e = {0};
	out->idp = strdup(idp);
	if (out->idp) {
		out->send = TAKE(*message);
		return;
	}
	(void)fas_fail_nomem(&e);
	note_unsent(w, "logout_not_sent", &e);
}

static void
make_answer(struct work *w, const struct saml_logout *message, struct logout_outcome *out)
{
	struct fas_err e = {0};
	OWN(saml_message) struct saml_message *answer = NULL;
	const struct saml_server server = as_saml_server(w->place);
	const struct saml_trust *trust = service_trust_hold(w->service);
	enum fas_code rc = saml_logout_response(w->service->sp, trust, message->idp, &server,
	    message->id, SAML_LOGOUT_SUCCESS, message->relay_state, w->now_s, &answer, &e);
	service_trust_release(w->service);
	if (rc == FAS_OK)
		send_on(w, &answer, message->idp, out);
	else
		note_unsent(w, "logout_not_answered", &e);
}

/* ---- a provider's response ---- */

struct answering {
	struct work *work;
	const struct saml_logout *message;
};

static enum fas_code
find_sent(struct db *db, void *arg, struct fas_err *e)
{
	struct answering *a = arg;
	return logout_sent_find(db, a->message->in_response_to, &a->work->sent, e);
}

static enum fas_code
check_sent(const struct work *w, const struct saml_logout *message,
    const struct sign_in_browser *browser, struct fas_err *e)
{
	const struct logout_sent *sent = &w->sent;
	if (strcmp(sent->server, w->place->server->name) != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "logout_unknown",
		    "the LogoutRequest was sent by server %s", sent->server);
	if (strcmp(sent->idp, message->idp) != 0)
		return fas_fail(e, FAS_E_AUTH, "logout_provider",
		    "SAML profiles 4.4.4.2: provider %s was asked, and %s answers", sent->idp,
		    message->idp);
	if (!browser->hash || CRYPTO_memcmp(browser->hash, sent->browser, BROWSER_HASH_BYTES) != 0)
		return fas_fail(e, FAS_E_AUTH, "logout_browser",
		    "the browser is not the one that wanted to sign out");
	if (sent->answered)
		return fas_fail(
		    e, FAS_E_CONFLICT, "logout_answered", "the LogoutRequest was answered before");
	if (w->now_s >= sent->expires_s)
		return fas_fail(e, FAS_E_CONFLICT, "logout_expired",
		    "the LogoutRequest was good for %d s", SENT_LIFE_S);
	return FAS_OK;
}

static enum fas_code
answer_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	enum fas_code rc = logout_sent_answer(db, w->sent.id, e);
	return rc == FAS_OK ? audit_append(db, &w->trail.record, e) : rc;
}

static enum fas_code
take_response(struct work *w, const struct saml_logout *message,
    const struct sign_in_browser *browser, struct fas_err *e)
{
	static const char *const words[] = {[SAML_LOGOUT_FAILED] = "failed",
	    [SAML_LOGOUT_SUCCESS] = "success",
	    [SAML_LOGOUT_PARTIAL] = "partial"};
	struct answering a = {w, message};
	struct audit_record *r = &w->trail.record;
	r->idp = message->idp;
	enum fas_code rc = db_read(w->service->db, find_sent, &a, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(
	    w->request->correlation_id, w->sent.correlation_id, sizeof(w->request->correlation_id));
	(void)json_object_set_new(w->detail, "status", json_string(words[message->status]));
	if ((rc = check_sent(w, message, browser, e)) != FAS_OK)
		return rc;
	r->event = "logout_answered";
	r->outcome = "done";
	rc = db_write(w->service->db, answer_and_record, w, e);
	if (rc == FAS_OK)
		audit_log(r);
	else
		r->event = "logout_refused";
	return rc;
}

enum fas_code
logout_receive(struct service *service, struct request *request,
    const struct logout_message *message, struct logout_outcome *out, struct fas_err *e)
{
	OWN(saml_logout) struct saml_logout *read = NULL;
	OWN(work)
	struct work w = {.service = service, .request = request, .place = &message->place};
	*out = (struct logout_outcome){0};
	enum fas_code rc = begin(&w, message->browser.address, e);
	if (rc == FAS_OK)
		rc = verify(&w, message, &read, e);
	if (rc == FAS_OK && read->is_response)
		rc = take_response(&w, read, &message->browser, e);
	else if (rc == FAS_OK)
		rc = apply(&w, read, e);
	if (rc != FAS_OK)
		return read ? trail_refuse(&w.trail, service, e)
			    : trail_refuse_stranger(&w.trail, service, e);
	out->was_response = read->is_response;
	out->status = read->status;
	out->sessions = w.ended.sessions;
	if (!read->is_response)
		make_answer(&w, read, out);
	return FAS_OK;
}

/* ---- a browser's own wish ---- */

struct looking {
	struct work *work;
	const uint8_t *browser;
	char *facts;
};

static enum fas_code
find_facts(struct db *db, void *arg, struct fas_err *e)
{
	struct looking *l = arg;
	free(l->facts);
	return logout_find_browser(db, l->browser, &l->facts, e);
}

static enum fas_code
look_up(struct work *w, const struct sign_in_browser *browser, struct fas_err *e)
{
	struct looking l = {.work = w, .browser = browser->hash};
	enum fas_code rc = db_read(w->service->db, find_facts, &l, e);
	if (rc == FAS_OK && l.facts)
		rc = facts_parse(l.facts, &w->facts, e);
	free(l.facts);
	return rc;
}

static enum fas_code
insert_sent(struct db *db, void *arg, struct fas_err *e)
{
	struct work *w = arg;
	return logout_sent_insert(db, &w->sent, e);
}

static enum fas_code
remember_sent(
    struct work *w, const struct saml_message *message, const uint8_t *browser, struct fas_err *e)
{
	struct logout_sent *s = &w->sent;
	*s = (struct logout_sent){.expires_s = w->now_s + SENT_LIFE_S};
	memcpy(s->correlation_id, w->request->correlation_id, sizeof(s->correlation_id));
	memcpy(s->browser, browser, sizeof(s->browser));
	(void)snprintf(s->request_id, sizeof(s->request_id), "%s", message->id);
	(void)snprintf(s->server, sizeof(s->server), "%s", w->place->server->name);
	(void)snprintf(s->idp, sizeof(s->idp), "%s", w->facts.idp);
	return db_write(w->service->db, insert_sent, w, e);
}

static enum fas_code
make_request(struct work *w, struct saml_message **out, struct fas_err *e)
{
	const struct facts *f = &w->facts;
	const struct saml_server server = as_saml_server(w->place);
	const struct saml_logout_subject subject = {
	    .name_id = f->name_id,
	    .name_id_format = f->name_id_format,
	    .name_qualifier = f->name_qualifier,
	    .sp_name_qualifier = f->sp_name_qualifier,
	    .session_index = f->session_index,
	};
	const struct saml_trust *trust = service_trust_hold(w->service);
	enum fas_code rc = saml_logout_request(w->service->sp, trust, f->idp, &server, &subject,
	    w->request->correlation_id, w->now_s, out, e);
	service_trust_release(w->service);
	return rc;
}

/* Our own have ended; the provider is asked where it can be. */
static void
ask_provider(struct work *w, const uint8_t *browser, struct logout_outcome *out)
{
	struct fas_err e = {0};
	OWN(saml_message) struct saml_message *message = NULL;
	if (!w->facts.name_id)
		return;
	enum fas_code rc = make_request(w, &message, &e);
	if (rc == FAS_OK)
		rc = remember_sent(w, message, browser, &e);
	if (rc == FAS_OK)
		send_on(w, &message, w->facts.idp, out);
	else
		note_unsent(w, "logout_not_asked", &e);
}

enum fas_code
logout_begin(struct service *service, struct request *request, const struct logout_place *place,
    const struct sign_in_browser *browser, struct logout_outcome *out, struct fas_err *e)
{
	OWN(work)
	struct work w = {.service = service,
	    .request = request,
	    .place = place,
	    .why = "the person has signed out"};
	*out = (struct logout_outcome){0};
	enum fas_code rc = begin(&w, browser->address, e);
	if (rc == FAS_OK && browser->hash)
		rc = look_up(&w, browser, e);
	if (rc == FAS_OK && w.facts.idp) {
		w.trail.record.idp = w.facts.idp;
		w.row = (struct logout_row){.idp = w.facts.idp,
		    .message = request->correlation_id,
		    .browser = browser->hash,
		    .expires_s = w.now_s + MEMORY_S};
		rc = end_all(&w, e);
	}
	if (rc != FAS_OK)
		return w.facts.idp ? trail_refuse(&w.trail, service, e)
				   : trail_refuse_stranger(&w.trail, service, e);
	out->sessions = w.ended.sessions;
	if (browser->hash && w.facts.idp)
		ask_provider(&w, browser->hash, out);
	return FAS_OK;
}
