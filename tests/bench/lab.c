#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "fas/base/own.h"
#include "fas/base/text.h"

void
lab_die(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	(void)fputs("fas-bench: ", stderr);
	(void)vfprintf(stderr, fmt, args);
	(void)fputc('\n', stderr);
	va_end(args);
	exit(2);
}

void
lab_check(enum fas_code rc, const struct fas_err *e)
{
	if (rc != FAS_OK)
		lab_die("%s: %s", fas_err_reason(e), e->message);
}

const char *
lab_variable(const char *name)
{
	const char *value = getenv(name);
	if (!value || !*value)
		lab_die("%s is not set: run tests/bench/run", name);
	return value;
}

/* "https://127.88.1.20:8443": only what stands on the loopback net is ever spoken to. */
static void
read_url(const char *name, const char **host, unsigned *port)
{
	const char *text = strstr(lab_variable(name), "://");
	const char *colon = text ? strrchr(text + 3, ':') : NULL;
	uint64_t number = 0;
	if (!colon || !parse_uint(colon + 1, 1, 65535, &number) || strncmp(text, "://127.", 7) != 0)
		lab_die("%s=%s is no URL on 127.0.0.0/8 with a port", name, getenv(name));
	*host = strndup(text + 3, (size_t)(colon - text) - 3);
	*port = (unsigned)number;
}

static SSL_CTX *
open_identity(const char *certificate, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_use_certificate_chain_file(ctx, lab_variable(certificate)) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, lab_variable(key), SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_file(ctx, lab_variable("FAS_SERVICE_CA")) != 1)
		lab_die("%s and %s cannot be used", certificate, key);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static unsigned
read_number(const char *name)
{
	uint64_t number = 0;
	if (!parse_uint(lab_variable(name), 1, 10000000, &number))
		lab_die("%s is no number", name);
	return (unsigned)number;
}

void
lab_open(struct lab *lab)
{
	read_url("FAS_API_URL", &lab->api_host, &lab->api_port);
	read_url("FAS_OPS_URL", &lab->ops_host, &lab->ops_port);
	lab->scratch = lab_variable("BENCH_SCRATCH");
	lab->programs = lab_variable("BENCH_PROGRAMS");
	lab->fasd = (pid_t)read_number("BENCH_FASD_PID");
	lab->signer = (pid_t)read_number("BENCH_SIGNER_PID");
	lab->rounds = read_number("BENCH_ROUNDS");
	lab->logons = read_number("BENCH_LOGONS");
	lab->records = read_number("BENCH_RECORDS");
	lab->host_name = lab_variable("FAS_HOST_NAME");
	lab->keyless_name = lab_variable("FAS_HOST2_NAME");
	lab->keyless_host = open_identity("FAS_HOST2_CERT", "FAS_HOST2_KEY");
	lab->storefront = open_identity("FAS_STOREFRONT_CERT", "FAS_STOREFRONT_KEY");
	lab->host = open_identity("FAS_HOST_CERT", "FAS_HOST_KEY");
	lab->anyone = open_identity("FAS_STOREFRONT_CERT", "FAS_STOREFRONT_KEY");
	SSL_CTX_set_verify(lab->anyone, SSL_VERIFY_NONE, NULL);
}

void
lab_close(struct lab *lab)
{
	SSL_CTX_free(lab->storefront);
	SSL_CTX_free(lab->host);
	SSL_CTX_free(lab->keyless_host);
	SSL_CTX_free(lab->anyone);
}

double
lab_metric(const struct lab *lab, const char *name)
{
	double sum = 0;
	size_t len = strlen(name);
	OWN(text) char *page = client_get_plain(lab->ops_host, lab->ops_port, "/metrics");
	for (const char *line = page; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		const char *value = strchr(line, ' ');
		if (strncmp(line, name, len) == 0 && (line[len] == ' ' || line[len] == '{') &&
		    value)
			sum += strtod(value, NULL);
	}
	return sum;
}
