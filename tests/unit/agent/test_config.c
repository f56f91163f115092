#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/agent/commands.h"
#include "fas/agent/config.h"
#include "fas/agent/token.h"
#include "fas/base/file.h"

static char folder[] = "/tmp/fas-agent-config-XXXXXX";
static char path[64];

static enum fas_code
load(const char *text, struct agent_config *config, struct fas_err *e)
{
	struct fas_err ignored = {0};
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &ignored), FAS_OK);
	return agent_config_load(path, config, e);
}

static void
refused(const char *text, const char *why)
{
	struct agent_config config;
	struct fas_err e = {0};
	assert_int_equal(load(text, &config, &e), FAS_E_CONFIG);
	if (!strstr(e.message, why))
		fail_msg("\"%s\" does not say \"%s\"", e.message, why);
	assert_non_null(strstr(e.message, "agent.yaml:"));
}

static int
setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/agent.yaml", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void
a_whole_configuration_is_read(void **state)
{
	struct agent_config config;
	struct fas_err e = {0};
	char want[80];
	(void)state;
	assert_int_equal(
	    load("servers: [https://a.x.org:8443/, \"https://[::1]:9\"]\nstate: state\n"
		 "kdc: {anchors: /etc/kdc.pem, hostname: [dc1.x.org, dc2.x.org]}\n"
		 "first_uid: 500\n",
		&config, &e),
	    FAS_OK);
	assert_int_equal(config.n_servers, 2);
	assert_string_equal(config.servers[0], "https://a.x.org:8443");
	(void)snprintf(want, sizeof(want), "%s/state", folder);
	assert_string_equal(config.state, want);
	assert_string_equal(config.kdc_anchors, "/etc/kdc.pem");
	assert_int_equal(config.n_kdc_names, 2);
	assert_string_equal(config.kdc_names[1], "dc2.x.org");
	assert_int_equal(config.first_uid, 500);
}

static void
what_is_left_out_has_its_default(void **state)
{
	struct agent_config config;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(load("servers: [https://a.x.org]\n", &config, &e), FAS_OK);
	assert_string_equal(config.kdc_anchors, "");
	assert_int_equal(config.n_kdc_names, 0);
	assert_int_equal(config.first_uid, 1000);
	assert_non_null(strstr(config.state, "/lib/fas-agent"));
}

static void
a_wrong_configuration_is_refused_with_its_place(void **state)
{
	(void)state;
	refused("state: /x\n", "servers");
	refused("servers: [http://a.x.org]\n", "want https://");
	refused("servers: [https://a.x.org/path]\n", "want https://");
	refused("servers: [https://user@a.x.org]\n", "want https://");
	refused("servers: [https://]\n", "want https://");
	refused("servers: [https://a.x.org]\nkdc: {hostname: dc1.x.org}\n", "anchors");
	refused("servers: [https://a.x.org]\nkdc: {anchors: a, hostname: dc_1}\n", "DNS name");
	refused("servers: [https://a.x.org]\nkdc: {anchors: a, hostnam: dc1}\n", "hostname");
	refused("servers: [https://a.x.org]\nfirst_uid: 0\n", "first_uid");
	refused("servers: [https://a.x.org]\nserver: x\n", "did you mean");
}

static void
a_missing_file_is_not_found(void **state)
{
	struct agent_config config;
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(agent_config_load("/nonexistent", &config, &e), FAS_E_NOTFOUND);
}

#define FINGERPRINT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
a_token_gives_its_fingerprint(void **state)
{
	uint8_t print[FINGERPRINT_BYTES];
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(token_fingerprint("fas1-abc." FINGERPRINT, print, &e), FAS_OK);
	assert_int_equal(print[1], 0x11);
	assert_int_equal(print[31], 0xff);
}

static void
what_is_no_token_is_refused_without_being_shown(void **state)
{
	static const char *const wrong[] = {"", "secretsecret", "." FINGERPRINT,
	    "secretsecret." FINGERPRINT "0", "secretsecret.zz112233445566778899aabbccddeeff",
	    "secret secret." FINGERPRINT, "secretsecret\n." FINGERPRINT};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		uint8_t print[FINGERPRINT_BYTES];
		struct fas_err e = {0};
		assert_int_equal(token_fingerprint(wrong[i], print, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "token_malformed");
		assert_null(strstr(e.message, "secretsecret"));
	}
}

static char *out_text, *err_text;

static int
run(const char *line)
{
	char room[512], *argv[16] = {0}, *save = NULL;
	size_t out_len = 0, err_len = 0;
	int argc = 0;
	(void)snprintf(room, sizeof(room), "fas-agent %s", line);
	for (char *w = strtok_r(room, " ", &save); w && argc < 15; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	free(out_text);
	free(err_text);
	FILE *out = open_memstream(&out_text, &out_len), *err = open_memstream(&err_text, &err_len);
	int rc = cli_main(&agent_program, argc, argv, out, err);
	(void)fclose(out);
	(void)fclose(err);
	return rc;
}

static void
command_lines_are_judged_before_anything_is_touched(void **state)
{
	(void)state;
	assert_int_equal(run("logon"), CLI_USAGE);
	assert_non_null(strstr(err_text, "either --ticket or --ticket-file"));
	assert_int_equal(run("logon --ticket a --ticket-file b"), CLI_USAGE);
	assert_int_equal(run("logoff"), CLI_USAGE);
	assert_int_equal(run("logoff --all --session x"), CLI_USAGE);
	assert_int_equal(run("lease --user a --session x"), CLI_USAGE);
	assert_int_equal(run("enrol --token x"), CLI_USAGE);
	assert_non_null(strstr(err_text, "did you mean \"enroll\"?"));
	free(out_text);
	free(err_text);
	out_text = err_text = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_configuration_is_read),
	    cmocka_unit_test(what_is_left_out_has_its_default),
	    cmocka_unit_test(a_wrong_configuration_is_refused_with_its_place),
	    cmocka_unit_test(a_missing_file_is_not_found),
	    cmocka_unit_test(a_token_gives_its_fingerprint),
	    cmocka_unit_test(what_is_no_token_is_refused_without_being_shown),
	    cmocka_unit_test(command_lines_are_judged_before_anything_is_touched),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
