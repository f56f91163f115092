#include "ca/sign.h"

#include <string.h>

#include "ca/held.h"
#include "ca/pool.h"
#include "fas/base/clock.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define HASH_NAME_MAX 8
#define LOOK_UP_MAX 1000 /* certificates looked up in one snapshot */

/* The request, read. */
struct wish {
	const char *session, *key_id, *hash;
	enum key_mechanism mechanism;
	uint8_t *digest;
	size_t digest_len;
};

static void
wish_done(struct wish *w)
{
	free(w->digest);
}
DEFINE_OWN_IN_PLACE(wish, struct wish, wish_done);

static enum fas_code
read_wish(struct call *call, struct wish *w, struct fas_err *e)
{
	struct json_reader *in = &call->in;
	call_correlate(call, json_need_text(in, "correlation_id", 1, 64));
	w->session = json_need_text(in, "session", 1, HELD_TEXT_MAX - 1);
	w->key_id = json_need_text(in, "key", 1, HELD_KEY_ID_MAX - 1);
	const char *mechanism = json_need_text(in, "mechanism", 1, 16);
	w->hash = json_need_text(in, "hash", 1, HASH_NAME_MAX);
	w->digest = json_need_base64(in, "digest", KEY_DIGEST_MAX, &w->digest_len);
	call->about.session = w->session;
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK && !key_mechanism_parse(mechanism, &w->mechanism))
		rc = fas_fail(
		    e, FAS_E_INPUT, "mechanism_unknown", "there is no mechanism \"%s\"", mechanism);
	return rc == FAS_OK ? key_digest_check(w->mechanism, w->hash, w->digest_len, e) : rc;
}

enum fas_code
op_sign(struct call *call, struct fas_err *e)
{
	OWN(wish) struct wish w = {0};
	OWN(held_key) struct held_key *key = NULL;
	int64_t now_s = 0;
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	enum fas_code rc;
	pool_stand_back(call->ca->pool);
	if ((rc = read_wish(call, &w, e)) != FAS_OK)
		return rc;
	if ((rc = clock_checked(call->ca->config->clock_skew_s, &now_s, e)) != FAS_OK)
		return rc;
	if ((rc = held_use(call->ca->held, w.session, w.key_id, now_s, &key, e)) != FAS_OK)
		return rc;
	if ((rc = key_sign_digest(held_key(key), w.mechanism, w.hash, w.digest, w.digest_len,
		 signature, &len, e)) != FAS_OK)
		return rc;
	OWN(text) char *base64 = base64_encode(signature, len);
	call->reply = base64 ? json_pack("{s:s}", "signature", base64) : NULL;
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_drop(struct call *call, struct fas_err *e)
{
	call_correlate(call, json_need_text(&call->in, "correlation_id", 1, 64));
	const char *session = json_need_text(&call->in, "session", 1, HELD_TEXT_MAX - 1);
	enum fas_code rc = json_finish(&call->in);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack(
	    "{s:I}", "destroyed", (json_int_t)held_drop(call->ca->held, HELD_SESSION, session));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- what has been revoked ---- */

struct gone {
	struct held_serials serials;
	size_t from, to, n; /* asked for now; n of those before are gone, and stand at the front */
};

static enum fas_code
see_revoked(const struct certificate_row *row, void *arg, struct fas_err *e)
{
	bool *revoked = arg;
	(void)e;
	*revoked = row->revoked_at_s != 0;
	return FAS_OK;
}

static enum fas_code
read_gone(struct db *db, void *arg, struct fas_err *e)
{
	struct gone *g = arg;
	for (size_t i = g->from; i < g->to; i++) {
		uint8_t serial[PROFILE_SERIAL_MAX];
		bool found = false, revoked = false;
		char *hex = g->serials.at[i];
		size_t len = strlen(hex) / 2;
		if (len > sizeof(serial) || !hex_decode(hex, serial, len))
			continue;
		enum fas_code rc =
		    store_certificate_by_serial(db, serial, len, see_revoked, &revoked, &found, e);
		if (rc != FAS_OK)
			return rc;
		if (revoked)
			memmove(g->serials.at[g->n++], hex, HELD_SERIAL_HEX_MAX);
	}
	return FAS_OK;
}

/* What a key does not know of its certificate, the ledger does.  In pieces, so that no snapshot is held for long. */
static void
drop_by_ledger(struct ca *ca)
{
	struct fas_err e = {0};
	struct gone g = {0};
	enum fas_code rc = held_serials(ca->held, &g.serials, &e);
	for (; rc == FAS_OK && g.from < g.serials.n; g.from = g.to) {
		g.to = g.serials.n - g.from < LOOK_UP_MAX ? g.serials.n : g.from + LOOK_UP_MAX;
		rc = db_read(ca->db, read_gone, &g, &e);
	}
	g.serials.n = g.n;
	if (rc == FAS_OK)
		(void)held_drop_serials(ca->held, &g.serials);
	/* Rather a key too few than one that signs for a revoked certificate. */
	if (rc != FAS_OK) {
		log_error("keys_not_compared", &e, NULL);
		(void)held_drop(ca->held, HELD_ANY, "");
	}
	free(g.serials.at);
}

void
sign_revoked(struct ca *ca, const struct revocation *what)
{
	static const enum held_by by[REVOKE_SELECTORS] = {[REVOKE_SESSION] = HELD_SESSION,
	    [REVOKE_HOST] = HELD_HOST,
	    [REVOKE_UPN] = HELD_UPN,
	    [REVOKE_SID] = HELD_SID,
	    [REVOKE_EVERYTHING] = HELD_ANY};
	char serial[HELD_SERIAL_HEX_MAX];
	if (what->by == REVOKE_MACHINE)
		return; /* machines' keys are their own */
	if (what->by == REVOKE_SERIAL)
		(void)held_drop(
		    ca->held, HELD_SERIAL, hex_encode(what->serial, what->serial_len, serial));
	else if (what->by == REVOKE_RULE || what->from_s || what->to_s)
		drop_by_ledger(ca);
	else
		(void)held_drop(ca->held, by[what->by], what->text ? what->text : "");
}

json_t *
sign_state(struct ca *ca)
{
	struct held_counts counts;
	held_count(ca->held, &counts);
	return json_pack("{s:o,s:I,s:I}", "pools", pool_describe(ca->pool), "held",
	    (json_int_t)counts.keys, "signatures", (json_int_t)counts.signatures);
}

enum fas_code
op_pool_show(struct call *call, struct fas_err *e)
{
	enum fas_code rc = json_finish(&call->in);
	if (rc != FAS_OK)
		return rc;
	call->reply = sign_state(call->ca);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_pool_fill(struct call *call, struct fas_err *e)
{
	const char *type = json_need_text(&call->in, "type", 1, POOL_TYPE_MAX - 1);
	int64_t depth = json_need_int(&call->in, "depth", 1, POOL_DEPTH_MAX);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = pool_fill(call->ca->pool, type, (size_t)depth, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = sign_state(call->ca);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
