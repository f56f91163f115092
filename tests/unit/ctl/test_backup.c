/* What restore reads is not believed: anybody who has the certificate could have written it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/ctl/backup_manifest.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define FILE_OF(name, size, parts)                                                                 \
	"{\"name\":\"" name "\",\"size\":" size ",\"sha256\":\"" H "\",\"parts\":[" parts "]}"
#define PART(name, size) "{\"file\":\"" name "\",\"size\":" size ",\"sha256\":\"" H "\"}"
#define FAS FILE_OF("fas.db", "7", PART("part-0001.cms", "7"))
#define CA FILE_OF("ca.db", "9", PART("part-0002.cms", "4") "," PART("part-0003.cms", "5"))
#define WITH(files)                                                                                \
	"{\"format\":1,\"made_at\":5,\"node\":\"fas1\",\"version\":\"0\",\"by\":\"uid:0\","        \
	"\"issuers\":[],\"files\":[" files "]}"

static enum fas_code
parse(const char *text, struct backup_manifest **out, struct fas_err *e)
{
	*e = (struct fas_err){0};
	*out = NULL;
	return backup_manifest_parse(text, strlen(text), out, e);
}

static void
a_manifest_is_read_as_it_was_written(void **state)
{
	struct fas_err e;
	OWN(backup_manifest) struct backup_manifest *m = NULL;
	OWN(backup_manifest) struct backup_manifest *again = NULL;
	(void)state;
	if (parse(WITH(FAS "," CA "," FILE_OF("keys/main-1.key", "0", "")), &m, &e) != FAS_OK)
		fail_msg("%s", e.message);
	const struct backup_file *ca = backup_manifest_find(m, "ca.db");
	assert_non_null(ca);
	assert_int_equal(ca->size, 9);
	assert_int_equal(ca->first, 1);
	assert_int_equal(ca->n_parts, 2);
	assert_int_equal(m->parts[2].size, 5);
	OWN(text) char *text = backup_manifest_format(m);
	assert_int_equal(parse(text, &again, &e), FAS_OK);
	assert_memory_equal(m->files, again->files, sizeof(m->files));
	assert_memory_equal(m->parts, again->parts, sizeof(m->parts));
}

static void
whatever_is_no_backups_manifest_is_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "[]",
	    "{}",
	    WITH(""),
	    WITH(FAS),
	    WITH(CA "," FAS), /* the parts are out of order */
	    WITH(FAS "," CA "," FAS),
	    WITH(FAS "," CA "," FILE_OF("keys/../../etc/passwd", "0", "")),
	    WITH(FAS "," CA "," FILE_OF("keys/..", "0", "")),
	    WITH(FAS "," CA "," FILE_OF("keys/", "0", "")),
	    WITH(FAS "," CA "," FILE_OF("keys/.hidden", "0", "")),
	    WITH(FAS "," CA "," FILE_OF("/etc/shadow", "0", "")),
	    WITH(FAS "," CA "," FILE_OF("restore.json", "0", "")),
	    WITH(FAS "," FILE_OF("ca.db", "9", PART("part-0002.cms", "4"))),
	    WITH(FAS "," FILE_OF("ca.db", "4", PART("../part-0002.cms", "4"))),
	    WITH(FAS "," FILE_OF("ca.db", "4", PART("part-0003.cms", "4"))),
	    WITH(FAS "," FILE_OF("ca.db", "16777217", PART("part-0002.cms", "16777217"))),
	    WITH(FAS "," FILE_OF("ca.db", "-1", "")),
	    WITH(FAS "," CA ",{}"),
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(texts); i++) {
		struct fas_err e;
		OWN(backup_manifest) struct backup_manifest *m = NULL;
		assert_int_equal(parse(texts[i], &m, &e), FAS_E_INPUT);
		assert_string_equal(e.reason, "backup_manifest");
		assert_null(m);
	}
}

static void
more_files_or_parts_than_a_backup_has_are_refused(void **state)
{
	struct fas_err e;
	OWN(buf) struct buf text;
	OWN(backup_manifest) struct backup_manifest *m = NULL;
	(void)state;
	buf_init(&text, BACKUP_MANIFEST_MAX);
	buf_text(&text,
	    "{\"format\":1,\"made_at\":5,\"node\":\"fas1\",\"version\":\"0\",\"by\":\"x\","
	    "\"issuers\":[],\"files\":[" FAS "," CA);
	for (size_t i = 0; i < BACKUP_FILES_MAX; i++) {
		char file[256];
		(void)snprintf(file, sizeof(file),
		    ",{\"name\":\"keys/k%zu\",\"size\":0,\"sha256\":\"" H "\",\"parts\":[]}", i);
		buf_text(&text, file);
	}
	buf_text(&text, "]}");
	assert_int_equal(parse(buf_str(&text), &m, &e), FAS_E_INPUT);
	assert_non_null(strstr(e.message, "over 128 files"));
}

/* ---- the seal ---- */

static char folder[64];

static int
make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-sealed.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static const char *
path_of(const char *name)
{
	static char path[4][128];
	static size_t next;
	char *out = path[next++ % 4];
	(void)snprintf(out, 128, "%s/%s", folder, name);
	return out;
}

static int
remove_folder(void **state)
{
	static const char *const names[] = {"key", "certificate", "sealed", "other"};
	(void)state;
	for (size_t i = 0; i < NELEMS(names); i++)
		(void)unlink(path_of(names[i]));
	return rmdir(folder);
}

/* A key and its certificate of that life, as files "key" and "certificate". */
static void
make_recipient(EVP_PKEY *key, long days)
{
	X509 *x = X509_new();
	assert_non_null(key);
	assert_int_equal(X509_set_version(x, 2), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), -86400 * 9);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 86400 * days);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	FILE *f = fopen(path_of("certificate"), "w");
	assert_int_equal(PEM_write_X509(f, x), 1);
	(void)fclose(f);
	X509_free(x);
	f = fopen(path_of("key"), "w");
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	(void)fclose(f);
	assert_int_equal(chmod(path_of("key"), 0600), 0);
}

static void
opens_again(EVP_PKEY *pair)
{
	static const char secret[] = "what is kept";
	struct fas_err e = {0};
	OWN(sealed_to) struct sealed_to to = {0};
	OWN(sealed_key) EVP_PKEY *key = NULL;
	OWN(secret) struct secret data = {0};
	make_recipient(pair, 9);
	EVP_PKEY_free(pair);
	if (sealed_to_add(&to, path_of("certificate"), &e) != FAS_OK ||
	    sealed_write(&to, path_of("sealed"), secret, sizeof(secret), &e) != FAS_OK ||
	    sealed_key_load(path_of("key"), NULL, &key, &e) != FAS_OK ||
	    sealed_read(path_of("sealed"), key, 100, &data, &e) != FAS_OK)
		fail_msg("%s: %s", e.reason, e.message);
	assert_int_equal(data.len, sizeof(secret));
	assert_memory_equal(data.data, secret, sizeof(secret));
	(void)unlink(path_of("sealed"));
}

static void
what_is_sealed_opens_with_rsa_and_with_either_curve(void **state)
{
	(void)state;
	opens_again(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072));
	opens_again(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
	opens_again(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"));
}

static void
nobody_is_a_recipient_with(EVP_PKEY *key, long days)
{
	struct fas_err e = {0};
	OWN(sealed_to) struct sealed_to to = {0};
	make_recipient(key, days);
	EVP_PKEY_free(key);
	assert_int_equal(sealed_to_add(&to, path_of("certificate"), &e), FAS_E_INPUT);
	assert_string_equal(e.reason, "recipient_certificate");
}

static void
a_weak_key_or_an_expired_certificate_is_no_recipient(void **state)
{
	(void)state;
	nobody_is_a_recipient_with(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), 9);
	nobody_is_a_recipient_with(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224"), 9);
	nobody_is_a_recipient_with(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), -1);
}

/* Each octet in its turn: what was changed anywhere is never given out. */
static void
a_changed_octet_is_found_wherever_it_is(void **state)
{
	static const char secret[] = "what is kept";
	struct fas_err e = {0};
	OWN(sealed_to) struct sealed_to to = {0};
	OWN(sealed_key) EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	uint8_t bytes[4096];
	(void)state;
	make_recipient(key, 9);
	assert_int_equal(sealed_to_add(&to, path_of("certificate"), &e), FAS_OK);
	assert_int_equal(sealed_write(&to, path_of("sealed"), secret, sizeof(secret), &e), FAS_OK);
	FILE *f = fopen(path_of("sealed"), "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	assert_in_range(n, 100, sizeof(bytes) - 1);
	for (size_t i = 0; i < n; i++) {
		OWN(secret) struct secret data = {0};
		struct fas_err why = {0};
		bytes[i] ^= 0x10;
		f = fopen(path_of("other"), "w");
		assert_int_equal(fwrite(bytes, 1, n, f), n);
		(void)fclose(f);
		bytes[i] ^= 0x10;
		enum fas_code rc = sealed_read(path_of("other"), key, 100, &data, &why);
		assert_true(rc != FAS_OK || secret_equal(&data, secret, sizeof(secret)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define SEALED(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
	    cmocka_unit_test(a_manifest_is_read_as_it_was_written),
	    cmocka_unit_test(whatever_is_no_backups_manifest_is_refused),
	    cmocka_unit_test(more_files_or_parts_than_a_backup_has_are_refused),
	    SEALED(what_is_sealed_opens_with_rsa_and_with_either_curve),
	    SEALED(a_weak_key_or_an_expired_certificate_is_no_recipient),
	    SEALED(a_changed_octet_is_found_wherever_it_is),
	};
	return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
