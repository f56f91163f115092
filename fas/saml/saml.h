/*
 * SAML 2.0 Web Browser SSO: from the bytes of a Response to what a trusted identity provider has signed.
 *
 * The only door of this room.  Inside: xml.h (hardened parse), structure.h (the look before verify), dsig.h (xmlsec1
 * with the pinned bare key; gives back the signed bytes), encrypted.h and decrypt.h (what is encrypted for us), reading.h
 * (these in their order), assertion.h (one named check a clause), mapping.h (where a provider has its claims).
 */
#ifndef FAS_SAML_SAML_H
#define FAS_SAML_SAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

#define SAML_RESPONSE_MAX (256 * 1024) /* decoded bytes */
#define SAML_ID_MAX 256                /* octets of an ID attribute */

/* Before any other call and before threads; undone by as many calls of saml_done. */
MUST_CHECK enum fas_code saml_init(struct fas_err *e);
void saml_done(void);

/* The configured identity providers; immutable once loaded, shared by threads. */
struct saml_trust;

/*
 * From the list `identity_providers` of fasd's configuration, each member:
 *
 *     - name: okta                       by which rules and records call it; unique
 *       entity_id: http://www.okta.com/exk1
 *       certificates: [okta-2026.pem]    one or more PEM files; their bare public keys are what is pinned
 *       audiences: [https://fas.corp.example.com/saml]         our entity id(s) and ACS URL(s), for what a
 *       recipients: [https://fas.corp.example.com/saml/acs]    storefront presents itself; both or none
 *       claims: { sid: cip_sid, upn: cip_upn, guid: cip_oid,   attribute names, these are the defaults
 *                 email: cip_email, forest: cip_forest, domain: cip_domain }  (or mappings: mapping.h)
 *       clock_skew: 60s                  0s to 5m
 *       max_age: 5m                      of the Response's and the Assertion's IssueInstant; 30s to 1h
 *       allow_unsolicited: true          default false: an expectation must then name its request
 *       insecure_allow_sha1: false       rsa-sha1 and sha1 digests, nothing weaker
 *       metadata: okta.xml               or URL: entity_id (if several are in it), certificates, single_sign_on and
 *                                        single_logout come from there
 *       metadata_certificates: [a.pem]   who has to have signed it; a URL needs them, or insecure_unsigned_metadata: true
 *       metadata_refresh: 1h             60s to 7d; metadata_ca_file: whom the URL's server has its certificate from
 *       single_sign_on: { redirect: URL, post: URL }           where people are sent; asks.h judges URLs
 *       single_logout: { redirect: URL, post: URL, response: URL }
 *       binding: redirect                or post: which of two URLs; default: redirect where there is one
 *       sign_requests: true
 *       force_authn: false               what is asked for in each AuthnRequest
 *       authn_contexts: []
 *       authn_context_comparison: exact  or minimum, maximum, better
 *       name_id_format: FORMAT           default: none is asked for
 *
 * Relative file names are relative to base_folder.  Errors are those of yaml.h, plus "idp_certificate" and
 * "idp_metadata" (a file).  A URL's that were never there, or have ended, leave the provider without keys: metadata.h.
 */
MUST_CHECK enum fas_code saml_trust_load(const struct yaml_node *list, const char *base_folder,
    struct saml_trust **out, struct fas_err *e);
/* The same with the folder of the last good copies of metadata that come from a URL, judged at that time. */
MUST_CHECK enum fas_code saml_trust_load_with(const struct yaml_node *list, const char *base_folder,
    const char *metadata_folder, int64_t now_s, struct saml_trust **out, struct fas_err *e);
void saml_trust_free(struct saml_trust *trust);
/* Names of the providers, in order: policy cross-checks its rules against them. */
size_t saml_trust_count(const struct saml_trust *trust);
const char *saml_trust_name(const struct saml_trust *trust, size_t i);
/* The earliest notAfter of any provider's certificate, for status (the certificate itself is a container only). */
int64_t saml_trust_not_after(const struct saml_trust *trust, size_t i);

/* How the provider of this name is called before people; and whether an e-mail address in that domain is one of its. */
const char *saml_trust_title(const struct saml_trust *trust, const char *name);
bool saml_trust_has_email_domains(const struct saml_trust *trust, const char *name);
bool saml_trust_email_fits(const struct saml_trust *trust, const char *name, const char *domain);

/* Everything that the pipeline may know of an assertion; all of it was under the signature. */
struct saml_assertion {
	char *idp;          /* configured name of the provider */
	char *issuer;       /* its entity id */
	char *assertion_id; /* claimed once */
	char *response_id;  /* NULL when only the assertion was signed */
	char *name_id;      /* may be NULL; for the record only, never used to find an account */
	/* Attributes of NameID as they stand there, for a logout that must name it the same way; NULL when absent. */
	char *name_id_format, *name_qualifier, *sp_name_qualifier;
	char *session_index; /* of the first AuthnStatement that has one; NULL when none has */
	bool has_sid, has_upn, has_guid;
	struct sid sid;
	char *upn; /* checked by upn_check */
	struct guid guid;
	char *
	    email; /* may be NULL, as the two below: nothing is found by them, they must agree with the account */
	char *forest;                      /* DNS name */
	char *domain;                      /* DNS or NetBIOS name */
	char *authn_context;               /* AuthnContextClassRef or NULL */
	int64_t issued_s;                  /* its IssueInstant, skew taken off: not before that */
	int64_t authn_instant_s;           /* 0 = none */
	int64_t session_not_on_or_after_s; /* 0 = none: the desktop session must not outlive it */
	int64_t
	    expires_s; /* from then on no check would accept it again (skew included): replay memory ends */
};

/* What the caller knows of the response that it waits for; all borrowed. */
struct saml_sp;
struct saml_expectation {
	const struct saml_sp
	    *sp; /* whose keys open what is encrypted (sp.h); NULL = nothing can be */
	const char
	    *in_response_to; /* the ID of the request that this answers; NULL = unsolicited */
	/* The virtual server that the response was posted to; NULL = the provider's audiences, recipients. */
	const char *entity_id, *acs_url;
	bool
	    force_authn; /* the request demanded a fresh sign-in: AuthnInstant must not lie before asked_s */
	int64_t asked_s;
	const char *const *providers; /* names of those that may speak here */
	size_t n_providers;           /* 0 = any */
};

/*
 * Verify one Response (already base64-decoded, SAML_RESPONSE_MAX at most) and read what was signed.
 *
 * now_s: the time to judge by.
 * On success *out is the caller's (saml_assertion_free); otherwise NULL and e names the clause.
 *
 * FAS_E_UNAVAILABLE "idp_metadata": what the provider's metadata say is not known yet, or over.  Every other refusal is
 * FAS_E_AUTH (not proven) or FAS_E_INPUT (no such document) with one of these reasons:
 *   saml_xml            not well-formed, DOCTYPE, too deep, too many attributes or namespaces
 *   saml_structure      not a Response, several or no assertions, foreign place of one, duplicate IDs
 *   saml_signature      no signature, structure or algorithm refused, or it does not verify
 *   saml_algorithm      an algorithm that is not allowed (SHA-1 without the switch, HMAC, inclusive c14n, CBC
 *                       outside of a signed Response, ...)
 *   saml_decryption     encrypted, and not for any key that we have: one reason whatever it is that does not fit
 *   saml_issuer         unknown or differing issuer
 *   saml_version, saml_status, saml_destination, saml_recipient, saml_audience, saml_not_before, saml_expired,
 *   saml_in_response_to, saml_unsolicited, saml_subject_confirmation, saml_max_age, saml_conditions,
 *   saml_session_expired, saml_authn_statement, saml_force_authn, saml_authn_context, saml_claims
 */
MUST_CHECK enum fas_code saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e);
void saml_assertion_free(struct saml_assertion *assertion);

/*
 * The same, clause by clause, for a person who asks why; nothing is accepted, and nothing of it may be.
 *
 *     {"good": false, "encrypted": false, "provider": "okta", "claims": {"upn": ...},
 *      "clauses": [{"clause": "audience", "verdict": "good" | "bad" | "unknown", "reason": "saml_audience", "why": ...,
 *                   "unproven": true}]}
 *
 * unknown: an earlier one has to be good first.  unproven: the signature is bad, and this is what stands there.  *out is
 * the caller's.  FAS_E_NOMEM alone is an error.
 */
MUST_CHECK enum fas_code saml_explain(const struct saml_trust *trust, const uint8_t *xml,
    size_t len, const struct saml_expectation *expected, int64_t now_s, json_t **out,
    struct fas_err *e);

DEFINE_OWN(saml_trust, struct saml_trust *, saml_trust_free);
DEFINE_OWN(assertion, struct saml_assertion *, saml_assertion_free);

#endif
