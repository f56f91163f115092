/* The life of a logon authority: generations, the switch between them, renewal, several authorities. */
#include "offline.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "ca/key.h"
#include "ca/two_persons.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

#define CORRELATION "0123456789abcdef0123456789abcdef"
#define DAY_S 86400
#define WAIT_US 30000000

static int
set_up(void **state)
{
	*state = place_new(&(struct place_options){.key = "p-256"});
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static json_t *
ask(const char *op)
{
	return json_pack("{s:s,s:s}", "op", op, "authority", AUTHORITY);
}

/* The next generation, certified by the lab's root. */
static json_t *
next_wire(void)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:b}", "op", "ca.init", "authority", AUTHORITY, "key",
	    "p-256", "root", 1, "next", 1);
}

static json_t *
rotate_wire(bool now, bool renewal)
{
	return json_pack("{s:s,s:s,s:b,s:b}", "op", "ca.rotate", "authority", AUTHORITY, "now", now,
	    "renewal", renewal);
}

static json_t *
seen_wire(int generation, int64_t since_s)
{
	return json_pack("{s:s,s:s,s:i,s:I}", "op", "ca.in_ntauth", "authority", AUTHORITY,
	    "generation", generation, "since", (json_int_t)since_s);
}

/* "current retiring": the states of the authority's generations, in their order. */
static const char *
states(struct place *p)
{
	static char text[256];
	size_t i;
	json_t *at;
	OWN(json) json_t *reply = place_admin(p, ask("ca.show"));
	text[0] = 0;
	json_array_foreach(json_object_get(reply, "authorities"), i, at)
	{
		size_t len = strlen(text);
		(void)snprintf(text + len, sizeof(text) - len, "%s%s", i ? " " : "",
		    json_string_value(json_object_get(at, "state")));
	}
	return text;
}

static X509 *
pem_to_x509(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	return x;
}

/* The certificate of a generation, as it is shown. */
static X509 *
certificate_of(struct place *p, size_t generation)
{
	OWN(json) json_t *reply = place_admin(p, ask("ca.show"));
	json_t *at = json_array_get(json_object_get(reply, "authorities"), generation - 1);
	return pem_to_x509(json_string_value(json_object_get(at, "certificate")));
}

/* Issue for alice, and see by whose key. */
static void
issues_by(struct place *p, const char *request_id, size_t generation)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	struct signer_request q = alice(request_id);
	if (signer_issue(p->signer, &q, &leaf, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	X509 *x = pem_to_x509(leaf.pem), *ca = certificate_of(p, generation);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
	X509_free(x);
	X509_free(ca);
}

static X509_CRL *
published(struct place *p, const char *name)
{
	char path[PATH_MAX], file[64], *der = NULL;
	struct fas_err e = {0};
	size_t len = 0;
	(void)snprintf(file, sizeof(file), "public/crl/%s.crl", name);
	assert_int_equal(file_read(place_path(p, file, path), 1 << 20, &der, &len, &e), FAS_OK);
	const unsigned char *at = (const unsigned char *)der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
	assert_non_null(crl);
	free(der);
	return crl;
}

static void
the_next_generation_is_certified_and_published_while_the_current_one_issues(void **state)
{
	struct place *p = *state;
	place_admin_refuses(p, ask("ca.init"), "authority_ready");
	place_admin_refuses(p, ask("ca.csr"), "nothing_pending");
	OWN(json)
	json_t *begun = place_admin(p, json_pack("{s:s,s:s,s:s,s:b}", "op", "ca.init", "authority",
					   AUTHORITY, "key", "p-256", "next", 1));
	assert_string_equal(states(p), "current pending");
	OWN(json) json_t *again = place_admin(p, ask("ca.csr"));
	X509_REQ *requests[2];
	json_t *const replies[] = {begun, again};
	for (size_t i = 0; i < 2; i++) {
		BIO *bio =
		    BIO_new_mem_buf(json_string_value(json_object_get(replies[i], "csr")), -1);
		requests[i] = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	assert_int_equal(
	    EVP_PKEY_eq(X509_REQ_get0_pubkey(requests[0]), X509_REQ_get0_pubkey(requests[1])), 1);
	issues_by(p, "request-1", 1);
	json_decref(place_admin(p, next_wire()));
	assert_string_equal(states(p), "current ready");
	issues_by(p, "request-2", 1);
	X509 *ca = certificate_of(p, 2);
	X509_CRL *crl = published(p, "main-2");
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ca)), 1);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(ca), X509_REQ_get0_pubkey(requests[0])), 1);
	place_admin_refuses(p, next_wire(), "next_ready");
	X509_CRL_free(crl);
	X509_free(ca);
	X509_REQ_free(requests[0]);
	X509_REQ_free(requests[1]);
}

static void
the_switch_waits_until_the_certificate_has_stood_in_ntauth_for_a_day(void **state)
{
	struct place *p = *state;
	int64_t now_s = clock_now();
	place_admin_refuses(p, rotate_wire(false, false), "next_missing");
	json_decref(place_admin(p, next_wire()));
	place_admin_refuses(p, rotate_wire(false, false), "ntauth_unseen");
	json_decref(place_issue(
	    p, json_pack("{s:s,s:s,s:i,s:I}", "op", "authority.in_ntauth", "authority", AUTHORITY,
		   "generation", 2, "since", (json_int_t)now_s - DAY_S + 60)));
	place_admin_refuses(p, rotate_wire(false, false), "ntauth_too_new");
	assert_string_equal(states(p), "current ready");
	/* Said again it is no later; gone and seen again it is. */
	json_decref(place_admin(p, seen_wire(2, now_s - 2 * DAY_S)));
	place_admin_refuses(p, rotate_wire(false, false), "ntauth_too_new");
	json_decref(place_admin(p, seen_wire(2, 0)));
	place_admin_refuses(p, rotate_wire(false, false), "ntauth_unseen");
	json_decref(place_admin(p, seen_wire(2, now_s - DAY_S)));
	OWN(json) json_t *reply = place_admin(p, rotate_wire(false, false));
	assert_null(json_object_get(reply, "fails"));
	assert_string_equal(states(p), "retiring current");
	issues_by(p, "request-1", 2);
	assert_int_equal(place_records(p, "authority_rotated", NULL), 1);
	assert_int_equal(place_records(p, "authority_in_ntauth", NULL), 2);
	assert_int_equal(place_records(p, "authority_refused", "ntauth_too_new"), 2);
}

static void
a_switch_that_does_not_wait_says_what_will_fail(void **state)
{
	struct place *p = *state;
	json_decref(place_admin(p, next_wire()));
	OWN(json) json_t *reply = place_admin(p, rotate_wire(true, false));
	assert_non_null(strstr(json_string_value(json_object_get(reply, "fails")), "NTAuth"));
	assert_string_equal(states(p), "retiring current");
}

static void
the_old_generation_publishes_what_is_revoked_under_its_own_key(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	struct signer_request q = alice("request-1");
	size_t n = 0;
	X509_REVOKED *entry = NULL;
	assert_int_equal(signer_issue(p->signer, &q, &leaf, &e), FAS_OK);
	X509 *x = pem_to_x509(leaf.pem), *old = certificate_of(p, 1);
	json_decref(place_admin(p, next_wire()));
	json_decref(place_admin(p, rotate_wire(true, false)));
	place_restart(p);
	assert_string_equal(states(p), "retiring current");
	X509_CRL *before = published(p, "main-1");
	assert_int_equal(
	    signer_revoke(p->signer, CORRELATION, leaf.serial, NULL, "keyCompromise", &n, &e),
	    FAS_OK);
	assert_int_equal(n, 1);
	X509_CRL *crl = place_crl(p, crl_number(before));
	/* The list of the start comes beside it, and may be the first of the two. */
	if (X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(x)) == 0) {
		X509_CRL *next = place_crl(p, crl_number(crl));
		X509_CRL_free(crl);
		crl = next;
	}
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(old)), 1);
	assert_int_equal(X509_CRL_get0_by_serial(crl, &entry, X509_get0_serialNumber(x)), 1);
	/* A repeat of an old request still gets its own certificate's answer. */
	signer_certificate_done(&leaf);
	assert_int_equal(signer_issue(p->signer, &q, &leaf, &e), FAS_E_DENIED);
	X509_CRL_free(before);
	X509_CRL_free(crl);
	X509_free(x);
	X509_free(old);
}

static json_t *
retire_wire(int generation)
{
	return json_pack(
	    "{s:s,s:s,s:i}", "op", "ca.retire", "authority", AUTHORITY, "generation", generation);
}

static void
a_generation_with_good_certificates_is_not_retired(void **state)
{
	struct place *p = *state;
	issues_by(p, "request-1", 1);
	place_admin_refuses(p, retire_wire(1), "generation_current");
	place_admin_refuses(p, retire_wire(7), "generation_unknown");
	json_decref(place_admin(p, next_wire()));
	json_decref(place_admin(p, rotate_wire(true, false)));
	place_admin_refuses(p, retire_wire(1), "certificates_live");
	assert_string_equal(states(p), "retiring current");
}

static void
a_generation_without_good_certificates_retires_by_itself_and_publishes_no_more(void **state)
{
	struct place *p = *state;
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	const struct timespec pause = {.tv_nsec = 50000000};
	json_decref(place_admin(p, next_wire()));
	json_decref(place_admin(p, rotate_wire(true, false)));
	while (strcmp(states(p), "retired current") != 0) {
		if (clock_monotonic_us() > until_us)
			fail_msg("still %s", states(p));
		(void)nanosleep(&pause, NULL);
	}
	assert_int_equal(place_records(p, "authority_retired", NULL), 1);
	X509_CRL *before = published(p, "main-1"), *root = published(p, "main-1-root");
	json_decref(place_admin(p, ask("crl.publish")));
	X509_CRL *after = published(p, "main-1"), *root_after = published(p, "main-1-root");
	assert_int_equal(crl_number(before), crl_number(after));
	/* Its root is the next generation's too. */
	assert_true(crl_number(root_after) > crl_number(root));
	place_admin_refuses(p, retire_wire(1), "generation_retired");
	X509_CRL_free(before);
	X509_CRL_free(after);
	X509_CRL_free(root);
	X509_CRL_free(root_after);
}

static void
a_generation_that_never_issued_can_be_given_up(void **state)
{
	struct place *p = *state;
	json_decref(place_admin(p, next_wire()));
	json_decref(place_admin(p, retire_wire(2)));
	assert_string_equal(states(p), "current retired");
	place_admin_refuses(p, rotate_wire(true, false), "next_missing");
	json_decref(place_admin(p, next_wire()));
	assert_string_equal(states(p), "current retired ready");
	json_decref(place_admin(p, rotate_wire(true, false)));
	issues_by(p, "request-1", 3);
}

/* Every generation is loaded, so that what it issued can be shown: there is an end to them, before a start would fail. */
static void
there_are_no_more_generations_than_can_be_loaded(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	json_t *reply = NULL;
	int generation = 1;
	while (e.code == FAS_OK && generation < 200) {
		OWN(json) json_t *wire = next_wire();
		if (wire_ask(p->config->admin_socket, wire, 20000, &reply, &e) != FAS_OK)
			break;
		json_decref(reply);
		json_decref(place_admin(p, retire_wire(++generation)));
	}
	assert_reason(e, "too_many_issuers");
	place_restart(p);
	issues_by(p, "request-1", 1);
}

static void
a_switch_without_a_published_crl_is_refused(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	json_decref(place_admin(p, next_wire()));
	assert_int_equal(unlink(place_path(p, "public/crl/main-2.crl", path)), 0);
	place_admin_refuses(p, rotate_wire(true, false), "crl_not_published");
	place_write(p, "public/crl/main-2.crl", "no list");
	place_admin_refuses(p, rotate_wire(true, false), "crl_not_published");
	json_decref(place_admin(p, ask("crl.publish")));
	json_decref(place_admin(p, rotate_wire(true, false)));
}

/* ---- an offline root: renewal, and the forms of its answers ---- */

struct house {
	struct place *place;
	X509 *root; /* by test_key(1) */
	EVP_PKEY *key;
};

static EVP_PKEY *
key_of_request(json_t *reply)
{
	BIO *bio = BIO_new_mem_buf(json_string_value(json_object_get(reply, "csr")), -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	EVP_PKEY *key = X509_REQ_get_pubkey(request);
	X509_REQ_free(request);
	BIO_free(bio);
	json_decref(reply);
	assert_non_null(key);
	return key;
}

static int
begin_offline(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	h->place = place_new(&(struct place_options){.no_authority = true});
	h->key = key_of_request(place_admin(h->place,
	    json_pack("{s:s,s:s,s:s}", "op", "ca.init", "authority", AUTHORITY, "key", "p-256")));
	h->root = cut(&good_root, "Offline Root", test_key(1), NULL, test_key(1));
	*state = h;
	return 0;
}

static int
end_offline(void **state)
{
	struct house *h = *state;
	EVP_PKEY_free(h->key);
	X509_free(h->root);
	place_free(h->place);
	free(h);
	return 0;
}

static json_t *
install_wire(const char *chain, const char *root, const char *crl)
{
	return json_pack("{s:s,s:s,s:s,s:s*,s:s*}", "op", "ca.install", "authority", AUTHORITY,
	    "chain", chain, "root", root, "root_crl", crl);
}

static X509 *
certify(const struct house *h, const struct cut *how, const char *name)
{
	return cut(how, name, h->key, h->root, test_key(1));
}

static void
install_first(struct house *h)
{
	X509 *x = certify(h, &good, "CORP Federated Logon CA");
	json_decref(place_admin(h->place, install_wire(to_pem(x), to_pem(h->root),
					      crl_pem(h->root, test_key(1), -60, 864000, NULL))));
	X509_free(x);
}

/* Whoever publishes in the directory is told of it before the switch. */
static void
expect_renewal(struct place *p, X509 *renewed)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	assert_int_equal(signer_published(p->signer, &reply, &e), FAS_OK);
	const json_t *one = json_array_get(json_object_get(reply, "published"), 0);
	const char *pem = json_string_value(json_object_get(one, "renewal"));
	assert_non_null(pem);
	X509 *told = pem_to_x509(pem);
	assert_int_equal(X509_cmp(told, renewed), 0);
	X509_free(told);
}

static void
a_renewed_certificate_of_the_same_key_waits_for_the_switch(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut longer = good;
	longer.to_s = 2 * DAY_S;
	install_first(h);
	place_admin_refuses(p, rotate_wire(true, true), "renewal_missing");
	EVP_PKEY *asked = key_of_request(place_admin(
	    p, json_pack("{s:s,s:s,s:b}", "op", "ca.csr", "authority", AUTHORITY, "renewal", 1)));
	assert_int_equal(EVP_PKEY_eq(asked, h->key), 1);
	X509 *renewed = certify(h, &longer, "CORP Federated Logon CA");
	OWN(json)
	json_t *installed = place_admin(p, install_wire(to_pem(renewed), to_pem(h->root), NULL));
	assert_non_null(json_object_get(json_object_get(installed, "certificate"), "renewal"));
	expect_renewal(p, renewed);
	X509 *before = certificate_of(p, 1);
	assert_int_not_equal(X509_cmp(before, renewed), 0);
	issues_by(p, "request-1", 1);
	place_admin_refuses(p, rotate_wire(false, true), "ntauth_unseen");
	OWN(json) json_t *seen = seen_wire(1, clock_now() - DAY_S);
	(void)json_object_set_new(seen, "renewal", json_true());
	json_decref(place_admin(p, TAKE(seen)));
	place_restart(p);
	json_decref(place_admin(p, rotate_wire(false, true)));
	X509 *after = certificate_of(p, 1);
	assert_int_equal(X509_cmp(after, renewed), 0);
	assert_string_equal(states(p), "current");
	issues_by(p, "request-2", 1);
	place_admin_refuses(p, rotate_wire(true, true), "renewal_missing");
	X509_free(before);
	X509_free(after);
	X509_free(renewed);
	EVP_PKEY_free(asked);
}

static void
a_renewal_that_has_waited_for_too_long_is_not_switched_to(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut nearly_over = good;
	nearly_over.to_s = 1800;
	install_first(h);
	X509 *renewed = certify(h, &nearly_over, "CORP Federated Logon CA");
	json_decref(place_admin(p, install_wire(to_pem(renewed), to_pem(h->root), NULL)));
	place_admin_refuses(p, rotate_wire(true, true), "ca_ended");
	issues_by(p, "request-1", 1);
	X509_free(renewed);
}

/* The root's keeper signs lists while a renewal waits for NTAuth. */
static void
a_switch_does_not_take_the_roots_list_back(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut longer = good;
	longer.to_s = 2 * DAY_S;
	install_first(h);
	X509 *renewed = certify(h, &longer, "CORP Federated Logon CA");
	json_decref(place_admin(p, install_wire(to_pem(renewed), to_pem(h->root),
				       crl_pem(h->root, test_key(1), -50, DAY_S, NULL))));
	char *newer =
	    crl_pem(h->root, test_key(1), -30, 3 * DAY_S, X509_get0_serialNumber(h->root));
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "ca.root_crl", "root_crl", newer)));
	X509_CRL *before = published(p, "main-1-root");
	json_decref(place_admin(p, rotate_wire(true, true)));
	X509_CRL *after = published(p, "main-1-root");
	assert_int_equal(X509_CRL_match(before, after), 0);
	X509_CRL_free(after);
	/* One that came with the renewal and is newer is published by the switch. */
	longer.to_s = 3 * DAY_S;
	X509 *again = certify(h, &longer, "CORP Federated Logon CA");
	json_decref(place_admin(p, install_wire(to_pem(again), to_pem(h->root),
				       crl_pem(h->root, test_key(1), -10, 4 * DAY_S, NULL))));
	json_decref(place_admin(p, rotate_wire(true, true)));
	after = published(p, "main-1-root");
	assert_int_not_equal(X509_CRL_match(before, after), 0);
	X509_CRL_free(before);
	X509_CRL_free(after);
	X509_free(renewed);
	X509_free(again);
}

static void
a_renewal_saves_an_authority_whose_certificate_has_ended(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut brief = good;
	const struct timespec pause = {.tv_nsec = 50000000};
	brief.to_s = 3;
	X509 *x = certify(h, &brief, "CORP Federated Logon CA");
	json_decref(place_admin(p, install_wire(to_pem(x), to_pem(h->root),
				       crl_pem(h->root, test_key(1), -60, DAY_S, NULL))));
	while (X509_cmp_current_time(X509_get0_notAfter(x)) > 0)
		(void)nanosleep(&pause, NULL);
	X509 *renewed = certify(h, &good, "CORP Federated Logon CA");
	json_decref(place_admin(p, install_wire(to_pem(renewed), to_pem(h->root), NULL)));
	json_decref(place_admin(p, rotate_wire(true, true)));
	issues_by(p, "request-1", 1);
	X509_CRL *crl = published(p, "main-1");
	assert_true(X509_cmp_current_time(X509_CRL_get0_nextUpdate(crl)) > 0);
	X509_CRL_free(crl);
	X509_free(renewed);
	X509_free(x);
}

static void
a_renewal_below_which_nothing_would_verify_is_refused(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut bad = good;
	install_first(h);
	X509 *other_root = cut(&good_root, "Offline Root", test_key(2), NULL, test_key(2));
	X509 *name = certify(h, &good, "Another CA"), *id;
	bad.no_key_id = true;
	id = certify(h, &bad, "CORP Federated Logon CA");
	X509 *moved = cut(&good, "CORP Federated Logon CA", h->key, other_root, test_key(2));
	X509 *stranger = cut(&good, "CORP Federated Logon CA", test_key(3), h->root, test_key(1));
	place_admin_refuses(
	    p, install_wire(to_pem(name), to_pem(h->root), NULL), "renewal_subject");
	place_admin_refuses(p, install_wire(to_pem(id), to_pem(h->root), NULL), "renewal_key_id");
	place_admin_refuses(
	    p, install_wire(to_pem(moved), to_pem(other_root), NULL), "renewal_root");
	place_admin_refuses(
	    p, install_wire(to_pem(stranger), to_pem(h->root), NULL), "key_mismatch");
	X509_free(other_root);
	X509_free(name);
	X509_free(id);
	X509_free(moved);
	X509_free(stranger);
}

static void
the_next_generation_has_a_name_of_its_own(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	char name[64];
	install_first(h);
	OWN(json)
	json_t *reply = place_admin(p, json_pack("{s:s,s:s,s:s,s:b}", "op", "ca.init", "authority",
					   AUTHORITY, "key", "p-256", "next", 1));
	BIO *bio = BIO_new_mem_buf(json_string_value(json_object_get(reply, "csr")), -1);
	X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	(void)X509_NAME_get_text_by_NID(
	    X509_REQ_get_subject_name(request), NID_commonName, name, sizeof(name));
	assert_string_equal(name, "CORP Federated Logon CA G2");
	X509 *same = cut(
	    &good, "CORP Federated Logon CA", X509_REQ_get0_pubkey(request), h->root, test_key(1));
	X509 *own = cut(&good, name, X509_REQ_get0_pubkey(request), h->root, test_key(1));
	place_admin_refuses(p, install_wire(to_pem(same), to_pem(h->root), NULL), "subject_reused");
	json_decref(place_admin(p, install_wire(to_pem(own), to_pem(h->root), NULL)));
	assert_string_equal(states(p), "current ready");
	X509_free(same);
	X509_free(own);
	X509_REQ_free(request);
	BIO_free(bio);
}

static void
a_renewal_that_nobody_wants_is_given_up(void **state)
{
	struct house *h = *state;
	struct cut longer = good;
	longer.to_s = 2 * DAY_S;
	install_first(h);
	X509 *renewed = certify(h, &longer, "CORP Federated Logon CA");
	json_decref(place_admin(h->place, install_wire(to_pem(renewed), to_pem(h->root), NULL)));
	json_t *drop = retire_wire(1);
	(void)json_object_set_new(drop, "renewal", json_true());
	json_decref(place_admin(h->place, drop));
	place_admin_refuses(h->place, rotate_wire(true, true), "renewal_missing");
	X509_free(renewed);
}

/* PKCS#7 with these certificates and nothing signed, as OpenSSL's crl2pkcs7 and AD CS make it. */
static uint8_t *
pkcs7_of(X509 *a, X509 *b, int *len)
{
	unsigned char *der = NULL;
	PKCS7 *p7 = PKCS7_new();
	assert_int_equal(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
	assert_int_equal(PKCS7_content_new(p7, NID_pkcs7_data), 1);
	assert_int_equal(PKCS7_add_certificate(p7, a), 1);
	if (b)
		assert_int_equal(PKCS7_add_certificate(p7, b), 1);
	*len = i2d_PKCS7(p7, &der);
	assert_true(*len > 0);
	PKCS7_free(p7);
	return der;
}

static void
installs(struct house *h, const char *chain, const char *root)
{
	struct place *p = h->place;
	json_decref(place_admin(p, install_wire(chain, root, NULL)));
	assert_string_equal(states(p), "current");
}

static char *
as_pem(const char *label, const uint8_t *der, int len)
{
	static char text[16384];
	OWN(text) char *base64 = base64_encode(der, (size_t)len);
	(void)snprintf(
	    text, sizeof(text), "-----BEGIN %s-----\n%s\n-----END %s-----\n", label, base64, label);
	return text;
}

/* The root first: a PKCS#7 holds a set. */
static void
install_pkcs7(struct house *h, const char *label, bool with_root)
{
	int len = 0;
	X509 *x = certify(h, &good, "CORP Federated Logon CA");
	uint8_t *der = pkcs7_of(with_root ? h->root : x, with_root ? x : NULL, &len);
	OWN(text) char *bare = base64_encode(der, (size_t)len);
	installs(h, label ? as_pem(label, der, len) : bare, with_root ? NULL : to_pem(h->root));
	OPENSSL_free(der);
	X509_free(x);
}

static void
pkcs7_in_pem_is_installed_with_the_root_that_it_brings(void **state)
{
	install_pkcs7(*state, "PKCS7", true);
	issues_by(((struct house *)*state)->place, "request-1", 1);
}

static void
pkcs7_under_the_label_of_ad_cs_is_installed(void **state)
{
	install_pkcs7(*state, "CERTIFICATE", true);
}

static void
pkcs7_in_der_is_installed(void **state)
{
	install_pkcs7(*state, NULL, false);
}

static void
a_certificate_in_der_is_installed(void **state)
{
	struct house *h = *state;
	unsigned char *der = NULL;
	X509 *x = certify(h, &good, "CORP Federated Logon CA");
	int len = i2d_X509(x, &der);
	OWN(text) char *bare = base64_encode(der, (size_t)len);
	place_admin_refuses(h->place, install_wire(bare, NULL, NULL), "root_missing");
	installs(h, bare, to_pem(h->root));
	OPENSSL_free(der);
	X509_free(x);
}

static void
a_chain_is_put_in_order_and_freed_of_what_does_not_belong_to_it(void **state)
{
	struct house *h = *state;
	char chain[32768];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	X509 *x = certify(h, &good, "CORP Federated Logon CA");
	X509 *stray = cut(&good_root, "Stray", test_key(2), NULL, test_key(2));
	(void)snprintf(chain, sizeof(chain), "%s%s%s", to_pem(stray), to_pem(h->root), to_pem(x));
	installs(h, chain, NULL);
	struct signer_request q = alice("request-1");
	assert_int_equal(signer_issue(h->place->signer, &q, &leaf, &e), FAS_OK);
	(void)snprintf(chain, sizeof(chain), "%s%s", to_pem(x), to_pem(h->root));
	assert_string_equal(leaf.chain_pem, chain);
	X509_free(stray);
	X509_free(x);
}

static void
pkcs7_without_certificates_and_other_blocks_are_refused(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	int len = 0;
	unsigned char *der = NULL;
	PKCS7 *p7 = PKCS7_new();
	assert_int_equal(PKCS7_set_type(p7, NID_pkcs7_data), 1);
	ASN1_OCTET_STRING_set(p7->d.data, (const unsigned char *)"hello", 5);
	len = i2d_PKCS7(p7, &der);
	place_admin_refuses(
	    p, install_wire(as_pem("PKCS7", der, len), to_pem(h->root), NULL), "pem_malformed");
	place_admin_refuses(p, install_wire(as_pem("PRIVATE KEY", der, len), to_pem(h->root), NULL),
	    "pem_malformed");
	OPENSSL_free(der);
	PKCS7_free(p7);
}

static void
the_offline_roots_next_crl_is_published_and_an_older_one_is_not(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	install_first(h);
	char *next = crl_pem(h->root, test_key(1), -30, 2 * 864000, NULL);
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "ca.root_crl", "root_crl", next)));
	X509_CRL *crl = published(p, "main-1-root");
	int days = 0, seconds = 0;
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_CRL_get0_nextUpdate(crl)), 1);
	assert_true(days >= 19);
	X509_CRL_free(crl);
	char *older = crl_pem(h->root, test_key(1), -3600, 3 * 864000, NULL);
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "ca.root_crl", "root_crl", older), "root_crl_older");
	char *strange = crl_pem(h->root, test_key(2), -10, 864000, NULL);
	place_admin_refuses(p, json_pack("{s:s,s:s}", "op", "ca.root_crl", "root_crl", strange),
	    "root_crl_signature");
	assert_int_equal(place_records(p, "root_crl_installed", NULL), 1);
}

/* ---- nothing past the CA's own end ---- */

static void
neither_a_certificate_nor_a_crl_ends_after_its_authority(void **state)
{
	struct house *h = *state;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	struct cut brief = good;
	brief.to_s = 600;
	X509 *x = certify(h, &brief, "CORP Federated Logon CA");
	installs(h, to_pem(x), to_pem(h->root));
	struct signer_request q = alice("request-1");
	assert_int_equal(signer_issue(h->place->signer, &q, &leaf, &e), FAS_OK);
	X509 *user = pem_to_x509(leaf.pem);
	assert_int_equal(ASN1_TIME_compare(X509_get0_notAfter(user), X509_get0_notAfter(x)), 0);
	X509_CRL *crl = published(h->place, "main-1");
	assert_int_equal(
	    ASN1_TIME_compare(X509_CRL_get0_nextUpdate(crl), X509_get0_notAfter(x)), 0);
	X509_CRL_free(crl);
	X509_free(user);
	X509_free(x);
}

/* The alarm of what in the signer's state; -1: it does not stand there. */
static int
alarm_of(struct place *p, const char *what, const char *name)
{
	size_t i;
	json_t *end;
	OWN(json) json_t *reply = place_admin(p, json_pack("{s:s}", "op", "status"));
	json_array_foreach(json_object_get(reply, "ends"), i, end)
	{
		if (strcmp(json_string_value(json_object_get(end, "what")), what) == 0 &&
		    strcmp(json_string_value(json_object_get(end, "name")), name) == 0)
			return (int)json_integer_value(json_object_get(end, "alarm"));
	}
	return -1;
}

static void
the_state_says_what_will_end(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	struct cut old = good;
	assert_int_equal(alarm_of(p, "authority", "main-1"), -1);
	old.from_s = -1000 * DAY_S;
	old.to_s = 29 * DAY_S;
	X509 *root = cut(&(struct cut){.constraints = "critical,CA:TRUE",
			     .usage = GOOD_USAGE,
			     .from_s = -2000 * DAY_S,
			     .to_s = 80 * DAY_S},
	    "Offline Root", test_key(1), NULL, test_key(1));
	X509 *x = cut(&old, "CORP Federated Logon CA", h->key, root, test_key(1));
	const char *crl = crl_pem(root, test_key(1), -100 * DAY_S, 6 * DAY_S, NULL);
	json_decref(place_admin(p, install_wire(to_pem(x), to_pem(root), crl)));
	assert_int_equal(alarm_of(p, "authority", "main-1"), 2);
	assert_int_equal(alarm_of(p, "root", "main-1-root"), 1);
	assert_int_equal(alarm_of(p, "root_crl", "main-1-root"), 3);
	assert_int_equal(alarm_of(p, "crl", "main-1"), 0);
	assert_int_equal(alarm_of(p, "service_ca", "service-1"), 0);
	X509_free(root);
	X509_free(x);
}

/* ---- several authorities ---- */

#define SECOND                                                                                     \
	"    fail_over: [second]\n"                                                                \
	"  - name: second\n"                                                                       \
	"    common_name: Second Logon CA\n"                                                       \
	"    publish_urls: [http://pki.corp.example.com]\n"

static struct place *
two_authorities(void)
{
	struct place *p = place_new(&(struct place_options){.key = "p-256", .authority = SECOND});
	json_decref(place_admin(p, json_pack("{s:s,s:s,s:s,s:b}", "op", "ca.init", "authority",
				       "second", "key", "p-384", "root", 1)));
	return p;
}

/* The issuer's common name in alice's certificate. */
static const char *
issuer_for(struct place *p, const char *request_id, const char *authority)
{
	static char name[64];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate leaf = {0};
	struct signer_request q = alice(request_id);
	q.authority = authority;
	if (signer_issue(p->signer, &q, &leaf, &e) != FAS_OK) {
		(void)snprintf(name, sizeof(name), "%s", e.reason);
		return name;
	}
	X509 *x = pem_to_x509(leaf.pem);
	(void)X509_NAME_get_text_by_NID(
	    X509_get_issuer_name(x), NID_commonName, name, sizeof(name));
	X509_free(x);
	return name;
}

/* The file of main's key, moved away or back. */
static void
move_key(struct place *p, bool away)
{
	char from[PATH_MAX], to[PATH_MAX], command[3 * PATH_MAX];
	place_path(p, "state/keys", from);
	place_path(p, "away", to);
	(void)snprintf(command, sizeof(command), "mkdir -p '%s'; mv '%s'/main-1-????????.key '%s'",
	    to, away ? from : to, away ? to : from);
	assert_int_equal(system(command), 0);
}

static void
the_rule_says_which_authority_issues(void **state)
{
	(void)state;
	struct place *p = two_authorities();
	assert_string_equal(issuer_for(p, "request-1", "main"), "CORP Federated Logon CA");
	assert_string_equal(issuer_for(p, "request-2", "second"), "Second Logon CA");
	place_free(p);
}

/* For which authorities of the rules this generation issues now. */
static void
expect_served(struct place *p, const char *stem, json_t *names)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	OWN(json) json_t *want = names;
	const json_t *one;
	size_t i;
	assert_int_equal(signer_published(p->signer, &reply, &e), FAS_OK);
	json_array_foreach(json_object_get(reply, "published"), i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "stem")), stem) != 0)
			continue;
		assert_true(json_equal(json_object_get(one, "for"), want));
		return;
	}
	fail_msg("%s is not published", stem);
}

static void
another_authority_issues_while_ones_key_is_away(void **state)
{
	(void)state;
	struct place *p = two_authorities();
	expect_served(p, "main-1", json_pack("[s]", "main"));
	expect_served(p, "second-1", json_pack("[s]", "second"));
	place_stop(p);
	move_key(p, true);
	place_start(p);
	expect_served(p, "main-1", json_array());
	expect_served(p, "second-1", json_pack("[s,s]", "main", "second"));
	assert_string_equal(issuer_for(p, "request-1", "main"), "Second Logon CA");
	assert_string_equal(issuer_for(p, "request-2", "second"), "Second Logon CA");
	OWN(json) json_t *shown = place_admin(p, json_pack("{s:s}", "op", "status"));
	json_t *main = json_array_get(json_object_get(shown, "authorities"), 0);
	assert_string_equal(json_string_value(json_object_get(main, "state")), "no_key");
	place_stop(p);
	move_key(p, false);
	place_start(p);
	assert_string_equal(issuer_for(p, "request-3", "main"), "CORP Federated Logon CA");
	/* What had been asked for meanwhile stays what it was. */
	assert_string_equal(issuer_for(p, "request-1", "main"), "Second Logon CA");
	place_free(p);
}

/* So many signatures fail from now on. */
static atomic_int failing;

enum fas_code __real_key_sign(const struct key *key, const uint8_t *tbs, size_t tbs_len,
    uint8_t *signature, size_t *signature_len, struct fas_err *e);
enum fas_code __wrap_key_sign(const struct key *key, const uint8_t *tbs, size_t tbs_len,
    uint8_t *signature, size_t *signature_len, struct fas_err *e);

enum fas_code
__wrap_key_sign(const struct key *key, const uint8_t *tbs, size_t tbs_len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e)
{
	if (atomic_load(&failing) > 0) {
		atomic_fetch_sub(&failing, 1);
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_away", "the token is not there");
	}
	return __real_key_sign(key, tbs, tbs_len, signature, signature_len, e);
}

static void
a_key_that_fails_is_left_alone_until_it_signs_on_trial(void **state)
{
	(void)state;
	struct place *p = two_authorities();
	const struct timespec second = {.tv_sec = 1, .tv_nsec = 50000000};
	atomic_store(&failing, 1);
	assert_string_equal(issuer_for(p, "request-1", "main"), "token_away");
	assert_string_equal(issuer_for(p, "request-2", "main"), "Second Logon CA");
	/* The trial itself fails: for another second. */
	(void)nanosleep(&second, NULL);
	atomic_store(&failing, 1);
	assert_string_equal(issuer_for(p, "request-3", "main"), "Second Logon CA");
	assert_int_equal(atomic_load(&failing), 0);
	(void)nanosleep(&second, NULL);
	assert_string_equal(issuer_for(p, "request-4", "main"), "CORP Federated Logon CA");
	/* What was on record waits for its own key. */
	assert_string_equal(issuer_for(p, "request-1", "main"), "CORP Federated Logon CA");
	place_free(p);
}

static void
a_switch_to_a_key_that_does_not_sign_is_refused(void **state)
{
	struct place *p = *state;
	json_decref(place_admin(p, next_wire()));
	atomic_store(&failing, 1);
	place_admin_refuses(p, rotate_wire(true, false), "token_away");
	assert_string_equal(states(p), "current ready");
}

/* ---- a token that is away, played: its module's answers, by the keys' type ---- */

static atomic_bool token_away[2]; /* p-256: main's, p-384: second's */

static bool
is_away(const struct key *key)
{
	return atomic_load(&token_away[strcmp(key_type(key), "p-384") == 0]);
}

bool __real_key_is_in_token(const struct key *key);
bool __wrap_key_is_in_token(const struct key *key);
enum fas_code __real_key_check(const struct key *key, struct fas_err *e);
enum fas_code __wrap_key_check(const struct key *key, struct fas_err *e);

bool
__wrap_key_is_in_token(const struct key *key)
{
	return is_away(key) || __real_key_is_in_token(key);
}

enum fas_code
__wrap_key_check(const struct key *key, struct fas_err *e)
{
	return is_away(key) ? fas_fail(e, FAS_E_UNAVAILABLE, "token_unavailable", "it is away")
			    : __real_key_check(key, e);
}

static void
set_away(bool main, bool second)
{
	atomic_store(&token_away[0], main);
	atomic_store(&token_away[1], second);
}

static void
while_a_token_is_away_the_first_that_can_issues_and_without_one_the_token_is_asked(void **state)
{
	(void)state;
	struct place *p = two_authorities();
	set_away(true, false);
	assert_string_equal(issuer_for(p, "request-1", "main"), "Second Logon CA");
	/* Nobody is able: main's token is asked, whose worker begins anew with it. */
	set_away(true, true);
	assert_string_equal(issuer_for(p, "request-2", "main"), "CORP Federated Logon CA");
	atomic_store(&failing, 1);
	assert_string_equal(issuer_for(p, "request-3", "main"), "token_away");
	/* One that names no other is asked likewise, and nobody issues in its place. */
	assert_string_equal(issuer_for(p, "request-4", "second"), "Second Logon CA");
	set_away(false, true);
	assert_string_equal(issuer_for(p, "request-5", "second"), "Second Logon CA");
	assert_string_equal(issuer_for(p, "request-6", "main"), "CORP Federated Logon CA");
	set_away(false, false);
	/* A token's failure is no reason to leave its key alone: it is asked each time. */
	assert_string_equal(issuer_for(p, "request-7", "main"), "CORP Federated Logon CA");
	place_free(p);
}

/* ---- the list of issuers, read by several at once ---- */

/* The next reader of ca.db stands still with what it has read, until it may go on or half a second is over. */
static atomic_bool stand_still, standing, go_on;

enum fas_code __real_issuer_load(const struct signer_config *config, const struct issuer_row *row,
    struct issuer **out, struct fas_err *e);
enum fas_code __wrap_issuer_load(const struct signer_config *config, const struct issuer_row *row,
    struct issuer **out, struct fas_err *e);

enum fas_code
__wrap_issuer_load(const struct signer_config *config, const struct issuer_row *row,
    struct issuer **out, struct fas_err *e)
{
	if (atomic_exchange(&stand_still, false)) {
		const struct timespec pause = {.tv_nsec = 10000000};
		atomic_store(&standing, true);
		for (int i = 0; i < 50 && !atomic_load(&go_on); i++)
			(void)nanosleep(&pause, NULL);
	}
	return __real_issuer_load(config, row, out, e);
}

static void *
say_seen(void *arg)
{
	json_decref(place_admin(arg, seen_wire(2, clock_now())));
	return NULL;
}

static void
a_slow_reader_does_not_put_the_generations_back_to_before_a_switch(void **state)
{
	struct place *p = *state;
	pthread_t slow;
	const struct timespec pause = {.tv_nsec = 1000000};
	json_decref(place_admin(p, next_wire()));
	atomic_store(&go_on, false);
	atomic_store(&standing, false);
	atomic_store(&stand_still, true);
	assert_int_equal(pthread_create(&slow, NULL, say_seen, p), 0);
	while (!atomic_load(&standing))
		(void)nanosleep(&pause, NULL);
	json_decref(place_admin(p, rotate_wire(true, false)));
	atomic_store(&go_on, true);
	assert_int_equal(pthread_join(slow, NULL), 0);
	assert_string_equal(states(p), "retiring current");
	issues_by(p, "request-1", 2);
}

/* ---- a list that cannot be published ---- */

static int64_t
list_number(struct place *p, const char *authority)
{
	OWN(json)
	json_t *reply =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "ca.show", "authority", authority));
	json_t *at = json_array_get(json_object_get(reply, "authorities"), 0);
	return json_integer_value(json_object_get(json_object_get(at, "crl"), "number"));
}

static int64_t
await_list(struct place *p, const char *authority, int64_t above)
{
	int64_t number, until_us = clock_monotonic_us() + WAIT_US;
	const struct timespec pause = {.tv_nsec = 20000000};
	while ((number = list_number(p, authority)) <= above) {
		if (clock_monotonic_us() > until_us)
			fail_msg("no further list of %s was tried", authority);
		(void)nanosleep(&pause, NULL);
	}
	return number;
}

static void
await_file(const char *path)
{
	struct stat st;
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	const struct timespec pause = {.tv_nsec = 20000000};
	while (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
		if (clock_monotonic_us() > until_us)
			fail_msg("%s does not come", path);
		(void)nanosleep(&pause, NULL);
	}
}

static void
a_list_that_cannot_be_put_in_its_place_is_tried_again_and_no_other_with_it(void **state)
{
	(void)state;
	struct place *p = two_authorities();
	struct fas_err e = {0};
	char path[PATH_MAX];
	size_t n = 0;
	assert_string_equal(issuer_for(p, "request-1", "main"), "CORP Federated Logon CA");
	place_path(p, "public/crl/second-1.crl", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	int64_t second = list_number(p, "second");
	assert_int_equal(signer_revoke(p->signer, CORRELATION, NULL, "session-of-alice",
			     "keyCompromise", &n, &e),
	    FAS_OK);
	assert_int_equal(n, 1);
	second = await_list(p, "second", second);
	int64_t first = list_number(p, "main");
	second = await_list(p, "second", second);
	second = await_list(p, "second", second);
	assert_int_equal(list_number(p, "main"), first);
	/* The try that is under way may be the one that finds its place. */
	assert_int_equal(rmdir(path), 0);
	await_file(path);
	X509_CRL_free(published(p, "second-1"));
	place_free(p);
}

/* Nothing falls due for it: its keeper signs it, once a year. */
static void
an_offline_roots_list_that_could_not_be_put_in_its_place_is_tried_again(void **state)
{
	struct house *h = *state;
	struct place *p = h->place;
	char path[PATH_MAX];
	install_first(h);
	place_stop(p);
	place_path(p, "public/crl/main-1-root.crl", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	place_start(p);
	assert_int_equal(rmdir(path), 0);
	await_file(path);
	X509_CRL_free(published(p, "main-1-root"));
}

/* signer.yaml with these lines of its authority, and these at its end. */
static void
config_refuses(struct place *p, const char *of_authority, const char *at_end, const char *reason)
{
	char text[4096];
	struct fas_err e = {0};
	struct signer_config *config = NULL;
	(void)snprintf(text, sizeof(text),
	    "state: /s\npublic: /p\nissue: { socket: /i, uid: 1 }\nadmin: { socket: /a }\n"
	    "limits: limits.yaml\nauthorities:\n  - name: main\n    common_name: X\n"
	    "    publish_urls: [http://pki.corp.example.com]\n%s"
	    "service_ca:\n  server_names: [127.0.0.1]\n%s",
	    of_authority, at_end);
	assert_int_equal(
	    signer_config_load(place_write(p, "other.yaml", text), geteuid(), &config, &e),
	    FAS_E_CONFIG);
	assert_reason(e, reason);
	assert_non_null(strstr(e.message, "other.yaml:"));
}

static void
a_configuration_that_names_what_is_not_there_is_refused(void **state)
{
	struct place *p = *state;
	config_refuses(p, "    fail_over: [other]\n", "", "config_authority");
	config_refuses(p, "    fail_over: [main]\n", "", "config_authority");
	config_refuses(p, "    fail_over: [a, b, c, d, e]\n", "", "config_authority");
	config_refuses(p, "    ntauth_wait: 31d\n", "", "yaml_value");
	config_refuses(p, "", "two_persons: { acts: [instal] }\n", "config_two_persons");
	config_refuses(p, "", "two_persons: { within: 1h }\n", "yaml_missing_key");
}

static void
nobody_issues_for_an_authority_that_names_no_other(void **state)
{
	(void)state;
	struct place *p = place_new(&(struct place_options){.key = "p-256",
	    .authority = "  - name: second\n"
			 "    common_name: Second Logon CA\n"
			 "    publish_urls: [http://pki.corp.example.com]\n"});
	assert_string_equal(issuer_for(p, "request-1", "second"), "authority_not_ready");
	place_free(p);
}

/* ---- two persons ---- */

#define LIMITS(longest)                                                                            \
	"domains:\n"                                                                               \
	"  - sid: S-1-5-21-1-2-3\n"                                                                \
	"    upn_suffixes: [corp.example.com]\n"                                                   \
	"profiles: [smartcard-logon]\n"                                                            \
	"longest_life: " longest "\n"

/* signer.yaml with one more line; in force from the next start on. */
static void
add_config(struct place *p, const char *line)
{
	char path[PATH_MAX], *text = NULL, more[8192];
	struct fas_err e = {0};
	size_t len = 0;
	assert_int_equal(
	    file_read(place_path(p, "signer.yaml", path), 4096, &text, &len, &e), FAS_OK);
	(void)snprintf(more, sizeof(more), "%s%s", text, line);
	free(text);
	signer_config_free(p->config);
	p->config = NULL;
	assert_int_equal(
	    signer_config_load(place_write(p, "signer.yaml", more), geteuid(), &p->config, &e),
	    FAS_OK);
}

static void
a_person_is_known_by_his_login_and_root_without_one_is_nobody(void **state)
{
	uid_t who = 0;
	(void)state;
	assert_true(two_persons_who("uid:0(login 1000)", &who));
	assert_int_equal(who, 1000);
	assert_true(two_persons_who("uid:1000(login 1000)", &who));
	assert_int_equal(who, 1000);
	assert_true(two_persons_who("uid:1001", &who));
	assert_int_equal(who, 1001);
	assert_false(two_persons_who("uid:0", &who));
	assert_false(two_persons_who("fas-signer", &who));
	assert_false(two_persons_who("uid:0(login 10x)", &who));
	assert_false(two_persons_who("uid:0(login 4294967296)", &who));
	assert_false(two_persons_who("uid:(login 1000)", &who));
}

/* Agreed on is what is in force: what could not be would be read at every start, and no file could mend it. */
static void
limits_that_cannot_be_in_force_are_not_agreed_on(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	place_stop(p);
	/* The first start with two persons agrees to what the file says. */
	add_config(p, "two_persons: { acts: [limits] }\n");
	place_write(p, "limits.yaml", LIMITS("30d"));
	assert_int_equal(signer_server_start(p->config, geteuid(), &p->server, &e), FAS_E_CONFIG);
	assert_reason(e, "config_crl");
	place_write(p, "limits.yaml", LIMITS("1h"));
	place_start(p);
	issues_by(p, "request-1", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define L(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define O(name) cmocka_unit_test_setup_teardown(name, begin_offline, end_offline)
	    L(the_next_generation_is_certified_and_published_while_the_current_one_issues),
	    L(the_switch_waits_until_the_certificate_has_stood_in_ntauth_for_a_day),
	    L(a_switch_that_does_not_wait_says_what_will_fail),
	    L(the_old_generation_publishes_what_is_revoked_under_its_own_key),
	    L(a_generation_with_good_certificates_is_not_retired),
	    L(a_generation_without_good_certificates_retires_by_itself_and_publishes_no_more),
	    L(a_generation_that_never_issued_can_be_given_up),
	    L(there_are_no_more_generations_than_can_be_loaded),
	    L(a_switch_without_a_published_crl_is_refused),
	    O(a_renewed_certificate_of_the_same_key_waits_for_the_switch),
	    O(a_renewal_that_has_waited_for_too_long_is_not_switched_to),
	    O(a_switch_does_not_take_the_roots_list_back),
	    O(a_renewal_saves_an_authority_whose_certificate_has_ended),
	    O(a_renewal_below_which_nothing_would_verify_is_refused),
	    O(the_next_generation_has_a_name_of_its_own),
	    O(a_renewal_that_nobody_wants_is_given_up),
	    O(pkcs7_in_pem_is_installed_with_the_root_that_it_brings),
	    O(pkcs7_under_the_label_of_ad_cs_is_installed),
	    O(pkcs7_in_der_is_installed),
	    O(a_certificate_in_der_is_installed),
	    O(a_chain_is_put_in_order_and_freed_of_what_does_not_belong_to_it),
	    O(pkcs7_without_certificates_and_other_blocks_are_refused),
	    O(the_offline_roots_next_crl_is_published_and_an_older_one_is_not),
	    O(the_state_says_what_will_end),
	    O(neither_a_certificate_nor_a_crl_ends_after_its_authority),
	    cmocka_unit_test(the_rule_says_which_authority_issues),
	    cmocka_unit_test(another_authority_issues_while_ones_key_is_away),
	    cmocka_unit_test(a_key_that_fails_is_left_alone_until_it_signs_on_trial),
	    cmocka_unit_test(
		while_a_token_is_away_the_first_that_can_issues_and_without_one_the_token_is_asked),
	    L(a_slow_reader_does_not_put_the_generations_back_to_before_a_switch),
	    cmocka_unit_test(
		a_list_that_cannot_be_put_in_its_place_is_tried_again_and_no_other_with_it),
	    O(an_offline_roots_list_that_could_not_be_put_in_its_place_is_tried_again),
	    L(a_switch_to_a_key_that_does_not_sign_is_refused),
	    L(a_configuration_that_names_what_is_not_there_is_refused),
	    cmocka_unit_test(a_person_is_known_by_his_login_and_root_without_one_is_nobody),
	    cmocka_unit_test(nobody_issues_for_an_authority_that_names_no_other),
	    L(limits_that_cannot_be_in_force_are_not_agreed_on),
	};
	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
