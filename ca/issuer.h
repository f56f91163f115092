/*
 * One key of one authority, and what it does with a certificate: prepare, lint, and, once it is on record, sign.
 *
 * An issuer is immutable and shared by threads; who keeps one holds a reference.
 */
#ifndef CA_ISSUER_H
#define CA_ISSUER_H

#include <stdatomic.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "ca/config.h"
#include "ca/key.h"
#include "ca/profile.h"
#include "ca/store.h"
#include "fas/base/err.h"
#include "fas/base/own.h"

#define ISSUER_STEM_MAX (AUTHORITY_NAME_MAX + 32)
#define ISSUER_URL_MAX 320
#define ISSUER_LDAP_URL_MAX 512
#define ISSUER_SERIAL_LEN 16
#define CHAIN_DIGEST_MAX 65 /* SHA-256 in hex */

struct issuer {
	_Atomic unsigned refs;
	int64_t id; /* row in ca.db */
	enum issuer_kind kind;
	char authority[AUTHORITY_NAME_MAX];
	int64_t generation;
	enum generation_state state; /* of a logon authority's */
	int64_t in_ntauth_s;         /* since when; 0: it is not known to stand there */
	char stem[ISSUER_STEM_MAX];  /* of its published files: "main-1", "main-1-root" */
	struct key *key;        /* NULL: the key is elsewhere (an offline root), or see trouble */
	struct fas_err trouble; /* why the key that ought to be here cannot be had */
	X509 *certificate;      /* NULL while there is none */
	int64_t not_before_s, not_after_s;
	char *pem;   /* of the certificate */
	char *chain; /* PEM: certificate, its issuers, root */
	char chain_digest[CHAIN_DIGEST_MAX];
	uint8_t *given_crl;
	size_t given_crl_len;
	int64_t backdate_s, crl_life_s, crl_each_s;
	_Atomic int64_t failed_us; /* when the key has failed to sign; 0: it works */
	struct profile_issuer
	    published; /* in what it issues: where its own CRL and certificate lie */
	char urls[2 * PROFILE_URLS_MAX][ISSUER_URL_MAX];
	char ldap_url
	    [ISSUER_LDAP_URL_MAX]; /* where its CRL may lie in the directory; "" = nowhere */
	struct profile_issuer published_ldap; /* as published, and that place behind the others */
	/* The one thing that changes: until when somebody has seen a fresh CRL there. */
	_Atomic int64_t ldap_until_s;
};

/*
 * A new issuer of a row of ca.db; its key is loaded from STATE/keys.  A logon authority whose key cannot be had is loaded
 * all the same, with its trouble: the others go on, and the published objects stay.
 */
MUST_CHECK enum fas_code issuer_load(const struct signer_config *config,
    const struct issuer_row *row, struct issuer **out, struct fas_err *e);
struct issuer *issuer_ref(struct issuer *issuer);
void issuer_unref(struct issuer *issuer);
bool issuer_is_ready(const struct issuer *issuer);
/*
 * Could it issue something that is of use?  A key that has failed has to prove itself first, by a trial signature at most
 * once a second; a token is asked.  FAS_E_UNAVAILABLE "authority_ends", "authority_key", and those of key_check.
 */
MUST_CHECK enum fas_code issuer_check_able(struct issuer *issuer, int64_t now_s, struct fas_err *e);
/* Its key has not signed. */
void issuer_note_failure(struct issuer *issuer);

/* What is named in a certificate that is issued now: an ldap:/// place only while the CRL really lies there. */
const struct profile_issuer *issuer_published(const struct issuer *issuer, int64_t now_s);

/* STATE/keys/FILE into out. */
MUST_CHECK enum fas_code issuer_key_path(
    const struct signer_config *config, const char *file, char out[PATH_MAX], struct fas_err *e);

/*
 * 48 bits of milliseconds since 1970, then 80 random bits: positive, 16 octets (RFC 5280 4.1.2.2), and growing, so that
 * the ledger's index does too (PERFORMANCE.md).
 */
MUST_CHECK enum fas_code issuer_serial(
    int64_t now_ms, uint8_t out[ISSUER_SERIAL_LEN], struct fas_err *e);

/* Built and linted; neither on record nor signed. */
struct prepared {
	uint8_t serial[ISSUER_SERIAL_LEN];
	uint8_t *tbs;
	size_t tbs_len;
	uint8_t tbs_digest[STORE_DIGEST];
	int64_t not_before_s, not_after_s;
};
void prepared_done(struct prepared *prepared);

/*
 * facts: serial and times are filled in here: from now less the backdate to now plus life_s, cut at the issuer's own
 * end.  FAS_E_UNAVAILABLE "authority_ends" when less than a minute would be left; the lints' findings otherwise.
 */
MUST_CHECK enum fas_code issuer_prepare(const struct issuer *issuer, struct profile_facts *facts,
    int64_t now_s, int64_t life_s, struct prepared *out, struct fas_err *e);

/* Sign bytes that are durably on record, confirm the signature, assemble.  *der is the caller's. */
MUST_CHECK enum fas_code issuer_sign(const struct issuer *issuer, const uint8_t *tbs,
    size_t tbs_len, uint8_t *signature, size_t *signature_len, uint8_t **der, size_t *der_len,
    struct fas_err *e);

DEFINE_OWN(issuer, struct issuer *, issuer_unref);
DEFINE_OWN_IN_PLACE(prepared, struct prepared, prepared_done);
DEFINE_OWN(x509, X509 *, X509_free);

#endif
