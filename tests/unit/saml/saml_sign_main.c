/* saml-sign: print one freshly signed Response in base64, as an identity provider would post it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "fas/base/own.h"
#include "fas/base/text.h"
#include "saml_sign.h"

#define ATTRIBUTES_MAX 64

DEFINE_OWN(pkey, EVP_PKEY *, EVP_PKEY_free);
DEFINE_OWN(x509, X509 *, X509_free);
DEFINE_OWN(file, FILE *, (void)fclose);

static const char usage[] =
    "usage: saml-sign --key K.pem --cert C.pem --idp ENTITY --audience A --recipient URL\n"
    "    [--destination URL] [--sign response|assertion|both|nothing]\n"
    "    [--alg rsa-sha256|rsa-sha384|...|ecdsa-sha256|...] [--digest sha256|sha384|...]\n"
    "    [--now EPOCH] [--in-response-to ID] [--name-id X] [--session-not-on-or-after EPOCH]\n"
    "    [--response-id ID] [--assertion-id ID] [--attribute name=value ...] [--xml]\n"
    "\n"
    "Prints base64 of a SAML Response (--xml: the XML itself).  --destination is needed where the\n"
    "Response is signed.  --alg's default follows the key.\n";

struct arguments {
	struct saml_sign_spec spec;
	struct saml_sign_attribute attributes[ATTRIBUTES_MAX];
	const char *key_path, *cert_path;
	int as_xml;
};

/* The long options that are a text of the spec or a path, and where it goes. */
#define TEXT_OPTIONS(X)                                                                            \
	X("key", a->key_path)                                                                      \
	X("cert", a->cert_path)                                                                    \
	X("idp", a->spec.idp)                                                                      \
	X("audience", a->spec.audience)                                                            \
	X("recipient", a->spec.recipient)                                                          \
	X("destination", a->spec.destination)                                                      \
	X("alg", a->spec.algorithm)                                                                \
	X("digest", a->spec.digest)                                                                \
	X("in-response-to", a->spec.in_response_to)                                                \
	X("name-id", a->spec.name_id)                                                              \
	X("response-id", a->spec.response_id)                                                      \
	X("assertion-id", a->spec.assertion_id)

static int
parse_what(const char *word, enum saml_sign_what *out)
{
	static const char *const words[] = {"nothing", "response", "assertion", "both"};
	for (size_t i = 0; i < NELEMS(words); i++) {
		if (strcmp(words[i], word) == 0) {
			*out = (enum saml_sign_what)i;
			return 0;
		}
	}
	return -1;
}

static int
parse_time(const char *text, int64_t *out)
{
	uint64_t value;
	if (!parse_uint(text, 0, UINT32_MAX * (uint64_t)16, &value))
		return -1;
	*out = (int64_t)value;
	return 0;
}

/* "name=value"; the '=' becomes the end of the name. */
static int
add_attribute(struct arguments *a, char *text)
{
	char *equals = strchr(text, '=');
	if (!equals || a->spec.n_attributes == ATTRIBUTES_MAX)
		return -1;
	*equals = 0;
	a->attributes[a->spec.n_attributes++] = (struct saml_sign_attribute){text, equals + 1};
	return 0;
}

static int
take_option(struct arguments *a, const char *name, char *value)
{
#define TAKE_TEXT(option, place)                                                                   \
	if (strcmp(name, option) == 0) {                                                           \
		place = value;                                                                     \
		return 0;                                                                          \
	}
	TEXT_OPTIONS(TAKE_TEXT)
#undef TAKE_TEXT
	if (strcmp(name, "sign") == 0)
		return parse_what(value, &a->spec.sign);
	if (strcmp(name, "now") == 0)
		return parse_time(value, &a->spec.now_s);
	if (strcmp(name, "session-not-on-or-after") == 0)
		return parse_time(value, &a->spec.session_end_s);
	if (strcmp(name, "attribute") == 0)
		return add_attribute(a, value);
	a->as_xml = 1;
	return 0;
}

static int
parse_arguments(struct arguments *a, int argc, char **argv)
{
#define OPTION(option, place) {option, required_argument, NULL, 1},
	static const struct option options[] = {
	    TEXT_OPTIONS(OPTION){"sign", required_argument, NULL, 1},
	    {"now", required_argument, NULL, 1},
	    {"session-not-on-or-after", required_argument, NULL, 1},
	    {"attribute", required_argument, NULL, 1}, {"xml", no_argument, NULL, 1},
	    {NULL, 0, NULL, 0}};
#undef OPTION
	int index = 0, got;
	while ((got = getopt_long(argc, argv, "", options, &index)) == 1) {
		if (take_option(a, options[index].name, optarg) < 0) {
			fprintf(stderr, "saml-sign: bad value of --%s\n", options[index].name);
			return -1;
		}
	}
	a->spec.attributes = a->attributes;
	if (got != -1 || optind != argc || !a->key_path || !a->cert_path || !a->spec.idp ||
	    !a->spec.audience || !a->spec.recipient) {
		(void)fputs(usage, stderr);
		return -1;
	}
	return 0;
}

static EVP_PKEY *
read_key(const char *path)
{
	OWN(file) FILE *in = fopen(path, "r");
	return in ? PEM_read_PrivateKey(in, NULL, NULL, NULL) : NULL;
}

static X509 *
read_cert(const char *path)
{
	OWN(file) FILE *in = fopen(path, "r");
	return in ? PEM_read_X509(in, NULL, NULL, NULL) : NULL;
}

static int
print_response(struct arguments *a, EVP_PKEY *key, X509 *cert)
{
	OWN(text) char *cert_text = saml_sign_cert_base64(cert);
	a->spec.cert_base64 = cert_text;
	if (!a->spec.algorithm && EVP_PKEY_is_a(key, "EC"))
		a->spec.algorithm = "ecdsa-sha256";
	OWN(text) char *xml = saml_sign_response(&a->spec, key);
	OWN(text) char *base64 = xml ? base64_encode(xml, strlen(xml)) : NULL;
	if (!base64) {
		(void)fputs("saml-sign: signing failed (does the key fit --alg?)\n", stderr);
		return 1;
	}
	puts(a->as_xml ? xml : base64);
	return 0;
}

int
main(int argc, char **argv)
{
	struct arguments a = {.spec = {.sign = SAML_SIGN_BOTH, .now_s = time(NULL)}};
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (parse_arguments(&a, argc, argv) < 0)
		return 2;
	OWN(pkey) EVP_PKEY *key = read_key(a.key_path);
	OWN(x509) X509 *cert = read_cert(a.cert_path);
	if (!key || !cert || saml_sign_init() < 0) {
		fprintf(stderr, "saml-sign: cannot read %s\n", key ? a.cert_path : a.key_path);
		return 1;
	}
	int status = print_response(&a, key, cert);
	saml_sign_done();
	return status;
}
