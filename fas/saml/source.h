/* Where a provider's metadata come from: the keys `metadata` and `metadata_*` of its entry. */
#ifndef FAS_SAML_SOURCE_H
#define FAS_SAML_SOURCE_H

#include "fas/saml/metadata.h"

#define SOURCE_REFRESH_MIN_S 60
#define SOURCE_REFRESH_MAX_S (7 * 86400)

struct idp_source {
	char *location; /* NULL: the entry says all itself */
	bool is_url;
	char *wanted; /* the entity id in it, NULL: the only one */
	X509 *pins[SAML_METADATA_KEYS_MAX];
	size_t n_pins;
	char *ca_file; /* of the URL's server; NULL: the system's */
	int64_t refresh_s;
	/* Of what is in force: */
	int64_t fetched_s, valid_until_s, cache_s; /* 0 = never, not said */
	bool pending;                              /* there is none */
	char trouble[FAS_ERR_MESSAGE_MAX];         /* why */
};

struct source_nodes {
	const struct yaml_node *metadata, *certificates;
	const char *ca_file;
	bool allow_unsigned;
	int64_t refresh_s;
};

/* As asks_read and asks_load.  wanted: the entry's entity_id, or NULL. */
void source_read(struct yaml_reader *r, struct source_nodes *n);
MUST_CHECK enum fas_code source_load(const struct source_nodes *n, const char *folder,
    const char *wanted, struct idp_source *out, struct fas_err *e);
void source_done(struct idp_source *source);

/* Judge metadata of this source; as saml_metadata_read. */
MUST_CHECK enum fas_code source_judge(const struct idp_source *source, const uint8_t *bytes,
    size_t len, int64_t now_s, struct saml_entity **out, struct fas_err *e);

/*
 * What is there at start: the file, or the last good copy of the URL in metadata_folder (NULL: there is none).
 * *fetched_s: when it was written.  Errors of files (file.h), and of source_judge.
 */
MUST_CHECK enum fas_code source_open(const struct idp_source *source, const char *name,
    const char *metadata_folder, int64_t now_s, struct saml_entity **out, int64_t *fetched_s,
    struct fas_err *e);

#endif
