/* Keys and certificates as this room takes them: which are strong enough, and how xmlsec gets them. */
#ifndef FAS_SAML_KEY_H
#define FAS_SAML_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/own.h"
#include "fas/base/yaml.h"
#include "fas/saml/signature.h"

#define KEY_RSA_BITS_MIN 2048
#define KEY_RSA_BITS_MAX 8192
#define KEY_CERT_FILE_MAX (64 * 1024)

/* NULL and the kind of a key that is strong enough, or why it is none (static text). */
const char *key_judge(const EVP_PKEY *key, enum key_kind *kind);

/* The key alone, as xmlsec takes it; the caller's.  NULL when out of memory. */
xmlSecKey *key_bare(EVP_PKEY *pkey);

/*
 * All certificates of one PEM file behind the *n that are there.  Errors are those of yaml.h at the file's name, reason
 * "idp_certificate".
 */
MUST_CHECK enum fas_code key_load_certificates(const struct yaml_node *at, const char *folder,
    X509 **out, size_t max, size_t *n, struct fas_err *e);

/* Seconds since 1970. */
bool key_not_after(const X509 *cert, int64_t *out_s);

DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(bio, BIO *, BIO_free);
DEFINE_OWN(xmlsec_key, xmlSecKey *, xmlSecKeyDestroy);

#endif
