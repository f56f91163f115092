/*
 * One bound connection to one domain controller (RFC 4511), and every step of it under a deadline.
 *
 * Deadlines are times of clock_monotonic_us.  A connection is used by one thread at a time.
 *
 * FAS_E_UNAVAILABLE "ldap_connect", "ldap_tls", "ldap_bind", "ldap_server", and FAS_E_TIMEOUT "ldap_timeout" mean that
 * the connection is of no more use: close it.  After any other code it is as good as before.
 */
#ifndef LDAP_CONN_H
#define LDAP_CONN_H

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "ldap/creds.h"
#include "ldap/discover.h"
#include "ldap/domain_config.h"
#include "ldap/entry.h"

struct dc_conn;

struct dc_target {
	const struct domain_config *config;
	char host[HOSTNAME_MAX + 1]; /* the name that the ticket or the certificate has to bear */
	uint16_t port;
	struct address addresses[ADDRESSES_MAX];
	size_t n_addresses;
	char ccache[CCACHE_NAME_MAX]; /* for GSSAPI */
};

enum dc_scope { DC_BASE, DC_SUBTREE };

struct dc_query {
	const char *base;
	enum dc_scope scope;
	const char *filter;            /* built by filter.h */
	const char *const *attributes; /* up to NULL */
	int size_limit;                /* 0: none */
	size_t value_max;              /* octets; 0: ENTRY_VALUE_MAX */
};

/* An object to be added, or one attribute of it to be changed (RFC 4511 4.6, 4.7). */
enum dc_act { DC_ADD, DC_ADD_VALUE, DC_REPLACE };

struct dc_value {
	const char *attribute;
	const void *value;
	size_t len;
};
#define DC_VALUES_MAX 4

struct dc_change {
	enum dc_act act;
	const char *dn;
	struct dc_value
	    values[DC_VALUES_MAX]; /* of DC_ADD all that it has; else the first one counts */
	size_t n;
};

/*
 * Connect, secure and bind: GSSAPI with at least 128 bits of confidentiality (RFC 4752), or a simple bind under TLS whose
 * certificate verifies to ca_file and bears host (RFC 4513 3.1.3).
 */
MUST_CHECK enum fas_code dc_conn_open(
    const struct dc_target *target, int64_t deadline_us, struct dc_conn **out, struct fas_err *e);
void dc_conn_close(struct dc_conn *conn);

/*
 * The same without TLS and bind: nobody's connection, on which a controller shows its root DSE (RFC 4512 5.1).  What it
 * says there is hearsay: for a diagnosis only.
 */
MUST_CHECK enum fas_code dc_conn_open_unbound(
    const struct dc_target *target, int64_t deadline_us, struct dc_conn **out, struct fas_err *e);

/* Has the other side closed it, or sent what nobody asked for, since the last answer?  Does not wait. */
bool dc_conn_is_stale(struct dc_conn *conn);

#define DC_QUERIES_MAX 2

/*
 * All entries of each of n searches, out[i] for queries[i]; they travel together, and the controller may have answered
 * any of them first.  No such object is none.  References are ignored.  out[i].more tells that the size limit was hit.
 * The failure of one is that of all, and leaves out empty.  On a timeout the operation is abandoned.  Also FAS_E_UNAVAILABLE "ldap_refused" (connection still good), FAS_E_LIMIT and FAS_E_DENIED of
 * entries_copy.
 */
MUST_CHECK enum fas_code dc_conn_search(struct dc_conn *conn, const struct dc_query *queries,
    size_t n, int64_t deadline_us, struct entries *out, struct fas_err *e);

/*
 * One change.  What is there already (RFC 4511: attributeOrValueExists, entryAlreadyExists) is FAS_OK: asked again, a
 * change is done once.  FAS_E_DENIED "ldap_rights" (insufficientAccessRights), FAS_E_NOTFOUND "ldap_no_object" (it, or
 * what it should lie in), FAS_E_UNAVAILABLE "ldap_refused" and those of a broken connection.
 */
MUST_CHECK enum fas_code dc_conn_change(
    struct dc_conn *conn, const struct dc_change *change, int64_t deadline_us, struct fas_err *e);
#define DC_COOKIE_MAX 16384
#define DC_PAGE ENTRIES_MAX

/* Where a search by pages stands; zero before the first. */
struct dc_cookie {
	uint8_t bytes[DC_COOKIE_MAX];
	size_t len;
	bool done; /* the page that came was the last */
};

/*
 * The next page of at most DC_PAGE entries (RFC 2696), all on one connection.  As dc_conn_search; a cookie above
 * DC_COOKIE_MAX is "ldap_server".
 */
MUST_CHECK enum fas_code dc_conn_page(struct dc_conn *conn, const struct dc_query *query,
    struct dc_cookie *cookie, int64_t deadline_us, struct entries *out, struct fas_err *e);

/* Does this error mean that the connection is of no more use? */
bool dc_conn_is_broken(const struct fas_err *e);

DEFINE_OWN(dc_conn, struct dc_conn *, dc_conn_close);

#endif
