#include "ca/revoke.h"

#include <stdio.h>
#include <string.h>

#include "ca/hosts.h"
#include "ca/publisher.h"
#include "ca/sign.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

/* certificateHold and removeFromCRL need a release, cACompromise is no leaf's: they are not given by hand. */
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
	return "unspecified";
}

struct act {
	struct revocation what;
	const struct audit_record *about;
	const char *machine; /* its unused tokens become void */
	size_t n;
	int64_t generation;
	bool known; /* the serial is on record, whatever its state */
	bool live;  /* and the certificate neither revoked nor expired */
};

/* What the ledger says of a serial before it is revoked. */
static enum fas_code
see_row(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	struct act *act = arg;
	(void)e;
	act->live = row->revoked_at_s == 0 && row->not_after_s >= act->what.now_s;
	return FAS_OK;
}

static enum fas_code
do_act(struct db *db, void *arg, struct fas_err *e)
{
	struct act *act = arg;
	const struct revocation *what = &act->what;
	enum fas_code rc = FAS_OK;
	act->known = true;
	if (what->by == REVOKE_SERIAL)
		rc = store_certificate_by_serial(
		    db, what->serial, what->serial_len, see_row, act, &act->known, e);
	if (rc == FAS_OK && !act->known)
		return fas_fail(e, FAS_E_NOTFOUND, "certificate_unknown",
		    "no certificate with this serial number is on record");
	if (rc == FAS_OK)
		rc = store_revoke(db, what, &act->n, e);
	if (rc == FAS_OK && act->live && act->n == 0)
		return fas_fail(e, FAS_E_DENIED, "revocation_outside",
		    "this operation revokes no certificate of that issuer");
	if (rc == FAS_OK && act->machine)
		rc = store_tokens_void(db, act->machine, what->now_s, e);
	if (rc == FAS_OK && what->kind == ISSUER_SERVICE)
		rc = store_generation(db, true, &act->generation, e);
	if (rc != FAS_OK)
		return rc;
	char count[24];
	(void)snprintf(count, sizeof(count), "%zu", act->n);
	(void)json_object_set_new(act->about->detail, "revoked", json_string(count));
	return audit_append(db, act->about, e);
}

/* The transaction, then the CRL's publisher and the host table's readers learn of it. */
static enum fas_code
run_act(struct call *call, struct act *act, const char *event, json_t *detail, struct fas_err *e)
{
	struct ca *ca = call->ca;
	enum fas_code rc = clock_checked(ca->config->clock_skew_s, &act->what.now_s, e);
	if (rc != FAS_OK)
		return rc;
	if (!detail)
		return fas_fail_nomem(e);
	(void)json_object_set_new(
	    detail, "revocation_reason", json_string(revoke_reason_name(act->what.reason)));
	call->about.event = event;
	call->about.outcome = "done";
	call->about.detail = detail;
	act->about = &call->about;
	if ((rc = db_write(ca->db, do_act, act, e)) != FAS_OK)
		return rc;
	audit_log(&call->about);
	if (act->what.kind == ISSUER_SERVICE)
		hosts_changed(&ca->hosts, act->generation);
	else
		sign_revoked(ca, &act->what);
	if (act->what.kind == ISSUER_LOGON && act->n > 0)
		publisher_kick(ca->publisher);
	call->reply = json_pack("{s:I}", "revoked", (json_int_t)act->n);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
read_serial(struct act *act, const char *hex, uint8_t out[PROFILE_SERIAL_MAX], struct fas_err *e)
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
    {"upn", REVOKE_UPN}, {"sid", REVOKE_SID}, {"name", REVOKE_MACHINE}};

static void
note_selector(struct call *call, const struct selector *s, const char *value)
{
	struct audit_record *about = &call->about;
	const char **const fields[] = {[REVOKE_SERIAL] = &about->serial,
	    [REVOKE_SESSION] = &about->session,
	    [REVOKE_HOST] = &about->host,
	    [REVOKE_UPN] = &about->upn,
	    [REVOKE_SID] = &about->sid,
	    [REVOKE_MACHINE] = &about->host};
	*fields[s->by] = value;
}

static enum fas_code
read_selector(struct call *call, unsigned allowed, struct act *act,
    uint8_t serial[PROFILE_SERIAL_MAX], struct fas_err *e)
{
	size_t n = 0;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < NELEMS(selectors) && rc == FAS_OK; i++) {
		if (!(allowed & 1u << selectors[i].by))
			continue;
		const char *value = json_want_text(&call->in, selectors[i].member, 1, UPN_MAX);
		if (!value)
			continue;
		n++;
		note_selector(call, &selectors[i], value);
		act->what.by = selectors[i].by;
		act->what.text = value;
		if (act->what.by == REVOKE_SERIAL)
			rc = read_serial(act, value, serial, e);
	}
	if (rc == FAS_OK && (rc = json_finish(&call->in)) == FAS_OK && n != 1)
		rc = fas_fail(e, FAS_E_INPUT, "selector_invalid",
		    "%zu members say what to revoke, want exactly one", n);
	return rc;
}

static enum fas_code
read_reason(struct call *call, bool needed, struct act *act, struct fas_err *e)
{
	const char *name = needed ? json_need_text(&call->in, "reason", 1, 32)
				  : json_want_text(&call->in, "reason", 1, 32);
	if (name && !revoke_reason_parse(name, &act->what.reason))
		return fas_fail(e, FAS_E_INPUT, "reason_unknown",
		    "RFC 5280 5.3.1: \"%s\" is not a reason that can be given here", name);
	return FAS_OK;
}

enum fas_code
op_revoke(struct call *call, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct act act = {.what.kind = ISSUER_LOGON};
	OWN(json) json_t *detail = json_object();
	call_correlate(call, json_need_text(&call->in, "correlation_id", 1, 64));
	enum fas_code rc = read_reason(call, true, &act, e);
	if (rc == FAS_OK)
		rc = read_selector(
		    call, 1u << REVOKE_SERIAL | 1u << REVOKE_SESSION, &act, serial, e);
	return rc == FAS_OK ? run_act(call, &act, "certificates_revoked", detail, e) : rc;
}

enum fas_code
op_cert_revoke(struct call *call, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct act act = {.what.kind = ISSUER_LOGON};
	OWN(json) json_t *detail = json_object();
	call_correlate(call, NULL);
	enum fas_code rc = read_reason(call, false, &act, e);
	if (rc == FAS_OK)
		rc = read_selector(call,
		    1u << REVOKE_SERIAL | 1u << REVOKE_SESSION | 1u << REVOKE_HOST |
			1u << REVOKE_UPN | 1u << REVOKE_SID,
		    &act, serial, e);
	return rc == FAS_OK ? run_act(call, &act, "certificates_revoked", detail, e) : rc;
}

enum fas_code
op_host_revoke(struct call *call, struct fas_err *e)
{
	uint8_t serial[PROFILE_SERIAL_MAX];
	struct act act = {.what = {.kind = ISSUER_SERVICE, .reason = 5}};
	OWN(json) json_t *detail = json_object();
	call_correlate(call, NULL);
	enum fas_code rc =
	    read_selector(call, 1u << REVOKE_SERIAL | 1u << REVOKE_MACHINE, &act, serial, e);
	if (rc == FAS_OK && act.what.by == REVOKE_MACHINE)
		act.machine = act.what.text;
	return rc == FAS_OK ? run_act(call, &act, "machine_revoked", detail, e) : rc;
}
