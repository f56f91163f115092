#include "ca/statement.h"

#include <string.h>

#include "ca/key.h"
#include "fas/base/audit_answer.h"

enum fas_code
statement_sign(struct ca *ca, const struct audit_stated *stated, struct audit_statement *out,
    struct fas_err *e)
{
	uint8_t message[AUDIT_STATEMENT_MESSAGE_MAX], signature[KEY_SIGNATURE_MAX];
	*out = (struct audit_statement){.key = ca->audit_key_id};
	out->text = audit_stated_format(stated);
	if (!out->text)
		return fas_fail_nomem(e);
	if (strlen(out->text) >= AUDIT_STATEMENT_TEXT_MAX)
		return fas_fail(e, FAS_E_INPUT, "too_large", "the statement is too long");
	enum fas_code rc = key_sign(ca->audit_key, message,
	    audit_statement_message(out->text, message), signature, &out->signature_len, e);
	if (rc == FAS_OK && out->signature_len > AUDIT_SIGNATURE_MAX)
		rc = fas_fail(e, FAS_E_INTERNAL, "audit_signature", "the signature is too long");
	if (rc == FAS_OK)
		memcpy(out->signature, signature, out->signature_len);
	return rc;
}

enum fas_code
op_audit_statements(struct call *call, struct fas_err *e)
{
	return audit_answer_statements(call->ca->db, &call->in, &call->reply, e);
}

enum fas_code
op_audit_export(struct call *call, struct fas_err *e)
{
	return audit_answer_export(call->ca->db, &call->in, &call->reply, e);
}
