/* SAML metadata (saml-metadata-2.0-os): the service's own, and those of providers. */
#ifndef FAS_SAML_METADATA_H
#define FAS_SAML_METADATA_H

#include "fas/saml/asks.h"
#include "fas/saml/sp.h"

/* ---- our own ---- */

#define SAML_METADATA_LIFE_S (14 * 86400) /* validUntil of the service's own */

/*
 * The signed EntityDescriptor of one virtual server: its ACS (POST, index 0), single logout by both bindings, the
 * certificates of all signing keys and of the first decryption key, validUntil.  *xml is malloc'ed and the caller's.
 * FAS_E_CONFIG "saml_signing": there is no key to sign with.
 */
MUST_CHECK enum fas_code saml_metadata_make(const struct saml_sp *sp,
    const struct saml_server *server, int64_t now_s, char **xml, size_t *len, struct fas_err *e);

/* ---- a provider's ---- */

#define SAML_METADATA_MAX (4 * 1024 * 1024) /* octets */
#define SAML_METADATA_KEYS_MAX 8
#define SAML_METADATA_ENTITIES_MAX 8192

/* What an identity provider says of itself. */
struct saml_entity {
	char *entity_id;
	X509 *certificates
	    [SAML_METADATA_KEYS_MAX]; /* containers of keys that are fit to verify with */
	size_t n_certificates;
	struct asks_urls sign_on, logout;
	bool wants_signed_requests;
	bool is_signed;        /* by one of the pins */
	int64_t valid_until_s; /* 0 = it does not say */
	int64_t cache_s;       /* cacheDuration, 0 = it does not say */
	uint64_t judged_by;    /* saml_trust_judge's: of which trust */
};

/* Who has to have signed; borrowed. */
struct saml_pins {
	X509 *const *certificates;
	size_t n; /* 0: nobody is pinned, and a signature is not looked at */
};

/*
 * One provider of an EntityDescriptor or of an EntitiesDescriptor: the one of this entity id, or the only one when it is
 * NULL.  Read are the octets that one of the pins has signed: the root, or the provider's own EntityDescriptor.
 * *out is the caller's (saml_entity_free), NULL on failure.
 *
 * FAS_E_INPUT "saml_xml", "saml_structure", "metadata_entity" (none of that name, or several), "metadata_role" (no
 * IDPSSODescriptor for SAML 2.0), "metadata_keys" (none that is fit), "metadata_url"; FAS_E_AUTH "saml_signature",
 * "saml_algorithm", "metadata_expired".
 */
MUST_CHECK enum fas_code saml_metadata_read(const uint8_t *bytes, size_t len, const char *entity_id,
    const struct saml_pins *pins, int64_t now_s, struct saml_entity **out, struct fas_err *e);
void saml_entity_free(struct saml_entity *entity);

/*
 * The certificate that the document itself says it was signed with: for a person to compare, never to be believed.  *out is
 * the caller's; NULL: it is not signed, or does not say.
 */
MUST_CHECK enum fas_code saml_metadata_signer(
    const uint8_t *bytes, size_t len, X509 **out, struct fas_err *e);

/* ---- of the providers in force ---- */

/* How one provider's metadata stand; texts are borrowed from trust. */
struct saml_metadata_state {
	const char *location; /* file or URL */
	bool is_url;
	const char *ca_file; /* whose certificates the URL's server has; NULL: the system's */
	int64_t
	    refresh_s; /* when the URL is asked again: metadata_refresh, or sooner (cacheDuration, validUntil) */
	int64_t fetched_s;     /* 0 = never */
	int64_t valid_until_s; /* 0 = for ever */
	bool pending;          /* none that is good: nobody of this provider can sign in */
	const char *trouble;   /* why it is pending */
};

/* Of the i-th provider; false: its entry says all itself. */
bool saml_trust_metadata(const struct saml_trust *trust, size_t i, struct saml_metadata_state *out);
/* Is it pending, ended, or a URL that gave nothing good for three times as long as it should? */
bool saml_metadata_is_stale(const struct saml_metadata_state *state, int64_t now_s);

/* Read what the i-th provider's URL has given, by its pins; as saml_metadata_read. */
MUST_CHECK enum fas_code saml_trust_judge(const struct saml_trust *trust, size_t i,
    const uint8_t *bytes, size_t len, int64_t now_s, struct saml_entity **out, struct fas_err *e);
/*
 * Put it in force, while nobody else looks at trust; the entity's parts are taken.  FAS_E_CONFLICT "idp_entity_id": another
 * provider has this entity id, or this one had another; "idp_replaced": it was judged by another trust, which may have pinned
 * others (a reload came between).
 */
MUST_CHECK enum fas_code saml_trust_renew(struct saml_trust *trust, size_t i,
    struct saml_entity *entity, int64_t fetched_s, struct fas_err *e);

/*
 * The name of the last good copy of a provider's metadata in that folder.  Of this URL: what another one gave is not what
 * an entry means that was changed since, whoever has signed it.
 */
MUST_CHECK enum fas_code saml_metadata_copy(const char *folder, const char *name, const char *url,
    char *out, size_t size, struct fas_err *e);

DEFINE_OWN(saml_entity, struct saml_entity *, saml_entity_free);

#endif
