/* Keys and certification requests of the host; OpenSSL's types with an owner. */
#ifndef FAS_AGENT_KEY_H
#define FAS_AGENT_KEY_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/secret.h"

DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(bio, BIO *, BIO_free_all);

/* The host's own key: P-256. */
MUST_CHECK enum fas_code key_new_machine(EVP_PKEY **out, struct fas_err *e);
/* A user's key for one logon: RSA-2048, the type that every domain controller takes. */
MUST_CHECK enum fas_code key_new_user(EVP_PKEY **out, struct fas_err *e);

/* A user's key by the name of its kind, "rsa-2048", "rsa-3072", "p-256", "p-384".  FAS_E_INPUT "key_type". */
MUST_CHECK enum fas_code key_new_of_type(const char *type, EVP_PKEY **out, struct fas_err *e);

/* PKCS#8 PEM; the copy in the secret is the only one left behind. */
MUST_CHECK enum fas_code key_to_pem(EVP_PKEY *key, struct secret *out, struct fas_err *e);
MUST_CHECK enum fas_code key_from_pem(const struct secret *pem, EVP_PKEY **out, struct fas_err *e);

/*
 * A certification request (RFC 2986) by which the service learns the public key and that we hold
 * the private one; it uses nothing else of it, so the subject is empty.  *pem is malloc'ed.
 */
MUST_CHECK enum fas_code key_request(EVP_PKEY *key, char **pem, struct fas_err *e);

/* The first certificate of a PEM text; NULL and FAS_E_INPUT "certificate_malformed". */
MUST_CHECK enum fas_code certificate_from_pem(
    const char *pem, size_t len, X509 **out, struct fas_err *e);

#endif
