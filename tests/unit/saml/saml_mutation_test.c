/*
 * The differential oracle: whatever is done to a signed response, it is accepted only when it says what was signed.
 *
 * FAS_MUTATIONS in the environment sets the number of rounds, FAS_SEED where they begin; a failure prints its seed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "saml_world.h"

#define ROUNDS_DEFAULT 3000
#define THREADS 4
#define VERIFICATIONS 200
#define DOCUMENT_MAX (64 * 1024)

static uint64_t
next_random(uint64_t *state)
{
	*state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
	uint64_t z = *state;
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t
below(uint64_t *state, size_t n)
{
	return n ? (size_t)(next_random(state) % n) : 0;
}

struct text {
	char data[DOCUMENT_MAX];
	size_t len;
};

/* Replace n bytes at by what; nothing when it does not fit. */
static void
splice(struct text *t, size_t at, size_t n, const char *what, size_t len)
{
	if (at + n > t->len || t->len - n + len > sizeof(t->data))
		return;
	memmove(t->data + at + len, t->data + at + n, t->len - at - n);
	memcpy(t->data + at, what, len);
	t->len += len - n;
}

static void
flip_byte(struct text *t, uint64_t *r)
{
	char c = (char)next_random(r);
	splice(t, below(r, t->len), 1, &c, 1);
}

/* Words that mean something to some parser. */
static void
insert_word(struct text *t, uint64_t *r)
{
	static const char *const words[] = {"<!---->", "<![CDATA[x]]>", "<?x?>", " ", "\n", "&#10;",
	    "&amp;", "<x/>", "ID=\"_a1\" ", " xml:id='_a1'", "<saml:Assertion ID='_b'/>", "_a1",
	    "<", ">", "\"", "'", "&", ";", "xmlns=\"\" ", " xmlns:ds='urn:x'",
	    " xmlns:saml='urn:x'", EVIL_SID, "<ds:Object>", "</ds:Object>", "<saml:Advice>",
	    "</saml:Advice>", "#xpointer(/)", "\xef\xbb\xbf", "\xe2\x80\x8b",
	    "<saml:Attribute Name='cip_sid'>", "saml:", "ds:"};
	const char *word = words[below(r, NELEMS(words))];
	splice(t, below(r, t->len + 1), 0, word, strlen(word));
}

static void
delete_part(struct text *t, uint64_t *r)
{
	size_t at = below(r, t->len);
	splice(t, at, 1 + below(r, 1 + below(r, 64)), "", 0);
}

/* The place of some '<', where elements begin and end. */
static size_t
some_tag(const struct text *t, uint64_t *r)
{
	size_t at = below(r, t->len);
	while (at < t->len && t->data[at] != '<')
		at++;
	return at;
}

/* A run of whole tags, copied or moved elsewhere. */
static void
move_tags(struct text *t, uint64_t *r)
{
	static char part[DOCUMENT_MAX];
	size_t from = some_tag(t, r), to = some_tag(t, r);
	if (from > to) {
		size_t swap = from;
		from = to;
		to = swap;
	}
	size_t len = to - from;
	memcpy(part, t->data + from, len);
	if (below(r, 2))
		splice(t, from, len, "", 0);
	splice(t, some_tag(t, r), 0, part, len);
}

/* Somebody else's value in place of the signed one. */
static void
swap_value(struct text *t, uint64_t *r)
{
	static const char *const values[][2] = {{SID, EVIL_SID}, {UPN, "bob@corp.example.com"},
	    {"_a1", "_a2"}, {"_r1", "_a1"}, {AFTER, "2036-01-01T00:05:00Z"}, {ACS, "urn:x"},
	    {"enveloped-signature", "base64"}, {"xml-exc-c14n#", "xml-exc-c14n#WithComments"},
	    {"sha256", "sha1"}, {"Success", "Responder"}, {"AttributeValue", "NameID"}};
	const char *const *v = values[below(r, NELEMS(values))];
	t->data[t->len < sizeof(t->data) ? t->len : t->len - 1] = 0;
	char *at = strstr(t->data, v[0]);
	if (at)
		splice(t, (size_t)(at - t->data), strlen(v[0]), v[1], strlen(v[1]));
}

static void
mutate(struct text *t, uint64_t *r)
{
	static void (*const ways[])(struct text *, uint64_t *) = {
	    flip_byte, insert_word, delete_part, move_tags, swap_value};
	for (size_t n = 1 + below(r, 3); n > 0 && t->len > 0; n--)
		ways[below(r, NELEMS(ways))](t, r);
}

/* Everything that an accepted one says was signed. */
static bool
says_what_was_signed(const struct saml_assertion *a, bool response_signed)
{
	char sid[SID_TEXT_MAX];
	return a->has_sid && a->has_upn && a->has_guid &&
	       strcmp(sid_format(&a->sid, sid), SID) == 0 && strcmp(a->upn, UPN) == 0 &&
	       strcmp(a->assertion_id, "_a1") == 0 && strcmp(a->name_id, "alice") == 0 &&
	       strcmp(a->idp, "main") == 0 && a->expires_s == NOW_S + 360 &&
	       a->authn_instant_s == NOW_S && a->session_not_on_or_after_s == 0 &&
	       (response_signed ? a->response_id && strcmp(a->response_id, "_r1") == 0
				: a->response_id == NULL);
}

/* A Response whose signature was stripped is one of which only the assertion is signed: that is allowed. */
static void
try_one(const char *seed_text, enum saml_sign_what what, uint64_t seed, size_t *accepted)
{
	static struct text t;
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	uint64_t random = seed;
	t.len = strlen(seed_text);
	memcpy(t.data, seed_text, t.len);
	mutate(&t, &random);
	enum fas_code rc = world_verify(&(struct row){0}, t.data, t.len, &a, &e);
	if (rc != FAS_OK) {
		assert_null(a);
		assert_true(rc == FAS_E_AUTH || rc == FAS_E_INPUT);
		assert_int_equal(strncmp(e.reason, "saml_", 5), 0);
		return;
	}
	(*accepted)++;
	bool same = says_what_was_signed(a, what != SAML_SIGN_ASSERTION) ||
		    (what == SAML_SIGN_BOTH && says_what_was_signed(a, false));
	saml_assertion_free(a);
	if (!same)
		fail_msg("seed %llu: accepted with another content: %.*s", (unsigned long long)seed,
		    (int)t.len, t.data);
}

static uint64_t
number_from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : fallback;
}

static void
mutated_response_is_accepted_only_if_it_says_what_was_signed(void **state)
{
	static const enum saml_sign_what whats[] = {
	    SAML_SIGN_ASSERTION, SAML_SIGN_RESPONSE, SAML_SIGN_BOTH};
	uint64_t rounds = number_from("FAS_MUTATIONS", ROUNDS_DEFAULT);
	uint64_t seed = number_from("FAS_SEED", 1);
	size_t accepted = 0;
	(void)state;
	for (size_t w = 0; w < NELEMS(whats); w++) {
		char *xml = world_response(&(struct row){.sign = whats[w]});
		for (uint64_t i = 0; i < rounds / NELEMS(whats); i++)
			try_one(xml, whats[w], seed + i, &accepted);
		free(xml);
	}
	/* some mutations touch nothing that is signed: if all were refused, nothing would be tested */
	assert_true(rounds < 300 || accepted > 0);
}

/* ---- threads ---- */

static void *
verify_many(void *argument)
{
	const char *xml = argument;
	size_t failed = 0;
	for (size_t i = 0; i < VERIFICATIONS; i++) {
		struct saml_assertion *a = NULL;
		struct fas_err e = {0};
		if (world_verify(&(struct row){0}, xml, strlen(xml), &a, &e) != FAS_OK)
			failed++;
		saml_assertion_free(a);
	}
	return failed ? argument : NULL;
}

static void
many_threads_verify_with_one_key(void **state)
{
	pthread_t threads[THREADS];
	char *xml = world_response(&(struct row){.sign = SAML_SIGN_BOTH});
	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, verify_many, xml), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	free(xml);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mutated_response_is_accepted_only_if_it_says_what_was_signed),
	    cmocka_unit_test(many_threads_verify_with_one_key),
	};
	return cmocka_run_group_tests_name("saml_mutation", tests, world_setup, world_teardown);
}
