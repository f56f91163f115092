#include "fas/caller.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

#define HOSTS_MAX 100000
#define CERTIFICATE_MAX 16384

DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(store, X509_STORE *, X509_STORE_free);
DEFINE_OWN(store_ctx, X509_STORE_CTX *, X509_STORE_CTX_free);
DEFINE_OWN(bio, BIO *, BIO_free_all);
DEFINE_OWN(names, GENERAL_NAMES *, GENERAL_NAMES_free);

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
	pthread_rwlock_t lock; /* guards the pointer and what it points to */
	struct machines *machines;
	pthread_mutex_t wait_lock;
	pthread_cond_t changed;
};

/* ---- the table ---- */

enum fas_code
caller_table_new(const char *service_ca_pem, struct caller_table **out, struct fas_err *e)
{
	OWN(bio) BIO *bio = BIO_new_mem_buf(service_ca_pem, -1);
	OWN(x509) X509 *ca = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
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
	pthread_rwlock_init(&table->lock, NULL);
	pthread_mutex_init(&table->wait_lock, NULL);
	pthread_cond_init(&table->changed, NULL);
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
	free(table->machines);
	free(table);
}

static bool
role_parse(const char *text, enum caller_role *out)
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
	if (!role_parse(role, &out->role))
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
	struct timespec until;
	bool listed = false;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&table->wait_lock);
	while (!(listed = is_listed(table, serial))) {
		if (pthread_cond_timedwait(&table->changed, &table->wait_lock, &until) != 0)
			break;
	}
	pthread_mutex_unlock(&table->wait_lock);
	return listed;
}

/* Listed under this very role and name, and not revoked. */
static enum fas_code
check_listed(struct caller_table *table, struct caller *caller, struct fas_err *e)
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

/* ---- the certificate ---- */

static enum fas_code
refuse(struct fas_err *e, const char *what)
{
	return fas_fail(e, FAS_E_AUTH, "caller_certificate", "client certificate: %s", what);
}

/* RFC 5280 6.1 against the one anchor, nothing in between; EKU clientAuth (4.2.1.12) must stand there. */
static enum fas_code
check_chain(const struct caller_table *table, X509 *certificate, int64_t now_s, struct fas_err *e)
{
	OWN(store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	if (!ctx || X509_STORE_CTX_init(ctx, table->store, certificate, NULL) != 1)
		return fas_fail_openssl(e, "verification context");
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
	X509_VERIFY_PARAM_set_depth(param, 0);
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) != 1)
		return fas_fail_openssl(e, "purpose");
	int good = X509_verify_cert(ctx);
	int why = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	if (good != 1 &&
	    (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID))
		return fas_fail(e, FAS_E_AUTH, "caller_expired", "client certificate: %s",
		    X509_verify_cert_error_string(why));
	if (good != 1)
		return refuse(e, X509_verify_cert_error_string(why));
	if (!(X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT))
		return refuse(e, "RFC 5280 4.2.1.12: no extended key usage clientAuth");
	return FAS_OK;
}

static enum fas_code
read_role(X509 *certificate, enum caller_role *out, struct fas_err *e)
{
	char role[32] = "";
	X509_NAME *subject = X509_get_subject_name(certificate);
	int first = X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, -1);
	if (first < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_organizationalUnitName, first) >= 0)
		return refuse(e, "want exactly one OU, the role");
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first));
	int len = ASN1_STRING_length(value);
	if (len <= 0 || (size_t)len >= sizeof(role))
		return refuse(e, "the OU is no role");
	memcpy(role, ASN1_STRING_get0_data(value), (size_t)len);
	return strlen(role) == (size_t)len && role_parse(role, out)
		   ? FAS_OK
		   : refuse(e, "the OU is no role");
}

static enum fas_code
read_name(X509 *certificate, char out[HOSTNAME_MAX + 1], struct fas_err *e)
{
	OWN(names)
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	if (!names || sk_GENERAL_NAME_num(names) != 1)
		return refuse(e, "RFC 5280 4.2.1.6: want exactly one subjectAltName");
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);
	if (name->type != GEN_DNS)
		return refuse(e, "RFC 5280 4.2.1.6: the subjectAltName is no dNSName");
	int len = ASN1_STRING_length(name->d.dNSName);
	if (len <= 0 || len > HOSTNAME_MAX)
		return refuse(e, "RFC 1123 2.1: the dNSName is no host name");
	memcpy(out, ASN1_STRING_get0_data(name->d.dNSName), (size_t)len);
	out[len] = 0;
	if (strlen(out) != (size_t)len || !hostname_is_valid(out))
		return refuse(e, "RFC 1123 2.1: the dNSName is no host name");
	return FAS_OK;
}

static enum fas_code
read_serial(X509 *certificate, char *out, size_t out_size, struct fas_err *e)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
	int len = ASN1_STRING_length(serial);
	if (ASN1_STRING_type(serial) != V_ASN1_INTEGER || len <= 0 ||
	    (size_t)len * 2 + 1 > out_size)
		return refuse(e, "RFC 5280 4.1.2.2: serial number");
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, out);
	return FAS_OK;
}

static enum fas_code
read_not_after(X509 *certificate, int64_t *out, struct fas_err *e)
{
	struct tm tm = {0};
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
		return refuse(e, "RFC 5280 4.1.2.5: notAfter");
	*out = (int64_t)timegm(&tm);
	return FAS_OK;
}

static enum fas_code
parse(const uint8_t *der, size_t len, X509 **out, struct fas_err *e)
{
	const uint8_t *p = der;
	if (len == 0 || len > CERTIFICATE_MAX)
		return refuse(e, "empty or too large");
	OWN(x509) X509 *certificate = d2i_X509(NULL, &p, (long)len);
	ERR_clear_error();
	if (!certificate || p != der + len)
		return refuse(e, "not one DER certificate");
	*out = TAKE(certificate);
	return FAS_OK;
}

enum fas_code
caller_from_certificate(struct caller_table *table, const uint8_t *der, size_t len, int64_t now_s,
    struct caller *out, struct fas_err *e)
{
	OWN(x509) X509 *certificate = NULL;
	struct caller caller = {.kind = CALLER_CERTIFICATE};
	enum fas_code rc;
	*out = (struct caller){0};
	if ((rc = parse(der, len, &certificate, e)) != FAS_OK)
		return rc;
	if ((rc = check_chain(table, certificate, now_s, e)) != FAS_OK)
		return rc;
	if ((rc = read_role(certificate, &caller.role, e)) != FAS_OK)
		return rc;
	if ((rc = read_name(certificate, caller.name, e)) != FAS_OK)
		return rc;
	if ((rc = read_serial(certificate, caller.credential, sizeof(caller.credential), e)) !=
	    FAS_OK)
		return rc;
	if ((rc = read_not_after(certificate, &caller.not_after_s, e)) != FAS_OK)
		return rc;
	if ((rc = check_listed(table, &caller, e)) != FAS_OK)
		return rc;
	*out = caller;
	return FAS_OK;
}

enum fas_code
caller_still_valid(
    struct caller_table *table, struct caller *caller, int64_t now_s, struct fas_err *e)
{
	if (now_s > caller->not_after_s)
		return fas_fail(e, FAS_E_AUTH, "caller_expired",
		    "the certificate of %s has expired", caller->name);
	if (caller->generation == caller_table_generation(table))
		return FAS_OK;
	return check_listed(table, caller, e);
}

const char *
caller_format(const struct caller *caller, char out[CALLER_TEXT_MAX])
{
	static const char *const roles[] = {
	    [ROLE_NONE] = "nobody", [ROLE_STOREFRONT] = "storefront", [ROLE_HOST] = "host"};
	(void)snprintf(out, CALLER_TEXT_MAX, "%s%s%s", roles[caller->role],
	    caller->name[0] ? ":" : "", caller->name);
	return out;
}
