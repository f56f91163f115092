/*
 * What the fuzz targets share.  Each target is one file with LLVMFuzzerTestOneInput; it is built twice:
 *
 *     fuzz_NAME           with libFuzzer, in the preset `fuzz` (tests/fuzz/run)
 *     fuzz_NAME_replay    with replay.c, in every preset: a ctest over the seeds and regressions in tests/data/fuzz
 *
 * A target claims something of every input, beside that nothing crashes: FUZZ_CHECK.
 */
#ifndef FAS_TESTS_FUZZ_H
#define FAS_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* What takes its time once (keys are made), so that it is not counted as the first input's; libFuzzer alone calls it. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* libFuzzer's mutation of bytes; only targets with a mutator of their own use it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* A broken claim: say where and what, and abort, so that libFuzzer keeps the input. */
#define FUZZ_CHECK(claim)                                                                          \
	do {                                                                                       \
		if (!(claim))                                                                      \
			fuzz_broken(__FILE__, __LINE__, #claim);                                   \
	} while (0)
__attribute__((noreturn)) void fuzz_broken(const char *file, int line, const char *claim);

/* FAS_OK and no error, or an error with code and reason: nothing in between. */
void fuzz_check_result(enum fas_code rc, const struct fas_err *e);

/* Reads parts off the front of the input; behind its end everything is 0 or empty. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};
uint8_t fuzz_byte(struct fuzz_input *in);
/* 0 to n - 1. */
size_t fuzz_below(struct fuzz_input *in, size_t n);
/* The next len bytes (or what is left), malloc'ed to exactly their size, so that an over-read is seen. */
uint8_t *fuzz_bytes(struct fuzz_input *in, size_t len, size_t *got);
/* Up to and without the next byte `end`, as a NUL-terminated text; malloc'ed. */
char *fuzz_text(struct fuzz_input *in, uint8_t end);

/* A folder of this process in memory, removed at exit. */
const char *fuzz_folder(void);
/* Write a file there (mode 0600) without fsync; returns its path, valid until the next call. */
const char *fuzz_file(const char *name, const void *data, size_t len);

#endif
