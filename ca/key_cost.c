/* What a key costs: said where an administrator chooses one. */
#include "ca/key.h"
#include "ca/key_parts.h"
#include "fas/base/clock.h"

#define ROUNDS_MAX 32
#define LONG_ENOUGH_US 200000

enum fas_code
key_cost(const struct key *key, int64_t *each_us, struct fas_err *e)
{
	/* No certificate and no CRL begins like this (both are a SEQUENCE). */
	static const uint8_t text[] = "FAS measures what a signature costs";
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	int64_t begun_us = clock_monotonic_us(), took_us = 0, rounds = 0;
	enum fas_code rc = FAS_OK;
	while (rc == FAS_OK && rounds < ROUNDS_MAX && took_us < LONG_ENOUGH_US) {
		rc = key_sign(key, text, sizeof(text), signature, &len, e);
		if (rc == FAS_OK)
			rc = key_verify(key_pkey(key), key_algorithm(key), text, sizeof(text),
			    signature, len, e);
		took_us = clock_monotonic_us() - begun_us;
		rounds++;
	}
	*each_us = took_us / (rounds > 0 ? rounds : 1);
	return rc;
}
