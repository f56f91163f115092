/* An argument checker: every function with NULLs, wrong handles, in the wrong order, before the start and after the end. */
#include "tests/unit/pkcs11/fixture.h"

#include <elf.h>
#include <pthread.h>

/* ---- every function, once ---- */

/* Arguments that are as good as they can be, but for the session. */
static CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
static CK_BYTE bytes[512];
static CK_ULONG length;
static CK_OBJECT_HANDLE object, objects[2];
static CK_ATTRIBUTE attribute = {CKA_LABEL, NULL, 0};

static void
call_general(CK_RV *out, size_t *n)
{
	CK_INFO info;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO mechanism_info;
	CK_SLOT_ID which;
	CK_SESSION_HANDLE session;
	length = 0;
	out[(*n)++] = p11->C_GetInfo(&info);
	out[(*n)++] = p11->C_GetSlotList(CK_TRUE, NULL, &length);
	out[(*n)++] = p11->C_GetSlotInfo(slot, &slot_info);
	out[(*n)++] = p11->C_GetTokenInfo(slot, &token);
	out[(*n)++] = p11->C_GetMechanismList(slot, NULL, &length);
	out[(*n)++] = p11->C_GetMechanismInfo(slot, CKM_RSA_PKCS, &mechanism_info);
	out[(*n)++] = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session);
	out[(*n)++] = p11->C_CloseAllSessions(slot);
	out[(*n)++] = p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, NULL);
}

static void
call_with_session(CK_SESSION_HANDLE s, CK_RV *out, size_t *n)
{
	CK_SESSION_INFO info;
	length = sizeof(bytes);
	out[(*n)++] = p11->C_GetSessionInfo(s, &info);
	out[(*n)++] = p11->C_Login(s, CKU_USER, NULL, 0);
	out[(*n)++] = p11->C_Logout(s);
	out[(*n)++] = p11->C_GetAttributeValue(s, 1, &attribute, 1);
	out[(*n)++] = p11->C_FindObjectsInit(s, NULL, 0);
	out[(*n)++] = p11->C_FindObjects(s, &object, 1, &length);
	out[(*n)++] = p11->C_FindObjectsFinal(s);
	out[(*n)++] = p11->C_SignInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_Sign(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_SignUpdate(s, bytes, 1);
	out[(*n)++] = p11->C_SignFinal(s, bytes, &length);
	out[(*n)++] = p11->C_CloseSession(s);
}

static void
call_unsupported_objects(CK_SESSION_HANDLE s, CK_RV *out, size_t *n)
{
	out[(*n)++] = p11->C_InitToken(slot, bytes, 4, bytes);
	out[(*n)++] = p11->C_InitPIN(s, bytes, 4);
	out[(*n)++] = p11->C_SetPIN(s, bytes, 4, bytes, 4);
	out[(*n)++] = p11->C_GetOperationState(s, bytes, &length);
	out[(*n)++] = p11->C_SetOperationState(s, bytes, 4, 0, 0);
	out[(*n)++] = p11->C_CreateObject(s, &attribute, 1, &object);
	out[(*n)++] = p11->C_CopyObject(s, 1, &attribute, 1, &object);
	out[(*n)++] = p11->C_DestroyObject(s, 1);
	out[(*n)++] = p11->C_GetObjectSize(s, 1, &length);
	out[(*n)++] = p11->C_SetAttributeValue(s, 1, &attribute, 1);
	out[(*n)++] = p11->C_GenerateKey(s, &mechanism, &attribute, 1, &object);
	out[(*n)++] = p11->C_GenerateKeyPair(
	    s, &mechanism, &attribute, 1, &attribute, 1, &objects[0], &objects[1]);
	out[(*n)++] = p11->C_WrapKey(s, &mechanism, 1, 1, bytes, &length);
	out[(*n)++] = p11->C_UnwrapKey(s, &mechanism, 1, bytes, 4, &attribute, 1, &object);
	out[(*n)++] = p11->C_DeriveKey(s, &mechanism, 1, &attribute, 1, &object);
}

static void
call_unsupported_crypto(CK_SESSION_HANDLE s, CK_RV *out, size_t *n)
{
	out[(*n)++] = p11->C_EncryptInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_Encrypt(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_EncryptUpdate(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_EncryptFinal(s, bytes, &length);
	out[(*n)++] = p11->C_DecryptInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_Decrypt(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DecryptUpdate(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DecryptFinal(s, bytes, &length);
	out[(*n)++] = p11->C_DigestInit(s, &mechanism);
	out[(*n)++] = p11->C_Digest(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DigestUpdate(s, bytes, 1);
	out[(*n)++] = p11->C_DigestKey(s, 1);
	out[(*n)++] = p11->C_DigestFinal(s, bytes, &length);
	out[(*n)++] = p11->C_SignRecoverInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_SignRecover(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_VerifyInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_Verify(s, bytes, 1, bytes, 1);
	out[(*n)++] = p11->C_VerifyUpdate(s, bytes, 1);
	out[(*n)++] = p11->C_VerifyFinal(s, bytes, 1);
	out[(*n)++] = p11->C_VerifyRecoverInit(s, &mechanism, 1);
	out[(*n)++] = p11->C_VerifyRecover(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DigestEncryptUpdate(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DecryptDigestUpdate(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_SignEncryptUpdate(s, bytes, 1, bytes, &length);
	out[(*n)++] = p11->C_DecryptVerifyUpdate(s, bytes, 1, bytes, &length);
}

/* These have codes of their own. */
static void
call_others(CK_SESSION_HANDLE s, CK_RV *out, size_t *n)
{
	out[(*n)++] = p11->C_SeedRandom(s, bytes, 4);
	out[(*n)++] = p11->C_GenerateRandom(s, bytes, 4);
	out[(*n)++] = p11->C_GetFunctionStatus(s);
	out[(*n)++] = p11->C_CancelFunction(s);
}

static void
assert_nothing_works(void)
{
	CK_RV results[80];
	size_t n = 0;
	call_general(results, &n);
	call_with_session(1, results, &n);
	call_unsupported_objects(1, results, &n);
	call_unsupported_crypto(1, results, &n);
	call_others(1, results, &n);
	/* All 68 but C_Initialize, C_Finalize and C_GetFunctionList. */
	assert_int_equal(n, 65);
	for (size_t i = 0; i < n; i++)
		assert_rv(results[i], CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void
nothing_works_before_the_start_and_after_the_end(void **state)
{
	(void)state;
	assert_ok(p11->C_Finalize(NULL));
	assert_nothing_works();
	assert_ok(p11->C_Initialize(NULL));
	(void)open_session();
	assert_ok(p11->C_Finalize(NULL));
	assert_nothing_works();
}

static void
wrong_session_handles_are_refused_by_every_function(void **state)
{
	CK_SESSION_HANDLE closed = open_session();
	(void)state;
	assert_ok(p11->C_CloseSession(closed));
	const CK_SESSION_HANDLE wrong[] = {
	    CK_INVALID_HANDLE, 1, 12345, closed, closed + 1, closed + 1024, ~0ul};
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		CK_RV results[16];
		size_t n = 0;
		call_with_session(wrong[i], results, &n);
		for (size_t k = 0; k < n; k++)
			assert_rv(results[k], CKR_SESSION_HANDLE_INVALID);
	}
}

static void
what_the_token_does_not_do_is_not_supported(void **state)
{
	CK_SESSION_HANDLE session = open_session();
	CK_RV results[64];
	size_t n = 0;
	(void)state;
	call_unsupported_objects(session, results, &n);
	call_unsupported_crypto(session, results, &n);
	for (size_t i = 0; i < n; i++)
		assert_rv(results[i], CKR_FUNCTION_NOT_SUPPORTED);
	n = 0;
	call_others(session, results, &n);
	assert_rv(results[0], CKR_RANDOM_NO_RNG);
	assert_rv(results[1], CKR_RANDOM_NO_RNG);
	assert_rv(results[2], CKR_FUNCTION_NOT_PARALLEL);
	assert_rv(results[3], CKR_FUNCTION_NOT_PARALLEL);
}

static void
function_list_is_whole(void **state)
{
	void *pointers[68];
	(void)state;
	assert_int_equal(p11->version.major, 2);
	assert_int_equal(p11->version.minor, 40);
	memcpy(pointers, &p11->C_Initialize, sizeof(pointers));
	for (size_t i = 0; i < NELEMS(pointers); i++)
		assert_non_null(pointers[i]);
}

/* ---- NULLs ---- */

static void
null_pointers_are_bad_arguments(void **state)
{
	CK_SESSION_HANDLE s = open_session();
	CK_SLOT_ID which;
	(void)state;
	assert_rv(p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetSlotList(CK_TRUE, &which, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetSlotInfo(slot, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetTokenInfo(slot, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetMechanismList(slot, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetMechanismInfo(slot, CKM_RSA_PKCS, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &which, bytes), CKR_ARGUMENTS_BAD);
	assert_rv(
	    p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_Login(s, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_FindObjects(s, NULL, 1, &length), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_FindObjects(s, &object, 1, NULL), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetAttributeValue(s, 1, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_GetAttributeValue(s, 1, &attribute, 0), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_SignInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_rv(p11->C_Finalize(bytes), CKR_ARGUMENTS_BAD);
	assert_ok(p11->C_CloseSession(s));
}

/* A template whose value is not there or has another size matches nothing. */
static void
templates_without_values_match_nothing(void **state)
{
	CK_SESSION_HANDLE s = open_session();
	CK_BYTE class = CKO_CERTIFICATE;
	CK_ATTRIBUTE bad[] = {{CKA_CLASS, NULL, sizeof(CK_ULONG)}, {CKA_CLASS, &class, 1},
	    {CKA_LABEL, NULL, 5}, {CKA_ID, &class, 0}, {CKA_PRIME_1, NULL, 0},
	    {CKA_VENDOR_DEFINED | 7, &class, 1}};
	(void)state;
	for (size_t i = 0; i < NELEMS(bad); i++) {
		assert_ok(p11->C_FindObjectsInit(s, &bad[i], 1));
		assert_ok(p11->C_FindObjects(s, objects, 2, &length));
		assert_int_equal(length, 0);
		assert_ok(p11->C_FindObjectsFinal(s));
	}
}

/* ---- slots and sessions ---- */

static void
unknown_slots_are_refused(void **state)
{
	const CK_SLOT_ID wrong[] = {0, 999, ~0ul};
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token;
	CK_MECHANISM_INFO info;
	CK_SESSION_HANDLE s;
	(void)state;
	(void)open_session();
	for (size_t i = 0; i < NELEMS(wrong); i++) {
		assert_rv(p11->C_GetSlotInfo(wrong[i], &slot_info), CKR_SLOT_ID_INVALID);
		assert_rv(p11->C_GetTokenInfo(wrong[i], &token), CKR_SLOT_ID_INVALID);
		assert_rv(p11->C_GetMechanismList(wrong[i], NULL, &length), CKR_SLOT_ID_INVALID);
		assert_rv(
		    p11->C_GetMechanismInfo(wrong[i], CKM_RSA_PKCS, &info), CKR_SLOT_ID_INVALID);
		assert_rv(p11->C_OpenSession(wrong[i], CKF_SERIAL_SESSION, NULL, NULL, &s),
		    CKR_SLOT_ID_INVALID);
		assert_rv(p11->C_CloseAllSessions(wrong[i]), CKR_SLOT_ID_INVALID);
	}
}

static void
sessions_are_serial_and_users_ordinary(void **state)
{
	CK_SESSION_HANDLE s = open_session(), other;
	(void)state;
	assert_rv(
	    p11->C_OpenSession(slot, 0, NULL, NULL, &other), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_rv(p11->C_OpenSession(slot, CKF_RW_SESSION, NULL, NULL, &other),
	    CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_rv(p11->C_Login(s, CKU_SO, bytes, 4), CKR_USER_TYPE_INVALID);
	assert_rv(p11->C_Login(s, 77, bytes, 4), CKR_USER_TYPE_INVALID);
}

static void
mechanisms_are_listed_and_described(void **state)
{
	CK_MECHANISM_TYPE list[32];
	CK_MECHANISM_INFO info;
	CK_ULONG n = 0;
	(void)state;
	(void)open_session();
	assert_ok(p11->C_GetMechanismList(slot, NULL, &n));
	assert_int_equal(n, 12);
	n = 11;
	assert_rv(p11->C_GetMechanismList(slot, list, &n), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(n, 12);
	assert_ok(p11->C_GetMechanismList(slot, list, &n));
	for (size_t i = 0; i < n; i++) {
		assert_ok(p11->C_GetMechanismInfo(slot, list[i], &info));
		assert_true(info.flags & CKF_SIGN);
		assert_false(info.flags & (CKF_DECRYPT | CKF_VERIFY | CKF_GENERATE_KEY_PAIR));
	}
	assert_rv(p11->C_GetMechanismInfo(slot, CKM_RSA_X_509, &info), CKR_MECHANISM_INVALID);
}

/* ---- C_Initialize ---- */

struct counted {
	pthread_mutex_t mutex;
	bool locked;
};

static size_t made, destroyed, locks, unlocks;

static CK_RV
create_mutex(void **out)
{
	struct counted *m = calloc(1, sizeof(*m));
	must(m && pthread_mutex_init(&m->mutex, NULL) == 0, "mutex");
	*out = m;
	made++;
	return CKR_OK;
}

static CK_RV
destroy_mutex(void *mutex)
{
	struct counted *m = mutex;
	must(!m->locked, "destroyed while locked");
	free(m);
	destroyed++;
	return CKR_OK;
}

static CK_RV
lock_mutex(void *mutex)
{
	struct counted *m = mutex;
	(void)pthread_mutex_lock(&m->mutex);
	m->locked = true;
	locks++;
	return CKR_OK;
}

static CK_RV
unlock_mutex(void *mutex)
{
	struct counted *m = mutex;
	must(m->locked, "unlocked twice");
	m->locked = false;
	unlocks++;
	(void)pthread_mutex_unlock(&m->mutex);
	return CKR_OK;
}

static CK_RV
create_fails(void **out)
{
	*out = NULL;
	return CKR_HOST_MEMORY;
}

static void
initialize_takes_all_callbacks_or_none(void **state)
{
	CK_C_INITIALIZE_ARGS all = {create_mutex, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL};
	(void)state;
	assert_rv(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_ok(p11->C_Finalize(NULL));
	for (unsigned int missing = 1; missing < 15; missing++) {
		CK_C_INITIALIZE_ARGS some = all;
		if (missing & 1)
			some.CreateMutex = NULL;
		if (missing & 2)
			some.DestroyMutex = NULL;
		if (missing & 4)
			some.LockMutex = NULL;
		if (missing & 8)
			some.UnlockMutex = NULL;
		assert_rv(p11->C_Initialize(&some), CKR_ARGUMENTS_BAD);
	}
	CK_C_INITIALIZE_ARGS reserved = {.pReserved = bytes};
	assert_rv(p11->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	CK_C_INITIALIZE_ARGS none = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS};
	assert_ok(p11->C_Initialize(&none));
	assert_ok(p11->C_Finalize(NULL));
	all.CreateMutex = create_fails;
	assert_rv(p11->C_Initialize(&all), CKR_HOST_MEMORY);
	assert_rv(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void
mutexes_of_the_application_are_used_in_pairs(void **state)
{
	CK_C_INITIALIZE_ARGS args = {
	    create_mutex, destroy_mutex, lock_mutex, unlock_mutex, 0, NULL};
	(void)state;
	assert_ok(p11->C_Finalize(NULL));
	made = destroyed = locks = unlocks = 0;
	assert_ok(p11->C_Initialize(&args));
	assert_int_equal(made, 1);
	assert_int_equal(count_objects(open_session()), 7);
	assert_true(locks > 5);
	assert_ok(p11->C_Finalize(NULL));
	assert_int_equal(locks, unlocks);
	assert_int_equal(destroyed, 1);
	/* With CKF_OS_LOCKING_OK the choice is ours: the system's. */
	args.flags = CKF_OS_LOCKING_OK;
	assert_ok(p11->C_Initialize(&args));
	assert_int_equal(count_objects(open_session()), 7);
	assert_int_equal(made, 1);
}

/* ---- the file itself ---- */

static const uint8_t *
read_module(size_t *len)
{
	static uint8_t file[4 * 1024 * 1024];
	FILE *f = fopen(FAS_PKCS11_MODULE, "re");
	assert_non_null(f);
	*len = fread(file, 1, sizeof(file), f);
	assert_true(*len < sizeof(file));
	assert_int_equal(fclose(f), 0);
	return file;
}

static const Elf64_Shdr *
section(const uint8_t *file, Elf64_Word type)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *sections = (const void *)(file + head->e_shoff);
	for (size_t i = 0; i < head->e_shnum; i++)
		if (sections[i].sh_type == type)
			return &sections[i];
	must_fail("no such section");
}

static const char *
strings_of(const uint8_t *file, const Elf64_Shdr *of)
{
	const Elf64_Ehdr *head = (const void *)file;
	const Elf64_Shdr *sections = (const void *)(file + head->e_shoff);
	return (const char *)file + sections[of->sh_link].sh_offset;
}

/* Sanitizers bring libraries of their own. */
static bool
is_sanitized(void)
{
	return strcmp(FAS_SANITIZED, "") != 0;
}

static void
module_needs_libc_and_nothing_else(void **state)
{
	size_t len = 0, needed = 0;
	const uint8_t *file = read_module(&len);
	const Elf64_Shdr *dynamic = section(file, SHT_DYNAMIC);
	const char *names = strings_of(file, dynamic);
	const Elf64_Dyn *entries = (const void *)(file + dynamic->sh_offset);
	(void)state;
	if (is_sanitized())
		skip();
	for (size_t i = 0; entries[i].d_tag != DT_NULL; i++) {
		if (entries[i].d_tag != DT_NEEDED)
			continue;
		assert_string_equal(names + entries[i].d_un.d_val, "libc.so.6");
		needed++;
	}
	assert_int_equal(needed, 1);
}

static void
module_exports_one_symbol(void **state)
{
	size_t len = 0, exported = 0;
	const uint8_t *file = read_module(&len);
	const Elf64_Shdr *table = section(file, SHT_DYNSYM);
	const char *names = strings_of(file, table);
	const Elf64_Sym *symbols = (const void *)(file + table->sh_offset);
	(void)state;
	if (is_sanitized())
		skip();
	for (size_t i = 1; i < table->sh_size / sizeof(*symbols); i++) {
		if (symbols[i].st_shndx == SHN_UNDEF)
			continue;
		assert_string_equal(names + symbols[i].st_name, "C_GetFunctionList");
		exported++;
	}
	assert_int_equal(exported, 1);
}

#define argument_test(name) cmocka_unit_test_setup_teardown(name, test_setup, test_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    argument_test(nothing_works_before_the_start_and_after_the_end),
	    argument_test(wrong_session_handles_are_refused_by_every_function),
	    argument_test(what_the_token_does_not_do_is_not_supported),
	    argument_test(function_list_is_whole),
	    argument_test(null_pointers_are_bad_arguments),
	    argument_test(templates_without_values_match_nothing),
	    argument_test(unknown_slots_are_refused),
	    argument_test(sessions_are_serial_and_users_ordinary),
	    argument_test(mechanisms_are_listed_and_described),
	    argument_test(initialize_takes_all_callbacks_or_none),
	    argument_test(mutexes_of_the_application_are_used_in_pairs),
	    argument_test(module_needs_libc_and_nothing_else),
	    argument_test(module_exports_one_symbol),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
