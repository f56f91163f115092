#include "ldap/creds.h"

#include <stdio.h>
#include <string.h>

#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#include "fas/base/own.h"

/* One attempt's handles, released together because all but the context need the context. */
struct session {
	krb5_context ctx;
	krb5_principal client;
	krb5_keytab keytab;
	krb5_get_init_creds_opt *options;
	krb5_creds tgt;
	krb5_ccache cache; /* released by krb_creds_drop through its name once it is handed over */
};

static void
session_done(struct session *s)
{
	if (!s->ctx)
		return;
	if (s->cache)
		krb5_cc_destroy(s->ctx, s->cache);
	krb5_free_cred_contents(s->ctx, &s->tgt);
	if (s->options)
		krb5_get_init_creds_opt_free(s->ctx, s->options);
	if (s->keytab)
		krb5_kt_close(s->ctx, s->keytab);
	if (s->client)
		krb5_free_principal(s->ctx, s->client);
	krb5_free_context(s->ctx);
}

DEFINE_OWN_IN_PLACE(session, struct session, session_done);

static enum fas_code
krb_fail(struct fas_err *e, struct session *s, krb5_error_code code, const char *what)
{
	const char *text = s->ctx ? krb5_get_error_message(s->ctx, code) : NULL;
	enum fas_code rc = fas_fail(e, FAS_E_UNAVAILABLE, "kerberos_no_ticket", "%s: %s", what,
	    text ? text : "libkrb5 does not start");
	if (text)
		krb5_free_error_message(s->ctx, text);
	return rc;
}

static enum fas_code
get_tgt(struct session *s, const char *principal, const char *keytab, struct fas_err *e)
{
	char name[4096 + 8];
	krb5_error_code rc;
	(void)snprintf(name, sizeof(name), "FILE:%s", keytab);
	if ((rc = krb5_parse_name(s->ctx, principal, &s->client)) != 0)
		return krb_fail(e, s, rc, principal);
	if ((rc = krb5_kt_resolve(s->ctx, name, &s->keytab)) != 0)
		return krb_fail(e, s, rc, keytab);
	if ((rc = krb5_get_init_creds_opt_alloc(s->ctx, &s->options)) != 0)
		return krb_fail(e, s, rc, principal);
	krb5_get_init_creds_opt_set_forwardable(s->options, 0);
	krb5_get_init_creds_opt_set_proxiable(s->options, 0);
	rc = krb5_get_init_creds_keytab(s->ctx, &s->tgt, s->client, s->keytab, 0, NULL, s->options);
	return rc == 0 ? FAS_OK : krb_fail(e, s, rc, principal);
}

static enum fas_code
fill_cache(struct session *s, struct krb_creds *out, struct fas_err *e)
{
	char *name = NULL;
	krb5_error_code rc;
	if ((rc = krb5_cc_new_unique(s->ctx, "MEMORY", NULL, &s->cache)) != 0)
		return krb_fail(e, s, rc, "credential cache");
	if ((rc = krb5_cc_initialize(s->ctx, s->cache, s->tgt.client)) != 0)
		return krb_fail(e, s, rc, "credential cache");
	if ((rc = krb5_cc_store_cred(s->ctx, s->cache, &s->tgt)) != 0)
		return krb_fail(e, s, rc, "credential cache");
	if ((rc = krb5_cc_get_full_name(s->ctx, s->cache, &name)) != 0)
		return krb_fail(e, s, rc, "credential cache");
	(void)snprintf(out->ccache, sizeof(out->ccache), "%s", name);
	krb5_free_string(s->ctx, name);
	out->begins_s = s->tgt.times.starttime ? s->tgt.times.starttime : s->tgt.times.authtime;
	out->ends_s = s->tgt.times.endtime;
	return FAS_OK;
}

/* A failure is no harm here: the bind asks again itself. */
static void
fetch_service_ticket(struct session *s, const char *host)
{
	krb5_creds want = {.client = s->tgt.client}, *got = NULL;
	if (krb5_sname_to_principal(s->ctx, host, "ldap", KRB5_NT_SRV_HST, &want.server) != 0)
		return;
	if (krb5_get_credentials(s->ctx, 0, s->cache, &want, &got) == 0)
		krb5_free_creds(s->ctx, got);
	krb5_free_principal(s->ctx, want.server);
}

enum fas_code
krb_creds_get(const char *principal, const char *keytab, const char *const *hosts, size_t n,
    struct krb_creds *out, struct fas_err *e)
{
	OWN(session) struct session s = {0};
	struct krb_creds made = {0};
	krb5_error_code code = krb5_init_context(&s.ctx);
	if (code != 0)
		return krb_fail(e, &s, code, "libkrb5");
	enum fas_code rc = get_tgt(&s, principal, keytab, e);
	if (rc == FAS_OK)
		rc = fill_cache(&s, &made, e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < n; i++)
		fetch_service_ticket(&s, hosts[i]);
	krb5_cc_close(s.ctx, TAKE(s.cache));
	*out = made;
	return FAS_OK;
}

void
krb_creds_drop(struct krb_creds *creds)
{
	krb5_context ctx = NULL;
	krb5_ccache cache = NULL;
	if (creds->ccache[0] && krb5_init_context(&ctx) == 0) {
		if (krb5_cc_resolve(ctx, creds->ccache, &cache) == 0)
			krb5_cc_destroy(ctx, cache);
		krb5_free_context(ctx);
	}
	*creds = (struct krb_creds){0};
}

enum fas_code
krb_creds_use(const char *ccache, struct fas_err *e)
{
	OM_uint32 minor, major = gss_krb5_ccache_name(&minor, ccache, NULL);
	if (major != GSS_S_COMPLETE)
		return fas_fail(e, FAS_E_UNAVAILABLE, "kerberos_no_ticket",
		    "RFC 2743: GSSAPI does not take the credential cache");
	return FAS_OK;
}
