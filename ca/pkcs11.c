#include "ca/pkcs11.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/key.h"
#include "ca/pkcs11_parts.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

#define CHECK_TIMEOUT_S 2
/* What an answer takes beside the module's own time: handing over, and a worker that begins anew. */
#define GRACE_MS 1000

/* ---- start ---- */

/* The child's door becomes number 3, and nothing that the signer has open goes with it. */
static void
become_child(const struct pkcs11_config *config, int door)
{
	if ((door != 3 && dup2(door, 3) != 3) || close_range(4, ~0U, 0) != 0)
		_exit(1);
	pkcs11_child(config, 3);
}

static enum fas_code
start(struct pkcs11_config *config, struct fas_err *e)
{
	int theirs = -1;
	enum fas_code rc = door_make(&config->door, &theirs, e);
	if (rc != FAS_OK)
		return rc;
	pid_t pid = fork();
	if (pid == 0)
		become_child(config, theirs);
	(void)close(theirs);
	return pid > 0 ? FAS_OK : fas_fail_errno(e, "fork for token \"%s\"", config->name);
}

enum fas_code
pkcs11_start(struct signer_config *config, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < config->n_pkcs11; i++)
		rc = start(&config->pkcs11[i], e);
	return rc;
}

/* ---- asking ---- */

static enum fas_code
ask_once(const struct pkcs11_config *token, json_t *request, int timeout_ms, json_t **reply,
    struct fas_err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return fas_fail_errno(e, "socketpair");
	OWN(fd) int mine = pair[0];
	OWN(json) json_t *answer = NULL;
	enum fas_code rc = door_pass(token->door, pair[1], e);
	(void)close(pair[1]);
	if (rc == FAS_OK)
		rc = wire_send(mine, request, timeout_ms, e);
	if (rc == FAS_OK)
		rc = wire_receive(mine, PKCS11_MESSAGE_MAX, timeout_ms, &answer, e);
	if (rc == FAS_OK)
		rc = wire_check(answer, e);
	if (rc == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}

/* The worker has just found out that the token was away, or has died of it: the next one may have it again. */
static bool
is_worth_another(const struct fas_err *e)
{
	return strcmp(e->reason, "token_lost") == 0 || strcmp(e->reason, "peer_closed") == 0 ||
	       strcmp(e->reason, "peer_away") == 0;
}

/* In the words of pkcs11.h, whatever the cause. */
static enum fas_code
say(const struct pkcs11_config *token, const struct fas_err *why, struct fas_err *e)
{
	if (why->code == FAS_E_TIMEOUT)
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_slow",
		    "token \"%s\": no answer in time", token->name);
	if (is_worth_another(why))
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_away", "token \"%s\": %s", token->name,
		    why->message);
	return fas_fail(e, why->code, why->reason, "token \"%s\": %s", token->name, why->message);
}

static enum fas_code
ask(const struct pkcs11_config *token, json_t *request, int64_t timeout_s, json_t **reply,
    struct fas_err *e)
{
	struct fas_err why = {0};
	int timeout_ms = (int)(timeout_s * 1000) + GRACE_MS;
	if (!request)
		return fas_fail_nomem(e);
	if (token->door < 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_away",
		    "token \"%s\" has no process in this program", token->name);
	enum fas_code rc = ask_once(token, request, timeout_ms, reply, &why);
	if (rc != FAS_OK && is_worth_another(&why)) {
		fas_err_clear(&why);
		rc = ask_once(token, request, timeout_ms, reply, &why);
	}
	return rc == FAS_OK ? FAS_OK : say(token, &why, e);
}

/* ---- what is asked ---- */

/* The worker is not believed: an answer of another shape is as good as none. */
static enum fas_code
malformed(const struct pkcs11_config *token, const struct fas_err *why, struct fas_err *e)
{
	return fas_fail(e, FAS_E_UNAVAILABLE, "token_crashed", "token \"%s\": its answer: %s",
	    token->name, why->message);
}

enum fas_code
pkcs11_sign(const struct pkcs11_config *token, const char *id, const char *hash,
    const uint8_t *digest, size_t digest_len, uint8_t *signature, size_t *signature_len,
    struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader in = {0};
	OWN(json) json_t *reply = NULL;
	OWN(text) char *text = base64_encode(digest, digest_len);
	OWN(json)
	json_t *request = json_pack(
	    "{s:s,s:s,s:s,s:s}", "op", "sign", "id", id, "hash", hash, "digest", text ? text : "");
	enum fas_code rc = ask(token, text ? request : NULL, token->timeout_s, &reply, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_open_object(&in, reply, &why);
	OWN(bytes)
	uint8_t *made = json_need_base64(&in, "signature", KEY_SIGNATURE_MAX, signature_len);
	if (json_finish(&in) != FAS_OK)
		return malformed(token, &why, e);
	memcpy(signature, made, *signature_len);
	return FAS_OK;
}

static enum fas_code
read_key(
    const struct pkcs11_config *token, json_t *reply, struct pkcs11_key *out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json_reader) struct json_reader in = {0};
	(void)json_open_object(&in, reply, &why);
	const char *id = json_need_text(&in, "id", 2, 2 * PKCS11_ID_MAX);
	OWN(bytes)
	uint8_t *spki = json_need_base64(&in, "public_key", PKCS11_SPKI_MAX, &out->spki_len);
	if (json_finish(&in) != FAS_OK)
		return malformed(token, &why, e);
	memcpy(out->id, id, strlen(id) + 1);
	memcpy(out->spki, spki, out->spki_len);
	return FAS_OK;
}

enum fas_code
pkcs11_make(const struct pkcs11_config *token, const char *type, const char *label,
    struct pkcs11_key *out, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:s,s:s}", "op", "make", "type", type, "label", label);
	enum fas_code rc = ask(token, request, PKCS11_MAKE_TIMEOUT_S, &reply, e);
	return rc == FAS_OK ? read_key(token, reply, out, e) : rc;
}

enum fas_code
pkcs11_find(const struct pkcs11_config *token, struct pkcs11_key *out, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "find");
	enum fas_code rc = ask(token, request, token->timeout_s, &reply, e);
	return rc == FAS_OK ? read_key(token, reply, out, e) : rc;
}

enum fas_code
pkcs11_check(const struct pkcs11_config *token, const char *id, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *request = json_pack("{s:s,s:s}", "op", "check", "id", id);
	return ask(token, request, CHECK_TIMEOUT_S, &reply, e);
}
