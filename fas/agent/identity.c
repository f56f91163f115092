#include "fas/agent/identity.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "fas/base/file.h"

#define FILE_BYTES_MAX 65536
#define SERVERS_FOLDER "servers"
#define SCHEME "https://"

DEFINE_OWN(store, X509_STORE *, X509_STORE_free);
DEFINE_OWN(store_ctx, X509_STORE_CTX *, X509_STORE_CTX_free);
DEFINE_OWN(names, GENERAL_NAMES *, GENERAL_NAMES_free);

void
identity_done(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
	X509_free(identity->service_ca);
	sk_X509_pop_free(identity->more_cas, X509_free);
	*identity = (struct identity){0};
}

static enum fas_code
load_ca(const char *folder, X509 **out, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(text) char *pem = NULL;
	size_t len = 0;
	enum fas_code rc = file_join(path, sizeof(path), folder, SERVICE_CA_FILE, e);
	if (rc == FAS_OK)
		rc = file_read(path, FILE_BYTES_MAX, &pem, &len, e);
	return rc == FAS_OK ? certificate_from_pem(pem, len, out, e) : rc;
}

static enum fas_code
load_pair(const char *path, struct identity *out, struct fas_err *e)
{
	OWN(secret) struct secret pem = {0};
	enum fas_code rc = secret_load(&pem, path, FILE_BYTES_MAX, e);
	if (rc == FAS_OK)
		rc = key_from_pem(&pem, &out->key, e);
	if (rc == FAS_OK)
		rc = certificate_from_pem((const char *)pem.data, pem.len, &out->certificate, e);
	return rc;
}

enum fas_code
identity_load(const char *folder, struct identity *out, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(identity) struct identity loaded = {0};
	enum fas_code rc = file_join(path, sizeof(path), folder, IDENTITY_FILE, e);
	if (rc != FAS_OK)
		return rc;
	if (access(path, F_OK) != 0)
		return fas_fail(e, FAS_E_NOTFOUND, "not_enrolled",
		    "%s is missing: this machine has not joined (fas-agent enroll)", path);
	rc = load_pair(path, &loaded, e);
	if (rc == FAS_OK)
		rc = load_ca(folder, &loaded.service_ca, e);
	if (rc != FAS_OK)
		return rc;
	*out = loaded;
	loaded = (struct identity){0};
	return FAS_OK;
}

/* ---- which folder ---- */

enum fas_code
identity_own_folder(const char *state, const char *server, char out[PATH_MAX], struct fas_err *e)
{
	const char *host =
	    strncmp(server, SCHEME, strlen(SCHEME)) == 0 ? server + strlen(SCHEME) : "";
	int n = snprintf(out, PATH_MAX, "%s/" SERVERS_FOLDER "/", state);
	if (n > 0 && n < PATH_MAX)
		n += snprintf(out + n, (size_t)(PATH_MAX - n), "%s", host);
	if (!host[0] || host[0] == '.' || strchr(host, '/'))
		return fas_fail(
		    e, FAS_E_INTERNAL, "internal", "\"%s\" is no URL of a server", server);
	if (n < 0 || n >= PATH_MAX)
		return fas_fail(
		    e, FAS_E_CONFIG, "path_too_long", "%.64s...: path is too long", state);
	for (char *c = out + n - strlen(host); *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	return FAS_OK;
}

static enum fas_code
has_pair(const char *folder, bool *there, struct fas_err *e)
{
	char path[PATH_MAX];
	enum fas_code rc = file_join(path, sizeof(path), folder, IDENTITY_FILE, e);
	*there = rc == FAS_OK && access(path, F_OK) == 0;
	return rc;
}

enum fas_code
identity_folder(const char *state, const char *server, char out[PATH_MAX], struct fas_err *e)
{
	bool own = false;
	enum fas_code rc = identity_own_folder(state, server, out, e);
	if (rc == FAS_OK)
		rc = has_pair(out, &own, e);
	if (rc == FAS_OK && !own)
		(void)snprintf(out, PATH_MAX, "%s", state);
	return rc;
}

bool
identity_is_same_ca(X509 *ca, X509 *other)
{
	EVP_PKEY *key = X509_get0_pubkey(ca);
	return key && X509_NAME_cmp(X509_get_subject_name(ca), X509_get_subject_name(other)) == 0 &&
	       X509_check_ca(other) == 1 && X509_verify(other, key) == 1 &&
	       EVP_PKEY_eq(X509_get0_pubkey(other), key) == 1;
}

/* May the pair in the state folder be replaced by one under this CA? */
static enum fas_code
is_of_state(const char *state, X509 *ca, bool *out, struct fas_err *e)
{
	OWN(x509) X509 *there = NULL;
	bool joined = false;
	enum fas_code rc = has_pair(state, &joined, e);
	if (rc == FAS_OK && joined)
		rc = load_ca(state, &there, e);
	*out = rc == FAS_OK && (!joined || identity_is_same_ca(there, ca));
	return rc;
}

enum fas_code
identity_choose_folder(
    const char *state, const char *server, X509 *ca, char out[PATH_MAX], struct fas_err *e)
{
	char all[PATH_MAX];
	bool own = false, of_state = false;
	enum fas_code rc = identity_own_folder(state, server, out, e);
	if (rc == FAS_OK)
		rc = has_pair(out, &own, e);
	if (rc == FAS_OK && !own)
		rc = is_of_state(state, ca, &of_state, e);
	if (rc != FAS_OK || own)
		return rc;
	if (of_state) {
		(void)snprintf(out, PATH_MAX, "%s", state);
		return FAS_OK;
	}
	rc = file_join(all, sizeof(all), state, SERVERS_FOLDER, e);
	return rc == FAS_OK ? file_make_folder(all, 0700, e) : rc;
}

/* ---- what a server gives ---- */

static enum fas_code
verify(X509 *certificate, X509 *ca, struct fas_err *e)
{
	OWN(store) X509_STORE *store = X509_STORE_new();
	OWN(store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (!store || !ctx || X509_STORE_add_cert(store, ca) != 1 ||
	    X509_STORE_CTX_init(ctx, store, certificate, NULL) != 1 ||
	    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT) != 1)
		return fas_fail_openssl(e, "verifying the answer");
	if (X509_verify_cert(ctx) == 1)
		return FAS_OK;
	const char *why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
	ERR_clear_error();
	return fas_fail(e, FAS_E_AUTH, "answer_certificate",
	    "RFC 5280 6.1: the certificate in the answer does not verify: %s", why);
}

enum fas_code
identity_check(EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e)
{
	EVP_PKEY *certified = X509_get0_pubkey(certificate);
	if (!certified || EVP_PKEY_eq(certified, key) != 1)
		return fas_fail(e, FAS_E_AUTH, "answer_certificate",
		    "the certificate in the answer is for another key than ours");
	return verify(certificate, ca, e);
}

static enum fas_code
write_ca(const char *folder, X509 *ca, struct fas_err *e)
{
	char path[PATH_MAX];
	char *data = NULL;
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	if (!bio || PEM_write_bio_X509(bio, ca) != 1)
		return fas_fail_openssl(e, "writing the service CA");
	long len = BIO_get_mem_data(bio, &data);
	enum fas_code rc = file_join(path, sizeof(path), folder, SERVICE_CA_FILE, e);
	return rc == FAS_OK ? file_write_atomic(path, data, (size_t)len, 0644, e) : rc;
}

static enum fas_code
write_pair(const char *folder, EVP_PKEY *key, X509 *certificate, struct fas_err *e)
{
	char path[PATH_MAX];
	char *data = NULL;
	OWN(bio) BIO *bio = BIO_new(BIO_s_secmem());
	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(bio, certificate) != 1)
		return fas_fail_openssl(e, "writing the host's key");
	long len = BIO_get_mem_data(bio, &data);
	enum fas_code rc = file_join(path, sizeof(path), folder, IDENTITY_FILE, e);
	if (rc == FAS_OK)
		rc = file_write_atomic(path, data, (size_t)len, 0600, e);
	secret_wipe(data, (size_t)len);
	return rc;
}

enum fas_code
identity_store(const char *folder, EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e)
{
	enum fas_code rc = file_make_folder(folder, 0700, e);
	if (rc == FAS_OK)
		rc = write_ca(folder, ca, e);
	return rc == FAS_OK ? write_pair(folder, key, certificate, e) : rc;
}

static void
copy_entry(X509_NAME *subject, int nid, char *out, size_t size)
{
	if (X509_NAME_get_text_by_NID(subject, nid, out, (int)size) < 0)
		out[0] = 0;
}

/* The first dNSName, or "" (RFC 5280 4.2.1.6). */
static void
copy_dns_name(X509 *certificate, char *out, size_t size)
{
	OWN(names)
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	out[0] = 0;
	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		(void)snprintf(out, size, "%.*s", ASN1_STRING_length(name->d.dNSName),
		    (const char *)ASN1_STRING_get0_data(name->d.dNSName));
		return;
	}
}

void
identity_name(X509 *certificate, char out[IDENTITY_NAME_MAX])
{
	char role[24], name[HOSTNAME_MAX + 1];
	copy_entry(
	    X509_get_subject_name(certificate), NID_organizationalUnitName, role, sizeof(role));
	copy_dns_name(certificate, name, sizeof(name));
	(void)snprintf(
	    out, IDENTITY_NAME_MAX, "%s%s%s", role[0] ? role : "machine", name[0] ? " " : "", name);
}

int64_t
identity_not_after(X509 *certificate)
{
	struct tm end;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
		return 0;
	return (int64_t)timegm(&end);
}
