/*
 * What the service sends to a provider through the browser: the message of either binding, and the AuthnRequest.
 *
 * A message carries the time of the call as its IssueInstant and an ID of 160 random bits.  Which binding, which signature
 * and what is asked for is the provider's entry (`identity_providers`, docs/FILES.md); a message is signed whenever the
 * service has a key for it, unless the entry says sign_requests: false (logout messages are always signed).
 */
#ifndef FAS_SAML_REQUEST_H
#define FAS_SAML_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/saml/saml.h"
#include "fas/saml/sp.h"

#define SAML_RELAY_STATE_MAX 80 /* octets; SAML bindings 3.4.3, 3.5.3 */

enum saml_binding { SAML_BINDING_REDIRECT, SAML_BINDING_POST };

/* Ready to be sent by the browser. */
struct saml_message {
	enum saml_binding binding;
	char *id;          /* of the message, for InResponseTo */
	char *url;         /* redirect: the Location, whole.  POST: the form's action */
	const char *field; /* POST: "SAMLRequest" or "SAMLResponse"; static */
	char *value;       /* POST: the field's content, base64; NULL for redirect */
	char *relay_state; /* POST: the field RelayState's content, NULL = no such field */
};
void saml_message_free(struct saml_message *message);

/* What one request asks for beyond its provider's entry. */
struct saml_request_options {
	const char *relay_state; /* at most SAML_RELAY_STATE_MAX octets; NULL = none */
	bool force_authn;        /* also where the entry does not ask for it */
};

/*
 * AuthnRequest (SAML core 3.4.1, profiles 4.1.4.1) to the provider of this configured name.  sp NULL: unsigned, which is
 * FAS_E_CONFIG "saml_signing" where the entry asks for signatures.  *out is the caller's, NULL on failure.
 *
 * FAS_E_NOTFOUND "idp_unknown"; FAS_E_CONFIG "idp_single_sign_on": its entry names no URL to go to; FAS_E_UNAVAILABLE
 * "idp_metadata": what its metadata say is not known yet, or over; FAS_E_INPUT "saml_relay_state": too long.
 */
MUST_CHECK enum fas_code saml_authn_request(const struct saml_sp *sp,
    const struct saml_trust *trust, const char *idp, const struct saml_server *server,
    const struct saml_request_options *options, int64_t now_s, struct saml_message **out,
    struct fas_err *e);

/* Was ForceAuthn asked by the provider's entry: then AuthnInstant has to be judged, also of unsolicited ones. */
bool saml_trust_forces_authn(const struct saml_trust *trust, const char *idp);
/* Is there a URL to send people of this provider to? */
bool saml_trust_has_sign_on(const struct saml_trust *trust, const char *idp);
/* Which, of the i-th; NULL when there is none. */
const char *saml_trust_sign_on_url(const struct saml_trust *trust, size_t i);
/* And one for logout messages? */
bool saml_trust_has_logout(const struct saml_trust *trust, const char *idp);

DEFINE_OWN(saml_message, struct saml_message *, saml_message_free);

#endif
