#include "ca/revoke_run.h"

#include <stdio.h>
#include <string.h>

#include "ca/act.h"
#include "ca/hosts.h"
#include "ca/publisher.h"
#include "ca/revoke.h"
#include "ca/sign.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define HOLDS_MAX 1000
#define STANDING_MAX 2000 /* with each kill switch that stands */

/* ---- the transaction ---- */

/* What the ledger says of a serial before it is revoked. */
static enum fas_code
see_row(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct revoke_act *act = arg;
	(void)e;
	act->live = (row->revoked_at_s == 0 || row->reason == REASON_HOLD) &&
		    row->not_after_s >= act->what.now_s;
	(void)snprintf(act->session, sizeof(act->session), "%s", row->session ? row->session : "");
	return FAS_OK;
}

static enum fas_code
see_serial(struct db *db, struct revoke_act *act, struct fas_err *e)
{
	act->known = true;
	enum fas_code rc = FAS_OK;
	if (act->what.by == REVOKE_SERIAL)
		rc = store_certificate_by_serial(
		    db, act->what.serial, act->what.serial_len, see_row, act, &act->known, e);
	if (rc == FAS_OK && !act->known)
		return fas_fail(e, FAS_E_NOTFOUND, "certificate_unknown",
		    "no certificate with this serial number is on record");
	return rc;
}

/*
 * To whom nothing more is issued until it is released: what is on hold; and everybody, when everything was revoked.  A hold
 * of certificates of a certain time, of one certificate or of one session is about what is there already.
 */
static bool
stops_issuing(const struct revoke_act *act)
{
	const struct revocation *what = &act->what;
	if (act->verb == DO_RELEASE || what->from_s != 0 || what->to_s != 0 ||
	    what->by == REVOKE_SERIAL || what->by == REVOKE_SESSION)
		return false;
	return act->verb == DO_HOLD || what->by == REVOKE_EVERYTHING;
}

static enum fas_code
add_row(struct db *db, struct revoke_act *act, struct fas_err *e)
{
	static const char *const verbs[] = {
	    [DO_REVOKE] = "revoke", [DO_HOLD] = "hold", [DO_RELEASE] = "release"};
	const struct act_row row = {.kind = verbs[act->verb],
	    .target = act->target,
	    .value = act->value,
	    .session = act->session,
	    .from_s = act->what.from_s,
	    .to_s = act->what.to_s,
	    .reason = act->what.reason,
	    .stops = stops_issuing(act),
	    .time_ms = clock_now_ms(), /* here, where nothing can come between */
	    .caller = act->about->caller,
	    .correlation_id = act->about->correlation_id};
	size_t released = 0;
	enum fas_code rc = store_act_add(db, &row, &act->id, e);
	act->what.act = act->id;
	if (rc == FAS_OK && act->verb == DO_RELEASE)
		rc = store_act_release(db, &row, act->id, &released, e);
	if (rc == FAS_OK && act->verb == DO_RELEASE && released == 0)
		rc = fas_fail(e, FAS_E_NOTFOUND, "hold_none",
		    "nothing is on hold by just this selector: fasctl cert holds");
	return rc;
}

struct again {
	struct db *db;
	int64_t now_s;
	size_t n;
};

/* A hold that still stands takes what the released one had taken first. */
static enum fas_code
hold_again(const struct act_row *row, void *arg, struct fas_err *e)
{
	struct again *again = arg;
	uint8_t serial[PROFILE_SERIAL_MAX];
	size_t n = 0, len = strlen(row->value) / 2;
	struct revocation what = {.kind = ISSUER_LOGON,
	    .text = row->value,
	    .from_s = row->from_s,
	    .to_s = row->to_s,
	    .now_s = again->now_s,
	    .act = row->id};
	if (strcmp(row->kind, "hold") != 0)
		return FAS_OK;
	if (!revoke_target_parse(row->target, &what.by) ||
	    (what.by == REVOKE_SERIAL &&
		(len > sizeof(serial) || !hex_decode(row->value, serial, len))))
		return fas_fail(
		    e, FAS_E_IO, "database_corrupt", "an act without a selector is on record");
	what.serial = serial;
	what.serial_len = len;
	enum fas_code rc = store_hold(again->db, &what, &n, e);
	again->n += n;
	return rc;
}

static enum fas_code
change_certificates(struct db *db, struct revoke_act *act, struct fas_err *e)
{
	struct again again = {.db = db, .now_s = act->what.now_s};
	enum fas_code rc = FAS_OK;
	switch (act->verb) {
	case DO_REVOKE:
		return store_revoke(db, &act->what, &act->n, e);
	case DO_HOLD:
		return store_hold(db, &act->what, &act->n, e);
	case DO_RELEASE:
		rc = store_release(db, act->id, &act->n, e);
		if (rc == FAS_OK)
			rc = store_acts_standing(db, STANDING_MAX, hold_again, &again, e);
		act->n -= again.n < act->n ? again.n : act->n;
		return rc;
	}
	return fas_fail(e, FAS_E_INTERNAL, "internal", "an act of no verb");
}

/* So that each of them covers anew what a release of another gives up. */
static enum fas_code
check_holds(struct db *db, struct fas_err *e)
{
	int64_t n = 0;
	enum fas_code rc = store_holds_standing(db, &n, e);
	if (rc == FAS_OK && n >= HOLDS_MAX)
		return fas_fail(e, FAS_E_LIMIT, "too_many_holds",
		    "%d holds stand: release what is settled (fasctl cert holds), or revoke",
		    HOLDS_MAX);
	return rc;
}

static enum fas_code
do_act(struct db *db, void *arg, struct fas_err *e)
{
	struct revoke_act *act = arg;
	const struct revocation *what = &act->what;
	enum fas_code rc = see_serial(db, act, e);
	if (rc == FAS_OK && act->verb == DO_HOLD)
		rc = check_holds(db, e);
	if (rc == FAS_OK && act->by_admin)
		rc = add_row(db, act, e);
	if (rc == FAS_OK)
		rc = change_certificates(db, act, e);
	if (rc == FAS_OK && act->verb == DO_REVOKE && act->live && act->n == 0)
		return fas_fail(e, FAS_E_DENIED, "revocation_outside",
		    "this operation revokes no certificate of that issuer");
	if (rc == FAS_OK && act->by_admin)
		rc = store_act_count(db, act->id, act->n, e);
	if (rc == FAS_OK && act->machine)
		rc = store_tokens_void(db, act->machine, what->now_s, e);
	if (rc == FAS_OK && what->kind == ISSUER_SERVICE)
		rc = store_generation(db, true, &act->generation, e);
	if (rc != FAS_OK)
		return rc;
	char count[24];
	(void)snprintf(count, sizeof(count), "%zu", act->n);
	(void)json_object_set_new(act->about->detail,
	    act->verb == DO_RELEASE ? "released" : "revoked", json_string(count));
	return audit_append(db, act->about, e);
}

/* ---- what follows it ---- */

/* Keys first; then the CRL's publisher, fasd, and the host table's readers learn of it. */
static void
tell(struct ca *ca, const struct revoke_act *act)
{
	if (act->what.kind == ISSUER_SERVICE) {
		hosts_changed(&ca->hosts, act->generation);
		publisher_kick(ca->publisher);
		return;
	}
	if (act->verb != DO_RELEASE)
		sign_revoked(ca, &act->what);
	if (act->n > 0)
		publisher_kick(ca->publisher);
	if (act->by_admin)
		acts_changed(&ca->acts, act->id);
}

static enum fas_code
answer(struct call *call, const struct revoke_act *act, struct fas_err *e)
{
	int64_t sessions = -1;
	const char *count = act->verb == DO_RELEASE ? "released" : "revoked";
	call->reply = json_pack("{s:I}", count, (json_int_t)act->n);
	if (!call->reply)
		return fas_fail_nomem(e);
	if (!act->by_admin)
		return FAS_OK;
	enum fas_code rc = acts_await(call->ca, act->id, &sessions, e);
	(void)json_object_set_new(call->reply, "act", json_integer(act->id));
	if (rc == FAS_OK && sessions >= 0)
		(void)json_object_set_new(call->reply, "sessions", json_integer(sessions));
	return rc;
}

static void
fill_detail(const struct revoke_act *act, json_t *detail)
{
	const struct revocation *what = &act->what;
	if (act->verb != DO_RELEASE)
		(void)json_object_set_new(detail, "revocation_reason",
		    json_string(
			revoke_reason_name(act->verb == DO_HOLD ? REASON_HOLD : what->reason)));
	if (act->target && what->by == REVOKE_EVERYTHING)
		(void)json_object_set_new(detail, "everything", json_true());
	if (what->from_s)
		(void)json_object_set_new(detail, "from", json_integer(what->from_s));
	if (what->to_s)
		(void)json_object_set_new(detail, "to", json_integer(what->to_s));
}

enum fas_code
revoke_run(struct call *call, struct revoke_act *act, const char *event, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(json) json_t *detail = json_object();
	enum fas_code rc = clock_checked(ca->config->clock_skew_s, &act->what.now_s, e);
	if (rc != FAS_OK)
		return rc;
	if (!detail)
		return fas_fail_nomem(e);
	fill_detail(act, detail);
	call->about.event = event;
	call->about.outcome = "done";
	call->about.detail = detail;
	act->about = &call->about;
	if ((rc = db_write(ca->db, do_act, act, e)) == FAS_OK) {
		audit_log(&call->about);
		tell(ca, act);
		rc = answer(call, act, e);
	}
	call->about.detail = NULL;
	return rc;
}
