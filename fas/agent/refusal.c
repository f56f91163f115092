#include "fas/agent/refusal.h"

#include <stdio.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/text.h"

#define CORRELATION_WORDS "; correlation id "

static const struct {
	long status;
	enum fas_code code;
} classes[] = {
    {400, FAS_E_INPUT},
    {401, FAS_E_AUTH},
    {403, FAS_E_DENIED},
    {404, FAS_E_NOTFOUND},
    {409, FAS_E_CONFLICT},
    {410, FAS_E_NOTFOUND},
    {413, FAS_E_INPUT},
    {415, FAS_E_INPUT},
    {429, FAS_E_LIMIT},
    {500, FAS_E_INTERNAL},
};

enum fas_code
refusal_class(long status)
{
	for (size_t i = 0; i < NELEMS(classes); i++) {
		if (classes[i].status == status)
			return classes[i].code;
	}
	return status >= 500 ? FAS_E_UNAVAILABLE : FAS_E_INTERNAL;
}

static bool
code_is_valid(const char *code)
{
	size_t len = strlen(code);
	return len > 0 && strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

enum fas_code
refusal_parse(const char *bytes, size_t len, long status, struct refusal *out, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	*out = (struct refusal){.status = status};
	(void)json_open(&r, bytes, len, &why); /* a failure stays the first one in why */
	(void)json_want_text(&r, "type", 1, 512);
	const char *title = json_need_text(&r, "title", 1, REFUSAL_TITLE_MAX);
	const char *code = json_need_text(&r, "code", 1, sizeof(out->code) - 1);
	const char *id = json_want_text(&r, "correlation_id", 0, CORRELATION_ID_MAX - 1);
	int64_t said = json_want_int(&r, "status", 100, 599, status);
	if (why.code == FAS_E_NOMEM)
		return fas_fail_nomem(e);
	if (why.code != FAS_OK || !title || !code)
		return fas_fail(e, FAS_E_INPUT, "problem_malformed",
		    "RFC 9457: the answer is no problem document: %s", why.message);
	if (said != status || !code_is_valid(code) || utf8_has_invisible(title) ||
	    (id && *id && !correlation_id_is_valid(id)))
		return fas_fail(e, FAS_E_INPUT, "problem_malformed",
		    "RFC 9457 3.1: status, code, title or correlation id of the problem document "
		    "has another shape");
	(void)snprintf(out->code, sizeof(out->code), "%s", code);
	(void)snprintf(out->title, sizeof(out->title), "%s", title);
	(void)snprintf(out->correlation_id, sizeof(out->correlation_id), "%s", id ? id : "");
	return FAS_OK;
}

enum fas_code
refusal_fail(const struct refusal *refusal, struct fas_err *e)
{
	bool id = refusal->correlation_id[0] != 0;
	return fas_fail(e, refusal_class(refusal->status), refusal->code, "%s%s%s", refusal->title,
	    id ? CORRELATION_WORDS : "", refusal->correlation_id);
}

bool
refusal_correlation(const struct fas_err *e, char out[CORRELATION_ID_MAX])
{
	const char *at = strstr(e->message, CORRELATION_WORDS);
	(void)snprintf(out, CORRELATION_ID_MAX, "%s", at ? at + sizeof(CORRELATION_WORDS) - 1 : "");
	if (correlation_id_is_valid(out))
		return true;
	out[0] = 0;
	return false;
}
