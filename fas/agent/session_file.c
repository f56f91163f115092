#include "fas/agent/session_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/own.h"

#define FILE_BYTES_MAX 16384
#define SUFFIX ".json"

DEFINE_OWN(folder, DIR *, (void)closedir);

bool
session_id_is_valid(const char *id)
{
	size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
	return len > 0 && len < AGENT_SESSION_ID_MAX && id[len] == 0;
}

static enum fas_code
folder_of(const char *state, char out[PATH_MAX], struct fas_err *e)
{
	return file_join(out, PATH_MAX, state, "sessions", e);
}

static enum fas_code
path_of(const char *state, const char *id, char out[PATH_MAX], struct fas_err *e)
{
	int n;
	if (!session_id_is_valid(id))
		return fas_fail(e, FAS_E_INPUT, "session_id_invalid", "this is no session id");
	n = snprintf(out, PATH_MAX, "%s/sessions/%s" SUFFIX, state, id);
	if (n < 0 || n >= PATH_MAX)
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%.64s: path is too long", state);
	return FAS_OK;
}

enum fas_code
session_file_save(const char *state, const struct session_file *s, struct fas_err *e)
{
	char path[PATH_MAX], folder[PATH_MAX];
	OWN(json)
	json_t *object =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:b}", "id", s->id, "server",
		s->server, "upn", s->upn, "principal", s->principal, "user", s->user, "ccache",
		s->ccache, "serial", s->serial, "correlation_id", s->correlation_id, "expires_at",
		(json_int_t)s->expires_s, "lease_s", (json_int_t)s->lease_s, "kept", s->kept);
	OWN(text) char *text = json_text(object, JSON_INDENT(1));
	if (!text)
		return fas_fail_nomem(e);
	enum fas_code rc = file_make_folder(state, 0700, e);
	if (rc == FAS_OK)
		rc = folder_of(state, folder, e);
	if (rc == FAS_OK)
		rc = file_make_folder(folder, 0700, e);
	if (rc == FAS_OK)
		rc = path_of(state, s->id, path, e);
	return rc == FAS_OK ? file_write_atomic(path, text, strlen(text), 0600, e) : rc;
}

/* Member -> fixed buffer. */
struct text_member {
	const char *name;
	char *out;
	size_t size;
};

static enum fas_code
parse(const char *text, size_t len, struct session_file *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	const struct text_member members[] = {
	    {"id", out->id, sizeof(out->id)},
	    {"server", out->server, sizeof(out->server)},
	    {"upn", out->upn, sizeof(out->upn)},
	    {"principal", out->principal, sizeof(out->principal)},
	    {"user", out->user, sizeof(out->user)},
	    {"ccache", out->ccache, sizeof(out->ccache)},
	    {"serial", out->serial, sizeof(out->serial)},
	    {"correlation_id", out->correlation_id, sizeof(out->correlation_id)},
	};
	enum fas_code rc = json_open(&r, text, len, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < NELEMS(members); i++) {
		const char *value = json_need_text(&r, members[i].name, 0, members[i].size - 1);
		(void)snprintf(members[i].out, members[i].size, "%s", value ? value : "");
	}
	out->expires_s = json_need_int(&r, "expires_at", 0, INT64_MAX);
	out->lease_s = json_need_int(&r, "lease_s", 0, INT64_MAX);
	out->kept = json_want_bool(&r, "kept", false);
	return json_finish(&r);
}

enum fas_code
session_file_load(const char *state, const char *id, struct session_file *out, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(text) char *text = NULL;
	size_t len = 0;
	struct fas_err why = {0};
	*out = (struct session_file){0};
	enum fas_code rc = path_of(state, id, path, e);
	if (rc != FAS_OK)
		return rc;
	rc = file_read(path, FILE_BYTES_MAX, &text, &len, &why);
	if (rc == FAS_E_NOTFOUND)
		return fas_fail(
		    e, rc, "session_file_missing", "this host remembers no session %s", id);
	if (rc != FAS_OK)
		return fas_fail(e, rc, why.reason, "%s", why.message);
	rc = parse(text, len, out, e);
	return rc == FAS_OK ? FAS_OK : fas_wrap(e, "%s", path);
}

enum fas_code
session_file_remove(const char *state, const char *id, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = path_of(state, id, path, e);
	if (rc != FAS_OK)
		return rc;
	return unlink(path) == 0 || errno == ENOENT ? FAS_OK : fas_fail_errno(e, "%s", path);
}

/* "ID.json" -> ID; false for anything else. */
static bool
id_of_name(const char *name, char id[AGENT_SESSION_ID_MAX])
{
	size_t len = strlen(name), tail = sizeof(SUFFIX) - 1;
	if (len <= tail || len - tail >= AGENT_SESSION_ID_MAX ||
	    strcmp(name + len - tail, SUFFIX) != 0)
		return false;
	(void)snprintf(id, AGENT_SESSION_ID_MAX, "%.*s", (int)(len - tail), name);
	return session_id_is_valid(id);
}

enum fas_code
session_file_each(const char *state, session_file_visit *visit, void *arg, struct fas_err *e)
{
	char folder[PATH_MAX], id[AGENT_SESSION_ID_MAX];
	struct session_file session;
	enum fas_code rc = folder_of(state, folder, e);
	if (rc != FAS_OK)
		return rc;
	OWN(folder) DIR *dir = opendir(folder);
	if (!dir)
		return errno == ENOENT ? FAS_OK : fas_fail_errno(e, "%s", folder);
	for (size_t i = 0; rc == FAS_OK && i < AGENT_SESSIONS_MAX; i++) {
		const struct dirent *entry = readdir(dir);
		if (!entry)
			break;
		if (!id_of_name(entry->d_name, id))
			continue;
		rc = session_file_load(state, id, &session, e);
		if (rc == FAS_OK)
			rc = visit(&session, arg, e);
	}
	return rc;
}
