#include "fas/base/audit_body.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/json_format.h"
#include "fas/base/text.h"

#define BODY_MAX 65536

/* The members of a record by name, in the order in which they are written. */
#define MEMBERS 15
struct member {
	const char *name, *value;
};

static void
list_members(const struct audit_record *r, struct member out[MEMBERS])
{
	const struct member all[MEMBERS] = {{"authn_context", r->authn_context},
	    {"caller", r->caller}, {"correlation_id", r->correlation_id}, {"event", r->event},
	    {"host", r->host}, {"idp", r->idp}, {"message", r->message}, {"outcome", r->outcome},
	    {"reason", r->reason}, {"rule", r->rule}, {"serial", r->serial},
	    {"session", r->session}, {"sid", r->sid}, {"storefront", r->storefront},
	    {"upn", r->upn}};
	memcpy(out, all, sizeof(all));
}

static void
put_name(struct buf *body, const char *name)
{
	buf_text(body, body->len > 1 ? "," : "");
	json_format_text(body, name, strlen(name));
	buf_text(body, ":");
}

/* Foreign bytes that are no UTF-8 do not make the member vanish. */
static void
put_member(struct buf *body, const struct member *member)
{
	if (!member->value)
		return;
	size_t len = strlen(member->value);
	put_name(body, member->name);
	if (utf8_is_valid(member->value, len))
		json_format_text(body, member->value, len);
	else
		buf_text(body, "\"(unprintable)\"");
}

static void
put_detail(struct buf *body, const char *name, json_t *value)
{
	OWN(text) char *text = json_format(value, true);
	put_name(body, name);
	buf_text(body, text ? text : "");
	body->failed |= text == NULL;
	body->no_memory |= text == NULL;
}

/* A detail of the name of a member that is there says nothing new; the correlation id's column has to agree with it. */
static bool
is_taken(const struct member members[MEMBERS], const char *name)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (strcmp(members[i].name, name) == 0)
			return members[i].value || strcmp(name, "correlation_id") == 0;
	}
	return false;
}

enum fas_code
audit_body(const struct audit_record *r, struct buf *body, struct fas_err *e)
{
	struct member members[MEMBERS];
	const char *name;
	json_t *value;
	list_members(r, members);
	buf_init(body, BODY_MAX);
	buf_text(body, "{");
	for (size_t i = 0; i < MEMBERS; i++)
		put_member(body, &members[i]);
	json_object_foreach(r->detail, name, value)
	{
		if (!is_taken(members, name))
			put_detail(body, name, value);
	}
	buf_text(body, "}");
	return buf_check(body, e);
}
