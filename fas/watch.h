/*
 * What has last been seen of the places where CRLs and certificates are published: written by whoever looks after them,
 * read by readyz, status and metrics, and by whatever issues.
 */
#ifndef FAS_WATCH_H
#define FAS_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "fas/base/err.h"

enum watch_what {
	WATCH_REVOCATION, /* the watchdog's: docs/PROTOCOL.md, fasd's op "revocation.check" */
	WATCH_DIRECTORY,  /* the directory's publisher: op "publish.run" */
	WATCHES
};

struct watch {
	pthread_mutex_t lock;
	json_t *seen[WATCHES]; /* NULL: nobody has looked yet */
	atomic_bool not_ready; /* logons would fail */
	atomic_bool
	    stopped; /* and what would be refused is not issued meanwhile: watch_check_issuing */
};

void watch_init(struct watch *watch);
void watch_done(struct watch *watch);

/* Takes the reference. */
void watch_put(struct watch *watch, enum watch_what what, json_t *seen);
/* A copy of its own; NULL when nobody has looked yet. */
json_t *watch_get(struct watch *watch, enum watch_what what);

/*
 * Of the watchdog's links: under which authorities, as rules name them, logons would fail; "main as PROFILE" where it is one
 * profile's own places alone.  A new list.
 */
json_t *watch_failing(const json_t *links);

/*
 * May this be issued: a certificate of this profile by the authority that a rule names?  Not while the watchdog has stopped it,
 * since a domain controller would find no fresh CRL of it or of its chain.  FAS_E_UNAVAILABLE "revocation_unreachable".
 */
MUST_CHECK enum fas_code watch_check_issuing(
    struct watch *watch, const char *authority, const char *profile, struct fas_err *e);

/* FAS_E_UNAVAILABLE "revocation_unreachable", naming the authorities whose logons would fail, and the first certificates whose CRL no domain controller would get. */
MUST_CHECK enum fas_code watch_check(struct watch *watch, struct fas_err *e);

#endif
