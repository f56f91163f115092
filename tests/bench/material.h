/* What a load consumes, made before it begins: signed responses as whole requests, certification requests. */
#ifndef FAS_BENCH_MATERIAL_H
#define FAS_BENCH_MATERIAL_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "lab.h"

#define MATERIAL_CSR_MAX 4096

struct material {
	char csr[MATERIAL_CSR_MAX];      /* PEM */
	char csr_json[MATERIAL_CSR_MAX]; /* the same with its line ends escaped */
	EVP_PKEY *idp_key;
	char *idp_certificate; /* base64, as most providers put it into KeyInfo */
	char sid[192], upn[256], guid[64];
};

void material_open(struct material *material);
void material_close(struct material *material);

/* A freshly signed response, malloc'ed XML. */
char *material_response(const struct material *material);

/* n whole requests POST /v1/logons, each good once and for less than five minutes. */
struct requests {
	char **request;
	size_t n;
};
void requests_make(
    const struct material *material, const struct lab *lab, size_t n, struct requests *out);
void requests_done(struct requests *requests);

/* POST path with a JSON body, malloc'ed. */
char *request_format(const char *path, const char *body);

#endif
