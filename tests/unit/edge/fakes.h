/* A pipeline and siblings made up for the edge's tests: each answers as it is told, and keeps what it was asked. */
#ifndef TESTS_EDGE_FAKES_H
#define TESTS_EDGE_FAKES_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/base/err.h"
#include "fas/caller.h"
#include "fas/service.h"

#define FAKE_TEXT 512

struct fakes {
	/* the next answers: FAS_OK, or this failure */
	enum fas_code code;
	char reason[FAS_ERR_REASON_MAX];
	enum fas_code signer_code; /* of state, enroll, renew */
	bool directory_away, store_away;
	int64_t next_update_s; /* of the CRL; 0 = far ahead */
	bool no_authority;
	enum fas_code reload_code;
	bool account_unknown;
	const char *in_session; /* of lease and logon; NULL = none */
	const char *key_id;     /* of certificates; NULL = the host's key */
	int64_t retry_after_s;
	/* what was asked */
	_Atomic unsigned calls;
	char caller[CALLER_TEXT_MAX];
	char saml_response[FAKE_TEXT], host[FAKE_TEXT], in_response_to[FAKE_TEXT];
	char ticket[FAKE_TEXT], csr[FAKE_TEXT], session[FAKE_TEXT], token[FAKE_TEXT];
	char why[FAKE_TEXT], admin[FAKE_TEXT];
	char request_id[FAKE_TEXT];
	char ask[FAKE_TEXT], key[FAKE_TEXT], mechanism[FAKE_TEXT], hash[FAKE_TEXT];
	char program[FAKE_TEXT], purpose[FAKE_TEXT];
	size_t digest_len;
	size_t n_uses;
	int64_t report, signatures; /* of the last use */
	size_t certificate_len;
	unsigned reloads;
};

extern struct fakes fakes;

/* Everything good, nothing asked yet. */
void fakes_reset(void);

#define FAKE_CORRELATION "0123456789abcdef0123456789abcdef"

#endif
