/*
 * The linter for files of any origin: what is wrong with a certificate or revocation list, what to do about it, and what
 * a Windows logon would make of it.  Pure but for the bytes handed in; needs no service.
 */
#ifndef CA_INSPECT_H
#define CA_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/err.h"

#define INSPECT_OBJECTS_MAX 16

struct inspect_options {
	const char
	    *profile; /* a built-in profile's name or "ca"; NULL: what the certificate looks like */
	const char
	    *issuers; /* PEM or DER: certificates of authorities that may have issued; or NULL */
	size_t issuers_len;
	int64_t
	    now_s; /* the time at which it is looked at; 0: times are not compared with the present */
};

/*
 * data: one certificate or list as DER, or PEM blocks of them, up to INSPECT_OBJECTS_MAX; what is in the same file also
 * counts as a possible issuer.  *out, a new reference: an array of
 *   {"kind": "certificate" | "crl", "profile": "smartcard-logon" ..., "facts": {...}, "signature": "good" | "bad" |
 *    "unchecked" (no issuer at hand), "findings": [{"lint", "severity": "error" | "warning", "message", "citation",
 *    "remedy", "logon"?}], "errors": N, "logon": {"verdict": "refused" | "possible" | "not meant", "because": text}}
 * FAS_E_INPUT "pem_malformed", "inspect_nothing", "profile_unknown".
 */
MUST_CHECK enum fas_code inspect(const char *data, size_t len,
    const struct inspect_options *options, json_t **out, struct fas_err *e);

/* The table of lints: [{"lint", "citation", "remedy", "logon"?}], a new reference or NULL. */
json_t *inspect_lints(void);

#endif
