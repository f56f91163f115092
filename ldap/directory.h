/*
 * The directory: several Active Directory domains, each with its domain controllers, and the accounts in them.
 *
 * The only door of this room.  Inside: filter.h (RFC 4515), discover.h (SRV, fail-over order), conn.h (bind,
 * deadlines), pool.h (kept connections), account.h (entry -> struct account).
 */
#ifndef LDAP_DIRECTORY_H
#define LDAP_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/dn.h"
#include "fas/base/err.h"
#include "fas/base/names.h"
#include "fas/base/own.h"
#include "fas/base/yaml.h"

/*
 * The claims that an assertion (or an administrator's question) makes.  Unset members are not claimed.
 * At least one of sid, upn, guid is set.
 */
struct directory_claims {
	const struct sid *sid;
	const char *upn;
	const struct guid *guid;
	/* By these nobody is found; they have to agree with the account (account_match). */
	const char *email, *forest, *domain;
};

#define SAM_ACCOUNT_NAME_MAX 257

struct account {
	char *dn_text; /* as the directory returned it */
	struct dn dn;  /* the same, parsed; root first */
	struct sid sid;
	struct guid guid;
	char *
	    upn; /* userPrincipalName, or the implicit sAMAccountName@dnsdomain when there is none */
	bool upn_is_implicit;
	char *
	    mail; /* attribute mail; NULL when there is none or it is no text of up to 254 octets */
	char sam_account_name[SAM_ACCOUNT_NAME_MAX];
	char *domain;            /* configured DNS name: corp.example.com */
	char *realm;             /* Kerberos realm: CORP.EXAMPLE.COM */
	char *netbios;           /* CORP; NULL if not configured */
	char *forest;            /* DNS name of the forest's root domain, as configured */
	bool disabled;           /* userAccountControl 0x2 */
	bool locked;             /* lockoutTime and Computed bit 0x10 */
	bool expired;            /* accountExpires <= now */
	bool password_expired;   /* Computed 0x800000: aged or must change */
	bool smartcard_required; /* userAccountControl 0x40000 */
	bool admin_count;        /* adminCount = 1 */
	bool privileged;         /* see account_is_privileged */
	struct sid *
	    groups; /* tokenGroups: transitive security groups, sorted by sid_compare for look-up */
	size_t n_groups;
};

void account_free(struct account *account);
/* Is sid the account's own SID or one of its groups? */
bool account_is_member(const struct account *account, const struct sid *sid);
/*
 * adminCount=1; own RID under 1000; member of Domain/Enterprise/Schema Admins, Administrators, Account/Server/Print/
 * Backup Operators, (Enterprise) Key Admins, Cert Publishers, Group Policy Creator Owners, DnsAdmins (its SID has no
 * fixed RID: resolved by name at start); or fasd's own account.  The room computes it into account->privileged.
 */

/*
 * State of the account that forbids any logon, as its own reason: FAS_E_DENIED "account_disabled",
 * "account_expired", "account_locked".  (password_expired is policy's matter.)  Pure.
 */
MUST_CHECK enum fas_code account_check(const struct account *account, struct fas_err *e);

/*
 * Every claim that is present agrees with the account: FAS_E_DENIED "claim_sid_mismatch", "claim_upn_mismatch",
 * "claim_guid_mismatch", "claim_email_mismatch", "claim_forest_mismatch", "claim_domain_mismatch".  The UPN claim agrees
 * with userPrincipalName, or with the implicit name when the account has none; email with mail; forest with the
 * configured forest; domain with the DNS or the NetBIOS name.  All but SID and GUID without regard to case.  Pure.
 */
MUST_CHECK enum fas_code account_match(
    const struct account *account, const struct directory_claims *claims, struct fas_err *e);

struct directory;

/*
 * From the list `domains` of fasd's configuration, each member:
 *
 *     - name: corp.example.com             DNS name; the realm is its upper case unless `realm` says otherwise
 *       netbios: CORP
 *       forest: example.com                DNS name of the forest's root domain; default: name
 *       base: DC=corp,DC=example,DC=com    default: from the name
 *       controllers: [dc1.corp.example.com]   or absent: SRV _ldap._tcp.dc._msdcs.<name>, refreshed
 *       bind: gssapi                       gssapi (sign and seal, default) | simple-ldaps | simple-starttls
 *       principal: svc-fas@CORP.EXAMPLE.COM   and keytab: FILE          for gssapi
 *       bind_dn: ..., password_file: ..., ca_file: ...                  for simple-*
 *       port: 389 or 636 by default
 *       connections: 4                     2 to 4 kept per controller
 *       timeout: 3s                        deadline of one operation; connect likewise; 50ms to 60s ("250ms" too)
 *
 * Nothing is connected yet.  Relative file names are relative to base_folder.
 */
MUST_CHECK enum fas_code directory_new(const struct yaml_node *domains, const char *base_folder,
    struct directory **out, struct fas_err *e);
void directory_free(struct directory *directory);

/*
 * Find the one account that the claims name: by SID if claimed, else UPN, else GUID; object of class user, no
 * computer, no (group) managed service account; tokenGroups read by a base search.  now_s judges accountExpires.
 *
 * FAS_E_DENIED "account_not_found" | "account_ambiguous" (several objects, or an explicit UPN equal to another
 * account's implicit one) | "account_kind" | "entry_malformed" | "upn_malformed" | "dn_malformed" (the directory's
 * data cannot stand in a certificate); FAS_E_UNAVAILABLE "directory_away" when no controller answers,
 * "directory_wrong_domain", or "directory_incomplete" (an attribute that decides may not be read).  A UPN has to be
 * unambiguous in every configured domain: one that is away makes FAS_E_UNAVAILABLE of any account.
 * FAS_E_INPUT "upn_malformed": the claim itself.
 * The claims are NOT matched here: the pipeline calls account_match.  Thread-safe.
 */
MUST_CHECK enum fas_code directory_find(struct directory *directory,
    const struct directory_claims *claims, int64_t now_s, struct account **out, struct fas_err *e);

/*
 * The account with this SID, once more: one base search.  Whether its UPN still means nobody else is not asked: that is
 * for whom a certificate is made.  FAS_E_DENIED "account_not_found" | "account_kind" | "entry_malformed" | ..., and
 * FAS_E_UNAVAILABLE, as directory_find.  Thread-safe.
 */
MUST_CHECK enum fas_code directory_reread(struct directory *directory, const struct sid *sid,
    int64_t now_s, struct account **out, struct fas_err *e);

/*
 * A machine account, as Kerberos names it.  account is read like a user's (`privileged` stays false: no policy asks
 * for it); dns_name is its dNSHostName, which is a host name, begins with the account's own name, and is no other
 * account's.
 */
struct machine {
	struct account *account; /* owned */
	char dns_name[HOSTNAME_MAX + 1];
};

void machine_done(struct machine *machine);

/*
 * Find the machine account sam ("VDA1$") of the domain whose realm is realm, spelled exactly so (RFC 4120 6.1).  Its
 * state is NOT judged here: machine_check does.
 *
 * FAS_E_DENIED "machine_domain" (no configured domain has this realm) | "machine_not_found" | "machine_kind" (a user, a
 * managed service account, no workstation or server) | "machine_name" (dNSHostName is missing, no host name, not the
 * account's own, or another account has it too) | "entry_malformed"; FAS_E_UNAVAILABLE as directory_find.  Thread-safe.
 */
MUST_CHECK enum fas_code directory_machine(struct directory *directory, const char *realm,
    const char *sam, int64_t now_s, struct machine *out, struct fas_err *e);

/* As account_check: FAS_E_DENIED "machine_disabled", "machine_expired", "machine_locked".  Pure. */
MUST_CHECK enum fas_code machine_check(const struct machine *machine, struct fas_err *e);

/* Does the account lie below this container?  False also when container is no DN. */
bool machine_is_below(const struct machine *machine, const char *container);
/* Is text a distinguished name (RFC 4514)?  FAS_E_INPUT "dn_malformed". */
MUST_CHECK enum fas_code directory_check_dn(const char *text, struct fas_err *e);

/*
 * A group by name: "CORP\\VDI Users" (NetBIOS or DNS domain), "VDI Users@corp.example.com" or a DN.
 * FAS_E_NOTFOUND "group_not_found" (also for a distribution group: no logon carries it), FAS_E_UNAVAILABLE
 * "directory_away".
 */
MUST_CHECK enum fas_code directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e);

/* Domain names, in order, for cross-checks and status. */
size_t directory_count(const struct directory *directory);
const char *directory_domain(const struct directory *directory, size_t i);

struct directory_status {
	const char *domain;
	const char *controller;
	bool reachable;     /* last attempt succeeded */
	size_t connections; /* bound now */
	uint64_t binds, searches, failures;
};
/* Fill at most max entries; returns the number of controllers known. */
size_t directory_status(struct directory *directory, struct directory_status *out, size_t max);
/* One cheap base search at any controller of each domain: FAS_E_UNAVAILABLE "directory_away" naming the domain. */
MUST_CHECK enum fas_code directory_ping(struct directory *directory, struct fas_err *e);

DEFINE_OWN(account, struct account *, account_free);
DEFINE_OWN_IN_PLACE(machine, struct machine, machine_done);
DEFINE_OWN(directory, struct directory *, directory_free);

#endif
