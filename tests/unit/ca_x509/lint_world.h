/* The authorities under which the lint data stands, and what each kind of file is meant to be. */
#ifndef TESTS_CA_X509_LINT_WORLD_H
#define TESTS_CA_X509_LINT_WORLD_H

#include "ca/lint.h"

#define WORLD_NOW INT64_C(1795400000) /* 2026-11-23T03:33:20Z */
#define WORLD_SID "S-1-5-21-1329593140-2634913955-1900852804-500"
#define WORLD_UPN "alice@corp.example.com"
#define WORLD_LONGEST_S 900
#define WORLD_ACCOUNT "alice"
#define WORLD_REALM "CORP.EXAMPLE.COM"
#define WORLD_MAIL "alice@mail.example.com"
#define WORLD_CRL_NUMBER 41 /* of the list before */

enum world_ca { WORLD_ROOT, WORLD_LOGON, WORLD_SERVICE, WORLD_CAS };

struct world {
	X509 *certificate[WORLD_CAS];
	struct profile_issuer issuer[WORLD_CAS];
	struct sid sid;
};

/* File names without ".der": "root", "logon-ca", "service-ca". */
const char *world_ca_name(enum world_ca ca);
enum world_ca world_ca_parse(const char *name);
/* Set one authority up from its certificate. */
void world_add(struct world *w, enum world_ca ca, const uint8_t *der, size_t len);
void world_init(struct world *w);
void world_done(struct world *w);

/* A good file's name ("kdc", "ca", "root", "crl", ...) says how it is linted. */
enum world_shape { WORLD_LEAF, WORLD_AUTHORITY, WORLD_LIST };
struct world_case {
	const char *name;
	enum world_shape shape;
	enum profile_kind kind; /* of a leaf */
	enum world_ca issuer;
	bool self_issued;
	const struct profile_own *own;
};
/* NULL when there is none of this name. */
const struct world_case *world_case(const char *name);
const struct world_case *world_case_at(size_t i);
/* Lint as the case says, under issuer. */
void world_lint(const struct world *w, const struct world_case *how, enum world_ca issuer,
    const uint8_t *der, size_t len, struct lint_report *out);

#endif
