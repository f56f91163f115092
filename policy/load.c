/* A file, or the *.yaml files of a folder in name order, to one immutable policy: all or nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "fas/base/file.h"
#include "fas/base/text.h"
#include "policy/rule.h"

#define PATH_TEXT_MAX 4096

struct loader {
	struct policy *policy;
	const struct policy_world *world;
	EVP_MD_CTX *digest;
	struct fas_err *e;
};

/* Who can write the policy can log on as anybody whom it may name: that is root, or this process's user. */
static enum fas_code
check_mode(const char *path, const struct stat *st, struct fas_err *e)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return fas_fail(e, FAS_E_CONFIG, "policy_file_mode",
		    "%s belongs to uid %u: want root or uid %u", path, (unsigned)st->st_uid,
		    (unsigned)geteuid());
	if (st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && st->st_gid != 0))
		return fas_fail(e, FAS_E_CONFIG, "policy_file_mode",
		    "%s has mode %04o: others may write it (chmod go-w)", path,
		    (unsigned)(st->st_mode & 07777));
	return FAS_OK;
}

static enum fas_code
open_checked(const char *path, int *fd, struct stat *st, struct fas_err *e)
{
	/* Not blocking: a FIFO in the folder must not hang a reload. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT)
		return fas_fail(e, FAS_E_NOTFOUND, "file_missing", "%s: no such file", path);
	if (*fd < 0 || fstat(*fd, st) != 0)
		return fas_fail_errno(e, "%s", path);
	return check_mode(path, st, e);
}

/* At most YAML_BYTES_MAX + 1 bytes: the reader says what is wrong with the last one. */
static enum fas_code
read_fd(int fd, const char *path, char **out, size_t *len, struct fas_err *e)
{
	size_t room = YAML_BYTES_MAX + 1, used = 0;
	OWN(text) char *bytes = malloc(room);
	if (!bytes)
		return fas_fail_nomem(e);
	while (used < room) {
		ssize_t got = read(fd, bytes + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fas_fail_errno(e, "%s", path);
		if (got == 0)
			break;
		used += (size_t)got;
	}
	*len = used;
	*out = TAKE(bytes);
	return FAS_OK;
}

static enum fas_code
add_rules(struct loader *loader, const struct yaml_node *list)
{
	struct policy *policy = loader->policy;
	if (list->n == 0)
		return FAS_OK;
	if (list->n > POLICY_RULES_MAX - policy->n_rules)
		return yaml_fail(list, loader->e, "policy_too_many_rules",
		    "more than %d rules in all files", POLICY_RULES_MAX);
	struct rule *grown =
	    realloc(policy->rules, (policy->n_rules + list->n) * sizeof(*policy->rules));
	if (!grown)
		return fas_fail_nomem(loader->e);
	policy->rules = grown;
	for (size_t i = 0; i < list->n; i++) {
		struct rule *rule = &policy->rules[policy->n_rules++];
		*rule = (struct rule){0};
		enum fas_code rc =
		    rule_load(policy, list->items[i], loader->world, rule, loader->e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

static enum fas_code
read_document(struct loader *loader, const struct yaml_doc *doc)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, yaml_root(doc), "the policy file", loader->e);
	if (rc != FAS_OK)
		return rc;
	(void)yaml_want_int(&r, "version", 1, 1, 1);
	const struct yaml_node *rules = yaml_need(&r, "rules", YAML_LIST);
	rc = yaml_finish(&r);
	return rc == FAS_OK ? add_rules(loader, rules) : rc;
}

static enum fas_code
load_fd(struct loader *loader, int fd, const char *path)
{
	OWN(text) char *bytes = NULL;
	size_t len = 0;
	struct policy *policy = loader->policy;
	if (policy->n_docs == POLICY_FILES_MAX)
		return fas_fail(loader->e, FAS_E_CONFIG, "policy_too_many_files",
		    "%s: more than %d policy files", path, POLICY_FILES_MAX);
	enum fas_code rc = read_fd(fd, path, &bytes, &len, loader->e);
	if (rc == FAS_OK && EVP_DigestUpdate(loader->digest, bytes, len) != 1)
		rc = fas_fail_openssl(loader->e, "policy digest");
	if (rc == FAS_OK)
		rc = yaml_parse(path, bytes, len, &policy->docs[policy->n_docs], loader->e);
	if (rc != FAS_OK)
		return rc;
	return read_document(loader, policy->docs[policy->n_docs++]);
}

static enum fas_code
load_file(struct loader *loader, const char *path)
{
	OWN(fd) int fd = -1;
	struct stat st = {0};
	enum fas_code rc = open_checked(path, &fd, &st, loader->e);
	if (rc != FAS_OK)
		return rc;
	if (!S_ISREG(st.st_mode))
		return fas_fail(
		    loader->e, FAS_E_CONFIG, "not_a_file", "%s is not a regular file", path);
	return load_fd(loader, fd, path);
}

static int
is_policy_name(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);
	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

/* Not alphasort: the order must not hang on the locale. */
static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static enum fas_code
load_entries(struct loader *loader, const char *folder, struct dirent **entries, size_t n)
{
	char path[PATH_TEXT_MAX];
	enum fas_code rc = FAS_OK;
	if (n == 0)
		return fas_fail(loader->e, FAS_E_CONFIG, "policy_folder_empty",
		    "%s holds no *.yaml file: want at least one (\"rules: []\" allows nobody)",
		    folder);
	for (size_t i = 0; rc == FAS_OK && i < n; i++) {
		rc = file_join(path, sizeof(path), folder, entries[i]->d_name, loader->e);
		if (rc == FAS_OK)
			rc = load_file(loader, path);
	}
	return rc;
}

static enum fas_code
load_folder(struct loader *loader, const char *folder)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_policy_name, by_bytes);
	if (n < 0)
		return fas_fail_errno(loader->e, "%s", folder);
	enum fas_code rc = load_entries(loader, folder, entries, (size_t)n);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	return rc;
}

static enum fas_code
load_path(struct loader *loader, const char *path)
{
	OWN(fd) int fd = -1;
	struct stat st = {0};
	enum fas_code rc = open_checked(path, &fd, &st, loader->e);
	if (rc != FAS_OK)
		return rc;
	return S_ISDIR(st.st_mode) ? load_folder(loader, path) : load_file(loader, path);
}

static int
by_name(const void *a, const void *b)
{
	const struct rule *const *left = a, *const *right = b;
	int order = strcmp((*left)->name, (*right)->name);
	if (order != 0)
		return order;
	return *left < *right ? -1 : *left > *right;
}

/* A record names its rule: each name stands for one. */
static enum fas_code
check_names(const struct policy *policy, struct fas_err *e)
{
	size_t n = policy->n_rules;
	const struct rule **sorted = n ? calloc(n, sizeof(*sorted)) : NULL;
	enum fas_code rc = FAS_OK;
	if (n && !sorted)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &policy->rules[i];
	if (n)
		qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 1; rc == FAS_OK && i < n; i++) {
		const struct rule *first = sorted[i - 1];
		if (strcmp(first->name, sorted[i]->name) == 0)
			rc = yaml_fail(sorted[i]->at, e, "policy_duplicate_rule",
			    "rule \"%s\" is there twice (first in %s:%zu)", first->name,
			    first->at->file, first->at->line);
	}
	free(sorted);
	return rc;
}

static enum fas_code
finish_digest(struct loader *loader)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (EVP_DigestFinal_ex(loader->digest, digest, &len) != 1 || len != 32)
		return fas_fail_openssl(loader->e, "policy digest");
	hex_encode(digest, len, loader->policy->digest);
	return FAS_OK;
}

DEFINE_OWN(digest, EVP_MD_CTX *, EVP_MD_CTX_free);

enum fas_code
policy_load(
    const char *path, const struct policy_world *world, struct policy **out, struct fas_err *e)
{
	struct fas_err local = {0};
	*out = NULL;
	OWN(policy) struct policy *policy = calloc(1, sizeof(*policy));
	OWN(digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
	if (!policy || !digest)
		return fas_fail_nomem(e);
	atomic_init(&policy->references, 1);
	groups_init(policy);
	struct loader loader = {.policy = policy, .world = world, .digest = digest, .e = &local};
	enum fas_code rc = FAS_OK;
	if (EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
		rc = fas_fail_openssl(&local, "policy digest");
	if (rc == FAS_OK)
		rc = load_path(&loader, path);
	if (rc == FAS_OK)
		rc = check_names(policy, &local);
	if (rc == FAS_OK)
		rc = finish_digest(&loader);
	if (rc != FAS_OK)
		return fas_fail(e, rc, local.reason, "%s", local.message);
	*out = TAKE(policy);
	return FAS_OK;
}
