#include "fas/saml/message.h"

#include <string.h>

#include "fas/base/text.h"
#include "fas/saml/redirect.h"
#include "fas/saml/sign.h"
#include "fas/saml/xml.h"

void
saml_message_free(struct saml_message *m)
{
	if (!m)
		return;
	free(m->id);
	free(m->url);
	free(m->value);
	free(m->relay_state);
	free(m);
}

enum fas_code
message_open(struct message *m, struct buf *xml, struct fas_err *e)
{
	enum fas_code rc = write_new_id(m->id, e);
	if (rc != FAS_OK)
		return rc;
	buf_printf(
	    xml, "<samlp:%s xmlns:samlp=\"" NS_SAMLP "\" xmlns:saml=\"" NS_SAML "\"", m->name);
	write_attr(xml, "ID", m->id);
	write_attr(xml, "Version", "2.0");
	write_time(xml, "IssueInstant", m->now_s);
	write_attr(xml, "Destination", m->url);
	return FAS_OK;
}

enum fas_code
message_issuer(const struct message *m, struct buf *xml, struct fas_err *e)
{
	buf_text(xml, ">");
	write_leaf(xml, "saml:Issuer", m->issuer);
	/* SAML bindings 3.4.4.1: in the redirect binding the signature stands in the URL. */
	bool inside = m->sign && m->binding == SAML_BINDING_POST;
	return inside ? sign_place(m->sp, m->id, xml, e) : FAS_OK;
}

/* SAML bindings 3.4.4: what is signed is what is sent, octet for octet. */
static enum fas_code
write_query(const struct message *m, const char *packed, struct buf *query, struct fas_err *e)
{
	OWN(text) char *signature = NULL;
	buf_printf(query, "%s=", m->field);
	write_percent(query, packed);
	if (m->relay_state) {
		buf_text(query, "&RelayState=");
		write_percent(query, m->relay_state);
	}
	if (!m->sign)
		return FAS_OK;
	const char *algorithm = sign_algorithm(m->sp);
	buf_text(query, "&SigAlg=");
	write_percent(query, algorithm ? algorithm : "");
	enum fas_code rc = buf_check(query, e);
	if (rc == FAS_OK)
		rc = sign_octets(m->sp, query->data, query->len, &signature, e);
	if (rc != FAS_OK)
		return rc;
	buf_text(query, "&Signature=");
	write_percent(query, signature);
	return FAS_OK;
}

static enum fas_code
close_redirect(
    const struct message *m, struct buf *xml, struct saml_message *out, struct fas_err *e)
{
	OWN(buf) struct buf query, url;
	OWN(text) char *packed = NULL;
	buf_init(&query, MESSAGE_URL_MAX);
	buf_init(&url, MESSAGE_URL_MAX);
	enum fas_code rc = redirect_pack(xml->data, xml->len, &packed, e);
	if (rc == FAS_OK)
		rc = write_query(m, packed, &query, e);
	if (rc != FAS_OK)
		return rc;
	buf_printf(&url, "%s%c%s", m->url, strchr(m->url, '?') ? '&' : '?', buf_str(&query));
	if ((rc = buf_check(&query, e)) != FAS_OK || (rc = buf_check(&url, e)) != FAS_OK)
		return rc;
	out->url = buf_take(&url, NULL);
	return out->url ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
close_post(const struct message *m, struct buf *xml, struct saml_message *out, struct fas_err *e)
{
	enum fas_code rc = m->sign ? sign_document(m->sp, xml, e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	out->url = strdup(m->url);
	out->field = m->field;
	out->value = base64_encode(xml->data, xml->len);
	if (m->relay_state && !(out->relay_state = strdup(m->relay_state)))
		return fas_fail_nomem(e);
	return out->url && out->value ? FAS_OK : fas_fail_nomem(e);
}

enum fas_code
message_close(
    const struct message *m, struct buf *xml, struct saml_message **out, struct fas_err *e)
{
	buf_printf(xml, "</samlp:%s>", m->name);
	enum fas_code rc = buf_check(xml, e);
	if (rc != FAS_OK)
		return rc;
	OWN(saml_message) struct saml_message *made = calloc(1, sizeof(*made));
	if (!made || !(made->id = strdup(m->id)))
		return fas_fail_nomem(e);
	made->binding = m->binding;
	rc = m->binding == SAML_BINDING_REDIRECT ? close_redirect(m, xml, made, e)
						 : close_post(m, xml, made, e);
	if (rc == FAS_OK)
		*out = TAKE(made);
	return rc;
}
