/* The public key: a type, size and form that domain controllers take. */
#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_EXPONENT 65537

static void
key_type(struct lint_run *run)
{
	if (run->key.type == ASN1_KEY_OTHER)
		lint_say(run, "public key is neither RSA nor of an elliptic curve");
}

static void
key_encoding(struct lint_run *run)
{
	if (!run->key_ok)
		lint_say(run, "public key or its parameters are malformed");
}

static void
key_rsa_size(struct lint_run *run)
{
	const struct asn1_key *key = &run->key;
	if (key->type == ASN1_KEY_RSA && run->key_ok &&
	    (key->bits < RSA_BITS_MIN || key->bits > RSA_BITS_MAX))
		lint_say(run, "RSA modulus has %u bits, want %d to %d", key->bits, RSA_BITS_MIN,
		    RSA_BITS_MAX);
}

static void
key_rsa_exponent(struct lint_run *run)
{
	if (run->key.type == ASN1_KEY_RSA && run->key_ok && run->key.exponent != RSA_EXPONENT)
		lint_say(run, "RSA exponent is not 65537");
}

static void
key_rsa_odd(struct lint_run *run)
{
	if (run->key.type != ASN1_KEY_RSA || !run->key_ok)
		return;
	const ASN1_INTEGER *modulus = run->key.rsa->modulus;
	int len = ASN1_STRING_length(modulus);
	if (len == 0 || (ASN1_STRING_get0_data(modulus)[len - 1] & 1) == 0)
		lint_say(run, "RSA modulus is even: it is no product of two primes");
}

static void
key_named_curve(struct lint_run *run)
{
	if (run->key.type == ASN1_KEY_EC && run->key.curve == NID_undef)
		lint_say(run, "curve is given by parameters, want a named one");
}

static void
key_curve(struct lint_run *run)
{
	int curve = run->key.curve;
	if (run->key.type == ASN1_KEY_EC && curve != NID_undef && curve != NID_X9_62_prime256v1 &&
	    curve != NID_secp384r1)
		lint_say(run, "curve is %s, want P-256 or P-384", OBJ_nid2sn(curve));
}

const struct lint lints_key[] = {
    {"key_type", "MS-PKCA 3.1.5.2.1; RFC 3279 2.3", LINT_ANY, LINT_ERROR, key_type},
    {"key_encoding", "RFC 3279 2.3.1; RFC 5480 2.2", LINT_ANY, LINT_ERROR, key_encoding},
    {"key_rsa_size", "NIST SP 800-131A 3; RFC 8017 3.1", LINT_ANY, LINT_ERROR, key_rsa_size},
    {"key_rsa_exponent", "FIPS 186-5 5.1", LINT_ANY, LINT_ERROR, key_rsa_exponent},
    {"key_rsa_odd", "RFC 8017 3.1", LINT_ANY, LINT_ERROR, key_rsa_odd},
    {"key_named_curve", "RFC 5480 2.1.1", LINT_ANY, LINT_ERROR, key_named_curve},
    {"key_curve", "RFC 5480 2.1.1.1; RFC 5349 3", LINT_ANY, LINT_ERROR, key_curve},
};
const size_t lints_key_n = NELEMS(lints_key);
