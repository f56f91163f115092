/* An offline root in the test: the CSR goes out, and what comes back is refused for each thing that is wrong with it. */
#include "offline.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

struct ceremony {
	struct place *place;
	EVP_PKEY *ca_key; /* public, of the CSR */
	X509 *root;       /* by test_key(1) */
};

static X509_REQ *
init(struct place *p)
{
	OWN(json)
	json_t *reply =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "ca.init", "authority", AUTHORITY));
	BIO *bio = BIO_new_mem_buf(json_string_value(json_object_get(reply, "csr")), -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(request);
	return request;
}

static int
set_up(void **state)
{
	struct ceremony *c = calloc(1, sizeof(*c));
	if (!c)
		return -1;
	c->place = place_new(&(struct place_options){.no_authority = true});
	X509_REQ *request = init(c->place);
	c->ca_key = X509_REQ_get_pubkey(request);
	assert_non_null(c->ca_key);
	X509_REQ_free(request);
	c->root = cut(&good_root, "Offline Root", test_key(1), NULL, test_key(1));
	*state = c;
	return 0;
}

static int
tear_down(void **state)
{
	struct ceremony *c = *state;
	EVP_PKEY_free(c->ca_key);
	X509_free(c->root);
	place_free(c->place);
	free(c);
	return 0;
}

static json_t *
install_wire(const char *chain, X509 *root, const char *crl)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s*}", "op", "ca.install", "authority", AUTHORITY,
	    "chain", chain, "root", to_pem(root), "root_crl", crl);
}

/* The good certificate with one thing wrong. */
static void
refuses(struct ceremony *c, const struct cut *wrong, const char *reason)
{
	X509 *x = cut(wrong, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	size_t before = place_records(c->place, "authority_refused", reason);
	place_admin_refuses(c->place, install_wire(to_pem(x), c->root, NULL), reason);
	assert_int_equal(place_records(c->place, "authority_refused", reason), before + 1);
	X509_free(x);
}

static void
the_request_asks_for_a_ca(void **state)
{
	struct ceremony *c = *state;
	X509_REQ *request = init(c->place);
	EVP_PKEY *key = X509_REQ_get_pubkey(request);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(EVP_PKEY_eq(key, c->ca_key), 1); /* asked again: the same key */
	STACK_OF(X509_EXTENSION) *wishes = X509_REQ_get_extensions(request);
	BASIC_CONSTRAINTS *b = X509V3_get_d2i(wishes, NID_basic_constraints, NULL, NULL);
	assert_non_null(b);
	assert_true(b->ca);
	assert_int_equal(ASN1_INTEGER_get(b->pathlen), 0);
	assert_true(X509v3_get_ext_by_NID(wishes, NID_subject_key_identifier, -1) >= 0);
	assert_true(X509v3_get_ext_by_NID(wishes, NID_key_usage, -1) >= 0);
	BASIC_CONSTRAINTS_free(b);
	sk_X509_EXTENSION_pop_free(wishes, X509_EXTENSION_free);
	EVP_PKEY_free(key);
	X509_REQ_free(request);
}

static void
a_good_chain_is_installed_published_and_issues(void **state)
{
	struct ceremony *c = *state;
	struct fas_err e = {0};
	char path[PATH_MAX], *data = NULL;
	size_t len = 0;
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	const char *crl = crl_pem(c->root, test_key(1), -60, 86400, NULL);
	OWN(json) json_t *reply = place_admin(c->place, install_wire(to_pem(x), c->root, crl));
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(reply, "certificate"), "state")),
	    "current");
	struct signer_request q = alice("request-1");
	assert_int_equal(signer_issue(c->place->signer, &q, &leaf, &e), FAS_OK);
	assert_string_equal(leaf.chain_pem + strlen(to_pem(x)), to_pem(c->root));
	static const char *const names[] = {"public/crl/main-1.crl", "public/crl/main-1-root.crl",
	    "public/ca/main-1.cer", "public/ca/main-1-root.cer"};
	for (size_t i = 0; i < NELEMS(names); i++) {
		assert_int_equal(
		    file_read(place_path(c->place, names[i], path), 65536, &data, &len, &e),
		    FAS_OK);
		free(data);
	}
	place_admin_refuses(c->place, install_wire(to_pem(x), c->root, NULL), "authority_ready");
	place_admin_refuses(c->place,
	    json_pack("{s:s,s:s}", "op", "ca.init", "authority", AUTHORITY), "authority_ready");
	place_restart(c->place);
	q.request_id = "request-2";
	signer_certificate_done(&leaf);
	assert_int_equal(signer_issue(c->place->signer, &q, &leaf, &e), FAS_OK);
	X509_free(x);
}

static void
a_certificate_of_another_key_is_refused(void **state)
{
	struct ceremony *c = *state;
	X509 *x = cut(&good, "CORP Federated Logon CA", test_key(2), c->root, test_key(1));
	place_admin_refuses(c->place, install_wire(to_pem(x), c->root, NULL), "key_mismatch");
	X509_free(x);
}

static void
each_wrong_extension_has_its_reason(void **state)
{
	struct cut x = good;
	x.constraints = "critical,CA:FALSE";
	refuses(*state, &x, "not_a_ca");
	x.constraints = NULL;
	refuses(*state, &x, "not_a_ca");
	x = good;
	x.usage = "critical,cRLSign";
	refuses(*state, &x, "no_key_cert_sign");
	x.usage = NULL;
	refuses(*state, &x, "no_key_cert_sign");
	x.usage = "critical,keyCertSign";
	refuses(*state, &x, "no_crl_sign");
	x = good;
	x.cdp = NULL;
	refuses(*state, &x, "no_crl_distribution_point");
	x.cdp = "URI:https://pki.corp.example.com/crl/offline-root.crl";
	refuses(*state, &x, "no_crl_distribution_point");
	x = good;
	x.no_key_id = true;
	refuses(*state, &x, "no_subject_key_id");
	x = good;
	x.purposes = "clientAuth";
	refuses(*state, &x, "extended_key_usage");
	x.purposes = "1.3.6.1.4.1.311.20.2.2";
	refuses(*state, &x, "extended_key_usage");
}

/* Each is good by RFC 5280, and domain controllers refuse every logon below it. */
static void
what_logons_would_fail_by_is_refused(void **state)
{
	struct cut x = good;
	x.sha1 = true;
	refuses(*state, &x, "ca_lint");
	x = good;
	x.cdp = GOOD_CDP ",URI:https://pki.corp.example.com/crl/offline-root.crl";
	refuses(*state, &x, "ca_lint");
	x = good;
	x.to_s = good_root.to_s + 3600;
	refuses(*state, &x, "ca_lint");
}

/* As AD CS gives them, and as a careful keeper of the root does. */
static void
what_is_unusual_and_keeps_nobody_out_is_installed(void **state)
{
	struct ceremony *c = *state;
	struct cut unusual = good;
	unusual.usage = "critical,digitalSignature,keyCertSign,cRLSign";
	unusual.cdp = "URI:ldap:///CN=Root," GOOD_CDP;
	unusual.names = "critical,permitted;email:corp.example.com";
	X509 *x = cut(&unusual, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	json_decref(place_admin(c->place, install_wire(to_pem(x), c->root, NULL)));
	X509_free(x);
}

static void
a_life_that_is_over_or_not_begun_is_refused(void **state)
{
	struct cut x = good;
	x.from_s = 3600;
	refuses(*state, &x, "not_yet_valid");
	x = good;
	x.from_s = -7200;
	x.to_s = -3600;
	refuses(*state, &x, "expired");
}

static void
a_chain_to_another_root_is_refused(void **state)
{
	struct ceremony *c = *state;
	X509 *other = cut(&good_root, "Offline Root", test_key(3), NULL, test_key(3));
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	place_admin_refuses(c->place, install_wire(to_pem(x), other, NULL), "chain_invalid");
	X509_free(other);
	X509_free(x);
}

static void
a_root_whose_path_length_is_used_up_is_refused(void **state)
{
	struct ceremony *c = *state;
	struct cut narrow = good_root;
	narrow.constraints = "critical,CA:TRUE,pathlen:0";
	X509 *root = cut(&narrow, "Offline Root", test_key(1), NULL, test_key(1));
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, root, test_key(1));
	place_admin_refuses(c->place, install_wire(to_pem(x), root, NULL), "path_length");
	X509_free(root);
	X509_free(x);
}

static void
a_chain_over_an_intermediate_counts_its_steps(void **state)
{
	struct ceremony *c = *state;
	struct cut between = good;
	char chain[16384];
	between.constraints = "critical,CA:TRUE,pathlen:0";
	X509 *middle = cut(&between, "Policy CA", test_key(2), c->root, test_key(1));
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, middle, test_key(2));
	place_admin_refuses(c->place, install_wire(to_pem(x), c->root, NULL), "chain_invalid");
	(void)snprintf(chain, sizeof(chain), "%s%s%s", to_pem(x), to_pem(middle), to_pem(c->root));
	place_admin_refuses(c->place, install_wire(chain, c->root, NULL), "path_length");
	X509_free(middle);
	between.constraints = "critical,CA:TRUE,pathlen:1";
	middle = cut(&between, "Policy CA", test_key(2), c->root, test_key(1));
	(void)snprintf(chain, sizeof(chain), "%s%s%s", to_pem(x), to_pem(middle), to_pem(c->root));
	json_decref(place_admin(c->place, install_wire(chain, c->root, NULL)));
	X509_free(middle);
	X509_free(x);
}

static void
each_wrong_root_crl_has_its_reason(void **state)
{
	struct ceremony *c = *state;
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	X509 *other = cut(&good_root, "Another Root", test_key(3), NULL, test_key(3));
	const char *pem = to_pem(x);
	place_admin_refuses(c->place,
	    install_wire(pem, c->root, crl_pem(other, test_key(3), -60, 3600, NULL)),
	    "root_crl_issuer");
	place_admin_refuses(c->place,
	    install_wire(pem, c->root, crl_pem(c->root, test_key(3), -60, 3600, NULL)),
	    "root_crl_signature");
	place_admin_refuses(c->place,
	    install_wire(pem, c->root, crl_pem(c->root, test_key(1), -3600, -60, NULL)),
	    "root_crl_stale");
	place_admin_refuses(c->place,
	    install_wire(
		pem, c->root, crl_pem(c->root, test_key(1), -60, 3600, X509_get0_serialNumber(x))),
	    "ca_revoked");
	place_admin_refuses(c->place, install_wire(pem, c->root, "AAAA"), "crl_malformed");
	X509_free(other);
	X509_free(x);
}

static void
text_around_the_blocks_and_der_in_base64_are_read(void **state)
{
	struct ceremony *c = *state;
	char chain[16384];
	unsigned char *der = NULL;
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	int len = i2d_X509(c->root, &der);
	OWN(text) char *root = base64_encode(der, (size_t)len);
	(void)snprintf(chain, sizeof(chain), "Certificate of the authority:\n%s\nend\n", to_pem(x));
	json_decref(
	    place_admin(c->place, json_pack("{s:s,s:s,s:s,s:s}", "op", "ca.install", "authority",
				      AUTHORITY, "chain", chain, "root", root)));
	OPENSSL_free(der);
	X509_free(x);
}

static void
text_that_is_no_certificate_is_refused(void **state)
{
	struct ceremony *c = *state;
	place_admin_refuses(c->place, install_wire("hello", c->root, NULL), "pem_malformed");
	place_admin_refuses(c->place,
	    install_wire(
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", c->root, NULL),
	    "pem_malformed");
}

static void
a_domain_controller_gets_its_certificate_from_an_administrator_only(void **state)
{
	struct ceremony *c = *state;
	char *pem = NULL;
	X509 *x = cut(&good, "CORP Federated Logon CA", c->ca_key, c->root, test_key(1));
	json_decref(place_admin(c->place, install_wire(to_pem(x), c->root, NULL)));
	X509_REQ *request = X509_REQ_new();
	X509_REQ_set_pubkey(request, test_key(0));
	assert_true(X509_REQ_sign(request, test_key(0), EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_REQ(bio, request);
	(void)BIO_write(bio, "", 1);
	(void)BIO_get_mem_data(bio, &pem);
	OWN(json)
	json_t *reply =
	    place_admin(c->place, json_pack("{s:s,s:s,s:[s],s:s,s:s,s:i}", "op", "kdc.issue",
				      "authority", AUTHORITY, "dns_names", "dc1.corp.example.com",
				      "realm", "CORP.EXAMPLE.COM", "csr", pem, "validity_s", 3600));
	const char *out = json_string_value(json_object_get(reply, "pem"));
	BIO *in = BIO_new_mem_buf(out, -1);
	X509 *kdc = PEM_read_bio_X509(in, NULL, NULL, NULL);
	assert_int_equal(X509_check_host(kdc, "dc1.corp.example.com", 0, 0, NULL), 1);
	assert_int_equal(place_records(c->place, "kdc_certificate_issued", NULL), 1);
	X509_free(kdc);
	BIO_free(in);
	BIO_free(bio);
	X509_REQ_free(request);
	X509_free(x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(the_request_asks_for_a_ca),
	    T(a_good_chain_is_installed_published_and_issues),
	    T(a_certificate_of_another_key_is_refused),
	    T(each_wrong_extension_has_its_reason),
	    T(what_logons_would_fail_by_is_refused),
	    T(what_is_unusual_and_keeps_nobody_out_is_installed),
	    T(a_life_that_is_over_or_not_begun_is_refused),
	    T(a_chain_to_another_root_is_refused),
	    T(a_root_whose_path_length_is_used_up_is_refused),
	    T(a_chain_over_an_intermediate_counts_its_steps),
	    T(each_wrong_root_crl_has_its_reason),
	    T(text_around_the_blocks_and_der_in_base64_are_read),
	    T(text_that_is_no_certificate_is_refused),
	    T(a_domain_controller_gets_its_certificate_from_an_administrator_only),
	};
	return cmocka_run_group_tests_name("install", tests, NULL, NULL);
}
