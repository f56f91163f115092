/*
 * Both sockets of the signer, in this process, without threads for connections: each line of an input is one message,
 * 'i' and its JSON on the issue socket, 'a' on the admin socket, any other through the framing as it is.  State
 * lasts from line to line, and from input to input for a while.
 *
 * What cannot be known beforehand has names: @TOKEN@ (a fresh enrolment token), @SERIAL@, @CERT@ and @KEY@ (of the last
 * certificate that was issued, the last in 32 digits or "00"), @LATER@ (in ten minutes).
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "ca/key.h"
#include "ca/server.h"
#include "ca/sockets.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message.h"

#define LINES_MAX 6
#define INPUTS_PER_LIFE 2000
#define LIFE_MAX_S (3600 + 300)
#define LINE_MAX_BYTES 65536

/* ---- the sockets' operations, without the sockets ---- */

static struct ca *ca;
static struct listener_config sockets[2]; /* admin, issue: in the order of their start */
static size_t n_sockets;

enum fas_code __wrap_listener_start(struct ca *the_ca, const struct listener_config *config,
    struct listener **out, struct fas_err *e);
void __wrap_listener_stop(struct listener *listener);
enum fas_code __real_key_generate(const char *type, struct key **out, struct fas_err *e);
enum fas_code __wrap_key_generate(const char *type, struct key **out, struct fas_err *e);

enum fas_code
__wrap_listener_start(struct ca *the_ca, const struct listener_config *config,
    struct listener **out, struct fas_err *e)
{
	(void)out;
	(void)e;
	ca = the_ca;
	sockets[n_sockets++ % 2] = *config;
	return FAS_OK;
}

void
__wrap_listener_stop(struct listener *listener)
{
	(void)listener;
}

/* An RSA key takes a second to make here: one serves for all authorities. */
enum fas_code
__wrap_key_generate(const char *type, struct key **out, struct fas_err *e)
{
	static char path[300];
	if (strncmp(type, "rsa-", 4) != 0)
		return __real_key_generate(type, out, e);
	if (path[0])
		return key_load(path, out, e);
	(void)snprintf(path, sizeof(path), "%s/rsa.pem", fuzz_folder());
	enum fas_code rc = __real_key_generate(type, out, e);
	return rc == FAS_OK ? key_save(*out, path, e) : rc;
}

/* ---- a life ---- */

static struct signer_config *config;
static struct signer_server *server;
static unsigned inputs;
static char last_serial[2 * PROFILE_SERIAL_MAX + 1] = "00";
static char last_key[33] = "00";
static char last_certificate[8192] = "AAAA";

static const char limits[] =
    "domains:\n  - sid: S-1-5-21-1-2-3\n    dns_name: corp.example.com\n"
    "    upn_suffixes: [corp.example.com, alias.example.com]\n"
    "allow_rids: [500]\nrefuse_sids: [S-1-5-21-1-2-3-1200]\nprofiles: [smartcard-logon]\n"
    "longest_life: 1h\n"
    "rate: { per_sid: { count: 1000000, period: 16s }, total: { count: 1000000, period: 16s } }\n";

static json_t *
ask(size_t socket, json_t *message)
{
	return ca_dispatch(
	    ca, sockets[socket].operations, sockets[socket].n_operations, "uid:0", message);
}

static void
load(void)
{
	char text[2048];
	struct fas_err e = {0};
	const char *f = fuzz_folder();
	log_set_level(LOG_LEVEL_ERROR);
	(void)fuzz_file("limits.yaml", limits, sizeof(limits) - 1);
	int n = snprintf(text, sizeof(text),
	    "state: %s/state\npublic: %s/public\nissue: { socket: %s/i.sock, uid: 0 }\n"
	    "admin: { socket: %s/a.sock }\nlimits: limits.yaml\nauthorities:\n"
	    "  - name: main\n    common_name: Logon CA\n"
	    "    publish_urls: [http://pki.corp.example.com]\n"
	    "  - name: other\n    common_name: Other CA\n"
	    "    publish_urls: [http://pki.corp.example.com]\n"
	    "service_ca: { server_names: [fas1.corp.example.com, 127.0.0.1] }\n"
	    "pool: { p-256: 2 }\n",
	    f, f, f, f);
	if (signer_config_load(fuzz_file("signer.yaml", text, (size_t)n), geteuid(), &config, &e) !=
	    FAS_OK) {
		(void)fprintf(stderr, "%s\n", e.message);
		abort();
	}
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

/* Before OpenSSL cleans up: the signer's threads use it to their end. */
static void
end_last_life(void)
{
	signer_server_stop(server);
	server = NULL;
}

static void
begin_life(void)
{
	static bool to_be_ended;
	char path[300];
	struct fas_err e = {0};
	if (!config)
		load();
	signer_server_stop(server);
	(void)snprintf(path, sizeof(path), "%s/state", fuzz_folder());
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	n_sockets = 0;
	if (signer_server_start(config, geteuid(), &server, &e) != FAS_OK) {
		(void)fprintf(stderr, "%s\n", e.message);
		abort();
	}
	FUZZ_CHECK(n_sockets == 2);
	if (!to_be_ended)
		FUZZ_CHECK(atexit(end_last_life) == 0);
	to_be_ended = true;
	OWN(json)
	json_t *init = json_pack("{s:s,s:s,s:b}", "op", "ca.init", "authority", "main", "root", 1);
	OWN(json) json_t *reply = ask(0, init);
	message_check_reply(reply);
	FUZZ_CHECK(!json_object_get(reply, "error"));
}

/* ---- what may leave ---- */

/* Sub-authorities behind the domain's SID, as the extension and the SAN write it. */
static void
check_sid(const char *der, size_t len)
{
	static const char prefix[] = "S-1-5-21-1-2-3-";
	const char *at = memmem(der, len, prefix, sizeof(prefix) - 1);
	FUZZ_CHECK(at);
	/* The length stands before the text; behind it comes whatever comes, and that may look like digits. */
	char number[16] = "";
	size_t sid_len = (uint8_t)at[-1], digits = sid_len - (sizeof(prefix) - 1);
	FUZZ_CHECK(sid_len > sizeof(prefix) - 1 && digits < sizeof(number));
	memcpy(number, at + sizeof(prefix) - 1, digits);
	unsigned long rid = strtoul(number, NULL, 10);
	FUZZ_CHECK((rid >= 1000 || rid == 500) && rid != 1200);
}

/* Whatever was asked on the issue socket: no user's certificate outside the limits, no authority's, no long one. */
static void
check_issued(X509 *x, const char *der, size_t len)
{
	int days = 0, seconds = 0;
	FUZZ_CHECK((X509_get_extension_flags(x) & EXFLAG_CA) == 0);
	FUZZ_CHECK(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)));
	bool user = memmem(der, len, "\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x02", 10);
	bool has_upn = memmem(der, len, "\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03", 10);
	FUZZ_CHECK(user == has_upn);
	if (!user)
		return;
	check_sid(der, len);
	FUZZ_CHECK(days == 0 && seconds <= LIFE_MAX_S);
	FUZZ_CHECK(memmem(der, len, "@corp.example.com", 17) ||
		   memmem(der, len, "@alias.example.com", 18));
}

static void
look_at_certificate(const json_t *reply, bool by_issue)
{
	const char *pem = json_string_value(json_object_get(reply, "pem"));
	const char *key = json_string_value(json_object_get(reply, "key"));
	const char *serial = json_string_value(json_object_get(reply, "serial"));
	if (!pem || strncmp(pem, "-----BEGIN CERTIFICATE-----", 27) != 0)
		return;
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int len = x ? i2d_X509(x, &der) : 0;
	FUZZ_CHECK(len > 0);
	if (by_issue)
		check_issued(x, (const char *)der, (size_t)len);
	OWN(text) char *base64 = base64_encode(der, (size_t)len);
	(void)snprintf(last_certificate, sizeof(last_certificate), "%s", base64);
	if (serial)
		(void)snprintf(last_serial, sizeof(last_serial), "%s", serial);
	if (key)
		(void)snprintf(last_key, sizeof(last_key), "%s", key);
	OPENSSL_free(der);
	X509_free(x);
	BIO_free(bio);
}

/* ---- lines ---- */

static void
put_text(char *line, const char *name, const char *value)
{
	static char copy[LINE_MAX_BYTES];
	char *at = strstr(line, name);
	size_t len = strlen(line), name_len = strlen(name), value_len = strlen(value);
	if (!at || len - name_len + value_len >= LINE_MAX_BYTES)
		return;
	(void)snprintf(copy, sizeof(copy), "%s", at + name_len);
	(void)snprintf(at, LINE_MAX_BYTES - (size_t)(at - line), "%s%s", value, copy);
}

static void
put_token(char *line)
{
	if (!strstr(line, "@TOKEN@"))
		return;
	OWN(json)
	json_t *wish = json_pack(
	    "{s:s,s:s,s:s}", "op", "token.create", "role", "host", "name", "vda1.corp.example.com");
	OWN(json) json_t *reply = ask(0, wish);
	const char *token = json_string_value(json_object_get(reply, "token"));
	if (token)
		put_text(line, "@TOKEN@", token);
}

static void
run_line(char *line)
{
	static char text[LINE_MAX_BYTES];
	char later[24];
	bool by_issue = line[0] == 'i', named = by_issue || line[0] == 'a';
	(void)snprintf(text, sizeof(text), "%s", named ? line + 1 : line);
	put_text(text, "@SERIAL@", last_serial);
	put_text(text, "@CERT@", last_certificate);
	put_text(text, "@KEY@", last_key);
	(void)snprintf(later, sizeof(later), "%lld", (long long)clock_now() + 600);
	put_text(text, "@LATER@", later);
	put_token(text);
	OWN(json) json_t *message = message_receive((const uint8_t *)text, strlen(text));
	if (!message)
		return;
	json_t *wait = json_object_get(message, "wait_ms");
	if (json_integer_value(wait) > 1)
		(void)json_integer_set(wait, 1);
	OWN(json) json_t *reply = ask(by_issue ? 1 : 0, message);
	message_check_reply(reply);
	FUZZ_CHECK(by_issue || !json_object_get(reply, "signature"));
	look_at_certificate(reply, by_issue);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	if (inputs++ % INPUTS_PER_LIFE == 0)
		begin_life();
	if (size > 0 && size < LINE_MAX_BYTES && data[0] == 0) {
		OWN(json) json_t *message = message_receive(data, size);
		OWN(json) json_t *reply = message ? ask(1, message) : NULL;
		if (reply)
			message_check_reply(reply);
		return 0;
	}
	for (int i = 0; i < LINES_MAX && in.left > 0; i++) {
		OWN(text) char *line = fuzz_text(&in, '\n');
		if (strlen(line) < LINE_MAX_BYTES)
			run_line(line);
	}
	return 0;
}
