#include "fas/sign_in.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "fas/act.h"
#include "fas/audit_trail.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/secret.h"
#include "fas/claim.h"
#include "fas/sign_in_store.h"

/* ---- what a server allows ---- */

enum fas_code
sign_in_target_find(const struct sign_in_server *server, const char *text,
    const struct sign_in_target **out, struct fas_err *e)
{
	bool any = !text || !text[0];
	for (size_t i = 0; i < server->n_targets; i++) {
		const struct sign_in_target *target = &server->targets[i];
		if (any || strcmp(target->name, text) == 0 || strcmp(target->url, text) == 0) {
			*out = target;
			return FAS_OK;
		}
	}
	return fas_fail(e, FAS_E_DENIED, "sign_in_target",
	    "SAML bindings 3.4.3: RelayState \"%.100s\" is no target of server %s", any ? "" : text,
	    server->name);
}

enum fas_code
sign_in_provider_check(const struct sign_in_server *server, const char *idp, struct fas_err *e)
{
	for (size_t i = 0; i < server->n_providers; i++) {
		if (strcmp(server->providers[i], idp) == 0)
			return FAS_OK;
	}
	return fas_fail(e, FAS_E_NOTFOUND, "sign_in_provider",
	    "provider \"%.64s\" is none of server %s", idp, server->name);
}

/* ---- the record ---- */

struct front_trail {
	struct trail trail;
	json_t *detail;
};

static void
front_trail_done(struct front_trail *t)
{
	json_decref(t->detail);
	t->detail = NULL;
}

DEFINE_OWN_IN_PLACE(front_trail, struct front_trail, front_trail_done);

static void
begin_record(struct front_trail *t, const char *event, const struct request *request,
    const struct sign_in_server *server, const struct sign_in_browser *browser)
{
	trail_begin(&t->trail, event, request);
	t->trail.record.caller = "browser";
	t->detail = json_pack("{s:s, s:s}", "server", server->name, "address", browser->address);
	t->trail.record.detail = t->detail;
}

static void
note(struct front_trail *t, const char *name, const char *value)
{
	if (t->detail && value && value[0])
		(void)json_object_set_new(t->detail, name, json_string(value));
}

/* A record that lacks what was to stand in it is none. */
static enum fas_code
check_record(const struct front_trail *t, struct fas_err *e)
{
	return t->detail ? FAS_OK : fas_fail_nomem(e);
}

/* ---- a question is sent ---- */

struct beginning {
	struct sign_in row;
	struct audit_record *record; /* NULL: there was no room for it */
};

static enum fas_code
insert_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct beginning *b = arg;
	enum fas_code rc = sign_in_insert(db, &b->row, e);
	return rc == FAS_OK && b->record ? audit_append(db, b->record, e) : rc;
}

static bool
state_is_good(const char *state)
{
	size_t len =
	    strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-");
	return !state[len] && len < SIGN_IN_STATE_MAX;
}

static enum fas_code
copy_name(char *out, size_t size, const char *text, struct fas_err *e)
{
	int n = snprintf(out, size, "%s", text);
	return n >= 0 && (size_t)n < size
		   ? FAS_OK
		   : fas_fail(e, FAS_E_INTERNAL, "internal", "\"%.32s\" is too long", text);
}

static enum fas_code
make_row(const struct sign_in_question *question, const struct request *request, int64_t now_s,
    struct sign_in *row, struct fas_err *e)
{
	*row = (struct sign_in){.force_authn = question->force_authn,
	    .asked_s = now_s,
	    .expires_s = now_s + SIGN_IN_LIFE_S};
	if (!state_is_good(question->state))
		return fas_fail(e, FAS_E_INPUT, "sign_in_state",
		    "RFC 3986 2.3: state wants at most %d unreserved characters",
		    SIGN_IN_STATE_MAX - 1);
	memcpy(row->correlation_id, request->correlation_id, sizeof(row->correlation_id));
	memcpy(row->browser, question->browser.hash, sizeof(row->browser));
	memcpy(row->state, question->state, strlen(question->state) + 1);
	enum fas_code rc =
	    copy_name(row->request_id, sizeof(row->request_id), question->request_id, e);
	if (rc == FAS_OK)
		rc = copy_name(row->server, sizeof(row->server), question->server->name, e);
	if (rc == FAS_OK)
		rc = copy_name(row->idp, sizeof(row->idp), question->idp, e);
	return rc == FAS_OK ? copy_name(row->target, sizeof(row->target), question->target->name, e)
			    : rc;
}

enum fas_code
sign_in_begin(struct service *service, struct request *request,
    const struct sign_in_question *question, struct fas_err *e)
{
	OWN(front_trail) struct front_trail t = {0};
	struct beginning b = {0};
	int64_t now_s = 0;
	begin_record(&t, "sign_in_begun", request, question->server, &question->browser);
	t.trail.record.idp = question->idp;
	t.trail.record.storefront = question->target->storefront;
	note(&t, "target", question->target->name);
	note(&t, "request", question->request_id);
	enum fas_code rc = check_record(&t, e);
	if (rc == FAS_OK)
		rc = sign_in_provider_check(question->server, question->idp, e);
	if (rc == FAS_OK)
		rc = clock_checked(service->clock_skew_s, &now_s, e);
	if (rc == FAS_OK)
		rc = make_row(question, request, now_s, &b.row, e);
	if (rc != FAS_OK)
		return trail_refuse_stranger(&t.trail, service, e);
	t.trail.record.outcome = "done";
	if (trail_admits_stranger(&t.trail, service))
		b.record = &t.trail.record;
	if ((rc = db_write(service->db, insert_and_record, &b, e)) != FAS_OK)
		return trail_refuse_stranger(&t.trail, service, e);
	audit_log(&t.trail.record);
	return FAS_OK;
}

/* ---- a response comes ---- */

void
sign_in_answer_done(struct sign_in_answer *answer)
{
	secret_wipe(answer->code, sizeof(answer->code));
	*answer = (struct sign_in_answer){0};
}

/* What one sign_in_finish works with. */
struct finish {
	struct service *service;
	struct request *request;
	const struct sign_in_response *response;
	int64_t now_s;
	bool asked; /* by us: row is the question */
	struct sign_in row;
	const struct sign_in_target *target;
	struct verified verified;
	struct account *account;
	struct front_trail t;
	struct code code;
};

static void
finish_done(struct finish *f)
{
	verified_done(&f->verified);
	if (f->account)
		account_free(f->account);
	front_trail_done(&f->t);
	code_done(&f->code);
}

DEFINE_OWN_IN_PLACE(finish, struct finish, finish_done);

static enum fas_code
find_row(struct db *db, void *arg, struct fas_err *e)
{
	struct finish *f = arg;
	return sign_in_find(db, f->response->relay_state, &f->row, e);
}

/*
 * Whose question is it?  A response that is brought by another browser than the one that was sent away would sign that
 * one in as somebody else.
 */
static enum fas_code
check_row(const struct finish *f, struct fas_err *e)
{
	const uint8_t *shown = f->response->browser.hash;
	if (strcmp(f->row.server, f->response->server->name) != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "sign_in_unknown",
		    "the sign-in belongs to server %s, not to %s", f->row.server,
		    f->response->server->name);
	if (!shown || CRYPTO_memcmp(shown, f->row.browser, BROWSER_HASH_BYTES) != 0)
		return fas_fail(e, FAS_E_AUTH, "sign_in_browser", "the browser %s",
		    shown ? "is not the one that was sent to the provider"
			  : "has sent no cookie with the response");
	if (f->row.used)
		return fas_fail(e, FAS_E_CONFLICT, "sign_in_used",
		    "SAML profiles 4.1.4.3: the request was answered before");
	if (f->now_s >= f->row.expires_s)
		return fas_fail(e, FAS_E_CONFLICT, "sign_in_expired",
		    "the request was good for %d s", SIGN_IN_LIFE_S);
	/* Asked under another configuration: what this one does not offer it does not take. */
	return sign_in_provider_check(f->response->server, f->row.idp, e);
}

/* The question that this answers, or nobody's; and where it leads. */
static enum fas_code
find_question(struct finish *f, struct fas_err *e)
{
	const char *relay = f->response->relay_state;
	f->asked = relay && correlation_id_is_valid(relay);
	if (!f->asked)
		return sign_in_target_find(f->response->server, relay, &f->target, e);
	enum fas_code rc = db_read(f->service->db, find_row, f, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(
	    f->request->correlation_id, f->row.correlation_id, sizeof(f->request->correlation_id));
	f->t.trail.record.idp = f->row.idp;
	note(&f->t, "request", f->row.request_id);
	rc = check_row(f, e);
	return rc == FAS_OK ? sign_in_target_find(f->response->server, f->row.target, &f->target, e)
			    : rc;
}

/*
 * The facts are those of a logon by way of the target's storefront.  The claim is nobody's who could come again: a browser
 * that sends the same form twice is told so.
 */
static enum fas_code
verify(struct finish *f, struct fas_err *e)
{
	const struct sign_in_server *server = f->response->server;
	const char *only[] = {f->row.idp};
	struct caller storefront = {.role = ROLE_STOREFRONT};
	const struct request as_storefront = {.caller = &storefront};
	const struct saml_expectation expected = {
	    .in_response_to = f->asked ? f->row.request_id : NULL,
	    .entity_id = server->entity_id,
	    .acs_url = server->acs_url,
	    .force_authn = f->asked && f->row.force_authn,
	    .asked_s = f->row.asked_s,
	    .providers = f->asked ? only : server->providers,
	    .n_providers = f->asked ? 1 : server->n_providers,
	};
	enum fas_code rc =
	    copy_name(storefront.name, sizeof(storefront.name), f->target->storefront, e);
	if (rc == FAS_OK)
		rc = verified_read(f->service, &as_storefront, f->response->saml_response,
		    &expected, f->now_s, &f->verified, e);
	if (rc == FAS_OK)
		(void)snprintf(f->verified.claimant, sizeof(f->verified.claimant), "browser:%s",
		    f->request->correlation_id);
	return rc;
}

static enum fas_code
find_account(struct finish *f, struct fas_err *e)
{
	struct judgement found = {0};
	struct facts *facts = &f->verified.facts;
	enum fas_code rc = facts_find_account(f->service, facts, f->now_s, NULL, &f->account, e);
	found.account = f->account;
	trail_judgement(&f->t.trail, &found);
	if (rc == FAS_OK)
		facts->account_sid = f->account->sid;
	return rc;
}

static enum fas_code
make_code(struct finish *f, struct sign_in_answer *out, struct fas_err *e)
{
	struct code *code = &f->code;
	code->created_s = f->now_s;
	code->expires_s = f->now_s + CODE_LIFE_S;
	memcpy(code->correlation_id, f->request->correlation_id, sizeof(code->correlation_id));
	const struct sign_in_browser *browser = &f->response->browser;
	const uint8_t *hash = browser->hash ? browser->hash : browser->fresh;
	if (hash)
		memcpy(code->browser, hash, sizeof(code->browser));
	code->facts = facts_format(&f->verified.facts);
	if (!code->facts)
		return fas_fail_nomem(e);
	out->target = f->target;
	memcpy(out->state, f->row.state, sizeof(out->state));
	enum fas_code rc =
	    copy_name(code->storefront, sizeof(code->storefront), f->target->storefront, e);
	return rc == FAS_OK ? ticket_new(f->service->node, out->code, code->hash, e) : rc;
}

/* Question, claim, code and record become durable together, or not at all. */
static enum fas_code
claim_and_record(struct db *db, void *arg, struct fas_err *e)
{
	struct finish *f = arg;
	char sid[SID_TEXT_MAX];
	const struct act_who who = {f->account->upn, sid_format(&f->account->sid, sid), "", "", ""};
	enum fas_code rc = act_check(db, &who, f->request->correlation_id, e);
	if (rc == FAS_OK && f->asked)
		rc = sign_in_use(db, f->row.id, e);
	if (rc == FAS_OK)
		rc = verified_check_logout(db, &f->verified, e);
	if (rc == FAS_OK)
		rc = claim_take(db, &f->verified.claim, &f->code.claim, e);
	if (rc == FAS_OK)
		rc = code_insert(db, &f->code, e);
	return rc == FAS_OK ? audit_append(db, &f->t.trail.record, e) : rc;
}

static enum fas_code
record(struct finish *f, struct fas_err *e)
{
	struct audit_record *r = &f->t.trail.record;
	r->outcome = "allow";
	enum fas_code rc = db_write(f->service->db, claim_and_record, f, e);
	if (rc == FAS_OK)
		audit_log(r);
	return rc;
}

enum fas_code
sign_in_finish(struct service *service, struct request *request,
    const struct sign_in_response *response, struct sign_in_answer *out, struct fas_err *e)
{
	OWN(finish)
	struct finish f = {.service = service, .request = request, .response = response};
	*out = (struct sign_in_answer){0};
	begin_record(&f.t, "sign_in_decided", request, response->server, &response->browser);

	enum fas_code rc = check_record(&f.t, e);
	if (rc == FAS_OK)
		rc = clock_checked(service->clock_skew_s, &f.now_s, e);
	if (rc == FAS_OK)
		rc = service_check_issuing(service, e);
	if (rc == FAS_OK)
		rc = find_question(&f, e);
	if (rc == FAS_OK)
		note(&f.t, "target", f.target->name);
	if (rc == FAS_OK)
		rc = verify(&f, e);
	if (rc == FAS_OK)
		trail_facts(&f.t.trail, &f.verified.facts);
	if (rc == FAS_OK)
		rc = find_account(&f, e);
	if (rc == FAS_OK)
		rc = make_code(&f, out, e);
	if (rc == FAS_OK)
		rc = record(&f, e);
	if (rc == FAS_OK)
		return FAS_OK;
	sign_in_answer_done(out);
	/* What a provider has signed is on record in any case. */
	return f.verified.assertion ? trail_refuse(&f.t.trail, service, e)
				    : trail_refuse_stranger(&f.t.trail, service, e);
}
