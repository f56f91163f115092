/* Operations on authorities: init, install, show; and certificates for domain controllers. */
#include "ca/administer.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ca/csr.h"
#include "ca/install.h"
#include "ca/issue.h"
#include "ca/make.h"
#include "ca/pem.h"
#include "ca/publisher.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define CHAIN_TEXT_MAX 65536
#define ROOT_CRL_TEXT_MAX 524288
#define KDC_LIFE_S ((int64_t)365 * 86400)
#define KDC_LIFE_MAX_S ((int64_t)825 * 86400)

static enum fas_code
check_known(const struct ca *ca, const char *name, struct fas_err *e)
{
	if (signer_config_authority(ca->config, name))
		return FAS_OK;
	return fas_fail(e, FAS_E_NOTFOUND, "authority_unknown",
	    "the signer's configuration has no authority \"%s\"", name);
}

/* The authority's key that waits for its certificate; made now if there is none. */
static enum fas_code
pending_issuer(struct ca *ca, const struct making *m, const char *name, const char *key,
    struct issuer **out, struct fas_err *e)
{
	OWN(issuer) struct issuer *at = authorities_newest(&ca->authorities, ISSUER_LOGON, name);
	enum fas_code rc = FAS_OK;
	if (at && at->certificate)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "authority \"%s\" has its certificate already", name);
	if (at && key && strcmp(key_type(at->key), key) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "key_type",
		    "authority \"%s\" has a %s key that waits for its certificate", name,
		    key_type(at->key));
	if (!at) {
		rc = make_authority_key(
		    m, name, 1, key ? key : signer_config_authority(ca->config, name)->key.type, e);
		if (rc == FAS_OK)
			rc = authorities_load(&ca->authorities, e);
		if (rc == FAS_OK)
			at = authorities_newest(&ca->authorities, ISSUER_LOGON, name);
	}
	*out = TAKE(at);
	return rc;
}

static enum fas_code
publish_with_root(struct ca *ca, const char *name, struct fas_err *e)
{
	OWN(issuer) struct issuer *at = NULL;
	enum fas_code rc = authorities_load(&ca->authorities, e);
	if (rc == FAS_OK)
		rc = authorities_find(&ca->authorities, name, &at, e);
	if (rc != FAS_OK)
		return rc;
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, at);
	if (root)
		rc = publisher_publish(ca->publisher, root, e);
	return rc == FAS_OK ? publisher_publish(ca->publisher, at, e) : rc;
}

/* A lab's root, made if it is not there, and the authority's certificate below it. */
static enum fas_code
certify_by_lab_root(
    struct call *call, const struct making *m, const struct issuer *at, struct fas_err *e)
{
	struct authorities *all = &call->ca->authorities;
	enum fas_code rc = FAS_OK;
	OWN(issuer) struct issuer *root = authorities_root_of(all, at);
	if (!root) {
		rc = make_lab_root(m, at->authority, at->generation, e);
		if (rc == FAS_OK)
			rc = authorities_load(all, e);
		if (rc == FAS_OK)
			root = authorities_root_of(all, at);
	}
	if (rc == FAS_OK)
		rc = make_lab_certificate(m, root, at, e);
	if (rc == FAS_OK)
		rc = publish_with_root(call->ca, at->authority, e);
	OWN(issuer) struct issuer *ready = NULL;
	if (rc == FAS_OK)
		rc = authorities_find(all, at->authority, &ready, e);
	if (rc != FAS_OK)
		return rc;
	call->reply =
	    json_pack("{s:s,s:s}", "certificate", ready->pem, "root_certificate", root->pem);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* Beside what was made: what it will cost each logon. */
static enum fas_code
say_cost(struct call *call, const struct issuer *at, struct fas_err *e)
{
	int64_t each_us = 0;
	enum fas_code rc = key_cost(at->key, &each_us, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_object_set_new(call->reply, "key", json_string(key_type(at->key)));
	(void)json_object_set_new(call->reply, "signature_us", json_integer(each_us));
	return FAS_OK;
}

enum fas_code
op_ca_init(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	const struct making m = {ca->config, ca->db, &call->about};
	OWN(issuer) struct issuer *at = NULL;
	OWN(text) char *csr = NULL;
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	const char *key = json_want_text(&call->in, "key", 1, 16);
	bool root = json_want_bool(&call->in, "root", false);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = check_known(ca, name, e);
	if (rc == FAS_OK)
		rc = pending_issuer(ca, &m, name, key, &at, e);
	if (rc == FAS_OK && root) {
		rc = certify_by_lab_root(call, &m, at, e);
		return rc == FAS_OK ? say_cost(call, at, e) : rc;
	}
	if (rc == FAS_OK)
		rc = make_request(at, signer_config_authority(ca->config, name), &csr, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:s}", "csr", csr);
	return call->reply ? say_cost(call, at, e) : fas_fail_nomem(e);
}

/* ---- install ---- */

/* DER of everything that was checked, and the chain as PEM: from here on this is what stands. */
struct encoded {
	unsigned char *ca, *root, *crl;
	int ca_len, root_len, crl_len;
	struct buf chain;
	char *root_pem;
};

static void
encoded_done(struct encoded *x)
{
	OPENSSL_free(x->ca);
	OPENSSL_free(x->root);
	OPENSSL_free(x->crl);
	buf_done(&x->chain);
	free(x->root_pem);
}
DEFINE_OWN_IN_PLACE(encoded, struct encoded, encoded_done);

static enum fas_code
append_pem(struct buf *out, X509 *certificate, struct fas_err *e)
{
	unsigned char *der = NULL;
	int len = i2d_X509(certificate, &der);
	OWN(text) char *pem = len > 0 ? pem_encode("CERTIFICATE", der, (size_t)len) : NULL;
	OPENSSL_free(der);
	if (!pem)
		return fas_fail_openssl(e, "certificate of the chain");
	buf_text(out, pem);
	return buf_check(out, e);
}

static enum fas_code
encode(const struct install *in, struct encoded *x, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	buf_init(&x->chain, CHAIN_TEXT_MAX);
	for (size_t i = 0; rc == FAS_OK && i < in->n; i++) {
		if (i == 0 || X509_cmp(in->chain[i], in->root) != 0)
			rc = append_pem(&x->chain, in->chain[i], e);
	}
	if (rc == FAS_OK)
		rc = append_pem(&x->chain, in->root, e);
	if (rc != FAS_OK)
		return rc;
	x->ca_len = i2d_X509(in->chain[0], &x->ca);
	x->root_len = i2d_X509(in->root, &x->root);
	x->crl_len = in->root_crl ? i2d_X509_CRL(in->root_crl, &x->crl) : 0;
	if (x->ca_len <= 0 || x->root_len <= 0 || x->crl_len < 0)
		return fas_fail_openssl(e, "chain");
	x->root_pem = pem_encode("CERTIFICATE", x->root, (size_t)x->root_len);
	return x->root_pem ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
install(struct call *call, const struct issuer *at, const struct install *in, struct fas_err *e)
{
	const struct making m = {call->ca->config, call->ca->db, &call->about};
	OWN(encoded) struct encoded x = {0};
	OWN(issuer) struct issuer *root = authorities_root_of(&call->ca->authorities, at);
	enum fas_code rc = encode(in, &x, e);
	if (rc != FAS_OK)
		return rc;
	if (root)
		return fas_fail(e, FAS_E_CONFLICT, "lab_root_present",
		    "authority \"%s\" was begun with a lab root: finish it with root, not with "
		    "another "
		    "chain",
		    at->authority);
	const struct certify c = {.issuer = at,
	    .der = x.ca,
	    .len = (size_t)x.ca_len,
	    .chain = buf_str(&x.chain),
	    .root = x.root,
	    .root_len = (size_t)x.root_len,
	    .root_pem = x.root_pem,
	    .root_crl = x.crl,
	    .root_crl_len = (size_t)x.crl_len};
	rc = make_certified(&m, "authority_installed", &c, e);
	return rc == FAS_OK ? publish_with_root(call->ca, at->authority, e) : rc;
}

/* ---- show ---- */

static void
set_name(json_t *object, const char *member, const X509_NAME *name)
{
	char *text = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		(void)json_object_set_new(object, member, json_stringn(text, (size_t)len));
	}
	BIO_free(bio);
}

static json_t *
list_urls(const char *const *urls, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < n; i++)
		(void)json_array_append_new(list, json_string(urls[i]));
	return list;
}

static void
set_certificate(json_t *object, const struct issuer *at)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	const ASN1_INTEGER *serial = X509_get0_serialNumber(at->certificate);
	int len = ASN1_STRING_length(serial);
	set_name(object, "subject", X509_get_subject_name(at->certificate));
	set_name(object, "issuer", X509_get_issuer_name(at->certificate));
	if (len <= PROFILE_SERIAL_MAX)
		(void)json_object_set_new(object, "serial",
		    json_string(hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, hex)));
	if (X509_digest(at->certificate, EVP_sha256(), digest, NULL) == 1)
		(void)json_object_set_new(
		    object, "sha256", json_string(hex_encode(digest, STORE_DIGEST, hex)));
	(void)json_object_set_new(object, "not_before", json_integer(at->not_before_s));
	(void)json_object_set_new(object, "not_after", json_integer(at->not_after_s));
	(void)json_object_set_new(object, "certificate", json_string(at->pem));
}

static json_t *
describe_issuer(struct ca *ca, const struct issuer *at)
{
	const struct profile_issuer *p = &at->published;
	json_t *object = json_pack("{s:s,s:I,s:s,s:s,s:o,s:o}", "name", at->authority, "generation",
	    (json_int_t)at->generation, "state", at->certificate ? "ready" : "no_certificate",
	    "key", at->key ? key_type(at->key) : "elsewhere", "cdp",
	    list_urls(p->crl_urls, p->n_crl_urls), "aia", list_urls(p->ca_urls, p->n_ca_urls));
	if (!object || !at->certificate)
		return object;
	set_certificate(object, at);
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, at);
	if (root && root->pem)
		(void)json_object_set_new(object, "root", json_string(root->pem));
	return object;
}

enum fas_code
op_ca_show(struct call *call, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	const char *name = json_want_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	OWN(json) json_t *list = json_array();
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK && name)
		rc = check_known(call->ca, name, e);
	if (rc != FAS_OK)
		return rc;
	size_t n = authorities_all(&call->ca->authorities, all);
	for (size_t i = 0; i < n; i++) {
		if (all[i]->kind == ISSUER_LOGON && (!name || strcmp(all[i]->authority, name) == 0))
			(void)json_array_append_new(list, describe_issuer(call->ca, all[i]));
		issuer_unref(all[i]);
	}
	call->reply = json_pack("{s:O}", "authorities", list);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_ca_install(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(install) struct install in = {0};
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	const char *chain = json_need_lines(&call->in, "chain", 1, CHAIN_TEXT_MAX);
	const char *root = json_need_lines(&call->in, "root", 1, CHAIN_TEXT_MAX);
	const char *crl = json_want_lines(&call->in, "root_crl", 1, ROOT_CRL_TEXT_MAX);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = check_known(ca, name, e);
	if (rc == FAS_OK)
		rc = install_parse(chain, root, crl, &in, e);
	if (rc != FAS_OK)
		return rc;
	OWN(issuer) struct issuer *at = authorities_newest(&ca->authorities, ISSUER_LOGON, name);
	if (!at)
		return fas_fail(e, FAS_E_CONFLICT, "authority_not_begun",
		    "authority \"%s\" has no key yet: fasctl ca init", name);
	if (at->certificate)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "authority \"%s\" has its certificate already", name);
	if ((rc = install_check(&in, at, clock_now(), e)) != FAS_OK)
		return rc;
	if ((rc = install(call, at, &in, e)) != FAS_OK)
		return rc;
	OWN(issuer) struct issuer *ready = NULL;
	if ((rc = authorities_find(&ca->authorities, name, &ready, e)) != FAS_OK)
		return rc;
	call->reply = json_pack("{s:o}", "certificate", describe_issuer(ca, ready));
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

/* ---- domain controllers ---- */

static enum fas_code
read_names(const json_t *list, const char *names[PROFILE_DNS_MAX], size_t *n, struct fas_err *e)
{
	*n = json_array_size(list);
	if (*n == 0 || *n > PROFILE_DNS_MAX)
		return fas_fail(e, FAS_E_INPUT, "member_invalid",
		    "member \"dns_names\" has %zu names, want 1 to %d", *n, PROFILE_DNS_MAX);
	for (size_t i = 0; i < *n; i++) {
		names[i] = json_string_value(json_array_get(list, i));
		if (!names[i] || !hostname_is_valid(names[i]))
			return fas_fail(e, FAS_E_INPUT, "name_malformed",
			    "RFC 1123 2.1: a member of \"dns_names\" is not a host name");
	}
	return FAS_OK;
}

/* An administrator's request is not repeated by a program: each gets an id of its own. */
static enum fas_code
draw_request_id(char out[REQUEST_ID_LEN_MAX + 1], struct fas_err *e)
{
	uint8_t random[16];
	char hex[2 * sizeof(random) + 1];
	if (RAND_bytes(random, sizeof(random)) != 1)
		return fas_fail_openssl(e, "random bytes for a request id");
	(void)snprintf(
	    out, REQUEST_ID_LEN_MAX + 1, "admin-%s", hex_encode(random, sizeof(random), hex));
	return FAS_OK;
}

enum fas_code
op_kdc_issue(struct call *call, struct fas_err *e)
{
	const char *names[PROFILE_DNS_MAX];
	char request_id[REQUEST_ID_LEN_MAX + 1];
	OWN(bytes) uint8_t *spki = NULL;
	OWN(issuer) struct issuer *at = NULL;
	enum csr_key kind;
	unsigned bits = 0;
	struct profile_facts facts = {.kind = PROFILE_KDC, .dns_names = names};
	struct issue issue = {.facts = &facts, .event = "kdc_certificate_issued"};
	const char *authority = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	const json_t *list = json_need_value(&call->in, "dns_names", JSON_ARRAY);
	const char *csr = json_need_lines(&call->in, "csr", 1, CSR_PEM_MAX);
	facts.realm = json_want_text(&call->in, "realm", 1, HOSTNAME_MAX);
	issue.life_s = json_want_int(&call->in, "validity_s", 300, KDC_LIFE_MAX_S, KDC_LIFE_S);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = read_names(list, names, &facts.n_dns_names, e);
	if (rc == FAS_OK)
		rc = csr_parse(csr, &spki, &facts.spki_len, &kind, &bits, e);
	if (rc == FAS_OK)
		rc = spki_check(spki, facts.spki_len, issue.spki_digest, e);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &issue.now_s, e);
	if (rc == FAS_OK)
		rc = authorities_find(&call->ca->authorities, authority, &at, e);
	if (rc == FAS_OK)
		rc = draw_request_id(request_id, e);
	if (rc == FAS_OK)
		rc = issue_digest(call->in.object, issue.request_digest, e);
	if (rc != FAS_OK)
		return rc;
	facts.spki = spki;
	issue.issuer = at;
	issue.request_id = request_id;
	issue.name = names[0];
	return issue_once(call, &issue, e);
}
