#include "saml_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"

struct world world;

/* ---- the providers ---- */

#define PLAIN "    certificates: [0.pem]\n    allow_unsolicited: true\n"

static const struct {
	const char *name;
	const char *more; /* lines of its entry */
} providers[] = {
    {"main", "    certificates: [0.pem]\n    allow_unsolicited: true\n"},
    {"asked", "    certificates: [0.pem]\n"},
    {"other", "    certificates: [1.pem]\n    allow_unsolicited: true\n"},
    {"p256", "    certificates: [2.pem]\n    allow_unsolicited: true\n"},
    {"p384", "    certificates: [3.pem]\n    allow_unsolicited: true\n"},
    {"p521", "    certificates: [4.pem]\n    allow_unsolicited: true\n"},
    {"two", "    certificates: [2.pem, 1.pem, 0.pem]\n    allow_unsolicited: true\n"},
    {"old", "    certificates: [0.pem]\n    allow_unsolicited: true\n"
	    "    insecure_allow_sha1: true\n"},
    {"strict", "    certificates: [0.pem]\n    allow_unsolicited: true\n    clock_skew: 0s\n"
	       "    max_age: 30s\n"},
    {"named", "    certificates: [0.pem]\n    allow_unsolicited: true\n"
	      "    claims: {sid: urn:sid, upn: urn:upn, guid: urn:guid}\n"},
    {"friendly", PLAIN "    claims: {upn: {friendly_name: eppn}}\n"},
    {"subject", PLAIN "    claims: {upn: {name_id: urn:upn}}\n"},
    {"any", PLAIN "    claims: {upn: {name_id: any}}\n"},
    {"parts", PLAIN "    claims:\n"
		    "      upn: {name: urn:mail, transform: [{strip_prefix: \"SMTP:\"}, lower]}\n"
		    "      email: {name: urn:mail, transform: [{strip_prefix: \"SMTP:\"}, lower]}\n"
		    "      domain: {name: urn:mail, transform: [lower, {capture: \".*@(.*)\"}]}\n"},
    {"suffix", PLAIN "    claims: {upn: {name: u, transform: [{strip_suffix: \"#EXT\"}]}}\n"},
    {"mfa", PLAIN "    authn_contexts: [\"https://refeds.org/profile/mfa\", urn:other]\n"},
    {"minimum", PLAIN "    authn_contexts: [\"https://refeds.org/profile/mfa\"]\n"
		      "    authn_context_comparison: minimum\n"},
    {"format", PLAIN "    name_id_format: urn:f\n"},
    {"fresh", PLAIN "    force_authn: true\n"},
};

static void
load_trust(void)
{
	OWN(buf) struct buf text;
	struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	buf_init(&text, 65536);
	for (size_t i = 0; i < NELEMS(providers); i++)
		buf_printf(&text,
		    "  - name: %s\n    entity_id: " ENTITY(
			"%s") "\n    audiences: [" AUDIENCE ", urn:second]\n    recipients: [" ACS
			      ", https://fas.example/mobile]\n%s",
		    providers[i].name, providers[i].name, providers[i].more);
	if (yaml_parse("test.yaml", buf_str(&text), text.len, &doc, &e) != FAS_OK ||
	    saml_trust_load(yaml_root(doc), world.folder, &world.trust, &e) != FAS_OK)
		fail_msg("%s", e.message);
	yaml_doc_free(doc);
}

static void
make_keys(void)
{
	static const char *const curves[KEY_COUNT] = {NULL, NULL, "P-256", "P-384", "P-521"};
	char path[96];
	for (size_t i = 0; i < KEY_COUNT; i++) {
		world.keys[i] = curves[i] ? saml_sign_new_ec(curves[i]) : saml_sign_new_rsa(2048);
		assert_non_null(world.keys[i]);
		world.certs[i] = saml_sign_new_cert(world.keys[i], "idp.example", NOW_S);
		(void)snprintf(path, sizeof(path), "%s/%zu.pem", world.folder, i);
		assert_int_equal(saml_sign_write_cert(path, world.certs[i]), 0);
	}
}

int
world_setup(void **state)
{
	struct fas_err e = {0};
	const char *base = getenv("TMPDIR");
	(void)state;
	(void)snprintf(
	    world.folder, sizeof(world.folder), "%.40s/saml.XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(world.folder) || saml_init(&e) != FAS_OK)
		return -1;
	make_keys();
	world.cert_base64 = saml_sign_cert_base64(world.certs[KEY_MAIN]);
	load_trust();
	world_make_sp();
	return 0;
}

int
world_teardown(void **state)
{
	char path[96];
	(void)state;
	saml_trust_free(world.trust);
	saml_sp_free(world.sp);
	for (size_t i = 0; i < DECRYPTION_KEYS; i++)
		EVP_PKEY_free(world.decryption[i]);
	free(world.cert_base64);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		EVP_PKEY_free(world.keys[i]);
		X509_free(world.certs[i]);
		(void)snprintf(path, sizeof(path), "%s/%zu.pem", world.folder, i);
		(void)unlink(path);
	}
	saml_done();
	return rmdir(world.folder);
}

/* ---- text ---- */

char *
world_replace(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from);
	if (!at)
		fail_msg("the document has no %s", from);
	size_t head = (size_t)(at - text), size = strlen(text) + strlen(to) + 1;
	char *out = malloc(size);
	assert_non_null(out);
	(void)snprintf(out, size, "%.*s%s%s", (int)head, text, to, at + strlen(from));
	free(text);
	return out;
}

char *
world_cut(const char *text, const char *open, const char *close)
{
	const char *begin = strstr(text, open);
	const char *end = begin ? strstr(begin, close) : NULL;
	if (!end) {
		fail_msg("the document has no %s...%s", open, close);
		return NULL;
	}
	char *out = strndup(begin, (size_t)(end - begin) + strlen(close));
	assert_non_null(out);
	return out;
}

char *
world_apply(char *text, const struct edit *edits)
{
	for (size_t i = 0; i < EDITS_MAX && edits[i].from; i++)
		text = world_replace(text, edits[i].from, edits[i].to);
	return text;
}

/* ---- one row ---- */

/* Where it outlives the row's document: each name once. */
static const char *
idp_of(const struct row *row)
{
	static char names[NELEMS(providers)][64];
	for (size_t i = 0; i < NELEMS(providers); i++) {
		(void)snprintf(names[i], sizeof(names[i]), ENTITY("%s"), providers[i].name);
		if (row->idp && strcmp(providers[i].name, row->idp) == 0)
			return names[i];
	}
	return names[0];
}

struct saml_sign_spec
world_spec(const struct row *row)
{
	static const struct saml_sign_attribute alice[] = {
	    {"cip_sid", SID}, {"cip_upn", UPN}, {"cip_oid", GUID}};
	struct saml_sign_spec spec = {.idp = idp_of(row),
	    .audience = AUDIENCE,
	    .recipient = ACS,
	    .destination = ACS,
	    .in_response_to = row->answers,
	    .name_id = "alice",
	    .response_id = "_r1",
	    .assertion_id = "_a1",
	    .sign = row->sign ? row->sign : SAML_SIGN_ASSERTION,
	    .algorithm = row->algorithm,
	    .digest = row->digest,
	    .prefix_list = row->prefix_list,
	    .cert_base64 = world.cert_base64,
	    .now_s = NOW_S,
	    .attributes = alice,
	    .n_attributes = NELEMS(alice)};
	if (row->is_unsigned)
		spec.sign = SAML_SIGN_NOTHING;
	return spec;
}

char *
world_response(const struct row *row)
{
	if (row->sealed != SEALED_NOTHING)
		return world_sealed_response(row);
	struct saml_sign_spec spec = world_spec(row);
	char *xml = saml_sign_template(&spec);
	assert_non_null(xml);
	xml = world_apply(xml, row->before);
	char *finished = saml_sign_finish(xml, world.keys[row->key]);
	free(xml);
	assert_non_null(finished);
	finished = world_apply(finished, row->after);
	return row->spoil ? row->spoil(finished) : finished;
}

static struct saml_expectation
expectation(const struct row *row)
{
	struct saml_expectation expected = row->expected;
	expected.sp = row->without_sp ? NULL : world.sp;
	if (row->asked)
		expected.in_response_to = row->asked;
	return expected;
}

enum fas_code
world_explain(const struct row *row, const void *xml, size_t len, json_t **out, struct fas_err *e)
{
	const struct saml_expectation expected = expectation(row);
	return saml_explain(world.trust, xml, len, &expected, NOW_S + row->later_s, out, e);
}

enum fas_code
world_verify(const struct row *row, const void *xml, size_t len, struct saml_assertion **out,
    struct fas_err *e)
{
	const struct saml_expectation expected = expectation(row);
	return saml_verify(world.trust, xml, len, &expected, NOW_S + row->later_s, out, e);
}

/* The first bad clause of what a person is told is the reason (NULL: it is accepted). */
static void
explained(const struct row *row, const void *xml, size_t len, const char *reason)
{
	struct fas_err e = {0};
	json_t *report = NULL, *clause;
	size_t i;
	assert_int_equal(world_explain(row, xml, len, &report, &e), FAS_OK);
	const char *first = NULL;
	json_array_foreach(json_object_get(report, "clauses"), i, clause)
	{
		if (!first)
			first = json_string_value(json_object_get(clause, "reason"));
	}
	if (!first != !reason || (first && strcmp(first, reason) != 0))
		fail_msg(
		    "explained as %s, want %s", first ? first : "good", reason ? reason : "good");
	assert_true(json_is_true(json_object_get(report, "good")) == !reason);
	json_decref(report);
}

void
world_is_alice(const struct saml_assertion *a)
{
	char sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	assert_true(a->has_sid && a->has_upn && a->has_guid);
	assert_string_equal(sid_format(&a->sid, sid), SID);
	assert_string_equal(guid_format(&a->guid, guid), GUID);
	assert_string_equal(a->upn, UPN);
	assert_string_equal(a->assertion_id, "_a1");
}

void
world_refused(const struct row *row, const void *xml, size_t len, const char *reason)
{
	struct saml_assertion *out = NULL;
	struct fas_err e = {0};
	enum fas_code rc = world_verify(row, xml, len, &out, &e);
	if (rc == FAS_OK) {
		saml_assertion_free(out);
		fail_msg("accepted, want %s", reason);
	}
	assert_null(out);
	if (strcmp(e.reason, reason) != 0)
		fail_msg("refused as %s (%s), want %s", e.reason, e.message, reason);
	if (row->says && !strstr(e.message, row->says))
		fail_msg("says %s, want %s", e.message, row->says);
	assert_true(rc == FAS_E_AUTH || rc == FAS_E_INPUT);
	explained(row, xml, len, reason);
}

static void
accepted(const struct row *row, const char *xml)
{
	struct saml_assertion *out = NULL;
	struct fas_err e = {0};
	if (world_verify(row, xml, strlen(xml), &out, &e) != FAS_OK)
		fail_msg("refused as %s: %s", e.reason, e.message);
	(row->check ? row->check : world_is_alice)(out);
	saml_assertion_free(out);
	explained(row, xml, strlen(xml), NULL);
}

static void
run_row(void **state)
{
	const struct row *row = *state;
	char *xml = world_response(row);
	if (row->reason)
		world_refused(row, xml, strlen(xml), row->reason);
	else
		accepted(row, xml);
	free(xml);
}

/* Within an encrypted assertion it may be found out by an earlier look than without: that it is one document. */
static void
run_row_sealed(void **state)
{
	const struct row *row = *state;
	struct saml_assertion *out = NULL;
	struct fas_err e = {0};
	char *xml = world_response(row);
	char *sealed = world_seal_assertion(xml, row);
	if (!row->reason) {
		accepted(row, sealed);
	} else if (world_verify(row, sealed, strlen(sealed), &out, &e) == FAS_OK) {
		saml_assertion_free(out);
		fail_msg("accepted, want %s", row->reason);
	} else if (strcmp(e.reason, row->reason) != 0 && strcmp(e.reason, "saml_xml") != 0 &&
		   strcmp(e.reason, "saml_structure") != 0 &&
		   strcmp(e.reason, "saml_signature") != 0) {
		fail_msg("refused as %s (%s), want %s", e.reason, e.message, row->reason);
	}
	free(sealed);
}

static int
run_rows(const char *group, const struct row *rows, size_t n, CMUnitTestFunction function)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	struct row *copy = malloc(n * sizeof(*rows));
	size_t used = 0;
	if (!tests || !copy)
		abort();
	memcpy(copy, rows, n * sizeof(*rows));
	for (size_t i = 0; i < n; i++) {
		if (function == run_row || !(rows[i].sign & SAML_SIGN_RESPONSE))
			tests[used++] =
			    (struct CMUnitTest){rows[i].name, function, NULL, NULL, copy + i};
	}
	int failed = _cmocka_run_group_tests(group, tests, used, world_setup, world_teardown);
	free(tests);
	free(copy);
	return failed;
}

int
world_run(const char *group, const struct row *rows, size_t n)
{
	return run_rows(group, rows, n, run_row);
}

int
world_run_sealed(const char *group, const struct row *rows, size_t n)
{
	return run_rows(group, rows, n, run_row_sealed);
}
