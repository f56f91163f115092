/*
 * Who calls: one struct, made in one place from what the transport proved, never from a body.
 */
#ifndef FAS_CALLER_H
#define FAS_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/err.h"
#include "fas/base/names.h"

enum caller_kind { CALLER_NONE = 0, CALLER_CERTIFICATE, CALLER_KERBEROS };
enum caller_role { ROLE_NONE = 0, ROLE_STOREFRONT = 1, ROLE_HOST = 2 };

struct caller {
	enum caller_kind kind;
	enum caller_role role;
	char name[HOSTNAME_MAX + 1]; /* DNS name of the machine */
	char credential[48]; /* hex serial of its certificate, or the Kerberos principal's digest */
	int64_t not_after_s;
	int64_t generation; /* of the host table when it was judged */
};

/*
 * The service CA's anchor and the host table; shared by threads, replaced whole as the signer reports changes.
 */
struct caller_table;
MUST_CHECK enum fas_code caller_table_new(
    const char *service_ca_pem, struct caller_table **out, struct fas_err *e);
/*
 * The service CA as the signer has it now: its certificate is renewed with the same key, and the earlier one is still that of
 * whoever has no newer one.  *added: it was not known.  One caller at a time.
 */
MUST_CHECK enum fas_code caller_table_trust(
    struct caller_table *table, const char *service_ca_pem, bool *added, struct fas_err *e);
void caller_table_free(struct caller_table *table);
/* From the signer's host table message (ca/client.h, signer_hosts). */
MUST_CHECK enum fas_code caller_table_update(
    struct caller_table *table, const void *json, struct fas_err *e);
int64_t caller_table_generation(struct caller_table *table);
/* Wait until this serial is in the table (whoever has just enrolled may call at once); false after timeout_ms. */
bool caller_table_await(struct caller_table *table, const char *serial, int timeout_ms);

/*
 * Judge a TLS client certificate (DER as the peer sent it): chains to the service CA, clientAuth, within its life,
 * role and name from it, listed in the host table and not revoked.  FAS_E_AUTH "caller_certificate",
 * "caller_expired", "caller_revoked", "caller_unknown".
 */
MUST_CHECK enum fas_code caller_from_certificate(struct caller_table *table, const uint8_t *der,
    size_t len, int64_t now_s, struct caller *out, struct fas_err *e);
/*
 * At every request of a kept connection: notAfter, and the table again when its generation has changed.  (A Kerberos
 * caller's end is its ticket's; it stands in no table, its account is read again by fas/negotiate.h.)
 */
MUST_CHECK enum fas_code caller_still_valid(
    struct caller_table *table, struct caller *caller, int64_t now_s, struct fas_err *e);

/* "storefront:sf1.corp.example.com" for records; returns out. */
#define CALLER_TEXT_MAX (HOSTNAME_MAX + 16)
const char *caller_format(const struct caller *caller, char out[CALLER_TEXT_MAX]);

#endif
