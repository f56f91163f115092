/* A signer in a folder of its own, running in the test's process, and what a test asks of it. */
#ifndef TEST_CA_SIGNER_PLACE_H
#define TEST_CA_SIGNER_PLACE_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca/client.h"
#include "ca/server.h"

#define AUTHORITY "main"

struct place {
	char folder[64];
	struct signer_config *config;
	struct signer_server *server;
	struct signer *signer; /* fasd's side */
};

/* What stands in the files, beside the defaults; NULL = the default. */
struct place_options {
	const char *issue_uid; /* number */
	const char *authority; /* more lines of the authority, indented by four */
	const char *limits;    /* the whole limits.yaml */
	const char *pool;      /* a line of signer.yaml */
	const char *profiles;  /* its section of this name, whole */
	const char *key;       /* the lab's CA's: "p-256" is made in no time */
	bool no_authority;     /* do not make the lab's CA */
};

struct place *place_new(const struct place_options *options);
void place_free(struct place *place);
/* Stop the signer, and start another on the same state. */
void place_stop(struct place *place);
void place_start(struct place *place);
void place_restart(struct place *place);
/* Write a file of the folder; returns its path (static). */
const char *place_write(struct place *place, const char *name, const char *text);
char *place_path(struct place *place, const char *name, char out[PATH_MAX]);

/* Ask the admin socket; the reply is the caller's.  Fails the test on an error. */
json_t *place_admin(struct place *place, json_t *request);
/* The same for a request that must be refused with this reason. */
void place_admin_refuses(struct place *place, json_t *request, const char *reason);
/* Both on the issue socket, by hand. */
json_t *place_issue(struct place *place, json_t *request);
void place_issue_refuses(struct place *place, json_t *request, const char *reason);

/* How many records there are of this event with this reason (NULL = any). */
size_t place_records(struct place *place, const char *event, const char *reason);

/* A public key, DER; made once for each n. */
const uint8_t *test_spki(size_t n, size_t *len);
EVP_PKEY *test_key(size_t n);

/* The request for alice, RID 1105, which every limit allows. */
struct signer_request alice(const char *request_id);
/* Its wire form, to be changed by a test. */
json_t *alice_wire(const char *request_id);

/* The published CRL, read; wait until its number is above `above`. */
X509_CRL *place_crl(struct place *place, int64_t above);
X509_CRL *place_crl_of(struct place *place, const char *stem, int64_t above);
int64_t crl_number(X509_CRL *crl);

#define assert_reason(e, want) assert_string_equal((e).reason, want)

#endif
