/* What a key costs: said where an administrator chooses one. */
#include "ca/key.h"
#include "ca/key_parts.h"
#include "fas/base/clock.h"

#define ROUNDS_MAX 32
#define LONG_ENOUGH_US 200000

static enum fas_code
sign_and_verify(const struct key *key, struct fas_err *e)
{
	/* No certificate and no CRL begins like this (both are a SEQUENCE). */
	static const uint8_t text[] = "FAS measures what a signature costs";
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = 0;
	enum fas_code rc = key_sign(key, text, sizeof(text), signature, &len, e);
	return rc == FAS_OK ? key_verify(key_pkey(key), key_algorithm(key), text, sizeof(text),
				  signature, len, e)
			    : rc;
}

/* The shortest of several: the others also measure what else the machine was at. */
enum fas_code
key_cost(const struct key *key, int64_t *each_us, struct fas_err *e)
{
	int64_t begun_us = clock_monotonic_us(), at_us = begun_us;
	enum fas_code rc = FAS_OK;
	*each_us = INT64_MAX;
	for (int i = 0; rc == FAS_OK && i < ROUNDS_MAX && at_us - begun_us < LONG_ENOUGH_US; i++) {
		int64_t before_us = at_us;
		rc = sign_and_verify(key, e);
		at_us = clock_monotonic_us();
		if (at_us - before_us < *each_us)
			*each_us = at_us - before_us;
	}
	return rc;
}
