/* The command line of fas-launch: the only thing that it reads. */
#include "fas/launch.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/http/listen.h"

const char launch_usage[] =
    "usage: fas-launch [--folder PATH:USER:GROUP:MODE]...\n"
    "                  --run USER[:GROUP[,GROUP...]] [--low-ports] [--lock-memory]\n"
    "                        [--listen ADDRESS:PORT]... -- PROGRAM [ARG...]\n"
    "                  [--run ...]\n"
    "\n"
    "Starts programs under their own users, without systemd, and starts them again when they end.\n"
    "\n"
    "  --folder        make this folder (the last part of PATH only); MODE is octal\n"
    "  --run           one program; its arguments end at the next --run\n"
    "  --low-ports     it may bind ports under 1024, and has no other privilege\n"
    "  --lock-memory   it may lock its memory\n"
    "  --listen        hold this socket for it: while it is dead, connections wait instead of "
    "being refused\n"
    "  --version, --help\n"
    "\n"
    "Users and groups are names or numbers; a number needs no entry, but then a group.  PROGRAM is "
    "an absolute path.\n"
    "Signals: HUP goes to all programs; TERM ends them all (KILL after 20 s), then fas-launch.\n"
    "Exit status: 0 ended as told; 1 failed; 2 wrong usage.\n";

static enum fas_code
fail_usage(struct fas_err *e, const char *what, const char *text)
{
	return fas_fail(e, FAS_E_INPUT, "usage", "%s: \"%s\"", what, text ? text : "");
}

static bool
find_group(const char *text, gid_t *out)
{
	uint64_t number;
	if (parse_uint(text, 0, UINT32_MAX - 1, &number)) {
		*out = (gid_t)number;
		return true;
	}
	const struct group *group = getgrnam(text);
	if (group)
		*out = group->gr_gid;
	return group != NULL;
}

static bool
find_user(const char *text, struct launch_user *out)
{
	uint64_t number;
	bool numeric = parse_uint(text, 0, UINT32_MAX - 1, &number);
	const struct passwd *user = numeric ? getpwuid((uid_t)number) : getpwnam(text);
	if (!user && !numeric)
		return false;
	out->uid = user ? user->pw_uid : (uid_t)number;
	out->gid = user ? user->pw_gid : (gid_t)-1;
	if (user)
		(void)snprintf(out->name, sizeof(out->name), "%s", user->pw_name);
	return true;
}

/* The first group is the primary one, the others are supplementary. */
static enum fas_code
read_groups(char *list, struct launch_user *out, struct fas_err *e)
{
	char *rest = NULL;
	bool first = true;
	for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		gid_t gid;
		if (!find_group(name, &gid))
			return fail_usage(e, "there is no such group", name);
		if (first)
			out->gid = gid;
		else if (out->n_groups < LAUNCH_GROUPS_MAX)
			out->groups[out->n_groups++] = gid;
		first = false;
	}
	return FAS_OK;
}

enum fas_code
launch_user_parse(const char *text, struct launch_user *out, struct fas_err *e)
{
	char copy[LAUNCH_NAME_MAX];
	*out = (struct launch_user){0};
	if (strlen(text) >= sizeof(copy))
		return fail_usage(e, "want USER[:GROUP,...]", text);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	char *colon = strchr(copy, ':');
	if (colon)
		*colon++ = 0;
	if (!find_user(copy, out))
		return fail_usage(e, "there is no such user", copy);
	enum fas_code rc = colon ? read_groups(colon, out, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	if (out->uid == 0 || out->gid == 0)
		return fail_usage(e, "programs do not run as root", text);
	return out->gid == (gid_t)-1
		   ? fail_usage(e, "a number without an entry needs a group", text)
		   : FAS_OK;
}

static bool
parse_mode(const char *text, mode_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 8);
	*out = (mode_t)value;
	return text[0] >= '0' && text[0] <= '7' && *end == 0 && value <= 02777;
}

/* PATH:USER:GROUP:MODE; root may own a folder.  The text is cut in place, as it is ours from the command line. */
static enum fas_code
read_folder(struct launch *launch, char *text, struct fas_err *e)
{
	char *rest = NULL;
	const char *path = strtok_r(text, ":", &rest), *user = strtok_r(NULL, ":", &rest);
	const char *group = strtok_r(NULL, ":", &rest), *mode = strtok_r(NULL, ":", &rest);
	struct launch_user owner = {0};
	if (launch->n_folders == LAUNCH_FOLDERS_MAX)
		return fail_usage(e, "too many folders", path);
	struct launch_folder *folder = &launch->folders[launch->n_folders];
	if (!mode || path[0] != '/' || strtok_r(NULL, ":", &rest) ||
	    !parse_mode(mode, &folder->mode))
		return fail_usage(e, "want --folder /PATH:USER:GROUP:MODE, found", path);
	if (!find_user(user, &owner) || !find_group(group, &folder->gid))
		return fail_usage(e, "there is no such user or group for folder", path);
	folder->path = path;
	folder->uid = owner.uid;
	launch->n_folders++;
	return FAS_OK;
}

/* From behind "--" to the next "--run": execv wants its own NULL behind them. */
static enum fas_code
read_arguments(
    struct launch *launch, char **argv, int *i, struct launch_program *program, struct fas_err *e)
{
	char **vector = &launch->copies[*i + (int)launch->n_programs];
	size_t n = 0;
	for (; argv[*i] && strcmp(argv[*i], "--run") != 0; (*i)++)
		vector[n++] = argv[*i];
	vector[n] = NULL;
	program->argv = vector;
	if (n == 0 || vector[0][0] != '/')
		return fail_usage(e, "want an absolute path behind --", n ? vector[0] : "");
	launch->n_programs++;
	return FAS_OK;
}

static enum fas_code
add_listen(struct launch_program *program, const char *address, struct fas_err *e)
{
	struct sockaddr_storage ignored;
	socklen_t len;
	if (!address || !http_address_parse(address, &ignored, &len))
		return fail_usage(e, "--listen wants ADDRESS:PORT, numeric", address);
	if (program->n_listen == LAUNCH_LISTEN_MAX)
		return fail_usage(e, "too many sockets", address);
	program->listen[program->n_listen].address = address;
	program->listen[program->n_listen++].fd = -1;
	return FAS_OK;
}

static enum fas_code
read_option(struct launch_program *program, char **argv, int *i, struct fas_err *e)
{
	if (strcmp(argv[*i], "--low-ports") == 0)
		program->low_ports = true;
	else if (strcmp(argv[*i], "--lock-memory") == 0)
		program->lock_memory = true;
	else if (strcmp(argv[*i], "--listen") == 0)
		return add_listen(program, argv[++*i], e);
	else
		return fail_usage(e, "unknown option of --run", argv[*i]);
	return FAS_OK;
}

/* argv[*i] stands behind "--run". */
static enum fas_code
read_program(struct launch *launch, char **argv, int *i, struct fas_err *e)
{
	if (launch->n_programs == LAUNCH_PROGRAMS_MAX)
		return fail_usage(e, "too many programs", argv[*i]);
	struct launch_program *program = &launch->programs[launch->n_programs];
	if (!argv[*i])
		return fail_usage(e, "--run wants a user", "");
	enum fas_code rc = launch_user_parse(argv[(*i)++], &program->user, e);
	for (; rc == FAS_OK && argv[*i] && strcmp(argv[*i], "--") != 0; (*i)++)
		rc = read_option(program, argv, i, e);
	if (rc != FAS_OK)
		return rc;
	if (!argv[*i])
		return fail_usage(e, "--run wants -- PROGRAM", "");
	(*i)++;
	return read_arguments(launch, argv, i, program, e);
}

enum fas_code
launch_parse(int argc, char **argv, struct launch *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	*out = (struct launch){0};
	out->copies = calloc((size_t)argc + LAUNCH_PROGRAMS_MAX + 1, sizeof(char *));
	if (!out->copies)
		return fas_fail_nomem(e);
	for (int i = 1; i < argc && rc == FAS_OK;) {
		const char *option = argv[i++];
		if (strcmp(option, "--run") == 0)
			rc = read_program(out, argv, &i, e);
		else if (strcmp(option, "--folder") == 0 && i < argc)
			rc = read_folder(out, argv[i++], e);
		else if (strcmp(option, "--help") == 0)
			out->help = true;
		else if (strcmp(option, "--version") == 0)
			out->version = true;
		else
			return fail_usage(e, "unknown option", option);
	}
	if (rc == FAS_OK && out->n_programs == 0 && !out->help && !out->version)
		return fail_usage(e, "nothing to run", "");
	return rc;
}

void
launch_done(struct launch *launch)
{
	free(launch->copies);
	launch->copies = NULL;
}
