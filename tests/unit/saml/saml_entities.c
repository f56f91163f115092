#include "saml_entities.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"

#define ROOM (4 * 1024 * 1024)
#define NAMESPACES                                                                                 \
	" xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\""                                       \
	" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\""
#define BINDING(name) "urn:oasis:names:tc:SAML:2.0:bindings:" name
#define SERVICE(element, binding, url)                                                             \
	"<md:" element " Binding=\"" BINDING(binding) "\" Location=\"" url "\"/>"

static char *
build(const char *name, enum world_key key, const char *place)
{
	OWN(buf) struct buf b;
	OWN(text) char *base64 = saml_sign_cert_base64(world.certs[key]);
	buf_init(&b, ROOM);
	buf_printf(&b,
	    "<md:EntityDescriptor" NAMESPACES " ID=\"_m1\" entityID=\"" ENTITY(
		"%s") "\">%s"
		      "<md:IDPSSODescriptor"
		      " protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">"
		      "<md:KeyDescriptor "
		      "use=\"signing\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n%s\n"
		      "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>" SERVICE(
			  "SingleLogoutService", "HTTP-Redirect", ENTITY_SLO)
			  SERVICE("SingleSignOnService", "HTTP-Redirect", ENTITY_SSO) SERVICE(
			      "SingleSignOnService", "HTTP-POST",
			      ENTITY_SSO "/post") "</md:IDPSSODescriptor></md:EntityDescriptor>",
	    name, place, base64);
	return buf_take(&b, NULL);
}

char *
entity_xml(const char *name, enum world_key key)
{
	return build(name, key, "");
}

char *
entity_unsigned(const char *name, enum world_key key)
{
	return build(name, key, KIT_SIGNATURE("_m1", "rsa-sha256"));
}

char *
entities_xml(char *const *entities, size_t n, bool has_place)
{
	OWN(buf) struct buf b;
	buf_init(&b, ROOM);
	buf_printf(&b, "<md:EntitiesDescriptor" NAMESPACES " ID=\"_m0\">%s",
	    has_place ? KIT_SIGNATURE("_m0", "rsa-sha256") : "");
	for (size_t i = 0; i < n; i++)
		buf_text(&b, entities[i]);
	buf_text(&b, "</md:EntitiesDescriptor>");
	return buf_take(&b, NULL);
}

char *
entity_sign(char *xml, enum world_key key)
{
	char *finished = saml_sign_finish(xml, world.keys[key]);
	free(xml);
	assert_non_null(finished);
	return finished;
}
