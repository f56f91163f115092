#include "fas/doctor/peer.h"

#include <errno.h>
#include <poll.h>

#include <gnutls/gnutls.h>

#include "fas/base/clock.h"
#include "ldap/conn_setup.h"

#define HELLO_MAX 65536 /* of one handshake message */
#define ROUNDS_MAX 1000

struct visit {
	gnutls_certificate_credentials_t nobody;
	gnutls_session_t session;
};

static void
visit_done(struct visit *visit)
{
	if (visit->session)
		gnutls_deinit(visit->session);
	if (visit->nobody)
		gnutls_certificate_free_credentials(visit->nobody);
}

DEFINE_OWN_IN_PLACE(visit, struct visit, visit_done);

static bool
prepare(struct visit *visit, const char *host, int fd)
{
	if (gnutls_certificate_allocate_credentials(&visit->nobody) != 0 ||
	    gnutls_init(&visit->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) != 0 ||
	    gnutls_set_default_priority(visit->session) != 0 ||
	    gnutls_credentials_set(visit->session, GNUTLS_CRD_CERTIFICATE, visit->nobody) != 0 ||
	    gnutls_server_name_set(visit->session, GNUTLS_NAME_DNS, host, strlen(host)) != 0)
		return false;
	gnutls_handshake_set_max_packet_length(visit->session, HELLO_MAX);
	gnutls_transport_set_int(visit->session, fd);
	return true;
}

static bool
wait_for(gnutls_session_t session, int fd, int64_t deadline_us)
{
	short events = gnutls_record_get_direction(session) ? POLLOUT : POLLIN;
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left_ms = (deadline_us - clock_monotonic_us()) / 1000;
	return left_ms > 0 && (poll(&p, 1, (int)left_ms) > 0 || errno == EINTR);
}

static enum fas_code
shake_hands(struct visit *visit, const char *host, int fd, int64_t deadline_us, struct fas_err *e)
{
	int rc = GNUTLS_E_AGAIN;
	for (int i = 0; i < ROUNDS_MAX && rc != 0; i++) {
		rc = gnutls_handshake(visit->session);
		if (rc == 0 || gnutls_error_is_fatal(rc))
			break;
		if (rc == GNUTLS_E_AGAIN && !wait_for(visit->session, fd, deadline_us))
			return fas_fail(e, FAS_E_TIMEOUT, "ldap_timeout",
			    "%s: no answer to the TLS handshake in time", host);
	}
	return rc == 0 ? FAS_OK
		       : fas_fail(e, FAS_E_UNAVAILABLE, "tls_handshake", "%s: TLS handshake: %s",
			     host, gnutls_strerror(rc));
}

static enum fas_code
take_chain(const struct visit *visit, const char *host, STACK_OF(X509) * *out, struct fas_err *e)
{
	unsigned n = 0;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(visit->session, &n);
	OWN(x509_stack) STACK_OF(X509) *chain = sk_X509_new_null();
	if (!chain)
		return fas_fail_nomem(e);
	for (unsigned i = 0; list && i < n && i < PEER_CHAIN_MAX; i++) {
		OWN(x509) X509 *one = certificate_parse(list[i].data, list[i].size);
		if (!one)
			return fas_fail(e, FAS_E_UNAVAILABLE, "tls_certificate",
			    "%s: RFC 5280 4.1: certificate %u of its chain cannot be read", host,
			    i + 1);
		if (sk_X509_push(chain, one) <= 0)
			return fas_fail_nomem(e);
		one = NULL;
	}
	if (sk_X509_num(chain) == 0)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "tls_certificate", "%s shows no certificate", host);
	*out = TAKE(chain);
	return FAS_OK;
}

enum fas_code
peer_chain(
    const struct dc_target *target, int64_t deadline_us, STACK_OF(X509) * *out, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(visit) struct visit visit = {0};
	*out = NULL;
	enum fas_code rc = conn_dial(target, deadline_us, &fd, e);
	if (rc != FAS_OK)
		return rc;
	if (!prepare(&visit, target->host, fd))
		return fas_fail(e, FAS_E_INTERNAL, "internal", "GnuTLS refuses a session");
	rc = shake_hands(&visit, target->host, fd, deadline_us, e);
	return rc == FAS_OK ? take_chain(&visit, target->host, out, e) : rc;
}
