#include "fas/agent/pkinit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <krb5/krb5.h>

#include "fas/agent/anchor.h"
#include "fas/agent/ccache.h"
#include "fas/agent/child.h"
#include "fas/agent/kdc.h"
#include "fas/agent/memfile.h"
#include "fas/agent/proof.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

#define EXCHANGES_MAX 3
#define PROFILE_MAX 16384
#define OPTION_MAX (PATH_MAX + 512)
#define RENEW_LIFE_S (7 * 24 * 3600) /* the domain controller cuts it to what it allows */
#define WHY_MAX 200
#define INPUT_TEXT_MAX (256 * 1024)
#define KRB5_CONFIG_MAX (PATH_MAX + 64)

/* Everything of libkrb5 that one logon holds. */
struct kerberos {
	krb5_context ctx;
	krb5_principal principal;
	krb5_get_init_creds_opt *options;
	krb5_ccache cache;
	krb5_creds creds;
	char why[WHY_MAX]; /* what the PKINIT module said last, if it was not content */
};

static void
kerberos_done(struct kerberos *k)
{
	if (!k->ctx)
		return;
	krb5_free_cred_contents(k->ctx, &k->creds);
	if (k->cache)
		(void)krb5_cc_close(k->ctx, k->cache);
	if (k->options)
		krb5_get_init_creds_opt_free(k->ctx, k->options);
	krb5_free_principal(k->ctx, k->principal);
	krb5_free_context(k->ctx);
	k->ctx = NULL;
}

DEFINE_OWN_IN_PLACE(kerberos, struct kerberos, kerberos_done);

/* The memory files of one logon. */
struct papers {
	struct memfile certificate, pool, anchors, profile;
};

static void
papers_done(struct papers *p)
{
	memfile_done(&p->certificate);
	memfile_done(&p->pool);
	memfile_done(&p->anchors);
	memfile_done(&p->profile);
}

DEFINE_OWN_IN_PLACE(papers, struct papers, papers_done);

static enum fas_code
fail_kerberos(struct kerberos *k, krb5_error_code code, const char *what, struct fas_err *e)
{
	const char *text = krb5_get_error_message(k->ctx, code);
	bool away = code == KRB5_KDC_UNREACH || code == KRB5_REALM_UNKNOWN ||
		    code == KRB5_REALM_CANT_RESOLVE;
	(void)fas_fail(e, away ? FAS_E_UNAVAILABLE : FAS_E_DENIED,
	    away ? "kdc_away" : "pkinit_refused", "%s: %s", what, text);
	krb5_free_error_message(k->ctx, text);
	return e->code;
}

/*
 * When the PKINIT module is not content with the answer, libkrb5 goes on to the next mechanism and
 * ends with "cannot read password"; what really was wrong is in its trace only.
 */
static void
on_trace(krb5_context ctx, const krb5_trace_info *info, void *arg)
{
	static const char head[] = "Preauth module pkinit ", verdict[] = "returned: ";
	struct kerberos *k = arg;
	(void)ctx;
	const char *at = info ? strstr(info->message, head) : NULL;
	const char *result = at ? strstr(at, verdict) : NULL;
	if (!result || strncmp(result + sizeof(verdict) - 1, "0/", 2) == 0)
		return;
	result = strchr(result, '/');
	if (result)
		(void)snprintf(
		    k->why, sizeof(k->why), "%.*s", (int)strcspn(result + 1, "\n"), result + 1);
}

static enum fas_code
fail_ticket(struct kerberos *k, krb5_error_code code, struct fas_err *e)
{
	if (code != KRB5_LIBOS_CANTREADPWD)
		return fail_kerberos(k, code, "the domain controller gives no ticket", e);
	if (k->why[0])
		return fas_fail(e, FAS_E_DENIED, "kdc_untrusted",
		    "the domain controller is not trusted: %s (kdc: anchors: and hostname: in "
		    "agent.yaml)",
		    k->why);
	return fas_fail(e, FAS_E_DENIED, "pkinit_refused",
	    "the domain controller offers no logon by certificate (PKINIT)");
}

static enum fas_code
make_text_paper(struct memfile *m, const char *name, const char *text, struct fas_err *e)
{
	return memfile_make(m, name, text, strlen(text), e);
}

static enum fas_code
make_anchors_paper(struct papers *p, const struct pkinit_request *request,
    const struct kdc_names *names, struct fas_err *e)
{
	OWN(text) char *pem = NULL;
	enum fas_code rc = anchor_bundle(request->anchors_pem, request->chain_pem, names, &pem, e);
	return rc == FAS_OK ? make_text_paper(&p->anchors, "anchors", pem, e) : rc;
}

static enum fas_code
make_profile_paper(struct papers *p, const struct pkinit_request *request,
    const struct kdc_names *names, struct fas_err *e)
{
	OWN(buf) struct buf text;
	buf_init(&text, PROFILE_MAX);
	enum fas_code rc = kdc_profile(request->realm, names, p->pool.path, &text, e);
	return rc == FAS_OK ? memfile_make(&p->profile, "krb5.conf", text.data, text.len, e) : rc;
}

static enum fas_code
make_papers(struct papers *p, const struct pkinit_request *request, struct fas_err *e)
{
	struct kdc_names names;
	if (!hostname_is_valid(request->realm))
		return fas_fail(
		    e, FAS_E_INPUT, "realm_invalid", "the answer's realm is no DNS name");
	if (kdc_find(request->config, request->realm, request->system_profile, &names, e) !=
		FAS_OK ||
	    make_text_paper(&p->certificate, "certificate", request->certificate_pem, e) !=
		FAS_OK ||
	    make_text_paper(&p->pool, "chain", request->chain_pem, e) != FAS_OK ||
	    make_anchors_paper(p, request, &names, e) != FAS_OK)
		return e->code;
	return make_profile_paper(p, request, &names, e);
}

bool
pkinit_is_enterprise(const char *principal, const char *realm)
{
	return strcmp(upn_suffix(principal), realm) != 0;
}

static enum fas_code
start_kerberos(struct kerberos *k, const struct papers *p, const struct pkinit_request *request,
    struct fas_err *e)
{
	char config[KRB5_CONFIG_MAX];
	(void)snprintf(config, sizeof(config), "%s:%s", p->profile.path, request->system_profile);
	if (setenv("KRB5_CONFIG", config, 1) != 0)
		return fas_fail_nomem(e);
	krb5_error_code code = krb5_init_context(&k->ctx);
	if (code != 0)
		return fas_fail(e, FAS_E_CONFIG, "kerberos_profile",
		    "the Kerberos library does not start (error %d): look at krb5.conf", (int)code);
	if (!getenv("KRB5_TRACE")) /* an administrator who traces wants it himself */
		(void)krb5_set_trace_callback(k->ctx, on_trace, k);
	bool enterprise = pkinit_is_enterprise(request->principal, request->realm);
	code = krb5_parse_name_flags(k->ctx, request->principal,
	    enterprise ? KRB5_PRINCIPAL_PARSE_ENTERPRISE : 0, &k->principal);
	if (code == 0 && enterprise)
		code = krb5_set_principal_realm(k->ctx, k->principal, request->realm);
	return code == 0 ? FAS_OK : fail_kerberos(k, code, "principal", e);
}

static krb5_error_code
set_identity(struct kerberos *k, const struct papers *p, const char *pkcs11)
{
	char identity[OPTION_MAX], anchors[OPTION_MAX];
	(void)snprintf(
	    identity, sizeof(identity), "FILE:%s,%s", p->certificate.path, CHILD_SECRET_PATH);
	(void)snprintf(anchors, sizeof(anchors), "FILE:%s", p->anchors.path);
	krb5_error_code code = krb5_get_init_creds_opt_set_pa(
	    k->ctx, k->options, "X509_user_identity", pkcs11 ? pkcs11 : identity);
	if (code == 0)
		code = krb5_get_init_creds_opt_set_pa(k->ctx, k->options, "X509_anchors", anchors);
	return code;
}

/* Nobody sits here who could be asked for a password or a PIN. */
static krb5_error_code
no_prompt(krb5_context ctx, void *data, const char *name, const char *banner, int n,
    krb5_prompt prompts[])
{
	(void)ctx;
	(void)data;
	(void)name;
	(void)banner;
	(void)n;
	(void)prompts;
	return KRB5_LIBOS_CANTREADPWD;
}

/*
 * Of 256 exchanges one fails although nothing is wrong: its Diffie-Hellman secret begins with a zero byte, which one of
 * MIT 1.20.1 and Samba 4.17 drops (RFC 4556 3.2.3.1 wants it kept), so that the keys differ and the reply does not
 * decrypt; measured 2 of 700.  libkrb5 then goes on to ask for a password, as it does when the domain controller offers
 * no PKINIT.  A new exchange has a new secret.
 */
static krb5_error_code
exchange(struct kerberos *k)
{
	krb5_error_code code = KRB5_LIBOS_CANTREADPWD;
	for (int i = 0; i < EXCHANGES_MAX && code == KRB5_LIBOS_CANTREADPWD && !k->why[0]; i++)
		code = krb5_get_init_creds_password(
		    k->ctx, &k->creds, k->principal, NULL, no_prompt, NULL, 0, NULL, k->options);
	return code;
}

static enum fas_code
get_ticket(struct kerberos *k, const struct papers *p, const struct pkinit_request *request,
    const char *cache, struct fas_err *e)
{
	char name[CCACHE_NAME_MAX];
	(void)snprintf(name, sizeof(name), "FILE:%s", cache);
	krb5_error_code code = krb5_cc_resolve(k->ctx, name, &k->cache);
	if (code == 0)
		code = krb5_get_init_creds_opt_alloc(k->ctx, &k->options);
	if (code != 0)
		return fail_kerberos(k, code, "credential cache", e);
	krb5_get_init_creds_opt_set_canonicalize(k->options, 1);
	krb5_get_init_creds_opt_set_renew_life(k->options, RENEW_LIFE_S);
	code = krb5_get_init_creds_opt_set_out_ccache(k->ctx, k->options, k->cache);
	if (code == 0)
		code = set_identity(k, p, request->pkcs11);
	if (code == 0)
		code = exchange(k);
	return code == 0 ? FAS_OK : fail_ticket(k, code, e);
}

static bool
data_equal(const krb5_data *data, const char *text)
{
	char copy[UPN_MAX + 1];
	if (data->length >= sizeof(copy) || memchr(data->data, 0, data->length))
		return false;
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)data->length, data->data);
	return ascii_equal_nocase(copy, text);
}

/*
 * With canonicalization the domain controller names the account by its sAMAccountName (RFC 6806 6;
 * MS-KILE 3.3.5.6.1): it has to be the one that the service certified, whatever account the domain
 * controller has mapped the certificate to.
 */
static enum fas_code
check_client(struct kerberos *k, const struct pkinit_request *request, struct fas_err *e)
{
	const krb5_principal_data *client = k->creds.client;
	if (client->length == 1 && data_equal(&client->realm, request->realm) &&
	    data_equal(&client->data[0], request->sam_account_name))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "pkinit_principal",
	    "the domain controller gave a ticket for another account than %s",
	    request->sam_account_name);
}

/* Both have to agree: the account that the service certified, and whom this host's Kerberos lets into the local one. */
static enum fas_code
check_local(struct kerberos *k, const struct pkinit_request *request, struct fas_err *e)
{
	if (krb5_kuserok(k->ctx, k->creds.client, request->local_user))
		return FAS_OK;
	return fas_fail(e, FAS_E_DENIED, "kuserok_refused",
	    "Kerberos does not let %s@%s into the local account %s (auth_to_local in krb5.conf, "
	    ".k5login)",
	    request->sam_account_name, request->realm, request->local_user);
}

static enum fas_code
add_proof(struct kerberos *k, const char *service, json_t *result, struct fas_err *e)
{
	OWN(bytes) uint8_t *proof = NULL;
	size_t len = 0;
	if (!service)
		return FAS_OK;
	if (proof_make(k->ctx, &k->creds, service, &proof, &len, e) != FAS_OK)
		return e->code;
	OWN(text) char *text = base64_encode(proof, len);
	if (!text || json_object_set_new(result, "proof", json_string(text)) != 0)
		return fas_fail_nomem(e);
	return FAS_OK;
}

static enum fas_code
make_result(struct kerberos *k, const char *service, json_t **result, struct fas_err *e)
{
	char *name = NULL;
	krb5_error_code code = krb5_unparse_name(k->ctx, k->creds.client, &name);
	if (code != 0)
		return fail_kerberos(k, code, "principal", e);
	const krb5_ticket_times *t = &k->creds.times;
	*result = json_pack("{s:s,s:I,s:I,s:I}", "principal", name, "start",
	    (json_int_t)(uint32_t)(t->starttime ? t->starttime : t->authtime), "end",
	    (json_int_t)(uint32_t)t->endtime, "renew_till", (json_int_t)(uint32_t)t->renew_till);
	krb5_free_unparsed_name(k->ctx, name);
	return *result ? add_proof(k, service, *result, e) : fas_fail_nomem(e);
}

static enum fas_code
log_on(const struct pkinit_request *request, json_t **result, struct fas_err *e)
{
	OWN(papers) struct papers p = {MEMFILE_NONE, MEMFILE_NONE, MEMFILE_NONE, MEMFILE_NONE};
	OWN(ccache_draft) struct ccache_draft draft = {0};
	OWN(kerberos) struct kerberos k = {0};
	if (make_papers(&p, request, e) != FAS_OK || start_kerberos(&k, &p, request, e) != FAS_OK ||
	    ccache_begin(request->ccache_path, &draft, e) != FAS_OK ||
	    get_ticket(&k, &p, request, draft.file, e) != FAS_OK ||
	    check_client(&k, request, e) != FAS_OK || check_local(&k, request, e) != FAS_OK ||
	    make_result(&k, request->service, result, e) != FAS_OK)
		return e->code;
	return request->replace ? ccache_replace(&draft, e) : ccache_commit(&draft, e);
}

/* ---- the request as a child's input ---- */

json_t *
pkinit_input(const struct pkinit_request *r)
{
	OWN(json) json_t *names = json_array();
	for (size_t i = 0; i < r->config->n_kdc_names; i++) {
		if (json_array_append_new(names, json_string(r->config->kdc_names[i])) != 0)
			return NULL;
	}
	return json_pack("{s:O,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s*,s:s*}", "kdc", names,
	    "anchors", r->anchors_pem, "profile", r->system_profile, "realm", r->realm, "principal",
	    r->principal, "account", r->sam_account_name, "certificate", r->certificate_pem,
	    "chain", r->chain_pem, "ccache", r->ccache_path, "user", r->local_user, "replace",
	    r->replace, "service", r->service, "pkcs11", r->pkcs11);
}

static void
read_kdc_names(const json_t *list, struct agent_config *config)
{
	size_t i;
	json_t *name;
	json_array_foreach(list, i, name)
	{
		const char *text = json_string_value(name);
		if (text && config->n_kdc_names < AGENT_KDC_NAMES_MAX)
			(void)snprintf(
			    config->kdc_names[config->n_kdc_names++], HOSTNAME_MAX + 1, "%s", text);
	}
}

static enum fas_code
read_input(struct json_reader *r, struct agent_config *config, struct pkinit_request *out)
{
	*out = (struct pkinit_request){
	    .config = config,
	    .anchors_pem = json_need_lines(r, "anchors", 1, INPUT_TEXT_MAX),
	    .system_profile = json_need_text(r, "profile", 1, KRB5_CONFIG_MAX),
	    .realm = json_need_text(r, "realm", 1, HOSTNAME_MAX),
	    .principal = json_need_text(r, "principal", 3, UPN_MAX),
	    .sam_account_name = json_need_text(r, "account", 1, LOCAL_NAME_MAX),
	    .certificate_pem = json_need_lines(r, "certificate", 1, INPUT_TEXT_MAX),
	    .chain_pem = json_need_lines(r, "chain", 1, INPUT_TEXT_MAX),
	    .ccache_path = json_need_text(r, "ccache", 1, PATH_MAX - 1),
	    .local_user = json_need_text(r, "user", 1, LOCAL_NAME_MAX - 1),
	    .replace = json_want_bool(r, "replace", false),
	    .service = json_want_text(r, "service", 1, PROOF_SERVICE_MAX),
	    .pkcs11 = json_want_text(r, "pkcs11", 1, OPTION_MAX - 1),
	};
	read_kdc_names(json_need_value(r, "kdc", JSON_ARRAY), config);
	return json_finish(r);
}

enum fas_code
pkinit_logon(json_t *input, json_t **result, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct pkinit_request request;
	struct agent_config config = {0};
	if (json_open_object(&r, input, e) != FAS_OK || read_input(&r, &config, &request) != FAS_OK)
		return e->code;
	return log_on(&request, result, e);
}
