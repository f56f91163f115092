/*
 * The issuers of this node: every generation of every authority, the roots whose CRLs are published beside them, and the
 * service CA.  Loaded from ca.db, replaced one by one, shared by threads.
 */
#ifndef CA_AUTHORITY_H
#define CA_AUTHORITY_H

#include <pthread.h>

#include "ca/config.h"
#include "ca/issuer.h"
#include "fas/base/db.h"
#include "fas/base/err.h"

#define ISSUERS_MAX 128

struct authorities {
	const struct signer_config *config;
	struct db_pool *db;
	pthread_mutex_t loading; /* what was read last stands last */
	pthread_mutex_t lock;    /* guards what follows; issuers themselves never change */
	size_t n;
	struct issuer *issuers[ISSUERS_MAX];
};

void authorities_init(
    struct authorities *a, const struct signer_config *config, struct db_pool *db);
void authorities_done(struct authorities *a);

/* Read all issuers from ca.db, all or nothing: at start, and after an administrator's act. */
MUST_CHECK enum fas_code authorities_load(struct authorities *a, struct fas_err *e);

/* A key and a self-signed certificate for the service CA, if there is none: at first start. */
MUST_CHECK enum fas_code authorities_make_service_ca(struct authorities *a, struct fas_err *e);

/*
 * The generation that issues; a new reference.  FAS_E_UNAVAILABLE "authority_not_ready", "authority_key"; FAS_E_NOTFOUND
 * "authority_unknown".
 */
MUST_CHECK enum fas_code authorities_find(
    struct authorities *a, const char *name, struct issuer **out, struct fas_err *e);
/*
 * Who issues for this authority at now_s: itself, or, while it cannot sign, the first of its fail_over that can; a new
 * reference.  When nobody can, the error is why itself cannot: as authorities_find, or FAS_E_UNAVAILABLE
 * "authority_ends", "authority_key", or what key_check says.
 */
MUST_CHECK enum fas_code authorities_able(
    struct authorities *a, const char *name, int64_t now_s, struct issuer **out, struct fas_err *e);
/* The same for an issue: where nobody is able, a token is asked all the same, since a signature begins its worker anew. */
MUST_CHECK enum fas_code authorities_choose(
    struct authorities *a, const char *name, int64_t now_s, struct issuer **out, struct fas_err *e);
MUST_CHECK enum fas_code authorities_service(
    struct authorities *a, struct issuer **out, struct fas_err *e);
/* By its row; NULL when there is none. */
struct issuer *authorities_by_id(struct authorities *a, int64_t id);
/* The newest generation of this kind, ready or not; NULL when there is none. */
struct issuer *authorities_newest(struct authorities *a, enum issuer_kind kind, const char *name);
/* The newest generation of a logon authority in this state; NULL when there is none. */
struct issuer *authorities_in_state(
    struct authorities *a, const char *name, enum generation_state state);
/*
 * The root above this generation of a logon authority, NULL while there is none: its own, or, in a lab, that of an
 * earlier generation.
 */
struct issuer *authorities_root_of(struct authorities *a, const struct issuer *issuer);
/*
 * Does this issuer (still) publish its certificate and CRL?  A root does as long as an authority below it does; the service
 * CA its list only, for a restore: its certificates are judged by the host table.
 */
bool authorities_publishes(struct authorities *a, const struct issuer *issuer);
/* FAS_E_LIMIT "too_many_issuers": one more key, and its root, could not be loaded. */
MUST_CHECK enum fas_code authorities_check_room(struct authorities *a, struct fas_err *e);
/* New references to all; returns how many. */
size_t authorities_all(struct authorities *a, struct issuer *out[ISSUERS_MAX]);

#endif
