/* Small certificate trees for tests, all keys P-256. */
#ifndef TESTS_UNIT_AGENT_PKI_H
#define TESTS_UNIT_AGENT_PKI_H

#include "fas/agent/key.h"

struct pki_node {
	EVP_PKEY *key;
	X509 *certificate;
};

/*
 * issuer NULL: self-signed.  extensions: "name=value" lines in OpenSSL's configuration syntax, up
 * to NULL. Fails the test on any error.
 */
void pki_make(struct pki_node *out, const struct pki_node *issuer, const char *name,
    const char *const *extensions);
/* The same for a key of somebody's. */
void pki_make_for(struct pki_node *out, const struct pki_node *issuer, EVP_PKEY *key,
    const char *name, const char *const *extensions);
void pki_done(struct pki_node *node);
/* Certificates of the nodes as one PEM text, malloc'ed. */
char *pki_pem(const struct pki_node *const *nodes, size_t n);

DEFINE_OWN_IN_PLACE(pki, struct pki_node, pki_done);

extern const char *const pki_ca[];

#endif
