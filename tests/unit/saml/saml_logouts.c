#include "saml_logouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/text.h"

#define HEAD(name)                                                                                 \
	"<samlp:" name " xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\""                     \
	" xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"_l1\" Version=\"2.0\""         \
	" IssueInstant=\"" NOW "\" Destination=\"" KIT_SLO "\""
#define ISSUER "<saml:Issuer>" ENTITY("main") "</saml:Issuer>"

static const char request[] =
    HEAD("LogoutRequest") " NotOnOrAfter=\"" AFTER "\">" ISSUER "<saml:NameID "
			  "Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">alice</"
			  "saml:NameID>"
			  "<samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>";

static const char response[] =
    HEAD("LogoutResponse") " InResponseTo=\"_q1\">" ISSUER "<samlp:Status><samlp:StatusCode "
			   "Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/>"
			   "</samlp:Status></samlp:LogoutResponse>";

static char *
apply(char *text, const struct edit *edits)
{
	for (size_t i = 0; i < EDITS_MAX && edits[i].from; i++)
		text = world_replace(text, edits[i].from, edits[i].to);
	return text;
}

static char *
signed_document(char *xml, const struct logout_row *row)
{
	if (!row->how.is_unsigned)
		xml = world_replace(
		    xml, "</saml:Issuer>", "</saml:Issuer>" KIT_SIGNATURE("_l1", "rsa-sha256"));
	char *finished = saml_sign_finish(xml, world.keys[row->key]);
	free(xml);
	assert_non_null(finished);
	return finished;
}

/* a=1&SigAlg=2&Signature=3 to SigAlg=2&Signature=3&a=1 */
static char *
turn(char *query)
{
	char *at = strstr(query, "&SigAlg=");
	assert_non_null(at);
	size_t len = strlen(query) + 2;
	char *out = malloc(len);
	assert_non_null(out);
	(void)snprintf(out, len, "%s&%.*s", at + 1, (int)(at - query), query);
	free(query);
	return out;
}

/* As one that is encrypted for the service. */
static char *
seal_name(char *xml, const struct logout_row *row)
{
	struct saml_sign_seal seal = row->seal;
	OWN(text) char *name = world_cut(xml, "<saml:NameID", "</saml:NameID>");
	OWN(text)
	char *alone = world_replace(strdup(name), "<saml:NameID",
	    "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"");
	if (!seal.to)
		seal.to = world.decryption[0];
	OWN(text) char *sealed = saml_sign_encrypt(alone, "EncryptedID", &seal);
	assert_non_null(sealed);
	return world_replace(xml, name, sealed);
}

char *
logout_message(const struct logout_row *row)
{
	struct kit_query how = row->how;
	char *xml = apply(strdup(row->response ? response : request), row->before);
	if (row->sealed)
		xml = seal_name(xml, row);
	if (row->post)
		return apply(signed_document(xml, row), row->after);
	how.field = row->response ? "SAMLResponse" : "SAMLRequest";
	char *query = kit_sign_query(xml, world.keys[row->key], &how);
	free(xml);
	assert_non_null(query);
	if (row->move_signature)
		query = turn(query);
	return apply(query, row->after);
}

enum fas_code
logout_read_text(
    const struct logout_row *row, const char *message, struct saml_logout **out, struct fas_err *e)
{
	struct saml_server server = kit_server;
	int64_t now_s = NOW_S + row->later_s;
	if (row->at)
		server.slo_url = *row->at ? row->at : NULL;
	if (!row->post)
		return saml_logout_read_query(
		    world.sp, world.trust, &server, message, now_s, out, e);
	OWN(text) char *base64 = base64_encode(message, strlen(message));
	return saml_logout_read_form(world.sp, world.trust, &server, row->response, base64,
	    row->how.relay_state, now_s, out, e);
}

enum fas_code
logout_read(const struct logout_row *row, struct saml_logout **out, struct fas_err *e)
{
	OWN(text) char *message = logout_message(row);
	return logout_read_text(row, message, out, e);
}
