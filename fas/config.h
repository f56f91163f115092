/*
 * fasd.yaml (docs/FILES.md): read once, checked whole, immutable.
 *
 * File names in it are relative to its own folder; the siblings' parts (identity_providers, domains) are kept as nodes
 * and read by their rooms.
 */
#ifndef FAS_CONFIG_H
#define FAS_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fas/base/audit_config.h"
#include "fas/base/err.h"
#include "fas/base/log.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define CONFIG_LISTEN_MAX 8
#define CONFIG_NODE_MAX 17 /* with NUL */

struct config_listen {
	const char
	    *address[CONFIG_LISTEN_MAX]; /* borrowed from doc, checked by http_address_parse */
	size_t n;
};

/* What an unreachable or stale CRL does beside being an alarm. */
enum watchdog_failure { WATCHDOG_NOT_READY = 0, WATCHDOG_REPORT, WATCHDOG_STOP };

struct watchdog_config {
	unsigned each_s;
	int timeout_ms; /* of one fetch */
	size_t max_bytes;
	int64_t lag_s; /* how long a place may show an older CRL than the signer's */
	enum watchdog_failure on_failure;
};

/* Publishing in the directory. */
#define CONFIG_PLACES 4 /* cdp, aia, authorities, ntauth: as enum pki_kind */
struct publish_config {
	bool on;
	const char *domain; /* NULL: the first */
	unsigned each_s;
	bool places[CONFIG_PLACES];
};

struct front_config;

struct config {
	struct yaml_doc *doc; /* owns all texts */
	char path[PATH_MAX];  /* of the file itself, absolute */
	char folder[PATH_MAX];
	char node[CONFIG_NODE_MAX];
	char state[PATH_MAX];
	char metadata[PATH_MAX]; /* in it: last good copies of providers' metadata */
	char policy[PATH_MAX];
	char public_folder[PATH_MAX];
	char signer_socket[PATH_MAX];
	size_t signer_connections;
	int signer_timeout_ms;
	char admin_socket[PATH_MAX];
	bool has_admin_group;
	gid_t admin_group;
	struct config_listen api, public, ops;
	size_t workers, queue;
	unsigned connections, connections_per_address; /* of each listener */
	int64_t clock_skew_s;
	int64_t directory_grace_s;
	enum log_level log_level;
	struct audit_config audit;
	struct watchdog_config watchdog;
	struct publish_config publish;
	const char *kerberos_principal; /* HTTP/...; NULL = machines need certificates; borrowed */
	char kerberos_keytab[PATH_MAX];
	unsigned kerberos_recheck_s;
	bool kerberos_sid_required;       /* tickets have to say their account's SID */
	const struct yaml_node *machines; /* a list, NULL without kerberos */
	struct front_config *front;       /* fas/front_config.h; NULL: no browser's door */
	const struct yaml_node *saml;     /* a map, NULL: no keys of our own */
	const struct yaml_node *identity_providers; /* a list */
	const struct yaml_node *domains;            /* a list */
};

/* FAS_E_CONFIG with file:line:column; FAS_E_NOTFOUND "file_missing". */
MUST_CHECK enum fas_code config_load(const char *path, struct config **out, struct fas_err *e);
void config_free(struct config *config);

/* For the readers of its parts: nothing is read any more once there is an error. */
void config_read_path(
    struct yaml_reader *r, const char *folder, const char *key, char out[PATH_MAX]);
void config_read_addresses(
    const struct yaml_node *list, struct config_listen *out, struct fas_err *e);

DEFINE_OWN(config, struct config *, config_free);

#endif
