/* What programs of the session ask of a card. */
#include <stdio.h>
#include <string.h>

#include "fas/agent/call.h"
#include "fas/agent/custody.h"
#include "fas/agent/in_session.h"
#include "fas/agent/permit.h"
#include "fas/agent/programs.h"
#include "fas/agent/signing.h"
#include "fas/base/clock.h"

/* ---- CARDS ---- */

static void
write_card(struct card_writer *w, const struct session *s)
{
	card_write_open(w, CARD_TAG_CARD);
	card_write_number(w, CARD_TAG_CARD_ID, s->card_id);
	card_write_text(w, CARD_TAG_LABEL, s->label);
	card_write_text(w, CARD_TAG_SERIAL, s->card_serial);
	card_write_number(w, CARD_TAG_GENERATION, s->generation);
	card_write_close(w);
}

enum fas_code
card_op_cards(struct call *call, struct fas_err *e)
{
	struct sessions *t = &call->d->sessions;
	size_t n = 1;
	(void)e;
	sessions_lock(t);
	card_write_number(&call->w, CARD_TAG_GENERATION, sessions_generation(t, call->peer.uid));
	for (size_t i = 0; i < t->n && n < CARD_FIELDS_MAX; i++) {
		if (!sessions_show(t, t->list[i], call->peer.uid, call->peer.pid))
			continue;
		write_card(&call->w, t->list[i]);
		n++;
	}
	sessions_unlock(t);
	return FAS_OK;
}

static enum fas_code
find_card(struct call *call, struct session **out, struct fas_err *e)
{
	uint32_t id = (uint32_t)card_number(&call->m, CARD_TAG_CARD_ID);
	*out = sessions_find_card(&call->d->sessions, id, call->peer.uid, call->peer.pid);
	if (!*out)
		return fas_fail(e, FAS_E_NOTFOUND, "card_gone", "there is no card %u", id);
	(void)snprintf(
	    call->correlation, sizeof(call->correlation), "%s", (*out)->file.correlation_id);
	return FAS_OK;
}

/* ---- OBJECTS ---- */

static enum fas_code
write_key(struct call *call, const struct card_key *key, uint32_t allowed, bool *issuers,
    struct fas_err *e)
{
	uint32_t mechanisms = card_key_mechanisms(key) & allowed;
	if (!card_key_is_valid(key, clock_now()))
		return FAS_OK;
	if (card_key_write(key, mechanisms, &call->w, e) != FAS_OK)
		return e->code;
	if (*issuers)
		return FAS_OK;
	*issuers = true;
	return card_key_write_issuers(key, &call->w, e);
}

static enum fas_code
write_objects(struct call *call, struct session *s, const struct sight *sight, struct fas_err *e)
{
	struct sessions *t = &call->d->sessions;
	bool issuers = false;
	sessions_lock(t);
	OWN(card_key) struct card_key *logon = sight->logon ? card_key_ref(s->logon) : NULL;
	OWN(card_key) struct card_key *own = sight->in_session ? card_key_ref(s->in_session) : NULL;
	uint32_t allowed = s->rule.mechanisms;
	card_write_number(&call->w, CARD_TAG_GENERATION, s->generation);
	sessions_unlock(t);
	if (own && write_key(call, own, allowed, &issuers, e) != FAS_OK)
		return e->code;
	return logon ? write_key(call, logon, UINT32_MAX, &issuers, e) : FAS_OK;
}

static enum fas_code
look_at_card(struct call *call, struct session *s, struct fas_err *e)
{
	struct sight sight;
	enum fas_code rc = permit_look(call, s, &sight, e);
	if (rc != FAS_OK)
		return rc;
	if (sight.in_session)
		in_session_first_look(call->d, s);
	return write_objects(call, s, &sight, e);
}

enum fas_code
card_op_objects(struct call *call, struct fas_err *e)
{
	struct session *s = NULL;
	enum fas_code rc = find_card(call, &s, e);
	if (rc == FAS_OK)
		rc = look_at_card(call, s, e);
	session_unref(&call->d->sessions, s);
	return rc;
}

/* ---- SIGN ---- */

static enum fas_code
sign_with(struct call *call, struct session *s, const struct signing *what, struct fas_err *e)
{
	size_t len = 0;
	uint8_t signature[SIGNATURE_MAX];
	OWN(permit) struct permit permit = {0};
	OWN(card_key)
	struct card_key *key =
	    session_key(&call->d->sessions, s, card_bytes(&call->m, CARD_TAG_KEY_ID, &len));
	if (!key || !card_key_is_valid(key, clock_now()))
		return fas_fail(e, FAS_E_NOTFOUND, "key_gone", "there is no such key on the card");
	if (permit_sign(call, s, key, what->mechanism, &permit, e) != FAS_OK ||
	    custody_sign(call->d, s, key, what, &permit, signature, &len, e) != FAS_OK)
		return e->code;
	card_write_bytes(&call->w, CARD_TAG_SIGNATURE, signature, len);
	return FAS_OK;
}

static enum fas_code
sign(struct call *call, const struct signing *what, struct fas_err *e)
{
	struct session *s = NULL;
	enum fas_code rc = find_card(call, &s, e);
	if (rc == FAS_OK)
		rc = sign_with(call, s, what, e);
	session_unref(&call->d->sessions, s);
	return rc;
}

enum fas_code
card_op_sign(struct call *call, struct fas_err *e)
{
	struct signing what;
	enum fas_code rc = signing_read(&call->m, &what, e);
	return rc == FAS_OK ? sign(call, &what, e) : rc;
}

/* ---- HASH_BEGIN, HASH_UPDATE, SIGN_HASHED ---- */

enum fas_code
card_op_hash_begin(struct call *call, struct fas_err *e)
{
	struct call_hash *h = call->hash;
	h->hash = (enum card_hash)card_number(&call->m, CARD_TAG_HASH);
	if (!h->ctx)
		h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, signing_md(h->hash), NULL) != 1)
		return fas_fail_openssl(e, "hashing");
	return FAS_OK;
}

static void
hash_drop(struct call_hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}

static enum fas_code
fail_no_hash(struct fas_err *e)
{
	return fas_fail(
	    e, FAS_E_INPUT, "data_refused", "no hash has been begun on this connection");
}

enum fas_code
card_op_hash_update(struct call *call, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(&call->m, CARD_TAG_DATA, &len);
	if (!call->hash->ctx)
		return fail_no_hash(e);
	if (EVP_DigestUpdate(call->hash->ctx, data, len) == 1)
		return FAS_OK;
	hash_drop(call->hash);
	return fas_fail_openssl(e, "hashing");
}

/* Where a person has to be asked first, this runs a second time: the hash ends with the answer only. */
enum fas_code
card_op_sign_hashed(struct call *call, struct fas_err *e)
{
	struct signing what;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct call_hash copy = {.ctx = EVP_MD_CTX_new(), .hash = call->hash->hash};
	enum fas_code rc = FAS_OK;
	if (!call->hash->ctx)
		rc = fail_no_hash(e);
	else if (!copy.ctx || EVP_MD_CTX_copy_ex(copy.ctx, call->hash->ctx) != 1 ||
		 EVP_DigestFinal_ex(copy.ctx, digest, &len) != 1)
		rc = fas_fail_openssl(e, "hashing");
	hash_drop(&copy);
	if (rc == FAS_OK)
		rc = signing_of_hash(&call->m, call->hash->hash, digest, len, &what, e);
	if (rc == FAS_OK)
		rc = sign(call, &what, e);
	if (!call->wants_person || call->may_ask)
		hash_drop(call->hash);
	return rc;
}
