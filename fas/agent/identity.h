/*
 * Who this machine is towards the service: its key, its certificate of the service CA, and that CA.
 *
 * On disk, in a folder: host.pem (0600; key, certificate and what came with it, in one file so that the two can never
 * disagree) and service-ca.pem.  The state folder holds the pair for every server that has none of its own; one that has,
 * because another node's service CA is above it, has its own in servers/HOST:PORT.  So no node's CA speaks for another's
 * server, and no node learns another's key.
 */
#ifndef FAS_AGENT_IDENTITY_H
#define FAS_AGENT_IDENTITY_H

#include <limits.h>

#include "fas/agent/key.h"
#include "fas/base/names.h"

#define IDENTITY_FILE "host.pem"
#define SERVICE_CA_FILE "service-ca.pem"

/* Members may be NULL where a machine has not joined yet; key and certificate where it proves itself by Kerberos. */
struct identity {
	EVP_PKEY *key;
	X509 *certificate;
	X509 *service_ca;
	STACK_OF(X509) *
	    more_cas; /* of further nodes, where it proves itself by Kerberos; else NULL */
};

/* FAS_E_NOTFOUND "not_enrolled" when the machine has not joined. */
MUST_CHECK enum fas_code identity_load(const char *folder, struct identity *out, struct fas_err *e);
/* Where a server's own pair lies; server: https://HOST[:PORT].  FAS_E_CONFIG "path_too_long". */
MUST_CHECK enum fas_code identity_own_folder(
    const char *state, const char *server, char out[PATH_MAX], struct fas_err *e);
/* The server's own folder if there is a pair in it, else the state folder. */
MUST_CHECK enum fas_code identity_folder(
    const char *state, const char *server, char out[PATH_MAX], struct fas_err *e);
/*
 * Where a pair goes that a server under ca has just given: the state folder if that has none or one of the same CA (renewed or not), and
 * the server has none of its own yet; else the server's own, made if need be.
 */
MUST_CHECK enum fas_code identity_choose_folder(
    const char *state, const char *server, X509 *ca, char out[PATH_MAX], struct fas_err *e);
void identity_done(struct identity *identity);

/*
 * Judge the answer to an enrolment or renewal: the certificate is for this key and verifies under
 * ca as a TLS client.  FAS_E_AUTH "answer_certificate".
 */
MUST_CHECK enum fas_code identity_check(
    EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e);

/*
 * Is this the certificate of the same CA: same name, same key, its own signature?  A renewed one is: whoever has the present
 * one may take it in its place.
 */
bool identity_is_same_ca(X509 *ca, X509 *other);

/* Write both files (ca before host.pem), making the folder (0700) if need be. */
MUST_CHECK enum fas_code identity_store(
    const char *folder, EVP_PKEY *key, X509 *certificate, X509 *ca, struct fas_err *e);

/* "host vda1.corp.example.com" from the certificate; out is always text. */
#define IDENTITY_NAME_MAX (HOSTNAME_MAX + 32)
void identity_name(X509 *certificate, char out[IDENTITY_NAME_MAX]);
/* Seconds since 1970; 0 when the certificate does not say. */
int64_t identity_not_after(X509 *certificate);

DEFINE_OWN_IN_PLACE(identity, struct identity, identity_done);

#endif
