#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/ctl/commands.h"
#include "peer.h"
#include "run.h"

static char folder[] = "/tmp/fas-ctl-XXXXXX";
static struct peer signer, fasd;

/* Run against a signer that answers so; the request is left in signer.asked[0]. */
static int
run_signer(const char *line, const char *reply)
{
	peer_start(&signer, folder, "signer", reply, NULL);
	int rc = run(line);
	peer_stop(&signer);
	return rc;
}

static int
run_fasd(const char *line, const char *reply)
{
	peer_start(&fasd, folder, "fasd", reply, NULL);
	int rc = run(line);
	peer_stop(&fasd);
	return rc;
}

/* The n-th request as compact text, with its members in sorted order. */
static void
asked(struct peer *peer, size_t n, const char *want)
{
	OWN(text)
	char *text = json_dumps(json_array_get(peer->asked, n), JSON_COMPACT | JSON_SORT_KEYS);
	assert_non_null(text);
	assert_string_equal(text, want);
}

static void
write_file(const char *name, const char *content, char path[96])
{
	struct fas_err e = {0};
	(void)snprintf(path, 96, "%s/%s", folder, name);
	assert_int_equal(file_write_atomic(path, content, strlen(content), 0600, &e), FAS_OK);
}

static int
setup(void **state)
{
	char path[96];
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/signer.sock", folder);
	(void)setenv("FAS_SIGNER_ADMIN", path, 1);
	(void)snprintf(path, sizeof(path), "%s/fasd.sock", folder);
	return setenv("FAS_ADMIN", path, 1);
}

static int
teardown(void **state)
{
	char command[128];
	(void)state;
	run_done();
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
nobody_at_the_socket_is_exit_3_with_a_remedy(void **state)
{
	(void)state;
	assert_int_equal(run("host list"), CLI_AWAY);
	assert_non_null(strstr(err_text, "fas-signer: "));
	assert_non_null(strstr(err_text, "systemctl status"));
}

static void
a_refusal_of_the_peer_is_exit_1_with_its_words(void **state)
{
	(void)state;
	assert_int_equal(run_signer("ca init", "{\"error\":{\"code\":\"conflict\",\"reason\":"
					       "\"key_exists\",\"message\":\"there is a key\"}}"),
	    CLI_FAILED);
	assert_non_null(strstr(err_text, "there is a key (key_exists)"));
	peer_done(&signer);
}

static void
ca_init_writes_the_request_to_the_file(void **state)
{
	char path[96], line[160];
	struct stat st;
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/main.csr", folder);
	(void)snprintf(line, sizeof(line), "ca init --key rsa-3072 --out %s", path);
	assert_int_equal(run_signer(line, "{\"csr\":\"PEM\\n\"}"), CLI_OK);
	asked(&signer, 0,
	    "{\"authority\":\"main\",\"key\":\"rsa-3072\",\"op\":\"ca.init\",\"root\":false}");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_string_equal(out_text, "");
	assert_non_null(strstr(err_text, "fasctl ca install"));
	peer_done(&signer);
}

static void
ca_install_sends_pem_as_text_and_der_as_base64(void **state)
{
	char chain[96], root[96], crl[96], line[320];
	(void)state;
	write_file("chain.pem", "-----BEGIN CERTIFICATE-----\nA\n", chain);
	write_file("root.pem", "-----BEGIN CERTIFICATE-----\nB\n", root);
	write_file("root.crl", "\x30\x03\x01", crl);
	(void)snprintf(
	    line, sizeof(line), "ca install --chain %s --root %s --root-crl %s", chain, root, crl);
	assert_int_equal(
	    run_signer(line, "{\"certificate\":{\"subject\":\"CN=x\",\"not_after\":0}}"), CLI_OK);
	asked(&signer, 0,
	    "{\"authority\":\"main\",\"chain\":\"-----BEGIN CERTIFICATE-----\\nA\\n\",\"op\":"
	    "\"ca.install\",\"root\":\"-----BEGIN CERTIFICATE-----\\nB\\n\",\"root_crl\":"
	    "\"MAMB\"}");
	assert_non_null(strstr(out_text, "CN=x"));
	assert_non_null(strstr(err_text, "NTAuth"));
	peer_done(&signer);
}

static void
ca_install_of_a_missing_file_asks_nobody(void **state)
{
	(void)state;
	assert_int_equal(run("ca install --chain /nonexistent --root /nonexistent"), CLI_FAILED);
	assert_non_null(strstr(err_text, "file_missing"));
}

static void
kdc_issue_sends_every_name_and_writes_the_chain(void **state)
{
	char csr[96], line[320];
	OWN(text) char *written = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	write_file("kdc.csr", "-----BEGIN CERTIFICATE REQUEST-----\n", csr);
	(void)snprintf(line, sizeof(line),
	    "kdc issue --csr %s --dns dc1.x.org --dns dc2.x.org --life 365d --out %s/kdc.pem", csr,
	    folder);
	assert_int_equal(run_signer(line, "{\"pem\":\"LEAF\\n\",\"chain\":\"CA\\n\"}"), CLI_OK);
	asked(&signer, 0,
	    "{\"authority\":\"main\",\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\n\",\"dns_"
	    "names\":[\"dc1.x.org\",\"dc2.x.org\"],\"op\":\"kdc.issue\",\"validity_s\":31536000}");
	(void)snprintf(line, sizeof(line), "%s/kdc.pem", folder);
	assert_int_equal(file_read(line, 100, &written, &len, &e), FAS_OK);
	assert_string_equal(written, "LEAF\nCA\n");
	peer_done(&signer);
}

static void
host_enroll_prints_the_token_alone_on_stdout(void **state)
{
	(void)state;
	assert_int_equal(run_signer("host enroll --name vda1.x.org --life 2h",
			     "{\"token\":\"fas1-t.ff\",\"expires_at\":0}"),
	    CLI_OK);
	asked(&signer, 0,
	    "{\"life_s\":7200,\"name\":\"vda1.x.org\",\"op\":\"token.create\",\"role\":\"host\"}");
	assert_string_equal(out_text, "fas1-t.ff\n");
	assert_non_null(strstr(err_text, "1970-01-01T00:00:00Z"));
	assert_null(strstr(err_text, "fas1-t.ff"));
	peer_done(&signer);
}

static void
host_enroll_refuses_what_is_no_name_role_or_time(void **state)
{
	(void)state;
	assert_int_equal(run("host enroll --name a_b!"), CLI_USAGE);
	assert_int_equal(run("host enroll --name a.org --role king"), CLI_USAGE);
	assert_int_equal(run("host enroll --name a.org --life 5"), CLI_USAGE);
}

static void
host_list_asks_for_page_after_page(void **state)
{
	(void)state;
	peer_start(&signer, folder, "signer",
	    "{\"generation\":1,\"more\":true,\"hosts\":[{\"serial\":\"0a\",\"role\":\"host\","
	    "\"name\":\"vda1\",\"revoked\":false,\"not_after\":0}]}",
	    "{\"generation\":1,\"more\":false,\"hosts\":[{\"serial\":\"0b\",\"role\":\"host\","
	    "\"name\":\"vda2\",\"revoked\":true,\"not_after\":0}]}");
	int rc = run("host list");
	peer_stop(&signer);
	assert_int_equal(rc, CLI_OK);
	asked(&signer, 0, "{\"op\":\"host.list\"}");
	asked(&signer, 1, "{\"after\":\"0a\",\"op\":\"host.list\"}");
	assert_non_null(strstr(out_text, "vda1"));
	assert_non_null(strstr(out_text, "vda2"));
	peer_done(&signer);
}

static void
host_revoke_takes_a_name_or_a_serial_and_not_both(void **state)
{
	(void)state;
	assert_int_equal(run_signer("host revoke vda1", "{\"revoked\":2}"), CLI_OK);
	asked(&signer, 0, "{\"name\":\"vda1\",\"op\":\"host.revoke\"}");
	assert_string_equal(out_text, "2 revoked\n");
	peer_done(&signer);
	assert_int_equal(run("host revoke"), CLI_USAGE);
	assert_int_equal(run("host revoke vda1 --serial 0a"), CLI_USAGE);
}

static void
cert_list_hands_its_selectors_on(void **state)
{
	(void)state;
	assert_int_equal(
	    run_signer("cert list --user a@x.org --host v --limit 5", "{\"certificates\":[]}"),
	    CLI_OK);
	asked(&signer, 0, "{\"host\":\"v\",\"limit\":5,\"op\":\"cert.list\",\"upn\":\"a@x.org\"}");
	assert_string_equal(out_text, "No certificate.\n");
	peer_done(&signer);
	assert_int_equal(run("cert list --limit 0"), CLI_USAGE);
}

static void
cert_revoke_wants_exactly_one_selector(void **state)
{
	(void)state;
	assert_int_equal(run("cert revoke"), CLI_USAGE);
	assert_int_equal(run("cert revoke --serial 0a --host v"), CLI_USAGE);
	assert_int_equal(
	    run_signer("cert revoke --serial 0a --reason keyCompromise --json", "{\"revoked\":1}"),
	    CLI_OK);
	asked(
	    &signer, 0, "{\"op\":\"cert.revoke\",\"reason\":\"keyCompromise\",\"serial\":\"0a\"}");
	assert_string_equal(out_text, "{\n  \"revoked\": 1\n}\n");
	peer_done(&signer);
}

static void
what_is_revoked_can_be_a_rule_or_everything_of_a_time(void **state)
{
	(void)state;
	assert_int_equal(run("cert revoke --from 2026-11-30T08:00:00Z"), CLI_USAGE);
	assert_int_equal(run("cert revoke --everything --rule eng"), CLI_USAGE);
	assert_int_equal(run("cert revoke --everything --from yesterday"), CLI_USAGE);
	assert_int_equal(run_signer("cert revoke --rule eng --from 1970-01-01T00:00:10Z --to "
				    "1970-01-01T00:00:20Z",
			     "{\"revoked\":3,\"act\":1,\"sessions\":2}"),
	    CLI_OK);
	asked(&signer, 0, "{\"from\":10,\"op\":\"cert.revoke\",\"rule\":\"eng\",\"to\":20}");
	assert_string_equal(out_text, "3 revoked\n2 sessions ended\n");
	peer_done(&signer);
}

static void
the_kill_switch_says_how_it_is_released(void **state)
{
	(void)state;
	assert_int_equal(
	    run_signer("cert revoke --everything", "{\"revoked\":3,\"act\":1,\"sessions\":2}"),
	    CLI_OK);
	asked(&signer, 0, "{\"everything\":true,\"op\":\"cert.revoke\"}");
	assert_non_null(strstr(err_text, "fasctl cert release --everything"));
	peer_done(&signer);
}

static void
a_hold_is_put_listed_and_released(void **state)
{
	(void)state;
	assert_int_equal(
	    run_signer("cert hold --user a@b.example", "{\"revoked\":1,\"act\":1}"), CLI_OK);
	asked(&signer, 0, "{\"op\":\"cert.hold\",\"upn\":\"a@b.example\"}");
	assert_string_equal(out_text, "1 on hold\n");
	assert_non_null(strstr(err_text, "fasd has not said yet"));
	peer_done(&signer);
	assert_int_equal(run_signer("cert release --user a@b.example",
			     "{\"released\":1,\"act\":2,\"sessions\":1}"),
	    CLI_OK);
	asked(&signer, 0, "{\"op\":\"cert.release\",\"upn\":\"a@b.example\"}");
	assert_string_equal(out_text, "1 released\n1 sessions go on\n");
	peer_done(&signer);
	assert_int_equal(
	    run_signer("cert holds", "{\"holds\":[{\"id\":7,\"kind\":\"hold\",\"target\":\"upn\","
				     "\"value\":\"a@b.example\",\"stops\":true,\"since\":0,"
				     "\"caller\":\"uid:0\",\"certificates\":1}]}"),
	    CLI_OK);
	assert_non_null(strstr(out_text, "a@b.example"));
	peer_done(&signer);
	assert_int_equal(run_signer("cert holds", "{\"holds\":[]}"), CLI_OK);
	assert_string_equal(out_text, "Nothing is on hold.\n");
	peer_done(&signer);
}

static void
policy_check_speaks_like_a_compiler(void **state)
{
	char path[96], line[160];
	(void)state;
	write_file("bad.yaml", "rules:\n  - nome: a\n", path);
	(void)snprintf(line, sizeof(line), "policy check %s", path);
	assert_int_equal(run(line), CLI_FAILED);
	assert_non_null(strstr(err_text, "bad.yaml:2:5: error: "));
	assert_int_equal(strncmp(err_text, path, strlen(path)), 0);
}

static void
policy_check_names_a_provider_that_fasd_does_not_know(void **state)
{
	char rules[96], config[96], line[300];
	(void)state;
	write_file("rules.yaml",
	    "rules:\n  - name: a\n    identity_providers: [otka]\n    storefronts: [s.x.org]\n"
	    "    hosts: [v.x.org]\n    users: {upn_suffixes: [x.org]}\n    match: {require: "
	    "[sid]}\n"
	    "    session: {max: 1h, lease: 10m}\n"
	    "    logon: {authority: main, profile: smartcard-logon, validity: 15m}\n",
	    rules);
	write_file("fasd.yaml",
	    "policy: rules.yaml\nidentity_providers:\n  - name: okta\ndomains:\n  - name: x.org\n",
	    config);
	(void)snprintf(line, sizeof(line), "policy check --config %s", config);
	assert_int_equal(run(line), CLI_FAILED);
	assert_non_null(strstr(err_text, "did you mean \"okta\"?"));
}

static void
policy_reload_tells_of_unknown_groups(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("policy reload", "{\"digest\":\"d\",\"rules\":3,\"unresolved\":1,"
						   "\"warning\":\"CORP\\\\X\"}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"op\":\"policy.reload\"}");
	assert_string_equal(out_text, "3 rules are in force\n");
	assert_non_null(strstr(err_text, "CORP\\X"));
	peer_done(&fasd);
}

static void
config_reload_is_exit_1_where_a_part_stays_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("config reload",
			     "{\"parts\":[{\"part\":\"machines\",\"ok\":true}],\"warning\":\"\"}"),
	    CLI_OK);
	assert_non_null(strstr(out_text, "machines  in force"));
	asked(&fasd, 0, "{\"op\":\"config.reload\"}");
	peer_done(&fasd);
	assert_int_equal(
	    run_fasd("config reload",
		"{\"parts\":[{\"part\":\"machines\",\"ok\":false,\"reason\":\"r\","
		"\"message\":\"fasd.yaml:3:1: error: x\"}],\"warning\":\"CORP\\\\X\"}"),
	    CLI_FAILED);
	assert_non_null(strstr(out_text, "fasd.yaml:3:1: error: x"));
	assert_non_null(strstr(err_text, "CORP\\X"));
	peer_done(&fasd);
}

static void
policy_explain_shows_the_verdict_and_each_rule(void **state)
{
	(void)state;
	assert_int_equal(
	    run_fasd("policy explain --user a@x.org --host v.x.org --idp okta",
		"{\"verdict\":\"deny\",\"reason\":\"policy_no_rule\",\"rule\":null,\"account\":"
		"{\"upn\":\"a@x.org\",\"disabled\":false},\"rules\":[{\"rule\":\"eng\","
		"\"matched\":false,\"because\":\"host\"}]}"),
	    CLI_OK);
	asked(&fasd, 0,
	    "{\"host\":\"v.x.org\",\"idp\":\"okta\",\"op\":\"policy.explain\",\"user\":\"a@x."
	    "org\"}");
	assert_non_null(strstr(out_text, "policy_no_rule"));
	assert_non_null(strstr(out_text, "eng"));
	peer_done(&fasd);
}

static void
a_session_is_shown_with_its_keys(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("session show abc",
			     "{\"session\":{\"id\":\"abc\",\"upn\":\"a@x.org\",\"signatures\":3,"
			     "\"certificates\":[{\"serial\":\"0a\",\"purpose\":\"in_session\","
			     "\"custody\":\"service\",\"key\":\"00ff\",\"signatures\":2,"
			     "\"not_after\":\"2026-11-23T02:35:50Z\",\"state\":\"good\"}]}}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"id\":\"abc\",\"op\":\"session.show\"}");
	assert_non_null(strstr(out_text, "in_session"));
	assert_non_null(strstr(out_text, "00ff"));
	peer_done(&fasd);
}

static void
session_end_hands_its_reason_on(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("session end abc --why stolen", "{\"ended\":true}"), CLI_OK);
	asked(&fasd, 0, "{\"id\":\"abc\",\"op\":\"session.end\",\"why\":\"stolen\"}");
	assert_string_equal(out_text, "session abc has ended\n");
	peer_done(&fasd);
}

static void
audit_tail_prints_one_line_a_record(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("audit tail --correlation 0f",
			     "{\"records\":[{\"seq\":1,\"time\":"
			     "\"2026-11-23T02:35:50Z\",\"event\":\"logon_"
			     "decided\",\"outcome\":\"deny\",\"reason\":"
			     "\"policy_no_rule\",\"message\":\"a b\",\"hash\":\"ff\",\"n\":3}],"
			     "\"last\":1}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"correlation_id\":\"0f\",\"limit\":20,\"op\":\"audit.tail\"}");
	assert_string_equal(out_text, "2026-11-23T02:35:50Z logon_decided deny  "
				      "reason=policy_no_rule  message=\"a b\"  n=3\n");
	peer_done(&fasd);
}

static void
audit_verify_is_exit_4_when_the_chain_is_broken(void **state)
{
	(void)state;
	assert_int_equal(
	    run_signer("audit verify --signer",
		"{\"records\":9,\"findings\":[{\"seq\":4,\"what\":\"record_edited\",\"meaning\":"
		"\"the record has been changed\"}],\"last\":9,\"head\":\"\",\"total\":9,"
		"\"more\":false}"),
	    CLI_DEFECT);
	assert_non_null(strstr(out_text, "record_edited  the record has been changed"));
	peer_done(&signer);
	assert_int_equal(run_fasd("audit verify --fasd",
			     "{\"records\":9,\"findings\":[],\"last\":9,\"head\":\"ab\","
			     "\"total\":9,\"more\":false}"),
	    CLI_OK);
	assert_non_null(strstr(out_text, "9 records of fasd"));
	peer_done(&fasd);
}

static void
audit_verify_goes_on_where_a_page_has_ended(void **state)
{
	(void)state;
	static const char *const replies[] = {"{\"statements\":[]}", "{\"keys\":[]}",
	    "{\"records\":5,\"findings\":[],\"last\":5,\"head\":\"ab\",\"total\":7,\"more\":true}",
	    "{\"records\":2,\"findings\":[],\"last\":7,\"head\":\"cd\",\"total\":7,\"more\":"
	    "false}",
	    NULL};
	peer_start_with(&fasd, folder, "fasd", replies);
	int rc = run("audit verify --fasd");
	peer_stop(&fasd);
	assert_int_equal(rc, CLI_OK);
	assert_non_null(strstr(out_text, "7 records of fasd"));
	asked(&fasd, 3, "{\"after\":5,\"hash\":\"ab\",\"op\":\"audit.verify\"}");
	peer_done(&fasd);
}

/* ---- export ---- */

#define RECORD(seq, time)                                                                          \
	"{\"seq\":" #seq ",\"time_ms\":" #time                                                     \
	",\"hash\":\"ab\",\"body\":\"{\\\"b\\\":1,\\\"a\\\":2}\"}"

static void
audit_export_writes_one_line_a_record_of_the_time_that_is_asked_for(void **state)
{
	char path[96], line[160];
	static const char *const replies[] = {
	    "{\"records\":[" RECORD(4, 1767225599999) "," RECORD(5, 1767225600000) "],\"last\":5,"
										   "\"total\":7}",
	    "{\"records\":[" RECORD(6, 1767311999999) "," RECORD(7, 1767312000000) "],\"last\":7,"
										   "\"total\":7}",
	    "{\"records\":[],\"last\":7,\"total\":7}", NULL};
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/trail.jsonl", folder);
	(void)snprintf(line, sizeof(line),
	    "audit export --fasd --since 2026-01-01 --until 2026-01-02T00:00:00Z %s", path);
	peer_start_with(&fasd, folder, "fasd", replies);
	int rc = run(line);
	peer_stop(&fasd);
	assert_int_equal(rc, CLI_OK);
	assert_string_equal(out_text, "2 records\n");
	asked(&fasd, 0, "{\"op\":\"audit.export\",\"since_ms\":1767225600000}");
	asked(&fasd, 1, "{\"after\":5,\"op\":\"audit.export\"}");
	peer_done(&fasd);
	struct fas_err e = {0};
	OWN(text) char *content = NULL;
	size_t len = 0;
	assert_int_equal(file_read(path, 4096, &content, &len, &e), FAS_OK);
	assert_string_equal(content, "{\"trail\":\"fasd\",\"seq\":5,\"time\":\"2026-01-01T00:00:"
				     "00Z\",\"time_ms\":1767225600000,"
				     "\"hash\":\"ab\",\"record\":{\"b\":1,\"a\":2}}\n"
				     "{\"trail\":\"fasd\",\"seq\":6,\"time\":\"2026-01-01T23:59:"
				     "59Z\",\"time_ms\":1767311999999,"
				     "\"hash\":\"ab\",\"record\":{\"b\":1,\"a\":2}}\n");
	(void)unlink(path);
}

static void
audit_export_shows_a_damaged_record_as_a_string(void **state)
{
	static const char *const replies[] = {
	    "{\"records\":[{\"seq\":1,\"time_ms\":0,\"hash\":\"ab\",\"body\":\"{}}\\n\"},"
	    "{\"seq\":2,\"time_ms\":0,\"hash\":\"ab\",\"body\":null}],\"last\":2,\"total\":2}",
	    "{\"records\":[],\"last\":2,\"total\":2}", NULL};
	(void)state;
	peer_start_with(&fasd, folder, "fasd", replies);
	int rc = run("audit export --fasd -");
	peer_stop(&fasd);
	peer_done(&fasd);
	assert_int_equal(rc, CLI_OK);
	assert_non_null(strstr(out_text, "\"record\":\"{}}\\n\"}\n"));
	assert_non_null(strstr(out_text, "\"record\":null}\n"));
}

static void
audit_export_that_fails_leaves_no_file(void **state)
{
	char path[96], line[160];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/trail.jsonl", folder);
	(void)snprintf(line, sizeof(line), "audit export --fasd %s", path);
	assert_int_equal(run_fasd(line, "{\"error\":{\"code\":\"io\",\"reason\":\"database_io\","
					"\"message\":\"made up\"}}"),
	    CLI_FAILED);
	peer_done(&fasd);
	assert_int_not_equal(access(path, F_OK), 0);
	(void)strcat(path, ".part");
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(run("audit export --since yesterday x"), CLI_USAGE);
	assert_int_equal(run("audit export"), CLI_USAGE);
}

static void
pool_fill_waits_until_the_keys_lie_ready(void **state)
{
	(void)state;
	peer_start(&signer, folder, "signer",
	    "{\"pools\":[{\"type\":\"p-256\",\"depth\":1,\"target\":1,\"wanted\":4}],\"held\":0,"
	    "\"signatures\":0}",
	    "{\"pools\":[{\"type\":\"p-256\",\"depth\":4,\"target\":1,\"wanted\":1}],\"held\":7,"
	    "\"signatures\":9}");
	int rc = run("pool fill --type p-256 --depth 4");
	peer_stop(&signer);
	assert_int_equal(rc, CLI_OK);
	asked(&signer, 0, "{\"depth\":4,\"op\":\"pool.fill\",\"type\":\"p-256\"}");
	asked(&signer, 1, "{\"op\":\"pool.show\"}");
	assert_string_equal(err_text, "1 of 4 keys lie ready\n");
	assert_non_null(strstr(out_text, "7 keys are held for sessions; 9 signatures"));
	peer_done(&signer);
	assert_int_equal(run("pool fill --type p-256"), CLI_USAGE);
	assert_int_equal(run("pool fill --depth 0"), CLI_USAGE);
}

static void
status_shows_what_is_wrong_before_any_number(void **state)
{
	(void)state;
	peer_start(&signer, folder, "signer",
	    "{\"authorities\":[{\"name\":\"main\",\"state\":\"no_certificate\"}],\"certificates\":"
	    "0}",
	    NULL);
	peer_start(&fasd, folder, "fasd", "{\"node\":\"n1\",\"policy\":{\"rules\":1}}", NULL);
	int rc = run("status");
	peer_stop(&signer);
	peer_stop(&fasd);
	assert_int_equal(rc, CLI_DEFECT);
	assert_int_equal(strncmp(out_text, "ERROR    authority main has no certificate", 42), 0);
	assert_non_null(strstr(out_text, "remedy fasctl ca init"));
	peer_done(&signer);
	peer_done(&fasd);
}

static void
crl_verify_is_exit_4_where_a_place_is_wrong(void **state)
{
	(void)state;
	assert_int_equal(
	    run_fasd("crl verify",
		"{\"logons_fail\":false,\"links\":[{\"certificates\":\"what main-1 "
		"issues\",\"ok\":true,\"places\":[{\"kind\":\"crl\",\"url\":\"http://a/"
		"b.crl\",\"ok\":true,\"number\":\"a1\"}]}]}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"op\":\"revocation.check\"}");
	assert_non_null(strstr(out_text, "what main-1 issues"));
	assert_non_null(strstr(out_text, "http://a/b.crl"));
	peer_done(&fasd);
	assert_int_equal(
	    run_fasd("crl verify",
		"{\"logons_fail\":true,\"links\":[{\"certificates\":\"x\",\"ok\":false,"
		"\"places\":[{\"kind\":\"crl\",\"url\":\"u\",\"ok\":false,\"message\":"
		"\"nextUpdate was yesterday\"}]}]}"),
	    CLI_DEFECT);
	assert_non_null(strstr(out_text, "nextUpdate was yesterday"));
	assert_non_null(strstr(out_text, "Domain controllers refuse every logon"));
	peer_done(&fasd);
}

static void
publish_is_exit_4_where_something_is_not_there_afterwards(void **state)
{
	(void)state;
	assert_int_equal(run_fasd("publish",
			     "{\"objects\":[{\"place\":\"cdp\",\"object\":\"CN=a\",\"ok\":true}]}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"op\":\"publish.run\"}");
	peer_done(&fasd);
	assert_int_equal(run_fasd("publish",
			     "{\"objects\":[{\"place\":\"ntauth\",\"object\":\"CN=b\",\"ok\":false,"
			     "\"message\":\"may not\"}]}"),
	    CLI_DEFECT);
	assert_non_null(strstr(out_text, "may not"));
	assert_non_null(strstr(err_text, "publish --ldif"));
	peer_done(&fasd);
}

/* As it comes, it can be imported: all that is no record is a comment. */
static void
publish_ldif_prints_records_and_the_grant_as_comments(void **state)
{
	(void)state;
	assert_int_equal(
	    run_fasd("publish --ldif",
		"{\"missing\":1,\"grants\":[{\"container\":\"CN=fas1,CN=CDP\",\"sid\":"
		"\"S-1-5-21-1-2-3-1105\"}],\"ldif\":\"dn: CN=a\\nchangetype: add\\n\\n\"}"),
	    CLI_OK);
	asked(&fasd, 0, "{\"op\":\"publish.ldif\"}");
	assert_non_null(strstr(out_text, "\ndn: CN=a\nchangetype: add\n"));
	assert_non_null(strstr(out_text, "#   samba-tool dsacl set --objectdn=\"CN=fas1,CN=CDP\" "
					 "--sddl=\"(A;CI;RPWPCCDCLCLO;;;S-1-5-21-1-2-3-1105)\"\n"));
	for (const char *line = out_text; *line; line += strcspn(line, "\n") + 1)
		assert_true(strchr("#\ndc", *line) != NULL);
	peer_done(&fasd);
	assert_int_equal(
	    run_fasd("publish --ldif", "{\"missing\":0,\"grants\":[],\"ldif\":\"\"}"), CLI_OK);
	assert_non_null(strstr(out_text, "Nothing is missing"));
	peer_done(&fasd);
}

static void
status_of_two_absent_services_is_exit_3_and_valid_json(void **state)
{
	(void)state;
	assert_int_equal(run("status --json"), CLI_AWAY);
	OWN(json) json_t *answer = json_loads(out_text, 0, NULL);
	assert_non_null(answer);
	assert_int_equal(json_array_size(json_object_get(answer, "findings")), 2);
	assert_true(json_is_null(json_object_get(answer, "signer")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nobody_at_the_socket_is_exit_3_with_a_remedy),
	    cmocka_unit_test(a_refusal_of_the_peer_is_exit_1_with_its_words),
	    cmocka_unit_test(ca_init_writes_the_request_to_the_file),
	    cmocka_unit_test(ca_install_sends_pem_as_text_and_der_as_base64),
	    cmocka_unit_test(ca_install_of_a_missing_file_asks_nobody),
	    cmocka_unit_test(kdc_issue_sends_every_name_and_writes_the_chain),
	    cmocka_unit_test(host_enroll_prints_the_token_alone_on_stdout),
	    cmocka_unit_test(host_enroll_refuses_what_is_no_name_role_or_time),
	    cmocka_unit_test(host_list_asks_for_page_after_page),
	    cmocka_unit_test(host_revoke_takes_a_name_or_a_serial_and_not_both),
	    cmocka_unit_test(cert_list_hands_its_selectors_on),
	    cmocka_unit_test(cert_revoke_wants_exactly_one_selector),
	    cmocka_unit_test(what_is_revoked_can_be_a_rule_or_everything_of_a_time),
	    cmocka_unit_test(the_kill_switch_says_how_it_is_released),
	    cmocka_unit_test(a_hold_is_put_listed_and_released),
	    cmocka_unit_test(policy_check_speaks_like_a_compiler),
	    cmocka_unit_test(policy_check_names_a_provider_that_fasd_does_not_know),
	    cmocka_unit_test(policy_reload_tells_of_unknown_groups),
	    cmocka_unit_test(config_reload_is_exit_1_where_a_part_stays_as_it_was),
	    cmocka_unit_test(policy_explain_shows_the_verdict_and_each_rule),
	    cmocka_unit_test(a_session_is_shown_with_its_keys),
	    cmocka_unit_test(session_end_hands_its_reason_on),
	    cmocka_unit_test(audit_tail_prints_one_line_a_record),
	    cmocka_unit_test(audit_verify_is_exit_4_when_the_chain_is_broken),
	    cmocka_unit_test(audit_verify_goes_on_where_a_page_has_ended),
	    cmocka_unit_test(pool_fill_waits_until_the_keys_lie_ready),
	    cmocka_unit_test(audit_export_writes_one_line_a_record_of_the_time_that_is_asked_for),
	    cmocka_unit_test(audit_export_shows_a_damaged_record_as_a_string),
	    cmocka_unit_test(audit_export_that_fails_leaves_no_file),
	    cmocka_unit_test(crl_verify_is_exit_4_where_a_place_is_wrong),
	    cmocka_unit_test(publish_is_exit_4_where_something_is_not_there_afterwards),
	    cmocka_unit_test(publish_ldif_prints_records_and_the_grant_as_comments),
	    cmocka_unit_test(status_shows_what_is_wrong_before_any_number),
	    cmocka_unit_test(status_of_two_absent_services_is_exit_3_and_valid_json),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
