#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/macros.h"
#include "fas/ctl/cli.h"

/* A small program that remembers what it was asked. */
static char seen[512];

static int
run_put(const struct cli_args *args)
{
	const char *size = cli_text(args, "size"), *first = cli_nth(args, "name", 0),
		   *second = cli_nth(args, "name", 1);
	(void)snprintf(seen, sizeof(seen), "%s|%s|%s|%s|%s", args->argument ? args->argument : "",
	    size ? size : "", first ? first : "", second ? second : "",
	    cli_flag(args, "force") ? "force" : "");
	return CLI_OK;
}

static int
run_fail(const struct cli_args *args)
{
	struct fas_err e = {0};
	fas_fail(&e, FAS_E_UNAVAILABLE, "peer_away", "nobody is there");
	return cli_fail(args, &e);
}

static const struct cli_option put_options[] = {
    {"size", "BYTES", "how large", CLI_NEED},
    {"name", "TEXT", "what", CLI_MANY},
    {"force", NULL, "even so", 0},
};

static const struct cli_command commands[] = {
    {"box put", "[PATH]", "Put a thing away", "It stays there.", put_options, NELEMS(put_options),
	run_put},
    {"box drop", "PATH", "Drop it", NULL, NULL, 0, run_fail},
    {"state", NULL, "Say how it is", NULL, NULL, 0, run_fail},
};
static const struct cli_group group = {"things", commands, NELEMS(commands)};
static const struct cli_group *const groups[] = {&group};
static const struct cli_option common[] = {{"json", NULL, "for programs", 0}};
static const struct cli_program program = {.name = "prog",
    .summary = "A program.",
    .groups = groups,
    .n_groups = 1,
    .common = common,
    .n_common = 1,
    .footer = "exit status: 0 well\n"};

static char *out_text, *err_text;

#define WORDS_MAX 16

/* Run one command line; its words are separated by spaces. */
static int
run(const char *line)
{
	static char room[512];
	char *argv[WORDS_MAX] = {0}, *save = NULL;
	size_t out_len = 0, err_len = 0;
	int argc = 0;
	(void)snprintf(room, sizeof(room), "prog %s", line);
	for (char *w = strtok_r(room, " ", &save); w && argc < WORDS_MAX - 1;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	free(out_text);
	free(err_text);
	seen[0] = 0;
	FILE *out = open_memstream(&out_text, &out_len), *err = open_memstream(&err_text, &err_len);
	assert_non_null(out);
	assert_non_null(err);
	int rc = cli_main(&program, argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	return rc;
}

static int
teardown(void **state)
{
	(void)state;
	free(out_text);
	free(err_text);
	return 0;
}

static void
a_command_gets_its_options_and_argument(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size 7 --name=a --force --name b /x"), CLI_OK);
	assert_string_equal(seen, "/x|7|a|b|force");
}

static void
behind_two_dashes_everything_is_an_argument(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size 7 -- --name"), CLI_OK);
	assert_string_equal(seen, "--name|7|||");
}

static void
a_single_dash_is_an_argument(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size 7 -"), CLI_OK);
	assert_string_equal(seen, "-|7|||");
}

static void
a_missing_needed_option_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("box put /x"), CLI_USAGE);
	assert_non_null(strstr(err_text, "--size is missing"));
	assert_string_equal(seen, "");
}

static void
a_missing_needed_argument_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("box drop"), CLI_USAGE);
	assert_non_null(strstr(err_text, "PATH is missing"));
}

static void
an_option_without_its_value_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size"), CLI_USAGE);
	assert_non_null(strstr(err_text, "--size needs a value: BYTES"));
	assert_int_equal(run("box put --size= x"), CLI_USAGE);
}

static void
a_switch_takes_no_value(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size 1 --force=yes"), CLI_USAGE);
	assert_non_null(strstr(err_text, "takes no value"));
}

static void
the_same_option_twice_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("box put --size 1 --size 2"), CLI_USAGE);
	assert_non_null(strstr(err_text, "given twice"));
}

static void
a_second_argument_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run("box drop a b"), CLI_USAGE);
	assert_non_null(strstr(err_text, "unexpected argument \"b\""));
}

static void
a_mistyped_option_is_answered_with_the_nearest_one(void **state)
{
	(void)state;
	assert_int_equal(run("box put --sise 1"), CLI_USAGE);
	assert_non_null(strstr(err_text, "did you mean \"--size\"?"));
	assert_int_equal(run("box put -s 1"), CLI_USAGE);
}

static void
a_mistyped_command_is_answered_with_the_nearest_one(void **state)
{
	(void)state;
	assert_int_equal(run("box putt"), CLI_USAGE);
	assert_non_null(strstr(err_text, "did you mean \"box put\"?"));
	assert_int_equal(run("stat"), CLI_USAGE);
	assert_non_null(strstr(err_text, "did you mean \"state\"?"));
	assert_int_equal(run("bux nothing"), CLI_USAGE);
	assert_non_null(strstr(err_text, "did you mean \"box\"?"));
	assert_int_equal(run("elephant"), CLI_USAGE);
	assert_null(strstr(err_text, "did you mean"));
}

static void
a_group_alone_wants_its_second_word(void **state)
{
	(void)state;
	assert_int_equal(run("box"), CLI_USAGE);
	assert_non_null(strstr(err_text, "needs a second word"));
}

static void
help_of_a_command_shows_synopsis_options_and_exit_statuses(void **state)
{
	(void)state;
	assert_int_equal(run("box put --help"), CLI_OK);
	assert_non_null(
	    strstr(out_text, "usage: prog box put [PATH] --size BYTES [--name TEXT]... [--force]"));
	assert_non_null(strstr(out_text, "It stays there."));
	assert_non_null(strstr(out_text, "--json"));
	assert_non_null(strstr(out_text, "exit status"));
	assert_string_equal(seen, "");
}

static void
help_works_everywhere_and_runs_nothing(void **state)
{
	(void)state;
	assert_int_equal(run("--help"), CLI_OK);
	assert_non_null(strstr(out_text, "box drop"));
	assert_int_equal(run("help"), CLI_OK);
	assert_int_equal(run("box --help"), CLI_OK);
	assert_non_null(strstr(out_text, "box put"));
	assert_null(strstr(out_text, "state"));
	assert_int_equal(run("box put --size 3 -h"), CLI_OK);
	assert_string_equal(seen, "");
	assert_int_equal(run("--version"), CLI_OK);
	assert_non_null(strstr(out_text, "prog "));
}

static void
no_command_at_all_shows_the_list_and_is_a_usage_error(void **state)
{
	(void)state;
	assert_int_equal(run(""), CLI_USAGE);
	assert_non_null(strstr(err_text, "usage: prog COMMAND"));
}

static void
an_error_goes_to_stderr_and_under_json_also_to_stdout(void **state)
{
	(void)state;
	assert_int_equal(run("state"), CLI_AWAY);
	assert_string_equal(err_text, "prog: nobody is there (peer_away)\n");
	assert_string_equal(out_text, "");
	assert_int_equal(run("state --json"), CLI_AWAY);
	assert_non_null(strstr(out_text, "\"reason\": \"peer_away\""));
}

static void
classes_of_errors_have_their_exit_status(void **state)
{
	(void)state;
	assert_int_equal(cli_exit_of(FAS_OK), CLI_OK);
	assert_int_equal(cli_exit_of(FAS_E_DENIED), CLI_FAILED);
	assert_int_equal(cli_exit_of(FAS_E_TIMEOUT), CLI_AWAY);
	assert_int_equal(cli_exit_of(FAS_E_UNAVAILABLE), CLI_AWAY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_command_gets_its_options_and_argument),
	    cmocka_unit_test(behind_two_dashes_everything_is_an_argument),
	    cmocka_unit_test(a_single_dash_is_an_argument),
	    cmocka_unit_test(a_missing_needed_option_is_a_usage_error),
	    cmocka_unit_test(a_missing_needed_argument_is_a_usage_error),
	    cmocka_unit_test(an_option_without_its_value_is_a_usage_error),
	    cmocka_unit_test(a_switch_takes_no_value),
	    cmocka_unit_test(the_same_option_twice_is_a_usage_error),
	    cmocka_unit_test(a_second_argument_is_a_usage_error),
	    cmocka_unit_test(a_mistyped_option_is_answered_with_the_nearest_one),
	    cmocka_unit_test(a_mistyped_command_is_answered_with_the_nearest_one),
	    cmocka_unit_test(a_group_alone_wants_its_second_word),
	    cmocka_unit_test(help_of_a_command_shows_synopsis_options_and_exit_statuses),
	    cmocka_unit_test(help_works_everywhere_and_runs_nothing),
	    cmocka_unit_test(no_command_at_all_shows_the_list_and_is_a_usage_error),
	    cmocka_unit_test(an_error_goes_to_stderr_and_under_json_also_to_stdout),
	    cmocka_unit_test(classes_of_errors_have_their_exit_status),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
