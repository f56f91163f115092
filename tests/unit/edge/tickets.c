#include "tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "fas/base/file.h"
#include "fas/base/macros.h"

/* Exported by libkrb5 for its KDC; the declarations stand in headers that are not installed. */
krb5_error_code krb5_encrypt_tkt_part(
    krb5_context ctx, const krb5_keyblock *key, krb5_ticket *ticket);
krb5_error_code encode_krb5_ticket(const krb5_ticket *ticket, krb5_data **out);

#define LIFE_S 3600
#define KEY_BYTES 32
#define ENCTYPE ENCTYPE_AES256_CTS_HMAC_SHA1_96

static uint8_t service_key[KEY_BYTES] = {1, 2, 3}, foreign_key[KEY_BYTES] = {4, 5, 6};
static uint8_t session_key[KEY_BYTES] = {7, 8, 9};
static char spnego_oid[] = "\x2b\x06\x01\x05\x05\x02";
static gss_OID_desc spnego = {sizeof(spnego_oid) - 1, spnego_oid};

static krb5_keyblock
key_of(uint8_t *contents)
{
	return (krb5_keyblock){.enctype = ENCTYPE, .length = KEY_BYTES, .contents = contents};
}

static bool
make_keytab(struct tickets *t)
{
	krb5_keytab keytab = NULL;
	krb5_keytab_entry entry = {.vno = 1, .key = key_of(service_key)};
	bool made = krb5_kt_resolve(t->ctx, t->keytab, &keytab) == 0 &&
		    krb5_parse_name(t->ctx, TICKETS_SERVICE, &entry.principal) == 0 &&
		    krb5_kt_add_entry(t->ctx, keytab, &entry) == 0;
	krb5_free_principal(t->ctx, entry.principal);
	if (keytab)
		krb5_kt_close(t->ctx, keytab);
	return made;
}

bool
tickets_init(struct tickets *t, const char *base)
{
	static const char text[] =
	    "[libdefaults]\n default_realm = " TICKETS_REALM
	    "\n dns_lookup_kdc = false\n dns_canonicalize_hostname = false\n";
	struct fas_err e = {0};
	*t = (struct tickets){0};
	(void)snprintf(t->folder, sizeof(t->folder), "%.64s/fas-tickets-XXXXXX", base);
	if (!mkdtemp(t->folder))
		return false;
	(void)snprintf(t->keytab, sizeof(t->keytab), "%s/keytab", t->folder);
	(void)snprintf(t->conf, sizeof(t->conf), "%s/krb5.conf", t->folder);
	(void)snprintf(t->replay_cache, sizeof(t->replay_cache), "%s/rcache", t->folder);
	return file_write_atomic(t->conf, text, strlen(text), 0600, &e) == FAS_OK &&
	       setenv("KRB5_CONFIG", t->conf, 1) == 0 && krb5_init_context(&t->ctx) == 0 &&
	       make_keytab(t);
}

void
tickets_done(struct tickets *t)
{
	if (t->ctx)
		krb5_free_context(t->ctx);
	(void)unlink(t->keytab);
	(void)unlink(t->conf);
	(void)unlink(t->replay_cache);
	(void)rmdir(t->folder);
}

/* ---- one ticket ---- */

static krb5_ticket_times
times_of(int64_t began_s)
{
	const krb5_timestamp began = (krb5_timestamp)began_s;
	return (krb5_ticket_times){
	    .authtime = began, .starttime = began, .endtime = began + LIFE_S};
}

static bool
seal(krb5_context ctx, const struct ticket_spec *spec, krb5_creds *creds)
{
	krb5_enc_tkt_part inner = {.session = &creds->keyblock,
	    .client = creds->client,
	    .transited = {.tr_type = KRB5_DOMAIN_X500_COMPRESS},
	    .times = times_of(time(NULL) - spec->began_s)};
	krb5_ticket ticket = {
	    .server = creds->server, .enc_part = {.kvno = 1}, .enc_part2 = &inner};
	krb5_keyblock key = key_of(spec->foreign_key ? foreign_key : service_key);
	krb5_data *encoded = NULL;
	if (krb5_encrypt_tkt_part(ctx, &key, &ticket) != 0)
		return false;
	bool made = encode_krb5_ticket(&ticket, &encoded) == 0;
	free(ticket.enc_part.ciphertext.data);
	if (!made)
		return false;
	creds->ticket = *encoded;
	free(encoded);
	return true;
}

/* The client's cache with this one ticket in it, which seems good to the client; *name for GSSAPI. */
static bool
fill_cache(krb5_context ctx, const struct ticket_spec *spec, krb5_ccache *cache, char **name)
{
	krb5_creds creds = {.keyblock = key_of(session_key), .times = times_of(time(NULL))};
	const char *service = spec->service ? spec->service : TICKETS_SERVICE;
	bool made = krb5_parse_name(ctx, spec->client, &creds.client) == 0 &&
		    krb5_parse_name(ctx, service, &creds.server) == 0 && seal(ctx, spec, &creds) &&
		    krb5_cc_new_unique(ctx, "MEMORY", NULL, cache) == 0 &&
		    krb5_cc_initialize(ctx, *cache, creds.client) == 0 &&
		    krb5_cc_store_cred(ctx, *cache, &creds) == 0 &&
		    krb5_cc_get_full_name(ctx, *cache, name) == 0;
	krb5_free_principal(ctx, creds.client);
	krb5_free_principal(ctx, creds.server);
	free(creds.ticket.data);
	return made;
}

static gss_cred_id_t
acquire(const char *cache)
{
	gss_key_value_element_desc element = {"ccache", cache};
	const gss_key_value_set_desc store = {1, &element};
	gss_OID_desc mechanisms[] = {*gss_mech_krb5, spnego};
	gss_OID_set_desc wanted = {NELEMS(mechanisms), mechanisms};
	gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
	OM_uint32 minor;
	(void)gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted,
	    GSS_C_INITIATE, &store, &credential, NULL, NULL);
	return credential;
}

static uint8_t *
initiate(gss_cred_id_t credential, const struct ticket_spec *spec, size_t *len)
{
	const char *service = spec->service ? spec->service : TICKETS_SERVICE;
	gss_buffer_desc text = {strlen(service), (void *)(uintptr_t)service};
	struct gss_channel_bindings_struct bindings = {
	    .application_data = {spec->binding_len, (void *)(uintptr_t)spec->binding}};
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_name_t name = GSS_C_NO_NAME;
	gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
	OM_uint32 minor;
	uint8_t *out = NULL;
	if (gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name) != GSS_S_COMPLETE)
		return NULL;
	(void)gss_init_sec_context(&minor, credential, &context, name,
	    spec->spnego ? &spnego : gss_mech_krb5, GSS_C_MUTUAL_FLAG, 0,
	    spec->binding ? &bindings : GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &token,
	    NULL, NULL);
	if (token.length > 0 && (out = malloc(token.length))) {
		memcpy(out, token.value, token.length);
		*len = token.length;
	}
	(void)gss_release_buffer(&minor, &token);
	(void)gss_release_name(&minor, &name);
	(void)gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
	return out;
}

uint8_t *
tickets_token(struct tickets *t, const struct ticket_spec *spec, size_t *len)
{
	krb5_ccache cache = NULL;
	char *name = NULL;
	uint8_t *out = NULL;
	OM_uint32 minor;
	if (fill_cache(t->ctx, spec, &cache, &name)) {
		gss_cred_id_t credential = acquire(name);
		if (credential != GSS_C_NO_CREDENTIAL)
			out = initiate(credential, spec, len);
		(void)gss_release_cred(&minor, &credential);
	}
	if (name)
		krb5_free_string(t->ctx, name);
	if (cache)
		(void)krb5_cc_destroy(t->ctx, cache);
	return out;
}
