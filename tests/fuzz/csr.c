/* Certification requests: PEM text as it came, or DER that is put into PEM here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca/bundle.h"
#include "ca/csr.h"
#include "ca/pem.h"
#include "ca/spki.h"
#include "ca/store.h"
#include "fas/base/own.h"
#include "tests/fuzz/fuzz.h"

/* A second opinion on a key that was accepted: OpenSSL reads the same one, and writes the same bytes. */
static void
check_spki(const uint8_t *spki, size_t len, enum csr_key kind, unsigned bits)
{
	const unsigned char *at = spki;
	unsigned char *again = NULL;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)len);
	FUZZ_CHECK(key && at == spki + len);
	FUZZ_CHECK(EVP_PKEY_is_a(key, kind == CSR_KEY_RSA ? "RSA" : "EC"));
	FUZZ_CHECK((unsigned)EVP_PKEY_get_bits(key) == bits);
	FUZZ_CHECK(i2d_PUBKEY(key, &again) == (int)len && memcmp(again, spki, len) == 0);
	OPENSSL_free(again);
	EVP_PKEY_free(key);
}

static void
try_request(const char *pem)
{
	struct fas_err e = {0};
	OWN(bytes) uint8_t *spki = NULL;
	size_t len = 0;
	enum csr_key kind = 0;
	unsigned bits = 0;
	enum fas_code rc = csr_parse(pem, &spki, &len, &kind, &bits, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK)
		check_spki(spki, len, kind, bits);
	else
		FUZZ_CHECK(!spki && strncmp(e.reason, "csr_", 4) == 0);
}

static void
try_certificates(const char *text)
{
	OWN(bundle) struct bundle all = {0};
	struct fas_err e = {0};
	enum fas_code rc = bundle_add(&all, text, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(all.n <= BUNDLE_MAX && (rc != FAS_OK || all.n > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct fas_err e = {0};
	uint8_t digest[STORE_DIGEST];
	if (size > 0 && data[0] == 0x30) {
		OWN(text) char *pem = pem_encode("CERTIFICATE REQUEST", data, size);
		if (pem)
			try_request(pem);
		fuzz_check_result(spki_check(data, size, digest, &e), &e);
		return 0;
	}
	OWN(text) char *text = fuzz_text(&in, 0);
	try_request(text);
	try_certificates(text);
	return 0;
}
