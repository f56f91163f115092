#include "ca/crl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "ca/asn1.h"
#include "ca/crl_parts.h"

#define WAITING_MAX ((size_t)128 * 1024)

DEFINE_OWN(asn1_integer, ASN1_INTEGER *, ASN1_INTEGER_free);
DEFINE_OWN(x509_crl, X509_CRL *, X509_CRL_free);

/* ---- places ---- */

/* What stands before the entries; its lengths are known when theirs is. */
struct prefix {
	uint8_t outer[CRL_HEADER_MAX], tbs[CRL_HEADER_MAX], list[CRL_HEADER_MAX];
	size_t outer_len, tbs_len, list_len;
};

/* For so many octets of entries, and of what follows the signed part.  RFC 5280 5.1.2.6: without entries there is no list. */
static size_t
make_prefix(
    const struct crl_frame *frame, size_t entries_len, size_t trailer_len, struct prefix *out)
{
	out->list_len =
	    entries_len == 0 ? 0 : crl_put_header(out->list, true, entries_len, V_ASN1_SEQUENCE);
	size_t inside = frame->head_len + out->list_len + entries_len + frame->tail_len;
	out->tbs_len = crl_put_header(out->tbs, true, inside, V_ASN1_SEQUENCE);
	out->outer_len =
	    crl_put_header(out->outer, true, out->tbs_len + inside + trailer_len, V_ASN1_SEQUENCE);
	return out->outer_len + out->tbs_len + frame->head_len + out->list_len;
}

/* What is put behind a place goes there at once: octets of the file move.  A page of a mapped file for which a full disk has no
 * room is a SIGBUS and no error: so all of it gets its room before it is mapped. */
static enum fas_code
move(const struct file_beside *file, size_t from, size_t len, size_t to, struct fas_err *e)
{
	size_t end = (from > to ? from : to) + len;
	if (from == to || len == 0)
		return FAS_OK;
	errno = posix_fallocate(file->fd, 0, (off_t)end);
	if (errno != 0)
		return fas_fail_errno(e, "%s", file->beside);
	uint8_t *at = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (at == MAP_FAILED)
		return fas_fail_errno(e, "%s", file->beside);
	memmove(at + to, at + from, len);
	(void)munmap(at, end);
	return ftruncate(file->fd, (off_t)(to + len)) == 0 ? FAS_OK
							   : fas_fail_errno(e, "%s", file->beside);
}

enum fas_code
crl_map(const struct file_beside *file, struct crl_map *out, struct fas_err *e)
{
	struct stat st;
	*out = (struct crl_map){0};
	if (fstat(file->fd, &st) != 0)
		return fas_fail_errno(e, "%s", file->beside);
	void *at =
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, file->fd, 0);
	if (at == MAP_FAILED)
		return fas_fail_errno(e, "%s", file->beside);
	*out = (struct crl_map){at, (size_t)st.st_size};
	return FAS_OK;
}

void
crl_unmap(struct crl_map *map)
{
	if (map->der)
		(void)munmap((void *)(uintptr_t)map->der, map->len);
	*map = (struct crl_map){0};
}

/* ---- entries ---- */

enum fas_code
crl_writer_begin(struct crl_writer *w, const struct issuer *issuer, const struct crl_terms *terms,
    const struct file_beside *to, struct fas_err *e)
{
	struct prefix prefix;
	OWN(crl_writer) struct crl_writer made = {.issuer = issuer, .to = to};
	*w = (struct crl_writer){0};
	made.waiting = malloc(WAITING_MAX);
	made.frame = calloc(1, sizeof(*made.frame));
	if (!made.waiting || !made.frame)
		return fas_fail_nomem(e);
	enum fas_code rc = crl_frame_make(issuer, terms, made.frame, e);
	if (rc != FAS_OK)
		return rc;
	made.at = make_prefix(made.frame, (size_t)terms->entries * CRL_ENTRY_USUAL,
	    key_signature_len(issuer->key), &prefix);
	*w = made;
	made = (struct crl_writer){0};
	return FAS_OK;
}

void
crl_writer_done(struct crl_writer *w)
{
	if (w->frame)
		crl_frame_done(w->frame);
	free(w->frame);
	free(w->waiting);
	*w = (struct crl_writer){0};
}

static enum fas_code
put(const struct crl_writer *w, const uint8_t *data, size_t len, size_t at, struct fas_err *e)
{
	return len > 0 ? file_write_at(w->to->fd, w->to->beside, data, len, (int64_t)at, e)
		       : FAS_OK;
}

static enum fas_code
flush(struct crl_writer *w, struct fas_err *e)
{
	enum fas_code rc = put(w, w->waiting, w->waiting_len, w->at + w->len, e);
	file_trickle(w->to->fd, (int64_t)(w->at + w->len), w->waiting_len);
	w->len += w->waiting_len;
	w->waiting_len = 0;
	return rc;
}

enum fas_code
crl_writer_add(struct crl_writer *w, const uint8_t *serial, size_t serial_len, int64_t when_s,
    int reason, struct fas_err *e)
{
	if (++w->n > CRL_ENTRIES_MAX)
		return fas_fail(
		    e, FAS_E_LIMIT, "crl_too_large", "over %d entries", CRL_ENTRIES_MAX);
	if (WAITING_MAX - w->waiting_len < CRL_ENTRY_MAX) {
		enum fas_code rc = flush(w, e);
		if (rc != FAS_OK)
			return rc;
		give_way(&w->way);
	}
	size_t len = crl_entry_format(
	    &w->form, serial, serial_len, when_s, reason, w->waiting + w->waiting_len);
	if (len == 0)
		return fas_fail(e, FAS_E_IO, "database_corrupt",
		    "RFC 5280 4.1.2.2: a serial number on record is not positive, or a time is "
		    "none");
	w->waiting_len += len;
	return FAS_OK;
}

/* ---- the list ---- */

/* The signed part around the entries, from `from` on; *end: behind it. */
static enum fas_code
put_tbs(struct crl_writer *w, const struct prefix *p, size_t *end, struct fas_err *e)
{
	size_t at = p->outer_len;
	const struct {
		const uint8_t *data;
		size_t len;
	} parts[] = {
	    {p->tbs, p->tbs_len}, {w->frame->head, w->frame->head_len}, {p->list, p->list_len}};
	enum fas_code rc = FAS_OK;
	for (size_t i = 0; rc == FAS_OK && i < NELEMS(parts); i++) {
		rc = put(w, parts[i].data, parts[i].len, at, e);
		at += parts[i].len;
	}
	*end = w->at + w->len + w->frame->tail_len;
	return rc == FAS_OK ? put(w, w->frame->tail, w->frame->tail_len, w->at + w->len, e) : rc;
}

static enum fas_code
sign_octets(const struct issuer *issuer, const uint8_t *tbs, size_t len, uint8_t *signature,
    size_t *signature_len, struct fas_err *e)
{
	struct key_hash hash;
	enum fas_code rc = key_hash(issuer->published.signature, tbs, len, &hash, e);
	if (rc == FAS_OK)
		rc = key_sign_hash(issuer->key, &hash, signature, signature_len, e);
	if (rc == FAS_E_UNAVAILABLE) {
		fas_err_clear(e);
		rc = key_sign(issuer->key, tbs, len, signature, signature_len, e);
	}
	/* A fault in the computation would give the key away (RSA-CRT), or a list that nobody accepts. */
	if (rc == FAS_OK)
		rc = key_verify_hash(
		    X509_get0_pubkey(issuer->certificate), &hash, signature, *signature_len, e);
	return rc;
}

/* Over the very octets that lie in the file. */
static enum fas_code
sign(const struct crl_writer *w, size_t from, size_t end, uint8_t *signature, size_t *len,
    struct fas_err *e)
{
	OWN(crl_map) struct crl_map map = {0};
	enum fas_code rc = crl_map(w->to, &map, e);
	return rc == FAS_OK ? sign_octets(w->issuer, map.der + from, end - from, signature, len, e)
			    : rc;
}

/* An ECDSA signature's length is known only now: at times the outer header grows or shrinks, and all moves by an octet. */
static enum fas_code
put_around(struct crl_writer *w, struct prefix *p, size_t end, const uint8_t *trailer,
    size_t trailer_len, struct fas_err *e)
{
	size_t from = p->outer_len, len = end - from;
	p->outer_len = crl_put_header(p->outer, true, len + trailer_len, V_ASN1_SEQUENCE);
	enum fas_code rc = move(w->to, from, len, p->outer_len, e);
	if (rc == FAS_OK)
		rc = put(w, p->outer, p->outer_len, 0, e);
	return rc == FAS_OK ? put(w, trailer, trailer_len, p->outer_len + len, e) : rc;
}

enum fas_code
crl_writer_finish(struct crl_writer *w, struct fas_err *e)
{
	struct prefix prefix;
	uint8_t signature[KEY_SIGNATURE_MAX];
	OWN(bytes) uint8_t *trailer = NULL;
	size_t end = 0, signature_len = 0, trailer_len = 0;
	enum fas_code rc = flush(w, e);
	if (rc != FAS_OK)
		return rc;
	size_t at = make_prefix(w->frame, w->len, key_signature_len(w->issuer->key), &prefix);
	rc = move(w->to, w->at, w->len, at, e);
	w->at = at;
	if (rc == FAS_OK)
		rc = put_tbs(w, &prefix, &end, e);
	if (rc == FAS_OK)
		rc = sign(w, prefix.outer_len, end, signature, &signature_len, e);
	if (rc == FAS_OK)
		rc = crl_trailer_make(
		    w->issuer, signature, signature_len, &trailer, &trailer_len, e);
	return rc == FAS_OK ? put_around(w, &prefix, end, trailer, trailer_len, e) : rc;
}

/* ---- somebody else's ---- */

enum fas_code
crl_read(const uint8_t *der, size_t len, struct crl_facts *out, struct fas_err *e)
{
	const uint8_t *at = der;
	*out = (struct crl_facts){0};
	OWN(x509_crl) X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)len);
	const ASN1_TIME *next = crl ? X509_CRL_get0_nextUpdate(crl) : NULL;
	if (!next || at != der + len ||
	    !asn1_time_to_unix(X509_CRL_get0_lastUpdate(crl), &out->this_update_s) ||
	    !asn1_time_to_unix(next, &out->next_update_s)) {
		ERR_clear_error();
		return fas_fail(e, FAS_E_INPUT, "crl_malformed",
		    "RFC 5280 5.1: not one CRL in DER with thisUpdate and nextUpdate");
	}
	OWN(asn1_integer)
	ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	if (number && ASN1_INTEGER_get_int64(&out->number, number) != 1)
		out->number = INT64_MAX; /* up to 20 octets are allowed; ours fit */
	out->entries = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	if (out->entries < 0)
		out->entries = 0;
	ERR_clear_error();
	return FAS_OK;
}

bool
crl_is_older(const struct crl_facts *next, const struct crl_facts *present)
{
	return next->number < present->number || next->this_update_s < present->this_update_s;
}
