#include "fas/published.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "fas/base/json.h"

DEFINE_OWN(pem, BIO *, BIO_vfree);

static enum fas_code
bad_reply(struct fas_err *e, const char *finding)
{
	ERR_clear_error();
	return fas_fail(
	    e, FAS_E_INTERNAL, "signer_reply", "the signer's answer, published: %s", finding);
}

static enum fas_code
read_chain(struct published *out, const char *text, struct fas_err *e)
{
	OWN(pem) BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *next;
	while (bio && (next = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (out->n_chain == PUBLISHED_CHAIN_MAX) {
			X509_free(next);
			return bad_reply(e, "a chain is too long");
		}
		out->chain[out->n_chain++] = next;
	}
	ERR_clear_error();
	return out->n_chain > 0 ? FAS_OK : bad_reply(e, "a chain without certificates");
}

static enum fas_code
read_renewal(struct published *out, const char *text, struct fas_err *e)
{
	OWN(pem) BIO *bio = text ? BIO_new_mem_buf(text, -1) : NULL;
	if (!text)
		return FAS_OK;
	out->renewal = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	return out->renewal ? FAS_OK : bad_reply(e, "a renewal that is no certificate");
}

static void
read_crl(struct json_reader *r, struct published *out)
{
	const json_t *crl = json_need_value(r, "crl", JSON_OBJECT);
	int64_t backdate_s = json_need_int(r, "backdate", 0, 86400);
	int64_t number = json_integer_value(json_object_get(crl, "number"));
	(void)snprintf(out->number, sizeof(out->number), "%" PRIx64, (uint64_t)number);
	out->made_s = json_integer_value(json_object_get(crl, "this_update")) + backdate_s;
}

static enum fas_code
read_one(struct published *out, json_t *one, struct fas_err *e)
{
	OWN(json_reader) struct json_reader r = {0};
	struct fas_err why = {0};
	(void)!json_open_object(&r, one, &why);
	out->authority = json_need_text(&r, "authority", 1, 64);
	out->stem = json_need_text(&r, "stem", 1, 96);
	out->generation = json_need_int(&r, "generation", 1, INT32_MAX);
	out->issues = json_want_bool(&r, "issues", false);
	out->issues_for = json_need_value(&r, "for", JSON_ARRAY);
	out->cdp = json_need_value(&r, "cdp", JSON_ARRAY);
	out->aia = json_need_value(&r, "aia", JSON_ARRAY);
	out->ldap_cdp = json_want_text(&r, "ldap_cdp", 1, 1024);
	out->profiles = json_want_value(&r, "profiles", JSON_ARRAY);
	const char *chain = json_need_lines(&r, "chain", 1, 1024 * 1024);
	const char *renewal = json_want_lines(&r, "renewal", 1, 1024 * 1024);
	read_crl(&r, out);
	/* what a newer signer says beside that is its own affair */
	if (why.code != FAS_OK)
		return bad_reply(e, why.message);
	enum fas_code rc = read_chain(out, chain, e);
	return rc == FAS_OK ? read_renewal(out, renewal, e) : rc;
}

enum fas_code
published_ask(struct signer *signer, struct published_list *out, struct fas_err *e)
{
	json_t *one;
	size_t i;
	*out = (struct published_list){0};
	enum fas_code rc = signer_published(signer, &out->answer, e);
	if (rc != FAS_OK)
		return rc;
	json_array_foreach(json_object_get(out->answer, "published"), i, one)
	{
		if (out->n == PUBLISHED_MAX)
			return bad_reply(e, "too many generations");
		rc = read_one(&out->items[out->n++], one, e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

void
published_done(struct published_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		for (size_t k = 0; k < list->items[i].n_chain; k++)
			X509_free(list->items[i].chain[k]);
		X509_free(list->items[i].renewal);
	}
	json_decref(list->answer);
	*list = (struct published_list){0};
}
