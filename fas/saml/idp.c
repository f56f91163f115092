#include "fas/saml/idp.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "fas/base/clock.h"
#include "fas/saml/key.h"

struct saml_trust {
	struct idp *idps;
	size_t n;
	uint64_t serial; /* unlike that of any other of this process */
};

/* ---- looking up ---- */

const struct idp *
idp_find(const struct saml_trust *trust, const char *entity_id)
{
	for (size_t i = 0; i < trust->n; i++) {
		const char *known = trust->idps[i].entity_id;
		if (known && strcmp(known, entity_id) == 0)
			return &trust->idps[i];
	}
	return NULL;
}

const struct idp *
idp_at(const struct saml_trust *trust, size_t i)
{
	return i < trust->n ? &trust->idps[i] : NULL;
}

const struct idp *
idp_named(const struct saml_trust *trust, const char *name)
{
	for (size_t i = 0; i < trust->n; i++) {
		if (strcmp(trust->idps[i].name, name) == 0)
			return &trust->idps[i];
	}
	return NULL;
}

bool
idp_texts_have(const struct idp_texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->n; i++) {
		if (strcmp(texts->v[i], text) == 0)
			return true;
	}
	return false;
}

size_t
saml_trust_count(const struct saml_trust *trust)
{
	return trust->n;
}

const char *
saml_trust_name(const struct saml_trust *trust, size_t i)
{
	return i < trust->n ? trust->idps[i].name : NULL;
}

int64_t
saml_trust_not_after(const struct saml_trust *trust, size_t i)
{
	return i < trust->n ? trust->idps[i].not_after_s : 0;
}

/* ---- keys ---- */

/* The certificate is a container: neither its dates nor its issuer decide, only the key that stands in it. */
static enum fas_code
pin(struct idp *idp, X509 *cert, const char **why, struct fas_err *e)
{
	struct idp_key *slot = &idp->keys[idp->n_keys];
	EVP_PKEY *pkey = X509_get0_pubkey(cert);
	int64_t end_s = 0;
	*why = pkey ? key_judge(pkey, &slot->kind) : "its key cannot be read";
	if (!*why && !key_not_after(cert, &end_s))
		*why = "its notAfter cannot be read";
	if (*why)
		return FAS_E_INPUT;
	if (!(slot->key = key_bare(pkey)))
		return fas_fail_nomem(e);
	if (idp->n_keys++ == 0 || end_s < idp->not_after_s)
		idp->not_after_s = end_s;
	return FAS_OK;
}

static enum fas_code
pin_file(struct idp *idp, const struct yaml_node *at, const char *folder, struct fas_err *e)
{
	X509 *certs[IDP_KEYS_MAX] = {NULL};
	size_t n = 0, room = IDP_KEYS_MAX - idp->n_keys;
	const char *why = NULL;
	enum fas_code rc = key_load_certificates(at, folder, certs, room, &n, e);
	for (size_t i = 0; i < n; i++) {
		if (rc == FAS_OK)
			rc = pin(idp, certs[i], &why, e);
		X509_free(certs[i]);
	}
	if (!why)
		return rc;
	ERR_clear_error();
	return yaml_fail(at, e, "idp_certificate", "certificate %s: %s", at->text, why);
}

static enum fas_code
pin_files(struct idp *idp, const struct yaml_node *files, const char *folder, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (files->n == 0)
		return yaml_fail(files, e, "yaml_value", "certificates: at least one is needed");
	for (size_t i = 0; i < files->n && rc == FAS_OK; i++)
		rc = pin_file(idp, files->items[i], folder, e);
	return rc;
}

static void
keys_done(struct idp *idp)
{
	for (size_t i = 0; i < idp->n_keys; i++)
		xmlSecKeyDestroy(idp->keys[i].key);
	idp->n_keys = 0;
}

/* ---- freeing ---- */

static void
texts_done(struct idp_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->v[i]);
	free(texts->v);
}

static void
idp_done(struct idp *idp)
{
	keys_done(idp);
	for (size_t i = 0; i < IDP_CLAIM_COUNT; i++)
		mapping_done(&idp->claims[i]);
	texts_done(&idp->audiences);
	texts_done(&idp->recipients);
	free(idp->name);
	free(idp->entity_id);
	asks_done(&idp->asks);
	people_done(&idp->people);
	source_done(&idp->source);
}

void
saml_trust_free(struct saml_trust *trust)
{
	if (!trust)
		return;
	for (size_t i = 0; i < trust->n; i++)
		idp_done(&trust->idps[i]);
	free(trust->idps);
	free(trust);
}

/* ---- one provider ---- */

static enum fas_code
copy_text(const char *text, char **out, struct fas_err *e)
{
	*out = strdup(text);
	return *out ? FAS_OK : fas_fail_nomem(e);
}

static enum fas_code
copy_texts(const struct yaml_node *list, struct idp_texts *out, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	if (list->n == 0)
		return yaml_fail(list, e, "yaml_value", "%s: at least one is needed", list->key);
	if (!(out->v = calloc(list->n, sizeof(*out->v))))
		return fas_fail_nomem(e);
	for (size_t i = 0; i < list->n && rc == FAS_OK; i++)
		rc = copy_text(list->items[i]->text, &out->v[out->n++], e);
	return rc;
}

/* Two claims that name an account out of one attribute would confirm each other; the others may be parts of one. */
static enum fas_code
check_sources(const struct idp *idp, const struct yaml_node *map, struct fas_err *e)
{
	for (size_t i = 0; i < IDP_CLAIM_EMAIL; i++) {
		for (size_t j = 0; j < i; j++) {
			if (mapping_same_source(&idp->claims[i], &idp->claims[j]))
				return yaml_fail(map, e, "yaml_value",
				    "claims: one attribute \"%s\" cannot be two claims",
				    idp->claims[i].name);
		}
	}
	return FAS_OK;
}

static enum fas_code
load_claims(struct idp *idp, const struct yaml_node *map, struct fas_err *e)
{
	static const char *const keys[IDP_CLAIM_COUNT] = {
	    "sid", "upn", "guid", "email", "forest", "domain"};
	static const char *const defaults[IDP_CLAIM_COUNT] = {
	    "cip_sid", "cip_upn", "cip_oid", "cip_email", "cip_forest", "cip_domain"};
	const struct yaml_node *nodes[IDP_CLAIM_COUNT] = {NULL};
	struct yaml_reader r;
	enum fas_code rc = map ? yaml_open(&r, map, "claims", e) : FAS_OK;
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; map && i < IDP_CLAIM_COUNT; i++)
		nodes[i] = yaml_want_any(&r, keys[i]);
	if (map && (rc = yaml_finish(&r)) != FAS_OK)
		return rc;
	for (size_t i = 0; i < IDP_CLAIM_COUNT && rc == FAS_OK; i++)
		rc = nodes[i] ? mapping_load(nodes[i], &idp->claims[i], e)
			      : mapping_default(defaults[i], &idp->claims[i], e);
	return rc == FAS_OK && map ? check_sources(idp, map, e) : rc;
}

/* What relative names are relative to, where last good copies lie, and when it is. */
struct idp_base {
	const char *folder, *metadata_folder;
	int64_t now_s;
};

struct idp_nodes {
	const char *name, *entity_id;
	const struct yaml_node *certificates, *audiences, *recipients, *claims;
	struct asks_nodes asks;
	struct people_nodes people;
	struct source_nodes source;
};

static enum fas_code
read_idp(struct idp *idp, const struct yaml_node *map, struct idp_nodes *n, struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, map, "identity provider", e);
	if (rc != FAS_OK)
		return rc;
	n->name = yaml_need_text(&r, "name");
	source_read(&r, &n->source);
	bool alone = !n->source.metadata;
	n->entity_id =
	    alone ? yaml_need_text(&r, "entity_id") : yaml_want_text(&r, "entity_id", NULL);
	n->certificates = alone ? yaml_need_texts(&r, "certificates") : NULL;
	n->audiences = yaml_want_texts(&r, "audiences");
	n->recipients = yaml_want_texts(&r, "recipients");
	n->claims = yaml_want(&r, "claims", YAML_MAP);
	idp->clock_skew_s = yaml_want_duration(&r, "clock_skew", 0, 300, 60);
	idp->max_age_s = yaml_want_duration(&r, "max_age", 30, 3600, 300);
	idp->allow_unsolicited = yaml_want_bool(&r, "allow_unsolicited", false);
	idp->insecure_allow_sha1 = yaml_want_bool(&r, "insecure_allow_sha1", false);
	asks_read(&r, &n->asks);
	people_read(&r, &n->people);
	return yaml_finish(&r);
}

/* Without both, what is meant for us is decided by the front's servers alone. */
static enum fas_code
load_our_names(
    struct idp *idp, const struct yaml_node *map, const struct idp_nodes *n, struct fas_err *e)
{
	if (!n->audiences && !n->recipients)
		return FAS_OK;
	if (!n->audiences || !n->recipients)
		return yaml_fail(map, e, "yaml_value",
		    "audiences and recipients go together: both, or neither where only the front "
		    "has to do with the provider");
	enum fas_code rc = copy_texts(n->audiences, &idp->audiences, e);
	return rc == FAS_OK ? copy_texts(n->recipients, &idp->recipients, e) : rc;
}

/* The keys and, where the entry does not name them, the URLs of an entity; its parts are taken. */
static enum fas_code
adopt(struct idp *idp, struct saml_entity *entity, int64_t fetched_s, struct fas_err *e)
{
	struct idp next = {0};
	const char *why = NULL;
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; i < entity->n_certificates && rc == FAS_OK; i++)
		rc = pin(&next, entity->certificates[i], &why, e);
	if (rc != FAS_OK) {
		keys_done(&next);
		return why ? fas_fail(e, rc, "metadata_keys",
				 "SAML metadata 2.4.1.1: certificate: %s", why)
			   : rc;
	}
	keys_done(idp);
	memcpy(idp->keys, next.keys, sizeof(idp->keys));
	idp->n_keys = next.n_keys;
	idp->not_after_s = next.not_after_s;
	free(idp->entity_id);
	idp->entity_id = TAKE(entity->entity_id);
	asks_adopt(&idp->asks, &entity->sign_on, &entity->logout);
	idp->source.fetched_s = fetched_s;
	idp->source.valid_until_s = entity->valid_until_s;
	idp->source.cache_s = entity->cache_s;
	idp->source.pending = false;
	return FAS_OK;
}

/*
 * A file that cannot be read is the administrator's to mend before anything starts.  What was away, or has ended, is
 * waited for: the other providers' people sign in meanwhile.
 */
static enum fas_code
load_metadata(
    struct idp *idp, const struct yaml_node *at, const struct idp_base *from, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(saml_entity) struct saml_entity *entity = NULL;
	int64_t fetched_s = 0;
	enum fas_code rc = source_open(
	    &idp->source, idp->name, from->metadata_folder, from->now_s, &entity, &fetched_s, &why);
	if (rc == FAS_OK)
		rc = adopt(idp, entity, fetched_s, &why);
	if (rc == FAS_OK)
		return FAS_OK;
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (!idp->source.is_url && strcmp(why.reason, "metadata_expired") != 0)
		return yaml_fail(at, e, "idp_metadata", "metadata %s: %s", at->text, why.message);
	idp->source.pending = true;
	(void)snprintf(idp->source.trouble, sizeof(idp->source.trouble), "%s", why.message);
	return FAS_OK;
}

static enum fas_code
load_idp(
    struct idp *idp, const struct yaml_node *map, const struct idp_base *from, struct fas_err *e)
{
	struct idp_nodes n = {0};
	enum fas_code rc = read_idp(idp, map, &n, e);
	if (rc != FAS_OK)
		return rc;
	if (n.entity_id && strlen(n.entity_id) > IDP_ENTITY_ID_MAX)
		return yaml_fail(
		    map, e, "yaml_value", "SAML core 8.3.6: entity_id is longer than 1024 octets");
	if ((rc = copy_text(n.name, &idp->name, e)) != FAS_OK ||
	    (n.entity_id && (rc = copy_text(n.entity_id, &idp->entity_id, e)) != FAS_OK) ||
	    (rc = load_our_names(idp, map, &n, e)) != FAS_OK ||
	    (rc = load_claims(idp, n.claims, e)) != FAS_OK ||
	    (rc = asks_load(&n.asks, &idp->asks, e)) != FAS_OK ||
	    (rc = people_load(&n.people, &idp->people, e)) != FAS_OK ||
	    (rc = source_load(&n.source, from->folder, n.entity_id, &idp->source, e)) != FAS_OK)
		return rc;
	return n.certificates ? pin_files(idp, n.certificates, from->folder, e)
			      : load_metadata(idp, n.source.metadata, from, e);
}

/* ---- the list ---- */

/* An entity id decides which keys are tried: two entries with one would be a guess. */
static enum fas_code
check_unique(const struct saml_trust *trust, const struct yaml_node *at, struct fas_err *e)
{
	const struct idp *last = &trust->idps[trust->n - 1];
	for (const struct idp *idp = trust->idps; idp < last; idp++) {
		if (strcmp(idp->name, last->name) == 0)
			return yaml_fail(at, e, "yaml_value",
			    "two identity providers are named \"%s\"", last->name);
		if (idp->entity_id && last->entity_id &&
		    strcmp(idp->entity_id, last->entity_id) == 0)
			return yaml_fail(at, e, "yaml_value",
			    "identity providers \"%s\" and \"%s\" have the same entity_id",
			    idp->name, last->name);
	}
	return FAS_OK;
}

enum fas_code
saml_trust_load(const struct yaml_node *list, const char *base_folder, struct saml_trust **out,
    struct fas_err *e)
{
	return saml_trust_load_with(list, base_folder, NULL, clock_now(), out, e);
}

enum fas_code
saml_trust_load_with(const struct yaml_node *list, const char *base_folder,
    const char *metadata_folder, int64_t now_s, struct saml_trust **out, struct fas_err *e)
{
	static atomic_uint_fast64_t serials;
	const struct idp_base from = {base_folder, metadata_folder, now_s};
	if (list->kind != YAML_LIST || list->n == 0 || list->n > IDP_COUNT_MAX)
		return yaml_fail(list, e, "yaml_type",
		    "identity_providers is a list of 1 to %d providers", IDP_COUNT_MAX);
	OWN(saml_trust) struct saml_trust *trust = calloc(1, sizeof(*trust));
	if (!trust || !(trust->idps = calloc(list->n, sizeof(*trust->idps))))
		return fas_fail_nomem(e);
	trust->serial = atomic_fetch_add(&serials, 1) + 1;
	for (size_t i = 0; i < list->n; i++) {
		enum fas_code rc = load_idp(&trust->idps[trust->n++], list->items[i], &from, e);
		if (rc == FAS_OK)
			rc = check_unique(trust, list->items[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	*out = TAKE(trust);
	return FAS_OK;
}

uint64_t
idp_serial(const struct saml_trust *trust)
{
	return trust->serial;
}

/* The same provider as until now, under no other one's name. */
static enum fas_code
check_entity_id(
    const struct saml_trust *trust, const struct idp *idp, const char *entity_id, struct fas_err *e)
{
	const struct idp *other = idp_find(trust, entity_id);
	if (other && other != idp)
		return fas_fail(e, FAS_E_CONFLICT, "idp_entity_id",
		    "metadata of %s have the entity id of %s", idp->name, other->name);
	if (idp->entity_id && strcmp(idp->entity_id, entity_id) != 0)
		return fas_fail(e, FAS_E_CONFLICT, "idp_entity_id",
		    "metadata of %s are of %.200s now, and were of %.200s: entity_id says who is "
		    "meant",
		    idp->name, entity_id, idp->entity_id);
	return FAS_OK;
}

enum fas_code
saml_trust_renew(struct saml_trust *trust, size_t i, struct saml_entity *entity, int64_t fetched_s,
    struct fas_err *e)
{
	if (i >= trust->n)
		return fas_fail(e, FAS_E_NOTFOUND, "idp_unknown", "there is no such provider");
	struct idp *idp = &trust->idps[i];
	if (entity->judged_by != trust->serial)
		return fas_fail(e, FAS_E_CONFLICT, "idp_replaced",
		    "metadata of %s were judged by what the configuration said before", idp->name);
	enum fas_code rc = check_entity_id(trust, idp, entity->entity_id, e);
	return rc == FAS_OK ? adopt(idp, entity, fetched_s, e) : rc;
}
