/* Keys in files, and public keys as others send them. */
#include "place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "ca/key.h"
#include "ca/key_parts.h"
#include "ca/spki.h"
#include "fas/base/file.h"

static char folder[64];

static int
make_folder(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-key-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static const char *
path_of(const char *name)
{
	static char path[PATH_MAX];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
a_key_comes_back_from_its_file(void **state)
{
	static const char *const types[] = {"rsa-2048", "p-256", "p-384"};
	static const uint8_t text[] = "what is signed";
	(void)state;
	for (size_t i = 0; i < NELEMS(types); i++) {
		struct fas_err e = {0};
		struct stat st;
		OWN(key) struct key *made = NULL;
		OWN(key) struct key *read = NULL;
		uint8_t signature[KEY_SIGNATURE_MAX];
		size_t len = 0, spki_len = 0;
		assert_int_equal(key_generate(types[i], &made, &e), FAS_OK);
		assert_int_equal(key_save(made, path_of("ca.key"), &e), FAS_OK);
		assert_int_equal(stat(path_of("ca.key"), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(key_load(path_of("ca.key"), &read, &e), FAS_OK);
		assert_string_equal(key_type(read), types[i]);
		assert_int_equal(key_sign(read, text, sizeof(text), signature, &len, &e), FAS_OK);
		const uint8_t *spki = key_spki(made, &spki_len);
		EVP_PKEY *public_key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
		assert_int_equal(key_matches(read, public_key, &e), FAS_OK);
		assert_int_equal(key_verify(public_key, key_algorithm(read), text, sizeof(text),
				     signature, len, &e),
		    FAS_OK);
		signature[len / 2] ^= 1;
		assert_int_equal(key_verify(public_key, key_algorithm(read), text, sizeof(text),
				     signature, len, &e),
		    FAS_E_CRYPTO);
		assert_reason(e, "signature_wrong");
		EVP_PKEY_free(public_key);
		assert_int_equal(unlink(path_of("ca.key")), 0);
	}
}

static void
a_signature_over_a_digest_is_the_one_over_the_octets(void **state)
{
	static const char *const types[] = {"rsa-2048", "p-256", "p-384"};
	static const uint8_t text[] = "what is signed", other[] = "what is not";
	(void)state;
	for (size_t i = 0; i < NELEMS(types); i++) {
		struct fas_err e = {0};
		struct key_hash hash, wrong;
		uint8_t a[KEY_SIGNATURE_MAX], b[KEY_SIGNATURE_MAX];
		size_t a_len = 0, b_len = 0, spki_len = 0;
		OWN(key) struct key *key = NULL;
		assert_int_equal(key_generate(types[i], &key, &e), FAS_OK);
		const uint8_t *spki = key_spki(key, &spki_len);
		EVP_PKEY *public_key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
		enum profile_signature algorithm = key_algorithm(key);
		assert_int_equal(key_hash(algorithm, text, sizeof(text), &hash, &e), FAS_OK);
		assert_int_equal(key_hash(algorithm, other, sizeof(other), &wrong, &e), FAS_OK);
		assert_int_equal(key_sign_hash(key, &hash, a, &a_len, &e), FAS_OK);
		assert_int_equal(
		    key_verify(public_key, algorithm, text, sizeof(text), a, a_len, &e), FAS_OK);
		assert_int_equal(key_sign(key, text, sizeof(text), b, &b_len, &e), FAS_OK);
		assert_int_equal(key_verify_hash(public_key, &hash, b, b_len, &e), FAS_OK);
		if (key_is_deterministic(key)) {
			assert_int_equal(a_len, b_len);
			assert_memory_equal(a, b, a_len);
		}
		assert_int_equal(key_verify_hash(public_key, &wrong, a, a_len, &e), FAS_E_CRYPTO);
		assert_string_equal(e.reason, "signature_wrong");
		EVP_PKEY_free(public_key);
	}
}

static void
a_key_is_never_written_over(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *a = NULL;
	OWN(key) struct key *b = NULL;
	(void)state;
	assert_int_equal(key_generate("p-256", &a, &e), FAS_OK);
	assert_int_equal(key_generate("p-256", &b, &e), FAS_OK);
	assert_int_equal(key_save(a, path_of("ca.key"), &e), FAS_OK);
	assert_int_equal(key_save(b, path_of("ca.key"), &e), FAS_E_CONFLICT);
	assert_reason(e, "file_exists");
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
a_file_that_others_may_read_is_no_key(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *made = NULL;
	OWN(key) struct key *read = NULL;
	(void)state;
	assert_int_equal(key_generate("p-256", &made, &e), FAS_OK);
	assert_int_equal(key_save(made, path_of("ca.key"), &e), FAS_OK);
	assert_int_equal(chmod(path_of("ca.key"), 0644), 0);
	assert_int_equal(key_load(path_of("ca.key"), &read, &e), FAS_E_CONFIG);
	assert_reason(e, "secret_file");
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
text_is_no_key(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *read = NULL;
	(void)state;
	assert_int_equal(file_write_atomic(path_of("ca.key"), "hello\n", 6, 0600, &e), FAS_OK);
	assert_int_equal(key_load(path_of("ca.key"), &read, &e), FAS_E_CONFIG);
	assert_reason(e, "key_file");
	assert_int_equal(unlink(path_of("ca.key")), 0);
	fas_err_clear(&e);
	assert_int_equal(key_generate("rsa-1024", &read, &e), FAS_E_INPUT);
	assert_reason(e, "key_type");
}

static const struct secret passphrase = {(uint8_t *)(uintptr_t) "correct horse", 13};
static const struct secret another = {(uint8_t *)(uintptr_t) "wrong horse", 11};

static void
a_key_under_a_passphrase_comes_back_with_it_alone(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *made = NULL;
	OWN(key) struct key *read = NULL;
	OWN(text) char *pem = NULL;
	size_t len = 0, spki_len = 0, read_len = 0;
	(void)state;
	assert_int_equal(key_generate("p-256", &made, &e), FAS_OK);
	assert_int_equal(key_save_sealed(made, path_of("ca.key"), &passphrase, &e), FAS_OK);
	assert_int_equal(file_read(path_of("ca.key"), KEY_FILE_MAX, &pem, &len, &e), FAS_OK);
	assert_non_null(strstr(pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----"));
	assert_int_equal(key_load_sealed(path_of("ca.key"), &another, &read, &e), FAS_E_CONFIG);
	assert_reason(e, "key_passphrase");
	fas_err_clear(&e);
	assert_int_equal(key_load(path_of("ca.key"), &read, &e), FAS_E_CONFIG);
	assert_reason(e, "key_file");
	assert_non_null(strstr(e.message, "passphrase_file"));
	fas_err_clear(&e);
	assert_null(read);
	assert_int_equal(key_load_sealed(path_of("ca.key"), &passphrase, &read, &e), FAS_OK);
	const uint8_t *spki = key_spki(made, &spki_len), *again = key_spki(read, &read_len);
	assert_int_equal(read_len, spki_len);
	assert_memory_equal(again, spki, spki_len);
	assert_int_equal(key_save_sealed(made, path_of("ca.key"), &passphrase, &e), FAS_E_CONFLICT);
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
a_key_that_should_be_under_a_passphrase_and_is_not_is_refused(void **state)
{
	struct fas_err e = {0};
	OWN(key) struct key *made = NULL;
	OWN(key) struct key *read = NULL;
	(void)state;
	assert_int_equal(key_generate("p-256", &made, &e), FAS_OK);
	assert_int_equal(key_save(made, path_of("ca.key"), &e), FAS_OK);
	assert_int_equal(key_load_sealed(path_of("ca.key"), &passphrase, &read, &e), FAS_E_CONFIG);
	assert_reason(e, "key_unsealed");
	assert_int_equal(file_write_atomic(path_of("ca.key"), "hello\n", 6, 0600, &e), FAS_OK);
	fas_err_clear(&e);
	assert_int_equal(key_load_sealed(path_of("ca.key"), &passphrase, &read, &e), FAS_E_CONFIG);
	assert_reason(e, "key_file");
	assert_int_equal(unlink(path_of("ca.key")), 0);
}

static void
check_spki(EVP_PKEY *key, enum fas_code want, const char *reason)
{
	uint8_t digest[SPKI_DIGEST];
	unsigned char *der = NULL;
	struct fas_err e = {0};
	assert_non_null(key);
	int len = i2d_PUBKEY(key, &der);
	assert_true(len > 0);
	assert_int_equal(spki_check(der, (size_t)len, digest, &e), want);
	if (reason)
		assert_reason(e, reason);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static void
public_keys_of_the_right_kinds_pass(void **state)
{
	(void)state;
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048), FAS_OK, NULL);
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), FAS_OK, NULL);
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), FAS_OK, NULL);
}

static void
public_keys_of_other_kinds_do_not(void **state)
{
	(void)state;
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), FAS_E_INPUT, "spki_key");
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521"), FAS_E_INPUT, "spki_key");
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"), FAS_E_INPUT, "spki_key");
	check_spki(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), FAS_E_INPUT, "spki_key");
}

/* Every single octet of a good key is its own defect: what still passes must at least be another key, in DER. */
static void
changed_octets_never_crash_and_points_off_the_curve_are_refused(void **state)
{
	uint8_t digest[SPKI_DIGEST], changed[1024];
	size_t len = 0;
	const uint8_t *der = test_spki(1, &len);
	(void)state;
	for (size_t i = 0; i < len; i++) {
		struct fas_err e = {0};
		memcpy(changed, der, len);
		changed[i] ^= 1;
		assert_int_equal(spki_check(changed, len, digest, &e), FAS_E_INPUT);
	}
	for (size_t i = 0; i < len; i++) {
		struct fas_err e = {0};
		assert_int_equal(spki_check(der, i, digest, &e), FAS_E_INPUT);
	}
}

static void
octets_behind_the_key_are_refused(void **state)
{
	uint8_t digest[SPKI_DIGEST], longer[1025];
	size_t len = 0;
	const uint8_t *der = test_spki(0, &len);
	struct fas_err e = {0};
	(void)state;
	memcpy(longer, der, len);
	longer[len] = 0;
	assert_int_equal(spki_check(longer, len + 1, digest, &e), FAS_E_INPUT);
	assert_reason(e, "spki_malformed");
}

/* ---- at rest ---- */

static void
a_folded_key_signs_again_when_it_is_unfolded(void **state)
{
	static const char *const types[] = {"rsa-2048", "p-256", "p-384"};
	static const uint8_t digest[32] = "32 octets that pass for a digest";
	(void)state;
	for (size_t i = 0; i < NELEMS(types); i++) {
		struct fas_err e = {0};
		OWN(key) struct key *key = NULL;
		uint8_t before[KEY_SIGNATURE_MAX], after[KEY_SIGNATURE_MAX];
		size_t before_len = 0, after_len = 0, spki_len = 0;
		enum key_mechanism mechanism = i == 0 ? KEY_RSA_PKCS1 : KEY_ECDSA;
		assert_int_equal(key_generate(types[i], &key, &e), FAS_OK);
		assert_int_equal(key_sign_digest(key, mechanism, "sha256", digest, sizeof(digest),
				     before, &before_len, &e),
		    FAS_OK);
		key_fold(key);
		assert_null(key_pkey(key));
		key_fold(key);
		assert_string_equal(key_type(key), types[i]);
		const uint8_t *spki = key_spki(key, &spki_len);
		assert_int_equal(key_unfold(key, &e), FAS_OK);
		assert_int_equal(key_unfold(key, &e), FAS_OK);
		EVP_PKEY *public_key = d2i_PUBKEY(NULL, &spki, (long)spki_len);
		assert_int_equal(key_matches(key, public_key, &e), FAS_OK);
		EVP_PKEY_free(public_key);
		assert_int_equal(key_sign_digest(key, mechanism, "sha256", digest, sizeof(digest),
				     after, &after_len, &e),
		    FAS_OK);
		assert_int_equal(after_len, before_len);
		if (mechanism == KEY_RSA_PKCS1)
			assert_memory_equal(after, before, after_len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_comes_back_from_its_file),
	    cmocka_unit_test(a_signature_over_a_digest_is_the_one_over_the_octets),
	    cmocka_unit_test(a_key_is_never_written_over),
	    cmocka_unit_test(a_file_that_others_may_read_is_no_key),
	    cmocka_unit_test(text_is_no_key),
	    cmocka_unit_test(a_key_under_a_passphrase_comes_back_with_it_alone),
	    cmocka_unit_test(a_key_that_should_be_under_a_passphrase_and_is_not_is_refused),
	    cmocka_unit_test(public_keys_of_the_right_kinds_pass),
	    cmocka_unit_test(public_keys_of_other_kinds_do_not),
	    cmocka_unit_test(changed_octets_never_crash_and_points_off_the_curve_are_refused),
	    cmocka_unit_test(octets_behind_the_key_are_refused),
	    cmocka_unit_test(a_folded_key_signs_again_when_it_is_unfolded),
	};
	return cmocka_run_group_tests_name("key", tests, make_folder, remove_folder);
}
