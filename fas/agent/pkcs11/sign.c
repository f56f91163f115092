#include "fas/agent/pkcs11/sign.h"

#include <string.h>

#include "fas/agent/pkcs11/find.h"
#include "fas/agent/pkcs11/link.h"

#define ECDSA_DATA_MAX 64
#define PKCS1_PADDING 11

/*
 * What a signature needs while the lock is given up: a copy, because the session may be closed meanwhile.  The link is the
 * job's from here on.
 */
struct job {
	CK_SESSION_HANDLE session;
	struct scheme scheme;
	uint32_t card;
	uint8_t key_id[CARD_KEY_ID_BYTES];
	size_t signature_len;
	struct link *link; /* NULL: not connected yet */
};

/* ---- C_SignInit ---- */

static size_t
signature_len(const struct object *key)
{
	size_t bytes = (key->bits + 7) / 8;
	return key->key_type == CKK_RSA ? bytes : 2 * bytes;
}

CK_RV
sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s = session_find(handle);
	struct scheme scheme;
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!mechanism)
		return CKR_ARGUMENTS_BAD;
	if (s->sign.active)
		return CKR_OPERATION_ACTIVE;
	const struct object *o = session_object(s, key);
	if (!o || o->class == CKO_CERTIFICATE || o->bytes[OBJECT_KEY_ID].len != CARD_KEY_ID_BYTES)
		return CKR_KEY_HANDLE_INVALID;
	if (o->class != CKO_PRIVATE_KEY)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	CK_RV rv = scheme_read(mechanism, o, &scheme);
	if (rv != CKR_OK)
		return rv;
	s->sign = (struct sign){.active = true,
	    .scheme = scheme,
	    .card = (uint32_t)s->slot,
	    .signature_len = signature_len(o)};
	memcpy(s->sign.key_id, o->bytes[OBJECT_KEY_ID].data, CARD_KEY_ID_BYTES);
	return CKR_OK;
}

/* ---- a running signature ---- */

static CK_RV
check_active(const struct session *s)
{
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->sign.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	return s->sign.running ? CKR_OPERATION_ACTIVE : CKR_OK;
}

/* v2.40 5.11: whatever goes wrong ends the operation, but for a buffer that is too small. */
static CK_RV
end(struct session *s, CK_RV rv)
{
	link_give(s->sign.link);
	s->sign = (struct sign){.active = false};
	return rv;
}

static struct job
start_job(struct session *s)
{
	struct job job = {.session = s->handle,
	    .scheme = s->sign.scheme,
	    .card = s->sign.card,
	    .signature_len = s->sign.signature_len,
	    .link = s->sign.link};
	memcpy(job.key_id, s->sign.key_id, sizeof(job.key_id));
	s->sign.link = NULL;
	s->sign.running = true;
	return job;
}

/* The session again, now that the agent has answered; NULL: it was closed. */
static struct session *
end_job(const struct job *job)
{
	struct session *s = session_find(job->session);
	if (s)
		s->sign.running = false;
	return s;
}

static bool
agent_hashes(const struct scheme *scheme)
{
	return scheme->mechanism->hash != 0;
}

/* ---- what is asked of the agent ---- */

static CK_RV
connect_job(struct job *job)
{
	if (!job->link)
		job->link = link_take();
	return job->link ? CKR_OK : CKR_HOST_MEMORY;
}

static void
write_key(struct card_writer *w, const struct job *job)
{
	const struct scheme *scheme = &job->scheme;
	card_write_number(w, CARD_TAG_CARD_ID, job->card);
	card_write_bytes(w, CARD_TAG_KEY_ID, job->key_id, sizeof(job->key_id));
	card_write_number(w, CARD_TAG_MECHANISM, (uint64_t)scheme->mechanism->wire);
	if (scheme->mechanism->wire != CARD_MECHANISM_RSA_PSS)
		return;
	card_write_number(w, CARD_TAG_MGF_HASH, (uint64_t)scheme->mgf);
	card_write_number(w, CARD_TAG_SALT_LEN, scheme->salt_len);
}

static bool
length_is_good(const struct job *job, size_t len)
{
	switch (job->scheme.mechanism->wire) {
	case CARD_MECHANISM_RSA_PKCS1:
		return len + PKCS1_PADDING <= job->signature_len && len <= CARD_SIGN_DATA_MAX;
	case CARD_MECHANISM_RSA_PSS:
		return len == hash_len(job->scheme.hash);
	case CARD_MECHANISM_ECDSA:
		return len > 0 && len <= ECDSA_DATA_MAX;
	}
	return false;
}

static CK_RV
ask_raw(struct job *job, const uint8_t *data, size_t len)
{
	if (!length_is_good(job, len))
		return CKR_DATA_LEN_RANGE;
	CK_RV rv = connect_job(job);
	if (rv != CKR_OK)
		return rv;
	struct card_writer *w = link_begin(job->link, CARD_OP_SIGN);
	write_key(w, job);
	if (job->scheme.hash != 0)
		card_write_number(w, CARD_TAG_HASH, (uint64_t)job->scheme.hash);
	card_write_bytes(w, CARD_TAG_DATA, data, len);
	return link_call(job->link, 0, CARD_SIGN_MS);
}

static CK_RV
ask_hash_begin(struct job *job)
{
	if (job->link)
		return CKR_OK; /* by an earlier C_SignUpdate */
	CK_RV rv = connect_job(job);
	if (rv != CKR_OK)
		return rv;
	card_write_number(
	    link_begin(job->link, CARD_OP_HASH_BEGIN), CARD_TAG_HASH, (uint64_t)job->scheme.hash);
	return link_call(job->link, 0, CARD_QUICK_MS);
}

static CK_RV
ask_hash_update(struct job *job, const uint8_t *data, size_t len)
{
	while (len > 0) {
		size_t n = len < CARD_DATA_MAX ? len : CARD_DATA_MAX;
		card_write_bytes(
		    link_begin(job->link, CARD_OP_HASH_UPDATE), CARD_TAG_DATA, data, n);
		CK_RV rv = link_call(job->link, CARD_CALL_KEPT, CARD_QUICK_MS);
		if (rv != CKR_OK)
			return rv;
		data += n;
		len -= n;
	}
	return CKR_OK;
}

static CK_RV
ask_hashed(struct job *job, const uint8_t *data, size_t len)
{
	CK_RV rv = ask_hash_begin(job);
	if (rv == CKR_OK)
		rv = ask_hash_update(job, data, len);
	if (rv != CKR_OK)
		return rv;
	write_key(link_begin(job->link, CARD_OP_SIGN_HASHED), job);
	return link_call(job->link, CARD_CALL_KEPT, CARD_SIGN_MS);
}

/* ---- C_Sign, C_SignFinal ---- */

static CK_RV
copy_signature(const struct job *job, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	size_t len = 0;
	const uint8_t *signature = card_bytes(&job->link->reply, CARD_TAG_SIGNATURE, &len);
	if (!signature || len != job->signature_len)
		return CKR_DEVICE_ERROR;
	memcpy(out, signature, len);
	*out_len = len;
	return CKR_OK;
}

/* data: all of it, or the rest after the parts. */
static CK_RV
sign_with(struct session *s, const uint8_t *data, size_t len, CK_BYTE_PTR out, CK_ULONG_PTR out_len)
{
	struct job job = start_job(s);
	CK_RV rv =
	    agent_hashes(&job.scheme) ? ask_hashed(&job, data, len) : ask_raw(&job, data, len);
	s = end_job(&job);
	if (rv == CKR_OK)
		rv = s ? copy_signature(&job, out, out_len) : CKR_SESSION_CLOSED;
	link_give(job.link);
	return s ? end(s, rv) : rv;
}

/* A question for the length, or a buffer that is too small: neither ends the operation.  true: answered. */
static bool
answer_length(const struct session *s, const CK_BYTE *out, CK_ULONG_PTR out_len, CK_RV *rv)
{
	CK_ULONG room = *out_len;
	if (out && room >= s->sign.signature_len)
		return false;
	*out_len = s->sign.signature_len;
	*rv = out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	return true;
}

CK_RV
sign_all(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG len, CK_BYTE_PTR signature,
    CK_ULONG_PTR len_out)
{
	struct session *s = session_find(handle);
	CK_RV rv = check_active(s);
	if (rv != CKR_OK)
		return rv;
	if (!len_out || (!data && len > 0))
		return end(s, CKR_ARGUMENTS_BAD);
	if (s->sign.parts)
		return end(s, CKR_OPERATION_ACTIVE);
	if (answer_length(s, signature, len_out, &rv))
		return rv;
	return sign_with(s, data, len, signature, len_out);
}

CK_RV
sign_final(CK_SESSION_HANDLE handle, CK_BYTE_PTR signature, CK_ULONG_PTR len_out)
{
	uint8_t data[CARD_SIGN_DATA_MAX];
	struct session *s = session_find(handle);
	CK_RV rv = check_active(s);
	if (rv != CKR_OK)
		return rv;
	if (!len_out)
		return end(s, CKR_ARGUMENTS_BAD);
	if (answer_length(s, signature, len_out, &rv))
		return rv;
	size_t len = s->sign.len;
	memcpy(data, s->sign.data, len);
	return sign_with(s, data, len, signature, len_out);
}

/* ---- C_SignUpdate ---- */

/* The caller has hashed: what comes in parts is put together here. */
static CK_RV
append(struct session *s, const uint8_t *data, size_t len)
{
	if (len > sizeof(s->sign.data) - s->sign.len)
		return end(s, CKR_DATA_LEN_RANGE);
	if (len > 0)
		memcpy(s->sign.data + s->sign.len, data, len);
	s->sign.len += len;
	return CKR_OK;
}

static CK_RV
pass_on(struct session *s, const uint8_t *data, size_t len)
{
	struct job job = start_job(s);
	CK_RV rv = ask_hash_begin(&job);
	if (rv == CKR_OK)
		rv = ask_hash_update(&job, data, len);
	s = end_job(&job);
	if (!s) {
		link_give(job.link);
		return rv == CKR_OK ? CKR_SESSION_CLOSED : rv;
	}
	s->sign.link = job.link;
	return rv == CKR_OK ? CKR_OK : end(s, rv);
}

CK_RV
sign_update(CK_SESSION_HANDLE handle, CK_BYTE_PTR data, CK_ULONG len)
{
	struct session *s = session_find(handle);
	CK_RV rv = check_active(s);
	if (rv != CKR_OK)
		return rv;
	if (!data && len > 0)
		return end(s, CKR_ARGUMENTS_BAD);
	s->sign.parts = true;
	return agent_hashes(&s->sign.scheme) ? pass_on(s, data, len) : append(s, data, len);
}
