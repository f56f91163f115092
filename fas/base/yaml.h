/*
 * A strict reader of the administrator's YAML files, on libyaml's events.
 *
 * Every node keeps the place where it stands, so that errors that are found long after parsing
 * still read like a compiler's:  policy.d/eng.yaml:14:9: error: unknown key "validty" in rule
 * "engineering" (did you mean "validity"?)
 *
 * Accepted: one document of block or flow mappings with unique plain-text keys, sequences, scalars.
 * Refused with FAS_E_CONFIG "yaml_malformed": anchors and aliases, tags, merge keys, several
 * documents, an empty document, non-UTF-8, NUL, more than YAML_BYTES_MAX bytes, YAML_NODES_MAX
 * nodes, YAML_MEMBERS_MAX members of one mapping or YAML_DEPTH_MAX levels.
 */
#ifndef FAS_BASE_YAML_H
#define FAS_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define YAML_BYTES_MAX (1024 * 1024)
#define YAML_NODES_MAX 100000
#define YAML_DEPTH_MAX 16
#define YAML_MEMBERS_MAX 1024 /* of one mapping */
#define YAML_KEYS_MAX 48      /* different keys that one mapping's reader may ask for */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	const char *file; /* borrowed from the document */
	size_t line;      /* from 1 */
	size_t column;    /* from 1 */
	const char *key;  /* of a member of a mapping, else NULL */
	size_t key_line, key_column;
	const char *text; /* of a scalar, else NULL */
	bool plain; /* a scalar without quotes: only such a one is a number, a boolean or a duration
		     */
	size_t n;   /* items or members, in the file's order */
	const struct yaml_node *const *items;
};

struct yaml_doc;

/* name: the file's name in messages.  FAS_E_CONFIG "yaml_malformed" with file:line:column. */
MUST_CHECK enum fas_code yaml_parse(
    const char *name, const char *bytes, size_t len, struct yaml_doc **out, struct fas_err *e);
/* Also FAS_E_NOTFOUND "file_missing", FAS_E_IO. */
MUST_CHECK enum fas_code yaml_load(const char *path, struct yaml_doc **out, struct fas_err *e);
const struct yaml_node *yaml_root(const struct yaml_doc *doc);
void yaml_doc_free(struct yaml_doc *doc);

/* "file:line:column: error: ..." as FAS_E_CONFIG with the given reason; the place is the node's
 * own. */
enum fas_code yaml_fail(const struct yaml_node *at, struct fas_err *e, const char *reason,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
/* The same at the node's key. */
enum fas_code yaml_fail_key(const struct yaml_node *at, struct fas_err *e, const char *reason,
    const char *fmt, ...) PRINTF_LIKE(4, 5);
#define yaml_fail(...) fas_failed((yaml_fail)(__VA_ARGS__))
#define yaml_fail_key(...) fas_failed((yaml_fail_key)(__VA_ARGS__))

/*
 * Reading one mapping, in the manner of fas/base/json.h: ask for each key that is known, then
 * yaml_finish, which reports the first error of all or the first unknown key with the nearest known
 * word ("yaml_unknown_key"). what: how messages call this mapping, e.g. "rule \"engineering\"";
 * borrowed.
 */
struct yaml_reader {
	const struct yaml_node *map;
	const char *what;
	const char *asked[YAML_KEYS_MAX];
	size_t n_asked;
	struct fas_err *e;
};

/* FAS_E_CONFIG "yaml_type" when map is no mapping. */
enum fas_code yaml_open(
    struct yaml_reader *r, const struct yaml_node *map, const char *what, struct fas_err *e);

/* Missing needed key: "yaml_missing_key"; wrong shape: "yaml_type"; out of range: "yaml_value". */
const struct yaml_node *yaml_need(struct yaml_reader *r, const char *key, enum yaml_kind kind);
const struct yaml_node *yaml_want(struct yaml_reader *r, const char *key, enum yaml_kind kind);
/* Present or not, whatever its kind; NULL when absent. */
const struct yaml_node *yaml_want_any(struct yaml_reader *r, const char *key);
/* Non-empty text; borrowed from the document. */
const char *yaml_need_text(struct yaml_reader *r, const char *key);
const char *yaml_want_text(struct yaml_reader *r, const char *key, const char *fallback);
int64_t yaml_want_int(
    struct yaml_reader *r, const char *key, int64_t min, int64_t max, int64_t fallback);
/* true or false, nothing else. */
bool yaml_want_bool(struct yaml_reader *r, const char *key, bool fallback);
/* parse_duration of text.h: "15m". */
int64_t yaml_want_duration(
    struct yaml_reader *r, const char *key, int64_t min_s, int64_t max_s, int64_t fallback_s);
/* One of n words; returns its index, or fallback.  An unknown word gets the nearest known one in
 * the message. */
size_t yaml_want_word(
    struct yaml_reader *r, const char *key, const char *const *words, size_t n, size_t fallback);
/* A list of non-empty texts (a single scalar is not taken for a list); NULL when absent. */
const struct yaml_node *yaml_want_texts(struct yaml_reader *r, const char *key);
const struct yaml_node *yaml_need_texts(struct yaml_reader *r, const char *key);

MUST_CHECK enum fas_code yaml_finish(struct yaml_reader *r);

DEFINE_OWN(yaml, struct yaml_doc *, yaml_doc_free);

#endif
