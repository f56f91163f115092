/* fasctl restore: a backup (backup.c) into the empty state folders of a machine on which neither service runs. */
#include "fas/ctl/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/base/restore.h"
#include "fas/base/secret.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/backup_manifest.h"
#include "fas/ctl/render.h"
#include "fas/ctl/restore_crl.h"
#include "fas/ctl/state_folder.h"

#define MEGABYTE 1048576
#define FASD_MODE 0700
#define SIGNER_MODE 0711 /* the public folder may lie in it (ca/server.c) */

struct restoring {
	const struct cli_args *args;
	EVP_PKEY *key;
	struct backup_manifest *manifest;
	struct restore_crls crls;
	struct state_folder folders[2]; /* by enum ctl_peer */
	char digest[BACKUP_SHA256_HEX]; /* of the manifest */
};

static void
restoring_done(struct restoring *r)
{
	EVP_PKEY_free(r->key);
	backup_manifest_free(r->manifest);
	restore_crls_done(&r->crls);
	state_folder_done(&r->folders[CTL_SIGNER]);
	state_folder_done(&r->folders[CTL_FASD]);
}

DEFINE_OWN_IN_PLACE(restoring, struct restoring, restoring_done);

/* ---- before anything is written ---- */

static enum fas_code
check_caller(const struct cli_args *args, struct fas_err *e)
{
	if (geteuid() != 0)
		return fas_fail(e, FAS_E_DENIED, "not_root",
		    "a restore gives files to the services' users: run it as root");
	for (enum ctl_peer peer = CTL_SIGNER; peer <= CTL_FASD; peer++) {
		OWN(fd) int fd = -1;
		struct fas_err away = {0};
		if (wire_connect(ctl_peer_path(args, peer), &fd, &away) == FAS_OK)
			return fas_fail(e, FAS_E_CONFLICT, "service_runs",
			    "%s runs on this machine: stop both services first",
			    ctl_peer_name(peer));
	}
	return FAS_OK;
}

static enum fas_code
open_manifest(struct restoring *r, struct fas_err *e)
{
	char path[PATH_MAX];
	OWN(secret) struct secret text = {0};
	const char *want = cli_text(r->args, "sha256");
	enum fas_code rc = file_join(path, sizeof(path), r->args->argument, BACKUP_MANIFEST, e);
	if (rc == FAS_OK)
		rc = sealed_read(path, r->key, BACKUP_MANIFEST_MAX, &text, e);
	if (rc == FAS_OK)
		rc = backup_digest(text.data, text.len, r->digest, e);
	if (rc == FAS_OK && want && strcmp(want, r->digest) != 0)
		rc = fas_fail(e, FAS_E_INPUT, "backup_other",
		    "this backup's sha256 is %s: it is another one than was asked for", r->digest);
	return rc == FAS_OK
		   ? backup_manifest_parse((const char *)text.data, text.len, &r->manifest, e)
		   : rc;
}

static enum fas_code
take_crls(struct restoring *r, struct fas_err *e)
{
	const char *path;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && (path = cli_nth(r->args, "crl", i)); i++)
		rc = restore_crls_add(&r->crls, r->manifest, path, e);
	if (rc == FAS_OK)
		rc = restore_crls_judge(&r->crls, r->manifest, e);
	if (rc == FAS_OK && r->crls.missing[0] && !cli_flag(r->args, "without-crl"))
		rc = fas_fail(e, FAS_E_INPUT, "restore_crl_missing",
		    "the last published list of authority %s is missing: what was revoked since "
		    "the "
		    "backup would be good again.  Fetch it from where it is published (--crl), or "
		    "accept that (--without-crl)",
		    r->crls.missing);
	return rc;
}

static const char *
option(const struct cli_args *args, const char *name, const char *fallback)
{
	const char *text = cli_text(args, name);
	return text ? text : fallback;
}

static enum fas_code
name_folders(struct restoring *r, struct fas_err *e)
{
	const struct cli_args *args = r->args;
	enum fas_code rc = state_folder_name(&r->folders[CTL_SIGNER],
	    option(args, "signer-state", FAS_LOCALSTATEDIR "/lib/fas-signer"),
	    option(args, "signer-user", "fas-signer"), SIGNER_MODE, e);
	if (rc == FAS_OK)
		rc = state_folder_name(&r->folders[CTL_FASD],
		    option(args, "fasd-state", FAS_LOCALSTATEDIR "/lib/fas"),
		    option(args, "fasd-user", "fasd"), FASD_MODE, e);
	return rc;
}

static enum fas_code
prepare(struct restoring *r, struct fas_err *e)
{
	const struct cli_args *args = r->args;
	enum fas_code rc = check_caller(args, e);
	if (rc == FAS_OK)
		rc = sealed_key_load(
		    cli_text(args, "key"), cli_text(args, "passphrase-file"), &r->key, e);
	if (rc == FAS_OK)
		rc = open_manifest(r, e);
	if (rc == FAS_OK)
		rc = take_crls(r, e);
	return rc == FAS_OK ? name_folders(r, e) : rc;
}

/* ---- one file ---- */

static enum fas_code
differs(const struct backup_file *file, struct fas_err *e)
{
	return fas_fail(e, FAS_E_INPUT, "backup_damaged",
	    "%s is not what the manifest says: its SHA-256 is another one", file->name);
}

static enum fas_code
open_part(struct restoring *r, const struct backup_file *file, size_t i, struct secret *data,
    struct fas_err *e)
{
	char name[32], path[PATH_MAX], digest[BACKUP_SHA256_HEX];
	const struct backup_part *part = &r->manifest->parts[i];
	backup_part_name(i + 1, name);
	enum fas_code rc = file_join(path, sizeof(path), r->args->argument, name, e);
	if (rc == FAS_OK)
		rc = sealed_read(path, r->key, BACKUP_PART_BYTES, data, e);
	if (rc == FAS_OK)
		rc = backup_digest(data->data, data->len, digest, e);
	if (rc == FAS_OK && (data->len != part->size || strcmp(digest, part->sha256) != 0))
		rc = differs(file, e);
	return rc;
}

static enum fas_code
write_parts(struct restoring *r, const struct backup_file *file, int fd, EVP_MD_CTX *whole,
    struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	int64_t done = 0;
	for (size_t i = file->first; rc == FAS_OK && i < file->first + file->n_parts; i++) {
		OWN(secret) struct secret data = {0}; /* it may be a key */
		rc = open_part(r, file, i, &data, e);
		if (rc == FAS_OK && EVP_DigestUpdate(whole, data.data, data.len) != 1)
			rc = fas_fail_openssl(e, "SHA-256");
		if (rc == FAS_OK)
			rc = state_file_append(fd, data.data, data.len, e);
		done += (int64_t)data.len;
		ctl_progress(r->args, file->name, done / MEGABYTE, file->size / MEGABYTE);
	}
	ctl_progress(r->args, NULL, 0, 0);
	return rc;
}

static enum fas_code
unpack(struct restoring *r, const struct backup_file *file, enum ctl_peer peer, struct fas_err *e)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[BACKUP_SHA256_HEX];
	OWN(fd) int fd = -1;
	EVP_MD_CTX *whole = EVP_MD_CTX_new();
	enum fas_code rc = whole && EVP_DigestInit_ex(whole, EVP_sha256(), NULL) == 1
			       ? state_folder_create(&r->folders[peer], file->name, &fd, e)
			       : fas_fail_nomem(e);
	if (rc == FAS_OK)
		rc = write_parts(r, file, fd, whole, e);
	if (rc == FAS_OK && EVP_DigestFinal_ex(whole, digest, NULL) != 1)
		rc = fas_fail_openssl(e, "SHA-256");
	EVP_MD_CTX_free(whole);
	if (rc == FAS_OK && strcmp(hex_encode(digest, 32, hex), file->sha256) != 0)
		rc = differs(file, e);
	return rc == FAS_OK ? state_file_sync(fd, e) : rc;
}

static enum fas_code
unpack_all(struct restoring *r, struct fas_err *e)
{
	const struct backup_manifest *m = r->manifest;
	enum fas_code rc = state_folder_make_keys(&r->folders[CTL_SIGNER], e);
	for (size_t i = 0; rc == FAS_OK && i < m->n_files; i++) {
		bool fasds = strcmp(m->files[i].name, "fas.db") == 0;
		rc = unpack(r, &m->files[i], fasds ? CTL_FASD : CTL_SIGNER, e);
	}
	return rc;
}

/* ---- the lists, for the signer's next start ---- */

static enum fas_code
put_crls(struct restoring *r, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < r->crls.n; i++) {
		char name[32];
		OWN(fd) int fd = -1;
		(void)snprintf(name, sizeof(name), "restore-%zu.crl", i);
		rc = state_folder_create(&r->folders[CTL_SIGNER], name, &fd, e);
		if (rc == FAS_OK)
			rc = state_file_append(fd, r->crls.lists[i].der, r->crls.lists[i].len, e);
		if (rc == FAS_OK)
			rc = state_file_sync(fd, e);
	}
	return rc;
}

/* ---- all of it ---- */

static enum fas_code
begin(struct restoring *r, enum ctl_peer peer, int64_t now_ms, struct fas_err *e)
{
	struct restore_note note = {.made_s = r->manifest->made_s,
	    .restored_ms = now_ms,
	    .n_crls = peer == CTL_SIGNER ? r->crls.n : 0,
	    .crls_missing = r->crls.missing[0] != 0};
	(void)snprintf(note.by, sizeof(note.by), "uid:%u", (unsigned)getuid());
	OWN(text) char *text = restore_note_format(&note);
	return text ? state_folder_begin(&r->folders[peer], text, e) : fas_fail_nomem(e);
}

/* fasd's last: without it whole, nobody logs on. */
static enum fas_code
restore(struct restoring *r, struct fas_err *e)
{
	int64_t now_ms = clock_now_ms();
	enum fas_code rc = begin(r, CTL_SIGNER, now_ms, e);
	if (rc == FAS_OK)
		rc = begin(r, CTL_FASD, now_ms, e);
	if (rc == FAS_OK)
		rc = unpack_all(r, e);
	if (rc == FAS_OK)
		rc = put_crls(r, e);
	if (rc == FAS_OK)
		rc = state_folder_finish(&r->folders[CTL_SIGNER], e);
	return rc == FAS_OK ? state_folder_finish(&r->folders[CTL_FASD], e) : rc;
}

static void
report(const struct restoring *r)
{
	char made[TIME_TEXT_MAX];
	const struct cli_args *args = r->args;
	const struct backup_manifest *m = r->manifest;
	size_t n_keys = m->n_files - 2;
	(void)time_format(m->made_s, made);
	if (cli_flag(args, "json")) {
		OWN(json)
		json_t *answer = json_pack("{s:s,s:s,s:I,s:I,s:I,s:s}", "node", m->node, "sha256",
		    r->digest, "made_at", (json_int_t)m->made_s, "crls", (json_int_t)r->crls.n,
		    "ca_keys", (json_int_t)n_keys, "crls_missing", r->crls.missing);
		render_json(args->out, answer);
		return;
	}
	(void)fprintf(
	    args->out, "Node %s is as it was at %s (sha256 %s).\n", m->node, made, r->digest);
	(void)fprintf(args->err,
	    "%s"
	    "Next: start fas-signer and fasd.  Then shut out again whoever was held or stopped "
	    "since (fasctl cert\nhold)%s, and make enrolment tokens anew.  All users log on "
	    "again.\n",
	    n_keys == 0 ? "Before the start: put the CA's key files back into the signer's keys "
			  "folder, mode 0600.\n"
			: "",
	    r->crls.missing[0] ? " and the machines that were revoked (fasctl host revoke)" : "");
}

int
ctl_restore(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(restoring)
	struct restoring r = {.args = args, .folders = {{.fd = -1}, {.fd = -1}}};
	enum fas_code rc = prepare(&r, &e);
	if (rc == FAS_OK)
		rc = restore(&r, &e);
	if (rc != FAS_OK)
		return ctl_fail(args, &e);
	report(&r);
	return CLI_OK;
}
