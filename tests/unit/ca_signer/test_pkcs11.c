/* Keys in a PKCS#11 token: SoftHSM2, through the child that a signer starts for it. */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "ca/key.h"
#include "ca/key_place.h"
#include "ca/pkcs11.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/log.h"

#define PIN "1234"
#define WAIT_US 30000000
#define SIDE_BY_SIDE 4 /* as many sessions as a token has by default */

static char folder[64];
static struct signer_config *config;

static const char *
path_of(const char *name)
{
	static char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
put(const char *name, const char *text, mode_t mode)
{
	struct fas_err e = {0};
	assert_int_equal(file_write_atomic(path_of(name), text, strlen(text), mode, &e), FAS_OK);
}

/* The folder in place of each @. */
static const char *
expand(const char *text)
{
	static char out[8192];
	size_t used = 0;
	for (; *text; text++) {
		int n = *text == '@' ? snprintf(out + used, sizeof(out) - used, "%s", folder)
				     : snprintf(out + used, sizeof(out) - used, "%c", *text);
		used += (size_t)n;
		assert_true(used < sizeof(out));
	}
	return out;
}

static void
run(const char *command)
{
	if (system(expand(command)) != 0)
		fail_msg("%s", expand(command));
}

/* The lines of signer.yaml that are not of interest here. */
#define REST                                                                                       \
	"state: @/state\npublic: @/public\nissue: { socket: @/i, uid: 0 }\n"                       \
	"admin: { socket: @/a }\nlimits: limits.yaml\n"                                            \
	"service_ca: { server_names: [fas1.corp.example.com] }\n"

#define AUTHORITIES                                                                                \
	"authorities:\n  - name: main\n    common_name: CA\n"                                      \
	"    publish_urls: [http://pki.corp.example.com]\n"

static enum fas_code
load(const char *more, struct signer_config **out, struct fas_err *e)
{
	char text[8192];
	(void)snprintf(text, sizeof(text), "%s%s", REST, more);
	put("signer.yaml", expand(text), 0644);
	return signer_config_load(path_of("signer.yaml"), geteuid(), out, e);
}

static const char tokens[] =
    "pkcs11:\n  - name: box\n    uri: pkcs11:token=fas?module-name=softhsm2\n"
    "    pin_file: @/pin\n    read: [@]\n    write: [@/tokens]\n"
    "    environment: { SOFTHSM2_CONF: @/softhsm2.conf }\n"
    "  - name: searched\n    uri: pkcs11:token=fas\n"
    "    pin_file: @/pin\n    read: [@]\n    write: [@/searched]\n"
    "    environment: { SOFTHSM2_CONF: @/searched.conf }\n"
    "  - name: nosy\n    uri: pkcs11:token=x?module-path=" NOSY_MODULE "\n"
    "    pin_file: @/secret/pin\n    read: [" NOSY_FOLDER
    "]\n    write: [@/nosy]\n    environment:\n"
    "      NOSY_OUT: @/nosy/out\n      NOSY_PIN: @/secret/pin\n      NOSY_KEY: @/other/key\n"
    "  - name: online\n    uri: pkcs11:token=x?module-path=" NOSY_MODULE "\n"
    "    network: true\n    read: [" NOSY_FOLDER "]\n    write: [@/online]\n    environment:\n"
    "      NOSY_OUT: @/online/out\n      NOSY_PIN: @/secret/pin\n      NOSY_KEY: "
    "@/other/key\n"
    "  - name: careful\n    uri: pkcs11:token=fas;object=careful?module-path=" STRICT_MODULE "\n"
    "    sessions: 1\n    pin_file: @/pin\n    read: [@, " NOSY_FOLDER "]\n    write: [@/careful]\n"
    "    environment: { SOFTHSM2_CONF: @/careful.conf, STRICT_THREADS: none }\n"
    "  - name: strict\n    uri: pkcs11:token=fas;object=careful?module-path=" STRICT_MODULE "\n"
    "    pin_file: @/pin\n    read: [@, " NOSY_FOLDER "]\n    write: [@/strict, @/tries]\n"
    "    environment: { SOFTHSM2_CONF: @/strict.conf, STRICT_OUT: @/tries/all }\n"
    "  - name: twice\n    uri: pkcs11:token=fas\n"
    "    pin_file: @/pin\n    read: [@]\n    write: [@/twice]\n"
    "    environment: { SOFTHSM2_CONF: @/twice.conf }\n"
    "  - name: unlocked\n    uri: pkcs11:token=fas?module-path=" STRICT_MODULE "\n"
    "    pin_file: @/pin\n    read: [@, " NOSY_FOLDER "]\n    write: [@/strict]\n"
    "    environment: { SOFTHSM2_CONF: @/strict.conf, STRICT_THREADS: none }\n" AUTHORITIES
    "    key: { pkcs11: box }\n";

static void
make_token(const char *store, const char *conf)
{
	char text[256];
	(void)mkdir(path_of(store), 0700);
	(void)snprintf(text, sizeof(text),
	    "directories.tokendir = @/%s\nobjectstore.backend = file\nlog.level = ERROR\n", store);
	put(conf, expand(text), 0600);
	(void)snprintf(text, sizeof(text),
	    "SOFTHSM2_CONF=@/%s softhsm2-util --init-token --free --label fas --pin " PIN
	    " --so-pin 12345678 >/dev/null",
	    conf);
	run(text);
}

/* A token of its own, with a key that wants the PIN for each signature. */
static void
make_careful_key(const char *store, const char *conf)
{
	char text[512];
	make_token(store, conf);
	(void)snprintf(text, sizeof(text),
	    "SOFTHSM2_CONF=@/%s pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label "
	    "fas --login --pin " PIN
	    " --keypairgen --key-type EC:secp256r1 --id 0c0c --label careful --always-auth "
	    ">@/tool.log 2>&1 || { cat @/tool.log >&2; false; }",
	    conf);
	run(text);
}

/* Tokens named fas, and the children that lead to them. */
static int
set_up(void **state)
{
	struct fas_err e = {0};
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-pkcs11-XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("pin", PIN "\n", 0600);
	run("cd @ && mkdir secret other nosy online tries && umask 077 && echo 1 >secret/pin && "
	    "echo 1 >other/key && : >tries/all");
	make_token("tokens", "softhsm2.conf");
	make_token("searched", "searched.conf");
	make_token("twice", "twice.conf");
	make_token("twice", "twice.conf");
	make_careful_key("careful", "careful.conf");
	make_careful_key("strict", "strict.conf");
	if (load(tokens, &config, &e) != FAS_OK || pkcs11_start(config, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	return 0;
}

static int
tear_down(void **state)
{
	int status;
	(void)state;
	for (size_t i = 0; i < config->n_pkcs11; i++)
		(void)close(config->pkcs11[i].door);
	for (size_t i = 0; i < config->n_pkcs11; i++) {
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	signer_config_free(config);
	run("rm -r @");
	return 0;
}

static const struct key_place *
place_of(void)
{
	return &config->authorities[0].key;
}

static void
make(const char *type, struct key **out)
{
	struct fas_err e = {0};
	if (key_place_make(place_of(), type, "main-1", path_of("ca.key"), out, &e) != FAS_OK)
		fail_msg("%s: %s: %s", type, e.reason, e.message);
}

static enum fas_code
sign(const struct key *key, struct fas_err *e)
{
	static const uint8_t text[] = "what is signed";
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0, spki_len = 0;
	enum fas_code rc = key_sign(key, text, sizeof(text), signature, &len, e);
	if (rc != FAS_OK)
		return rc;
	const uint8_t *spki = key_spki(key, &spki_len);
	EVP_PKEY *public_key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
	rc = key_verify(public_key, key_algorithm(key), text, sizeof(text), signature, len, e);
	EVP_PKEY_free(public_key);
	return rc;
}

static void
every_type_is_made_in_the_token_and_signs_as_a_file_would(void **state)
{
	static const char *const types[] = {"rsa-2048", "rsa-3072", "rsa-4096", "p-256", "p-384"};
	(void)state;
	for (size_t i = 0; i < NELEMS(types); i++) {
		struct fas_err e = {0};
		OWN(key) struct key *made = NULL;
		OWN(key) struct key *read = NULL;
		make(types[i], &made);
		assert_string_equal(key_type(made), types[i]);
		assert_int_equal(
		    key_place_load(config, place_of(), path_of("ca.key"), &read, &e), FAS_OK);
		assert_string_equal(key_type(read), types[i]);
		assert_int_equal(key_signature_len(read), key_signature_len(made));
		for (int n = 0; n < 3; n++) {
			if (sign(read, &e) != FAS_OK)
				fail_msg("%s: %s: %s", types[i], e.reason, e.message);
		}
		assert_int_equal(key_check(read, &e), FAS_OK);
		assert_int_equal(unlink(path_of("ca.key")), 0);
	}
}

static void
an_rsa_signature_of_the_token_is_the_same_for_ever(void **state)
{
	static const uint8_t text[] = "what is signed";
	uint8_t first[KEY_SIGNATURE_MAX], again[KEY_SIGNATURE_MAX];
	size_t first_len = 0, again_len = 0;
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	(void)state;
	make("rsa-2048", &key);
	assert_true(key_is_deterministic(key));
	assert_int_equal(key_sign(key, text, sizeof(text), first, &first_len, &e), FAS_OK);
	assert_int_equal(key_sign(key, text, sizeof(text), again, &again_len, &e), FAS_OK);
	assert_int_equal(first_len, 256);
	assert_int_equal(again_len, first_len);
	assert_memory_equal(again, first, first_len);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
a_key_file_holds_no_secret_and_names_what_the_token_has(void **state)
{
	struct fas_err e = {0};
	struct stat st;
	OWN(key) struct key *key = NULL;
	OWN(text) char *text = NULL;
	size_t len = 0;
	(void)state;
	make("p-256", &key);
	assert_int_equal(stat(path_of("ca.key"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path_of("ca.key"), KEY_FILE_MAX, &text, &len, &e), FAS_OK);
	assert_non_null(strstr(text, "\"pkcs11\": \"box\""));
	assert_null(strstr(text, PIN));
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
a_key_of_another_token_or_none_is_said(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
	    {"{\"pkcs11\": \"other\", \"id\": \"00\", \"public_key\": \"AAAA\"}", "key_token"},
	    {"{\"pkcs11\": \"box\", \"id\": \"00\", \"public_key\": \"AAAA\"}", "key_file"},
	    {"{\"pkcs11\": \"box\"}", "key_file"},
	    {"{", "key_file"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		OWN(key) struct key *key = NULL;
		put("ca.key", cases[i].text, 0600);
		assert_int_equal(
		    key_place_load(config, place_of(), path_of("ca.key"), &key, &e), FAS_E_CONFIG);
		assert_reason(e, cases[i].reason);
		assert_int_equal(unlink(path_of("ca.key")), 0);
	}
}

static void
a_key_that_is_not_in_the_token_signs_nothing(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *made = NULL;
	OWN(key) struct key *key = NULL;
	size_t len = 0;
	(void)state;
	make("p-256", &made);
	const uint8_t *spki = key_spki(made, &len);
	assert_int_equal(
	    key_in_token(&config->pkcs11[0], "00ff00ff", spki, len, "a test", &key, &e), FAS_OK);
	assert_int_equal(sign(key, &e), FAS_E_UNAVAILABLE);
	assert_true(
	    strcmp(e.reason, "token_key_missing") == 0 || strcmp(e.reason, "token_away") == 0);
	fas_err_clear(&e);
	assert_int_equal(sign(made, &e), FAS_OK);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
configurations_that_cannot_be_meant_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *reason, *place;
	} cases[] = {
	    {"pkcs11:\n  - { name: a, uri: 'http://x' }\n", "pkcs11_uri", ":8:"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:object=x' }\n", "pkcs11_uri", "token="},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x?pin-value=1' }\n", "pkcs11_uri",
		"pin_file"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x?pin-source=file:/p' }\n", "pkcs11_uri",
		"pin_file"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', pin_file: /p, pin_credential: p }\n",
		"config_key", "not both"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', pin_file: p }\n", "config_path",
		":8:"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', pin_credential: ../p }\n",
		"config_key", ":8:"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', read: [/] }\n", "config_path", ":8:"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', environment: { LD_PRELOAD: x } }\n",
		"config_pkcs11", "LD_PRELOAD"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x', sessions: 0 }\n", "yaml_value", ":8:"},
	    {"pkcs11:\n  - { name: A, uri: 'pkcs11:token=x' }\n", "config_pkcs11", "a-z"},
	    {"pkcs11:\n  - { name: a, uri: 'pkcs11:token=x' }\n  - { name: a, uri: "
	     "'pkcs11:token=y' }\n",
		"config_pkcs11", "twice"},
	    {AUTHORITIES "    key: { pkcs11: box }\n", "config_key", "box"},
	    {AUTHORITIES "    key: { type: rsa-1024 }\n", "yaml_value", "rsa-1024"},
	    {AUTHORITIES "    key: { passphrase: x }\n", "yaml_unknown_key", "passphrase"},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		struct fas_err e = {0};
		OWN(signer_config) struct signer_config *wrong = NULL;
		assert_int_equal(load(cases[i].text, &wrong, &e), FAS_E_CONFIG);
		if (strcmp(e.reason, cases[i].reason) != 0 || !strstr(e.message, cases[i].place))
			fail_msg("case %zu: %s: %s", i, e.reason, e.message);
	}
}

/* Ask until the answer is the one that is awaited. */
static void
await(const struct key *key, const char *reason)
{
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	struct fas_err e = {0};
	do {
		fas_err_clear(&e);
		if (sign(key, &e) == FAS_OK && !reason)
			return;
		if (reason && strcmp(e.reason, reason) == 0)
			return;
		(void)usleep(20000);
	} while (clock_monotonic_us() < until_us);
	fail_msg("want %s, got %s: %s", reason ? reason : "a signature", e.reason, e.message);
}

static void
a_token_that_goes_away_and_comes_back_signs_again(void **state)
{
	OWN(key) struct key *key = NULL;
	(void)state;
	make("p-256", &key);
	run("mkdir @/away && mv @/tokens/* @/away");
	await(key, "token_away");
	run("mv @/away/* @/tokens && rmdir @/away");
	await(key, NULL);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

/* SoftHSM counts no wrong PINs; that another is not tried shows in the words, which say so, and in the way back. */
static void
a_refused_pin_is_not_tried_again_before_another_one_stands_there(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	(void)state;
	make("p-256", &key);
	put("pin", "9999\n", 0600);
	run("mkdir @/away && mv @/tokens/* @/away");
	await(key, "token_away");
	run("mv @/away/* @/tokens && rmdir @/away");
	await(key, "token_pin");
	assert_int_equal(sign(key, &e), FAS_E_UNAVAILABLE);
	assert_non_null(strstr(e.message, "not tried again"));
	put("pin", PIN "\n", 0600);
	await(key, NULL);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
take(size_t token, struct key **out)
{
	struct fas_err e = {0};
	const struct key_place place = {.type = "p-256", .token = &config->pkcs11[token]};
	if (key_place_make(&place, "p-256", "unused", path_of("ca.key"), out, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

/* Of a module that cannot lock and has one session. */
static void
a_key_that_asks_for_the_pin_each_time_gets_it(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	(void)state;
	take(4, &key);
	for (int n = 0; n < 3; n++) {
		if (sign(key, &e) != FAS_OK)
			fail_msg("%s: %s", e.reason, e.message);
	}
}

struct attempt {
	const struct key *key;
	int n; /* one after the other */
	struct fas_err e;
};

static void *
try_to_sign(void *arg)
{
	struct attempt *attempt = arg;
	for (int i = 0; i < attempt->n && attempt->e.code == FAS_OK; i++)
		(void)!sign(attempt->key, &attempt->e);
	return NULL;
}

static void
sign_side_by_side(const struct key *key, int each, struct attempt attempts[SIDE_BY_SIDE])
{
	pthread_t threads[SIDE_BY_SIDE];
	for (size_t i = 0; i < NELEMS(threads); i++) {
		attempts[i] = (struct attempt){.key = key, .n = each};
		assert_int_equal(pthread_create(&threads[i], NULL, try_to_sign, &attempts[i]), 0);
	}
	for (size_t i = 0; i < NELEMS(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

/* In a module that was not told of several threads they free the same memory. */
static void
sessions_sign_side_by_side(void **state)
{
	struct attempt attempts[SIDE_BY_SIDE];
	OWN(key) struct key *key = NULL;
	(void)state;
	make("p-256", &key);
	sign_side_by_side(key, 50, attempts);
	for (size_t i = 0; i < NELEMS(attempts); i++) {
		if (attempts[i].e.code != FAS_OK)
			fail_msg("%s: %s", attempts[i].e.reason, attempts[i].e.message);
	}
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
a_module_that_cannot_lock_has_one_session(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	const struct key_place place = {.type = "p-256", .token = &config->pkcs11[7]};
	(void)state;
	assert_int_equal(
	    key_place_make(&place, "p-256", "main-4", path_of("ca.key"), &key, &e), FAS_E_CONFIG);
	assert_reason(e, "token_threads");
}

/* Four sessions, and a token that would allow three wrong PINs. */
static void
a_pin_refused_for_one_signature_is_tried_by_no_other_session(void **state)
{
	struct stat st;
	struct attempt attempts[SIDE_BY_SIDE];
	OWN(key) struct key *key = NULL;
	(void)state;
	take(5, &key);
	sign_side_by_side(key, 1, attempts);
	for (size_t i = 0; i < NELEMS(attempts); i++)
		assert_int_equal(attempts[i].e.code, FAS_E_UNAVAILABLE);
	await(key, "token_pin");
	assert_int_equal(stat(path_of("tries/all"), &st), 0);
	assert_int_equal(st.st_size, 1);
}

/* Without a module in its URI, every module that p11-kit knows is asked. */
static void
a_token_is_found_among_all_modules(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	const struct key_place place = {.type = "p-256", .token = &config->pkcs11[1]};
	(void)state;
	if (key_place_make(&place, "p-256", "main-2", path_of("ca.key"), &key, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(sign(key, &e), FAS_OK);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
two_tokens_that_are_meant_are_said_with_what_tells_them_apart(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *key = NULL;
	const struct key_place place = {.type = "p-256", .token = &config->pkcs11[6]};
	(void)state;
	assert_int_equal(
	    key_place_make(&place, "p-256", "main-3", path_of("ca.key"), &key, &e), FAS_E_CONFIG);
	assert_reason(e, "token_ambiguous");
	assert_non_null(strstr(e.message, "add its serial="));
}

/* The errno that an attempt of the nosy module met; it writes its lines again and again. */
static int
met(const char *token, const char *attempt)
{
	char name[64], line[64];
	int value = -1;
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	(void)snprintf(name, sizeof(name), "%s/out", token);
	(void)snprintf(line, sizeof(line), "%s ", attempt);
	while (value < 0 && clock_monotonic_us() < until_us) {
		struct fas_err e = {0};
		size_t len = 0;
		OWN(text) char *text = NULL;
		const char *at = NULL;
		if (file_read(path_of(name), 4096, &text, &len, &e) == FAS_OK &&
		    strstr(text, "end 0"))
			at = strstr(text, line);
		if (at)
			value = atoi(at + strlen(line));
		else
			(void)usleep(10000);
	}
	return value;
}

static void
a_module_has_the_files_that_it_is_given_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(met("nosy", "own"), 0);
	assert_int_equal(met("nosy", "pin"), EACCES);
	assert_int_equal(met("nosy", "key"), EACCES);
	assert_int_equal(met("nosy", "network"), EPERM);
	assert_int_equal(met("nosy", "exec"), EPERM);
	assert_int_equal(met("nosy", "fork"), EPERM);
	assert_int_equal(met("nosy", "ptrace"), EPERM);
	assert_int_equal(met("nosy", "kill"), EPERM);
	assert_int_equal(met("nosy", "code"), EPERM);
}

static void
a_module_that_needs_the_network_has_it_and_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(met("online", "network"), 0);
	assert_int_equal(met("online", "pin"), EACCES);
	assert_int_equal(met("online", "key"), EACCES);
	assert_int_equal(met("online", "exec"), EPERM);
	assert_int_equal(met("online", "fork"), EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_is_made_in_the_token_and_signs_as_a_file_would),
	    cmocka_unit_test(an_rsa_signature_of_the_token_is_the_same_for_ever),
	    cmocka_unit_test(a_key_file_holds_no_secret_and_names_what_the_token_has),
	    cmocka_unit_test(a_key_of_another_token_or_none_is_said),
	    cmocka_unit_test(a_key_that_is_not_in_the_token_signs_nothing),
	    cmocka_unit_test(configurations_that_cannot_be_meant_are_refused_with_their_place),
	    cmocka_unit_test(sessions_sign_side_by_side),
	    cmocka_unit_test(a_module_that_cannot_lock_has_one_session),
	    cmocka_unit_test(a_key_that_asks_for_the_pin_each_time_gets_it),
	    cmocka_unit_test(a_pin_refused_for_one_signature_is_tried_by_no_other_session),
	    cmocka_unit_test(a_token_is_found_among_all_modules),
	    cmocka_unit_test(two_tokens_that_are_meant_are_said_with_what_tells_them_apart),
	    cmocka_unit_test(a_module_has_the_files_that_it_is_given_and_nothing_else),
	    cmocka_unit_test(a_module_that_needs_the_network_has_it_and_nothing_else),
	    cmocka_unit_test(a_token_that_goes_away_and_comes_back_signs_again),
	    cmocka_unit_test(a_refused_pin_is_not_tried_again_before_another_one_stands_there),
	};
	return cmocka_run_group_tests_name("pkcs11", tests, set_up, tear_down);
}
