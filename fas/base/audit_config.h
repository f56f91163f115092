/* `audit: { keep: 400d, journal: on }` of signer.yaml and fasd.yaml. */
#ifndef FAS_BASE_AUDIT_CONFIG_H
#define FAS_BASE_AUDIT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "fas/base/yaml.h"

struct audit_config {
	int64_t keep_s; /* records are kept so long at least */
	bool journal;   /* records are copied to the log */
};

/* Errors are reported by top's yaml_finish. */
void audit_config_read(struct yaml_reader *top, struct audit_config *out);

#endif
