#include "fas/agent/proof.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define ENTRIES_MAX 1024
#define KEYTAB_NAME_MAX (PATH_MAX + 8)

/* What one half holds of libkrb5; all but the context need the context. */
struct half {
	krb5_context ctx;
	bool borrowed; /* the context is somebody else's */
	krb5_keytab keytab;
	krb5_principal service;
	krb5_ccache cache;
	krb5_creds *creds;
	krb5_auth_context auth;
	krb5_ticket *ticket;
	krb5_data request;
	char *name;
};

static void
half_done(struct half *h)
{
	if (!h->ctx)
		return;
	if (h->ticket)
		krb5_free_ticket(h->ctx, h->ticket);
	if (h->auth)
		(void)krb5_auth_con_free(h->ctx, h->auth);
	if (h->creds)
		krb5_free_creds(h->ctx, h->creds);
	if (h->cache)
		(void)krb5_cc_destroy(h->ctx, h->cache);
	krb5_free_data_contents(h->ctx, &h->request);
	krb5_free_unparsed_name(h->ctx, h->name);
	krb5_free_principal(h->ctx, h->service);
	if (h->keytab)
		(void)krb5_kt_close(h->ctx, h->keytab);
	if (!h->borrowed)
		krb5_free_context(h->ctx);
}

DEFINE_OWN_IN_PLACE(half, struct half, half_done);

static enum fas_code
fail_half(const struct half *h, krb5_error_code code, enum fas_code class, const char *reason,
    const char *what, struct fas_err *e)
{
	const char *text = h->ctx ? krb5_get_error_message(h->ctx, code) : NULL;
	enum fas_code rc =
	    fas_fail(e, class, reason, "%s: %s", what, text ? text : "libkrb5 does not start");
	if (text)
		krb5_free_error_message(h->ctx, text);
	return rc;
}

static krb5_error_code
open_keytab(struct half *h, const char *keytab)
{
	char name[KEYTAB_NAME_MAX];
	(void)snprintf(name, sizeof(name), "FILE:%s", keytab);
	krb5_error_code code = krb5_init_context(&h->ctx);
	return code == 0 ? krb5_kt_resolve(h->ctx, name, &h->keytab) : code;
}

/* 2: host/NAME, 1: NAME$, 0: neither, or of another realm. */
static int
rank(const krb5_principal_data *p, const char *realm)
{
	if (p->realm.length != strlen(realm) ||
	    strncasecmp(p->realm.data, realm, p->realm.length) != 0 || p->length < 1)
		return 0;
	const krb5_data *first = &p->data[0];
	if (p->length == 2 && first->length == 4 && memcmp(first->data, "host", 4) == 0)
		return 2;
	return p->length == 1 && first->length > 1 && first->data[first->length - 1] == '$';
}

static krb5_error_code
choose_service(struct half *h, const char *realm)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry entry;
	int best = 0;
	krb5_error_code code = krb5_kt_start_seq_get(h->ctx, h->keytab, &cursor);
	if (code != 0)
		return code;
	for (int i = 0; i < ENTRIES_MAX && code == 0; i++) {
		if (krb5_kt_next_entry(h->ctx, h->keytab, &entry, &cursor) != 0)
			break;
		int now = rank(entry.principal, realm);
		if (now > best) {
			krb5_free_principal(h->ctx, TAKE(h->service));
			code = krb5_copy_principal(h->ctx, entry.principal, &h->service);
			best = now;
		}
		(void)krb5_free_keytab_entry_contents(h->ctx, &entry);
	}
	(void)krb5_kt_end_seq_get(h->ctx, h->keytab, &cursor);
	return code;
}

enum fas_code
proof_service(const char *keytab, const char *realm, char out[PROOF_SERVICE_MAX], struct fas_err *e)
{
	OWN(half) struct half h = {0};
	krb5_error_code code = open_keytab(&h, keytab);
	if (code == 0)
		code = choose_service(&h, realm);
	if (code == 0 && !h.service)
		return fas_fail(e, FAS_E_CONFIG, "keytab_unusable",
		    "%s holds no key of host/... or NAME$ in %s", keytab, realm);
	if (code == 0)
		code = krb5_unparse_name(h.ctx, h.service, &h.name);
	if (code != 0)
		return fail_half(&h, code, FAS_E_CONFIG, "keytab_unusable", keytab, e);
	if (snprintf(out, PROOF_SERVICE_MAX, "%s", h.name) >= PROOF_SERVICE_MAX)
		return fas_fail(e, FAS_E_CONFIG, "keytab_unusable", "%s: a name that long", keytab);
	return FAS_OK;
}

/* The service's ticket is fetched in a cache of its own: the user's keeps to what the user needs. */
static krb5_error_code
get_service_ticket(struct half *h, krb5_creds *tgt)
{
	krb5_creds want = {.client = tgt->client, .server = h->service};
	krb5_error_code code = krb5_cc_new_unique(h->ctx, "MEMORY", NULL, &h->cache);
	if (code == 0)
		code = krb5_cc_initialize(h->ctx, h->cache, tgt->client);
	if (code == 0)
		code = krb5_cc_store_cred(h->ctx, h->cache, tgt);
	return code == 0 ? krb5_get_credentials(h->ctx, 0, h->cache, &want, &h->creds) : code;
}

enum fas_code
proof_make(krb5_context ctx, krb5_creds *tgt, const char *service, uint8_t **out, size_t *len,
    struct fas_err *e)
{
	OWN(half) struct half h = {.ctx = ctx, .borrowed = true};
	krb5_error_code code = krb5_parse_name(ctx, service, &h.service);
	if (code == 0)
		code = get_service_ticket(&h, tgt);
	if (code == 0)
		code = krb5_mk_req_extended(ctx, &h.auth, 0, NULL, h.creds, &h.request);
	if (code != 0)
		return fail_half(&h, code, FAS_E_DENIED, "kdc_unproved",
		    "the domain controller gives no ticket for this host", e);
	*len = h.request.length;
	*out = malloc(*len + 1);
	if (!*out)
		return fas_fail_nomem(e);
	memcpy(*out, h.request.data, *len);
	return FAS_OK;
}

/* We do not replay to ourselves: no replay cache, as in krb5_verify_init_creds. */
static krb5_error_code
open_request(struct half *h, const char *service, const krb5_data *request)
{
	krb5_error_code code = krb5_parse_name(h->ctx, service, &h->service);
	if (code == 0)
		code = krb5_auth_con_init(h->ctx, &h->auth);
	if (code == 0)
		code = krb5_auth_con_setflags(h->ctx, h->auth, 0);
	if (code == 0)
		code =
		    krb5_rd_req(h->ctx, &h->auth, request, h->service, h->keytab, NULL, &h->ticket);
	if (code == 0)
		code = krb5_unparse_name(h->ctx, h->ticket->enc_part2->client, &h->name);
	return code;
}

enum fas_code
proof_check(const char *keytab, const char *service, const char *client, const uint8_t *request,
    size_t len, struct fas_err *e)
{
	OWN(half) struct half h = {0};
	OWN(bytes) uint8_t *copy = malloc(len + 1);
	if (!copy)
		return fas_fail_nomem(e);
	memcpy(copy, request, len);
	const krb5_data data = {.length = (unsigned)len, .data = (char *)copy};
	krb5_error_code code = open_keytab(&h, keytab);
	if (code == 0)
		code = open_request(&h, service, &data);
	if (code != 0)
		return fail_half(&h, code, FAS_E_DENIED, "kdc_unproved",
		    "the domain controller does not prove itself by this host's key", e);
	if (!ascii_equal_nocase(h.name, client))
		return fas_fail(e, FAS_E_DENIED, "kdc_unproved",
		    "the proof of the domain controller is of %s, not of %s", h.name, client);
	return FAS_OK;
}
