/*
 * What a caller without a certificate sends: Authorization: Negotiate, its token, the name in its ticket.
 *
 *     byte 0    how the token comes about: a good one for VDA1$, or (0x80) the bytes of the input
 *     then      edits of the good one, 4 bytes each: place (2), kind, value
 *     or        a header's value and a principal's name, line by line, then the token's bytes
 *
 * The differential oracle: a token that was edited is accepted only as its own client's, on this channel, and once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fas/acceptor.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/http/exchange.h"
#include "fas/machines.h"
#include "tests/fuzz/fuzz.h"
#include "tickets.h"

#define CLIENT "VDA1$@" TICKETS_REALM
#define RAW 0x80 /* of byte 0 */
#define TOKEN_MAX 8192
#define EDITS_PER_INPUT 8
#define INPUTS_PER_CACHE 20000

static const uint8_t channel[] = "tls-server-end-point:this",
		     other[] = "tls-server-end-point:other";
static struct tickets tickets;
static struct acceptor *acceptor;

static void
tear_down(void)
{
	acceptor_free(acceptor);
	tickets_done(&tickets);
}

static void
set_up(void)
{
	struct fas_err e = {0};
	FUZZ_CHECK(tickets_init(&tickets, fuzz_folder()));
	FUZZ_CHECK(acceptor_new(TICKETS_SERVICE, tickets.keytab, tickets.replay_cache, &acceptor,
		       &e) == FAS_OK);
	FUZZ_CHECK(atexit(tear_down) == 0);
}

/* ---- tokens ---- */

/* Accepted or not, and if so, who it is. */
static bool
accept_token(const char *text, char principal[PRINCIPAL_TEXT_MAX])
{
	OWN(accepted) struct accepted accepted = {0};
	struct fas_err e = {0};
	enum fas_code rc = acceptor_accept(acceptor, text, channel, sizeof(channel), &accepted, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK) {
		FUZZ_CHECK(rc == FAS_E_AUTH && strncmp(e.reason, "caller_", 7) == 0);
		FUZZ_CHECK(!accepted.principal[0] && !accepted.reply);
		return false;
	}
	FUZZ_CHECK(accepted.life_s > 0 && accepted.life_s <= 3600 + 300);
	(void)snprintf(principal, PRINCIPAL_TEXT_MAX, "%s", accepted.principal);
	return true;
}

/* The client's own, whatever was done to its token; nobody's a second time. */
static void
try_token(const uint8_t *bytes, size_t len, bool may_be_good)
{
	char principal[PRINCIPAL_TEXT_MAX] = "", again[PRINCIPAL_TEXT_MAX];
	OWN(text) char *text = base64_encode(bytes, len);
	FUZZ_CHECK(text);
	if (!accept_token(text, principal))
		return;
	FUZZ_CHECK(may_be_good && strcmp(principal, CLIENT) == 0);
	FUZZ_CHECK(!accept_token(text, again));
}

static size_t
edit(uint8_t *token, size_t len, struct fuzz_input *in)
{
	size_t place = fuzz_below(in, 65536) % (len + 1);
	uint8_t kind = fuzz_byte(in), value = fuzz_byte(in);
	size_t n = 1 + value % 16;
	switch (kind % 4) {
	case 0:
		if (place < len)
			token[place] = value;
		return len;
	case 1:
		if (place < len)
			token[place] ^= (uint8_t)(1U << value % 8);
		return len;
	case 2:
		n = n < len - place ? n : len - place;
		memmove(token + place, token + place + n, len - place - n);
		return len - n;
	default:
		if (len == TOKEN_MAX)
			return len;
		memmove(token + place + 1, token + place, len - place);
		token[place] = value;
		return len + 1;
	}
}

static void
try_edited(uint8_t how, struct fuzz_input *in)
{
	static uint8_t token[TOKEN_MAX];
	const struct ticket_spec spec = {.client = CLIENT,
	    .spnego = how & 1,
	    .foreign_key = (how & 0x0e) == 0x0e,
	    .binding = how & 2 ? how & 4 ? other : channel : NULL,
	    .binding_len = how & 4 ? sizeof(other) : sizeof(channel)};
	size_t len = 0;
	OWN(bytes) uint8_t *made = tickets_token(&tickets, &spec, &len);
	FUZZ_CHECK(made && len <= TOKEN_MAX);
	memcpy(token, made, len);
	bool edited = in->left > 0;
	for (int i = 0; i < EDITS_PER_INPUT && in->left > 0; i++)
		len = edit(token, len, in);
	bool good = !spec.foreign_key && spec.binding != other;
	/* What is not edited has to be accepted, or no claim of this target would mean anything. */
	if (!edited && good) {
		char principal[PRINCIPAL_TEXT_MAX];
		OWN(text) char *text = base64_encode(token, len);
		FUZZ_CHECK(text && accept_token(text, principal));
	}
	try_token(token, len, good);
}

/* ---- texts ---- */

static void
try_header(const char *header)
{
	const char *token = negotiate_find_token(header);
	if (!token)
		return;
	FUZZ_CHECK(token >= header + 10 && token <= header + strlen(header));
	FUZZ_CHECK(strncasecmp(header, "negotiate ", 10) == 0 && *token != ' ');
}

static void
try_principal(const char *principal)
{
	char sam[SAM_ACCOUNT_NAME_MAX], realm[HOSTNAME_MAX + 1];
	if (!machine_principal_parse(principal, sam, realm))
		return;
	size_t len = strlen(sam);
	FUZZ_CHECK(len > 1 && sam[len - 1] == '$' && !strpbrk(sam, "/@\\"));
	FUZZ_CHECK(hostname_is_valid(realm));
	FUZZ_CHECK(strncmp(principal, sam, len) == 0 && principal[len] == '@');
	FUZZ_CHECK(strcmp(principal + len + 1, realm) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;
	struct fuzz_input in = {data, size};
	if (!acceptor)
		set_up();
	if (++inputs % INPUTS_PER_CACHE == 0)
		(void)unlink(tickets.replay_cache);
	uint8_t how = fuzz_byte(&in);
	if (!(how & RAW)) {
		try_edited(how, &in);
		return 0;
	}
	OWN(text) char *header = fuzz_text(&in, '\n');
	OWN(text) char *principal = fuzz_text(&in, '\n');
	try_header(header);
	try_principal(principal);
	try_token(in.at, in.left, false);
	return 0;
}
