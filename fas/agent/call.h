/* One request at the local socket, from the packet to the reply. */
#ifndef FAS_AGENT_CALL_H
#define FAS_AGENT_CALL_H

#include <openssl/evp.h>

#include "fas/agent/daemon.h"
#include "fas/agent/peer.h"
#include "fas/base/audit.h"
#include "fas/card/wire.h"

/* A hash that one connection has begun. */
struct call_hash {
	EVP_MD_CTX *ctx; /* NULL = none */
	enum card_hash hash;
};

struct call {
	struct daemon *d;
	struct peer peer;
	struct card_message m;
	struct card_writer w; /* the answer is begun with status OK */
	struct call_hash *hash;
	bool may_ask;      /* this thread may wait for a person */
	bool wants_person; /* it is to be called again where it may */
	char correlation[CORRELATION_ID_MAX];
};

typedef enum fas_code call_handler(struct call *call, struct fas_err *e);

/* card_ops.c: for anybody */
call_handler card_op_cards, card_op_objects, card_op_sign, card_op_hash_begin, card_op_hash_update,
    card_op_sign_hashed;
/* session_ops.c: for root; unlock for the user himself as well */
call_handler session_op_logon, session_op_open, session_op_close, session_op_sessions,
    session_op_status, session_op_unlock;

/* The handler of an operation and whether it is root's; NULL: there is none (WAIT is the loop's own). */
call_handler *call_find(uint16_t op, bool *roots);
/*
 * Run it, with all checks of the caller; writes answer or refusal.  Returns the reply's length; 0 = there is none,
 * because a person has to be asked.
 */
size_t call_run(struct call *call, const struct ucred *sender, uint8_t *out, size_t size);
/* The status that stands for an error, and one plain sentence for a person (call_refusal.c). */
enum card_status call_status(const struct fas_err *e);
const char *call_sentence(enum card_status status, const struct fas_err *e);

#endif
