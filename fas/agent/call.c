#include "fas/agent/call.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/log.h"

static const struct {
	enum card_op op;
	call_handler *handler;
	bool roots;
	const char *name;
} operations[] = {
    {CARD_OP_CARDS, card_op_cards, false, "cards"},
    {CARD_OP_OBJECTS, card_op_objects, false, "objects"},
    {CARD_OP_SIGN, card_op_sign, false, "sign"},
    {CARD_OP_HASH_BEGIN, card_op_hash_begin, false, "hash_begin"},
    {CARD_OP_HASH_UPDATE, card_op_hash_update, false, "hash_update"},
    {CARD_OP_SIGN_HASHED, card_op_sign_hashed, false, "sign_hashed"},
    {CARD_OP_LOGON, session_op_logon, true, "logon"},
    {CARD_OP_OPEN, session_op_open, true, "open"},
    {CARD_OP_CLOSE, session_op_close, true, "close"},
    {CARD_OP_SESSIONS, session_op_sessions, true, "sessions"},
    {CARD_OP_STATUS, session_op_status, true, "status"},
    {CARD_OP_UNLOCK, session_op_unlock, false, "unlock"},
};

call_handler *
call_find(uint16_t op, bool *roots)
{
	for (size_t i = 0; i < NELEMS(operations); i++) {
		if (operations[i].op != op)
			continue;
		*roots = operations[i].roots;
		return operations[i].handler;
	}
	return NULL;
}

static const char *
name_of(uint16_t op)
{
	for (size_t i = 0; i < NELEMS(operations); i++) {
		if (operations[i].op == op)
			return operations[i].name;
	}
	return "unknown";
}

static enum fas_code
handle(struct call *call, const struct ucred *sender, struct fas_err *e)
{
	bool roots = false;
	call_handler *handler = call_find(call->m.code, &roots);
	if (!handler)
		return fas_fail(e, FAS_E_INPUT, "malformed", "there is no such operation");
	enum fas_code rc = peer_check(&call->peer, sender, e);
	if (rc != FAS_OK)
		return rc;
	if (atomic_load(&call->d->stopping))
		return fas_fail(e, FAS_E_UNAVAILABLE, "stopping", "fas-agent is being stopped");
	if (roots && call->peer.uid != 0)
		return fas_fail(e, FAS_E_DENIED, "root_only", "uid %u asks what is root's to ask",
		    (unsigned)call->peer.uid);
	return handler(call, e);
}

/* Whoever asks for what is not his is no error of ours: a warning, and the reason in full. */
static void
log_refusal(const struct call *call, const struct fas_err *e)
{
	char pid[24], uid[24];
	(void)snprintf(pid, sizeof(pid), "%d", (int)call->peer.pid);
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)call->peer.uid);
	log_event(LOG_LEVEL_WARNING, "refused", "correlation_id",
	    call->correlation[0] ? call->correlation : NULL, "operation", name_of(call->m.code),
	    "uid", uid, "pid", pid, "reason", fas_err_reason(e), "message", e->message, NULL);
}

size_t
call_run(struct call *call, const struct ucred *sender, uint8_t *out, size_t size)
{
	struct fas_err e = {0};
	size_t len = 0;
	card_write_begin(&call->w, out, size, CARD_STATUS_OK);
	enum fas_code rc = handle(call, sender, &e);
	if (call->wants_person && !call->may_ask)
		return 0;
	if (rc == FAS_OK)
		len = card_write_end(&call->w);
	if (rc == FAS_OK && len == 0)
		rc = fas_fail(&e, FAS_E_INTERNAL, "internal", "the answer does not fit");
	if (rc == FAS_OK)
		return len;
	log_refusal(call, &e);
	enum card_status status = call_status(&e);
	return card_write_refusal(
	    out, size, status, fas_err_reason(&e), call_sentence(status, &e), call->correlation);
}
