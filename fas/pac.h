/*
 * The PAC of a Kerberos ticket (MS-PAC): which account the domain controller gave the ticket to.
 *
 * A name can be given to another account when its first one was deleted; a SID never is.  Read is UPN_DNS_INFO with its
 * extension (MS-PAC 2.10, since 2021), which holds the SID in plain; the older parts are NDR, and are left alone.
 */
#ifndef FAS_PAC_H
#define FAS_PAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/names.h"

/*
 * data: the content of a buffer of type UPN_DNS_INFO.  *found is false where it has no SID (flag S is not set).
 * FAS_E_INPUT "pac_malformed": what the flag promises is not whole, or not inside.
 */
MUST_CHECK enum fas_code pac_upn_sid(
    const uint8_t *data, size_t len, struct sid *out, bool *found, struct fas_err *e);

#endif
