#include "lint_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/own.h"

#define FOLDER FAS_TEST_DATA "/lint/"
#define FILE_MAX 65536
#define LINE_WORDS 4

struct lint_file
lint_file_read(const char *name, const char *suffix)
{
	char path[512], *data = NULL;
	struct fas_err e = {0};
	struct lint_file out = {0};
	(void)snprintf(path, sizeof(path), FOLDER "%s%s", name, suffix);
	if (file_read(path, FILE_MAX, &data, &out.len, &e) != FAS_OK)
		fail_msg("%s: %s", path, e.message);
	out.der = (uint8_t *)data;
	return out;
}

static void
read_manifest(struct lint_files *out)
{
	OWN(bytes) uint8_t *text = lint_file_read("manifest", "").der;
	char *rest = NULL;
	for (char *line = strtok_r((char *)text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct lint_row *row = &out->rows[out->n];
		if (line[0] == '#')
			continue;
		assert_true(out->n < NELEMS(out->rows));
		assert_int_equal(sscanf(line, "%63s %31s %31s %63s", row->lint, row->base,
				     row->issuer, row->also),
		    LINE_WORDS);
		out->n++;
	}
}

void
lint_files_read(struct lint_files *out)
{
	*out = (struct lint_files){0};
	world_init(&out->world);
	for (int i = 0; i < WORLD_CAS; i++) {
		const struct lint_file file =
		    lint_file_read(world_ca_name((enum world_ca)i), ".der");
		world_add(&out->world, (enum world_ca)i, file.der, file.len);
		free(file.der);
	}
	read_manifest(out);
}

void
lint_files_done(struct lint_files *files)
{
	world_done(&files->world);
}

void
lint_files_print(const char *what, const struct lint_report *report)
{
	for (size_t i = 0; i < report->n; i++)
		print_message("%s: %s (%s): %s\n", what, report->findings[i].name,
		    report->findings[i].citation, report->findings[i].message);
}
