/* fasctl idp ...: what its files share. */
#ifndef FAS_CTL_IDP_H
#define FAS_CTL_IDP_H

#include <stdbool.h>

#include "fas/ctl/cli.h"

bool idp_is_url(const char *text);
/* The bytes of a file or URL, malloc'ed; ca_file may be NULL. */
MUST_CHECK enum fas_code idp_read_source(
    const char *source, const char *ca_file, char **out, size_t *len, struct fas_err *e);

cli_run ctl_idp_import;
cli_run ctl_idp_test;

#endif
