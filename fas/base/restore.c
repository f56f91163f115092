#include "fas/base/restore.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/own.h"

#define NOTE_MAX 4096
#define MADE "restored_made"
#define RESTORED "restored_ms"

/* ---- the note ---- */

char *
restore_note_format(const struct restore_note *note)
{
	OWN(json)
	json_t *object = json_pack("{s:i,s:I,s:I,s:s,s:I,s:b}", "format", 1, "made_at",
	    (json_int_t)note->made_s, "restored_ms", (json_int_t)note->restored_ms, "by", note->by,
	    "crls", (json_int_t)note->n_crls, "crls_missing", note->crls_missing);
	return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

static enum fas_code
parse(const char *text, size_t len, struct restore_note *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open(&r, text, len, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_need_int(&r, "format", 1, 1);
	out->made_s = json_need_int(&r, "made_at", 1, INT64_MAX);
	out->restored_ms = json_need_int(&r, "restored_ms", 1, INT64_MAX);
	const char *by = json_need_text(&r, "by", 1, RESTORE_BY_MAX - 1);
	out->n_crls = (size_t)json_need_int(&r, "crls", 0, RESTORE_CRLS_MAX);
	out->crls_missing = json_want_bool(&r, "crls_missing", false);
	(void)snprintf(out->by, sizeof(out->by), "%s", by ? by : "");
	return json_finish(&r);
}

enum fas_code
restore_check(const char *folder, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = file_join(path, sizeof(path), folder, RESTORE_INCOMPLETE, e);
	if (rc == FAS_OK && access(path, F_OK) == 0)
		return fas_fail(e, FAS_E_CONFIG, "restore_incomplete",
		    "%s is there: a restore did not come to its end; run fasctl restore again",
		    path);
	return rc;
}

enum fas_code
restore_note_read(const char *folder, struct restore_note *out, bool *found, struct fas_err *e)
{
	char path[PATH_MAX];
	size_t len = 0;
	struct fas_err why = {0};
	OWN(text) char *text = NULL;
	*out = (struct restore_note){0};
	*found = false;
	enum fas_code rc = file_join(path, sizeof(path), folder, RESTORE_NOTE, e);
	if (rc != FAS_OK)
		return rc;
	rc = file_read(path, NOTE_MAX, &text, &len, &why);
	if (rc == FAS_E_NOTFOUND)
		return FAS_OK;
	if (rc == FAS_OK)
		rc = parse(text, len, out, &why);
	*found = rc == FAS_OK;
	return rc == FAS_OK
		   ? FAS_OK
		   : fas_fail(e, FAS_E_CONFIG, "restore_note", "%s: %s", path, why.message);
}

enum fas_code
restore_crl_path(const char *folder, size_t i, char *out, size_t size, struct fas_err *e)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "restore-%zu.crl", i);
	return file_join(out, size, folder, name, e);
}

void
restore_note_remove(const char *folder, const struct restore_note *note)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	for (size_t i = 0; i < note->n_crls; i++) {
		if (restore_crl_path(folder, i, path, sizeof(path), &e) == FAS_OK)
			(void)unlink(path);
	}
	if (file_join(path, sizeof(path), folder, RESTORE_NOTE, &e) == FAS_OK)
		(void)unlink(path);
}

json_t *
restore_note_detail(const struct restore_note *note)
{
	return json_pack("{s:I,s:I,s:s,s:I,s:b}", "made_at", (json_int_t)note->made_s,
	    "restored_at", (json_int_t)(note->restored_ms / 1000), "by", note->by, "crls",
	    (json_int_t)note->n_crls, "crls_missing", note->crls_missing);
}

/* ---- in the database ---- */

enum fas_code
restore_last(struct db *db, int64_t *made_s, int64_t *restored_ms, struct fas_err *e)
{
	enum fas_code rc = db_meta_get_int(db, MADE, 0, made_s, e);
	return rc == FAS_OK ? db_meta_get_int(db, RESTORED, 0, restored_ms, e) : rc;
}

enum fas_code
restore_is_done(struct db *db, const struct restore_note *note, bool *done, struct fas_err *e)
{
	int64_t made_s = 0, restored_ms = 0;
	enum fas_code rc = restore_last(db, &made_s, &restored_ms, e);
	*done = rc == FAS_OK && restored_ms == note->restored_ms;
	return rc;
}

enum fas_code
restore_set_done(struct db *db, const struct restore_note *note, struct fas_err *e)
{
	enum fas_code rc = db_meta_set_int(db, MADE, note->made_s, e);
	return rc == FAS_OK ? db_meta_set_int(db, RESTORED, note->restored_ms, e) : rc;
}
