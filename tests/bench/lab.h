/* The lab that is measured, and what the measurements share. */
#ifndef FAS_BENCH_LAB_H
#define FAS_BENCH_LAB_H

#include <stdarg.h>
#include <stdint.h>
#include <sys/types.h>

#include <openssl/ssl.h>

#include "fas/base/err.h"
#include "fas/base/macros.h"

struct lab {
	const char *scratch; /* a folder on the disk that the lab's state lies on */
	const char *api_host, *ops_host;
	unsigned api_port, ops_port;
	pid_t fasd, signer;         /* signer 0: one process does it all */
	SSL_CTX *storefront, *host; /* client certificates of the two machines */
	const char *host_name;
	SSL_CTX *keyless_host; /* whose sessions have the service keep their in-session keys */
	const char *keyless_name;
	SSL_CTX *anyone;      /* the storefront, to a server that nobody has to believe */
	const char *programs; /* folder of fasd and fas-signer */
	unsigned rounds;      /* A B pairs of each ratio */
	unsigned logons;      /* of the long run */
	unsigned records;     /* in the databases of the measured start */
};

/* From the environment that tests/lab writes; ends the bench when something is missing. */
void lab_open(struct lab *lab);
void lab_close(struct lab *lab);
const char *lab_variable(const char *name);

/* A sample of /metrics, summed over its labels. */
double lab_metric(const struct lab *lab, const char *name);

/* A bench that cannot measure says why and ends. */
_Noreturn void lab_die(const char *fmt, ...) PRINTF_LIKE(1, 2);
void lab_check(enum fas_code rc, const struct fas_err *e);

#endif
