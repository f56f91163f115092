/* The admin socket and the state of the service, above a made-up pipeline. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes.h"
#include "fas/admin.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "harness.h"

static const char *const schema[] = {AUDIT_SCHEMA};
static const struct db_migrations migrations = {schema, NELEMS(schema)};

static char folder[] = "/tmp/fas-admin-XXXXXX";
static struct config *config;
static struct service service = {.node = "fas1"};
static struct metrics *metrics;
static struct refusals *refusals;
static struct reloader *reloader;
static struct workers *workers;
static struct ops ops;
static struct admin *admin;
static int signer_is_there;

static void
load_config(void)
{
	char path[64], text[1024];
	struct fas_err e = {0};
	(void)snprintf(path, sizeof(path), "%s/fasd.yaml", folder);
	(void)snprintf(text, sizeof(text),
	    "node: fas1\nstate: s\npolicy: p\nsigner: {socket: x}\npublic_folder: p\n"
	    "admin: {socket: a.sock, group: '%u'}\n"
	    "listen: {api: ['127.0.0.1:1'], public: ['127.0.0.1:2'], ops: ['127.0.0.1:3']}\n"
	    "identity_providers: [{name: okta}]\ndomains: [{name: example.com, netbios: CORP}]\n",
	    12345U);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &e), FAS_OK);
	assert_int_equal(config_load(path, &config, &e), FAS_OK);
}

static enum fas_code
look_at_places(void *arg, json_t **seen, struct fas_err *e)
{
	(void)arg;
	*seen = json_pack("{s:[]}", "links");
	return *seen ? FAS_OK : fas_fail_nomem(e);
}

static const struct admin_places places = {
    .look = look_at_places, .publish = look_at_places, .ldif = look_at_places};

static int
set_up_group(void **state)
{
	struct fas_err e = {0};
	char path[64];
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	load_config();
	(void)snprintf(path, sizeof(path), "%s/fas.db", folder);
	service.signer = (struct signer *)(void *)&signer_is_there;
	if (db_pool_open(path, &migrations, 1, &service.db, &e) != FAS_OK ||
	    metrics_new(&metrics, &e) != FAS_OK)
		return -1;
	const struct refusals_config rates = refusals_defaults(service.db, metrics);
	if (refusals_start(&rates, &refusals, &e) != FAS_OK ||
	    reloader_new(config, &service, metrics, &reloader, &e) != FAS_OK ||
	    workers_start(2, 8, http_server_work, &workers, &e) != FAS_OK)
		return -1;
	ops.service = &service;
	ops.metrics = metrics;
	ops.workers = workers;
	ops.started_s = 1700000000;
	atomic_store(&ops.api_up, true);
	const struct admin_config wants = {
	    config, &service, &ops, reloader, refusals, &places, NULL};
	return admin_start(&wants, &admin, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down_group(void **state)
{
	char command[96];
	(void)state;
	admin_stop(admin);
	workers_stop(workers);
	reloader_free(reloader);
	refusals_stop(refusals);
	metrics_free(metrics);
	db_pool_close(service.db);
	config_free(config);
	(void)snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int
set_up(void **state)
{
	(void)state;
	fakes_reset();
	return 0;
}

/* The reply is the caller's. */
static json_t *
ask(const char *question, struct fas_err *e)
{
	json_t *reply = NULL;
	json_t *message = json_loads(question, 0, NULL);
	*e = (struct fas_err){0};
	assert_non_null(message);
	(void)!wire_ask(config->admin_socket, message, 5000, &reply, e);
	json_decref(message);
	return reply;
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

static void
status_tells_the_whole_state(void **state)
{
	static const char *const members[] = {"node", "version", "started_at", "maintenance",
	    "policy", "directory", "signer", "sessions", "tickets", "identity_providers",
	    "listeners", "ready", "checks"};
	struct fas_err e;
	(void)state;
	OWN(json) json_t *reply = ask("{\"op\":\"status\"}", &e);
	assert_non_null(reply);
	for (size_t i = 0; i < NELEMS(members); i++)
		assert_non_null(json_object_get(reply, members[i]));
	assert_string_equal(text_of(reply, "node"), "fas1");
	assert_string_equal(text_of(reply, "started_at"), "2023-11-14T22:13:20Z");
	assert_int_equal(json_integer_value(json_object_get(reply, "sessions")), 5);
	assert_int_equal(json_integer_value(json_object_get(reply, "tickets")), 3);
	assert_true(json_is_true(json_object_get(reply, "ready")));
	assert_int_equal(json_array_size(json_object_get(reply, "listeners")), 3);
}

static void
status_answers_also_without_a_signer(void **state)
{
	struct fas_err e;
	(void)state;
	fakes.signer_code = FAS_E_UNAVAILABLE;
	OWN(json) json_t *reply = ask("{\"op\":\"status\"}", &e);
	assert_string_equal(
	    text_of(json_object_get(json_object_get(reply, "signer"), "error"), "reason"),
	    "signer_away");
	assert_true(json_is_false(json_object_get(reply, "ready")));
}

static void
wrong_questions_are_refused(void **state)
{
	static const struct {
		const char *question, *reason;
	} wrong[] = {{"{}", "member_missing"}, {"{\"op\":\"shutdown\"}", "op_unknown"},
	    {"{\"op\":1}", "member_invalid"}, {"{\"op\":\"status\",\"x\":1}", "member_unknown"},
	    {"{\"op\":\"session.end\"}", "member_missing"},
	    {"{\"op\":\"audit.tail\",\"limit\":100000}", "member_invalid"},
	    {"{\"op\":\"policy.explain\",\"user\":\"NO\\\\alice\",\"host\":\"h\",\"idp\":\"okta\"}",
		"domain_unknown"}};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct fas_err e;
		OWN(json) json_t *reply = ask(wrong[i].question, &e);
		assert_null(reply);
		assert_string_equal(e.reason, wrong[i].reason);
	}
}

/* As long as a page of certificates is that `fasctl audit verify` has compared. */
static void
a_long_question_is_read(void **state)
{
	enum { LONG = 200000 };
	struct fas_err e;
	(void)state;
	OWN(text) char *question = malloc(LONG);
	assert_non_null(question);
	int n = snprintf(question, LONG, "{\"op\":\"shutdown\",\"x\":\"");
	memset(question + n, 'x', (size_t)(LONG - n));
	memcpy(question + LONG - 3, "\"}", 3);
	OWN(json) json_t *reply = ask(question, &e);
	assert_null(reply);
	assert_string_equal(e.reason, "op_unknown");
}

static void
a_reload_is_done_and_on_record(void **state)
{
	struct fas_err e;
	(void)state;
	OWN(json) json_t *reply = ask("{\"op\":\"policy.reload\"}", &e);
	assert_string_equal(text_of(reply, "digest"), "d1635");
	assert_int_equal(fakes.reloads, 1);
	OWN(json) json_t *tail = ask("{\"op\":\"audit.tail\",\"limit\":1}", &e);
	const json_t *record = json_array_get(json_object_get(tail, "records"), 0);
	assert_string_equal(text_of(record, "event"), "policy_loaded");
	assert_string_equal(text_of(record, "outcome"), "done");
	assert_int_equal(strncmp(text_of(record, "caller"), "uid:", 4), 0);
}

static void
a_failed_reload_says_why_and_is_on_record(void **state)
{
	struct fas_err e;
	(void)state;
	fakes.reload_code = FAS_E_CONFIG;
	(void)snprintf(fakes.reason, sizeof(fakes.reason), "policy_malformed");
	OWN(json) json_t *reply = ask("{\"op\":\"policy.reload\"}", &e);
	assert_null(reply);
	assert_int_equal(e.code, FAS_E_CONFIG);
	OWN(json) json_t *tail = ask("{\"op\":\"audit.tail\",\"limit\":1}", &e);
	const json_t *record = json_array_get(json_object_get(tail, "records"), 0);
	assert_string_equal(text_of(record, "outcome"), "error");
	assert_string_equal(text_of(record, "reason"), "policy_malformed");
}

/* ---- all that SIGHUP loads ---- */

static enum fas_code machines_code;
static char machines_path[PATH_MAX];

static enum fas_code
load_machines(void *arg, const char *path, struct fas_err *e)
{
	(void)arg;
	(void)snprintf(machines_path, sizeof(machines_path), "%s", path);
	return machines_code == FAS_OK
		   ? FAS_OK
		   : fas_fail(e, machines_code, "kerberos_keytab", "no key in it");
}

static void
config_reload_loads_each_part_by_itself_and_puts_it_on_record(void **state)
{
	struct fas_err e;
	(void)state;
	reloader_use(reloader, load_machines, NULL);
	for (size_t i = 0; i < 2; i++) {
		machines_code = i == 0 ? FAS_OK : FAS_E_CONFIG;
		OWN(json) json_t *reply = ask("{\"op\":\"config.reload\"}", &e);
		const json_t *parts = json_object_get(reply, "parts");
		assert_int_equal(json_array_size(parts), 3);
		assert_true(json_is_true(json_object_get(json_array_get(parts, 0), "ok")));
		assert_true(json_is_true(json_object_get(json_array_get(parts, 2), "ok")));
		const json_t *machines = json_array_get(parts, 1);
		assert_int_equal(json_is_true(json_object_get(machines, "ok")), i == 0);
		if (i == 1)
			assert_string_equal(text_of(machines, "reason"), "kerberos_keytab");
		OWN(json) json_t *tail = ask("{\"op\":\"audit.tail\",\"limit\":3}", &e);
		const json_t *record = json_array_get(json_object_get(tail, "records"), 1);
		assert_string_equal(text_of(record, "event"), "machines_loaded");
		assert_string_equal(text_of(record, "outcome"), i == 0 ? "done" : "error");
		assert_int_equal(strncmp(text_of(record, "caller"), "uid:", 4), 0);
	}
	assert_string_equal(machines_path, config->path);
	reloader_use(reloader, NULL, NULL);
}

static void
explain_tells_verdict_and_rules(void **state)
{
	static const char *const users[] = {
	    "alice@example.com", "CORP\\\\alice", "example.com\\\\alice"};
	(void)state;
	for (size_t i = 0; i < NELEMS(users); i++) {
		struct fas_err e;
		char question[256];
		(void)snprintf(question, sizeof(question),
		    "{\"op\":\"policy.explain\",\"user\":\"%s\",\"host\":\"h\",\"storefront\":"
		    "\"s\",\"idp\":\"okta\"}",
		    users[i]);
		OWN(json) json_t *reply = ask(question, &e);
		assert_string_equal(text_of(reply, "verdict"), "allow");
		assert_string_equal(text_of(reply, "rule"), "engineering");
		assert_int_equal(json_array_size(json_object_get(reply, "rules")), 2);
		assert_string_equal(
		    text_of(json_object_get(reply, "account"), "sid"), "S-1-5-21-1-2-3-1104");
	}
}

static void
explain_denies_a_disabled_account_before_any_rule(void **state)
{
	struct fas_err e;
	(void)state;
	fakes.code = FAS_E_DENIED;
	OWN(json)
	json_t *reply = ask("{\"op\":\"policy.explain\",\"user\":\"alice@example.com\",\"host\":"
			    "\"h\",\"idp\":\"okta\"}",
	    &e);
	assert_string_equal(text_of(reply, "verdict"), "deny");
	assert_string_equal(text_of(reply, "reason"), "account_disabled");
}

static void
sessions_are_listed_and_ended(void **state)
{
	struct fas_err e;
	(void)state;
	OWN(json) json_t *list = ask("{\"op\":\"session.list\",\"all\":true}", &e);
	assert_int_equal(json_array_size(json_object_get(list, "sessions")), 1);
	OWN(json) json_t *shown = ask("{\"op\":\"session.show\",\"id\":\"5e56\"}", &e);
	assert_string_equal(text_of(json_object_get(shown, "session"), "id"), "5e56");
	OWN(json)
	json_t *ended = ask("{\"op\":\"session.end\",\"id\":\"5e55\",\"why\":\"left\"}", &e);
	assert_true(json_is_true(json_object_get(ended, "ended")));
	assert_string_equal(fakes.session, "5e55");
	assert_string_equal(fakes.why, "left");
	assert_int_equal(strncmp(fakes.admin, "uid:", 4), 0);
}

static void
the_trail_can_be_read_in_parts_and_verified(void **state)
{
	struct fas_err e;
	char question[96];
	(void)state;
	for (int i = 0; i < 5; i++)
		json_decref(ask("{\"op\":\"policy.reload\"}", &e));
	OWN(json) json_t *first = ask("{\"op\":\"audit.tail\",\"after\":0,\"limit\":2}", &e);
	assert_int_equal(json_array_size(json_object_get(first, "records")), 2);
	assert_int_equal(json_integer_value(json_object_get(first, "last")), 2);
	(void)snprintf(
	    question, sizeof(question), "{\"op\":\"audit.tail\",\"after\":2,\"limit\":2}");
	OWN(json) json_t *second = ask(question, &e);
	assert_int_equal(json_integer_value(json_object_get(second, "last")), 4);
	OWN(json) json_t *verdict = ask("{\"op\":\"audit.verify\"}", &e);
	assert_int_equal(json_integer_value(json_object_get(verdict, "broken_seq")), 0);
	assert_true(json_integer_value(json_object_get(verdict, "records")) >= 5);
	assert_int_equal(strlen(text_of(verdict, "head")), 64);
}

/* A child with another uid asks; its exit status tells what it was answered. */
static int
ask_as(uid_t uid, gid_t gid, gid_t extra)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct fas_err e = {0};
		json_t *reply = NULL, *message = json_pack("{s:s}", "op", "session.list");
		if (setgroups(1, &extra) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
			_exit(9);
		enum fas_code rc = wire_ask(config->admin_socket, message, 5000, &reply, &e);
		_exit(rc == FAS_OK ? 0 : strcmp(e.reason, "admin_refused") == 0 ? 1 : 2);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void
only_root_and_the_group_may_ask(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	/* Let everybody reach the socket: it is the peer's identity that must decide. */
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(config->admin_socket, 0666), 0);
	assert_int_equal(ask_as(54321, 54321, 54321), 1);
	assert_int_equal(ask_as(54321, 12345, 54321), 0);
	assert_int_equal(ask_as(54321, 54321, 12345), 0);
}

/* ---- the ops listener ---- */

static struct harness h;
static struct client c;

static long
get(const char *path)
{
	harness_start(&h,
	    &(struct http_server_config){
		.routes = ops_routes, .n_routes = ops_n_routes, .app = &ops, .threads = 1},
	    2, 8);
	client_init(&c, h.port, NULL, NULL);
	return client_ask(&c, &(struct ask){.path = path});
}

static void
end(void)
{
	client_done(&c);
	harness_stop(&h);
}

static bool
check_is_ok(const char *name)
{
	OWN(json) json_t *body = json_loads(buf_str(&c.body), 0, NULL);
	return json_is_true(
	    json_object_get(json_object_get(json_object_get(body, "checks"), name), "ok"));
}

static void
a_living_process_is_healthy(void **state)
{
	(void)state;
	fakes.signer_code = FAS_E_UNAVAILABLE;
	fakes.directory_away = fakes.store_away = true;
	assert_int_equal(get("/healthz"), 200);
	end();
}

static void
a_good_service_is_ready(void **state)
{
	(void)state;
	assert_int_equal(get("/readyz"), 200);
	end();
}

static void
each_fault_makes_it_unready(void **state)
{
	(void)state;
	fakes.signer_code = FAS_E_UNAVAILABLE;
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("signer"));
	assert_true(check_is_ok("directory"));
	end();
	fakes_reset();
	fakes.directory_away = true;
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("directory"));
	assert_true(check_is_ok("signer"));
	end();
	fakes_reset();
	fakes.store_away = true;
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("database"));
	end();
	fakes_reset();
	fakes.next_update_s = clock_now() - 1;
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("crl"));
	end();
	fakes_reset();
	fakes.no_authority = true;
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("authority"));
	end();
	atomic_store(&ops.api_up, false);
	fakes_reset();
	assert_int_equal(get("/readyz"), 503);
	assert_false(check_is_ok("api"));
	end();
	atomic_store(&ops.api_up, true);
}

static void
metrics_are_prometheus_text(void **state)
{
	static const char *const samples[] = {"fas_sessions 5\n", "fas_tickets_open 3\n",
	    "fas_logons_total{outcome=\"allow\"} 0\n", "fas_certificates_issued_total 0\n",
	    "fas_signer_up 1\n",
	    "fas_crl_next_update_seconds{authority=\"main\",generation=\"1\"} 4102444800\n",
	    "fas_crl_entries{authority=\"main\",generation=\"1\"} 4\n",
	    "fas_directory_binds_total{domain=\"example.com\",controller=\"dc1.example.com\"} 4\n",
	    "fas_build_info{version=\"" FAS_VERSION "\",node=\"fas1\"} 1\n", "fas_queue_depth 0\n",
	    "# TYPE fas_request_duration_seconds histogram\n"};
	char text[256];
	(void)state;
	assert_int_equal(get("/metrics"), 200);
	assert_int_equal(
	    strncmp(client_header(&c, "Content-Type", text), "text/plain; version=0.0.4", 25), 0);
	for (size_t i = 0; i < NELEMS(samples); i++) {
		if (!strstr(buf_str(&c.body), samples[i]))
			fail_msg("no \"%s\" in:\n%s", samples[i], buf_str(&c.body));
	}
	end();
}

/* Every sample belongs to a family that was announced, and none is announced twice. */
static void
each_sample_has_one_family(void **state)
{
	char name[128], want[160];
	(void)state;
	assert_int_equal(get("/metrics"), 200);
	for (const char *line = buf_str(&c.body); *line; line += strcspn(line, "\n") + 1) {
		if (strncmp(line, "# TYPE ", 7) == 0) {
			(void)snprintf(want, sizeof(want), "# TYPE %.*s ",
			    (int)strcspn(line + 7, " "), line + 7);
			assert_null(strstr(line + 7, want));
		}
		if (line[0] == '#')
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(line, "{ "), line);
		char *suffix = strstr(name, "_seconds_");
		if (suffix)
			suffix[8] = 0;
		(void)snprintf(want, sizeof(want), "# TYPE %s ", name);
		if (!strstr(buf_str(&c.body), want))
			fail_msg("no family for %s", name);
	}
	end();
}

#define FRESH(test) cmocka_unit_test_setup(test, set_up)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FRESH(status_tells_the_whole_state),
	    FRESH(status_answers_also_without_a_signer),
	    FRESH(wrong_questions_are_refused),
	    FRESH(a_long_question_is_read),
	    FRESH(a_reload_is_done_and_on_record),
	    FRESH(a_failed_reload_says_why_and_is_on_record),
	    FRESH(config_reload_loads_each_part_by_itself_and_puts_it_on_record),
	    FRESH(explain_tells_verdict_and_rules),
	    FRESH(explain_denies_a_disabled_account_before_any_rule),
	    FRESH(sessions_are_listed_and_ended),
	    FRESH(the_trail_can_be_read_in_parts_and_verified),
	    FRESH(only_root_and_the_group_may_ask),
	    FRESH(a_living_process_is_healthy),
	    FRESH(a_good_service_is_ready),
	    FRESH(each_fault_makes_it_unready),
	    FRESH(metrics_are_prometheus_text),
	    FRESH(each_sample_has_one_family),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
