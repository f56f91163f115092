/* The signer's own code: build, lint and sign one certificate, against one raw signature. */
#include <string.h>

#include "ca/issuer.h"
#include "fas/base/clock.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#define CERTIFICATES 100
#define ROUNDS_MAX 64
#define LIFE_S 900
#define YEAR_S ((int64_t)365 * 86400)

DEFINE_OWN(tbs, uint8_t *, free);

static X509 *
make_ca(struct key *key)
{
	struct fas_err e = {0};
	uint8_t signature[KEY_SIGNATURE_MAX];
	OWN(tbs) uint8_t *tbs = NULL;
	OWN(tbs) uint8_t *der = NULL;
	size_t tbs_len = 0, signature_len = 0, der_len = 0;
	struct profile_ca_facts facts = {.common_name = "Bench Logon CA",
	    .serial = {1, 2, 3, 4, 5, 6, 7, 8, 9},
	    .serial_len = 9,
	    .not_before_s = clock_now() - 86400,
	    .not_after_s = clock_now() + YEAR_S};
	facts.spki = key_spki(key, &facts.spki_len);
	lab_check(profile_build_ca(NULL, key_algorithm(key), &facts, &tbs, &tbs_len, &e), &e);
	lab_check(key_sign(key, tbs, tbs_len, signature, &signature_len, &e), &e);
	lab_check(profile_assemble(key_algorithm(key), tbs, tbs_len, signature, signature_len, &der,
		      &der_len, &e),
	    &e);
	const uint8_t *at = der;
	return d2i_X509(NULL, &at, (long)der_len);
}

static const struct issuer *
open_issuer(void)
{
	static struct issuer issuer = {.kind = ISSUER_LOGON, .backdate_s = 300};
	struct fas_err e = {0};
	if (issuer.key)
		return &issuer;
	lab_check(key_generate("rsa-2048", &issuer.key, &e), &e);
	issuer.certificate = make_ca(issuer.key);
	issuer.not_before_s = clock_now() - 86400;
	issuer.not_after_s = clock_now() + YEAR_S;
	issuer.published = (struct profile_issuer){.certificate = issuer.certificate,
	    .signature = key_algorithm(issuer.key),
	    .crl_urls = {"http://pki.corp.example.com/crl/main-1.crl"},
	    .n_crl_urls = 1,
	    .ca_urls = {"http://pki.corp.example.com/ca/main-1.cer"},
	    .n_ca_urls = 1};
	return &issuer;
}

struct user {
	struct key *key;
	struct dn subject;
	struct sid sid;
};

static const struct user *
open_user(void)
{
	static struct user user;
	static const char *const names[][2] = {
	    {"DC", "com"}, {"DC", "example"}, {"DC", "corp"}, {"OU", "People"}, {"CN", "alice"}};
	struct fas_err e = {0};
	if (user.key)
		return &user;
	lab_check(key_generate("rsa-2048", &user.key, &e), &e);
	lab_check(sid_parse("S-1-5-21-1-2-3-1104", &user.sid, &e), &e);
	for (size_t i = 0; i < NELEMS(names); i++)
		lab_check(dn_add(&user.subject, names[i][0], names[i][1], &e), &e);
	return &user;
}

void
measure_open_certificate(void)
{
	(void)open_issuer();
	(void)open_user();
}

uint8_t *
measure_step_certificate(size_t *len)
{
	struct fas_err e = {0};
	const struct issuer *issuer = open_issuer();
	const struct user *user = open_user();
	uint8_t signature[KEY_SIGNATURE_MAX], *der = NULL;
	size_t signature_len = 0;
	OWN(prepared) struct prepared p = {0};
	struct profile_facts facts = {.kind = PROFILE_SMARTCARD_LOGON,
	    .subject = &user->subject,
	    .sid = &user->sid,
	    .upn = "alice@corp.example.com"};
	facts.spki = key_spki(user->key, &facts.spki_len);
	lab_check(issuer_prepare(issuer, &facts, clock_now(), LIFE_S, &p, &e), &e);
	lab_check(
	    issuer_sign(issuer, p.tbs, p.tbs_len, signature, &signature_len, &der, len, &e), &e);
	return der;
}

double
measure_one_certificate(void)
{
	measure_open_certificate();
	int64_t begun = gauge_thread_cpu();
	for (int i = 0; i < CERTIFICATES; i++) {
		size_t len = 0;
		free(measure_step_certificate(&len));
	}
	return (double)(gauge_thread_cpu() - begun) / CERTIFICATES;
}

void
measure_certificate(const struct lab *lab)
{
	double raw[ROUNDS_MAX], whole[ROUNDS_MAX], ratio[ROUNDS_MAX];
	(void)measure_one_certificate();
	for (unsigned i = 0; i < lab->rounds; i++) {
		raw[i] = measure_raw_signature() / 1e3;
		whole[i] = measure_one_certificate() / 1e3;
		ratio[i] = whole[i] / raw[i];
	}
	table_add(&(struct row){.name = "certificate: build, lint, sign, confirm",
	    .value = gauge_median(whole, lab->rounds),
	    .unit = "us CPU",
	    .reference = "raw RSA-2048 signature",
	    .reference_value = gauge_median(raw, lab->rounds),
	    .ratio = gauge_median(ratio, lab->rounds),
	    .goal = 1.4});
}
