/*
 * Command lines as tables: a program is a list of groups of commands, a command is its words, its
 * options and a function.  Help, synopsis, unknown words with the nearest known one, and exit
 * statuses are made here once, for fasctl and fas-agent alike.
 */
#ifndef FAS_CTL_CLI_H
#define FAS_CTL_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "fas/base/err.h"

/* What a caller's script may rely on; docs/ADMIN.md explains each. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,  /* refused, or it could not be done */
	CLI_USAGE = 2,   /* the command line is wrong */
	CLI_AWAY = 3,    /* the process or server that was asked does not answer */
	CLI_DEFECT = 4,  /* the question was answered, and the answer is a defect */
	CLI_WAITING = 5, /* nothing is done yet: a second person has to agree */
};

#define CLI_NEED 1U /* the option must be given */
#define CLI_MANY 2U /* it may be given several times */

struct cli_option {
	const char *name;  /* without the dashes */
	const char *value; /* placeholder of its value in the help; NULL: a switch */
	const char *help;
	unsigned flags;
};

struct cli_args;

/* Returns an enum cli_exit. */
typedef int cli_run(const struct cli_args *args);

struct cli_command {
	const char *words;    /* "ca init" */
	const char *argument; /* placeholder of the one positional argument, "[PATH]" if it may be
			  left out; NULL: there is none */
	const char *summary;
	const char *text; /* more for --help; or NULL */
	const struct cli_option *options;
	size_t n_options;
	cli_run *run;
};

struct cli_group {
	const char *title;
	const struct cli_command *commands;
	size_t n;
};

struct cli_program {
	const char *name;
	const char *summary;
	const struct cli_group *const *groups;
	size_t n_groups;
	const struct cli_option *common; /* options of every command */
	size_t n_common;
	const char *footer; /* exit statuses, environment */
};

#define CLI_GIVEN_MAX 64

/* One parsed command line.  Everything is borrowed from argv and the tables. */
struct cli_args {
	const struct cli_program *program;
	const struct cli_command *command;
	char *argument; /* NULL when it was left out */
	struct {
		const char *name;
		char *value; /* NULL for a switch */
	} given[CLI_GIVEN_MAX];
	size_t n_given;
	FILE *out;
	FILE *err;
};

/* The value of an option, NULL when it was not given. */
const char *cli_text(const struct cli_args *args, const char *name);
bool cli_flag(const struct cli_args *args, const char *name);
/* The i-th value of an option that may be given several times; NULL behind the last. */
const char *cli_nth(const struct cli_args *args, const char *name, size_t i);

/* The text where an option's value stands in argv, to be wiped after use; NULL if not given. */
char *cli_secret(const struct cli_args *args, const char *name);

/* "program: message (reason)" on args->err and, under --json, {"error": ...} on args->out. */
int cli_fail(const struct cli_args *args, const struct fas_err *e);
/* A wrong command line: message, and where help is.  Returns CLI_USAGE. */
int cli_usage(const struct cli_args *args, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The exit status for a class of error. */
int cli_exit_of(enum fas_code code);

/* Parse argv and run the command.  out and err are borrowed.  Returns an enum cli_exit. */
int cli_main(const struct cli_program *program, int argc, char **argv, FILE *out, FILE *err);

#endif
