#include "fas/base/audit_statement.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define STATEMENT_CONTEXT "fas audit statement 1"

DEFINE_OWN(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);

static const char *const kinds[] = {
    [AUDIT_CHECKPOINT] = "checkpoint", [AUDIT_ACKNOWLEDGEMENT] = "acknowledgement"};

const char *
audit_kind_name(enum audit_kind kind)
{
	return kinds[kind];
}

/* ---- the envelope ---- */

void
audit_statement_done(struct audit_statement *statement)
{
	free(statement->text);
	statement->text = NULL;
}

size_t
audit_statement_message(const char *text, uint8_t out[AUDIT_STATEMENT_MESSAGE_MAX])
{
	size_t len = strnlen(text, AUDIT_STATEMENT_TEXT_MAX);
	memcpy(out, STATEMENT_CONTEXT, sizeof(STATEMENT_CONTEXT));
	memcpy(out + sizeof(STATEMENT_CONTEXT), text, len);
	return sizeof(STATEMENT_CONTEXT) + len;
}

static bool
is_confirmed(const struct audit_statement *s, const struct audit_key *known)
{
	uint8_t message[AUDIT_STATEMENT_MESSAGE_MAX];
	const uint8_t *spki = known->spki;
	size_t len = audit_statement_message(s->text, message);
	OWN(pkey) EVP_PKEY *key = d2i_PUBKEY(NULL, &spki, (long)known->spki_len);
	OWN(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	return key && ctx && EVP_PKEY_is_a(key, "EC") &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(ctx, s->signature, s->signature_len, message, len) == 1;
}

enum fas_code
audit_statement_verify(
    const struct audit_statement *statement, const struct audit_keys *keys, struct fas_err *e)
{
	const struct audit_key *key = audit_keys_find(keys, statement->key);
	if (key && strlen(statement->text) < AUDIT_STATEMENT_TEXT_MAX &&
	    is_confirmed(statement, key))
		return FAS_OK;
	(void)fas_fail_openssl(NULL, "emptied");
	return fas_fail(e, FAS_E_AUTH, "signature_wrong",
	    "statement: the signer's audit key %lld does not confirm it",
	    (long long)statement->key);
}

json_t *
audit_statement_to_json(const struct audit_statement *statement)
{
	OWN(text)
	char *signature = base64_encode(statement->signature, statement->signature_len);
	return signature ? json_pack("{s:I,s:s,s:s}", "key", (json_int_t)statement->key, "text",
			       statement->text, "signature", signature)
			 : NULL;
}

enum fas_code
audit_statement_from_json(json_t *object, struct audit_statement *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	*out = (struct audit_statement){0};
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	out->key = json_need_int(&r, "key", 1, INT64_MAX);
	const char *text = json_need_text(&r, "text", 2, AUDIT_STATEMENT_TEXT_MAX - 1);
	OWN(bytes)
	uint8_t *signature =
	    json_need_base64(&r, "signature", AUDIT_SIGNATURE_MAX, &out->signature_len);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	memcpy(out->signature, signature, out->signature_len);
	out->text = strdup(text);
	return out->text ? FAS_OK : fas_fail_nomem(e);
}

/* ---- what is stated ---- */

static json_t *
format_checkpoint(const struct audit_checkpoint *c)
{
	char hex[2 * AUDIT_HASH + 1];
	return json_pack("{s:I,s:s,s:I,s:I,s:I,s:I}", "seq", (json_int_t)c->at.seq, "hash",
	    hex_encode(c->at.hash, AUDIT_HASH, hex), "counter", (json_int_t)c->counter, "head_ms",
	    (json_int_t)c->head_ms, "count", (json_int_t)c->count, "keep_s", (json_int_t)c->keep_s);
}

static json_t *
format_gap(const struct audit_gap *g)
{
	char hex[2 * AUDIT_HASH + 1];
	return json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:s,s:s}", "from", (json_int_t)g->from, "to",
	    (json_int_t)g->to, "seq", (json_int_t)g->at.seq, "hash",
	    hex_encode(g->at.hash, AUDIT_HASH, hex), "counter", (json_int_t)g->counter, "since_ms",
	    (json_int_t)g->since_ms, "missing", (json_int_t)g->missing, "by", g->by, "reason",
	    g->reason);
}

char *
audit_stated_format(const struct audit_stated *stated)
{
	OWN(json)
	json_t *object = stated->kind == AUDIT_CHECKPOINT ? format_checkpoint(&stated->checkpoint)
							  : format_gap(&stated->gap);
	OWN(json)
	json_t *head = json_pack("{s:s,s:s,s:s,s:I}", "kind", kinds[stated->kind], "trail",
	    stated->trail, "node", stated->node, "time_ms", (json_int_t)stated->time_ms);
	if (!object || !head || json_object_update(object, head) != 0)
		return NULL;
	return json_text(object, JSON_COMPACT | JSON_SORT_KEYS);
}

static void
read_hash(struct json_reader *r, uint8_t out[AUDIT_HASH])
{
	const char *hex = json_need_text(r, "hash", 2 * (size_t)AUDIT_HASH, 2 * (size_t)AUDIT_HASH);
	if (hex && !hex_decode(hex, out, AUDIT_HASH))
		fas_fail(r->e, FAS_E_INPUT, "member_invalid", "member \"hash\" is not hex");
}

static bool
parse_checkpoint(struct json_reader *r, int64_t time_ms, struct audit_checkpoint *c)
{
	c->at.seq = json_need_int(r, "seq", 2, INT64_MAX);
	read_hash(r, c->at.hash);
	c->counter = json_need_int(r, "counter", 1, INT64_MAX);
	c->head_ms = json_need_int(r, "head_ms", 0, INT64_MAX);
	c->count = json_need_int(r, "count", 1, INT64_MAX);
	c->keep_s = json_need_int(r, "keep_s", AUDIT_KEEP_MIN_S, AUDIT_KEEP_MAX_S);
	return c->count == c->at.seq - 1 && c->head_ms <= time_ms &&
	       time_ms - c->head_ms >= c->keep_s * 1000;
}

static bool
parse_gap(struct json_reader *r, int64_t time_ms, struct audit_gap *g)
{
	g->from = json_need_int(r, "from", 1, INT64_MAX);
	g->to = json_need_int(r, "to", 1, INT64_MAX - 1);
	g->at.seq = json_need_int(r, "seq", 0, INT64_MAX);
	read_hash(r, g->at.hash);
	g->counter = json_need_int(r, "counter", 1, INT64_MAX);
	g->since_ms = json_need_int(r, "since_ms", 0, INT64_MAX);
	g->missing = json_need_int(r, "missing", 0, INT64_MAX);
	const char *by = json_need_text(r, "by", 1, AUDIT_OPERATOR_MAX - 1);
	const char *reason = json_need_text(r, "reason", 1, AUDIT_REASON_MAX);
	(void)snprintf(g->by, sizeof(g->by), "%s", by ? by : "");
	(void)snprintf(g->reason, sizeof(g->reason), "%s", reason ? reason : "");
	return g->from <= g->to && g->since_ms <= time_ms;
}

static bool
parse_head(struct json_reader *r, struct audit_stated *out)
{
	const char *kind = json_need_text(r, "kind", 1, 32);
	const char *trail = json_need_text(r, "trail", 1, TRAIL_NAME_MAX - 1);
	const char *node = json_need_text(r, "node", 1, AUDIT_NODE_MAX - 1);
	out->time_ms = json_need_int(r, "time_ms", 0, INT64_MAX);
	if (!kind || !trail || !node)
		return false;
	bool is_gap = strcmp(kind, kinds[AUDIT_ACKNOWLEDGEMENT]) == 0;
	out->kind = is_gap ? AUDIT_ACKNOWLEDGEMENT : AUDIT_CHECKPOINT;
	(void)snprintf(out->trail, sizeof(out->trail), "%s", trail);
	(void)snprintf(out->node, sizeof(out->node), "%s", node);
	return (is_gap || strcmp(kind, kinds[AUDIT_CHECKPOINT]) == 0) &&
	       (strcmp(trail, TRAIL_FASD) == 0 || strcmp(trail, TRAIL_SIGNER) == 0);
}

enum fas_code
audit_stated_parse(const char *text, struct audit_stated *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	*out = (struct audit_stated){0};
	enum fas_code rc = json_open(&r, text, strlen(text), &why);
	bool good = rc == FAS_OK && parse_head(&r, out);
	if (good)
		good = out->kind == AUDIT_CHECKPOINT
			   ? parse_checkpoint(&r, out->time_ms, &out->checkpoint)
			   : parse_gap(&r, out->time_ms, &out->gap);
	if (rc == FAS_OK)
		rc = json_finish(&r);
	if (rc == FAS_OK && good)
		return FAS_OK;
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	return fas_fail(e, FAS_E_INPUT, "statement_malformed", "statement: %s",
	    why.message[0] ? why.message : "its members contradict each other");
}

int64_t
audit_stated_seq(const struct audit_stated *stated)
{
	return stated->kind == AUDIT_CHECKPOINT ? stated->checkpoint.at.seq : stated->gap.to + 1;
}

json_t *
audit_stated_detail(const struct audit_stated *stated)
{
	const struct audit_checkpoint *c = &stated->checkpoint;
	const struct audit_gap *gap = &stated->gap;
	if (stated->kind == AUDIT_CHECKPOINT)
		return json_pack("{s:s,s:I,s:I,s:I}", "trail", stated->trail, "begins",
		    (json_int_t)c->at.seq, "pruned", (json_int_t)c->count, "counter",
		    (json_int_t)c->counter);
	return json_pack("{s:s,s:I,s:I,s:I}", "trail", stated->trail, "from", (json_int_t)gap->from,
	    "to", (json_int_t)gap->to, "missing", (json_int_t)gap->missing);
}

bool
audit_gap_covers(const struct audit_stated *stated, const struct audit_head *head)
{
	const struct audit_gap *gap = &stated->gap;
	return stated->kind == AUDIT_ACKNOWLEDGEMENT && strcmp(stated->trail, head->trail) == 0 &&
	       head->seq >= gap->from && head->seq <= gap->to && head->counter <= gap->counter;
}
