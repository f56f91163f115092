/* Certificates that somebody else has made, as far as a diagnosis looks into them (RFC 5280). */
#ifndef FAS_DOCTOR_CERTIFICATE_H
#define FAS_DOCTOR_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define CERTIFICATE_BYTES_MAX 65536
#define CERTIFICATE_NAME_MAX 256

#define OID_KDC "1.3.6.1.5.2.3.5"                    /* id-pkinit-KPKdc, RFC 4556 3.2.4 */
#define OID_SMARTCARD_LOGON "1.3.6.1.4.1.311.20.2.2" /* what controllers had before Windows 2008 */
#define OID_SERVER_AUTH "1.3.6.1.5.5.7.3.1"

/* The one certificate that data holds, and no byte more; NULL when it is none.  The caller's. */
X509 *certificate_parse(const uint8_t *data, size_t len);

/* Seconds since 1970; false when a time cannot be read. */
bool certificate_life(const X509 *certificate, int64_t *not_before_s, int64_t *not_after_s);
/* Subject or issuer in RFC 4514 form, everything but printable ASCII escaped; returns out. */
const char *certificate_name(const X509_NAME *name, char out[CERTIFICATE_NAME_MAX]);
/* Does the extended key usage list this OID?  An absent one lists none: domain controllers want it said. */
bool certificate_has_purpose(X509 *certificate, const char *oid);
/* Is host one of the DNS names?  No wildcards, and never by the subject. */
bool certificate_bears_host(X509 *certificate, const char *host);
/* Why key or signature are too weak to be believed; NULL when they are not. */
const char *certificate_weakness(X509 *certificate);

/* Has one of these made the certificate: by name, key identifier and signature? */
X509 *certificate_issuer_in(X509 *certificate, const STACK_OF(X509) * authorities);
bool certificate_is_in(const X509 *certificate, const STACK_OF(X509) * list);

/*
 * Why leaf does not lead to one of roots, over any of others; NULL when it does.  Times are not asked: what has ended is a
 * finding of its own.  A static text.
 */
const char *certificate_chain_fault(
    X509 *leaf, STACK_OF(X509) * others, const STACK_OF(X509) * roots);

static inline void
own_x509(X509 **certificate)
{
	X509_free(*certificate);
}

static inline void
own_x509_stack(STACK_OF(X509) * *list)
{
	sk_X509_pop_free(*list, X509_free);
}

#endif
