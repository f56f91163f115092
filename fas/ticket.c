#include "fas/ticket.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fas/base/secret.h"

#define RANDOM_BYTES 16
#define RANDOM_DIGITS 26 /* base32 digits of 128 bits */

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567"; /* RFC 4648 6, lower case */

bool
node_name_is_valid(const char *node)
{
	size_t len = strlen(node);
	return len >= 1 && len <= NODE_NAME_MAX &&
	       strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789") == len;
}

static void
encode(const uint8_t in[RANDOM_BYTES], char out[RANDOM_DIGITS + 1])
{
	uint32_t word = 0;
	unsigned bits = 0;
	size_t n = 0;
	for (size_t i = 0; i < RANDOM_BYTES; i++) {
		word = word << 8 | in[i];
		bits += 8;
		while (bits >= 5) {
			out[n++] = alphabet[word >> (bits - 5) & 31];
			bits -= 5;
		}
	}
	out[n++] = alphabet[word << (5 - bits) & 31];
	out[n] = 0;
}

static enum fas_code
hash_text(const char *text, uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e)
{
	unsigned len = TICKET_HASH_BYTES;
	if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "ticket hash");
	return FAS_OK;
}

enum fas_code
ticket_new(
    const char *node, char out[TICKET_TEXT_MAX], uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e)
{
	char digits[RANDOM_DIGITS + 1];
	OWN(secret) struct secret random = {0};
	enum fas_code rc = secret_random(&random, RANDOM_BYTES, e);
	if (rc != FAS_OK)
		return rc;
	encode(random.data, digits);
	(void)snprintf(out, TICKET_TEXT_MAX, "%s-%s", node, digits);
	secret_wipe(digits, sizeof(digits));
	return hash_text(out, hash, e);
}

enum fas_code
ticket_read(const char *node, const char *text, uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e)
{
	char issuer[NODE_NAME_MAX + 1];
	const char *dash = strchr(text, '-');
	if (!dash || dash == text || dash - text > NODE_NAME_MAX ||
	    strlen(dash + 1) != RANDOM_DIGITS || strspn(dash + 1, alphabet) != RANDOM_DIGITS)
		return fas_fail(e, FAS_E_AUTH, "ticket_malformed", "this is not a ticket");
	memcpy(issuer, text, (size_t)(dash - text));
	issuer[dash - text] = 0;
	if (!node_name_is_valid(issuer))
		return fas_fail(e, FAS_E_AUTH, "ticket_malformed", "this is not a ticket");
	if (strcmp(issuer, node) != 0)
		return fas_fail(e, FAS_E_AUTH, "ticket_other_node",
		    "the ticket was issued by node %s, this is %s", issuer, node);
	return hash_text(text, hash, e);
}
