#include "ca/countersign.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/key.h"
#include "fas/base/audit_head.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/log.h"
#include "fas/base/text.h"

#define PAGE_ROWS 200

/* ---- the key ---- */

static enum fas_code
key_path(const struct ca *ca, int64_t id, char path[PATH_MAX], struct fas_err *e)
{
	char name[64];
	(void)snprintf(name, sizeof(name), "keys/audit-%lld.key", (long long)id);
	return file_join(path, PATH_MAX, ca->config->state, name, e);
}

static enum fas_code
load_keys(struct db *db, void *arg, struct fas_err *e)
{
	return audit_keys_load(db, arg, e);
}

struct registering {
	struct audit_key key;
	struct audit_record record;
};

static enum fas_code
register_key(struct db *db, void *arg, struct fas_err *e)
{
	const struct registering *r = arg;
	enum fas_code rc = audit_key_add(db, &r->key, clock_now_ms(), e);
	return rc == FAS_OK ? audit_append(db, &r->record, e) : rc;
}

static enum fas_code
put_key_on_record(struct ca *ca, int64_t id, struct fas_err *e)
{
	char number[24], correlation_id[CORRELATION_ID_MAX];
	size_t len = 0;
	const uint8_t *spki = key_spki(ca->audit_key, &len);
	struct registering r = {.key = {.id = id, .spki_len = len}};
	if (len > AUDIT_KEY_MAX)
		return fas_fail(
		    e, FAS_E_CONFIG, "key_file", "audit key %lld is not P-256", (long long)id);
	memcpy(r.key.spki, spki, len);
	correlation_id_new(correlation_id);
	(void)snprintf(number, sizeof(number), "%lld", (long long)id);
	OWN(json) json_t *detail = audit_detail("key", number, NULL);
	r.record = (struct audit_record){.event = "audit_key_made",
	    .outcome = "done",
	    .caller = "fas-signer",
	    .correlation_id = correlation_id,
	    .detail = detail};
	enum fas_code rc = db_write(ca->db, register_key, &r, e);
	if (rc == FAS_OK)
		audit_log(&r.record);
	return rc;
}

/* A file without its row was made just before a crash, and has signed nothing yet. */
static enum fas_code
make_key(struct ca *ca, int64_t id, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = key_path(ca, id, path, e);
	if (rc != FAS_OK)
		return rc;
	if (access(path, F_OK) == 0) {
		rc = key_load(path, &ca->audit_key, e);
	} else {
		rc = key_generate("p-256", &ca->audit_key, e);
		if (rc == FAS_OK)
			rc = key_save(ca->audit_key, path, e);
	}
	if (rc != FAS_OK)
		return rc;
	ca->audit_key_id = id;
	return put_key_on_record(ca, id, e);
}

static enum fas_code
load_key(struct ca *ca, const struct audit_key *known, struct fas_err *e)
{
	char path[PATH_MAX];
	size_t len = 0;
	enum fas_code rc = key_path(ca, known->id, path, e);
	if (rc == FAS_OK)
		rc = key_load(path, &ca->audit_key, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *spki = key_spki(ca->audit_key, &len);
	ca->audit_key_id = known->id;
	if (len == known->spki_len && memcmp(spki, known->spki, len) == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFLICT, "key_mismatch",
	    "%s is not the audit key that ca.db knows under this number", path);
}

enum fas_code
countersign_init(struct ca *ca, struct fas_err *e)
{
	struct audit_keys keys;
	char path[PATH_MAX];
	enum fas_code rc = db_read(ca->db, load_keys, &keys, e);
	if (rc != FAS_OK)
		return rc;
	if (keys.n == 0)
		return make_key(ca, 1, e);
	if (keys.n == AUDIT_KEYS_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "audit_keys", "%d audit keys are on record", AUDIT_KEYS_MAX);
	const struct audit_key *newest = &keys.keys[keys.n - 1];
	if ((rc = key_path(ca, newest->id, path, e)) != FAS_OK)
		return rc;
	return access(path, F_OK) == 0 ? load_key(ca, newest, e) : make_key(ca, newest->id + 1, e);
}

void
countersign_done(struct ca *ca)
{
	key_free(ca->audit_key);
}

/* ---- one request ---- */

struct request {
	struct ca *ca;
	const char *node;
	struct audit_place fasd; /* what fasd shows */
	int64_t after;           /* the last counter that fasd holds */
	int64_t now_ms;
	json_t *heads;
	struct audit_keys keys;
	bool more;
};

static enum fas_code
sign(struct db *db, struct request *r, const char *trail, const struct audit_place *at,
    struct fas_err *e)
{
	struct audit_head last, head = {.time_ms = r->now_ms, .key = r->ca->audit_key_id};
	uint8_t message[AUDIT_HEAD_MESSAGE_MAX], signature[KEY_SIGNATURE_MAX];
	bool found = false;
	enum fas_code rc = audit_head_last(db, NULL, &last, &found, e);
	if (rc != FAS_OK)
		return rc;
	head.counter = found ? last.counter + 1 : 1;
	head.seq = at->seq;
	memcpy(head.hash, at->hash, AUDIT_HASH);
	(void)snprintf(head.trail, sizeof(head.trail), "%s", trail);
	bool is_fasd = strcmp(trail, TRAIL_FASD) == 0;
	(void)snprintf(head.node, sizeof(head.node), "%s", is_fasd ? r->node : "");
	rc = key_sign(r->ca->audit_key, message, audit_head_message(&head, message), signature,
	    &head.signature_len, e);
	if (rc != FAS_OK || head.signature_len > AUDIT_SIGNATURE_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "audit_signature", "the signature is too long");
	memcpy(head.signature, signature, head.signature_len);
	return audit_head_add(db, &head, e);
}

/* A trail only grows: where it stood once, it has the same hash for ever. */
static enum fas_code
advance(struct db *db, struct request *r, const char *trail, const struct audit_place *at,
    struct fas_err *e)
{
	struct audit_head last;
	bool found = false;
	enum fas_code rc = audit_head_last(db, trail, &last, &found, e);
	if (rc != FAS_OK || (!found && at->seq == 0))
		return rc;
	if (found && at->seq < last.seq)
		return fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
		    "the trail of %s ends at record %lld, and record %lld was countersigned", trail,
		    (long long)at->seq, (long long)last.seq);
	if (!found || at->seq > last.seq)
		return sign(db, r, trail, at, e);
	if (memcmp(last.hash, at->hash, AUDIT_HASH) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
		    "record %lld of the trail of %s is another one than was countersigned",
		    (long long)at->seq, trail);
	return FAS_OK;
}

/* fasd's copies show whether this database has gone back itself. */
static enum fas_code
check_own_counter(struct db *db, const struct request *r, struct fas_err *e)
{
	struct audit_head last = {0};
	bool found = false;
	enum fas_code rc = audit_head_last(db, NULL, &last, &found, e);
	if (rc != FAS_OK || r->after <= last.counter)
		return rc;
	return fas_fail(e, FAS_E_CONFLICT, "audit_rewound",
	    "fasd holds countersignature %lld, ca.db ends at %lld: an old ca.db was put back",
	    (long long)r->after, (long long)last.counter);
}

static enum fas_code
add_head(const struct audit_head *head, void *arg, struct fas_err *e)
{
	return json_array_append_new(arg, audit_head_to_json(head)) == 0 ? FAS_OK
									 : fas_fail_nomem(e);
}

static enum fas_code
countersign(struct db *db, void *arg, struct fas_err *e)
{
	struct request *r = arg;
	struct audit_place own;
	enum fas_code rc = check_own_counter(db, r, e);
	if (rc == FAS_OK)
		rc = advance(db, r, TRAIL_FASD, &r->fasd, e);
	if (rc == FAS_OK)
		rc = audit_head_place(db, &own, e);
	if (rc == FAS_OK)
		rc = advance(db, r, TRAIL_SIGNER, &own, e);
	if (rc == FAS_OK)
		rc = audit_keys_load(db, &r->keys, e);
	if (rc == FAS_OK)
		rc = audit_heads_each(db, r->after, PAGE_ROWS, add_head, r->heads, e);
	r->more = json_array_size(r->heads) == PAGE_ROWS;
	return rc;
}

static void
log_heads(const struct request *r)
{
	size_t i;
	json_t *object;
	json_array_foreach(r->heads, i, object)
	{
		char counter[24], seq[24];
		(void)snprintf(counter, sizeof(counter), "%lld",
		    (long long)json_integer_value(json_object_get(object, "counter")));
		(void)snprintf(seq, sizeof(seq), "%lld",
		    (long long)json_integer_value(json_object_get(object, "seq")));
		log_event(LOG_LEVEL_INFO, "audit_head", "trail",
		    json_string_value(json_object_get(object, "trail")), "seq", seq, "head",
		    json_string_value(json_object_get(object, "head")), "counter", counter, NULL);
	}
}

static bool
node_is_valid(const char *node)
{
	return strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(node);
}

enum fas_code
op_countersign(struct call *call, struct fas_err *e)
{
	struct json_reader *in = &call->in;
	OWN(json) json_t *heads = json_array();
	struct request r = {.ca = call->ca, .heads = heads, .now_ms = clock_now_ms()};
	int64_t now_s;
	r.node = json_need_text(in, "node", 1, AUDIT_NODE_MAX - 1);
	r.fasd.seq = json_need_int(in, "seq", 0, INT64_MAX - 1);
	r.after = json_need_int(in, "after", 0, INT64_MAX - 1);
	const char *head =
	    json_need_text(in, "head", 2 * (size_t)AUDIT_HASH, 2 * (size_t)AUDIT_HASH);
	enum fas_code rc = json_finish(in);
	if (rc == FAS_OK && (!node_is_valid(r.node) || !hex_decode(head, r.fasd.hash, AUDIT_HASH)))
		rc = fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "\"node\" is a-z and 0-9, \"head\" is hex");
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &now_s, e);
	if (rc == FAS_OK)
		rc = db_write(call->ca->db, countersign, &r, e);
	if (rc != FAS_OK)
		return rc;
	log_heads(&r);
	call->reply = json_pack(
	    "{s:O,s:o,s:b}", "heads", heads, "keys", audit_keys_to_json(&r.keys), "more", r.more);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
