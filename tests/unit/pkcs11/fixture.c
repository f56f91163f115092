#include "tests/unit/pkcs11/fixture.h"

#include <dlfcn.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "fas/base/own.h"
#include "fas/card/client.h"

DEFINE_OWN(ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_OWN(ecdsa, ECDSA_SIG *, ECDSA_SIG_free);

CK_FUNCTION_LIST_PTR p11;
struct card_server *server;
CK_SLOT_ID slot;
struct card_key ca, rsa, ec, other_rsa;

static char folder[64], path[96];
static void *module;

/* ---- set-up ---- */

static void
load_module(void)
{
	CK_C_GetFunctionList get_list = NULL;
	module = dlopen(FAS_PKCS11_MODULE, RTLD_NOW | RTLD_LOCAL);
	must(module != NULL, "dlopen");
	void *symbol = dlsym(module, "C_GetFunctionList");
	must(symbol != NULL, "C_GetFunctionList");
	memcpy(&get_list, &symbol, sizeof(symbol));
	must(get_list(NULL) == CKR_ARGUMENTS_BAD && get_list(&p11) == CKR_OK, "function list");
}

int
group_setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/fas-p11-XXXXXX");
	must(mkdtemp(folder) != NULL, "folder");
	(void)snprintf(path, sizeof(path), "%s/card.sock", folder);
	must(setenv(CARD_SOCKET_VARIABLE, path, 1) == 0, "setenv");
	card_ca_make(&ca);
	card_key_make(&ca, "RSA", LABEL, CARD_PURPOSE_LOGON, &rsa);
	card_key_make(&ca, "P-256", LABEL, CARD_PURPOSE_IN_SESSION, &ec);
	card_key_make(&ca, "RSA", LABEL, CARD_PURPOSE_IN_SESSION, &other_rsa);
	load_module();
	return 0;
}

int
group_teardown(void **state)
{
	(void)state;
	card_key_done(&rsa);
	card_key_done(&ec);
	card_key_done(&other_rsa);
	card_key_done(&ca);
	(void)dlclose(module);
	return rmdir(folder);
}

int
test_setup(void **state)
{
	struct card_key issuer = ca;
	static struct card_key shown;
	const struct card_key *const keys[] = {&rsa, &ec, &shown};
	(void)state;
	/* As the card has it: without its key. */
	shown = issuer;
	shown.purpose = 0;
	server = card_server_start(path);
	slot = card_server_insert(server, LABEL, keys, 3);
	return p11->C_Initialize(NULL) == CKR_OK ? 0 : -1;
}

int
test_teardown(void **state)
{
	(void)state;
	CK_RV rv = p11->C_Finalize(NULL);
	card_server_stop(server);
	return rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED ? 0 : -1;
}

/* ---- short ways ---- */

CK_SESSION_HANDLE
open_session(void)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
	CK_ULONG n = 0;
	assert_ok(p11->C_GetSlotList(CK_TRUE, NULL, &n));
	assert_ok(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
	return session;
}

CK_OBJECT_HANDLE
find_object(CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const struct card_key *key)
{
	CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
	CK_ULONG n = 0;
	uint8_t id[CARD_KEY_ID_BYTES];
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, id, sizeof(id)}};
	card_key_id(key, id);
	assert_ok(p11->C_FindObjectsInit(session, template, 2));
	assert_ok(p11->C_FindObjects(session, &found, 1, &n));
	assert_ok(p11->C_FindObjectsFinal(session));
	return n == 1 ? found : CK_INVALID_HANDLE;
}

size_t
count_objects(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n = 0;
	assert_ok(p11->C_FindObjectsInit(session, NULL, 0));
	assert_ok(p11->C_FindObjects(session, found, 64, &n));
	assert_ok(p11->C_FindObjectsFinal(session));
	return n;
}

/* ---- signatures ---- */

size_t
digest_of(enum card_hash hash, const void *data, size_t len, uint8_t *digest)
{
	unsigned int n = 0;
	must(EVP_Digest(data, len, digest, &n, card_md(hash), NULL), "digest");
	return n;
}

size_t
digest_info(const uint8_t *digest, uint8_t *out)
{
	static const uint8_t head[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	    0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), digest, 32);
	return sizeof(head) + 32;
}

static bool
verify(const struct card_key *key, int padding, enum card_hash hash, const uint8_t *digest,
    size_t len, const uint8_t *signature, size_t signature_len)
{
	OWN(ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->key, NULL);
	must(ctx && EVP_PKEY_verify_init(ctx) > 0, "verify");
	if (padding != 0)
		must(EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0 &&
			 EVP_PKEY_CTX_set_signature_md(ctx, card_md(hash)) > 0,
		    "padding");
	if (padding == RSA_PKCS1_PSS_PADDING)
		must(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0, "salt");
	return EVP_PKEY_verify(ctx, signature, signature_len, digest, len) == 1;
}

static bool
verify_ecdsa(const struct card_key *key, enum card_hash hash, const uint8_t *digest, size_t len,
    const uint8_t *raw, size_t raw_len)
{
	unsigned char *der = NULL;
	OWN(ecdsa) ECDSA_SIG *sig = ECDSA_SIG_new();
	int half = (int)raw_len / 2;
	must(sig &&
		 ECDSA_SIG_set0(sig, BN_bin2bn(raw, half, NULL), BN_bin2bn(raw + half, half, NULL)),
	    "r, s");
	int n = i2d_ECDSA_SIG(sig, &der);
	bool good = n > 0 && verify(key, 0, hash, digest, len, der, (size_t)n);
	OPENSSL_free(der);
	return good;
}

bool
verifies(const struct card_key *key, CK_MECHANISM_TYPE mechanism, enum card_hash hash,
    const uint8_t *digest, size_t len, const uint8_t *signature, size_t signature_len)
{
	if (mechanism == CKM_ECDSA)
		return verify_ecdsa(key, hash, digest, len, signature, signature_len);
	int padding = mechanism == CKM_RSA_PKCS_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
	return verify(key, padding, hash, digest, len, signature, signature_len);
}
