/* fasctl audit verify: countersigned heads, the signer's and the copies that fasd keeps, against both chains. */
#include "fas/ctl/audit_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define HEADS_MAX 100000000
#define BATCH 500

/* The countersignatures of one database in order, a page at a time. */
struct stream {
	enum ctl_peer peer;
	json_t *page; /* owned */
	size_t next;
	int64_t after;
	bool ended, present; /* present: head holds the next one */
	struct audit_head head;
	struct audit_keys keys;
};

static void
stream_done(struct stream *s)
{
	json_decref(s->page);
}

/* Heads of one trail that wait to be compared with its chain. */
struct batch {
	enum ctl_peer peer;
	size_t n;
	struct audit_head heads[BATCH];
};

struct heads {
	struct verification *v;
	struct stream signer, fasd;
	struct batch batches[2];
	int64_t counter; /* the last one looked at */
};

static int
next_page(struct heads *h, struct stream *s)
{
	struct fas_err e = {0};
	json_decref(s->page);
	s->page = NULL;
	s->next = 0;
	int rc = ctl_ask(h->v->args, s->peer,
	    json_pack("{s:s,s:I}", "op", "audit.heads", "after", (json_int_t)s->after), &s->page);
	if (rc != CLI_OK)
		return rc;
	if (audit_keys_from_json(json_object_get(s->page, "keys"), &s->keys, &e) != FAS_OK)
		return ctl_fail(h->v->args, &e);
	s->ended = json_array_size(json_object_get(s->page, "heads")) == 0;
	return CLI_OK;
}

/* A row that cannot be read is a finding, and the next one is tried. */
static int
advance(struct heads *h, struct stream *s)
{
	s->present = false;
	while (!s->ended && !s->present) {
		json_t *list = json_object_get(s->page, "heads");
		if (s->next >= json_array_size(list)) {
			int rc = next_page(h, s);
			if (rc != CLI_OK)
				return rc;
			continue;
		}
		struct fas_err e = {0};
		json_t *row = json_array_get(list, s->next++);
		int64_t counter = (int64_t)json_integer_value(json_object_get(row, "counter"));
		s->after = counter > s->after ? counter : s->after;
		s->present = audit_head_from_json(row, &s->head, &e) == FAS_OK;
		if (!s->present)
			verify_found(h->v, verify_trail(s->peer), 0, "head_malformed",
			    "countersignature %lld in its database: %s", (long long)counter,
			    e.message);
	}
	return CLI_OK;
}

/* ---- single checks ---- */

static void
check_signature(struct heads *h, const struct audit_head *head)
{
	struct fas_err e = {0};
	const struct audit_key *key = audit_keys_find(&h->signer.keys, head->key);
	if (!key)
		verify_found(h->v, head->trail, head->seq, "signature_wrong",
		    "countersignature %lld: the signer has no audit key %lld",
		    (long long)head->counter, (long long)head->key);
	else if (audit_head_verify(head, key->spki, key->spki_len, &e) != FAS_OK)
		verify_found(h->v, head->trail, head->seq, "signature_wrong",
		    "countersignature %lld was not made by the signer's audit key",
		    (long long)head->counter);
}

static void
check_keys(struct heads *h)
{
	for (size_t i = 0; i < h->fasd.keys.n; i++) {
		const struct audit_key *kept = &h->fasd.keys.keys[i];
		const struct audit_key *now = audit_keys_find(&h->signer.keys, kept->id);
		if (!now || now->spki_len != kept->spki_len ||
		    memcmp(now->spki, kept->spki, kept->spki_len) != 0)
			verify_found(h->v, TRAIL_SIGNER, 0, "key_changed",
			    "audit key %lld is not the one that fasd has kept: ca.db was rebuilt",
			    (long long)kept->id);
	}
}

static void
check_counter(struct heads *h, const struct audit_head *head)
{
	if (head->counter != h->counter + 1)
		verify_found(h->v, head->trail, head->seq, "counter_gap",
		    "countersignatures %lld to %lld are in neither database",
		    (long long)h->counter + 1, (long long)head->counter - 1);
	h->counter = head->counter;
}

/* ---- against the chain ---- */

static void
extend(struct verify_lost *lost, int64_t seq)
{
	if (lost->from == 0 || seq < lost->from)
		lost->from = seq;
	if (seq > lost->to)
		lost->to = seq;
}

/* A record that was pruned is not there; one that an old database has lost may be explained. */
static void
compare_hash(struct heads *h, const struct audit_head *head, const char *hash)
{
	char want[2 * AUDIT_HASH + 1];
	struct verification *v = h->v;
	if (hash && strcmp(hash, hex_encode(head->hash, AUDIT_HASH, want)) == 0)
		return;
	if ((!hash && head->seq < v->checkpoints[verify_peer(head->trail)].at.seq) ||
	    verify_explains_head(v, head))
		return;
	extend(&v->lost[verify_peer(head->trail)], head->seq);
	if (!hash)
		verify_found_lost(v, head->trail, head->seq, "record_cut",
		    "the record was countersigned (number %lld) and is not there: the trail was "
		    "cut, or an old database was put back",
		    (long long)head->counter);
	else
		verify_found_lost(v, head->trail, head->seq, "chain_rebuilt",
		    "another record was countersigned here (number %lld): the chain was rebuilt, "
		    "or an old database was put back",
		    (long long)head->counter);
}

static int
compare_batch(struct heads *h, struct batch *b)
{
	OWN(json) json_t *seqs = json_array();
	OWN(json) json_t *reply = NULL;
	if (b->n == 0)
		return CLI_OK;
	for (size_t i = 0; i < b->n; i++)
		(void)json_array_append_new(seqs, json_integer((json_int_t)b->heads[i].seq));
	int rc = ctl_ask(h->v->args, b->peer,
	    json_pack("{s:s,s:O}", "op", "audit.hashes", "seqs", seqs), &reply);
	if (rc != CLI_OK)
		return rc;
	const json_t *hashes = json_object_get(reply, "hashes");
	for (size_t i = 0; i < b->n; i++)
		compare_hash(h, &b->heads[i], json_string_value(json_array_get(hashes, i)));
	b->n = 0;
	return CLI_OK;
}

static int
check_chain(struct heads *h, const struct audit_head *head)
{
	enum ctl_peer peer = verify_peer(head->trail);
	struct batch *b = &h->batches[peer];
	b->heads[b->n++] = *head;
	return b->n == BATCH ? compare_batch(h, b) : CLI_OK;
}

static int
check_head(struct heads *h, const struct audit_head *head)
{
	check_counter(h, head);
	check_signature(h, head);
	if (verify_peer(head->trail) == CTL_FASD)
		(void)snprintf(h->v->node, sizeof(h->v->node), "%s", head->node);
	if (++h->v->heads % BATCH == 0)
		ctl_progress(h->v->args, "countersigned heads", h->v->heads, 0);
	return check_chain(h, head);
}

/* ---- the two side by side ---- */

static bool
same_head(const struct audit_head *a, const struct audit_head *b)
{
	uint8_t bytes_a[AUDIT_HEAD_MESSAGE_MAX], bytes_b[AUDIT_HEAD_MESSAGE_MAX];
	size_t len = audit_head_message(a, bytes_a);
	return len == audit_head_message(b, bytes_b) && memcmp(bytes_a, bytes_b, len) == 0 &&
	       a->signature_len == b->signature_len &&
	       memcmp(a->signature, b->signature, a->signature_len) == 0;
}

static int
only_at_signer(struct heads *h)
{
	/* At the end the copies may lag: the next round brings them. */
	h->v->counters[CTL_SIGNER] = h->signer.head.counter;
	if (!h->fasd.ended)
		verify_found(h->v, TRAIL_FASD, 0, "copy_missing",
		    "countersignature %lld was taken out of fas.db",
		    (long long)h->signer.head.counter);
	int rc = check_head(h, &h->signer.head);
	return rc == CLI_OK ? advance(h, &h->signer) : rc;
}

/* What fasd holds the signer has made before: it may have come since the signer's last page. */
static int
look_again(struct heads *h)
{
	struct stream *s = &h->signer;
	json_decref(s->page);
	s->page = NULL;
	s->next = 0;
	s->ended = false;
	s->after = h->fasd.head.counter - 1;
	return advance(h, s);
}

static int
only_at_fasd(struct heads *h)
{
	if (h->signer.ended) {
		int again = look_again(h);
		if (again != CLI_OK || h->signer.present)
			return again;
	}
	h->v->counters[CTL_FASD] = h->fasd.head.counter;
	verify_found(h->v, TRAIL_SIGNER, 0, "copy_missing",
	    "countersignature %lld was taken out of ca.db, or an old ca.db was put back",
	    (long long)h->fasd.head.counter);
	int rc = check_head(h, &h->fasd.head);
	return rc == CLI_OK ? advance(h, &h->fasd) : rc;
}

static int
at_both(struct heads *h)
{
	struct audit_head copy = h->fasd.head;
	int rc = CLI_OK;
	h->v->counters[CTL_SIGNER] = h->v->counters[CTL_FASD] = copy.counter;
	if (!same_head(&h->signer.head, &copy)) {
		verify_found(h->v, h->signer.head.trail, h->signer.head.seq, "copies_differ",
		    "countersignature %lld reads differently in ca.db and fas.db",
		    (long long)copy.counter);
		check_signature(h, &copy);
		rc = check_chain(h, &copy);
	}
	if (rc == CLI_OK)
		rc = check_head(h, &h->signer.head);
	if (rc == CLI_OK)
		rc = advance(h, &h->signer);
	return rc == CLI_OK ? advance(h, &h->fasd) : rc;
}

static int
step(struct heads *h)
{
	if (!h->fasd.present ||
	    (h->signer.present && h->signer.head.counter < h->fasd.head.counter))
		return only_at_signer(h);
	if (!h->signer.present || h->fasd.head.counter < h->signer.head.counter)
		return only_at_fasd(h);
	return at_both(h);
}

/* Older countersignatures were pruned, or may be at any time. */
static void
begin_at_checkpoints(struct heads *h)
{
	int64_t fasd = h->v->checkpoints[CTL_FASD].counter;
	int64_t signer = h->v->checkpoints[CTL_SIGNER].counter;
	int64_t floor = fasd < signer ? fasd : signer;
	if (floor > 0)
		h->counter = h->signer.after = h->fasd.after = floor - 1;
}

static int
run(struct heads *h)
{
	begin_at_checkpoints(h);
	/* The copies first: what comes meanwhile is then at the signer only, which is no finding. */
	int rc = advance(h, &h->fasd);
	if (rc == CLI_OK)
		rc = advance(h, &h->signer);
	if (rc == CLI_OK)
		check_keys(h);
	for (size_t i = 0; rc == CLI_OK && i < HEADS_MAX; i++) {
		if (!h->fasd.present && !h->signer.present)
			break;
		rc = step(h);
	}
	if (rc == CLI_OK)
		rc = compare_batch(h, &h->batches[CTL_FASD]);
	return rc == CLI_OK ? compare_batch(h, &h->batches[CTL_SIGNER]) : rc;
}

int
verify_heads(struct verification *v)
{
	struct heads *h = calloc(1, sizeof(*h));
	if (!h) {
		struct fas_err e = {0};
		(void)fas_fail_nomem(&e);
		return ctl_fail(v->args, &e);
	}
	h->v = v;
	h->signer.peer = h->batches[CTL_SIGNER].peer = CTL_SIGNER;
	h->fasd.peer = h->batches[CTL_FASD].peer = CTL_FASD;
	int rc = run(h);
	stream_done(&h->signer);
	stream_done(&h->fasd);
	free(h);
	return rc;
}
