/* The service's own side, for tests: its keys as files, configuration from text, and a look at what it sends. */
#ifndef FAS_TESTS_SAML_KIT_H
#define FAS_TESTS_SAML_KIT_H

#include "fas/saml/logout.h"
#include "fas/saml/sp.h"
#include "saml_world.h"

#define KIT_ENTITY "https://login.example/saml/metadata"
#define KIT_ACS "https://login.example/saml/acs"
#define KIT_SLO "https://login.example/saml/slo"
#define KIT_PAIR(n) "{key: " #n ".key, certificate: " #n ".pem}"

extern const struct saml_server kit_server;

/* world_setup, and the keys as N.key beside N.pem; kit_teardown takes them away. */
int kit_setup(void **state);
int kit_teardown(void **state);
void kit_write_key(const char *name, EVP_PKEY *key, const EVP_CIPHER *cipher);
void kit_write_file(const char *name, const char *text, size_t len);
void kit_remove(const char *name);

/* `saml:` and `identity_providers:` from text, relative to world.folder. */
enum fas_code kit_load_sp(const char *text, struct saml_sp **out, struct fas_err *e);
enum fas_code kit_load_trust(const char *text, struct saml_trust **out, struct fas_err *e);
/* The same for what has to be good. */
struct saml_sp *kit_sp(const char *text);
struct saml_trust *kit_trust(const char *text);

/* An entry of identity_providers: its name, the number of its certificate, and more lines, each with two blanks. */
#define KIT_IDP(name, cert, more)                                                                  \
	"- name: " name "\n  entity_id: " ENTITY(name) "\n  certificates: [" #cert                 \
						       ".pem]\n  audiences: [" KIT_ENTITY          \
						       "]\n  recipients: [" KIT_ACS "]\n" more

/* A parameter of a URL's query, decoded; malloc'ed.  Fails the test when it is not there. */
char *kit_parameter(const char *url, const char *name);
/* Is the URL's Signature by this key, by this EVP digest?  What was signed is taken from the URL as it stands. */
bool kit_query_is_signed(const char *url, const char *field, EVP_PKEY *key);
/* How a provider packs and signs a query; all but xml and key may be left out. */
struct kit_query {
	const char *field; /* default: SAMLRequest */
	const char *relay_state;
	const char *algorithm; /* of xmldsig-more#; default: rsa-sha256 */
	bool lower;            /* %2f instead of %2F */
	bool der;              /* an EC key's signature as OpenSSL makes it */
	bool is_unsigned;
};
/* SAMLRequest=...&Signature=..., malloc'ed. */
char *kit_sign_query(const char *xml, EVP_PKEY *key, const struct kit_query *how);
/* A place for saml_sign_finish to sign: behind an Issuer. */
#define KIT_SIGNATURE(id, algorithm)                                                               \
	"<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>"            \
	"<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>"       \
	"<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#" algorithm "\"/>" \
	"<ds:Reference URI=\"#" id "\"><ds:Transforms>"                                            \
	"<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>"      \
	"<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms>"    \
	"<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>"                 \
	"<ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo>"                         \
	"<ds:SignatureValue></ds:SignatureValue></ds:Signature>"

/* The XML that a message carries; malloc'ed. */
char *kit_xml(const struct saml_message *message);
/* Is the root's signature by this key, by xmlsec alone? */
bool kit_xml_is_signed(const char *xml, EVP_PKEY *key);

#endif
