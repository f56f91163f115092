/* The command line of fasd. */
#ifndef FAS_FASD_OPTIONS_H
#define FAS_FASD_OPTIONS_H

#include <stdbool.h>

enum status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_CONFIG = 3 };

struct options {
	const char *config; /* borrowed from argv */
	bool check;
};

/* -1: go on; else the exit status, and what there was to say has been said. */
int fasd_options_read(int argc, char **argv, struct options *out);

#endif
