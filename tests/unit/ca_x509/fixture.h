/* Keys, authorities and facts for the tests of this folder. */
#ifndef TESTS_CA_X509_FIXTURE_H
#define TESTS_CA_X509_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca/profile.h"

#define FIXTURE_NOW INT64_C(1795400000) /* 2026-11-23T03:33:20Z */
#define FIXTURE_SID "S-1-5-21-1329593140-2634913955-1900852804-500"
#define FIXTURE_UPN "alice@corp.example.com"
#define FIXTURE_CRL_URL "http://pki.corp.example.com/crl/main-1.crl"
#define FIXTURE_CA_URL "http://pki.corp.example.com/ca/main-1.cer"

struct fixture {
	EVP_PKEY *ca_key, *rsa, *p256;
	X509 *ca;
	uint8_t *rsa_spki, *p256_spki;
	size_t rsa_spki_len, p256_spki_len;
	struct profile_issuer issuer;
	struct dn subject;
	struct sid sid;
};

void fixture_init(struct fixture *f);
void fixture_done(struct fixture *f);
/* Complete facts of the kind, to be spoilt by a test. */
struct profile_facts fixture_facts(const struct fixture *f, enum profile_kind kind);
/* Sign tbs with key and put the certificate together; the caller frees it. */
X509 *fixture_sign(EVP_PKEY *key, const uint8_t *tbs, size_t tbs_len);
/* Build and sign under the fixture's CA. */
X509 *fixture_issue(const struct fixture *f, const struct profile_facts *facts);
/* Value of an extension by dotted OID as lower-case hex; NULL when it is not there exactly once. */
char *fixture_extension_hex(const X509 *certificate, const char *oid, int *critical);

#endif
