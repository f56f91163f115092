#include "ca/revoke.h"

#include <string.h>

#include "ca/revoke_run.h"
#include "fas/base/text.h"

/* certificateHold is given by a hold; removeFromCRL is for delta lists, cACompromise is no leaf's. */
static const struct {
	const char *name;
	int reason;
} reasons[] = {{"unspecified", 0}, {"keyCompromise", 1}, {"affiliationChanged", 3},
    {"superseded", 4}, {"cessationOfOperation", 5}, {"privilegeWithdrawn", 9}};

bool
revoke_reason_parse(const char *name, int *out)
{
	for (size_t i = 0; i < NELEMS(reasons); i++) {
		if (strcmp(reasons[i].name, name) == 0) {
			*out = reasons[i].reason;
			return true;
		}
	}
	return false;
}

const char *
revoke_reason_name(int reason)
{
	for (size_t i = 0; i < NELEMS(reasons); i++) {
		if (reasons[i].reason == reason)
			return reasons[i].name;
	}
	return reason == REASON_HOLD ? "certificateHold" : "unspecified";
}

static enum fas_code
read_serial(
    struct revoke_act *act, const char *hex, uint8_t out[PROFILE_SERIAL_MAX], struct fas_err *e)
{
	size_t len = strlen(hex) / 2;
	if (strlen(hex) % 2 || len > PROFILE_SERIAL_MAX || !hex_decode(hex, out, len))
		return fas_fail(e, FAS_E_INPUT, "serial_malformed",
		    "\"%s\" is not a serial number in hex", hex);
	act->what.by = REVOKE_SERIAL;
	act->what.serial = out;
	act->what.serial_len = len;
	return FAS_OK;
}

/* Exactly one of these members selects. */
static const struct selector {
	const char *member;
	enum revoke_by by;
} selectors[] = {{"serial", REVOKE_SERIAL}, {"session", REVOKE_SESSION}, {"host", REVOKE_HOST},
    {"upn", REVOKE_UPN}, {"sid", REVOKE_SID}, {"name", REVOKE_MACHINE}, {"rule", REVOKE_RULE}};

bool
revoke_target_parse(const char *target, enum revoke_by *out)
{
	*out = REVOKE_EVERYTHING;
	for (size_t i = 0; i < NELEMS(selectors); i++) {
		if (strcmp(selectors[i].member, target) == 0) {
			*out = selectors[i].by;
			return true;
		}
	}
	return strcmp(target, "everything") == 0;
}

#define BIT(by) (1u << (by))
#define BY_ADMIN                                                                                   \
	(BIT(REVOKE_SERIAL) | BIT(REVOKE_SESSION) | BIT(REVOKE_HOST) | BIT(REVOKE_UPN) |           \
	    BIT(REVOKE_SID) | BIT(REVOKE_RULE) | BIT(REVOKE_EVERYTHING))

static void
note_selector(struct call *call, const struct selector *s, const char *value)
{
	struct audit_record *about = &call->about;
	const char **const fields[] = {[REVOKE_SERIAL] = &about->serial,
	    [REVOKE_SESSION] = &about->session,
	    [REVOKE_HOST] = &about->host,
	    [REVOKE_UPN] = &about->upn,
	    [REVOKE_SID] = &about->sid,
	    [REVOKE_MACHINE] = &about->host,
	    [REVOKE_RULE] = &about->rule};
	*fields[s->by] = value;
}

static enum fas_code
read_named(struct call *call, unsigned allowed, struct revoke_act *act,
    uint8_t serial[PROFILE_SERIAL_MAX], size_t *n, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < NELEMS(selectors) && rc == FAS_OK; i++) {
		const struct selector *s = &selectors[i];
		const char *value = (allowed & BIT(s->by))
					? json_want_text(&call->in, s->member, 1, UPN_MAX)
					: NULL;
		if (!value)
			continue;
		(*n)++;
		note_selector(call, s, value);
		act->what.by = s->by;
		act->what.text = act->value = value;
		act->target = s->member;
		if (act->what.by == REVOKE_SERIAL)
			rc = read_serial(act, value, serial, e);
	}
	return rc;
}

/* A range narrows what is selected; everything has to be said in as many words. */
static enum fas_code
read_selector(struct call *call, unsigned allowed, struct revoke_act *act,
    uint8_t serial[PROFILE_SERIAL_MAX], struct fas_err *e)
{
	size_t n = 0;
	struct json_reader *in = &call->in;
	act->value = "";
	if (act->by_admin) {
		act->what.from_s = json_want_int(in, "from", 0, REVOKE_TIME_MAX, 0);
		act->what.to_s = json_want_int(in, "to", 1, REVOKE_TIME_MAX, 0);
	}
	if (allowed & BIT(REVOKE_EVERYTHING) && json_want_bool(in, "everything", false)) {
		act->what.by = REVOKE_EVERYTHING;
		act->target = "everything";
		n++;
	}
	enum fas_code rc = read_named(call, allowed, act, serial, &n, e);
	if (rc == FAS_OK && (rc = json_finish(in)) == FAS_OK && n != 1)
		rc = fas_fail(e, FAS_E_INPUT, "selector_invalid",
		    "%zu members say what to revoke, want exactly one", n);
	if (rc == FAS_OK && act->what.to_s && act->what.to_s <= act->what.from_s)
		rc = fas_fail(e, FAS_E_INPUT, "range_empty",
		    "\"to\" is not after \"from\": no certificate can have been issued then");
	return rc;
}

static enum fas_code
read_reason(struct call *call, bool needed, struct revoke_act *act, struct fas_err *e)
{
	const char *name = needed ? json_need_text(&call->in, "reason", 1, 32)
				  : json_want_text(&call->in, "reason", 1, 32);
	if (name && !revoke_reason_parse(name, &act->what.reason))
		return fas_fail(e, FAS_E_INPUT, "reason_unknown",
		    "RFC 5280 5.3.1: \"%s\" is not a reason that can be given here", name);
	return FAS_OK;
}

/* ---- the operations ---- */

enum fas_code
op_revoke(struct call *call, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct revoke_act act = {.what.kind = ISSUER_LOGON};
	call_correlate(call, json_need_text(&call->in, "correlation_id", 1, 64));
	enum fas_code rc = read_reason(call, true, &act, e);
	if (rc == FAS_OK)
		rc = read_selector(call, BIT(REVOKE_SERIAL) | BIT(REVOKE_SESSION), &act, serial, e);
	return rc == FAS_OK ? revoke_run(call, &act, "certificates_revoked", e) : rc;
}

static enum fas_code
op_by_admin(struct call *call, enum revoke_verb verb, const char *event, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct revoke_act act = {.verb = verb, .what.kind = ISSUER_LOGON, .by_admin = true};
	call_correlate(call, NULL);
	enum fas_code rc = verb == DO_REVOKE ? read_reason(call, false, &act, e) : FAS_OK;
	if (rc == FAS_OK)
		rc = read_selector(call, BY_ADMIN, &act, serial, e);
	return rc == FAS_OK ? revoke_run(call, &act, event, e) : rc;
}

enum fas_code
op_cert_revoke(struct call *call, struct fas_err *e)
{
	return op_by_admin(call, DO_REVOKE, "certificates_revoked", e);
}

enum fas_code
op_cert_hold(struct call *call, struct fas_err *e)
{
	return op_by_admin(call, DO_HOLD, "certificates_held", e);
}

enum fas_code
op_cert_release(struct call *call, struct fas_err *e)
{
	return op_by_admin(call, DO_RELEASE, "certificates_released", e);
}

enum fas_code
op_host_revoke(struct call *call, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct revoke_act act = {.what = {.kind = ISSUER_SERVICE, .reason = 5}};
	call_correlate(call, NULL);
	enum fas_code rc =
	    read_selector(call, BIT(REVOKE_SERIAL) | BIT(REVOKE_MACHINE), &act, serial, e);
	if (rc == FAS_OK && act.what.by == REVOKE_MACHINE)
		act.machine = act.what.text;
	return rc == FAS_OK ? revoke_run(call, &act, "machine_revoked", e) : rc;
}
