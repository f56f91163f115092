#include "fas/saml/request.h"

#include <string.h>

#include "fas/saml/idp.h"
#include "fas/saml/message.h"

#define PROTOCOL_POST "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"

/* ---- what a provider's entry has ---- */

bool
saml_trust_forces_authn(const struct saml_trust *trust, const char *name)
{
	const struct idp *idp = idp_named(trust, name);
	return idp && idp->asks.force_authn;
}

static bool
has_url(const struct asks_urls *urls)
{
	return urls->url[SAML_BINDING_REDIRECT] || urls->url[SAML_BINDING_POST];
}

bool
saml_trust_has_sign_on(const struct saml_trust *trust, const char *name)
{
	const struct idp *idp = idp_named(trust, name);
	return idp && has_url(&idp->asks.sign_on);
}

const char *
saml_trust_sign_on_url(const struct saml_trust *trust, size_t i)
{
	const struct idp *idp = idp_at(trust, i);
	if (!idp)
		return NULL;
	return idp->asks.sign_on.url[asks_binding(&idp->asks, &idp->asks.sign_on)];
}

bool
saml_trust_has_logout(const struct saml_trust *trust, const char *name)
{
	const struct idp *idp = idp_named(trust, name);
	return idp && has_url(&idp->asks.logout);
}

/* ---- AuthnRequest ---- */

static enum fas_code
find_sign_on(const struct saml_trust *trust, const char *name, int64_t now_s,
    const struct idp **out, struct fas_err *e)
{
	*out = idp_named(trust, name);
	if (!*out)
		return fas_fail(
		    e, FAS_E_NOTFOUND, "idp_unknown", "there is no identity provider %.64s", name);
	enum fas_code rc = idp_is_current(*out, now_s, e);
	if (rc != FAS_OK)
		return rc;
	if (!has_url(&(*out)->asks.sign_on))
		return fas_fail(e, FAS_E_CONFIG, "idp_single_sign_on",
		    "SAML profiles 4.1.4.1: identity provider %s has no single_sign_on", name);
	return FAS_OK;
}

static void
write_contexts(const struct idp_asks *asks, struct buf *xml)
{
	if (asks->contexts.n == 0)
		return;
	buf_text(xml, "<samlp:RequestedAuthnContext");
	write_attr(xml, "Comparison", asks->comparison);
	buf_text(xml, ">");
	for (size_t i = 0; i < asks->contexts.n; i++)
		write_leaf(xml, "saml:AuthnContextClassRef", asks->contexts.v[i]);
	buf_text(xml, "</samlp:RequestedAuthnContext>");
}

/* SAML core 3.4.1: the order is the schema's. */
static enum fas_code
write_request(struct message *m, const struct idp_asks *asks, const char *acs_url, bool force,
    struct buf *xml, struct fas_err *e)
{
	enum fas_code rc = message_open(m, xml, e);
	if (rc != FAS_OK)
		return rc;
	if (force)
		write_attr(xml, "ForceAuthn", "true");
	write_attr(xml, "ProtocolBinding", PROTOCOL_POST);
	write_attr(xml, "AssertionConsumerServiceURL", acs_url);
	if ((rc = message_issuer(m, xml, e)) != FAS_OK)
		return rc;
	if (asks->name_id_format) {
		buf_text(xml, "<samlp:NameIDPolicy");
		write_attr(xml, "Format", asks->name_id_format);
		write_attr(xml, "AllowCreate", "true");
		buf_text(xml, "/>");
	}
	write_contexts(asks, xml);
	return FAS_OK;
}

enum fas_code
saml_authn_request(const struct saml_sp *sp, const struct saml_trust *trust, const char *name,
    const struct saml_server *server, const struct saml_request_options *options, int64_t now_s,
    struct saml_message **out, struct fas_err *e)
{
	const struct idp *idp;
	OWN(buf) struct buf xml;
	*out = NULL;
	buf_init(&xml, MESSAGE_MAX);
	enum fas_code rc = find_sign_on(trust, name, now_s, &idp, e);
	if (rc != FAS_OK)
		return rc;
	if (options->relay_state && strlen(options->relay_state) > SAML_RELAY_STATE_MAX)
		return fas_fail(e, FAS_E_INPUT, "saml_relay_state",
		    "SAML bindings 3.4.3: RelayState of more than %d octets", SAML_RELAY_STATE_MAX);
	if (idp->asks.sign && saml_sp_count(sp, SAML_SP_SIGNING) == 0)
		return fas_fail(e, FAS_E_CONFIG, "saml_signing",
		    "requests to %s are to be signed (sign_requests), and saml: signing: has no "
		    "key",
		    name);
	enum saml_binding binding = asks_binding(&idp->asks, &idp->asks.sign_on);
	struct message m = {.name = "AuthnRequest",
	    .field = "SAMLRequest",
	    .sp = sp,
	    .sign = idp->asks.sign,
	    .binding = binding,
	    .url = idp->asks.sign_on.url[binding],
	    .issuer = server->entity_id,
	    .relay_state = options->relay_state,
	    .now_s = now_s};
	bool force = options->force_authn || idp->asks.force_authn;
	rc = write_request(&m, &idp->asks, server->acs_url, force, &xml, e);
	return rc == FAS_OK ? message_close(&m, &xml, out, e) : rc;
}
