/* Where a claim stands in an assertion, and what is done to its value: `claims:` of a provider's entry (saml.h). */
#ifndef FAS_SAML_MAPPING_H
#define FAS_SAML_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/base/err.h"
#include "fas/base/yaml.h"
#include "fas/saml/pattern.h"

#define MAPPING_TRANSFORMS_MAX 4
#define MAPPING_VALUE_MAX PATTERN_TEXT_MAX /* octets of a value */

enum mapping_source { MAPPING_NAME, MAPPING_FRIENDLY_NAME, MAPPING_NAME_ID };

struct transform {
	enum { TRANSFORM_LOWER, TRANSFORM_PREFIX, TRANSFORM_SUFFIX, TRANSFORM_CAPTURE } kind;
	char *text;              /* of prefix and suffix */
	struct pattern *pattern; /* of capture */
};

struct mapping {
	enum mapping_source source;
	char *name; /* of the attribute; of NameID the Format, or "any" */
	struct transform transforms[MAPPING_TRANSFORMS_MAX];
	size_t n;
};

/*
 * A text is the Name of an attribute; a mapping has one of
 *
 *     name: X    friendly_name: X    name_id: FORMAT or any
 *
 * and perhaps transform: a list of lower, {strip_prefix: X}, {strip_suffix: X}, {capture: PATTERN}, done in order.
 */
MUST_CHECK enum fas_code mapping_load(
    const struct yaml_node *node, struct mapping *out, struct fas_err *e);
/* The plain Name. */
MUST_CHECK enum fas_code mapping_default(const char *name, struct mapping *out, struct fas_err *e);
void mapping_done(struct mapping *mapping);

bool mapping_same_source(const struct mapping *a, const struct mapping *b);
/* Is it the attribute of this Name and FriendlyName (either may be NULL)?  Is it a NameID of this Format (NULL: none)? */
bool mapping_is_attribute(const struct mapping *mapping, const char *name, const char *friendly);
bool mapping_is_name_id(const struct mapping *mapping, const char *format);

/*
 * value, transformed; *out is the caller's.  A value that a step does not fit (it lacks the prefix, it does not match) was
 * not meant by whoever wrote the step: FAS_E_AUTH "saml_claims".
 */
MUST_CHECK enum fas_code mapping_apply(
    const struct mapping *mapping, const char *value, char **out, struct fas_err *e);

#endif
