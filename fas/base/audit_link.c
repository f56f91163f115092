#include "fas/base/audit_link.h"

#include <string.h>

#include <openssl/evp.h>

#define CHAIN_CONTEXT "fas audit record 1"

static void
put_int(EVP_MD_CTX *ctx, int64_t value)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
	(void)EVP_DigestUpdate(ctx, bytes, sizeof(bytes));
}

bool
audit_link_hash(const struct audit_link *link, const char *body, uint8_t out[AUDIT_HASH])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	if (good) {
		(void)EVP_DigestUpdate(ctx, CHAIN_CONTEXT, sizeof(CHAIN_CONTEXT));
		(void)EVP_DigestUpdate(ctx, link->previous, AUDIT_HASH);
		put_int(ctx, link->seq);
		put_int(ctx, link->time_ms);
		good = EVP_DigestUpdate(ctx, body, strlen(body)) == 1 &&
		       EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	}
	EVP_MD_CTX_free(ctx);
	return good;
}

bool
audit_link_copy(struct db_query *q, int column, uint8_t out[AUDIT_HASH])
{
	size_t len = 0;
	const uint8_t *data = db_column_blob(q, column, &len);
	if (!data || len != AUDIT_HASH)
		return false;
	memcpy(out, data, AUDIT_HASH);
	return true;
}
