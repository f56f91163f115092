/* Metadata of providers: from bytes that somebody else wrote to one provider's keys and URLs. */
#include "fas/saml/metadata.h"

#include <string.h>

#include <openssl/err.h>

#include "fas/base/text.h"
#include "fas/saml/dsig.h"
#include "fas/saml/idp.h"
#include "fas/saml/key.h"
#include "fas/saml/structure.h"
#include "fas/saml/when.h"
#include "fas/saml/xml.h"

#define BINDING(name) "urn:oasis:names:tc:SAML:2.0:bindings:" name
#define CANONICAL_MAX (2 * SAML_METADATA_MAX) /* it may be longer than the document */
#define NEVER (INT64_MAX / 2)

void
saml_entity_free(struct saml_entity *entity)
{
	if (!entity)
		return;
	free(entity->entity_id);
	for (size_t i = 0; i < entity->n_certificates; i++)
		X509_free(entity->certificates[i]);
	asks_urls_done(&entity->sign_on);
	asks_urls_done(&entity->logout);
	free(entity);
}

static enum fas_code
refuse(struct fas_err *e, const char *reason, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, reason, "SAML metadata %s", finding);
}

/* ---- which of them ---- */

/* Not one in some Extensions: what encloses it are lists, up to the root. */
static bool
is_entity(const xmlNode *node)
{
	if (!xml_is(node, NS_METADATA, "EntityDescriptor"))
		return false;
	for (node = node->parent; node && node->type == XML_ELEMENT_NODE; node = node->parent) {
		if (!xml_is(node, NS_METADATA, "EntitiesDescriptor"))
			return false;
	}
	return true;
}

static enum fas_code
find_entity(xmlDoc *doc, const char *entity_id, xmlNode **out, struct fas_err *e)
{
	xmlNode *root = xmlDocGetRootElement(doc);
	size_t n = 0, all = 0;
	for (xmlNode *at = root; at; at = xml_walk(at, root)) {
		if (!is_entity(at))
			continue;
		const char *id = xml_attr(at, "entityID");
		if (++all > SAML_METADATA_ENTITIES_MAX)
			return refuse(e, "metadata_entity", "2.3.1: too many entities");
		if (entity_id && (!id || strcmp(id, entity_id) != 0))
			continue;
		*out = at;
		n++;
	}
	if (n == 1)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "metadata_entity",
	    "SAML metadata 2.3: %zu of %zu entities are %.200s, want one", n, all,
	    entity_id ? entity_id : "a provider (entity_id names the one that is meant)");
}

/* ---- who has signed it ---- */

/* The pins as dsig_verify wants them. */
static enum fas_code
lend_pins(const struct saml_pins *pins, struct idp *out, struct fas_err *e)
{
	for (; out->n_keys < pins->n && out->n_keys < IDP_KEYS_MAX; out->n_keys++) {
		struct idp_key *slot = &out->keys[out->n_keys];
		EVP_PKEY *key = X509_get0_pubkey(pins->certificates[out->n_keys]);
		const char *why = key ? key_judge(key, &slot->kind) : "its key cannot be read";
		if (why)
			return fas_fail(
			    e, FAS_E_CONFIG, "idp_certificate", "certificate of metadata: %s", why);
		if (!(slot->key = key_bare(key)))
			return fas_fail_nomem(e);
	}
	return FAS_OK;
}

/* *out: the signed octets of the root, or of the entity when the root has no signature. */
static enum fas_code
verify_by(
    const struct idp *signer, xmlNode *root, xmlNode *entity, struct buf *out, struct fas_err *e)
{
	struct signature signature;
	xmlNode *node = xml_child(root, NS_DSIG, "Signature");
	if (!node)
		node = xml_child(entity, NS_DSIG, "Signature");
	if (!node)
		return fas_fail(e, FAS_E_AUTH, "saml_signature",
		    "SAML metadata 3: neither the document nor the entity is signed");
	enum fas_code rc = structure_check_id(node->parent, e);
	if (rc == FAS_OK)
		rc = signature_check(node, false, &signature, e);
	if (rc != FAS_OK)
		return rc;
	if (!structure_id_is_once(root, signature.id))
		return refuse(e, "saml_structure", "3: the signed ID occurs more than once");
	return dsig_verify(signer, &signature, out, e);
}

/* From here on only what was signed is read: *doc is replaced by it. */
static enum fas_code
keep_signed(xmlDoc **doc, const char *entity_id, const struct saml_pins *pins, xmlNode **entity,
    struct fas_err *e)
{
	struct idp signer = {.name = (char[]){"metadata"}};
	OWN(buf) struct buf signed_bytes;
	xmlDoc *next = NULL;
	buf_init(&signed_bytes, CANONICAL_MAX);
	enum fas_code rc = lend_pins(pins, &signer, e);
	if (rc == FAS_OK)
		rc = verify_by(&signer, xmlDocGetRootElement(*doc), *entity, &signed_bytes, e);
	for (size_t i = 0; i < signer.n_keys; i++)
		xmlSecKeyDestroy(signer.keys[i].key);
	if (rc == FAS_OK)
		rc = xml_parse_within(&xml_metadata_bounds, signed_bytes.data, signed_bytes.len,
		    CANONICAL_MAX, &next, e);
	if (rc != FAS_OK)
		return rc;
	xmlFreeDoc(*doc);
	*doc = next;
	return find_entity(next, entity_id, entity, e);
}

/* ---- how long ---- */

/* Metadata 2.3.1, 2.3.2, 2.4.1: the earliest end and the shortest life of all that enclose the role. */
static enum fas_code
read_times(const xmlNode *role, int64_t now_s, struct saml_entity *out, struct fas_err *e)
{
	out->valid_until_s = NEVER;
	for (const xmlNode *at = role; at && at->type == XML_ELEMENT_NODE; at = at->parent) {
		int64_t end_s, life_s = 0;
		const char *life = xml_attr(at, "cacheDuration");
		enum fas_code rc = when_attr(
		    at, "validUntil", NEVER, "SAML metadata 2.3.2", "metadata_expired", &end_s, e);
		if (rc != FAS_OK)
			return rc;
		if (life && !when_duration_parse(life, &life_s))
			return refuse(e, "saml_structure", "2.3.2: cacheDuration is no duration");
		if (end_s < out->valid_until_s)
			out->valid_until_s = end_s;
		if (life && (out->cache_s == 0 || life_s < out->cache_s))
			out->cache_s = life_s > 0 ? life_s : 1;
	}
	if (now_s >= out->valid_until_s)
		return fas_fail(e, FAS_E_AUTH, "metadata_expired",
		    "SAML metadata 2.3.2: validUntil was %lld s ago",
		    (long long)(now_s - out->valid_until_s));
	if (out->valid_until_s == NEVER)
		out->valid_until_s = 0;
	return FAS_OK;
}

/* ---- the role ---- */

/* Is word one of the blank-separated ones? */
static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	while (list && *list) {
		size_t n = strcspn(list, " \t\r\n");
		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + strspn(list + n, " \t\r\n");
	}
	return false;
}

static enum fas_code
find_role(const xmlNode *entity, const xmlNode **out, struct fas_err *e)
{
	*out = NULL;
	const xmlNode *at = xml_child(entity, NS_METADATA, "IDPSSODescriptor");
	for (; at; at = xml_again(at)) {
		if (!has_word(xml_attr(at, "protocolSupportEnumeration"), NS_SAMLP))
			continue;
		if (*out)
			return refuse(e, "metadata_role", "2.4.3: more than one IDPSSODescriptor");
		*out = at;
	}
	return *out ? FAS_OK
		    : refuse(e, "metadata_role", "2.4.3: no IDPSSODescriptor for SAML 2.0");
}

static bool
is_known(const struct saml_entity *entity, const X509 *certificate)
{
	for (size_t i = 0; i < entity->n_certificates; i++) {
		if (X509_cmp(entity->certificates[i], certificate) == 0)
			return true;
	}
	return false;
}

/* A certificate whose key is not fit is left out: what verifies with it will not. */
static enum fas_code
take_certificate(struct saml_entity *out, const uint8_t *der, size_t len, struct fas_err *e)
{
	const uint8_t *at = der;
	enum key_kind kind;
	OWN(x509) X509 *certificate = d2i_X509(NULL, &at, (long)len);
	ERR_clear_error();
	if (!certificate || at != der + len)
		return refuse(e, "metadata_keys", "2.4.1.1: an X509Certificate is none");
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	if (!key || key_judge(key, &kind) || is_known(out, certificate))
		return FAS_OK;
	if (out->n_certificates == SAML_METADATA_KEYS_MAX)
		return refuse(e, "metadata_keys", "2.4.1.1: more than 8 signing keys");
	out->certificates[out->n_certificates++] = TAKE(certificate);
	return FAS_OK;
}

/*
 * That of an element's KeyInfo, base64.  Of several certificates in one X509Data the first is the key's (XML Signature
 * 4.4.4: the others are its chain).
 */
static const char *
certificate_text(const xmlNode *node)
{
	const xmlNode *info = xml_child(node, NS_DSIG, "KeyInfo");
	const xmlNode *data = info ? xml_child(info, NS_DSIG, "X509Data") : NULL;
	return data ? xml_text(xml_child(data, NS_DSIG, "X509Certificate")) : NULL;
}

static enum fas_code
read_key(const xmlNode *descriptor, struct saml_entity *out, struct fas_err *e)
{
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	const char *use = xml_attr(descriptor, "use");
	const char *text = certificate_text(descriptor);
	if ((use && strcmp(use, "signing") != 0) || !text)
		return FAS_OK;
	enum fas_code rc = base64_decode(text, strlen(text), true, &der, &len, NULL);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return refuse(e, "metadata_keys", "2.4.1.1: an X509Certificate is no base64");
	return take_certificate(out, der, len, e);
}

static enum fas_code
read_keys(const xmlNode *role, struct saml_entity *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	const xmlNode *at = xml_child(role, NS_METADATA, "KeyDescriptor");
	for (; at && rc == FAS_OK; at = xml_again(at))
		rc = read_key(at, out, e);
	if (rc == FAS_OK && out->n_certificates == 0)
		return refuse(e, "metadata_keys",
		    "2.4.1.1: no certificate to sign with whose key is RSA of 2048 bits or more, "
		    "or "
		    "on P-256, P-384 or P-521");
	return rc;
}

static enum fas_code
take_url(const xmlNode *node, const char *attr, char **out, struct fas_err *e)
{
	const char *url = xml_attr(node, attr);
	if (!url || *out)
		return FAS_OK;
	if (!asks_url_is_good(url))
		return fas_fail(e, FAS_E_INPUT, "metadata_url",
		    "SAML metadata 2.2.2: %s %.200s is no URL to send people to (https)", attr,
		    url);
	*out = strdup(url);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

/* The first of each binding. */
static enum fas_code
read_urls(const xmlNode *role, const char *name, struct asks_urls *out, struct fas_err *e)
{
	static const char *const bindings[ASKS_BINDINGS] = {
	    BINDING("HTTP-Redirect"), BINDING("HTTP-POST")};
	enum fas_code rc = FAS_OK;
	const xmlNode *at = xml_child(role, NS_METADATA, name);
	for (; at && rc == FAS_OK; at = xml_again(at)) {
		const char *binding = xml_attr(at, "Binding");
		for (size_t i = 0; binding && i < ASKS_BINDINGS && rc == FAS_OK; i++) {
			if (strcmp(binding, bindings[i]) != 0 || out->url[i])
				continue;
			rc = take_url(at, "Location", &out->url[i], e);
			if (rc == FAS_OK)
				rc = take_url(at, "ResponseLocation", &out->response[i], e);
		}
	}
	return rc;
}

static bool
is_true(const char *text)
{
	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

static enum fas_code
read_entity(const xmlNode *entity, int64_t now_s, struct saml_entity *out, struct fas_err *e)
{
	const xmlNode *role = NULL;
	const char *id = xml_attr(entity, "entityID");
	if (!id || !*id || strlen(id) > IDP_ENTITY_ID_MAX || utf8_has_invisible(id))
		return refuse(
		    e, "metadata_entity", "2.3.2: entityID is missing, or no plain text (8.3.6)");
	if (!(out->entity_id = strdup(id)))
		return fas_fail_nomem(e);
	enum fas_code rc = find_role(entity, &role, e);
	if (rc != FAS_OK || !role) /* the second for the analyser */
		return rc;
	out->wants_signed_requests = is_true(xml_attr(role, "WantAuthnRequestsSigned"));
	if ((rc = read_times(role, now_s, out, e)) != FAS_OK ||
	    (rc = read_keys(role, out, e)) != FAS_OK ||
	    (rc = read_urls(role, "SingleSignOnService", &out->sign_on, e)) != FAS_OK)
		return rc;
	return read_urls(role, "SingleLogoutService", &out->logout, e);
}

/* A byte order mark is as Microsoft writes it; what is signed does not have it. */
static enum fas_code
parse(const uint8_t *bytes, size_t len, xmlDoc **doc, struct fas_err *e)
{
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
	size_t skip = len >= sizeof(mark) && memcmp(bytes, mark, sizeof(mark)) == 0 ? 3 : 0;
	return xml_parse_within(
	    &xml_metadata_bounds, bytes + skip, len - skip, SAML_METADATA_MAX, doc, e);
}

enum fas_code
saml_metadata_signer(const uint8_t *bytes, size_t len, X509 **out, struct fas_err *e)
{
	OWN(xml) xmlDoc *doc = NULL;
	OWN(bytes) uint8_t *der = NULL;
	size_t der_len = 0;
	*out = NULL;
	enum fas_code rc = parse(bytes, len, &doc, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *root = xmlDocGetRootElement(doc);
	const xmlNode *at = root;
	while (at && !xml_is(at, NS_DSIG, "Signature"))
		at = xml_walk(at, root);
	const char *text = at ? certificate_text(at) : NULL;
	if (!text || base64_decode(text, strlen(text), true, &der, &der_len, NULL) != FAS_OK)
		return FAS_OK;
	const uint8_t *from = der;
	*out = d2i_X509(NULL, &from, (long)der_len);
	ERR_clear_error();
	return FAS_OK;
}

enum fas_code
saml_metadata_read(const uint8_t *bytes, size_t len, const char *entity_id,
    const struct saml_pins *pins, int64_t now_s, struct saml_entity **out, struct fas_err *e)
{
	OWN(xml) xmlDoc *doc = NULL;
	xmlNode *entity = NULL;
	*out = NULL;
	enum fas_code rc = parse(bytes, len, &doc, e);
	if (rc == FAS_OK)
		rc = find_entity(doc, entity_id, &entity, e);
	if (rc == FAS_OK && pins->n > 0)
		rc = keep_signed(&doc, entity_id, pins, &entity, e);
	if (rc != FAS_OK)
		return rc;
	OWN(saml_entity) struct saml_entity *made = calloc(1, sizeof(*made));
	if (!made)
		return fas_fail_nomem(e);
	made->is_signed = pins->n > 0;
	if ((rc = read_entity(entity, now_s, made, e)) == FAS_OK)
		*out = TAKE(made);
	return rc;
}
