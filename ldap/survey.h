/*
 * A domain as a diagnosis reads it: what is published in its forest, how it is set up, who the service's account is, and
 * which accounts could be taken for each other.  Beside ldap/directory.h the only door of this room.
 *
 * Everything is read anew, by the service's own account.  Each list has a cap and says when there was more.
 */
#ifndef LDAP_SURVEY_H
#define LDAP_SURVEY_H

#include "ldap/conn.h"
#include "ldap/directory.h"

#define SURVEY_LIST_MAX 128
#define SURVEY_TARGETS_MAX CONTROLLERS_MAX
#define SURVEY_ACCOUNTS_MAX 20000
#define SURVEY_MEMBERS_MAX 1000

/* Values with the object at which they stand. */
struct survey_list {
	struct survey_item {
		char *dn;
		uint8_t *data; /* followed by a NUL that len does not count */
		size_t len;
	} * items; /* at most SURVEY_LIST_MAX */
	size_t n;
	bool more;
};

struct survey_number {
	bool known;
	int64_t value;
};

/* Of the objects below CN=Public Key Services,CN=Services,CN=Configuration. */
struct survey_pki {
	struct fas_err why; /* FAS_OK, or why nothing is known */
	char *base;
	bool has_ntauth;
	int64_t ntauth_changed_s; /* when CN=NTAuthCertificates changed last; 0 unknown */
	struct survey_list ntauth, roots, intermediates; /* DER */
};

struct survey_setup {
	struct fas_err why;
	char *partitions;                   /* DN of CN=Partitions, where the suffixes stand */
	struct survey_list suffixes;        /* uPNSuffixes and the forest's own names */
	struct survey_number level;         /* msDS-Behavior-Version of the domain */
	struct survey_number machine_quota; /* ms-DS-MachineAccountQuota */
};

/* The account by which fasd binds. */
struct survey_own {
	struct fas_err why;
	struct account *account;         /* NULL: it belongs to another domain */
	int64_t control;                 /* userAccountControl */
	struct survey_number encryption; /* msDS-SupportedEncryptionTypes */
	struct survey_number expires_s;  /* accountExpires; not known: never */
	struct survey_number
	    password_ends_s; /* msDS-UserPasswordExpiryTimeComputed; not known: never */
};

struct survey {
	const struct domain_config *config; /* borrowed from the directory */
	struct survey_pki pki;
	struct survey_setup setup;
	struct survey_own own;
};

/* Read all parts of domain i; one that fails says why in itself. */
void survey_read(struct directory *directory, size_t i, int64_t now_s, struct survey *out);
void survey_done(struct survey *survey);

/* Wait until requests reach domain i, if any of its controllers can be bound to; e: why they do not. */
void survey_wake(struct directory *directory, size_t i, struct fas_err *e);
/* The controllers of domain i as requests know them, resting ones too; returns their number. */
size_t survey_targets(struct directory *directory, size_t i, struct dc_target *out, size_t max);

/* What a controller tells anybody (RFC 4512 5.1, MS-ADTS 3.1.1.3.2). */
struct survey_root {
	int64_t time_s, asked_s; /* its clock, and ours halfway between question and answer */
	bool is_samba;
};
MUST_CHECK enum fas_code survey_root(const struct dc_target *target, int64_t deadline_us,
    struct survey_root *out, struct fas_err *e);

/* "20261130105415.0Z" (RFC 4517 3.3.13, as AD writes it) in seconds since 1970. */
bool survey_time(const char *text, int64_t *out);

/* ---- accounts (survey_account.c) ---- */

/* Users with a userPrincipalName. */
struct survey_upns {
	struct survey_upn {
		char *upn, *dn, *sam;
		char *other; /* DN of another account whose implicit name the UPN is; NULL: none */
	} * items;
	size_t n;
	bool more;
};
MUST_CHECK enum fas_code survey_upns(
    struct directory *directory, size_t i, struct survey_upns *out, struct fas_err *e);
void survey_upns_done(struct survey_upns *upns);

/* altSecurityIdentities "X509:..." that hold text, the certificate authority's common name. */
MUST_CHECK enum fas_code survey_mappings(struct directory *directory, size_t i, const char *text,
    struct survey_list *out, struct fas_err *e);

/* Users in the group of this SID, by groups in groups too, or by their primary group. */
struct survey_members {
	struct survey_member {
		struct sid sid;
		char *dn;
	} items[SURVEY_MEMBERS_MAX];
	size_t n;
	bool more;
};
MUST_CHECK enum fas_code survey_members(struct directory *directory, const struct sid *group,
    struct survey_members *out, struct fas_err *e);
void survey_members_done(struct survey_members *members);

void survey_list_done(struct survey_list *list);
/* Append a copy; more is set when the list is full. */
MUST_CHECK enum fas_code survey_list_add(
    struct survey_list *list, const char *dn, const void *data, size_t len, struct fas_err *e);

/* A connection of the service's own to the first controller of domain i that takes it. */
MUST_CHECK enum fas_code survey_connect(struct directory *directory, size_t i, int64_t deadline_us,
    struct dc_conn **out, struct fas_err *e);

DEFINE_OWN_IN_PLACE(survey_list, struct survey_list, survey_list_done);

#endif
