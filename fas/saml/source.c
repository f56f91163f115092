#include "fas/saml/source.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fas/base/file.h"
#include "fas/base/text.h"
#include "fas/saml/idp.h"
#include "fas/saml/key.h"
#include "fas/saml/write.h"

#define COPY_HASH_BYTES 8 /* URLs are the administrator's: enough that two of them differ */

/* ---- the entry ---- */

void
source_read(struct yaml_reader *r, struct source_nodes *n)
{
	n->metadata = yaml_want(r, "metadata", YAML_SCALAR);
	n->certificates = yaml_want_texts(r, "metadata_certificates");
	n->ca_file = yaml_want_text(r, "metadata_ca_file", NULL);
	n->allow_unsigned = yaml_want_bool(r, "insecure_unsigned_metadata", false);
	n->refresh_s = yaml_want_duration(
	    r, "metadata_refresh", SOURCE_REFRESH_MIN_S, SOURCE_REFRESH_MAX_S, 3600);
}

static bool
looks_like_url(const char *text)
{
	return strstr(text, "://") != NULL;
}

/* What a URL says is believed because of who has signed it. */
static enum fas_code
check_url(const struct source_nodes *n, struct fas_err *e)
{
	const char *url = n->metadata->text;
	if (!asks_url_is_good(url))
		return yaml_fail(n->metadata, e, "yaml_value",
		    "metadata: %.200s: want a file, or a URL with https (http only on this "
		    "machine)",
		    url);
	if (!n->allow_unsigned && (!n->certificates || n->certificates->n == 0))
		return yaml_fail(n->metadata, e, "yaml_value",
		    "metadata of a URL are believed when they are signed: metadata_certificates "
		    "names "
		    "whose (or insecure_unsigned_metadata: true)");
	return FAS_OK;
}

static enum fas_code
absolute(const char *folder, const char *name, char **out, struct fas_err *e)
{
	char path[PATH_MAX];
	bool is_absolute = name[0] == '/';
	enum fas_code rc = file_join(
	    path, sizeof(path), is_absolute ? "" : folder, is_absolute ? name + 1 : name, e);
	if (rc != FAS_OK)
		return rc;
	*out = strdup(path);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
load_pins(
    const struct source_nodes *n, const char *folder, struct idp_source *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; n->certificates && i < n->certificates->n && rc == FAS_OK; i++)
		rc = key_load_certificates(n->certificates->items[i], folder, out->pins,
		    SAML_METADATA_KEYS_MAX, &out->n_pins, e);
	return rc;
}

enum fas_code
source_load(const struct source_nodes *n, const char *folder, const char *wanted,
    struct idp_source *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (!n->metadata)
		return FAS_OK;
	out->is_url = looks_like_url(n->metadata->text);
	out->refresh_s = n->refresh_s;
	if (wanted && !(out->wanted = strdup(wanted)))
		return fas_fail_nomem(e);
	if (out->is_url) {
		rc = check_url(n, e);
		out->location = strdup(n->metadata->text);
	} else {
		rc = absolute(folder, n->metadata->text, &out->location, e);
	}
	if (rc == FAS_OK && !out->location)
		rc = fas_fail_nomem(e);
	if (rc == FAS_OK && n->ca_file)
		rc = absolute(folder, n->ca_file, &out->ca_file, e);
	return rc == FAS_OK ? load_pins(n, folder, out, e) : rc;
}

void
source_done(struct idp_source *source)
{
	for (size_t i = 0; i < source->n_pins; i++)
		X509_free(source->pins[i]);
	free(source->location);
	free(source->wanted);
	free(source->ca_file);
}

/* ---- what it says ---- */

enum fas_code
source_judge(const struct idp_source *source, const uint8_t *bytes, size_t len, int64_t now_s,
    struct saml_entity **out, struct fas_err *e)
{
	const struct saml_pins pins = {source->pins, source->n_pins};
	return saml_metadata_read(bytes, len, source->wanted, &pins, now_s, out, e);
}

enum fas_code
saml_metadata_copy(const char *folder, const char *name, const char *url, char *out, size_t size,
    struct fas_err *e)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	char hex[2 * COPY_HASH_BYTES + 1];
	OWN(buf) struct buf file;
	if (EVP_Digest(url, strlen(url), hash, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256 of a URL");
	buf_init(&file, NAME_MAX);
	write_percent(&file, name);
	buf_printf(&file, "-%s.xml", hex_encode(hash, COPY_HASH_BYTES, hex));
	enum fas_code rc = buf_check(&file, e);
	return rc == FAS_OK ? file_join(out, size, folder, buf_str(&file), e) : rc;
}

enum fas_code
source_open(const struct idp_source *source, const char *name, const char *metadata_folder,
    int64_t now_s, struct saml_entity **out, int64_t *fetched_s, struct fas_err *e)
{
	char path[PATH_MAX];
	struct stat st;
	OWN(text) char *bytes = NULL;
	size_t len = 0;
	if (source->is_url && !metadata_folder)
		return fas_fail(e, FAS_E_NOTFOUND, "file_missing",
		    "metadata of %.200s were not fetched yet", source->location);
	enum fas_code rc = source->is_url ? saml_metadata_copy(metadata_folder, name,
						source->location, path, sizeof(path), e)
					  : file_join(path, sizeof(path), "", source->location, e);
	if (rc == FAS_OK)
		rc = file_read(path, SAML_METADATA_MAX, &bytes, &len, e);
	if (rc != FAS_OK)
		return rc;
	*fetched_s = stat(path, &st) == 0 ? st.st_mtime : 0;
	return source_judge(source, (const uint8_t *)bytes, len, now_s, out, e);
}
