#include "fas/idp_refresh.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/audit.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/saml/metadata.h"

#define PROVIDERS_MAX 256
#define TIMEOUT_MS 30000
#define RETRY_FIRST_S 15
#define RETRY_MAX_S 300
#define ROUND_S 15 /* providers may be new after a reload */

/* What is known of one provider between rounds; found by its name. */
struct memory {
	char *name;
	int64_t next_s; /* not before that; 0 = when its metadata say so */
	unsigned failures;
	bool alarmed;
	char said[FAS_ERR_REASON_MAX];
};

struct idp_refresh {
	struct service *service;
	const char *folder;
	idp_refresh_fetch *fetch;
	atomic_bool stopping;
	struct memory memories[PROVIDERS_MAX];
	size_t n;
};

/* What one fetch needs, copied out of what may be replaced meanwhile. */
struct job {
	char *name, *url, *ca_file;
};

static void
job_done(struct job *job)
{
	free(job->name);
	free(job->url);
	free(job->ca_file);
}
DEFINE_OWN_IN_PLACE(job, struct job, job_done);

enum fas_code
idp_refresh_new(struct service *service, const char *folder, idp_refresh_fetch *fetch,
    struct idp_refresh **out, struct fas_err *e)
{
	struct idp_refresh *refresh = calloc(1, sizeof(*refresh));
	if (!refresh)
		return fas_fail_nomem(e);
	refresh->service = service;
	refresh->folder = folder;
	refresh->fetch = fetch;
	*out = refresh;
	return FAS_OK;
}

void
idp_refresh_free(struct idp_refresh *refresh)
{
	if (!refresh)
		return;
	for (size_t i = 0; i < refresh->n; i++)
		free(refresh->memories[i].name);
	free(refresh);
}

void
idp_refresh_stop(struct idp_refresh *refresh)
{
	if (refresh)
		atomic_store(&refresh->stopping, true);
}

/* ---- which are due ---- */

static struct memory *
remember(struct idp_refresh *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->memories[i].name, name) == 0)
			return &r->memories[i];
	}
	char *copy = r->n < PROVIDERS_MAX ? strdup(name) : NULL;
	if (!copy)
		return NULL;
	r->memories[r->n] = (struct memory){.name = copy};
	return &r->memories[r->n++];
}

static bool
is_due(const struct memory *memory, const struct saml_metadata_state *state, int64_t now_s)
{
	if (memory->next_s > now_s)
		return false;
	return memory->failures > 0 || state->pending || state->fetched_s > now_s ||
	       now_s >= state->fetched_s + state->refresh_s;
}

/* The i-th provider's URL into job, when it is due; false: it is not, or memory is short. */
static bool
take_job(struct idp_refresh *r, size_t i, struct job *job)
{
	struct saml_metadata_state state;
	const struct saml_trust *trust = service_trust_hold(r->service);
	const char *name = saml_trust_name(trust, i);
	bool due = name && saml_trust_metadata(trust, i, &state) && state.is_url;
	struct memory *memory = due ? remember(r, name) : NULL;
	due = memory && is_due(memory, &state, clock_now());
	if (due) {
		job->name = strdup(name);
		job->url = strdup(state.location);
		job->ca_file = state.ca_file ? strdup(state.ca_file) : NULL;
		due = job->name && job->url && (job->ca_file || !state.ca_file);
	}
	service_trust_release(r->service);
	return due;
}

/* ---- one of them ---- */

static bool
is_same(const char *path, const struct buf *bytes)
{
	struct fas_err e = {0};
	OWN(text) char *old = NULL;
	size_t len = 0;
	return file_read(path, SAML_METADATA_MAX, &old, &len, &e) == FAS_OK && len == bytes->len &&
	       memcmp(old, bytes->data, len) == 0;
}

/* A change of whom we believe is on record. */
static void
record(struct idp_refresh *r, const struct job *job)
{
	struct fas_err e = {0};
	OWN(json) json_t *detail = json_pack("{s:s}", "url", job->url);
	const struct audit_record record = {.event = "provider_metadata",
	    .outcome = "done",
	    .caller = "metadata",
	    .idp = job->name,
	    .detail = detail};
	if (audit_write(r->service->db, &record, &e) != FAS_OK)
		log_error("audit_not_written", &e, NULL);
}

/* In force first: what is in the file is for the next start. */
static enum fas_code
adopt(struct idp_refresh *r, const struct job *job, const struct buf *bytes, struct fas_err *e)
{
	char path[PATH_MAX];
	bool changed;
	enum fas_code rc = service_renew_provider(
	    r->service, job->name, job->url, bytes->data, bytes->len, clock_now(), e);
	if (rc == FAS_OK)
		rc = file_make_folder(r->folder, 0700, e);
	if (rc == FAS_OK)
		rc = saml_metadata_copy(r->folder, job->name, job->url, path, sizeof(path), e);
	if (rc != FAS_OK)
		return rc;
	changed = !is_same(path, bytes);
	rc = file_write_atomic(path, bytes->data, bytes->len, 0600, e);
	if (changed)
		record(r, job);
	return rc;
}

/* Later and later, but sooner than it would be asked again if it were good. */
static int64_t
retry_after_s(unsigned failures)
{
	int64_t wait_s = RETRY_FIRST_S;
	for (unsigned i = 1; i < failures && wait_s < RETRY_MAX_S; i++)
		wait_s *= 2;
	return wait_s < RETRY_MAX_S ? wait_s : RETRY_MAX_S;
}

/* A failure is said once for each reason, and that it is over. */
static void
note(struct memory *memory, const struct job *job, const struct fas_err *e)
{
	if (e->code == FAS_OK) {
		if (memory->failures > 0)
			log_event(LOG_LEVEL_INFO, "metadata_back", "idp", job->name, NULL);
		memory->failures = 0;
		memory->next_s = 0;
		memory->said[0] = 0;
		return;
	}
	if (strcmp(memory->said, fas_err_reason(e)) != 0)
		log_error("metadata_not_refreshed", e, "idp", job->name, "url", job->url, NULL);
	(void)snprintf(memory->said, sizeof(memory->said), "%s", fas_err_reason(e));
	memory->failures++;
	memory->next_s = clock_now() + retry_after_s(memory->failures);
}

static void
refresh_one(struct idp_refresh *r, const struct job *job)
{
	struct fas_err e = {0};
	OWN(buf) struct buf bytes = {0};
	struct memory *memory = remember(r, job->name);
	enum fas_code rc =
	    r->fetch(job->url, job->ca_file, SAML_METADATA_MAX, TIMEOUT_MS, &bytes, &e);
	if (rc == FAS_OK)
		(void)!adopt(r, job, &bytes, &e);
	if (memory)
		note(memory, job, &e);
}

/* ---- all ---- */

static void
say_stale(struct memory *memory, const struct saml_metadata_state *state)
{
	bool stale = saml_metadata_is_stale(state, clock_now());
	if (stale && !memory->alarmed)
		log_event(LOG_LEVEL_ERROR, "metadata_alarm", "idp", memory->name, "metadata",
		    state->location, "message", state->pending ? state->trouble : "not refreshed",
		    NULL);
	if (!stale && memory->alarmed)
		log_event(LOG_LEVEL_INFO, "metadata_alarm_over", "idp", memory->name, NULL);
	memory->alarmed = stale;
}

static void
say_alarms(struct idp_refresh *r)
{
	const struct saml_trust *trust = service_trust_hold(r->service);
	for (size_t i = 0; i < saml_trust_count(trust); i++) {
		struct saml_metadata_state state;
		if (!saml_trust_metadata(trust, i, &state))
			continue;
		struct memory *memory = remember(r, saml_trust_name(trust, i));
		if (memory)
			say_stale(memory, &state);
	}
	service_trust_release(r->service);
}

static size_t
count(struct idp_refresh *r)
{
	size_t n = saml_trust_count(service_trust_hold(r->service));
	service_trust_release(r->service);
	return n;
}

unsigned
idp_refresh_round(struct idp_refresh *r)
{
	size_t n = count(r);
	for (size_t i = 0; i < n && !atomic_load(&r->stopping); i++) {
		OWN(job) struct job job = {0};
		if (take_job(r, i, &job))
			refresh_one(r, &job);
	}
	say_alarms(r);
	return ROUND_S;
}
