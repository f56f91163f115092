#include "ca/make.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ca/ca.h"
#include "ca/lint.h"
#include "ca/pem.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/text.h"

#define YEAR_S ((int64_t)31557600)
#define ROOT_LIFE_S (10 * YEAR_S)
#define LAB_CA_LIFE_S (5 * YEAR_S)
#define BACKDATE_S 3600
#define CHAIN_MAX 65536

/* One new row of ca.db and its record, in a transaction of their own. */
struct add {
	struct issuer_row row;
	const struct audit_record *about;
};

static enum fas_code
add_row(struct db *db, void *arg, struct fas_err *e)
{
	struct add *add = arg;
	enum fas_code rc = store_issuer_add(db, &add->row, &add->row.id, e);
	return rc == FAS_OK ? audit_append(db, add->about, e) : rc;
}

static enum fas_code
record(const struct making *m, const char *event, const struct issuer_row *row,
    const char *key_type, struct fas_err *e)
{
	char generation[24];
	(void)snprintf(generation, sizeof(generation), "%lld", (long long)row->generation);
	OWN(json)
	json_t *detail = audit_detail("authority", row->authority, "generation", generation, "key",
	    key_type, "key_file", row->key_file, NULL);
	m->about->event = event;
	m->about->outcome = "done";
	m->about->detail = detail;
	struct add add = {*row, m->about};
	enum fas_code rc = db_write(m->db, add_row, &add, e);
	if (rc == FAS_OK)
		audit_log(m->about);
	m->about->detail = NULL;
	return rc;
}

/* A key file that is there without a row is what a crash left: its key was never used, but it is never overwritten. */
static enum fas_code
new_key(const struct signer_config *config, const struct key_place *place, const char *type,
    const char *stem, char file[NAME_MAX], struct key **out, struct fas_err *e)
{
	uint8_t random[4];
	char hex[2 * sizeof(random) + 1], path[PATH_MAX];
	if (RAND_bytes(random, sizeof(random)) != 1)
		return fas_fail_openssl(e, "random bytes for a file's name");
	(void)snprintf(file, NAME_MAX, "%s-%s.key", stem, hex_encode(random, sizeof(random), hex));
	enum fas_code rc = issuer_key_path(config, file, path, e);
	return rc == FAS_OK ? key_place_make(place, type, stem, path, out, e) : rc;
}

enum fas_code
make_common_name(const struct authority_config *config, int64_t generation,
    char out[CA_NAME_MAX + 1], struct fas_err *e)
{
	int n = generation == 1 ? snprintf(out, CA_NAME_MAX + 1, "%s", config->common_name)
				: snprintf(out, CA_NAME_MAX + 1, "%s G%lld", config->common_name,
				      (long long)generation);
	if (n > 0 && n <= CA_NAME_MAX)
		return FAS_OK;
	return fas_fail(e, FAS_E_CONFIG, "common_name_length",
	    "RFC 5280 A.1: the name of generation %lld of \"%s\" is over %d octets",
	    (long long)generation, config->name, CA_NAME_MAX);
}

/* Who signs, and what: parent NULL = the key itself, which is made at place. */
struct ca_plan {
	const struct key_place *place;
	const char *key_type;
	const struct key *key;
	const struct issuer *parent;
	const char *common_name, *organization;
	int64_t life_s;
	int path_len;
};

static enum fas_code
sign_ca(const struct ca_plan *plan, const uint8_t *tbs, size_t tbs_len, uint8_t **der, size_t *len,
    struct fas_err *e)
{
	const struct key *key = plan->parent ? plan->parent->key : plan->key;
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t signature_len = 0;
	enum fas_code rc = key_sign(key, tbs, tbs_len, signature, &signature_len, e);
	return rc == FAS_OK ? profile_assemble(key_algorithm(key), tbs, tbs_len, signature,
				  signature_len, der, len, e)
			    : rc;
}

/* Nothing leaves without the lints, neither what the signer makes for itself. */
static enum fas_code
lint_ca(const struct ca_plan *plan, const uint8_t *der, size_t len, struct fas_err *e)
{
	struct lint_report report = {0};
	const struct lint_context context = {
	    .issuer = plan->parent ? plan->parent->certificate : NULL,
	    .published = plan->parent ? &plan->parent->published : NULL,
	    .now_s = clock_now()};
	lint_ca_certificate(der, len, &context, &report);
	return lint_check(&report, e);
}

static enum fas_code
build_ca(const struct ca_plan *plan, uint8_t **der, size_t *len, struct fas_err *e)
{
	OWN(bytes) uint8_t *tbs = NULL;
	size_t tbs_len = 0;
	int64_t now_s = clock_now();
	struct profile_ca_facts facts = {.common_name = plan->common_name,
	    .organization = plan->organization,
	    .serial_len = ISSUER_SERIAL_LEN,
	    .not_before_s = now_s - BACKDATE_S,
	    .not_after_s = now_s + plan->life_s,
	    .path_len = plan->path_len};
	if (plan->parent && facts.not_before_s < plan->parent->not_before_s)
		facts.not_before_s = plan->parent->not_before_s;
	if (plan->parent && facts.not_after_s > plan->parent->not_after_s)
		facts.not_after_s = plan->parent->not_after_s;
	facts.spki = key_spki(plan->key, &facts.spki_len);
	enum fas_code rc = issuer_serial(clock_now_ms(), facts.serial, e);
	if (rc == FAS_OK)
		rc = profile_build_ca(plan->parent ? &plan->parent->published : NULL,
		    key_algorithm(plan->key), &facts, &tbs, &tbs_len, e);
	if (rc == FAS_OK)
		rc = sign_ca(plan, tbs, tbs_len, der, len, e);
	return rc == FAS_OK ? lint_ca(plan, *der, *len, e) : rc;
}

/* A self-signed authority: key, certificate and record. */
static enum fas_code
make_root(const struct making *m, const char *event, const char *stem, struct ca_plan *plan,
    struct issuer_row *row, struct fas_err *e)
{
	char file[NAME_MAX];
	OWN(key) struct key *key = NULL;
	OWN(bytes) uint8_t *der = NULL;
	enum fas_code rc = new_key(m->config, plan->place, plan->key_type, stem, file, &key, e);
	plan->key = key;
	if (rc == FAS_OK)
		rc = build_ca(plan, &der, &row->certificate_len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, row->certificate_len);
	if (!pem)
		return fas_fail_nomem(e);
	row->key_file = file;
	row->certificate = der;
	row->chain = pem;
	return record(m, event, row, plan->key_type, e);
}

enum fas_code
make_service_ca(const struct making *m, struct fas_err *e)
{
	uint8_t random[4];
	char hex[2 * sizeof(random) + 1], name[64];
	if (RAND_bytes(random, sizeof(random)) != 1)
		return fas_fail_openssl(e, "random bytes for a name");
	/* Two installations never share a name: their keys differ. */
	(void)snprintf(
	    name, sizeof(name), "FAS Service CA %s", hex_encode(random, sizeof(random), hex));
	const struct key_place *place = &m->config->service_ca.key;
	struct ca_plan plan = {
	    .place = place, .key_type = place->type, .common_name = name, .life_s = ROOT_LIFE_S};
	struct issuer_row row = {.kind = ISSUER_SERVICE, .authority = "service", .generation = 1};
	return make_root(m, "service_ca_made", "service-1", &plan, &row, e);
}

enum fas_code
make_authority_key(const struct making *m, const char *authority, int64_t generation,
    const char *key_type, struct fas_err *e)
{
	char file[NAME_MAX], stem[ISSUER_STEM_MAX];
	OWN(key) struct key *key = NULL;
	(void)snprintf(stem, sizeof(stem), "%s-%lld", authority, (long long)generation);
	const struct authority_config *a = signer_config_authority(m->config, authority);
	enum fas_code rc = new_key(m->config, &a->key, key_type, stem, file, &key, e);
	struct issuer_row row = {.kind = ISSUER_LOGON,
	    .authority = authority,
	    .generation = generation,
	    .key_file = file};
	return rc == FAS_OK ? record(m, "authority_key_made", &row, key_type, e) : rc;
}

enum fas_code
make_lab_root(const struct making *m, const char *authority, int64_t generation, struct fas_err *e)
{
	const struct authority_config *a = signer_config_authority(m->config, authority);
	char name[64], stem[ISSUER_STEM_MAX];
	(void)snprintf(name, sizeof(name), "%.50s Lab Root", a->common_name);
	(void)snprintf(stem, sizeof(stem), "%s-%lld-root", authority, (long long)generation);
	/* A lab's root lies in a file, wherever the authority's own key is. */
	const struct key_place place = {.type = "rsa-2048", .passphrase = a->key.passphrase};
	struct ca_plan plan = {.place = &place,
	    .key_type = place.type,
	    .common_name = name,
	    .organization = a->organization,
	    .life_s = ROOT_LIFE_S,
	    .path_len = 1};
	struct issuer_row row = {
	    .kind = ISSUER_ROOT, .authority = authority, .generation = generation};
	return make_root(m, "lab_root_made", stem, &plan, &row, e);
}

enum fas_code
make_lab_certificate(const struct making *m, const struct issuer *root, const struct issuer *issuer,
    struct fas_err *e)
{
	const struct authority_config *a = signer_config_authority(m->config, issuer->authority);
	char name[CA_NAME_MAX + 1];
	struct ca_plan plan = {.key = issuer->key,
	    .parent = root,
	    .common_name = name,
	    .organization = a->organization,
	    .life_s = LAB_CA_LIFE_S};
	struct certify c = {.issuer = issuer};
	OWN(bytes) uint8_t *der = NULL;
	enum fas_code rc = make_common_name(a, issuer->generation, name, e);
	if (rc == FAS_OK)
		rc = build_ca(&plan, &der, &c.len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, c.len);
	OWN(buf) struct buf chain = {0};
	buf_init(&chain, CHAIN_MAX);
	buf_text(&chain, pem ? pem : "");
	buf_text(&chain, root->pem);
	if (!pem || buf_check(&chain, e) != FAS_OK)
		return fas_fail_nomem(e);
	c.der = der;
	c.chain = buf_str(&chain);
	return make_certified(m, "lab_certificate_made", &c, e);
}

struct certifying {
	const struct certify *c;
	const struct audit_record *about;
	int64_t generation; /* of the host table, once the service CA has been renewed */
};

static enum fas_code
certify(struct db *db, void *arg, struct fas_err *e)
{
	const struct certifying *at = arg;
	const struct certify *c = at->c;
	const struct issuer *issuer = c->issuer;
	struct issuer_row root = {.kind = ISSUER_ROOT,
	    .authority = issuer->authority,
	    .generation = issuer->generation,
	    .certificate = c->root,
	    .certificate_len = c->root_len,
	    .chain = c->root_pem,
	    .given_crl = c->root_crl,
	    .given_crl_len = c->root_crl_len};
	enum fas_code rc = store_issuer_certify(db, issuer->id, c->der, c->len, c->chain, e);
	if (rc == FAS_OK && c->root)
		rc = store_issuer_add(db, &root, &root.id, e);
	return rc == FAS_OK ? audit_append(db, at->about, e) : rc;
}

static enum fas_code
put_renewal(struct db *db, void *arg, struct fas_err *e)
{
	const struct certifying *at = arg;
	const struct certify *c = at->c;
	const struct renewal_row row = {.issuer = c->issuer->id,
	    .certificate = c->der,
	    .certificate_len = c->len,
	    .chain = c->chain,
	    .root = c->root,
	    .root_len = c->root_len,
	    .root_pem = c->root_pem,
	    .root_crl = c->root_crl,
	    .root_crl_len = c->root_crl_len};
	enum fas_code rc = store_renewal_put(db, &row, e);
	return rc == FAS_OK ? audit_append(db, at->about, e) : rc;
}

static enum fas_code
renew_service(struct db *db, void *arg, struct fas_err *e)
{
	struct certifying *at = arg;
	const struct certify *c = at->c;
	enum fas_code rc =
	    store_service_renew(db, c->issuer->id, c->der, c->len, c->chain, &at->generation, e);
	return rc == FAS_OK ? audit_append(db, at->about, e) : rc;
}

static enum fas_code
write_certificate(const struct making *m, const char *event, struct certifying *at, db_fn *write,
    struct fas_err *e)
{
	const struct certify *c = at->c;
	uint8_t digest[STORE_DIGEST];
	char hex[2 * STORE_DIGEST + 1];
	if (EVP_Digest(c->der, c->len, digest, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256");
	OWN(json)
	json_t *detail = audit_detail("issuer", c->issuer->stem, "certificate_sha256",
	    hex_encode(digest, sizeof(digest), hex), NULL);
	m->about->event = event;
	m->about->outcome = "done";
	m->about->detail = detail;
	at->about = m->about;
	enum fas_code rc = db_write(m->db, write, at, e);
	if (rc == FAS_OK)
		audit_log(m->about);
	m->about->detail = NULL;
	return rc;
}

enum fas_code
make_certified(
    const struct making *m, const char *event, const struct certify *c, struct fas_err *e)
{
	struct certifying at = {.c = c};
	return write_certificate(m, event, &at, certify, e);
}

enum fas_code
make_renewal(const struct making *m, const struct certify *c, struct fas_err *e)
{
	struct certifying at = {.c = c};
	return write_certificate(m, "authority_renewal_installed", &at, put_renewal, e);
}

enum fas_code
make_service_renewal(
    const struct making *m, const struct issuer *service, int64_t *generation, struct fas_err *e)
{
	char name[CA_NAME_MAX + 1];
	struct ca_plan plan = {.key = service->key, .common_name = name, .life_s = ROOT_LIFE_S};
	struct certify c = {.issuer = service};
	OWN(bytes) uint8_t *der = NULL;
	if (X509_NAME_get_text_by_NID(X509_get_subject_name(service->certificate), NID_commonName,
		name, sizeof(name)) <= 0)
		return fas_fail_openssl(e, "name of the service CA");
	enum fas_code rc = build_ca(&plan, &der, &c.len, e);
	if (rc != FAS_OK)
		return rc;
	OWN(text) char *pem = pem_encode("CERTIFICATE", der, c.len);
	if (!pem)
		return fas_fail_nomem(e);
	c.der = der;
	c.chain = pem;
	struct certifying at = {.c = &c};
	rc = write_certificate(m, "service_ca_renewed", &at, renew_service, e);
	*generation = at.generation;
	return rc;
}
