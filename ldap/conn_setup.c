#include "ldap/conn_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <lber.h>
#include <openldap.h>
#include <sasl/sasl.h>

#include "fas/base/clock.h"
#include "fas/base/secret.h"
#include "ldap/connect.h"

#define ANSWER_BYTES_MAX (4 * 1024 * 1024)
#define PASSWORD_MAX 1024
#define SASL_ROUNDS_MAX 8
#define SSF_MIN 128 /* what AES-128 gives; RC4 gives less and is refused */
#define SASL_PROPERTIES "noanonymous,noplain,minssf=128"

/* Time left, at least 1 us: a deadline that has passed still lets what is already there be taken. */
static struct timeval
time_left(int64_t deadline_us)
{
	int64_t left = deadline_us - clock_monotonic_us();
	if (left < 1)
		left = 1;
	return (struct timeval){.tv_sec = left / 1000000, .tv_usec = left % 1000000};
}

static enum fas_code
ldap_fail(
    struct fas_err *e, LDAP *ld, const char *host, const char *reason, const char *what, int rc)
{
	char *detail = NULL;
	if (ld)
		(void)ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &detail);
	enum fas_code code = fas_fail(e, FAS_E_UNAVAILABLE, reason, "%s: %s: %s%s%.200s", host,
	    what, ldap_err2string(rc), detail ? ": " : "", detail ? detail : "");
	ldap_memfree(detail);
	return code;
}

static enum fas_code
timed_out(struct fas_err *e, const char *host, const char *what)
{
	return fas_fail(
	    e, FAS_E_TIMEOUT, "ldap_timeout", "%s: no answer to %s in time", host, what);
}

enum fas_code
conn_await(
    LDAP *ld, const char *host, int id, int64_t deadline_us, LDAPMessage **out, struct fas_err *e)
{
	struct timeval left = time_left(deadline_us);
	int rc = LDAP_SERVER_DOWN;
	*out = NULL;
	int type = ldap_result(ld, id, LDAP_MSG_ALL, &left, out);
	if (type > 0)
		return FAS_OK;
	if (type == 0) {
		(void)ldap_abandon_ext(ld, id, NULL, NULL);
		return timed_out(e, host, "a request");
	}
	if (clock_monotonic_us() >= deadline_us)
		return timed_out(e, host, "a request");
	(void)ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &rc);
	return ldap_fail(e, NULL, host, "ldap_server", "connection lost", rc);
}

/* ---- the handle ---- */

bool
conn_prepare(LDAP *ld, struct io_deadline *deadline)
{
	static const int version = LDAP_VERSION3, deref = LDAP_DEREF_NEVER;
	struct timeval left = time_left(deadline->at_us);
	Sockbuf *sb = NULL;
	ber_len_t max = ANSWER_BYTES_MAX;
	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_DEREF, &deref) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &left) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_TIMEOUT, &left) == LDAP_OPT_SUCCESS &&
	       ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == LDAP_OPT_SUCCESS && sb &&
	       ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &max) == 1 &&
	       io_deadline_install(sb, deadline);
}

enum fas_code
conn_dial(const struct dc_target *t, int64_t deadline_us, int *out, struct fas_err *e)
{
	char detail[128];
	*out = connect_addresses(t->addresses, t->n_addresses, deadline_us);
	if (*out >= 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_connect", "%s port %u: %s", t->host,
	    (unsigned)t->port, strerror_r(errno, detail, sizeof(detail)));
}

enum fas_code
conn_connect(const struct dc_target *t, struct io_deadline *deadline, LDAP **out, struct fas_err *e)
{
	OWN(ldap) LDAP *ld = NULL;
	OWN(fd) int fd = -1;
	char url[HOSTNAME_MAX + 32];
	enum fas_code rc = conn_dial(t, deadline->at_us, &fd, e);
	if (rc != FAS_OK)
		return rc;
	/* The URL carries the name by which TLS and GSSAPI know the server; the socket is connected already. */
	(void)snprintf(url, sizeof(url), "ldap://%s:%u", t->host, (unsigned)t->port);
	int code = ldap_init_fd(fd, LDAP_PROTO_TCP, url, &ld);
	if (code != LDAP_SUCCESS)
		return ldap_fail(e, NULL, t->host, "ldap_connect", "libldap", code);
	fd = -1; /* the handle's now */
	if (!conn_prepare(ld, deadline))
		return fas_fail(e, FAS_E_INTERNAL, "internal", "libldap refuses an option");
	*out = TAKE(ld);
	return FAS_OK;
}

/* ---- TLS ---- */

/* A context of this handle alone: nothing of ldap.conf or the environment weakens it. */
static bool
set_tls_options(LDAP *ld, const char *ca_file)
{
	static const int demand = LDAP_OPT_X_TLS_DEMAND, least = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2;
	static const int client = 0;
	return ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_SAN, &demand) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_PROTOCOL_MIN, &least) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTDIR, NULL) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, ca_file) == LDAP_OPT_SUCCESS &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client) == LDAP_OPT_SUCCESS;
}

static enum fas_code
ask_for_tls(LDAP *ld, const char *host, int64_t deadline_us, struct fas_err *e)
{
	OWN(ldap_message) LDAPMessage *answer = NULL;
	int id = -1, code = LDAP_OTHER;
	int rc = ldap_start_tls(ld, NULL, NULL, &id);
	if (rc != LDAP_SUCCESS)
		return ldap_fail(e, ld, host, "ldap_tls", "StartTLS", rc);
	enum fas_code awaited = conn_await(ld, host, id, deadline_us, &answer, e);
	if (awaited != FAS_OK)
		return awaited;
	rc = ldap_parse_result(ld, answer, &code, NULL, NULL, NULL, NULL, 0);
	if (rc != LDAP_SUCCESS || code != LDAP_SUCCESS)
		return ldap_fail(
		    e, ld, host, "ldap_tls", "StartTLS refused", rc != LDAP_SUCCESS ? rc : code);
	return FAS_OK;
}

enum fas_code
conn_secure(LDAP *ld, const struct dc_target *t, const char *ca_file, int64_t deadline_us,
    struct fas_err *e)
{
	if (!set_tls_options(ld, ca_file))
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_tls",
		    "%s: libldap cannot use the CA file %s", t->host, ca_file);
	struct timeval left = time_left(deadline_us);
	(void)ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &left);
	int rc = ldap_install_tls(ld);
	if (rc == LDAP_SUCCESS && ldap_tls_inplace(ld))
		return FAS_OK;
	if (clock_monotonic_us() >= deadline_us)
		return timed_out(e, t->host, "the TLS handshake");
	return ldap_fail(e, ld, t->host, "ldap_tls",
	    "TLS handshake (RFC 4513 3.1.3: certificate from ca_file, bearing this name)", rc);
}

static enum fas_code
start_tls(LDAP *ld, const struct dc_target *t, int64_t deadline_us, struct fas_err *e)
{
	if (t->config->bind == BIND_SIMPLE_STARTTLS) {
		enum fas_code asked = ask_for_tls(ld, t->host, deadline_us, e);
		if (asked != FAS_OK)
			return asked;
	}
	return conn_secure(ld, t, t->config->ca_file, deadline_us, e);
}

/* ---- bind ---- */

static enum fas_code
finish_bind(LDAP *ld, const char *host, LDAPMessage *answer, struct fas_err *e)
{
	int code = LDAP_OTHER;
	int rc = ldap_parse_result(ld, answer, &code, NULL, NULL, NULL, NULL, 0);
	if (rc == LDAP_SUCCESS && code == LDAP_SUCCESS)
		return FAS_OK;
	return ldap_fail(e, ld, host, "ldap_bind", "bind", rc != LDAP_SUCCESS ? rc : code);
}

/* Only ever called behind start_tls. */
static enum fas_code
bind_simple(LDAP *ld, const struct dc_target *t, int64_t deadline_us, struct fas_err *e)
{
	OWN(secret) struct secret password = {0};
	OWN(ldap_message) LDAPMessage *answer = NULL;
	int id = -1;
	struct fas_err why = {0};
	/* RFC 4513 5.1.2: with an empty password the bind would succeed and mean nobody. */
	if (secret_load(&password, t->config->password_file, PASSWORD_MAX, &why) != FAS_OK ||
	    password.len == 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_bind", "password file %s: %s",
		    t->config->password_file, why.code ? why.message : "is empty");
	struct berval secret = {.bv_len = password.len, .bv_val = (char *)password.data};
	int rc = ldap_sasl_bind(ld, t->config->bind_dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, &id);
	if (rc != LDAP_SUCCESS)
		return ldap_fail(e, ld, t->host, "ldap_bind", "simple bind", rc);
	enum fas_code awaited = conn_await(ld, t->host, id, deadline_us, &answer, e);
	return awaited == FAS_OK ? finish_bind(ld, t->host, answer, e) : awaited;
}

/* The mechanism asks for names at most; everything is in the credential cache, so each answer is empty. */
static int
answer_nothing(LDAP *ld, unsigned flags, void *defaults, void *asked)
{
	(void)ld;
	(void)flags;
	(void)defaults;
	for (sasl_interact_t *i = asked; i->id != SASL_CB_LIST_END; i++) {
		i->result = "";
		i->len = 0;
	}
	return LDAP_SUCCESS;
}

/* One step of the exchange; *answer is the last one's and is replaced by the next. */
static int
sasl_step(LDAP *ld, LDAPMessage **answer, const char **mechanism, int *id)
{
	int rc = ldap_sasl_interactive_bind(ld, NULL, "GSSAPI", NULL, NULL, LDAP_SASL_QUIET,
	    answer_nothing, NULL, *answer, mechanism, id);
	if (*answer)
		(void)ldap_msgfree(TAKE(*answer));
	return rc;
}

static enum fas_code
check_strength(LDAP *ld, const char *host, struct fas_err *e)
{
	ber_len_t ssf =
	    0; /* what libldap writes, wider than sasl_ssf_t: ldap_get_option(3) does not say */
	if (ldap_get_option(ld, LDAP_OPT_X_SASL_SSF, &ssf) != LDAP_OPT_SUCCESS || ssf < SSF_MIN)
		return fas_fail(e, FAS_E_UNAVAILABLE, "ldap_bind",
		    "%s: RFC 4752 3.1: GSSAPI sealing of strength %lu, want %u", host, ssf,
		    (unsigned)SSF_MIN);
	return FAS_OK;
}

enum fas_code
conn_sasl(LDAP *ld, const struct dc_target *t, const char *properties, int64_t deadline_us,
    int *result, struct fas_err *e)
{
	OWN(ldap_message) LDAPMessage *answer = NULL;
	const char *mechanism = NULL;
	int id = -1;
	enum fas_code code = krb_creds_use(t->ccache, e);
	if (code != FAS_OK)
		return code;
	*result = LDAP_SASL_BIND_IN_PROGRESS;
	if (ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON) != LDAP_OPT_SUCCESS ||
	    ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, properties) != LDAP_OPT_SUCCESS)
		return fas_fail(e, FAS_E_INTERNAL, "internal", "libldap refuses a SASL option");
	for (int round = 0; round < SASL_ROUNDS_MAX; round++) {
		*result = sasl_step(ld, &answer, &mechanism, &id);
		if (*result != LDAP_SASL_BIND_IN_PROGRESS)
			break;
		if ((code = conn_await(ld, t->host, id, deadline_us, &answer, e)) != FAS_OK)
			return code;
	}
	return FAS_OK;
}

static enum fas_code
bind_gssapi(LDAP *ld, const struct dc_target *t, int64_t deadline_us, struct fas_err *e)
{
	int result;
	enum fas_code rc = conn_sasl(ld, t, SASL_PROPERTIES, deadline_us, &result, e);
	if (rc != FAS_OK)
		return rc;
	if (result != LDAP_SUCCESS)
		return ldap_fail(e, ld, t->host, "ldap_bind", "GSSAPI bind", result);
	return check_strength(ld, t->host, e);
}

enum fas_code
conn_setup(const struct dc_target *t, struct io_deadline *deadline, LDAP **out, struct fas_err *e)
{
	OWN(ldap) LDAP *ld = NULL;
	int64_t end_us = deadline->at_us;
	enum fas_code rc = conn_connect(t, deadline, &ld, e);
	if (rc != FAS_OK)
		return rc;
	bool simple = t->config->bind != BIND_GSSAPI;
	if (simple && (rc = start_tls(ld, t, end_us, e)) != FAS_OK)
		return rc;
	rc = simple ? bind_simple(ld, t, end_us, e) : bind_gssapi(ld, t, end_us, e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(ld);
	return FAS_OK;
}
