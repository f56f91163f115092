/*
 * A CertificateList, read without an object for each entry: a list of a million is walked in a tenth of a second and
 * no further memory (X509_CRL takes seconds and hundreds of megabytes).  Lengths and tags come from ASN1_get_object,
 * values from templates.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>

#include "ca/lint_parts.h"

#define ENTRIES_MAX 20000000
#define ENTRY_EXTENSIONS_MAX 8
#define SERIAL_OCTETS_MAX 20
#define UTC_TIME_LEN 13
#define REASON_LEN 3 /* ENUMERATED with one octet */
#define FORM_WORDS 8
#define FORM_MAX (FORM_WORDS * sizeof(uint64_t))
#define REASON_REMOVE 8 /* of delta lists only */
#define REASON_UNUSED 7
#define REASON_MAX 10

struct span {
	const uint8_t *at, *end;
};

struct element {
	int tag, class;
	const uint8_t *whole; /* with its header, up to body.end */
	struct span body;
};

/* The next element of in; false at the end or when its header is none or of indefinite length. */
static bool
next(struct span *in, struct element *out)
{
	const uint8_t *at = in->at;
	long len = 0;
	if (in->at == in->end)
		return false;
	int flags = ASN1_get_object(&at, &len, &out->tag, &out->class, in->end - in->at);
	if (flags & 0x81) {
		ERR_clear_error();
		return false;
	}
	/* X.690 8.9.1, 10.2: in a CRL, SEQUENCE and the explicit tag are constructed, and nothing else is. */
	bool nests = out->class != V_ASN1_UNIVERSAL || out->tag == V_ASN1_SEQUENCE;
	if (nests != ((flags & V_ASN1_CONSTRUCTED) != 0))
		return false;
	out->whole = in->at;
	out->body = (struct span){at, at + len};
	in->at = out->body.end;
	return true;
}

static bool
next_is(struct span *in, int tag, struct element *out)
{
	return next(in, out) && out->class == V_ASN1_UNIVERSAL && out->tag == tag;
}

/* Is the element to come of this tag?  It is not taken. */
static bool
peek_is(const struct span *in, int tag, int class)
{
	struct span copy = *in;
	struct element element;
	return next(&copy, &element) && element.class == class && element.tag == tag;
}

static void *
decode(const ASN1_ITEM *item, const struct element *element)
{
	return asn1_decode(item, element->whole, (size_t)(element->body.end - element->whole));
}

static bool
reason_is_valid(const uint8_t *value, size_t len)
{
	return len == REASON_LEN && value[0] == V_ASN1_ENUMERATED && value[1] == 1 &&
	       value[2] > 0 && value[2] != REASON_UNUSED && value[2] != REASON_REMOVE &&
	       value[2] <= REASON_MAX;
}

/* { id-ce-cRLReasons, OCTET STRING { ENUMERATED } } as nearly every entry has it. */
static bool
is_common_reason(const struct element *extension)
{
	static const uint8_t prefix[] = {0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03};
	size_t len = (size_t)(extension->body.end - extension->whole);
	return len == sizeof(prefix) + REASON_LEN &&
	       memcmp(extension->whole, prefix, sizeof(prefix)) == 0 &&
	       reason_is_valid(extension->whole + sizeof(prefix), REASON_LEN);
}

static bool
read_entry_extension(const struct element *element, struct lint_crl_entries *out)
{
	if (is_common_reason(element))
		return true;
	OWN(asn1_extension)
	struct asn1_extension *extension = decode(ASN1_ITEM_rptr(asn1_extension), element);
	if (!extension)
		return false;
	int nid = OBJ_obj2nid(extension->id);
	if (nid == NID_crl_reason && !reason_is_valid(ASN1_STRING_get0_data(extension->value),
					 (size_t)ASN1_STRING_length(extension->value)))
		out->bad_reason = true;
	if (extension->critical)
		out->critical = true;
	return true;
}

/* As text with the present; from 2050 on UTCTime stands for the last century. */
static bool
compares_as_text(const uint8_t *date)
{
	return date[0] < '5';
}

/* UTCTime compares as text with the present; any other form is decoded. */
static bool
is_future(const struct element *date, const char *now, int64_t now_s, bool *malformed)
{
	size_t len = (size_t)(date->body.end - date->body.at);
	if (now_s <= 0)
		return false;
	if (date->tag == V_ASN1_UTCTIME && len == UTC_TIME_LEN && compares_as_text(date->body.at))
		return memcmp(date->body.at, now, UTC_TIME_LEN) > 0;
	int64_t when_s = 0;
	ASN1_TIME *time = decode(ASN1_ITEM_rptr(ASN1_TIME), date);
	*malformed = *malformed || !time || !asn1_time_to_unix(time, &when_s);
	ASN1_STRING_free(time);
	return when_s > now_s;
}

static bool
serial_is_valid(const struct span *serial)
{
	size_t len = (size_t)(serial->end - serial->at);
	return len > 0 && len <= SERIAL_OCTETS_MAX && serial->at[0] < 0x80 &&
	       (len > 1 || serial->at[0] != 0);
}

/*
 * Entries are most often the same octets around other values.  A form is an entry that was read in full, with a reason, and
 * says where its values lie: where another one has the same octets around them, the values alone are looked at.  Whatever
 * differs in one bit is read in full.
 */
struct form {
	uint64_t octets[FORM_WORDS],
	    fixed[FORM_WORDS]; /* fixed: ones where they have to be the same */
	size_t len;            /* 0: none yet */
	struct place {
		size_t at, len;
	} serial, date, reason;
};

static void
leave_open(
    struct form *form, struct place *place, const struct element *entry, const struct span *value)
{
	*place =
	    (struct place){(size_t)(value->at - entry->whole), (size_t)(value->end - value->at)};
	memset((uint8_t *)form->fixed + place->at, 0, place->len);
}

/* entry was found well-formed, and its only extension is a reason as nearly all have it. */
static void
form_learn(struct form *form, const struct element *entry, const struct element *serial,
    const struct element *date)
{
	size_t len = (size_t)(entry->body.end - entry->whole);
	const struct span reason = {entry->body.end - REASON_LEN, entry->body.end};
	form->len = 0;
	if (len > FORM_MAX || date->tag != V_ASN1_UTCTIME ||
	    date->body.end - date->body.at != UTC_TIME_LEN)
		return;
	memset(form->fixed, 0, sizeof(form->fixed));
	memset(form->fixed, 0xff, len);
	memcpy(form->octets, entry->whole, len);
	leave_open(form, &form->serial, entry, &serial->body);
	leave_open(form, &form->date, entry, &date->body);
	leave_open(form, &form->reason, entry, &reason);
	form->len = len;
}

static bool
form_fits(const struct form *form, const uint8_t *at)
{
	uint64_t differs = 0;
	for (size_t i = 0; i < FORM_WORDS; i++) {
		uint64_t word;
		memcpy(&word, at + i * sizeof(word), sizeof(word));
		differs |= (word ^ form->octets[i]) & form->fixed[i];
	}
	return differs == 0 && compares_as_text(at + form->date.at) &&
	       reason_is_valid(at + form->reason.at, form->reason.len);
}

/* The next entry, if it is of this form. */
static bool
read_formed(const struct form *form, struct span *list, const char *now, int64_t now_s,
    struct lint_crl_entries *out)
{
	const uint8_t *at = list->at;
	/* so much is compared, whatever it is; the last one is read in full */
	if (form->len == 0 || (size_t)(list->end - at) < FORM_MAX || !form_fits(form, at))
		return false;
	const struct span serial = {at + form->serial.at, at + form->serial.at + form->serial.len};
	if (!serial_is_valid(&serial))
		out->bad_serial = true;
	if (now_s > 0 && memcmp(at + form->date.at, now, UTC_TIME_LEN) > 0)
		out->future = true;
	list->at += form->len;
	return true;
}

static bool
read_entry(const struct element *whole, const char *now, int64_t now_s, struct form *form,
    struct lint_crl_entries *out)
{
	struct span entry = whole->body;
	struct element serial, date, list, extension = {0};
	bool malformed = false;
	if (!next_is(&entry, V_ASN1_INTEGER, &serial) || !next(&entry, &date) ||
	    date.class != V_ASN1_UNIVERSAL)
		return false;
	if (!serial_is_valid(&serial.body))
		out->bad_serial = true;
	if (is_future(&date, now, now_s, &malformed))
		out->future = true;
	if (entry.at == entry.end)
		return !malformed;
	if (!next_is(&entry, V_ASN1_SEQUENCE, &list) || entry.at != entry.end)
		return false;
	const uint8_t *list_begin = list.body.at;
	for (int i = 0; i < ENTRY_EXTENSIONS_MAX && next(&list.body, &extension); i++)
		malformed = malformed || !read_entry_extension(&extension, out);
	if (malformed || list.body.at != list.body.end)
		return false;
	if (extension.whole == list_begin && is_common_reason(&extension))
		form_learn(form, whole, &serial, &date);
	return true;
}

/* YYMMDDHHMMSSZ; from 2050 on, when UTCTime has ended, something that is above all of them. */
static void
present_as_text(int64_t now_s, char out[UTC_TIME_LEN + 1])
{
	ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)now_s);
	memset(out, '9', UTC_TIME_LEN);
	if (now && ASN1_STRING_type(now) == V_ASN1_UTCTIME)
		memcpy(out, ASN1_STRING_get0_data(now), UTC_TIME_LEN);
	ASN1_STRING_free(now);
}

static void
read_entries(struct span list, int64_t now_s, struct lint_crl_entries *out)
{
	struct element entry;
	struct form form = {0};
	char now[UTC_TIME_LEN + 1];
	present_as_text(now_s, now);
	while (out->n < ENTRIES_MAX && list.at != list.end) {
		if (read_formed(&form, &list, now, now_s, out)) {
			out->n++;
			continue;
		}
		/* what is no entry may have been passed over already: it ends the list, and not well */
		if (!next_is(&list, V_ASN1_SEQUENCE, &entry)) {
			out->malformed = true;
			return;
		}
		out->n++;
		if (!read_entry(&entry, now, now_s, &form, out))
			out->malformed = true;
	}
	if (list.at != list.end)
		out->malformed = true;
}

/* crlExtensions [0] EXPLICIT Extensions. */
static bool
read_extensions(struct span *tbs, struct lint_crl *crl)
{
	struct element tagged, list;
	if (tbs->at == tbs->end)
		return true;
	if (!next(tbs, &tagged) || tagged.class != V_ASN1_CONTEXT_SPECIFIC || tagged.tag != 0)
		return false;
	if (!next_is(&tagged.body, V_ASN1_SEQUENCE, &list) || tagged.body.at != tagged.body.end)
		return false;
	crl->extensions = decode(ASN1_ITEM_rptr(asn1_extensions), &list);
	return crl->extensions && tbs->at == tbs->end;
}

static bool
next_is_time(const struct span *tbs)
{
	return peek_is(tbs, V_ASN1_UTCTIME, V_ASN1_UNIVERSAL) ||
	       peek_is(tbs, V_ASN1_GENERALIZEDTIME, V_ASN1_UNIVERSAL);
}

static bool
read_times(struct span *tbs, struct lint_crl *crl)
{
	struct element part;
	if (!next_is_time(tbs) || !next(tbs, &part))
		return false;
	crl->this_update = decode(ASN1_ITEM_rptr(ASN1_TIME), &part);
	if (next_is_time(tbs) && next(tbs, &part))
		crl->next_update = decode(ASN1_ITEM_rptr(ASN1_TIME), &part);
	return crl->this_update != NULL;
}

/* TBSCertList, field by field (RFC 5280 5.1.2). */
static bool
read_tbs(struct span tbs, int64_t now_s, struct lint_crl *crl)
{
	struct element part;
	if (peek_is(&tbs, V_ASN1_INTEGER, V_ASN1_UNIVERSAL) && next(&tbs, &part))
		crl->version = decode(ASN1_ITEM_rptr(ASN1_INTEGER), &part);
	if (!next(&tbs, &part) || !(crl->inner = decode(ASN1_ITEM_rptr(X509_ALGOR), &part)))
		return false;
	if (!next_is(&tbs, V_ASN1_SEQUENCE, &part))
		return false;
	crl->issuer = part.whole;
	crl->issuer_len = (size_t)(part.body.end - part.whole);
	if (!read_times(&tbs, crl))
		return false;
	if (peek_is(&tbs, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL) && next(&tbs, &part)) {
		crl->empty_list = part.body.at == part.body.end;
		read_entries(part.body, now_s, &crl->entries);
	}
	return read_extensions(&tbs, crl);
}

static bool
read_list(struct span in, int64_t now_s, struct lint_crl *crl)
{
	struct element whole, tbs, part;
	if (!next_is(&in, V_ASN1_SEQUENCE, &whole) || in.at != in.end)
		return false;
	if (!next_is(&whole.body, V_ASN1_SEQUENCE, &tbs) || !next(&whole.body, &part))
		return false;
	crl->outer = decode(ASN1_ITEM_rptr(X509_ALGOR), &part);
	if (!crl->outer || !next_is(&whole.body, V_ASN1_BIT_STRING, &part) ||
	    whole.body.at != whole.body.end)
		return false;
	/* A signature is whole octets: the first one counts unused bits (X.690 8.6.2.2). */
	if (part.body.at == part.body.end || *part.body.at != 0)
		return false;
	crl->tbs = tbs.whole;
	crl->tbs_len = (size_t)(tbs.body.end - tbs.whole);
	crl->signature = part.body.at + 1;
	crl->signature_len = (size_t)(part.body.end - crl->signature);
	return read_tbs(tbs.body, now_s, crl);
}

struct lint_crl *
lint_crl_read(const uint8_t *der, size_t len, int64_t now_s)
{
	OWN(lint_crl) struct lint_crl *crl = calloc(1, sizeof(*crl));
	if (!crl || !der || !read_list((struct span){der, der + len}, now_s, crl))
		return NULL;
	return TAKE(crl);
}

void
lint_crl_free(struct lint_crl *crl)
{
	if (!crl)
		return;
	ASN1_INTEGER_free(crl->version);
	X509_ALGOR_free(crl->inner);
	X509_ALGOR_free(crl->outer);
	ASN1_STRING_free(crl->this_update);
	ASN1_STRING_free(crl->next_update);
	asn1_free(crl->extensions, ASN1_ITEM_rptr(asn1_extensions));
	free(crl);
}
