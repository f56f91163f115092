#include "fas/acceptor.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/pac.h"

#define TOKEN_BYTES_MAX (64 * 1024) /* the largest ticket of a domain (MaxTokenSize) has 48000 */

/* SPNEGO: 1.3.6.1.5.5.2 */
static char spnego_oid[] = "\x2b\x06\x01\x05\x05\x02";
static gss_OID_desc spnego = {sizeof(spnego_oid) - 1, spnego_oid};

struct acceptor {
	gss_cred_id_t credential;
	char replayed
	    [128]; /* libkrb5's words for a replay: GSSAPI hands out its codes under numbers of its own */
};

/* ---- names and words ---- */

/* libkrb5's or the mechanism's words for the failure. */
static void
describe(OM_uint32 code, int type, char *out, size_t size)
{
	OM_uint32 minor, more = 0;
	gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
	if (gss_display_status(&minor, code, type, GSS_C_NO_OID, &more, &text) != GSS_S_COMPLETE)
		return;
	(void)snprintf(out, size, "%.*s", (int)text.length, (const char *)text.value);
	(void)gss_release_buffer(&minor, &text);
}

static enum fas_code
fail_gss(struct fas_err *e, enum fas_code code, const char *reason, const char *what,
    OM_uint32 major, OM_uint32 minor)
{
	char general[160] = "", own[160] = "";
	describe(major, GSS_C_GSS_CODE, general, sizeof(general));
	if (minor != 0)
		describe(minor, GSS_C_MECH_CODE, own, sizeof(own));
	return fas_fail(e, code, reason, "%s: %s%s%s", what, general, own[0] ? ": " : "", own);
}

/* ---- the credential ---- */

/* Said in libkrb5's words, which GSSAPI would not pass on. */
static krb5_error_code
find_key(krb5_context ctx, const char *principal, const char *keytab)
{
	krb5_keytab kt = NULL;
	krb5_principal name = NULL;
	krb5_keytab_entry entry;
	krb5_error_code rc = krb5_parse_name(ctx, principal, &name);
	if (rc == 0)
		rc = krb5_kt_resolve(ctx, keytab, &kt);
	if (rc == 0)
		rc = krb5_kt_get_entry(ctx, kt, name, 0, 0, &entry);
	if (rc == 0)
		krb5_free_keytab_entry_contents(ctx, &entry);
	if (kt)
		krb5_kt_close(ctx, kt);
	krb5_free_principal(ctx, name);
	return rc;
}

static enum fas_code
prepare(struct acceptor *acceptor, const char *principal, const char *keytab, struct fas_err *e)
{
	krb5_context ctx = NULL;
	if (krb5_init_context(&ctx) != 0)
		return fas_fail(e, FAS_E_CONFIG, "kerberos_keytab",
		    "libkrb5 does not start: is krb5.conf whole?");
	const char *text = krb5_get_error_message(ctx, KRB5KRB_AP_ERR_REPEAT);
	(void)snprintf(acceptor->replayed, sizeof(acceptor->replayed), "%s", text);
	krb5_free_error_message(ctx, text);
	krb5_error_code rc = find_key(ctx, principal, keytab);
	if (rc != 0) {
		text = krb5_get_error_message(ctx, rc);
		fas_fail(e, FAS_E_CONFIG, "kerberos_keytab", "%s, key of %s: %s", keytab, principal,
		    text);
		krb5_free_error_message(ctx, text);
	}
	krb5_free_context(ctx);
	return rc == 0 ? FAS_OK : FAS_E_CONFIG;
}

static OM_uint32
import_principal(OM_uint32 *minor, const char *principal, gss_name_t *out)
{
	gss_buffer_desc text = {strlen(principal), (void *)(uintptr_t)principal};
	return gss_import_name(minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, out);
}

/* Kerberos bare or in SPNEGO, and nothing but Kerberos inside SPNEGO. */
static OM_uint32
acquire(OM_uint32 *minor, gss_name_t name, const char *keytab, const char *replay_cache,
    gss_cred_id_t *out)
{
	gss_key_value_element_desc elements[] = {{"keytab", keytab}, {"rcache", replay_cache}};
	const gss_key_value_set_desc store = {NELEMS(elements), elements};
	gss_OID_desc mechanisms[] = {*gss_mech_krb5, spnego};
	gss_OID_set_desc wanted = {NELEMS(mechanisms), mechanisms};
	gss_OID_set_desc inner = {1, mechanisms};
	OM_uint32 major = gss_acquire_cred_from(
	    minor, name, GSS_C_INDEFINITE, &wanted, GSS_C_ACCEPT, &store, out, NULL, NULL);
	return major == GSS_S_COMPLETE ? gss_set_neg_mechs(minor, *out, &inner) : major;
}

enum fas_code
acceptor_new(const char *principal, const char *keytab, const char *replay_cache,
    struct acceptor **out, struct fas_err *e)
{
	char keytab_name[PATH_MAX + 8], cache_name[PATH_MAX + 8];
	OM_uint32 minor = 0, ignored;
	gss_name_t name = GSS_C_NO_NAME;
	OWN(acceptor) struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
	if (!acceptor)
		return fas_fail_nomem(e);
	(void)snprintf(keytab_name, sizeof(keytab_name), "FILE:%s", keytab);
	enum fas_code rc = prepare(acceptor, principal, keytab_name, e);
	if (rc != FAS_OK)
		return rc;
	(void)snprintf(cache_name, sizeof(cache_name), "file2:%s", replay_cache);
	OM_uint32 major = import_principal(&minor, principal, &name);
	if (major == GSS_S_COMPLETE)
		major = acquire(&minor, name, keytab_name, cache_name, &acceptor->credential);
	(void)gss_release_name(&ignored, &name);
	if (major != GSS_S_COMPLETE)
		return fas_fail(e, FAS_E_CONFIG, "kerberos_keytab", "%s has no usable key of %s",
		    keytab, principal);
	*out = TAKE(acceptor);
	return FAS_OK;
}

void
acceptor_free(struct acceptor *acceptor)
{
	OM_uint32 minor;
	if (!acceptor)
		return;
	(void)gss_release_cred(&minor, &acceptor->credential);
	free(acceptor);
}

/* ---- one token ---- */

/* What gss_accept_sec_context gives, released together. */
struct context {
	gss_ctx_id_t handle;
	gss_name_t peer;
	gss_buffer_desc reply;
	gss_OID mechanism; /* static */
	OM_uint32 life_s;
};

static void
context_done(struct context *c)
{
	OM_uint32 minor;
	(void)gss_release_buffer(&minor, &c->reply);
	(void)gss_release_name(&minor, &c->peer);
	(void)gss_delete_sec_context(&minor, &c->handle, GSS_C_NO_BUFFER);
}

DEFINE_OWN_IN_PLACE(context, struct context, context_done);

void
accepted_done(struct accepted *accepted)
{
	free(accepted->reply);
	accepted->reply = NULL;
}

static bool
is_replay(const struct acceptor *acceptor, OM_uint32 major, OM_uint32 minor)
{
	char words[sizeof(acceptor->replayed)] = "";
	describe(minor, GSS_C_MECH_CODE, words, sizeof(words));
	return (major & GSS_S_DUPLICATE_TOKEN) || strcmp(words, acceptor->replayed) == 0;
}

static enum fas_code
judge(const struct acceptor *acceptor, OM_uint32 major, OM_uint32 minor, struct fas_err *e)
{
	OM_uint32 error = GSS_ERROR(major);
	if (error == GSS_S_BAD_BINDINGS)
		return fas_fail(e, FAS_E_AUTH, "caller_binding",
		    "RFC 4121 4.1.1.2: the token is bound to another TLS connection's server");
	if (major != GSS_S_COMPLETE && is_replay(acceptor, major, minor))
		return fas_fail(
		    e, FAS_E_AUTH, "caller_replayed", "RFC 4120 3.2.3: this token has been used");
	if (error == GSS_S_BAD_MECH || error == GSS_S_DEFECTIVE_TOKEN)
		return fail_gss(
		    e, FAS_E_AUTH, "caller_negotiate", "no Kerberos token", major, minor);
	if (error)
		return fail_gss(e, FAS_E_AUTH, "caller_ticket", "Kerberos", major, minor);
	if (major & GSS_S_CONTINUE_NEEDED)
		return fas_fail(e, FAS_E_AUTH, "caller_negotiate",
		    "RFC 4178: the client does not begin with Kerberos, and there is one round");
	return FAS_OK;
}

/* RFC 6111: names that stand for nobody in particular, WELLKNOWN/ANONYMOUS (RFC 8062) among them. */
static bool
is_well_known(const char *principal)
{
	static const char prefix[] = "WELLKNOWN/";
	return strncmp(principal, prefix, sizeof(prefix) - 1) == 0;
}

/* Whoever holds the context is a named Kerberos client, by no other mechanism. */
static enum fas_code
read_peer(const struct context *c, struct accepted *out, struct fas_err *e)
{
	OM_uint32 minor, ignored;
	gss_buffer_desc name = GSS_C_EMPTY_BUFFER;
	if (!gss_oid_equal(c->mechanism, gss_mech_krb5))
		return fas_fail(e, FAS_E_AUTH, "caller_negotiate", "want a client of Kerberos");
	OM_uint32 major = gss_display_name(&minor, c->peer, &name, NULL);
	if (major != GSS_S_COMPLETE)
		return fail_gss(e, FAS_E_AUTH, "caller_ticket", "client name", major, minor);
	bool fits = name.length > 0 && name.length < sizeof(out->principal) &&
		    !memchr(name.value, 0, name.length);
	if (fits)
		(void)snprintf(out->principal, sizeof(out->principal), "%.*s", (int)name.length,
		    (const char *)name.value);
	(void)gss_release_buffer(&ignored, &name);
	if (!fits)
		return fas_fail(e, FAS_E_AUTH, "caller_ticket", "the client's name is too long");
	if (!is_well_known(out->principal))
		return FAS_OK;
	out->principal[0] = 0;
	return fas_fail(e, FAS_E_AUTH, "caller_negotiate", "the client is anonymous");
}

/*
 * libkrb5 has compared the PAC's server signature with the key of the keytab when it says "authenticated"; one that fails
 * does not fail the ticket (MIT krb5, plugin mspac), and is no PAC here.
 */
static enum fas_code
read_pac(const struct context *c, struct accepted *out, struct fas_err *e)
{
	static char name[] = "urn:mspac:upn-dns-info";
	gss_buffer_desc attribute = {sizeof(name) - 1, name};
	gss_buffer_desc value = GSS_C_EMPTY_BUFFER, shown = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor, ignored;
	int authenticated = 0, complete = 0, more = -1;
	struct fas_err why = {0};
	bool found = false;
	OM_uint32 major = gss_get_name_attribute(
	    &minor, c->peer, &attribute, &authenticated, &complete, &value, &shown, &more);
	bool good = major == GSS_S_COMPLETE && authenticated && value.length > 0;
	enum fas_code rc =
	    good ? pac_upn_sid(value.value, value.length, &out->sid, &found, &why) : FAS_OK;
	(void)gss_release_buffer(&ignored, &value);
	(void)gss_release_buffer(&ignored, &shown);
	return rc == FAS_OK ? FAS_OK : fas_fail(e, FAS_E_AUTH, "caller_pac", "%s", why.message);
}

static enum fas_code
take_reply(const struct context *c, struct accepted *out, struct fas_err *e)
{
	if (c->reply.length == 0)
		return FAS_OK;
	out->reply = base64_encode(c->reply.value, c->reply.length);
	return out->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
acceptor_accept(struct acceptor *acceptor, const char *token, const uint8_t *binding,
    size_t binding_len, struct accepted *out, struct fas_err *e)
{
	OWN(bytes) uint8_t *bytes = NULL;
	OWN(context) struct context c = {0};
	struct gss_channel_bindings_struct bindings = {
	    .application_data = {binding_len, (void *)(uintptr_t)binding}};
	OM_uint32 minor = 0;
	size_t len = 0;
	*out = (struct accepted){0};
	if (strlen(token) > TOKEN_BYTES_MAX ||
	    base64_decode(token, strlen(token), false, &bytes, &len, NULL) != FAS_OK || len == 0)
		return fas_fail(
		    e, FAS_E_AUTH, "caller_negotiate", "RFC 4559 4: the token is no base64");
	gss_buffer_desc input = {len, bytes};
	OM_uint32 major = gss_accept_sec_context(&minor, &c.handle, acceptor->credential, &input,
	    &bindings, &c.peer, &c.mechanism, &c.reply, NULL, &c.life_s, NULL);
	enum fas_code rc = judge(acceptor, major, minor, e);
	if (rc == FAS_OK)
		rc = read_peer(&c, out, e);
	if (rc == FAS_OK)
		rc = read_pac(&c, out, e);
	if (rc != FAS_OK)
		return rc;
	out->life_s = c.life_s;
	return take_reply(&c, out, e);
}
