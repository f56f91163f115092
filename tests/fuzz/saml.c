/*
 * SAML responses.  An input is a document of its own (it begins with '<'), or a recipe:
 *
 *     byte 0   the freshly signed response that it starts from, whether it is edited before or after signing, and
 *              whether what has become of its assertion is encrypted in the end, as anybody can
 *     then     edits of 8 bytes each (saml_edit.h)
 *
 * The differential oracle: an edited response is accepted only if it says exactly what its provider signed.  Where the
 * edits came before the signature, there is no such promise; those runs reach what lies behind the signature.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/saml/xml.h"
#include "saml_world.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/saml_edit.h"

#define VARIANTS 12
#define EDITS_PER_INPUT 24
#define INPUT_MAX (64 * 1024)
#define SIGN_FIRST 0x80 /* of byte 0: the edits come before the signature */
#define SEAL_LAST 0x40u /* of byte 0: the assertion is encrypted when all is done */

static const struct row variants[VARIANTS] = {
    {.name = "rsa, assertion", .sign = SAML_SIGN_ASSERTION},
    {.name = "rsa, response", .sign = SAML_SIGN_RESPONSE},
    {.name = "rsa, both", .sign = SAML_SIGN_BOTH},
    {.name = "p256, assertion", .idp = "p256", .key = KEY_P256, .algorithm = "ecdsa-sha256"},
    {.name = "p256, response",
	.idp = "p256",
	.key = KEY_P256,
	.algorithm = "ecdsa-sha256",
	.sign = SAML_SIGN_RESPONSE},
    {.name = "two keys", .idp = "two", .sign = SAML_SIGN_BOTH},
    {.name = "asked", .idp = "asked", .asked = "_q1", .answers = "_q1"},
    {.name = "prefixes", .prefix_list = "saml xs", .digest = "sha512"},
    {.name = "encrypted, assertion", .sealed = SEALED_ASSERTION},
    {.name = "encrypted, response",
	.sealed = SEALED_ASSERTION,
	.sign = SAML_SIGN_RESPONSE,
	.seal = {.key_outside = 1}},
    {.name = "encrypted by cbc, both",
	.sealed = SEALED_ASSERTION,
	.sign = SAML_SIGN_BOTH,
	.seal = {.cipher = "aes256-cbc"}},
    {.name = "encrypted identifier", .sealed = SEALED_NAME_ID, .seal = {.digest = "sha256"}},
};

static char *signed_xml[VARIANTS];

static void
set_up(void)
{
	FUZZ_CHECK(world_setup(NULL) == 0);
	for (size_t i = 0; i < VARIANTS; i++)
		signed_xml[i] = world_response(&variants[i]);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The texts differ, and nothing else tells the variants apart. */
static bool
is_original(const struct saml_assertion *a, const struct row *row)
{
	char sid[SID_TEXT_MAX], guid[GUID_TEXT_MAX];
	bool with_response = row->sign == SAML_SIGN_RESPONSE || row->sign == SAML_SIGN_BOTH;
	/* Of a doubly signed one the outer signature may be stripped: then only the assertion is signed. */
	bool may_be_without = row->sign != SAML_SIGN_RESPONSE;
	bool id_fits =
	    a->response_id ? with_response && strcmp(a->response_id, "_r1") == 0 : may_be_without;
	return id_fits && a->has_sid && a->has_upn && a->has_guid &&
	       strcmp(sid_format(&a->sid, sid), SID) == 0 && strcmp(a->upn, UPN) == 0 &&
	       strcmp(guid_format(&a->guid, guid), GUID) == 0 &&
	       same_text(a->idp, row->idp ? row->idp : "main") &&
	       same_text(a->assertion_id, "_a1") && same_text(a->name_id, "alice") &&
	       a->expires_s == NOW_S + 360 && a->authn_instant_s == NOW_S &&
	       a->session_not_on_or_after_s == 0;
}

/* What may be in an assertion at all, whoever signed it. */
static void
check_sane(const struct saml_assertion *a)
{
	struct fas_err e = {0};
	FUZZ_CHECK(a->idp && a->issuer && a->assertion_id && a->assertion_id[0]);
	FUZZ_CHECK(strlen(a->assertion_id) <= SAML_ID_MAX);
	FUZZ_CHECK(a->has_sid || a->has_upn || a->has_guid);
	FUZZ_CHECK(!a->has_upn || upn_check(a->upn, &e) == FAS_OK);
	FUZZ_CHECK(!a->has_sid || sid_is_set(&a->sid));
	FUZZ_CHECK(a->expires_s > NOW_S - 600);
}

enum promise { PROMISE_REFUSED, PROMISE_SANE, PROMISE_ORIGINAL };

static void
try_document(const struct row *row, const char *xml, size_t len, enum promise promise)
{
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	enum fas_code rc = world_verify(row, xml, len, &a, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (a != NULL));
	if (rc != FAS_OK) {
		FUZZ_CHECK(rc == FAS_E_AUTH || rc == FAS_E_INPUT);
		FUZZ_CHECK(strncmp(e.reason, "saml_", 5) == 0);
		return;
	}
	FUZZ_CHECK(promise != PROMISE_REFUSED);
	check_sane(a);
	if (promise == PROMISE_ORIGINAL)
		FUZZ_CHECK(is_original(a, row));
	saml_assertion_free(a);
}

void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* xmlsec leaks where it is told to sign by transforms in a senseless order; no product of ours signs. */
static char *
sign_unwatched(const char *xml, EVP_PKEY *key)
{
	if (__lsan_disable)
		__lsan_disable();
	char *finished = saml_sign_finish(xml, key);
	if (__lsan_enable)
		__lsan_enable();
	return finished;
}

/* Of a response that is no text any more, nothing is encrypted. */
static char *
seal_last(char *xml, const struct row *row, bool wanted)
{
	return wanted ? world_seal_assertion(xml, row) : xml;
}

/* Edit the template, then sign whatever has come of it. */
static void
try_signed_after(const struct row *row, bool seal, struct fuzz_input *in)
{
	static struct saml_text text;
	struct fas_err e = {0};
	struct saml_sign_spec spec = world_spec(row);
	char *xml = saml_sign_template(&spec);
	FUZZ_CHECK(xml);
	saml_text_set(&text, xml);
	free(xml);
	for (int i = 0; i < EDITS_PER_INPUT && in->left > 0; i++)
		saml_edit(&text, in);
	/* What is refused unsigned too is not worth a signature. */
	bool worth =
	    xml_scan((const uint8_t *)text.data, text.len, &xml_message_bounds, &e) == FAS_OK;
	xml = worth ? sign_unwatched(text.data, world.keys[row->key]) : NULL;
	if (xml)
		xml = seal_last(xml, row, seal);
	if (xml)
		try_document(row, xml, strlen(xml), PROMISE_SANE);
	free(xml);
}

/* The edits come behind the signature: whatever is accepted says what was signed, encrypted or not. */
static void
try_edited(const struct row *row, const char *signed_text, bool seal, struct fuzz_input *in)
{
	static struct saml_text text;
	saml_text_set(&text, signed_text);
	for (int i = 0; i < EDITS_PER_INPUT && in->left > 0; i++)
		saml_edit(&text, in);
	if (!seal || memchr(text.data, 0, text.len)) {
		try_document(row, text.data, text.len, PROMISE_ORIGINAL);
		return;
	}
	char *copy = strdup(text.data);
	FUZZ_CHECK(copy);
	char *xml = world_seal_assertion(copy, row);
	FUZZ_CHECK(xml);
	try_document(row, xml, strlen(xml), PROMISE_ORIGINAL);
	free(xml);
}

static void
try_recipe(struct fuzz_input *in)
{
	uint8_t first = fuzz_byte(in);
	size_t which = (first & (SEAL_LAST - 1)) % VARIANTS;
	bool seal = first & SEAL_LAST;
	if (first & SIGN_FIRST)
		try_signed_after(&variants[which], seal, in);
	else
		try_edited(&variants[which], signed_xml[which], seal, in);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	set_up();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	if (!signed_xml[0])
		set_up();
	if (size > INPUT_MAX)
		return 0;
	if (size > 0 && data[0] == '<')
		try_document(&variants[0], (const char *)data, size, PROMISE_REFUSED);
	else
		try_recipe(&in);
	return 0;
}
