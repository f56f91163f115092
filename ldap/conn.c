#include "ldap/conn.h"

#include <poll.h>
#include <string.h>
#include <sys/time.h>

#include <lber.h>
#include <ldap.h>

#include "fas/base/clock.h"
#include "ldap/conn_setup.h"

struct dc_conn {
	LDAP *ld;
	struct io_deadline deadline;
	char host[HOSTNAME_MAX + 1];
};

static const char *const broken_reasons[] = {
    "ldap_connect", "ldap_tls", "ldap_bind", "ldap_server", "ldap_timeout"};

bool
dc_conn_is_broken(const struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(broken_reasons); i++) {
		if (strcmp(e->reason, broken_reasons[i]) == 0)
			return true;
	}
	return false;
}

/* connect: conn_setup, or a part of it. */
static enum fas_code
open_by(enum fas_code connect(
	    const struct dc_target *, struct io_deadline *, LDAP **, struct fas_err *),
    const struct dc_target *target, int64_t deadline_us, struct dc_conn **out, struct fas_err *e)
{
	OWN(dc_conn) struct dc_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return fas_fail_nomem(e);
	memcpy(conn->host, target->host, sizeof(conn->host));
	conn->deadline.at_us = deadline_us;
	enum fas_code rc = connect(target, &conn->deadline, &conn->ld, e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(conn);
	return FAS_OK;
}

enum fas_code
dc_conn_open(
    const struct dc_target *target, int64_t deadline_us, struct dc_conn **out, struct fas_err *e)
{
	return open_by(conn_setup, target, deadline_us, out, e);
}

enum fas_code
dc_conn_open_unbound(
    const struct dc_target *target, int64_t deadline_us, struct dc_conn **out, struct fas_err *e)
{
	return open_by(conn_connect, target, deadline_us, out, e);
}

void
dc_conn_close(struct dc_conn *conn)
{
	if (!conn)
		return;
	if (conn->ld)
		(void)ldap_unbind_ext(conn->ld, NULL, NULL);
	free(conn);
}

bool
dc_conn_is_stale(struct dc_conn *conn)
{
	int fd = -1;
	Sockbuf *sb = NULL;
	if (ldap_get_option(conn->ld, LDAP_OPT_DESC, &fd) != LDAP_OPT_SUCCESS || fd < 0 ||
	    ldap_get_option(conn->ld, LDAP_OPT_SOCKBUF, &sb) != LDAP_OPT_SUCCESS || !sb)
		return true;
	/* Between operations nothing may come: what is readable is an end or a notice of one. */
	if (ber_sockbuf_ctrl(sb, LBER_SB_OPT_DATA_READY, NULL) != 0)
		return true;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) != 0;
}

/*
 * What a result code means for a search (RFC 4511 4.1.9).  Anything not listed is the controller's refusal of this one
 * request; what is listed as broken is its inability to serve at all, so another one is asked.
 */
enum meaning { MEANS_ANSWER, MEANS_MORE, MEANS_NONE, MEANS_BROKEN };

static const struct {
	int code;
	enum meaning meaning;
} meanings[] = {
    {LDAP_SUCCESS, MEANS_ANSWER},
    {LDAP_SIZELIMIT_EXCEEDED, MEANS_MORE},
    {LDAP_NO_SUCH_OBJECT, MEANS_NONE},
    {LDAP_REFERRAL, MEANS_NONE},           /* another controller's object: not chased */
    {LDAP_OPERATIONS_ERROR, MEANS_BROKEN}, /* AD: "a successful bind must be completed" */
    {LDAP_STRONG_AUTH_REQUIRED, MEANS_BROKEN},
    {LDAP_TIMELIMIT_EXCEEDED, MEANS_BROKEN},
    {LDAP_ADMINLIMIT_EXCEEDED, MEANS_BROKEN},
    {LDAP_BUSY, MEANS_BROKEN},
    {LDAP_UNAVAILABLE, MEANS_BROKEN},
};

static enum fas_code
judge_result(const struct dc_conn *conn, int code, struct entries *out, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(meanings); i++) {
		if (meanings[i].code != code)
			continue;
		if (meanings[i].meaning == MEANS_BROKEN)
			return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server",
			    "%s: search ended with %d, %s", conn->host, code,
			    ldap_err2string(code));
		out->more = meanings[i].meaning == MEANS_MORE;
		return FAS_OK;
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_refused", "%s: search refused with %d, %s",
	    conn->host, code, ldap_err2string(code));
}

static enum fas_code
read_result(struct dc_conn *conn, LDAPMessage *result, size_t value_max, struct entries *out,
    struct fas_err *e)
{
	int code = LDAP_OTHER;
	if (ldap_parse_result(conn->ld, result, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server",
		    "%s: RFC 4511 4.1.9: search without a result", conn->host);
	enum fas_code rc =
	    entries_copy_large(out, conn->ld, result, value_max ? value_max : ENTRY_VALUE_MAX, e);
	if (rc != FAS_OK)
		return rc;
	if ((rc = judge_result(conn, code, out, e)) != FAS_OK)
		entries_done(out);
	return rc;
}

/* controls: the server's, or NULL.  *id: under which the answer will come. */
static enum fas_code
send_query(struct dc_conn *conn, const struct dc_query *query, LDAPControl **controls, int *id,
    struct fas_err *e)
{
	int scope = query->scope == DC_BASE ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE;
	char *attributes[ENTRY_ATTRIBUTES_MAX];
	size_t n = 0;
	for (; query->attributes[n] && n + 1 < NELEMS(attributes); n++) {
		/* libldap's prototype lacks the const that its code keeps. */
		memcpy(&attributes[n], &query->attributes[n], sizeof(attributes[n]));
	}
	attributes[n] = NULL;
	int rc = ldap_search_ext(conn->ld, query->base, scope, query->filter, attributes, 0,
	    controls, NULL, NULL, query->size_limit, id);
	if (rc != LDAP_SUCCESS)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server", "%s: search: %s", conn->host,
		    ldap_err2string(rc));
	return FAS_OK;
}

static enum fas_code
send_all(
    struct dc_conn *conn, const struct dc_query *queries, size_t n, int *ids, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < n; i++) {
		conn->deadline.more = i + 1 < n;
		rc = send_query(conn, &queries[i], NULL, &ids[i], e);
	}
	conn->deadline.more = false;
	return rc;
}

/* All are awaited, whatever the first says: none may be left on a connection that goes on. */
static enum fas_code
await_all(struct dc_conn *conn, const int *ids, size_t n, LDAPMessage **results, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < n; i++)
		rc = conn_await(conn->ld, conn->host, ids[i], conn->deadline.at_us, &results[i], e);
	return rc;
}

enum fas_code
dc_conn_search(struct dc_conn *conn, const struct dc_query *queries, size_t n, int64_t deadline_us,
    struct entries *out, struct fas_err *e)
{
	LDAPMessage *results[DC_QUERIES_MAX] = {NULL};
	int ids[DC_QUERIES_MAX];
	for (size_t i = 0; i < n; i++)
		out[i] = (struct entries){0};
	if (n > DC_QUERIES_MAX)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "%zu searches at once", n);
	conn->deadline.at_us = deadline_us;
	enum fas_code rc = send_all(conn, queries, n, ids, e);
	if (rc == FAS_OK)
		rc = await_all(conn, ids, n, results, e);
	for (size_t i = 0; i < n; i++) {
		if (rc == FAS_OK)
			rc = read_result(conn, results[i], queries[i].value_max, &out[i], e);
		own_ldap_message(&results[i]);
	}
	for (size_t i = 0; rc != FAS_OK && i < n; i++)
		entries_done(&out[i]);
	return rc;
}

/* ---- changes ---- */

static const struct {
	int code;
	enum fas_code class;
	const char *reason, *words;
} refusals[] = {
    {LDAP_SUCCESS, FAS_OK, "", ""},
    {LDAP_TYPE_OR_VALUE_EXISTS, FAS_OK, "", ""},
    {LDAP_ALREADY_EXISTS, FAS_OK, "", ""},
    {LDAP_INSUFFICIENT_ACCESS, FAS_E_DENIED, "ldap_rights", "the service's account may not"},
    {LDAP_NO_SUCH_OBJECT, FAS_E_NOTFOUND, "ldap_no_object",
	"there is no such object, or nothing that it could lie in"},
};

static enum fas_code
judge_change(
    const struct dc_conn *conn, const struct dc_change *change, int code, struct fas_err *e)
{
	for (size_t i = 0; i < NELEMS(refusals); i++) {
		if (refusals[i].code == code)
			return refusals[i].class == FAS_OK
				   ? FAS_OK
				   : fas_fail(e, refusals[i].class, refusals[i].reason,
					 "%s: %.200s: %s", conn->host, change->dn,
					 refusals[i].words);
	}
	for (size_t i = 0; i < NELEMS(meanings); i++) {
		if (meanings[i].code == code && meanings[i].meaning == MEANS_BROKEN)
			return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server",
			    "%s: change ended with %d, %s", conn->host, code,
			    ldap_err2string(code));
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_refused", "%s: %.200s: refused with %d, %s",
	    conn->host, change->dn, code, ldap_err2string(code));
}

/* libldap's structures, whose pointers lack the const that its code keeps. */
struct mods {
	struct berval value[DC_VALUES_MAX], *values[DC_VALUES_MAX][2];
	LDAPMod mod[DC_VALUES_MAX], *list[DC_VALUES_MAX + 1];
};

static void
fill_mods(const struct dc_change *change, struct mods *out)
{
	static const int ops[] = {[DC_ADD] = LDAP_MOD_ADD,
	    [DC_ADD_VALUE] = LDAP_MOD_ADD,
	    [DC_REPLACE] = LDAP_MOD_REPLACE};
	size_t n = change->n < DC_VALUES_MAX ? change->n : DC_VALUES_MAX;
	*out = (struct mods){0};
	for (size_t i = 0; i < n; i++) {
		const struct dc_value *from = &change->values[i];
		out->value[i].bv_len = from->len;
		memcpy(&out->value[i].bv_val, &from->value, sizeof(from->value));
		out->values[i][0] = &out->value[i];
		out->mod[i].mod_op = ops[change->act] | LDAP_MOD_BVALUES;
		memcpy(&out->mod[i].mod_type, &from->attribute, sizeof(from->attribute));
		out->mod[i].mod_bvalues = out->values[i];
		out->list[i] = &out->mod[i];
	}
}

enum fas_code
dc_conn_change(
    struct dc_conn *conn, const struct dc_change *change, int64_t deadline_us, struct fas_err *e)
{
	struct mods mods;
	int id = -1, code = LDAP_OTHER;
	OWN(ldap_message) LDAPMessage *answer = NULL;
	conn->deadline.at_us = deadline_us;
	fill_mods(change, &mods);
	int rc = change->act == DC_ADD
		     ? ldap_add_ext(conn->ld, change->dn, mods.list, NULL, NULL, &id)
		     : ldap_modify_ext(conn->ld, change->dn, mods.list, NULL, NULL, &id);
	if (rc != LDAP_SUCCESS)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server", "%s: change: %s", conn->host,
		    ldap_err2string(rc));
	enum fas_code awaited = conn_await(conn->ld, conn->host, id, deadline_us, &answer, e);
	if (awaited != FAS_OK)
		return awaited;
	if (ldap_parse_result(conn->ld, answer, &code, NULL, NULL, NULL, NULL, 0) != LDAP_SUCCESS)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_server",
		    "%s: RFC 4511 4.1.9: change without a result", conn->host);
	return judge_change(conn, change, code, e);
}

/* ---- by pages ---- */

DEFINE_OWN(ldap_control, LDAPControl *, ldap_control_free);
DEFINE_OWN(ldap_controls, LDAPControl **, ldap_controls_free);

static enum fas_code
no_page(const struct dc_conn *conn, const char *finding, struct fas_err *e)
{
	return fas_fail(
	    e, FAS_E_UNAVAILABLE, "ldap_server", "%s: RFC 2696 3: %s", conn->host, finding);
}

static enum fas_code
send_page(struct dc_conn *conn, const struct dc_query *query, const struct dc_cookie *cookie,
    int *id, struct fas_err *e)
{
	OWN(ldap_control) LDAPControl *page = NULL;
	uint8_t bytes[DC_COOKIE_MAX];
	struct berval at = {.bv_len = cookie->len, .bv_val = (char *)bytes};
	memcpy(bytes, cookie->bytes, cookie->len);
	if (ldap_create_page_control(conn->ld, DC_PAGE, cookie->len ? &at : NULL, 1, &page) !=
	    LDAP_SUCCESS)
		return no_page(conn, "no control can be made", e);
	LDAPControl *controls[] = {page, NULL};
	return send_query(conn, query, controls, id, e);
}

static enum fas_code
read_cookie(struct dc_conn *conn, LDAPMessage *result, struct dc_cookie *cookie, struct fas_err *e)
{
	OWN(ldap_controls) LDAPControl **controls = NULL;
	struct berval next = {0};
	ber_int_t total;
	if (ldap_parse_result(conn->ld, result, NULL, NULL, NULL, NULL, &controls, 0) !=
	    LDAP_SUCCESS)
		return no_page(conn, "page without a result", e);
	LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	cookie->done = true;
	if (!page)
		return FAS_OK; /* an error, or a search that had no pages */
	if (ldap_parse_pageresponse_control(conn->ld, page, &total, &next) != LDAP_SUCCESS)
		return no_page(conn, "a control that cannot be read", e);
	cookie->len = next.bv_len <= sizeof(cookie->bytes) ? next.bv_len : 0;
	cookie->done = next.bv_len == 0;
	memcpy(cookie->bytes, next.bv_val ? next.bv_val : "", cookie->len);
	bool fits = cookie->len == next.bv_len;
	ldap_memfree(next.bv_val);
	return fits ? FAS_OK : no_page(conn, "a cookie that is too long", e);
}

enum fas_code
dc_conn_page(struct dc_conn *conn, const struct dc_query *query, struct dc_cookie *cookie,
    int64_t deadline_us, struct entries *out, struct fas_err *e)
{
	OWN(ldap_message) LDAPMessage *result = NULL;
	int id = -1;
	*out = (struct entries){0};
	conn->deadline.at_us = deadline_us;
	enum fas_code rc = send_page(conn, query, cookie, &id, e);
	if (rc == FAS_OK)
		rc = conn_await(conn->ld, conn->host, id, deadline_us, &result, e);
	if (rc == FAS_OK)
		rc = read_cookie(conn, result, cookie, e);
	return rc == FAS_OK ? read_result(conn, result, query->value_max, out, e) : rc;
}
