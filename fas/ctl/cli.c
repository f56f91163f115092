#include "fas/ctl/cli.h"

#include <stdarg.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"
#include "fas/ctl/cli_help.h"

#define COMMANDS_MAX 64
#define OPTIONS_MAX 32

const char *
cli_nth(const struct cli_args *args, const char *name, size_t i)
{
	for (size_t at = 0; at < args->n_given; at++) {
		if (strcmp(args->given[at].name, name) == 0 && i-- == 0)
			return args->given[at].value ? args->given[at].value : "";
	}
	return NULL;
}

const char *
cli_text(const struct cli_args *args, const char *name)
{
	return cli_nth(args, name, 0);
}

bool
cli_flag(const struct cli_args *args, const char *name)
{
	return cli_nth(args, name, 0) != NULL;
}

char *
cli_secret(const struct cli_args *args, const char *name)
{
	for (size_t at = 0; at < args->n_given; at++) {
		if (strcmp(args->given[at].name, name) == 0)
			return args->given[at].value;
	}
	return NULL;
}

int
cli_exit_of(enum fas_code code)
{
	if (code == FAS_OK)
		return CLI_OK;
	return code == FAS_E_UNAVAILABLE || code == FAS_E_TIMEOUT ? CLI_AWAY : CLI_FAILED;
}

int
cli_fail(const struct cli_args *args, const struct fas_err *e)
{
	(void)fprintf(
	    args->err, "%s: %s (%s)\n", args->program->name, e->message, fas_err_reason(e));
	if (cli_flag(args, "json")) {
		OWN(json) json_t *error = wire_error(e);
		(void)json_dumpf(error, args->out, JSON_INDENT(2));
		(void)fputc('\n', args->out);
	}
	return cli_exit_of(e->code);
}

int
cli_usage(const struct cli_args *args, const char *fmt, ...)
{
	va_list list;
	(void)fprintf(args->err, "%s: ", args->program->name);
	va_start(list, fmt);
	(void)vfprintf(args->err, fmt, list);
	va_end(list);
	(void)fprintf(args->err, "\nSee: %s%s%s --help\n", args->program->name,
	    args->command ? " " : "", args->command ? args->command->words : "");
	return CLI_USAGE;
}

/* ---- which command ---- */

/* How many of argv's words the command's own words take, 0 = it is not this one. */
static size_t
match_words(const struct cli_command *command, int argc, char **argv)
{
	const char *at = command->words;
	size_t n = 0;
	while (*at) {
		size_t len = strcspn(at, " ");
		if (n == (size_t)argc || strlen(argv[n]) != len || memcmp(argv[n], at, len) != 0)
			return 0;
		n++;
		at += len + (at[len] == ' ');
	}
	return n;
}

static const struct cli_command *
command_at(const struct cli_program *program, size_t i)
{
	for (size_t g = 0; g < program->n_groups; g++) {
		if (i < program->groups[g]->n)
			return &program->groups[g]->commands[i];
		i -= program->groups[g]->n;
	}
	return NULL;
}

static const struct cli_command *
find_command(const struct cli_program *program, int argc, char **argv, size_t *n_words)
{
	const struct cli_command *command;
	for (size_t i = 0; (command = command_at(program, i)); i++) {
		*n_words = match_words(command, argc, argv);
		if (*n_words > 0)
			return command;
	}
	return NULL;
}

static bool
is_group(const struct cli_program *program, const char *word)
{
	const struct cli_command *command;
	for (size_t i = 0; (command = command_at(program, i)); i++) {
		if (cli_first_word_is(command, word) && strchr(command->words, ' '))
			return true;
	}
	return false;
}

/* The whole command nearest to what was typed, "" when nothing is near. */
static const char *
nearest_command(const struct cli_program *program, const char *typed)
{
	const char *known[COMMANDS_MAX];
	size_t n = 0;
	const struct cli_command *command;
	while (n < COMMANDS_MAX && (command = command_at(program, n)))
		known[n++] = command->words;
	return nearest_word(typed, known, n);
}

/* The group whose name is nearest; *room holds it. */
static const char *
nearest_group(const struct cli_program *program, const char *typed, char *room, size_t size)
{
	char words[COMMANDS_MAX][24];
	const char *known[COMMANDS_MAX];
	size_t n = 0;
	const struct cli_command *command;
	while (n < COMMANDS_MAX && (command = command_at(program, n))) {
		(void)snprintf(words[n], sizeof(words[n]), "%.*s",
		    (int)strcspn(command->words, " "), command->words);
		known[n] = words[n];
		n++;
	}
	const char *near = nearest_word(typed, known, n);
	if (!near)
		return NULL;
	(void)snprintf(room, size, "%s", near);
	return room;
}

static int
unknown_command(struct cli_args *args, int argc, char **argv)
{
	char typed[80], room[24];
	bool two = argc > 1 && argv[1][0] != '-';
	(void)snprintf(typed, sizeof(typed), "%s%s%s", argv[0], two ? " " : "", two ? argv[1] : "");
	if (!two && is_group(args->program, argv[0]))
		return cli_usage(args, "\"%s\" needs a second word: see the list", argv[0]);
	const char *near = nearest_command(args->program, typed);
	if (!near)
		near = nearest_group(args->program, argv[0], room, sizeof(room));
	if (near && strcmp(near, argv[0]) != 0)
		return cli_usage(
		    args, "unknown command \"%s\" (did you mean \"%s\"?)", typed, near);
	return cli_usage(args, "unknown command \"%s\"", typed);
}

/* ---- its options ---- */

static const struct cli_option *
option_at(const struct cli_args *args, size_t i)
{
	if (i < args->command->n_options)
		return &args->command->options[i];
	i -= args->command->n_options;
	return i < args->program->n_common ? &args->program->common[i] : NULL;
}

static const struct cli_option *
find_option(const struct cli_args *args, const char *name, size_t len)
{
	const struct cli_option *option;
	for (size_t i = 0; (option = option_at(args, i)); i++) {
		if (strlen(option->name) == len && memcmp(option->name, name, len) == 0)
			return option;
	}
	return NULL;
}

static int
unknown_option(const struct cli_args *args, const char *typed)
{
	const char *known[OPTIONS_MAX];
	size_t n = 0;
	const struct cli_option *option;
	while (n < OPTIONS_MAX && (option = option_at(args, n)))
		known[n++] = option->name;
	const char *near = nearest_word(typed, known, n);
	if (near)
		return cli_usage(
		    args, "unknown option \"--%s\" (did you mean \"--%s\"?)", typed, near);
	return cli_usage(args, "unknown option \"--%s\"", typed);
}

static int
add_given(struct cli_args *args, const struct cli_option *option, char *value)
{
	if (cli_flag(args, option->name) && !(option->flags & CLI_MANY))
		return cli_usage(args, "--%s is given twice", option->name);
	if (args->n_given == CLI_GIVEN_MAX)
		return cli_usage(args, "more than %d options", CLI_GIVEN_MAX);
	args->given[args->n_given].name = option->name;
	args->given[args->n_given++].value = value;
	return CLI_OK;
}

/* text: "name" or "name=value"; next: the word behind, taken (*used) where a value is wanted. */
static int
take_option(struct cli_args *args, char *text, char *next, bool *used)
{
	size_t len = strcspn(text, "=");
	char *value = text[len] ? text + len + 1 : NULL;
	const struct cli_option *option = find_option(args, text, len);
	*used = false;
	if (!option) {
		text[len] = 0;
		return unknown_option(args, text);
	}
	if (!option->value)
		return value ? cli_usage(args, "--%s takes no value", option->name)
			     : add_given(args, option, NULL);
	if (!value) {
		*used = true;
		value = next;
	}
	if (!value || !*value)
		return cli_usage(args, "--%s needs a value: %s", option->name, option->value);
	return add_given(args, option, value);
}

static int
take_argument(struct cli_args *args, char *text)
{
	if (!args->command->argument || args->argument)
		return cli_usage(args, "unexpected argument \"%s\"", text);
	args->argument = text;
	return CLI_OK;
}

static int
check_needed(const struct cli_args *args)
{
	const char *argument = args->command->argument;
	if (argument && argument[0] != '[' && !args->argument)
		return cli_usage(args, "%s is missing", argument);
	for (size_t i = 0; i < args->command->n_options; i++) {
		const struct cli_option *option = &args->command->options[i];
		if (option->flags & CLI_NEED && !cli_flag(args, option->name))
			return cli_usage(args, "--%s is missing", option->name);
	}
	return CLI_OK;
}

static int
parse_rest(struct cli_args *args, int argc, char **argv)
{
	bool options_end = false;
	for (int i = 0; i < argc; i++) {
		bool used = false;
		int rc;
		if (!options_end && strcmp(argv[i], "--") == 0) {
			options_end = true;
			continue;
		}
		if (!options_end && strncmp(argv[i], "--", 2) == 0)
			rc = take_option(
			    args, argv[i] + 2, i + 1 < argc ? argv[i + 1] : NULL, &used);
		else if (!options_end && argv[i][0] == '-' && argv[i][1])
			rc = cli_usage(
			    args, "unknown option \"%s\": options are long, as in --help", argv[i]);
		else
			rc = take_argument(args, argv[i]);
		if (rc != CLI_OK)
			return rc;
		i += used;
	}
	return check_needed(args);
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

/* --help anywhere before "--" asks for help and does nothing else. */
static bool
wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] == '-' && is_help(argv[i]))
			return true;
	}
	return false;
}

/* Help and version: everything that is answered without a command.  -1: go on. */
static int
early_answer(const struct cli_args *args, int argc, char **argv)
{
	if (argc == 0) {
		cli_help_program(args->program, NULL, args->err);
		return CLI_USAGE;
	}
	if (strcmp(argv[0], "--version") == 0) {
		(void)fprintf(args->out, "%s %s\n", args->program->name, FAS_VERSION);
		return CLI_OK;
	}
	if (is_help(argv[0])) {
		cli_help_program(args->program, NULL, args->out);
		return CLI_OK;
	}
	return -1;
}

int
cli_main(const struct cli_program *program, int argc, char **argv, FILE *out, FILE *err)
{
	struct cli_args args = {.program = program, .out = out, .err = err};
	size_t n_words = 0;
	int words = argc > 0 ? argc - 1 : 0;
	char **word = argv + 1;
	int early = early_answer(&args, words, word);
	if (early >= 0)
		return early;
	args.command = find_command(program, words, word, &n_words);
	if (!args.command && is_group(program, word[0]) && wants_help(words, word)) {
		cli_help_program(program, word[0], out);
		return CLI_OK;
	}
	if (!args.command)
		return unknown_command(&args, words, word);
	if (wants_help(words, word)) {
		cli_help_command(program, args.command, out);
		return CLI_OK;
	}
	int rc = parse_rest(&args, words - (int)n_words, word + n_words);
	return rc == CLI_OK ? args.command->run(&args) : rc;
}
