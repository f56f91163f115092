#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/ctl/commands.h"

#define WORDS_MAX 24

char *out_text, *err_text;

int
run(const char *line)
{
	char room[1024], *argv[WORDS_MAX] = {0}, *save = NULL;
	size_t out_len = 0, err_len = 0;
	int argc = 0;
	(void)snprintf(room, sizeof(room), "fasctl %s", line);
	for (char *w = strtok_r(room, " ", &save); w && argc < WORDS_MAX - 1;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	run_done();
	FILE *out = open_memstream(&out_text, &out_len), *err = open_memstream(&err_text, &err_len);
	int rc = cli_main(&ctl_program, argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	return rc;
}

void
run_done(void)
{
	free(out_text);
	free(err_text);
	out_text = err_text = NULL;
}
