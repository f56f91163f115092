/* Tokens at GSSAPI's door: of the wrong kind, and such as a KDC's tickets lead to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/acceptor.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "tickets.h"

#define CLIENT "VDA1$@" TICKETS_REALM

static const uint8_t binding[] = "tls-server-end-point:x";
static struct tickets tickets;
static struct acceptor *acceptor;

static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	if (!tickets_init(&tickets, "/tmp"))
		return -1;
	return acceptor_new(TICKETS_SERVICE, tickets.keytab, tickets.replay_cache, &acceptor, &e) ==
		       FAS_OK
		   ? 0
		   : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	acceptor_free(acceptor);
	tickets_done(&tickets);
	return 0;
}

static void
refused_text(const char *token, const char *reason)
{
	OWN(accepted) struct accepted accepted = {0};
	struct fas_err e = {0};
	assert_int_equal(
	    acceptor_accept(acceptor, token, binding, sizeof(binding), &accepted, &e), FAS_E_AUTH);
	if (reason)
		assert_string_equal(e.reason, reason);
	assert_string_equal(accepted.principal, "");
	assert_null(accepted.reply);
}

static void
refused_bytes(const void *bytes, size_t len, const char *reason)
{
	OWN(text) char *token = base64_encode(bytes, len);
	refused_text(token, reason);
}

static void
what_is_no_base64_is_refused(void **state)
{
	(void)state;
	refused_text("", "caller_negotiate");
	refused_text("!!!!", "caller_negotiate");
	refused_text("AA=A", "caller_negotiate");
	refused_text("Z29v ZA==", "caller_negotiate");
}

static void
a_token_beyond_all_measure_is_refused(void **state)
{
	size_t len = 100000;
	OWN(text) char *token = malloc(len + 1);
	(void)state;
	assert_non_null(token);
	memset(token, 'A', len);
	token[len] = 0;
	refused_text(token, "caller_negotiate");
}

static void
ntlm_is_refused_bare_and_in_spnego(void **state)
{
	static const char bare[] = "NTLMSSP\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	/* NegTokenInit of one mechanism: 1.3.6.1.4.1.311.2.2.10 (RFC 4178 4.2.1). */
	static const uint8_t spnego[] = {0x60, 0x1c, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02,
	    0xa0, 0x12, 0x30, 0x10, 0xa0, 0x0e, 0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04,
	    0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
	(void)state;
	refused_bytes(bare, sizeof(bare), "caller_negotiate");
	refused_bytes(spnego, sizeof(spnego), "caller_negotiate");
}

/* A client that offers Kerberos without a token wants a second round. */
static void
an_offer_without_a_token_is_refused(void **state)
{
	static const uint8_t spnego[] = {0x60, 0x1b, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02,
	    0xa0, 0x11, 0x30, 0x0f, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	    0xf7, 0x12, 0x01, 0x02, 0x02};
	(void)state;
	refused_bytes(spnego, sizeof(spnego), "caller_negotiate");
}

static void
every_cut_of_a_token_is_refused(void **state)
{
	static const uint8_t spnego[] = {0x60, 0x1b, 0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02,
	    0xa0, 0x11, 0x30, 0x0f, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
	    0xf7, 0x12, 0x01, 0x02, 0x02};
	(void)state;
	for (size_t len = 1; len < sizeof(spnego); len++)
		refused_bytes(spnego, len, NULL); /* in whichever of the library's words */
}

/* ---- tickets ---- */

static char *
token_of(const struct ticket_spec *spec)
{
	size_t len = 0;
	OWN(bytes) uint8_t *bytes = tickets_token(&tickets, spec, &len);
	assert_non_null(bytes);
	return base64_encode(bytes, len);
}

static void
accepted(const char *token)
{
	OWN(accepted) struct accepted accepted = {0};
	struct fas_err e = {0};
	enum fas_code rc =
	    acceptor_accept(acceptor, token, binding, sizeof(binding), &accepted, &e);
	assert_string_equal(e.message, "");
	assert_int_equal(rc, FAS_OK);
	assert_string_equal(accepted.principal, CLIENT);
	assert_true(accepted.life_s > 3000 && accepted.life_s <= 3600 + 300);
	assert_non_null(accepted.reply);
}

static void
a_ticket_is_taken_once_bare_and_in_spnego(void **state)
{
	(void)state;
	for (int spnego = 0; spnego <= 1; spnego++) {
		OWN(text)
		char *token = token_of(&(struct ticket_spec){.client = CLIENT, .spnego = spnego});
		accepted(token);
		refused_text(token, "caller_replayed");
	}
}

static void
a_binding_is_this_channels_or_refused(void **state)
{
	static const uint8_t other[] = "tls-server-end-point:y";
	struct ticket_spec spec = {
	    .client = CLIENT, .spnego = true, .binding = binding, .binding_len = sizeof(binding)};
	(void)state;
	OWN(text) char *right = token_of(&spec);
	spec.binding = other;
	OWN(text) char *wrong = token_of(&spec);
	accepted(right);
	refused_text(wrong, "caller_binding");
}

static void
a_ticket_of_another_kdc_or_time_is_refused(void **state)
{
	static const struct ticket_spec wrong[] = {
	    {.client = CLIENT, .foreign_key = true},
	    {.client = CLIENT, .began_s = -1200},
	    {.client = CLIENT, .began_s = 3600 + 600},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		OWN(text) char *token = token_of(&wrong[i]);
		refused_text(token, "caller_ticket");
	}
}

/* The name stands outside the seal: whoever holds the ticket could write another. */
static void
the_key_opens_a_ticket_and_not_the_name(void **state)
{
	const struct ticket_spec spec = {
	    .client = CLIENT, .service = "HTTP/alias.corp.example.com@" TICKETS_REALM};
	(void)state;
	OWN(text) char *token = token_of(&spec);
	accepted(token);
}

static void
a_client_that_is_nobody_is_refused(void **state)
{
	const struct ticket_spec spec = {.client = "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS"};
	(void)state;
	OWN(text) char *token = token_of(&spec);
	refused_text(token, "caller_negotiate");
}

static void
a_keytab_without_the_key_is_said(void **state)
{
	static const struct {
		const char *principal, *file;
	} wrong[] = {{"HTTP/other.corp.example.com@CORP.EXAMPLE.COM", tickets.keytab},
	    {TICKETS_SERVICE, "/nonexistent/keytab"}, {TICKETS_SERVICE, tickets.conf}};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct acceptor *none = NULL;
		struct fas_err e = {0};
		assert_int_equal(acceptor_new(wrong[i].principal, wrong[i].file,
				     tickets.replay_cache, &none, &e),
		    FAS_E_CONFIG);
		assert_string_equal(e.reason, "kerberos_keytab");
		assert_non_null(strstr(e.message, wrong[i].principal));
		assert_null(none);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_no_base64_is_refused),
	    cmocka_unit_test(a_token_beyond_all_measure_is_refused),
	    cmocka_unit_test(ntlm_is_refused_bare_and_in_spnego),
	    cmocka_unit_test(an_offer_without_a_token_is_refused),
	    cmocka_unit_test(every_cut_of_a_token_is_refused),
	    cmocka_unit_test(a_ticket_is_taken_once_bare_and_in_spnego),
	    cmocka_unit_test(a_binding_is_this_channels_or_refused),
	    cmocka_unit_test(a_ticket_of_another_kdc_or_time_is_refused),
	    cmocka_unit_test(the_key_opens_a_ticket_and_not_the_name),
	    cmocka_unit_test(a_client_that_is_nobody_is_refused),
	    cmocka_unit_test(a_keytab_without_the_key_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
