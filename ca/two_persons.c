#include "ca/two_persons.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "ca/limits_take.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define WAITING_MAX 32

/* What each name in signer.yaml stands for. */
static const struct {
	const char *operation;
	enum two_persons_act act;
	const char *only_with; /* a member that has to be true */
} held[] = {
    {"ca.install", TWO_PERSONS_INSTALL, NULL},
    {"ca.init", TWO_PERSONS_INSTALL, "root"},
    {"ca.rotate", TWO_PERSONS_ROTATE, NULL},
    {"cert.release", TWO_PERSONS_RELEASE, NULL},
    {"limits.reload", TWO_PERSONS_LIMITS, NULL},
};

bool
two_persons_needed(const struct signer_config *config, const char *operation, json_t *request)
{
	for (size_t i = 0; i < NELEMS(held); i++) {
		if (strcmp(held[i].operation, operation) != 0 ||
		    !(config->two_persons & 1u << held[i].act))
			continue;
		if (!held[i].only_with || json_is_true(json_object_get(request, held[i].only_with)))
			return true;
	}
	return false;
}

/* "uid:0(login 1000)" or "uid:1000", as ca/listener.c writes it. */
bool
two_persons_who(const char *caller, uid_t *out)
{
	char text[CALL_CALLER_MAX];
	uint64_t uid = 0, login = 0;
	int n = snprintf(text, sizeof(text), "%s", caller);
	if (n < 0 || (size_t)n >= sizeof(text) || strncmp(text, "uid:", 4) != 0)
		return false;
	char *behind = strchr(text, '('), *end = strrchr(text, ')');
	bool has_login = behind && end && strncmp(behind, "(login ", 7) == 0;
	if (has_login)
		*behind = *end = 0;
	if (!parse_uint(text + 4, 0, UINT32_MAX, &uid) ||
	    (has_login && !parse_uint(behind + 7, 0, UINT32_MAX, &login)))
		return false;
	*out = (uid_t)(has_login ? login : uid);
	return has_login || uid != 0;
}

static enum fas_code
check_who(const char *caller, uid_t *out, struct fas_err *e)
{
	if (two_persons_who(caller, out))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "person_unknown",
	    "%s is root without a login of its own: nobody can tell whether two persons agree",
	    caller);
}

/* SHA-256 of the request, by which two persons can be sure that they look at the same. */
static void
put_digest(json_t *object, const char *request)
{
	uint8_t digest[STORE_DIGEST];
	char hex[2 * STORE_DIGEST + 1];
	if (EVP_Digest(request, strlen(request), digest, NULL, EVP_sha256(), NULL) == 1)
		(void)json_object_set_new(
		    object, "sha256", json_string(hex_encode(digest, sizeof(digest), hex)));
}

/* ---- the first ---- */

struct holding {
	struct proposal_row row;
	const struct audit_record *about;
};

static enum fas_code
hold(struct db *db, void *arg, struct fas_err *e)
{
	const struct holding *h = arg;
	enum fas_code rc = store_proposal_add(db, &h->row, WAITING_MAX, e);
	return rc == FAS_OK ? audit_append(db, h->about, e) : rc;
}

static json_t *
describe(const struct proposal_row *row)
{
	json_t *object = json_pack("{s:s,s:s,s:s,s:I,s:I}", "id", row->id, "operation",
	    row->operation, "asked_by", row->asked_by, "asked_at", (json_int_t)row->asked_s,
	    "expires_at", (json_int_t)row->expires_s);
	if (object)
		put_digest(object, row->request);
	return object;
}

/* What the second person has to see, and will be held to: of limits, the file as it is now. */
static enum fas_code
complete(
    const struct ca *ca, const char *operation, json_t *request, json_t **out, struct fas_err *e)
{
	OWN(text) char *text = NULL;
	OWN(json) json_t *whole = json_copy(request);
	if (!whole)
		return fas_fail_nomem(e);
	if (strcmp(operation, "limits.reload") == 0) {
		enum fas_code rc = limits_read(ca, &text, e);
		if (rc != FAS_OK)
			return rc;
		if (json_object_set_new(whole, "text", json_string(text)) != 0)
			return fas_fail(e, FAS_E_CONFIG, "yaml_malformed", "%s is not UTF-8",
			    ca->config->limits_path);
	}
	*out = TAKE(whole);
	return FAS_OK;
}

enum fas_code
two_persons_hold(struct call *call, const struct operation *op, json_t *request, struct fas_err *e)
{
	struct ca *ca = call->ca;
	char id[CORRELATION_ID_MAX];
	uid_t who;
	int64_t now_s = 0;
	enum fas_code rc = check_who(call->caller, &who, e);
	if (rc == FAS_OK)
		rc = clock_checked(ca->config->clock_skew_s, &now_s, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json) json_t *whole = NULL;
	if ((rc = complete(ca, op->name, request, &whole, e)) != FAS_OK)
		return rc;
	OWN(text) char *text = json_text(whole, JSON_COMPACT | JSON_SORT_KEYS);
	correlation_id_new(id);
	OWN(json) json_t *detail = audit_detail("proposal", id, "operation", op->name, NULL);
	if (!text || !detail)
		return fas_fail_nomem(e);
	put_digest(detail, text);
	call_correlate(call, NULL);
	call->about.event = "proposal_made";
	call->about.outcome = "done";
	call->about.detail = detail;
	struct holding h = {{.id = id,
				.operation = op->name,
				.request = text,
				.asked_by = call->caller,
				.asked_s = now_s,
				.expires_s = now_s + ca->config->two_persons_within_s},
	    &call->about};
	rc = db_write(ca->db, hold, &h, e);
	if (rc == FAS_OK)
		audit_log(&call->about);
	call->about.detail = NULL;
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:o}", "waiting", describe(&h.row));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- the second ---- */

struct waiting {
	const char *id; /* NULL: all */
	int64_t now_s;
	json_t *list;
	bool whole; /* with what was asked for */
};

static enum fas_code
see(const struct proposal_row *row, void *arg, struct fas_err *e)
{
	struct waiting *w = arg;
	json_t *object = describe(row);
	if (!object || json_array_append_new(w->list, object) != 0)
		return fas_fail_nomem(e);
	if (w->whole)
		(void)json_object_set_new(
		    object, "request", json_loads(row->request, JSON_REJECT_DUPLICATES, NULL));
	return FAS_OK;
}

static enum fas_code
read_waiting(struct db *db, void *arg, struct fas_err *e)
{
	struct waiting *w = arg;
	return store_proposals_each(db, w->id, w->now_s, see, w, e);
}

enum fas_code
op_proposal_list(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	struct waiting w = {.now_s = clock_now(), .list = list};
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = db_read(call->ca->db, read_waiting, &w, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:O}", "proposals", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* The act with everything about it: list[0]. */
static enum fas_code
find(struct ca *ca, const char *id, json_t *list, struct fas_err *e)
{
	struct waiting w = {.id = id, .now_s = clock_now(), .list = list, .whole = true};
	enum fas_code rc = list ? db_read(ca->db, read_waiting, &w, e) : fas_fail_nomem(e);
	if (rc == FAS_OK && json_array_size(list) != 1)
		return fas_fail(e, FAS_E_CONFLICT, "proposal_gone",
		    "no such act waits: it is done, withdrawn, or its time is over");
	return rc;
}

enum fas_code
op_proposal_show(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	const char *id = json_need_text(&call->in, "id", 1, PROPOSAL_ID_MAX - 1);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = find(call->ca, id, list, e);
	if (rc == FAS_OK)
		call->reply = json_incref(json_array_get(list, 0));
	return rc;
}

struct claiming {
	const char *id;
	int64_t now_s;
	const struct audit_record *about;
};

static enum fas_code
claim(struct db *db, void *arg, struct fas_err *e)
{
	const struct claiming *c = arg;
	enum fas_code rc = store_proposal_claim(db, c->id, c->now_s, e);
	return rc == FAS_OK ? audit_append(db, c->about, e) : rc;
}

/* It will not be asked for again, whatever becomes of it: what a crash has cut short is proposed anew. */
static enum fas_code
settle(struct call *call, const char *id, const char *event, const json_t *act, struct fas_err *e)
{
	struct claiming c = {.id = id, .about = &call->about};
	enum fas_code rc = clock_checked(call->ca->config->clock_skew_s, &c.now_s, e);
	if (rc != FAS_OK)
		return rc;
	OWN(json)
	json_t *detail = audit_detail("proposal", id, "operation",
	    json_string_value(json_object_get(act, "operation")), "asked_by",
	    json_string_value(json_object_get(act, "asked_by")), "sha256",
	    json_string_value(json_object_get(act, "sha256")), NULL);
	call->about.event = event;
	call->about.outcome = "done";
	call->about.detail = detail;
	rc = db_write(call->ca->db, claim, &c, e);
	if (rc == FAS_OK)
		audit_log(&call->about);
	call->about.detail = NULL;
	return rc;
}

static enum fas_code
check_other(struct call *call, const char *asked_by, struct fas_err *e)
{
	uid_t first, second;
	enum fas_code rc = check_who(call->caller, &second, e);
	if (rc == FAS_OK)
		rc = check_who(asked_by, &first, e);
	if (rc == FAS_OK && first == second)
		return fas_fail(e, FAS_E_DENIED, "same_person",
		    "%s has asked for this act: another person has to approve it", call->caller);
	return rc;
}

enum fas_code
op_proposal_approve(struct call *call, struct fas_err *e)
{
	char both[2 * CALL_CALLER_MAX + 8];
	OWN(json) json_t *list = json_array();
	const char *id = json_need_text(&call->in, "id", 1, PROPOSAL_ID_MAX - 1);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = find(call->ca, id, list, e);
	if (rc != FAS_OK)
		return rc;
	json_t *act = json_array_get(list, 0), *request = json_object_get(act, "request");
	const char *asked_by = json_string_value(json_object_get(act, "asked_by"));
	if (!asked_by || !json_is_object(request))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "act %s is not whole", id);
	if ((rc = check_other(call, asked_by, e)) != FAS_OK)
		return rc;
	if ((rc = settle(call, id, "proposal_approved", act, e)) != FAS_OK)
		return rc;
	(void)snprintf(both, sizeof(both), "%s and %s", asked_by, call->caller);
	call->reply =
	    ca_dispatch_approved(call->ca, call->operations, call->n_operations, both, request);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_proposal_withdraw(struct call *call, struct fas_err *e)
{
	OWN(json) json_t *list = json_array();
	const char *id = json_need_text(&call->in, "id", 1, PROPOSAL_ID_MAX - 1);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = find(call->ca, id, list, e);
	if (rc == FAS_OK)
		rc = settle(call, id, "proposal_withdrawn", json_array_get(list, 0), e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:b}", "withdrawn", 1);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
