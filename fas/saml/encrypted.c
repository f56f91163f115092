#include "fas/saml/encrypted.h"

#include <string.h>

#include "fas/saml/model.h"
#include "fas/saml/xml.h"

#define XENC11 "http://www.w3.org/2009/xmlenc11#"
#define TYPE_ELEMENT NS_XENC "Element"
#define OAEP NS_XENC "rsa-oaep-mgf1p"
#define CLAUSE "XML Encryption 3"

static const struct cipher_method ciphers[] = {
    {XENC11 "aes128-gcm", "AES-128-GCM", 16, 12, 16, true},
    {XENC11 "aes256-gcm", "AES-256-GCM", 32, 12, 16, true},
    {NS_XENC "aes128-cbc", "AES-128-CBC", 16, 16, 0, false},
    {NS_XENC "aes256-cbc", "AES-256-CBC", 32, 16, 0, false},
};

/* The first one is meant where none is named. */
static const struct oaep_digest digests[] = {
    {NS_DSIG "sha1", "SHA1"},
    {NS_XENC "sha256", "SHA256"},
};

#define ENCRYPTED_MODEL(...)                                                                       \
	{                                                                                          \
		CLAUSE, FAS_E_AUTH, "saml_structure",                                              \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct model element_model = ENCRYPTED_MODEL(
    {NS_XENC, "EncryptedData", 0, 1, 1}, {NS_XENC, "EncryptedKey", 1, 0, ENCRYPTED_KEYS_MAX});
static const struct model data_model = ENCRYPTED_MODEL({NS_XENC, "EncryptionMethod", 0, 1, 1},
    {NS_DSIG, "KeyInfo", 1, 0, 1}, {NS_XENC, "CipherData", 2, 1, 1});
static const struct model key_info_model = ENCRYPTED_MODEL(
    {NS_XENC, "EncryptedKey", 0, 0, ENCRYPTED_KEYS_MAX}, {NS_DSIG, "RetrievalMethod", 0, 0, 2},
    {NS_DSIG, "KeyName", 0, 0, 2}, {NS_DSIG, "X509Data", 0, 0, 2});
static const struct model key_model = ENCRYPTED_MODEL({NS_XENC, "EncryptionMethod", 0, 1, 1},
    {NS_DSIG, "KeyInfo", 1, 0, 1}, {NS_XENC, "CipherData", 2, 1, 1},
    {NS_XENC, "ReferenceList", 3, 0, 1}, {NS_XENC, "CarriedKeyName", 4, 0, 1});
/* No CipherReference: nothing is fetched. */
static const struct model cipher_data_model = ENCRYPTED_MODEL({NS_XENC, "CipherValue", 0, 1, 1});
static const struct model no_parameters_model = ENCRYPTED_MODEL({NULL, NULL, 0, 0, 0});
/* No OAEPparams. */
static const struct model oaep_model = ENCRYPTED_MODEL({NS_DSIG, "DigestMethod", 0, 0, 1});

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_AUTH, "saml_structure", "%s", finding);
}

static enum fas_code
refuse_algorithm(struct fas_err *e, const char *what, const char *href, const char *want)
{
	return fas_fail(e, FAS_E_AUTH, "saml_algorithm",
	    "XML Encryption 5: %s %.100s is not allowed, want %s", what, href ? href : "(none)",
	    want);
}

static const char *
algorithm_of(const xmlNode *node)
{
	return node ? xml_attr(node, "Algorithm") : NULL;
}

/* ---- the content ---- */

static enum fas_code
find_cipher(
    const xmlNode *method, bool is_signed, const struct cipher_method **out, struct fas_err *e)
{
	const char *href = algorithm_of(method);
	for (size_t i = 0; href && i < NELEMS(ciphers); i++) {
		if (strcmp(ciphers[i].href, href) != 0)
			continue;
		if (!ciphers[i].authenticated && !is_signed)
			return refuse_algorithm(e, "without a signature over the ciphertext", href,
			    "AES-GCM, or a signed Response");
		*out = &ciphers[i];
		return model_check(&no_parameters_model, method, e);
	}
	return refuse_algorithm(e, "encryption", href, "AES-128-GCM or AES-256-GCM");
}

static enum fas_code
read_cipher_value(const xmlNode *parent, const char **out, struct fas_err *e)
{
	const xmlNode *data = xml_child(parent, NS_XENC, "CipherData");
	enum fas_code rc = model_check(&cipher_data_model, data, e);
	if (rc != FAS_OK)
		return rc;
	*out = xml_text(xml_child(data, NS_XENC, "CipherValue"));
	return *out && **out ? FAS_OK : refuse(e, CLAUSE ".3: CipherValue is no text");
}

static enum fas_code
check_data(const xmlNode *data, bool is_signed, struct encrypted *out, struct fas_err *e)
{
	const char *type = xml_attr(data, "Type");
	enum fas_code rc = model_check(&data_model, data, e);
	if (rc == FAS_OK && type && strcmp(type, TYPE_ELEMENT) != 0)
		rc = refuse(e, CLAUSE ".1: Type of EncryptedData is not that of an element");
	if (rc == FAS_OK)
		rc = find_cipher(
		    xml_child(data, NS_XENC, "EncryptionMethod"), is_signed, &out->cipher, e);
	return rc == FAS_OK ? read_cipher_value(data, &out->value, e) : rc;
}

/* ---- the keys ---- */

static enum fas_code
find_digest(const xmlNode *method, const struct oaep_digest **out, struct fas_err *e)
{
	const xmlNode *node = xml_child(method, NS_DSIG, "DigestMethod");
	const char *href = algorithm_of(node);
	*out = &digests[0];
	if (!node)
		return FAS_OK;
	for (size_t i = 0; href && i < NELEMS(digests); i++) {
		*out = &digests[i];
		if (strcmp(digests[i].href, href) == 0)
			return model_check(&no_parameters_model, node, e);
	}
	return refuse_algorithm(e, "digest of RSA-OAEP", href, "SHA-1 or SHA-256");
}

/* Not RSA PKCS#1 v1.5 (XML Encryption 1.1 5.5.1 warns of it itself), and not the newer name of OAEP, which no library here
 * makes. */
static enum fas_code
check_key_method(const xmlNode *method, const struct oaep_digest **out, struct fas_err *e)
{
	const char *href = algorithm_of(method);
	if (!href || strcmp(href, OAEP) != 0)
		return refuse_algorithm(e, "key transport", href, OAEP);
	enum fas_code rc = model_check(&oaep_model, method, e);
	return rc == FAS_OK ? find_digest(method, out, e) : rc;
}

static enum fas_code
take_key(const xmlNode *key, struct encrypted *out, struct fas_err *e)
{
	struct wrapped_key wrapped;
	enum fas_code rc = model_check(&key_model, key, e);
	if (rc == FAS_OK)
		rc = check_key_method(
		    xml_child(key, NS_XENC, "EncryptionMethod"), &wrapped.digest, e);
	if (rc == FAS_OK)
		rc = read_cipher_value(key, &wrapped.value, e);
	if (rc != FAS_OK)
		return rc;
	if (out->n_keys == ENCRYPTED_KEYS_MAX)
		return refuse(e, CLAUSE ".5: more than two EncryptedKeys");
	out->keys[out->n_keys++] = wrapped;
	return FAS_OK;
}

static enum fas_code
take_keys(const xmlNode *parent, struct encrypted *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	const xmlNode *key = xml_child(parent, NS_XENC, "EncryptedKey");
	for (; key && rc == FAS_OK; key = xml_again(key))
		rc = take_key(key, out, e);
	return rc;
}

enum fas_code
encrypted_check(const xmlNode *node, bool is_signed, struct encrypted *out, struct fas_err *e)
{
	*out = (struct encrypted){0};
	enum fas_code rc = model_check(&element_model, node, e);
	if (rc != FAS_OK)
		return rc;
	const xmlNode *data = xml_child(node, NS_XENC, "EncryptedData");
	const xmlNode *info = data ? xml_child(data, NS_DSIG, "KeyInfo") : NULL;
	if (!data) /* the model asks for one; the analyser does not know */
		return refuse(e, CLAUSE ".1: no EncryptedData");
	if ((rc = check_data(data, is_signed, out, e)) != FAS_OK)
		return rc;
	if (info && (rc = model_check(&key_info_model, info, e)) == FAS_OK)
		rc = take_keys(info, out, e);
	if (rc == FAS_OK)
		rc = take_keys(node, out, e);
	if (rc == FAS_OK && out->n_keys == 0)
		return refuse(e, CLAUSE ".5: no EncryptedKey");
	return rc;
}
