/* Logout messages that the service sends. */
#include "fas/saml/logout.h"

#include <string.h>

#include "fas/saml/idp.h"
#include "fas/saml/message.h"

#define REQUEST_LIFE_S 300
#define STATUS(name) "urn:oasis:names:tc:SAML:2.0:status:" name

/* The provider, the way to it, and whether there is a key: before anything is written. */
static enum fas_code
prepare(const struct saml_trust *trust, const char *name, struct message *m, const struct idp **out,
    struct fas_err *e)
{
	const struct idp *idp = idp_named(trust, name);
	if (!idp)
		return fas_fail(
		    e, FAS_E_NOTFOUND, "idp_unknown", "there is no identity provider %.64s", name);
	enum fas_code rc = idp_is_current(idp, m->now_s, e);
	if (rc != FAS_OK)
		return rc;
	if (!saml_trust_has_logout(trust, name))
		return fas_fail(e, FAS_E_CONFIG, "idp_single_logout",
		    "SAML profiles 4.4: identity provider %s has no single_logout", name);
	if (saml_sp_count(m->sp, SAML_SP_SIGNING) == 0)
		return fas_fail(e, FAS_E_CONFIG, "saml_signing",
		    "SAML profiles 4.4.3: logout messages are signed, and saml: signing: has no "
		    "key");
	if (m->relay_state && strlen(m->relay_state) > MESSAGE_ECHO_MAX)
		return fas_fail(e, FAS_E_INPUT, "saml_relay_state",
		    "SAML bindings 3.4.3: RelayState of more than %d octets", MESSAGE_ECHO_MAX);
	m->binding = asks_binding(&idp->asks, &idp->asks.logout);
	m->url = idp->asks.logout.url[m->binding];
	m->sign = true;
	*out = idp;
	return FAS_OK;
}

static void
write_name_id(const struct saml_logout_subject *subject, struct buf *xml)
{
	buf_text(xml, "<saml:NameID");
	write_attr(xml, "NameQualifier", subject->name_qualifier);
	write_attr(xml, "SPNameQualifier", subject->sp_name_qualifier);
	write_attr(xml, "Format", subject->name_id_format);
	buf_text(xml, ">");
	write_text(xml, subject->name_id);
	buf_text(xml, "</saml:NameID>");
	write_leaf(xml, "samlp:SessionIndex", subject->session_index);
}

enum fas_code
saml_logout_request(const struct saml_sp *sp, const struct saml_trust *trust, const char *name,
    const struct saml_server *server, const struct saml_logout_subject *subject,
    const char *relay_state, int64_t now_s, struct saml_message **out, struct fas_err *e)
{
	const struct idp *idp;
	OWN(buf) struct buf xml;
	struct message m = {.name = "LogoutRequest",
	    .field = "SAMLRequest",
	    .sp = sp,
	    .issuer = server->entity_id,
	    .relay_state = relay_state,
	    .now_s = now_s};
	*out = NULL;
	buf_init(&xml, MESSAGE_MAX);
	enum fas_code rc = prepare(trust, name, &m, &idp, e);
	if (rc == FAS_OK)
		rc = message_open(&m, &xml, e);
	if (rc != FAS_OK)
		return rc;
	write_time(&xml, "NotOnOrAfter", now_s + REQUEST_LIFE_S);
	if ((rc = message_issuer(&m, &xml, e)) != FAS_OK)
		return rc;
	write_name_id(subject, &xml);
	return message_close(&m, &xml, out, e);
}

/* SAML core 3.7.3.2: not all could be logged out, which is a success of its own kind. */
static void
write_status(enum saml_logout_status status, struct buf *xml)
{
	bool failed = status == SAML_LOGOUT_FAILED;
	buf_text(xml, "<samlp:Status><samlp:StatusCode");
	write_attr(xml, "Value", failed ? STATUS("Responder") : STATUS("Success"));
	buf_text(xml, ">");
	if (status == SAML_LOGOUT_PARTIAL) {
		buf_text(xml, "<samlp:StatusCode");
		write_attr(xml, "Value", STATUS("PartialLogout"));
		buf_text(xml, "/>");
	}
	buf_text(xml, "</samlp:StatusCode></samlp:Status>");
}

enum fas_code
saml_logout_response(const struct saml_sp *sp, const struct saml_trust *trust, const char *name,
    const struct saml_server *server, const char *in_response_to, enum saml_logout_status status,
    const char *relay_state, int64_t now_s, struct saml_message **out, struct fas_err *e)
{
	const struct idp *idp;
	OWN(buf) struct buf xml;
	struct message m = {.name = "LogoutResponse",
	    .field = "SAMLResponse",
	    .sp = sp,
	    .issuer = server->entity_id,
	    .relay_state = relay_state,
	    .now_s = now_s};
	*out = NULL;
	buf_init(&xml, MESSAGE_MAX);
	enum fas_code rc = prepare(trust, name, &m, &idp, e);
	if (rc != FAS_OK)
		return rc;
	if (idp->asks.logout.response[m.binding])
		m.url = idp->asks.logout.response[m.binding];
	if ((rc = message_open(&m, &xml, e)) != FAS_OK)
		return rc;
	write_attr(&xml, "InResponseTo", in_response_to);
	if ((rc = message_issuer(&m, &xml, e)) != FAS_OK)
		return rc;
	write_status(status, &xml);
	return message_close(&m, &xml, out, e);
}
