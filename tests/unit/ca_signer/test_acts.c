/* Acts: revocations, holds and releases by an administrator, what they stop, and how fasd follows them. */
#include "place.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "fas/base/clock.h"
#include "fas/base/db.h"
#include "fas/base/json.h"

static int
set_up(void **state)
{
	static const struct place_options quick = {.key = "p-256"};
	*state = place_new(&quick);
	return 0;
}

static int
tear_down(void **state)
{
	place_free(*state);
	return 0;
}

static void
issue_to(struct place *p, const char *id, const char *session, const char *host, const char *rule,
    struct signer_certificate *out)
{
	struct fas_err e = {0};
	struct signer_request q = alice(id);
	q.session = session;
	q.host = host;
	q.rule = rule;
	if (signer_issue(p->signer, &q, out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
}

static void
issue(struct place *p, const char *id, struct signer_certificate *out)
{
	issue_to(p, id, "session-of-alice", "vda1.corp.example.com", "engineering", out);
}

static void
issue_is_refused(struct place *p, const char *id, const char *reason)
{
	struct fas_err e = {0};
	OWN(signer_certificate) struct signer_certificate c = {0};
	struct signer_request q = alice(id);
	assert_int_equal(signer_issue(p->signer, &q, &c, &e), FAS_E_DENIED);
	assert_reason(e, reason);
}

/* A member of what the admin socket answers to the act; how many certificates. */
static json_int_t
act(struct place *p, const char *op, const char *member, const char *value)
{
	json_t *request =
	    json_pack("{s:s,s:o}", "op", op, member, value ? json_string(value) : json_true());
	OWN(json) json_t *reply = place_admin(p, request);
	const char *count = strcmp(op, "cert.release") == 0 ? "released" : "revoked";
	assert_true(json_is_integer(json_object_get(reply, count)));
	return json_integer_value(json_object_get(reply, count));
}

/* "valid", or the reason with which it is revoked. */
static void
assert_state(struct place *p, const char *serial, const char *want)
{
	OWN(json)
	json_t *reply = place_admin(p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", serial));
	const char *reason = json_string_value(json_object_get(reply, "reason"));
	assert_string_equal(
	    reason ? reason : json_string_value(json_object_get(reply, "state")), want);
}

static json_int_t
revoked_at(struct place *p, const char *serial)
{
	OWN(json)
	json_t *reply = place_admin(p, json_pack("{s:s,s:s}", "op", "cert.show", "serial", serial));
	return json_integer_value(json_object_get(reply, "revoked_at"));
}

/* How many entries the next CRL behind this number has. */
static int
entries_behind(struct place *p, int64_t number)
{
	X509_CRL *crl = place_crl(p, number);
	int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	X509_CRL_free(crl);
	return n < 0 ? 0 : n;
}

static int64_t
number_now(struct place *p)
{
	X509_CRL *crl = place_crl(p, 0);
	int64_t number = crl_number(crl);
	X509_CRL_free(crl);
	return number;
}

/* ---- holds ---- */

static void
a_hold_is_on_the_crl_and_a_release_takes_it_off(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	issue(p, "request-1", &a);
	int64_t before = number_now(p);
	assert_int_equal(act(p, "cert.hold", "upn", "ALICE@corp.example.com"), 1);
	assert_int_equal(entries_behind(p, before), 1);
	assert_state(p, a.serial, "certificateHold");
	before = number_now(p);
	assert_int_equal(act(p, "cert.release", "upn", "alice@corp.example.com"), 1);
	assert_int_equal(entries_behind(p, before), 0);
	assert_state(p, a.serial, "valid");
	assert_int_equal(place_records(p, "certificates_held", NULL), 1);
	assert_int_equal(place_records(p, "certificates_released", NULL), 1);
}

static void
what_is_on_hold_gets_nothing_until_it_is_released(void **state)
{
	static const struct {
		const char *member, *value;
	} cases[] = {{"upn", "alice@corp.example.com"}, {"sid", "S-1-5-21-1-2-3-1105"},
	    {"host", "VDA1.corp.example.com"}, {"rule", "engineering"}};
	struct place *p = *state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		char id[32];
		OWN(signer_certificate) struct signer_certificate c = {0};
		(void)snprintf(id, sizeof(id), "request-%zu", i);
		(void)act(p, "cert.hold", cases[i].member, cases[i].value);
		issue_is_refused(p, id, "on_hold");
		(void)act(p, "cert.release", cases[i].member, cases[i].value);
		issue(p, id, &c);
	}
}

/* An administrator's request for a domain controller's certificate. */
static json_t *
kdc_wire(void)
{
	char *data = NULL;
	X509_REQ *request = X509_REQ_new();
	assert_int_equal(X509_REQ_set_pubkey(request, test_key(1)), 1);
	assert_true(X509_REQ_sign(request, test_key(1), EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509_REQ(bio, request), 1);
	long len = BIO_get_mem_data(bio, &data);
	json_t *wire = json_pack("{s:s,s:s,s:[s],s:s%}", "op", "kdc.issue", "authority", AUTHORITY,
	    "dns_names", "dc1.corp.example.com", "csr", data, (size_t)len);
	BIO_free(bio);
	X509_REQ_free(request);
	return wire;
}

/* The request of an administrator for a certificate of dc1, which is the domain's name as well. */
static char *
issue_controller(struct place *p)
{
	OWN(json) json_t *wire = kdc_wire();
	assert_int_equal(json_array_append_new(
			     json_object_get(wire, "dns_names"), json_string("corp.example.com")),
	    0);
	OWN(json) json_t *reply = place_admin(p, json_incref(wire));
	return strdup(json_string_value(json_object_get(reply, "serial")));
}

static void
a_domain_controller_is_revoked_and_held_by_each_of_its_names(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate user = {0};
	OWN(text) char *first = issue_controller(p);
	OWN(text) char *second = issue_controller(p);
	issue(p, "request-1", &user);
	assert_int_equal(act(p, "cert.hold", "host", "dc2.corp.example.com"), 0);
	assert_int_equal(act(p, "cert.hold", "host", "example.com"), 0);
	assert_int_equal(act(p, "cert.hold", "host", "DC1.corp.example.com"), 2);
	place_admin_refuses(p, kdc_wire(), "on_hold");
	assert_int_equal(act(p, "cert.release", "host", "dc1.corp.example.com"), 2);
	assert_state(p, first, "valid");
	assert_int_equal(act(p, "cert.revoke", "host", "corp.example.com"), 2);
	assert_state(p, first, "unspecified");
	assert_state(p, second, "unspecified");
	assert_state(p, user.serial, "valid");
	/* What is revoked is no hold: the next one is issued. */
	OWN(text) char *third = issue_controller(p);
	assert_state(p, third, "valid");
}

static void
a_hold_of_another_or_of_one_session_stops_no_issue(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	(void)act(p, "cert.hold", "upn", "bob@corp.example.com");
	(void)act(p, "cert.hold", "session", "session-of-alice");
	json_decref(place_admin(p, json_pack("{s:s,s:b,s:i,s:I}", "op", "cert.hold", "everything",
				       1, "from", 1, "to", (json_int_t)1000)));
	issue(p, "request-1", &a);
}

static void
a_certificate_on_hold_can_be_revoked_and_keeps_the_date_of_the_hold(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	issue(p, "request-1", &a);
	(void)act(p, "cert.hold", "serial", a.serial);
	json_int_t held_at = revoked_at(p, a.serial);
	const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
	(void)nanosleep(&pause, NULL); /* so that another date would be another second */
	assert_int_equal(act(p, "cert.revoke", "upn", "alice@corp.example.com"), 1);
	assert_state(p, a.serial, "unspecified");
	assert_int_equal(revoked_at(p, a.serial), held_at);
	/* What is revoked for good comes back by no release. */
	assert_int_equal(act(p, "cert.release", "serial", a.serial), 0);
	assert_state(p, a.serial, "unspecified");
}

static void
a_release_leaves_what_another_hold_covers(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	issue_to(p, "request-1", "s1", "h1.corp.example.com", "engineering", &a);
	issue_to(p, "request-2", "s2", "h2.corp.example.com", "engineering", &b);
	assert_int_equal(act(p, "cert.hold", "upn", "alice@corp.example.com"), 2);
	assert_int_equal(act(p, "cert.hold", "host", "h1.corp.example.com"), 0);
	assert_int_equal(act(p, "cert.release", "upn", "alice@corp.example.com"), 1);
	assert_state(p, a.serial, "certificateHold");
	assert_state(p, b.serial, "valid");
	assert_int_equal(act(p, "cert.release", "host", "h1.corp.example.com"), 1);
	assert_state(p, a.serial, "valid");
}

static void
a_release_names_just_what_was_put_on_hold(void **state)
{
	struct place *p = *state;
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "cert.release", "upn", "a@b.example"), "hold_none");
	(void)act(p, "cert.hold", "upn", "alice@corp.example.com");
	place_admin_refuses(p,
	    json_pack("{s:s,s:s}", "op", "cert.release", "sid", "S-1-5-21-1-2-3-1105"),
	    "hold_none");
	place_admin_refuses(
	    p, json_pack("{s:s,s:b}", "op", "cert.release", "everything", 1), "hold_none");
	OWN(json) json_t *reply = place_admin(p, json_pack("{s:s}", "op", "cert.holds"));
	json_t *holds = json_object_get(reply, "holds");
	assert_int_equal(json_array_size(holds), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(holds, 0), "value")),
	    "alice@corp.example.com");
	assert_true(json_is_true(json_object_get(json_array_get(holds, 0), "stops")));
}

/* A release covers anew what the other holds cover: none of them may be too many to be looked at. */
static void
there_are_no_more_holds_than_a_release_looks_at(void **state)
{
	struct place *p = *state;
	char path[PATH_MAX];
	struct db *db = NULL;
	struct fas_err e = {0};
	(void)act(p, "cert.hold", "upn", "bob@corp.example.com");
	assert_int_equal(db_connect(place_path(p, "state/ca.db", path), true, &db, &e), FAS_OK);
	assert_int_equal(
	    db_exec(db,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<999) "
		"INSERT INTO acts(kind,target,value,session,from_s,to_s,reason,stops,time_ms,"
		"caller,correlation_id) SELECT 'hold','session','s'||i,'',0,0,6,0,0,'','' FROM n",
		&e),
	    FAS_OK);
	db_close(db);
	place_admin_refuses(p,
	    json_pack("{s:s,s:s}", "op", "cert.hold", "sid", "S-1-5-21-1-2-3-1105"),
	    "too_many_holds");
	assert_int_equal(act(p, "cert.revoke", "upn", "bob@corp.example.com"), 0);
	assert_int_equal(act(p, "cert.release", "session", "s500"), 0);
	assert_int_equal(act(p, "cert.hold", "sid", "S-1-5-21-1-2-3-1105"), 0);
	issue_is_refused(p, "request-1", "on_hold");
}

/* ---- everything ---- */

static void
revoking_everything_stops_all_issuing_until_it_is_released(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	issue(p, "request-1", &a);
	assert_int_equal(act(p, "cert.revoke", "everything", NULL), 1);
	issue_is_refused(p, "request-2", "issuing_stopped");
	place_admin_refuses(p, kdc_wire(), "issuing_stopped");
	place_restart(p);
	issue_is_refused(p, "request-2", "issuing_stopped");
	OWN(json) json_t *reply = place_admin(p, json_pack("{s:s}", "op", "status"));
	json_t *acts = json_object_get(reply, "acts");
	assert_true(json_integer_value(json_object_get(acts, "stopped_since")) > 0);
	/* The certificates stay revoked: it was no hold. */
	assert_int_equal(act(p, "cert.release", "everything", NULL), 0);
	assert_state(p, a.serial, "unspecified");
	issue(p, "request-2", &b);
	json_decref(place_admin(p, kdc_wire()));
	OWN(json) json_t *after = place_admin(p, json_pack("{s:s}", "op", "status"));
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(after, "acts"), "stopped_since")),
	    0);
}

static void
everything_has_to_be_said_and_is_users_only(void **state)
{
	struct place *p = *state;
	place_admin_refuses(p, json_pack("{s:s}", "op", "cert.revoke"), "selector_invalid");
	place_admin_refuses(
	    p, json_pack("{s:s,s:i}", "op", "cert.revoke", "from", 1), "selector_invalid");
	place_admin_refuses(p,
	    json_pack("{s:s,s:b,s:s}", "op", "cert.revoke", "everything", 1, "upn", "a@b.example"),
	    "selector_invalid");
	place_admin_refuses(p,
	    json_pack(
		"{s:s,s:b,s:i,s:i}", "op", "cert.revoke", "everything", 1, "from", 9, "to", 9),
	    "range_empty");
	place_admin_refuses(p,
	    json_pack("{s:s,s:s,s:s}", "op", "cert.revoke", "upn", "a@b.example", "reason",
		"certificateHold"),
	    "reason_unknown");
	place_issue_refuses(p,
	    json_pack("{s:s,s:s,s:s,s:b}", "op", "revoke", "correlation_id",
		"0123456789abcdef0123456789abcdef", "reason", "superseded", "everything", 1),
	    "member_unknown");
}

/* ---- rules and times ---- */

static void
certificates_are_revoked_by_rule(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	OWN(signer_certificate) struct signer_certificate b = {0};
	issue_to(p, "request-1", "s1", "h1.corp.example.com", "engineering", &a);
	issue_to(p, "request-2", "s2", "h1.corp.example.com", "sales", &b);
	assert_int_equal(act(p, "cert.revoke", "rule", "sales"), 1);
	assert_state(p, a.serial, "valid");
	assert_state(p, b.serial, "unspecified");
}

static json_int_t
revoke_range(struct place *p, const char *member, const char *value, int64_t from_s, int64_t to_s)
{
	OWN(json)
	json_t *reply = place_admin(p, json_pack("{s:s,s:o,s:I,s:I}", "op", "cert.revoke", member,
					   value ? json_string(value) : json_true(), "from",
					   (json_int_t)from_s, "to", (json_int_t)to_s));
	return json_integer_value(json_object_get(reply, "revoked"));
}

static void
a_time_range_narrows_what_is_revoked(void **state)
{
	struct place *p = *state;
	int64_t now_s = clock_now();
	OWN(signer_certificate) struct signer_certificate a = {0};
	issue(p, "request-1", &a);
	assert_int_equal(revoke_range(p, "everything", NULL, now_s - 100, now_s - 10), 0);
	assert_int_equal(
	    revoke_range(p, "host", "vda1.corp.example.com", now_s + 60, now_s + 90), 0);
	assert_int_equal(revoke_range(p, "host", "other.example.com", now_s - 5, now_s + 60), 0);
	assert_state(p, a.serial, "valid");
	assert_int_equal(revoke_range(p, "everything", NULL, now_s - 5, now_s + 60), 1);
	assert_state(p, a.serial, "unspecified");
}

/* ---- fasd follows ---- */

static json_t *
follow(struct place *p, int64_t after, int wait_ms, json_t *applied)
{
	return place_issue(
	    p, json_pack("{s:s,s:I,s:i,s:o}", "op", "acts", "after", (json_int_t)after, "wait_ms",
		   wait_ms, "applied", applied ? applied : json_array()));
}

static void
acts_are_told_in_their_order_and_behind_the_last_one(void **state)
{
	struct place *p = *state;
	(void)act(p, "cert.revoke", "upn", "alice@corp.example.com");
	(void)act(p, "cert.hold", "host", "h1.corp.example.com");
	(void)act(p, "cert.release", "host", "h1.corp.example.com");
	OWN(json) json_t *all = follow(p, 0, 0, NULL);
	json_t *acts = json_object_get(all, "acts");
	assert_int_equal(json_array_size(acts), 3);
	assert_int_equal(json_integer_value(json_object_get(all, "last")), 3);
	static const char *const kinds[] = {"revoke", "hold", "release"};
	for (size_t i = 0; i < NELEMS(kinds); i++) {
		json_t *at = json_array_get(acts, i);
		assert_int_equal(json_integer_value(json_object_get(at, "id")), i + 1);
		assert_string_equal(json_string_value(json_object_get(at, "kind")), kinds[i]);
	}
	OWN(json) json_t *rest = follow(p, 2, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(rest, "acts")), 1);
}

static void
the_act_on_a_serial_names_its_session(void **state)
{
	struct place *p = *state;
	OWN(signer_certificate) struct signer_certificate a = {0};
	issue(p, "request-1", &a);
	(void)act(p, "cert.revoke", "serial", a.serial);
	OWN(json) json_t *all = follow(p, 0, 0, NULL);
	json_t *at = json_array_get(json_object_get(all, "acts"), 0);
	assert_string_equal(json_string_value(json_object_get(at, "session")), "session-of-alice");
}

/* A refused act is none: nothing is told of it. */
static void
what_was_refused_leaves_no_act(void **state)
{
	struct place *p = *state;
	place_admin_refuses(p, json_pack("{s:s,s:s}", "op", "cert.revoke", "serial", "0badcafe"),
	    "certificate_unknown");
	place_admin_refuses(
	    p, json_pack("{s:s,s:s}", "op", "cert.release", "rule", "engineering"), "hold_none");
	OWN(json) json_t *all = follow(p, 0, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(all, "acts")), 0);
}

/* Plays fasd: applies the first act to seven sessions. */
static void *
follower(void *arg)
{
	struct place *p = arg;
	OWN(json) json_t *none = follow(p, 0, 10000, NULL);
	assert_int_equal(json_array_size(json_object_get(none, "acts")), 1);
	json_decref(follow(p, 1, 0, json_pack("[{s:i,s:i}]", "id", 1, "sessions", 7)));
	return NULL;
}

static void
an_administrator_hears_how_many_sessions_it_concerned(void **state)
{
	struct place *p = *state;
	pthread_t thread;
	json_decref(follow(p, 0, 0, NULL)); /* somebody follows */
	assert_int_equal(pthread_create(&thread, NULL, follower, p), 0);
	OWN(json)
	json_t *reply =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "cert.revoke", "upn", "a@b.example"));
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(reply, "sessions")), 7);
}

static void
where_nobody_follows_an_administrator_does_not_wait(void **state)
{
	struct place *p = *state;
	OWN(json)
	json_t *reply =
	    place_admin(p, json_pack("{s:s,s:s}", "op", "cert.revoke", "upn", "a@b.example"));
	assert_null(json_object_get(reply, "sessions"));
	assert_int_equal(json_integer_value(json_object_get(reply, "act")), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	    T(a_hold_is_on_the_crl_and_a_release_takes_it_off),
	    T(what_is_on_hold_gets_nothing_until_it_is_released),
	    T(a_domain_controller_is_revoked_and_held_by_each_of_its_names),
	    T(a_hold_of_another_or_of_one_session_stops_no_issue),
	    T(a_certificate_on_hold_can_be_revoked_and_keeps_the_date_of_the_hold),
	    T(a_release_leaves_what_another_hold_covers),
	    T(there_are_no_more_holds_than_a_release_looks_at),
	    T(a_release_names_just_what_was_put_on_hold),
	    T(revoking_everything_stops_all_issuing_until_it_is_released),
	    T(everything_has_to_be_said_and_is_users_only),
	    T(certificates_are_revoked_by_rule),
	    T(a_time_range_narrows_what_is_revoked),
	    T(acts_are_told_in_their_order_and_behind_the_last_one),
	    T(the_act_on_a_serial_names_its_session),
	    T(what_was_refused_leaves_no_act),
	    T(an_administrator_hears_how_many_sessions_it_concerned),
	    T(where_nobody_follows_an_administrator_does_not_wait),
	};
	return cmocka_run_group_tests_name("acts", tests, NULL, NULL);
}
