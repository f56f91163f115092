#include "fas/agent/pkcs11/object.h"

#include <stdlib.h>
#include <string.h>

static CK_OBJECT_HANDLE last_handle; /* never used twice in a process */

static const enum card_tag tags[OBJECT_BYTES_N] = {
    [OBJECT_KEY_ID] = CARD_TAG_KEY_ID,
    [OBJECT_LABEL] = CARD_TAG_LABEL,
    [OBJECT_MODULUS] = CARD_TAG_MODULUS,
    [OBJECT_EXPONENT] = CARD_TAG_EXPONENT,
    [OBJECT_EC_PARAMS] = CARD_TAG_EC_PARAMS,
    [OBJECT_EC_POINT] = CARD_TAG_EC_POINT,
    [OBJECT_CERTIFICATE] = CARD_TAG_CERTIFICATE,
    [OBJECT_SUBJECT] = CARD_TAG_SUBJECT,
    [OBJECT_ISSUER] = CARD_TAG_ISSUER,
    [OBJECT_CERT_SERIAL] = CARD_TAG_CERT_SERIAL,
};

/* ---- building a list ---- */

/* A list in the making, with room for all that the message can bring. */
struct builder {
	struct object *list;
	size_t n;
	uint8_t *storage;
	size_t used;
};

/* The message's bytes do not outlive the message. */
static struct bytes
keep(struct builder *b, const struct card_message *entry, enum card_tag tag)
{
	size_t len = 0;
	const uint8_t *data = card_bytes(entry, tag, &len);
	if (!data || len > CARD_MESSAGE_MAX - b->used)
		return (struct bytes){NULL, 0};
	uint8_t *copy = b->storage + b->used;
	memcpy(copy, data, len);
	b->used += len;
	return (struct bytes){copy, len};
}

static bool
same_bytes(const struct object *a, const struct object *b, enum object_bytes which)
{
	const struct bytes *x = &a->bytes[which], *y = &b->bytes[which];
	return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
}

/* A key is the same key under a renewed certificate; a certificate then is another one. */
static bool
is_same(const struct object *a, const struct object *b)
{
	return a->class == b->class && a->authority == b->authority &&
	       same_bytes(a, b, OBJECT_KEY_ID) &&
	       (a->class != CKO_CERTIFICATE || same_bytes(a, b, OBJECT_CERTIFICATE));
}

/* Each object once, also when two certificates are of one key. */
static void
add(struct builder *b, const struct object *like, CK_OBJECT_CLASS class)
{
	struct object *o = &b->list[b->n];
	if (b->n == OBJECTS_MAX)
		return;
	*o = *like;
	o->class = class;
	for (size_t i = 0; i < b->n; i++)
		if (is_same(&b->list[i], o))
			return;
	b->n++;
}

static struct object
read_object(struct builder *b, const struct card_message *entry)
{
	struct object o = {.not_before_s = card_number(entry, CARD_TAG_NOT_BEFORE),
	    .not_after_s = card_number(entry, CARD_TAG_NOT_AFTER)};
	for (size_t i = 0; i < OBJECT_BYTES_N; i++)
		o.bytes[i] = keep(b, entry, tags[i]);
	return o;
}

/* A key without its public half is none. */
static bool
key_is_whole(const struct object *key)
{
	const struct bytes *b = key->bytes;
	return key->key_type == CKK_RSA ? b[OBJECT_MODULUS].data && b[OBJECT_EXPONENT].data
					: b[OBJECT_EC_PARAMS].data && b[OBJECT_EC_POINT].data;
}

static void
add_key(struct builder *b, const struct card_message *entry)
{
	struct object key = read_object(b, entry);
	key.key_type =
	    card_number(entry, CARD_TAG_KEY_TYPE) == CARD_KEY_RSA ? CKK_RSA : (CK_KEY_TYPE)CKK_EC;
	key.bits = (CK_ULONG)card_number(entry, CARD_TAG_BITS);
	key.mechanisms = (uint32_t)card_number(entry, CARD_TAG_MECHANISMS);
	if (!key_is_whole(&key))
		return;
	add(b, &key, CKO_CERTIFICATE);
	add(b, &key, CKO_PRIVATE_KEY);
	add(b, &key, CKO_PUBLIC_KEY);
}

static void
add_issuer(struct builder *b, const struct card_message *entry)
{
	struct object issuer = read_object(b, entry);
	issuer.authority = true;
	add(b, &issuer, CKO_CERTIFICATE);
}

/* ---- handles ---- */

static void
give_handles(struct builder *b, const struct objects *before)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; k < before->n && !b->list[i].handle; k++)
			if (is_same(&b->list[i], &before->list[k]))
				b->list[i].handle = before->list[k].handle;
		if (!b->list[i].handle)
			b->list[i].handle = ++last_handle;
	}
}

/* ---- the door ---- */

CK_RV
objects_load(struct objects *objects, const struct card_message *answer)
{
	struct card_message entry;
	struct builder b = {
	    .list = calloc(OBJECTS_MAX, sizeof(*b.list)), .storage = malloc(CARD_MESSAGE_MAX)};
	if (!b.list || !b.storage) {
		free(b.list);
		free(b.storage);
		return CKR_HOST_MEMORY;
	}
	for (size_t at = 0; card_read_entry(answer, CARD_TAG_KEY, &at, &entry);)
		add_key(&b, &entry);
	for (size_t at = 0; card_read_entry(answer, CARD_TAG_ISSUER_CERT, &at, &entry);)
		add_issuer(&b, &entry);
	give_handles(&b, objects);
	objects_drop(objects);
	*objects = (struct objects){.loaded = true,
	    .generation = card_number(answer, CARD_TAG_GENERATION),
	    .list = b.list,
	    .n = b.n,
	    .storage = b.storage};
	return CKR_OK;
}

void
objects_drop(struct objects *objects)
{
	free(objects->list);
	free(objects->storage);
	*objects = (struct objects){.loaded = false};
}

const struct object *
objects_find(const struct objects *objects, CK_OBJECT_HANDLE handle)
{
	for (size_t i = 0; i < objects->n; i++)
		if (objects->list[i].handle == handle)
			return &objects->list[i];
	return NULL;
}
