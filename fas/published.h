/* What fas-signer publishes, as it tells: each generation with its chain and the places that its certificates name. */
#ifndef FAS_PUBLISHED_H
#define FAS_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <openssl/x509.h>

#include "ca/client.h"
#include "ca/crl_check.h"
#include "fas/base/err.h"
#include "fas/base/own.h"

#define PUBLISHED_MAX 128
#define PUBLISHED_CHAIN_MAX 8

struct published {
	const char *authority, *stem; /* borrowed from the answer, as all texts */
	int64_t generation;
	bool issues; /* what is issued now is signed by it */
	const json_t
	    *issues_for; /* list of authorities, as rules name them, for which it issues now */
	X509 *chain[PUBLISHED_CHAIN_MAX]; /* its own certificate first, the root last */
	size_t n_chain;
	X509 *renewal; /* another certificate of its key, which waits for its switch; NULL: none */
	const json_t *cdp, *aia; /* lists of URLs */
	const char *ldap_cdp;    /* URL, or NULL */
	const json_t *profiles; /* list of {"name", "cdp", "aia"}: those with places of their own */
	char number[CRL_NUMBER_TEXT_MAX]; /* of its present CRL */
	int64_t made_s;                   /* when that was made */
};

struct published_list {
	json_t *answer;
	struct published items[PUBLISHED_MAX];
	size_t n;
};

/* As signer_published; FAS_E_INTERNAL "signer_reply".  out is safe to finish in any case. */
MUST_CHECK enum fas_code published_ask(
    struct signer *signer, struct published_list *out, struct fas_err *e);
void published_done(struct published_list *list);

DEFINE_OWN_IN_PLACE(published_list, struct published_list, published_done);

#endif
