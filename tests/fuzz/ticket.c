/* Tickets, tokens and ids as foreigners hand them in, and the rows that a damaged database may hold. */
#include <stdlib.h>
#include <string.h>

#include "ca/token.h"
#include "fas/agent/session_file.h"
#include "fas/base/text.h"
#include "fas/plan.h"
#include "tests/fuzz/fuzz.h"

/* fas/agent/token.h bears the name of the signer's; this is its one function. */
MUST_CHECK enum fas_code token_fingerprint(const char *token, uint8_t out[32], struct fas_err *e);

static void
try_ticket(const char *text)
{
	uint8_t hash[TICKET_HASH_BYTES], again[TICKET_HASH_BYTES];
	struct fas_err e = {0}, e_other = {0};
	enum fas_code rc = ticket_read("fas1", text, hash, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK) {
		FUZZ_CHECK(strlen(text) < TICKET_TEXT_MAX && strncmp(text, "fas1-", 5) == 0);
		FUZZ_CHECK(ticket_read("fas1", text, again, &e) == FAS_OK);
		FUZZ_CHECK(memcmp(hash, again, sizeof(hash)) == 0);
		FUZZ_CHECK(ticket_read("fas2", text, again, &e_other) == FAS_E_AUTH);
		FUZZ_CHECK(strcmp(e_other.reason, "ticket_other_node") == 0);
	} else {
		/* The message may name a node, never the ticket. */
		FUZZ_CHECK(rc == FAS_E_AUTH && strncmp(e.reason, "ticket_", 7) == 0);
		FUZZ_CHECK(strlen(text) < 24 || !strstr(e.message, text));
	}
}

static void
try_token(const char *text)
{
	uint8_t hash[STORE_DIGEST], fingerprint[32];
	char hex[65];
	struct fas_err e = {0}, e_agent = {0};
	enum fas_code signer = token_hash(text, hash, &e);
	enum fas_code agent = token_fingerprint(text, fingerprint, &e_agent);
	fuzz_check_result(signer, &e);
	fuzz_check_result(agent, &e_agent);
	FUZZ_CHECK(
	    strlen(text) < 24 || (!strstr(e.message, text) && !strstr(e_agent.message, text)));
	/* The signer looks at the length and finds the rest by its hash; the agent needs the fingerprint. */
	FUZZ_CHECK(signer != FAS_OK || strlen(text) < TOKEN_TEXT_MAX);
	if (agent == FAS_OK)
		FUZZ_CHECK(ascii_equal_nocase(
		    hex_encode(fingerprint, sizeof(fingerprint), hex), strrchr(text, '.') + 1));
}

static void
try_ids(const char *text)
{
	if (session_id_is_valid(text))
		FUZZ_CHECK(!strpbrk(text, "/.%? \n") && strlen(text) < AGENT_SESSION_ID_MAX);
	if (correlation_id_is_valid(text))
		FUZZ_CHECK(strlen(text) == CORRELATION_ID_MAX - 1);
	if (node_name_is_valid(text))
		FUZZ_CHECK(strlen(text) <= NODE_NAME_MAX);
}

static void
try_facts(const char *text)
{
	OWN(facts) struct facts facts = {0}, again = {0};
	struct fas_err e = {0};
	enum fas_code rc = facts_parse(text, &facts, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK) {
		FUZZ_CHECK(strcmp(e.reason, "database_corrupt") == 0);
		return;
	}
	OWN(text) char *written = facts_format(&facts);
	FUZZ_CHECK(written && facts_parse(written, &again, &e) == FAS_OK);
	FUZZ_CHECK(strcmp(facts.idp, again.idp) == 0 && facts.front_end == again.front_end);
	FUZZ_CHECK(sid_equal(&facts.account_sid, &again.account_sid));
	FUZZ_CHECK(facts.has_upn == again.has_upn && facts.has_sid == again.has_sid);
}

static void
try_plan(char *text)
{
	OWN(plan) struct plan plan = {0}, again = {0};
	struct ticket ticket = {.id = 7,
	    .correlation_id = "0123456789abcdef0123456789abcdef",
	    .host = "vda1.corp.example.com",
	    .redeemer = "vda1.corp.example.com",
	    .session = "5e55",
	    .issue = text};
	struct fas_err e = {0};
	enum fas_code rc = plan_parse(&ticket, &plan, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK) {
		FUZZ_CHECK(strcmp(e.reason, "database_corrupt") == 0);
		return;
	}
	OWN(text) char *written = plan_format(&plan);
	FUZZ_CHECK(written);
	ticket.issue = written;
	FUZZ_CHECK(plan_parse(&ticket, &again, &e) == FAS_OK);
	FUZZ_CHECK(plan.spki_len == again.spki_len && plan.validity_s == again.validity_s);
	FUZZ_CHECK(sid_equal(&plan.sid, &again.sid) && plan.subject.n == again.subject.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	OWN(text) char *text = fuzz_text(&in, 0);
	try_ticket(text);
	try_token(text);
	try_ids(text);
	try_facts(text);
	try_plan(text);
	return 0;
}
