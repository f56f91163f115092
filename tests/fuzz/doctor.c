/* What a diagnosis reads of strangers (certificates, times of the directory) and what it makes of their names. */
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/doctor/exam.h"
#include "fas/doctor/report.h"
#include "tests/fuzz/fuzz.h"

#define YEARS_9999_S INT64_C(253402300800)

static void
try_certificate(struct fuzz_input *in)
{
	int64_t from, to;
	char name[CERTIFICATE_NAME_MAX];
	OWN(x509) X509 *x = certificate_parse(in->at, in->left);
	if (!x)
		return;
	(void)certificate_life(x, &from, &to);
	(void)certificate_has_purpose(x, OID_KDC);
	(void)certificate_bears_host(x, "dc1.corp.example.com");
	(void)certificate_weakness(x);
	certificate_name(X509_get_subject_name(x), name);
	for (const char *at = name; *at; at++)
		FUZZ_CHECK(*at >= 0x20 && *at < 0x7f);
	STACK_OF(X509) *others = sk_X509_new_null();
	FUZZ_CHECK(others && sk_X509_push(others, x) > 0);
	FUZZ_CHECK(certificate_chain_fault(x, others, NULL) != NULL);
	(void)certificate_issuer_in(x, others);
	sk_X509_free(others);
}

static void
try_time(struct fuzz_input *in)
{
	int64_t at = 0;
	char text[32] = "";
	memcpy(text, in->at, in->left < sizeof(text) - 1 ? in->left : sizeof(text) - 1);
	if (survey_time(text, &at))
		FUZZ_CHECK(at < YEARS_9999_S && strspn(text, "0123456789") >= 14);
}

/* As a shell reads it: the text between quotes, and \' outside of them; nothing else is there. */
static void
try_quotes(struct fuzz_input *in)
{
	char text[256] = "", back[256];
	size_t n = 0;
	bool quoted = false;
	memcpy(text, in->at, in->left < sizeof(text) - 1 ? in->left : sizeof(text) - 1);
	OWN(text) char *shell = quote_shell(text);
	FUZZ_CHECK(shell != NULL);
	for (const char *at = shell; *at; at++) {
		if (*at == '\'')
			quoted = !quoted;
		else if (quoted)
			back[n++] = *at;
		else {
			FUZZ_CHECK(at[0] == '\\' && at[1] == '\'');
			back[n++] = *++at;
		}
	}
	FUZZ_CHECK(!quoted && n == strlen(text) && memcmp(back, text, n) == 0);
}

/* Whatever the value is, the document ends where it ends. */
static void
try_document(struct fuzz_input *in)
{
	OWN(json) json_t *finding = json_pack("{s:[]}", "remedy");
	remedy_ldif(finding, "CN=x", "add", "description", in->at, in->left);
	const char *text = json_string_value(
	    json_object_get(json_array_get(json_object_get(finding, "remedy"), 0), "command"));
	const char *end = text ? strstr(text, "\nEOF") : NULL;
	FUZZ_CHECK(!text || (end && strcmp(end, "\nEOF") == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct fuzz_input *) = {
	    try_certificate, try_time, try_quotes, try_document};
	struct fuzz_input in = {data, size};
	if (size > 1)
		tries[fuzz_below(&in, NELEMS(tries))](&in);
	return 0;
}
