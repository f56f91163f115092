/* What the outside learns of each refusal: the table of docs/PROTOCOL.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/json.h"
#include "fas/base/macros.h"
#include "fas/problem.h"

struct expectation {
	enum fas_code code;
	const char *reason;
	unsigned status;
	const char *public;
};

/* Every reason of the doors (fas/saml/saml.h, ldap/directory.h, policy/policy.h, ca/client.h, ...) that a request can meet. */
static const struct expectation expectations[] = {
    {FAS_E_INPUT, "saml_xml", 403, "assertion_refused"},
    {FAS_E_INPUT, "saml_structure", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_signature", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_algorithm", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_issuer", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_version", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_status", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_destination", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_recipient", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_audience", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_not_before", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_expired", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_in_response_to", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_unsolicited", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_subject_confirmation", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_max_age", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_conditions", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_session_expired", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_authn_statement", 403, "assertion_refused"},
    {FAS_E_AUTH, "saml_claims", 403, "assertion_refused"},
    {FAS_E_CONFLICT, "assertion_replayed", 409, "assertion_used"},
    {FAS_E_DENIED, "account_not_found", 403, "logon_denied"},
    {FAS_E_DENIED, "account_ambiguous", 403, "logon_denied"},
    {FAS_E_DENIED, "account_kind", 403, "logon_denied"},
    {FAS_E_DENIED, "account_changed", 403, "logon_denied"},
    {FAS_E_DENIED, "account_disabled", 403, "logon_denied"},
    {FAS_E_DENIED, "account_expired", 403, "logon_denied"},
    {FAS_E_DENIED, "account_locked", 403, "logon_denied"},
    {FAS_E_DENIED, "claim_sid_mismatch", 403, "logon_denied"},
    {FAS_E_DENIED, "claim_upn_mismatch", 403, "logon_denied"},
    {FAS_E_DENIED, "claim_guid_mismatch", 403, "logon_denied"},
    {FAS_E_DENIED, "entry_malformed", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_no_rule", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_denied_by_rule", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_privileged", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_password_expired", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_claims", 403, "logon_denied"},
    {FAS_E_DENIED, "policy_group_unresolved", 403, "logon_denied"},
    {FAS_E_DENIED, "sid_outside_limits", 403, "logon_denied"},
    {FAS_E_DENIED, "rid_refused", 403, "logon_denied"},
    {FAS_E_DENIED, "life_outside_limits", 403, "logon_denied"},
    {FAS_E_AUTH, "ticket_malformed", 403, "ticket_refused"},
    {FAS_E_AUTH, "ticket_expired", 403, "ticket_refused"},
    {FAS_E_AUTH, "ticket_unknown", 403, "ticket_refused"},
    {FAS_E_AUTH, "ticket_wrong_host", 403, "ticket_refused"},
    {FAS_E_AUTH, "ticket_other_node", 403, "ticket_other_node"},
    {FAS_E_CONFLICT, "ticket_used", 409, "ticket_used"},
    {FAS_E_CONFLICT, "ticket_failed", 403, "ticket_refused"},
    {FAS_E_NOTFOUND, "session_unknown", 404, "session_unknown"},
    {FAS_E_NOTFOUND, "session_ended", 404, "session_unknown"},
    {FAS_E_DENIED, "over", 403, "session_ended"},
    {FAS_E_NOTFOUND, "key_unknown", 404, "key_unknown"},
    {FAS_E_DENIED, "in_session_refused", 403, "in_session_refused"},
    {FAS_E_DENIED, "in_session_late", 403, "in_session_refused"},
    {FAS_E_CONFLICT, "order_other_key", 409, "conflict"},
    {FAS_E_LIMIT, "orders_open", 429, "busy"},
    {FAS_E_DENIED, "sign_mechanism", 403, "sign_refused"},
    {FAS_E_DENIED, "sign_count", 403, "sign_refused"},
    {FAS_E_LIMIT, "sign_rate", 429, "busy"},
    {FAS_E_UNAVAILABLE, "account_unknown", 503, "unavailable"},
    {FAS_E_INPUT, "digest_malformed", 400, "request_invalid"},
    {FAS_E_INPUT, "session_id_invalid", 404, "session_unknown"},
    {FAS_E_AUTH, "token_invalid", 403, "token_refused"},
    {FAS_E_INPUT, "token_malformed", 403, "token_refused"},
    {FAS_E_DENIED, "renew_other_key", 403, "renewal_refused"},
    {FAS_E_AUTH, "renew_refused", 403, "renewal_refused"},
    {FAS_E_INPUT, "csr_malformed", 400, "csr_refused"},
    {FAS_E_INPUT, "csr_signature", 400, "csr_refused"},
    {FAS_E_INPUT, "csr_key", 400, "csr_refused"},
    {FAS_E_CONFLICT, "csr_required", 409, "csr_required"},
    {FAS_E_NOTFOUND, "key_gone", 403, "ticket_refused"},
    {FAS_E_UNAVAILABLE, "pool_empty", 503, "pool_empty"},
    {FAS_E_CONFIG, "pool_type", 500, "internal"},
    {FAS_E_UNAVAILABLE, "ticket_raced", 503, "unavailable"},
    {FAS_E_INPUT, "json_malformed", 400, "request_invalid"},
    {FAS_E_INPUT, "member_missing", 400, "request_invalid"},
    {FAS_E_INPUT, "member_invalid", 400, "request_invalid"},
    {FAS_E_INPUT, "member_unknown", 400, "request_invalid"},
    {FAS_E_INPUT, "base64_malformed", 400, "request_invalid"},
    {FAS_E_INPUT, "host_invalid", 400, "request_invalid"},
    {FAS_E_INPUT, "query_refused", 400, "request_invalid"},
    {FAS_E_AUTH, "caller_required", 401, "caller_required"},
    {FAS_E_AUTH, "caller_certificate", 401, "caller_refused"},
    {FAS_E_AUTH, "caller_expired", 401, "caller_refused"},
    {FAS_E_AUTH, "caller_revoked", 401, "caller_refused"},
    {FAS_E_AUTH, "caller_unknown", 401, "caller_refused"},
    {FAS_E_DENIED, "caller_role", 403, "role_refused"},
    {FAS_E_NOTFOUND, "route_unknown", 404, "not_found"},
    {FAS_E_NOTFOUND, "object_unknown", 404, "not_found"},
    {FAS_E_INPUT, "method_refused", 405, "method_refused"},
    {FAS_E_INPUT, "body_too_large", 413, "too_large"},
    {FAS_E_AUTH, "caller_negotiate", 401, "caller_refused"},
    {FAS_E_AUTH, "caller_replayed", 401, "caller_refused"},
    {FAS_E_DENIED, "machine_disabled", 401, "caller_refused"},
    {FAS_E_DENIED, "machine_no_rule", 403, "role_refused"},
    {FAS_E_DENIED, "renew_no_certificate", 403, "renewal_refused"},
    {FAS_E_INPUT, "body_type", 415, "type_refused"},
    {FAS_E_LIMIT, "queue_full", 429, "busy"},
    {FAS_E_LIMIT, "rate_of_sid", 429, "busy"},
    {FAS_E_LIMIT, "rate_in_all", 429, "busy"},
    {FAS_E_UNAVAILABLE, "stopping", 503, "unavailable"},
    {FAS_E_UNAVAILABLE, "directory_away", 503, "unavailable"},
    {FAS_E_UNAVAILABLE, "signer_away", 503, "unavailable"},
    {FAS_E_UNAVAILABLE, "clock_backwards", 503, "unavailable"},
    {FAS_E_UNAVAILABLE, "disk_full", 503, "unavailable"},
    {FAS_E_UNAVAILABLE, "authority_not_ready", 503, "unavailable"},
    {FAS_E_NOTFOUND, "authority_unknown", 503, "unavailable"},
    {FAS_E_NOTFOUND, "peer_closed", 503, "unavailable"},
    {FAS_E_AUTH, "socket_forbidden", 503, "unavailable"},
    {FAS_E_TIMEOUT, "signer_timeout", 503, "unavailable"},
    {FAS_E_IO, "database_corrupt", 503, "unavailable"},
    {FAS_E_IO, "database_read_only", 503, "unavailable"},
    {FAS_E_IO, "database_io", 503, "unavailable"},
    {FAS_E_IO, "io_error", 500, "internal"},
    {FAS_E_IO, "saml_library", 500, "internal"},
    {FAS_E_NOTFOUND, "file_missing", 500, "internal"},
    {FAS_E_CRYPTO, "crypto_error", 500, "internal"},
    {FAS_E_NOMEM, "out_of_memory", 500, "internal"},
    {FAS_E_INTERNAL, "internal", 500, "internal"},
    {FAS_E_CONFIG, "policy_malformed", 500, "internal"},
};

static void
every_reason_has_its_status_and_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < NELEMS(expectations); i++) {
		const struct expectation *x = &expectations[i];
		struct fas_err e = {0};
		fas_fail(&e, x->code, x->reason, "made up");
		const struct problem *problem = problem_of(&e);
		if (problem->status != x->status || strcmp(problem->code, x->public) != 0)
			fail_msg("%s: %u %s, want %u %s", x->reason, problem->status, problem->code,
			    x->status, x->public);
	}
}

static void
every_class_is_mapped_without_a_reason(void **state)
{
	(void)state;
	for (int code = FAS_E_INPUT; code <= FAS_E_INTERNAL; code++) {
		struct fas_err e = {0};
		fas_fail(&e, (enum fas_code)code, "reason_of_tomorrow", "made up");
		const struct problem *problem = problem_of(&e);
		assert_in_range(problem->status, 400, 599);
		assert_false(problem_knows("reason_of_tomorrow"));
	}
}

static void
later_is_said_where_later_helps(void **state)
{
	const struct problem *problem;
	(void)state;
	for (size_t i = 0; (problem = problem_at(i)) != NULL; i++)
		assert_int_equal(
		    problem->retry_after_s > 0, problem->status == 429 || problem->status == 503);
}

static void
codes_are_unique_and_plain(void **state)
{
	const struct problem *a, *b;
	(void)state;
	for (size_t i = 0; (a = problem_at(i)) != NULL; i++) {
		assert_int_equal(strspn(a->code, "abcdefghijklmnopqrstuvwxyz_"), strlen(a->code));
		assert_true(a->title[0] >= 'A' && a->title[0] <= 'Z');
		for (size_t k = i + 1; (b = problem_at(k)) != NULL; k++)
			assert_string_not_equal(a->code, b->code);
	}
}

static void
the_document_is_rfc_9457(void **state)
{
	struct fas_err e = {0};
	fas_fail(&e, FAS_E_AUTH, "saml_signature", "secret finding");
	char *text = problem_document(problem_of(&e), "00ff");
	OWN(json) json_t *document = json_loads(text, 0, NULL);
	(void)state;
	assert_int_equal(json_object_size(document), 5);
	assert_string_equal(json_string_value(json_object_get(document, "type")),
	    "urn:fas:problem:assertion_refused");
	assert_string_equal(
	    json_string_value(json_object_get(document, "code")), "assertion_refused");
	assert_string_equal(json_string_value(json_object_get(document, "correlation_id")), "00ff");
	assert_int_equal(json_integer_value(json_object_get(document, "status")), 403);
	assert_null(strstr(text, "secret"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_reason_has_its_status_and_code),
	    cmocka_unit_test(every_class_is_mapped_without_a_reason),
	    cmocka_unit_test(later_is_said_where_later_helps),
	    cmocka_unit_test(codes_are_unique_and_plain),
	    cmocka_unit_test(the_document_is_rfc_9457),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
