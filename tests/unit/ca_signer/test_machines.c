/* Machines: tokens, enrolment, renewal, the host table. */
#include "place.h"

#include <pthread.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/clock.h"
#include "fas/base/db.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

static int
set_up(void **state)
{
	*state = place_new(&(struct place_options){.no_authority = true});
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static void
make_token(struct place *p, const char *role, const char *name, char out[128])
{
	OWN(json)
	json_t *reply = place_admin(
	    p, json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", role, "name", name));
	const char *token = json_string_value(json_object_get(reply, "token"));
	assert_true(strlen(token) < 128);
	memcpy(out, token, strlen(token) + 1);
}

static enum fas_code
enroll(struct place *p, const char *id, const char *token, size_t key,
    struct signer_certificate *out, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *spki = test_spki(key, &len);
	*e = (struct fas_err){0};
	return signer_enroll(p->signer, id, token, spki, len, out, e);
}

static X509 *
parse(const struct signer_certificate *c)
{
	BIO *bio = BIO_new_mem_buf(c->pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	return x;
}

static X509 *
service_ca(struct place *p)
{
	OWN(text) char *pem = NULL;
	struct fas_err e = {0};
	assert_int_equal(signer_service_ca(p->signer, &pem, &e), FAS_OK);
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	return x;
}

static void
a_token_gives_its_role_and_name_and_pins_the_service_ca(void **state)
{
	struct place *p = *state;
	char token[128], hex[65];
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(p, "host", "vda1.corp.example.com", token);
	X509 *ca = service_ca(p);
	assert_int_equal(X509_digest(ca, EVP_sha256(), digest, NULL), 1);
	assert_memory_equal(token, "fas1-", 5);
	assert_int_equal(strlen(token), 96);
	assert_int_equal(token[31], '.');
	assert_string_equal(token + 32, hex_encode(digest, 32, hex));
	assert_int_equal(enroll(p, "request-1", token, 1, &c, &e), FAS_OK);
	X509 *x = parse(&c);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_check_host(x, "vda1.corp.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "vda2.corp.example.com", 0, 0, NULL), 0);
	X509_free(x);
	X509_free(ca);
	assert_int_equal(place_records(p, "machine_enrolled", NULL), 1);
}

static void
a_token_is_good_once_and_its_repeat_gets_the_same(void **state)
{
	struct place *p = *state;
	char token[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(p, "storefront", "sf1.corp.example.com", token);
	assert_int_equal(enroll(p, "request-1", token, 1, &a, &e), FAS_OK);
	assert_int_equal(enroll(p, "request-1", token, 1, &b, &e), FAS_OK);
	assert_string_equal(a.pem, b.pem);
	assert_int_equal(enroll(p, "request-2", token, 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "token_invalid");
	assert_int_equal(enroll(p, "request-1", token, 2, &c, &e), FAS_E_CONFLICT);
	assert_reason(e, "request_id_reused");
	assert_int_equal(place_records(p, "enrolment_refused", "token_invalid"), 1);
}

static void
unknown_and_malformed_tokens_are_not_told_apart(void **state)
{
	char token[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(*state, "host", "vda1.corp.example.com", token);
	token[7] = token[7] == 'a' ? 'b' : 'a';
	assert_int_equal(enroll(*state, "request-1", token, 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "token_invalid");
	assert_int_equal(enroll(*state, "request-2", "nonsense", 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "token_invalid");
}

struct racer {
	struct place *place;
	const char *token;
	char id[16];
	pthread_t thread;
	enum fas_code rc;
};

static void *
race(void *arg)
{
	struct racer *r = arg;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	r->rc = enroll(r->place, r->id, r->token, 1, &c, &e);
	return NULL;
}

static void
of_many_with_one_token_one_wins(void **state)
{
	struct racer racers[6];
	char token[128];
	size_t won = 0, len;
	make_token(*state, "host", "vda1.corp.example.com", token);
	(void)test_spki(1, &len);
	for (size_t i = 0; i < 6; i++) {
		racers[i] = (struct racer){.place = *state, .token = token, .id = "request-?"};
		racers[i].id[8] = (char)('0' + i);
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
		won += racers[i].rc == FAS_OK;
	}
	assert_int_equal(won, 1);
}

static void
roles_and_names_of_tokens_are_checked(void **state)
{
	place_admin_refuses(*state,
	    json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", "admin", "name", "a.example"),
	    "role_unknown");
	place_admin_refuses(*state,
	    json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", "host", "name", "a b"),
	    "name_malformed");
	place_admin_refuses(*state,
	    json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", "host", "name", "*.example"),
	    "name_malformed");
}

/* damaged: the last octet of the presented certificate's signature is another. */
static enum fas_code
renew_with(struct place *p, const char *id, const struct signer_certificate *old, size_t key,
    bool damaged, struct signer_certificate *out, struct fas_err *e)
{
	size_t len = 0;
	const uint8_t *spki = test_spki(key, &len);
	uint8_t *der = NULL;
	X509 *x = parse(old);
	int der_len = i2d_X509(x, &der);
	X509_free(x);
	assert_true(der_len > 0);
	der[der_len - 1] ^= damaged;
	*e = (struct fas_err){0};
	enum fas_code rc = signer_renew(p->signer, id, der, (size_t)der_len, spki, len, out, e);
	OPENSSL_free(der);
	return rc;
}

static enum fas_code
renew(struct place *p, const char *id, const struct signer_certificate *old, size_t key,
    struct signer_certificate *out, struct fas_err *e)
{
	return renew_with(p, id, old, key, false, out, e);
}

static void
a_renewal_keeps_name_and_key(void **state)
{
	struct place *p = *state;
	char token[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(p, "host", "vda1.corp.example.com", token);
	assert_int_equal(enroll(p, "request-1", token, 1, &a, &e), FAS_OK);
	assert_int_equal(renew(p, "request-2", &a, 1, &b, &e), FAS_OK);
	assert_string_not_equal(a.serial, b.serial);
	X509 *x = parse(&b);
	assert_int_equal(X509_check_host(x, "vda1.corp.example.com", 0, 0, NULL), 1);
	X509_free(x);
	assert_int_equal(renew(p, "request-3", &a, 2, &c, &e), FAS_E_DENIED);
	assert_reason(e, "renew_other_key");
	assert_int_equal(place_records(p, "renewal_refused", "renew_other_key"), 1);
}

static void
a_revoked_or_forged_certificate_is_not_renewed(void **state)
{
	struct place *p = *state;
	char token[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(p, "host", "vda1.corp.example.com", token);
	assert_int_equal(enroll(p, "request-1", token, 1, &a, &e), FAS_OK);
	assert_int_equal(renew_with(p, "request-2", &a, 1, true, &c, &e), FAS_E_AUTH);
	assert_reason(e, "renew_refused");
	json_decref(place_admin(
	    p, json_pack("{s:s,s:s}", "op", "host.revoke", "name", "VDA1.corp.example.com")));
	assert_int_equal(renew(p, "request-3", &a, 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "renew_refused");
}

static void
a_servers_certificate_is_no_machine_to_renew(void **state)
{
	struct place *p = *state;
	size_t len = 0;
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	const uint8_t *spki = test_spki(1, &len);
	assert_int_equal(
	    signer_server_certificate(p->signer, "request-1", spki, len, &a, &e), FAS_OK);
	X509 *x = parse(&a);
	assert_int_equal(X509_check_host(x, "fas1.corp.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	X509_free(x);
	assert_int_equal(renew(p, "request-2", &a, 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "renew_refused");
}

static int64_t
generation_of(struct place *p, json_t **table)
{
	struct fas_err e = {0};
	assert_int_equal(signer_hosts(p->signer, -1, 0, table, &e), FAS_OK);
	return json_integer_value(json_object_get(*table, "generation"));
}

static void
revoking_a_host_voids_its_tokens_and_shows_in_the_table(void **state)
{
	struct place *p = *state;
	char token[128], unused[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	OWN(json) json_t *before = NULL;
	OWN(json) json_t *after = NULL;
	make_token(p, "host", "vda1.corp.example.com", token);
	make_token(p, "host", "vda1.corp.example.com", unused);
	assert_int_equal(enroll(p, "request-1", token, 1, &a, &e), FAS_OK);
	int64_t generation = generation_of(p, &before);
	json_t *host = json_array_get(json_object_get(before, "hosts"), 0);
	assert_string_equal(json_string_value(json_object_get(host, "serial")), a.serial);
	assert_string_equal(json_string_value(json_object_get(host, "role")), "host");
	assert_true(json_is_false(json_object_get(host, "revoked")));
	OWN(json)
	json_t *reply = place_admin(
	    p, json_pack("{s:s,s:s}", "op", "host.revoke", "name", "vda1.corp.example.com"));
	assert_int_equal(json_integer_value(json_object_get(reply, "revoked")), 1);
	assert_true(generation_of(p, &after) > generation);
	host = json_array_get(json_object_get(after, "hosts"), 0);
	assert_true(json_is_true(json_object_get(host, "revoked")));
	assert_int_equal(enroll(p, "request-2", unused, 1, &c, &e), FAS_E_AUTH);
	assert_reason(e, "token_invalid");
}

static void *
revoke_soon(void *arg)
{
	json_decref(place_admin(
	    arg, json_pack("{s:s,s:s}", "op", "host.revoke", "name", "other.example.com")));
	return NULL;
}

static void
who_waits_for_the_table_is_woken_by_its_change(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	pthread_t thread;
	OWN(json) json_t *before = NULL;
	OWN(json) json_t *after = NULL;
	int64_t generation = generation_of(p, &before);
	int64_t start_us = clock_monotonic_us();
	assert_int_equal(pthread_create(&thread, NULL, revoke_soon, p), 0);
	assert_int_equal(signer_hosts(p->signer, generation, 30000, &after, &e), FAS_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(json_integer_value(json_object_get(after, "generation")) > generation);
	assert_true(clock_monotonic_us() - start_us < 20000000);
}

static void *
stop_waiting_soon(void *arg)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	(void)nanosleep(&pause, NULL);
	signer_stop_waiting(arg);
	return NULL;
}

/* Whether the wait has begun by then or not. */
static void
who_waits_is_let_go_when_the_program_ends(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	pthread_t thread;
	OWN(json) json_t *before = NULL;
	OWN(json) json_t *table = NULL;
	OWN(json) json_t *acts = NULL;
	OWN(json) json_t *none = json_array();
	int64_t generation = generation_of(p, &before), start_us = clock_monotonic_us();
	assert_int_equal(pthread_create(&thread, NULL, stop_waiting_soon, p->signer), 0);
	assert_int_equal(signer_hosts(p->signer, generation, 30000, &table, &e), FAS_E_UNAVAILABLE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	fas_err_clear(&e);
	assert_int_equal(signer_acts(p->signer, 0, none, 30000, &acts, &e), FAS_E_UNAVAILABLE);
	assert_reason(e, "signer_away");
	assert_true(clock_monotonic_us() - start_us < 20000000);
}

/* Connected, and served: it has a thread of its own. */
static int
served(struct place *p)
{
	struct fas_err e = {0};
	int fd = -1;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "state");
	OWN(json) json_t *reply = NULL;
	assert_int_equal(wire_connect(p->config->issue_socket, &fd, &e), FAS_OK);
	assert_int_equal(wire_send(fd, request, 20000, &e), FAS_OK);
	assert_int_equal(wire_receive(fd, WIRE_MESSAGE_MAX, 20000, &reply, &e), FAS_OK);
	return fd;
}

/* As a fasd has them that makes use of all its configuration allows: were these to wait, no revocation would reach it. */
static void
the_table_and_the_acts_are_told_while_every_kept_connection_is_open(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	int kept[SIGNER_CONNECTIONS_MAX];
	OWN(json) json_t *table = NULL;
	OWN(json)
	json_t *acts = json_pack(
	    "{s:s,s:i,s:i,s:[]}", "op", "acts", "after", 1000000, "wait_ms", 60000, "applied");
	place_restart(p); /* with it goes what p->signer has kept */
	for (size_t i = 0; i < NELEMS(kept); i++)
		kept[i] = served(p);
	OWN(fd) int waiting = -1;
	assert_int_equal(wire_connect(p->config->issue_socket, &waiting, &e), FAS_OK);
	assert_int_equal(wire_send(waiting, acts, 20000, &e), FAS_OK);
	(void)generation_of(p, &table);
	for (size_t i = 0; i < NELEMS(kept); i++)
		(void)close(kept[i]);
}

static void
generations_survive_a_restart(void **state)
{
	struct place *p = *state;
	OWN(json) json_t *before = NULL;
	OWN(json) json_t *after = NULL;
	(void)revoke_soon(p);
	int64_t generation = generation_of(p, &before);
	place_restart(p);
	assert_int_equal(generation_of(p, &after), generation);
	assert_true(generation > 1);
}

/* What a crash between the record and the signature leaves: ECDSA would sign differently, but nobody has the first. */
static void
a_record_without_signature_is_signed_at_the_repeat(void **state)
{
	struct place *p = *state;
	char token[128], path[PATH_MAX];
	struct fas_err e = {0};
	struct db *db = NULL;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	make_token(p, "host", "vda1.corp.example.com", token);
	assert_int_equal(enroll(p, "request-1", token, 1, &a, &e), FAS_OK);
	assert_int_equal(db_connect(place_path(p, "state/ca.db", path), true, &db, &e), FAS_OK);
	assert_int_equal(db_exec(db, "UPDATE certificates SET signature=NULL", &e), FAS_OK);
	db_close(db);
	place_restart(p);
	assert_int_equal(enroll(p, "request-1", token, 1, &b, &e), FAS_OK);
	assert_string_equal(a.serial, b.serial);
	X509 *x = parse(&b), *ca = service_ca(p);
	assert_int_equal(X509_verify(x, X509_get0_pubkey(ca)), 1);
	X509_free(x);
	X509_free(ca);
	assert_int_equal(enroll(p, "request-1", token, 1, &c, &e), FAS_OK);
	assert_string_equal(b.pem, c.pem);
}

/* So the host table's generation has changed: fasd, which waits for that, asks for the service CA as well. */
static int64_t
table_generation(struct place *p)
{
	OWN(json) json_t *table = NULL;
	struct fas_err e = {0};
	assert_int_equal(signer_hosts(p->signer, 0, 0, &table, &e), FAS_OK);
	return json_integer_value(json_object_get(table, "generation"));
}

static void
assert_same_ca(X509 *a, X509 *b)
{
	assert_int_not_equal(X509_cmp(a, b), 0);
	assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)), 1);
	assert_int_equal(X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)), 0);
	assert_int_equal(
	    ASN1_STRING_cmp(X509_get0_subject_key_id(a), X509_get0_subject_key_id(b)), 0);
}

static void
assert_issued(const struct signer_certificate *c, X509 *ca)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509 *x = parse(c);
	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, x, NULL), 1);
	assert_int_equal(X509_verify_cert(ctx), 1);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	X509_free(x);
}

static void
a_renewed_service_ca_verifies_what_was_issued_and_the_old_one_what_will_be(void **state)
{
	struct place *p = *state;
	char token[128], pinned[128];
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate before = {0}, after = {0};
	make_token(p, "host", "vda1.corp.example.com", token);
	assert_int_equal(enroll(p, "request-1", token, 1, &before, &e), FAS_OK);
	X509 *old = service_ca(p);
	int64_t generation = table_generation(p);
	json_decref(place_admin(p, json_pack("{s:s}", "op", "ca.renew_service")));
	assert_true(table_generation(p) > generation);
	X509 *new = service_ca(p);
	assert_same_ca(old, new);
	place_restart(p);
	X509 *kept = service_ca(p);
	assert_int_equal(X509_cmp(new, kept), 0);
	make_token(p, "host", "vda2.corp.example.com", pinned);
	assert_string_not_equal(strchr(pinned, '.'), strchr(token, '.'));
	assert_int_equal(enroll(p, "request-2", pinned, 2, &after, &e), FAS_OK);
	assert_issued(&before, new);
	assert_issued(&after, old);
	assert_issued(&after, new);
	assert_int_equal(place_records(p, "service_ca_renewed", NULL), 1);
	X509_free(old);
	X509_free(new);
	X509_free(kept);
}

static void
the_token_is_nowhere_on_record(void **state)
{
	struct place *p = *state;
	char token[128];
	make_token(p, "host", "vda1.corp.example.com", token);
	OWN(json) json_t *tail = place_admin(p, json_pack("{s:s}", "op", "audit.tail"));
	OWN(text) char *text = json_dumps(tail, 0);
	token[31] = 0;
	assert_null(strstr(text, token));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(a_token_gives_its_role_and_name_and_pins_the_service_ca),
	    T(a_token_is_good_once_and_its_repeat_gets_the_same),
	    T(unknown_and_malformed_tokens_are_not_told_apart),
	    T(of_many_with_one_token_one_wins),
	    T(roles_and_names_of_tokens_are_checked),
	    T(a_renewal_keeps_name_and_key),
	    T(a_revoked_or_forged_certificate_is_not_renewed),
	    T(a_servers_certificate_is_no_machine_to_renew),
	    T(revoking_a_host_voids_its_tokens_and_shows_in_the_table),
	    T(who_waits_for_the_table_is_woken_by_its_change),
	    T(who_waits_is_let_go_when_the_program_ends),
	    T(the_table_and_the_acts_are_told_while_every_kept_connection_is_open),
	    T(generations_survive_a_restart),
	    T(a_record_without_signature_is_signed_at_the_repeat),
	    T(a_renewed_service_ca_verifies_what_was_issued_and_the_old_one_what_will_be),
	    T(the_token_is_nowhere_on_record),
	};
	return cmocka_run_group_tests_name("machines", tests, NULL, NULL);
}
