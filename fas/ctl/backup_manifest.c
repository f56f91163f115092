#include "fas/ctl/backup_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define ISSUERS_MAX 256

void
backup_part_name(size_t i, char out[32])
{
	(void)snprintf(out, 32, "part-%04zu.cms", i);
}

void
backup_manifest_free(struct backup_manifest *m)
{
	if (!m)
		return;
	json_decref(m->issuers);
	free(m);
}

enum fas_code
backup_digest(const void *data, size_t len, char out[BACKUP_SHA256_HEX], struct fas_err *e)
{
	uint8_t digest[32];
	if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256");
	(void)hex_encode(digest, sizeof(digest), out);
	return FAS_OK;
}

const struct backup_file *
backup_manifest_find(const struct backup_manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_files; i++) {
		if (strcmp(m->files[i].name, name) == 0)
			return &m->files[i];
	}
	return NULL;
}

/* ---- as text ---- */

static json_t *
file_json(const struct backup_manifest *m, const struct backup_file *file)
{
	json_t *parts = json_array();
	for (size_t i = file->first; i < file->first + file->n_parts; i++) {
		char name[32];
		backup_part_name(i + 1, name);
		(void)json_array_append_new(
		    parts, json_pack("{s:s,s:I,s:s}", "file", name, "size",
			       (json_int_t)m->parts[i].size, "sha256", m->parts[i].sha256));
	}
	return json_pack("{s:s,s:I,s:s,s:o}", "name", file->name, "size", (json_int_t)file->size,
	    "sha256", file->sha256, "parts", parts);
}

char *
backup_manifest_format(const struct backup_manifest *m)
{
	OWN(json) json_t *files = json_array();
	for (size_t i = 0; i < m->n_files; i++)
		(void)json_array_append_new(files, file_json(m, &m->files[i]));
	OWN(json)
	json_t *object = json_pack("{s:i,s:I,s:s,s:s,s:s,s:O,s:O}", "format", 1, "made_at",
	    (json_int_t)m->made_s, "node", m->node, "version", m->version, "by", m->by, "files",
	    files, "issuers", m->issuers);
	return object && json_array_size(files) == m->n_files ? json_dumps(object, JSON_INDENT(1))
							      : NULL;
}

/* ---- and back: whoever has the certificate could have written it ---- */

static bool
name_is_known(const char *name)
{
	size_t prefix = strlen(BACKUP_KEYS);
	if (strcmp(name, "fas.db") == 0 || strcmp(name, "ca.db") == 0)
		return true;
	if (strncmp(name, BACKUP_KEYS, prefix) != 0)
		return false;
	const char *key = name + prefix;
	return key[0] && key[0] != '.' &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		   strlen(key);
}

static void
copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text ? text : "");
}

static enum fas_code
parse_part(json_t *object, size_t i, struct backup_part *out, struct fas_err *e)
{
	char want[32];
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	backup_part_name(i + 1, want);
	const char *name = json_need_text(&r, "file", 1, sizeof(want) - 1);
	out->size = (size_t)json_need_int(&r, "size", 0, (int64_t)BACKUP_PART_BYTES);
	copy(out->sha256, sizeof(out->sha256), json_need_text(&r, "sha256", 64, 64));
	if ((rc = json_finish(&r)) == FAS_OK && strcmp(name, want) != 0)
		rc = fas_fail(e, FAS_E_INPUT, "backup_manifest",
		    "part %zu is named \"%s\", want %s", i + 1, name, want);
	return rc;
}

static enum fas_code
parse_parts(json_t *list, struct backup_manifest *m, struct backup_file *file, struct fas_err *e)
{
	size_t i;
	json_t *object;
	int64_t size = 0;
	file->first = m->n_parts;
	file->n_parts = json_array_size(list);
	if (file->n_parts > BACKUP_PARTS_MAX - m->n_parts)
		return fas_fail(
		    e, FAS_E_INPUT, "backup_manifest", "over %d parts", BACKUP_PARTS_MAX);
	json_array_foreach(list, i, object)
	{
		struct backup_part *part = &m->parts[m->n_parts];
		enum fas_code rc = parse_part(object, m->n_parts, part, e);
		if (rc != FAS_OK)
			return rc;
		size += (int64_t)part->size;
		m->n_parts++;
	}
	return size == file->size ? FAS_OK
				  : fas_fail(e, FAS_E_INPUT, "backup_manifest",
					"the parts of %s are %lld octets, it is said to have %lld",
					file->name, (long long)size, (long long)file->size);
}

static enum fas_code
parse_file(json_t *object, struct backup_manifest *m, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct backup_file *file = &m->files[m->n_files];
	enum fas_code rc = json_open_object(&r, object, e);
	if (rc != FAS_OK)
		return rc;
	copy(file->name, sizeof(file->name), json_need_text(&r, "name", 1, BACKUP_NAME_MAX - 1));
	file->size = json_need_int(&r, "size", 0, INT64_MAX);
	copy(file->sha256, sizeof(file->sha256), json_need_text(&r, "sha256", 64, 64));
	json_t *parts = json_need_value(&r, "parts", JSON_ARRAY);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	if (!name_is_known(file->name) || backup_manifest_find(m, file->name))
		return fas_fail(e, FAS_E_INPUT, "backup_manifest",
		    "\"%s\" is no file of a backup, or is there twice", file->name);
	rc = parse_parts(parts, m, file, e);
	m->n_files += rc == FAS_OK;
	return rc;
}

static enum fas_code
parse_files(json_t *list, struct backup_manifest *m, struct fas_err *e)
{
	size_t i;
	json_t *object;
	enum fas_code rc = FAS_OK;
	if (json_array_size(list) > BACKUP_FILES_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "backup_manifest", "over %d files", BACKUP_FILES_MAX);
	json_array_foreach(list, i, object)
	{
		if (rc == FAS_OK)
			rc = parse_file(object, m, e);
	}
	if (rc == FAS_OK &&
	    (!backup_manifest_find(m, "fas.db") || !backup_manifest_find(m, "ca.db")))
		rc = fas_fail(e, FAS_E_INPUT, "backup_manifest", "it has not both databases");
	return rc;
}

static enum fas_code
parse_all(const char *text, size_t len, struct backup_manifest *m, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	enum fas_code rc = json_open(&r, text, len, e);
	if (rc != FAS_OK)
		return rc;
	(void)json_need_int(&r, "format", 1, 1);
	m->made_s = json_need_int(&r, "made_at", 1, INT64_MAX / 1000);
	copy(m->node, sizeof(m->node), json_need_text(&r, "node", 1, sizeof(m->node) - 1));
	copy(m->version, sizeof(m->version),
	    json_need_text(&r, "version", 1, sizeof(m->version) - 1));
	copy(m->by, sizeof(m->by), json_need_text(&r, "by", 1, sizeof(m->by) - 1));
	json_t *files = json_need_value(&r, "files", JSON_ARRAY);
	m->issuers = json_incref(json_need_value(&r, "issuers", JSON_ARRAY));
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	if (json_array_size(m->issuers) > ISSUERS_MAX)
		return fas_fail(
		    e, FAS_E_INPUT, "backup_manifest", "over %d authorities", ISSUERS_MAX);
	return parse_files(files, m, e);
}

enum fas_code
backup_manifest_parse(const char *text, size_t len, struct backup_manifest **out, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(backup_manifest) struct backup_manifest *m = calloc(1, sizeof(*m));
	if (!m)
		return fas_fail_nomem(e);
	enum fas_code rc = parse_all(text, len, m, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return fas_fail(
		    e, FAS_E_INPUT, "backup_manifest", "the backup's manifest: %s", why.message);
	*out = TAKE(m);
	return FAS_OK;
}
