#include "fas/base/audit_head.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define HEAD_CONTEXT "fas audit head 1"

DEFINE_OWN(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);

static uint8_t *
put_int(uint8_t *at, int64_t value)
{
	for (size_t i = 0; i < 8; i++)
		*at++ = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	return at;
}

static uint8_t *
put_bytes(uint8_t *at, const void *data, size_t len)
{
	memcpy(at, data, len);
	return at + len;
}

static uint8_t *
put_name(uint8_t *at, const char *name)
{
	size_t len = strlen(name);
	*at++ = (uint8_t)len;
	return put_bytes(at, name, len);
}

size_t
audit_head_message(const struct audit_head *head, uint8_t out[AUDIT_HEAD_MESSAGE_MAX])
{
	uint8_t *at = put_bytes(out, HEAD_CONTEXT, sizeof(HEAD_CONTEXT));
	at = put_int(at, head->counter);
	at = put_int(at, head->time_ms);
	at = put_int(at, head->key);
	at = put_int(at, head->seq);
	at = put_bytes(at, head->hash, AUDIT_HASH);
	at = put_name(at, head->trail);
	at = put_name(at, head->node);
	return (size_t)(at - out);
}

enum fas_code
audit_head_verify(
    const struct audit_head *head, const uint8_t *spki, size_t spki_len, struct fas_err *e)
{
	uint8_t message[AUDIT_HEAD_MESSAGE_MAX];
	size_t len = audit_head_message(head, message);
	OWN(pkey) EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
	OWN(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = key && ctx && EVP_PKEY_is_a(key, "EC") &&
		    EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
		    EVP_DigestVerify(ctx, head->signature, head->signature_len, message, len) == 1;
	if (good)
		return FAS_OK;
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_CRYPTO, "signature_wrong",
	    "countersignature %lld: the signer's audit key %lld does not confirm it",
	    (long long)head->counter, (long long)head->key);
}

json_t *
audit_head_to_json(const struct audit_head *head)
{
	char hex[2 * AUDIT_HASH + 1];
	OWN(text) char *signature = base64_encode(head->signature, head->signature_len);
	if (!signature)
		return NULL;
	return json_pack("{s:I,s:I,s:I,s:s,s:s,s:I,s:s,s:s}", "counter", (json_int_t)head->counter,
	    "time_ms", (json_int_t)head->time_ms, "key", (json_int_t)head->key, "trail",
	    head->trail, "node", head->node, "seq", (json_int_t)head->seq, "head",
	    hex_encode(head->hash, AUDIT_HASH, hex), "signature", signature);
}

enum fas_code
audit_head_from_json(json_t *object, struct audit_head *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	*out = (struct audit_head){.counter = json_need_int(&r, "counter", 1, INT64_MAX),
	    .time_ms = json_need_int(&r, "time_ms", 0, INT64_MAX),
	    .key = json_need_int(&r, "key", 1, INT64_MAX),
	    .seq = json_need_int(&r, "seq", 1, INT64_MAX)};
	const char *trail = json_need_text(&r, "trail", 1, TRAIL_NAME_MAX - 1);
	const char *node = json_need_text(&r, "node", 0, AUDIT_NODE_MAX - 1);
	const char *head =
	    json_need_text(&r, "head", 2 * (size_t)AUDIT_HASH, 2 * (size_t)AUDIT_HASH);
	OWN(bytes)
	uint8_t *signature =
	    json_need_base64(&r, "signature", AUDIT_SIGNATURE_MAX, &out->signature_len);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	if (!hex_decode(head, out->hash, AUDIT_HASH))
		return fas_fail(e, FAS_E_INPUT, "member_invalid", "member \"head\" is not hex");
	(void)snprintf(out->trail, sizeof(out->trail), "%s", trail);
	(void)snprintf(out->node, sizeof(out->node), "%s", node);
	memcpy(out->signature, signature, out->signature_len);
	return FAS_OK;
}

const struct audit_key *
audit_keys_find(const struct audit_keys *keys, int64_t id)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (keys->keys[i].id == id)
			return &keys->keys[i];
	}
	return NULL;
}

json_t *
audit_keys_to_json(const struct audit_keys *keys)
{
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; i < keys->n; i++) {
		const struct audit_key *key = &keys->keys[i];
		OWN(text) char *spki = base64_encode(key->spki, key->spki_len);
		if (!spki || json_array_append_new(list,
				 json_pack("{s:I,s:s}", "id", (json_int_t)key->id, "spki", spki)))
			return NULL;
	}
	return TAKE(list);
}

static enum fas_code
key_from_json(json_t *object, struct audit_key *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	out->id = json_need_int(&r, "id", 1, INT64_MAX);
	OWN(bytes) uint8_t *spki = json_need_base64(&r, "spki", AUDIT_KEY_MAX, &out->spki_len);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	memcpy(out->spki, spki, out->spki_len);
	return FAS_OK;
}

enum fas_code
audit_keys_from_json(json_t *list, struct audit_keys *out, struct fas_err *e)
{
	size_t i;
	json_t *object;
	*out = (struct audit_keys){0};
	if (json_array_size(list) > AUDIT_KEYS_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "more than %d audit keys", AUDIT_KEYS_MAX);
	json_array_foreach(list, i, object)
	{
		enum fas_code rc = key_from_json(object, &out->keys[out->n], e);
		if (rc != FAS_OK)
			return rc;
		out->n++;
	}
	return FAS_OK;
}
