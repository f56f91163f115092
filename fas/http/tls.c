#include "fas/http/tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#define CHAIN_MAX 4
#define KEY_ID_BYTES 32

struct identity {
	struct identity
	    *older; /* handshakes under way may still use it; a few in a process's life */
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
};

struct http_tls {
	char *trust_pem;
	pthread_mutex_t lock; /* guards what follows */
	gnutls_datum_t ticket_key;
	struct identity *identity;
};

static enum fas_code
fail_gnutls(struct fas_err *e, int rc, const char *what)
{
	return fas_fail(e, FAS_E_CRYPTO, "crypto_error", "%s: %s", what, gnutls_strerror(rc));
}

static void
identity_free(struct identity *identity)
{
	while (identity) {
		struct identity *older = identity->older;
		for (unsigned i = 0; i < identity->n; i++)
			gnutls_pcert_deinit(&identity->chain[i]);
		if (identity->key)
			gnutls_privkey_deinit(identity->key);
		free(identity);
		identity = older;
	}
}

DEFINE_OWN(identity, struct identity *, identity_free);

static void
wipe_ticket_key(gnutls_datum_t *key)
{
	if (key->data)
		gnutls_memset(key->data, 0, key->size);
	gnutls_free(key->data);
}

static gnutls_datum_t
datum(const char *text)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
}

static int
key_id(gnutls_pubkey_t key, unsigned char out[KEY_ID_BYTES])
{
	size_t len = KEY_ID_BYTES;
	return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, out, &len);
}

/* Whoever replaces two files can be seen between the first and the second. */
static enum fas_code
check_pair(const struct identity *identity, struct fas_err *e)
{
	unsigned char shown[KEY_ID_BYTES] = {0}, own[KEY_ID_BYTES] = {1};
	gnutls_pubkey_t public;
	int rc = gnutls_pubkey_init(&public);
	if (rc < 0)
		return fail_gnutls(e, rc, "server key");
	if ((rc = gnutls_pubkey_import_privkey(public, identity->key, 0, 0)) >= 0 &&
	    (rc = key_id(public, own)) >= 0)
		rc = key_id(identity->chain[0].pubkey, shown);
	gnutls_pubkey_deinit(public);
	if (rc < 0)
		return fail_gnutls(e, rc, "server key");
	if (memcmp(shown, own, sizeof(own)) == 0)
		return FAS_OK;
	return fas_fail(
	    e, FAS_E_CRYPTO, "crypto_error", "the server certificate is of another key");
}

static enum fas_code
identity_new(
    const char *key_pem, const char *certificate_pem, struct identity **out, struct fas_err *e)
{
	OWN(identity) struct identity *identity = calloc(1, sizeof(*identity));
	if (!identity)
		return fas_fail_nomem(e);
	const gnutls_datum_t key = datum(key_pem), chain = datum(certificate_pem);
	unsigned n = CHAIN_MAX;
	int rc =
	    gnutls_pcert_list_import_x509_raw(identity->chain, &n, &chain, GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0)
		return fail_gnutls(e, rc, "server certificate");
	identity->n = n;
	if ((rc = gnutls_privkey_init(&identity->key)) < 0 ||
	    (rc = gnutls_privkey_import_x509_raw(
		 identity->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0)) < 0)
		return fail_gnutls(e, rc, "server key");
	enum fas_code code = check_pair(identity, e);
	if (code != FAS_OK)
		return code;
	*out = TAKE(identity);
	return FAS_OK;
}

enum fas_code
http_tls_new(const char *trust_pem, const char *key_pem, const char *certificate_pem,
    struct http_tls **out, struct fas_err *e)
{
	OWN(tls) struct http_tls *tls = calloc(1, sizeof(*tls));
	if (!tls)
		return fas_fail_nomem(e);
	pthread_mutex_init(&tls->lock, NULL);
	if (trust_pem && !(tls->trust_pem = strdup(trust_pem)))
		return fas_fail_nomem(e);
	int rc = gnutls_session_ticket_key_generate(&tls->ticket_key);
	if (rc < 0)
		return fail_gnutls(e, rc, "session ticket key");
	enum fas_code code = identity_new(key_pem, certificate_pem, &tls->identity, e);
	if (code != FAS_OK)
		return code;
	*out = TAKE(tls);
	return FAS_OK;
}

void
http_tls_free(struct http_tls *tls)
{
	if (!tls)
		return;
	identity_free(tls->identity);
	wipe_ticket_key(&tls->ticket_key);
	pthread_mutex_destroy(&tls->lock);
	free(tls->trust_pem);
	free(tls);
}

enum fas_code
http_tls_replace(
    struct http_tls *tls, const char *key_pem, const char *certificate_pem, struct fas_err *e)
{
	struct identity *identity = NULL;
	gnutls_datum_t ticket_key = {0}, old;
	enum fas_code code = identity_new(key_pem, certificate_pem, &identity, e);
	if (code != FAS_OK)
		return code;
	int rc = gnutls_session_ticket_key_generate(&ticket_key);
	if (rc < 0) {
		identity_free(identity);
		return fail_gnutls(e, rc, "session ticket key");
	}
	pthread_mutex_lock(&tls->lock);
	identity->older = tls->identity;
	tls->identity = identity;
	old = tls->ticket_key;
	tls->ticket_key = ticket_key;
	pthread_mutex_unlock(&tls->lock);
	wipe_ticket_key(&old);
	return FAS_OK;
}

enum fas_code
http_tls_life(struct http_tls *tls, int64_t *from_s, int64_t *to_s, struct fas_err *e)
{
	gnutls_x509_crt_t certificate;
	int rc = gnutls_x509_crt_init(&certificate);
	if (rc < 0)
		return fail_gnutls(e, rc, "server certificate");
	pthread_mutex_lock(&tls->lock);
	rc =
	    gnutls_x509_crt_import(certificate, &tls->identity->chain[0].cert, GNUTLS_X509_FMT_DER);
	pthread_mutex_unlock(&tls->lock);
	*from_s = rc < 0 ? -1 : gnutls_x509_crt_get_activation_time(certificate);
	*to_s = rc < 0 ? -1 : gnutls_x509_crt_get_expiration_time(certificate);
	gnutls_x509_crt_deinit(certificate);
	if (*from_s < 0 || *to_s < 0)
		return fas_fail(e, FAS_E_CRYPTO, "crypto_error", "times of the server certificate");
	return FAS_OK;
}

const char *
http_tls_trust(const struct http_tls *tls)
{
	return tls->trust_pem;
}

const char *
http_tls_priorities(void)
{
	return "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-"
	       "ALL:"
	       "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD";
}

/* The database pointer of a session is free for us: resumption is by tickets, not by a database. */
void
http_tls_prepare(struct http_tls *tls, gnutls_session_t session)
{
	gnutls_db_set_ptr(session, tls);
	pthread_mutex_lock(&tls->lock);
	(void)gnutls_session_ticket_enable_server(session, &tls->ticket_key);
	pthread_mutex_unlock(&tls->lock);
}

int
http_tls_present(gnutls_session_t session, const gnutls_datum_t *request_names, int n_names,
    const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **chain, unsigned *n,
    gnutls_privkey_t *key)
{
	struct http_tls *tls = gnutls_db_get_ptr(session);
	(void)request_names;
	(void)n_names;
	(void)algorithms;
	(void)n_algorithms;
	if (!tls)
		return -1;
	pthread_mutex_lock(&tls->lock);
	*chain = tls->identity->chain;
	*n = tls->identity->n;
	*key = tls->identity->key;
	pthread_mutex_unlock(&tls->lock);
	return 0;
}

enum fas_code
http_tls_peer(gnutls_session_t session, uint8_t **der, size_t *len, struct fas_err *e)
{
	unsigned n = 0;
	const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &n);
	if (!peers || n == 0)
		return fas_fail(
		    e, FAS_E_AUTH, "caller_required", "the client has sent no certificate");
	uint8_t *copy = malloc(peers[0].size);
	if (!copy)
		return fas_fail_nomem(e);
	memcpy(copy, peers[0].data, peers[0].size);
	*der = copy;
	*len = peers[0].size;
	return FAS_OK;
}

/* ---- channel binding ---- */

/* RFC 5929 4.1: the hash of the certificate's own signature, but SHA-256 for MD5 and SHA-1. */
static enum fas_code
hash_certificate(
    const gnutls_datum_t *der, uint8_t *out, size_t room, size_t *len, struct fas_err *e)
{
	gnutls_x509_crt_t certificate;
	int rc = gnutls_x509_crt_init(&certificate);
	if (rc < 0)
		return fail_gnutls(e, rc, "channel binding");
	rc = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
	int sign = rc < 0 ? rc : gnutls_x509_crt_get_signature_algorithm(certificate);
	gnutls_x509_crt_deinit(certificate);
	if (sign < 0)
		return fail_gnutls(e, sign, "channel binding");
	gnutls_digest_algorithm_t hash =
	    gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)sign);
	if (hash == GNUTLS_DIG_UNKNOWN || hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1)
		hash = GNUTLS_DIG_SHA256;
	*len = gnutls_hash_get_len(hash);
	if (*len == 0 || *len > room)
		return fail_gnutls(e, GNUTLS_E_SHORT_MEMORY_BUFFER, "channel binding");
	rc = gnutls_hash_fast(hash, der->data, der->size, out);
	return rc < 0 ? fail_gnutls(e, rc, "channel binding") : FAS_OK;
}

enum fas_code
http_tls_binding(struct http_tls *tls, gnutls_session_t session, uint8_t out[HTTP_TLS_BINDING_MAX],
    size_t *len, struct fas_err *e)
{
	static const char prefix[] = "tls-server-end-point:";
	const size_t prefix_len = sizeof(prefix) - 1;
	size_t hash_len = 0;
	/* A resumed session has shown none; it is of the present certificate, as replacing that ends resumption. */
	const gnutls_datum_t *ours = gnutls_certificate_get_ours(session);
	pthread_mutex_lock(&tls->lock);
	const gnutls_datum_t der = ours ? *ours : tls->identity->chain[0].cert;
	pthread_mutex_unlock(&tls->lock);
	memcpy(out, prefix, prefix_len);
	enum fas_code rc = hash_certificate(
	    &der, out + prefix_len, HTTP_TLS_BINDING_MAX - prefix_len, &hash_len, e);
	*len = prefix_len + hash_len;
	return rc;
}
