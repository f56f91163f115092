/* The API's own TLS identity: a P-256 key made at the first start, a certificate of the service CA at each start. */
#ifndef FAS_IDENTITY_H
#define FAS_IDENTITY_H

#include "ca/client.h"
#include "fas/base/err.h"
#include "fas/base/secret.h"

struct identity_key {
	struct secret pem; /* PKCS#8 */
	uint8_t *spki;     /* DER */
	size_t spki_len;
	const char *state; /* the folder, borrowed */
};

/* state/api-key.pem, made with mode 0600 when it is not there.  out is empty before; identity_key_done after. */
MUST_CHECK enum fas_code identity_key_load(
    const char *state, struct identity_key *out, struct fas_err *e);
void identity_key_done(struct identity_key *key);

/*
 * A new certificate for the key, out->pem with its chain; its names stand in the signer's configuration.  It is
 * remembered in state/api-certificate.pem, as well as that is possible.
 */
MUST_CHECK enum fas_code identity_certificate(struct signer *signer, const struct identity_key *key,
    struct signer_certificate *out, struct fas_err *e);

/* The one that was made last, with its chain; FAS_E_NOTFOUND "file_missing" before the first. */
MUST_CHECK enum fas_code identity_recall(
    const struct identity_key *key, char **pem, struct fas_err *e);

/* Less than a third of its life is left. */
bool identity_is_due(int64_t not_before_s, int64_t not_after_s, int64_t now_s);

DEFINE_OWN_IN_PLACE(identity_key, struct identity_key, identity_key_done);

#endif
