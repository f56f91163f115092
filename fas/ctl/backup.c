/*
 * fasctl backup: both databases as they were at one moment (fas/backup.h), sealed to certificates whose keys are elsewhere.
 * The folder appears under its name when it is whole.
 */
#include "fas/ctl/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/base/secret.h"
#include "fas/base/text.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/backup_manifest.h"
#include "fas/ctl/render.h"

#define KEY_FILE_MAX 65536
#define MEGABYTE 1048576
#define BEGUN ".begun" /* behind the folder's name until all is in it */

struct saving {
	const struct cli_args *args;
	char folder[PATH_MAX - 64];
	struct sealed_to to;
	struct backup_manifest *manifest;
	uint8_t *room; /* of one part */
};

static void
saving_done(struct saving *s)
{
	sealed_to_done(&s->to);
	backup_manifest_free(s->manifest);
	if (s->room)
		secret_wipe(s->room, BACKUP_PART_BYTES);
	free(s->room);
}

DEFINE_OWN_IN_PLACE(saving, struct saving, saving_done);

/* ---- one file, part by part ---- */

static enum fas_code
seal_part(struct saving *s, const void *data, size_t len, struct fas_err *e)
{
	char name[32], path[PATH_MAX];
	struct backup_manifest *m = s->manifest;
	if (m->n_parts == BACKUP_PARTS_MAX)
		return fas_fail(e, FAS_E_LIMIT, "backup_too_large", "over %d parts of %d MiB",
		    BACKUP_PARTS_MAX, (int)(BACKUP_PART_BYTES / MEGABYTE));
	struct backup_part *part = &m->parts[m->n_parts++];
	part->size = len;
	backup_part_name(m->n_parts, name);
	enum fas_code rc = file_join(path, sizeof(path), s->folder, name, e);
	if (rc == FAS_OK)
		rc = backup_digest(data, len, part->sha256, e);
	return rc == FAS_OK ? sealed_write(&s->to, path, data, len, e) : rc;
}

static enum fas_code
fill(int fd, uint8_t *room, size_t *len, struct fas_err *e)
{
	*len = 0;
	while (*len < BACKUP_PART_BYTES) {
		ssize_t got = read(fd, room + *len, BACKUP_PART_BYTES - *len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fas_fail_errno(e, "the database's copy");
		if (got == 0)
			break;
		*len += (size_t)got;
	}
	return FAS_OK;
}

static enum fas_code
seal_parts(struct saving *s, struct backup_file *file, int fd, EVP_MD_CTX *whole, struct fas_err *e)
{
	size_t len = BACKUP_PART_BYTES;
	enum fas_code rc = FAS_OK;
	for (int64_t at = 0; rc == FAS_OK && at < file->size && len > 0; at += (int64_t)len) {
		rc = fill(fd, s->room, &len, e);
		if (rc == FAS_OK && EVP_DigestUpdate(whole, s->room, len) != 1)
			rc = fas_fail_openssl(e, "SHA-256");
		if (rc == FAS_OK)
			rc = seal_part(s, s->room, len, e);
		ctl_progress(
		    s->args, file->name, (at + (int64_t)len) / MEGABYTE, file->size / MEGABYTE);
	}
	ctl_progress(s->args, NULL, 0, 0);
	return rc;
}

/* size octets of fd, which are all that there are. */
static enum fas_code
seal_file(struct saving *s, const char *name, int fd, int64_t size, struct fas_err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct backup_manifest *m = s->manifest;
	EVP_MD_CTX *whole = EVP_MD_CTX_new();
	if (m->n_files == BACKUP_FILES_MAX || !whole ||
	    EVP_DigestInit_ex(whole, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(whole);
		return fas_fail(e, FAS_E_LIMIT, "backup_too_large", "%zu files", m->n_files);
	}
	struct backup_file *file = &m->files[m->n_files++];
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	file->size = size;
	file->first = m->n_parts;
	enum fas_code rc = seal_parts(s, file, fd, whole, e);
	file->n_parts = m->n_parts - file->first;
	if (rc == FAS_OK && EVP_DigestFinal_ex(whole, digest, NULL) != 1)
		rc = fas_fail_openssl(e, "SHA-256");
	EVP_MD_CTX_free(whole);
	(void)hex_encode(digest, 32, file->sha256);
	return rc;
}

/* ---- what goes into it ---- */

static enum fas_code
save_database(struct saving *s, const char *name, const json_t *reply, int fd, struct fas_err *e)
{
	return seal_file(
	    s, name, fd, (int64_t)json_integer_value(json_object_get(reply, "size")), e);
}

/* Root reads them where they lie: the signer gives no key away. */
static enum fas_code
save_keys(struct saving *s, const json_t *reply, struct fas_err *e)
{
	size_t i;
	const json_t *key;
	struct stat st;
	const char *folder = json_string_value(json_object_get(reply, "keys_folder"));
	enum fas_code rc = FAS_OK;
	json_array_foreach(json_object_get(reply, "keys"), i, key)
	{
		char path[PATH_MAX], name[BACKUP_NAME_MAX];
		const char *file = json_string_value(key);
		(void)snprintf(name, sizeof(name), BACKUP_KEYS "%s", file ? file : "");
		rc = file_join(path, sizeof(path), folder ? folder : "", file ? file : "", e);
		OWN(fd) int fd = rc == FAS_OK ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
		if (rc == FAS_OK && (fd < 0 || fstat(fd, &st) != 0))
			rc = fas_fail_errno(e, "%s", path);
		if (rc == FAS_OK && st.st_size > KEY_FILE_MAX)
			rc = fas_fail(e, FAS_E_INPUT, "too_large", "%s is no key", path);
		if (rc == FAS_OK)
			rc = seal_file(s, name, fd, st.st_size, e);
		if (rc != FAS_OK)
			return rc;
	}
	return rc;
}

static enum fas_code
save_fasd(struct saving *s, char snapshot[64], struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *reply = NULL;
	struct backup_manifest *m = s->manifest;
	m->made_s = clock_now();
	enum fas_code rc =
	    ctl_request_file(s->args, CTL_FASD, json_pack("{s:s}", "op", "backup"), &reply, &fd, e);
	if (rc != FAS_OK)
		return rc;
	const char *node = json_string_value(json_object_get(reply, "node"));
	const char *version = json_string_value(json_object_get(reply, "version"));
	const char *id = json_string_value(json_object_get(reply, "snapshot"));
	(void)snprintf(m->node, sizeof(m->node), "%s", node ? node : "");
	(void)snprintf(m->version, sizeof(m->version), "%s", version ? version : "");
	(void)snprintf(snapshot, 64, "%s", id ? id : "");
	return save_database(s, "fas.db", reply, fd, e);
}

static enum fas_code
save_signer(struct saving *s, const char *snapshot, bool keys, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *reply = NULL;
	enum fas_code rc = ctl_request_file(s->args, CTL_SIGNER,
	    json_pack("{s:s,s:s,s:b}", "op", "backup", "snapshot", snapshot, "with_ca_keys", keys),
	    &reply, &fd, e);
	if (rc != FAS_OK)
		return rc;
	s->manifest->issuers = json_incref(json_object_get(reply, "issuers"));
	rc = save_database(s, "ca.db", reply, fd, e);
	return rc == FAS_OK && keys ? save_keys(s, reply, e) : rc;
}

static enum fas_code
save_manifest(struct saving *s, char digest[BACKUP_SHA256_HEX], struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(text) char *text = backup_manifest_format(s->manifest);
	if (!text)
		return fas_fail_nomem(e);
	enum fas_code rc = file_join(path, sizeof(path), s->folder, BACKUP_MANIFEST, e);
	if (rc == FAS_OK)
		rc = backup_digest(text, strlen(text), digest, e);
	return rc == FAS_OK ? sealed_write(&s->to, path, text, strlen(text), e) : rc;
}

/* ---- the folder ---- */

static enum fas_code
begin(struct saving *s, struct fas_err *e)
{
	const char *name = s->args->argument;
	struct stat st;
	int n = snprintf(s->folder, sizeof(s->folder), "%s" BEGUN, name);
	if (n < 0 || n >= (int)sizeof(s->folder))
		return fas_fail(e, FAS_E_INPUT, "path_too_long", "%s: path is too long", name);
	if (lstat(name, &st) == 0)
		return fas_fail(e, FAS_E_CONFLICT, "backup_exists", "%s is there already", name);
	s->room = malloc(BACKUP_PART_BYTES);
	s->manifest = calloc(1, sizeof(*s->manifest));
	if (!s->room || !s->manifest)
		return fas_fail_nomem(e);
	(void)snprintf(s->manifest->by, sizeof(s->manifest->by), "uid:%u", (unsigned)getuid());
	if (mkdir(s->folder, 0700) == 0)
		return FAS_OK;
	return errno == EEXIST ? fas_fail(e, FAS_E_CONFLICT, "backup_exists",
				     "%s is there: another backup goes on, or one was cut off "
				     "(then remove it)",
				     s->folder)
			       : fas_fail_errno(e, "%s", s->folder);
}

static void
remove_all(const char *folder)
{
	char path[PATH_MAX];
	struct fas_err ignored = {0};
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    file_join(path, sizeof(path), folder, entry->d_name, &ignored) == FAS_OK)
			(void)unlink(path);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(folder);
}

static enum fas_code
save_all(struct saving *s, char digest[BACKUP_SHA256_HEX], struct fas_err *e)
{
	char snapshot[64] = "";
	enum fas_code rc = save_fasd(s, snapshot, e);
	if (rc == FAS_OK)
		rc = save_signer(s, snapshot, cli_flag(s->args, "with-ca-keys"), e);
	if (rc == FAS_OK)
		rc = save_manifest(s, digest, e);
	if (rc == FAS_OK && rename(s->folder, s->args->argument) != 0)
		rc = fas_fail_errno(e, "%s", s->args->argument);
	if (rc != FAS_OK)
		remove_all(s->folder);
	return rc;
}

static void
report(const struct saving *s, const char *digest)
{
	const struct cli_args *args = s->args;
	const struct backup_manifest *m = s->manifest;
	size_t n_keys = m->n_files - 2;
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I}", "folder", args->argument,
		    "sha256", digest, "made_at", (json_int_t)m->made_s, "bytes",
		    (json_int_t)m->files[0].size + (json_int_t)m->files[1].size, "parts",
		    (json_int_t)m->n_parts, "ca_keys", (json_int_t)n_keys);
		render_json(args->out, answer);
		return;
	}
	(void)fprintf(args->out, "%s: fas.db %lld KiB, ca.db %lld KiB, %zu CA keys\n",
	    args->argument, (long long)m->files[0].size / 1024, (long long)m->files[1].size / 1024,
	    n_keys);
	(void)fprintf(args->out, "sha256 %s\n", digest);
	if (n_keys == 0)
		(void)fprintf(args->err,
		    "The CA keys are not in it: without them, or a token that holds them, nothing "
		    "can be restored.\n");
}

static int
run_backup(const struct cli_args *args)
{
	struct fas_err e = {0};
	char digest[BACKUP_SHA256_HEX] = "";
	OWN(saving) struct saving s = {.args = args};
	const char *to;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && (to = cli_nth(args, "to", i)); i++)
		rc = sealed_to_add(&s.to, to, &e);
	if (rc == FAS_OK)
		rc = begin(&s, &e);
	if (rc == FAS_OK)
		rc = save_all(&s, digest, &e);
	if (rc != FAS_OK)
		return ctl_fail(args, &e);
	report(&s, digest);
	return CLI_OK;
}

static const struct cli_option backup_options[] = {
    {"to", "CERT.pem", "whose key opens it; may be given several times", CLI_NEED | CLI_MANY},
    {"with-ca-keys", NULL, "the files of the CA's keys too; root alone can read them", 0},
};

static const struct cli_option restore_options[] = {
    {"key", "FILE", "the private key that opens it, PEM, mode 0600", CLI_NEED},
    {"passphrase-file", "FILE", "of that key", 0},
    {"sha256", "HEX", "what fasctl backup printed: is it that backup?", 0},
    {"crl", "FILE", "the last published list of an authority, PEM or DER; each of them", CLI_MANY},
    {"without-crl", NULL, "go on where one is lost: what was revoked since is good again", 0},
    {"fasd-state", "DIR", "default " FAS_LOCALSTATEDIR "/lib/fas", 0},
    {"signer-state", "DIR", "default " FAS_LOCALSTATEDIR "/lib/fas-signer", 0},
    {"fasd-user", "USER", "to whom it belongs; default fasd", 0},
    {"signer-user", "USER", "likewise; default fas-signer", 0},
};

static const struct cli_command commands[] = {
    {"backup", "FOLDER", "Save both databases as they are now, sealed to a certificate",
	"While both services run.  The folder holds CMS files that openssl cms -decrypt opens, and "
	"a\n"
	"manifest with the SHA-256 of each.  Keys of users are nowhere on disk and never in it.",
	backup_options, NELEMS(backup_options), run_backup},
    {"restore", "FOLDER", "Put a backup into the empty state folders of this machine",
	"Neither service runs; root only.  All or nothing: until it has come to its end the "
	"services\n"
	"do not start, and it can be run again.  At their next start they merge the lists, end "
	"all\n"
	"sessions and tickets, and accept no assertion that was issued before.",
	restore_options, NELEMS(restore_options), ctl_restore},
};

const struct cli_group ctl_backup_group = {"backup", commands, NELEMS(commands)};
