/* From claims to the one account, and from a name to a group; the searches behind ldap/directory.h. */
#ifndef LDAP_LOOKUP_H
#define LDAP_LOOKUP_H

#include "fas/base/buf.h"
#include "ldap/directory.h"
#include "ldap/identity.h"

/* Who bears a userPrincipalName, in all domains together. */
struct bearers {
	size_t
	    n; /* user objects that the name could mean, computers included: a KDC may take it for any of them */
	struct domain *domain; /* of the one whose effective UPN it is; NULL: none */
	struct sid sid;
};

/*
 * Count the entries of one domain's search for upn into bearers.  An entry whose explicit or implicit name it is may be
 * the one sought; one whose sAMAccountName@domain it would be if it had no other UPN only makes it ambiguous.
 */
void lookup_count(
    struct bearers *bearers, struct domain *domain, const struct entries *entries, const char *upn);

/* The filter of that search: by userPrincipalName, and by sAMAccountName where the suffix names this domain. */
void lookup_filter(struct buf *filter, const struct domain_config *config, const char *upn);

/* As directory_find. */
MUST_CHECK enum fas_code lookup_account(struct directory *directory,
    const struct directory_claims *claims, int64_t now_s, struct account **out, struct fas_err *e);

/* As directory_reread. */
MUST_CHECK enum fas_code lookup_again(struct directory *directory, const struct sid *sid,
    int64_t now_s, struct account **out, struct fas_err *e);

/* As directory_group. */
MUST_CHECK enum fas_code lookup_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e);

#endif
