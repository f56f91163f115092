/* The help texts of a command line, from its tables. */
#ifndef FAS_CTL_CLI_HELP_H
#define FAS_CTL_CLI_HELP_H

#include "fas/ctl/cli.h"

/* All commands, each with its summary; word NULL, or only those that begin with this word. */
void cli_help_program(const struct cli_program *program, const char *word, FILE *out);
/* Synopsis, text and options of one command. */
void cli_help_command(
    const struct cli_program *program, const struct cli_command *command, FILE *out);
/* Does the command's first word equal word? */
bool cli_first_word_is(const struct cli_command *command, const char *word);

#endif
