/* fas-agent run, status, config check; and what the session commands do where the daemon runs. */
#include <stdio.h>
#include <string.h>

#include "fas/agent/commands.h"
#include "fas/agent/daemon.h"
#include "fas/agent/daemon_client.h"
#include "fas/base/log.h"
#include "fas/base/notify.h"

static void
say_ready(void)
{
	log_event(LOG_LEVEL_INFO, "ready", "version", FAS_VERSION, NULL);
	notify_manager("READY=1");
}

static int
run_daemon(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	if (agent_setup(args, &config, &e) != FAS_OK)
		return cli_fail(args, &e);
	log_set_level(config.log_level);
	if (access(config.pkcs11, R_OK) != 0)
		log_event(LOG_LEVEL_WARNING, "module_missing", "pkcs11", config.pkcs11, "message",
		    "logons with keys that the service keeps will fail: install fas-pkcs11.so, or "
		    "name "
		    "it in agent.yaml",
		    NULL);
	return daemon_run(&config, say_ready, &e) == FAS_OK ? CLI_OK : cli_fail(args, &e);
}

static int
run_status(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	if (agent_setup(args, &config, &e) != FAS_OK)
		return cli_fail(args, &e);
	return daemon_show_status(args, &config, &e) == FAS_OK ? CLI_OK : cli_fail(args, &e);
}

/* What the daemon would need at its first logon is looked at too. */
static enum fas_code
check(const struct agent_config *config, struct fas_err *e)
{
	if (config->kdc_anchors[0] && access(config->kdc_anchors, R_OK) != 0)
		return fas_fail_errno(e, "kdc: anchors: %s", config->kdc_anchors);
	if (config->verify == AGENT_VERIFY_KEYTAB && access(config->host_keytab, R_OK) != 0)
		return fas_fail_errno(e, "verify: keytab: %s", config->host_keytab);
	if (access(config->pkcs11, R_OK) != 0)
		return fas_fail_errno(e, "pkcs11: %s", config->pkcs11);
	if (config->keytab[0] && access(config->service_ca, R_OK) != 0)
		return fas_fail_errno(e, "service_ca: %s", config->service_ca);
	return FAS_OK;
}

static int
run_check(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct agent_config config;
	if (agent_setup(args, &config, &e) != FAS_OK || check(&config, &e) != FAS_OK)
		return cli_fail(args, &e);
	(void)fprintf(args->out, cli_flag(args, "json") ? "{\"ok\": true}\n" : "good\n");
	return CLI_OK;
}

static const struct cli_command commands[] = {
    {"run", NULL, "The daemon: sessions, their cards and leases, until SIGTERM",
	"Programs of a session reach it at the socket that agent.yaml names.  At the end all\n"
	"sessions end: their cards are gone, and the service is told.",
	NULL, 0, run_daemon},
    {"status", NULL, "Servers, this machine's certificate, sessions and cards of the daemon", NULL,
	NULL, 0, run_status},
    {"config check", NULL, "Check agent.yaml without touching anything", NULL, NULL, 0, run_check},
};

const struct cli_group agent_daemon_group = {"daemon", commands, NELEMS(commands)};
