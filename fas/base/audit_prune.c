#include "fas/base/audit_prune.h"

#include <string.h>

#define STEP 256

struct step {
	const char *trail;
	struct audit_checkpoint checkpoint; /* seq 0: there is none */
	int64_t below;                      /* records that go; 0: none is left */
	int64_t floor;                      /* countersignatures that go */
	int64_t n;
	struct db *db;
	struct fas_err *e;
	enum fas_code rc; /* of the look-ups on the way */
};

static enum fas_code
find_checkpoint(struct db *db, struct step *s, struct fas_err *e)
{
	OWN(audit_statement) struct audit_statement newest = {0};
	struct audit_stated stated;
	bool found = false;
	enum fas_code rc = audit_statement_last(db, AUDIT_CHECKPOINT, s->trail, &newest, &found, e);
	if (rc != FAS_OK || !found)
		return rc;
	rc = audit_stated_parse(newest.text, &stated, e);
	s->checkpoint = stated.checkpoint;
	return rc == FAS_OK ? audit_floor(db, &s->floor, e) : rc;
}

static enum fas_code
not_pruned(struct step *s, int64_t seq, const char *why)
{
	s->rc = fas_fail(s->e, FAS_E_CONFLICT, "audit_not_pruned",
	    "record %lld of the trail of %s: %s: nothing is pruned (fasctl audit verify)",
	    (long long)seq, s->trail, why);
	return s->rc;
}

/* Only numbers that were left out with an administrator's word do not stop the pruning. */
static bool
judge(const struct audit_finding *finding, void *arg)
{
	struct step *s = arg;
	bool agreed = false;
	if (strcmp(finding->what, AUDIT_NUMBERS_SKIPPED) == 0)
		s->rc = audit_gap_ends_at(s->db, s->trail, finding->seq, &agreed, s->e);
	if (s->rc == FAS_OK && !agreed)
		(void)not_pruned(s, finding->seq, finding->meaning);
	return s->rc == FAS_OK;
}

static enum fas_code
check_anchor(struct db *db, struct step *s)
{
	struct fas_err why = {0};
	enum fas_code rc = audit_expect(db, &s->checkpoint.at, &why);
	return rc == FAS_OK ? FAS_OK : not_pruned(s, s->checkpoint.at.seq, why.message);
}

/* One record more than goes: the link to what stays is looked at too. */
static enum fas_code
check_oldest(struct db *db, struct step *s, const struct audit_begin *begin, struct fas_err *e)
{
	struct audit_place place = begin->before;
	size_t n = 0;
	enum fas_code rc = audit_check(db, &place, STEP + 1, &n, judge, s, e);
	if (rc == FAS_OK)
		rc = s->rc;
	if (rc == FAS_OK && (place.seq >= s->checkpoint.at.seq || n <= STEP))
		rc = check_anchor(db, s);
	s->below = place.seq < s->checkpoint.at.seq ? place.seq : s->checkpoint.at.seq;
	return rc;
}

static enum fas_code
look(struct db *db, void *arg, struct fas_err *e)
{
	struct step *s = arg;
	struct audit_begin begin = {0};
	s->db = db;
	s->e = e;
	enum fas_code rc = find_checkpoint(db, s, e);
	if (rc == FAS_OK)
		rc = audit_begin(db, &begin, e);
	if (rc != FAS_OK || begin.seq >= s->checkpoint.at.seq)
		return rc;
	return check_oldest(db, s, &begin, e);
}

static enum fas_code
prune(struct db *db, void *arg, struct fas_err *e)
{
	struct step *s = arg;
	return s->below ? audit_prune_records(db, s->below, &s->n, e)
			: audit_prune_heads(db, s->floor, STEP, &s->n, e);
}

enum fas_code
audit_prune_step(struct db_pool *pool, const char *trail, bool *more, struct fas_err *e)
{
	struct step s = {.trail = trail};
	*more = false;
	enum fas_code rc = db_read(pool, look, &s, e);
	if (rc != FAS_OK || s.checkpoint.at.seq == 0)
		return rc;
	rc = db_write(pool, prune, &s, e);
	*more = rc == FAS_OK && (s.below || s.n == STEP);
	return rc;
}
