#include "fas/agent/permit.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/consent.h"
#include "fas/agent/programs.h"
#include "fas/base/clock.h"

#define REFUSED_FOR_US (30LL * 1000000) /* a person who said no is not asked again at once */
#define ASK_S 60                        /* how long a question stands */

void
permit_done(struct permit *permit)
{
	*permit = (struct permit){0};
}

/* A copy of what is looked at outside of the lock.  *pending: no login has opened the session yet. */
static enum fas_code
copy_rule(struct sessions *t, struct session *s, struct session_rule *out, bool *pending,
    struct fas_err *e)
{
	bool whole = true;
	sessions_lock(t);
	*pending = s->state == SESSION_PENDING;
	*out = s->rule;
	out->n_programs = 0;
	out->programs = calloc(s->rule.n_programs + 1, sizeof(out->programs[0]));
	for (size_t i = 0; out->programs && i < s->rule.n_programs && whole; i++) {
		out->programs[i] = strdup(s->rule.programs[i]);
		whole = out->programs[i] != NULL;
		out->n_programs += whole;
	}
	whole = whole && out->programs;
	sessions_unlock(t);
	return whole ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
permit_look(struct call *call, struct session *s, struct sight *out, struct fas_err *e)
{
	OWN(rule) struct session_rule rule = {0};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	struct fas_err why = {0};
	bool pending = false;
	*out = (struct sight){0};
	if (copy_rule(&call->d->sessions, s, &rule, &pending, e) != FAS_OK ||
	    peer_see(&call->peer, &look, e) != FAS_OK)
		return e->code;
	out->in_session = rule.allowed && program_check(&rule, &look, &why) == FAS_OK;
	out->logon = out->in_session || !rule.allowed || pending;
	return FAS_OK;
}

/* ---- rate ---- */

static enum fas_code
spend(struct sessions *t, struct session *s, struct fas_err *e)
{
	int64_t now_us = clock_monotonic_us();
	sessions_lock(t);
	int64_t count = s->rule.rate_count;
	if (now_us - s->rate_since_us >= s->rule.rate_period_s * 1000000) {
		s->rate_since_us = now_us;
		s->rate_used = 0;
	}
	bool over = count > 0 && s->rate_used >= count;
	s->rate_used += !over;
	sessions_unlock(t);
	return over ? fas_fail(e, FAS_E_LIMIT, "rate_exceeded",
			  "the rule allows %lld signatures in its period", (long long)count)
		    : FAS_OK;
}

/* ---- consent; what touches the list is under the lock ---- */

/* What is no longer good makes room. */
static void
forget_old(struct session *s)
{
	int64_t now_us = clock_monotonic_us();
	for (size_t i = 0; i < s->n_consents;) {
		struct consent *c = &s->consents[i];
		if (c->state == CONSENT_ASKING || now_us < c->until_us) {
			i++;
			continue;
		}
		free(c->program);
		*c = s->consents[--s->n_consents];
	}
}

/* Still good, or being asked. */
static struct consent *
find_consent(struct session *s, const char *program)
{
	forget_old(s);
	for (size_t i = 0; i < s->n_consents; i++) {
		if (strcmp(s->consents[i].program, program) == 0)
			return &s->consents[i];
	}
	return NULL;
}

/* A place for a question; NULL: as many as there may be are open or answered. */
static struct consent *
add_consent(struct session *s, const char *program)
{
	char *copy = s->n_consents < CONSENTS_MAX ? strdup(program) : NULL;
	if (!copy)
		return NULL;
	struct consent *c = &s->consents[s->n_consents++];
	*c = (struct consent){.program = copy, .state = CONSENT_ASKING};
	return c;
}

static void
settle_consent(struct sessions *t, struct session *s, const char *program, bool given)
{
	sessions_lock(t);
	struct consent *c = find_consent(s, program);
	if (c) {
		int64_t good_us = s->rule.consent_timeout_s * 1000000;
		c->state = given ? CONSENT_GIVEN : CONSENT_REFUSED;
		c->until_us = clock_monotonic_us() + (given ? good_us : REFUSED_FOR_US);
	}
	(void)pthread_cond_broadcast(&t->settled);
	sessions_unlock(t);
}

enum answer { ANSWER_GIVEN, ANSWER_REFUSED, ANSWER_ASK, ANSWER_WAITS, ANSWER_FULL };

/* may_ask: the question is this thread's from here on; where another thread asks it already, its answer is waited for. */
static enum answer
look_up(struct sessions *t, struct session *s, const char *program, bool may_ask)
{
	enum answer answer = ANSWER_WAITS;
	sessions_lock(t);
	struct consent *c = find_consent(s, program);
	while (may_ask && c && c->state == CONSENT_ASKING) {
		(void)pthread_cond_wait(&t->settled, &t->lock);
		c = find_consent(s, program);
	}
	if (c && c->state == CONSENT_GIVEN)
		answer = ANSWER_GIVEN;
	else if (c && c->state == CONSENT_REFUSED)
		answer = ANSWER_REFUSED;
	else if (may_ask)
		answer = add_consent(s, program) ? ANSWER_ASK : ANSWER_FULL;
	sessions_unlock(t);
	return answer;
}

static enum fas_code
ask(struct call *call, struct session *s, const char *program, const char *key, struct fas_err *e)
{
	const struct consent_question question = {.pinentry = call->d->config.pinentry,
	    .program = program,
	    .card = s->label,
	    .scope = key[0] ? "this program" : "every program of this session",
	    .pid = call->peer.pid,
	    .timeout_s = ASK_S};
	enum fas_code rc = consent_ask(&s->user, &question, e);
	settle_consent(&call->d->sessions, s, key, rc == FAS_OK);
	return rc;
}

static enum fas_code
check_consent(struct call *call, struct session *s, enum rule_consent scope, const char *program,
    struct fas_err *e)
{
	const char *key = scope == RULE_CONSENT_SESSION ? "" : program;
	if (scope == RULE_CONSENT_NONE)
		return FAS_OK;
	switch (look_up(&call->d->sessions, s, key, call->may_ask)) {
	case ANSWER_GIVEN:
		return FAS_OK;
	case ANSWER_REFUSED:
		return fas_fail(
		    e, FAS_E_DENIED, "no_consent", "the person has said no a moment ago");
	case ANSWER_FULL:
		return fas_fail(e, FAS_E_LIMIT, "busy", "too many programs have asked for consent");
	case ANSWER_ASK:
		return ask(call, s, program, key, e);
	case ANSWER_WAITS:
		break;
	}
	call->wants_person = true;
	return fas_fail(e, FAS_E_CONFLICT, "person_needed", "a person has to be asked");
}

enum fas_code
permit_sign(struct call *call, struct session *s, const struct card_key *key,
    enum card_mechanism mechanism, struct permit *out, struct fas_err *e)
{
	OWN(rule) struct session_rule rule = {0};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	bool pending = false;
	if (copy_rule(&call->d->sessions, s, &rule, &pending, e) != FAS_OK ||
	    peer_see(&call->peer, &look, e) != FAS_OK)
		return e->code;
	(void)snprintf(out->program, sizeof(out->program), "%s", look.path);
	uint32_t allowed = card_key_mechanisms(key);
	bool own = key->purpose == CARD_PURPOSE_IN_SESSION;
	if (own)
		allowed &= rule.allowed ? rule.mechanisms : 0;
	if (!(allowed & 1U << mechanism))
		return fas_fail(e, FAS_E_CONFLICT, "mechanism_refused",
		    "this key does not sign by that mechanism");
	if (!own && (!rule.allowed || pending))
		return FAS_OK;
	if (program_check(&rule, &look, e) != FAS_OK ||
	    check_consent(call, s, rule.consent, out->program, e) != FAS_OK)
		return e->code;
	return spend(&call->d->sessions, s, e);
}
