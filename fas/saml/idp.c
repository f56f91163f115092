#include "fas/saml/idp.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fas/base/file.h"
#include "fas/saml/key.h"

#define PATH_SIZE 4096

struct saml_trust {
	struct idp *idps;
	size_t n;
};

/* ---- looking up ---- */

const struct idp *
idp_find(const struct saml_trust *trust, const char *entity_id)
{
	for (size_t i = 0; i < trust->n; i++) {
		if (strcmp(trust->idps[i].entity_id, entity_id) == 0)
			return &trust->idps[i];
	}
	return NULL;
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
	for (size_t i = 0; i < idp->n_keys; i++)
		xmlSecKeyDestroy(idp->keys[i].key);
	for (size_t i = 0; i < IDP_CLAIM_COUNT; i++)
		mapping_done(&idp->claims[i]);
	texts_done(&idp->audiences);
	texts_done(&idp->recipients);
	free(idp->name);
	free(idp->entity_id);
	asks_done(&idp->asks);
	people_done(&idp->people);
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

/* ---- certificates ---- */

static enum fas_code
refuse_cert(const struct yaml_node *at, struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return yaml_fail(at, e, "idp_certificate", "certificate %s: %s", at->text, finding);
}

/* The certificate is a container: neither its dates nor its issuer decide, only the key that stands in it. */
static enum fas_code
pin_cert(struct idp *idp, X509 *cert, const struct yaml_node *at, struct fas_err *e)
{
	OWN(pkey) EVP_PKEY *pkey = X509_get_pubkey(cert);
	struct idp_key *slot = &idp->keys[idp->n_keys];
	int64_t end_s = 0;
	if (idp->n_keys == IDP_KEYS_MAX)
		return refuse_cert(at, e, "more than 4 certificates of one provider");
	const char *why = pkey ? key_judge(pkey, &slot->kind) : "its key cannot be read";
	if (!why && !key_not_after(cert, &end_s))
		why = "its notAfter cannot be read";
	if (why)
		return refuse_cert(at, e, why);
	if (!(slot->key = key_bare(pkey)))
		return fas_fail_nomem(e);
	if (idp->n_keys++ == 0 || end_s < idp->not_after_s)
		idp->not_after_s = end_s;
	return FAS_OK;
}

/* Every certificate of one PEM file. */
static enum fas_code
pin_pem(struct idp *idp, const char *pem, size_t len, const struct yaml_node *at, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, (int)len);
	size_t before = idp->n_keys;
	bool more = bio != NULL;
	ERR_clear_error();
	while (more) {
		OWN(x509) X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		enum fas_code rc = cert ? pin_cert(idp, cert, at, e) : FAS_OK;
		if (rc != FAS_OK)
			return rc;
		more = cert != NULL;
	}
	unsigned long why = ERR_peek_last_error();
	bool ended = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
	if (!ended || idp->n_keys == before)
		return refuse_cert(at, e, "the file holds no readable PEM certificate");
	ERR_clear_error();
	return FAS_OK;
}

static enum fas_code
pin_file(struct idp *idp, const struct yaml_node *at, const char *folder, struct fas_err *e)
{
	char path[PATH_SIZE];
	OWN(text) char *pem = NULL;
	size_t len = 0;
	struct fas_err why = {0};
	enum fas_code rc =
	    file_join(path, sizeof(path), at->text[0] == '/' ? "" : folder, at->text, &why);
	if (rc == FAS_OK)
		rc = file_read(path, IDP_CERT_FILE_MAX, &pem, &len, &why);
	if (rc == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (rc != FAS_OK)
		return refuse_cert(at, e, why.message);
	return pin_pem(idp, pem, len, at, e);
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

struct idp_nodes {
	const char *name, *entity_id;
	const struct yaml_node *certificates, *audiences, *recipients, *claims;
	struct asks_nodes asks;
	struct people_nodes people;
};

static enum fas_code
read_idp(struct idp *idp, const struct yaml_node *map, struct idp_nodes *n, struct fas_err *e)
{
	struct yaml_reader r;
	enum fas_code rc = yaml_open(&r, map, "identity provider", e);
	if (rc != FAS_OK)
		return rc;
	n->name = yaml_need_text(&r, "name");
	n->entity_id = yaml_need_text(&r, "entity_id");
	n->certificates = yaml_need_texts(&r, "certificates");
	n->audiences = yaml_need_texts(&r, "audiences");
	n->recipients = yaml_need_texts(&r, "recipients");
	n->claims = yaml_want(&r, "claims", YAML_MAP);
	idp->clock_skew_s = yaml_want_duration(&r, "clock_skew", 0, 300, 60);
	idp->max_age_s = yaml_want_duration(&r, "max_age", 30, 3600, 300);
	idp->allow_unsolicited = yaml_want_bool(&r, "allow_unsolicited", false);
	idp->insecure_allow_sha1 = yaml_want_bool(&r, "insecure_allow_sha1", false);
	asks_read(&r, &n->asks);
	people_read(&r, &n->people);
	return yaml_finish(&r);
}

static enum fas_code
load_idp(struct idp *idp, const struct yaml_node *map, const char *folder, struct fas_err *e)
{
	struct idp_nodes n = {0};
	enum fas_code rc = read_idp(idp, map, &n, e);
	if (rc != FAS_OK)
		return rc;
	if (strlen(n.entity_id) > IDP_ENTITY_ID_MAX)
		return yaml_fail(
		    map, e, "yaml_value", "SAML core 8.3.6: entity_id is longer than 1024 octets");
	if ((rc = copy_text(n.name, &idp->name, e)) != FAS_OK ||
	    (rc = copy_text(n.entity_id, &idp->entity_id, e)) != FAS_OK ||
	    (rc = copy_texts(n.audiences, &idp->audiences, e)) != FAS_OK ||
	    (rc = copy_texts(n.recipients, &idp->recipients, e)) != FAS_OK ||
	    (rc = load_claims(idp, n.claims, e)) != FAS_OK ||
	    (rc = asks_load(&n.asks, &idp->asks, e)) != FAS_OK ||
	    (rc = people_load(&n.people, &idp->people, e)) != FAS_OK)
		return rc;
	return pin_files(idp, n.certificates, folder, e);
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
		if (strcmp(idp->entity_id, last->entity_id) == 0)
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
	if (list->kind != YAML_LIST || list->n == 0 || list->n > IDP_COUNT_MAX)
		return yaml_fail(list, e, "yaml_type",
		    "identity_providers is a list of 1 to %d providers", IDP_COUNT_MAX);
	OWN(saml_trust) struct saml_trust *trust = calloc(1, sizeof(*trust));
	if (!trust || !(trust->idps = calloc(list->n, sizeof(*trust->idps))))
		return fas_fail_nomem(e);
	for (size_t i = 0; i < list->n; i++) {
		enum fas_code rc =
		    load_idp(&trust->idps[trust->n++], list->items[i], base_folder, e);
		if (rc == FAS_OK)
			rc = check_unique(trust, list->items[i], e);
		if (rc != FAS_OK)
			return rc;
	}
	*out = TAKE(trust);
	return FAS_OK;
}
