/*
 * The service itself as a SAML 2.0 service provider: its keys, and how one of its virtual servers is called.
 *
 * The keys are those of `saml:` in fasd's configuration:
 *
 *     saml:
 *       signing:    [{key: saml.key, certificate: saml.pem}]          1 or 2: the first signs, all are in the metadata
 *       decryption: [{key: saml-enc.key, certificate: saml-enc.pem}]  0 to 2: all are tried, the first is in the metadata
 *
 * A key is RSA of 2048 to 8192 bits; to sign also one on P-256, P-384 or P-521.  Its file is read as every other secret
 * is (fas/base/secret.h); its certificate is a container, as those of the providers are.
 */
#ifndef FAS_SAML_SP_H
#define FAS_SAML_SP_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define SAML_SP_KEYS_MAX 2
/* Whoever has our certificate can make us use the key, twice for each: 8192 bits would cost half a second. */
#define SAML_SP_DECRYPTION_BITS_MAX 4096

enum saml_sp_use { SAML_SP_SIGNING, SAML_SP_DECRYPTION, SAML_SP_USES };

/* Immutable once loaded, shared by threads. */
struct saml_sp;

/*
 * From the mapping `saml`.  Relative file names are relative to base_folder.  *out is the caller's.  Errors are those of
 * yaml.h, plus "saml_key" and "saml_certificate" at the place of the file's name.
 */
MUST_CHECK enum fas_code saml_sp_load(
    const struct yaml_node *map, const char *base_folder, struct saml_sp **out, struct fas_err *e);
void saml_sp_free(struct saml_sp *sp);

/* How many there are of a kind, and the i-th: borrowed, NULL behind the last one.  sp may be NULL: there is none. */
size_t saml_sp_count(const struct saml_sp *sp, enum saml_sp_use use);
EVP_PKEY *saml_sp_key(const struct saml_sp *sp, enum saml_sp_use use, size_t i);
const X509 *saml_sp_certificate(const struct saml_sp *sp, enum saml_sp_use use, size_t i);

/* One virtual server, as the providers know it; borrowed texts. */
struct saml_server {
	const char *entity_id; /* SAML core 8.3.6 */
	const char *acs_url;   /* where responses come: POST */
	const char
	    *slo_url; /* where logout messages come, redirect and POST; NULL = there is none */
};

DEFINE_OWN(saml_sp, struct saml_sp *, saml_sp_free);

#endif
