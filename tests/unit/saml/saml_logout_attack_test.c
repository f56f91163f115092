/* Logout messages that end nobody's session: each of them one step away from a good one. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "fas/base/buf.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "saml_logouts.h"

#define SIGNED "saml_signature"
#define NAME_ID                                                                                    \
	"<saml:NameID "                                                                            \
	"Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">alice</saml:NameID>"

static const struct logout_row rows[] = {
    /* ---- the signature ---- */
    {.name = "an unsigned query is refused", .reason = SIGNED, .how = {.is_unsigned = true}},
    {.name = "an unsigned form is refused",
	.reason = SIGNED,
	.how = {.is_unsigned = true},
	.post = true},
    {.name = "an unsigned answer is refused",
	.reason = SIGNED,
	.how = {.is_unsigned = true},
	.response = true},
    {.name = "another provider's key is refused", .reason = SIGNED, .key = KEY_OTHER},
    {.name = "another provider's key is refused in a form",
	.reason = SIGNED,
	.key = KEY_OTHER,
	.post = true},
    {.name = "a message under another's name is refused",
	.reason = SIGNED,
	.before = {{ENTITY("main"), ENTITY("other")}}},
    {.name = "a changed RelayState is refused",
	.reason = SIGNED,
	.how = {.relay_state = "store"},
	.after = {{"RelayState=store", "RelayState=stare"}}},
    {.name = "a removed RelayState is refused",
	.reason = SIGNED,
	.how = {.relay_state = "store"},
	.after = {{"&RelayState=store", ""}}},
    {.name = "an added RelayState is refused",
	.reason = SIGNED,
	.after = {{"&SigAlg", "&RelayState=x&SigAlg"}}},
    {.name = "a value that is encoded anew is refused",
	.reason = SIGNED,
	.how = {.lower = true},
	.after = {{"%2f", "%2F"}}},
    {.name = "a changed document is refused",
	.reason = SIGNED,
	.post = true,
	.after = {{">alice<", ">bob<"}}},
    {.name = "a request signed as an answer is refused",
	.reason = "saml_structure",
	.after = {{"SAMLRequest=", "SAMLResponse="}}},
    {.name = "a Signature in the message of a query is refused",
	.reason = SIGNED,
	.before = {{"</saml:Issuer>", "</saml:Issuer>" KIT_SIGNATURE("_l1", "rsa-sha256")}}},
    {.name = "a Signature elsewhere is no signature",
	.reason = "saml_structure",
	.post = true,
	.how = {.is_unsigned = true},
	.before = {{"</samlp:LogoutRequest>",
	    KIT_SIGNATURE("_l1", "rsa-sha256") "</samlp:LogoutRequest>"}}},
    {.name = "sha1 is refused", .reason = "saml_algorithm", .how = {.algorithm = "rsa-sha1"}},
    {.name = "an algorithm of another kind of key is refused",
	.reason = "saml_algorithm",
	.after = {{"rsa-sha256", "ecdsa-sha256"}}},
    {.name = "hmac is refused",
	.reason = "saml_algorithm",
	.after = {{"rsa-sha256", "hmac-sha256"}}},
    {.name = "another digest is refused",
	.reason = SIGNED,
	.after = {{"rsa-sha256", "rsa-sha512"}}},
    {.name = "an empty signature is refused",
	.reason = "saml_signature",
	.after = {{"&Signature=", "&Signature=&x="}}},
    {.name = "a signature without an algorithm is refused",
	.reason = SIGNED,
	.after = {{"&SigAlg=", "&x="}}},

    /* ---- the query ---- */
    {.name = "two messages are refused",
	.reason = "saml_query",
	.after = {{"SAMLRequest=", "SAMLResponse=x&SAMLRequest="}}},
    {.name = "one message twice is refused",
	.reason = "saml_query",
	.after = {{"SAMLRequest=", "SAMLRequest=x&SAMLRequest="}}},
    {.name = "two RelayStates are refused",
	.reason = "saml_query",
	.how = {.relay_state = "a"},
	.after = {{"&SigAlg", "&RelayState=b&SigAlg"}}},
    {.name = "two signatures are refused",
	.reason = "saml_query",
	.after = {{"&SigAlg", "&Signature=x&SigAlg"}}},
    {.name = "no message is refused",
	.reason = "saml_query",
	.after = {{"SAMLRequest=", "samlrequest="}}},
    {.name = "a hidden name is refused",
	.reason = "saml_query",
	.after = {{"SAMLRequest=", "%53AMLRequest="}}},
    {.name = "a name without a value is refused",
	.reason = "saml_query",
	.after = {{"&SigAlg=", "&RelayState&SigAlg="}}},
    {.name = "another encoding is refused",
	.reason = "saml_query",
	.after = {{"SAMLRequest=", "SAMLEncoding=none&SAMLRequest="}}},
    {.name = "a broken escape is refused",
	.reason = "saml_query",
	.after = {{"SigAlg=http", "SigAlg=%zz"}}},
    {.name = "an escaped NUL is refused",
	.reason = "saml_query",
	.after = {{"SigAlg=http", "SigAlg=%00"}}},
    {.name = "an escape that is cut short is refused",
	.reason = "saml_query",
	.move_signature = true,
	.after = {{"&SAMLRequest=", "%4&SAMLRequest="}}},
    {.name = "what is no base64 is refused",
	.reason = "base64_malformed",
	.after = {{"SAMLRequest=", "SAMLRequest=*"}}},

    /* ---- the document ---- */
    {.name = "a document type is refused",
	.reason = "saml_xml",
	.before = {{"<samlp:Logout", "<!DOCTYPE x><samlp:Logout"}}},
    {.name = "a comment in the name is refused",
	.reason = "saml_xml",
	.before = {{">alice<", ">ali<!---->ce<"}}},
    {.name = "another root is refused",
	.reason = "saml_structure",
	.before = {{"<samlp:LogoutRequest", "<samlp:AuthnRequest"},
	    {"</samlp:LogoutRequest", "</samlp:AuthnRequest"}}},
    {.name = "an answer that comes as a request is refused",
	.reason = "saml_structure",
	.response = true,
	.after = {{"SAMLResponse=", "SAMLRequest="}}},
    {.name = "a root of another namespace is refused",
	.reason = "saml_structure",
	.before = {{"SAML:2.0:protocol", "SAML:1.0:protocol"}}},
    {.name = "an ID that occurs twice is refused",
	.reason = "saml_structure",
	.before = {{"<samlp:SessionIndex>", "<samlp:SessionIndex id=\"_l1\">"}}},
    {.name = "an ID that is none is refused",
	.reason = "saml_structure",
	.before = {{"ID=\"_l1\"", "ID=\"1 x\""}}},
    {.name = "a second name is refused",
	.reason = "saml_structure",
	.before = {{"<saml:NameID", "<saml:NameID>bob</saml:NameID><saml:NameID"}}},
    {.name = "a foreign element is refused",
	.reason = "saml_structure",
	.before = {{"<saml:NameID", "<saml:Subject/><saml:NameID"}}},
    {.name = "another version is refused",
	.reason = "saml_version",
	.before = {{"Version=\"2.0\"", "Version=\"2.1\""}}},
    {.name = "an unknown issuer is refused",
	.reason = "saml_issuer",
	.before = {{ENTITY("main"), ENTITY("stranger")}}},
    {.name = "an issuer that is no entity is refused",
	.reason = "saml_issuer",
	.before = {{"<saml:Issuer>", "<saml:Issuer Format=\"urn:x\">"}}},
    {.name = "a message for someone else is refused",
	.reason = "saml_destination",
	.before = {{KIT_SLO, "https://other.example/slo"}}},
    {.name = "a message for nobody is refused",
	.reason = "saml_destination",
	.before = {{" Destination=\"" KIT_SLO "\"", ""}}},
    {.name = "a form for someone else is refused",
	.reason = "saml_destination",
	.post = true,
	.before = {{KIT_SLO, "https://other.example/slo"}}},
    {.name = "a message to another virtual server is refused",
	.reason = "saml_destination",
	.at = "https://login.example/saml/v/mobile/slo"},
    {.name = "a message to a server without single logout is refused",
	.reason = "saml_destination",
	.at = ""},

    /* ---- time ---- */
    {.name = "a request is refused when it has ended", .reason = "saml_expired", .later_s = 360},
    {.name = "an answer is refused when it is old",
	.reason = "saml_max_age",
	.response = true,
	.later_s = 361},
    {.name = "a request of the future is refused", .reason = "saml_max_age", .later_s = -61},
    {.name = "a request without an instant is refused",
	.reason = "saml_max_age",
	.before = {{" IssueInstant=\"" NOW "\"", ""}}},
    {.name = "an end that is no time is refused",
	.reason = "saml_expired",
	.before = {{"NotOnOrAfter=\"" AFTER, "NotOnOrAfter=\"tomorrow"}}},

    /* ---- whom ---- */
    {.name = "a request without a name is refused",
	.reason = "saml_name_id",
	.before = {{NAME_ID, ""}}},
    {.name = "an empty name is refused", .reason = "saml_name_id", .before = {{">alice<", "><"}}},
    {.name = "a name with an element in it is refused",
	.reason = "saml_name_id",
	.before = {{">alice<", ">ali<saml:x/>ce<"}}},
    {.name = "an invisible character is refused",
	.reason = "saml_name_id",
	.before = {{">alice<", ">ali\xe2\x80\x8b"
			       "ce<"}}},
    {.name = "an empty index is refused", .reason = "saml_name_id", .before = {{">_s1<", "><"}}},
    {.name = "an answer to nothing is refused",
	.reason = "saml_in_response_to",
	.response = true,
	.before = {{" InResponseTo=\"_q1\"", ""}}},
    {.name = "an answer without a status is refused",
	.reason = "saml_structure",
	.response = true,
	.before = {{"<samlp:Status>", "<samlp:Extensions>"},
	    {"</samlp:Status>", "</samlp:Extensions>"}}},
};

static void
refused(const struct logout_row *row, const char *message)
{
	struct saml_logout *l = NULL;
	struct fas_err e = {0};
	enum fas_code rc = logout_read_text(row, message, &l, &e);
	if (rc == FAS_OK) {
		saml_logout_free(l);
		fail_msg("read, want %s", row->reason);
	}
	assert_null(l);
	if (strcmp(e.reason, row->reason) != 0)
		fail_msg("refused as %s (%s), want %s", e.reason, e.message, row->reason);
	assert_true(rc == FAS_E_AUTH || rc == FAS_E_INPUT);
}

static void
run_row(void **state)
{
	const struct logout_row *row = *state;
	OWN(text) char *message = logout_message(row);
	refused(row, message);
}

static void
names_that_are_not_for_us_stay_closed(void **state)
{
	const struct logout_row closed[] = {
	    {.reason = "saml_decryption", .sealed = true, .seal = {.to = world.keys[KEY_MAIN]}},
	    {.reason = "saml_decryption", .sealed = true, .seal = {.bad_tag = 1}},
	    {.reason = "saml_algorithm", .sealed = true, .seal = {.transport = "rsa-1_5"}},
	    {.reason = "saml_name_id",
		.sealed = true,
		.before = {{"<saml:NameID", "<saml:BaseID/><saml:NameID"}}},
	};
	(void)state;
	for (size_t i = 0; i < NELEMS(closed); i++) {
		OWN(text) char *message = logout_message(&closed[i]);
		refused(&closed[i], message);
	}
}

/* ---- what does not fit a row ---- */

static char *
packed_query(const void *packed, size_t len)
{
	OWN(text) char *base64 = base64_encode(packed, len);
	OWN(buf) struct buf b;
	buf_init(&b, 65536);
	buf_text(&b, "SAMLRequest=");
	for (const char *at = base64; *at; at++) {
		if (strchr("+/=", *at))
			buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*at);
		else
			buf_append(&b, at, 1);
	}
	buf_text(&b, "&SigAlg=x&Signature=x");
	return buf_take(&b, NULL);
}

static void
a_bomb_is_never_unpacked(void **state)
{
	static const struct logout_row row = {.reason = "saml_deflate"};
	enum { PLAIN = 8 * 1024 * 1024 };
	OWN(text) char *zeros = malloc(PLAIN + 1);
	(void)state;
	assert_non_null(zeros);
	memset(zeros, ' ', PLAIN);
	zeros[PLAIN] = 0;
	uLongf len = compressBound(PLAIN);
	OWN(bytes) unsigned char *packed = malloc(len);
	assert_non_null(packed);
	assert_int_equal(compress2(packed, &len, (const unsigned char *)zeros, PLAIN, 9), Z_OK);
	OWN(text) char *query = packed_query(packed + 2, len - 6); /* without zlib's frame */
	refused(&row, query);
}

static void
what_is_no_whole_stream_is_refused(void **state)
{
	static const struct logout_row row = {.reason = "saml_deflate"};
	static const uint8_t stored[] = {0x01, 0x01, 0x00, 0xfe, 0xff, '<'};
	static const uint8_t behind[] = {0x01, 0x01, 0x00, 0xfe, 0xff, '<', 'x'};
	static const uint8_t gzip[] = {0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 3, 0};
	static const struct {
		const uint8_t *data;
		size_t len;
	} cases[] = {
	    {stored, 5}, {stored, 3}, {behind, sizeof(behind)}, {gzip, sizeof(gzip)}, {stored, 0}};
	(void)state;
	for (size_t i = 0; i < NELEMS(cases); i++) {
		OWN(text) char *query = packed_query(cases[i].data, cases[i].len);
		refused(&row, query);
	}
}

static void
queries_over_their_bounds_are_refused(void **state)
{
	static const struct logout_row row = {.reason = "saml_query"};
	OWN(text) char *longest = malloc(SAML_LOGOUT_QUERY_MAX + 2);
	OWN(buf) struct buf many;
	(void)state;
	assert_non_null(longest);
	memset(longest, 'a', SAML_LOGOUT_QUERY_MAX + 1);
	longest[SAML_LOGOUT_QUERY_MAX + 1] = 0;
	refused(&row, longest);
	buf_init(&many, 4096);
	for (int i = 0; i < 40; i++)
		buf_text(&many, "x=1&");
	buf_text(&many, "SAMLRequest=x");
	refused(&row, buf_str(&many));
	refused(&row, "");
}

/* Every one of the message's octets, changed in turn: nobody's session but alice's ends. */
static void
no_octet_of_a_signed_query_may_change(void **state)
{
	static const struct logout_row row = {.how = {.relay_state = "store"}};
	OWN(text) char *query = logout_message(&row);
	(void)state;
	for (size_t i = 0; query[i]; i++) {
		struct saml_logout *l = NULL;
		struct fas_err e = {0};
		char before = query[i];
		query[i] = before == 'A' ? 'B' : 'A';
		if (logout_read_text(&row, query, &l, &e) == FAS_OK)
			fail_msg("octet %zu (%c) may be another", i, before);
		query[i] = before;
	}
}

int
main(void)
{
	struct CMUnitTest tests[NELEMS(rows)];
	static struct logout_row copy[NELEMS(rows)];
	const struct CMUnitTest others[] = {
	    cmocka_unit_test(names_that_are_not_for_us_stay_closed),
	    cmocka_unit_test(a_bomb_is_never_unpacked),
	    cmocka_unit_test(what_is_no_whole_stream_is_refused),
	    cmocka_unit_test(queries_over_their_bounds_are_refused),
	    cmocka_unit_test(no_octet_of_a_signed_query_may_change),
	};
	memcpy(copy, rows, sizeof(rows));
	for (size_t i = 0; i < NELEMS(rows); i++)
		tests[i] = (struct CMUnitTest){rows[i].name, run_row, NULL, NULL, &copy[i]};
	int failed =
	    cmocka_run_group_tests_name("saml_logout_attack", tests, kit_setup, kit_teardown);
	return failed +
	       cmocka_run_group_tests_name("saml_logout_bounds", others, kit_setup, kit_teardown);
}
