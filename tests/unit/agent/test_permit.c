#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fas/agent/consent.h"
#include "fas/agent/in_session.h"
#include "fas/agent/permit.h"
#include "fas/base/file.h"
#include "fas/base/log.h"
#include "played.h"

static struct played p;
static char folder[] = "/tmp/fas-permit-XXXXXX";
static char self[PATH_MAX];
static pid_t screen; /* a process that has a screen, as far as its environment says */

static const struct child_task tasks[] = {{"consent", consent_task}};

/* Speaks pinentry's protocol; says what the file "answer" says and counts the questions in "asked". */
static const char pinentry[] = "#!/bin/sh\n"
			       "cd \"$(dirname \"$0\")\"\n"
			       "echo 'OK here'\n"
			       "while read -r word rest; do\n"
			       "  case $word in\n"
			       "  SETDESC) echo \"$rest\" >desc; echo OK ;;\n"
			       "  CONFIRM) echo x >>asked; cat answer ;;\n"
			       "  BYE) echo OK; exit ;;\n"
			       "  *) echo OK ;;\n"
			       "  esac\n"
			       "done\n";

static void
put(const char *name, const char *text, mode_t mode)
{
	char path[128];
	struct fas_err e = {0};
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(file_write_atomic(path, text, strlen(text), mode, &e), FAS_OK);
}

static long
times_asked(void)
{
	char path[128];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/asked", folder);
	return stat(path, &st) == 0 ? (long)st.st_size / 2 : 0;
}

static int
setup(void **state)
{
	char *const argv[] = {(char[]){"sleep"}, (char[]){"600"}, NULL};
	char *const environment[] = {(char[]){"DISPLAY=:99"}, NULL};
	(void)state;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len <= 0 || !mkdtemp(folder))
		return -1;
	self[len] = 0;
	put("pinentry", pinentry, 0755);
	return posix_spawn(&screen, "/bin/sleep", NULL, NULL, argv, environment);
}

static int
teardown(void **state)
{
	char command[64];
	(void)state;
	(void)kill(screen, SIGKILL);
	(void)waitpid(screen, NULL, 0);
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int
begin(void **state)
{
	char path[128];
	(void)state;
	played_begin(&p);
	(void)snprintf(path, sizeof(path), "%s/asked", folder);
	(void)unlink(path);
	(void)snprintf(p.d.config.pinentry, sizeof(p.d.config.pinentry), "%s/pinentry", folder);
	put("answer", "OK\n", 0644);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	played_end(&p);
	return 0;
}

/* A session with an in-session key whose user is this process's. */
static struct session *
session_under(json_t *rule)
{
	struct fas_err e = {0};
	struct session *s = played_session(&p, rule);
	s->user = (struct local_user){.name = "self", .uid = getuid(), .gid = getgid()};
	played_certify(&p, NULL, json_null());
	assert_int_equal(in_session_fetch(&p.d, s, &e), FAS_OK);
	return s;
}

static json_t *
rule_with(const char *member, json_t *value)
{
	json_t *rule = played_rule("host", "logon");
	assert_int_equal(json_object_set_new(rule, member, value), 0);
	return rule;
}

static json_t *
consent(const char *scope)
{
	return rule_with("consent", json_pack("{s:s,s:i}", "scope", scope, "timeout_s", 60));
}

/* This very process asks; where it may show itself is another's affair. */
static enum fas_code
ask_as(struct session *s, pid_t shown, bool may_ask, bool *wants, struct fas_err *e)
{
	int pair[2];
	struct call call = {.d = &p.d, .may_ask = may_ask};
	OWN(permit) struct permit permit = {0};
	OWN(card_key) struct card_key *key = card_key_ref(s->in_session ? s->in_session : s->logon);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(peer_read(pair[0], &call.peer, e), FAS_OK);
	(void)close(pair[0]);
	(void)close(pair[1]);
	if (shown) {
		/* its start time, so that it is the same process */
		char path[64], text[512] = "";
		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)shown);
		FILE *f = fopen(path, "re");
		assert_non_null(f);
		assert_non_null(fgets(text, sizeof(text), f));
		(void)fclose(f);
		char *at = strrchr(text, ')');
		for (int i = 0; i < 20; i++)
			at = strchr(at + 1, ' ');
		call.peer =
		    (struct peer){.pid = shown, .uid = getuid(), .started = strtoull(at, NULL, 10)};
	}
	enum fas_code rc = permit_sign(&call, s, key, CARD_MECHANISM_RSA_PKCS1, &permit, e);
	if (wants)
		*wants = call.wants_person;
	return rc;
}

static enum fas_code
ask(struct session *s, struct fas_err *e)
{
	return ask_as(s, 0, false, NULL, e);
}

static void
a_program_that_is_not_listed_neither_sees_nor_uses_the_key(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(rule_with("programs", json_pack("[s]", "/usr/bin/ssh")));
	assert_int_equal(ask(s, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "program_refused");
	session_unref(&p.d.sessions, s);
}

/* The session's key is its logon key instead. */
static struct session *
logon_session_under(json_t *rule)
{
	struct session *s = session_under(rule);
	s->logon = TAKE(s->in_session);
	s->logon->purpose = CARD_PURPOSE_LOGON;
	return s;
}

static void
the_logon_key_is_no_way_round_the_rule(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s =
	    logon_session_under(rule_with("programs", json_pack("[s]", "/usr/bin/ssh")));
	assert_int_equal(ask(s, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "program_refused");
	fas_err_clear(&e);
	s->state = SESSION_PENDING; /* PKINIT, before there is a login */
	assert_int_equal(ask(s, &e), FAS_OK);
	session_unref(&p.d.sessions, s);
}

static void
without_a_rule_for_sessions_the_logon_key_is_the_users(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = logon_session_under(played_rule("host", "logon"));
	rule_done(&s->rule);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(s, &e), FAS_OK);
	session_unref(&p.d.sessions, s);
}

static void
the_rules_rate_holds(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(played_rule("host", "logon"));
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(s, &e), FAS_OK);
	assert_int_equal(ask(s, &e), FAS_E_LIMIT);
	assert_string_equal(e.reason, "rate_exceeded");
	fas_err_clear(&e);
	s->rate_since_us -= 61000000;
	assert_int_equal(ask(s, &e), FAS_OK);
	session_unref(&p.d.sessions, s);
}

static void
a_mechanism_that_the_rule_does_not_name_is_refused(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(rule_with("mechanisms", json_pack("[s]", "rsa-pss")));
	assert_int_equal(ask(s, &e), FAS_E_CONFLICT);
	assert_string_equal(e.reason, "mechanism_refused");
	session_unref(&p.d.sessions, s);
}

static void
a_quick_thread_does_not_wait_for_a_person(void **state)
{
	bool wants = false;
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(consent("session"));
	assert_int_not_equal(ask_as(s, screen, false, &wants, &e), FAS_OK);
	assert_true(wants);
	assert_int_equal(times_asked(), 0);
	session_unref(&p.d.sessions, s);
}

static void
a_yes_is_good_for_the_session_until_its_time_is_over(void **state)
{
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(consent("session"));
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_OK);
	assert_int_equal(times_asked(), 1);
	assert_int_equal(ask(s, &e), FAS_OK); /* another program */
	assert_int_equal(times_asked(), 1);
	s->consents[0].until_us = 1;
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_OK);
	assert_int_equal(times_asked(), 2);
	session_unref(&p.d.sessions, s);
}

static void
a_yes_to_one_program_is_none_to_another(void **state)
{
	bool wants = false;
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(consent("program"));
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_OK);
	assert_int_equal(ask_as(s, screen, false, &wants, &e), FAS_OK);
	assert_int_not_equal(ask_as(s, 0, false, &wants, &e), FAS_OK);
	assert_true(wants);
	session_unref(&p.d.sessions, s);
}

static void
a_no_is_a_refusal_and_not_asked_again_at_once(void **state)
{
	struct fas_err e = {0};
	(void)state;
	put("answer", "ERR 83886194 not confirmed\n", 0644);
	struct session *s = session_under(consent("session"));
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "no_consent");
	fas_err_clear(&e);
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_E_DENIED);
	assert_int_equal(times_asked(), 1);
	session_unref(&p.d.sessions, s);
}

static void
where_nobody_can_be_asked_it_is_a_refusal(void **state)
{
	static const char *const names[] = {"DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY"};
	struct fas_err e = {0};
	(void)state;
	for (size_t i = 0; i < NELEMS(names); i++)
		(void)unsetenv(names[i]);
	pid_t blind;
	char *const argv[] = {(char[]){"sh"}, (char[]){"-c"},
	    (char[]){"exec sleep 600 </dev/null >/dev/null 2>&1"}, NULL};
	char *const environment[] = {(char[]){"HOME=/"}, NULL};
	assert_int_equal(posix_spawn(&blind, "/bin/sh", NULL, NULL, argv, environment), 0);
	struct session *s = session_under(consent("session"));
	enum fas_code rc = FAS_OK;
	for (int i = 0; i < 200; i++) { /* until it has become sleep, with its files */
		char link[64], path[64] = "";
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/2", (int)blind);
		if (readlink(link, path, sizeof(path) - 1) > 0 && strcmp(path, "/dev/null") == 0)
			break;
		(void)usleep(10000);
	}
	rc = ask_as(s, blind, true, NULL, &e);
	(void)kill(blind, SIGKILL);
	(void)waitpid(blind, NULL, 0);
	assert_int_equal(rc, FAS_E_DENIED);
	assert_string_equal(e.reason, "no_consent");
	assert_non_null(strstr(e.message, "nobody can be asked"));
	assert_int_equal(times_asked(), 0);
	session_unref(&p.d.sessions, s);
}

static void
a_pinentry_that_is_not_there_is_a_refusal(void **state)
{
	struct fas_err e = {0};
	(void)state;
	(void)snprintf(p.d.config.pinentry, sizeof(p.d.config.pinentry), "%s/none", folder);
	struct session *s = session_under(consent("session"));
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "no_consent");
	session_unref(&p.d.sessions, s);
}

static void
the_question_names_the_program_and_the_card(void **state)
{
	char path[128];
	OWN(text) char *text = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	(void)state;
	struct session *s = session_under(consent("program"));
	assert_int_equal(ask_as(s, screen, true, NULL, &e), FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/desc", folder);
	assert_int_equal(file_read(path, 4096, &text, &len, &e), FAS_OK);
	assert_non_null(strstr(text, "sleep"));
	assert_non_null(strstr(text, "alice@CORP"));
	session_unref(&p.d.sessions, s);
}

static void *
ask_in_thread(void *arg)
{
	struct fas_err e = {0};
	assert_int_equal(ask_as(arg, screen, true, NULL, &e), FAS_OK);
	return NULL;
}

static void
two_threads_of_one_program_are_one_question(void **state)
{
	pthread_t threads[2];
	(void)state;
	struct session *s = session_under(consent("program"));
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_in_thread, s), 0);
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(times_asked(), 1);
	session_unref(&p.d.sessions, s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], CHILD_WORD) == 0)
		return child_main(tasks, NELEMS(tasks), argc, argv);
	const struct CMUnitTest tests[] = {
	    T(a_program_that_is_not_listed_neither_sees_nor_uses_the_key),
	    T(the_logon_key_is_no_way_round_the_rule),
	    T(without_a_rule_for_sessions_the_logon_key_is_the_users),
	    T(the_rules_rate_holds),
	    T(a_mechanism_that_the_rule_does_not_name_is_refused),
	    T(a_quick_thread_does_not_wait_for_a_person),
	    T(a_yes_is_good_for_the_session_until_its_time_is_over),
	    T(a_yes_to_one_program_is_none_to_another),
	    T(a_no_is_a_refusal_and_not_asked_again_at_once),
	    T(where_nobody_can_be_asked_it_is_a_refusal),
	    T(a_pinentry_that_is_not_there_is_a_refusal),
	    T(the_question_names_the_program_and_the_card),
	    T(two_threads_of_one_program_are_one_question),
	};
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("permits and consent", tests, setup, teardown);
}
