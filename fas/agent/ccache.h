/* Credential caches, written and destroyed by the user's own child process. */
#ifndef FAS_AGENT_CCACHE_H
#define FAS_AGENT_CCACHE_H

#include <limits.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define CCACHE_NAME_MAX (PATH_MAX + 8)

/*
 * The path of "FILE:/path" or "/path"; FAS_E_INPUT "ccache_name" for other types and relative
 * paths.
 */
MUST_CHECK enum fas_code ccache_path(const char *name, char path[PATH_MAX], struct fas_err *e);

/*
 * A cache under construction: a private folder (0700) beside the final path, so that nobody else
 * can stand in the way of a well-known name in /tmp.
 */
struct ccache_draft {
	char final[PATH_MAX];
	char folder[PATH_MAX]; /* "" = none */
	char file[PATH_MAX];   /* where the Kerberos library writes */
};

MUST_CHECK enum fas_code ccache_begin(
    const char *path, struct ccache_draft *draft, struct fas_err *e);
/* Give the written file (0600) its name.  FAS_E_CONFLICT "ccache_exists": never over another. */
MUST_CHECK enum fas_code ccache_commit(struct ccache_draft *draft, struct fas_err *e);
/* The same over the user's own earlier one, with whatever it is by now: the right to it is the user's. */
MUST_CHECK enum fas_code ccache_replace(struct ccache_draft *draft, struct fas_err *e);
/* Remove what is left of the draft. */
void ccache_draft_done(struct ccache_draft *draft);

/* Overwrite and remove; a cache that is gone already is fine. */
MUST_CHECK enum fas_code ccache_destroy(const char *path, struct fas_err *e);

DEFINE_OWN_IN_PLACE(ccache_draft, struct ccache_draft, ccache_draft_done);

#endif
