/* The service's own metadata: what a provider has to know of one virtual server. */
#include "fas/saml/metadata.h"

#include "fas/saml/sign.h"
#include "fas/saml/write.h"
#include "fas/saml/xml.h"

#define BINDING(name) "urn:oasis:names:tc:SAML:2.0:bindings:" name

/* What fas/saml/decrypt.h takes: AES-GCM under RSA-OAEP. */
static const char *const encryption_methods[] = {"http://www.w3.org/2009/xmlenc11#aes256-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm", NS_XENC "rsa-oaep-mgf1p"};

static enum fas_code
write_key(
    const struct saml_sp *sp, enum saml_sp_use use, size_t i, struct buf *xml, struct fas_err *e)
{
	const X509 *certificate = saml_sp_certificate(sp, use, i);
	OWN(text) char *base64 = certificate ? sign_certificate_base64(certificate) : NULL;
	if (!base64)
		return fas_fail_nomem(e);
	buf_printf(xml,
	    "<md:KeyDescriptor use=\"%s\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s"
	    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
	    use == SAML_SP_SIGNING ? "signing" : "encryption", base64);
	for (size_t m = 0; use == SAML_SP_DECRYPTION && m < NELEMS(encryption_methods); m++) {
		buf_text(xml, "<md:EncryptionMethod");
		write_attr(xml, "Algorithm", encryption_methods[m]);
		buf_text(xml, "/>");
	}
	buf_text(xml, "</md:KeyDescriptor>");
	return FAS_OK;
}

/* Metadata 2.4.1.1: while rolling over, both keys sign; what is new is encrypted to the first alone. */
static enum fas_code
write_keys(const struct saml_sp *sp, struct buf *xml, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < saml_sp_count(sp, SAML_SP_SIGNING); i++)
		rc = write_key(sp, SAML_SP_SIGNING, i, xml, e);
	if (rc == FAS_OK && saml_sp_count(sp, SAML_SP_DECRYPTION) > 0)
		rc = write_key(sp, SAML_SP_DECRYPTION, 0, xml, e);
	return rc;
}

static void
write_logout(const char *url, struct buf *xml)
{
	static const char *const bindings[] = {BINDING("HTTP-Redirect"), BINDING("HTTP-POST")};
	for (size_t i = 0; url && i < NELEMS(bindings); i++) {
		buf_text(xml, "<md:SingleLogoutService");
		write_attr(xml, "Binding", bindings[i]);
		write_attr(xml, "Location", url);
		buf_text(xml, "/>");
	}
}

static void
write_acs(const char *url, struct buf *xml)
{
	buf_text(xml, "<md:AssertionConsumerService");
	write_attr(xml, "Binding", BINDING("HTTP-POST"));
	write_attr(xml, "Location", url);
	buf_text(xml, " index=\"0\" isDefault=\"true\"/>");
}

/* Metadata 2.3.2, 2.4.4; the order is the schema's. */
static enum fas_code
write_entity(const struct saml_sp *sp, const struct saml_server *server, const char *id,
    int64_t now_s, struct buf *xml, struct fas_err *e)
{
	buf_text(xml, "<md:EntityDescriptor xmlns:md=\"" NS_METADATA "\" xmlns:ds=\"" NS_DSIG "\"");
	write_attr(xml, "ID", id);
	write_attr(xml, "entityID", server->entity_id);
	write_time(xml, "validUntil", now_s + SAML_METADATA_LIFE_S);
	buf_text(xml, ">");
	enum fas_code rc = sign_place(sp, id, xml, e);
	if (rc != FAS_OK)
		return rc;
	buf_text(xml, "<md:SPSSODescriptor protocolSupportEnumeration=\"" NS_SAMLP
		      "\" AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\">");
	if ((rc = write_keys(sp, xml, e)) != FAS_OK)
		return rc;
	write_logout(server->slo_url, xml);
	write_acs(server->acs_url, xml);
	buf_text(xml, "</md:SPSSODescriptor></md:EntityDescriptor>");
	return FAS_OK;
}

enum fas_code
saml_metadata_make(const struct saml_sp *sp, const struct saml_server *server, int64_t now_s,
    char **xml, size_t *len, struct fas_err *e)
{
	char id[WRITE_ID_MAX];
	OWN(buf) struct buf b;
	buf_init(&b, SIGN_DOCUMENT_MAX);
	enum fas_code rc = write_new_id(id, e);
	if (rc == FAS_OK)
		rc = write_entity(sp, server, id, now_s, &b, e);
	if (rc == FAS_OK)
		rc = sign_document(sp, &b, e);
	if (rc != FAS_OK)
		return rc;
	*xml = buf_take(&b, len);
	return *xml ? FAS_OK : fas_fail_nomem(e);
}
