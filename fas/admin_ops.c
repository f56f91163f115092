/* The operations of fasd's admin socket: a table of names and functions, each reading its members strictly. */
#include "fas/admin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/admin_explain.h"
#include "fas/admin_question.h"
#include "fas/backup.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/ends.h"
#include "fas/logon.h"
#include "fas/session.h"

#define WHY_MAX 256

const char *
admin_operator(const struct wire_peer *peer, char out[OPERATOR_TEXT_MAX])
{
	if (peer->login_uid == (uid_t)-1 || peer->login_uid == peer->uid)
		(void)snprintf(out, OPERATOR_TEXT_MAX, "uid:%u", peer->uid);
	else
		(void)snprintf(
		    out, OPERATOR_TEXT_MAX, "uid:%u/login:%u", peer->uid, peer->login_uid);
	return out;
}

/* ---- status ---- */

static json_t *
policy_json(struct service *service)
{
	OWN(policy) struct policy *policy = service_policy(service);
	size_t unresolved = 0;
	if (!policy)
		return json_null();
	for (size_t i = 0; i < policy_group_count(policy); i++)
		unresolved += !policy_group_is_set(policy, i);
	return json_pack("{s:s, s:I, s:I}", "digest", policy_digest(policy), "rules",
	    (json_int_t)policy_rule_count(policy), "unresolved", (json_int_t)unresolved);
}

static json_t *
signer_json(struct service *service)
{
	struct fas_err e = {0};
	json_t *state = NULL;
	return signer_state(service->signer, &state, &e) == FAS_OK ? state : wire_error(&e);
}

static void
add_listeners(json_t *list, const char *kind, const struct config_listen *listen)
{
	for (size_t i = 0; i < listen->n; i++)
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:s}", "kind", kind, "address", listen->address[i]));
}

static json_t *
listeners_json(const struct config *config)
{
	json_t *list = json_array();
	add_listeners(list, "api", &config->api);
	add_listeners(list, "public", &config->public);
	add_listeners(list, "ops", &config->ops);
	return list;
}

static enum fas_code
op_status(const struct question *q, json_t **reply, struct fas_err *e)
{
	struct service *service = q->config->service;
	struct service_counts counts = {0};
	char started[TIME_TEXT_MAX];
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK || (rc = service_count(service, &counts, e)) != FAS_OK)
		return rc;
	OWN(json) json_t *readiness = ops_readiness(q->config->ops);
	*reply = json_pack(
	    "{s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:O*, s:O*, s:o*, s:o*, s:o}",
	    "node", service->node, "version", FAS_VERSION, "started_at",
	    time_format(q->config->ops->started_s, started), "maintenance", false, "policy",
	    policy_json(service), "directory", ops_directory(q->config->ops), "signer",
	    signer_json(service), "sessions", (json_int_t)counts.live_sessions, "tickets",
	    (json_int_t)counts.open_tickets, "identity_providers", ops_providers(q->config->ops),
	    "listeners", listeners_json(q->config->config), "ready",
	    json_object_get(readiness, "ready"), "checks", json_object_get(readiness, "checks"),
	    "revocation", watch_get(&service->watch, WATCH_REVOCATION), "directory_objects",
	    watch_get(&service->watch, WATCH_DIRECTORY), "ends", service_describe_ends(service));
	return FAS_OK;
}

/* ---- policy ---- */

static enum fas_code
op_policy_reload(const struct question *q, json_t **reply, struct fas_err *e)
{
	char warning[512] = "";
	enum fas_code rc = json_finish(q->r);
	if (rc == FAS_OK)
		rc = reloader_load(
		    q->config->reloader, q->operator_text, warning, sizeof(warning), e);
	if (rc != FAS_OK)
		return rc;
	*reply = policy_json(q->config->service);
	(void)json_object_set_new(*reply, "warning", json_string(warning));
	return FAS_OK;
}

enum fas_code
admin_record(const struct question *q, const struct audit_record *act, struct fas_err *e)
{
	struct audit_record record = *act;
	record.caller = q->operator_text;
	record.outcome = "done";
	return audit_write(q->config->service->db, &record, e);
}

/* All that SIGHUP loads; a part with a fault stays as it was, and the others are loaded all the same. */
static enum fas_code
op_config_reload(const struct question *q, json_t **reply, struct fas_err *e)
{
	char warning[512] = "";
	struct reloader *reloader = q->config->reloader;
	struct fas_err why[4] = {{0}, {0}, {0}, {0}};
	static const char *const parts[] = {"identity_providers", "machines", "policy", "front"};
	const size_t n = reloader_has_front(reloader) ? NELEMS(parts) : NELEMS(parts) - 1;
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK)
		return rc;
	(void)!reloader_load_providers(reloader, q->operator_text, &why[0]);
	(void)!reloader_load_machines(reloader, q->operator_text, &why[1]);
	(void)!reloader_load(reloader, q->operator_text, warning, sizeof(warning), &why[2]);
	(void)!reloader_load_front(reloader, q->operator_text, &why[3]);
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		bool ok = why[i].code == FAS_OK;
		(void)json_array_append_new(
		    list, json_pack("{s:s, s:b, s:s*, s:s*}", "part", parts[i], "ok", ok, "reason",
			      ok ? NULL : fas_err_reason(&why[i]), "message",
			      ok ? NULL : why[i].message));
	}
	*reply = json_pack("{s:O, s:s}", "parts", list, "warning", warning);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
op_policy_explain(const struct question *q, json_t **reply, struct fas_err *e)
{
	struct explain_question ask = {
	    .user = json_need_text(q->r, "user", 1, UPN_MAX),
	    .host = json_need_text(q->r, "host", 1, HOSTNAME_MAX),
	    .storefront = json_want_text(q->r, "storefront", 1, HOSTNAME_MAX),
	    .idp = json_need_text(q->r, "idp", 1, 256),
	    .authn_context = json_want_text(q->r, "authn_context", 1, 1024),
	};
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK)
		return rc;
	/* Whose account was looked into is on record before the answer is. */
	const struct audit_record record = {.event = "policy_explained",
	    .upn = ask.user,
	    .host = ask.host,
	    .storefront = ask.storefront,
	    .idp = ask.idp};
	if ((rc = admin_record(q, &record, e)) != FAS_OK)
		return rc;
	return admin_explain(q->config->config, q->config->service, &ask, reply, e);
}

/* ---- published objects ---- */

static enum fas_code
op_revocation_check(const struct question *q, json_t **reply, struct fas_err *e)
{
	const struct admin_places *places = q->config->places;
	enum fas_code rc = json_finish(q->r);
	return rc == FAS_OK ? places->look(places->arg, reply, e) : rc;
}

/* Who wrote into the directory by hand is on record before it is written. */
static enum fas_code
op_publish_run(const struct question *q, json_t **reply, struct fas_err *e)
{
	const struct admin_places *places = q->config->places;
	const struct audit_record record = {.event = "directory_published"};
	enum fas_code rc = json_finish(q->r);
	if (rc == FAS_OK)
		rc = admin_record(q, &record, e);
	return rc == FAS_OK ? places->publish(places->arg, reply, e) : rc;
}

static enum fas_code
op_publish_ldif(const struct question *q, json_t **reply, struct fas_err *e)
{
	const struct admin_places *places = q->config->places;
	enum fas_code rc = json_finish(q->r);
	return rc == FAS_OK ? places->ldif(places->arg, reply, e) : rc;
}

/* ---- sessions ---- */

static enum fas_code
op_session_list(const struct question *q, json_t **reply, struct fas_err *e)
{
	json_t *list = NULL;
	bool all = json_want_bool(q->r, "all", false);
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK || (rc = session_list(q->config->service, all, &list, e)) != FAS_OK)
		return rc;
	*reply = json_pack("{s:o}", "sessions", list);
	return FAS_OK;
}

static enum fas_code
op_session_show(const struct question *q, json_t **reply, struct fas_err *e)
{
	json_t *session = NULL;
	const char *id = json_need_text(q->r, "id", 1, SESSION_ID_TEXT_MAX - 1);
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK || (rc = session_show(q->config->service, id, &session, e)) != FAS_OK)
		return rc;
	*reply = json_pack("{s:o}", "session", session);
	return FAS_OK;
}

static enum fas_code
op_session_end(const struct question *q, json_t **reply, struct fas_err *e)
{
	const char *id = json_need_text(q->r, "id", 1, SESSION_ID_TEXT_MAX - 1);
	const char *why = json_want_text(q->r, "why", 1, WHY_MAX);
	enum fas_code rc = json_finish(q->r);
	if (rc != FAS_OK || (rc = session_end_by_admin(q->config->service, q->operator_text, id,
				 why ? why : "", e)) != FAS_OK)
		return rc;
	metrics_add(q->config->ops->metrics, METRIC_SESSION_ENDED);
	*reply = json_pack("{s:b}", "ended", true);
	return FAS_OK;
}

static const struct {
	const char *name;
	admin_op *run;
} ops[] = {{"status", op_status}, {"policy.reload", op_policy_reload},
    {"config.reload", op_config_reload}, {"policy.explain", op_policy_explain},
    {"session.list", op_session_list}, {"session.show", op_session_show},
    {"session.end", op_session_end}, {"revocation.check", op_revocation_check},
    {"publish.run", op_publish_run}, {"publish.ldif", op_publish_ldif}, {"backup", admin_backup}};

static enum fas_code
answer(const struct admin_config *config, const char *operator_text, json_t *message,
    json_t **reply, int *file, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, message, e);
	if (rc != FAS_OK)
		return rc;
	const char *name = json_need_text(&r, "op", 1, 32);
	const struct question q = {config, operator_text, &r, file};
	for (size_t i = 0; name && i < NELEMS(ops); i++) {
		if (strcmp(ops[i].name, name) == 0)
			return ops[i].run(&q, reply, e);
	}
	if (name && config->doctor && strcmp(name, "doctor") == 0)
		return config->doctor(&q, reply, e);
	if (name && strncmp(name, "audit.", 6) == 0)
		return admin_audit(&q, name, reply, e);
	return fas_fail(
	    e, FAS_E_INPUT, "op_unknown", "there is no operation \"%s\"", name ? name : "");
}

json_t *
admin_answer_file(
    const struct admin_config *config, const char *operator_text, json_t *message, int *file)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	*file = -1;
	if (answer(config, operator_text, message, &reply, file, &e) == FAS_OK)
		return TAKE(reply);
	if (*file >= 0)
		(void)close(*file);
	*file = -1;
	return wire_error(&e);
}

json_t *
admin_answer(const struct admin_config *config, const char *operator_text, json_t *message)
{
	OWN(fd) int file = -1;
	return admin_answer_file(config, operator_text, message, &file);
}
