/*
 * Users' keys that the signer holds: each belongs to one session and one certificate, signs digests only, so often and so
 * long as was said when it was made, and is destroyed with its session.  In memory alone: after a restart there is none.
 *
 *     held_reserve   a key for a request id, before its certificate is on record
 *     held_arm       the certificate is on record: from here on the key may sign
 *     held_use       one signature less; the key stays there while it is used
 */
#ifndef CA_HELD_H
#define CA_HELD_H

#include <stdint.h>

#include "ca/key.h"
#include "ca/pool.h"
#include "ca/profile.h"
#include "fas/base/audit.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"

#define HELD_KEY_ID_MAX CORRELATION_ID_MAX /* 32 hex digits and NUL */
#define HELD_TEXT_MAX 65                   /* session and request ids, with NUL */
#define HELD_SERIAL_HEX_MAX (2 * PROFILE_SERIAL_MAX + 1)
#define HELD_KEYS_MAX 100000

struct held_keys;
struct held_key; /* counted references */

/* What a key is for; texts are copied. */
struct held_terms {
	const char *session, *host, *upn, *sid;
	int64_t until_s; /* no signature at or after */
	uint64_t max_signatures;
};

/* Starts the thread that destroys what is over, within a second. */
MUST_CHECK enum fas_code held_new(struct pool *pool, struct held_keys **out, struct fas_err *e);
void held_free(struct held_keys *held);

/* The key of a request id; NULL when there is none.  Release it with held_unref. */
struct held_key *held_find_request(struct held_keys *held, const char *request_id);
void held_unref(struct held_key *key);

/*
 * The key of this request id, or one of the pool.  As pool_take, and FAS_E_LIMIT "held_full".  One that is not armed is
 * destroyed two minutes later.
 */
MUST_CHECK enum fas_code held_reserve(struct held_keys *held, const char *request_id,
    const char *type, const struct held_terms *terms, int64_t now_s, struct held_key **out,
    int64_t *wait_s, struct fas_err *e);
/* The certificate has this serial number (hex) and end; until_s is cut there.  A second time changes nothing. */
void held_arm(
    struct held_keys *held, struct held_key *key, const char *serial, int64_t not_after_s);
/* The certificate was refused for good: back into the pool, unless it has been armed. */
void held_cancel(struct held_keys *held, struct held_key *key);

const struct key *held_key(const struct held_key *key);
const char *held_id(const struct held_key *key); /* names it in requests; random, not secret */

/* Of whom a key is, for the record; borrowed from the key. */
struct held_owner {
	const char *session, *host, *upn, *sid, *serial;
};
void held_owner(const struct held_key *key, struct held_owner *out);

/*
 * Count one signature of this session's key.  FAS_E_NOTFOUND "key_unknown": no such key, not this session's, not armed,
 * destroyed.  FAS_E_DENIED "sign_window": until_s is over; "sign_count": all signatures are made.
 */
MUST_CHECK enum fas_code held_use(struct held_keys *held, const char *session, const char *key_id,
    int64_t now_s, struct held_key **out, struct fas_err *e);

enum held_by { HELD_SESSION, HELD_SERIAL, HELD_HOST, HELD_UPN, HELD_SID, HELD_ANY };
/* Destroy what matches, now: the next signature finds nothing.  Returns how many. */
size_t held_drop(struct held_keys *held, enum held_by by, const char *text);

/* Serial numbers of the certificates whose keys are held; `at` is the caller's to free. */
struct held_serials {
	char (*at)[HELD_SERIAL_HEX_MAX];
	size_t n;
};
MUST_CHECK enum fas_code held_serials(
    struct held_keys *held, struct held_serials *out, struct fas_err *e);
/* Destroy those of the list, which is sorted here. */
size_t held_drop_serials(struct held_keys *held, const struct held_serials *list);

struct held_counts {
	size_t keys;
	uint64_t signatures; /* since start */
};
void held_count(struct held_keys *held, struct held_counts *out);

DEFINE_OWN(held_keys, struct held_keys *, held_free);
DEFINE_OWN(held_key, struct held_key *, held_unref);

#endif
