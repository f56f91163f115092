#include "fas/host_key.h"

#include <openssl/evp.h>

#include "ca/csr.h"

void
host_key_done(struct host_key *key)
{
	free(key->spki);
	*key = (struct host_key){0};
}

static enum policy_key
kind_of(enum csr_key key, unsigned bits)
{
	switch (key) {
	case CSR_KEY_RSA:
		return bits >= 4096   ? POLICY_KEY_RSA_4096
		       : bits >= 3072 ? POLICY_KEY_RSA_3072
				      : POLICY_KEY_RSA_2048;
	case CSR_KEY_P256:
		return POLICY_KEY_P256;
	case CSR_KEY_P384:
		return POLICY_KEY_P384;
	}
	return 0;
}

enum fas_code
host_key_read(const char *csr, struct host_key *out, struct fas_err *e)
{
	unsigned len = DIGEST_BYTES;
	enum csr_key key;
	*out = (struct host_key){0};
	if (!csr)
		return FAS_OK;
	enum fas_code rc = csr_parse(csr, &out->spki, &out->spki_len, &key, &out->bits, e);
	if (rc != FAS_OK)
		return rc;
	out->kind = kind_of(key, out->bits);
	if (EVP_Digest(out->spki, out->spki_len, out->digest, &len, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "digest of the key");
	return FAS_OK;
}

enum fas_code
host_key_check(const struct host_key *key, unsigned kinds, const char *rule, struct fas_err *e)
{
	if (!key->spki)
		return fas_fail(e, FAS_E_CONFLICT, "csr_required",
		    "under rule %s the host makes the key: want its certification request", rule);
	if (kinds & (unsigned)key->kind)
		return FAS_OK;
	return fas_fail(e, FAS_E_INPUT, "csr_key",
	    "rule %s does not allow a key of this kind (%u bits)", rule, key->bits);
}
