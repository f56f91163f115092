#include "fas/ctl/cli_help.h"

#include <string.h>

#define INDENT 28

bool
cli_first_word_is(const struct cli_command *command, const char *word)
{
	size_t len = strcspn(command->words, " ");
	return strlen(word) == len && memcmp(command->words, word, len) == 0;
}

static void
print_group(const struct cli_group *group, const char *word, FILE *out)
{
	bool titled = false;
	for (size_t i = 0; i < group->n; i++) {
		const struct cli_command *command = &group->commands[i];
		if (word && !cli_first_word_is(command, word))
			continue;
		if (!titled)
			(void)fprintf(out, "\n%s:\n", group->title);
		titled = true;
		(void)fprintf(out, "  %-*s%s\n", INDENT - 2, command->words, command->summary);
	}
}

void
cli_help_program(const struct cli_program *program, const char *word, FILE *out)
{
	(void)fprintf(out, "usage: %s COMMAND [OPTIONS]\n\n%s\n", program->name, program->summary);
	for (size_t i = 0; i < program->n_groups; i++)
		print_group(program->groups[i], word, out);
	(void)fprintf(out, "\n%s COMMAND --help explains one command.\n", program->name);
	if (!word)
		(void)fprintf(out, "\n%s", program->footer);
}

static void
print_option(const struct cli_option *option, FILE *out)
{
	char left[64];
	(void)snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
	    option->value ? option->value : "");
	(void)fprintf(out, "  %-*s%s\n", INDENT - 2, left, option->help);
}

static void
print_synopsis(const struct cli_option *option, FILE *out)
{
	bool need = option->flags & CLI_NEED;
	(void)fprintf(out, " %s--%s%s%s%s%s", need ? "" : "[", option->name,
	    option->value ? " " : "", option->value ? option->value : "", need ? "" : "]",
	    option->flags & CLI_MANY ? "..." : "");
}

void
cli_help_command(const struct cli_program *program, const struct cli_command *command, FILE *out)
{
	(void)fprintf(out, "usage: %s %s", program->name, command->words);
	if (command->argument)
		(void)fprintf(out, " %s", command->argument);
	for (size_t i = 0; i < command->n_options; i++)
		print_synopsis(&command->options[i], out);
	(void)fprintf(out, "\n\n%s\n", command->summary);
	if (command->text)
		(void)fprintf(out, "\n%s\n", command->text);
	(void)fprintf(out, "\noptions:\n");
	for (size_t i = 0; i < command->n_options; i++)
		print_option(&command->options[i], out);
	for (size_t i = 0; i < program->n_common; i++)
		print_option(&program->common[i], out);
	(void)fprintf(out, "\n%s", program->footer);
}
