/*
 * Answers for people: tables and lists of fields, from JSON.  Foreign text is cleaned before it
 * reaches a terminal (no control, bidirectional or invisible characters).
 */
#ifndef FAS_CTL_RENDER_H
#define FAS_CTL_RENDER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "fas/base/buf.h"

#define RENDER_COLUMNS_MAX 16
#define RENDER_ROWS_MAX 100000

enum render_kind {
	RENDER_TEXT, /* any scalar as it is; lists of scalars joined by a comma */
	RENDER_TIME, /* seconds since 1970 as RFC 3339; text stays as it is */
	RENDER_FLAG, /* true -> yes, false -> - */
};

struct render_column {
	const char *title;
	const char *member; /* "policy.digest" goes into an object */
	enum render_kind kind;
};

/* The member named by a dotted path, NULL when there is none; borrowed. */
json_t *render_member(const json_t *object, const char *path);
/* Append one value as text; nothing for NULL and null. */
void render_value(struct buf *out, const json_t *value, enum render_kind kind);

/* A table of the objects in rows; columns that are empty in every row are left out.  none: the line
 * for no rows. */
void render_table(
    FILE *out, const json_t *rows, const struct render_column *columns, size_t n, const char *none);
/* "title   value" a line; members that are absent are left out. */
void render_fields(FILE *out, const json_t *object, const struct render_column *fields, size_t n);

/* --json: the reply as it came, indented, one newline at its end. */
void render_json(FILE *out, const json_t *reply);

#endif
