/* An offline root in the test: what its keeper makes of a request, well or with one thing wrong. */
#ifndef TEST_CA_SIGNER_OFFLINE_H
#define TEST_CA_SIGNER_OFFLINE_H

#include "place.h"

#define GOOD_CDP "URI:http://pki.corp.example.com/crl/offline-root.crl"
#define GOOD_USAGE "critical,keyCertSign,cRLSign"

/* A certificate to be made; NULL members leave the extension out. */
struct cut {
	const char *constraints, *usage, *cdp, *purposes, *names; /* names: nameConstraints */
	bool no_key_id, sha1;
	long from_s, to_s; /* from now */
};
extern const struct cut good, good_root;

/* issuer NULL: self-signed by key. */
X509 *cut(const struct cut *c, const char *name, EVP_PKEY *public_key, X509 *issuer, EVP_PKEY *key);
/* Static; good for seven more. */
char *to_pem(X509 *x);
/* CRL of the root, static; serial not NULL is on it. */
char *crl_pem(X509 *root, EVP_PKEY *key, long from_s, long to_s, const ASN1_INTEGER *serial);

#endif
