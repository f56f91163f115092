#include "fas/agent/permit.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/consent.h"
#include "fas/agent/programs.h"
#include "fas/base/clock.h"

#define REFUSED_FOR_US (30LL * 1000000) /* a person who said no is not asked again at once */

void
permit_done(struct permit *permit)
{
	*permit = (struct permit){0};
}

/* A copy of what is looked at outside of the lock. */
static enum fas_code
copy_programs(struct sessions *t, struct session *s, struct session_rule *out, struct fas_err *e)
{
	bool whole = true;
	sessions_lock(t);
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
permit_look(struct call *call, struct session *s, bool *listed, struct fas_err *e)
{
	OWN(rule) struct session_rule rule = {0};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	struct fas_err why = {0};
	*listed = false;
	if (copy_programs(&call->d->sessions, s, &rule, e) != FAS_OK ||
	    peer_see(&call->peer, &look, e) != FAS_OK)
		return e->code;
	*listed = rule.allowed && program_check(&rule, &look, &why) == FAS_OK;
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

/* ---- consent ---- */

/* Under the lock. */
static bool
has_consent(const struct session *s, const char *program)
{
	if (s->rule.consent == RULE_CONSENT_NONE)
		return true;
	if (s->rule.consent == RULE_CONSENT_SESSION)
		return s->consented;
	for (size_t i = 0; i < s->n_consents; i++) {
		if (strcmp(s->consents[i], program) == 0)
			return true;
	}
	return false;
}

/* Under the lock; the oldest makes room. */
static void
remember_consent(struct session *s, const char *program)
{
	if (s->rule.consent == RULE_CONSENT_SESSION) {
		s->consented = true;
		return;
	}
	char *copy = strdup(program);
	if (!copy)
		return;
	if (s->n_consents == CONSENTS_MAX) {
		free(s->consents[0]);
		memmove(
		    &s->consents[0], &s->consents[1], (CONSENTS_MAX - 1) * sizeof(s->consents[0]));
		s->n_consents--;
	}
	s->consents[s->n_consents++] = copy;
}

static enum fas_code
ask(struct call *call, struct session *s, const char *program, struct fas_err *e)
{
	struct sessions *t = &call->d->sessions;
	sessions_lock(t);
	bool whole_session = s->rule.consent == RULE_CONSENT_SESSION;
	const struct consent_question question = {.pinentry = call->d->config.pinentry,
	    .program = program,
	    .card = s->label,
	    .scope = whole_session ? "every program, until this session ends"
				   : "this program, until this session ends",
	    .pid = call->peer.pid,
	    .timeout_s = s->rule.consent_timeout_s};
	sessions_unlock(t);
	enum fas_code rc = consent_ask(&s->user, &question, e);
	sessions_lock(t);
	if (rc == FAS_OK)
		remember_consent(s, program);
	else
		s->consent_refused_us = clock_monotonic_us();
	sessions_unlock(t);
	return rc;
}

static enum fas_code
check_consent(struct call *call, struct session *s, const char *program, struct fas_err *e)
{
	struct sessions *t = &call->d->sessions;
	sessions_lock(t);
	bool given = has_consent(s, program);
	bool refused = s->consent_refused_us != 0 &&
		       clock_monotonic_us() - s->consent_refused_us < REFUSED_FOR_US;
	sessions_unlock(t);
	if (given)
		return FAS_OK;
	if (refused)
		return fas_fail(
		    e, FAS_E_DENIED, "no_consent", "the person has said no a moment ago");
	if (call->may_ask)
		return ask(call, s, program, e);
	call->wants_person = true;
	return fas_fail(e, FAS_E_CONFLICT, "person_needed", "a person has to be asked");
}

enum fas_code
permit_sign(struct call *call, struct session *s, const struct card_key *key,
    enum card_mechanism mechanism, struct permit *out, struct fas_err *e)
{
	OWN(rule) struct session_rule rule = {0};
	OWN(peer_look) struct peer_look look = {.exe = -1};
	if (copy_programs(&call->d->sessions, s, &rule, e) != FAS_OK ||
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
	if (!own)
		return FAS_OK;
	if (program_check(&rule, &look, e) != FAS_OK ||
	    check_consent(call, s, out->program, e) != FAS_OK)
		return e->code;
	return spend(&call->d->sessions, s, e);
}
