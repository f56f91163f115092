/* Providers' metadata over time: asked when due, kept, put in force, and left alone when what comes is bad. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/idp_refresh.h"
#include "saml_entities.h"

#define URL "https://idp.example/metadata"
#define ENTRY                                                                                      \
	"- name: a\n  audiences: [" AUDIENCE "]\n  recipients: [" ACS "]\n  metadata: " URL        \
	"\n  metadata_certificates: [1.pem]\n"

static struct service service;
static char copies[128];

/* The server: what it gives, and how often it was asked. */
static struct {
	const char *body;
	enum fas_code fails;
	unsigned asked;
	char url[128];
} server;

static enum fas_code
fetch(const char *url, const char *ca_file, size_t max_bytes, int timeout_ms, struct buf *out,
    struct fas_err *e)
{
	(void)ca_file, (void)timeout_ms;
	buf_init(out, max_bytes);
	server.asked++;
	(void)snprintf(server.url, sizeof(server.url), "%s", url);
	if (server.fails != FAS_OK)
		return fas_fail(e, server.fails, "fetch_connect", "made up");
	buf_text(out, server.body);
	return buf_check(out, e);
}

static void
remove_copy(void)
{
	char path[256];
	struct fas_err e = {0};
	assert_int_equal(saml_metadata_copy("metadata", "a", URL, path, sizeof(path), &e), FAS_OK);
	kit_remove(path);
}

static int
setup(void **state)
{
	char path[128];
	struct fas_err e = {0};
	int rc = kit_setup(state);
	if (rc != 0)
		return rc;
	(void)snprintf(copies, sizeof(copies), "%s/metadata", world.folder);
	(void)snprintf(path, sizeof(path), "%s/fas.db", world.folder);
	service_trust_init(&service);
	if (db_pool_open(path, &fas_migrations, 2, &service.db, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return 0;
}

static int
teardown(void **state)
{
	char path[160];
	db_pool_close(service.db);
	saml_trust_free(service.trust);
	remove_copy();
	kit_remove("fas.db");
	kit_remove("fas.db-wal");
	kit_remove("fas.db-shm");
	kit_remove("fas.db.lock");
	(void)snprintf(path, sizeof(path), "%s/metadata", world.folder);
	(void)rmdir(path);
	return kit_teardown(state);
}

static struct saml_trust *
read_trust(void)
{
	struct yaml_doc *doc = NULL;
	struct saml_trust *trust = NULL;
	struct fas_err e = {0};
	if (yaml_parse("fasd.yaml", ENTRY, strlen(ENTRY), &doc, &e) != FAS_OK ||
	    saml_trust_load_with(yaml_root(doc), world.folder, copies, clock_now(), &trust, &e) !=
		FAS_OK)
		fail_msg("%s", e.message);
	yaml_doc_free(doc);
	return trust;
}

/* As a start does: from the copy, if there is one. */
static void
load(void)
{
	if (service.trust)
		saml_trust_free(service.trust);
	service.trust = read_trust();
}

static struct saml_metadata_state
now(void)
{
	struct saml_metadata_state state = {0};
	assert_true(saml_trust_metadata(service.trust, 0, &state));
	return state;
}

static int64_t
records(void)
{
	struct service_counts counts;
	struct fas_err e = {0};
	if (service_count(&service, &counts, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return counts.audit_records;
}

static struct idp_refresh *
refresh(void)
{
	struct idp_refresh *made = NULL;
	struct fas_err e = {0};
	if (idp_refresh_new(&service, copies, fetch, &made, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return made;
}

static void
from_nothing_to_force_and_over_a_restart(void **state)
{
	OWN(text) char *first = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	OWN(text) char *second = entity_sign(entity_unsigned("main", KEY_P256), KEY_OTHER);
	OWN(text) char *foreign = entity_sign(entity_unsigned("main", KEY_P256), KEY_MAIN);
	OWN(idp_refresh) struct idp_refresh *r = refresh();
	(void)state;
	load();
	assert_true(now().pending);

	server.body = first;
	assert_true(idp_refresh_round(r) <= 60);
	assert_int_equal(server.asked, 1);
	assert_string_equal(server.url, URL);
	assert_false(now().pending);
	assert_true(now().fetched_s >= clock_now() - 60);
	assert_int_equal(records(), 1);

	(void)idp_refresh_round(r); /* not due: nobody is asked */
	assert_int_equal(server.asked, 1);

	load(); /* from the copy, with the URL away */
	assert_false(now().pending);

	/* A new round's worth of memory, and a copy that is old. */
	OWN(idp_refresh) struct idp_refresh *later = refresh();
	struct fas_err e = {0};
	OWN(saml_entity) struct saml_entity *old = NULL;
	assert_int_equal(saml_trust_judge(service.trust, 0, (const uint8_t *)first, strlen(first),
			     clock_now(), &old, &e),
	    FAS_OK);
	assert_int_equal(saml_trust_renew(service.trust, 0, old, clock_now() - 7200, &e), FAS_OK);
	server.body = foreign; /* nobody who is pinned has signed it */
	(void)idp_refresh_round(later);
	assert_int_equal(server.asked, 2);
	assert_int_equal(records(), 1);
	assert_false(now().pending);
	assert_true(now().fetched_s < clock_now() - 3600);
	(void)idp_refresh_round(later); /* after a failure it is not asked at once */
	assert_int_equal(server.asked, 2);

	OWN(idp_refresh) struct idp_refresh *last = refresh();
	server.body = second;
	(void)idp_refresh_round(last);
	assert_int_equal(server.asked, 3);
	assert_int_equal(records(), 2);
	assert_true(now().fetched_s >= clock_now() - 60);
}

static void
a_stopped_one_asks_nobody(void **state)
{
	OWN(idp_refresh) struct idp_refresh *r = refresh();
	unsigned before = server.asked;
	(void)state;
	remove_copy();
	load();
	assert_true(now().pending);
	idp_refresh_stop(r);
	(void)idp_refresh_round(r);
	assert_int_equal(server.asked, before);
	assert_true(now().pending);
}

static void
what_is_away_is_waited_for(void **state)
{
	OWN(idp_refresh) struct idp_refresh *r = refresh();
	unsigned before = server.asked;
	(void)state;
	load();
	server.fails = FAS_E_UNAVAILABLE;
	(void)idp_refresh_round(r);
	(void)idp_refresh_round(r);
	assert_int_equal(server.asked, before + 1);
	assert_true(now().pending);
	server.fails = FAS_OK;
}

static void
metadata_of_a_url_that_is_gone_are_not_taken(void **state)
{
	OWN(text) char *good = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	struct fas_err name = {0}, url = {0};
	(void)state;
	load();
	assert_int_equal(service_renew_provider(&service, "b", URL, (const uint8_t *)good,
			     strlen(good), clock_now(), &name),
	    FAS_E_NOTFOUND);
	assert_int_equal(service_renew_provider(&service, "a", URL "/old", (const uint8_t *)good,
			     strlen(good), clock_now(), &url),
	    FAS_E_NOTFOUND);
	assert_true(now().pending);
}

static void *
replace(void *trust)
{
	service_replace_trust(&service, trust, NULL);
	return NULL;
}

/* Verifications that follow each other without a gap keep no new set of providers out of force. */
static void
who_verifies_next_waits_behind_a_new_set(void **state)
{
	pthread_t thread;
	int rc = 0;
	struct saml_trust *next = read_trust();
	(void)state;
	load();
	(void)service_trust_hold(&service);
	assert_int_equal(pthread_create(&thread, NULL, replace, next), 0);
	int64_t until_us = clock_monotonic_us() + 10000000;
	while (rc == 0 && clock_monotonic_us() < until_us) {
		usleep(1000);
		rc = pthread_rwlock_tryrdlock(&service.trust_lock);
		if (rc == 0)
			service_trust_release(&service);
	}
	service_trust_release(&service);
	pthread_join(thread, NULL);
	assert_int_equal(rc, EBUSY);
	assert_ptr_equal(service_trust_hold(&service), next);
	service_trust_release(&service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(from_nothing_to_force_and_over_a_restart),
	    cmocka_unit_test(a_stopped_one_asks_nobody),
	    cmocka_unit_test(what_is_away_is_waited_for),
	    cmocka_unit_test(metadata_of_a_url_that_is_gone_are_not_taken),
	    cmocka_unit_test(who_verifies_next_waits_behind_a_new_set),
	};
	return cmocka_run_group_tests_name("saml_refresh", tests, setup, teardown);
}
