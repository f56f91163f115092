/*
 * fasctl config ...  The daemons judge their own files (--check): there is one reader of each format, and fasctl is
 * linked with neither.
 */
#include "fas/ctl/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

#define SAID_MAX 8192

static const struct checker {
	const char *file;
	const char *program;
} checkers[] = {{"signer.yaml", "fas-signer"}, {"fasd.yaml", "fasd"}};

struct finding {
	char path[PATH_MAX];
	bool good;
	char said[SAID_MAX]; /* one line or a few, without the newline at the end */
};

/* The daemon that lies beside this very program. */
static enum fas_code
find_program(const char *name, char out[PATH_MAX], struct fas_err *e)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0)
		return fas_fail_errno(e, "/proc/self/exe");
	self[len] = 0;
	char *slash = strrchr(self, '/');
	int folder = slash ? (int)(slash - self) : 0;
	int n = snprintf(out, PATH_MAX, "%.*s/%s", folder, self, name);
	if (n < 0 || n >= PATH_MAX || access(out, X_OK) != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "program_missing",
		    "%s is not here: %s is checked where it is installed", out, name);
	return FAS_OK;
}

/* Both streams into one text; what is longer is cut. */
static void
collect(int fd, char said[SAID_MAX])
{
	size_t used = 0;
	char more[512];
	for (;;) { /* ends with the child, whose end of the pipe closes */
		ssize_t got = read(fd, more, sizeof(more));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size_t take = (size_t)got < SAID_MAX - 1 - used ? (size_t)got : SAID_MAX - 1 - used;
		memcpy(said + used, more, take);
		used += take;
	}
	while (used > 0 && said[used - 1] == '\n')
		used--;
	said[used] = 0;
}

static enum fas_code
spawn(char *const argv[], int output, pid_t *child, struct fas_err *e)
{
	posix_spawn_file_actions_t actions;
	char *const environment[] = {(char[]){"PATH=/usr/sbin:/usr/bin"}, NULL};
	if (posix_spawn_file_actions_init(&actions) != 0)
		return fas_fail_nomem(e);
	int rc = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn(child, argv[0], &actions, NULL, argv, environment);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? FAS_OK
		       : fas_fail(e, FAS_E_IO, "io_error", "%s: %s", argv[0], strerror(rc));
}

static enum fas_code
run_checker(const struct checker *checker, struct finding *finding, struct fas_err *e)
{
	int pipes[2], status = 0;
	pid_t child;
	char program[PATH_MAX];
	enum fas_code rc = find_program(checker->program, program, e);
	if (rc != FAS_OK)
		return rc;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return fas_fail_errno(e, "pipe");
	char *const argv[] = {
	    program, (char[]){"--config"}, finding->path, (char[]){"--check"}, NULL};
	rc = spawn(argv, pipes[1], &child, e);
	(void)close(pipes[1]);
	if (rc == FAS_OK) {
		collect(pipes[0], finding->said);
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		finding->good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	(void)close(pipes[0]);
	return rc;
}

static json_t *
finding_json(const struct finding *finding)
{
	return json_pack("{s:s, s:b, s:s}", "path", finding->path, "ok", finding->good, "message",
	    finding->said);
}

/* The file of that checker in path (a folder), or path itself when it is that file; false: neither. */
static bool
file_of(const struct checker *checker, const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	int n = strcmp(slash ? slash + 1 : path, checker->file) == 0
		    ? snprintf(out, PATH_MAX, "%s", path)
		    : snprintf(out, PATH_MAX, "%s/%s", path, checker->file);
	return n > 0 && n < PATH_MAX && access(out, F_OK) == 0;
}

static void
show(const struct cli_args *args, const struct finding *finding, json_t *list)
{
	if (cli_flag(args, "json"))
		(void)json_array_append_new(list, finding_json(finding));
	else if (finding->good)
		(void)fprintf(args->out, "%s: %s\n", finding->path, finding->said);
	else
		(void)fprintf(args->err, "%s\n", finding->said);
}

static int
run_check(const struct cli_args *args)
{
	bool good = true;
	size_t found = 0;
	OWN(json) json_t *list = json_array();
	const char *path = args->argument ? args->argument : FAS_SYSCONFDIR;
	for (size_t i = 0; i < NELEMS(checkers); i++) {
		struct fas_err e = {0};
		struct finding finding = {0};
		if (!file_of(&checkers[i], path, finding.path))
			continue;
		if (run_checker(&checkers[i], &finding, &e) != FAS_OK)
			return cli_fail(args, &e);
		show(args, &finding, list);
		good = good && finding.good;
		found++;
	}
	if (found == 0)
		return cli_usage(args, "%s: neither signer.yaml nor fasd.yaml is there", path);
	if (cli_flag(args, "json"))
		render_json(args->out, list);
	return good ? CLI_OK : CLI_FAILED;
}

/* ---- config reload ---- */

static const struct render_column reload_columns[] = {
    {"", "part", RENDER_TEXT},
    {"", "state", RENDER_TEXT},
};

static int
run_reload(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	bool good = true;
	size_t i;
	json_t *part;
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "config.reload"), &reply);
	if (rc != CLI_OK)
		return rc;
	json_t *parts = json_object_get(reply, "parts");
	json_array_foreach(parts, i, part)
	{
		json_t *message = json_object_get(part, "message");
		bool ok = json_is_true(json_object_get(part, "ok"));
		good = good && ok;
		(void)json_object_set_new(
		    part, "state", ok ? json_string("in force") : json_incref(message));
	}
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, parts, reload_columns, NELEMS(reload_columns), "");
	const char *warning = json_string_value(json_object_get(reply, "warning"));
	if (warning && *warning)
		(void)fprintf(args->err, "groups not known to the directory: %s\n", warning);
	return good ? CLI_OK : CLI_FAILED;
}

static const struct cli_command commands[] = {
    {"config check", "[PATH]", "Check the daemons' configuration without touching the service",
	"PATH is a signer.yaml or fasd.yaml, or the folder that they lie in.  An error is one "
	"line,\n"
	"FILE:LINE:COLUMN: error: ..., and exit status 1.",
	NULL, 0, run_check},
    {"config reload", NULL, "Have fasd load providers, machines and policy anew",
	"As systemctl reload fasd does: each part all or nothing; where one has a fault the old\n"
	"one stays in force, and the exit status is 1.  The signer's limits: systemctl reload\n"
	"fas-signer.",
	NULL, 0, run_reload},
};

const struct cli_group ctl_config_group = {"configuration", commands, NELEMS(commands)};
