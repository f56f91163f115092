/* The signer's client without memory and with a bad line: each question is answered or told why, and the next one succeeds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/client.h"
#include "fas/base/dn.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/wire.h"
#include "tests/unit/faults/faults.h"

#define TIMEOUT_MS 5000

static char folder[64], path[96];
static struct signer *signer;
static int listener = -1;
static pthread_t peer;

/* ---- the other side, whose answers never fail ---- */

static const struct {
	const char *op, *answer;
} answers[] = {
    {"issue",
	"{\"pem\":\"PEM\",\"chain\":\"CHAIN\",\"serial\":\"0a\",\"not_before\":1,\"not_after\":2}"},
    {"revoke", "{\"revoked\":1}"},
    {"service_ca", "{\"certificate\":\"PEM\"}"},
    {"state", "{\"authorities\":[]}"},
    {"hosts", "{\"generation\":7,\"hosts\":[{\"serial\":\"0a\"}],\"more\":false}"},
    {"acts", "{\"acts\":[],\"last\":7}"},
    {"sign", "{\"signature\":\"AAAA\"}"},
    {"drop", "{}"},
    {"audit.countersign", "{\"heads\":[],\"keys\":[],\"more\":false}"},
    {"audit.checkpoint", "{\"statements\":[],\"keys\":[],\"more\":false}"},
};

static void
serve(int fd)
{
	for (;;) {
		struct fas_err e = {0};
		OWN(json) json_t *question = NULL;
		OWN(json) json_t *answer = NULL;
		if (wire_receive(fd, WIRE_MESSAGE_MAX, -1, &question, &e) != FAS_OK)
			return;
		const char *op = json_string_value(json_object_get(question, "op"));
		for (size_t i = 0; i < NELEMS(answers); i++) {
			if (op && strcmp(op, answers[i].op) == 0)
				answer = json_loads(answers[i].answer, 0, NULL);
		}
		if (!answer || wire_send(fd, answer, TIMEOUT_MS, &e) != FAS_OK)
			return;
	}
}

static void *
serve_one(void *arg)
{
	int fd = *(int *)arg;
	free(arg);
	faults_pause();
	serve(fd);
	(void)close(fd);
	return NULL;
}

/* A connection may be left behind half used: each has a thread of its own. */
static void *
be_signer(void *arg)
{
	faults_pause();
	for (;;) {
		pthread_t thread;
		int *fd = malloc(sizeof(*fd));
		if (!fd || (*fd = accept(listener, NULL, NULL)) < 0) {
			free(fd);
			return arg;
		}
		if (pthread_create(&thread, NULL, serve_one, fd) != 0)
			abort();
		(void)pthread_detach(thread);
	}
}

/* ---- the questions ---- */

static enum fas_code
run_issue(void *arg, struct fas_err *e)
{
	static const uint8_t spki[] = {0x30, 0x00};
	const struct dn *subject = arg;
	struct sid sid;
	OWN(signer_certificate) struct signer_certificate out = {0};
	enum fas_code rc = sid_parse("S-1-5-21-1-2-3-1105", &sid, e);
	const struct signer_request q = {.request_id = "r-1",
	    .correlation_id = "c",
	    .authority = "main",
	    .profile = "smartcard-logon",
	    .subject = subject,
	    .sid = &sid,
	    .upn = "alice@corp.example.com",
	    .spki = spki,
	    .spki_len = sizeof(spki),
	    .validity_s = 900,
	    .rule = "eng",
	    .host = "vda1.corp.example.com",
	    .session = "s"};
	if (rc == FAS_OK)
		rc = signer_issue(signer, &q, &out, e);
	assert_true((rc == FAS_OK) == (out.pem != NULL));
	assert_true(rc != FAS_OK || strcmp(out.serial, "0a") == 0);
	return rc;
}

static enum fas_code
run_revoke(void *arg, struct fas_err *e)
{
	size_t n = 0;
	(void)arg;
	enum fas_code rc = signer_revoke(signer, "c", NULL, "s", "cessationOfOperation", &n, e);
	assert_true(rc != FAS_OK || n == 1);
	return rc;
}

static enum fas_code
run_acts(void *arg, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *none = json_array();
	(void)arg;
	if (!none)
		return fas_fail_nomem(e);
	enum fas_code rc = signer_acts(signer, 7, none, 0, &reply, e);
	assert_true((rc == FAS_OK) == (reply != NULL));
	return rc;
}

static enum fas_code
run_service_ca(void *arg, struct fas_err *e)
{
	OWN(text) char *pem = NULL;
	(void)arg;
	enum fas_code rc = signer_service_ca(signer, &pem, e);
	assert_true((rc == FAS_OK) == (pem != NULL));
	return rc;
}

static enum fas_code
run_state(void *arg, struct fas_err *e)
{
	OWN(json) json_t *state = NULL;
	(void)arg;
	enum fas_code rc = signer_state(signer, &state, e);
	assert_true((rc == FAS_OK) == (state != NULL));
	return rc;
}

/* A table that has lost an entry would shut a host out, or let one in. */
static enum fas_code
run_hosts(void *arg, struct fas_err *e)
{
	OWN(json) json_t *table = NULL;
	(void)arg;
	enum fas_code rc = signer_hosts(signer, 0, 0, &table, e);
	if (rc != FAS_OK)
		return rc;
	assert_int_equal(json_integer_value(json_object_get(table, "generation")), 7);
	assert_int_equal(json_array_size(json_object_get(table, "hosts")), 1);
	return FAS_OK;
}

static enum fas_code
run_countersign(void *arg, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	(void)arg;
	return signer_countersign(signer, "fas1", 1, "00", 0, &reply, e);
}

static enum fas_code
run_checkpoint(void *arg, struct fas_err *e)
{
	OWN(json) json_t *reply = NULL;
	const struct signer_checkpoint_request ask = {.node = "fas1", .keep_s = 86400};
	(void)arg;
	return signer_checkpoint(signer, &ask, &reply, e);
}

static enum fas_code
run_sign(void *arg, struct fas_err *e)
{
	static const uint8_t digest[32] = {1};
	uint8_t out[SIGNATURE_MAX];
	size_t len = 0;
	const struct signer_sign q = {"c", "s", "k", "rsa-pkcs1", "sha256", digest, sizeof(digest)};
	(void)arg;
	enum fas_code rc = signer_sign(signer, &q, out, &len, e);
	assert_true(rc != FAS_OK || len == 3);
	return rc;
}

static enum fas_code
run_drop(void *arg, struct fas_err *e)
{
	(void)arg;
	return signer_drop(signer, "c", "s", e);
}

static fault_run *const questions[] = {run_issue, run_revoke, run_acts, run_service_ca, run_state,
    run_hosts, run_countersign, run_checkpoint, run_sign, run_drop};
static fault_run *question;

static enum fas_code
run_question(void *arg, struct fas_err *e)
{
	return question(arg, e);
}

/* There is one connection: if it were lost, or believed to be in use, nobody would be answered again. */
static void
ask_again(void *arg, enum fas_code rc, const struct fas_err *why)
{
	struct fas_err e = {0};
	/* Worth another try: any other kind would cost a ticket. */
	if (rc != FAS_OK && rc != FAS_E_NOMEM && rc != FAS_E_IO && rc != FAS_E_UNAVAILABLE)
		fail_msg("%s: %s", why->reason, why->message);
	(void)json_starved(); /* as at the start of the next request */
	if (question(arg, &e) != FAS_OK)
		fail_msg("again: %s: %s (at first: %s)", e.reason, e.message, why->message);
}

static void
each_kind(enum fault_kind kind, void *subject)
{
	const struct fault_case c = {NULL, run_question, ask_again, true};
	for (size_t i = 0; i < NELEMS(questions); i++) {
		question = questions[i];
		(void)faults_each(kind, &c, subject);
	}
}

static void
without_memory_a_question_costs_no_connection(void **state)
{
	each_kind(FAULT_MEMORY, *state);
}

static void
a_broken_line_costs_no_connection(void **state)
{
	each_kind(FAULT_SYSTEM, *state);
}

/* ---- the stage ---- */

static int
set_up(void **state)
{
	static struct dn subject;
	struct fas_err e = {0};
	faults_init();
	log_set_level(LOG_LEVEL_ERROR);
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-faults-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/issue.sock", folder);
	if (wire_listen(path, 0600, &listener, &e) != FAS_OK ||
	    signer_new(path, 1, TIMEOUT_MS, &signer, &e) != FAS_OK ||
	    dn_add(&subject, "CN", "alice", &e) != FAS_OK ||
	    pthread_create(&peer, NULL, be_signer, NULL) != 0)
		return -1;
	*state = &subject;
	return 0;
}

static int
tear_down(void **state)
{
	signer_free(signer);
	(void)shutdown(listener, SHUT_RDWR);
	(void)pthread_join(peer, NULL);
	(void)close(listener);
	dn_done(*state);
	(void)unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_memory_a_question_costs_no_connection),
	    cmocka_unit_test(a_broken_line_costs_no_connection),
	};
	return cmocka_run_group_tests_name(
	    "questions to a signer in need", tests, set_up, tear_down);
}
