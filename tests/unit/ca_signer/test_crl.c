/* CRLs: what stands on them, when they come, and that their numbers only grow. */
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca/crl.h"
#include "ca/lint.h"
#include "ca/store.h"
#include "fas/base/clock.h"
#include "fas/base/db.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"

static int
set_up(void **state)
{
	*state = place_new(NULL);
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static X509 *
authority(struct place *p)
{
	char path[PATH_MAX], *der = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	place_path(p, "public/ca/" AUTHORITY "-1.cer", path);
	assert_int_equal(file_read(path, 65536, &der, &len, &e), FAS_OK);
	const unsigned char *at = (unsigned char *)der;
	X509 *x = d2i_X509(NULL, &at, (long)len);
	free(der);
	assert_non_null(x);
	return x;
}

static void
issue(struct place *p, const char *id, const char *session, const char *host,
    struct signer_certificate *out)
{
	struct fas_err e = {0};
	struct signer_request q = alice(id);
	q.session = session;
	q.host = host;
	if (signer_issue(p->signer, &q, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

/* The reason with which a certificate stands on the CRL; -1 = it does not. */
static int
reason_on(X509_CRL *crl, const char *serial_hex)
{
	X509_REVOKED *revoked = NULL;
	BIGNUM *bn = NULL;
	int reason = 0;
	assert_true(BN_hex2bn(&bn, serial_hex) > 0);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(bn, NULL);
	int found = X509_CRL_get0_by_serial(crl, &revoked, serial);
	if (found == 1) {
		ASN1_ENUMERATED *why =
		    X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
		reason = why ? (int)ASN1_ENUMERATED_get(why) : 0;
		ASN1_ENUMERATED_free(why);
	}
	ASN1_INTEGER_free(serial);
	BN_free(bn);
	return found == 1 ? reason : -1;
}

static void
the_first_crl_is_there_before_the_first_certificate(void **state)
{
	X509_CRL *crl = place_crl(*state, 0);
	X509 *ca = authority(*state);
	int days = 0, seconds = 0;
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(ca)), 1);
	assert_int_equal(X509_CRL_get_version(crl), 1);
	assert_null(X509_CRL_get_REVOKED(crl));
	/* Backdated like notBefore: a domain controller a few minutes behind must accept it. */
	assert_true(X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &(time_t){clock_now() - 240}) < 0);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, X509_CRL_get0_lastUpdate(crl),
			     X509_CRL_get0_nextUpdate(crl)),
	    1);
	assert_int_equal(days, 1);
	assert_int_equal(seconds, 300);
	assert_int_equal(X509_CRL_get_ext_by_NID(crl, NID_issuing_distribution_point, -1), -1);
	assert_true(X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) >= 0);
	X509_CRL_free(crl);
	X509_free(ca);
}

static void
a_revocation_is_published_within_a_second(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	size_t n = 0;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	issue(p, "request-1", "s1", "h1.example.com", &a);
	issue(p, "request-2", "s2", "h1.example.com", &b);
	X509_CRL *before = place_crl(p, 0);
	int64_t start_us = clock_monotonic_us();
	assert_int_equal(signer_revoke(p->signer, "0123456789abcdef0123456789abcdef", NULL, "s1",
			     "cessationOfOperation", &n, &e),
	    FAS_OK);
	assert_int_equal(n, 1);
	X509_CRL *after = place_crl(p, crl_number(before));
	assert_true(clock_monotonic_us() - start_us < 1000000);
	assert_int_equal(reason_on(after, a.serial), 5);
	assert_int_equal(reason_on(after, b.serial), -1);
	X509 *ca = authority(p);
	assert_int_equal(X509_CRL_verify(after, X509_get0_pubkey(ca)), 1);
	X509_free(ca);
	X509_CRL_free(before);
	X509_CRL_free(after);
}

static void
revoking_again_counts_nothing(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	size_t n = 9;
	OWN(signer_certificate) struct signer_certificate a = {0};
	const char *id = "0123456789abcdef0123456789abcdef";
	issue(p, "request-1", "s1", "h1.example.com", &a);
	assert_int_equal(
	    signer_revoke(p->signer, id, a.serial, NULL, "keyCompromise", &n, &e), FAS_OK);
	assert_int_equal(n, 1);
	assert_int_equal(
	    signer_revoke(p->signer, id, a.serial, NULL, "superseded", &n, &e), FAS_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    signer_revoke(p->signer, id, NULL, "nobody", "superseded", &n, &e), FAS_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    signer_revoke(p->signer, id, "0badcafe", NULL, "superseded", &n, &e), FAS_E_NOTFOUND);
	assert_reason(e, "certificate_unknown");
	fas_err_clear(&e);
	assert_int_equal(
	    signer_revoke(p->signer, id, a.serial, NULL, "certificateHold", &n, &e), FAS_E_INPUT);
	assert_reason(e, "reason_unknown");
	fas_err_clear(&e);
	assert_int_equal(
	    signer_revoke(p->signer, id, a.serial, "s1", "superseded", &n, &e), FAS_E_INPUT);
	assert_reason(e, "selector_invalid");
}

static void
administrators_revoke_by_each_selector(void **state)
{
	static const struct {
		const char *member, *value;
	} cases[] = {{"serial", NULL}, {"session", "session-1"}, {"host", "HOST-2.example.com"},
	    {"upn", "Alice@CORP.example.com"}, {"sid", "S-1-5-21-1-2-3-1105"}};
	struct place *p = *state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char id[32], session[32], host[32];
		OWN(signer_certificate) struct signer_certificate c = {0};
		(void)snprintf(id, sizeof(id), "request-%zu", i);
		(void)snprintf(session, sizeof(session), "session-%zu", i);
		(void)snprintf(host, sizeof(host), "host-%zu.example.com", i);
		X509_CRL *before = place_crl(p, 0);
		issue(p, id, session, host, &c);
		OWN(json)
		json_t *reply =
		    place_admin(p, json_pack("{s:s,s:s,s:s}", "op", "cert.revoke", cases[i].member,
				       cases[i].value ? cases[i].value : c.serial, "reason",
				       "privilegeWithdrawn"));
		assert_int_equal(json_integer_value(json_object_get(reply, "revoked")), 1);
		X509_CRL *after = place_crl(p, crl_number(before));
		assert_int_equal(reason_on(after, c.serial), 9);
		X509_CRL_free(before);
		X509_CRL_free(after);
	}
	assert_int_equal(place_records(p, "certificates_revoked", NULL), NELEMS(cases));
}

static void
numbers_grow_over_restarts_and_by_hand(void **state)
{
	struct place *p = *state;
	X509_CRL *a = place_crl(p, 0);
	place_restart(p);
	X509_CRL *b = place_crl(p, crl_number(a));
	OWN(json) json_t *reply = place_admin(p, json_pack("{s:s}", "op", "crl.publish"));
	assert_int_equal(json_array_size(json_object_get(reply, "published")), 2);
	X509_CRL *c = place_crl(p, crl_number(b));
	OWN(json) json_t *show = place_admin(p, json_pack("{s:s}", "op", "crl.show"));
	json_t *at, *crls = json_object_get(show, "published");
	size_t i, seen = 0;
	json_array_foreach(crls, i, at)
	{
		if (strcmp(json_string_value(json_object_get(at, "file")), AUTHORITY "-1.crl") ==
		    0) {
			assert_int_equal(
			    json_integer_value(json_object_get(at, "number")), crl_number(c));
			seen++;
		}
	}
	assert_int_equal(seen, 1);
	X509_CRL_free(a);
	X509_CRL_free(b);
	X509_CRL_free(c);
}

static void
the_number_of_a_clock_that_was_ahead_still_grows(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	struct fas_err e = {0};
	struct db *db = NULL;
	int64_t ahead = clock_now_ms() + 86400000;
	assert_int_equal(db_connect(place_path(p, "state/ca.db", path), true, &db, &e), FAS_OK);
	char sql[64];
	(void)snprintf(sql, sizeof(sql), "UPDATE issuers SET crl_number=%lld", (long long)ahead);
	assert_int_equal(db_exec(db, sql, &e), FAS_OK);
	db_close(db);
	json_decref(place_admin(p, json_pack("{s:s}", "op", "crl.publish")));
	X509_CRL *crl = place_crl(p, ahead);
	assert_int_equal(crl_number(crl), ahead + 1);
	X509_CRL_free(crl);
}

static void
everybody_may_read_what_is_published_and_nobody_the_keys(void **state)
{
	static const char *const names[] = {"public/crl/main-1.crl", "public/crl/main-1-root.crl",
	    "public/ca/main-1.cer", "public/ca/main-1-root.cer", "public/crl/main-1.pem",
	    "public/crl/main-1-root.pem", "public/ca/main-1.pem", "public/ca/main-1-root.pem"};
	char path[PATH_MAX];
	struct stat st;
	for (size_t i = 0; i < NELEMS(names); i++) {
		assert_int_equal(stat(place_path(*state, names[i], path), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
	}
	assert_int_equal(stat(place_path(*state, "state/keys", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(place_path(*state, "state/ca.db", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void
what_is_published_as_pem_is_what_is_published_as_der(void **state)
{
	static const char *const stems[] = {"main-1", "main-1-root"};
	for (size_t i = 0; i < NELEMS(stems); i++) {
		char name[64], path[PATH_MAX], *der = NULL;
		unsigned char *again = NULL;
		size_t len = 0;
		struct fas_err e = {0};
		(void)snprintf(name, sizeof(name), "public/crl/%s.pem", stems[i]);
		FILE *file = fopen(place_path(*state, name, path), "r");
		X509_CRL *crl = file ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;
		assert_non_null(crl);
		(void)fclose(file);
		(void)snprintf(name, sizeof(name), "public/crl/%s.crl", stems[i]);
		assert_int_equal(
		    file_read(place_path(*state, name, path), 65536, &der, &len, &e), FAS_OK);
		assert_int_equal(i2d_X509_CRL(crl, &again), len);
		assert_memory_equal(again, der, len);
		OPENSSL_free(again);
		X509_CRL_free(crl);
		free(der);
	}
}

/* ---- entries, by themselves ---- */

static enum fas_code
add_rows(struct db *db, void *arg, struct fas_err *e)
{
	static const uint8_t zeros[STORE_DIGEST];
	const int64_t *ends = arg;
	struct issuer_row issuer = {.kind = ISSUER_LOGON, .authority = "x", .generation = 1};
	int64_t id = 0;
	enum fas_code rc = store_issuer_add(db, &issuer, &id, e);
	for (uint8_t i = 0; rc == FAS_OK && i < 3; i++) {
		const uint8_t serial[] = {1, (uint8_t)(3 - i)};
		const char request[] = {'r', (char)('0' + i), 0};
		struct certificate_row row = {.issuer = id,
		    .profile = "smartcard-logon",
		    .serial = serial,
		    .serial_len = 2,
		    .request_id = request,
		    .request_digest = zeros,
		    .tbs = zeros,
		    .tbs_len = 1,
		    .tbs_digest = zeros,
		    .spki_digest = zeros,
		    .sid = "S-1-5-21-1-2-3-1105",
		    .not_after_s = ends[i]};
		rc = store_certificate_add(db, &row, e);
	}
	struct revocation what = {
	    .by = REVOKE_SID, .text = "S-1-5-21-1-2-3-1105", .kind = ISSUER_LOGON, .now_s = 50};
	size_t n = 0;
	if (rc == FAS_OK)
		rc = store_revoke(db, &what, &n, e);
	assert_int_equal(n, 3);
	return rc;
}

static enum fas_code
note(const uint8_t *serial, size_t len, int64_t when_s, int reason, void *arg, struct fas_err *e)
{
	char *seen = arg;
	(void)when_s;
	(void)reason;
	(void)e;
	assert_int_equal(len, 2);
	seen[strlen(seen)] = (char)('0' + serial[1]);
	return FAS_OK;
}

struct look {
	int64_t since_s;
	char seen[8];
};

static enum fas_code
list(struct db *db, void *arg, struct fas_err *e)
{
	struct look *l = arg;
	return store_revoked_each(db, 1, l->since_s, note, l->seen, e);
}

/* Ends at 100, 200, 300: each stays on one CRL after its end (RFC 5280 3.3), that is until the last CRL is later. */
static void
entries_are_sorted_and_leave_after_their_certificates_end(void **state)
{
	static const struct {
		int64_t since_s;
		const char *seen;
	} cases[] = {{0, "123"}, {100, "123"}, {101, "12"}, {201, "1"}, {301, ""}};
	int64_t ends[] = {100, 200, 300};
	char path[PATH_MAX];
	struct fas_err e = {0};
	struct db_pool *pool = NULL;
	assert_int_equal(
	    db_pool_open(place_path(*state, "other.db", path), &ca_migrations, 1, &pool, &e),
	    FAS_OK);
	assert_int_equal(db_write(pool, add_rows, ends, &e), FAS_OK);
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct look l = {.since_s = cases[i].since_s};
		assert_int_equal(db_read(pool, list, &l, &e), FAS_OK);
		assert_string_equal(l.seen, cases[i].seen);
	}
	db_pool_close(pool);
}

/* Each at the beginning, in the middle and at the end of a day, and in the century of GeneralizedTime. */
static void
an_entry_is_what_openssl_would_write(void **state)
{
	static const uint8_t serial[] = {0x01, 0x9a, 0xff, 0x00, 0x7f};
	static const int64_t times[] = {1795406690, 1795392000, 1795478399, 1795478400, 0,
	    951782400, 2524607999, 2524608000, 4102444799};
	static const int reasons[] = {9, 0, 6};
	struct crl_form form = {0};
	(void)state;
	for (size_t i = 0; i < NELEMS(times) * NELEMS(reasons); i++) {
		uint8_t entry[CRL_ENTRY_MAX];
		int reason = reasons[i % NELEMS(reasons)];
		time_t when = (time_t)times[i / NELEMS(reasons)];
		size_t entry_len =
		    crl_entry_format(&form, serial, sizeof(serial), when, reason, entry);
		const uint8_t *at = entry;
		X509_REVOKED *r = d2i_X509_REVOKED(NULL, &at, (long)entry_len);
		assert_non_null(r);
		assert_ptr_equal(at, entry + entry_len);
		assert_int_equal(X509_cmp_time(X509_REVOKED_get0_revocationDate(r), &when), -1);
		time_t before = when - 1;
		assert_int_equal(X509_cmp_time(X509_REVOKED_get0_revocationDate(r), &before), 1);
		unsigned char *again = NULL;
		assert_int_equal(i2d_X509_REVOKED(r, &again), entry_len);
		assert_memory_equal(again, entry, entry_len);
		ASN1_ENUMERATED *why = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
		assert_int_equal(why ? ASN1_ENUMERATED_get(why) : 0, reason);
		ASN1_ENUMERATED_free(why);
		OPENSSL_free(again);
		X509_REVOKED_free(r);
	}
}

static void
a_serial_or_time_that_cannot_be_is_no_entry(void **state)
{
	static const uint8_t negative[] = {0x80, 1}, good[] = {1}, long_one[21] = {1};
	struct crl_form form = {0};
	uint8_t entry[CRL_ENTRY_MAX];
	(void)state;
	assert_int_equal(crl_entry_format(&form, negative, 2, 1, 0, entry), 0);
	assert_int_equal(crl_entry_format(&form, good, 0, 1, 0, entry), 0);
	assert_int_equal(crl_entry_format(&form, long_one, 21, 1, 0, entry), 0);
	assert_int_equal(crl_entry_format(&form, good, 1, -1, 0, entry), 0);
	assert_true(crl_entry_format(&form, good, 1, 1, 0, entry) > 0);
}

/* ---- long lists ---- */

static void
make_issuer(const char *type, struct issuer *out)
{
	struct fas_err e = {0};
	*out = (struct issuer){.stem = "made-1", .backdate_s = 300};
	assert_int_equal(key_generate(type, &out->key, &e), FAS_OK);
	out->published.signature = key_algorithm(out->key);
	size_t len = 0;
	const uint8_t *spki = key_spki(out->key, &len);
	struct profile_ca_facts facts = {.common_name = "Made",
	    .serial = {1},
	    .serial_len = 1,
	    .not_before_s = clock_now() - 60,
	    .not_after_s = clock_now() + 86400,
	    .path_len = 0,
	    .spki = spki,
	    .spki_len = len};
	uint8_t *tbs = NULL, *der = NULL, signature[KEY_SIGNATURE_MAX];
	size_t tbs_len = 0, der_len = 0, signature_len = 0;
	assert_int_equal(
	    profile_build_ca(NULL, out->published.signature, &facts, &tbs, &tbs_len, &e), FAS_OK);
	assert_int_equal(key_sign(out->key, tbs, tbs_len, signature, &signature_len, &e), FAS_OK);
	assert_int_equal(profile_assemble(out->published.signature, tbs, tbs_len, signature,
			     signature_len, &der, &der_len, &e),
	    FAS_OK);
	const uint8_t *at = der;
	out->certificate = d2i_X509(NULL, &at, (long)der_len);
	assert_non_null(out->certificate);
	free(tbs);
	free(der);
}

/* A list of n entries that was expected to have another number, read back and verified by the library. */
static enum fas_code
write_list(const struct issuer *issuer, uint32_t n, int64_t expected,
    const struct file_beside *file, struct fas_err *e)
{
	OWN(crl_writer) struct crl_writer w = {0};
	const struct crl_terms terms = {.number = 7,
	    .this_update_s = clock_now() - 300,
	    .next_update_s = clock_now() + 3600,
	    .next_publish_s = clock_now() + 600,
	    .entries = expected};
	assert_int_equal(crl_writer_begin(&w, issuer, &terms, file, e), FAS_OK);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t serial[] = {1, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
		assert_int_equal(
		    crl_writer_add(&w, serial, sizeof(serial), 1795406690 + i, 4, e), FAS_OK);
	}
	return crl_writer_finish(&w, e);
}

static X509_CRL *
written(
    struct place *p, const struct issuer *issuer, uint32_t n, int64_t expected, struct crl_map *map)
{
	struct fas_err e = {0};
	char path[PATH_MAX];
	OWN(file_beside) struct file_beside file = {.fd = -1};
	(void)place_path(p, "public/crl/made.crl", path);
	assert_int_equal(file_begin(path, 0644, &file, &e), FAS_OK);
	if (write_list(issuer, n, expected, &file, &e) != FAS_OK)
		fail_msg("%s", e.message);
	assert_int_equal(crl_map(&file, map, &e), FAS_OK);
	const uint8_t *at = map->der;
	X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)map->len);
	assert_non_null(crl);
	assert_ptr_equal(at, map->der + map->len);
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(issuer->certificate)), 1);
	return crl;
}

static atomic_bool no_room;
int __wrap_posix_fallocate(int fd, off_t from, off_t len);
int __real_posix_fallocate(int fd, off_t from, off_t len);

int
__wrap_posix_fallocate(int fd, off_t from, off_t len)
{
	return atomic_load(&no_room) ? ENOSPC : __real_posix_fallocate(fd, from, len);
}

/* What is mapped and has no room is a signal and no error. */
static void
a_list_for_which_a_disk_has_no_room_is_refused(void **state)
{
	struct fas_err e = {0};
	struct issuer issuer;
	char path[PATH_MAX];
	OWN(file_beside) struct file_beside file = {.fd = -1};
	make_issuer("p-256", &issuer);
	(void)place_path(*state, "public/crl/made.crl", path);
	assert_int_equal(file_begin(path, 0644, &file, &e), FAS_OK);
	atomic_store(&no_room, true);
	enum fas_code rc = write_list(&issuer, 1000, 0, &file, &e);
	atomic_store(&no_room, false);
	assert_int_equal(rc, FAS_E_IO);
	assert_non_null(strstr(e.message, "No space left on device"));
	X509_free(issuer.certificate);
	key_free(issuer.key);
}

/* Around each length at which a header grows, for a signature whose length is always another one. */
static void
lists_of_every_length_are_read_and_verified(void **state)
{
	static const uint32_t lengths[] = {0, 1, 2, 3, 4, 1600, 1650, 6000, 40000};
	struct issuer issuer;
	make_issuer("p-256", &issuer);
	for (uint32_t n = 0; n < 60 + NELEMS(lengths); n++) {
		OWN(crl_map) struct crl_map map = {0};
		uint32_t len = n < 60 ? 1580 + n : lengths[n - 60];
		int64_t expected = n % 3 == 0 ? len : n % 3 == 1 ? 0 : 1000000;
		X509_CRL *crl = written(*state, &issuer, len, expected, &map);
		int have = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
		assert_int_equal(have < 0 ? 0 : have, len);
		X509_CRL_free(crl);
	}
	X509_free(issuer.certificate);
	key_free(issuer.key);
}

static void
a_written_list_is_clean_and_leaves_no_other_file(void **state)
{
	struct issuer issuer;
	struct lint_report report = {0};
	char path[PATH_MAX];
	make_issuer("rsa-2048", &issuer);
	{
		OWN(crl_map) struct crl_map map = {0};
		const struct lint_context context = {.issuer = issuer.certificate,
		    .published = &issuer.published,
		    .now_s = clock_now()};
		X509_CRL_free(written(*state, &issuer, 20000, 3, &map));
		lint_crl(map.der, map.len, &context, 6, &report);
	}
	if (report.n > 0)
		fail_msg("%s: %s", report.findings[0].name, report.findings[0].message);
	DIR *folder = opendir(place_path(*state, "public/crl", path));
	assert_non_null(folder);
	for (const struct dirent *at = readdir(folder); at; at = readdir(folder)) {
		const char *end = strrchr(at->d_name, '.');
		assert_true(strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0 ||
			    (end && (strcmp(end, ".crl") == 0 || strcmp(end, ".pem") == 0)));
	}
	(void)closedir(folder);
	X509_free(issuer.certificate);
	key_free(issuer.key);
}

static void
what_a_crash_left_beside_a_list_is_gone_after_the_start(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	struct stat st;
	(void)place_write(p, "public/crl/main-1.crl.Xy12Zz", "half a list");
	(void)place_write(p, "public/ca/main-1.cer.abcdef", "half a certificate");
	(void)place_write(p, "public/crl/main-1.pem.Ab12cD", "half a text");
	(void)place_write(p, "public/crl/notes.txt", "somebody's");
	place_restart(p);
	assert_int_equal(stat(place_path(p, "public/crl/main-1.crl.Xy12Zz", path), &st), -1);
	assert_int_equal(stat(place_path(p, "public/ca/main-1.cer.abcdef", path), &st), -1);
	assert_int_equal(stat(place_path(p, "public/crl/main-1.pem.Ab12cD", path), &st), -1);
	assert_int_equal(stat(place_path(p, "public/crl/notes.txt", path), &st), 0);
	assert_int_equal(stat(place_path(p, "public/crl/main-1.crl", path), &st), 0);
}

static void
the_next_publication_is_said_and_is_before_the_end(void **state)
{
	X509_CRL *crl = place_crl(*state, 0);
	ASN1_OBJECT *id = OBJ_txt2obj("1.3.6.1.4.1.311.21.4", 1);
	int at = X509_CRL_get_ext_by_OBJ(crl, id, -1);
	assert_true(at >= 0);
	X509_EXTENSION *extension = X509_CRL_get_ext(crl, at);
	assert_int_equal(X509_EXTENSION_get_critical(extension), 0);
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
	const uint8_t *der = ASN1_STRING_get0_data(value);
	ASN1_TIME *when = d2i_ASN1_TIME(NULL, &der, ASN1_STRING_length(value));
	assert_non_null(when);
	assert_int_equal(ASN1_TIME_compare(when, X509_CRL_get0_nextUpdate(crl)), -1);
	assert_int_equal(ASN1_TIME_compare(when, X509_CRL_get0_lastUpdate(crl)), 1);
	ASN1_TIME_free(when);
	ASN1_OBJECT_free(id);
	X509_CRL_free(crl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(the_first_crl_is_there_before_the_first_certificate),
	    T(a_revocation_is_published_within_a_second),
	    T(revoking_again_counts_nothing),
	    T(administrators_revoke_by_each_selector),
	    T(numbers_grow_over_restarts_and_by_hand),
	    T(the_number_of_a_clock_that_was_ahead_still_grows),
	    T(everybody_may_read_what_is_published_and_nobody_the_keys),
	    T(what_is_published_as_pem_is_what_is_published_as_der),
	    T(entries_are_sorted_and_leave_after_their_certificates_end),
	    cmocka_unit_test(an_entry_is_what_openssl_would_write),
	    cmocka_unit_test(a_serial_or_time_that_cannot_be_is_no_entry),
	    T(lists_of_every_length_are_read_and_verified),
	    T(a_list_for_which_a_disk_has_no_room_is_refused),
	    T(a_written_list_is_clean_and_leaves_no_other_file),
	    T(what_a_crash_left_beside_a_list_is_gone_after_the_start),
	    T(the_next_publication_is_said_and_is_before_the_end),
	};
	return cmocka_run_group_tests_name("crl", tests, NULL, NULL);
}
