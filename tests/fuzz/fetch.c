/*
 * What the watchdog is given by strangers: the head and the chunks of an HTTP answer, a URL, a CRL, and a certificate's
 * places.  Byte 0 says which.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crl_check.h"
#include "ca/places.h"
#include "fas/base/file.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/http/fetch.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX 65536
#define NOW_S INT64_C(1795400000)

static X509 *authority;

static void
try_head(struct fuzz_input *in)
{
	struct fetch_head head;
	struct fas_err e = {0};
	size_t len = 0;
	OWN(bytes) uint8_t *bytes = fuzz_bytes(in, in->left, &len);
	enum fas_code rc = fetch_head_parse(bytes, len, &head, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK || head.len == 0)
		return;
	FUZZ_CHECK(head.len <= len && head.len <= FETCH_HEAD_MAX);
	FUZZ_CHECK(memcmp(bytes + head.len - 4, "\r\n\r\n", 4) == 0);
	FUZZ_CHECK(head.status <= 999 && !(head.chunked && head.has_length));
}

static void
try_chunks(struct fuzz_input *in)
{
	struct fas_err e = {0};
	size_t len = 0;
	bool done = false;
	OWN(bytes) uint8_t *body = fuzz_bytes(in, in->left, &len);
	size_t before = len;
	enum fas_code rc = fetch_unchunk(body, &len, &done, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc == FAS_OK || !done);
	FUZZ_CHECK(done ? len < before : len == before);
}

static void
try_url(struct fuzz_input *in)
{
	struct fetch_url url;
	struct fas_err e = {0};
	OWN(text) char *text = fuzz_text(in, 0);
	enum fas_code rc = fetch_url_parse(text, &url, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK)
		return;
	FUZZ_CHECK(url.target[0] == '/' && url.port > 0 && url.host[0]);
	FUZZ_CHECK(!strpbrk(url.host, "\r\n /@") && !strpbrk(url.target, "\r\n #"));
}

/* No octets of a stranger are a list by this authority, unless its key has signed them. */
static void
try_list(struct fuzz_input *in)
{
	struct crl_seen seen;
	struct fas_err e = {0};
	size_t len = 0;
	OWN(bytes) uint8_t *der = fuzz_bytes(in, in->left, &len);
	enum fas_code rc = crl_check(der, len, authority, NOW_S, &seen, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(strspn(seen.number, "0123456789abcdef") == strlen(seen.number));
	FUZZ_CHECK(rc != FAS_OK || (seen.this_update_s <= NOW_S && seen.next_update_s > NOW_S));
	FUZZ_CHECK(crl_number_compare(seen.number, seen.number) == 0);
}

static void
try_certificate(struct fuzz_input *in)
{
	struct fas_err e = {0};
	OWN(places) struct places places = {0};
	const uint8_t *at = in->at;
	X509 *x = d2i_X509(NULL, &at, (long)in->left);
	if (!x)
		return;
	enum fas_code rc = places_read(x, &places, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(places.n_crl <= PLACES_MAX && places.n_ca <= PLACES_MAX);
	for (size_t i = 0; i < places.n_crl; i++)
		FUZZ_CHECK(places.crl[i][0] && !strpbrk(places.crl[i], "\r\n "));
	X509_free(x);
}

static void
set_up(void)
{
	OWN(text) char *der = NULL;
	size_t len = 0;
	struct fas_err e = {0};
	FUZZ_CHECK(
	    file_read(FAS_TEST_DATA "/lint/logon-ca.der", FILE_MAX, &der, &len, &e) == FAS_OK);
	const uint8_t *at = (const uint8_t *)der;
	authority = d2i_X509(NULL, &at, (long)len);
	FUZZ_CHECK(authority != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct fuzz_input *) = {
	    try_head, try_chunks, try_url, try_list, try_certificate};
	struct fuzz_input in = {data, size};
	if (!authority)
		set_up();
	if (size > 0)
		tries[fuzz_below(&in, NELEMS(tries))](&in);
	return 0;
}
