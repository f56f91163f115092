#include "fas/ctl/render.h"

#include <stdbool.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"

#define CELL_MAX 2048
#define PATH_PARTS_MAX 4

json_t *
render_member(const json_t *object, const char *path)
{
	for (size_t i = 0; i < PATH_PARTS_MAX; i++) {
		char part[64];
		size_t len = strcspn(path, ".");
		(void)snprintf(part, sizeof(part), "%.*s", (int)len, path);
		json_t *value = json_object_get(object, part);
		if (!path[len] || !value)
			return value;
		object = value;
		path += len + 1;
	}
	return NULL;
}

/* Text for a terminal: anything that could move the cursor or hide something becomes '?'. */
static void
append_clean(struct buf *out, const char *text)
{
	if (!utf8_has_invisible(text)) {
		buf_text(out, text);
		return;
	}
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		buf_append(out, c < 0x20 || c >= 0x7f ? "?" : text, 1);
	}
}

static void
append_time(struct buf *out, const json_t *value)
{
	char text[TIME_TEXT_MAX];
	buf_text(out, time_format(json_integer_value(value), text));
}

static void
append_scalar(struct buf *out, const json_t *value, enum render_kind kind)
{
	if (json_is_string(value))
		append_clean(out, json_string_value(value));
	else if (json_is_integer(value) && kind == RENDER_TIME)
		append_time(out, value);
	else if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_printf(out, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		buf_text(out, json_is_true(value) ? "yes" : kind == RENDER_FLAG ? "-" : "no");
}

void
render_value(struct buf *out, const json_t *value, enum render_kind kind)
{
	size_t i;
	json_t *item;
	if (!json_is_array(value)) {
		append_scalar(out, value, kind);
		return;
	}
	json_array_foreach(value, i, item)
	{
		if (i > 0)
			buf_text(out, ", ");
		append_scalar(out, item, kind);
	}
}

/* Columns on the terminal: code points, which is right for the scripts that names are in here. */
static size_t
width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static size_t
cell_width(const json_t *row, const struct render_column *column)
{
	OWN(buf) struct buf cell;
	buf_init(&cell, CELL_MAX);
	render_value(&cell, render_member(row, column->member), column->kind);
	return width_of(buf_str(&cell));
}

static void
print_padded(FILE *out, const char *text, size_t width, bool last)
{
	size_t used = width_of(text);
	(void)fputs(text, out);
	for (; !last && used < width + 2; used++)
		(void)fputc(' ', out);
}

static void
print_row(FILE *out, const json_t *row, const struct render_column *columns, size_t n,
    const size_t *widths, size_t last)
{
	for (size_t c = 0; c < n; c++) {
		OWN(buf) struct buf cell = {0};
		if (widths[c] == 0)
			continue;
		buf_init(&cell, CELL_MAX);
		if (row)
			render_value(&cell, render_member(row, columns[c].member), columns[c].kind);
		else
			buf_text(&cell, columns[c].title);
		print_padded(out, buf_str(&cell), widths[c], c == last);
	}
	(void)fputc('\n', out);
}

/* Widest cell of each column; 0 for a column with nothing in it. */
static void
measure(const json_t *rows, const struct render_column *columns, size_t n, size_t *widths)
{
	for (size_t c = 0; c < n; c++) {
		size_t i;
		json_t *row;
		widths[c] = 0;
		json_array_foreach(rows, i, row)
		{
			size_t width = cell_width(row, &columns[c]);
			if (width > widths[c])
				widths[c] = width;
		}
		if (widths[c] > 0 && widths[c] < strlen(columns[c].title))
			widths[c] = strlen(columns[c].title);
	}
}

void
render_table(
    FILE *out, const json_t *rows, const struct render_column *columns, size_t n, const char *none)
{
	size_t widths[RENDER_COLUMNS_MAX], i, last = 0;
	json_t *row;
	if (json_array_size(rows) == 0) {
		(void)fprintf(out, "%s\n", none);
		return;
	}
	n = n < RENDER_COLUMNS_MAX ? n : RENDER_COLUMNS_MAX;
	measure(rows, columns, n, widths);
	for (size_t c = 0; c < n; c++)
		last = widths[c] ? c : last;
	print_row(out, NULL, columns, n, widths, last);
	json_array_foreach(rows, i, row) print_row(out, row, columns, n, widths, last);
}

void
render_fields(FILE *out, const json_t *object, const struct render_column *fields, size_t n)
{
	size_t widest = 0;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(fields[i].title);
		if (render_member(object, fields[i].member) && len > widest)
			widest = len;
	}
	for (size_t i = 0; i < n; i++) {
		OWN(buf) struct buf text;
		buf_init(&text, CELL_MAX);
		render_value(&text, render_member(object, fields[i].member), fields[i].kind);
		if (text.len > 0)
			(void)fprintf(
			    out, "%-*s  %s\n", (int)widest, fields[i].title, buf_str(&text));
	}
}

void
render_json(FILE *out, const json_t *reply)
{
	(void)json_dumpf(reply, out, JSON_INDENT(2));
	(void)fputc('\n', out);
}
