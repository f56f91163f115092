/* fasctl idp ...: what its files share. */
#ifndef FAS_CTL_IDP_H
#define FAS_CTL_IDP_H

#include <stdbool.h>

#include "fas/base/own.h"
#include "fas/ctl/cli.h"
#include "fas/saml/saml.h"

bool idp_is_url(const char *text);
/* The bytes of a file or URL, malloc'ed; ca_file may be NULL. */
MUST_CHECK enum fas_code idp_read_source(
    const char *source, const char *ca_file, char **out, size_t *len, struct fas_err *e);

/* The SAML room, open as long as a command runs: OWN(idp_room) bool room = false, before what lies in it. */
static inline void
idp_leave_room(bool *room)
{
	if (*room)
		saml_done();
}
DEFINE_OWN_IN_PLACE(idp_room, bool, idp_leave_room);

cli_run ctl_idp_import;
cli_run ctl_idp_test;

#endif
