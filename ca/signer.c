/*
 * fas-signer: holds the keys of the certification authorities and signs what its own limits allow.  It talks to two
 * local sockets and to nothing else.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/confine.h"
#include "ca/limits.h"
#include "ca/pkcs11.h"
#include "ca/server.h"
#include "fas/base/audit.h"
#include "fas/base/log.h"
#include "fas/base/notify.h"
#include "fas/base/sandbox.h"

#define EXIT_USAGE 2

static const char usage[] =
    "Usage: fas-signer --config FILE [--check]\n"
    "\n"
    "Holds the keys of the certification authorities and issues what its limits allow.\n"
    "\n"
    "  --config FILE   signer.yaml; it and the limits must belong to root\n"
    "  --check         read configuration and limits, say what is wrong, and end\n"
    "  --version       print the version and end\n"
    "  --help          print this and end\n"
    "\n"
    "Signals: TERM and INT finish the requests under way and end; HUP reads the limits again.\n"
    "Exit status: 0 ended well, 1 could not start or run, 2 wrong usage.\n";

struct options {
	const char *config;
	bool check;
};

/* Returns an exit status when the program ends here, else -1. */
static int
read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"config", required_argument, NULL, 'c'},
	    {"check", no_argument, NULL, 'k'}, {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'v'}, {NULL, 0, NULL, 0}};
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (option == 'v') {
			(void)puts("fas-signer " FAS_VERSION);
			return EXIT_SUCCESS;
		}
		if (option == 'c')
			o->config = optarg;
		else if (option == 'k')
			o->check = true;
		else
			return EXIT_USAGE;
	}
	if (o->config && optind == argc)
		return -1;
	(void)fputs(usage, stderr);
	return EXIT_USAGE;
}

static enum fas_code
check(const struct signer_config *config, struct fas_err *e)
{
	OWN(limits) struct limits *limits = NULL;
	enum fas_code rc = limits_load(config->limits_path, 0, config, &limits, e);
	if (rc == FAS_OK)
		(void)printf("%zu authorities, %zu domains: configuration and limits are good\n",
		    config->n_authorities, limits->n_domains);
	return rc;
}

static void
reload(struct signer_server *server)
{
	struct fas_err e = {0};
	if (signer_server_reload(server, &e) == FAS_OK)
		log_event(LOG_LEVEL_INFO, "limits_loaded", NULL);
	else
		log_error("limits_not_loaded", &e, "present", "the old limits stay", NULL);
}

/*
 * All threads have these signals blocked: this one waits for them.  A token's process ends after this one, not before:
 * when it is gone, the whole begins anew, since what has walls around it can start no other.
 */
static enum fas_code
wait_for_end(struct signer_server *server, const sigset_t *signals, struct fas_err *e)
{
	int signal = 0;
	while (sigwait(signals, &signal) == 0 && signal == SIGHUP)
		reload(server);
	log_event(LOG_LEVEL_INFO, "signer_ending", "signal", strsignal(signal), NULL);
	return signal == SIGCHLD ? fas_fail(e, FAS_E_UNAVAILABLE, "token_process",
				       "the process of a PKCS#11 token has ended")
				 : FAS_OK;
}

static enum fas_code
serve(struct signer_config *config, struct fas_err *e)
{
	OWN(signer_server) struct signer_server *server = NULL;
	sigset_t signals;
	audit_set_journal(config->audit.journal);
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGCHLD);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	bool lock = sandbox_can_lock_memory();
	if (!lock)
		log_event(LOG_LEVEL_WARNING, "memory_not_locked", "message",
		    "keys may reach swap: set LimitMEMLOCK=infinity, as the packaged unit does",
		    NULL);
	enum fas_code rc = sandbox_enter(lock, e);
	if (rc == FAS_OK)
		rc = pkcs11_start(config, e);
	if (rc == FAS_OK)
		rc = signer_confine(config, e);
	if (rc == FAS_OK)
		rc = signer_server_start(config, 0, &server, e);
	if (rc != FAS_OK)
		return rc;
	log_event(LOG_LEVEL_INFO, "signer_ready", "version", FAS_VERSION, "issue_socket",
	    config->issue_socket, "admin_socket", config->admin_socket, NULL);
	notify_manager("READY=1");
	rc = wait_for_end(server, &signals, e);
	notify_manager("STOPPING=1");
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	struct fas_err e = {0};
	OWN(signer_config) struct signer_config *config = NULL;
	int status = read_options(argc, argv, &o);
	if (status >= 0)
		return status;
	enum fas_code rc = o.check ? FAS_OK : sandbox_refuse_root("fas-signer", &e);
	if (rc == FAS_OK)
		rc = signer_config_load(o.config, 0, &config, &e);
	if (rc == FAS_OK)
		rc = o.check ? check(config, &e) : serve(config, &e);
	if (rc == FAS_OK)
		return EXIT_SUCCESS;
	/* A check speaks like a compiler: the place first. */
	if (o.check)
		(void)fprintf(stderr, "%s\n", e.message);
	else
		(void)fprintf(stderr, "fas-signer: %s (%s)\n", e.message, fas_err_reason(&e));
	return EXIT_FAILURE;
}
