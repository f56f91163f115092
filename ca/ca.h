/*
 * What every operation of fas-signer works with: made once by ca/server.c, shared by all threads.
 */
#ifndef CA_CA_H
#define CA_CA_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <jansson.h>

#include "ca/authority.h"
#include "ca/config.h"
#include "ca/limits.h"
#include "ca/rate.h"
#include "fas/base/audit.h"
#include "fas/base/db.h"
#include "fas/base/err.h"
#include "fas/base/json.h"

struct backup;
struct held_keys;
struct key;
struct pool;
struct pruner;
struct publisher;

#define CHECKPOINT_TRAILS 2 /* fasd's and the signer's own */

/* The host table's generation as waiting readers see it. */
struct host_table {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t generation;
	bool stopping;
};

/* Administrators' revocations, holds and releases as fasd follows them (ca/act.h). */
struct act_feed {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t last, applied; /* the newest one; the last that fasd has applied */
	int64_t asked_us;      /* when fasd asked last; 0 = not since start */
	bool stopping;
};

/* How many refusals may still be recorded: nobody fills the disk by being refused. */
struct refusals {
	pthread_mutex_t lock;
	int64_t refilled_us;
	double left;
	uint64_t suppressed; /* not recorded since the last one that was */
};

struct ca {
	const struct signer_config *config;
	uid_t owner; /* to whom configuration and limits must belong */
	struct db_pool *db;
	struct authorities authorities;
	pthread_rwlock_t limits_lock; /* guards the two pointers and what they point to */
	struct limits *limits;
	struct rate *rate;
	struct host_table hosts;
	struct act_feed acts;
	struct refusals refusals;
	struct publisher *publisher;
	struct pruner *pruner;
	struct backup *backup;  /* the moment that is held for one */
	struct pool *pool;      /* users' keys that lie ready */
	struct held_keys *held; /* and those that sessions have */
	struct key *audit_key;  /* signs heads of audit trails, nothing else */
	int64_t audit_key_id;
	_Atomic int64_t checkpoint_us[CHECKPOINT_TRAILS]; /* when one was made last */
	_Atomic int64_t signatures;                       /* made since start */
	atomic_bool limits_wait; /* limits.yaml says what two persons have not agreed on */
};

#define CALL_CALLER_MAX 48

/* One request on one of the sockets. */
struct call {
	struct ca *ca;
	const struct operation *operations; /* of that socket */
	size_t n_operations;
	const char *caller; /* "uid:998", "uid:0(login 1000)" */
	struct json_reader in;
	const char *chain_known; /* digest of the chain that the caller has; NULL: none */
	json_t *reply;           /* what the operation answers; owned by the dispatcher */
	int file;                /* goes behind the reply; -1: none.  Owned by the dispatcher */
	/*
	 * What the record will say: an operation fills in what it learns.  Its texts are borrowed from `in`, from literals,
	 * or from `kept`, which lives as long as the record.
	 */
	struct audit_record about;
	char kept_serial[41];
	char kept_correlation[CORRELATION_ID_MAX];
};
typedef enum fas_code call_fn(struct call *call, struct fas_err *e);

struct operation {
	const char *name;
	call_fn *run;
	const char *
	    refused; /* event of the record when it fails; NULL: a question, of which there is no record */
};

/*
 * Answer one message: find the operation, run it, record a refusal.  Always gives a reply (a new reference), NULL only
 * when out of memory.
 */
json_t *ca_dispatch(struct ca *ca, const struct operation *operations, size_t n, const char *caller,
    json_t *request);

/* The same for what two persons have agreed on: it does not wait for a second one. */
json_t *ca_dispatch_approved(struct ca *ca, const struct operation *operations, size_t n,
    const char *caller, json_t *request);
/* The same for an operation that may answer with a file: *file is the caller's, -1 when there is none. */
json_t *ca_dispatch_file(struct ca *ca, const struct operation *operations, size_t n,
    const char *caller, json_t *request, int *file);

/* A refusal outside of any request: a peer that may not speak. */
void ca_record_refusal(
    struct ca *ca, const struct operation *op, const char *caller, const struct fas_err *why);

/* Set call->about.correlation_id from the request, or draw one. */
void call_correlate(struct call *call, const char *correlation_id);

/* An object for record->detail of pairs (name, text) up to NULL; a new reference or NULL. */
json_t *audit_detail(const char *name, ...) SENTINEL;

#endif
