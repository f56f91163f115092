/*
 * Objects of the PKI in the directory (MS-WCCE 2.2.2.11): below CN=Public Key Services,CN=Services of the forest's
 * configuration.  They are looked at before they are written, since an administrator may have put them there by hand.
 *
 * The second door of this room: what is published, and what a domain controller would find at an ldap:/// URL.
 */
#ifndef LDAP_PUBLISH_H
#define LDAP_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/buf.h"
#include "ldap/directory.h"
#include "ldap/entry.h"

/* An answer has an end (ldap/conn_setup.c), and a CRL has to fit into it. */
#define PKI_VALUE_MAX (3 * 1024 * 1024)
#define PKI_DN_MAX 512

enum pki_kind {
	PKI_CDP = 0,     /* a CRL: CN=STEM in its container below CN=CDP */
	PKI_AIA,         /* an authority's certificate, for chains: CN=NAME,CN=AIA */
	PKI_AUTHORITIES, /* a root that the forest trusts: CN=NAME,CN=Certification Authorities */
	PKI_NTAUTH,      /* an authority whose certificates log on: CN=NTAuthCertificates */
	PKI_KINDS
};

/* "cdp", "aia", "authorities", "ntauth". */
extern const char *const pki_names[PKI_KINDS];

struct pki_object {
	enum pki_kind kind;
	char dn[PKI_DN_MAX];
	const uint8_t *value; /* DER; borrowed */
	size_t len;
};

enum pki_state {
	PKI_NO_OBJECT = 0,
	PKI_NO_VALUE, /* the object is there, its value is another one, or this one is not among them */
	PKI_THERE,
};

/* "CN=Public Key Services,CN=Services,..." of a configured domain's forest.  FAS_E_UNAVAILABLE as directory_find. */
MUST_CHECK enum fas_code pki_container(
    struct directory *directory, size_t domain, char out[PKI_DN_MAX], struct fas_err *e);

/*
 * The object's name below that container; name: a CN of letters, digits and " -._", at most 64.  For PKI_CDP the DN is
 * that of the URL which certificates name: pki_url_dn.  FAS_E_INPUT "pki_name".
 */
MUST_CHECK enum fas_code pki_dn(enum pki_kind kind, const char *container, const char *name,
    char out[PKI_DN_MAX], struct fas_err *e);
/* The DN of an ldap:/// URL (RFC 4516) without a host.  FAS_E_INPUT "url_malformed". */
MUST_CHECK enum fas_code pki_url_dn(const char *url, char out[PKI_DN_MAX], struct fas_err *e);

/* How it stands.  FAS_E_UNAVAILABLE as directory_find. */
MUST_CHECK enum fas_code pki_look(struct directory *directory, size_t domain,
    const struct pki_object *object, enum pki_state *out, struct fas_err *e);

/*
 * Put it there, from the state that pki_look has found: a CRL in place of what is there, a certificate beside it.  A
 * CRL's container is made with it.  FAS_E_DENIED "ldap_rights"; FAS_E_LIMIT "pki_too_large"; FAS_E_NOTFOUND
 * "ldap_no_object"; FAS_E_UNAVAILABLE.
 */
MUST_CHECK enum fas_code pki_put(struct directory *directory, size_t domain,
    const struct pki_object *object, enum pki_state state, struct fas_err *e);

/*
 * The same as a record of LDIF (RFC 2849), for an administrator; nothing for PKI_THERE.  Pure.
 */
void pki_ldif(const struct pki_object *object, enum pki_state state, struct buf *out);
/* A record for the container dn. */
void pki_ldif_container(const char *dn, struct buf *out);
/* The container that a CRL lies in: the DN behind its first RDN; "" when there is none. */
const char *pki_parent(const char *dn);
/* Is there an object of this name? */
MUST_CHECK enum fas_code pki_exists(
    struct directory *directory, size_t domain, const char *dn, bool *out, struct fas_err *e);

/* SID of the account by which the directory is used, for the grant; not set when it belongs to another domain. */
MUST_CHECK enum fas_code pki_account(
    struct directory *directory, size_t domain, struct sid *out, struct fas_err *e);

/* ---- ldap:/// URLs, as a domain controller follows them ---- */

struct pki_fetched {
	struct entries entries;
	const struct value *values; /* borrowed from them */
	size_t n;
};

/*
 * ldap:///DN?ATTRIBUTE?base?objectClass=NAME, asked of the configured domains until one has it.  The attribute is
 * certificateRevocationList or cACertificate, ";binary" or not.  FAS_E_INPUT "url_malformed" (also
 * one that names a server: a domain controller's own directory is what counts), FAS_E_NOTFOUND "ldap_no_object",
 * "ldap_no_value"; FAS_E_UNAVAILABLE.
 */
MUST_CHECK enum fas_code pki_fetch(
    struct directory *directory, const char *url, struct pki_fetched *out, struct fas_err *e);
void pki_fetched_done(struct pki_fetched *fetched);

DEFINE_OWN_IN_PLACE(pki_fetched, struct pki_fetched, pki_fetched_done);

#endif
