/*
 * The world around the pipeline, played: one provider, one directory, one signer, one clock.  The stores, the policy
 * and the audit trail are the real ones, in a folder of their own.
 */
#ifndef TESTS_PIPELINE_WORLD_H
#define TESTS_PIPELINE_WORLD_H

#include "fas/in_session.h"
#include "fas/lease.h"
#include "fas/logon.h"
#include "fas/session.h"
#include "fas/sign.h"

#define ALICE_SID "S-1-5-21-1-2-3-1104"

struct world {
	char folder[64];
	char policy_path[96];
	struct service service;
	int64_t now_s;

	/* what the caller expected of the last response */
	struct {
		char in_response_to[160]; /* "" = unsolicited */
		char entity_id[160], acs_url[160], provider[64];
		size_t n_providers;
		bool force_authn;
		int64_t asked_s;
	} expected;

	/* what the provider says beyond alice's SID and UPN; NULL = nothing */
	const char *authn_context, *name_id, *name_id_format, *session_index;
	int64_t authn_instant_s;

	/* the directory */
	int64_t session_ends_s;   /* SessionNotOnOrAfter; 0 = none */
	int64_t issued_ago_s;     /* how long before now the provider has issued the assertion */
	enum fas_code find_fails; /* FAS_OK: alice is found */
	const char *found_sid;
	bool disabled;
	bool gone;
	_Atomic size_t found, reread; /* how often it was asked */

	/* the signer */
	enum fas_code issue_fails;
	size_t issued; /* different request ids that it has signed */
	size_t asked;
	bool pool_empty;  /* wait 7 s */
	bool answer_lost; /* it issues, and says so to nobody */
	bool key_gone;    /* signer was started anew: its keys are no longer there */
	char asked_profile[32], asked_key_type[16], asked_id[REQUEST_ID_MAX];
	char asked_policies[128]; /* each with a space behind it */
	int64_t asked_signatures, asked_until_s, asked_validity_s;
	enum fas_code sign_fails;
	char sign_reason[32];
	size_t signatures;
	size_t dropped;
	enum fas_code revoke_fails;
	size_t revoked;
	char revoked_session[SESSION_ID_TEXT_MAX];
	_Atomic int64_t retry_after_s; /* of the latest answer */
	char revoked_serial[SERIAL_HEX_MAX], revoked_why[32];
};

extern struct world world;

/* cmocka set-up and tear-down of each test. */
int world_begin(void **state);
int world_end(void **state);
/* Close and open the database again, as a restart of fasd would. */
void world_restart(void);
/* Replace the policy's rules (YAML below `rules:`). */
void world_policy(const char *rules);

#define STOREFRONT "storefront01.corp.example.com"
#define VDA1 "vda1.vdi.corp.example.com"
#define VDA2 "vda2.vdi.corp.example.com"
struct caller storefront(const char *name);
struct caller host(const char *name);

/*
 * A response whose assertion has this id: "ID" or "ID rest"; base64 text, to be freed.  The rest makes another
 * document that carries the same assertion.
 */
char *response_with(const char *id);
/* A CSR of a new P-256 key; to be freed. */
char *new_csr(void);

/* The reason and the outcome of the latest audit record. */
void assert_last_audit(const char *event, const char *outcome, const char *reason);
void assert_reason(const struct fas_err *e, const char *reason);

/* logon_start by the usual storefront for VDA1; the ticket's text in out. */
enum fas_code start_logon(const char *assertion_id, char out[TICKET_TEXT_MAX], struct fas_err *e);
/* logon_redeem by this host. */
enum fas_code redeem(const char *host_name, const char *ticket, const char *csr,
    struct redeem_answer *out, struct fas_err *e);
/* One logon of alice at VDA1, of a fresh assertion; the session's id. */
void log_on(char id[SESSION_ID_TEXT_MAX]);
/* The same with the service's key; the key's name in key. */
void log_on_by_service(char id[SESSION_ID_TEXT_MAX], char key[KEY_ID_MAX]);
enum fas_code certificate_by(const char *host_name, const char *id, const char *ask,
    const char *csr, struct in_session_answer *out, struct fas_err *e);
/* One rsa-pkcs1 signature of a SHA-256 digest. */
enum fas_code sign_by(const char *host_name, const char *id, const char *key, struct fas_err *e);
enum fas_code lease_by(
    const char *host_name, const char *id, struct lease_answer *out, struct fas_err *e);

/* The usual rule of the stage, with more lines at its end ("    in_session: ...\n"). */
void world_rule_with(const char *more);
/* The same where the service keeps the logon's key. */
void world_service_rule_with(const char *logon, const char *more);

#endif
