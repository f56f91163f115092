#include "fas/caller_table.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/own.h"

#define HOSTS_MAX 100000

DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(store, X509_STORE *, X509_STORE_free);
DEFINE_OWN(bio, BIO *, BIO_free_all);

struct machine {
	char serial[sizeof(((struct caller *)NULL)->credential)];
	char name[HOSTNAME_MAX + 1];
	enum caller_role role;
	bool revoked;
};

struct machines {
	int64_t generation;
	size_t n;
	struct machine machine[]; /* sorted by serial */
};

struct caller_table {
	X509_STORE *store;
	X509 *newest;          /* of the service CA's certificates */
	pthread_rwlock_t lock; /* guards the pointer and what it points to */
	struct machines *machines;
	pthread_mutex_t wait_lock;
	pthread_cond_t changed;
};

static X509 *
read_ca(const char *pem)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

enum fas_code
caller_table_new(const char *service_ca_pem, struct caller_table **out, struct fas_err *e)
{
	OWN(x509) X509 *ca = read_ca(service_ca_pem);
	OWN(store) X509_STORE *store = X509_STORE_new();
	if (!ca || !store || X509_STORE_add_cert(store, ca) != 1)
		return fas_fail_openssl(e, "certificate of the service CA");
	struct caller_table *table = calloc(1, sizeof(*table));
	struct machines *none = calloc(1, sizeof(*none));
	if (!table || !none) {
		free(table);
		free(none);
		return fas_fail_nomem(e);
	}
	none->generation = -1;
	table->machines = none;
	table->store = TAKE(store);
	table->newest = TAKE(ca);
	pthread_rwlock_init(&table->lock, NULL);
	pthread_mutex_init(&table->wait_lock, NULL);
	clock_cond_init(&table->changed);
	*out = table;
	return FAS_OK;
}

void
caller_table_free(struct caller_table *table)
{
	if (!table)
		return;
	pthread_cond_destroy(&table->changed);
	pthread_mutex_destroy(&table->wait_lock);
	pthread_rwlock_destroy(&table->lock);
	X509_STORE_free(table->store);
	X509_free(table->newest);
	free(table->machines);
	free(table);
}

enum fas_code
caller_table_trust(
    struct caller_table *table, const char *service_ca_pem, bool *added, struct fas_err *e)
{
	OWN(x509) X509 *ca = read_ca(service_ca_pem);
	*added = ca && X509_cmp(ca, table->newest) != 0;
	if (!ca || (*added && X509_STORE_add_cert(table->store, ca) != 1))
		return fas_fail_openssl(e, "certificate of the service CA");
	if (*added) {
		X509_free(table->newest);
		table->newest = TAKE(ca);
	}
	return FAS_OK;
}

bool
caller_role_parse(const char *text, enum caller_role *out)
{
	static const struct {
		const char *text;
		enum caller_role role;
	} roles[] = {{"storefront", ROLE_STOREFRONT}, {"host", ROLE_HOST}};
	for (size_t i = 0; i < NELEMS(roles); i++) {
		if (strcmp(roles[i].text, text) == 0) {
			*out = roles[i].role;
			return true;
		}
	}
	return false;
}

static enum fas_code
read_machine(json_t *json, struct machine *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r;
	enum fas_code rc = json_open_object(&r, json, e);
	if (rc != FAS_OK)
		return rc;
	const char *serial = json_need_text(&r, "serial", 1, sizeof(out->serial) - 1);
	const char *role = json_need_text(&r, "role", 1, 32);
	const char *name = json_need_text(&r, "name", 1, HOSTNAME_MAX);
	out->revoked = json_want_bool(&r, "revoked", false);
	(void)json_want_int(&r, "not_after", INT64_MIN, INT64_MAX, 0);
	(void)json_want_int(&r, "enrolled_at", INT64_MIN, INT64_MAX, 0);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	if (!caller_role_parse(role, &out->role))
		return fas_fail(
		    e, FAS_E_INPUT, "member_invalid", "role \"%s\" of machine %s", role, name);
	(void)snprintf(out->serial, sizeof(out->serial), "%s", serial);
	(void)snprintf(out->name, sizeof(out->name), "%s", name);
	return FAS_OK;
}

static int
compare_machines(const void *a, const void *b)
{
	return strcmp(((const struct machine *)a)->serial, ((const struct machine *)b)->serial);
}

static enum fas_code
read_machines(json_t *list, int64_t generation, struct machines **out, struct fas_err *e)
{
	size_t n = json_array_size(list);
	if (n > HOSTS_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "too_large", "%zu machines, at most %d", n, HOSTS_MAX);
	struct machines *machines = calloc(1, sizeof(*machines) + n * sizeof(machines->machine[0]));
	if (!machines)
		return fas_fail_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if (read_machine(json_array_get(list, i), &machines->machine[i], e) != FAS_OK) {
			free(machines);
			return fas_wrap(e, "host table, entry %zu", i);
		}
	}
	machines->n = n;
	machines->generation = generation;
	qsort(machines->machine, n, sizeof(machines->machine[0]), compare_machines);
	*out = machines;
	return FAS_OK;
}

enum fas_code
caller_table_update(struct caller_table *table, const void *json, struct fas_err *e)
{
	OWN(json) json_t *message = json_deep_copy(json);
	OWN(json_reader) struct json_reader r;
	struct machines *machines = NULL;
	enum fas_code rc = json_open_object(&r, message, e);
	if (rc != FAS_OK)
		return rc;
	int64_t generation = json_need_int(&r, "generation", 0, INT64_MAX);
	json_t *list = json_need_value(&r, "hosts", JSON_ARRAY);
	if ((rc = json_finish(&r)) != FAS_OK)
		return rc;
	if ((rc = read_machines(list, generation, &machines, e)) != FAS_OK)
		return rc;
	pthread_rwlock_wrlock(&table->lock);
	struct machines *old = table->machines;
	table->machines = machines;
	pthread_rwlock_unlock(&table->lock);
	free(old);
	pthread_mutex_lock(&table->wait_lock);
	pthread_cond_broadcast(&table->changed);
	pthread_mutex_unlock(&table->wait_lock);
	return FAS_OK;
}

int64_t
caller_table_generation(struct caller_table *table)
{
	pthread_rwlock_rdlock(&table->lock);
	int64_t generation = table->machines->generation;
	pthread_rwlock_unlock(&table->lock);
	return generation;
}

static const struct machine *
find_machine(const struct machines *machines, const char *serial)
{
	size_t low = 0, high = machines->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(machines->machine[middle].serial, serial);
		if (order == 0)
			return &machines->machine[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool
is_listed(struct caller_table *table, const char *serial)
{
	pthread_rwlock_rdlock(&table->lock);
	bool listed = find_machine(table->machines, serial) != NULL;
	pthread_rwlock_unlock(&table->lock);
	return listed;
}

bool
caller_table_await(struct caller_table *table, const char *serial, int timeout_ms)
{
	const struct timespec until = clock_deadline(timeout_ms);
	bool listed = false;
	pthread_mutex_lock(&table->wait_lock);
	while (!(listed = is_listed(table, serial))) {
		if (pthread_cond_timedwait(&table->changed, &table->wait_lock, &until) != 0)
			break;
	}
	pthread_mutex_unlock(&table->wait_lock);
	return listed;
}

X509_STORE *
caller_table_store(struct caller_table *table)
{
	return table->store;
}

enum fas_code
caller_check_listed(struct caller_table *table, struct caller *caller, struct fas_err *e)
{
	pthread_rwlock_rdlock(&table->lock);
	const struct machine *m = find_machine(table->machines, caller->credential);
	bool same = m && m->role == caller->role && hostname_equal(m->name, caller->name);
	bool revoked = m && m->revoked;
	int64_t generation = table->machines->generation;
	pthread_rwlock_unlock(&table->lock);
	if (revoked)
		return fas_fail(e, FAS_E_AUTH, "caller_revoked",
		    "the certificate %s of %s is revoked", caller->credential, caller->name);
	if (!same)
		return fas_fail(e, FAS_E_AUTH, "caller_unknown",
		    "the certificate %s of %s is not in the host table", caller->credential,
		    caller->name);
	caller->generation = generation; /* only then: a refusal is asked again */
	return FAS_OK;
}
