/*
 * What `fasctl restore` leaves in a state folder.  restore.incomplete: it has not come to its end, and the folder is not to
 * be used.  restore.json: the folder is whole, and the program that owns it has something to do before it serves: a backup
 * is older than what was answered since.
 */
#ifndef FAS_BASE_RESTORE_H
#define FAS_BASE_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/db.h"
#include "fas/base/err.h"

#define RESTORE_INCOMPLETE "restore.incomplete"
#define RESTORE_NOTE "restore.json"
#define RESTORE_CRLS_MAX 64 /* restore-0.crl, ... beside it: the last published lists, DER */
#define RESTORE_BY_MAX 64

struct restore_note {
	int64_t made_s;      /* when the backup was made */
	int64_t restored_ms; /* names this restore */
	char by[RESTORE_BY_MAX];
	size_t n_crls;
	bool crls_missing; /* an administrator goes on without the last list of some authority */
};

/* malloc'ed JSON, NULL when out of memory; and back: FAS_E_CONFIG "restore_note". */
char *restore_note_format(const struct restore_note *note);

/* FAS_E_CONFIG "restore_incomplete". */
MUST_CHECK enum fas_code restore_check(const char *folder, struct fas_err *e);
/* *found false: nothing was restored since the last start. */
MUST_CHECK enum fas_code restore_note_read(
    const char *folder, struct restore_note *out, bool *found, struct fas_err *e);
/* Of the lists beside the note, number i. */
MUST_CHECK enum fas_code restore_crl_path(
    const char *folder, size_t i, char *out, size_t size, struct fas_err *e);
/* What the note asked for is durable: the note and its lists go. */
void restore_note_remove(const char *folder, const struct restore_note *note);

/* For the record of it; a new reference. */
json_t *restore_note_detail(const struct restore_note *note);

/* ---- in the database: inside a db_fn ---- */

/* Has this restore been seen to already (a crash came before its note was removed)? */
MUST_CHECK enum fas_code restore_is_done(
    struct db *db, const struct restore_note *note, bool *done, struct fas_err *e);
MUST_CHECK enum fas_code restore_set_done(
    struct db *db, const struct restore_note *note, struct fas_err *e);
/* Of the last restore; 0: there was none. */
MUST_CHECK enum fas_code restore_last(
    struct db *db, int64_t *made_s, int64_t *restored_ms, struct fas_err *e);

#endif
