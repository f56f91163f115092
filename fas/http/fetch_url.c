#include "fas/http/fetch_url.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#define CONNECT_MS 10000L

DEFINE_OWN(curl, CURL *, curl_easy_cleanup);

enum fas_code
fetch_url_init(struct fas_err *e)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return FAS_OK;
	return fas_fail(e, FAS_E_INTERNAL, "internal", "libcurl does not start");
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct buf *out = arg;
	(void)size; /* always 1 */
	buf_append(out, data, n);
	return out->failed ? 0 : n;
}

/* Of a probe nothing is kept, and no more is taken than there is. */
static size_t
on_nothing(char *data, size_t size, size_t n, void *arg)
{
	(void)data, (void)size, (void)arg;
	return n;
}

/* A line of the answer's head. */
static size_t
on_head(char *data, size_t size, size_t n, void *arg)
{
	int64_t *date_s = arg;
	char text[64] = "";
	(void)size;
	if (n > 6 && n < sizeof(text) && strncasecmp(data, "Date:", 5) == 0) {
		memcpy(text, data + 5, n - 5);
		time_t at = curl_getdate(text, NULL);
		*date_s = at > 0 ? at : 0;
	}
	return n;
}

static bool
set_up(CURL *c, const char *url, const char *ca_file, int timeout_ms, char *why)
{
	bool good =
	    curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_USERAGENT, "fasd/" FAS_VERSION) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK &&
	    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)timeout_ms) == CURLE_OK;
	if (good && ca_file)
		good = curl_easy_setopt(c, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
	return good;
}

/* What curl has found, in the words of this house. */
static enum fas_code
judge(CURLcode code, const char *why, const struct buf *out, struct fas_err *e)
{
	const char *text = why[0] ? why : curl_easy_strerror(code);
	if (code == CURLE_OK)
		return FAS_OK;
	if (code == CURLE_OUT_OF_MEMORY || out->no_memory)
		return fas_fail_nomem(e);
	if (out->failed || code == CURLE_FILESIZE_EXCEEDED)
		return fas_fail(e, FAS_E_LIMIT, "fetch_too_large", "the answer is over %zu octets",
		    out->max_bytes);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return fas_fail(e, FAS_E_TIMEOUT, "fetch_timeout", "no whole answer in time");
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_SSL_CONNECT_ERROR)
		return fas_fail(e, FAS_E_UNAVAILABLE, "fetch_tls", "TLS: %s", text);
	return fas_fail(e, FAS_E_UNAVAILABLE, "fetch_connect", "%s", text);
}

static enum fas_code
perform(CURL *c, const char *why, const struct buf *out, long *status, struct fas_err *e)
{
	enum fas_code rc = judge(curl_easy_perform(c), why, out, e);
	if (rc == FAS_OK)
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
	return rc;
}

enum fas_code
fetch_url(const char *url, const char *ca_file, size_t max_bytes, int timeout_ms, struct buf *out,
    struct fas_err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	buf_init(out, max_bytes);
	OWN(curl) CURL *c = curl_easy_init();
	if (!c || !set_up(c, url, ca_file, timeout_ms, why) ||
	    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_WRITEDATA, out) != CURLE_OK)
		return fas_fail_nomem(e);
	enum fas_code rc = perform(c, why, out, &status, e);
	if (rc == FAS_OK && status != 200)
		return fas_fail(
		    e, FAS_E_UNAVAILABLE, "http_status", "HTTP status %ld, want 200", status);
	return rc;
}

enum fas_code
fetch_url_probe(
    const char *url, const char *ca_file, int timeout_ms, int64_t *date_s, struct fas_err *e)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	const struct buf nothing = {0};
	*date_s = 0;
	OWN(curl) CURL *c = curl_easy_init();
	if (!c || !set_up(c, url, ca_file, timeout_ms, why) ||
	    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_HEADERDATA, date_s) != CURLE_OK ||
	    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_nothing) != CURLE_OK)
		return fas_fail_nomem(e);
	return perform(c, why, &nothing, &status, e);
}
