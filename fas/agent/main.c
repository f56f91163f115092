/* fas-agent: keys in locked memory only, no core dumps, and no foreign byte parsed as more than it
 * must be. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/agent/commands.h"
#include "fas/agent/tasks.h"
#include "fas/base/sandbox.h"

int
main(int argc, char **argv)
{
	struct fas_err e = {0};
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	if (sandbox_enter(true, &e) != FAS_OK || api_init(&e) != FAS_OK) {
		(void)fprintf(stderr, "fas-agent: %s (%s)\n", e.message, fas_err_reason(&e));
		return CLI_FAILED;
	}
	if (argc > 1 && strcmp(argv[1], CHILD_WORD) == 0)
		return child_main(agent_tasks, AGENT_TASKS, argc, argv);
	return cli_main(&agent_program, argc, argv, stdout, stderr);
}
