/* fasctl idp import: from a provider's metadata to the entry that fasd.yaml needs, with what a person has to compare. */
#include "fas/ctl/idp.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/render.h"
#include "fas/http/fetch_url.h"
#include "fas/saml/metadata.h"
#include "fas/saml/saml.h"

#define TIMEOUT_MS 30000
#define PEM_MAX 65536

DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(bio, BIO *, BIO_free);

bool
idp_is_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

enum fas_code
idp_read_source(const char *source, const char *ca_file, char **out, size_t *len, struct fas_err *e)
{
	OWN(buf) struct buf bytes = {0};
	if (!idp_is_url(source))
		return file_read(source, SAML_METADATA_MAX, out, len, e);
	if (!asks_url_is_good(source))
		return fas_fail(e, FAS_E_INPUT, "url_malformed",
		    "%.200s: want https (http only on this machine)", source);
	enum fas_code rc = fetch_url_init(e);
	if (rc == FAS_OK)
		rc = fetch_url(source, ca_file, SAML_METADATA_MAX, TIMEOUT_MS, &bytes, e);
	if (rc != FAS_OK)
		return rc;
	*out = buf_take(&bytes, len);
	return *out ? FAS_OK : fas_fail(e, FAS_E_INPUT, "saml_xml", "%.200s gave nothing", source);
}

/* ---- what there is to compare ---- */

/* SHA-256 of the DER, as every other program shows it. */
static void
fingerprint(const X509 *certificate, char out[3 * EVP_MAX_MD_SIZE])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	out[0] = 0;
	if (X509_digest(certificate, EVP_sha256(), hash, &n) != 1)
		return;
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(out + (size_t)3 * i, 4, i + 1 < n ? "%02X:" : "%02X", hash[i]);
}

static json_t *
describe_certificate(const X509 *certificate)
{
	char subject[256] = "", print[3 * EVP_MAX_MD_SIZE], end[TIME_TEXT_MAX] = "";
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	if (epoch && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(certificate)) == 1)
		(void)time_format((int64_t)days * 86400 + seconds, end);
	ASN1_TIME_free(epoch);
	(void)X509_NAME_oneline(X509_get_subject_name(certificate), subject, sizeof(subject));
	fingerprint(certificate, print);
	return json_pack("{s:s, s:s, s:s}", "subject", subject, "not_after", end, "sha256", print);
}

static void
put_url(json_t *out, const char *member, const struct asks_urls *urls)
{
	const char *url = urls->url[SAML_BINDING_REDIRECT] ? urls->url[SAML_BINDING_REDIRECT]
							   : urls->url[SAML_BINDING_POST];
	if (url)
		(void)json_object_set_new(out, member, json_string(url));
}

static json_t *
describe(const struct saml_entity *entity)
{
	char end[TIME_TEXT_MAX];
	json_t *list = json_array();
	for (size_t i = 0; i < entity->n_certificates; i++)
		(void)json_array_append_new(list, describe_certificate(entity->certificates[i]));
	json_t *out = json_pack("{s:s, s:o, s:b, s:b}", "entity_id", entity->entity_id,
	    "certificates", list, "wants_signed_requests", entity->wants_signed_requests, "signed",
	    entity->is_signed);
	put_url(out, "single_sign_on", &entity->sign_on);
	put_url(out, "single_logout", &entity->logout);
	if (entity->valid_until_s != 0)
		(void)json_object_set_new(
		    out, "valid_until", json_string(time_format(entity->valid_until_s, end)));
	return out;
}

/* ---- who has signed the metadata ---- */

/* Trust begins here: what the document itself says of its signer is written down for a person to compare. */
static enum fas_code
save_signer(const char *path, const X509 *signer, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	if (!bio || PEM_write_bio_X509(bio, signer) != 1)
		return fas_fail_nomem(e);
	long len = BIO_get_mem_data(bio, &pem);
	return file_write_new(path, pem, (size_t)len, 0644, e);
}

/* ---- the entry ---- */

/* As a YAML scalar, whatever stands in it. */
static void
print_scalar(FILE *out, const char *text)
{
	OWN(json) json_t *value = json_string(text);
	OWN(text) char *quoted = json_dumps(value, JSON_ENCODE_ANY);
	(void)fputs(quoted ? quoted : "\"\"", out);
}

static void
print_member(FILE *out, const char *key, const char *text)
{
	(void)fprintf(out, "    %s: ", key);
	print_scalar(out, text);
	(void)fputc('\n', out);
}

static void
print_certificates(FILE *out, const json_t *certificates)
{
	json_t *certificate;
	size_t i;
	json_array_foreach(certificates, i, certificate)
	{
		(void)fprintf(out, "    # compare by hand: SHA-256 %s\n    #   ",
		    json_string_value(json_object_get(certificate, "sha256")));
		print_scalar(out, json_string_value(json_object_get(certificate, "subject")));
		(void)fprintf(out, ", until %s\n",
		    json_string_value(json_object_get(certificate, "not_after")));
	}
}

static void
print_entry(const struct cli_args *args, const json_t *found, const X509 *signer)
{
	char print[3 * EVP_MAX_MD_SIZE];
	const char *name = cli_text(args, "name"), *file = cli_text(args, "out");
	const char *ca_file = cli_text(args, "ca-file"), *id = cli_text(args, "entity-id");
	(void)fputs("  - name: ", args->out);
	print_scalar(args->out, name ? name : "NAME");
	(void)fputc('\n', args->out);
	print_member(args->out, "metadata", args->argument);
	if (id)
		print_member(args->out, "entity_id", id);
	if (ca_file)
		print_member(args->out, "metadata_ca_file", ca_file);
	if (signer) {
		fingerprint(signer, print);
		(void)fprintf(
		    args->out, "    # who has signed it; compare by hand: SHA-256 %s\n", print);
		(void)fputs("    metadata_certificates: [", args->out);
		print_scalar(args->out, file ? file : "FILE");
		(void)fputs("]\n", args->out);
	}
	print_member(
	    args->out, "# entity_id", json_string_value(json_object_get(found, "entity_id")));
	print_certificates(args->out, json_object_get(found, "certificates"));
	const char *url = json_string_value(json_object_get(found, "single_sign_on"));
	print_member(args->out, "# single_sign_on", url ? url : "(it names none)");
}

static enum fas_code
import(const struct cli_args *args, X509 **signer, json_t **found, struct fas_err *e)
{
	OWN(text) char *bytes = NULL;
	OWN(saml_entity) struct saml_entity *entity = NULL;
	size_t len = 0;
	enum fas_code rc =
	    idp_read_source(args->argument, cli_text(args, "ca-file"), &bytes, &len, e);
	if (rc == FAS_OK)
		rc = saml_metadata_signer((const uint8_t *)bytes, len, signer, e);
	if (rc != FAS_OK)
		return rc;
	/* By its own key: whether it is whole, not yet whose it is. */
	const struct saml_pins pins = {signer, *signer ? 1 : 0};
	rc = saml_metadata_read((const uint8_t *)bytes, len, cli_text(args, "entity-id"), &pins,
	    clock_now(), &entity, e);
	if (rc == FAS_OK)
		*found = describe(entity);
	return rc;
}

static void
print_advice(const struct cli_args *args, const X509 *signer)
{
	if (idp_is_url(args->argument) && !signer)
		(void)fputs(
		    "It is not signed: a URL is taken only with insecure_unsigned_metadata: "
		    "true.  Better: save it to a file, and compare.\n",
		    args->err);
	if (signer && !cli_text(args, "out"))
		(void)fputs("--out FILE keeps the certificate of who has signed it.\n", args->err);
	(void)fputs(
	    "Put this under identity_providers: in fasd.yaml; with a front, its name under "
	    "providers: of a server.\nThen: fasctl config check; fasctl config reload; fasctl idp "
	    "test NAME\n",
	    args->err);
}

int
ctl_idp_import(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(idp_room) bool room = false;
	OWN(x509) X509 *signer = NULL;
	OWN(json) json_t *found = NULL;
	const char *file = cli_text(args, "out");
	enum fas_code rc = saml_init(&e);
	room = rc == FAS_OK;
	if (rc == FAS_OK)
		rc = import(args, &signer, &found, &e);
	if (rc == FAS_OK && signer && file)
		rc = save_signer(file, signer, &e);
	if (rc != FAS_OK)
		return cli_fail(args, &e);
	if (signer)
		(void)json_object_set_new(found, "signer", describe_certificate(signer));
	if (cli_flag(args, "json")) {
		render_json(args->out, found);
		return CLI_OK;
	}
	print_entry(args, found, signer);
	print_advice(args, signer);
	return CLI_OK;
}
