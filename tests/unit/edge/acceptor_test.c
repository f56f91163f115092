/* Tokens of the wrong kind at GSSAPI's door; tickets that are good need a KDC, and are tried end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <krb5.h>

#include "fas/acceptor.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"

#define PRINCIPAL "HTTP/fas1.corp.example.com@CORP.EXAMPLE.COM"

static char folder[] = "/tmp/fas-acceptor-XXXXXX";
static char keytab[64], conf[64], cache[64];
static struct acceptor *acceptor;

static bool
make_keytab(void)
{
	static uint8_t key[32] = {1, 2, 3};
	krb5_context ctx;
	krb5_keytab kt = NULL;
	krb5_keytab_entry entry = {.vno = 1,
	    .key = {.enctype = ENCTYPE_AES256_CTS_HMAC_SHA1_96, .length = 32, .contents = key}};
	if (krb5_init_context(&ctx) != 0)
		return false;
	bool made = krb5_kt_resolve(ctx, keytab, &kt) == 0 &&
		    krb5_parse_name(ctx, PRINCIPAL, &entry.principal) == 0 &&
		    krb5_kt_add_entry(ctx, kt, &entry) == 0;
	krb5_free_principal(ctx, entry.principal);
	if (kt)
		krb5_kt_close(ctx, kt);
	krb5_free_context(ctx);
	return made;
}

static int
set_up(void **state)
{
	static const char text[] = "[libdefaults]\n default_realm = CORP.EXAMPLE.COM\n";
	struct fas_err e = {0};
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(keytab, sizeof(keytab), "%s/keytab", folder);
	(void)snprintf(conf, sizeof(conf), "%s/krb5.conf", folder);
	(void)snprintf(cache, sizeof(cache), "%s/rcache", folder);
	if (file_write_atomic(conf, text, strlen(text), 0600, &e) != FAS_OK ||
	    setenv("KRB5_CONFIG", conf, 1) != 0 || !make_keytab())
		return -1;
	return acceptor_new(PRINCIPAL, keytab, cache, &acceptor, &e) == FAS_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	acceptor_free(acceptor);
	(void)unlink(keytab);
	(void)unlink(conf);
	(void)unlink(cache);
	return rmdir(folder);
}

static void
refused_text(const char *token, const char *reason)
{
	OWN(accepted) struct accepted accepted = {0};
	struct fas_err e = {0};
	static const uint8_t binding[] = "tls-server-end-point:x";
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

static void
a_keytab_without_the_key_is_said(void **state)
{
	static const struct {
		const char *principal, *file;
	} wrong[] = {{"HTTP/other.corp.example.com@CORP.EXAMPLE.COM", keytab},
	    {PRINCIPAL, "/nonexistent/keytab"}, {PRINCIPAL, conf}};
	(void)state;
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		struct acceptor *none = NULL;
		struct fas_err e = {0};
		assert_int_equal(acceptor_new(wrong[i].principal, wrong[i].file, cache, &none, &e),
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
	    cmocka_unit_test(a_keytab_without_the_key_is_said),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
