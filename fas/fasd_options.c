#include "fas/fasd_options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

static const char usage[] =
    "usage: fasd [--config FILE] [--check]\n"
    "\n"
    "The federated authentication service: SAML responses in, tickets and logon certificates out.\n"
    "\n"
    "  --config FILE   default " FAS_SYSCONFDIR "/fasd.yaml\n"
    "  --check         read configuration and policy, say what is wrong with them, and end\n"
    "  --version, --help\n"
    "\n"
    "Signals: HUP reads policy and providers again; TERM finishes requests under way and ends.\n"
    "Exit status: 0 ended as told; 1 failed; 2 wrong usage; 3 wrong configuration or policy.\n";

int
fasd_options_read(int argc, char **argv, struct options *out)
{
	static const struct option known[] = {{"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'k'}, {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "c:h", known, NULL)) != -1) {
		if (option == 'c') {
			out->config = optarg;
		} else if (option == 'k') {
			out->check = true;
		} else if (option == 'V') {
			(void)puts("fasd " FAS_VERSION);
			return STATUS_DONE;
		} else {
			(void)fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? STATUS_DONE : STATUS_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "fasd: unexpected argument \"%s\"\n%s", argv[optind], usage);
		return STATUS_USAGE;
	}
	return -1;
}
