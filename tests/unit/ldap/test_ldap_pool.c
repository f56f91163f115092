/* A controller that accepts and never answers, and one that is not there: no request waits beyond its deadline. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "ldap/directory.h"
#include "tests/unit/ldap/ldap_fixture.h"

#define TIMEOUT_MS 200
/* Three timeouts at most, and room for a busy machine; without deadlines this would be for ever. */
#define LONGEST_MS 5000

struct silent {
	int fd; /* listens; the kernel accepts, nobody reads */
	unsigned port;
	char folder[64], password_file[96];
};

static int
setup(void **state)
{
	static struct silent s;
	const char *base = getenv("TMPDIR");
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s.fd < 0 || bind(s.fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(s.fd, 16) != 0 || getsockname(s.fd, (struct sockaddr *)&at, &len) != 0)
		return -1;
	s.port = ntohs(at.sin_port);
	(void)snprintf(s.folder, sizeof(s.folder), "%.40s/fas-ldap-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(s.folder))
		return -1;
	(void)snprintf(s.password_file, sizeof(s.password_file), "%s/password", s.folder);
	*state = &s;
	return file_write_atomic(s.password_file, "secret", 6, 0600, NULL) == FAS_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	struct silent *s = *state;
	if (s->fd >= 0)
		(void)close(s->fd);
	(void)unlink(s->password_file);
	return rmdir(s->folder);
}

static struct directory *
open_directory(const struct silent *s, const char *bind)
{
	OWN(yaml) struct yaml_doc *doc = NULL;
	struct directory *directory = NULL;
	struct fas_err e = {0};
	char text[1024];
	(void)snprintf(text, sizeof(text),
	    "- name: corp.example.com\n  controllers: [localhost]\n  port: %u\n  timeout: %dms\n"
	    "  bind: %s\n  bind_dn: CN=svc\n  password_file: %s\n"
	    "  ca_file: /etc/ssl/certs/ca-certificates.crt\n",
	    s->port, TIMEOUT_MS, bind, s->password_file);
	assert_int_equal(yaml_parse("fasd.yaml", text, strlen(text), &doc, &e), FAS_OK);
	if (directory_new(yaml_root(doc), s->folder, &directory, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return directory;
}

static int64_t
expect_away(struct directory *directory, const char *part)
{
	OWN(account) struct account *account = NULL;
	struct fas_err e = {0};
	const struct directory_claims claims = {.upn = "alice@corp.example.com"};
	int64_t begin_us = clock_monotonic_us();
	assert_int_equal(
	    directory_find(directory, &claims, clock_now(), &account, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "directory_away");
	if (!strstr(e.message, part))
		fail_msg("message \"%s\" lacks \"%s\"", e.message, part);
	assert_null(account);
	return (clock_monotonic_us() - begin_us) / 1000;
}

static void
silent_tls_handshake_ends_at_the_deadline(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-ldaps");
	int64_t ms = expect_away(directory, "TLS handshake");
	assert_in_range(ms, TIMEOUT_MS - 1, LONGEST_MS);
}

static void
silent_start_tls_ends_at_the_deadline(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-starttls");
	int64_t ms = expect_away(directory, "in time");
	assert_in_range(ms, TIMEOUT_MS - 1, LONGEST_MS);
}

static void
controller_that_failed_is_left_alone(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-ldaps");
	struct directory_status status;
	(void)expect_away(directory, "TLS handshake");
	int64_t ms = expect_away(directory, "no domain controller answers");
	assert_true(ms < TIMEOUT_MS);
	assert_int_equal(directory_status(directory, &status, 1), 1);
	assert_false(status.reachable);
	assert_int_equal(status.binds, 0);
	assert_int_equal(status.failures, 1);
	assert_int_equal(status.connections, 0);
}

static void
ping_names_the_domain_that_is_away(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-ldaps");
	struct fas_err e = {0};
	assert_int_equal(directory_ping(directory, &e), FAS_E_UNAVAILABLE);
	assert_string_equal(e.reason, "directory_away");
	assert_non_null(strstr(e.message, "corp.example.com"));
}

static void
refused_connection_fails_at_once(void **state)
{
	struct silent *s = *state;
	(void)close(s->fd);
	s->fd = -1;
	OWN(directory) struct directory *directory = open_directory(s, "simple-ldaps");
	(void)expect_away(directory, "refused");
}

static void
directory_that_nobody_asked_is_freed(void **state)
{
	directory_free(open_directory(*state, "simple-ldaps"));
	directory_free(NULL);
}

static void
question_without_a_claim_is_our_own_error(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-ldaps");
	struct account *account = NULL;
	struct fas_err e = {0};
	const struct directory_claims none = {0};
	assert_int_equal(directory_find(directory, &none, 0, &account, &e), FAS_E_INTERNAL);
	assert_null(account);
}

static void
malformed_upn_never_reaches_a_controller(void **state)
{
	OWN(directory) struct directory *directory = open_directory(*state, "simple-ldaps");
	struct account *account = NULL;
	struct directory_status status;
	struct fas_err e = {0};
	const struct directory_claims claims = {.upn = "alice"};
	assert_int_equal(directory_find(directory, &claims, 0, &account, &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "upn_malformed");
	assert_int_equal(directory_status(directory, &status, 1), 1);
	assert_int_equal(status.failures, 0);
}

#define POOL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    POOL_TEST(silent_tls_handshake_ends_at_the_deadline),
	    POOL_TEST(silent_start_tls_ends_at_the_deadline),
	    POOL_TEST(controller_that_failed_is_left_alone),
	    POOL_TEST(ping_names_the_domain_that_is_away),
	    POOL_TEST(refused_connection_fails_at_once),
	    POOL_TEST(directory_that_nobody_asked_is_freed),
	    POOL_TEST(question_without_a_claim_is_our_own_error),
	    POOL_TEST(malformed_upn_never_reaches_a_controller),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
