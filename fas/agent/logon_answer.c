#include "fas/agent/logon_answer.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/text.h"

#define PEM_TEXT_MAX 65536
#define KEY_NAME_LEN 32

void
logon_answer_done(struct logon_answer *answer)
{
	rule_done(&answer->rule);
	json_close(&answer->reader);
}

/* user@suffix with a suffix that is a DNS name: what a UPN and our principals look like. */
static enum fas_code
check_names(const struct logon_answer *a, struct fas_err *e)
{
	struct fas_err why = {0};
	if (!session_id_is_valid(a->session_id) || !hostname_is_valid(a->realm) ||
	    upn_check(a->upn, &why) != FAS_OK || upn_check(a->principal, &why) != FAS_OK ||
	    utf8_has_invisible(a->sam_account_name) || strchr(a->sam_account_name, '/') ||
	    !correlation_id_is_valid(a->correlation_id))
		return fas_fail(e, FAS_E_INPUT, "answer_malformed",
		    "a name in the server's answer has no usable shape%s%s",
		    why.code != FAS_OK ? ": " : "", why.message);
	return FAS_OK;
}

int64_t
answer_need_time(struct json_reader *r, const char *name)
{
	int64_t at = 0;
	const char *text = json_need_text(r, name, 1, TIME_TEXT_MAX);
	if (text && !time_parse(text, &at))
		fas_fail(r->e, FAS_E_INPUT, "member_invalid",
		    "member \"%s\" is no time of RFC 3339 in UTC", name);
	return at;
}

json_t *
answer_want_any(struct json_reader *r, const char *name)
{
	const json_t *value = json_object_get(r->object, name);
	return value ? json_want_value(r, name, json_typeof(value)) : NULL;
}

static bool
key_name_is_valid(const char *key)
{
	return strspn(key, "0123456789abcdef") == KEY_NAME_LEN && key[KEY_NAME_LEN] == 0;
}

const char *
answer_want_key(struct json_reader *r)
{
	enum rule_custody custody = RULE_CUSTODY_HOST;
	const char *word = json_want_text(r, "custody", 1, 16);
	const char *key = json_want_text(r, "key", KEY_NAME_LEN, KEY_NAME_LEN);
	if (word && !rule_custody_parse(word, &custody))
		fas_fail(r->e, FAS_E_INPUT, "answer_malformed",
		    "custody \"%.16s\" is not known to this version", word);
	if ((custody == RULE_CUSTODY_SERVICE) != (key != NULL) || (key && !key_name_is_valid(key)))
		fas_fail(r->e, FAS_E_INPUT, "answer_malformed",
		    "custody and key in the answer do not fit");
	return key;
}

enum fas_code
logon_answer_read(json_t *body, struct logon_answer *out, struct fas_err *e)
{
	struct json_reader *r = &out->reader;
	enum fas_code rc = json_open_object(r, body, e);
	if (rc != FAS_OK)
		return rc;
	out->session_id = json_need_text(r, "session_id", 1, AGENT_SESSION_ID_MAX - 1);
	out->session_expires_s = answer_need_time(r, "session_expires_at");
	out->lease_s = json_need_int(r, "lease_s", 0, INT32_MAX);
	out->certificate = json_need_lines(r, "certificate", 1, PEM_TEXT_MAX);
	out->chain = json_need_lines(r, "chain", 1, PEM_TEXT_MAX);
	out->serial = json_need_text(r, "serial", 1, 40);
	out->not_after_s = answer_need_time(r, "not_after");
	out->upn = json_need_text(r, "upn", 3, UPN_MAX);
	out->sam_account_name = json_need_text(r, "sam_account_name", 1, LOCAL_NAME_MAX - 1);
	out->realm = json_need_text(r, "realm", 1, HOSTNAME_MAX);
	out->principal = json_need_text(r, "principal", 3, UPN_MAX);
	out->sid = json_need_text(r, "sid", 1, SID_TEXT_MAX);
	out->correlation_id = json_need_text(r, "correlation_id", 1, CORRELATION_ID_MAX - 1);
	out->key = answer_want_key(r);
	json_t *rule = answer_want_any(r, "in_session");
	rc = json_finish(r);
	if (rc == FAS_OK)
		rc = rule_read(rule, &out->rule, e);
	return rc == FAS_OK ? check_names(out, e) : rc;
}

void
logon_answer_session(
    const struct logon_answer *answer, const char *server, struct session_file *out)
{
	*out = (struct session_file){
	    .expires_s = answer->session_expires_s, .lease_s = answer->lease_s};
	(void)snprintf(out->id, sizeof(out->id), "%s", answer->session_id);
	(void)snprintf(out->server, sizeof(out->server), "%s", server);
	(void)snprintf(out->upn, sizeof(out->upn), "%s", answer->upn);
	(void)snprintf(out->principal, sizeof(out->principal), "%s", answer->principal);
	(void)snprintf(out->serial, sizeof(out->serial), "%s", answer->serial);
	(void)snprintf(
	    out->correlation_id, sizeof(out->correlation_id), "%s", answer->correlation_id);
}
