/*
 * Who this machine is towards the service: its key, its certificate of the service CA, and that CA.
 *
 * On disk, in the state folder: host.pem (0600; key, certificate and what came with it, in one file
 * so that the two can never disagree) and service-ca.pem.
 */
#ifndef FAS_AGENT_IDENTITY_H
#define FAS_AGENT_IDENTITY_H

#include "fas/agent/key.h"
#include "fas/base/names.h"

#define IDENTITY_FILE "host.pem"
#define SERVICE_CA_FILE "service-ca.pem"

/* Members may be NULL where a machine has not joined yet; key and certificate where it proves itself by Kerberos. */
struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	X509 *service_ca;
};

/* FAS_E_NOTFOUND "not_enrolled" when the machine has not joined. */
MUST_CHECK enum fas_code identity_load(const char *state, struct identity *out, struct fas_err *e);
void identity_done(struct identity *identity);

/*
 * Judge the answer to an enrolment or renewal: the certificate is for this key and verifies under
 * ca as a TLS client.  FAS_E_AUTH "answer_certificate".
 */
MUST_CHECK enum fas_code identity_check(
    EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e);

/* Write both files (ca before host.pem), making the folder (0700) if need be. */
MUST_CHECK enum fas_code identity_store(
    const char *state, EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e);

/* "host vda1.corp.example.com" from the certificate; out is always text. */
#define IDENTITY_NAME_MAX (HOSTNAME_MAX + 32)
void identity_name(X509 *certificate, char out[IDENTITY_NAME_MAX]);
/* Seconds since 1970; 0 when the certificate does not say. */
int64_t identity_not_after(X509 *certificate);

DEFINE_OWN_IN_PLACE(identity, struct identity, identity_done);

#endif
