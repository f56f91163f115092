#include "fas/pki_import.h"

#include <string.h>

#include "fas/base/json.h"

#define LDIF_MAX (700 * 1024) /* one message holds no more */
#define LDIF_CRL_MAX (256 * 1024)

struct import {
	struct directory *directory;
	size_t domain;
	struct sid account;
	json_t *grants;
	struct buf *ldif;
	json_int_t missing;
};

static const json_t *
grant_of(const json_t *grants, const char *container)
{
	const json_t *grant;
	size_t i;
	json_array_foreach(grants, i, grant)
	{
		if (strcmp(json_string_value(json_object_get(grant, "container")), container) == 0)
			return grant;
	}
	return NULL;
}

static void
add_grant(struct import *in, const char *container)
{
	char text[SID_TEXT_MAX] = "";
	if (grant_of(in->grants, container))
		return;
	if (sid_is_set(&in->account))
		(void)sid_format(&in->account, text);
	(void)json_array_append_new(
	    in->grants, json_pack("{s:s,s:s}", "container", container, "sid", text));
}

/* A CRL's container, unless it is there, or stands in the text already. */
static enum fas_code
add_container(struct import *in, const char *container, struct fas_err *e)
{
	bool there = true;
	if (grant_of(in->grants, container))
		return FAS_OK;
	enum fas_code rc = pki_exists(in->directory, in->domain, container, &there, e);
	if (rc == FAS_OK && !there)
		pki_ldif_container(container, in->ldif);
	return rc;
}

/* Several certificates may go into one object: the first makes it, and the next is a value more. */
static enum pki_state
state_by_then(const struct pki_items *items, size_t i)
{
	const struct pki_item *item = &items->items[i];
	for (size_t k = 0; k < i; k++) {
		if (strcmp(items->items[k].object.dn, item->object.dn) == 0)
			return item->state == PKI_NO_OBJECT ? PKI_NO_VALUE : item->state;
	}
	return item->state;
}

static enum fas_code
add_item(struct import *in, const struct pki_items *items, size_t i, struct fas_err *e)
{
	struct pki_item *item = &items->items[i];
	const struct pki_object *object = &item->object;
	bool is_crl = object->kind == PKI_CDP;
	enum fas_code rc = pki_look(in->directory, in->domain, object, &item->state, e);
	if (rc != FAS_OK || item->state == PKI_THERE)
		return rc;
	in->missing++;
	if (is_crl && (rc = add_container(in, pki_parent(object->dn), e)) != FAS_OK)
		return rc;
	/* One that is too long to be handed over is written by the service, once it is let. */
	if (!is_crl || object->len <= LDIF_CRL_MAX)
		pki_ldif(object, state_by_then(items, i), in->ldif);
	if (is_crl)
		add_grant(in, pki_parent(object->dn));
	return FAS_OK;
}

enum fas_code
pki_import(struct directory *directory, size_t domain, struct pki_items *items, json_t **reply,
    struct fas_err *e)
{
	OWN(buf) struct buf ldif;
	OWN(json) json_t *grants = json_array();
	struct import in = {
	    .directory = directory, .domain = domain, .grants = grants, .ldif = &ldif};
	buf_init(&ldif, LDIF_MAX);
	enum fas_code rc = pki_account(directory, domain, &in.account, e);
	for (size_t i = 0; rc == FAS_OK && i < items->n; i++)
		rc = add_item(&in, items, i, e);
	if (rc == FAS_OK)
		rc = buf_check(&ldif, e);
	if (rc != FAS_OK)
		return rc;
	*reply = json_pack(
	    "{s:s,s:O,s:I}", "ldif", buf_str(&ldif), "grants", grants, "missing", in.missing);
	return *reply ? FAS_OK : fas_fail_nomem(e);
}
