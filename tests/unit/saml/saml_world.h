/*
 * What every test of this room needs: keys made for this run, providers that trust them, and rows.
 *
 * A row is one sentence: a Response as saml_sign makes it, edited before and after it is signed, and the reason for
 * which it is refused (NULL: it is accepted, and says what is in it).
 */
#ifndef FAS_TESTS_SAML_WORLD_H
#define FAS_TESTS_SAML_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fas/saml/saml.h"
#include "fas/saml/sp.h"
#include "saml_sign.h"

#define NOW_S INT64_C(1767225600)
#define NOW "2026-01-01T00:00:00Z"
#define BEFORE "2025-12-31T23:59:30Z" /* NotBefore */
#define AFTER "2026-01-01T00:05:00Z"  /* NotOnOrAfter */
#define ENTITY(name) "https://idp.example/" name
#define ACS "https://fas.example/acs"
#define AUDIENCE "https://fas.example/saml"
#define SID "S-1-5-21-1004336348-1177238915-682003330-1104"
#define EVIL_SID "S-1-5-21-1004336348-1177238915-682003330-1105"
#define UPN "alice@corp.example.com"
#define GUID "6f9619ff-8b86-d011-b42d-00c04fc964ff"

enum world_key { KEY_MAIN, KEY_OTHER, KEY_P256, KEY_P384, KEY_P521, KEY_COUNT };
#define DECRYPTION_KEYS 2

struct world {
	EVP_PKEY *keys[KEY_COUNT];
	X509 *certs[KEY_COUNT];
	char *cert_base64; /* of KEY_MAIN */
	struct saml_trust *trust;
	EVP_PKEY *decryption[DECRYPTION_KEYS]; /* of sp */
	struct saml_sp *sp;
	char folder[64];
};
extern struct world world;

/* The first occurrence of from becomes to; a from that is not there fails the test. */
struct edit {
	const char *from;
	const char *to;
};
#define EDITS_MAX 6

enum sealed { SEALED_NOTHING, SEALED_ASSERTION, SEALED_NAME_ID };

struct row {
	const char *name;
	const char *reason;
	const char *
	    says; /* a part of the message, where the reason alone does not tell which bound it was */
	const char *idp; /* name of the provider; default "main" */
	enum world_key key;
	enum saml_sign_what sign; /* default: the Assertion */
	bool is_unsigned;
	bool without_sp; /* judged by a service that has no keys of its own */
	const char *algorithm, *digest, *prefix_list;
	const char *asked;                /* in_response_to of the call */
	struct saml_expectation expected; /* the rest of what the caller knows */
	const char *answers;              /* InResponseTo of the document */
	int64_t later_s;                  /* judged so many seconds after NOW */
	struct edit before[EDITS_MAX], after[EDITS_MAX];
	enum sealed sealed;                 /* encrypted, before what is around it is signed */
	struct saml_sign_seal seal;         /* to: default the first decryption key */
	struct edit inside[EDITS_MAX];      /* of the signed Assertion before it is encrypted */
	char *(*spoil_inside)(char *plain); /* the same; takes plain, returns what is encrypted */
	char *(*spoil)(char *xml);          /* after all edits; takes xml, returns what is sent */
	void (*check)(const struct saml_assertion *a); /* of an accepted one; default: alice */
};

/* Run every row as a test of its own; returns the number of failures. */
int world_run(const char *group, const struct row *rows, size_t n);
int world_setup(void **state);
int world_teardown(void **state);

/*
 * The same rows with their Assertion encrypted as it came out in the end; those whose Response is signed are left out, for
 * that signature would be broken.
 */
int world_run_sealed(const char *group, const struct row *rows, size_t n);

/* The steps of a row, for tests that go their own way. */
struct saml_sign_spec world_spec(const struct row *row);
char *world_response(const struct row *row);
enum fas_code world_verify(const struct row *row, const void *xml, size_t len,
    struct saml_assertion **out, struct fas_err *e);
enum fas_code world_explain(
    const struct row *row, const void *xml, size_t len, json_t **out, struct fas_err *e);
void world_is_alice(const struct saml_assertion *a);
/* Fails the test unless the bytes are refused for this reason. */
void world_refused(const struct row *row, const void *xml, size_t len, const char *reason);

/* The whole Assertion of the document, as a document of its own; and the document with it encrypted. */
char *world_lift_assertion(const char *xml);
char *world_seal_assertion(char *xml, const struct row *row);
/* A row of enum sealed, in the order in which a provider works. */
char *world_sealed_response(const struct row *row);
void world_make_sp(void);
char *world_apply(char *text, const struct edit *edits);

/* Text with the first occurrence of from replaced; malloc'ed, text is freed. */
char *world_replace(char *text, const char *from, const char *to);
/* Copy of the part from the first open to the end of the first close behind it. */
char *world_cut(const char *text, const char *open, const char *close);

#endif
