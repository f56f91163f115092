/* DER certificates and CRLs: the linter under every profile, and the caller's certificate at the API. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "ca/inspect.h"
#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/own.h"
#include "fas/caller.h"
#include "lint_world.h"
#include "pki.h"
#include "tests/fuzz/fuzz.h"

#define FOLDER FAS_TEST_DATA "/lint/"
#define FILE_MAX 65536

static struct world world;
static struct caller_table *callers;

static void
set_up(void)
{
	static struct pki_ca ca;
	struct fas_err e = {0};
	world_init(&world);
	for (int i = 0; i < WORLD_CAS; i++) {
		char path[512];
		OWN(text) char *der = NULL;
		size_t len = 0;
		(void)snprintf(
		    path, sizeof(path), FOLDER "%s.der", world_ca_name((enum world_ca)i));
		FUZZ_CHECK(file_read(path, FILE_MAX, &der, &len, &e) == FAS_OK);
		world_add(&world, (enum world_ca)i, (const uint8_t *)der, len);
	}
	pki_ca_make(&ca, "Service CA");
	FUZZ_CHECK(caller_table_new(ca.pem, &callers, &e) == FAS_OK);
}

/* The object identifier, DER, somewhere in the certificate. */
static bool
has(const uint8_t *der, size_t len, const char *what, size_t what_len)
{
	return memmem(der, len, what, what_len) != NULL;
}

/* A second opinion on what the linter has nothing against. */
static void
check_good(const struct world_case *how, const uint8_t *der, size_t len)
{
	const uint8_t *at = der;
	if (how->shape == WORLD_LIST) {
		X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
		FUZZ_CHECK(crl && at == der + len);
		FUZZ_CHECK(X509_CRL_get0_nextUpdate(crl));
		X509_CRL_free(crl);
		return;
	}
	X509 *x = d2i_X509(NULL, &at, (long)len);
	FUZZ_CHECK(x && at == der + len && X509_get_version(x) == X509_VERSION_3);
	bool is_ca = (X509_get_extension_flags(x) & EXFLAG_CA) != 0;
	FUZZ_CHECK(is_ca == (how->shape == WORLD_AUTHORITY));
	X509_free(x);
	if (how->shape == WORLD_LEAF && how->kind == PROFILE_SMARTCARD_LOGON) {
		FUZZ_CHECK(has(der, len, WORLD_SID, strlen(WORLD_SID)));
		FUZZ_CHECK(has(der, len, WORLD_UPN, strlen(WORLD_UPN)));
		FUZZ_CHECK(has(der, len, "\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x02", 10));
	}
}

static void
try_case(const struct world_case *how, const uint8_t *data, size_t size)
{
	struct lint_report report;
	struct fas_err e = {0};
	world_lint(&world, how, how->issuer, data, size, &report);
	FUZZ_CHECK(report.n <= LINT_FINDINGS_MAX);
	size_t errors = 0;
	for (size_t i = 0; i < report.n; i++) {
		const struct lint_finding *f = &report.findings[i];
		FUZZ_CHECK(f->name && f->citation && memchr(f->message, 0, sizeof(f->message)));
		errors += f->severity == LINT_ERROR;
	}
	FUZZ_CHECK((lint_check(&report, &e) == FAS_OK) == (errors == 0));
	if (report.n == 0)
		check_good(how, data, size);
}

/* fasctl lint reads files of any origin. */
static void
try_file(const uint8_t *data, size_t size)
{
	const struct inspect_options options = {.now_s = WORLD_NOW};
	struct fas_err e = {0};
	OWN(json) json_t *all = NULL;
	OWN(text) char *text = malloc(size + 1);
	FUZZ_CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	enum fas_code rc = inspect(text, size, &options, &all, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (all != NULL));
	FUZZ_CHECK(json_array_size(all) <= INSPECT_OBJECTS_MAX);
	for (size_t i = 0; i < json_array_size(all); i++)
		FUZZ_CHECK(json_object_get(json_array_get(all, i), "logon"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct caller caller = {0};
	struct fas_err e = {0};
	if (!callers)
		set_up();
	for (size_t i = 0; world_case_at(i); i++)
		try_case(world_case_at(i), data, size);
	try_file(data, size);
	/* Nobody holds the key of an authority that was made a moment ago. */
	enum fas_code rc = caller_from_certificate(callers, data, size, clock_now(), &caller, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc != FAS_OK);
	return 0;
}
