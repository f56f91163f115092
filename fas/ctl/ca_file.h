/* Files with certificates, as they came: for the signer to look into. */
#ifndef FAS_CTL_CA_FILE_H
#define FAS_CTL_CA_FILE_H

#include <jansson.h>

#include "fas/base/err.h"

#define CTL_PEM_FILE_MAX (256 * 1024)

/* request[member] = the file as PEM text, or as base64 where it is DER. */
MUST_CHECK enum fas_code ctl_put_certificates(
    json_t *request, const char *member, const char *path, struct fas_err *e);

#endif
