/*
 * Build, lint and assemble against one raw RSA-2048 signature, interleaved (docs/PERFORMANCE: at most 1.25 in all).
 * Run by hand: bench_ca_x509 [rounds].
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ca/lint.h"
#include "fas/base/clock.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "fixture.h"

#define BATCH 50

enum part { PART_SIGN, PART_BUILD, PART_LINT, PARTS };

static uint8_t signature[512];
static size_t signature_len;

static void
sign(const struct fixture *f, const uint8_t *tbs, size_t tbs_len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	signature_len = sizeof(signature);
	if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, f->ca_key) != 1 ||
	    EVP_DigestSign(context, signature, &signature_len, tbs, tbs_len) != 1)
		abort();
	EVP_MD_CTX_free(context);
}

static void
run_round(const struct fixture *f, double us[PARTS])
{
	const struct profile_facts facts = fixture_facts(f, PROFILE_SMARTCARD_LOGON);
	const struct lint_context context = {.kind = PROFILE_SMARTCARD_LOGON,
	    .issuer = f->ca,
	    .published = &f->issuer,
	    .sid = &f->sid,
	    .upn = FIXTURE_UPN,
	    .longest_life_s = 900,
	    .now_s = FIXTURE_NOW};
	for (int i = 0; i < BATCH; i++) {
		OWN(bytes) uint8_t *tbs = NULL, *der = NULL;
		size_t tbs_len = 0, der_len = 0;
		struct lint_report report;
		int64_t begin = clock_monotonic_us();
		if (profile_build(&f->issuer, &facts, &tbs, &tbs_len, NULL) != FAS_OK)
			abort();
		int64_t built = clock_monotonic_us();
		sign(f, tbs, tbs_len);
		int64_t signed_at = clock_monotonic_us();
		if (profile_assemble(SIGNATURE_RSA_SHA256, tbs, tbs_len, signature, signature_len,
			&der, &der_len, NULL) != FAS_OK)
			abort();
		int64_t assembled = clock_monotonic_us();
		lint_certificate(der, der_len, &context, &report);
		int64_t linted = clock_monotonic_us();
		if (report.n != 0)
			abort();
		us[PART_BUILD] += (double)(built - begin + assembled - signed_at);
		us[PART_SIGN] += (double)(signed_at - built);
		us[PART_LINT] += (double)(linted - assembled);
	}
}

int
main(int argc, char **argv)
{
	struct fixture fixture;
	double us[PARTS] = {0};
	uint64_t rounds = 20;
	if (argc > 1 && !parse_uint(argv[1], 1, 100000, &rounds))
		return 2;
	fixture_init(&fixture);
	run_round(&fixture, us);
	for (int i = 0; i < PARTS; i++)
		us[i] = 0;
	for (uint64_t i = 0; i < rounds; i++)
		run_round(&fixture, us);
	double n = (double)rounds * BATCH;
	printf("sign %.1f us, build+assemble %.1f us, lint %.1f us: %.2f signatures in all\n",
	    us[PART_SIGN] / n, us[PART_BUILD] / n, us[PART_LINT] / n,
	    (us[PART_SIGN] + us[PART_BUILD] + us[PART_LINT]) / us[PART_SIGN]);
	fixture_done(&fixture);
	return 0;
}
