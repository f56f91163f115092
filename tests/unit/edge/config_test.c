/* fasd.yaml: what is right, and what is said about what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/config.h"

static char folder[] = "/tmp/fas-config-XXXXXX";
static char path[64];

static const char good[] = "node: fas1\n"                                   /* 1 */
			   "state: /var/lib/fas\n"                          /* 2 */
			   "policy: policy.d\n"                             /* 3 */
			   "signer: { socket: /run/s.sock, timeout: 7s }\n" /* 4 */
			   "public_folder: public\n"                        /* 5 */
			   "admin: { socket: /run/a.sock, group: '0' }\n"   /* 6 */
			   "listen:\n"                                      /* 7 */
			   "  api: [\"0.0.0.0:8443\", \"[::1]:8443\"]\n"    /* 8 */
			   "  public: [\"127.0.0.1:0\"]\n"                  /* 9 */
			   "  ops: [\"127.0.0.1:9643\"]\n"                  /* 10 */
			   "queue: 12\n"                                    /* 11 */
			   "log_level: warning\n"                           /* 12 */
			   "identity_providers: [{ name: okta }]\n"         /* 13 */
			   "domains: [{ name: example.com }]\n";            /* 14 */

static int
set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/fasd.yaml", folder);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

/* The good text with every line that begins with `old` replaced. */
static enum fas_code
load_with(const char *old, const char *replacement, struct config **out, struct fas_err *e)
{
	char text[2048] = "";
	const char *line = good;
	*e = (struct fas_err){0};
	while (*line) {
		size_t len = strcspn(line, "\n") + 1, used = strlen(text);
		bool hit = old && strncmp(line, old, strlen(old)) == 0;
		(void)snprintf(text + used, sizeof(text) - used, "%.*s",
		    hit ? (int)strlen(replacement) : (int)len, hit ? replacement : line);
		line += len;
	}
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, e), FAS_OK);
	return config_load(path, out, e);
}

static void
a_good_file_is_read(void **state)
{
	OWN(config) struct config *config = NULL;
	struct fas_err e;
	char want[128];
	(void)state;
	assert_int_equal(load_with(NULL, NULL, &config, &e), FAS_OK);
	assert_string_equal(config->node, "fas1");
	assert_string_equal(config->state, "/var/lib/fas");
	(void)snprintf(want, sizeof(want), "%s/policy.d", folder);
	assert_string_equal(config->policy, want);
	(void)snprintf(want, sizeof(want), "%s/public", folder);
	assert_string_equal(config->public_folder, want);
	assert_string_equal(config->signer_socket, "/run/s.sock");
	assert_int_equal(config->signer_timeout_ms, 7000);
	assert_int_equal(config->api.n, 2);
	assert_string_equal(config->api.address[1], "[::1]:8443");
	assert_int_equal(config->queue, 12);
	assert_int_equal(config->workers, 16);
	assert_int_equal(config->clock_skew_s, 60);
	assert_int_equal(config->log_level, LOG_LEVEL_WARNING);
	assert_true(config->has_admin_group);
	assert_int_equal(config->admin_group, 0);
	assert_int_equal(config->domains->n, 1);
}

static void
each_fault_is_named_with_its_place(void **state)
{
	static const struct {
		const char *line, *replacement, *reason, *says;
	} faults[] = {
	    {"node", "node: Fas1\n", "yaml_value", "fasd.yaml:1:7: error: node"},
	    {"node", "node: ''\n", "yaml_", "fasd.yaml:1:"},
	    {"node", "node: abcdefghijklmnopq\n", "yaml_value", "fasd.yaml:1:7"},
	    {"node", "", "yaml_missing_key", "node"},
	    {"state", "state: [a]\n", "yaml_type", "fasd.yaml:2:"},
	    {"queue", "queu: 12\n", "yaml_unknown_key", "did you mean \"queue\""},
	    {"queue", "queue: 0\n", "yaml_value", "fasd.yaml:11:"},
	    {"queue", "queue: many\n", "yaml_", "fasd.yaml:11:"},
	    {"log_level", "log_level: loud\n", "yaml_value", "fasd.yaml:12:"},
	    {"signer", "signer: { socket: /run/s.sock, timeout: 7 }\n", "yaml_", "fasd.yaml:4:"},
	    {"signer", "signer: { socket: /s, connections: 33 }\n", "yaml_value", "from 1 to 32"},
	    {"signer", "signer: {}\n", "yaml_missing_key", "socket"},
	    {"signer", "signer: { socket: /s, port: 1 }\n", "yaml_unknown_key", "fasd.yaml:4:23"},
	    {"admin", "admin: { socket: /a, group: no-such-group }\n", "yaml_value",
		"no group \"no-such-group\""},
	    {"  ops", "  ops: [\"localhost:9643\"]\n", "yaml_value", "fasd.yaml:10:9"},
	    {"  ops", "  ops: [\"127.0.0.1\"]\n", "yaml_value", "fasd.yaml:10:9"},
	    {"  ops", "  ops: [\"127.0.0.1:70000\"]\n", "yaml_value", "fasd.yaml:10:9"},
	    {"  ops", "  ops: [\"::1:80\"]\n", "yaml_value", "fasd.yaml:10:9"},
	    {"  ops", "  ops: []\n", "yaml_value", "want 1 to 8 addresses"},
	    {"  ops", "  ops: 127.0.0.1:1\n", "yaml_type", "fasd.yaml:10:"},
	    {"  ops", "", "yaml_missing_key", "ops"},
	    {"domains", "domains: x\n", "yaml_type", "fasd.yaml:14:"},
	    {"identity", "", "yaml_missing_key", "identity_providers"},
	    {"node", "node: fas1\nnode: fas2\n", "yaml_malformed", "fasd.yaml:2:"},
	    {"queue", "machines: []\n", "yaml_missing_key", "\"machines\" needs \"kerberos\""},
	    {"queue", "kerberos: {keytab: k, principal: HTTP/a}\n", "yaml_missing_key",
		"\"kerberos\" needs \"machines\""},
	    {"queue", "kerberos: {keytab: k}\nmachines: []\n", "yaml_missing_key", "principal"},
	    {"queue", "kerberos: {keytab: k, principal: host/a}\nmachines: []\n", "yaml_value",
		"RFC 4559"},
	    {"queue", "kerberos: {keytab: k, principal: HTTP/a, recheck: 61s}\nmachines: []\n",
		"yaml_value", "fasd.yaml:11:"},
	    {"queue", "kerberos: {keytab: k, principal: HTTP/a, ticket_sid: never}\nmachines: []\n",
		"yaml_value", "want optional or required"},
	    {"queue", "audit: {keep: 400}\n", "yaml_value", "fasd.yaml:11:15"},
	    {"queue", "audit: {keep: 400m}\n", "yaml_value", "from 1d to 7300d"},
	    {"queue", "audit: {journal: yes}\n", "yaml_value", "want off or on"},
	    {"queue", "audit: {keeps: 1d}\n", "yaml_unknown_key", "did you mean \"keep\""},
	    {"queue", "audit: on\n", "yaml_type", "fasd.yaml:11:"},
	    {"queue", "watchdog: {each: 2h}\n", "yaml_value", "fasd.yaml:11:18"},
	    {"queue", "watchdog: {on_failure: halt}\n", "yaml_value", "want not_ready"},
	    {"queue", "watchdog: {on_failures: stop}\n", "yaml_unknown_key",
		"did you mean \"on_failure\""},
	    {"queue", "publish: {each: 1h}\n", "yaml_missing_key", "places"},
	    {"queue", "publish: {places: [ntath]}\n", "yaml_value", "did you mean \"ntauth\""},
	    {"queue", "publish: {places: [ldap]}\n", "yaml_value", "fasd.yaml:11:20"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(faults); i++) {
		struct config *config = NULL;
		struct fas_err e;
		assert_int_equal(
		    load_with(faults[i].line, faults[i].replacement, &config, &e), FAS_E_CONFIG);
		assert_null(config);
		if (strncmp(e.reason, faults[i].reason, strlen(faults[i].reason)) != 0 ||
		    !strstr(e.message, faults[i].says))
			fail_msg("fault %zu: %s: %s", i, e.reason, e.message);
	}
}

static void
kerberos_is_read_with_its_rules(void **state)
{
	OWN(config) struct config *config = NULL;
	struct fas_err e;
	char want[128];
	(void)state;
	assert_int_equal(load_with("queue",
			     "kerberos: {keytab: h.keytab, principal: HTTP/a.b@C, recheck: 5s}\n"
			     "machines: [{role: host}]\n",
			     &config, &e),
	    FAS_OK);
	(void)snprintf(want, sizeof(want), "%s/h.keytab", folder);
	assert_string_equal(config->kerberos_keytab, want);
	assert_string_equal(config->kerberos_principal, "HTTP/a.b@C");
	assert_int_equal(config->kerberos_recheck_s, 5);
	assert_true(config->kerberos_sid_required);
	assert_int_equal(config->machines->n, 1);
}

static void
audit_is_kept_for_400_days_and_copied_unless_the_file_says_otherwise(void **state)
{
	OWN(config) struct config *bare = NULL;
	OWN(config) struct config *told = NULL;
	struct fas_err e;
	(void)state;
	assert_int_equal(load_with("queue", "", &bare, &e), FAS_OK);
	assert_int_equal(bare->audit.keep_s, 400 * 86400);
	assert_true(bare->audit.journal);
	assert_int_equal(
	    load_with("queue", "audit: {keep: 30d, journal: off}\n", &told, &e), FAS_OK);
	assert_int_equal(told->audit.keep_s, 30 * 86400);
	assert_false(told->audit.journal);
}

static void
published_objects_are_watched_and_nothing_is_written_unless_the_file_says_so(void **state)
{
	OWN(config) struct config *bare = NULL;
	OWN(config) struct config *told = NULL;
	struct fas_err e;
	(void)state;
	assert_int_equal(load_with("queue", "", &bare, &e), FAS_OK);
	assert_int_equal(bare->watchdog.each_s, 60);
	assert_int_equal(bare->watchdog.on_failure, WATCHDOG_NOT_READY);
	assert_false(bare->publish.on);
	assert_int_equal(load_with("queue",
			     "watchdog: {each: 5m, on_failure: stop, max_megabytes: 1}\n"
			     "publish: {domain: corp.example.com, places: [ntauth, cdp]}\n",
			     &told, &e),
	    FAS_OK);
	assert_int_equal(told->watchdog.each_s, 300);
	assert_int_equal(told->watchdog.max_bytes, 1024 * 1024);
	assert_int_equal(told->watchdog.on_failure, WATCHDOG_STOP);
	assert_true(told->publish.on && told->publish.places[0] && told->publish.places[3]);
	assert_false(told->publish.places[1] || told->publish.places[2]);
	assert_string_equal(told->publish.domain, "corp.example.com");
}

static void
a_missing_file_is_said(void **state)
{
	struct config *config = NULL;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(config_load("/nonexistent/fasd.yaml", &config, &e), FAS_E_NOTFOUND);
	assert_string_equal(e.reason, "file_missing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_good_file_is_read),
	    cmocka_unit_test(each_fault_is_named_with_its_place),
	    cmocka_unit_test(kerberos_is_read_with_its_rules),
	    cmocka_unit_test(audit_is_kept_for_400_days_and_copied_unless_the_file_says_otherwise),
	    cmocka_unit_test(
		published_objects_are_watched_and_nothing_is_written_unless_the_file_says_so),
	    cmocka_unit_test(a_missing_file_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
