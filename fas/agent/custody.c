#include "fas/agent/custody.h"

#include <stdio.h>
#include <string.h>

#include "fas/agent/in_session.h"
#include "fas/agent/uses.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define URL_PATH_MAX 224
#define SIGN_MS 5000

static const char *
purpose_of(const struct card_key *key)
{
	return key->purpose == CARD_PURPOSE_LOGON ? "logon" : "in-session";
}

static json_t *
make_body(const struct card_key *key, const struct signing *what, const struct permit *permit)
{
	OWN(text) char *digest = base64_encode(what->digest, what->digest_len);
	json_t *body = json_pack("{s:s,s:s,s:s?,s:s,s:s*}", "mechanism",
	    signing_mechanism_name(what->mechanism), "hash", signing_hash_name(what->hash),
	    "digest", digest, "purpose", purpose_of(key), "program",
	    permit->program[0] ? permit->program : NULL);
	if (body && what->mechanism == CARD_MECHANISM_RSA_PSS &&
	    json_object_set_new(body, "salt_len", json_integer((json_int_t)what->digest_len)) != 0)
		json_decref(TAKE(body));
	return body;
}

static enum fas_code
read_signature(json_t *body, uint8_t *out, size_t *len, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, body, e);
	if (rc != FAS_OK)
		return rc;
	OWN(bytes) uint8_t *signature = json_need_base64(&r, "signature", SIGNATURE_MAX, len);
	(void)json_want_text(&r, "correlation_id", 1, CORRELATION_ID_MAX - 1);
	rc = json_finish(&r);
	if (rc == FAS_OK)
		memcpy(out, signature, *len);
	return rc;
}

/* The key is with that node and nowhere else, whatever other servers say. */
static enum fas_code
fail_node_away(const struct session *s, const struct fas_err *why, struct fas_err *e)
{
	if (strcmp(why->reason, "server_away") != 0)
		return fas_fail(e, why->code, why->reason, "%s", why->message);
	return fas_fail(e, FAS_E_UNAVAILABLE, "node_away",
	    "the node of this session, %s, which keeps its key, does not answer: %s",
	    s->file.server, why->message);
}

static enum fas_code
ask_service(struct daemon *d, const struct session *s, const struct card_key *key, json_t *body,
    uint8_t *out, size_t *len, struct fas_err *e)
{
	char path[URL_PATH_MAX];
	OWN(api_answer) struct api_answer answer = {0};
	struct fas_err why = {0};
	(void)snprintf(path, sizeof(path), "/v1/sessions/%s/keys/%s/sign", s->file.id, key->name);
	const struct upstream_ask ask = {.method = "POST",
	    .path = path,
	    .body = body,
	    .server = s->file.server,
	    .total_ms = SIGN_MS,
	    .once = true};
	if (d->up.call(&d->up, &ask, &answer, &why) != FAS_OK)
		return fail_node_away(s, &why, e);
	return read_signature(answer.body, out, len, e);
}

static enum fas_code
sign_there(struct daemon *d, struct session *s, const struct card_key *key,
    const struct signing *what, const struct permit *permit, uint8_t *out, size_t *len,
    struct fas_err *e)
{
	OWN(json) json_t *body = make_body(key, what, permit);
	if (!body)
		return fas_fail_nomem(e);
	enum fas_code rc = ask_service(d, s, key, body, out, len, e);
	if (rc != FAS_OK && strcmp(e->reason, "key_unknown") == 0)
		in_session_lost(d, s, key);
	if (rc != FAS_OK && strcmp(e->reason, "session_unknown") == 0)
		(void)session_end(&d->sessions, s, "session_unknown");
	return rc;
}

static void
record(const struct session *s, const struct card_key *key, const struct signing *what,
    const struct permit *permit, const struct fas_err *e)
{
	char id[2 * CARD_KEY_ID_BYTES + 1];
	const char *mechanism = signing_mechanism_name(what->mechanism);
	hex_encode(key->id, sizeof(key->id), id);
	if (e->code != FAS_OK)
		log_error("sign_failed", e, "correlation_id", s->file.correlation_id, "session",
		    s->file.id, "user", s->user.name, "program", permit->program, "key", id, NULL);
	else
		log_event(LOG_LEVEL_INFO, "key_used", "correlation_id", s->file.correlation_id,
		    "session", s->file.id, "user", s->user.name, "program", permit->program,
		    "purpose", purpose_of(key), "mechanism", mechanism, "key", id, "serial",
		    key->serial, "custody", key->key ? "host" : "service", NULL);
}

enum fas_code
custody_sign(struct daemon *d, struct session *s, const struct card_key *key,
    const struct signing *what, const struct permit *permit, uint8_t *out, size_t *len,
    struct fas_err *e)
{
	enum fas_code rc = key->key ? signing_make(what, key->key, out, len, e)
				    : sign_there(d, s, key, what, permit, out, len, e);
	record(s, key, what, permit, e);
	if (rc == FAS_OK && key->key) {
		sessions_lock(&d->sessions);
		uses_note(s, key, what, permit);
		sessions_unlock(&d->sessions);
	}
	return rc;
}
