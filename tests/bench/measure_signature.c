/* The yardstick: what the CPU needs for the one signature that no logon can do without. */
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "gauge.h"
#include "measure.h"

#define SIGNATURES 150

static EVP_PKEY_CTX *
open_signer(void)
{
	static EVP_PKEY *key;
	if (!key)
		key = EVP_RSA_gen(2048);
	EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		lab_die("RSA cannot sign");
	return ctx;
}

double
measure_raw_signature(void)
{
	unsigned char digest[32] = {1}, signature[256];
	EVP_PKEY_CTX *ctx = open_signer();
	int64_t begun = gauge_thread_cpu();
	for (int i = 0; i < SIGNATURES; i++) {
		size_t len = sizeof(signature);
		digest[31] = (unsigned char)i;
		if (EVP_PKEY_sign(ctx, signature, &len, digest, sizeof(digest)) != 1)
			lab_die("RSA does not sign");
	}
	int64_t cpu = gauge_thread_cpu() - begun;
	EVP_PKEY_CTX_free(ctx);
	return (double)cpu / SIGNATURES;
}
