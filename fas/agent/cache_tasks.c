#include "fas/agent/cache_tasks.h"

#include <limits.h>
#include <stdio.h>

#include <krb5/krb5.h>

#include "fas/agent/ccache.h"
#include "fas/base/json.h"

#define DESTROY_MS 5000
#define RENEW_MS 20000

/* ---- in the child ---- */

static enum fas_code
read_path(json_t *input, char out[PATH_MAX], struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, input, e);
	if (rc != FAS_OK)
		return rc;
	const char *path = json_need_text(&r, "path", 1, PATH_MAX - 1);
	rc = json_finish(&r);
	return rc == FAS_OK ? ccache_path(path, out, e) : rc;
}

enum fas_code
cache_destroy_task(json_t *input, json_t **result, struct fas_err *e)
{
	char path[PATH_MAX];
	(void)result;
	enum fas_code rc = read_path(input, path, e);
	return rc == FAS_OK ? ccache_destroy(path, e) : rc;
}

/* One renewal's handles: all but the context need the context. */
struct renewal {
	krb5_context ctx;
	krb5_ccache old, new;
	krb5_principal client;
	krb5_creds creds;
};

static void
renewal_done(struct renewal *r)
{
	if (!r->ctx)
		return;
	krb5_free_cred_contents(r->ctx, &r->creds);
	krb5_free_principal(r->ctx, r->client);
	if (r->new)
		(void)krb5_cc_close(r->ctx, r->new);
	if (r->old)
		(void)krb5_cc_close(r->ctx, r->old);
	krb5_free_context(r->ctx);
}

DEFINE_OWN_IN_PLACE(renewal, struct renewal, renewal_done);

static krb5_error_code
open_cache(struct renewal *r, const char *path, krb5_ccache *out)
{
	char name[CCACHE_NAME_MAX];
	(void)snprintf(name, sizeof(name), "FILE:%s", path);
	return krb5_cc_resolve(r->ctx, name, out);
}

static krb5_error_code
renew(struct renewal *r, const char *path, const char *draft)
{
	krb5_error_code code = open_cache(r, path, &r->old);
	if (code == 0)
		code = krb5_cc_get_principal(r->ctx, r->old, &r->client);
	if (code == 0)
		code = krb5_get_renewed_creds(r->ctx, &r->creds, r->client, r->old, NULL);
	if (code == 0)
		code = open_cache(r, draft, &r->new);
	if (code == 0)
		code = krb5_cc_initialize(r->ctx, r->new, r->client);
	return code == 0 ? krb5_cc_store_cred(r->ctx, r->new, &r->creds) : code;
}

static enum fas_code
fail_renewal(const struct renewal *r, krb5_error_code code, struct fas_err *e)
{
	const char *text = krb5_get_error_message(r->ctx, code);
	bool away = code == KRB5_KDC_UNREACH || code == KRB5_REALM_CANT_RESOLVE;
	enum fas_code rc = fas_fail(e, away ? FAS_E_UNAVAILABLE : FAS_E_DENIED,
	    away ? "kdc_away" : "renewal_refused", "the ticket is not renewed: %s", text);
	krb5_free_error_message(r->ctx, text);
	return rc;
}

enum fas_code
cache_renew_task(json_t *input, json_t **result, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(ccache_draft) struct ccache_draft draft = {0};
	OWN(renewal) struct renewal r = {0};
	if (read_path(input, path, e) != FAS_OK || ccache_begin(path, &draft, e) != FAS_OK)
		return e->code;
	krb5_error_code code = krb5_init_context(&r.ctx);
	if (code != 0)
		return fas_fail(e, FAS_E_CONFIG, "kerberos_profile",
		    "the Kerberos library does not start (error %d)", (int)code);
	code = renew(&r, path, draft.file);
	if (code != 0)
		return fail_renewal(&r, code, e);
	*result = json_pack("{s:I,s:I}", "end", (json_int_t)(uint32_t)r.creds.times.endtime,
	    "renew_till", (json_int_t)(uint32_t)r.creds.times.renew_till);
	return *result ? ccache_replace(&draft, e) : fas_fail_nomem(e);
}

/* ---- in the parent ---- */

static enum fas_code
run(const struct local_user *user, const char *task, const char *path, int timeout_ms,
    json_t **result, struct fas_err *e)
{
	OWN(json) json_t *input = json_pack("{s:s}", "path", path);
	const struct child_order order = {.task = task, .input = input, .timeout_ms = timeout_ms};
	return input ? child_run(user, &order, result, e) : fas_fail_nomem(e);
}

enum fas_code
cache_destroy(const struct local_user *user, const char *path, struct fas_err *e)
{
	OWN(json) json_t *nothing = NULL;
	return run(user, "destroy", path, DESTROY_MS, &nothing, e);
}

enum fas_code
cache_renew(
    const struct local_user *user, const char *path, struct cache_times *out, struct fas_err *e)
{
	OWN(json) json_t *result = NULL;
	enum fas_code rc = run(user, "renew", path, RENEW_MS, &result, e);
	if (rc != FAS_OK)
		return rc;
	out->end_s = json_integer_value(json_object_get(result, "end"));
	out->renew_till_s = json_integer_value(json_object_get(result, "renew_till"));
	return FAS_OK;
}
