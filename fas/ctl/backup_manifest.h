/*
 * A backup is a folder of sealed files (fas/ctl/sealed.h): part-0001.cms, ..., each at most PART_BYTES of one file, in order;
 * and manifest.cms, JSON that says which files there are, of which parts, with the SHA-256 of each.  Whoever has the key opens
 * it with OpenSSL alone (docs/ADMIN.md, Backup).
 */
#ifndef FAS_CTL_BACKUP_MANIFEST_H
#define FAS_CTL_BACKUP_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/err.h"
#include "fas/base/own.h"
#include "fas/ctl/sealed.h"

#define BACKUP_MANIFEST "manifest.cms"
#define BACKUP_PART_BYTES ((size_t)16 * 1024 * 1024)
#define BACKUP_PARTS_MAX 9999 /* 156 GiB */
#define BACKUP_FILES_MAX 128
#define BACKUP_NAME_MAX 96
#define BACKUP_MANIFEST_MAX ((size_t)4 * 1024 * 1024)
#define BACKUP_KEYS                                                                                \
	"keys/" /* with this the names of key files begin; the others are fas.db and ca.db */
#define BACKUP_SHA256_HEX 65

/* The name of part number i, from 1. */
void backup_part_name(size_t i, char out[32]);

struct backup_part {
	size_t size;
	char sha256[BACKUP_SHA256_HEX]; /* of what was sealed, as of all below */
};

struct backup_file {
	char name[BACKUP_NAME_MAX];
	int64_t size;
	char sha256[BACKUP_SHA256_HEX];
	size_t first, n_parts; /* of the manifest's parts, from 0 */
};

struct backup_manifest {
	int64_t made_s;
	char node[32], version[32], by[64];
	size_t n_files, n_parts;
	struct backup_file files[BACKUP_FILES_MAX];
	struct backup_part parts[BACKUP_PARTS_MAX];
	json_t *issuers; /* owned: [{kind, authority, generation, certificate}] */
};
void backup_manifest_free(struct backup_manifest *manifest);

/* malloc'ed text, NULL when out of memory. */
char *backup_manifest_format(const struct backup_manifest *manifest);
/*
 * FAS_E_INPUT "backup_manifest": also when it names a file that no backup has, or its parts are not in order.  *out is the
 * caller's.
 */
MUST_CHECK enum fas_code backup_manifest_parse(
    const char *text, size_t len, struct backup_manifest **out, struct fas_err *e);
/* The file of that name, NULL when there is none. */
const struct backup_file *backup_manifest_find(
    const struct backup_manifest *manifest, const char *name);

/* SHA-256 in hex. */
MUST_CHECK enum fas_code backup_digest(
    const void *data, size_t len, char out[BACKUP_SHA256_HEX], struct fas_err *e);

DEFINE_OWN(backup_manifest, struct backup_manifest *, backup_manifest_free);

#endif
