/* A service CA and its certificates, made at run time; helpers abort on failure, as tests may. */
#ifndef TESTS_EDGE_PKI_H
#define TESTS_EDGE_PKI_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct pki_ca {
	EVP_PKEY *key;
	X509 *certificate;
	char *pem;
};

/* Zero members: the good value. */
struct pki_spec {
	const char *role;        /* OU; "host" */
	const char *second_role; /* a second OU */
	const char *san;         /* OpenSSL text: "DNS:vda1.example.com" */
	const char *eku;         /* "clientAuth"; "" = none */
	long begins_s, ends_s;   /* relative to now; 0, 0 = -60 to +3600 */
	uint64_t serial;         /* 0 = 0x1001 */
};

struct pki_leaf {
	char *key_pem, *pem;
	uint8_t *der;
	size_t len;
	char serial[48]; /* hex, as caller.credential */
};

void pki_ca_make(struct pki_ca *ca, const char *name);
void pki_ca_done(struct pki_ca *ca);
void pki_leaf_make(const struct pki_ca *ca, const struct pki_spec *spec, struct pki_leaf *leaf);
void pki_leaf_done(struct pki_leaf *leaf);

#endif
