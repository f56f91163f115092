/* agent.yaml: docs/FILES.md, "fas-agent". */
#ifndef FAS_AGENT_CONFIG_H
#define FAS_AGENT_CONFIG_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "fas/base/err.h"
#include "fas/base/log.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

#define AGENT_SERVERS_MAX 8
#define AGENT_URL_MAX 512
#define AGENT_KDC_NAMES_MAX 8
#define AGENT_PRINCIPAL_MAX 512
#define AGENT_NODE_MAX 17

/* Is a domain controller asked to prove itself by this host's keytab (fas/agent/proof.h)? */
enum agent_verify {
	AGENT_VERIFY_AUTO, /* where there is a keytab */
	AGENT_VERIFY_KEYTAB,
	AGENT_VERIFY_OFF
};

struct agent_node {
	char name[AGENT_NODE_MAX];
	char url[AGENT_URL_MAX];
};

struct agent_config {
	char servers[AGENT_SERVERS_MAX][AGENT_URL_MAX]; /* https://host[:port], no '/' at the end */
	size_t n_servers;
	char state[PATH_MAX];
	char kdc_anchors[PATH_MAX];                            /* PEM file; "" = none configured */
	char kdc_names[AGENT_KDC_NAMES_MAX][HOSTNAME_MAX + 1]; /* none: discovered */
	size_t n_kdc_names;
	/* Without a certificate, by the machine account: "" = not configured. */
	char keytab[PATH_MAX];
	char service_ca[PATH_MAX];           /* PEM file; there with keytab */
	char principal[AGENT_PRINCIPAL_MAX]; /* "" = the keytab's first NAME$@REALM */
	uid_t first_uid;                     /* accounts below are never logged on */
	/* The daemon's (fas-agent run). */
	char discover[HOSTNAME_MAX + 1]; /* servers by SRV _fas._tcp.DOMAIN; "" = the list above */
	struct agent_node nodes[AGENT_SERVERS_MAX]; /* which server is which node, if it is known */
	size_t n_nodes;
	char socket[PATH_MAX];
	char host_keytab[PATH_MAX]; /* for verify */
	enum agent_verify verify;
	char pinentry[PATH_MAX]; /* who asks for consent */
	char pkcs11[PATH_MAX];   /* fas-pkcs11.so, for PKINIT with a key that the service keeps */
	enum log_level log_level;
};

#define AGENT_CONFIG_FILE FAS_SYSCONFDIR "/agent.yaml"

/* Nothing configured: the installed state folder and no server. */
void agent_config_defaults(struct agent_config *config);

/*
 * Read the file over the defaults.  Relative file names are relative to its folder.
 * FAS_E_CONFIG with file:line:column; FAS_E_NOTFOUND "file_missing".
 */
MUST_CHECK enum fas_code agent_config_load(
    const char *path, struct agent_config *config, struct fas_err *e);

/* An API URL: https, a host, perhaps a port, no path.  out without '/' at the end.
 * FAS_E_CONFIG "server_url". */
MUST_CHECK enum fas_code agent_config_add_server(
    struct agent_config *config, const char *url, struct fas_err *e);

#endif
