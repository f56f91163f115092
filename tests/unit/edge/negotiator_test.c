/* From what a ticket says to a caller: each answer of the directory, and what a second look finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/negotiation.h"

/* Kerberos and the directory, made up. */
static struct {
	const char *principal;
	enum fas_code ticket, found, state;
	const char *reason; /* of found and state */
	char realm[64], sam[64];
	const char *dns_name;
	struct sid ticket_sid, account_sid;
	unsigned acceptors;
} fake;

static const struct sid sid_1105 = {4, 5, {21, 1, 2, 1105}}, sid_1106 = {4, 5, {21, 1, 2, 1106}};

enum fas_code
acceptor_accept(struct acceptor *acceptor, const char *token, const uint8_t *binding,
    size_t binding_len, struct accepted *out, struct fas_err *e)
{
	(void)acceptor;
	(void)binding;
	(void)binding_len;
	*out = (struct accepted){.life_s = 600, .sid = fake.ticket_sid};
	if (fake.ticket != FAS_OK)
		return fas_fail(e, fake.ticket, "caller_ticket", "%s", token);
	(void)snprintf(out->principal, sizeof(out->principal), "%s", fake.principal);
	out->reply = strdup("cmVwbHk=");
	return FAS_OK;
}

void
accepted_done(struct accepted *accepted)
{
	free(accepted->reply);
}

/* A keytab of this name is no good. */
enum fas_code
acceptor_new(const char *principal, const char *keytab, const char *replay_cache,
    struct acceptor **out, struct fas_err *e)
{
	static char one;
	if (strstr(keytab, "wrong"))
		return fas_fail(e, FAS_E_CONFIG, "kerberos_keytab", "%s %s %s", principal, keytab,
		    replay_cache);
	fake.acceptors++;
	*out = (struct acceptor *)(void *)&one;
	return FAS_OK;
}

void
acceptor_free(struct acceptor *acceptor)
{
	if (acceptor)
		fake.acceptors--;
}

enum fas_code
directory_machine(struct directory *directory, const char *realm, const char *sam, int64_t now_s,
    struct machine *out, struct fas_err *e)
{
	(void)directory;
	(void)now_s;
	(void)snprintf(fake.realm, sizeof(fake.realm), "%s", realm);
	(void)snprintf(fake.sam, sizeof(fake.sam), "%s", sam);
	*out = (struct machine){0};
	if (fake.found != FAS_OK)
		return fas_fail(e, fake.found, fake.reason, "made up");
	out->account = calloc(1, sizeof(*out->account));
	(void)snprintf(
	    out->account->sam_account_name, sizeof(out->account->sam_account_name), "%s", sam);
	(void)snprintf(out->dns_name, sizeof(out->dns_name), "%s", fake.dns_name);
	out->account->sid = fake.account_sid;
	return FAS_OK;
}

void
machine_done(struct machine *machine)
{
	free(machine->account);
}

enum fas_code
machine_check(const struct machine *machine, struct fas_err *e)
{
	(void)machine;
	return fake.state == FAS_OK ? FAS_OK : fas_fail(e, fake.state, fake.reason, "made up");
}

/* A rule fits by the unit's name alone: each host is below OU=Hosts. */
bool
machine_is_below(const struct machine *machine, const char *container)
{
	return strncmp(machine->dns_name, "vda", 3) == 0 && strcmp(container, "OU=Hosts") == 0;
}

enum fas_code
directory_check_dn(const char *text, struct fas_err *e)
{
	(void)text;
	(void)e;
	return FAS_OK;
}

enum fas_code
directory_group(struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	(void)directory;
	(void)out;
	return fas_fail(e, FAS_E_NOTFOUND, "group_not_found", "%s", name);
}

bool
account_is_member(const struct account *account, const struct sid *sid)
{
	(void)account;
	(void)sid;
	return false;
}

static struct yaml_doc *doc;
static struct negotiator negotiator;

static int
set_up(void **state)
{
	static const char rules[] = "[{role: host, ou: OU=Hosts}]";
	struct fas_err e = {0};
	(void)state;
	if (yaml_parse("m.yaml", rules, strlen(rules), &doc, &e) != FAS_OK ||
	    machines_load(yaml_root(doc), &negotiator.machines, &e) != FAS_OK)
		return -1;
	memset(&fake, 0, sizeof(fake));
	fake.principal = "VDA1$@CORP.EXAMPLE.COM";
	fake.dns_name = "vda1.corp.example.com";
	fake.ticket_sid = fake.account_sid = sid_1105;
	negotiator.ticket_sid_required = true;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	machines_free(negotiator.machines);
	yaml_doc_free(doc);
	return 0;
}

static enum fas_code
accept_one(struct http_negotiated *out, struct fas_err *e)
{
	OWN(text) char *reply = NULL;
	static const uint8_t binding[] = "b";
	*e = (struct fas_err){0};
	enum fas_code rc = negotiate_accept(&negotiator, "t", binding, 1, out, &reply, e);
	assert_int_equal(reply != NULL, rc == FAS_OK);
	return rc;
}

static void
refused(enum fas_code code, const char *reason)
{
	struct http_negotiated n = {0};
	struct fas_err e;
	enum fas_code rc = accept_one(&n, &e);
	assert_string_equal(e.reason, reason);
	assert_int_equal(rc, code);
	assert_int_equal(n.caller.kind, CALLER_NONE);
}

static void
a_machine_with_a_rule_is_a_caller_for_as_long_as_its_ticket_lives(void **state)
{
	struct http_negotiated n = {0};
	struct fas_err e;
	int64_t now_s = clock_now();
	(void)state;
	assert_int_equal(accept_one(&n, &e), FAS_OK);
	assert_string_equal(fake.realm, "CORP.EXAMPLE.COM");
	assert_string_equal(fake.sam, "VDA1$");
	assert_int_equal(n.caller.kind, CALLER_KERBEROS);
	assert_int_equal(n.caller.role, ROLE_HOST);
	assert_string_equal(n.caller.name, "vda1.corp.example.com");
	assert_int_equal(strlen(n.caller.credential), 40);
	assert_in_range(n.caller.not_after_s, now_s + 600, now_s + 602);
	assert_string_equal(n.principal, "VDA1$@CORP.EXAMPLE.COM");
}

static void
a_ticket_that_is_refused_asks_the_directory_nothing(void **state)
{
	(void)state;
	fake.ticket = FAS_E_AUTH;
	refused(FAS_E_AUTH, "caller_ticket");
	assert_string_equal(fake.sam, "");
}

static void
a_user_is_no_machine_whatever_the_directory_would_say(void **state)
{
	(void)state;
	fake.principal = "alice@CORP.EXAMPLE.COM";
	refused(FAS_E_AUTH, "caller_not_machine");
	fake.principal = "host/vda1.corp.example.com@CORP.EXAMPLE.COM";
	refused(FAS_E_AUTH, "caller_not_machine");
	assert_string_equal(fake.sam, "");
}

static void
each_refusal_of_the_directory_keeps_its_reason(void **state)
{
	(void)state;
	fake.found = FAS_E_DENIED;
	fake.reason = "machine_not_found";
	refused(FAS_E_DENIED, "machine_not_found");
	fake.reason = "entry_malformed";
	refused(FAS_E_DENIED, "machine_account");
	fake.found = FAS_E_UNAVAILABLE;
	fake.reason = "directory_away";
	refused(FAS_E_UNAVAILABLE, "directory_away");
	fake.found = FAS_OK;
	fake.state = FAS_E_DENIED;
	fake.reason = "machine_disabled";
	refused(FAS_E_DENIED, "machine_disabled");
}

static void
a_machine_without_a_rule_is_refused(void **state)
{
	(void)state;
	fake.dns_name = "printer.corp.example.com";
	refused(FAS_E_DENIED, "machine_no_rule");
}

static void
a_second_look_finds_what_has_changed(void **state)
{
	struct http_negotiated n = {0};
	struct fas_err e;
	(void)state;
	assert_int_equal(accept_one(&n, &e), FAS_OK);
	n.checked_s = 0;
	assert_int_equal(negotiate_recheck(&negotiator, &n, &e), FAS_OK);
	assert_int_not_equal(n.checked_s, 0);
	fake.dns_name = "vda2.corp.example.com";
	assert_int_equal(negotiate_recheck(&negotiator, &n, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "machine_changed");
	assert_string_equal(n.caller.name, "vda1.corp.example.com");
	e = (struct fas_err){0};
	fake.dns_name = "printer.corp.example.com";
	assert_int_equal(negotiate_recheck(&negotiator, &n, &e), FAS_E_DENIED);
	e = (struct fas_err){0};
	fake.state = FAS_E_DENIED;
	fake.reason = "machine_disabled";
	assert_int_equal(negotiate_recheck(&negotiator, &n, &e), FAS_E_DENIED);
	assert_string_equal(e.reason, "machine_disabled");
}

/* ---- the account's SID ---- */

static void
a_ticket_of_an_account_that_was_made_anew_is_refused(void **state)
{
	(void)state;
	fake.account_sid = sid_1106;
	refused(FAS_E_AUTH, "machine_sid");
	negotiator.ticket_sid_required = false;
	refused(FAS_E_AUTH, "machine_sid");
}

static void
a_ticket_without_a_sid_is_refused_unless_it_is_optional(void **state)
{
	struct http_negotiated n = {0};
	struct fas_err e;
	(void)state;
	fake.ticket_sid = (struct sid){0};
	refused(FAS_E_AUTH, "caller_pac");
	negotiator.ticket_sid_required = false;
	assert_int_equal(accept_one(&n, &e), FAS_OK);
	assert_true(sid_equal(&n.sid, &sid_1105));
}

static void
an_account_that_is_made_anew_stops_on_its_kept_connection(void **state)
{
	struct http_negotiated n = {0};
	struct fas_err e;
	(void)state;
	assert_int_equal(accept_one(&n, &e), FAS_OK);
	fake.account_sid = sid_1106;
	assert_int_equal(negotiate_recheck(&negotiator, &n, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "machine_changed");
}

/* ---- as the file says, and as it says later ---- */

#define HEAD                                                                                       \
	"node: fas1\nstate: .\npolicy: p\nsigner: {socket: x}\npublic_folder: p\n"                 \
	"admin: {socket: a.sock}\n"                                                                \
	"listen: {api: ['127.0.0.1:1'], public: ['127.0.0.1:2'], ops: ['127.0.0.1:3']}\n"          \
	"identity_providers: [{name: okta}]\ndomains: [{name: example.com}]\n"
#define KERBEROS "kerberos: {principal: HTTP/a.b@C, keytab: http.keytab, recheck: 7s}\n"
#define HOSTS "machines: [{role: host, ou: OU=Hosts}]\n"

static char folder[] = "/tmp/fas-negotiation-XXXXXX";

static const char *
write_config(const char *text)
{
	static char path[64];
	struct fas_err e = {0};
	(void)snprintf(path, sizeof(path), "%s/fasd.yaml", folder);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &e), FAS_OK);
	return path;
}

static enum fas_code
load(struct negotiation *n, const char *text, const char *reason)
{
	struct fas_err e = {0};
	enum fas_code rc = negotiation_load(n, write_config(text), &e);
	assert_string_equal(reason ? reason : "", e.reason);
	return rc;
}

static struct http_terms
terms_of(const struct negotiation *n)
{
	const struct http_negotiation *http = negotiation_http(n);
	return http->terms(http->arg);
}

static enum fas_code
accept_by(const struct negotiation *n, struct http_negotiated *out, struct fas_err *e)
{
	OWN(text) char *reply = NULL;
	const struct http_negotiation *http = negotiation_http(n);
	*e = (struct fas_err){0};
	return http->accept(http->arg, "t", (const uint8_t *)"b", 1, out, &reply, e);
}

static void
without_kerberos_in_the_file_nothing_is_negotiated(void **state)
{
	OWN(negotiation) struct negotiation *n = NULL;
	struct http_negotiated made = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(negotiation_new(NULL, &n, &e), FAS_OK);
	assert_int_equal(load(n, HEAD, NULL), FAS_OK);
	assert_false(terms_of(n).on);
	assert_int_equal(accept_by(n, &made, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "caller_required");
}

static void
what_is_loaded_anew_judges_from_then_on(void **state)
{
	OWN(negotiation) struct negotiation *n = NULL;
	struct http_negotiated made = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(negotiation_new(NULL, &n, &e), FAS_OK);
	assert_int_equal(load(n, HEAD KERBEROS HOSTS, NULL), FAS_OK);
	struct http_terms first = terms_of(n);
	assert_true(first.on && first.recheck_s == 7);
	assert_int_equal(accept_by(n, &made, &e), FAS_OK);
	assert_int_equal(made.generation, first.generation);
	assert_int_equal(made.caller.role, ROLE_HOST);
	assert_int_equal(
	    load(n, HEAD KERBEROS "machines: [{role: storefront, ou: OU=Hosts}]\n", NULL), FAS_OK);
	assert_int_not_equal(terms_of(n).generation, first.generation);
	const struct http_negotiation *http = negotiation_http(n);
	assert_int_equal(http->recheck(http->arg, &made, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "machine_changed");
	assert_int_equal(accept_by(n, &made, &e), FAS_OK);
	assert_int_equal(made.caller.role, ROLE_STOREFRONT);
	assert_int_equal(load(n, HEAD, NULL), FAS_OK);
	assert_false(terms_of(n).on);
	assert_int_equal(fake.acceptors, 0);
}

static void
a_file_with_a_fault_leaves_in_force_what_was(void **state)
{
	static const struct {
		const char *text, *reason;
	} faults[] = {
	    {HEAD KERBEROS "machines: [{role: host, uo: OU=Hosts}]\n", "yaml_missing_key"},
	    {HEAD KERBEROS, "yaml_missing_key"}, {"node: [\n", "yaml_malformed"},
	    {HEAD "kerberos: {principal: HTTP/a.b@C, keytab: wrong.keytab}\n" HOSTS,
		"kerberos_keytab"}};
	OWN(negotiation) struct negotiation *n = NULL;
	struct http_negotiated made = {0};
	struct fas_err e = {0};
	(void)state;
	assert_int_equal(negotiation_new(NULL, &n, &e), FAS_OK);
	assert_int_equal(load(n, HEAD KERBEROS HOSTS, NULL), FAS_OK);
	uint64_t generation = terms_of(n).generation;
	for (size_t i = 0; i < NELEMS(faults); i++)
		assert_int_equal(load(n, faults[i].text, faults[i].reason), FAS_E_CONFIG);
	assert_int_equal(terms_of(n).generation, generation);
	assert_int_equal(accept_by(n, &made, &e), FAS_OK);
	assert_int_equal(fake.acceptors, 1);
}

static void
the_ticket_sid_is_required_unless_the_file_says_otherwise(void **state)
{
	OWN(negotiation) struct negotiation *n = NULL;
	struct http_negotiated made = {0};
	struct fas_err e = {0};
	(void)state;
	fake.ticket_sid = (struct sid){0};
	assert_int_equal(negotiation_new(NULL, &n, &e), FAS_OK);
	assert_int_equal(load(n, HEAD KERBEROS HOSTS, NULL), FAS_OK);
	assert_int_equal(accept_by(n, &made, &e), FAS_E_AUTH);
	assert_string_equal(e.reason, "caller_pac");
	assert_int_equal(load(n,
			     HEAD HOSTS "kerberos: {principal: HTTP/a.b@C, keytab: k, "
					"ticket_sid: optional}\n",
			     NULL),
	    FAS_OK);
	assert_int_equal(accept_by(n, &made, &e), FAS_OK);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char path[64];
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/fasd.yaml", folder);
	(void)unlink(path);
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_machine_with_a_rule_is_a_caller_for_as_long_as_its_ticket_lives),
	    TEST(a_ticket_that_is_refused_asks_the_directory_nothing),
	    TEST(a_user_is_no_machine_whatever_the_directory_would_say),
	    TEST(each_refusal_of_the_directory_keeps_its_reason),
	    TEST(a_machine_without_a_rule_is_refused),
	    TEST(a_second_look_finds_what_has_changed),
	    TEST(a_ticket_of_an_account_that_was_made_anew_is_refused),
	    TEST(a_ticket_without_a_sid_is_refused_unless_it_is_optional),
	    TEST(an_account_that_is_made_anew_stops_on_its_kept_connection),
	    TEST(without_kerberos_in_the_file_nothing_is_negotiated),
	    TEST(what_is_loaded_anew_judges_from_then_on),
	    TEST(a_file_with_a_fault_leaves_in_force_what_was),
	    TEST(the_ticket_sid_is_required_unless_the_file_says_otherwise),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
