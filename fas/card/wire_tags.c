#include "fas/card/wire_tags.h"

#define TEXT_MAX 256
#define VALUE_MAX 1024
#define DER_MAX 16384
#define NAME_DER_MAX 4096
#define WAIT_MAX_MS 60000

/* ---- entries of lists ---- */

static const struct card_part card_parts[] = {{CARD_TAG_CARD_ID, CARD_REQUIRED},
    {CARD_TAG_LABEL, CARD_REQUIRED}, {CARD_TAG_SERIAL, CARD_REQUIRED},
    {CARD_TAG_GENERATION, CARD_REQUIRED}, {0, CARD_REQUIRED}};

/* RSA has MODULUS and EXPONENT, EC has EC_PARAMS and EC_POINT: whoever uses them looks (card_has). */
static const struct card_part key_parts[] = {{CARD_TAG_KEY_ID, CARD_REQUIRED},
    {CARD_TAG_LABEL, CARD_REQUIRED}, {CARD_TAG_PURPOSE, CARD_REQUIRED},
    {CARD_TAG_KEY_TYPE, CARD_REQUIRED}, {CARD_TAG_BITS, CARD_REQUIRED},
    {CARD_TAG_MODULUS, CARD_OPTIONAL}, {CARD_TAG_EXPONENT, CARD_OPTIONAL},
    {CARD_TAG_EC_PARAMS, CARD_OPTIONAL}, {CARD_TAG_EC_POINT, CARD_OPTIONAL},
    {CARD_TAG_CERTIFICATE, CARD_REQUIRED}, {CARD_TAG_SUBJECT, CARD_REQUIRED},
    {CARD_TAG_ISSUER, CARD_REQUIRED}, {CARD_TAG_CERT_SERIAL, CARD_REQUIRED},
    {CARD_TAG_NOT_BEFORE, CARD_REQUIRED}, {CARD_TAG_NOT_AFTER, CARD_REQUIRED},
    {CARD_TAG_MECHANISMS, CARD_REQUIRED}, {0, CARD_REQUIRED}};

static const struct card_part issuer_parts[] = {{CARD_TAG_KEY_ID, CARD_REQUIRED},
    {CARD_TAG_LABEL, CARD_REQUIRED}, {CARD_TAG_CERTIFICATE, CARD_REQUIRED},
    {CARD_TAG_SUBJECT, CARD_REQUIRED}, {CARD_TAG_ISSUER, CARD_REQUIRED},
    {CARD_TAG_CERT_SERIAL, CARD_REQUIRED}, {CARD_TAG_NOT_BEFORE, CARD_REQUIRED},
    {CARD_TAG_NOT_AFTER, CARD_REQUIRED}, {0, CARD_REQUIRED}};

static const struct card_part session_parts[] = {{CARD_TAG_SESSION, CARD_REQUIRED},
    {CARD_TAG_USER, CARD_REQUIRED}, {CARD_TAG_UID, CARD_REQUIRED}, {CARD_TAG_STATE, CARD_REQUIRED},
    {CARD_TAG_EXPIRES, CARD_REQUIRED}, {CARD_TAG_CARD_ID, CARD_OPTIONAL}, {0, CARD_REQUIRED}};

static const struct card_part line_parts[] = {
    {CARD_TAG_NAME, CARD_REQUIRED}, {CARD_TAG_VALUE, CARD_REQUIRED}, {0, CARD_REQUIRED}};

/* ---- tags ---- */

#define U8(tag, low, high)                                                                         \
	{                                                                                          \
		tag, CARD_TYPE_NUMBER, 1, 1, low, high, NULL                                       \
	}
#define U16(tag)                                                                                   \
	{                                                                                          \
		tag, CARD_TYPE_NUMBER, 2, 2, 0, 0, NULL                                            \
	}
#define U32(tag, high)                                                                             \
	{                                                                                          \
		tag, CARD_TYPE_NUMBER, 4, 4, 0, high, NULL                                         \
	}
#define U64(tag)                                                                                   \
	{                                                                                          \
		tag, CARD_TYPE_NUMBER, 8, 8, 0, 0, NULL                                            \
	}
#define TEXT(tag, min, max)                                                                        \
	{                                                                                          \
		tag, CARD_TYPE_TEXT, min, max, 0, 0, NULL                                          \
	}
#define BYTES(tag, min, max)                                                                       \
	{                                                                                          \
		tag, CARD_TYPE_BYTES, min, max, 0, 0, NULL                                         \
	}
#define LIST(tag, parts)                                                                           \
	{                                                                                          \
		tag, CARD_TYPE_LIST, 0, CARD_MESSAGE_MAX, 0, 0, parts                              \
	}

static const struct card_tag_rule rules[] = {
    TEXT(CARD_TAG_REASON, 1, 64),
    TEXT(CARD_TAG_TEXT, 0, TEXT_MAX),
    TEXT(CARD_TAG_CORRELATION, 0, 64),
    U64(CARD_TAG_GENERATION),
    LIST(CARD_TAG_CARD, card_parts),
    U32(CARD_TAG_CARD_ID, 0),
    TEXT(CARD_TAG_LABEL, 1, CARD_LABEL_MAX),
    TEXT(CARD_TAG_SERIAL, 1, CARD_SERIAL_MAX),
    U32(CARD_TAG_TIMEOUT, WAIT_MAX_MS),
    LIST(CARD_TAG_KEY, key_parts),
    BYTES(CARD_TAG_KEY_ID, CARD_KEY_ID_BYTES, CARD_KEY_ID_BYTES),
    U8(CARD_TAG_PURPOSE, CARD_PURPOSE_LOGON, CARD_PURPOSE_IN_SESSION),
    U8(CARD_TAG_KEY_TYPE, CARD_KEY_RSA, CARD_KEY_EC),
    U32(CARD_TAG_BITS, 16384),
    BYTES(CARD_TAG_MODULUS, 1, 2048),
    BYTES(CARD_TAG_EXPONENT, 1, 8),
    BYTES(CARD_TAG_EC_PARAMS, 1, 64),
    BYTES(CARD_TAG_EC_POINT, 1, 256),
    BYTES(CARD_TAG_CERTIFICATE, 1, DER_MAX),
    BYTES(CARD_TAG_SUBJECT, 1, NAME_DER_MAX),
    BYTES(CARD_TAG_ISSUER, 1, NAME_DER_MAX),
    BYTES(CARD_TAG_CERT_SERIAL, 1, 64),
    U64(CARD_TAG_NOT_BEFORE),
    U64(CARD_TAG_NOT_AFTER),
    U32(CARD_TAG_MECHANISMS, 0),
    LIST(CARD_TAG_ISSUER_CERT, issuer_parts),
    U8(CARD_TAG_MECHANISM, CARD_MECHANISM_RSA_PKCS1, CARD_MECHANISM_ECDSA),
    U8(CARD_TAG_HASH, CARD_HASH_SHA256, CARD_HASH_SHA512),
    U8(CARD_TAG_MGF_HASH, CARD_HASH_SHA256, CARD_HASH_SHA512),
    U16(CARD_TAG_SALT_LEN),
    BYTES(CARD_TAG_DATA, 0, CARD_DATA_MAX),
    BYTES(CARD_TAG_SIGNATURE, 1, 2048),
    TEXT(CARD_TAG_TICKET, 1, CARD_TICKET_MAX),
    TEXT(CARD_TAG_USER, 1, CARD_NAME_MAX),
    TEXT(CARD_TAG_SERVICE, 1, 64),
    TEXT(CARD_TAG_RHOST, 0, CARD_NAME_MAX),
    TEXT(CARD_TAG_SESSION, 1, 64),
    TEXT(CARD_TAG_CCACHE, 1, 512),
    U32(CARD_TAG_PID, 0),
    U32(CARD_TAG_UID, 0),
    TEXT(CARD_TAG_STATE, 1, 32),
    U64(CARD_TAG_EXPIRES),
    LIST(CARD_TAG_SESSION_ENTRY, session_parts),
    LIST(CARD_TAG_LINE, line_parts),
    TEXT(CARD_TAG_NAME, 1, 64),
    TEXT(CARD_TAG_VALUE, 0, VALUE_MAX),
};

const struct card_tag_rule *
card_tag_rule(uint16_t tag)
{
	for (size_t i = 0; i < NELEMS(rules); i++)
		if ((uint16_t)rules[i].tag == tag)
			return &rules[i];
	return NULL;
}

/* ---- messages ---- */

static const struct card_part nothing[] = {{0, CARD_REQUIRED}};
static const struct card_part refusal[] = {{CARD_TAG_REASON, CARD_REQUIRED},
    {CARD_TAG_TEXT, CARD_REQUIRED}, {CARD_TAG_CORRELATION, CARD_OPTIONAL}, {0, CARD_REQUIRED}};

static const struct card_part generation[] = {
    {CARD_TAG_GENERATION, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part cards[] = {
    {CARD_TAG_GENERATION, CARD_REQUIRED}, {CARD_TAG_CARD, CARD_REPEATED}, {0, CARD_REQUIRED}};
static const struct card_part card_id[] = {{CARD_TAG_CARD_ID, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part objects[] = {{CARD_TAG_GENERATION, CARD_REQUIRED},
    {CARD_TAG_KEY, CARD_REPEATED}, {CARD_TAG_ISSUER_CERT, CARD_REPEATED}, {0, CARD_REQUIRED}};
static const struct card_part sign[] = {{CARD_TAG_CARD_ID, CARD_REQUIRED},
    {CARD_TAG_KEY_ID, CARD_REQUIRED}, {CARD_TAG_MECHANISM, CARD_REQUIRED},
    {CARD_TAG_HASH, CARD_OPTIONAL}, {CARD_TAG_MGF_HASH, CARD_OPTIONAL},
    {CARD_TAG_SALT_LEN, CARD_OPTIONAL}, {CARD_TAG_DATA, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part sign_hashed[] = {{CARD_TAG_CARD_ID, CARD_REQUIRED},
    {CARD_TAG_KEY_ID, CARD_REQUIRED}, {CARD_TAG_MECHANISM, CARD_REQUIRED},
    {CARD_TAG_MGF_HASH, CARD_OPTIONAL}, {CARD_TAG_SALT_LEN, CARD_OPTIONAL}, {0, CARD_REQUIRED}};
static const struct card_part signature[] = {
    {CARD_TAG_SIGNATURE, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part hash[] = {{CARD_TAG_HASH, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part data[] = {{CARD_TAG_DATA, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part wait[] = {
    {CARD_TAG_GENERATION, CARD_REQUIRED}, {CARD_TAG_TIMEOUT, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part logon[] = {{CARD_TAG_TICKET, CARD_REQUIRED},
    {CARD_TAG_USER, CARD_REQUIRED}, {CARD_TAG_SERVICE, CARD_REQUIRED},
    {CARD_TAG_RHOST, CARD_OPTIONAL}, {0, CARD_REQUIRED}};
static const struct card_part logged_on[] = {{CARD_TAG_SESSION, CARD_REQUIRED},
    {CARD_TAG_USER, CARD_REQUIRED}, {CARD_TAG_CCACHE, CARD_REQUIRED},
    {CARD_TAG_CORRELATION, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part leader[] = {
    {CARD_TAG_SESSION, CARD_REQUIRED}, {CARD_TAG_PID, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part session[] = {{CARD_TAG_SESSION, CARD_REQUIRED}, {0, CARD_REQUIRED}};
static const struct card_part sessions[] = {
    {CARD_TAG_SESSION_ENTRY, CARD_REPEATED}, {0, CARD_REQUIRED}};
static const struct card_part lines[] = {{CARD_TAG_LINE, CARD_REPEATED}, {0, CARD_REQUIRED}};
static const struct card_part unlock[] = {
    {CARD_TAG_TICKET, CARD_REQUIRED}, {CARD_TAG_USER, CARD_REQUIRED}, {0, CARD_REQUIRED}};

static const struct operation {
	enum card_op op;
	const struct card_part *request, *answer;
} operations[] = {
    {CARD_OP_CARDS, nothing, cards},
    {CARD_OP_OBJECTS, card_id, objects},
    {CARD_OP_SIGN, sign, signature},
    {CARD_OP_HASH_BEGIN, hash, nothing},
    {CARD_OP_HASH_UPDATE, data, nothing},
    {CARD_OP_SIGN_HASHED, sign_hashed, signature},
    {CARD_OP_WAIT, wait, generation},
    {CARD_OP_LOGON, logon, logged_on},
    {CARD_OP_OPEN, leader, nothing},
    {CARD_OP_CLOSE, session, nothing},
    {CARD_OP_SESSIONS, nothing, sessions},
    {CARD_OP_STATUS, nothing, lines},
    {CARD_OP_UNLOCK, unlock, logged_on},
};

static const struct operation *
find(uint16_t op)
{
	for (size_t i = 0; i < NELEMS(operations); i++)
		if ((uint16_t)operations[i].op == op)
			return &operations[i];
	return NULL;
}

const struct card_part *
card_request_parts(uint16_t op)
{
	const struct operation *found = find(op);
	return found ? found->request : NULL;
}

const struct card_part *
card_answer_parts(uint16_t op)
{
	const struct operation *found = find(op);
	return found ? found->answer : NULL;
}

const struct card_part *
card_refusal_parts(void)
{
	return refusal;
}

static const char *const statuses[] = {"ok", "denied", "no_consent", "card_gone", "key_gone",
    "mechanism", "data", "away", "limit", "busy", "internal", "malformed", "session_gone"};

bool
card_status_is_known(uint16_t status)
{
	return status < NELEMS(statuses);
}

const char *
card_status_name(enum card_status status)
{
	return card_status_is_known((uint16_t)status) ? statuses[status] : "internal";
}
