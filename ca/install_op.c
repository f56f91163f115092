/* ca install: the answer to a request becomes a generation's certificate, or waits as the renewal of one. */
#include "ca/administer.h"

#include <string.h>

#include "ca/describe.h"
#include "ca/install.h"
#include "ca/make.h"
#include "ca/pem.h"
#include "ca/publisher.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"

#define CHAIN_TEXT_MAX 65536
#define ROOT_CRL_TEXT_MAX 524288

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

static void
say_certify(const struct encoded *x, const struct issuer *at, struct certify *c)
{
	*c = (struct certify){.issuer = at,
	    .der = x->ca,
	    .len = (size_t)x->ca_len,
	    .chain = buf_str(&x->chain),
	    .root = x->root,
	    .root_len = (size_t)x->root_len,
	    .root_pem = x->root_pem,
	    .root_crl = x->crl,
	    .root_crl_len = (size_t)x->crl_len};
}

/* The files, and whose certificate is among them. */
struct answer {
	const char *chain, *root, *crl;
	struct install in;
	struct issuer *target;
	bool renewal; /* the target has a certificate already */
};

static void
answer_done(struct answer *a)
{
	install_done(&a->in);
	issuer_unref(a->target);
}
DEFINE_OWN_IN_PLACE(answer, struct answer, answer_done);

/* Is it this one's?  *a holds what was parsed then. */
static enum fas_code
parse_for(struct answer *a, struct issuer *at, struct fas_err *e)
{
	install_done(&a->in);
	if (!at->key)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key", "%s", at->trouble.message);
	enum fas_code rc = install_parse(a->chain, a->root, a->crl, at->key, &a->in, e);
	if (rc == FAS_OK)
		a->target = issuer_ref(at);
	return rc;
}

/* The generation that waits for its certificate comes first, then those that have one. */
static enum fas_code
find_target(struct ca *ca, const char *name, struct answer *a, struct fas_err *e)
{
	static const enum generation_state order[] = {
	    GENERATION_PENDING, GENERATION_CURRENT, GENERATION_READY};
	struct fas_err why = {0};
	for (size_t i = 0; i < NELEMS(order); i++) {
		OWN(issuer)
		struct issuer *at = authorities_in_state(&ca->authorities, name, order[i]);
		if (!at)
			continue;
		fas_err_clear(&why);
		a->renewal = at->certificate != NULL;
		if (parse_for(a, at, &why) == FAS_OK)
			return FAS_OK;
		if (why.code != FAS_E_CONFLICT)
			break;
	}
	if (why.code != FAS_OK)
		return fas_fail(e, why.code, why.reason, "%s", why.message);
	return fas_fail(e, FAS_E_CONFLICT, "authority_not_begun",
	    "authority \"%s\" has no key yet: fasctl ca init", name);
}

/* A verifier may tell CRLs apart by their issuer's name alone: each key has a name of its own. */
static enum fas_code
check_name(struct ca *ca, const struct answer *a, struct fas_err *e)
{
	struct issuer *all[ISSUERS_MAX];
	size_t n = authorities_all(&ca->authorities, all);
	const X509_NAME *name = X509_get_subject_name(a->in.chain[0]);
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < n; i++) {
		OWN(issuer) struct issuer *at = all[i];
		if (rc == FAS_OK && at->kind == ISSUER_LOGON && at->id != a->target->id &&
		    authorities_publishes(&ca->authorities, at) &&
		    X509_NAME_cmp(name, X509_get_subject_name(at->certificate)) == 0)
			rc = fas_fail(e, FAS_E_CONFLICT, "subject_reused",
			    "RFC 5280 4.1.2.4: the certificate has the subject of %s, whose key is "
			    "another: their CRLs would be taken for each other's; sign the name "
			    "that the request has",
			    at->stem);
	}
	return rc;
}

static enum fas_code
check_answer(struct ca *ca, const struct answer *a, struct fas_err *e)
{
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, a->target);
	if (!a->renewal) {
		if (root && root->generation == a->target->generation)
			return fas_fail(e, FAS_E_CONFLICT, "lab_root_present",
			    "authority \"%s\" was begun with a lab root: finish it with root, "
			    "not with another chain",
			    a->target->authority);
		enum fas_code rc = install_check(&a->in, a->target, clock_now(), e);
		return rc == FAS_OK ? check_name(ca, a, e) : rc;
	}
	if (a->target->state != GENERATION_CURRENT || !root)
		return fas_fail(e, FAS_E_CONFLICT, "authority_ready",
		    "authority \"%s\" has its certificate already", a->target->authority);
	enum fas_code rc =
	    install_check_renewal(&a->in, a->target->certificate, root->certificate, e);
	return rc == FAS_OK ? install_check(&a->in, a->target, clock_now(), e) : rc;
}

static enum fas_code
keep(struct call *call, const struct answer *a, struct fas_err *e)
{
	const struct making m = {call->ca->config, call->ca->db, &call->about};
	struct certify c;
	OWN(encoded) struct encoded x = {0};
	enum fas_code rc = encode(&a->in, &x, e);
	if (rc != FAS_OK)
		return rc;
	say_certify(&x, a->target, &c);
	return a->renewal ? make_renewal(&m, &c, e)
			  : make_certified(&m, "authority_installed", &c, e);
}

enum fas_code
publish_with_root(struct ca *ca, int64_t id, struct fas_err *e)
{
	enum fas_code rc = authorities_load(&ca->authorities, e);
	OWN(issuer)
	struct issuer *at = rc == FAS_OK ? authorities_by_id(&ca->authorities, id) : NULL;
	if (!at)
		return rc;
	OWN(issuer) struct issuer *root = authorities_root_of(&ca->authorities, at);
	if (root)
		rc = publisher_publish(ca->publisher, root, e);
	return rc == FAS_OK ? publisher_publish(ca->publisher, at, e) : rc;
}

static enum fas_code
answer_generation(struct call *call, int64_t id, struct fas_err *e)
{
	json_t *object = NULL;
	OWN(issuer) struct issuer *at = authorities_by_id(&call->ca->authorities, id);
	if (!at)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "the generation is not loaded");
	enum fas_code rc = describe_generation(call->ca, at, &object, e);
	if (rc != FAS_OK)
		return rc;
	call->reply = json_pack("{s:o}", "certificate", object);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
op_ca_install(struct call *call, struct fas_err *e)
{
	struct ca *ca = call->ca;
	OWN(answer) struct answer a = {0};
	const char *name = json_need_text(&call->in, "authority", 1, AUTHORITY_NAME_MAX - 1);
	a.chain = json_need_lines(&call->in, "chain", 1, CHAIN_TEXT_MAX);
	a.root = json_want_lines(&call->in, "root", 1, CHAIN_TEXT_MAX);
	a.crl = json_want_lines(&call->in, "root_crl", 1, ROOT_CRL_TEXT_MAX);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = authority_check_known(ca, name, e);
	if (rc == FAS_OK)
		rc = find_target(ca, name, &a, e);
	if (rc == FAS_OK)
		rc = check_answer(ca, &a, e);
	if (rc == FAS_OK)
		rc = keep(call, &a, e);
	/* A renewal waits: nothing that is published changes before the switch. */
	if (rc == FAS_OK && !a.renewal)
		rc = publish_with_root(ca, a.target->id, e);
	return rc == FAS_OK ? answer_generation(call, a.target->id, e) : rc;
}
