/* The first start on a restored ca.db: the last published list joins it, and no number goes back. */
#include "place.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "ca/key.h"
#include "ca/store.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/restore.h"

#define FILE_MAX (1 << 24)

static int
set_up(void **state)
{
	*state = place_new(&(struct place_options){.key = "p-256"});
	return 0;
}

#define SECOND                                                                                     \
	"  - name: second\n    common_name: Second Logon CA\n"                                     \
	"    publish_urls: [http://pki.corp.example.com]\n"

static int
set_up_two(void **state)
{
	struct place *p = place_new(&(struct place_options){.key = "p-256", .authority = SECOND});
	json_decref(place_admin(p, json_pack("{s:s,s:s,s:s,s:b}", "op", "ca.init", "authority",
				       "second", "key", "p-256", "root", 1)));
	*state = p;
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static void
copy(struct place *p, const char *from, const char *to)
{
	char source[PATH_MAX], target[PATH_MAX];
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	size_t len = 0;
	assert_int_equal(file_read(place_path(p, from, source), FILE_MAX, &data, &len, &e), FAS_OK);
	assert_int_equal(file_write_atomic(place_path(p, to, target), data, len, 0600, &e), FAS_OK);
}

static void
keep(struct place *p)
{
	place_stop(p);
	copy(p, "state/ca.db", "kept.db");
	place_start(p);
}

/* The kept database, the list as it is published now, and the note: as `fasctl restore` leaves them.  Returns the number of
 * the logon authority's list that stands there: what comes behind is the restored one's. */
static int64_t
put_back(struct place *p, const char *list)
{
	static const char *const beside[] = {"state/ca.db-wal", "state/ca.db-shm"};
	char path[PATH_MAX];
	struct restore_note note = {
	    .made_s = 1, .restored_ms = 2, .by = "uid:0", .n_crls = list != NULL};
	OWN(text) char *text = restore_note_format(&note);
	place_stop(p);
	X509_CRL *crl = place_crl(p, 0);
	int64_t number = crl_number(crl);
	X509_CRL_free(crl);
	for (size_t i = 0; i < NELEMS(beside); i++)
		(void)unlink(place_path(p, beside[i], path));
	copy(p, "kept.db", "state/ca.db");
	if (list)
		copy(p, list, "state/restore-0.crl");
	(void)place_write(p, "state/" RESTORE_NOTE, text);
	return number;
}

#define LIST "public/crl/" AUTHORITY "-1.crl"

static void
issue(struct place *p, const char *id, char serial[SERIAL_HEX_MAX])
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate out = {0};
	struct signer_request q = alice(id);
	if (signer_issue(p->signer, &q, &out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	(void)snprintf(serial, SERIAL_HEX_MAX, "%s", out.serial);
}

static void
revoke_by_hand(struct place *p, const char *serial)
{
	json_decref(place_admin(p, json_pack("{s:s,s:s,s:s}", "op", "cert.revoke", "serial", serial,
				       "reason", "keyCompromise")));
}

/* The reason for which it stands there, -1 when it has none, -2 when it does not. */
static long
reason_on(X509_CRL *crl, const char *serial_hex)
{
	X509_REVOKED *revoked = NULL;
	long reason = -1;
	BIGNUM *bn = NULL;
	assert_true(BN_hex2bn(&bn, serial_hex) > 0);
	ASN1_INTEGER *serial = BN_to_ASN1_INTEGER(bn, NULL);
	int found = X509_CRL_get0_by_serial(crl, &revoked, serial);
	ASN1_INTEGER_free(serial);
	BN_free(bn);
	if (found != 1)
		return -2;
	ASN1_ENUMERATED *why = X509_REVOKED_get_ext_d2i(revoked, NID_crl_reason, NULL, NULL);
	if (why)
		reason = ASN1_ENUMERATED_get(why);
	ASN1_ENUMERATED_free(why);
	return reason;
}

static bool
is_on(X509_CRL *crl, const char *serial_hex)
{
	return reason_on(crl, serial_hex) != -2;
}

/* Two are revoked after the backup: one of before it, one of after it; both are on the list. */
static void
revoke_since(struct place *p, char old[SERIAL_HEX_MAX], char young[SERIAL_HEX_MAX])
{
	issue(p, "request-1", old);
	keep(p);
	issue(p, "request-2", young);
	X509_CRL *crl = place_crl(p, 0);
	int64_t number = crl_number(crl);
	X509_CRL_free(crl);
	revoke_by_hand(p, old);
	revoke_by_hand(p, young);
	do {
		crl = place_crl(p, number);
		number = crl_number(crl);
		if (is_on(crl, old) && is_on(crl, young))
			break;
		X509_CRL_free(crl);
	} while (true);
	X509_CRL_free(crl);
}

static void
what_was_revoked_since_stays_revoked(void **state)
{
	struct place *p = *state;
	char old[SERIAL_HEX_MAX], young[SERIAL_HEX_MAX];
	revoke_since(p, old, young);
	int64_t number = put_back(p, LIST);
	place_start(p);
	X509_CRL *crl = place_crl(p, number);
	assert_true(is_on(crl, old));
	assert_true(is_on(crl, young));
	X509_CRL_free(crl);
	OWN(json)
	json_t *shown = place_admin(p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", young));
	assert_string_equal(json_string_value(json_object_get(shown, "state")), "revoked");
	assert_string_equal(json_string_value(json_object_get(shown, "reason")), "keyCompromise");
	assert_int_equal(place_records(p, "restored", NULL), 1);
}

static void
without_the_list_what_was_revoked_since_is_good_again_which_is_why_it_is_asked_for(void **state)
{
	struct place *p = *state;
	char old[SERIAL_HEX_MAX], young[SERIAL_HEX_MAX];
	revoke_since(p, old, young);
	int64_t number = put_back(p, NULL);
	place_start(p);
	X509_CRL *crl = place_crl(p, number);
	assert_false(is_on(crl, old));
	X509_CRL_free(crl);
}

static const char *
reason_of(struct place *p, const char *serial)
{
	static char reason[32];
	OWN(json)
	json_t *shown = place_admin(p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", serial));
	assert_string_equal(json_string_value(json_object_get(shown, "state")), "revoked");
	(void)snprintf(
	    reason, sizeof(reason), "%s", json_string_value(json_object_get(shown, "reason")));
	return reason;
}

/* A hold of the backup is no way back for what was revoked for good since. */
static void
what_was_on_hold_and_revoked_since_comes_back_by_no_release(void **state)
{
	struct place *p = *state;
	char serial[SERIAL_HEX_MAX];
	issue(p, "request-1", serial);
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "cert.hold", "serial", serial)));
	keep(p);
	X509_CRL *crl = place_crl(p, 0);
	int64_t number = crl_number(crl);
	X509_CRL_free(crl);
	revoke_by_hand(p, serial);
	/* The list with the hold may come in between. */
	for (long reason = -1; reason != CRL_REASON_KEY_COMPROMISE;) {
		crl = place_crl(p, number);
		number = crl_number(crl);
		reason = reason_on(crl, serial);
		X509_CRL_free(crl);
	}
	number = put_back(p, LIST);
	place_start(p);
	assert_string_equal(reason_of(p, serial), "keyCompromise");
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "cert.release", "serial", serial)));
	assert_string_equal(reason_of(p, serial), "keyCompromise");
	crl = place_crl(p, number);
	assert_true(is_on(crl, serial));
	X509_CRL_free(crl);
}

/* The file of the logon CA's key. */
static void
key_file(struct place *p, char out[PATH_MAX])
{
	glob_t found;
	char pattern[PATH_MAX];
	place_path(p, "state/keys/" AUTHORITY "-1-????????.key", pattern);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	assert_int_equal(found.gl_pathc, 1);
	(void)snprintf(out, PATH_MAX, "%s", found.gl_pathv[0]);
	globfree(&found);
}

/* While another authority has its key the signer starts without this one; it is put back afterwards. */
static void
what_was_revoked_since_stays_revoked_when_the_key_comes_later(void **state)
{
	struct place *p = *state;
	char old[SERIAL_HEX_MAX], young[SERIAL_HEX_MAX], key[PATH_MAX], safe[PATH_MAX];
	revoke_since(p, old, young);
	int64_t number = put_back(p, LIST);
	key_file(p, key);
	place_path(p, "safe.key", safe);
	assert_int_equal(rename(key, safe), 0);
	place_start(p);
	assert_int_equal(place_records(p, "restored", NULL), 1);
	place_stop(p);
	assert_int_equal(rename(safe, key), 0);
	place_start(p);
	X509_CRL *crl = place_crl(p, number);
	assert_true(is_on(crl, old));
	assert_true(is_on(crl, young));
	X509_CRL_free(crl);
}

#define MACHINES "public/crl/service-1.crl"

static void
enroll(struct place *p, const char *id, const char *name, struct signer_certificate *out)
{
	struct fas_err e = {0};
	size_t len = 0;
	const uint8_t *spki = test_spki(1, &len);
	OWN(json)
	json_t *reply = place_admin(
	    p, json_pack("{s:s,s:s,s:s}", "op", "token.create", "role", "host", "name", name));
	const char *token = json_string_value(json_object_get(reply, "token"));
	if (signer_enroll(p->signer, id, token, spki, len, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

/* In the table that fasd goes by; fails when it is not there. */
static bool
machine_is_revoked(struct place *p, const char *serial)
{
	struct fas_err e = {0};
	OWN(json) json_t *table = NULL;
	size_t i;
	json_t *host;
	assert_int_equal(signer_hosts(p->signer, -1, 0, &table, &e), FAS_OK);
	json_array_foreach(json_object_get(table, "hosts"), i, host)
	{
		if (strcmp(json_string_value(json_object_get(host, "serial")), serial) == 0)
			return json_is_true(json_object_get(host, "revoked"));
	}
	fail_msg("%s is not in the table", serial);
	return false;
}

static void
revoke_machine(struct place *p, const char *name, const char *serial)
{
	int64_t number = 0;
	bool on;
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "host.revoke", "name", name)));
	do {
		X509_CRL *crl = place_crl_of(p, "service-1", number);
		number = crl_number(crl);
		on = is_on(crl, serial);
		X509_CRL_free(crl);
	} while (!on);
}

static void
a_machine_that_was_revoked_since_stays_revoked_and_the_others_go_on(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate good = {0};
	OWN(signer_certificate) struct signer_certificate bad = {0};
	enroll(p, "request-1", "vda1.corp.example.com", &good);
	enroll(p, "request-2", "vda2.corp.example.com", &bad);
	keep(p);
	revoke_machine(p, "vda2.corp.example.com", bad.serial);
	(void)put_back(p, MACHINES);
	place_start(p);
	assert_true(machine_is_revoked(p, bad.serial));
	assert_false(machine_is_revoked(p, good.serial));
	X509_CRL *crl = place_crl_of(p, "service-1", 0);
	assert_true(is_on(crl, bad.serial));
	X509_CRL_free(crl);
}

static void
without_their_list_a_machine_that_was_revoked_since_is_good_again(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate bad = {0};
	enroll(p, "request-1", "vda2.corp.example.com", &bad);
	keep(p);
	revoke_machine(p, "vda2.corp.example.com", bad.serial);
	assert_true(machine_is_revoked(p, bad.serial));
	(void)put_back(p, LIST);
	place_start(p);
	assert_false(machine_is_revoked(p, bad.serial));
}

static void
authority_is_without_key(struct place *p, const char *id, const char *says)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate out = {0};
	struct signer_request q = alice(id);
	assert_int_not_equal(signer_issue(p->signer, &q, &out, &e), FAS_OK);
	assert_reason(e, "authority_key");
	assert_non_null(strstr(e.message, says));
	q.authority = "second";
	fas_err_clear(&e);
	if (signer_issue(p->signer, &q, &out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

/* As when key files of another time, or none, are put beside ca.db: said by name, and the other authority goes on. */
static void
a_key_that_is_not_the_generations_or_not_there_is_said(void **state)
{
	struct place *p = *state;
	char key[PATH_MAX], safe[PATH_MAX];
	struct fas_err e = {0};
	OWN(key) struct key *other = NULL;
	keep(p);
	(void)put_back(p, LIST);
	key_file(p, key);
	place_path(p, "safe.key", safe);
	assert_int_equal(rename(key, safe), 0);
	place_start(p);
	authority_is_without_key(p, "request-8", ".key is not there: the key of main-1");
	place_stop(p);
	assert_int_equal(key_generate("p-256", &other, &e), FAS_OK);
	assert_int_equal(key_save(other, key, &e), FAS_OK);
	place_start(p);
	authority_is_without_key(p, "request-9", "is not that of the certificate of main-1");
	place_stop(p);
	assert_int_equal(rename(safe, key), 0);
	place_start(p);
	char serial[SERIAL_HEX_MAX];
	issue(p, "request-10", serial);
}

static enum fas_code
set_far(struct db *db, void *arg, struct fas_err *e)
{
	const struct crl_row far = {
	    .number = *(const int64_t *)arg, .this_update_s = 1, .next_update_s = 2};
	enum fas_code rc = FAS_OK;
	for (int64_t issuer = 1; rc == FAS_OK && issuer <= 3; issuer++)
		rc = store_crl_set(db, issuer, &far, e);
	return rc;
}

/* A list whose number is above every number that the clock would give: as if the clock were behind. */
static void
numbers_go_on_from_the_list(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	struct db_pool *db = NULL;
	int64_t far = INT64_C(4000000000000);
	char path[PATH_MAX];
	keep(p);
	place_stop(p);
	assert_int_equal(
	    db_pool_open(place_path(p, "state/ca.db", path), &ca_migrations, 1, &db, &e), FAS_OK);
	if (db_write(db, set_far, &far, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	db_pool_close(db);
	place_start(p);
	X509_CRL_free(place_crl(p, far));
	(void)put_back(p, LIST);
	place_start(p);
	X509_CRL_free(place_crl(p, far + 1));
}

static void
an_enrolment_token_of_the_backup_is_void(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	size_t len = 0;
	const uint8_t *spki = test_spki(1, &len);
	OWN(signer_certificate) struct signer_certificate c = {0};
	OWN(json)
	json_t *reply = place_admin(p, json_pack("{s:s,s:s,s:s}", "op", "token.create", "role",
					   "host", "name", "vda1.corp.example.com"));
	const char *token = json_string_value(json_object_get(reply, "token"));
	keep(p);
	(void)put_back(p, LIST);
	place_start(p);
	assert_int_equal(
	    signer_enroll(p->signer, "request-1", token, spki, len, &c, &e), FAS_E_AUTH);
	assert_reason(e, "token_invalid");
}

static void
is_refused(struct place *p, const char *reason)
{
	struct fas_err e = {0};
	assert_int_equal(signer_server_start(p->config, geteuid(), &p->server, &e), FAS_E_CONFIG);
	assert_reason(e, reason);
}

static void
a_list_of_another_authority_is_refused_and_nothing_is_changed(void **state)
{
	struct place *p = *state;
	char old[SERIAL_HEX_MAX], path[PATH_MAX];
	issue(p, "request-1", old);
	keep(p);
	struct place *other = place_new(&(struct place_options){.key = "p-256"});
	char foreign[PATH_MAX];
	struct fas_err e = {0};
	OWN(text) char *data = NULL;
	size_t len = 0;
	assert_int_equal(
	    file_read(place_path(other, LIST, foreign), FILE_MAX, &data, &len, &e), FAS_OK);
	place_free(other);
	(void)put_back(p, LIST);
	assert_int_equal(
	    file_write_atomic(place_path(p, "state/restore-0.crl", path), data, len, 0600, &e),
	    FAS_OK);
	is_refused(p, "restore_crl");
	copy(p, LIST, "state/restore-0.crl");
	place_start(p);
	assert_int_equal(place_records(p, "restored", NULL), 1);
	assert_int_equal(access(place_path(p, "state/" RESTORE_NOTE, path), F_OK), -1);
	assert_int_equal(access(place_path(p, "state/restore-0.crl", path), F_OK), -1);
}

static void
a_restore_that_was_cut_off_is_refused(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	place_stop(p);
	(void)place_write(p, "state/" RESTORE_INCOMPLETE, "{}");
	is_refused(p, "restore_incomplete");
	(void)unlink(place_path(p, "state/" RESTORE_INCOMPLETE, path));
	place_start(p);
}

static void
a_moment_is_given_out_once_and_under_its_name_only(void **state)
{
	struct place *p = *state;
	struct fas_err e = {0};
	char first[SNAPSHOT_ID_MAX], second[SNAPSHOT_ID_MAX];
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "backup", "snapshot", "none"), "snapshot_unknown");
	assert_int_equal(signer_snapshot(p->signer, first, &e), FAS_OK);
	assert_int_equal(signer_snapshot(p->signer, second, &e), FAS_OK);
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "backup", "snapshot", first), "snapshot_unknown");
	json_decref(place_admin(p, json_pack("{s:s,s:s}", "op", "backup", "snapshot", second)));
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "backup", "snapshot", second), "snapshot_unknown");
	assert_int_equal(place_records(p, "backup_made", NULL), 1);
	assert_int_equal(place_records(p, "backup_refused", "snapshot_unknown"), 3);
	place_issue_refuses(
	    p, json_pack("{s:s,s:s}", "op", "backup", "snapshot", second), "operation_unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(what_was_revoked_since_stays_revoked),
	    T(without_the_list_what_was_revoked_since_is_good_again_which_is_why_it_is_asked_for),
	    cmocka_unit_test_setup_teardown(
		what_was_revoked_since_stays_revoked_when_the_key_comes_later, set_up_two,
		tear_down),
	    cmocka_unit_test_setup_teardown(
		a_key_that_is_not_the_generations_or_not_there_is_said, set_up_two, tear_down),
	    T(what_was_on_hold_and_revoked_since_comes_back_by_no_release),
	    T(a_machine_that_was_revoked_since_stays_revoked_and_the_others_go_on),
	    T(without_their_list_a_machine_that_was_revoked_since_is_good_again),
	    T(numbers_go_on_from_the_list),
	    T(an_enrolment_token_of_the_backup_is_void),
	    T(a_list_of_another_authority_is_refused_and_nothing_is_changed),
	    T(a_restore_that_was_cut_off_is_refused),
	    T(a_moment_is_given_out_once_and_under_its_name_only),
	};
	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
