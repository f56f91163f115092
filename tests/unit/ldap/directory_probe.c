/*
 * Ask the directory of a configuration and print what it says as JSON, one object a line.
 *
 *     directory_probe CONFIG [--sid S] [--upn U] [--guid G] [--group NAME] [--ping] [--status]
 *                     [--repeat N] [--pause-ms N] [--threads N] [--quiet]
 *
 * CONFIG: a YAML mapping with a member `domains` (ldap/directory.h); other members are passed over, so fasd's own file
 * will do.  Exit status: 0 every question was answered, 1 one was not, 2 usage.
 */
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "ldap/directory.h"

#define THREADS_MAX 64
#define STATUS_MAX 64

struct question {
	const char *config, *group;
	struct sid sid;
	struct guid guid;
	struct directory_claims claims;
	uint64_t repeat, pause_ms, threads;
	bool ping, status, quiet;
	struct directory *directory;
};

static void
print(json_t *object)
{
	OWN(text) char *text = json_dumps(object, JSON_COMPACT);
	printf("%s\n", text ? text : "null");
	(void)fflush(stdout);
	json_decref(object);
}

static json_t *
error_to_json(const struct fas_err *e)
{
	return json_pack("{s{ss ss ss}}", "error", "code", fas_code_name(e->code), "reason",
	    fas_err_reason(e), "message", e->message);
}

static json_t *
groups_to_json(const struct account *a)
{
	json_t *groups = json_array();
	for (size_t i = 0; i < a->n_groups; i++) {
		char text[SID_TEXT_MAX];
		json_array_append_new(groups, json_string(sid_format(&a->groups[i], text)));
	}
	return groups;
}

static json_t *
account_to_json(const struct account *a)
{
	char sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	return json_pack("{ss so ss ss ss sb ss ss ss ss? sb sb sb sb sb sb sb so}", "dn",
	    a->dn_text, "rdns", dn_to_json(&a->dn), "sid", sid_format(&a->sid, sid), "guid",
	    guid_format(&a->guid, guid), "upn", a->upn, "upn_is_implicit", a->upn_is_implicit,
	    "sam_account_name", a->sam_account_name, "domain", a->domain, "realm", a->realm,
	    "netbios", a->netbios, "disabled", a->disabled, "locked", a->locked, "expired",
	    a->expired, "password_expired", a->password_expired, "smartcard_required",
	    a->smartcard_required, "admin_count", a->admin_count, "privileged", a->privileged,
	    "groups", groups_to_json(a));
}

/* The account with the verdicts of the two pure checks. */
static json_t *
answer_account(const struct question *q, bool *ok)
{
	OWN(account) struct account *account = NULL;
	struct fas_err e = {0}, state = {0}, match = {0};
	*ok = directory_find(q->directory, &q->claims, clock_now(), &account, &e) == FAS_OK;
	if (!*ok)
		return error_to_json(&e);
	if (account_check(account, &state) == FAS_OK)
		fas_err_clear(&state);
	if (account_match(account, &q->claims, &match) == FAS_OK)
		fas_err_clear(&match);
	return json_pack("{so ss ss}", "account", account_to_json(account), "check",
	    fas_err_reason(&state), "match", fas_err_reason(&match));
}

static json_t *
answer_group(const struct question *q, bool *ok)
{
	struct fas_err e = {0};
	struct sid sid;
	char text[SID_TEXT_MAX];
	*ok = directory_group(q->directory, q->group, &sid, &e) == FAS_OK;
	return *ok ? json_pack("{ss}", "group", sid_format(&sid, text)) : error_to_json(&e);
}

static json_t *
answer_ping(const struct question *q, bool *ok)
{
	struct fas_err e = {0};
	*ok = directory_ping(q->directory, &e) == FAS_OK;
	return *ok ? json_pack("{sb}", "ping", true) : error_to_json(&e);
}

static bool
ask_once(const struct question *q)
{
	bool ok;
	int64_t begin_us = clock_monotonic_us();
	json_t *answer = q->ping    ? answer_ping(q, &ok)
			 : q->group ? answer_group(q, &ok)
				    : answer_account(q, &ok);
	json_object_set_new(
	    answer, "ms", json_real((double)(clock_monotonic_us() - begin_us) / 1000));
	if (q->quiet && ok)
		json_decref(answer);
	else
		print(answer);
	return ok;
}

/* Returns NULL when all went well. */
static void *
ask(void *context)
{
	const struct question *q = context;
	void *failed = NULL;
	for (uint64_t i = 0; i < q->repeat; i++) {
		struct timespec pause = {.tv_sec = (time_t)(q->pause_ms / 1000),
		    .tv_nsec = (long)(q->pause_ms % 1000) * 1000000};
		if (!ask_once(q))
			failed = context;
		if (i + 1 < q->repeat && q->pause_ms)
			(void)nanosleep(&pause, NULL);
	}
	return failed;
}

static bool
ask_threads(struct question *q)
{
	pthread_t threads[THREADS_MAX];
	bool ok = true;
	size_t n = 0;
	while (n < q->threads && pthread_create(&threads[n], NULL, ask, q) == 0)
		n++;
	for (size_t i = 0; i < n; i++) {
		void *failed = NULL;
		pthread_join(threads[i], &failed);
		ok = ok && !failed;
	}
	return ok && n == q->threads;
}

static void
print_status(struct directory *directory)
{
	struct directory_status status[STATUS_MAX];
	size_t n = directory_status(directory, status, STATUS_MAX);
	for (size_t i = 0; i < n && i < STATUS_MAX; i++) {
		const struct directory_status *s = &status[i];
		print(json_pack("{ss ss sb sI sI sI sI}", "domain", s->domain, "controller",
		    s->controller, "reachable", s->reachable, "connections",
		    (json_int_t)s->connections, "binds", (json_int_t)s->binds, "searches",
		    (json_int_t)s->searches, "failures", (json_int_t)s->failures));
	}
}

static bool
read_value(struct question *q, const char *option, const char *value)
{
	if (strcmp(option, "--sid") == 0) {
		q->claims.sid = &q->sid;
		return sid_parse(value, &q->sid, NULL) == FAS_OK;
	}
	if (strcmp(option, "--guid") == 0) {
		q->claims.guid = &q->guid;
		return guid_parse(value, &q->guid, NULL) == FAS_OK;
	}
	if (strcmp(option, "--upn") == 0)
		return (q->claims.upn = value) != NULL;
	if (strcmp(option, "--group") == 0)
		return (q->group = value) != NULL;
	if (strcmp(option, "--repeat") == 0)
		return parse_uint(value, 1, 10000000, &q->repeat);
	if (strcmp(option, "--pause-ms") == 0)
		return parse_uint(value, 0, 60000, &q->pause_ms);
	return strcmp(option, "--threads") == 0 && parse_uint(value, 1, THREADS_MAX, &q->threads);
}

static bool
read_arguments(struct question *q, int argc, char **argv)
{
	if (argc < 3)
		return false;
	q->config = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--ping") == 0)
			q->ping = true;
		else if (strcmp(argv[i], "--status") == 0)
			q->status = true;
		else if (strcmp(argv[i], "--quiet") == 0)
			q->quiet = true;
		else if (i + 1 == argc || !read_value(q, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	return q->ping || q->group || q->claims.sid || q->claims.upn || q->claims.guid;
}

static enum fas_code
open_directory(struct question *q, struct fas_err *e)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	OWN(text) char *folder = strdup(q->config);
	struct yaml_reader r;
	enum fas_code rc = yaml_load(q->config, &doc, e);
	if (rc != FAS_OK || !folder)
		return rc != FAS_OK ? rc : fas_fail_nomem(e);
	if ((rc = yaml_open(&r, yaml_root(doc), "configuration", e)) != FAS_OK)
		return rc;
	const struct yaml_node *domains = yaml_need(&r, "domains", YAML_LIST);
	return domains ? directory_new(domains, dirname(folder), &q->directory, e) : e->code;
}

int
main(int argc, char **argv)
{
	struct question q = {.repeat = 1, .threads = 1};
	struct fas_err e = {0};
	if (!read_arguments(&q, argc, argv)) {
		fprintf(stderr, "usage: directory_probe CONFIG [--sid S] [--upn U] [--guid G] "
				"[--group NAME] [--ping] [--status] [--repeat N] [--pause-ms N] "
				"[--threads N] [--quiet]\n");
		return 2;
	}
	if (open_directory(&q, &e) != FAS_OK) {
		print(error_to_json(&e));
		return 1;
	}
	bool ok = ask_threads(&q);
	if (q.status)
		print_status(q.directory);
	directory_free(q.directory);
	return ok ? 0 : 1;
}
