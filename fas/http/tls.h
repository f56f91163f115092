/*
 * The API's TLS side: server key and certificate that can be replaced while connections live, session tickets (without
 * them a TLS 1.3 client stalls 40 ms, and nothing resumes), and the client's certificate as DER.
 *
 * GnuTLS stays in this file's implementation: what a client certificate is worth is judged in fas/caller.c.
 */
#ifndef FAS_HTTP_TLS_H
#define FAS_HTTP_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

struct http_tls;

/* trust_pem: the service CA, whose name is sent to clients; NULL: clients are not asked for a certificate.  certificate_pem: leaf first, then what it needs. */
MUST_CHECK enum fas_code http_tls_new(const char *trust_pem, const char *key_pem,
    const char *certificate_pem, struct http_tls **out, struct fas_err *e);
void http_tls_free(struct http_tls *tls);
/* New connections get the new certificate; running handshakes keep the old one.  Sessions of the old one are not
 * resumed: a client binds to the certificate that it has seen. */
MUST_CHECK enum fas_code http_tls_replace(
    struct http_tls *tls, const char *key_pem, const char *certificate_pem, struct fas_err *e);

/* Between which times the present certificate is good. */
MUST_CHECK enum fas_code http_tls_life(
    struct http_tls *tls, int64_t *from_s, int64_t *to_s, struct fas_err *e);

const char *http_tls_trust(const struct http_tls *tls);
const char *http_tls_priorities(void);
/* At the start of each connection. */
void http_tls_prepare(struct http_tls *tls, gnutls_session_t session);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK; the session has been prepared. */
gnutls_certificate_retrieve_function2 http_tls_present;

/* The peer's leaf, malloc'ed DER.  FAS_E_AUTH "caller_required" when it has sent none. */
MUST_CHECK enum fas_code http_tls_peer(
    gnutls_session_t session, uint8_t **der, size_t *len, struct fas_err *e);

/*
 * tls-server-end-point (RFC 5929 4.1) of this connection, with its prefix, as the application data of GSSAPI's channel
 * bindings.  Returns the length.
 */
#define HTTP_TLS_BINDING_MAX 96
MUST_CHECK enum fas_code http_tls_binding(struct http_tls *tls, gnutls_session_t session,
    uint8_t out[HTTP_TLS_BINDING_MAX], size_t *len, struct fas_err *e);

DEFINE_OWN(tls, struct http_tls *, http_tls_free);

#endif
