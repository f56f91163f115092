#include "material.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "saml_sign.h"

#define ACCOUNT "alice"
#define REQUEST_HEAD_MAX 256

DEFINE_OWN(file, FILE *, (void)fclose);
DEFINE_OWN(key, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(request, X509_REQ *, X509_REQ_free);
DEFINE_OWN(bio, BIO *, BIO_free_all);

static void
copy_member(const json_t *account, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(account, name));
	if (!text)
		lab_die("FAS_ACCOUNTS: " ACCOUNT " has no %s", name);
	(void)snprintf(out, size, "%s", text);
}

static void
read_account(struct material *material)
{
	OWN(json) json_t *accounts = json_load_file(lab_variable("FAS_ACCOUNTS"), 0, NULL);
	const json_t *account = json_object_get(accounts, ACCOUNT);
	copy_member(account, "sid", material->sid, sizeof(material->sid));
	copy_member(account, "upn", material->upn, sizeof(material->upn));
	copy_member(account, "guid", material->guid, sizeof(material->guid));
}

static void
escape_lines(const char *text, char *out)
{
	for (; *text; text++) {
		if (*text == '\n')
			*out++ = '\\';
		*out++ = *text == '\n' ? 'n' : *text;
	}
	*out = 0;
}

static void
make_csr(struct material *material)
{
	char *pem = NULL;
	OWN(key) EVP_PKEY *key = EVP_RSA_gen(2048);
	OWN(request) X509_REQ *request = X509_REQ_new();
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	if (!key || !request || !bio || !X509_REQ_set_pubkey(request, key) ||
	    !X509_REQ_sign(request, key, EVP_sha256()) || !PEM_write_bio_X509_REQ(bio, request))
		lab_die("no certification request");
	long len = BIO_get_mem_data(bio, &pem);
	(void)snprintf(material->csr, sizeof(material->csr), "%.*s", (int)len, pem);
	escape_lines(material->csr, material->csr_json);
}

static char *
read_certificate(void)
{
	OWN(file) FILE *f = fopen(lab_variable("FAS_IDP_CERT"), "re");
	X509 *certificate = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
	char *text = certificate ? saml_sign_cert_base64(certificate) : NULL;
	X509_free(certificate);
	if (!text)
		lab_die("FAS_IDP_CERT cannot be read");
	return text;
}

void
material_open(struct material *material)
{
	OWN(file) FILE *f = fopen(lab_variable("FAS_IDP_KEY"), "re");
	*material = (struct material){0};
	material->idp_key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;
	if (!material->idp_key)
		lab_die("FAS_IDP_KEY cannot be read");
	material->idp_certificate = read_certificate();
	read_account(material);
	make_csr(material);
}

void
material_close(struct material *material)
{
	EVP_PKEY_free(material->idp_key);
	free(material->idp_certificate);
}

char *
material_response(const struct material *material)
{
	const struct saml_sign_attribute claims[] = {
	    {"cip_sid", material->sid}, {"cip_upn", material->upn}, {"cip_oid", material->guid}};
	const struct saml_sign_spec spec = {.idp = lab_variable("FAS_IDP_ENTITY_ID"),
	    .audience = lab_variable("FAS_SP_ENTITY_ID"),
	    .recipient = lab_variable("FAS_ACS_URL"),
	    .destination = lab_variable("FAS_ACS_URL"),
	    .name_id = ACCOUNT,
	    .sign = SAML_SIGN_ASSERTION,
	    .cert_base64 = material->idp_certificate,
	    .now_s = clock_now(),
	    .attributes = claims,
	    .n_attributes = NELEMS(claims)};
	char *xml = saml_sign_response(&spec, material->idp_key);
	if (!xml)
		lab_die("a response cannot be signed");
	return xml;
}

char *
request_format(const char *path, const char *body)
{
	char *request = NULL;
	if (asprintf(&request,
		"POST %s HTTP/1.1\r\nHost: fas1.corp.example.com:8443\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		path, strlen(body), body) < 0)
		lab_die("out of memory");
	return request;
}

static char *
make_request(const struct material *material, const struct lab *lab)
{
	OWN(text) char *xml = material_response(material);
	OWN(text) char *base64 = base64_encode(xml, strlen(xml));
	OWN(text) char *body = NULL;
	if (!base64 || asprintf(&body, "{\"saml_response\":\"%s\",\"host\":\"%s\"}", base64,
			   lab->host_name) < 0)
		lab_die("out of memory");
	return request_format("/v1/logons", body);
}

void
requests_make(
    const struct material *material, const struct lab *lab, size_t n, struct requests *out)
{
	*out = (struct requests){.request = calloc(n, sizeof(*out->request)), .n = n};
	if (!out->request)
		lab_die("out of memory");
	for (size_t i = 0; i < n; i++)
		out->request[i] = make_request(material, lab);
}

void
requests_done(struct requests *requests)
{
	for (size_t i = 0; i < requests->n; i++)
		free(requests->request[i]);
	free(requests->request);
	*requests = (struct requests){0};
}
