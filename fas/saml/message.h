/*
 * What all messages to a provider have in common: the head, the signature, and the way of either binding.
 *
 *     message_open(&m, &xml)      <samlp:NAME ... Destination="..."      then the message's own attributes
 *     message_issuer(&m, &xml)    > and Issuer, and the signature's place    then its own elements
 *     message_close(&m, &xml)     the end, signed and packed
 */
#ifndef FAS_SAML_MESSAGE_H
#define FAS_SAML_MESSAGE_H

#include "fas/base/buf.h"
#include "fas/saml/request.h"
#include "fas/saml/write.h"

#define MESSAGE_MAX 65536 /* octets of XML */
#define MESSAGE_URL_MAX 16384
#define MESSAGE_ECHO_MAX 2048 /* octets of a RelayState that is sent back */

/* Borrowed texts; id is made by message_open. */
struct message {
	const char *name,
	    *field; /* of the element, without prefix; "SAMLRequest" or "SAMLResponse" */
	const struct saml_sp *sp;
	bool sign;
	enum saml_binding binding;
	const char *url;
	const char *issuer;
	const char *relay_state; /* NULL = none */
	int64_t now_s;
	char id[WRITE_ID_MAX];
};

MUST_CHECK enum fas_code message_open(struct message *m, struct buf *xml, struct fas_err *e);
MUST_CHECK enum fas_code message_issuer(
    const struct message *m, struct buf *xml, struct fas_err *e);
/* *out is the caller's (saml_message_free).  FAS_E_LIMIT "too_large". */
MUST_CHECK enum fas_code message_close(
    const struct message *m, struct buf *xml, struct saml_message **out, struct fas_err *e);

#endif
