/* tests/data/lint as tests read it: the manifest, the authorities, the good files and the defects. */
#ifndef TESTS_CA_X509_LINT_FILES_H
#define TESTS_CA_X509_LINT_FILES_H

#include "lint_world.h"

struct lint_row {
	char lint[64], base[32], issuer[32], also[64];
};

struct lint_files {
	struct world world;
	struct lint_row rows[256];
	size_t n;
};

struct lint_file {
	uint8_t *der; /* malloc'ed */
	size_t len;
};

/* Read manifest and authorities; whatever is missing fails the test. */
void lint_files_read(struct lint_files *out);
void lint_files_done(struct lint_files *files);
/* tests/data/lint/NAMESUFFIX. */
struct lint_file lint_file_read(const char *name, const char *suffix);
void lint_files_print(const char *what, const struct lint_report *report);

#endif
