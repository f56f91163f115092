/* Runs a target over files and folders of files: seeds and regressions as unit tests, without libFuzzer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fas/base/file.h"
#include "fas/base/own.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1024 * 1024)
#define PATH_BYTES 4096

static int ran, failed;

static void
run_file(const char *path)
{
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	size_t len = 0, got = 0;
	if (file_read(path, INPUT_MAX, &data, &len, &e) != FAS_OK) {
		(void)fprintf(stderr, "%s\n", e.message);
		failed++;
		return;
	}
	struct fuzz_input whole = {(const uint8_t *)data, len};
	OWN(bytes) uint8_t *exact = fuzz_bytes(&whole, len, &got);
	(void)printf("%s\n", path); /* the last one is the one that crashed */
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(exact, got);
	ran++;
}

static void
run_folder(const char *folder)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			run_file(path);
		free(names[i]);
	}
	free(names);
	failed += n < 0;
}

int
main(int argc, char **argv)
{
	struct stat st;
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_folder(argv[i]);
		else
			run_file(argv[i]);
	}
	(void)printf("%d inputs\n", ran);
	return ran > 0 && failed == 0 ? 0 : 1;
}
