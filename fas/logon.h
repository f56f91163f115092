/*
 * The pipeline: from a SAML response to a ticket, from a ticket to a certificate.  Each is one function, readable top
 * to bottom, one verb a line.  Every refusal and every success leaves its audit record before the answer.
 */
#ifndef FAS_LOGON_H
#define FAS_LOGON_H

#include "fas/service.h"

#define TICKET_TEXT_MAX                                                                            \
	64 /* node name, '-', 26 base32 digits, NUL: under 100 characters for password fields */
#define SESSION_ID_TEXT_MAX 33 /* as a correlation id */

struct logon_request {
	const char *saml_response;  /* base64; or NULL, then: */
	const char *code;           /* of a sign-in that ended at this storefront */
	const char *host;           /* DNS name of the VDA host that is to redeem */
	const char *in_response_to; /* or NULL */
};

struct logon_answer {
	char ticket[TICKET_TEXT_MAX];
	int64_t expires_s;
	char *upn;
	char sid[SID_TEXT_MAX];
	char *rule;
};
void logon_answer_done(struct logon_answer *answer);

/* POST /v1/logons; the caller is a storefront. */
MUST_CHECK enum fas_code logon_start(struct service *service, struct request *request,
    const struct logon_request *body, struct logon_answer *out, struct fas_err *e);

struct redeem_request {
	const char *ticket;         /* or NULL, then: */
	const char *saml_response;  /* base64, under a rule with front_end: host */
	const char *in_response_to; /* or NULL */
	const char *csr; /* PEM; or NULL: the rule has to say that the service keeps the key */
};

struct redeem_answer {
	char session_id[SESSION_ID_TEXT_MAX];
	int64_t session_expires_s;
	int64_t lease_s;
	struct signer_certificate certificate;
	char *upn;
	char sam_account_name[SAM_ACCOUNT_NAME_MAX];
	char *realm;
	char *
	    principal; /* what kinit asks for: the UPN, enterprise form where its suffix is not the realm */
	char sid[SID_TEXT_MAX];
	char *in_session; /* JSON (fas/terms.h); NULL: nothing is granted within the session */
};
void redeem_answer_done(struct redeem_answer *answer);

/*
 * POST /v1/certificates; the caller is a VDA host.  The same host repeating the same ticket with the same CSR within the
 * ticket's life gets the same certificate; where the service keeps the key (certificate.key_id), with any or no CSR.
 * FAS_E_CONFLICT "csr_required", FAS_E_UNAVAILABLE "pool_empty" (request->retry_after_s): the ticket is still good.
 */
MUST_CHECK enum fas_code logon_redeem(struct service *service, struct request *request,
    const struct redeem_request *body, struct redeem_answer *out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(logon_answer, struct logon_answer, logon_answer_done);
DEFINE_OWN_IN_PLACE(redeem_answer, struct redeem_answer, redeem_answer_done);

#endif
