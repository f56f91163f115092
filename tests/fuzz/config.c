/* Configuration files: fasd's, the agent's, the signer's and its limits; each reader gets every input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/config.h"
#include "ca/limits.h"
#include "fas/agent/config.h"
#include "fas/config.h"
#include "fas/saml/saml.h"
#include "ldap/directory.h"
#include "saml_sign.h"
#include "tests/fuzz/fuzz.h"

#define NOW_S INT64_C(1795400000)
#define SHORTEST_S 60

/* The one certificate that a provider may name: okta.pem, beside the file. */
static void
make_certificate(void)
{
	char path[300];
	struct fas_err e = {0};
	FUZZ_CHECK(saml_init(&e) == FAS_OK);
	EVP_PKEY *key = saml_sign_new_rsa(2048);
	X509 *certificate = saml_sign_new_cert(key, "idp.example", NOW_S);
	(void)snprintf(path, sizeof(path), "%s/okta.pem", fuzz_folder());
	FUZZ_CHECK(saml_sign_write_cert(path, certificate) == 0);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
try_fasd(const char *path)
{
	OWN(config) struct config *config = NULL;
	OWN(saml_trust) struct saml_trust *trust = NULL;
	OWN(directory) struct directory *directory = NULL;
	struct fas_err e = {0}, e_trust = {0}, e_directory = {0};
	enum fas_code rc = config_load(path, &config, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (config != NULL));
	if (!config)
		return;
	FUZZ_CHECK(config->node[0] && config->state[0] == '/' && config->api.n > 0);
	FUZZ_CHECK(config->workers > 0 && config->queue > 0);
	rc = saml_trust_load(config->identity_providers, config->folder, &trust, &e_trust);
	fuzz_check_result(rc, &e_trust);
	for (size_t i = 0; trust && i < saml_trust_count(trust); i++)
		FUZZ_CHECK(saml_trust_name(trust, i)[0]);
	rc = directory_new(config->domains, config->folder, &directory, &e_directory);
	fuzz_check_result(rc, &e_directory);
	for (size_t i = 0; directory && i < directory_count(directory); i++)
		FUZZ_CHECK(hostname_is_valid(directory_domain(directory, i)));
}

static void
try_agent(const char *path)
{
	static struct agent_config config;
	struct fas_err e = {0};
	agent_config_defaults(&config);
	enum fas_code rc = agent_config_load(path, &config, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(
	    config.n_servers <= AGENT_SERVERS_MAX && config.n_kdc_names <= AGENT_KDC_NAMES_MAX);
	for (size_t i = 0; rc == FAS_OK && i < config.n_servers; i++)
		FUZZ_CHECK(strncmp(config.servers[i], "https://", 8) == 0);
}

static void
try_signer(const char *path)
{
	OWN(signer_config) struct signer_config *config = NULL;
	struct fas_err e = {0};
	enum fas_code rc = signer_config_load(path, geteuid(), &config, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK)
		return;
	FUZZ_CHECK(config->n_authorities > 0 && config->service_ca.n_server_names > 0);
	for (size_t i = 0; i < config->n_authorities; i++) {
		const struct authority_config *a = &config->authorities[i];
		FUZZ_CHECK(signer_config_authority(config, a->name) == a);
		FUZZ_CHECK(a->n_publish_urls > 0 && a->crl_each_s < a->crl_life_s);
	}
}

/* What limits allow, said a second time: a set-up of facts, one of them off. */
static void
try_facts(const struct limits *limits, const struct dn *subject)
{
	struct sid sid = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 1104}};
	struct limits_facts facts = {.profile = PROFILE_SMARTCARD_LOGON,
	    .subject = subject,
	    .sid = &sid,
	    .upn = "alice@corp.example.com",
	    .validity_s = SHORTEST_S};
	struct fas_err e = {0}, e_kdc = {0}, e_rid = {0}, e_domain = {0};
	fuzz_check_result(limits_check(limits, &facts, &e), &e);
	FUZZ_CHECK(e.code != FAS_OK || limits->profiles[PROFILE_SMARTCARD_LOGON]);
	facts.profile = PROFILE_KDC;
	FUZZ_CHECK(limits_check(limits, &facts, &e_kdc) == FAS_E_DENIED);
	facts.profile = PROFILE_SMARTCARD_LOGON;
	sid.sub[4] = 502;
	bool allowed = limits_check(limits, &facts, &e_rid) == FAS_OK, listed = false;
	for (size_t i = 0; i < limits->n_allow_rids; i++)
		listed |= limits->allow_rids[i] == 502;
	FUZZ_CHECK(!allowed || listed || limits->refuse_rids_below <= 502);
	sid = (struct sid){.count = 2, .authority = 5, .sub = {32, 544}};
	FUZZ_CHECK(limits_check(limits, &facts, &e_domain) == FAS_E_DENIED);
}

static void
try_limits(const char *path)
{
	OWN(limits) struct limits *limits = NULL;
	struct fas_err e = {0};
	struct dn subject = {0};
	enum fas_code rc = limits_load(path, geteuid(), NULL, &limits, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK)
		return;
	FUZZ_CHECK(limits->longest_life_s > 0 && limits->total.count > 0);
	FUZZ_CHECK(dn_add(&subject, "DC", "com", &e) == FAS_OK &&
		   dn_add(&subject, "DC", "example", &e) == FAS_OK &&
		   dn_add(&subject, "DC", "corp", &e) == FAS_OK &&
		   dn_add(&subject, "CN", "alice", &e) == FAS_OK);
	try_facts(limits, &subject);
	dn_done(&subject);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	char path[512];
	if (!ready)
		make_certificate();
	ready = true;
	(void)snprintf(path, sizeof(path), "%s", fuzz_file("fuzz.yaml", data, size));
	try_fasd(path);
	try_agent(path);
	try_signer(path);
	try_limits(path);
	return 0;
}
