#include "lint_world.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *crl_url, *ca_url;
} cas[WORLD_CAS] = {
    [WORLD_ROOT] = {"root", "http://pki.corp.example.com/crl/main-1-root.crl",
	"http://pki.corp.example.com/ca/main-1-root.cer"},
    [WORLD_LOGON] = {"logon-ca", "http://pki.corp.example.com/crl/main-1.crl",
	"http://pki.corp.example.com/ca/main-1.cer"},
    [WORLD_SERVICE] = {"service-ca", NULL, NULL},
};

/* One with everything that an own profile can have beside URLs. */
static const struct profile_own own = {
    .name = "own-logon",
    .like = PROFILE_SMARTCARD_LOGON,
    .key_usage = 7, /* with contentCommitment */
    .purposes = {"1.3.6.1.5.5.7.3.4", "1.3.6.1.5.2.3.4"},
    .n_purposes = 2,
    .policies = {"1.3.6.1.4.1.311.21.8.7.1.402", "1.3.6.1.4.1.99999.1"},
    .n_policies = 2,
    .extra_names = EXTRA_SID_URI | EXTRA_PRINCIPAL | EXTRA_MAIL,
    .subject = PROFILE_SUBJECT_UPN,
};

static const struct world_case cases[] = {
    {"smartcard-logon", WORLD_LEAF, PROFILE_SMARTCARD_LOGON, WORLD_LOGON, false, NULL},
    {"client-auth", WORLD_LEAF, PROFILE_CLIENT_AUTH, WORLD_LOGON, false, NULL},
    {"kdc", WORLD_LEAF, PROFILE_KDC, WORLD_LOGON, false, NULL},
    {"service-server", WORLD_LEAF, PROFILE_SERVICE_SERVER, WORLD_SERVICE, false, NULL},
    {"service-client", WORLD_LEAF, PROFILE_SERVICE_CLIENT, WORLD_SERVICE, false, NULL},
    {"own-logon", WORLD_LEAF, PROFILE_SMARTCARD_LOGON, WORLD_LOGON, false, &own},
    {"ca", WORLD_AUTHORITY, PROFILE_SMARTCARD_LOGON, WORLD_ROOT, false, NULL},
    {"root-ca", WORLD_AUTHORITY, PROFILE_SMARTCARD_LOGON, WORLD_ROOT, true, NULL},
    {"crl", WORLD_LIST, PROFILE_SMARTCARD_LOGON, WORLD_LOGON, false, NULL},
};

const char *
world_ca_name(enum world_ca ca)
{
	return cas[ca].name;
}

enum world_ca
world_ca_parse(const char *name)
{
	for (int i = 0; i < WORLD_CAS; i++) {
		if (strcmp(cas[i].name, name) == 0)
			return (enum world_ca)i;
	}
	return WORLD_CAS;
}

void
world_init(struct world *w)
{
	*w = (struct world){0};
	if (sid_parse(WORLD_SID, &w->sid, NULL) != FAS_OK)
		abort();
}

void
world_done(struct world *w)
{
	for (int i = 0; i < WORLD_CAS; i++)
		X509_free(w->certificate[i]);
}

void
world_add(struct world *w, enum world_ca ca, const uint8_t *der, size_t len)
{
	const uint8_t *at = der;
	w->certificate[ca] = d2i_X509(NULL, &at, (long)len);
	if (!w->certificate[ca])
		abort();
	w->issuer[ca] = (struct profile_issuer){
	    .certificate = w->certificate[ca],
	    .signature = SIGNATURE_RSA_SHA256,
	    .crl_urls = {cas[ca].crl_url},
	    .n_crl_urls = cas[ca].crl_url ? 1 : 0,
	    .ca_urls = {cas[ca].ca_url},
	    .n_ca_urls = cas[ca].ca_url ? 1 : 0,
	};
}

const struct world_case *
world_case_at(size_t i)
{
	return i < NELEMS(cases) ? &cases[i] : NULL;
}

const struct world_case *
world_case(const char *name)
{
	for (size_t i = 0; i < NELEMS(cases); i++) {
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	}
	return NULL;
}

void
world_lint(const struct world *w, const struct world_case *how, enum world_ca issuer,
    const uint8_t *der, size_t len, struct lint_report *out)
{
	const struct lint_context context = {
	    .kind = how->kind,
	    .issuer = how->self_issued ? NULL : w->certificate[issuer],
	    .published = how->self_issued ? NULL : &w->issuer[issuer],
	    .sid = &w->sid,
	    .upn = WORLD_UPN,
	    .own = how->own,
	    .account = WORLD_ACCOUNT,
	    .realm = WORLD_REALM,
	    .mail = WORLD_MAIL,
	    .longest_life_s = WORLD_LONGEST_S,
	    .now_s = WORLD_NOW,
	};
	if (how->shape == WORLD_LEAF)
		lint_certificate(der, len, &context, out);
	else if (how->shape == WORLD_AUTHORITY)
		lint_ca_certificate(der, len, &context, out);
	else
		lint_crl(der, len, &context, WORLD_CRL_NUMBER, out);
}
