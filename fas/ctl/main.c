/* fasctl: the administrator's hand.  It holds nothing; both services judge the caller. */
#include <signal.h>

#include "fas/ctl/commands.h"

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	return cli_main(&ctl_program, argc, argv, stdout, stderr);
}
