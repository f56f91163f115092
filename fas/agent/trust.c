#include "fas/agent/trust.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#define CHAIN_MAX 8

void
trust_done(struct trust *trust)
{
	X509_free(trust->pinned);
	trust->pinned = NULL;
}

static bool
has_fingerprint(const X509 *certificate, const uint8_t want[FINGERPRINT_BYTES])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	return X509_digest(certificate, EVP_sha256(), digest, &len) == 1 &&
	       len == FINGERPRINT_BYTES && CRYPTO_memcmp(digest, want, len) == 0;
}

static X509 *
find_pinned(const STACK_OF(X509) * chain, const uint8_t want[FINGERPRINT_BYTES])
{
	for (int i = 0; chain && i < sk_X509_num(chain) && i < CHAIN_MAX; i++) {
		if (has_fingerprint(sk_X509_value(chain, i), want))
			return sk_X509_value(chain, i);
	}
	return NULL;
}

/*
 * In place of OpenSSL's own verification: the certificate with the token's fingerprint becomes the
 * only anchor, and then everything is verified as ever.
 */
static int
verify_pinned(X509_STORE_CTX *ctx, void *arg)
{
	struct trust *trust = arg;
	X509 *ca = find_pinned(X509_STORE_CTX_get0_untrusted(ctx), trust->fingerprint);
	trust->shown = ca != NULL;
	if (!ca || X509_STORE_add_cert(X509_STORE_CTX_get0_store(ctx), ca) != 1) {
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_UNTRUSTED);
		return 0;
	}
	if (X509_verify_cert(ctx) != 1)
		return 0;
	if (!trust->pinned && X509_up_ref(ca) == 1)
		trust->pinned = ca;
	return 1;
}

static bool
add_anchors(const struct identity *identity, X509_STORE *store)
{
	bool ok = X509_STORE_add_cert(store, identity->service_ca) == 1;
	for (int i = 0; ok && identity->more_cas && i < sk_X509_num(identity->more_cas); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(identity->more_cas, i)) == 1;
	return ok;
}

static enum fas_code
apply_identity(const struct identity *identity, SSL_CTX *ctx, struct fas_err *e)
{
	X509_STORE *store = X509_STORE_new();
	if (!store || !add_anchors(identity, store)) {
		X509_STORE_free(store);
		return fas_fail_openssl(e, "the service CA");
	}
	SSL_CTX_set_cert_store(ctx, store);
	/* A host that proves itself by its machine account shows none. */
	if (!identity->certificate)
		return FAS_OK;
	if (SSL_CTX_use_certificate(ctx, identity->certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, identity->key) != 1)
		return fas_fail_openssl(e, "the host's key and certificate");
	return FAS_OK;
}

/* A server with a pair of its own is shown and believed nothing else. */
static enum fas_code
apply_servers(const struct trust *trust, const char *server, SSL_CTX *ctx, struct fas_err *e)
{
	OWN(identity) struct identity own = {0};
	struct fas_err why = {0};
	char folder[PATH_MAX];
	if (!trust->state)
		return apply_identity(trust->identity, ctx, e);
	enum fas_code rc = identity_own_folder(trust->state, server, folder, &why);
	if (rc == FAS_OK)
		rc = identity_load(folder, &own, &why);
	if (rc == FAS_OK)
		return apply_identity(&own, ctx, e);
	if (strcmp(why.reason, "not_enrolled") == 0)
		return apply_identity(trust->identity, ctx, e);
	return fas_fail(e, rc, why.reason, "%s", why.message);
}

enum fas_code
trust_apply(struct trust *trust, const char *server, SSL_CTX *ctx, struct fas_err *e)
{
	if (trust->identity)
		return apply_servers(trust, server, ctx, e);
	X509_STORE *store = X509_STORE_new();
	if (!store)
		return fas_fail_nomem(e);
	SSL_CTX_set_cert_store(ctx, store);
	SSL_CTX_set_cert_verify_callback(ctx, verify_pinned, trust);
	return FAS_OK;
}
