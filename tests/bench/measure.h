/* Each measurement adds its rows to the table. */
#ifndef FAS_BENCH_MEASURE_H
#define FAS_BENCH_MEASURE_H

#include "bare_server.h"
#include "fas/saml/saml.h"
#include "lab.h"
#include "material.h"

/* The yardstick: one raw RSA-2048 signature of a 32-byte digest; nanoseconds of CPU. */
double measure_raw_signature(void);

void measure_certificate(const struct lab *lab);
void measure_saml(const struct lab *lab, const struct material *material);
/* The worst of a corpus of documents that are dear to read; needs no lab. */
void measure_hostile(void);
void measure_store(const struct lab *lab);
/* bare: a server whose logons are bare_logon.h's. */
void measure_logon(
    const struct lab *lab, const struct material *material, const struct bare_server *bare);
/* Of n logons, 16 at once. */
void measure_stages(const struct lab *lab, const struct material *material, size_t n);
/* Signatures by service custody, and leases. */
void measure_session(const struct lab *lab, const struct material *material);
void measure_refill(const struct lab *lab, const struct material *material);
void measure_crl(const struct lab *lab, const struct material *material);
void measure_agent(void);
void measure_connection(const struct lab *lab, const struct bare_server *bare);
void measure_growth(const struct lab *lab, const struct material *material);
/* live_mb: of 10,000 live sessions without the keys. */
void measure_held(const struct lab *lab, double live_mb);
/* Nothing measured. */
void run_logons(const struct lab *lab, const struct material *material, size_t n);
void measure_start(const struct lab *lab);

/* CPU nanoseconds of one piece of a logon, by the same code run in this process. */
double measure_one_certificate(void);
double measure_one_saml(const struct material *material);
double measure_one_csr(const struct material *material);

/* The pieces themselves; the bench ends when one fails.  Opened before there are threads. */
void measure_open_saml(void);
void measure_open_certificate(void);
/* *out is the caller's. */
void measure_step_saml(const uint8_t *xml, size_t len, struct saml_assertion **out);
void measure_step_csr(const char *pem);
/* DER, malloc'ed. */
uint8_t *measure_step_certificate(size_t *len);

#endif
