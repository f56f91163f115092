/*
 * Single logout (SAML core 3.7, profiles 4.4): messages made and messages read, in the redirect and the POST binding.
 *
 * What is made is signed; what is read must be.  In the redirect binding the signature covers octets of the query string
 * as they came (SAML bindings 3.4.4.1): so it is read from these and nothing else, whatever case its %2f have.
 */
#ifndef FAS_SAML_LOGOUT_H
#define FAS_SAML_LOGOUT_H

#include "fas/saml/request.h"

#define SAML_LOGOUT_MAX 65536       /* octets of a message's XML */
#define SAML_LOGOUT_QUERY_MAX 32768 /* octets of a query string */
#define SAML_LOGOUT_SESSIONS_MAX 64 /* SessionIndex of one request */

/* ---- made ---- */

/* Whose session ends: exactly what the provider's assertion said. */
struct saml_logout_subject {
	const char *name_id;
	const char *name_id_format, *name_qualifier, *sp_name_qualifier; /* NULL = absent */
	const char *session_index;                                       /* NULL = all sessions */
};

/*
 * LogoutRequest (SAML core 3.7.1), good for five minutes, by the provider's preferred binding of those that it has.
 * Errors are those of saml_authn_request, with "idp_single_logout" for a provider without a URL for it; FAS_E_CONFIG
 * "saml_signing": there is no key to sign with.
 */
MUST_CHECK enum fas_code saml_logout_request(const struct saml_sp *sp,
    const struct saml_trust *trust, const char *idp, const struct saml_server *server,
    const struct saml_logout_subject *subject, const char *relay_state, int64_t now_s,
    struct saml_message **out, struct fas_err *e);

enum saml_logout_status {
	SAML_LOGOUT_FAILED = 0,
	SAML_LOGOUT_SUCCESS,
	SAML_LOGOUT_PARTIAL, /* SAML core 3.2.2.2: PartialLogout below Success or Responder */
};

/* LogoutResponse (SAML core 3.7.2) to a request that was read; relay_state as it came with it. */
MUST_CHECK enum fas_code saml_logout_response(const struct saml_sp *sp,
    const struct saml_trust *trust, const char *idp, const struct saml_server *server,
    const char *in_response_to, enum saml_logout_status status, const char *relay_state,
    int64_t now_s, struct saml_message **out, struct fas_err *e);

/* ---- read ---- */

/* All of it but relay_state of the POST binding was under the signature. */
struct saml_logout {
	bool is_response;
	char *id;                       /* of the message */
	char *idp;                      /* configured name of the provider */
	char *in_response_to;           /* of a response, for the caller to compare; else NULL */
	enum saml_logout_status status; /* of a response */
	/* Of a request: */
	char *name_id;
	char *name_id_format, *name_qualifier, *sp_name_qualifier; /* NULL = absent */
	char *session_index[SAML_LOGOUT_SESSIONS_MAX];
	size_t n_session_index; /* 0 = all sessions of name_id */
	int64_t issued_s;       /* its IssueInstant, skew taken off as from an assertion's */
	int64_t
	    expires_s; /* from then on this message is refused: its ID is to be remembered so long */
	char *relay_state; /* NULL = none */
};
void saml_logout_free(struct saml_logout *logout);

/*
 * The query string of a GET (redirect binding), without '?', exactly as it came.  server: at whose slo_url it came.
 * sp: opens an encrypted NameID; may be NULL.  On success *out is the caller's (saml_logout_free), otherwise NULL.
 *
 * Every refusal is FAS_E_AUTH or FAS_E_INPUT with a reason of saml_verify, FAS_E_UNAVAILABLE "idp_metadata" (the provider's
 * have ended), or
 *   saml_query          a parameter is missing, there twice or badly encoded, or there are two messages
 *   saml_deflate        what is packed is no DEFLATE stream, or grows over SAML_LOGOUT_MAX
 *   base64_malformed    the message or its signature
 *   saml_decryption, saml_algorithm   an EncryptedID that is not for sp
 *   saml_name_id        no NameID, or none that can be read
 * Whether that provider speaks at this server, and whether the ID was seen before, is the caller's to ask.
 */
MUST_CHECK enum fas_code saml_logout_read_query(const struct saml_sp *sp,
    const struct saml_trust *trust, const struct saml_server *server, const char *query,
    int64_t now_s, struct saml_logout **out, struct fas_err *e);

/*
 * The form of the POST binding: value is the content of SAMLRequest, or of SAMLResponse when is_response; relay_state
 * that of RelayState or NULL.
 */
MUST_CHECK enum fas_code saml_logout_read_form(const struct saml_sp *sp,
    const struct saml_trust *trust, const struct saml_server *server, bool is_response,
    const char *value, const char *relay_state, int64_t now_s, struct saml_logout **out,
    struct fas_err *e);

DEFINE_OWN(saml_logout, struct saml_logout *, saml_logout_free);

#endif
