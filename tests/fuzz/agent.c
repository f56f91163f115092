/*
 * What the service, or whoever poses as it, answers the agent: problem documents, API answers, certificates; and what
 * lies in the agent's own files.  Byte 0 says which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/agent/identity.h"
#include "fas/agent/kdc.h"
#include "fas/agent/key.h"
#include "fas/agent/logon_answer.h"
#include "fas/agent/pkinit.h"
#include "fas/agent/refusal.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/problem.h"
#include "tests/fuzz/fuzz.h"

#define FOLDER_BYTES 256

static void
check_refusal(const struct refusal *refusal)
{
	struct fas_err e = {0};
	FUZZ_CHECK(refusal->code[0] && refusal->title[0] && !utf8_has_invisible(refusal->title));
	FUZZ_CHECK(!refusal->correlation_id[0] || correlation_id_is_valid(refusal->correlation_id));
	fuzz_check_result(refusal_fail(refusal, &e), &e);
	FUZZ_CHECK(e.code != FAS_OK && strcmp(e.reason, refusal->code) == 0);
}

static void
try_refusal(struct fuzz_input *in)
{
	struct refusal refusal;
	struct fas_err e = {0};
	size_t len = 0;
	long status = 400 + fuzz_byte(in);
	OWN(bytes) uint8_t *body = fuzz_bytes(in, in->left, &len);
	enum fas_code rc = refusal_parse((const char *)body, len, status, &refusal, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK)
		check_refusal(&refusal);
	else
		FUZZ_CHECK(strcmp(e.reason, "problem_malformed") == 0);
}

/* Every problem that the service can make is one that the agent understands. */
static void
try_own_problem(struct fuzz_input *in)
{
	size_t n = 0;
	while (problem_at(n))
		n++;
	const struct problem *problem = problem_at(fuzz_below(in, n));
	struct refusal refusal;
	struct fas_err e = {0};
	OWN(text)
	char *text = problem_document(problem, "0123456789abcdef0123456789abcdef");
	FUZZ_CHECK(text);
	FUZZ_CHECK(
	    refusal_parse(text, strlen(text), (long)problem->status, &refusal, &e) == FAS_OK);
	FUZZ_CHECK(strcmp(refusal.code, problem->code) == 0);
	check_refusal(&refusal);
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* The answer's texts go into a Kerberos profile, a file name and a URL: none may bring a line or a folder along. */
static void
check_answer(const struct logon_answer *a)
{
	static struct kdc_names names = {.n = 1, .names = {"dc1.corp.example.com"}};
	static struct session_file session;
	OWN(buf) struct buf profile, plain;
	struct fas_err e = {0};
	buf_init(&profile, 65536);
	buf_init(&plain, 65536);
	FUZZ_CHECK(kdc_profile(a->realm, &names, "/proc/self/fd/9", &profile, &e) == FAS_OK);
	FUZZ_CHECK(kdc_profile("A.B", &names, "/proc/self/fd/9", &plain, &e) == FAS_OK);
	FUZZ_CHECK(count_lines(buf_str(&profile)) == count_lines(buf_str(&plain)));
	FUZZ_CHECK(session_id_is_valid(a->session_id) && !strchr(a->sam_account_name, '/'));
	(void)pkinit_is_enterprise(a->principal, a->realm);
	logon_answer_session(a, "https://fas1.corp.example.com", &session);
	FUZZ_CHECK(strcmp(session.id, a->session_id) == 0 && strcmp(session.upn, a->upn) == 0);
	FUZZ_CHECK(strcmp(session.principal, a->principal) == 0);
}

static void
try_answer(struct fuzz_input *in)
{
	OWN(logon_answer) struct logon_answer answer = {0};
	OWN(json)
	json_t *body = json_loadb((const char *)in->at, in->left, JSON_REJECT_DUPLICATES, NULL);
	struct fas_err e = {0};
	if (!body)
		return;
	enum fas_code rc = logon_answer_read(body, &answer, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK)
		check_answer(&answer);
}

/* What is allowed in a session: read whole or not at all. */
static void
try_rule(struct fuzz_input *in)
{
	OWN(rule) struct session_rule rule = {0};
	OWN(json)
	json_t *value = json_loadb(
	    (const char *)in->at, in->left, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	struct fas_err e = {0};
	if (!value)
		return;
	enum fas_code rc = rule_read(value, &rule, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc == FAS_OK || (!rule.allowed && rule.n_programs == 0));
	for (size_t i = 0; i < rule.n_programs; i++)
		FUZZ_CHECK(rule.programs[i][0] == '/' && strlen(rule.programs[i]) < RULE_PATH_MAX);
	FUZZ_CHECK(!rule.allowed || (rule.validity_s > 0 && rule.key_type[0]));
}

static void
try_session_file(struct fuzz_input *in)
{
	static struct session_file session, again;
	char path[FOLDER_BYTES + 16];
	struct fas_err e = {0};
	(void)snprintf(path, sizeof(path), "%s/sessions", fuzz_folder());
	(void)mkdir(path, 0700);
	(void)fuzz_file("sessions/5e55.json", in->at, in->left);
	enum fas_code rc = session_file_load(fuzz_folder(), "5e55", &session, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK || strcmp(session.id, "5e55") != 0)
		return;
	FUZZ_CHECK(session_file_save(fuzz_folder(), &session, &e) == FAS_OK);
	FUZZ_CHECK(session_file_load(fuzz_folder(), "5e55", &again, &e) == FAS_OK);
	FUZZ_CHECK(strcmp(session.upn, again.upn) == 0 && session.expires_s == again.expires_s);
}

static void
try_certificate(struct fuzz_input *in)
{
	X509 *certificate = NULL;
	struct fas_err e = {0};
	char name[IDENTITY_NAME_MAX];
	size_t len = 0;
	OWN(bytes) uint8_t *pem = fuzz_bytes(in, in->left, &len);
	enum fas_code rc = certificate_from_pem((const char *)pem, len, &certificate, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (certificate != NULL));
	if (!certificate)
		return;
	identity_name(certificate, name);
	FUZZ_CHECK(memchr(name, 0, sizeof(name)));
	(void)identity_not_after(certificate);
	X509_free(certificate);
}

static void
try_server(struct fuzz_input *in)
{
	static struct agent_config config;
	struct fas_err e = {0};
	OWN(text) char *url = fuzz_text(in, 0);
	agent_config_defaults(&config);
	enum fas_code rc = agent_config_add_server(&config, url, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK)
		return;
	FUZZ_CHECK(config.n_servers == 1 && strncmp(config.servers[0], "https://", 8) == 0);
	FUZZ_CHECK(!strpbrk(config.servers[0] + 8, "/@?# \n\\"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct fuzz_input *) = {try_refusal, try_answer,
	    try_session_file, try_certificate, try_server, try_own_problem, try_rule};
	struct fuzz_input in = {data, size};
	if (size > 0)
		tries[fuzz_below(&in, NELEMS(tries))](&in);
	return 0;
}
