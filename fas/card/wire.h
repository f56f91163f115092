/*
 * The card protocol: what a program of a desktop session (fas-pkcs11.so, pam_fas.so, the command line) and fas-agent say to
 * each other.  docs/PROTOCOL.md, "fas-agent: card socket".
 *
 * Over SOCK_SEQPACKET one packet is one message; each request has one reply, in order.  All numbers are big-endian:
 *
 *     u16 version (1) | u16 operation, or in a reply the status | u32 number of fields | fields
 *     field: u16 tag | u32 length | bytes
 *
 * A list is a tag that may be repeated; an entry's bytes are fields again (without a head), and these hold no lists: two
 * levels, no recursion.  Reading is strict: an unknown operation, status or tag, a tag that does not belong to this
 * message, one that is repeated or missing, a length outside its range, bytes left over: malformed, and whoever reads it
 * closes the connection.
 *
 * This room is loaded into foreign programs: libc only, no allocation, no global state, no locks.
 */
#ifndef FAS_CARD_WIRE_H
#define FAS_CARD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fas/base/macros.h"

#define CARD_SOCKET_NAME "fas-agent/card.sock" /* below the run-time folder, /run */
#define CARD_SOCKET_VARIABLE "FAS_AGENT_SOCKET"
#define CARD_WIRE_VERSION 1
#define CARD_MESSAGE_MAX 65536
#define CARD_FIELDS_MAX 64 /* of one message or one entry */
#define CARD_KEY_ID_BYTES 20
#define CARD_LABEL_MAX 32
#define CARD_SERIAL_MAX 16
#define CARD_DATA_MAX 60000
#define CARD_SIGN_DATA_MAX 512
#define CARD_TICKET_MAX 128
#define CARD_NAME_MAX 256

/* For anybody: a caller meets the cards of its own uid, and the keys whose rule knows its program. */
enum card_op {
	CARD_OP_CARDS = 1,       /* which cards are there */
	CARD_OP_OBJECTS = 2,     /* what is on one of them; may take seconds: fetch on first use */
	CARD_OP_SIGN = 3,        /* sign DATA; may take as long as a person is asked */
	CARD_OP_HASH_BEGIN = 4,  /* one hash a connection; a new begin drops the old one */
	CARD_OP_HASH_UPDATE = 5, /* also without a hash begun: DATA refused */
	CARD_OP_SIGN_HASHED = 6, /* sign what was hashed on this connection, which ends the hash */
	CARD_OP_WAIT =
	    7, /* until GENERATION differs or TIMEOUT is over; the connection is busy meanwhile */
	/* For root: pam_fas.so and the command line.  UNLOCK also for the user himself. */
	CARD_OP_LOGON = 32,    /* redeem a ticket: the session is pending until OPEN */
	CARD_OP_OPEN = 33,     /* the login's leader PID: from here its user sees the card */
	CARD_OP_CLOSE = 34,    /* end the session */
	CARD_OP_SESSIONS = 35, /* those of this host */
	CARD_OP_STATUS = 36,   /* lines for a person */
	CARD_OP_UNLOCK = 37    /* is this ticket of this user? refreshes the running session */
};

/* Statuses of a reply.  All but OK carry REASON (a stable word), TEXT (one plain sentence for a person), CORRELATION. */
enum card_status {
	CARD_STATUS_OK = 0,
	CARD_STATUS_DENIED = 1,     /* this caller may not; or the ticket is refused */
	CARD_STATUS_NO_CONSENT = 2, /* refused, not answered, nobody to ask */
	CARD_STATUS_CARD_GONE = 3,  /* no such card (any more) */
	CARD_STATUS_KEY_GONE = 4,   /* no such key on it (any more) */
	CARD_STATUS_MECHANISM = 5,  /* not with this key, or no such combination of parameters */
	CARD_STATUS_DATA = 6,       /* no DigestInfo, wrong length, no hash begun */
	CARD_STATUS_AWAY = 7,       /* the service does not answer */
	CARD_STATUS_LIMIT = 8,      /* the rule's rate or count */
	CARD_STATUS_BUSY = 9,       /* too many at once: later */
	CARD_STATUS_INTERNAL = 10,
	CARD_STATUS_MALFORMED = 11,   /* the last word on a connection */
	CARD_STATUS_SESSION_GONE = 12 /* OPEN, CLOSE, UNLOCK: no such session */
};

/* The type and range of each tag stand in wire_tags.c. */
enum card_tag {
	/* refusals */
	CARD_TAG_REASON = 1,
	CARD_TAG_TEXT = 2,
	CARD_TAG_CORRELATION = 3,
	/* cards */
	/* u64; CARDS, WAIT: of the list of cards; OBJECTS, CARD: of the content of one */
	CARD_TAG_GENERATION = 10,
	CARD_TAG_CARD = 11,    /* list: CARD_ID, LABEL, SERIAL, GENERATION */
	CARD_TAG_CARD_ID = 12, /* u32: the slot; never used again while the agent lives */
	CARD_TAG_LABEL = 13,   /* text: "alice@CORP"; keys: no two alike on a card */
	CARD_TAG_SERIAL = 14,  /* text: of one session, also after a restart */
	CARD_TAG_TIMEOUT = 15, /* u32: milliseconds, at most 60,000 */
	/* objects */
	CARD_TAG_KEY = 20,    /* list: its fields stand in wire_tags.c */
	CARD_TAG_KEY_ID = 21, /* 20 bytes: SHA-1 of the subject public key (RFC 5280 4.2.1.2 (1)) */
	CARD_TAG_PURPOSE = 22,     /* u8: enum card_purpose */
	CARD_TAG_KEY_TYPE = 23,    /* u8: enum card_key_type */
	CARD_TAG_BITS = 24,        /* u32: of the modulus, or of the curve's order */
	CARD_TAG_MODULUS = 25,     /* RSA: unsigned, no leading zero */
	CARD_TAG_EXPONENT = 26,    /* RSA: likewise */
	CARD_TAG_EC_PARAMS = 27,   /* EC: DER of the curve's OID */
	CARD_TAG_EC_POINT = 28,    /* EC: DER OCTET STRING around the uncompressed point */
	CARD_TAG_CERTIFICATE = 29, /* DER */
	CARD_TAG_SUBJECT = 30,     /* DER Name */
	CARD_TAG_ISSUER = 31,      /* DER Name */
	CARD_TAG_CERT_SERIAL = 32, /* DER INTEGER */
	CARD_TAG_NOT_BEFORE = 33,  /* u64: seconds since 1970 */
	CARD_TAG_NOT_AFTER = 34,   /* u64 */
	CARD_TAG_MECHANISMS = 35,  /* u32: 1 << enum card_mechanism */
	CARD_TAG_ISSUER_CERT = 36, /* list: a certificate of the issuing CA, without a key here */
	/* signatures */
	CARD_TAG_MECHANISM = 40, /* u8: enum card_mechanism */
	CARD_TAG_HASH = 41,      /* u8: enum card_hash */
	CARD_TAG_MGF_HASH = 42,  /* u8: enum card_hash; RSA_PSS only */
	CARD_TAG_SALT_LEN = 43,  /* u16: bytes; RSA_PSS only */
	CARD_TAG_DATA = 44,
	CARD_TAG_SIGNATURE = 45, /* ECDSA: r || s, each as long as the order */
	/* sessions */
	CARD_TAG_TICKET = 60,
	CARD_TAG_USER = 61,
	CARD_TAG_SERVICE = 62, /* the PAM service */
	CARD_TAG_RHOST = 63,
	CARD_TAG_SESSION = 64,
	CARD_TAG_CCACHE = 65, /* the credential cache's name for KRB5CCNAME */
	CARD_TAG_PID = 66,    /* u32 */
	CARD_TAG_UID = 67,    /* u32 */
	CARD_TAG_STATE = 68,
	CARD_TAG_EXPIRES = 69, /* u64: seconds since 1970 */
	/* list: SESSION, USER, UID, STATE, EXPIRES, with a card CARD_ID */
	CARD_TAG_SESSION_ENTRY = 70,
	CARD_TAG_LINE = 71, /* list: NAME, VALUE */
	CARD_TAG_NAME = 72,
	CARD_TAG_VALUE = 73
};

enum card_purpose { CARD_PURPOSE_LOGON = 1, CARD_PURPOSE_IN_SESSION = 2 };
enum card_key_type { CARD_KEY_RSA = 1, CARD_KEY_EC = 2 };
enum card_hash { CARD_HASH_SHA256 = 1, CARD_HASH_SHA384 = 2, CARD_HASH_SHA512 = 3 };

/* What DATA of SIGN has to be.  SIGN_HASHED always takes HASH_BEGIN's hash. */
enum card_mechanism {
	CARD_MECHANISM_RSA_PKCS1 = 1, /* a DigestInfo (RFC 8017 9.2) */
	CARD_MECHANISM_RSA_PSS = 2, /* a digest of HASH; MGF_HASH and SALT_LEN are there as well */
	CARD_MECHANISM_ECDSA = 3    /* a digest */
};

/* ---- writing ---- */

/* Fills the caller's buffer; what does not fit is remembered, and card_write_end says so. */
struct card_writer {
	uint8_t *data;
	size_t size;
	size_t len;
	uint32_t n;
	size_t entry; /* where the open list entry's length stands; 0 = none is open */
	bool failed;
};

/* code: an operation or a status.  The buffer is borrowed. */
void card_write_begin(struct card_writer *w, uint8_t *data, size_t size, uint16_t code);
void card_write_bytes(struct card_writer *w, enum card_tag tag, const void *data, size_t len);
void card_write_text(struct card_writer *w, enum card_tag tag, const char *text);
/* With the width that the tag has. */
void card_write_number(struct card_writer *w, enum card_tag tag, uint64_t value);
/* One entry of a list: what is written in between belongs to it. */
void card_write_open(struct card_writer *w, enum card_tag list);
void card_write_close(struct card_writer *w);
/* The message's length; 0 when it did not fit into the buffer or CARD_MESSAGE_MAX, or a value had no place in its tag. */
MUST_CHECK size_t card_write_end(struct card_writer *w);
/* A whole refusal: what does not fit into its tag is cut; correlation may be NULL or empty.  Length as above. */
MUST_CHECK size_t card_write_refusal(uint8_t *data, size_t size, enum card_status status,
    const char *reason, const char *text, const char *correlation);

/* ---- reading ---- */

/* Points into the bytes that were read. */
struct card_field {
	enum card_tag tag;
	const uint8_t *data;
	size_t len;
};

/* A message, or an entry of a list (code 0). */
struct card_message {
	uint16_t code;
	size_t n;
	struct card_field fields[CARD_FIELDS_MAX];
};

/* false: malformed, and *out holds nothing.  All lengths, texts, enums and the presence of what is required are checked. */
MUST_CHECK bool card_read_request(const uint8_t *data, size_t len, struct card_message *out);
/* The reply to op; code is the status. */
MUST_CHECK bool card_read_reply(
    const uint8_t *data, size_t len, enum card_op op, struct card_message *out);
/*
 * The next entry of a list, from *at on (0 at first).  false: no more.  Entries were checked together with their message.
 */
MUST_CHECK bool card_read_entry(
    const struct card_message *m, enum card_tag list, size_t *at, struct card_message *out);

bool card_has(const struct card_message *m, enum card_tag tag);
/* NULL and 0 when it is not there. */
const uint8_t *card_bytes(const struct card_message *m, enum card_tag tag, size_t *len);
/* 0 when it is not there. */
uint64_t card_number(const struct card_message *m, enum card_tag tag);
/* Copies with a NUL; empty when it is not there.  Texts hold neither NUL nor other control characters; false: cut. */
bool card_text(const struct card_message *m, enum card_tag tag, char *out, size_t size);

/* The word for a status: "no_consent". */
const char *card_status_name(enum card_status status);

#endif
