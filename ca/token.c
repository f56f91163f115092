#include "ca/token.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "fas/base/clock.h"
#include "fas/base/secret.h"
#include "fas/base/text.h"

#define PREFIX "fas1-"
#define SECRET_BYTES 16
#define SECRET_DIGITS 26
#define TOKEN_LEN (sizeof(PREFIX) - 1 + SECRET_DIGITS + 1 + 2 * STORE_DIGEST)
#define DIGITS "abcdefghijklmnopqrstuvwxyz234567" /* RFC 4648 6, in lower case */
#define LIFE_MAX_S ((int64_t)30 * 86400)

/* 128 bits, five at a time from the left; the last digit carries three. */
static void
write_digits(const uint8_t secret[SECRET_BYTES], char out[SECRET_DIGITS])
{
	unsigned bits = 0, n = 0;
	size_t at = 0;
	for (size_t i = 0; i < SECRET_DIGITS; i++) {
		if (n < 5) {
			bits = bits << 8 | (at < SECRET_BYTES ? secret[at] : 0);
			at++;
			n += 8;
		}
		n -= 5;
		out[i] = DIGITS[bits >> n & 31];
	}
}

enum fas_code
token_hash(const char *token, uint8_t hash[STORE_DIGEST], struct fas_err *e)
{
	if (strlen(token) != TOKEN_LEN || strncmp(token, PREFIX, sizeof(PREFIX) - 1) != 0)
		return fas_fail(
		    e, FAS_E_AUTH, "token_invalid", "the token is unknown, used or expired");
	if (EVP_Digest(token, TOKEN_LEN, hash, NULL, EVP_sha256(), NULL) != 1)
		return fas_fail_openssl(e, "SHA-256");
	return FAS_OK;
}

static enum fas_code
make_token(struct ca *ca, struct secret *token, struct fas_err *e)
{
	uint8_t pin[EVP_MAX_MD_SIZE];
	char digits[SECRET_DIGITS + 1] = "", hex[2 * STORE_DIGEST + 1];
	OWN(secret) struct secret random = {0};
	OWN(issuer) struct issuer *service = NULL;
	enum fas_code rc = authorities_service(&ca->authorities, &service, e);
	if (rc == FAS_OK)
		rc = secret_random(&random, SECRET_BYTES, e);
	if (rc == FAS_OK)
		rc = secret_init(token, TOKEN_LEN, e);
	if (rc != FAS_OK)
		return rc;
	if (X509_digest(service->certificate, EVP_sha256(), pin, NULL) != 1)
		return fas_fail_openssl(e, "SHA-256 of the service CA");
	write_digits(random.data, digits);
	(void)snprintf((char *)token->data, TOKEN_LEN + 1, PREFIX "%s.%s", digits,
	    hex_encode(pin, STORE_DIGEST, hex));
	secret_wipe(digits, sizeof(digits));
	return FAS_OK;
}

struct add {
	struct token_row row;
	const struct audit_record *about;
};

static enum fas_code
add_token(struct db *db, void *arg, struct fas_err *e)
{
	const struct add *add = arg;
	enum fas_code rc = store_token_add(db, &add->row, e);
	return rc == FAS_OK ? audit_append(db, add->about, e) : rc;
}

static enum fas_code
check_machine(const char *role, const char *name, struct fas_err *e)
{
	if (strcmp(role, "host") != 0 && strcmp(role, "storefront") != 0)
		return fas_fail(e, FAS_E_INPUT, "role_unknown",
		    "role \"%s\", want \"host\" or \"storefront\"", role);
	if (!hostname_is_valid(name))
		return fas_fail(e, FAS_E_INPUT, "name_malformed",
		    "RFC 1123 2.1: \"%s\" is not a host name", name);
	return FAS_OK;
}

enum fas_code
op_token_create(struct call *call, struct fas_err *e)
{
	uint8_t hash[STORE_DIGEST];
	char end[TIME_TEXT_MAX];
	OWN(secret) struct secret token = {0};
	struct add add = {.about = &call->about};
	struct token_row *row = &add.row;
	row->role = json_need_text(&call->in, "role", 1, TOKEN_ROLE_MAX - 1);
	row->name = json_need_text(&call->in, "name", 1, HOSTNAME_MAX);
	int64_t life_s = json_want_int(
	    &call->in, "life_s", 60, LIFE_MAX_S, call->ca->config->service_ca.token_life_s);
	call_correlate(call, NULL);
	enum fas_code rc = json_finish(&call->in);
	if (rc == FAS_OK)
		rc = check_machine(row->role, row->name, e);
	if (rc == FAS_OK)
		rc = clock_checked(call->ca->config->clock_skew_s, &row->created_s, e);
	if (rc == FAS_OK)
		rc = make_token(call->ca, &token, e);
	if (rc == FAS_OK)
		rc = token_hash((const char *)token.data, hash, e);
	if (rc != FAS_OK)
		return rc;
	row->hash = hash;
	row->created_by = call->caller;
	row->expires_s = row->created_s + life_s;
	OWN(json)
	json_t *detail = audit_detail("role", row->role, "name", row->name, "expires_at",
	    time_format(row->expires_s, end), NULL);
	call->about.event = "token_created";
	call->about.outcome = "done";
	call->about.detail = detail;
	if ((rc = db_write(call->ca->db, add_token, &add, e)) != FAS_OK)
		return rc;
	audit_log(&call->about);
	call->reply = json_pack("{s:s,s:I}", "token", (const char *)token.data, "expires_at",
	    (json_int_t)row->expires_s);
	return call->reply ? FAS_OK : fas_fail_nomem(e);
}
