/* One-time codes: what a browser carries from the service to a storefront. */
#include <string.h>

#include "fas/sign_in_store.h"

struct lookup {
	uint8_t hash[TICKET_HASH_BYTES];
	struct code *code;
};

static enum fas_code
look_up(struct db *db, void *arg, struct fas_err *e)
{
	struct lookup *l = arg;
	return code_find(db, l->hash, l->code, e);
}

/* The shape is a ticket's; what is wrong with it is said in this one's name. */
static enum fas_code
read_text(const char *node, const char *text, uint8_t hash[TICKET_HASH_BYTES], struct fas_err *e)
{
	struct fas_err why = {0};
	enum fas_code rc = ticket_read(node, text, hash, &why);
	if (rc != FAS_E_AUTH)
		return rc == FAS_OK ? FAS_OK : fas_fail(e, rc, why.reason, "%s", why.message);
	bool other = strcmp(why.reason, "ticket_other_node") == 0;
	return fas_fail(e, FAS_E_AUTH, other ? "code_other_node" : "code_malformed", "%s",
	    other ? "the code was issued by another node" : "this is not a code");
}

/* Whether there is such a code is nobody's business but its storefront's. */
static enum fas_code
check_storefront(const struct code *code, const struct caller *caller, struct fas_err *e)
{
	if (caller->role == ROLE_STOREFRONT && hostname_equal(code->storefront, caller->name))
		return FAS_OK;
	return fas_fail(e, FAS_E_AUTH, "code_unknown", "the code is for %s, not for %s",
	    code->storefront, caller->name);
}

enum fas_code
code_read(struct service *service, struct request *request, const char *text, int64_t now_s,
    struct code *out, struct fas_err *e)
{
	struct lookup l = {.code = out};
	enum fas_code rc = read_text(service->node, text, l.hash, e);
	if (rc == FAS_OK)
		rc = db_read(service->db, look_up, &l, e);
	if (rc != FAS_OK)
		return rc;
	memcpy(request->correlation_id, out->correlation_id, sizeof(request->correlation_id));
	rc = check_storefront(out, request->caller, e);
	if (rc == FAS_OK && now_s >= out->expires_s)
		rc = fas_fail(
		    e, FAS_E_CONFLICT, "code_expired", "the code was good for %d s", CODE_LIFE_S);
	return rc;
}
