/* What ca/config*.c share. */
#ifndef CA_CONFIG_PARTS_H
#define CA_CONFIG_PARTS_H

#include "ca/config.h"
#include "fas/base/yaml.h"

/* [a-z0-9][a-z0-9-]*, below max. */
bool config_name_is_valid(const char *name, size_t max);

/* Section "pkcs11": before the authorities, whose keys may lie in these tokens. */
MUST_CHECK enum fas_code config_read_pkcs11(
    struct yaml_reader *top, struct signer_config *c, struct fas_err *e);
/* "key" of an authority, or of the service CA; default_type when it says none. */
MUST_CHECK enum fas_code config_read_key(struct yaml_reader *r, const struct signer_config *c,
    const char *default_type, struct key_place *out, struct fas_err *e);

#endif
