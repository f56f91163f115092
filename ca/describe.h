/* A generation of a logon authority in words: what administrators, fasd's status and the watchdog are told. */
#ifndef CA_DESCRIBE_H
#define CA_DESCRIBE_H

#include <jansson.h>

#include "ca/ca.h"

/* docs/PROTOCOL.md, ca.show; a new reference. */
MUST_CHECK enum fas_code describe_generation(
    struct ca *ca, const struct issuer *at, json_t **out, struct fas_err *e);

#endif
