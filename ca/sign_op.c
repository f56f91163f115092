#include "ca/sign.h"

#include "ca/held.h"
#include "ca/pool.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define HASH_NAME_MAX 8

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

void
sign_revoked(struct ca *ca, const struct revocation *what)
{
	char serial[HELD_SERIAL_HEX_MAX];
	switch (what->by) {
	case REVOKE_SERIAL:
		(void)held_drop(
		    ca->held, HELD_SERIAL, hex_encode(what->serial, what->serial_len, serial));
		break;
	case REVOKE_SESSION:
		(void)held_drop(ca->held, HELD_SESSION, what->text);
		break;
	case REVOKE_HOST:
		(void)held_drop(ca->held, HELD_HOST, what->text);
		break;
	case REVOKE_UPN:
		(void)held_drop(ca->held, HELD_UPN, what->text);
		break;
	case REVOKE_SID:
		(void)held_drop(ca->held, HELD_SID, what->text);
		break;
	case REVOKE_MACHINE:
		break; /* machines' keys are their own */
	}
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
