/*
 * fasctl audit verify: what the signer has stated about the trails and fasd has agreed to.  Only what both databases hold,
 * and the signer's audit key confirms, lets a trail begin later or explains a gap.
 */
#include "fas/ctl/audit_verify.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define PAGES_MAX 10000
#define ANCHORS_MAX (VERIFY_ACKNOWLEDGED_MAX + 1)

/* ---- what each database has ---- */

struct gathered {
	json_t *lists[2]; /* by enum ctl_peer; NULL: not asked */
	struct audit_keys keys;
};

static int
gather(struct verification *v, enum ctl_peer peer, json_t *list)
{
	json_int_t after = 0;
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *reply = NULL;
		int rc = ctl_ask(v->args, peer,
		    json_pack("{s:s,s:I}", "op", "audit.statements", "after", after), &reply);
		if (rc != CLI_OK)
			return rc;
		(void)json_array_extend(list, json_object_get(reply, "statements"));
		after = json_integer_value(json_object_get(reply, "last"));
		if (!json_is_true(json_object_get(reply, "more")))
			return CLI_OK;
	}
	return CLI_OK;
}

static int
gather_keys(struct verification *v, enum ctl_peer peer, struct audit_keys *keys)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(v->args, peer,
	    json_pack("{s:s,s:I}", "op", "audit.heads", "after", (json_int_t)INT64_MAX), &reply);
	if (rc != CLI_OK)
		return rc;
	if (audit_keys_from_json(json_object_get(reply, "keys"), keys, &e) != FAS_OK)
		return ctl_fail(v->args, &e);
	return CLI_OK;
}

static bool
is_among(const json_t *list, const char *text)
{
	size_t i;
	const json_t *object;
	json_array_foreach(list, i, object)
	{
		const char *other = json_string_value(json_object_get(object, "text"));
		if (other && strcmp(other, text) == 0)
			return true;
	}
	return false;
}

/* ---- what counts ---- */

static void
take(struct verification *v, const struct audit_stated *s)
{
	struct audit_checkpoint *newest = &v->checkpoints[verify_peer(s->trail)];
	if (s->kind == AUDIT_CHECKPOINT && s->checkpoint.at.seq > newest->at.seq)
		*newest = s->checkpoint;
	if (s->kind == AUDIT_ACKNOWLEDGEMENT && v->n_acknowledged < VERIFY_ACKNOWLEDGED_MAX)
		v->acknowledged[v->n_acknowledged++].stated = *s;
}

static void
judge(struct verification *v, const struct gathered *g, enum ctl_peer from, json_t *object)
{
	OWN(audit_statement) struct audit_statement statement = {0};
	struct audit_stated stated;
	struct fas_err e = {0};
	enum ctl_peer other = from == CTL_FASD ? CTL_SIGNER : CTL_FASD;
	enum fas_code rc = audit_statement_from_json(object, &statement, &e);
	if (rc == FAS_OK)
		rc = audit_statement_verify(&statement, &g->keys, &e);
	if (rc == FAS_OK)
		rc = audit_stated_parse(statement.text, &stated, &e);
	if (rc != FAS_OK)
		verify_found(
		    v, verify_trail(from), 0, fas_err_reason(&e), "in its database: %s", e.message);
	else if (from == CTL_SIGNER && g->lists[other])
		return; /* without fasd's agreement it says nothing */
	else if (!g->lists[other] || is_among(g->lists[other], statement.text))
		take(v, &stated);
	else
		verify_found(v, TRAIL_SIGNER, 0, "copy_missing",
		    "a statement about the trail of %s (record %lld) was taken out of ca.db, or an "
		    "old ca.db was put back",
		    stated.trail, (long long)audit_stated_seq(&stated));
}

static void
judge_all(struct verification *v, const struct gathered *g, enum ctl_peer from)
{
	size_t i;
	json_t *object;
	json_array_foreach(g->lists[from], i, object)
	{
		judge(v, g, from, object);
	}
}

int
verify_statements(struct verification *v, bool fasd, bool signer)
{
	OWN(json) json_t *of_fasd = fasd ? json_array() : NULL;
	OWN(json) json_t *of_signer = signer ? json_array() : NULL;
	struct gathered g = {.lists = {[CTL_SIGNER] = of_signer, [CTL_FASD] = of_fasd}};
	/* fasd's first: what comes meanwhile is then at the signer only, which is no finding. */
	int rc = fasd ? gather(v, CTL_FASD, of_fasd) : CLI_OK;
	if (rc == CLI_OK && signer)
		rc = gather(v, CTL_SIGNER, of_signer);
	if (rc == CLI_OK)
		rc = gather_keys(v, signer ? CTL_SIGNER : CTL_FASD, &g.keys);
	if (rc != CLI_OK)
		return rc;
	judge_all(v, &g, CTL_FASD);
	judge_all(v, &g, CTL_SIGNER);
	return CLI_OK;
}

/* ---- and is it about the chains that are here? ---- */

static size_t
collect_anchors(
    const struct verification *v, enum ctl_peer peer, struct audit_place anchors[ANCHORS_MAX])
{
	size_t n = 0;
	if (v->checkpoints[peer].at.seq > 0)
		anchors[n++] = v->checkpoints[peer].at;
	for (size_t i = 0; i < v->n_acknowledged; i++) {
		const struct audit_stated *s = &v->acknowledged[i].stated;
		if (verify_peer(s->trail) == peer && s->gap.at.seq > 0 &&
		    s->gap.at.seq >= v->begins[peer].seq)
			anchors[n++] = s->gap.at;
	}
	return n;
}

int
verify_anchors(struct verification *v, enum ctl_peer peer)
{
	struct audit_place anchors[ANCHORS_MAX];
	size_t n = collect_anchors(v, peer, anchors);
	OWN(json) json_t *seqs = json_array();
	OWN(json) json_t *reply = NULL;
	if (n == 0)
		return CLI_OK;
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(seqs, json_integer((json_int_t)anchors[i].seq));
	int rc = ctl_ask(
	    v->args, peer, json_pack("{s:s,s:O}", "op", "audit.hashes", "seqs", seqs), &reply);
	if (rc != CLI_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		char want[2 * AUDIT_HASH + 1];
		const char *hash =
		    json_string_value(json_array_get(json_object_get(reply, "hashes"), i));
		(void)hex_encode(anchors[i].hash, AUDIT_HASH, want);
		if (!hash || strcmp(hash, want) != 0)
			verify_found(v, verify_trail(peer), anchors[i].seq,
			    "statement_contradicted",
			    "a statement of the signer names this record, and it is %s",
			    hash ? "another one" : "not there");
	}
	return CLI_OK;
}

/* ---- explanations ---- */

bool
verify_is_pruned(const struct verification *v, enum ctl_peer peer, int64_t created_ms)
{
	return v->begins[peer].seq > 1 &&
	       created_ms < v->checkpoints[peer].head_ms + AUDIT_CLOCK_MARGIN_MS;
}

struct verify_acknowledged *
verify_explains_head(struct verification *v, const struct audit_head *head)
{
	for (size_t i = 0; i < v->n_acknowledged; i++) {
		struct verify_acknowledged *a = &v->acknowledged[i];
		if (!audit_gap_covers(&a->stated, head))
			continue;
		a->heads++;
		return a;
	}
	return NULL;
}

struct verify_acknowledged *
verify_explains_missing(struct verification *v, const char *trail, int64_t time_ms)
{
	for (size_t i = 0; i < v->n_acknowledged; i++) {
		struct verify_acknowledged *a = &v->acknowledged[i];
		const struct audit_gap *gap = &a->stated.gap;
		if (strcmp(a->stated.trail, trail) != 0 || time_ms < gap->since_ms ||
		    time_ms > a->stated.time_ms || a->missing >= gap->missing)
			continue;
		a->missing++;
		return a;
	}
	return NULL;
}
