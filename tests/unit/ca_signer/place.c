#include "place.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509v3.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "fas/base/wire.h"

#define KEYS_MAX 8
#define WAIT_US 30000000

static const char default_limits[] =
    "domains:\n"
    "  - sid: S-1-5-21-1-2-3\n"
    "    dns_name: corp.example.com\n"
    "    upn_suffixes: [corp.example.com, alias.example.com]\n"
    "allow_rids: [500]\n"
    "refuse_sids: [S-1-5-21-1-2-3-1200]\n"
    "profiles: [smartcard-logon]\n"
    "longest_life: 1h\n"
    "rate: { per_sid: { count: 20, period: 10m }, total: { count: 1000, period: 10m } }\n";

char *
place_path(struct place *place, const char *name, char out[PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/%s", place->folder, name);
	return out;
}

const char *
place_write(struct place *place, const char *name, const char *text)
{
	static char path[PATH_MAX];
	struct fas_err e = {0};
	place_path(place, name, path);
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &e), FAS_OK);
	return path;
}

static void
write_config(struct place *place, const struct place_options *o)
{
	char text[4096], uid[16];
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	(void)snprintf(text, sizeof(text),
	    "state: %s/state\n"
	    "public: %s/public\n"
	    "issue: { socket: %s/issue.sock, uid: %s }\n"
	    "admin: { socket: %s/admin.sock, group: %u }\n"
	    "limits: limits.yaml\n"
	    "authorities:\n"
	    "  - name: " AUTHORITY "\n"
	    "    common_name: CORP Federated Logon CA\n"
	    "    publish_urls: [http://pki.corp.example.com]\n"
	    "%s"
	    "service_ca:\n"
	    "  server_names: [fas1.corp.example.com, 127.0.0.1]\n"
	    "%s%s",
	    place->folder, place->folder, place->folder, o && o->issue_uid ? o->issue_uid : uid,
	    place->folder, (unsigned)getegid(), o && o->authority ? o->authority : "",
	    o && o->pool ? o->pool : "pool: {}\n", o && o->profiles ? o->profiles : "");
	place_write(place, "signer.yaml", text);
	place_write(place, "limits.yaml", o && o->limits ? o->limits : default_limits);
}

void
place_start(struct place *place)
{
	struct fas_err e = {0};
	if (signer_server_start(place->config, geteuid(), &place->server, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(
	    signer_new(place->config->issue_socket, 4, 20000, &place->signer, &e), FAS_OK);
}

struct place *
place_new(const struct place_options *options)
{
	char path[PATH_MAX];
	struct fas_err e = {0};
	struct place *place = calloc(1, sizeof(*place));
	assert_non_null(place);
	log_set_level(LOG_LEVEL_ERROR);
	(void)snprintf(place->folder, sizeof(place->folder), "/tmp/fas-signer-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	write_config(place, options);
	if (signer_config_load(
		place_path(place, "signer.yaml", path), geteuid(), &place->config, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	place_start(place);
	if (!options || !options->no_authority)
		json_decref(place_admin(
		    place, json_pack("{s:s,s:s,s:b,s:s*}", "op", "ca.init", "authority", AUTHORITY,
			       "root", 1, "key", options ? options->key : NULL)));
	return place;
}

void
place_stop(struct place *place)
{
	signer_free(place->signer);
	signer_server_stop(place->server);
	place->signer = NULL;
	place->server = NULL;
}

void
place_restart(struct place *place)
{
	place_stop(place);
	place_start(place);
}

/* Folders two levels deep is all that a signer makes. */
static void
remove_tree(const char *path, int depth)
{
	DIR *dir = depth > 0 ? opendir(path) : NULL;
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		char below[PATH_MAX];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below) != 0)
			remove_tree(below, depth - 1);
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(path);
}

void
place_free(struct place *place)
{
	place_stop(place);
	signer_config_free(place->config);
	remove_tree(place->folder, 4);
	free(place);
}

static enum fas_code
ask(const char *socket, json_t *request, json_t **reply, struct fas_err *e)
{
	assert_non_null(request);
	enum fas_code rc = wire_ask(socket, request, 20000, reply, e);
	json_decref(request);
	return rc;
}

static json_t *
answers(const char *socket, json_t *request)
{
	struct fas_err e = {0};
	json_t *reply = NULL;
	if (ask(socket, request, &reply, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return reply;
}

json_t *
place_admin(struct place *place, json_t *request)
{
	return answers(place->config->admin_socket, request);
}

json_t *
place_issue(struct place *place, json_t *request)
{
	return answers(place->config->issue_socket, request);
}

static void
refuses(const char *socket, json_t *request, const char *reason)
{
	struct fas_err e = {0};
	json_t *reply = NULL;
	if (ask(socket, request, &reply, &e) == FAS_OK)
		fail_msg("answered, want %s", reason);
	assert_reason(e, reason);
}

void
place_admin_refuses(struct place *place, json_t *request, const char *reason)
{
	refuses(place->config->admin_socket, request, reason);
}

void
place_issue_refuses(struct place *place, json_t *request, const char *reason)
{
	refuses(place->config->issue_socket, request, reason);
}

size_t
place_records(struct place *place, const char *event, const char *reason)
{
	OWN(json)
	json_t *reply = place_admin(
	    place, json_pack("{s:s,s:i,s:i}", "op", "audit.tail", "after", 0, "limit", 300));
	json_t *records = json_object_get(reply, "records"), *record;
	size_t i, n = 0;
	json_array_foreach(records, i, record)
	{
		const char *e = json_string_value(json_object_get(record, "event"));
		const char *r = json_string_value(json_object_get(record, "reason"));
		if (strcmp(e, event) == 0 && (!reason || (r && strcmp(r, reason) == 0)))
			n++;
	}
	return n;
}

EVP_PKEY *
test_key(size_t n)
{
	static EVP_PKEY *keys[KEYS_MAX];
	assert_true(n < KEYS_MAX);
	if (!keys[n])
		keys[n] = n == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
				 : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	assert_non_null(keys[n]);
	return keys[n];
}

const uint8_t *
test_spki(size_t n, size_t *len)
{
	static uint8_t der[KEYS_MAX][1024];
	static size_t lens[KEYS_MAX];
	uint8_t *at = der[n];
	if (lens[n] == 0) {
		int out = i2d_PUBKEY(test_key(n), &at);
		assert_true(out > 0 && out <= 1024);
		lens[n] = (size_t)out;
	}
	*len = lens[n];
	return der[n];
}

struct signer_request
alice(const char *request_id)
{
	static struct dn subject;
	static struct sid sid;
	struct fas_err e = {0};
	struct signer_request q = {.request_id = request_id,
	    .correlation_id = "0123456789abcdef0123456789abcdef",
	    .authority = AUTHORITY,
	    .profile = "smartcard-logon",
	    .subject = &subject,
	    .sid = &sid,
	    .upn = "alice@corp.example.com",
	    .validity_s = 900,
	    .rule = "engineering",
	    .host = "vda1.corp.example.com",
	    .session = "session-of-alice"};
	if (subject.n == 0) {
		assert_int_equal(dn_add(&subject, "DC", "com", &e), FAS_OK);
		assert_int_equal(dn_add(&subject, "DC", "example", &e), FAS_OK);
		assert_int_equal(dn_add(&subject, "DC", "corp", &e), FAS_OK);
		assert_int_equal(dn_add(&subject, "CN", "Users", &e), FAS_OK);
		assert_int_equal(dn_add(&subject, "CN", "alice", &e), FAS_OK);
		assert_int_equal(sid_parse("S-1-5-21-1-2-3-1105", &sid, &e), FAS_OK);
	}
	q.spki = test_spki(0, &q.spki_len);
	return q;
}

json_t *
alice_wire(const char *request_id)
{
	size_t len = 0;
	const uint8_t *spki = test_spki(0, &len);
	OWN(text) char *base64 = base64_encode(spki, len);
	return json_pack(
	    "{s:s,s:s,s:s,s:s,s:s,s:[[ss],[ss],[ss],[ss],[ss]],s:s,s:s,s:s,s:i,s:s,s:s,s:s}", "op",
	    "issue", "request_id", request_id, "correlation_id", "0123456789abcdef0123456789abcdef",
	    "authority", AUTHORITY, "profile", "smartcard-logon", "subject", "DC", "com", "DC",
	    "example", "DC", "corp", "CN", "Users", "CN", "alice", "sid", "S-1-5-21-1-2-3-1105",
	    "upn", "alice@corp.example.com", "spki", base64, "validity_s", 900, "rule",
	    "engineering", "host", "vda1.corp.example.com", "session", "session-of-alice");
}

int64_t
crl_number(X509_CRL *crl)
{
	int64_t n = 0;
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	assert_non_null(number);
	assert_int_equal(ASN1_INTEGER_get_int64(&n, number), 1);
	ASN1_INTEGER_free(number);
	return n;
}

X509_CRL *
place_crl(struct place *place, int64_t above)
{
	return place_crl_of(place, AUTHORITY "-1", above);
}

X509_CRL *
place_crl_of(struct place *place, const char *stem, int64_t above)
{
	char name[64], path[PATH_MAX];
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	const struct timespec pause = {.tv_nsec = 10000000};
	(void)snprintf(name, sizeof(name), "public/crl/%s.crl", stem);
	place_path(place, name, path);
	for (;;) {
		struct fas_err e = {0};
		char *der = NULL;
		size_t len = 0;
		assert_int_equal(file_read(path, 1 << 20, &der, &len, &e), FAS_OK);
		const unsigned char *at = (const unsigned char *)der;
		X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
		free(der);
		assert_non_null(crl);
		if (crl_number(crl) > above)
			return crl;
		X509_CRL_free(crl);
		if (clock_monotonic_us() > until_us)
			fail_msg("no new CRL was published");
		(void)nanosleep(&pause, NULL);
	}
}
