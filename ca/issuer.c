#include "ca/issuer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ca/asn1.h"
#include "ca/lint.h"
#include "ca/pem.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/text.h"

#define SHORTEST_LIFE_S 60
#define RETRY_KEY_US 1000000
/* Of the machines' list: nobody but a restore reads it, and the host table says what is revoked. */
#define SERVICE_CRL_S (7 * 86400)
#define SERVICE_CRL_EACH_S 86400

struct issuer *
issuer_ref(struct issuer *issuer)
{
	(void)atomic_fetch_add(&issuer->refs, 1);
	return issuer;
}

void
issuer_unref(struct issuer *issuer)
{
	if (!issuer || atomic_fetch_sub(&issuer->refs, 1) != 1)
		return;
	key_free(issuer->key);
	X509_free(issuer->certificate);
	free(issuer->pem);
	free(issuer->chain);
	free(issuer->given_crl);
	free(issuer);
}

bool
issuer_is_ready(const struct issuer *issuer)
{
	return issuer->key && issuer->certificate;
}

/* Once a second one caller tries it; the others take it as it was. */
static enum fas_code
try_key(struct issuer *issuer, int64_t failed_us, struct fas_err *e)
{
	static const uint8_t trial[] = "fas: does this key sign again?";
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	struct fas_err why = {0};
	int64_t now_us = clock_monotonic_us();
	bool mine = now_us - failed_us >= RETRY_KEY_US &&
		    atomic_compare_exchange_strong(&issuer->failed_us, &failed_us, now_us);
	if (mine && key_sign(issuer->key, trial, sizeof(trial), signature, &len, &why) == FAS_OK) {
		atomic_store(&issuer->failed_us, 0);
		return FAS_OK;
	}
	return fas_fail(e, FAS_E_UNAVAILABLE, "authority_key", "the key of %s does not sign: %s",
	    issuer->stem, why.code != FAS_OK ? why.message : "it failed a moment ago");
}

enum fas_code
issuer_check_able(struct issuer *issuer, int64_t now_s, struct fas_err *e)
{
	int64_t failed_us = atomic_load(&issuer->failed_us);
	if (issuer->not_after_s < now_s + SHORTEST_LIFE_S)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_ends",
		    "RFC 5280 6.1: the certificate of %s ends; nothing is issued past it",
		    issuer->stem);
	enum fas_code rc = key_check(issuer->key, e);
	return rc == FAS_OK && failed_us ? try_key(issuer, failed_us, e) : rc;
}

void
issuer_note_failure(struct issuer *issuer)
{
	if (!key_is_in_token(issuer->key))
		atomic_store(&issuer->failed_us, clock_monotonic_us());
}

enum fas_code
issuer_key_path(
    const struct signer_config *config, const char *file, char out[PATH_MAX], struct fas_err *e)
{
	char folder[PATH_MAX];
	enum fas_code rc = file_join(folder, sizeof(folder), config->state, "keys", e);
	return rc == FAS_OK ? file_join(out, PATH_MAX, folder, file, e) : rc;
}

static enum fas_code
name_issuer(struct issuer *issuer, const struct issuer_row *row, struct fas_err *e)
{
	const char *suffix = row->kind == ISSUER_ROOT ? "-root" : "";
	int n = snprintf(issuer->authority, sizeof(issuer->authority), "%s", row->authority);
	if (n < 0 || n >= (int)sizeof(issuer->authority))
		return fas_fail(e, FAS_E_IO, "database_corrupt", "an authority's name is too long");
	(void)snprintf(issuer->stem, sizeof(issuer->stem), "%s-%lld%s", row->authority,
	    (long long)row->generation, suffix);
	return FAS_OK;
}

/* The files lie at URL/crl/STEM.crl and URL/ca/STEM.cer, exactly as certificates say. */
static enum fas_code
name_urls(struct issuer *issuer, const struct authority_config *config, struct fas_err *e)
{
	struct profile_issuer *p = &issuer->published;
	for (size_t i = 0; i < config->n_publish_urls; i++) {
		char *crl = issuer->urls[2 * i], *ca = issuer->urls[2 * i + 1];
		int a = snprintf(
		    crl, ISSUER_URL_MAX, "%s/crl/%s.crl", config->publish_urls[i], issuer->stem);
		int b = snprintf(
		    ca, ISSUER_URL_MAX, "%s/ca/%s.cer", config->publish_urls[i], issuer->stem);
		if (a >= ISSUER_URL_MAX || b >= ISSUER_URL_MAX)
			return fas_fail(e, FAS_E_CONFIG, "config_url", "%s: too long for a URL",
			    config->publish_urls[i]);
		p->crl_urls[p->n_crl_urls++] = crl;
		p->ca_urls[p->n_ca_urls++] = ca;
	}
	issuer->backdate_s = config->backdate_s;
	issuer->crl_life_s = config->crl_life_s;
	issuer->crl_each_s = config->crl_each_s;
	return FAS_OK;
}

/* RFC 4516 2.1: the blank is written as %20; the configuration lets in nothing else that would have to be. */
static enum fas_code
name_ldap_url(struct issuer *issuer, const char *container, struct fas_err *e)
{
	OWN(buf) struct buf url;
	buf_init(&url, sizeof(issuer->ldap_url));
	buf_printf(&url, "ldap:///CN=%s,", issuer->stem);
	for (const char *c = container; *c; c++)
		buf_append(&url, *c == ' ' ? "%20" : c, *c == ' ' ? 3 : 1);
	buf_text(&url, "?certificateRevocationList?base?objectClass=cRLDistributionPoint");
	if (buf_check(&url, NULL) != FAS_OK || url.len >= sizeof(issuer->ldap_url))
		return fas_fail(
		    e, FAS_E_CONFIG, "config_ldap_cdp", "%s: too long for a URL", container);
	memcpy(issuer->ldap_url, buf_str(&url), url.len + 1);
	return FAS_OK;
}

static enum fas_code
configure(struct issuer *issuer, const struct signer_config *config, struct fas_err *e)
{
	if (issuer->kind == ISSUER_SERVICE) {
		issuer->backdate_s = config->service_ca.backdate_s;
		issuer->crl_life_s = SERVICE_CRL_S;
		issuer->crl_each_s = SERVICE_CRL_EACH_S;
		return FAS_OK;
	}
	const struct authority_config *a = signer_config_authority(config, issuer->authority);
	if (!a)
		return fas_fail(e, FAS_E_CONFIG, "authority_unknown",
		    "ca.db has authority \"%s\", the configuration does not: its CRL has to be "
		    "published "
		    "until its last certificate has expired",
		    issuer->authority);
	enum fas_code rc = name_urls(issuer, a, e);
	/* A root's lies where its certificate's holder has put it. */
	if (rc == FAS_OK && a->ldap_cdp && issuer->kind == ISSUER_LOGON)
		rc = name_ldap_url(issuer, a->ldap_cdp, e);
	return rc;
}

static enum fas_code
digest_chain(struct issuer *issuer, struct fas_err *e)
{
	uint8_t digest[(CHAIN_DIGEST_MAX - 1) / 2];
	if (EVP_Digest(issuer->chain, strlen(issuer->chain), digest, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256");
	(void)hex_encode(digest, sizeof(digest), issuer->chain_digest);
	return FAS_OK;
}

/* A logon authority waits for its key while the others go on. */
static enum fas_code
without_key(const struct issuer *issuer, struct fas_err *e)
{
	const struct fas_err *why = &issuer->trouble;
	if (issuer->kind == ISSUER_LOGON && why->code != FAS_E_NOMEM)
		return FAS_OK;
	return fas_fail(e, why->code, why->reason, "%s", why->message);
}

/* A restore may have put another generation's there. */
static enum fas_code
check_key(struct issuer *issuer, const char *file, struct fas_err *e)
{
	struct fas_err why = {0};
	if (key_matches(issuer->key, X509_get0_pubkey(issuer->certificate), &why) == FAS_OK)
		return FAS_OK;
	(void)fas_fail(&issuer->trouble, FAS_E_CONFIG, "key_other",
	    "RFC 5280 4.1.2.7: the key in keys/%s, or in the token that it names, is not that of "
	    "the certificate of %s in ca.db: put back the one of this generation",
	    file, issuer->stem);
	key_free(issuer->key);
	issuer->key = NULL;
	return without_key(issuer, e);
}

static enum fas_code
load_certificate(struct issuer *issuer, const struct issuer_row *row, struct fas_err *e)
{
	const uint8_t *at = row->certificate;
	issuer->certificate = d2i_X509(NULL, &at, (long)row->certificate_len);
	issuer->chain = strdup(row->chain ? row->chain : "");
	issuer->pem = pem_encode("CERTIFICATE", row->certificate, row->certificate_len);
	if (!issuer->certificate || at != row->certificate + row->certificate_len)
		return fas_fail_openssl(e, "the certificate of %s in ca.db", issuer->stem);
	if (!issuer->chain || !issuer->pem)
		return fas_fail_nomem(e);
	if (!asn1_time_to_unix(X509_get0_notBefore(issuer->certificate), &issuer->not_before_s) ||
	    !asn1_time_to_unix(X509_get0_notAfter(issuer->certificate), &issuer->not_after_s))
		return fas_fail(e, FAS_E_CONFIG, "ca_validity",
		    "RFC 5280 4.1.2.5: the validity of %s is not in UTC with seconds",
		    issuer->stem);
	issuer->published.certificate = issuer->certificate;
	enum fas_code rc = digest_chain(issuer, e);
	if (rc == FAS_OK && issuer->key)
		rc = check_key(issuer, row->key_file, e);
	if (rc != FAS_OK || !issuer->trouble.code)
		return rc;
	return profile_signature_for(
	    X509_get0_pubkey(issuer->certificate), &issuer->published.signature, e);
}

static enum fas_code
load_key(
    struct issuer *issuer, const struct signer_config *config, const char *file, struct fas_err *e)
{
	char path[PATH_MAX];
	const struct authority_config *a = signer_config_authority(config, issuer->authority);
	const struct key_place *place = a ? &a->key : &config->service_ca.key;
	enum fas_code rc = issuer_key_path(config, file, path, e);
	if (rc != FAS_OK)
		return rc;
	if (access(path, F_OK) != 0 && errno == ENOENT)
		(void)fas_fail(&issuer->trouble, FAS_E_CONFIG, "key_missing",
		    "%s is not there: the key of %s, or the reference to it in a token; it is in a "
		    "backup --with-ca-keys",
		    path, issuer->stem);
	else if (key_place_load(config, place, path, &issuer->key, &issuer->trouble) == FAS_OK)
		issuer->published.signature = key_algorithm(issuer->key);
	return issuer->key ? FAS_OK : without_key(issuer, e);
}

enum fas_code
issuer_load(const struct signer_config *config, const struct issuer_row *row, struct issuer **out,
    struct fas_err *e)
{
	OWN(issuer) struct issuer *issuer = calloc(1, sizeof(*issuer));
	if (!issuer)
		return fas_fail_nomem(e);
	atomic_init(&issuer->refs, 1);
	issuer->id = row->id;
	issuer->kind = row->kind;
	issuer->generation = row->generation;
	issuer->state = row->state;
	issuer->in_ntauth_s = row->in_ntauth_s;
	enum fas_code rc = name_issuer(issuer, row, e);
	if (rc == FAS_OK)
		rc = configure(issuer, config, e);
	if (rc == FAS_OK && row->key_file)
		rc = load_key(issuer, config, row->key_file, e);
	if (rc == FAS_OK && row->certificate)
		rc = load_certificate(issuer, row, e);
	if (rc == FAS_OK && row->given_crl_len > 0) {
		issuer->given_crl = malloc(row->given_crl_len);
		if (!issuer->given_crl)
			return fas_fail_nomem(e);
		memcpy(issuer->given_crl, row->given_crl, row->given_crl_len);
		issuer->given_crl_len = row->given_crl_len;
	}
	if (rc != FAS_OK)
		return rc;
	issuer->published_ldap = issuer->published;
	if (issuer->ldap_url[0])
		issuer->published_ldap.crl_urls[issuer->published_ldap.n_crl_urls++] =
		    issuer->ldap_url;
	*out = TAKE(issuer);
	return FAS_OK;
}

const struct profile_issuer *
issuer_published(const struct issuer *issuer, int64_t now_s)
{
	bool there = issuer->ldap_url[0] && atomic_load(&issuer->ldap_until_s) > now_s;
	return there ? &issuer->published_ldap : &issuer->published;
}

enum fas_code
issuer_serial(int64_t now_ms, uint8_t out[ISSUER_SERIAL_LEN], struct fas_err *e)
{
	for (size_t i = 0; i < 6; i++)
		out[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
	if ((out[0] & 0x80) || out[0] == 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "clock_wrong",
		    "the clock stands outside of 2004 to 6429: no serial number can be made");
	if (RAND_bytes(out + 6, ISSUER_SERIAL_LEN - 6) != 1)
		return fas_fail_openssl(e, "random bytes for a serial number");
	return FAS_OK;
}

void
prepared_done(struct prepared *prepared)
{
	free(prepared->tbs);
	*prepared = (struct prepared){0};
}

/* Where an own profile says that CRL and certificate lie, in place of the authority's own places. */
struct issuer_places {
	struct profile_issuer published;
	char urls[2 * PROFILE_URLS_MAX][ISSUER_URL_MAX];
};

static bool
place_urls(const char *const *bases, size_t n, const char *folder, const char *stem,
    const char *suffix, char (*room)[ISSUER_URL_MAX], const char **out)
{
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(
		    room[i], ISSUER_URL_MAX, "%s/%s/%s.%s", bases[i], folder, stem, suffix);
		if (len < 0 || len >= ISSUER_URL_MAX)
			return false;
		out[i] = room[i];
	}
	return true;
}

static enum fas_code
find_places(const struct issuer *issuer, const struct profile_own *own, int64_t now_s,
    struct issuer_places *out, struct fas_err *e)
{
	struct profile_issuer *p = &out->published;
	*p = *issuer_published(issuer, now_s);
	if (own && own->n_crl_urls > 0)
		p->n_crl_urls = own->n_crl_urls;
	if (own && own->n_ca_urls > 0)
		p->n_ca_urls = own->n_ca_urls;
	if (own && (!place_urls(own->crl_urls, own->n_crl_urls, "crl", issuer->stem, "crl",
			out->urls, p->crl_urls) ||
		       !place_urls(own->ca_urls, own->n_ca_urls, "ca", issuer->stem, "cer",
			   out->urls + PROFILE_URLS_MAX, p->ca_urls)))
		return fas_fail(
		    e, FAS_E_CONFIG, "config_url", "profile %s: a URL is too long", own->name);
	return FAS_OK;
}

/* The lints read a whole certificate: this one has a signature of zeros, as long as a real one. */
static enum fas_code
lint_prepared(const struct issuer *issuer, const struct profile_issuer *published,
    const struct profile_facts *facts, const struct prepared *prepared, int64_t now_s,
    int64_t life_s, struct fas_err *e)
{
	static const uint8_t zeros[KEY_SIGNATURE_MAX];
	const struct lint_context context = {.kind = facts->kind,
	    .issuer = issuer->certificate,
	    .published = published,
	    .sid = facts->sid,
	    .upn = facts->upn,
	    .own = facts->own,
	    .account = facts->account,
	    .realm = facts->realm,
	    .mail = facts->mail,
	    .policies = facts->policies,
	    .n_policies = facts->n_policies,
	    .longest_life_s = life_s + issuer->backdate_s,
	    .now_s = now_s};
	struct lint_report report = {0};
	OWN(bytes) uint8_t *der = NULL;
	size_t len = 0;
	enum fas_code rc = profile_assemble(issuer->published.signature, prepared->tbs,
	    prepared->tbs_len, zeros, key_signature_len(issuer->key), &der, &len, e);
	if (rc != FAS_OK)
		return rc;
	lint_certificate(der, len, &context, &report);
	return lint_check(&report, e);
}

enum fas_code
issuer_prepare(const struct issuer *issuer, struct profile_facts *facts, int64_t now_s,
    int64_t life_s, struct prepared *out, struct fas_err *e)
{
	OWN(prepared)
	struct prepared p = {
	    .not_before_s = now_s - issuer->backdate_s, .not_after_s = now_s + life_s};
	if (!issuer_is_ready(issuer))
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_not_ready",
		    "authority \"%s\" has no certificate yet: fasctl ca install",
		    issuer->authority);
	if (p.not_before_s < issuer->not_before_s)
		p.not_before_s = issuer->not_before_s;
	if (p.not_after_s > issuer->not_after_s)
		p.not_after_s = issuer->not_after_s;
	if (p.not_after_s < now_s + SHORTEST_LIFE_S)
		return fas_fail(e, FAS_E_UNAVAILABLE, "authority_ends",
		    "RFC 5280 6.1: the certificate of %s ends; nothing is issued past it",
		    issuer->stem);
	enum fas_code rc = issuer_serial(clock_now_ms(), p.serial, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(facts->serial, p.serial, sizeof(p.serial));
	facts->serial_len = sizeof(p.serial);
	facts->not_before_s = p.not_before_s;
	facts->not_after_s = p.not_after_s;
	struct issuer_places places;
	rc = find_places(issuer, facts->own, now_s, &places, e);
	if (rc == FAS_OK)
		rc = profile_build(&places.published, facts, &p.tbs, &p.tbs_len, e);
	if (rc == FAS_OK)
		rc = lint_prepared(issuer, &places.published, facts, &p, now_s, life_s, e);
	if (rc == FAS_OK &&
	    EVP_Digest(p.tbs, p.tbs_len, p.tbs_digest, NULL, EVP_sha256(), NULL) != 1)
		rc = fas_fail_openssl(e, "SHA-256");
	if (rc != FAS_OK)
		return rc;
	*out = p;
	p.tbs = NULL;
	return FAS_OK;
}

enum fas_code
issuer_sign(const struct issuer *issuer, const uint8_t *tbs, size_t tbs_len, uint8_t *signature,
    size_t *signature_len, uint8_t **der, size_t *der_len, struct fas_err *e)
{
	enum fas_code rc = key_sign(issuer->key, tbs, tbs_len, signature, signature_len, e);
	/* A fault in the computation would give the key away (RSA-CRT), or a certificate that nobody accepts. */
	if (rc == FAS_OK)
		rc = key_verify(X509_get0_pubkey(issuer->certificate), issuer->published.signature,
		    tbs, tbs_len, signature, *signature_len, e);
	if (rc != FAS_OK)
		return rc;
	return profile_assemble(
	    issuer->published.signature, tbs, tbs_len, signature, *signature_len, der, der_len, e);
}
