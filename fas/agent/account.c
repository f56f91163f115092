#include "fas/agent/account.h"

#include <stdio.h>
#include <string.h>

#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "fas/base/file.h"

#define ENTRIES_MAX 1024 /* of a keytab */
#define CA_BYTES_MAX 65536

/* One attempt's handles: all but the context need the context. */
struct attempt {
	krb5_context ctx;
	krb5_keytab keytab;
	krb5_principal client;
	krb5_get_init_creds_opt *options;
	krb5_creds tgt;
	krb5_ccache cache;
};

static void
attempt_done(struct attempt *a)
{
	if (!a->ctx)
		return;
	if (a->cache)
		krb5_cc_destroy(a->ctx, a->cache);
	krb5_free_cred_contents(a->ctx, &a->tgt);
	if (a->options)
		krb5_get_init_creds_opt_free(a->ctx, a->options);
	if (a->client)
		krb5_free_principal(a->ctx, a->client);
	if (a->keytab)
		krb5_kt_close(a->ctx, a->keytab);
	krb5_free_context(a->ctx);
}

DEFINE_OWN_IN_PLACE(attempt, struct attempt, attempt_done);

static enum fas_code
krb_fail(const struct attempt *a, krb5_error_code code, enum fas_code class, const char *reason,
    const char *what, struct fas_err *e)
{
	const char *text = a->ctx ? krb5_get_error_message(a->ctx, code) : NULL;
	enum fas_code rc =
	    fas_fail(e, class, reason, "%s: %s", what, text ? text : "libkrb5 does not start");
	if (text)
		krb5_free_error_message(a->ctx, text);
	return rc;
}

/* NAME$@REALM: the entries host/name@REALM beside it are for services, no KDC lets them log on. */
static bool
is_machine(krb5_const_principal p)
{
	return p->length == 1 && p->data[0].length > 1 &&
	       p->data[0].data[p->data[0].length - 1] == '$';
}

/* The first machine account; a->client stays NULL when there is none. */
static krb5_error_code
find_machine(struct attempt *a)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	krb5_error_code rc = krb5_kt_start_seq_get(a->ctx, a->keytab, &cursor);
	if (rc != 0)
		return rc;
	for (int i = 0; i < ENTRIES_MAX && !a->client; i++) {
		if (krb5_kt_next_entry(a->ctx, a->keytab, &entry, &cursor) != 0)
			break;
		if (is_machine(entry.principal))
			rc = krb5_copy_principal(a->ctx, entry.principal, &a->client);
		krb5_free_keytab_entry_contents(a->ctx, &entry);
	}
	(void)krb5_kt_end_seq_get(a->ctx, a->keytab, &cursor);
	return rc;
}

static enum fas_code
choose_client(const struct agent_config *config, struct attempt *a, struct fas_err *e)
{
	char name[PATH_MAX + 8];
	(void)snprintf(name, sizeof(name), "FILE:%s", config->keytab);
	krb5_error_code rc = krb5_kt_resolve(a->ctx, name, &a->keytab);
	if (rc == 0)
		rc = config->principal[0] ? krb5_parse_name(a->ctx, config->principal, &a->client)
					  : find_machine(a);
	if (rc != 0)
		return krb_fail(a, rc, FAS_E_CONFIG, "keytab_unusable", config->keytab, e);
	if (!a->client)
		return fas_fail(e, FAS_E_CONFIG, "keytab_unusable",
		    "%s holds no key of a machine account (NAME$@REALM)", config->keytab);
	return FAS_OK;
}

static enum fas_code
log_on(const struct agent_config *config, struct attempt *a, struct fas_err *e)
{
	krb5_error_code rc = krb5_get_init_creds_opt_alloc(a->ctx, &a->options);
	if (rc == 0) {
		krb5_get_init_creds_opt_set_forwardable(a->options, 0);
		krb5_get_init_creds_opt_set_proxiable(a->options, 0);
		rc = krb5_get_init_creds_keytab(
		    a->ctx, &a->tgt, a->client, a->keytab, 0, NULL, a->options);
	}
	if (rc == KRB5_KDC_UNREACH || rc == KRB5_REALM_CANT_RESOLVE)
		return krb_fail(a, rc, FAS_E_UNAVAILABLE, "kdc_away", "machine account", e);
	return rc == 0 ? FAS_OK
		       : krb_fail(a, rc, FAS_E_DENIED, "keytab_refused", config->keytab, e);
}

static enum fas_code
keep(struct attempt *a, struct account_ticket *out, struct fas_err *e)
{
	char *name = NULL;
	krb5_error_code rc = krb5_cc_new_unique(a->ctx, "MEMORY", NULL, &a->cache);
	if (rc == 0)
		rc = krb5_cc_initialize(a->ctx, a->cache, a->tgt.client);
	if (rc == 0)
		rc = krb5_cc_store_cred(a->ctx, a->cache, &a->tgt);
	if (rc == 0)
		rc = krb5_cc_get_full_name(a->ctx, a->cache, &name);
	if (rc != 0)
		return krb_fail(a, rc, FAS_E_INTERNAL, "internal", "credential cache", e);
	(void)snprintf(out->cache, sizeof(out->cache), "%s", name);
	krb5_free_string(a->ctx, name);
	OM_uint32 minor;
	if (gss_krb5_ccache_name(&minor, out->cache, NULL) != GSS_S_COMPLETE)
		return fas_fail(
		    e, FAS_E_INTERNAL, "internal", "GSSAPI does not take the credential cache");
	krb5_cc_close(a->ctx, TAKE(a->cache));
	return FAS_OK;
}

enum fas_code
account_ticket_get(const struct agent_config *config, struct account_ticket *out, struct fas_err *e)
{
	OWN(attempt) struct attempt a = {0};
	*out = (struct account_ticket){0};
	krb5_error_code code = krb5_init_context(&a.ctx);
	if (code != 0)
		return krb_fail(&a, code, FAS_E_INTERNAL, "internal", "Kerberos", e);
	enum fas_code rc = choose_client(config, &a, e);
	if (rc == FAS_OK)
		rc = log_on(config, &a, e);
	return rc == FAS_OK ? keep(&a, out, e) : rc;
}

void
account_ticket_drop(struct account_ticket *ticket)
{
	krb5_context ctx = NULL;
	krb5_ccache cache = NULL;
	OM_uint32 minor;
	if (!ticket->cache[0])
		return;
	(void)gss_krb5_ccache_name(&minor, NULL, NULL);
	if (krb5_init_context(&ctx) == 0) {
		if (krb5_cc_resolve(ctx, ticket->cache, &cache) == 0)
			krb5_cc_destroy(ctx, cache);
		krb5_free_context(ctx);
	}
	*ticket = (struct account_ticket){0};
}

/* Each node has a service CA of its own. */
static enum fas_code
read_cas(const char *pem, size_t len, struct identity *out, struct fas_err *e)
{
	X509 *one = NULL;
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	out->more_cas = sk_X509_new_null();
	if (!bio || !out->more_cas)
		return fas_fail_nomem(e);
	for (int i = 0; i <= AGENT_SERVERS_MAX; i++) {
		if (!(one = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
			break;
		if (i == AGENT_SERVERS_MAX || sk_X509_push(out->more_cas, one) == 0) {
			X509_free(one);
			return fas_fail(e, FAS_E_CONFIG, "service_ca",
			    "service_ca: more than %d certificates", AGENT_SERVERS_MAX);
		}
	}
	ERR_clear_error();
	out->service_ca = sk_X509_shift(out->more_cas);
	return out->service_ca ? FAS_OK
			       : fas_fail(e, FAS_E_CONFIG, "service_ca",
				     "service_ca: there is no PEM certificate in the file");
}

enum fas_code
account_trust(const struct agent_config *config, struct identity *out, struct fas_err *e)
{
	OWN(text) char *pem = NULL;
	size_t len = 0;
	enum fas_code rc = file_read(config->service_ca, CA_BYTES_MAX, &pem, &len, e);
	return rc == FAS_OK ? read_cas(pem, len, out, e) : rc;
}
