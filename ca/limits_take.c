#include "ca/limits_take.h"

#include <string.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/log.h"

#define LIMITS_FILE_MAX 262144
#define APPROVED "limits"

static enum fas_code
seed(const char *sid_text, int64_t when_s, void *arg, struct fas_err *e)
{
	struct sid sid;
	enum fas_code rc = sid_parse(sid_text, &sid, e);
	return rc == FAS_OK ? rate_seed(arg, &sid, when_s, e) : rc;
}

struct seeding {
	struct rate *rate;
	int64_t since_s;
};

static enum fas_code
seed_all(struct db *db, void *arg, struct fas_err *e)
{
	const struct seeding *s = arg;
	return store_rates_each(db, s->since_s, seed, s->rate, e);
}

/* A CRL must outlive the longest certificate: a dead node's certificates then stay usable until they end. */
static enum fas_code
check_lives(const struct signer_config *config, const struct limits *limits, struct fas_err *e)
{
	for (size_t i = 0; i < config->n_authorities; i++) {
		const struct authority_config *a = &config->authorities[i];
		if (a->crl_life_s < limits->longest_life_s)
			return fas_fail(e, FAS_E_CONFIG, "config_crl",
			    "authority \"%s\": crl_life of %lld s is shorter than longest_life of "
			    "%lld s",
			    a->name, (long long)a->crl_life_s, (long long)limits->longest_life_s);
	}
	return FAS_OK;
}

/* In the place of the old ones, with the counts of the past. */
static enum fas_code
put_in_force(struct ca *ca, struct limits **taken, struct fas_err *e)
{
	OWN(limits) struct limits *limits = TAKE(*taken);
	OWN(rate) struct rate *rate = NULL;
	enum fas_code rc = check_lives(ca->config, limits, e);
	if (rc == FAS_OK)
		rc = rate_new(&limits->per_sid, &limits->total, &rate, e);
	if (rc != FAS_OK)
		return rc;
	int64_t period_s = limits->per_sid.period_s > limits->total.period_s
			       ? limits->per_sid.period_s
			       : limits->total.period_s;
	struct seeding s = {.rate = rate, .since_s = clock_now() - 2 * period_s};
	/* Under the lock: at most what is under way in this moment escapes the count. */
	(void)pthread_rwlock_wrlock(&ca->limits_lock);
	rc = db_read(ca->db, seed_all, &s, e);
	if (rc == FAS_OK) {
		struct limits *old_limits = ca->limits;
		struct rate *old_rate = ca->rate;
		ca->limits = TAKE(limits);
		ca->rate = TAKE(rate);
		limits = old_limits;
		rate = old_rate;
	}
	(void)pthread_rwlock_unlock(&ca->limits_lock);
	return rc;
}

/* ---- what two persons have agreed on ---- */

struct agreed {
	char *text; /* read: the caller's */
	const char *put;
};

static enum fas_code
read_agreed(struct db *db, void *arg, struct fas_err *e)
{
	struct agreed *a = arg;
	return store_approved_get(db, APPROVED, &a->text, e);
}

static enum fas_code
write_agreed(struct db *db, void *arg, struct fas_err *e)
{
	const struct agreed *a = arg;
	return store_approved_put(db, APPROVED, a->put, e);
}

enum fas_code
limits_read(const struct ca *ca, char **out, struct fas_err *e)
{
	size_t len = 0;
	const char *path = ca->config->limits_path;
	enum fas_code rc = config_owner_check(path, ca->owner, e);
	if (rc == FAS_OK)
		rc = file_read(path, LIMITS_FILE_MAX, out, &len, e);
	if (rc == FAS_OK && strlen(*out) != len) {
		free(TAKE(*out));
		return fas_fail(e, FAS_E_CONFIG, "yaml_malformed", "%s holds a NUL", path);
	}
	return rc;
}

static enum fas_code
use(struct ca *ca, const char *text, struct fas_err *e)
{
	struct limits *limits = NULL;
	enum fas_code rc =
	    limits_parse(ca->config->limits_path, text, strlen(text), ca->config, &limits, e);
	return rc == FAS_OK ? put_in_force(ca, &limits, e) : rc;
}

/* Durable before it is in force: a restart must not fall back behind what is. */
static enum fas_code
agree(struct ca *ca, const char *text, struct fas_err *e)
{
	struct agreed a = {.put = text};
	struct limits *limits = NULL;
	enum fas_code rc =
	    limits_parse(ca->config->limits_path, text, strlen(text), ca->config, &limits, e);
	/* What cannot be in force would keep every later start from succeeding. */
	if (rc == FAS_OK)
		rc = check_lives(ca->config, limits, e);
	limits_free(limits);
	if (rc == FAS_OK)
		rc = db_write(ca->db, write_agreed, &a, e);
	return rc == FAS_OK ? use(ca, text, e) : rc;
}

static enum fas_code
take_by_two(struct ca *ca, enum limits_source source, const char *text, struct fas_err *e)
{
	struct agreed a = {0};
	enum fas_code rc = db_read(ca->db, read_agreed, &a, e);
	OWN(text) char *agreed = a.text;
	if (rc != FAS_OK)
		return rc;
	bool same = agreed && strcmp(agreed, text) == 0;
	if (!agreed || source == LIMITS_AGREED) {
		rc = agree(ca, text, e);
	} else if (source == LIMITS_START) {
		rc = use(ca, agreed, e);
		if (!same)
			log_event(LOG_LEVEL_ERROR, "limits_not_agreed", "file",
			    ca->config->limits_path, "present", "what was agreed on last", NULL);
	} else if (!same) {
		rc = fas_fail(e, FAS_E_DENIED, "limits_need_two",
		    "%s has changed, and two persons have to agree: fasctl limits reload",
		    ca->config->limits_path);
	} else {
		rc = use(ca, text, e);
	}
	if (rc == FAS_OK || rc == FAS_E_DENIED)
		atomic_store(&ca->limits_wait, !same && agreed && source != LIMITS_AGREED);
	return rc;
}

static enum fas_code
take_text(struct ca *ca, enum limits_source source, const char *text, struct fas_err *e)
{
	if (ca->config->two_persons & 1u << TWO_PERSONS_LIMITS)
		return take_by_two(ca, source, text, e);
	return use(ca, text, e);
}

enum fas_code
limits_take(struct ca *ca, enum limits_source source, struct fas_err *e)
{
	OWN(text) char *text = NULL;
	enum fas_code rc = limits_read(ca, &text, e);
	return rc == FAS_OK ? take_text(ca, source, text, e) : rc;
}

enum fas_code
op_limits_reload(struct call *call, struct fas_err *e)
{
	OWN(text) char *present = NULL;
	const char *shown = json_want_lines(&call->in, "text", 1, LIMITS_FILE_MAX);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = limits_read(call->ca, &present, e);
	if (rc == FAS_OK && shown && strcmp(shown, present) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "limits_changed",
		    "%s is not what was shown for approval", call->ca->config->limits_path);
	/* The very text that was looked at, not what the file says a moment later. */
	if (rc == FAS_OK)
		rc = take_text(call->ca, LIMITS_AGREED, present, e);
	if (rc != FAS_OK)
		return rc;
	call->about.event = "limits_loaded";
	call->about.outcome = "done";
	call->reply = json_pack("{s:b}", "loaded", 1);
	return call->reply ? audit_write(call->ca->db, &call->about, e) : fas_fail_nomem(e);
}
