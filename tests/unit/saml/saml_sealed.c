/* Responses with something encrypted in them, and the service's keys to open it. */
#include "saml_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "fas/base/buf.h"
#include "fas/base/yaml.h"
#include "fas/saml/sp.h"

#define OPEN "<saml:Assertion"
#define CLOSE "</saml:Assertion>"
#define NAME_ID "<saml:NameID>alice</saml:NameID>"
#define NS " xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\""

/* ---- the service's keys ---- */

static void
write_pair(size_t i, EVP_PKEY *key)
{
	char path[128];
	X509 *cert = saml_sign_new_cert(key, "fas.example", NOW_S);
	assert_non_null(cert);
	(void)snprintf(path, sizeof(path), "%s/enc%zu.pem", world.folder, i);
	assert_int_equal(saml_sign_write_cert(path, cert), 0);
	X509_free(cert);
	(void)snprintf(path, sizeof(path), "%s/enc%zu.key", world.folder, i);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

static void
remove_pair(size_t i)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/enc%zu.pem", world.folder, i);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/enc%zu.key", world.folder, i);
	(void)unlink(path);
}

void
world_make_sp(void)
{
	static const char text[] = "signing: [{key: enc0.key, certificate: enc0.pem}]\n"
				   "decryption:\n"
				   "  - {key: enc0.key, certificate: enc0.pem}\n"
				   "  - {key: enc1.key, certificate: enc1.pem}\n";
	struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	for (size_t i = 0; i < DECRYPTION_KEYS; i++) {
		world.decryption[i] = saml_sign_new_rsa(2048);
		assert_non_null(world.decryption[i]);
		write_pair(i, world.decryption[i]);
	}
	if (yaml_parse("fasd.yaml", text, strlen(text), &doc, &e) != FAS_OK ||
	    saml_sp_load(yaml_root(doc), world.folder, &world.sp, &e) != FAS_OK)
		fail_msg("%s", e.message);
	yaml_doc_free(doc);
	for (size_t i = 0; i < DECRYPTION_KEYS; i++)
		remove_pair(i);
}

/* ---- text ---- */

/* From the first Assertion's begin to the last one's end: where there are several, all of them. */
static bool
find_assertion(const char *xml, const char **begin, const char **end)
{
	*begin = strstr(xml, OPEN);
	*end = NULL;
	for (const char *at = *begin; at && (at = strstr(at, CLOSE)); at += strlen(CLOSE))
		*end = at + strlen(CLOSE);
	return *end != NULL;
}

/* Exclusive canonicalisation writes the namespace there too: a signature still fits. */
char *
world_lift_assertion(const char *xml)
{
	const char *begin, *end;
	if (!find_assertion(xml, &begin, &end))
		return NULL;
	const char *tag = memchr(begin, '>', (size_t)(end - begin));
	const char *declared = strstr(begin, "xmlns:saml=");
	char *text = strndup(begin, (size_t)(end - begin));
	assert_non_null(text);
	return declared && declared < tag ? text : world_replace(text, OPEN, OPEN NS);
}

static char *
replace_assertion(char *xml, const char *with)
{
	const char *begin, *end;
	assert_true(find_assertion(xml, &begin, &end));
	OWN(buf) struct buf out;
	buf_init(&out, 4 * 1024 * 1024);
	buf_append(&out, xml, (size_t)(begin - xml));
	buf_text(&out, with);
	buf_text(&out, end);
	free(xml);
	return buf_take(&out, NULL);
}

static char *
encrypt(const char *plain, const char *element, const struct row *row)
{
	struct saml_sign_seal seal = row->seal;
	if (!seal.to)
		seal.to = world.decryption[0];
	char *text = saml_sign_encrypt(plain, element, &seal);
	assert_non_null(text);
	return text;
}

char *
world_seal_assertion(char *xml, const struct row *row)
{
	char *plain = world_lift_assertion(xml);
	if (!plain)
		return xml;
	char *sealed = encrypt(plain, "EncryptedAssertion", row);
	xml = replace_assertion(xml, sealed);
	free(plain);
	free(sealed);
	return xml;
}

/* ---- as a provider does it ---- */

static char *
finish(char *xml, const struct row *row)
{
	char *finished = saml_sign_finish(xml, world.keys[row->key]);
	assert_non_null(finished);
	free(xml);
	return finished;
}

static char *
seal_inside(char *xml, const struct row *row)
{
	char *plain = finish(world_lift_assertion(xml), row);
	plain = world_apply(plain, row->inside);
	if (row->spoil_inside)
		plain = row->spoil_inside(plain);
	char *sealed = encrypt(plain, "EncryptedAssertion", row);
	xml = replace_assertion(xml, sealed);
	free(plain);
	free(sealed);
	return xml;
}

static char *
seal_name_id(char *xml, const struct row *row)
{
	char *plain = world_replace(strdup(NAME_ID), "<saml:NameID", "<saml:NameID" NS);
	plain = world_apply(plain, row->inside);
	char *sealed = encrypt(plain, "EncryptedID", row);
	xml = world_replace(xml, NAME_ID, sealed);
	free(plain);
	free(sealed);
	return xml;
}

char *
world_sealed_response(const struct row *row)
{
	struct saml_sign_spec spec = world_spec(row);
	char *xml = saml_sign_template(&spec);
	assert_non_null(xml);
	xml = world_apply(xml, row->before);
	xml = row->sealed == SEALED_NAME_ID ? seal_name_id(xml, row) : seal_inside(xml, row);
	xml = world_apply(finish(xml, row), row->after);
	return row->spoil ? row->spoil(xml) : xml;
}
