/* Parsers and builders without memory: an error of ours, never one of the sender's, and nothing left behind. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ca/csr.h"
#include "fas/base/dn.h"
#include "fas/base/text.h"
#include "fas/facts.h"
#include "fas/plan.h"
#include "ldap/account.h"
#include "ldap/entry.h"
#include "tests/unit/faults/faults.h"
#include "tests/unit/ldap/ldap_fixture.h"
#include "tests/unit/pipeline/world.h"

/* ---- certification requests ---- */

static enum fas_code
run_csr(void *arg, struct fas_err *e)
{
	OWN(bytes) uint8_t *spki = NULL;
	size_t len = 0;
	enum csr_key key = 0;
	unsigned bits = 0;
	enum fas_code rc = csr_parse(arg, &spki, &len, &key, &bits, e);
	assert_true((rc == FAS_OK) == (spki != NULL));
	return rc;
}

static void
csr_is_not_blamed_for_our_memory(void **state)
{
	(void)state;
	OWN(text) char *csr = new_csr();
	const struct fault_case c = {.run = run_csr};
	(void)faults_each(FAULT_MEMORY, &c, csr);
}

/* ---- the directory's entries ---- */

static enum fas_code
run_account(void *arg, struct fas_err *e)
{
	struct account *account = NULL;
	const struct fake *fake = arg;
	enum fas_code rc = account_build(&fake->entry, &fake_domain, FAKE_NOW, &account, e);
	assert_true((rc == FAS_OK) == (account != NULL));
	account_free(account);
	return rc;
}

static void
account_is_whole_or_not_there(void **state)
{
	static struct fake fake;
	const struct fault_case c = {.run = run_account};
	(void)state;
	fake_alice(&fake);
	(void)faults_each(FAULT_MEMORY, &c, &fake);
	fake_remove(&fake, "userPrincipalName"); /* the implicit one is put together */
	(void)faults_each(FAULT_MEMORY, &c, &fake);
}

/* ---- what a search has brought ---- */

static LDAP *ld;

/* ldap.h has it only with LDAP_DEPRECATED. */
int ldap_init_fd(ber_socket_t fd, int proto, const char *url, LDAP **ld);
#define PROTO_TCP 1

/* One entry and the end, as a controller sends them (RFC 4511 4.5.2). */
static LDAPMessage *
search_result(int peer)
{
	struct berval *bytes = NULL;
	LDAPMessage *result = NULL;
	int id = 0;
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	assert_int_equal(ldap_search_ext(ld, "DC=corp", LDAP_SCOPE_SUBTREE, "(a=b)", NULL, 0, NULL,
			     NULL, NULL, 0, &id),
	    LDAP_SUCCESS);
	assert_true(
	    ber_printf(ber, "{it{s{{s[ss]}{s[s]}}}}", id, LDAP_RES_SEARCH_ENTRY, "CN=alice,DC=corp",
		"objectClass", "user", "person", "sAMAccountName", "alice") >= 0);
	assert_true(
	    ber_printf(ber, "{it{ess}}", id, LDAP_RES_SEARCH_RESULT, LDAP_SUCCESS, "", "") >= 0);
	assert_int_equal(ber_flatten(ber, &bytes), 0);
	assert_int_equal(write(peer, bytes->bv_val, bytes->bv_len), (ssize_t)bytes->bv_len);
	assert_int_equal(ldap_result(ld, id, LDAP_MSG_ALL, NULL, &result), LDAP_RES_SEARCH_RESULT);
	ber_bvfree(bytes);
	ber_free(ber, 1);
	return result;
}

static enum fas_code
run_entries(void *arg, struct fas_err *e)
{
	static struct entries entries;
	entries = (struct entries){0};
	enum fas_code rc = entries_copy(&entries, ld, arg, e);
	if (rc == FAS_OK) {
		assert_int_equal(entries.n, 1);
		assert_int_equal(entry_attribute(&entries.items[0], "objectClass")->n, 2);
		assert_true(entry_has_value(&entries.items[0], "sAMAccountName", "alice"));
	}
	entries_done(&entries);
	return rc;
}

static void
entries_are_whole_or_not_there(void **state)
{
	const struct fault_case c = {.run = run_entries};
	const int version = LDAP_VERSION3;
	int fds[2];
	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(ldap_init_fd(fds[0], PROTO_TCP, "ldap://dc1.corp.example.com", &ld), 0);
	assert_int_equal(ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version), 0);
	LDAPMessage *result = search_result(fds[1]);
	(void)faults_each(FAULT_MEMORY, &c, result);
	(void)ldap_msgfree(result);
	(void)ldap_unbind_ext(ld, NULL, NULL);
	assert_int_equal(close(fds[1]), 0);
}

/* ---- rows of a ticket ---- */

static const char facts_text[] =
    "{\"idp\":\"okta\",\"storefront\":\"sf1.example.com\",\"sid\":\"S-1-5-21-1-2-3-1104\","
    "\"upn\":\"alice@corp.example.com\",\"guid\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\","
    "\"account_sid\":\"S-1-5-21-1-2-3-1104\",\"session_not_on_or_after\":1800000000,"
    "\"authn_context\":\"urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken\","
    "\"name_id\":\"_7\",\"name_id_format\":"
    "\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\",\"name_qualifier\":\"i\","
    "\"sp_name_qualifier\":\"s\",\"session_index\":\"_s1\",\"email\":\"a@example.com\","
    "\"forest\":\"example.com\",\"domain\":\"CORP\"}";

static enum fas_code
run_facts(void *arg, struct fas_err *e)
{
	OWN(facts) struct facts facts = {0};
	(void)arg;
	enum fas_code rc = facts_parse(facts_text, &facts, e);
	if (rc != FAS_OK)
		return rc;
	assert_non_null(facts.idp);
	assert_non_null(facts.storefront);
	assert_non_null(facts.upn);
	OWN(text) char *text = facts_format(&facts);
	if (!text)
		return fas_fail_nomem(e);
	assert_string_equal(text, facts_text);
	return FAS_OK;
}

static char plan_text[] =
    "{\"authority\":\"main\",\"profile\":\"smartcard-logon\",\"subject\":[[\"DC\",\"com\"],[\"CN\","
    "\"alice\"]],\"spki\":\"AAAA\",\"validity_s\":900,\"upn\":\"alice@corp.example.com\","
    "\"sam_account_name\":\"alice\",\"realm\":\"CORP.EXAMPLE.COM\",\"principal\":"
    "\"alice@CORP.EXAMPLE.COM\",\"rule\":\"eng\",\"revoke_at_end\":true,\"lease_s\":600,"
    "\"created_s\":1800000000,\"expires_s\":1800003600,\"sid\":\"S-1-5-21-1-2-3-1104\",\"policy\":"
    "\"0f0f\",\"in_session\":\"{}\",\"mail\":\"alice@corp.example.com\"}";

static enum fas_code
run_plan(void *arg, struct fas_err *e)
{
	const struct ticket ticket = {.id = 7,
	    .correlation_id = "0123456789abcdef0123456789abcdef",
	    .redeemer = VDA1,
	    .session = "5e55",
	    .issue = plan_text};
	OWN(plan) struct plan plan = {0};
	(void)arg;
	enum fas_code rc = plan_parse(&ticket, &plan, e);
	if (rc != FAS_OK)
		return rc;
	const struct session *s = &plan.session;
	assert_true(plan.authority && plan.profile && plan.spki && plan.subject.n == 2);
	assert_true(s->upn && s->realm && s->principal && s->rule);
	OWN(text) char *text = plan_format(&plan);
	if (!text)
		return fas_fail_nomem(e);
	assert_string_equal(text, plan_text);
	return FAS_OK;
}

static void
a_row_is_not_called_corrupt_for_our_memory(void **state)
{
	const struct fault_case facts = {.run = run_facts}, plan = {.run = run_plan};
	(void)state;
	(void)faults_each(FAULT_MEMORY, &facts, NULL);
	(void)faults_each(FAULT_MEMORY, &plan, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(csr_is_not_blamed_for_our_memory),
	    cmocka_unit_test(account_is_whole_or_not_there),
	    cmocka_unit_test(entries_are_whole_or_not_there),
	    cmocka_unit_test(a_row_is_not_called_corrupt_for_our_memory),
	};
	faults_init();
	return cmocka_run_group_tests_name("parsers without memory", tests, NULL, NULL);
}
