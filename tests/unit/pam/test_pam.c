/* pam_fas.so as libpam runs it. */
#include "stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE "auth required @\naccount required @\nsession required @\n"
#define FIRST "auth sufficient @\nauth required pam_permit.so\n"

static void
a_ticket_as_password_logs_on_opens_and_closes(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin(ONE, TICKET);
	agent_logs_on();
	agent_agrees();
	agent_agrees();
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_acct_mgmt(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_setcred(pamh, PAM_ESTABLISH_CRED), PAM_SUCCESS);
	assert_string_equal(pam_getenv(pamh, "KRB5CCNAME"), "FILE:/tmp/krb5cc_1000_5e5510");
	assert_string_equal(pam_getenv(pamh, "FAS_SESSION"), "5e5510");
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
	assert_int_equal(agent_asked(), 3);
	assert_int_equal(agent_op(0), CARD_OP_LOGON);
	assert_string_equal(agent_text(0, CARD_TAG_TICKET), TICKET);
	assert_string_equal(agent_text(0, CARD_TAG_USER), "alice");
	assert_string_equal(agent_text(0, CARD_TAG_SERVICE), "desktop");
	assert_string_equal(agent_text(0, CARD_TAG_RHOST), "client7.example.com");
	assert_int_equal(agent_op(1), CARD_OP_OPEN);
	assert_string_equal(agent_text(1, CARD_TAG_SESSION), "5e5510");
	assert_int_equal(agent_number(1, CARD_TAG_PID), getpid());
	assert_int_equal(agent_op(2), CARD_OP_CLOSE);
	assert_string_equal(agent_text(2, CARD_TAG_SESSION), "5e5510");
	assert_string_equal(stack_told(), "");
}

static void
a_password_goes_to_no_agent(void **state)
{
	(void)state;
	static const char *const passwords[] = {"correct horse", "", "fas1-", "fas1-short",
	    TICKET "x", "FAS1-k5q3zmrv7gq2h4n5xj6w2a3b4c", "-k5q3zmrv7gq2h4n5xj6w2a3b4c",
	    "fas1-k5q3zmrv7gq2h4n5xj6w2a3b41", "averylongnodename-k5q3zmrv7gq2h4n5xj6w2a3b4c",
	    TICKET "\n", (" " TICKET)};
	for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {
		pam_handle_t *pamh = stack_begin(FIRST, passwords[i]);
		assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
		assert_int_equal(agent_asked(), 0);
		assert_null(pam_getenv(pamh, "FAS_SESSION"));
		stack_end(pamh);
	}
}

/* pam_exec hands it to a program, which is content with the right one only. */
static void
a_password_is_there_for_the_next_module(void **state)
{
	(void)state;
	char lines[512];
	(void)snprintf(lines, sizeof(lines),
	    "auth sufficient @\nauth required pam_exec.so expose_authtok quiet %s\n",
	    stack_file("knows", "#!/bin/sh\n[ \"$(tr -d '\\000')\" = 'correct horse' ]\n", 0700));
	pam_handle_t *pamh = stack_begin(lines, "correct horse");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(stack_asked(), 1);
	stack_end(pamh);
	pamh = stack_begin(lines, "wrong horse");
	assert_int_not_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
}

static void
alone_in_the_stack_a_password_does_not_log_on(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin("auth required @\n", "correct horse");
	assert_int_not_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
}

static void
a_refusal_is_one_sentence_with_the_correlation_id(void **state)
{
	(void)state;
	static const struct {
		enum card_status status;
		int code;
	} cases[] = {{CARD_STATUS_DENIED, PAM_AUTH_ERR}, {CARD_STATUS_AWAY, PAM_AUTHINFO_UNAVAIL},
	    {CARD_STATUS_BUSY, PAM_AUTHINFO_UNAVAIL}, {CARD_STATUS_LIMIT, PAM_MAXTRIES},
	    {CARD_STATUS_INTERNAL, PAM_AUTHINFO_UNAVAIL}, {CARD_STATUS_SESSION_GONE, PAM_AUTH_ERR}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pam_handle_t *pamh = stack_begin(ONE, TICKET);
		agent_refuses(
		    cases[i].status, "ticket_refused", "The ticket is not accepted.", "c0441d");
		assert_int_equal(pam_authenticate(pamh, 0), cases[i].code);
		assert_string_equal(stack_told(), "The ticket is not accepted. (c0441d)");
		assert_null(pam_getenv(pamh, "FAS_SESSION"));
		stack_end(pamh);
	}
}

static void
a_refused_ticket_is_not_offered_to_a_module_behind_a_requisite(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin("auth requisite @\nauth required pam_permit.so\n", TICKET);
	agent_refuses(CARD_STATUS_DENIED, "ticket_used", "The ticket has been used.", "");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTH_ERR);
	assert_string_equal(stack_told(), "The ticket has been used.");
	stack_end(pamh);
}

static void
without_an_agent_the_stack_can_go_another_way(void **state)
{
	(void)state;
	char *kept = strdup(getenv("FAS_AGENT_SOCKET"));
	assert_int_equal(setenv("FAS_AGENT_SOCKET", "/nonexistent/card.sock", 1), 0);
	pam_handle_t *pamh = stack_begin(ONE, TICKET);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(stack_told(), "Single sign-on is not running on this host.");
	stack_end(pamh);
	/* as a stack may have it whose tickets come in files (docs/HOST.md) */
	pamh =
	    stack_begin("auth [success=done authinfo_unavail=ignore ignore=ignore default=die] @\n"
			"auth required pam_permit.so\n",
		TICKET);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
	assert_int_equal(setenv("FAS_AGENT_SOCKET", kept, 1), 0);
	free(kept);
}

static void
an_agent_that_hangs_up_is_no_logon(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin(ONE, TICKET);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_true(agent_asked() >= 1);
	stack_end(pamh);
}

/* ---- the ticket in a file ---- */

static char *
file_stack(const char *file)
{
	static char lines[256];
	(void)snprintf(lines, sizeof(lines), "auth required @ ticket_file=%s\n", file);
	return lines;
}

static void
a_ticket_in_a_file_is_read_once(void **state)
{
	(void)state;
	char file[128], lines[256];
	(void)snprintf(file, sizeof(file), "%s", stack_file("alice.ticket", TICKET "\n", 0600));
	char *name = strstr(file, "alice.ticket");
	(void)snprintf(lines, sizeof(lines), "auth required @ ticket_file=%.*s%%u.ticket\n",
	    (int)(name - file), file);
	pam_handle_t *pamh = stack_begin(lines, "unused");
	agent_logs_on();
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_string_equal(agent_text(0, CARD_TAG_TICKET), TICKET);
	assert_int_equal(stack_asked(), 0);
	stack_end(pamh);
	assert_int_equal(access(file, F_OK), -1);
}

static void
a_file_that_others_may_touch_is_no_ticket(void **state)
{
	(void)state;
	static const unsigned modes[] = {0640, 0604, 0620, 0602, 0666};
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char file[128];
		(void)snprintf(file, sizeof(file), "%s", stack_file("ticket", TICKET, modes[i]));
		pam_handle_t *pamh = stack_begin(file_stack(file), "unused");
		assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
		assert_int_equal(agent_asked(), 0);
		stack_end(pamh);
		assert_int_equal(access(file, F_OK), -1);
	}
}

static void
another_users_file_a_link_and_a_pipe_are_no_tickets(void **state)
{
	(void)state;
	char target[128], file[144];
	if (geteuid() == 0) {
		const char *foreign = stack_file("ticket", TICKET, 0600);
		assert_int_equal(chown(foreign, 12345, 12345), 0);
		pam_handle_t *pamh = stack_begin(file_stack(foreign), "unused");
		assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
		stack_end(pamh);
	}
	(void)snprintf(target, sizeof(target), "%s", stack_file("target", TICKET, 0600));
	(void)snprintf(file, sizeof(file), "%s.link", target);
	assert_int_equal(symlink(target, file), 0);
	pam_handle_t *pamh = stack_begin(file_stack(file), "unused");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	stack_end(pamh);
	assert_int_equal(link(target, file), 0);
	pamh = stack_begin(file_stack(file), "unused");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	stack_end(pamh);
	assert_int_equal(mkfifo(file, 0600), 0);
	pamh = stack_begin(file_stack(file), "unused");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_int_equal(agent_asked(), 0);
	stack_end(pamh);
}

static void
no_file_leaves_the_login_to_the_next_module(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin(
	    "auth sufficient @ ticket_file=/nonexistent/%u\nauth required pam_permit.so\n",
	    "unused");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(agent_asked(), 0);
	stack_end(pamh);
}

/* ---- sessions, options ---- */

static void
a_login_without_a_ticket_is_no_session_of_ours(void **state)
{
	(void)state;
	pam_handle_t *pamh =
	    stack_begin("session optional @\nsession required pam_permit.so\n", "");
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(agent_asked(), 0);
	stack_end(pamh);
}

static void
a_session_that_the_agent_does_not_open_is_no_login(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin(ONE, TICKET);
	agent_logs_on();
	agent_refuses(CARD_STATUS_SESSION_GONE, "session_gone", "The session has ended.", "c0441d");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SESSION_ERR);
	stack_end(pamh);
}

static void
a_session_that_has_ended_before_is_closed_in_peace(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin(ONE, TICKET);
	agent_logs_on();
	agent_agrees();
	agent_refuses(CARD_STATUS_SESSION_GONE, "session_gone", "The session has ended.", "");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_close_session(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
}

static void
unlocking_asks_for_the_running_session_and_leaves_its_environment(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin("auth required @ unlock\n", TICKET);
	agent_logs_on();
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(agent_op(0), CARD_OP_UNLOCK);
	assert_string_equal(agent_text(0, CARD_TAG_USER), "alice");
	assert_null(pam_getenv(pamh, "KRB5CCNAME"));
	stack_end(pamh);
}

static void
an_option_that_is_not_known_is_no_logon(void **state)
{
	(void)state;
	static const char *const stacks[] = {"auth required @ tickets=yes\n",
	    "auth required @ ticket_file=relative\n", "auth required @ debug\n"};
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		pam_handle_t *pamh = stack_begin(stacks[i], TICKET);
		agent_logs_on();
		assert_int_equal(pam_authenticate(pamh, 0), PAM_SERVICE_ERR);
		assert_int_equal(agent_asked(), 0);
		stack_end(pamh);
	}
}

static void
socket_names_another_agent(void **state)
{
	(void)state;
	char lines[256], *kept = strdup(getenv("FAS_AGENT_SOCKET"));
	(void)snprintf(lines, sizeof(lines),
	    "auth required @ socket=%s\nsession required @ socket=%s\n", kept, kept);
	assert_int_equal(unsetenv("FAS_AGENT_SOCKET"), 0);
	pam_handle_t *pamh = stack_begin(lines, TICKET);
	agent_logs_on();
	agent_agrees();
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(pam_open_session(pamh, 0), PAM_SUCCESS);
	stack_end(pamh);
	assert_int_equal(setenv("FAS_AGENT_SOCKET", kept, 1), 0);
	free(kept);
}

static void
quiet_tells_the_user_nothing(void **state)
{
	(void)state;
	pam_handle_t *pamh = stack_begin("auth required @ quiet\n", TICKET);
	agent_refuses(CARD_STATUS_DENIED, "ticket_used", "The ticket has been used.", "c0441d");
	assert_int_equal(pam_authenticate(pamh, 0), PAM_AUTH_ERR);
	assert_string_equal(stack_told(), "");
	stack_end(pamh);
}

static void
use_first_pass_never_asks(void **state)
{
	(void)state;
	pam_handle_t *pamh =
	    stack_begin("auth sufficient @ use_first_pass\nauth required pam_permit.so\n", TICKET);
	assert_int_equal(pam_authenticate(pamh, 0), PAM_SUCCESS);
	assert_int_equal(stack_asked(), 0);
	assert_int_equal(agent_asked(), 0);
	stack_end(pamh);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_ticket_as_password_logs_on_opens_and_closes),
	    cmocka_unit_test(a_password_goes_to_no_agent),
	    cmocka_unit_test(a_password_is_there_for_the_next_module),
	    cmocka_unit_test(alone_in_the_stack_a_password_does_not_log_on),
	    cmocka_unit_test(a_refusal_is_one_sentence_with_the_correlation_id),
	    cmocka_unit_test(a_refused_ticket_is_not_offered_to_a_module_behind_a_requisite),
	    cmocka_unit_test(without_an_agent_the_stack_can_go_another_way),
	    cmocka_unit_test(an_agent_that_hangs_up_is_no_logon),
	    cmocka_unit_test(a_ticket_in_a_file_is_read_once),
	    cmocka_unit_test(a_file_that_others_may_touch_is_no_ticket),
	    cmocka_unit_test(another_users_file_a_link_and_a_pipe_are_no_tickets),
	    cmocka_unit_test(no_file_leaves_the_login_to_the_next_module),
	    cmocka_unit_test(a_login_without_a_ticket_is_no_session_of_ours),
	    cmocka_unit_test(a_session_that_the_agent_does_not_open_is_no_login),
	    cmocka_unit_test(a_session_that_has_ended_before_is_closed_in_peace),
	    cmocka_unit_test(unlocking_asks_for_the_running_session_and_leaves_its_environment),
	    cmocka_unit_test(an_option_that_is_not_known_is_no_logon),
	    cmocka_unit_test(socket_names_another_agent),
	    cmocka_unit_test(quiet_tells_the_user_nothing),
	    cmocka_unit_test(use_first_pass_never_asks),
	};
	return cmocka_run_group_tests(tests, stack_setup, stack_teardown);
}
