/* Trust: the configured identity providers and their pinned keys. */
#ifndef FAS_SAML_IDP_H
#define FAS_SAML_IDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/saml/asks.h"
#include "fas/saml/mapping.h"
#include "fas/saml/people.h"
#include "fas/saml/saml.h"
#include "fas/saml/signature.h"
#include "fas/saml/source.h"

#define IDP_COUNT_MAX 256
#define IDP_KEYS_MAX 8
#define IDP_ENTITY_ID_MAX 1024 /* SAML core 8.3.6 */

/* A bare public key, as xmlsec takes it; shared by threads, lent to each verification. */
struct idp_key {
	xmlSecKey *key;
	enum key_kind kind;
};

enum idp_claim {
	IDP_CLAIM_SID,
	IDP_CLAIM_UPN,
	IDP_CLAIM_GUID,
	IDP_CLAIM_EMAIL,
	IDP_CLAIM_FOREST,
	IDP_CLAIM_DOMAIN,
	IDP_CLAIM_COUNT
};

struct idp {
	char *name;
	char *entity_id;
	struct idp_key keys[IDP_KEYS_MAX];
	size_t n_keys;
	struct idp_texts audiences;
	struct idp_texts recipients;
	struct mapping claims[IDP_CLAIM_COUNT];
	int64_t clock_skew_s;
	int64_t max_age_s;
	int64_t not_after_s; /* the earliest of its certificates */
	bool allow_unsolicited;
	bool insecure_allow_sha1;
	struct idp_asks asks;
	struct idp_people people;
	struct idp_source source;
};

/* The provider of this entity id, exactly; NULL if there is none. */
const struct idp *idp_find(const struct saml_trust *trust, const char *entity_id);

/* The i-th; NULL behind the last one. */
const struct idp *idp_at(const struct saml_trust *trust, size_t i);
/* The provider that the configuration calls so; NULL if there is none. */
const struct idp *idp_named(const struct saml_trust *trust, const char *name);

/* Of this trust, and of no other one of this process, wherever in memory it stands. */
uint64_t idp_serial(const struct saml_trust *trust);

/*
 * Is what the provider's metadata say in force at that time?  FAS_E_UNAVAILABLE "idp_metadata": there are none yet, or
 * they have ended.
 */
MUST_CHECK enum fas_code idp_is_current(const struct idp *idp, int64_t now_s, struct fas_err *e);

/* Is text one of the list, octet for octet? */
bool idp_texts_have(const struct idp_texts *texts, const char *text);

#endif
