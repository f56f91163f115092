/*
 * What a provider sends beside responses: logout messages in both bindings, and metadata.  An input that begins with '<' is
 * metadata of nobody; with '&' or a letter, a query string; else a recipe:
 *
 *     byte 0   which signed message it starts from, and (0x80) that it is edited octet by octet
 *     then     edits of 8 bytes each (saml_edit.h), or of three: where (16 bits), what
 *
 * The differential oracle: what was edited after it was signed is taken only if it says exactly what was signed.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/own.h"
#include "fas/saml/query.h"
#include "fas/saml/redirect.h"
#include "saml_entities.h"
#include "saml_logouts.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/saml_edit.h"

#define EDITS_PER_INPUT 24
#define INPUT_MAX (64 * 1024)
#define BY_OCTET 0x80U /* of byte 0 */

static const struct logout_row rows[] = {
    {.name = "query", .how = {.relay_state = "store"}},
    {.name = "lower", .how = {.relay_state = "a b", .lower = true}},
    {.name = "form", .post = true},
    {.name = "answer", .response = true},
    {.name = "answer form", .response = true, .post = true},
};
#define ROWS NELEMS(rows)

static char *messages[ROWS];
static char *signed_entity, *signed_list;

static void
set_up(void)
{
	FUZZ_CHECK(world_setup(NULL) == 0);
	for (size_t i = 0; i < ROWS; i++)
		messages[i] = logout_message(&rows[i]);
	signed_entity = entity_sign(entity_unsigned("main", KEY_MAIN), KEY_OTHER);
	char *both[2] = {world_replace(entity_xml("main", KEY_MAIN), "\"_m1\"", "\"_m2\""),
	    world_replace(entity_xml("two", KEY_P256), "\"_m1\"", "\"_m3\"")};
	signed_list = entity_sign(entities_xml(both, 2, true), KEY_OTHER);
	free(both[0]);
	free(both[1]);
}

/* ---- logout ---- */

static bool
is_text(const char *text, const char *want)
{
	return text ? want && strcmp(text, want) == 0 : !want;
}

static bool
is_original(const struct saml_logout *l, const struct logout_row *row)
{
	bool relay = row->post || is_text(l->relay_state, row->how.relay_state);
	if (!relay || strcmp(l->id, "_l1") != 0 || strcmp(l->idp, "main") != 0 ||
	    l->is_response != row->response)
		return false;
	if (l->is_response)
		return is_text(l->in_response_to, "_q1") && l->status == SAML_LOGOUT_SUCCESS;
	return is_text(l->name_id, "alice") && l->n_session_index == 1 &&
	       strcmp(l->session_index[0], "_s1") == 0 && l->expires_s == NOW_S + 360;
}

static void
try_logout(const struct logout_row *row, const char *message, bool may_be_taken)
{
	struct saml_logout *l = NULL;
	struct fas_err e = {0};
	enum fas_code rc = logout_read_text(row, message, &l, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (l != NULL));
	if (rc == FAS_OK)
		FUZZ_CHECK(may_be_taken && is_original(l, row));
	else
		FUZZ_CHECK(rc == FAS_E_AUTH || rc == FAS_E_INPUT);
	saml_logout_free(l);
}

/* Its parts lie in it, and what is signed is made of them. */
static void
try_query(const char *text)
{
	struct query q;
	struct fas_err e = {0};
	OWN(buf) struct buf data;
	buf_init(&data, INPUT_MAX + 64);
	enum fas_code rc = query_split(text, &q, &e);
	fuzz_check_result(rc, &e);
	try_logout(&rows[0], text, false);
	if (rc != FAS_OK)
		return;
	enum query_part message = q.at[QUERY_REQUEST] ? QUERY_REQUEST : QUERY_RESPONSE;
	FUZZ_CHECK(q.at[message] >= text && q.at[message] + q.len[message] <= text + strlen(text));
	FUZZ_CHECK(query_signed(&q, message, &data, &e) == FAS_OK);
	FUZZ_CHECK(!strstr(buf_str(&data), "&Signature="));
}

/* What is unpacked is within its bound, and packs again to the same. */
static void
try_packed(struct fuzz_input *in)
{
	struct fas_err e = {0};
	OWN(buf) struct buf out;
	size_t len = 0;
	OWN(bytes) uint8_t *packed = fuzz_bytes(in, in->left, &len);
	buf_init(&out, SAML_LOGOUT_MAX);
	enum fas_code rc = redirect_unpack(packed, len, &out, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(out.len <= SAML_LOGOUT_MAX);
}

/* ---- metadata ---- */

static void
check_entity(const struct saml_entity *entity)
{
	const struct asks_urls *const all[] = {&entity->sign_on, &entity->logout};
	FUZZ_CHECK(entity->entity_id && entity->entity_id[0]);
	FUZZ_CHECK(entity->n_certificates >= 1 && entity->n_certificates <= SAML_METADATA_KEYS_MAX);
	FUZZ_CHECK(entity->valid_until_s == 0 || entity->valid_until_s > NOW_S);
	for (size_t i = 0; i < NELEMS(all); i++) {
		for (size_t k = 0; k < ASKS_BINDINGS; k++) {
			FUZZ_CHECK(!all[i]->url[k] || asks_url_is_good(all[i]->url[k]));
			FUZZ_CHECK(!all[i]->response[k] || asks_url_is_good(all[i]->response[k]));
		}
	}
}

static bool
is_signed_entity(const struct saml_entity *entity)
{
	return entity->is_signed && strcmp(entity->entity_id, ENTITY("main")) == 0 &&
	       entity->n_certificates == 1 &&
	       X509_cmp(entity->certificates[0], world.certs[KEY_MAIN]) == 0 &&
	       is_text(entity->sign_on.url[SAML_BINDING_REDIRECT], ENTITY_SSO) &&
	       is_text(entity->logout.url[SAML_BINDING_REDIRECT], ENTITY_SLO) &&
	       entity->valid_until_s == 0;
}

static void
try_metadata(const char *xml, size_t len, bool pinned)
{
	struct fas_err e = {0};
	OWN(saml_entity) struct saml_entity *entity = NULL;
	const struct saml_pins pins = {&world.certs[KEY_OTHER], pinned ? 1 : 0};
	enum fas_code rc = saml_metadata_read(
	    (const uint8_t *)xml, len, pinned ? ENTITY("main") : NULL, &pins, NOW_S, &entity, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (entity != NULL));
	if (!entity)
		return;
	check_entity(entity);
	FUZZ_CHECK(!pinned || is_signed_entity(entity));
}

/* ---- recipes ---- */

static void
edit_octets(struct saml_text *text, struct fuzz_input *in)
{
	for (int i = 0; i < EDITS_PER_INPUT && in->left > 0 && text->len > 0; i++) {
		size_t at = ((size_t)fuzz_byte(in) << 8 | fuzz_byte(in)) % text->len;
		char octet = (char)fuzz_byte(in);
		text->data[at] = octet ? octet : 'A';
	}
}

static void
try_recipe(struct fuzz_input *in)
{
	static struct saml_text text;
	uint8_t first = fuzz_byte(in);
	size_t which = (first & (BY_OCTET - 1)) % (ROWS + 3);
	if (which == ROWS + 2) {
		try_packed(in);
		return;
	}
	saml_text_set(&text, which < ROWS    ? messages[which]
			     : which == ROWS ? signed_entity
					     : signed_list);
	if (first & BY_OCTET)
		edit_octets(&text, in);
	for (int i = 0; i < EDITS_PER_INPUT && in->left > 0; i++)
		saml_edit(&text, in);
	if (which < ROWS)
		try_logout(&rows[which], text.data, true);
	else
		try_metadata(text.data, text.len, true);
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
	if (!messages[0])
		set_up();
	if (size > INPUT_MAX)
		return 0;
	if (size > 0 && data[0] == '<') {
		try_metadata((const char *)data, size, false);
	} else if (size > 0 && (data[0] == '&' || isalpha(data[0]))) {
		OWN(text) char *text = fuzz_text(&in, 0);
		try_query(text);
	} else {
		try_recipe(&in);
	}
	return 0;
}
